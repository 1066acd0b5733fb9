"""A job's segments as submit_sm, by literal values."""

from __future__ import annotations

from typing import Any

import aiosmpplib
import msgspec
import pytest
import smpplib.command
from hypothesis import given
from hypothesis import strategies as st

from gateway.carrier.outcome import Job
from gateway.carrier.submit import Submits, validity_period
from gateway.config import Carrier, ExtraTlv
from gateway.errors import EncodeError
from gateway.message import Message
from gateway.smpp.pdu import HEADER_LENGTH, Npi, SubmitSm, Ton, encode
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
        debtor="",
        creditor="",
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
        validity_period="000000010000000R",
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
        (-1, "000000000001000R"),
        (1, "000000000001000R"),
        (1_999, "000000000001000R"),
        (2_000, "000000000002000R"),
        (60_000, "000000000100000R"),
        (90 * 86_400_000, "000203000000000R"),
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


@pytest.mark.parametrize(
    ("settings", "sender", "source"),
    [
        ({"sender_short_code": (0, 1)}, "3450", (0, 1, "3450")),
        ({"sender_name": (0, 8)}, "Banco", (0, 8, "Banco")),
        ({"sender_number": (2, 1)}, "56912345678", (2, 1, "56912345678")),
        ({"short_code_digits": 3}, "3450", (1, 1, "3450")),
        ({"short_code_digits": 11}, "56912345678", (3, 0, "56912345678")),
        ({"sender_strip": "56", "sender_add": "0"}, "56222345678", (1, 1, "0222345678")),
        ({"sender_strip": "56", "sender_number": (2, 8)}, "56222345678", (2, 8, "222345678")),
        ({"sender_strip": "56", "sender_number": (2, 8)}, "51222345678", (1, 8, "51222345678")),
        ({"sender_strip": "34", "sender_add": "+"}, "3450", (3, 0, "3450")),
        ({"sender_add": "+"}, "Banco", (5, 0, "Banco")),
        ({"sender_add": "+"}, "56222345678", (1, 1, "+56222345678")),
    ],
)
def test_a_sender_as_the_carrier_wants_it(
    settings: dict[str, Any], sender: str, source: tuple[int, int, str]
) -> None:
    found = submit(settings, sender=sender)
    assert (found.source_addr_ton, found.source_addr_npi, found.source_addr) == source


@pytest.mark.parametrize(
    ("settings", "to", "destination"),
    [
        ({"recipient_number": (0, 8)}, "56912345678", (0, 8, "56912345678")),
        ({"recipient_strip": "56"}, "56912345678", (1, 1, "912345678")),
        ({"recipient_add": "00"}, "56912345678", (1, 1, "0056912345678")),
        ({"recipient_strip": "56", "recipient_add": "0"}, "51912345678", (1, 1, "51912345678")),
        (
            {"recipient_strip": "56", "recipient_number": (2, 1)},
            "56912345678",
            (2, 1, "912345678"),
        ),
        (
            {"recipient_strip": "56", "recipient_number": (2, 1)},
            "51912345678",
            (1, 1, "51912345678"),
        ),
        ({"recipient_add": "+1234"}, "123456789012345", (1, 1, "+1234123456789012345")),
    ],
)
def test_a_recipient_as_the_carrier_wants_it(
    settings: dict[str, Any], to: str, destination: tuple[int, int, str]
) -> None:
    found = submit(settings, to=to)
    assert (found.dest_addr_ton, found.dest_addr_npi, found.destination_addr) == destination


DLT = (
    ExtraTlv(tag=0x1401, text="1107160000000001234"),
    ExtraTlv(tag=0x0202, octets="80Ff00"),
    ExtraTlv(tag=0x060B, number=258, size=2),
    ExtraTlv(tag=0x130C, octets=""),
    ExtraTlv(tag=0x0019, number=1),
)
WRITTEN = (
    (0x1401, b"1107160000000001234\0"),
    (0x0202, b"\x80\xff\0"),
    (0x060B, b"\1\2"),
    (0x130C, b""),
    (0x0019, b"\1"),
)


def test_a_carriers_own_parameters_are_on_every_segment() -> None:
    assert submit({"tlvs": DLT}).tlvs == ((0x0204, b"\x12\x35"), *WRITTEN)
    for index in (0, 1):
        found = submit({"tlvs": DLT}, index, text="cuota " * 30, segments=2)
        assert found.tlvs == ((0x0204, bytes((0x12, 0x35 + index))), *WRITTEN)
    found = submit({"tlvs": DLT, "long_messages": "sar"}, 1, text="cuota " * 30, segments=2)
    assert found.tlvs[3:] == ((0x0204, b"\x12\x36"), *WRITTEN)
    assert submit({"tlvs": DLT, "user_message_reference": False}).tlvs == WRITTEN


