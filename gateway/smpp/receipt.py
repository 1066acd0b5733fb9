"""What a deliver_sm or data_sm brings: a delivery receipt, or a reply of a debtor.

Only esm_class makes a receipt (SMPP 3.4, 5.2.12): a debtor may text ``id:5 stat:DELIVRD``. The
text of a receipt is the SMSC vendor's own (appendix B is an example that most follow, loosely),
so reading is total: what a carrier leaves out is empty, what it invents is kept as written.
Where a TLV and the text both tell, the TLV counts.

A carrier may have :class:`Habits` of its own: a pattern for texts without keys, its own words,
TLVs of its vendor's, or no esm_class in its receipts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from gateway.message import Receipt, ReceiptState, Reply
from gateway.pattern import LONGEST as PATTERN_LONGEST
from gateway.smpp.constants import Tlv
from gateway.smpp.text import decode, split_header


class Inbound(Protocol):
    """What is read of a DeliverSm or a DataSm; ``short_message`` too, where there is one."""

    @property
    def esm_class(self) -> int: ...
    @property
    def data_coding(self) -> int: ...
    @property
    def source_addr(self) -> str: ...
    @property
    def destination_addr(self) -> str: ...
    @property
    def tlvs(self) -> tuple[tuple[int, bytes], ...]: ...


class Habits(NamedTuple):
    """How the receipts of one carrier differ from everybody's."""

    pattern: re.Pattern[str] | None = None
    """Of a whole text, from its beginning, with the groups ``id`` and ``stat``, and perhaps
    ``err`` and ``done``. A text that it does not match is read as any other."""
    states: Mapping[str, ReceiptState] = {}
    """The carrier's words, in upper case, before those that everybody knows."""
    by: str = "esm_class"
    """What makes a receipt: ``esm_class``; ``text``: that it can be read as one, with an id and a
    known state; ``either`` of the two."""
    id_tlv: int = 0
    """The tag of a TLV with the id, as text; 0: none but receipted_message_id."""
    state_tlv: int = 0
    """The tag of a TLV with the state, as a word or a number; 0: none but message_state."""


UDHI: Final = 0x40
MESSAGE_TYPE: Final = 0x3C
INTERMEDIATE: Final = 0x20
RECEIPT_TYPES: Final = frozenset({0x04, 0x08, INTERMEDIATE, INTERMEDIATE | 0x04})
"""esm_class bits 5 to 2: SMSC delivery receipt, SME delivery acknowledgement, intermediate
notification. A user's acknowledgement (0x10) is words of a person, so it is a reply."""

_UNKNOWN: Final = ReceiptState.UNKNOWN
"""A member has a name of its own where each receipt needs it: Python 3.11 looks it up slowly."""

STATE_OF_CODE: Final[dict[int | None, ReceiptState]] = {
    0: ReceiptState.ENROUTE,  # SMPP 5.0: scheduled
    1: ReceiptState.ENROUTE,
    2: ReceiptState.DELIVRD,
    3: ReceiptState.EXPIRED,
    4: ReceiptState.DELETED,
    5: ReceiptState.UNDELIV,
    6: ReceiptState.ACCEPTD,
    7: ReceiptState.UNKNOWN,
    8: ReceiptState.REJECTD,
    9: ReceiptState.REJECTD,  # SMPP 5.0: skipped
}
"""message_state (5.2.28)."""

STATE_OF_WORD: Final = {
    **{state.value: state for state in ReceiptState},
    "DELIVERED": ReceiptState.DELIVRD,
    "ACCEPTED": ReceiptState.ACCEPTD,
    "ACKED": ReceiptState.ACCEPTD,
    "BUFFERED": ReceiptState.ENROUTE,
    "BUFFRED": ReceiptState.ENROUTE,
    "SCHEDULED": ReceiptState.ENROUTE,
    "FAILED": ReceiptState.UNDELIV,
    "UNDELIVERABLE": ReceiptState.UNDELIV,
    "UNDELIVERED": ReceiptState.UNDELIV,
    "UNDELIVRD": ReceiptState.UNDELIV,
    "CANCELED": ReceiptState.DELETED,
    "CANCELLED": ReceiptState.DELETED,
    "NOCRED": ReceiptState.REJECTD,
    "REJECTED": ReceiptState.REJECTD,
    "SKIPPED": ReceiptState.REJECTD,
}
"""``stat`` (appendix B, table B-2), and what carriers write for it. Any other is UNKNOWN."""

