"""Cutting a stream into records: NDJSON lines, and CSV (RFC 4180) whose quotes span lines.

Both count from 0 what the caller sent (CSV: without its header), so that an index in an answer
and ``committed_lines`` mean the same to both sides. Empty lines count and are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from gateway.api.body import LINE_OCTETS, Lines
from gateway.api.problems import fault, nearest
from gateway.api.reading import Reader
from gateway.api.shapes import MessageIn
from gateway.errors import CallerError

BOM = b"\xef\xbb\xbf"

Shape = TypeVar("Shape", bound=msgspec.Struct)

Read = tuple[int, Shape | CallerError, str | None]
"""(index, what was read or what is wrong with it, its ref as far as it can be read)."""
Record = Read[MessageIn]

Cells = dict[str, str]
"""What a record of CSV has, by the header's names, without what is empty."""


class Form(NamedTuple, Generic[Shape]):
    """What the lines of a stream are."""

    reader: Reader[Shape]
    columns: tuple[str, ...]
    """What a header of CSV may have."""
    needed: tuple[str, ...]
    """What it must have."""
    values: Callable[[Cells], dict[str, Any]]
    """From cells to the shape's values; raises CallerError."""


MESSAGES: Reader[MessageIn] = Reader(MessageIn)


class _Ref(msgspec.Struct):
    ref: str | None = None


_read_ref = msgspec.json.Decoder(_Ref).decode
_TOO_LONG = fault("line-too-long", f"allowed: {LINE_OCTETS} octets")


class Cutter(Protocol[Shape]):
    """Pieces of a body in, records out."""

    count: int
    """How many records (empty ones too) have come out."""

    def feed(self, piece: bytes) -> list[Read[Shape]]:
        """The records that ``piece`` completes."""
        ...

    def close(self) -> list[Read[Shape]]:
        """The record that nothing ends, if there is one."""
        ...


def read_one(form: Form[Shape], index: int, octets: bytes | msgspec.Raw) -> Read[Shape]:
    """One of many."""
    try:
        line = form.reader.read(octets)
    except CallerError as error:
        return index, error, _ref_of(octets)
    return index, line, getattr(line, "ref", None)


def read_message(index: int, octets: bytes | msgspec.Raw) -> Record:
    """One message of many."""
    return read_one(MESSAGE, index, octets)


def _ref_of(octets: bytes | msgspec.Raw) -> str | None:
    """What a line that is refused calls itself: its caller knows it by that."""
    try:
        return _read_ref(octets).ref
    except (ValueError, RecursionError):
        return None


class JsonLines(Generic[Shape]):
    """NDJSON."""

    def __init__(self, form: Form[Shape]) -> None:
        self._form = form
        self._lines = Lines()
        self.count = 0

    def feed(self, piece: bytes) -> list[Read[Shape]]:
        """The records that ``piece`` completes."""
        return self._records(self._lines.feed(piece))

    def close(self) -> list[Read[Shape]]:
        """The last record, when no newline ends it."""
        return self._records(self._lines.close())

    def _records(self, lines: list[bytes | None]) -> list[Read[Shape]]:
        first = self.count
        records: list[Read[Shape]] = []
        if not first and lines and lines[0]:
            lines[0] = lines[0].removeprefix(BOM)
        for index, line in enumerate(lines, first):
            if line is None:
                records.append((index, _TOO_LONG, None))
            elif line and not line.isspace():
                records.append(read_one(self._form, index, line))
        self.count = first + len(lines)
        return records


