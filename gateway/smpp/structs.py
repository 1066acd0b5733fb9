"""The shapes of SMPP 3.4's PDUs, field by field in the order of the wire (section 4).

Each field's annotation says how it lies on the wire, so that this file is the table from which
:mod:`gateway.smpp.codec` encodes and decodes. Fields have the specification's names; C-octet
strings are ``str`` (latin-1), octet strings ``bytes``, integers ``int``. The lengths (sm_length,
number_of_dests, no_unsuccess) are counted, never stored. Optional parameters are ``(tag, value)``
pairs in the order in which they came, known or not.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias, get_args

import msgspec

from gateway.smpp.constants import INTERFACE_VERSION, Command
from gateway.smpp.wire import (
    CString,
    Destinations,
    DistributionList,
    Integer,
    OctetString,
    Refusals,
    SmeAddress,
    UnsuccessSme,
)

Octet = Annotated[int, Integer(1)]
ServiceType = Annotated[str, CString(6)]
Address = Annotated[str, CString(21)]
LongAddress = Annotated[str, CString(65)]
Time = Annotated[str, CString(17)]
MessageId = Annotated[str, CString(65)]
SystemId = Annotated[str, CString(65)]
"""16 octets with the NUL in SMPP 3.4, 5.2.1; carriers give out longer ones."""
Password = Annotated[str, CString(65)]
"""9 octets in 5.2.2; carriers give out 20 and more, and compare them all."""
ShortMessage = Annotated[bytes, OctetString(254)]


class Header(msgspec.Struct, frozen=True, gc=False):
    """What every PDU has beside its body (3.2): its number, its status, its TLVs."""

    sequence_number: int = 0
    command_status: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()


class Request(Header, frozen=True, gc=False):
    """A PDU that asks for something, or tells something (outbind, alert_notification)."""

    command_id: ClassVar[Command]


class Response(Header, frozen=True, gc=False):
    """A PDU that answers one, with its sequence_number."""

    command_id: ClassVar[Command]


def _without_password(pdu: Bind | Outbind) -> str:
    """A repr that may stand in a log."""
    return f"{type(pdu).__name__}(system_id={pdu.system_id!r}, password=...)"


# Binding (4.1)


class Bind(Request, frozen=True, gc=False):
    """The three bind requests have one body."""

    system_id: SystemId = ""
    password: Password = ""
    system_type: Annotated[str, CString(13)] = ""
    interface_version: Octet = INTERFACE_VERSION
    addr_ton: Octet = 0
    addr_npi: Octet = 0
    address_range: Annotated[str, CString(41)] = ""

    def __repr__(self) -> str:
        return _without_password(self)


class BindResp(Response, frozen=True, gc=False):
    """Their responses too. On an error there is no body (4.1.2)."""

    system_id: SystemId = ""


class BindTransmitter(Bind, frozen=True, gc=False):
    """bind_transmitter (4.1.1)."""

    command_id: ClassVar[Command] = Command.BIND_TRANSMITTER


class BindTransmitterResp(BindResp, frozen=True, gc=False):
    """bind_transmitter_resp (4.1.2)."""

    command_id: ClassVar[Command] = Command.BIND_TRANSMITTER_RESP


class BindReceiver(Bind, frozen=True, gc=False):
    """bind_receiver (4.1.3)."""

    command_id: ClassVar[Command] = Command.BIND_RECEIVER


class BindReceiverResp(BindResp, frozen=True, gc=False):
    """bind_receiver_resp (4.1.4)."""

    command_id: ClassVar[Command] = Command.BIND_RECEIVER_RESP


class BindTransceiver(Bind, frozen=True, gc=False):
    """bind_transceiver (4.1.5)."""

    command_id: ClassVar[Command] = Command.BIND_TRANSCEIVER


class BindTransceiverResp(BindResp, frozen=True, gc=False):
    """bind_transceiver_resp (4.1.6)."""

    command_id: ClassVar[Command] = Command.BIND_TRANSCEIVER_RESP


class Outbind(Request, frozen=True, gc=False):
    """outbind (4.1.7): the SMSC asks the ESME to bind. It has no response."""

    command_id: ClassVar[Command] = Command.OUTBIND
    system_id: SystemId = ""
    password: Password = ""

    def __repr__(self) -> str:
        return _without_password(self)


class Unbind(Request, frozen=True, gc=False):
    """unbind (4.2.1)."""

    command_id: ClassVar[Command] = Command.UNBIND


class UnbindResp(Response, frozen=True, gc=False):
    """unbind_resp (4.2.2)."""

    command_id: ClassVar[Command] = Command.UNBIND_RESP


class GenericNack(Response, frozen=True, gc=False):
    """generic_nack (4.3.1): the answer to what could not be read."""

    command_id: ClassVar[Command] = Command.GENERIC_NACK


class EnquireLink(Request, frozen=True, gc=False):
    """enquire_link (4.11.1)."""

    command_id: ClassVar[Command] = Command.ENQUIRE_LINK


class EnquireLinkResp(Response, frozen=True, gc=False):
    """enquire_link_resp (4.11.2)."""

    command_id: ClassVar[Command] = Command.ENQUIRE_LINK_RESP


# Messages (4.4 to 4.7)


class Submission(Request, frozen=True, gc=False):
    """submit_sm and deliver_sm have one body."""

    service_type: ServiceType = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: Address = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: Address = ""
    esm_class: Octet = 0
    protocol_id: Octet = 0
    priority_flag: Octet = 0
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: Octet = 0
    replace_if_present_flag: Octet = 0
    data_coding: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""


class SubmitSm(Submission, frozen=True, gc=False):
    """submit_sm (4.4.1)."""

    command_id: ClassVar[Command] = Command.SUBMIT_SM


class SubmitSmResp(Response, frozen=True, gc=False):
    """submit_sm_resp (4.4.2). On an error there is no body."""

    command_id: ClassVar[Command] = Command.SUBMIT_SM_RESP
    message_id: MessageId = ""


class DeliverSm(Submission, frozen=True, gc=False):
    """deliver_sm (4.6.1): a reply or a receipt."""

    command_id: ClassVar[Command] = Command.DELIVER_SM


class DeliverSmResp(Response, frozen=True, gc=False):
    """deliver_sm_resp (4.6.2). message_id is unused and empty."""

    command_id: ClassVar[Command] = Command.DELIVER_SM_RESP
    message_id: MessageId = ""


class SubmitMulti(Request, frozen=True, gc=False):
    """submit_multi (4.5.1)."""

    command_id: ClassVar[Command] = Command.SUBMIT_MULTI
    service_type: ServiceType = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: Address = ""
    dest_addresses: Annotated[tuple[SmeAddress | DistributionList, ...], Destinations()] = ()
    esm_class: Octet = 0
    protocol_id: Octet = 0
    priority_flag: Octet = 0
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: Octet = 0
    replace_if_present_flag: Octet = 0
    data_coding: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""


class SubmitMultiResp(Response, frozen=True, gc=False):
    """submit_multi_resp (4.5.2)."""

    command_id: ClassVar[Command] = Command.SUBMIT_MULTI_RESP
    message_id: MessageId = ""
    unsuccess_smes: Annotated[tuple[UnsuccessSme, ...], Refusals()] = ()


class DataSm(Request, frozen=True, gc=False):
    """data_sm (4.7.1): the message itself is the TLV message_payload."""

    command_id: ClassVar[Command] = Command.DATA_SM
    service_type: ServiceType = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: LongAddress = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: LongAddress = ""
    esm_class: Octet = 0
    registered_delivery: Octet = 0
    data_coding: Octet = 0


class DataSmResp(Response, frozen=True, gc=False):
    """data_sm_resp (4.7.2)."""

    command_id: ClassVar[Command] = Command.DATA_SM_RESP
    message_id: MessageId = ""


# Ancillary operations (4.8 to 4.12)


class QuerySm(Request, frozen=True, gc=False):
    """query_sm (4.8.1)."""

    command_id: ClassVar[Command] = Command.QUERY_SM
    message_id: MessageId = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: Address = ""


class QuerySmResp(Response, frozen=True, gc=False):
    """query_sm_resp (4.8.2)."""

    command_id: ClassVar[Command] = Command.QUERY_SM_RESP
    message_id: MessageId = ""
    final_date: Time = ""
    message_state: Octet = 0
    error_code: Octet = 0


class CancelSm(Request, frozen=True, gc=False):
    """cancel_sm (4.9.1)."""

    command_id: ClassVar[Command] = Command.CANCEL_SM
    service_type: ServiceType = ""
    message_id: MessageId = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: Address = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: Address = ""


class CancelSmResp(Response, frozen=True, gc=False):
    """cancel_sm_resp (4.9.2)."""

    command_id: ClassVar[Command] = Command.CANCEL_SM_RESP


class ReplaceSm(Request, frozen=True, gc=False):
    """replace_sm (4.10.1)."""

    command_id: ClassVar[Command] = Command.REPLACE_SM
    message_id: MessageId = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: Address = ""
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""


class ReplaceSmResp(Response, frozen=True, gc=False):
    """replace_sm_resp (4.10.2)."""

    command_id: ClassVar[Command] = Command.REPLACE_SM_RESP


class AlertNotification(Request, frozen=True, gc=False):
    """alert_notification (4.12.1). It has no response."""

    command_id: ClassVar[Command] = Command.ALERT_NOTIFICATION
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: LongAddress = ""
    esme_addr_ton: Octet = 0
    esme_addr_npi: Octet = 0
    esme_addr: LongAddress = ""


# What is not in the specification, or does not keep to it


class Unknown(Header, frozen=True, gc=False):
    """A PDU whose command_id SMPP 3.4 does not have; ``body`` is all after the header."""

    command_id: int = 0
    body: bytes = b""


class Malformed(Header, frozen=True, gc=False):
    """A request whose body cannot be read.

    ``command_status`` is the status with which to answer it, ``reason`` a sentence that names
    the field, ``body`` all after the header.
    """

    command_id: int = 0
    reason: str = ""
    body: bytes = b""


Known: TypeAlias = (
    BindTransmitter
    | BindTransmitterResp
    | BindReceiver
    | BindReceiverResp
    | BindTransceiver
    | BindTransceiverResp
    | Outbind
    | Unbind
    | UnbindResp
    | GenericNack
    | EnquireLink
    | EnquireLinkResp
    | SubmitSm
    | SubmitSmResp
    | DeliverSm
    | DeliverSmResp
    | SubmitMulti
    | SubmitMultiResp
    | DataSm
    | DataSmResp
    | QuerySm
    | QuerySmResp
    | CancelSm
    | CancelSmResp
    | ReplaceSm
    | ReplaceSmResp
    | AlertNotification
)
"""Every PDU of SMPP 3.4."""

Pdu: TypeAlias = Request | Response | Unknown | Malformed
"""All that decoding can give."""

KINDS: tuple[type[Known], ...] = get_args(Known)
"""The classes of :data:`Known`."""