_RECEIPTED_MESSAGE_ID: Final = int(Tlv.RECEIPTED_MESSAGE_ID)
_MESSAGE_STATE: Final = int(Tlv.MESSAGE_STATE)
_NETWORK_ERROR_CODE: Final = int(Tlv.NETWORK_ERROR_CODE)
_MESSAGE_PAYLOAD: Final = int(Tlv.MESSAGE_PAYLOAD)
_USER_MESSAGE_REFERENCE: Final = int(Tlv.USER_MESSAGE_REFERENCE)
_SAR: Final = tuple(map(int, (Tlv.SAR_MSG_REF_NUM, Tlv.SAR_TOTAL_SEGMENTS, Tlv.SAR_SEGMENT_SEQNUM)))

_LONGEST: Final = 64  # characters kept of stat, err and the date


def read(
    pdu: Inbound, default_alphabet: str = "gsm7", habits: Habits | None = None
) -> Receipt | Reply:
    """The receipt or the reply in ``pdu``. Total.

    ``default_alphabet`` is what data_coding 0 means in a reply (``gsm7``, ``latin1``, ``ascii``);
    a receipt's octets are ASCII, whatever its data_coding, unless they are plainly UTF-16.
    ``habits`` are the carrier's own, where it has any.
    """
    tlvs = dict(pdu.tlvs) if pdu.tlvs else {}
    octets: bytes = getattr(pdu, "short_message", b"") or tlvs.get(_MESSAGE_PAYLOAD, b"")
    if habits is not None:
        found = _by_habit(pdu, tlvs, octets, habits)
        if found is not None:
            return found
    elif pdu.esm_class & MESSAGE_TYPE in RECEIPT_TYPES:
        return _receipt(pdu, tlvs, octets)
    decoded = decode(octets, pdu.data_coding, bool(pdu.esm_class & UDHI), default_alphabet)
    return Reply(
        _number(pdu.source_addr),
        _name(pdu.destination_addr),
        decoded.text,
        pdu.data_coding,
        decoded.part or _sar(tlvs),
    )


def _receipt(pdu: Inbound, tlvs: dict[int, bytes], octets: bytes) -> Receipt:
    esm_class = pdu.esm_class
    if esm_class & UDHI:
        octets = split_header(octets)[1]
    standard = _STANDARD.match(octets.decode("latin-1"))
    carrier_message_id, done_at, stat, error = standard.groups() if standard else _fields(octets)
    state = reference = None
    if tlvs:
        state = STATE_OF_CODE.get(_tlv_number(tlvs, _MESSAGE_STATE, 1))
        reference = _tlv_number(tlvs, _USER_MESSAGE_REFERENCE, 2)
        carrier_message_id = _tlv_text(tlvs, _RECEIPTED_MESSAGE_ID) or carrier_message_id
        error = error or _network_error(tlvs.get(_NETWORK_ERROR_CODE, b""))
        stat = stat or (state.value if state else "")
    if state is None or state is _UNKNOWN:
        state = STATE_OF_WORD.get(stat.upper(), _UNKNOWN)
    if esm_class & INTERMEDIATE and state is not ReceiptState.DELIVRD:
        state = ReceiptState.ENROUTE  # an attempt failed, and the SMSC goes on trying
    return Receipt(
        carrier_message_id,
        state,
        stat,
        error,
        _number(pdu.source_addr),
        _name(pdu.destination_addr),
        reference,
        done_at,
    )


