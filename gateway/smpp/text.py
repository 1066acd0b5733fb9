"""Texts on the wire: which alphabet, how many units, where to cut, and back again.

A text is GSM 7-bit if all its characters are, else UCS-2; or, where that takes fewer segments and
is allowed, GSM 7-bit under a national language table (3GPP TS 23.038, 6.2.1.2), which the user-data
header (UDH) of every segment names (TS 23.040, 9.2.3.24.15 and 9.2.3.24.16).

One that does not fit a short message is cut greedily into segments. ``long`` is how they are tied:

* ``udh16``, ``udh8``: each behind a UDH that says which of how many it is (TS 23.040, 9.2.3.24.8
  and 9.2.3.24.1);
* ``sar``: the same in optional parameters (SMPP 3.4, 5.3.2.22 to 5.3.2.24);
* ``payload``: not cut, all in message_payload (5.3.2.32): the carrier cuts.

With the last two the carrier makes the UDH. They are counted with the longer one, so that there are
never more segments than were counted. Everything read here is total.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gateway.errors import RecadoError
from gateway.smpp import gsm
from gateway.smpp.constants import Tlv
from gateway.smpp.transliteration import Transliterated, transliterate

__all__ = [
    "ENCODINGS",
    "MAX_SEGMENTS",
    "TABLES",
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
    "unit_count",
    "units_left",
]

MAX_SEGMENTS: Final = 255
"""TS 23.040, 9.2.3.24.1: the count of segments is one octet."""

TABLES: Final[dict[str, tuple[str, ...]]] = {
    "spanish": ("gsm7-es",),
    "portuguese": ("gsm7-pt", "gsm7-pt-locking", "gsm7-pt-both"),
    "turkish": ("gsm7-tr", "gsm7-tr-locking", "gsm7-tr-both"),
}
"""A language to the encodings that its tables make: single shift, locking shift, both."""

_SHIFTS: Final[dict[str, tuple[int, int]]] = {
    "gsm7-es": (0, gsm.SPANISH),
    "gsm7-pt": (0, gsm.PORTUGUESE),
    "gsm7-pt-locking": (gsm.PORTUGUESE, 0),
    "gsm7-pt-both": (gsm.PORTUGUESE, gsm.PORTUGUESE),
    "gsm7-tr": (0, gsm.TURKISH),
    "gsm7-tr-locking": (gsm.TURKISH, 0),
    "gsm7-tr-both": (gsm.TURKISH, gsm.TURKISH),
}
"""An encoding to the identifiers of its locking and its single shift table; 0: the default's."""

ENCODINGS: Final = ("gsm7", "ucs2", *_SHIFTS)
"""What :func:`measure` may answer."""

DATA_CODING: Final = {"gsm7": 0x00, "ucs2": 0x08} | dict.fromkeys(_SHIFTS, 0x00)
"""SMPP 3.4, 5.2.19."""

_SINGLE_SHIFT: Final = 0x24
_LOCKING_SHIFT: Final = 0x25


def _shift_elements(locking: int, single: int) -> bytes:
    """The UDH's elements that name the tables (TS 23.040, 9.2.3.24.15, 9.2.3.24.16)."""
    lock = bytes((_LOCKING_SHIFT, 1, locking)) if locking else b""
    return lock + (bytes((_SINGLE_SHIFT, 1, single)) if single else b"")


_ELEMENTS: Final = {"gsm7": b"", "ucs2": b""} | {
    encoding: _shift_elements(*shifts) for encoding, shifts in _SHIFTS.items()
}

_REFERENCE: Final = {"udh8": 5, "udh16": 6, "sar": 6, "payload": 6}
"""Octets of the element that ties segments, ours or the one that the carrier will write."""


