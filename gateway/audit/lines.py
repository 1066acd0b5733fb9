"""What a line is, how lines hang together, and how their files are named.

A line is one JSON object. Its first member ``n`` counts the node's lines over all of its files; its
last, ``chain``, is the SHA-256 over the chain of the line before and all of this line but the
chain. So a line that is altered does not fit its own chain, and one that is missing or moved shows
in the numbers, which the chain covers.

Most lines are decisions. Those with a ``kind`` are about the file: ``file`` begins one,
``repaired`` follows what a crash cut off, ``resumed`` a time in which nothing could be written,
``data`` says that from here on other editions of the data decide (as a file's first line does).
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

GENESIS: Final = "0" * 64
"""The chain before a node's first line."""
_LINE = re.compile(rb'(\{"n":([0-9]{1,18}),.*),"chain":"([0-9a-f]{64})"\}\n', re.DOTALL)
_NAME = re.compile(r"(.+)-([0-9]{8})-([0-9]{4}-[0-9]{2}-[0-9]{2})\.ndjson(\.gz)?")


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """One decision. What is empty is left out.

    One is made for every message: by position, which costs a sixth of what keywords do.
    """

    at: str
    id: str
    client: str
    campaign: str = ""
    creditor: str = ""
    debtor: str = ""
    to: str = ""
    outcome: str = ""
    """``send``, ``wait`` or ``discard``."""
    reason: str = ""
    detail: str = ""
    """Of a wait for a cap which one holds; of one that expires what it would have waited for."""
    until: str | None = None
    """Of a send its validity, of a wait its end."""
    rule: str = ""
    hash: str = ""
    zones: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    """The local time in each zone."""
    source: str = ""
    """What told the zones."""
    counted: int = 0
    """Contacts of late that count."""
    lists: Sequence[str] = ()
    carrier: str = ""
    """Which had claimed it; empty: it ended while it waited."""


class Link(NamedTuple):
    """A line that was read."""

    n: int
    chain: str
    body: bytes
    """The object without its chain, as it was hashed."""

    def fits(self, before: str) -> bool:
        """Is this the line that was written after the chain ``before``?"""
        return digest(before, self.body) == self.chain


class Chain:
    """The end of a node's lines, to which the next is joined."""

    __slots__ = ("last", "n")

    def __init__(self, n: int = 0, last: str = GENESIS) -> None:
        self.n = n
        self.last = last

    def join(self, body: bytes) -> bytes:
        """The line of a JSON object: numbered, and hashed with all that came before."""
        self.n += 1
        whole = b'{"n":%d,%b' % (self.n, body[1:])
        self.last = digest(self.last, whole)
        return b'%b,"chain":"%b"}\n' % (whole[:-1], self.last.encode())


def digest(before: str, body: bytes) -> str:
    """The chain of a line."""
    return sha256(before.encode() + body).hexdigest()


def parse(line: bytes) -> Link | None:
    """A line with its end; None when it is none."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return Link(int(found[2]), found[3].decode(), found[1] + b"}")


# Files


class File(NamedTuple):
    """A file of a node's lines. Names sort as the files were made."""

    path: Path
    node: str
    number: int
    day: str

    @property
    def closed(self) -> bool:
        """Is it compressed?"""
        return self.path.suffix == ".gz"


def name_of(node: str, number: int, day: str) -> str:
    """A file's name while it is written."""
    return f"{node}-{number:08}-{day}.ndjson"


def head_of(folder: Path, node: str) -> Path:
    """Where a node notes how far its lines go."""
    return folder / f"{node}.head"


@lru_cache(maxsize=1024)
def stamp(at_ms: int) -> str:
    """``2026-07-14T12:00:00.000Z``."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def day_of(now_ms: int) -> str:
    """The date of an instant, UTC."""
    return stamp(now_ms)[:10]


def file_of(path: Path) -> File | None:
    """What a path's name says; None when it is none of ours."""
    found = _NAME.fullmatch(path.name)
    return File(path, found[1], int(found[2]), found[3]) if found else None


def files_in(folder: Path) -> list[File]:
    """A folder's files, by node and number; of one that is being compressed the whole one."""
    if not folder.is_dir():
        return []
    return in_order(path for path in folder.iterdir())


def in_order(paths: Iterable[Path]) -> list[File]:
    """Files by node and number; one that is there plain and compressed is taken plain."""
    found: dict[tuple[str, int], File] = {}
    for path in sorted(paths):
        file = file_of(path)
        if file is not None:
            found.setdefault((file.node, file.number), file)
    return [found[key] for key in sorted(found)]


def read(file: File) -> Iterator[bytes]:
    """A file's lines, each with its end. Raises OSError for a broken one."""
    path = file.path
    if not path.exists() and not file.closed:  # compressed meanwhile
        path = path.with_name(path.name + ".gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines
    except (EOFError, zlib.error) as error:
        raise OSError(f"{path.name}: {error}") from error


# How far a node's lines go


class Head(msgspec.Struct):
    """The end of a node's lines, kept apart: the lines alone do not show that their end is gone."""

    node: str
    file: int
    n: int
    chain: str
    data: dict[str, str] = {}
    """The editions of the data that the lines named last."""


def read_head(folder: Path, node: str) -> Head | None:
    """How far a node's lines go; None: it is not noted. Raises OSError."""
    try:
        return msgspec.json.decode(head_of(folder, node).read_bytes(), type=Head)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
