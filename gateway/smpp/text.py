"""Texts on the wire: which alphabet, how many units, where to cut, and back again.

A text is GSM 7-bit if all its characters are, else UCS-2. One that does not fit a short message
is cut greedily into segments, each behind a user-data header (UDH) that says which of how many
it is (3GPP TS 23.040, 9.2.3.24.1 and 9.2.3.24.8). Everything read here is total.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.errors import RecadoError
from gateway.smpp import gsm
from gateway.smpp.transliteration import Transliterated, transliterate

__all__ = [
    "MAX_SEGMENTS",
    "Decoded",
    "Measure",
    "SegmentBody",
    "TextError",
    "Transliterated",
    "concatenation",
    "decode",
    "decode_octets",
    "measure",
    "segments",
    "split_header",
    "transliterate",
]

MAX_SEGMENTS: Final = 255
"""TS 23.040, 9.2.3.24.1: the count of segments is one octet."""

DATA_CODING: Final = {"gsm7": 0x00, "ucs2": 0x08}
"""SMPP 3.4, 5.2.19."""

SIZES: Final = {
    ("gsm7", "udh8"): (160, 153),
    ("gsm7", "udh16"): (160, 152),
    ("ucs2", "udh8"): (140, 134),
    ("ucs2", "udh16"): (140, 132),
}
"""(encoding, long) to octets of text here: in a message alone, in one of several.

A user-data field is 140 octets on the air: 160 septets, or 70 units of UCS-2; the header takes 6
or 7 of them. GSM 7-bit is counted in septets, which are octets here.
"""

_GSM_SINGLE: Final = 160


class TextError(RecadoError, ValueError):
    """A text that cannot be sent as asked.

    ``code`` is ``not-gsm7`` (then ``position`` and ``character`` name the first that is not) or
    ``too-many-segments``.
    """

    def __init__(self, code: str, detail: str, position: int = -1, character: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.position = position
        self.character = character


class Measure(msgspec.Struct, frozen=True, gc=False):
    """What a text costs: ``encoding`` ``gsm7`` or ``ucs2``; ``units`` septets or 16-bit units."""

    encoding: str
    units: int
    segments: int


_SHORT: Final = [Measure("gsm7", size, 1) for size in range(_GSM_SINGLE + 1)]


class SegmentBody(msgspec.Struct, frozen=True, gc=False):
    """The text side of one submit_sm: ``udhi`` is bit 6 of esm_class (SMPP 3.4, 5.2.12)."""

    short_message: bytes
    udhi: bool
    data_coding: int


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A text that came in; ``part`` is (reference, total, number from 1) of a longer one."""

    text: str
    part: tuple[int, int, int] | None


def measure(text: str, encoding: str = "auto", long: str = "udh16") -> Measure:
    """Count ``text`` as it would be sent.

    ``encoding`` is ``auto`` (GSM 7-bit if it can be), ``gsm7`` or ``ucs2``; ``long`` is ``udh16``
    or ``udh8``. Raises :class:`TextError` if ``gsm7`` is asked for and a character is not in it,
    or if the text needs more than 255 segments.
    """
    if encoding != "ucs2":
        septets = gsm.DEFAULT.encode(text)
        if septets is not None:
            size = len(septets)
            if size <= _GSM_SINGLE:
                return _SHORT[size]
            return Measure("gsm7", size, len(_cut(septets, "gsm7", long)))
    chosen, octets = _encode(text, encoding)
    return Measure(chosen, len(octets) >> 1, len(_cut(octets, chosen, long)))


def segments(text: str, encoding: str, reference: int, long: str = "udh16") -> list[SegmentBody]:
    """The bodies of the segments of ``text``, in order; one without a header if it fits.

    ``encoding`` is as :func:`measure` answered it, or ``auto``. Of ``reference`` the low 16 bits
    are used, or the low 8 with ``long="udh8"``. Raises :class:`TextError` as :func:`measure`.
    """
    chosen, octets = _encode(text, encoding)
    data_coding = DATA_CODING[chosen]
    if chosen == "gsm7" and len(octets) <= _GSM_SINGLE:
        return [SegmentBody(octets, False, data_coding)]
    pieces = _cut(octets, chosen, long)
    if len(pieces) == 1:
        return [SegmentBody(octets, False, data_coding)]
    lead = _header(reference, len(pieces), long)
    return [
        SegmentBody(b"%b%c%b" % (lead, number, piece), True, data_coding)
        for number, piece in enumerate(pieces, 1)
    ]


def _encode(text: str, encoding: str) -> tuple[str, bytes]:
    if encoding != "ucs2":
        octets = gsm.DEFAULT.encode(text)
        if octets is not None:
            return "gsm7", octets
        if encoding == "gsm7":
            raise _not_gsm7(text)
    # A lone surrogate is no character: it goes out as "?", one unit, and never breaks a pair.
    return "ucs2", text.encode("utf-16-be", "replace")


def _not_gsm7(text: str) -> TextError:
    position = next(i for i, char in enumerate(text) if char not in gsm.CHARACTERS)
    char = text[position]
    detail = f"character {position + 1}, {char!r} (U+{ord(char):04X}), is not in GSM 7-bit"
    return TextError("not-gsm7", detail, position, char)


