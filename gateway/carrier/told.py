"""One PDU, or one event of a connection, as a line of a trace: an object for JSON, masked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from gateway.carrier.masked import is_receipt, masked, shows_keys
from gateway.config import Carrier
from gateway.log import mask_text
from gateway.smpp.codec import LAYOUTS, unpack_header
from gateway.smpp.constants import Command, Tlv, status_name
from gateway.smpp.pdu import Malformed, Pdu, Unknown, decode
from gateway.smpp.receipt import UDHI, text_of
from gateway.smpp.text import concatenation, split_header
from gateway.smpp.text import decode as decode_text

UNFRAMED: Final = "unframed"
"""The event of octets that are no PDU: nothing more of that direction is told."""

MOST_TLVS: Final = 100
"""Of one PDU: a broken one may have 16,000."""

_PAYLOAD: Final = int(Tlv.MESSAGE_PAYLOAD)
_NAMES: Final = {int(tag): tag.name.lower() for tag in Tlv}
_WORDS: Final = frozenset({Tlv.RECEIPTED_MESSAGE_ID, Tlv.ADDITIONAL_STATUS_INFO_TEXT})
"""TLVs that are text, however short."""
_COMMANDS: Final = {int(command): command.name.lower() for command in Command}


class Show(NamedTuple):
    """What a watcher asked for."""

    numbers: bool = False
    texts: bool = False
    octets: bool = False


class Record(NamedTuple):
    """What happened: a PDU where ``direction`` is ``in`` or ``out``, else an event."""

    at_ns: int
    bind: int = 0
    mode: str = ""
    direction: str = ""
    octets: bytes = b""
    event: str = ""
    reason: str = ""
    state: str = ""
    lost: int = 0
    """So many records were dropped here."""


def line(carrier: Carrier, record: Record, show: Show) -> dict[str, Any]:
    """The line of one record. Total."""
    told: dict[str, Any] = {"at": moment(record.at_ns), "carrier": carrier.name}
    if record.lost:
        return told | {"lost": record.lost}
    told |= {"bind": record.bind, "mode": record.mode}
    if record.event == UNFRAMED:
        told |= {"direction": record.direction, "length": len(record.octets)}
        told["problem"] = record.reason
        if show.octets and show.numbers and show.texts:
            told["octets"] = record.octets.hex()
        return told
    if record.event:
        told["event"] = record.event
        if record.event == "bind":
            told |= {"state": record.state, "port": carrier.port}
        return told | ({"reason": record.reason} if record.reason else {})
    told["direction"] = record.direction
    return told | _pdu(record.octets, show, carrier.default_alphabet)


def moment(at_ns: int) -> str:
    """RFC 3339 with microseconds."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _pdu(frame: bytes, show: Show, alphabet: str) -> dict[str, Any]:
    _, command_id, command_status, sequence_number = unpack_header(frame)
    shown = masked(frame, show.numbers, show.texts)
    pdu = decode(frame)
    told: dict[str, Any] = {
        "pdu": _COMMANDS.get(command_id) or f"0x{command_id:08x}",
        "sequence_number": sequence_number,
    }
    if command_status:
        told["command_status"] = status_name(command_status)
    if isinstance(pdu, Malformed):
        told["problem"] = pdu.reason
    elif isinstance(pdu, Unknown):
        told["problem"] = "SMPP 3.4 has no such command_id"
    else:
        told |= _body(pdu, decode(shown), show, alphabet)
    told["length"] = len(frame)
    if show.octets:
        told["octets"] = shown.hex()
    return told


def _body(pdu: Pdu, shown: Pdu, show: Show, alphabet: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    fields = _fields(shown)
    if fields:
        told["fields"] = fields
    if shown.tlvs:
        told["tlvs"] = _tlvs(shown.tlvs[:MOST_TLVS])
    if len(shown.tlvs) > MOST_TLVS:
        told["tlvs_left_out"] = len(shown.tlvs) - MOST_TLVS
    octets = _message(pdu)
    if octets:
        told |= _text(pdu, octets, _message(shown), show, alphabet)
    return told


def _fields(pdu: Pdu) -> dict[str, Any]:
    """Those that say something, by their names."""
    fields: dict[str, Any] = {}
    for name, _ in LAYOUTS.get(type(pdu), ()):
        value = getattr(pdu, name)
        if value and name != "short_message":
            fields[name] = "***" if name == "password" else msgspec.to_builtins(value)
    return fields


def _tlvs(tlvs: tuple[tuple[int, bytes], ...]) -> dict[str, str | int]:
    """By their names, or tags where they have none; the second of a kind is ``name.2``."""
    told: dict[str, str | int] = {}
    for tag, value in tlvs:
        name = key = _NAMES.get(tag) or f"0x{tag:04x}"
        times = 1
        while key in told:
            times += 1
            key = f"{name}.{times}"
        told[key] = _value(tag, value)
    return told


def _value(tag: int, value: bytes) -> str | int:
    """A number for what SMPP 3.4 has as one, text as text, anything else in hexadecimal."""
    if tag == _PAYLOAD:
        return f"<{len(value)} octets>"
    if tag in _NAMES and tag not in _WORDS and len(value) in (1, 2, 4):
        return int.from_bytes(value, "big")
    text = value.rstrip(b"\0").decode("latin-1")
    if text and text.isascii() and text.isprintable():
        return text
    return "0x" + value.hex() if value else ""


def _message(pdu: Pdu) -> bytes:
    return getattr(pdu, "short_message", b"") or dict(pdu.tlvs).get(_PAYLOAD, b"")


def _text(pdu: Pdu, octets: bytes, shown: bytes, show: Show, alphabet: str) -> dict[str, Any]:
    """The text, and the user-data header with the part that it says."""
    esm_class = getattr(pdu, "esm_class", 0)
    data_coding = getattr(pdu, "data_coding", 0)
    udhi = bool(esm_class & UDHI)
    header, body = split_header(shown) if udhi else (b"", shown)
    told: dict[str, Any] = {}
    if is_receipt(type(pdu), esm_class) and shows_keys(text_of(body)):
        told["text"] = text_of(body)
    elif show.texts:
        told["text"] = decode_text(shown, data_coding, udhi, alphabet).text
    else:
        told["text"] = mask_text(decode_text(octets, data_coding, udhi, alphabet).text)
    if header:
        told["udh"] = header.hex()
    part = concatenation(header)
    return told | ({"part": f"{part[2]}/{part[1]}"} if part else {})
