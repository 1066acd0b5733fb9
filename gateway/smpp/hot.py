"""Fast code for the four PDUs of a message's way: submit_sm, deliver_sm and their responses.

Each function does in one pass what the table-driven codec does field by field. It takes only
what is ordinary; whatever does not fit (a value out of range, a body that ends too early, an
optional parameter cut short) raises one of :data:`UNUSUAL` somewhere within, and codec.py does
it again slowly, to say exactly what is wrong or to keep what can be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from struct import Struct
from struct import error as StructError
from typing import Final

from gateway.smpp.codec import pack_header
from gateway.smpp.constants import Command
from gateway.smpp.structs import (
    DeliverSm,
    DeliverSmResp,
    Pdu,
    SubmitSm,
    SubmitSmResp,
)

UNUSUAL: Final = (
    ValueError,  # bytes.index, UnicodeEncodeError, and our own
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    StructError,
)
"""What a fast function raises to hand its work to the table-driven codec."""

_SUBMIT_SM: Final = int(Command.SUBMIT_SM)
_SUBMIT_SM_RESP: Final = int(Command.SUBMIT_SM_RESP)
_DELIVER_SM: Final = int(Command.DELIVER_SM)
_DELIVER_SM_RESP: Final = int(Command.DELIVER_SM_RESP)

_CHARACTER: Final = {octet: chr(octet) for octet in range(256)}
"""An octet as the latin-1 character it is; any other number raises KeyError."""

_pack_empty_resp: Final = Struct(">IIIIB").pack
"""A header and an empty message_id."""
_pack_tlv: Final = Struct(">HH").pack
_unpack_tlv: Final = Struct(">HH").unpack_from


@lru_cache(maxsize=4096)
def _options(
    esm_class: int,
    protocol_id: int,
    priority_flag: int,
    schedule_delivery_time: str,
    validity_period: str,
    registered_delivery: int,
    replace_if_present_flag: int,
    data_coding: int,
    sm_default_msg_id: int,
) -> str:
    """From the NUL of destination_addr to sm_length: much the same in message after message."""
    if len(schedule_delivery_time) > 16 or len(validity_period) > 16:
        raise ValueError
    if "\0" in schedule_delivery_time or "\0" in validity_period:
        raise ValueError
    octet = _CHARACTER
    return (
        f"\0{octet[esm_class]}{octet[protocol_id]}{octet[priority_flag]}"
        f"{schedule_delivery_time}\0{validity_period}\0"
        f"{octet[registered_delivery]}{octet[replace_if_present_flag]}"
        f"{octet[data_coding]}{octet[sm_default_msg_id]}"
    )


def _body(pdu: SubmitSm | DeliverSm) -> bytes:
    """The body that submit_sm and deliver_sm share (4.4.1, 4.6.1), TLVs included."""
    service_type = pdu.service_type
    source = pdu.source_addr
    destination = pdu.destination_addr
    text = pdu.short_message
    if (
        len(service_type) > 5
        or len(source) > 20
        or len(destination) > 20
        or "\0" in service_type
        or "\0" in source
        or "\0" in destination
        or len(text) > 254
    ):
        raise ValueError
    octet = _CHARACTER
    options = _options(
        pdu.esm_class,
        pdu.protocol_id,
        pdu.priority_flag,
        pdu.schedule_delivery_time,
        pdu.validity_period,
        pdu.registered_delivery,
        pdu.replace_if_present_flag,
        pdu.data_coding,
        pdu.sm_default_msg_id,
    )
    body = (
        f"{service_type}\0"
        f"{octet[pdu.source_addr_ton]}{octet[pdu.source_addr_npi]}{source}\0"
        f"{octet[pdu.dest_addr_ton]}{octet[pdu.dest_addr_npi]}{destination}"
        f"{options}{octet[len(text)]}"
    ).encode("latin-1") + text
    for tag, value in pdu.tlvs:
        body += _pack_tlv(tag, len(value)) + value
    return body


def encode_submit_sm(pdu: SubmitSm, sequence_number: int) -> bytes:
    """``pdu`` on the wire, or UNUSUAL."""
    body = _body(pdu)
    return pack_header(16 + len(body), _SUBMIT_SM, pdu.command_status, sequence_number) + body


def encode_deliver_sm(pdu: DeliverSm, sequence_number: int) -> bytes:
    """``pdu`` on the wire, or UNUSUAL."""
    body = _body(pdu)
    return pack_header(16 + len(body), _DELIVER_SM, pdu.command_status, sequence_number) + body


def encode_submit_sm_resp(pdu: SubmitSmResp, sequence_number: int) -> bytes:
    """``pdu`` on the wire, or UNUSUAL."""
    message_id = pdu.message_id
    status = pdu.command_status
    if pdu.tlvs or len(message_id) > 64 or "\0" in message_id:
        raise ValueError
    if status and not message_id:
        return pack_header(16, _SUBMIT_SM_RESP, status, sequence_number)
    body = message_id.encode("latin-1") + b"\0"
    return pack_header(16 + len(body), _SUBMIT_SM_RESP, status, sequence_number) + body


def encode_deliver_sm_resp(pdu: DeliverSmResp, sequence_number: int) -> bytes:
    """``pdu`` on the wire, or UNUSUAL."""
    if pdu.tlvs or pdu.message_id:
        raise ValueError
    return pack_header(17, _DELIVER_SM_RESP, pdu.command_status, sequence_number) + b"\0"


def deliver_sm_resps(sequence_numbers: Iterable[int]) -> bytes:
    """A deliver_sm_resp with ESME_ROK for each of these numbers of deliver_sm that were read."""
    return b"".join(
        [_pack_empty_resp(17, _DELIVER_SM_RESP, 0, number, 0) for number in sequence_numbers]
    )


def _tlvs(octets: bytes, position: int) -> tuple[tuple[int, bytes], ...]:
    """The optional parameters from ``position`` on, or UNUSUAL, if only for ending before it."""
    found = []
    size = len(octets)
    if position > size:
        raise ValueError
    while position < size:
        tag, length = _unpack_tlv(octets, position)
        start = position + 4
        position = start + length
        if position > size:
            raise ValueError
        found.append((tag, octets[start:position]))
    return tuple(found)


def _submission_decoder(
    kind: type[SubmitSm] | type[DeliverSm],
) -> Callable[[bytes, int, int], Pdu]:
    """The decoder of submit_sm or deliver_sm: called with a whole frame; or UNUSUAL.

    It cuts the body at the NULs, one string after the other. Where a NUL is missing nothing is
    left behind it, so that the octet read next raises IndexError. The fields that are mostly
    empty are looked at before they are cut.
    """

    def decode(octets: bytes, command_status: int, sequence_number: int) -> Pdu:
        service_type = schedule = validity = b""
        if octets[16]:
            service_type, _, rest = octets[16:].partition(b"\0")
        else:
            rest = octets[17:]
        source, _, after_source = rest[2:].partition(b"\0")
        destination, _, options = after_source[2:].partition(b"\0")
        if options[3]:
            schedule, _, times = options[3:].partition(b"\0")
        else:
            times = options[4:]
        if times[0]:
            validity, _, tail = times.partition(b"\0")
        else:
            tail = times[1:]
        end = 5 + tail[4]
        return kind(
            sequence_number,
            command_status,
            () if end == len(tail) else _tlvs(tail, end),
            service_type.decode("latin-1") if service_type else "",
            rest[0],
            rest[1],
            source.decode("latin-1"),
            after_source[0],
            after_source[1],
            destination.decode("latin-1"),
            options[0],
            options[1],
            options[2],
            schedule.decode("latin-1") if schedule else "",
            validity.decode("latin-1") if validity else "",
            tail[0],
            tail[1],
            tail[2],
            tail[3],
            tail[5:end],
        )

    return decode


decode_submit_sm: Final = _submission_decoder(SubmitSm)
decode_deliver_sm: Final = _submission_decoder(DeliverSm)


def decode_submit_sm_resp(octets: bytes, status: int, sequence_number: int) -> Pdu:
    """The submit_sm_resp in a whole frame without TLVs, or UNUSUAL."""
    if len(octets) == 16:
        return SubmitSmResp(sequence_number, status)
    if octets.index(0, 16) != len(octets) - 1:
        raise ValueError
    return SubmitSmResp(sequence_number, status, (), octets[16:-1].decode("latin-1"))


def decode_deliver_sm_resp(octets: bytes, status: int, sequence_number: int) -> Pdu:
    """The deliver_sm_resp in a whole frame without TLVs, or UNUSUAL."""
    if len(octets) == 16:
        return DeliverSmResp(sequence_number, status)
    if octets.index(0, 16) != len(octets) - 1:
        raise ValueError
    return DeliverSmResp(sequence_number, status, (), octets[16:-1].decode("latin-1"))


FAST_DECODE: Final[dict[int, Callable[[bytes, int, int], Pdu]]] = {
    _SUBMIT_SM: decode_submit_sm,
    _SUBMIT_SM_RESP: decode_submit_sm_resp,
    _DELIVER_SM: decode_deliver_sm,
    _DELIVER_SM_RESP: decode_deliver_sm_resp,
}
"""By command_id: called with the frame, its command_status and its sequence_number."""

FAST_ENCODE: Final[dict[type, Callable[..., bytes]]] = {
    SubmitSm: encode_submit_sm,
    SubmitSmResp: encode_submit_sm_resp,
    DeliverSm: encode_deliver_sm,
    DeliverSmResp: encode_deliver_sm_resp,
}
"""By class: called with the PDU and the sequence_number to write."""