def _cut(octets: bytes, encoding: str, long: str) -> list[bytes]:
    """Greedy pieces of encoded text; an escape pair or a surrogate pair stays together."""
    single, size = SIZES[encoding, long]
    total = len(octets)
    if total <= single:
        return [octets]
    step_back = _septets_back if encoding == "gsm7" else _units_back
    pieces: list[bytes] = []
    start = 0
    while start < total:
        if len(pieces) == MAX_SEGMENTS:
            raise TextError("too-many-segments", f"the text needs over {MAX_SEGMENTS} segments")
        end = start + size
        if end < total:
            end -= step_back(octets, end)
        pieces.append(octets[start:end])
        start = end
    return pieces


def _septets_back(octets: bytes, end: int) -> int:
    return 1 if octets[end - 1] == gsm.ESCAPE else 0


def _units_back(octets: bytes, end: int) -> int:
    return 2 if octets[end - 2] & 0xFC == 0xD8 else 0


# --- the user-data header (TS 23.040, 9.2.3.24) ---------------------------------------------------

_CONCATENATED_8: Final = 0x00
_CONCATENATED_16: Final = 0x08


def _header(reference: int, total: int, long: str) -> bytes:
    """UDHL and the concatenation element, all but its last octet: the segment's number."""
    if long == "udh8":
        return bytes((5, _CONCATENATED_8, 3, reference & 0xFF, total))
    return bytes((6, _CONCATENATED_16, 4, reference >> 8 & 0xFF, reference & 0xFF, total))


def split_header(octets: bytes) -> tuple[bytes, bytes]:
    """(elements of the header without UDHL, the rest).

    A header longer than the message is none: (``b""``, all of it).
    """
    length = octets[0] if octets else 0
    if length >= len(octets):
        return b"", octets
    return octets[1 : length + 1], octets[length + 1 :]


def concatenation(header: bytes) -> tuple[int, int, int] | None:
    """(reference, total, number) of a header's elements; None if it has none that makes sense.

    The last element of its kind counts (9.2.3.24); one whose number is 0 or above its total is
    ignored (9.2.3.24.1).
    """
    found = None
    at = 0
    while at + 2 <= len(header):
        identifier, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        at += 2 + length
        wide = identifier == _CONCATENATED_16 and len(value) == length == 4
        if wide or (identifier == _CONCATENATED_8 and len(value) == length == 3):
            total, number = value[-2], value[-1]
            if 1 <= number <= total:
                found = (int.from_bytes(value[:-2], "big"), total, number)
    return found


# --- reading --------------------------------------------------------------------------------------

_DEFAULT: Final = "default"
_UCS2: Final = "utf-16-be"
_BINARY: Final = "latin-1"  # octets of no known alphabet: kept, each a character

CODECS: Final = {
    0x00: _DEFAULT,
    0x01: "ascii",
    0x02: _BINARY,
    0x03: "latin-1",
    0x04: _BINARY,
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x08: _UCS2,
    0x09: "shift_jis",
    0x0A: "iso2022_jp",
    0x0D: "iso2022_jp_2",
    0x0E: "euc_kr",
}
"""data_coding to codec (SMPP 3.4, 5.2.19)."""


def _codec(data_coding: int) -> str:
    """Beyond SMPP's own values the groups of TS 23.038, section 4; else the default alphabet."""
    if data_coding in CODECS:
        return CODECS[data_coding]
    if data_coding >= 0xF0:  # data coding and message class
        return _BINARY if data_coding & 0x04 else _DEFAULT
    if data_coding >= 0xC0:  # message waiting
        return _UCS2 if data_coding >= 0xE0 else _DEFAULT
    if 0x10 <= data_coding <= 0x7F:  # general: bits 3 and 2
        return (_DEFAULT, _BINARY, _UCS2, _DEFAULT)[data_coding >> 2 & 0x03]
    return _DEFAULT


_CODEC: Final = tuple(map(_codec, range(0x100)))


def decode(octets: bytes, data_coding: int, udhi: bool, default_alphabet: str) -> Decoded:
    """The text of a message that came in. Total: what cannot be read is U+FFFD.

    ``udhi`` says that a user-data header leads; ``default_alphabet`` what data_coding 0 means on
    this bind: ``gsm7``, ``latin1`` or ``ascii``.
    """
    if not udhi:
        return Decoded(decode_octets(octets, data_coding, default_alphabet), None)
    header, body = split_header(octets)
    return Decoded(decode_octets(body, data_coding, default_alphabet), concatenation(header))


def decode_octets(octets: bytes, data_coding: int, default_alphabet: str) -> str:
    """The text of octets without a header; see :func:`decode`."""
    codec = _CODEC[data_coding & 0xFF]
    if codec is _DEFAULT:
        if default_alphabet == "gsm7":
            return gsm.DEFAULT.decode(octets)
        codec = default_alphabet
    elif codec is _UCS2 and octets[:2] == b"\xff\xfe":
        codec = "utf-16"  # a byte order mark that says the other way round
    return octets.decode(codec, "replace")
