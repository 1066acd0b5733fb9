"""aiosmpplib and smpplib write and read the same octets as we do, within what they can say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aiosmpplib
import pytest
import smpplib.command
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.smpp import pdu as ours
from gateway.smpp.pdu import MAX_SEQUENCE_NUMBER, Npi, Status, Tlv, Ton, decode, encode
from tests.smpp.strategies import integers, plain, written

ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
OCTETS = st.integers(0, 255)
NUMBERS = st.integers(1, MAX_SEQUENCE_NUMBER)


def texts(limit: int) -> st.SearchStrategy[str]:
    return st.text(ASCII, max_size=limit - 1)


MESSAGES = st.fixed_dictionaries(
    {
        "service_type": texts(6),
        "source_addr_ton": st.sampled_from(Ton),
        "source_addr_npi": st.sampled_from(Npi),
        "source_addr": texts(21),
        "dest_addr_ton": st.sampled_from(Ton),
        "dest_addr_npi": st.sampled_from(Npi),
        "destination_addr": texts(21),
        "esm_class": OCTETS.map(lambda octet: octet & 0xBF),
        "protocol_id": OCTETS,
        "priority_flag": OCTETS,
        "validity_period": st.sampled_from(["", "000001020304000R"]),
        "registered_delivery": OCTETS,
        "replace_if_present_flag": OCTETS,
        "sm_default_msg_id": OCTETS,
    }
)
VALIDITY = {"": None, "000001020304000R": timedelta(days=1, hours=2, minutes=3, seconds=4)}

BINDS = st.fixed_dictionaries(
    {
        "system_id": texts(16),
        "password": texts(9),
        "system_type": texts(13),
        "addr_ton": st.sampled_from(Ton),
        "addr_npi": st.sampled_from(Npi),
        "address_range": texts(41),
    }
)


def aiosmpplib_message(kind: Any, number: int, fields: dict[str, Any], text: str) -> Any:
    """aiosmpplib's form of the same message, its text in ASCII (data_coding 1)."""
    same = (
        "service_type",
        "esm_class",
        "protocol_id",
        "priority_flag",
        "registered_delivery",
        "replace_if_present_flag",
        "sm_default_msg_id",
    )
    phone = aiosmpplib.PhoneNumber
    return kind(
        sequence_num=number,
        short_message=text,
        source=phone(fields["source_addr"], fields["source_addr_ton"], fields["source_addr_npi"]),
        destination=phone(
            fields["destination_addr"], fields["dest_addr_ton"], fields["dest_addr_npi"]
        ),
        validity_period=VALIDITY[fields["validity_period"]],
        encoding="ascii",
        optional_params=[aiosmpplib.OptionalParam(Tlv.SOURCE_PORT, 9200)],
        **{name: fields[name] for name in same},
    )


def read_by_aiosmpplib(kind: Any, frame: bytes) -> Any:
    return kind.from_pdu(frame, kind.parse_header(frame), default_encoding="ascii")


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [(ours.SubmitSm, aiosmpplib.SubmitSm), (ours.DeliverSm, aiosmpplib.DeliverSm)],
)
@given(fields=MESSAGES, text=st.text(ASCII, min_size=1, max_size=200), number=NUMBERS)
def test_messages_agree_with_aiosmpplib(
    kind: Any, theirs: Any, fields: dict[str, Any], text: str, number: int
) -> None:
    message = kind(
        sequence_number=number,
        data_coding=1,
        short_message=text.encode(),
        tlvs=((Tlv.SOURCE_PORT, (9200).to_bytes(2, "big")),),
        **fields,
    )
    their_message = aiosmpplib_message(theirs, number, fields, text)
    frame = their_message.pdu()
    assert encode(message) == frame
    assert decode(frame) == message
    assert read_by_aiosmpplib(theirs, encode(message)) == their_message


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [
        (ours.SubmitSmResp, aiosmpplib.SubmitSmResp),
        (ours.DeliverSmResp, aiosmpplib.DeliverSmResp),
    ],
)
@given(message_id=texts(65), number=NUMBERS)
def test_message_responses_agree_with_aiosmpplib(
    kind: Any, theirs: Any, message_id: str, number: int
) -> None:
    if kind is ours.DeliverSmResp:
        message_id = ""
        their_response = theirs(sequence_num=number)
    else:
        their_response = theirs(sequence_num=number, message_id=message_id)
    response = kind(number, message_id=message_id)
    assert encode(response) == their_response.pdu()
    assert decode(their_response.pdu()) == response
    assert read_by_aiosmpplib(theirs, encode(response)) == their_response