def _by_habit(
    pdu: Inbound, tlvs: dict[int, bytes], octets: bytes, habits: Habits
) -> Receipt | None:
    """A receipt as this carrier writes them; None for what is none here."""
    esm_class = pdu.esm_class
    marked = esm_class & MESSAGE_TYPE in RECEIPT_TYPES
    if not marked and habits.by == "esm_class":
        return None
    if esm_class & UDHI:
        octets = split_header(octets)[1]
    carrier_message_id, done_at, stat, error = _by_pattern(octets, habits) or _fields(octets)
    word, state = _vendor_state(tlvs, habits)
    if state is None:
        state = STATE_OF_CODE.get(_tlv_number(tlvs, _MESSAGE_STATE, 1))
    stat = stat or word or (state.value if state else "")
    if state is None or state is _UNKNOWN:
        state = state_of_word(stat, habits.states) or state
    carrier_message_id = (
        (_tlv_text(tlvs, habits.id_tlv) if habits.id_tlv else "")
        or _tlv_text(tlvs, _RECEIPTED_MESSAGE_ID)
        or carrier_message_id
    )
    if (not marked or habits.by == "text") and not (carrier_message_id and state):
        return None
    if esm_class & INTERMEDIATE and marked and state is not ReceiptState.DELIVRD:
        state = ReceiptState.ENROUTE
    return Receipt(
        carrier_message_id,
        state or _UNKNOWN,
        stat,
        error or _network_error(tlvs.get(_NETWORK_ERROR_CODE, b"")),
        _number(pdu.source_addr),
        _name(pdu.destination_addr),
        _tlv_number(tlvs, _USER_MESSAGE_REFERENCE, 2),
        done_at,
    )


def _by_pattern(octets: bytes, habits: Habits) -> tuple[str, str, str, str] | None:
    """(id, done date, stat, err) by the carrier's pattern; None where it does not match.

    The text is bounded, and so is what the pattern may do with it (:mod:`gateway.pattern`).
    """
    if habits.pattern is None:
        return None
    found = habits.pattern.match(text_of(octets)[:PATTERN_LONGEST])
    if found is None:
        return None
    said = found.groupdict("")
    return (
        clean(said.get("id", "")),
        _short(said.get("done", "")),
        _short(said.get("stat", "")),
        _short(said.get("err", "")),
    )


def _vendor_state(tlvs: dict[int, bytes], habits: Habits) -> tuple[str, ReceiptState | None]:
    """What the vendor's TLV says of the state: its word or number, and what that means to us."""
    value = tlvs.get(habits.state_tlv, b"") if habits.state_tlv else b""
    text = clean(value.decode("latin-1"))
    if text and text.isascii() and text.isprintable():
        return _short(text), state_of_word(_short(text), habits.states)
    number = _tlv_number(tlvs, habits.state_tlv, 4)
    if number is None:
        return "", None
    word = str(number)
    return word, habits.states.get(word) or STATE_OF_CODE.get(number)


def state_of_word(stat: str, states: Mapping[str, ReceiptState] = {}) -> ReceiptState | None:
    """What a ``stat`` means, by the carrier's own table and then by everybody's; None: nothing."""
    word = stat.upper()
    return states.get(word) or STATE_OF_WORD.get(word)


def unread(receipt: Receipt, states: Mapping[str, ReceiptState] = {}) -> str:
    """What of a receipt could not be read, in a word; empty when all that counts could be.

    ``nothing``: neither id nor state; ``no_id``; ``no_state``; ``unknown_state``: a word that is
    in no table. The word UNKNOWN is known, and an intermediate notification needs no state.
    """
    known = receipt.state is not _UNKNOWN or state_of_word(receipt.stat, states) is not None
    if known:
        return "" if receipt.carrier_message_id else "no_id"
    if receipt.stat:
        return "unknown_state"
    return "no_state" if receipt.carrier_message_id else "nothing"


# --- the text (appendix B) ------------------------------------------------------------------------

