"""A PDU's octets with what is not to be shown overwritten, octet for octet.

What comes out has the same length and the same fields, so it decodes as before and can go into a
capture: numbers are masked as in the log, a text becomes ``x`` and its user-data header stays, and
a password is ``*`` whatever is asked for. Of a receipt the keys and their values stay: what it
quotes of the message after ``text:`` is text, and the parties' numbers are numbers. Where a body
cannot be read, the rest of it is overwritten: nobody knows what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from gateway.log import mask_number
from gateway.smpp.codec import KIND_OF, LAYOUTS, unpack_header
from gateway.smpp.constants import HEADER_LENGTH, Tlv
from gateway.smpp.receipt import MESSAGE_TYPE, RECEIPT_TYPES, UDHI
from gateway.smpp.structs import DataSm, DeliverSm, Known, Response, SubmitMultiResp
from gateway.smpp.text import decode_octets, split_header
from gateway.smpp.wire import BodyError, DistributionList

Span = tuple[int, int, Any]
"""Where a field lies, and its value."""

NUMBERS: Final = ("source_addr", "destination_addr", "esme_addr")
_LISTS: Final = ("dest_addresses", "unsuccess_smes")
_SHORT_OF_KEY: Final = 7
"""Digits at the end of a party's number that make a run of digits that number."""

_NUMBER_TLVS: Final = {
    int(Tlv.CALLBACK_NUM): 3,  # digit mode, TON, NPI (5.3.2.36)
    int(Tlv.SOURCE_SUBADDRESS): 1,  # its type (5.3.2.15)
    int(Tlv.DEST_SUBADDRESS): 1,
}
"""TLVs with a number, and how many octets stand before it."""
_TEXT_TLVS: Final = frozenset({int(Tlv.CALLBACK_NUM_ATAG)})
_PAYLOAD: Final = int(Tlv.MESSAGE_PAYLOAD)

LONGEST_RECEIPT: Final = 1_000
"""Characters: what is longer is taken for a person's words."""

_DIGITS: Final = re.compile(r"[0-9]{7,}")
_KEYED: Final = re.compile(r"(?:\A|[\s,;\0])(?:id|stat):", re.IGNORECASE)
_QUOTED: Final = re.compile(
    r"(?:\A|(?<=[\s,;]))text:(?!(?:\s+[a-z]+:\S*)+\s*\Z)(.+)", re.IGNORECASE | re.DOTALL
)
"""What follows ``text:``, unless it is empty and only keys come after it."""

_tlv: Final = Struct(">HH").unpack_from


def masked(frame: bytes, numbers: bool, texts: bool) -> bytes:
    """``frame``, a whole PDU, with its password overwritten, and without ``numbers`` or ``texts``
    those too. Total."""
    kind = KIND_OF.get(unpack_header(frame)[1])
    octets = bytearray(frame)
    everything = numbers and texts
    if kind is None:
        if not everything:
            _cover(octets, HEADER_LENGTH, len(octets))
        return bytes(octets)
    spans, position, whole = _spans(frame, kind)
    secret = "password" in kind.__struct_fields__
    if "password" in spans:
        start, end, _ = spans["password"]
        _cover(octets, start, end - 1, b"*")
    if not whole:
        if secret:
            _cover(octets, position, len(octets), b"*")
        elif not everything and _may_tell(kind):
            _cover(octets, position, len(octets))
    if not everything:
        _Masking(octets, spans, kind, numbers, texts).run(position if whole else len(octets))
    return bytes(octets)


def is_receipt(kind: type, esm_class: int) -> bool:
    """Has the carrier marked it as a receipt?"""
    return kind in (DeliverSm, DataSm) and esm_class & MESSAGE_TYPE in RECEIPT_TYPES


def shows_keys(text: str) -> bool:
    """Is it a receipt's text, and not a person's that is only marked so?"""
    return len(text) <= LONGEST_RECEIPT and _KEYED.search(text) is not None


def units(octets: bytes, codec: str) -> str:
    """A character for each unit of 8 or 16 bits; an odd octet at the end is left out."""
    if codec == "latin-1":
        return octets.decode("latin-1")
    order = "little" if codec == "utf-16-le" else "big"
    return "".join(
        chr(int.from_bytes(octets[at : at + 2], order))  # type: ignore[arg-type]
        for at in range(0, len(octets) - 1, 2)
    )


def receipt_codec(octets: bytes) -> str:
    """How a receipt is written: its keys are ASCII, so a zero in front is UTF-16."""
    lead = octets[:2]
    if lead == b"\xff\xfe" or (len(lead) == 2 and lead[0] and not lead[1]):
        return "utf-16-le"
    if lead == b"\xfe\xff" or (len(lead) == 2 and not lead[0] and lead[1]):
        return "utf-16-be"
    return "latin-1"


def _spans(frame: bytes, kind: type[Known]) -> tuple[dict[str, Span], int, bool]:
    """Each field of the body, where what follows them begins, and whether all could be read."""
    spans: dict[str, Span] = {}
    position = HEADER_LENGTH
    for name, field in LAYOUTS[kind]:
        try:
            value, end = field.read(frame, position, name)
        except BodyError:
            return spans, position, False
        spans[name] = position, end, value
        position = end
    return spans, position, True


def _may_tell(kind: type[Known]) -> bool:
    """Could what cannot be read hold a number or a text? Of most responses it is an id."""
    return not issubclass(kind, Response) or kind is SubmitMultiResp


