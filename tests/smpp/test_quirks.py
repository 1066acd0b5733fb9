"""What carriers do beside the specification: what docs/carriers.md has and no other test."""

from __future__ import annotations

import struct

import pytest

from gateway.smpp.constants import Command
from gateway.smpp.pdu import (
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    GenericNack,
    SubmitSm,
    SubmitSmResp,
    encode,
)
from gateway.smpp.session import Answered, Received, Refused, Role, Session, SessionState, Stray

RECEIPT = encode(
    DeliverSm(
        sequence_number=1,
        source_addr="56912345678",
        destination_addr="3450",
        esm_class=0x04,
        short_message=b"id:7 stat:DELIVRD",
    )
)


def raw(command_id: int, status: int, number: int, body: bytes = b"") -> bytes:
    return struct.pack(">4I", 16 + len(body), command_id, status, number) + body


def numbered(pdu: bytes, number: int) -> bytes:
    return pdu[:12] + number.to_bytes(4, "big") + pdu[16:]


def binding(request: type[BindTransceiver | BindTransmitter] = BindTransceiver) -> Session:
    """A session of ours whose bind waits for its answer."""
    session = Session(Role.ESME, now=0.0)
    session.send(request(system_id="recado"), 0.0)
    session.data_to_send()
    return session


def bound(request: type[BindTransceiver | BindTransmitter] = BindTransceiver) -> Session:
    session = binding(request)
    session.receive_data(raw(request.command_id | 0x8000_0000, 0, 1, b"\0"), 0.0)
    assert session.state.bound
    return session


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"ab12", 0, "ab12"),  # no NUL
        (b"ab12\0\0", 0, "ab12"),  # one too many
        (b"", 0, ""),
        (b"", 0x0B, ""),  # an error's response has no body (SMPP 3.4, 4.4.2)
        (b"ab12\0", 0x0B, "ab12"),  # and yet it has
    ],
)
def test_a_response_with_an_octet_too_few_or_too_many(body: bytes, status: int, told: str) -> None:
    session = bound()
    number = session.send(SubmitSm(), 1.0, "mine")
    (event,) = session.receive_data(raw(Command.SUBMIT_SM_RESP, status, number, body), 1.0)
    assert isinstance(event, Answered)
    assert isinstance(event.response, SubmitSmResp)
    assert (event.context, event.response.message_id) == ("mine", told)
    assert event.response.command_status == status


@pytest.mark.parametrize("number", [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_request_of_any_number_is_answered_with_it(number: int) -> None:
    session = bound()
    (event,) = session.receive_data(numbered(RECEIPT, number), 1.0)
    assert isinstance(event, Received)
    session.acknowledge([number])
    assert session.data_to_send() == raw(Command.DELIVER_SM_RESP, 0, number, b"\0")


def test_a_generic_nack_of_no_number_answers_nothing() -> None:
    session = bound()
    session.send(SubmitSm(), 1.0)
    (event,) = session.receive_data(raw(Command.GENERIC_NACK, 0x02, 0), 1.0)
    assert isinstance(event, Stray)
    assert isinstance(event.response, GenericNack)
    assert session.outstanding == 1


def test_a_receipt_before_its_bind_is_refused() -> None:
    """Before the bind_resp, or on a bind that only submits: ESME_RINVBNDSTS."""
    for session in (binding(), bound(BindTransmitter)):
        state = session.state
        (event,) = session.receive_data(RECEIPT, 1.0)
        assert isinstance(event, Refused)
        assert session.data_to_send() == raw(Command.DELIVER_SM_RESP, 0x04, 1, b"\0")
        assert session.state is state is not SessionState.CLOSED
