"""A job's segments as submit_sm, by literal values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carrier.outcome import Job
from gateway.carrier.submit import Submits, validity_period
from gateway.config import Carrier
from gateway.errors import EncodeError
from gateway.message import Message
from gateway.smpp.pdu import HEADER_LENGTH, SubmitSm, encode
from gateway.smpp.text import TextError, measure

NOW = 1_750_000_000_000


def job(text: str = "Hola", segments: int = 1, **settings: Any) -> Job:
    """A message with an hour and 200 ms left."""
    message = Message(
        id="0190aaaabbbbccccddddeeeeffff1234",
        client="crm",
        campaign="c1",
        ref="r1",
        to=settings.get("to", "56900000001"),
        sender=settings.get("sender", "3450"),
        text=text,
        encoding="gsm7",
        segments=segments,
        priority=2,
        route="chile",
        accepted_ms=NOW,
        expires_ms=settings.get("expires_ms", NOW + 3_600_200),
    )
    return Job("lane", "1-1", message)


def submits(**settings: Any) -> Submits:
    """What makes the submit_sm for a carrier of these settings."""
    return Submits(Carrier(name="a", host="h", system_id="s", password="p", **settings))


def submit(settings: dict[str, Any], index: int = 0, **message: Any) -> SubmitSm:
    """The submit_sm of one segment, which is what goes on the wire."""
    made = submits(**settings)
    pdu = made.pdu(job(**message), index, NOW)
    assert made.body(job(**message), index, NOW) == encode(pdu)[HEADER_LENGTH:]
    return pdu


def test_a_short_message() -> None:
    assert submit({"service_type": "CMT"}) == SubmitSm(
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
    found = submit({}, 1, text="cuota " * 30, segments=2)
    assert found.esm_class == 0x40
    assert found.short_message[:7] == b"\x06\x08\x04\x12\x34\x02\x02"
    assert found.tlvs == ((0x0204, b"\x12\x36"),)


def test_the_second_of_two_segments_by_sar() -> None:
    found = submit({"long_messages": "sar"}, 1, text="cuota " * 30, segments=2)
    assert (found.esm_class, found.short_message) == (0, b"ota " + b"cuota " * 4)
    assert found.tlvs == (
        (0x020C, b"\x12\x34"),
        (0x020E, b"\2"),
        (0x020F, b"\2"),
        (0x0204, b"\x12\x36"),
    )


def test_a_payload_is_one_job_of_all_its_segments() -> None:
    made = submits(long_messages="payload")
    message = job("cuota " * 30, 2).message
    one = Job("lane", "1-1", message, whole=True)
    assert (one.cost, len(one.fates), one.pending) == (2, 1, 1)
    found = made.pdu(one, 0, NOW)
    assert found.tlvs == ((0x0424, b"cuota " * 30), (0x0204, b"\x12\x35"))
    assert (found.short_message, found.esm_class) == (b"", 0)
    assert made.body(one, 0, NOW) == encode(found)[HEADER_LENGTH:]


def test_what_an_earlier_attempt_sent_in_segments_goes_on_so() -> None:
    """And what it sent whole goes on whole, whatever the carrier's setting is now."""
    message = job("cuota " * 30, 2).message
    parted = Job("l", "1-1", msgspec.structs.replace(message, fates="5::7\x1e2::"), whole=True)
    assert (parted.cost, parted.pending, parted.next) == (1, 1, 1)
    assert submits(long_messages="payload").pdu(parted, 1, NOW).esm_class == 0x40
    whole = Job("l", "1-1", msgspec.structs.replace(message, fates="2::"))
    assert (whole.cost, whole.pending) == (2, 1)
    assert submits().pdu(whole, 0, NOW).tlvs[0][0] == 0x0424


def test_octets_of_the_carriers_alphabet() -> None:
    found = submit({"default_alphabet": "latin1"}, text="año $")
    assert (found.short_message, found.data_coding) == (b"a\xf1o $", 0)


def test_what_the_carriers_alphabet_has_not_goes_as_ucs2_if_it_is_no_longer() -> None:
    found = submit({"default_alphabet": "ascii"}, text="año")
    assert (found.short_message, found.data_coding) == ("año".encode("utf-16-be"), 8)
    with pytest.raises(TextError, match="GSM 7-bit and ascii"):
        submits(default_alphabet="ascii").pdu(job("año" * 40), 0, NOW)


def test_what_a_carrier_does_not_want_is_left_out() -> None:
    found = submit({"user_message_reference": False, "validity": "none"})
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
    assert submit({}, expires_ms=NOW + left_ms).validity_period == validity


def test_no_seconds_have_no_validity() -> None:
    assert validity_period(0) == ""


@pytest.mark.parametrize(
    ("sender", "ton_npi"),
    [("3450", (3, 0)), ("56912345678", (1, 1)), ("Banco", (5, 0))],
)
def test_a_senders_form_says_its_type(sender: str, ton_npi: tuple[int, int]) -> None:
    found = submit({}, sender=sender)
    assert (found.source_addr_ton, found.source_addr_npi) == ton_npi
    given = submit({"source_ton": 0, "source_npi": 8}, sender=sender)
    assert (given.source_addr_ton, given.source_addr_npi) == (0, 8)


@given(
    sender=st.text(st.characters(max_codepoint=0x120), max_size=22),
    to=st.text(st.sampled_from("0123456789+\0é"), max_size=21),
    text=st.text(st.sampled_from("aé€ "), max_size=300),
    long_messages=st.sampled_from(["udh16", "udh8", "sar"]),
    service_type=st.text(st.characters(codec="ascii"), max_size=6),
    referenced=st.booleans(),
)
def test_the_octets_are_those_of_the_codec(
    sender: str, to: str, text: str, long_messages: str, service_type: str, referenced: bool
) -> None:
    """Whatever the message: the same body, or the same refusal."""
    made = submits(
        long_messages=long_messages, service_type=service_type, user_message_reference=referenced
    )
    size = measure(text, "gsm7", long_messages).segments
    one = job(text=text, segments=size, sender=sender, to=to)
    for index in range(size):
        try:
            wanted = encode(made.pdu(one, index, NOW))[HEADER_LENGTH:]
        except EncodeError:
            with pytest.raises(EncodeError):
                made.body(one, index, NOW)
        else:
            assert made.body(one, index, NOW) == wanted