_STANDARD: Final = re.compile(
    r"id:([!-+\--:<-~]*+)(?: sub:[0-9]*+)?+(?: dlvrd:[0-9]*+)?+(?: submit date:[0-9]*+)?+"
    r" done date:([0-9]{0,64}+) stat:([A-Za-z]{0,64}+) err:([0-9A-Za-z]{0,64}+)"
    r"(?: [Tt]ext:|[\0 \r\n]*\Z)"
)
"""As appendix B has it, and nothing that needs cleaning: most receipts, at a fraction of what
:func:`_fields` takes to say the same. Each part ends where the next begins, so none gives back."""

_KEY: Final = re.compile(
    r"(?:\A|(?<=[\s,;]))(id|sub|dlvrd|(?:submit|done)[ _]?date|stat(?:us)?|err(?:or)?|text):",
    re.IGNORECASE,
)
_NAMES: Final = {
    "status": "stat",
    "error": "err",
    "done_date": "done date",
    "donedate": "done date",
}
_EDGES: Final = "\0 \t\r\n"
_AROUND: Final = _EDGES + ",;"


def text_of(octets: bytes) -> str:
    """A receipt's text, without blanks around it.

    Keys are ASCII, so a zero among the first two octets is UTF-16, whatever is declared.
    """
    lead = octets[:2]
    if lead == b"\xff\xfe" or (len(lead) == 2 and lead[0] and not lead[1]):
        return octets.decode("utf-16-le", "replace").lstrip("\ufeff").strip(_EDGES)
    if lead == b"\xfe\xff" or (len(lead) == 2 and not lead[0] and lead[1]):
        return octets.decode("utf-16-be", "replace").lstrip("\ufeff").strip(_EDGES)
    return octets.decode("latin-1").strip(_EDGES)


def _fields(octets: bytes) -> tuple[str, str, str, str]:
    """(id, done date, stat, err), each empty if it is not there."""
    found = _scan(text_of(octets))
    return (
        clean(_word(found.get("id", ""))),
        _short(found.get("done date", "")),
        _short(_word(found.get("stat", ""))),
        _short(_word(found.get("err", ""))),
    )


def _scan(text: str) -> dict[str, str]:
    """Key to value, keys in any order and case; the first of a kind counts.

    What follows ``text:`` is content and never read for keys. Only an empty one may stand in the
    middle ("text: stat:DELIVRD"), and after it only keys count that were not there before.
    """
    fields: dict[str, str] = {}
    parts = _KEY.split(text)
    for key, value in zip(map(str.lower, parts[1::2]), parts[2::2], strict=True):
        value = value.strip(_AROUND)
        if key == "text" and value:
            break
        fields.setdefault(_NAMES.get(key, key), value)
    return fields


def _word(value: str) -> str:
    words = value.split(None, 1)
    return words[0].strip("\0,;") if words else ""


def clean(text: str) -> str:
    """``text`` without blanks and NULs around it, and U+FFFD for what does not print.

    Everything that a carrier names and we store goes through here: records are lines of fields.
    """
    if text.isalnum():  # as numbers and words are: every letter and digit prints
        return text
    text = text.strip(_EDGES)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _short(text: str) -> str:
    return clean(text[:_LONGEST])


# --- the TLVs (5.3.2) -----------------------------------------------------------------------------


def _tlv_text(tlvs: dict[int, bytes], tag: int) -> str:
    return clean(tlvs.get(tag, b"").decode("latin-1"))


def _tlv_number(tlvs: dict[int, bytes], tag: int, longest: int) -> int | None:
    """The number in a TLV; None if it is not there, or empty, or over ``longest`` octets."""
    value = tlvs.get(tag, b"")
    return int.from_bytes(value, "big") if 0 < len(value) <= longest else None


def _network_error(value: bytes) -> str:
    """The code of network_error_code (5.3.2.31) in decimal, without the network's type."""
    if len(value) == 3:
        return str(int.from_bytes(value[1:], "big"))
    return value[:_LONGEST].hex()