def _room(encoding: str, tie: int) -> int:
    """Octets of text in a user-data field whose header has ``tie`` octets besides the tables'."""
    header = len(_ELEMENTS[encoding]) + tie
    header += 1 if header else 0  # UDHL
    return (140 - header) & ~1 if encoding == "ucs2" else 160 - -(-header * 8 // 7)


SIZES: Final = {
    (encoding, long): (_room(encoding, 0), _room(encoding, tie))
    for encoding in ENCODINGS
    for long, tie in _REFERENCE.items()
}
"""(encoding, long) to octets of text here: in a message alone, in one of several.

A user-data field is 140 octets on the air: 160 septets, or 70 units of UCS-2; a header takes whole
octets of it (TS 23.040, 9.2.3.24). GSM 7-bit is counted in septets, which are octets here.
"""

_GSM_SINGLE: Final = 160

MESSAGE_PAYLOAD: Final = int(Tlv.MESSAGE_PAYLOAD)
SAR_MSG_REF_NUM: Final = int(Tlv.SAR_MSG_REF_NUM)
SAR_TOTAL_SEGMENTS: Final = int(Tlv.SAR_TOTAL_SEGMENTS)
SAR_SEGMENT_SEQNUM: Final = int(Tlv.SAR_SEGMENT_SEQNUM)


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
    """What a text costs: ``encoding`` one of :data:`ENCODINGS`; ``units`` septets, or 16-bit units
    of UCS-2."""

    encoding: str
    units: int
    segments: int


_SHORT: Final = [Measure("gsm7", size, 1) for size in range(_GSM_SINGLE + 1)]


class SegmentBody(msgspec.Struct, frozen=True, gc=False):
    """The text side of one submit_sm: ``udhi`` is bit 6 of esm_class (SMPP 3.4, 5.2.12)."""

    short_message: bytes
    udhi: bool
    data_coding: int
    tlvs: tuple[tuple[int, bytes], ...] = ()
    """Of ``sar`` and ``payload``: tags and values."""


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A text that came in; ``part`` is (reference, total, number from 1) of a longer one."""

    text: str
    part: tuple[int, int, int] | None


def measure(
    text: str,
    encoding: str = "auto",
    long: str = "udh16",
    alphabet: str = "gsm7",
    tables: tuple[str, ...] = (),
) -> Measure:
    """Count ``text`` as it would be sent.

    ``encoding`` is ``gsm7`` (the default alphabet), ``ucs2``, one with a national table, or
    ``auto``: the one of fewest segments, among these ``gsm7``, then ``ucs2`` (which every phone
    reads), then those of the languages in ``tables``. ``long`` is how segments are tied (above);
    ``alphabet`` what data_coding 0 means to the carrier, ``gsm7``, ``latin1`` or ``ascii``: it
    packs these octets into septets again, so they count as septets, and what it has not is not GSM
    7-bit there. Raises :class:`TextError` if the encoding asked for has not all characters, or if
    the text needs more than 255 segments.
    """
    if encoding == "auto" or encoding == "gsm7":
        septets = gsm.DEFAULT.encode(text)
        if septets is not None and (alphabet == "gsm7" or _has_all(text, alphabet)):
            size = len(septets)
            if size <= _GSM_SINGLE:
                return _SHORT[size]
            # A locking table may have in one septet what takes two here.
            if not tables or encoding == "gsm7" or gsm.ESCAPE not in septets:
                return Measure("gsm7", size, len(_cut(septets, "gsm7", long)))
            return _fewest(text, ("gsm7", *_of_tables(tables)), long)
        if encoding == "gsm7":
            raise _not_in(text, alphabet)
        if tables:
            return _fewest(text, ("ucs2", *_of_tables(tables)), long)
        encoding = "ucs2"
    return _measure_as(text, encoding, long)


def _measure_as(text: str, encoding: str, long: str) -> Measure:
    chosen, octets = _encode(text, encoding)
    units = len(octets) >> 1 if chosen == "ucs2" else len(octets)
    return Measure(chosen, units, len(_cut(octets, chosen, long)))


def _of_tables(tables: tuple[str, ...]) -> list[str]:
    return [encoding for language in tables for encoding in TABLES[language]]


def _fewest(text: str, encodings: tuple[str, ...], long: str) -> Measure:
    """The measure of fewest segments, the first of several; TextError if none is possible."""
    best: Measure | None = None
    refusal: TextError | None = None
    for encoding in encodings:
        try:
            found = _measure_as(text, encoding, long)
        except TextError as error:
            refusal = refusal or error
        else:
            if best is None or found.segments < best.segments:
                best = found
    if best is None:
        assert refusal is not None
        raise refusal
    return best


def unit_count(char: str, encoding: str) -> int:
    """Units of one character; 0 if the encoding has it not."""
    if encoding == "ucs2":
        return 2 if char > "\uffff" else 1
    alphabet = gsm.alphabet(*_SHIFTS.get(encoding, (0, 0)))
    return len(alphabet.encode(char) or b"")


def units_left(text: str, encoding: str, long: str = "udh16") -> int:
    """Units that the last segment of ``text`` still has room for; raises as :func:`measure`.

    ``encoding`` is as :func:`measure` answered it.
    """
    chosen, octets = _encode(text, encoding)
    pieces = _cut(octets, chosen, long)
    left = SIZES[chosen, long][len(pieces) > 1] - len(pieces[-1])
    return left >> 1 if chosen == "ucs2" else left


def segments(
    text: str, encoding: str, reference: int, long: str = "udh16", alphabet: str = "gsm7"
) -> list[SegmentBody]:
    """The bodies of the segments of ``text``, in order; one without a header if it fits.

    With ``long="payload"`` there is always one. ``encoding`` is as :func:`measure` answered it, or
    ``auto``. Of ``reference`` the low 16 bits are used, or the low 8 with ``long="udh8"``. With an
    ``alphabet`` other than ``gsm7`` the text is cut as septets and written in that. Raises
    :class:`TextError` as :func:`measure`.
    """
    chosen, octets = _encode(text, encoding)
    data_coding = DATA_CODING[chosen]
    if chosen == "gsm7":
        if alphabet != "gsm7":
            if not _has_all(text, alphabet):
                raise _not_in(text, alphabet)
            return _tied(
                [
                    gsm.DEFAULT.decode(piece).encode(_CODEC_OF[alphabet])
                    for piece in _cut(octets, chosen, long)
                ],
                chosen,
                reference,
                long,
            )
        if len(octets) <= _GSM_SINGLE:
            return [SegmentBody(octets, False, data_coding)]
    return _tied(_cut(octets, chosen, long), chosen, reference, long)


_CODEC_OF: Final = {"latin1": "latin-1", "ascii": "ascii"}


def _tied(pieces: list[bytes], encoding: str, reference: int, long: str) -> list[SegmentBody]:
    """The pieces of a text as segments, behind what names their tables and ties them."""
    data_coding, total = DATA_CODING[encoding], len(pieces)
    elements = _ELEMENTS[encoding]
    if total > 1 and long[:3] == "udh":
        lead = _header(elements, reference, total, long)
        return [
            SegmentBody(b"%b%c%b" % (lead, number, piece), True, data_coding)
            for number, piece in enumerate(pieces, 1)
        ]
    tables = b"%c%b" % (len(elements), elements) if elements else b""
    udhi = elements != b""
    if total == 1:
        return [SegmentBody(tables + pieces[0], udhi, data_coding)]
    if long == "payload":
        whole = tables + b"".join(pieces)
        return [SegmentBody(b"", udhi, data_coding, ((MESSAGE_PAYLOAD, whole),))]
    same = (
        (SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
        (SAR_TOTAL_SEGMENTS, bytes((total,))),
    )
    return [
        SegmentBody(
            tables + piece, udhi, data_coding, (*same, (SAR_SEGMENT_SEQNUM, bytes((number,))))
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _encode(text: str, encoding: str) -> tuple[str, bytes]:
    if encoding == "gsm7" or encoding == "auto":
        octets = gsm.DEFAULT.encode(text)
        if octets is not None:
            return "gsm7", octets
        if encoding == "gsm7":
            raise _not_in(text, "gsm7")
    elif encoding != "ucs2":
        octets = gsm.alphabet(*_SHIFTS[encoding]).encode(text)
        if octets is None:
            raise TextError("not-gsm7", f"not all of it is in the tables of {encoding}")
        return encoding, octets
    # A lone surrogate is no character: it goes out as "?", one unit, and never breaks a pair.
    return "ucs2", text.encode("utf-16-be", "replace")


def _has_all(text: str, alphabet: str) -> bool:
    """Whether a text of GSM 7-bit is in ``latin1`` or ``ascii``, too."""
    if alphabet == "ascii":
        return text.isascii()
    return alphabet == "gsm7" or max(text, default="") <= "\xff"


def _not_in(text: str, alphabet: str) -> TextError:
    """What says of the first character that is not in GSM 7-bit and the alphabet which it is."""
    known = gsm.characters(alphabet)
    position = next(i for i, char in enumerate(text) if char not in known)
    char = text[position]
    where = "GSM 7-bit" if alphabet == "gsm7" else f"GSM 7-bit and {alphabet}"
    detail = f"character {position + 1}, {char!r} (U+{ord(char):04X}), is not in {where}"
    return TextError("not-gsm7", detail, position, char)


def _cut(octets: bytes, encoding: str, long: str) -> list[bytes]:
    """Greedy pieces of encoded text; an escape pair or a surrogate pair stays together."""
    single, size = SIZES[encoding, long]
    total = len(octets)
    if total <= single:
        return [octets]
    step_back = _units_back if encoding == "ucs2" else _septets_back
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


def _header(elements: bytes, reference: int, total: int, long: str) -> bytes:
    """UDHL, elements and the concatenation element, all but its last octet: the number."""
    if long == "udh8":
        tie = bytes((_CONCATENATED_8, 3, reference & 0xFF, total))
    else:
        tie = bytes((_CONCATENATED_16, 4, reference >> 8 & 0xFF, reference & 0xFF, total))
    return b"%c%b%b" % (len(elements) + len(tie) + 1, elements, tie)


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
    for identifier, value in _elements(header):
        wide = identifier == _CONCATENATED_16 and len(value) == 4
        if wide or (identifier == _CONCATENATED_8 and len(value) == 3):
            total, number = value[-2], value[-1]
            if 1 <= number <= total:
                found = (int.from_bytes(value[:-2], "big"), total, number)
    return found


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a header, without one that is cut off."""
    at = 0
    while at + 2 <= len(header):
        length = header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if len(value) == length:
            yield header[at], value
        at += 2 + length


def _shifts(header: bytes) -> tuple[int, int]:
    """The identifiers of the locking and the single shift table that a header names, or 0."""
    locking = single = 0
    for identifier, value in _elements(header):
        if len(value) == 1:
            if identifier == _LOCKING_SHIFT:
                locking = value[0]
            elif identifier == _SINGLE_SHIFT:
                single = value[0]
    return locking, single


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
    this bind: ``gsm7``, ``latin1`` or ``ascii``. A header's national tables are those of septets:
    where the carrier writes data_coding 0 otherwise, it has read them already.
    """
    if not udhi:
        return Decoded(decode_octets(octets, data_coding, default_alphabet), None)
    header, body = split_header(octets)
    part = concatenation(header)
    if default_alphabet == "gsm7" and _CODEC[data_coding & 0xFF] is _DEFAULT:
        return Decoded(gsm.alphabet(*_shifts(header)).decode(body), part)
    return Decoded(decode_octets(body, data_coding, default_alphabet), part)


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