def _cover(octets: bytearray, start: int, end: int, by: bytes = b"x") -> None:
    octets[start:end] = by * (end - start)


class _Masking:
    """The masking of one PDU whose fields were found."""

    def __init__(
        self,
        octets: bytearray,
        spans: dict[str, Span],
        kind: type[Known],
        numbers: bool,
        texts: bool,
    ) -> None:
        self._octets = octets
        self._spans = spans
        self._numbers = numbers
        self._texts = texts
        self._esm_class = self._value("esm_class")
        self._data_coding = self._value("data_coding")
        self._receipt = is_receipt(kind, self._esm_class)
        found = (spans[name][2] for name in NUMBERS if name in spans)
        self._parties = tuple(
            number[-_SHORT_OF_KEY:] for number in found if len(number) >= _SHORT_OF_KEY
        )

    def run(self, tlvs_at: int) -> None:
        """Mask fields, short_message and TLVs."""
        if not self._numbers:
            self._mask_numbers()
        if "short_message" in self._spans:
            start, end, _ = self._spans["short_message"]
            self._set(start + 1, self._text(bytes(self._octets[start + 1 : end])))
        self._mask_tlvs(tlvs_at)

    def _value(self, name: str) -> int:
        return int(self._spans[name][2]) if name in self._spans else 0

    def _set(self, start: int, octets: bytes) -> None:
        self._octets[start : start + len(octets)] = octets

    def _mask_numbers(self) -> None:
        for name in NUMBERS:
            if name in self._spans:
                start, _, number = self._spans[name]
                self._set(start, mask_number(number).encode("latin-1"))
        for name in _LISTS:
            if name in self._spans:
                start, end, items = self._spans[name]
                self._set(start, _without_numbers(bytes(self._octets[start:end]), items))

    def _mask_tlvs(self, position: int) -> None:
        octets = self._octets
        while len(octets) - position >= 4:
            tag, length = _tlv(octets, position)
            start = position + 4
            if start + length > len(octets):
                break
            self._set(start, self._tlv(tag, bytes(octets[start : start + length])))
            position = start + length
        if any(octets[position:]):
            _cover(octets, position, len(octets))

    def _tlv(self, tag: int, value: bytes) -> bytes:
        if tag == _PAYLOAD:
            return self._text(value)
        if tag in _TEXT_TLVS:
            return value if self._texts else b"x" * len(value)
        if self._numbers:
            return value
        if tag in _NUMBER_TLVS:
            at = _NUMBER_TLVS[tag]
            return value[:at] + mask_number(value[at:].decode("latin-1")).encode("latin-1")
        if tag == Tlv.ADDITIONAL_STATUS_INFO_TEXT:
            return _digits(value.decode("latin-1")).encode("latin-1")
        return self._of_parties(value.decode("latin-1")).encode("latin-1")

    def _of_parties(self, text: str) -> str:
        """The parties' numbers masked; other runs of digits are ids and dates."""
        if not self._parties:
            return text
        return _DIGITS.sub(
            lambda run: mask_number(run[0]) if run[0].endswith(self._parties) else run[0], text
        )

    # Texts

    def _text(self, octets: bytes) -> bytes:
        """A message's octets, the header of which stays."""
        body = octets
        if self._esm_class & UDHI:
            header, rest = split_header(octets)
            body = rest if _whole(header) else octets
        head = octets[: len(octets) - len(body)]
        if self._receipt:
            codec = receipt_codec(body)
            if shows_keys(units(body, codec)):
                return head + _by_units(body, codec, self._receipt_text)
        wide = decode_octets(b"\0x", self._data_coding, "latin1") == "x"
        return head + _by_units(body, "utf-16-be" if wide else "latin-1", self._plain_text)

    def _plain_text(self, text: str) -> str:
        if not self._texts:
            return "x" * len(text)
        return text if self._numbers else _digits(text)

    def _receipt_text(self, text: str) -> str:
        quoted = _QUOTED.search(text)
        keys, quote = (text[: quoted.start(1)], quoted[1]) if quoted else (text, "")
        return (keys if self._numbers else self._of_parties(keys)) + self._plain_text(quote)


def _whole(header: bytes) -> bool:
    """Is it made of elements (TS 23.040, 9.2.3.24)? A mark set by mistake would show a text."""
    at = 0
    while at + 1 < len(header):
        at += 2 + header[at + 1]
    return at == len(header)


def _digits(text: str) -> str:
    return _DIGITS.sub(lambda run: mask_number(run[0]), text)


def _by_units(octets: bytes, codec: str, mask: Callable[[str], str]) -> bytes:
    """``mask`` done to each unit of 8 or 16 bits; an odd octet at the end becomes ``x``."""
    text = mask(units(octets, codec))
    if codec == "latin-1":
        return text.encode("latin-1")
    order = "little" if codec == "utf-16-le" else "big"
    made = b"".join(ord(unit).to_bytes(2, order) for unit in text)  # type: ignore[arg-type]
    return made + b"x" * (len(octets) % 2)


def _without_numbers(octets: bytes, items: tuple[Any, ...]) -> bytes:
    """A list of addresses (4.5.1, 4.5.2) with each number masked in its place."""
    for item in items:
        if not isinstance(item, DistributionList):
            number = item.destination_addr
            octets = octets.replace(
                number.encode("latin-1") + b"\0", mask_number(number).encode("latin-1") + b"\0"
            )
    return octets
