"""Reads a node's lines again, and says what of them is altered, missing, moved or torn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gateway.audit.lines import (
    GENESIS,
    File,
    Head,
    Link,
    file_of,
    files_in,
    head_of,
    in_order,
    parse,
    read,
    read_head,
)

MANY: Final = 20
"""Faults told of a node at most."""


class Fault(NamedTuple):
    """Something wrong. ``what`` is ``altered, missing, out of order, torn`` or ``truncated``."""

    file: str
    line: int
    what: str
    detail: str


class Report:
    """What was found of a node."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.files = 0
        self.lines = 0
        self.first = self.last = ""
        """The times of the first and the last line."""
        self.faults: list[Fault] = []
        self.notes: list[str] = []


def check(paths: Sequence[Path], *, heads: bool = True) -> list[Report]:
    """A report for every node of these folders and files.

    ``heads``: a folder has the note of how far each of its nodes goes; without it a lost end would
    not show. Files that are named one by one need none.
    """
    folders = [path for path in paths if path.is_dir()]
    named = [path for path in paths if not path.is_dir()]
    files = [file for folder in folders for file in files_in(folder)]
    files += in_order(path for path in named if path.exists())
    reports = []
    for node, of_node in groupby(sorted(files, key=lambda f: (f.node, f.number)), _node):
        whole = list(of_node)
        inside = any(f.path.parent in folders for f in whole)
        reports.append(_Walk(node, heads and inside).run(whole, inside))
    for head in (head for folder in folders for head in folder.glob("*.head")):
        if not any(head_of(head.parent, report.node) == head for report in reports):
            report = Report(head.stem)
            report.faults.append(Fault(head.name, 1, "missing", "all of its files are gone"))
            reports.append(report)
    for path in named:
        if not path.exists() or file_of(path) is None:
            report = Report(path.name)
            report.faults.append(Fault(str(path), 0, "missing", "no such file of an audit"))
            reports.append(report)
    return reports


def _node(file: File) -> str:
    return file.node


