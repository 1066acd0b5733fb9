"""A job's segments as submit_sm, by literal values."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.carrier.outcome import Job
from gateway.carrier.submit import Submits, validity_period
from gateway.config import Carrier
from gateway.message import Message
from gateway.smpp.pdu import SubmitSm

NOW = 1_750_000_000_000


def submit(index: int = 0, text: str = "Hola", segments: int = 1, **settings: Any) -> SubmitSm:
    """The submit_sm of a message with an hour and 200 ms left."""
    message = Message(
        id="0190aaaabbbbccccddddeeeeffff1234",
        client="crm",
        campaign="c1",
        ref="r1",
        to="56900000001",
        sender=settings.pop("sender", "3450"),
        text=text,
        encoding="gsm7",
        segments=segments,
        priority=2,
        route="chile",
        accepted_ms=NOW,
        expires_ms=settings.pop("expires_ms", NOW + 3_600_200),
    )
    carrier = Carrier(name="a", host="h", system_id="s", password="p", **settings)
    return Submits(carrier).pdu(Job("lane", "1-1", message), index, NOW)


def test_a_short_message() -> None:
    assert submit(service_type="CMT") == SubmitSm(
        service_type="CMT",
        source_addr_ton=3,
        source_addr="3450",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="56900000001",
        validity_period="000000010001000R",
        registered_delivery=1,
        short_message=b"Hola",
        tlvs=((0x0204, b"\x12\x35"),),
    )


def test_the_second_of_two_segments() -> None:
    found = submit(1, "cuota " * 30, 2)
    assert found.esm_class == 0x40
    assert found.short_message[:7] == b"\x06\x08\x04\x12\x34\x02\x02"
    assert found.tlvs == ((0x0204, b"\x12\x36"),)


def test_what_a_carrier_does_not_want_is_left_out() -> None:
    found = submit(user_message_reference=False, validity="none")
    assert (found.tlvs, found.validity_period) == ((), "")


@pytest.mark.parametrize(
    ("left_ms", "validity"),
    [
        (-1, ""),
        (1, "000000000001000R"),
        (1_999, "000000000001000R"),
        (2_000, "000000000002000R"),
        (90 * 86_400_000, "000203000001000R"),
    ],
)
def test_what_is_left_to_live_is_the_validity(left_ms: int, validity: str) -> None:
    assert submit(expires_ms=NOW + left_ms).validity_period == validity


def test_no_seconds_have_no_validity() -> None:
    assert validity_period(0) == ""


@pytest.mark.parametrize(
    ("sender", "ton_npi"),
    [("3450", (3, 0)), ("56912345678", (1, 1)), ("Banco", (5, 0))],
)
def test_a_senders_form_says_its_type(sender: str, ton_npi: tuple[int, int]) -> None:
    found = submit(sender=sender)
    assert (found.source_addr_ton, found.source_addr_npi) == ton_npi
    given = submit(sender=sender, source_ton=0, source_npi=8)
    assert (given.source_addr_ton, given.source_addr_npi) == (0, 8)
