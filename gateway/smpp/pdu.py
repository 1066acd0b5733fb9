"""PDUs in and out: the face of the codec.

``decode`` never raises and never loses anything: an unknown command is :class:`Unknown`, a
request that cannot be read is :class:`Malformed`, an unknown status stays an ``int`` and an
unknown TLV stays ``(tag, octets)``. What it takes and refuses is told in codec.py.

::

    constants   command_id, command_status, TON, NPI, TLV tags: aiosmpplib's
    wire        one field on the wire
    structs     the PDUs, field by field
    codec       all of them, by table
    hot         the four of the message's way, fast
    framing     a stream of octets into PDUs
"""

from __future__ import annotations

from typing import Final

from gateway.smpp.codec import KIND_OF, decode_by_table, encode_by_table, unpack_header
from gateway.smpp.constants import (
    HEADER_LENGTH,
    MAX_SEQUENCE_NUMBER,
    RESPONSE_BIT,
    Command,
    Npi,
    Status,
    Tlv,
    Ton,
    status_name,
    status_text,
)
from gateway.smpp.framing import FramingError, split
from gateway.smpp.hot import FAST_DECODE, FAST_ENCODE, UNUSUAL
from gateway.smpp.structs import (
    KINDS,
    AlertNotification,
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Header,
    Known,
    Malformed,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    Request,
    Response,
    Submission,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    Unknown,
)
from gateway.smpp.wire import DistributionList, SmeAddress, UnsuccessSme

__all__ = [
    "HEADER_LENGTH",
    "KINDS",
    "MAX_SEQUENCE_NUMBER",
    "RESPONSE_BIT",
    "RESPONSE_TO",
    "AlertNotification",
    "Bind",
    "BindReceiver",
    "BindReceiverResp",
    "BindResp",
    "BindTransceiver",
    "BindTransceiverResp",
    "BindTransmitter",
    "BindTransmitterResp",
    "CancelSm",
    "CancelSmResp",
    "Command",
    "DataSm",
    "DataSmResp",
    "DeliverSm",
    "DeliverSmResp",
    "DistributionList",
    "EnquireLink",
    "EnquireLinkResp",
    "FramingError",
    "GenericNack",
    "Header",
    "Known",
    "Malformed",
    "Npi",
    "Outbind",
    "Pdu",
    "QuerySm",
    "QuerySmResp",
    "ReplaceSm",
    "ReplaceSmResp",
    "Request",
    "Response",
    "SmeAddress",
    "Status",
    "Submission",
    "SubmitMulti",
    "SubmitMultiResp",
    "SubmitSm",
    "SubmitSmResp",
    "Tlv",
    "Ton",
    "Unbind",
    "UnbindResp",
    "Unknown",
    "UnsuccessSme",
    "answer",
    "decode",
    "encode",
    "encode_as",
    "split",
    "status_name",
    "status_text",
]

RESPONSE_TO: Final[dict[int, type[Response]]] = {
    kind.command_id ^ RESPONSE_BIT: kind
    for kind in KINDS
    if issubclass(kind, Response) and kind is not GenericNack
}
"""The class that answers a request's command_id; outbind and alert_notification have none."""


def encode(pdu: Pdu) -> bytes:
    """``pdu`` on the wire, header included. Raises EncodeError, which names the field."""
    return encode_as(pdu, pdu.sequence_number)


def encode_as(pdu: Pdu, sequence_number: int) -> bytes:
    """:func:`encode` under another sequence_number than the PDU's own."""
    try:
        return FAST_ENCODE[type(pdu)](pdu, sequence_number)
    except UNUSUAL:
        return encode_by_table(pdu, sequence_number)


def decode(frame: bytes) -> Pdu:
    """The PDU in ``frame``, a whole one with its header. Total: it never raises.

    ``frame`` ends where it ends: its command_length is for :func:`split` alone. Fewer than 16
    octets are Malformed with command_id 0.
    """
    try:
        _, command_id, command_status, sequence_number = unpack_header(frame)
        return FAST_DECODE[command_id](frame, command_status, sequence_number)
    except UNUSUAL:
        return _decode_slowly(frame)


def _decode_slowly(frame: bytes) -> Pdu:
    if len(frame) < HEADER_LENGTH:
        reason = f"{len(frame)} octets are no header"
        return Malformed(0, Status.ESME_RINVCMDLEN, (), 0, reason, frame)
    _, command_id, command_status, sequence_number = unpack_header(frame)
    kind = KIND_OF.get(command_id)
    if kind is None:
        body = frame[HEADER_LENGTH:]
        return Unknown(sequence_number, command_status, (), command_id, body)
    return decode_by_table(frame, kind)


def answer(request: Pdu, command_status: int = 0) -> Response:
    """The response to ``request`` with ``command_status`` and an empty body.

    What has no response of its own (an unknown command) is answered with generic_nack.
    """
    kind = RESPONSE_TO.get(request.command_id, GenericNack)
    return kind(request.sequence_number, command_status)