class _Walk:
    """From a node's first line to its last."""

    def __init__(self, node: str, needs_head: bool) -> None:
        self.report = Report(node)
        self._needs_head = needs_head
        self._n: int | None = None
        """The last line's number; None: the next line's word is taken for where it begins."""
        self._chain = ""
        self._file: File
        self._head: Head | None = None
        self._gaps: dict[int, int] = {}
        """Numbers that were passed over, and the fault that told so."""
        self._lineless: list[File] = []

    def run(self, files: Iterable[File], whole: bool) -> Report:
        """``whole``: the files are all that there are."""
        files = list(files)
        # Before the lines: a gateway that is running adds to both, to the lines first.
        self._head = read_head(files[-1].path.parent, self.report.node)
        self._start(files[0])
        before = files[0].number - 1
        for file in files:
            self._file = file
            if file.number != before + 1:
                self._fault(1, "missing", f"{_range('file', before + 1, file.number - 1)} before")
                self._n = None
            before = file.number
            self.report.files += 1
            self._read_file(file)
        if self._lineless:
            self._file = self._lineless[0]
            self._fault(1, "torn", "nothing whole in it")
        self._compare(whole or (self._head is not None and self._head.file == before))
        del self.report.faults[MANY:]
        return self.report

    def _start(self, file: File) -> None:
        if file.number == 1:
            self._n, self._chain = 0, GENESIS
        else:
            lacking = _range("file", 1, file.number - 1)
            self.report.notes.append(f"begins with {file.path.name}: {lacking} not among these")

    def _read_file(self, file: File) -> None:
        torn: list[bytes] = []
        number = lines = 0
        try:
            for number, line in enumerate(read(file), 1):
                link = parse(line)
                if link is None:
                    torn.append(line)
                    continue
                lines += 1
                self._line(number, link, torn)
                torn = []
        except OSError as error:
            self._fault(number + 1, "torn", f"cannot be read on: {error}")
        if torn and lines:
            why = "the last line has no end: a crash, or the gateway is writing it now"
            self._fault(number - len(torn) + 1, "torn", why)
        elif not lines:
            self._lineless.append(file)

    def _line(self, number: int, link: Link, torn: list[bytes]) -> None:
        words: dict[str, Any] = {}
        if b'"kind":' in link.body[:40] or self.report.lines == 0:
            words = msgspec.json.decode(link.body)
        mended = words.get("kind") == "repaired" and _mends(words, torn)
        if torn and not mended:
            self._fault(number - len(torn), "altered", "cannot be read as a line")
        if words.get("kind") == "file":
            self._first_of_file(number, link, words)
        elif self._n is None:
            self._fault(number, "missing", "the file's first line is gone")
        self._follow(number, link, 0 if mended else len(torn))
        self.report.lines += 1
        at = _at(link.body)
        self.report.first = self.report.first or at
        self.report.last = at or self.report.last

    def _first_of_file(self, number: int, link: Link, words: dict[str, Any]) -> None:
        file = self._file
        if (words.get("node"), words.get("file")) != (file.node, file.number):
            said = f"{words.get('node')}, file {words.get('file')}"
            self._fault(number, "out of order", f"by its first line this is {said}")
        if self._n is None:
            self._n, self._chain = link.n - 1, str(words.get("before"))

    def _follow(self, number: int, link: Link, unread: int) -> None:
        """Is this the line that comes after the last?"""
        expected = link.n if self._n is None else self._n + 1
        if link.n == expected + unread:
            expected += unread  # lines that could not be read, and have been told
        else:
            unread = 0
        if link.n == expected:
            if self._n is not None and not unread and not link.fits(self._chain):
                self._fault(number, "altered", "this line or the end of the one before")
            self._lineless.clear()
        elif link.n > expected:
            gone = range(expected, link.n)
            self._gaps |= dict.fromkeys(gone[:1_000_000], len(self.report.faults))
            self._fault(number, "missing", f"{_range('line', expected, link.n - 1)} before it")
        elif link.n in self._gaps:
            self._moved(self._gaps[link.n], link.n)
        else:
            self._fault(number, "out of order", f"line {link.n}, after line {self._n}")
        self._n, self._chain = link.n, link.chain
        if self._head is not None and self._head.n == link.n and self._head.chain != link.chain:
            self._fault(number, "altered", f"not line {link.n} as it was noted")

    def _moved(self, which: int, n: int) -> None:
        """What seemed to be missing comes later."""
        if which < len(self.report.faults):
            fault = self.report.faults[which]
            self.report.faults[which] = fault._replace(
                what="out of order", detail=f"line {n} comes later"
            )

    def _compare(self, whole: bool) -> None:
        """Do the lines go as far as was noted?"""
        if self._head is None:
            why = "no note of how far it goes that can be read: a lost end would not show"
            if self._needs_head:
                head = head_of(self._file.path.parent, self.report.node).name
                self.report.faults.append(Fault(head, 1, "missing", why))
            else:
                self.report.notes.append(why)
        elif whole and (self._n is None or self._n < self._head.n):
            gone = f"noted to line {self._head.n}, in file {self._head.file}"
            self._fault(self.report.lines, "truncated", f"ends with line {self._n}, {gone}")

    def _fault(self, line: int, what: str, detail: str) -> None:
        self.report.faults.append(Fault(self._file.path.name, line, what, detail))


def _mends(words: dict[str, Any], torn: list[bytes]) -> bool:
    """Is this what a crash cut off, as the next start found it?"""
    octets = b"".join(torn)
    return (words.get("torn"), words.get("sha256")) == (len(octets), sha256(octets).hexdigest())


def _at(body: bytes) -> str:
    start = body.find(b'"at":"') + 6
    return body[start : start + 24].decode(errors="replace") if start > 5 else ""


def _range(word: str, first: int, last: int) -> str:
    if first == last:
        return f"{word} {first} is"
    return f"{word}s {first} to {last} are"