@pytest.mark.parametrize("name", ["BindTransmitter", "BindReceiver", "BindTransceiver"])
@given(fields=BINDS, number=NUMBERS)
def test_binds_agree_with_aiosmpplib(name: str, fields: dict[str, Any], number: int) -> None:
    bind = getattr(ours, name)(number, **fields)
    theirs = getattr(aiosmpplib, name)
    their_bind = theirs(sequence_num=number, **fields)
    assert encode(bind) == their_bind.pdu()
    assert decode(their_bind.pdu()) == bind
    assert read_by_aiosmpplib(theirs, encode(bind)) == their_bind


@pytest.mark.parametrize("name", ["BindTransmitterResp", "BindReceiverResp", "BindTransceiverResp"])
@given(system_id=texts(16), version=OCTETS, number=NUMBERS)
def test_bind_responses_agree_with_aiosmpplib(
    name: str, system_id: str, version: int, number: int
) -> None:
    tlvs = ((Tlv.SC_INTERFACE_VERSION, bytes((version,))),)
    response = getattr(ours, name)(number, system_id=system_id, tlvs=tlvs)
    theirs = getattr(aiosmpplib, name)
    their_response = theirs(sequence_num=number, system_id=system_id, sc_interface_version=version)
    assert encode(response) == their_response.pdu()
    assert decode(their_response.pdu()) == response
    assert read_by_aiosmpplib(theirs, encode(response)) == their_response


@pytest.mark.parametrize(
    "name", ["Unbind", "UnbindResp", "EnquireLink", "EnquireLinkResp", "GenericNack"]
)
@given(number=NUMBERS, status=st.sampled_from(Status))
def test_headers_agree_with_aiosmpplib(name: str, number: int, status: Status) -> None:
    theirs = getattr(aiosmpplib, name)(sequence_num=number, command_status=status)
    mine = getattr(ours, name)(number, status)
    assert encode(mine) == theirs.pdu()
    assert decode(theirs.pdu()) == mine
    read = read_by_aiosmpplib(type(theirs), encode(mine))
    assert (read.sequence_num, read.command_status) == (number, status)


SMPPLIB_DIFFERS = {
    "query_sm": "refuses to write an empty message_id, which is not optional (4.8.1)",
    "data_sm": "reads and writes addresses of 21 octets where the specification has 65 (4.7.1)",
    "alert_notification": "the same (4.12.1)",
    "source_addr_subunit": "two octets in submit_sm where the specification has one (5.3.2.2)",
    "octet strings": "source_subaddress and its like are written and read as if they ended in NUL",
    "sc_interface_version": "the only TLV of a bind's response",
}
"""Where it does otherwise, and what is drawn below keeps to."""

SMPPLIB_TLVS = (
    Tlv.USER_MESSAGE_REFERENCE,
    Tlv.SOURCE_PORT,
    Tlv.DESTINATION_PORT,
    Tlv.SAR_MSG_REF_NUM,
    Tlv.SAR_TOTAL_SEGMENTS,
    Tlv.SAR_SEGMENT_SEQNUM,
)
"""Integers that submit_sm, deliver_sm and data_sm have there, in an order that all three keep."""
DATA_SM_TLVS = (
    Tlv.SOURCE_PORT,
    Tlv.DESTINATION_PORT,
    Tlv.SAR_MSG_REF_NUM,
    Tlv.SAR_TOTAL_SEGMENTS,
    Tlv.SAR_SEGMENT_SEQNUM,
    Tlv.MORE_MESSAGES_TO_SEND,
    Tlv.QOS_TIME_TO_LIVE,
    Tlv.PAYLOAD_TYPE,
    Tlv.MESSAGE_STATE,
    Tlv.USER_MESSAGE_REFERENCE,
)