def test_smpp_3_3_has_no_optional_parameters() -> None:
    assert submit({"interface_version": "3.3"}).tlvs == ()
    found = submit({"interface_version": "3.3"}, 1, text="cuota " * 30, segments=2)
    assert (found.esm_class, found.tlvs) == (0x40, ())


@pytest.mark.parametrize("long_messages", ["sar", "payload", "udh8"])
def test_an_smsc_that_takes_none_gets_none(long_messages: str) -> None:
    """Its parts are tied by a header, as many as were measured."""
    carrier = Carrier(
        name="a",
        host="h",
        system_id="s",
        password="p",
        long_messages=long_messages,  # type: ignore[arg-type]
        tlvs=DLT,
    )
    bare = Submits(carrier, optional=False)
    one = job("cuota " * 30, 2)
    for index in (0, 1):
        found = bare.pdu(one, index, NOW)
        assert (found.esm_class, found.tlvs) == (0x40, ())
        assert bare.body(one, index, NOW) == encode(found)[HEADER_LENGTH:]


def test_a_payload_that_cannot_be_one_is_cut() -> None:
    one = Job("lane", "1-1", job("cuota " * 30, 2).message, whole=True)
    bare = Submits(submits(long_messages="payload")._carrier, optional=False)
    with pytest.raises(TextError, match="takes no message_payload"):
        bare.body(one, 0, NOW)
    one.cut()
    assert (one.cost, one.pending, len(one.fates), one.ids) == (1, 2, 2, ["", ""])
    assert bare.pdu(one, 1, NOW).short_message[:7] == b"\x06\x08\x04\x12\x34\x02\x02"


@pytest.mark.parametrize("version", ["3.3", "3.4", "5.0"])
def test_others_read_the_same(version: str) -> None:
    """aiosmpplib the addresses and every parameter, smpplib those that it knows."""
    tlvs = DLT[:1] + DLT[4:]
    found = submit(
        {
            "interface_version": version,
            "tlvs": () if version == "3.3" else tlvs,
            "recipient_strip": "56",
            "recipient_add": "0",
            "recipient_number": (2, 1),
            "sender_name": (5, 1),
        },
        sender="Banco",
    )
    frame = encode(found)
    theirs = aiosmpplib.SubmitSm.from_pdu(
        frame, aiosmpplib.SubmitSm.parse_header(frame), default_encoding="gsm0338"
    )
    assert theirs.destination == aiosmpplib.PhoneNumber("0900000001", Ton.NATIONAL, Npi.ISDN)
    assert theirs.source == aiosmpplib.PhoneNumber("Banco", Ton.ALPHANUMERIC, Npi.ISDN)
    tags = [parameter.tag for parameter in theirs.optional_params]
    assert tags == ([] if version == "3.3" else [0x0204, 0x1401, 0x0019])
    other: Any = smpplib.command.SubmitSM("submit_sm", sequence=1, allow_unknown_opt_params=True)
    other.parse(frame)
    assert (other.dest_addr_ton, other.destination_addr) == (2, b"0900000001")
    assert (other.source_addr_ton, other.source_addr) == (5, b"Banco")
    assert other.user_message_reference == (None if version == "3.3" else 0x1235)
    assert other.payload_type == (None if version == "3.3" else 1)


@given(
    sender=st.text(st.characters(max_codepoint=0x120), max_size=22),
    to=st.text(st.sampled_from("0123456789+\0é"), max_size=21),
    text=st.text(st.sampled_from("aé€ "), max_size=300),
    long_messages=st.sampled_from(["udh16", "udh8", "sar"]),
    service_type=st.text(st.characters(codec="ascii"), max_size=6),
    referenced=st.booleans(),
    strip=st.sampled_from(["", "1", "12"]),
    add=st.sampled_from(["", "0", "+"]),
    extra=st.sampled_from([(), DLT]),
)
def test_the_octets_are_those_of_the_codec(
    sender: str,
    to: str,
    text: str,
    long_messages: str,
    service_type: str,
    referenced: bool,
    strip: str,
    add: str,
    extra: tuple[ExtraTlv, ...],
) -> None:
    """Whatever the message: the same body, or the same refusal."""
    made = submits(
        long_messages=long_messages,
        service_type=service_type,
        user_message_reference=referenced,
        recipient_number=(2, 1),
        recipient_strip=strip,
        recipient_add=add,
        sender_strip=strip,
        sender_add=add,
        tlvs=extra,
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