class CsvRecords(Generic[Shape]):
    """CSV with a header that names the fields; ``,`` or, where the header has it, ``;``."""

    def __init__(self, form: Form[Shape]) -> None:
        self._form = form
        self._lines = Lines()
        self._open: list[bytes] = []
        self._open_octets = 0
        self._quoted = False
        self._header: list[str] = []
        self._delimiter = ","
        self.count = 0

    def feed(self, piece: bytes) -> list[Read[Shape]]:
        """The records that ``piece`` completes; raises CallerError for a wrong header."""
        return self._records(self._lines.feed(piece))

    def close(self) -> list[Read[Shape]]:
        """The last record; raises CallerError when there was no header."""
        records = self._records(self._lines.close())
        if self._quoted:
            records += self._refuse(fault("not-csv", "a quoted field is not closed"))
        if not self._header:
            raise fault("not-csv", "there is no header")
        return records

    def _records(self, lines: list[bytes | None]) -> list[Read[Shape]]:
        records: list[Read[Shape]] = []
        for line in lines:
            if line is None:
                records += self._refuse(_TOO_LONG)
                continue
            self._quoted = _open_quote(line, self._quoted, self._delimiter.encode())
            if not self._quoted and not self._open:
                records += self._record(line)
                continue
            self._open.append(line)
            self._open_octets += len(line) + 1
            if not self._quoted:
                records += self._record(b"\n".join(self._taken()))
            elif self._open_octets > LINE_OCTETS:
                records += self._refuse(_TOO_LONG)
        return records

    def _taken(self) -> list[bytes]:
        taken, self._open, self._open_octets = self._open, [], 0
        return taken

    def _refuse(self, error: CallerError) -> list[Read[Shape]]:
        self._taken()
        self._quoted = False
        if not self._header:
            raise error
        self.count += 1
        return [(self.count - 1, error, None)]

    def _record(self, octets: bytes) -> list[Read[Shape]]:
        if not self._header:
            self._read_header(octets.removeprefix(BOM))
            return []
        index = self.count
        self.count += 1
        if not octets or octets.isspace():
            return []
        cells: dict[str, str] = {}
        try:
            cells = self._named(octets)
            line = self._form.reader.convert(self._form.values(cells))
        except CallerError as error:
            return [(index, error, cells.get("ref"))]
        return [(index, line, getattr(line, "ref", None))]

    def _named(self, octets: bytes) -> dict[str, str]:
        """The cells that are not empty, by name."""
        cells = self._cells(octets)
        if len(cells) != len(self._header):
            raise fault("not-csv", f"{len(cells)} fields; the header has {len(self._header)}")
        return {name: cell for name, cell in zip(self._header, cells, strict=True) if cell}

    def _cells(self, octets: bytes) -> list[str]:
        try:
            text = octets.decode()
            rows = list(csv.reader([text], delimiter=self._delimiter, strict=True))
        except UnicodeDecodeError as error:
            octet = octets[error.start]
            raise fault("not-utf8", f"octet {octet:#04x} is not UTF-8") from error
        except csv.Error as error:
            raise fault("not-csv", str(error)) from error
        return rows[0] if rows else []

    def _read_header(self, octets: bytes) -> None:
        if b";" in octets and b"," not in octets:
            self._delimiter = ";"
        names = [name.strip() for name in self._cells(octets)]
        allowed = list(self._form.columns)
        for at, name in enumerate(names):
            if name not in allowed:
                raise fault("unknown-field", f"the header's column {at}, '{name}', is not known"
                            f"{nearest(name, allowed)}", name)  # fmt: skip
            if name in names[:at]:
                raise fault("not-csv", f"the header has '{name}' twice", name)
        for name in self._form.needed:
            if name not in names:
                raise fault("missing-field", f"the header must have '{name}'", name)
        self._header = names


def _open_quote(line: bytes, quoted: bool, delimiter: bytes) -> bool:
    """Whether a quoted field is still open at the end of ``line``.

    A quote opens a field only as its first character (RFC 4180, 2.5), so that a stray one in the
    middle of a field does not swallow the lines after it.
    """
    if b'"' not in line:
        return quoted
    at, size = 0, len(line)
    while True:
        if quoted:
            at = line.find(b'"', at)
            if at < 0:
                return True
            if line[at + 1 : at + 2] == b'"':
                at += 2
                continue
            quoted = False
        elif line[at : at + 1] == b'"':
            quoted = True
            at += 1
            continue
        at = line.find(delimiter, at) + 1
        if at == 0 or at > size:
            return False


def _json_of(cell: str) -> msgspec.Raw:
    """A cell of ``data``: JSON where it looks like an object or array, else a string."""
    if cell[0] in "{[":
        return msgspec.Raw(cell.encode())
    return msgspec.Raw(msgspec.json.encode(cell))


def _message_values(cells: Cells) -> dict[str, Any]:
    values: dict[str, Any] = {"text": "", **cells}
    if "data" in cells:
        values["data"] = _json_of(cells["data"])
    return values


MESSAGE: Form[MessageIn] = Form(
    MESSAGES, MessageIn.__struct_encode_fields__, ("to", "text"), _message_values
)