SMPPLIB_KINDS = {
    ours.SubmitSm: SMPPLIB_TLVS,
    ours.DeliverSm: SMPPLIB_TLVS,
    ours.DataSm: DATA_SM_TLVS,
    ours.BindTransmitterResp: (Tlv.SC_INTERFACE_VERSION,),
    ours.BindReceiverResp: (Tlv.SC_INTERFACE_VERSION,),
    ours.BindTransceiverResp: (Tlv.SC_INTERFACE_VERSION,),
    ours.AlertNotification: (Tlv.MS_AVAILABILITY_STATUS,),
    ours.DataSmResp: (),
    ours.SubmitSmResp: (),
    ours.DeliverSmResp: (),
    ours.QuerySm: (),
    ours.QuerySmResp: (),
    ours.Unbind: (),
    ours.UnbindResp: (),
    ours.EnquireLink: (),
    ours.EnquireLinkResp: (),
    ours.GenericNack: (),
}
"""All it knows but the binds, which are below, with the TLVs that are compared."""


@pytest.mark.parametrize("kind", SMPPLIB_KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=50)
@given(data=st.data(), number=NUMBERS)
def test_every_pdu_agrees_with_smpplib(kind: Any, data: Any, number: int) -> None:
    name = kind.command_id.name.lower()
    fields = data.draw(plain(kind))
    if name == "query_sm":
        fields["message_id"] = fields["message_id"] or "1"
    for field in ("source_addr", "destination_addr", "esme_addr"):
        if field in fields:
            fields[field] = fields[field][:20]
    tlvs = data.draw(integers(*SMPPLIB_KINDS[kind]))
    mine = kind(number, tlvs=written(tlvs), **fields)
    said = fields | {tag.name.lower(): value for tag, value in tlvs.items()}
    frame = smpplib_command(name, number, said).generate()
    assert frame == encode(mine)
    assert decode(frame) == mine
    theirs = read_by_smpplib(name, encode(mine))
    assert (theirs.command, theirs.sequence, theirs.status) == (name, number, 0)
    for field, value in said.items():
        if field == "short_message" and not value:
            continue
        assert getattr(theirs, field) == as_smpplib_reads(value), field


@pytest.mark.parametrize("kind", SMPPLIB_KINDS, ids=lambda kind: kind.__name__)
@given(number=NUMBERS, status=st.sampled_from(Status))
def test_smpplib_reads_our_refusals(kind: Any, number: int, status: Status) -> None:
    name = kind.command_id.name.lower()
    theirs = read_by_smpplib(name, encode(kind(number, status)))
    assert (theirs.sequence, theirs.status) == (number, status)


# smpplib cannot write service_type and times other than as text, nor tell 0 from absent in an
# integer, which on the wire is the same; it reads strings as bytes.


FACTORY: Any = smpplib.command.factory


def smpplib_command(name: str, number: int, fields: dict[str, Any]) -> Any:
    command = FACTORY(name, sequence=number)
    for field, value in fields.items():
        setattr(command, field, int(value) if isinstance(value, int) else value)
    command.sequence = number
    return command


def read_by_smpplib(name: str, frame: bytes) -> Any:
    command = FACTORY(name, sequence=1)
    command.parse(frame)
    return command


def as_smpplib_reads(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("kind", "name"), [(ours.SubmitSm, "submit_sm"), (ours.DeliverSm, "deliver_sm")]
)
@given(fields=MESSAGES, octets=st.binary(min_size=1, max_size=254), number=NUMBERS, coding=OCTETS)
def test_messages_agree_with_smpplib(
    kind: Any, name: str, fields: dict[str, Any], octets: bytes, number: int, coding: int
) -> None:
    fields = {**fields, "data_coding": coding, "short_message": octets}
    message = kind(sequence_number=number, **fields)
    assert smpplib_command(name, number, fields).generate() == encode(message)
    theirs = read_by_smpplib(name, encode(message))
    assert theirs.sequence == number
    for field, value in fields.items():
        assert getattr(theirs, field) == as_smpplib_reads(value), field


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ours.BindTransmitter, "bind_transmitter"),
        (ours.BindReceiver, "bind_receiver"),
        (ours.BindTransceiver, "bind_transceiver"),
    ],
)
@given(fields=BINDS, number=NUMBERS)
def test_binds_agree_with_smpplib(
    kind: Any, name: str, fields: dict[str, Any], number: int
) -> None:
    bind = kind(number, **fields)
    assert smpplib_command(name, number, fields).generate() == encode(bind)
    theirs = read_by_smpplib(name, encode(bind))
    for field, value in fields.items():
        assert getattr(theirs, field) == as_smpplib_reads(value), field
