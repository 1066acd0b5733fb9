"""Writes a node's decisions: lines in a chain, a file a day, closed files compressed.

A batch is one write, done before any of its messages leaves; fsync follows within a second, in a
thread. When it cannot write, :attr:`Audit.away` is set: then no message under contact rules may
leave. :meth:`Audit.ready` tries again. Nothing is ever deleted here but what has been compressed.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import shutil
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway import policies
from gateway.audit.lines import (
    Chain,
    File,
    Head,
    Line,
    Link,
    day_of,
    files_in,
    head_of,
    name_of,
    parse,
    read,
    read_head,
    stamp,
)

log = logging.getLogger(__name__)

MOST: Final = 100_000_000
"""Octets of a file before the next is begun."""
OWED: Final = 100_000
"""Lines that are kept while they cannot be written."""
RETRY_SECONDS: Final = 1.0
SAY_AGAIN_SECONDS: Final = 60.0
TAIL: Final = 1 << 20
"""Octets in which the last whole line of a file is looked for first."""
CURE: Final = (
    "messages under contact rules wait until it can: make room on its disk, or let the gateway's "
    "user write there ([policy] audit_dir)"
)

_encode = msgspec.json.Encoder().encode


class Audit:
    """The decisions of one node."""

    def __init__(self, folder: Path, node: str, *, most: int = MOST) -> None:
        self.folder = folder
        self.node = node
        self.away = True
        """It cannot be written, or has not been opened."""
        self._why = ""
        self._most = most
        self._chain = Chain()
        self._data = policies.data_versions()
        self._file: File | None = None
        self._fd = -1
        self._size = 0
        self._dirty = False
        self._retry_at = self._say_at = float("-inf")
        self._worker = ThreadPoolExecutor(1, "audit")
        """Fsyncs, and notes how far the lines go: in their order."""
        self._packer = ThreadPoolExecutor(1, "audit-gzip")
        self._owed: deque[Line] = deque(maxlen=OWED)
        """What could not be written, and held nothing back."""
        self._ended: list[Future[None]] = []
        """Files that were ended since the last :meth:`sync`."""

    # Asked by those who send

    def write(self, lines: Sequence[Line], now_ms: int) -> bool:
        """Put decisions on record; False: they are not, and what they let go must not leave."""
        if self.away:
            return False
        try:
            if self._size >= self._most or self._day != day_of(now_ms):
                self._begin(self._number + 1, now_ms)
            self._put([_encode(line) for line in lines])
        except OSError as error:
            self._fail(error)
        return not self.away

    def note(self, lines: Sequence[Line], now_ms: int) -> None:
        """Put decisions on record that hold nothing back: where it cannot be now, then later."""
        if lines and not self.write(lines, now_ms):
            self._owed += lines

    def ready(self, now: float, now_ms: int) -> bool:
        """Can it be written? Where it could not, that is tried again once a second."""
        if self.away and now >= self._retry_at:
            self._retry_at = now + RETRY_SECONDS
            self.open(now_ms)
            self._say(now)
        return not self.away

    def _say(self, now: float) -> None:
        if self.away and now >= self._say_at:
            self._say_at = now + SAY_AGAIN_SECONDS
            extra = {"folder": str(self.folder), "detail": self._why, "cure": CURE}
            log.error("the audit cannot be written", extra=extra)

    # Open and close

    def open(self, now_ms: int) -> None:
        """Go on where the node's lines end; what a crash cut off is marked as such."""
        try:
            noted = self._open(now_ms)
            if noted != self._data:
                self._put([_encode({"kind": "data", "at": stamp(now_ms), "data": self._data})])
            if self._why:
                self._put([_encode({"kind": "resumed", "at": stamp(now_ms), "after": self._why})])
            self._secure(self._fd, self._end()).result()
        except OSError as error:
            self._fail(error)
            return
        if self._why:
            log.warning("the audit is written again", extra={"folder": str(self.folder)})
        self.away, self._why, self._say_at = False, "", float("-inf")
        owed = list(self._owed)
        self._owed.clear()
        self.note(owed, now_ms)
        self._packer.submit(self._compress_closed, self._number)

    def _open(self, now_ms: int) -> dict[str, str]:
        """Answers which editions of the data the lines named last."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = [file for file in files_in(self.folder) if file.node == self.node]
        head = read_head(self.folder, self.node)
        number = max([head.file if head else 0, *(file.number for file in files)])
        link, good = None, 0
        while files and link is None:
            link, good = _end_of(files[-1])
            last = files.pop()
        if head is not None and (link is None or link.n < head.n):
            # Lines are gone that had been there: the chain goes on from them, and so shows it.
            self._chain = Chain(head.n, head.chain)
            return self._begin(number + 1, now_ms)
        self._chain = Chain(link.n, link.chain) if link else Chain()
        if link is None or last.closed or last.number != number:
            return self._begin(number + 1, now_ms)
        self._fd = os.open(last.path, os.O_WRONLY | os.O_APPEND)
        self._file, self._size = last, os.fstat(self._fd).st_size
        if good < self._size:
            self._repair(good, now_ms)
        return head.data if head is not None else {}

    def _repair(self, good: int, now_ms: int) -> None:
        """End what a crash cut off, and say in the chain what it was."""
        assert self._file is not None
        torn = self._file.path.read_bytes()[good:]
        if not torn.endswith(b"\n"):
            self._append(b"\n")
            torn += b"\n"
        words = {"kind": "repaired", "at": stamp(now_ms), "torn": len(torn)}
        self._put([_encode(words | {"sha256": sha256(torn).hexdigest()})])
        log.warning("the audit's end was torn", extra={"file": self._file.path.name})

    def close(self) -> None:
        """Fsync what is written, and note how far it goes. Blocks."""
        if not self.away:
            try:
                self._secure(self._fd, self._end()).result()
            except OSError as error:
                log.error("the audit's end is not secured", extra={"detail": str(error)})
        self._worker.shutdown()
        self._packer.shutdown(wait=False, cancel_futures=True)
        self._leave()
        self.away, self._retry_at = True, float("inf")

    # Once a second

    async def sync(self) -> None:
        """Fsync what was written since the last time, in a thread."""
        if self.away or not self._dirty:
            return
        self._dirty = False
        ended, self._ended = self._ended, []
        try:
            for done in [*ended, self._secure(self._fd, self._end())]:
                await asyncio.wrap_future(done)
        except OSError as error:
            self._fail(error)

    def _secure(self, fd: int, end: Head) -> Future[None]:
        """In the thread: what ``end`` says is on the disk before it is said."""
        return self._worker.submit(self._secured, os.dup(fd), end)

    def _secured(self, fd: int, end: Head) -> None:
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        self._note(end)

    def _end(self) -> Head:
        return Head(self.node, self._number, self._chain.n, self._chain.last, self._data)

    def _note(self, end: Head) -> None:
        path = head_of(self.folder, self.node)
        part = path.with_name(path.name + ".part")
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, _encode(end) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        part.replace(path)
        _sync_folder(self.folder)

    # The file that is written

    @property
    def _number(self) -> int:
        return self._file.number if self._file is not None else 0

    @property
    def _day(self) -> str:
        return self._file.day if self._file is not None else ""

    def _begin(self, number: int, now_ms: int) -> dict[str, str]:
        """Begin a file; the one before is secured and compressed in the thread.

        Answers which editions of the data its first line names.
        """
        day = day_of(now_ms)
        path = self.folder / name_of(self.node, number, day)
        before, fd, size, end = self._file, self._fd, self._size, self._end()
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file, self._size = File(path, self.node, number, day), 0
        try:
            self._put([self._first_line(now_ms)])
        except OSError:
            os.close(self._fd)
            self._file, self._fd, self._size = before, fd, size
            with suppress(OSError):
                path.unlink()
            raise
        if before is not None:
            log.info("audit file ended", extra={"file": before.path.name, "chain": end.chain})
            self._ended.append(self._secure(fd, end))
            os.close(fd)
            self._packer.submit(self._compress_closed, number)
        return self._data

    def _first_line(self, now_ms: int) -> bytes:
        words: dict[str, Any] = {"kind": "file", "at": stamp(now_ms), "node": self.node}
        assert self._file is not None
        return _encode(
            words | {"file": self._file.number, "before": self._chain.last} | {"data": self._data}
        )

    def _put(self, bodies: Sequence[bytes]) -> None:
        """All of them, or none. Raises OSError."""
        n, last = self._chain.n, self._chain.last
        try:
            self._append(b"".join(map(self._chain.join, bodies)))
        except OSError:
            self._chain = Chain(n, last)
            raise
        self._dirty = True

    def _append(self, octets: bytes) -> None:
        """What a full disk took of it is taken back."""
        try:
            rest = memoryview(octets)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(octets)

    def _fail(self, error: OSError) -> None:
        self.away = True
        self._why = error.strerror or str(error)
        self._leave()

    def _leave(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._file, self._size = -1, None, 0

    # Closed files, in the thread

    def _compress_closed(self, below: int) -> None:
        """Compress every plain file that is not written any more."""
        for file in files_in(self.folder):
            if file.node == self.node and file.number < below and not file.closed:
                try:
                    _compress(file.path)
                except OSError as error:
                    extra = {"file": file.path.name, "detail": str(error)}
                    log.warning("an audit file stays uncompressed", extra=extra)


def _compress(path: Path) -> None:
    """To a file beside it, with its times; it goes when the other has been read back."""
    whole, part = path.with_name(path.name + ".gz"), path.with_name(path.name + ".gz.part")
    stat = path.stat()
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as plain, os.fdopen(fd, "wb") as raw:
        with gzip.GzipFile(path.name, "wb", 6, raw, stat.st_mtime) as out:
            shutil.copyfileobj(plain, out, TAIL)
        raw.flush()
        os.fsync(raw.fileno())
    with path.open("rb") as plain, gzip.open(part) as again:
        if file_digest(plain, "sha256").digest() != file_digest(again, "sha256").digest():
            raise OSError(f"{part} does not hold what {path} does")
    os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    part.replace(whole)
    _sync_folder(path.parent)
    path.unlink()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _end_of(file: File) -> tuple[Link | None, int]:
    """A file's last whole line, and where in the file it ends."""
    if file.closed:
        last = None
        for line in read(file):
            last = parse(line) or last
        return last, 0
    size = file.path.stat().st_size
    with file.path.open("rb") as octets:
        for begin in (max(0, size - TAIL), 0):
            octets.seek(begin)
            tail = octets.read()
            end = len(tail)
            while (stop := tail.rfind(b"\n", 0, end) + 1) > 0:
                start = tail.rfind(b"\n", 0, stop - 1) + 1
                link = parse(tail[start:stop])
                if link is not None:
                    return link, begin + stop
                end = stop - 1
    return None, 0