def _sar(tlvs: dict[int, bytes]) -> tuple[int, int, int] | None:
    """(reference, total, number) of the sar_ parameters (5.3.2.22 to 5.3.2.24)."""
    reference, total, number = (_tlv_number(tlvs, tag, 2) for tag in _SAR)
    if reference is None or total is None or number is None:
        return None
    return (reference, total, number) if 1 <= number <= total else None


# --- addresses ------------------------------------------------------------------------------------


def _name(address: str) -> str:
    """What we are called: a number without +, a short code, or letters."""
    return address if address.isalnum() else clean(address).removeprefix("+")


def _number(address: str) -> str:
    """A debtor's number as digits, without + or 00; what is no number stays as it is."""
    name = address if address.isalnum() else _name(address)
    return name[2:] if name.startswith("00") and name.isdecimal() else name


# --- ids ------------------------------------------------------------------------------------------

_HEX: Final = re.compile(r"[0-9a-f]{1,16}")
_LARGEST: Final = 2**64


def canonical(carrier_message_id: str, mode: str) -> str:
    """The key under which the id of a submit_sm_resp is stored; empty if the id is.

    Ids are strings: case-folded, and without leading zeros where they are numbers, which words
    of hexadecimal digits up to 64 bits are in every ``mode`` but ``same``. The modes (response
    form - receipt form) are ``auto``, ``same``, ``hex-decimal`` and ``decimal-hex``.
    """
    key = clean(carrier_message_id).casefold()
    if not key.startswith("0"):
        return key
    bare = key.lstrip("0") or "0"
    if key.isascii() and key.isdigit():
        return bare
    return bare if mode != "same" and _HEX.fullmatch(bare) else key


def candidates(receipt_id: str, mode: str) -> tuple[str, ...]:
    """The keys to try for a receipt's id, best first; none for an empty id.

    A stated mode has one reading for every id that can be a number in the receipt's form, so
    that 255 (hexadecimal ff) never finds the message whose id is written 255.
    """
    key = canonical(receipt_id, mode)
    return _READINGS[mode](key) if key else ()


ONE_READING: Final = frozenset({"same", "hex-decimal"})
"""The modes in which an id has one reading."""


def first_key(receipt_id: str, mode: str) -> str:
    """The first of :func:`candidates`, which nearly always is the one; empty for none."""
    key = canonical(receipt_id, mode)
    if mode == "hex-decimal":
        return to_hex(key) or key
    if mode == "decimal-hex":
        return to_decimal(key) or key
    return key


def _read_same(key: str) -> tuple[str, ...]:
    return (key,)


def _read_decimal(key: str) -> tuple[str, ...]:
    return (to_hex(key) or key,)


def _read_hex(key: str) -> tuple[str, ...]:
    decimal = to_decimal(key)
    if not decimal:
        return (key,)
    # With letters it cannot be mistaken for a decimal id: try it as written, too.
    return (decimal,) if key.isdigit() else (decimal, key)


def _read_either(key: str) -> tuple[str, ...]:
    decimal = to_decimal(key)
    if not decimal:
        hexadecimal = to_hex(key)
        return (key, hexadecimal) if hexadecimal else (key,)
    return tuple(dict.fromkeys(filter(None, (key, to_hex(key), decimal))))


_READINGS: Final[dict[str, Callable[[str], tuple[str, ...]]]] = {
    "auto": _read_either,
    "same": _read_same,
    "hex-decimal": _read_decimal,
    "decimal-hex": _read_hex,
}


def to_hex(key: str) -> str:
    """A key that is a decimal number up to 64 bits in hexadecimal; empty for any other."""
    if len(key) > 20 or not (key.isascii() and key.isdigit()):
        return ""
    number = int(key)
    return f"{number:x}" if number < _LARGEST else ""


def to_decimal(key: str) -> str:
    """A key of hexadecimal digits, up to 64 bits, in decimal; empty for any other."""
    return str(int(key, 16)) if _HEX.fullmatch(key) else ""
