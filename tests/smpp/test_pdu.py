"""PDUs: what is written is read back, and whatever comes can be read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import EncodeError
from gateway.smpp import pdu as pdu_module
from gateway.smpp.codec import KIND_OF, LAYOUTS, decode_by_table, encode_by_table
from gateway.smpp.hot import FAST_DECODE, FAST_ENCODE
from gateway.smpp.pdu import (
    KINDS,
    RESPONSE_TO,
    AlertNotification,
    BindTransceiver,
    BindTransceiverResp,
    Command,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    DistributionList,
    EnquireLink,
    FramingError,
    GenericNack,
    Malformed,
    Npi,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    SmeAddress,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    Ton,
    UnbindResp,
    Unknown,
    UnsuccessSme,
    answer,
    decode,
    encode,
    encode_as,
    split,
    status_name,
    status_text,
)
from gateway.smpp.wire import CString, OctetString
from tests.smpp.strategies import PDUS, pdus_of

HOT = (SubmitSm, SubmitSmResp, DeliverSm, DeliverSmResp)

SUBMIT = SubmitSm(
    sequence_number=7,
    source_addr_ton=Ton.ALPHANUMERIC,
    source_addr="Recado",
    dest_addr_ton=Ton.INTERNATIONAL,
    dest_addr_npi=Npi.ISDN,
    destination_addr="56912345678",
    esm_class=0x40,
    validity_period="000000060000000R",
    registered_delivery=1,
    data_coding=8,
    short_message=b"\x05\x00\x03\x01\x02\x01\x00h",
    tlvs=((Tlv.USER_MESSAGE_REFERENCE, b"\x00\x2a"),),
)


def header(command_id: int, body: bytes, *, status: int = 0, number: int = 9) -> bytes:
    """A frame written without the codec under test."""
    parts = (16 + len(body), command_id, status, number)
    return b"".join(part.to_bytes(4, "big") for part in parts) + body


# The whole specification


def test_every_command_of_the_specification_has_a_class() -> None:
    assert {int(command) for command in Command} == set(KIND_OF)
    assert len(KINDS) == 27


def test_every_request_but_two_has_a_response() -> None:
    requests = {command for command in Command if not command & 0x8000_0000}
    assert requests - set(RESPONSE_TO) == {Command.OUTBIND, Command.ALERT_NOTIFICATION}
    for command, kind in RESPONSE_TO.items():
        assert kind.command_id == command | 0x8000_0000


@given(PDUS)
def test_what_is_written_is_read_back(pdu: Pdu) -> None:
    frame = encode(pdu)
    assert int.from_bytes(frame[:4], "big") == len(frame)
    assert decode(frame) == pdu


@given(PDUS)
def test_the_table_alone_does_the_same(pdu: Pdu) -> None:
    frame = encode_by_table(pdu, pdu.sequence_number)
    assert frame == encode(pdu)
    assert decode_by_table(frame, type(pdu)) == pdu  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", HOT)
@given(data=st.data())
def test_the_fast_code_reads_mangled_octets_as_the_table_does(kind: Any, data: Any) -> None:
    frame = bytearray(encode(data.draw(pdus_of(kind))))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(16, max(16, len(frame) - 1)))
        frame[position : position + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"\0", b"\xff", b"ab\0"])
        )
    mangled = bytes(frame[: data.draw(st.integers(16, len(frame)))])
    assert decode(mangled) == decode_by_table(mangled, kind)


@given(data=st.data())
def test_the_fast_code_refuses_what_the_table_refuses(data: Any) -> None:
    fields = dict(LAYOUTS[SubmitSm])
    name = data.draw(st.sampled_from(sorted(fields)))
    bad = data.draw(
        st.sampled_from([-1, 256, None, "x" * 300, "a\0", "", "ñ", "\u20ac", b"x" * 255, b"x", 3.5])
    )
    pdu = SubmitSm(**{name: bad})
    try:
        expected = encode_by_table(pdu, 1)
    except EncodeError as refused:
        with pytest.raises(EncodeError, match=f"^{re.escape(str(refused))}$"):
            encode_as(pdu, 1)
    else:
        assert encode_as(pdu, 1) == expected


@pytest.mark.parametrize("pdu", [SUBMIT, SubmitSmResp(message_id="a1"), DeliverSmResp()])
def test_ordinary_pdus_take_the_fast_way(pdu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = encode(pdu)
    for slow in ("encode_by_table", "_decode_slowly"):
        monkeypatch.setattr(pdu_module, slow, None)
    assert encode(pdu) == frame
    assert decode(frame) == pdu
    assert type(pdu) in FAST_ENCODE
    assert pdu.command_id in FAST_DECODE


def test_an_error_response_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdu_module, "encode_by_table", None)
    monkeypatch.setattr(pdu_module, "_decode_slowly", None)
    throttled = SubmitSmResp(sequence_number=3, command_status=Status.ESME_RTHROTTLED)
    assert decode(encode(throttled)) == throttled


# On the wire, octet by octet


def test_submit_sm_on_the_wire() -> None:
    assert encode(SUBMIT) == header(
        4,
        b"\0\x05\0Recado\0\x01\x0156912345678\0\x40\x00\x00\x00"
        b"000000060000000R\0\x01\0\x08\0"
        b"\x08\x05\0\x03\x01\x02\x01\0h\x02\x04\0\x02\0\x2a",
        number=7,
    )


def test_bind_transceiver_on_the_wire() -> None:
    bind = BindTransceiver(sequence_number=1, system_id="recado", password="x", addr_ton=1)
    assert encode(bind) == header(9, b"recado\0x\0\0\x34\x01\0\0", number=1)


def test_submit_multi_on_the_wire() -> None:
    multi = SubmitMulti(
        sequence_number=9,
        dest_addresses=(SmeAddress(1, 1, "569"), DistributionList("staff")),
        short_message=b"hi",
    )
    body = b"\0\0\0\0\x02\x01\x01\x01569\0\x02staff\0\0\0\0\0\0\0\0\0\0\x02hi"
    assert encode(multi) == header(0x21, body)


def test_submit_multi_resp_on_the_wire() -> None:
    resp = SubmitMultiResp(
        sequence_number=9, message_id="a", unsuccess_smes=(UnsuccessSme(1, 1, "569", 0x0B),)
    )
    assert encode(resp) == header(0x80000021, b"a\0\x01\x01\x01569\0\0\0\0\x0b")


def test_other_bodies_on_the_wire() -> None:
    assert encode(EnquireLink(9)) == header(0x15, b"")
    assert encode(Outbind(9, system_id="s", password="p")) == header(0x0B, b"s\0p\0")
    assert encode(QuerySm(9, message_id="7", source_addr="1")) == header(3, b"7\0\0\0" + b"1\0")
    query = QuerySmResp(9, message_id="7", message_state=2, error_code=5)
    assert encode(query) == header(0x80000003, b"7\0\0\x02\x05")
    alert = AlertNotification(9, source_addr="1", esme_addr="2")
    assert encode(alert) == header(0x102, b"\0\0001\0\0\0002\0")
    replace = ReplaceSm(9, message_id="7", short_message=b"x")
    assert encode(replace) == header(7, b"7\0\0\0\0\0\0\0\0\x01x")


def test_an_error_response_has_no_body_where_the_specification_says_so() -> None:
    error = Status.ESME_RSYSERR
    assert encode(SubmitSmResp(9, error)) == header(0x80000004, b"", status=8)
    assert encode(BindTransceiverResp(9, error)) == header(0x80000009, b"", status=8)
    assert encode(DeliverSmResp(9, error)) == header(0x80000005, b"\0", status=8)
    assert encode(SubmitSmResp(9, error, (), "a")) == header(0x80000004, b"a\0", status=8)
    assert encode(SubmitSmResp(9)) == header(0x80000004, b"\0")


# What may not be written


@pytest.mark.parametrize(
    ("pdu", "field"),
    [
        (SubmitSm(source_addr="1" * 21), "source_addr"),
        (SubmitSm(destination_addr="5\x006"), "destination_addr"),
        (SubmitSm(service_type="sixsix"), "service_type"),
        (SubmitSm(short_message=b"x" * 255), "short_message"),
        (SubmitSm(esm_class=256), "esm_class"),
        (SubmitSm(data_coding=-1), "data_coding"),
        (SubmitSm(source_addr="€"), "source_addr"),
        (SubmitSm(validity_period="0" * 17), "validity_period"),
        (SubmitSm(tlvs=((0x10000, b""),)), "tlvs"),
        (SubmitSm(tlvs=((1, b"x" * 65_536),)), "tlvs"),
        (SubmitSm(sequence_number=1 << 32), "header"),
        (SubmitSmResp(message_id="x" * 65), "message_id"),
        (SubmitMulti(dest_addresses=(SmeAddress(),) * 255), "dest_addresses"),
        (SubmitMulti(dest_addresses=("56",)), "dest_addresses"),  # type: ignore[arg-type]
        (SubmitMultiResp(unsuccess_smes=(UnsuccessSme(),) * 256), "unsuccess_smes"),
        (SubmitMultiResp(unsuccess_smes=("5",)), "unsuccess_smes"),  # type: ignore[arg-type]
        (DataSm(source_addr="1" * 65), "source_addr"),
        (BindTransceiver(password="x" * 65), "password"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(pdu: Pdu, field: str) -> None:
    with pytest.raises(EncodeError, match=f"^{field}"):
        encode(pdu)


@pytest.mark.parametrize("kind", KINDS)
def test_every_string_may_be_as_long_as_its_limit_and_no_longer(kind: Any) -> None:
    for name, field in LAYOUTS[kind]:
        if isinstance(field, CString | OctetString):
            text: Any = "x" * (field.limit - 1) if isinstance(field, CString) else b"x" * 254
            longest = kind(9, **{name: text})
            assert decode(encode(longest)) == longest
            with pytest.raises(EncodeError, match=f"^{name}"):
                encode(kind(9, **{name: text + text[:1]}))


# What may come


@given(st.binary(max_size=200))
def test_any_octets_can_be_read(octets: bytes) -> None:
    decode(octets)


@given(st.sampled_from(sorted(KIND_OF)), st.binary(max_size=120), st.integers(0, 0xFFFF_FFFF))
def test_any_body_of_any_command_can_be_read(command: int, body: bytes, status: int) -> None:
    pdu = decode(header(command, body, status=status))
    assert pdu.command_id == command
    assert pdu.sequence_number == 9
    if command & 0x8000_0000:
        assert not isinstance(pdu, Malformed)
        assert pdu.command_status == status


def test_an_unknown_command_keeps_its_body() -> None:
    assert decode(header(0x10203, b"abc", status=5)) == Unknown(9, 5, (), 0x10203, b"abc")
    assert encode(Unknown(9, 5, (), 0x10203, b"abc")) == header(0x10203, b"abc", status=5)


def test_an_unknown_status_stays_a_number() -> None:
    assert decode(header(0x80000004, b"", status=0x400)).command_status == 0x400


def test_unknown_tlvs_are_kept_in_their_order() -> None:
    tlvs = ((0x1400, b"x"), (Tlv.MESSAGE_STATE, b"\x02"), (0x1400, b""), (0, b"\0"))
    assert decode(encode(DeliverSm(tlvs=tlvs))).tlvs == tlvs


def test_overlong_strings_are_kept() -> None:
    body = b"\0\0\0" + b"1" * 60 + b"\0\0\0" + b"2" * 60 + b"\0\0\0\0\0\0\0\0\0\0\0"
    pdu = decode(header(5, body))
    assert isinstance(pdu, DeliverSm)
    assert (pdu.source_addr, pdu.destination_addr) == ("1" * 60, "2" * 60)


EMPTY_DELIVER = b"\0" * 16


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", Status.ESME_RINVCMDLEN, "service_type"),
        (b"\0\0", Status.ESME_RINVCMDLEN, "source_addr_npi"),
        (b"\0\0\0abc", Status.ESME_RINVCMDLEN, "source_addr"),
        (EMPTY_DELIVER, Status.ESME_RINVCMDLEN, "short_message"),
        (EMPTY_DELIVER + b"\x03ab", Status.ESME_RINVMSGLEN, "short_message"),
        (EMPTY_DELIVER + b"\x01a\x04\x24\0\x09abc", Status.ESME_RINVOPTPARSTREAM, "0x0424"),
        (EMPTY_DELIVER + b"\x01ab", Status.ESME_RINVOPTPARSTREAM, "no TLV"),
    ],
)
def test_a_request_that_ends_too_early_is_malformed(
    body: bytes, status: Status, reason: str
) -> None:
    pdu = decode(header(5, body))
    assert isinstance(pdu, Malformed)
    assert (pdu.command_id, pdu.command_status, pdu.body) == (5, status, body)
    assert reason in pdu.reason


def test_an_unknown_dest_flag_is_malformed() -> None:
    pdu = decode(header(0x21, b"\0\0\0\0\x01\x03abc\0"))
    assert isinstance(pdu, Malformed)
    assert pdu.command_status == Status.ESME_RINVDESTFLAG


def test_nuls_after_the_last_field_are_padding() -> None:
    assert decode(header(5, EMPTY_DELIVER + b"\x01a\0\0")) == DeliverSm(9, short_message=b"a")


def test_a_header_alone_may_have_anything_behind_it() -> None:
    assert decode(header(0x15, b"junk!")) == EnquireLink(9)
    assert decode(header(0x80000006, b"\0")) == UnbindResp(9)


@pytest.mark.parametrize(
    ("body", "message_id", "tlvs"),
    [
        (b"", "", ()),
        (b"77", "77", ()),
        (b"77\0", "77", ()),
        (b"77\0\x04", "77", ()),
        (b"77\0\0\x1d\0\x01x\x02", "77", ((0x1D, b"x"),)),
        (b"77\0\0\x1d\0\x09x", "77", ()),
    ],
)
def test_a_response_is_read_as_far_as_it_goes(
    body: bytes, message_id: str, tlvs: tuple[tuple[int, bytes], ...]
) -> None:
    for status in (0, 0x58):
        expected = SubmitSmResp(9, status, tlvs, message_id)
        assert decode(header(0x80000004, body, status=status)) == expected


def test_a_query_sm_resp_cut_short_keeps_what_is_there() -> None:
    assert decode(header(0x80000003, b"77\0")) == QuerySmResp(9, message_id="77")
    multi = decode(header(0x80000021, b"77\0\x02\x01\x01569\0\0\0"))
    assert multi == SubmitMultiResp(9, message_id="77")


def test_less_than_a_header_is_malformed() -> None:
    pdu = decode(b"\0\0\0\x10\0\0")
    assert isinstance(pdu, Malformed)
    assert (pdu.command_id, pdu.command_status) == (0, Status.ESME_RINVCMDLEN)


# Answers, names, secrets


def test_answers() -> None:
    assert answer(SUBMIT, Status.ESME_RMSGQFUL) == SubmitSmResp(7, 0x14)
    assert answer(Unknown(3, 0, (), 0x999), Status.ESME_RINVCMDID) == GenericNack(3, 3)
    assert answer(AlertNotification(4), 4) == GenericNack(4, 4)


def test_status_names_and_texts() -> None:
    assert status_name(0x58) == "ESME_RTHROTTLED"
    assert status_name(0) == "ESME_ROK"
    assert status_name(0x400) == "0x00000400"
    assert status_text(0x58).startswith("Throttling error")
    assert status_text(0x400) == "Reserved or vendor-specific"
    assert status_name(0x100) == "ESME_RSERTYPUNAUTH"
    assert status_name(0x104) == "ESME_RINVDCS"
    assert status_name(0x112) == "ESME_RINVBCASTCHANIND"
    assert status_name(0x113) == "0x00000113"
    assert status_name(0xC1) == "ESME_ROPTPARNOTALLWD"
    assert status_text(0x102) == "The service_type is unavailable"


def test_a_response_of_smpp_5_0_may_tell_of_congestion() -> None:
    """congestion_state (SMPP 5.0, 4.8.4.18) on any response, a refusal's too."""
    accepted = bytes.fromhex("00000018 80000004 00000000 00000007 3132 00 0428 0001 50")
    assert decode(accepted) == SubmitSmResp(7, 0, ((0x0428, b"\x50"),), "12")
    refused = bytes.fromhex("00000016 80000004 00000058 00000007 00 0428 0001 63")
    assert decode(refused) == SubmitSmResp(7, 0x58, ((0x0428, b"\x63"),), "")


def test_a_password_is_not_shown() -> None:
    for pdu in (BindTransceiver(system_id="us", password="secret"), Outbind(password="secret")):
        assert "secret" not in repr(pdu)
        assert "secret" not in str(pdu)


# Framing


def test_split_takes_whole_pdus_and_leaves_the_rest() -> None:
    one, two = encode(SUBMIT), encode(EnquireLink(1))
    buffer = bytearray(one + two + one[:20])
    assert split(buffer, 1_000) == [one, two]
    assert buffer == one[:20]
    assert split(buffer, 1_000) == []
    buffer += one[20:]
    assert split(buffer, 1_000) == [one]
    assert not buffer


@pytest.mark.parametrize("length", [0, 15, 1_001, 0xFFFF_FFFF])
def test_split_gives_what_stands_before_the_loss_of_framing(length: int) -> None:
    good = encode(EnquireLink(1))
    buffer = bytearray(good + length.to_bytes(4, "big"))
    assert split(buffer, 1_000) == [good]
    lost = split(buffer, 1_000)
    assert isinstance(lost, FramingError)
    assert str(length) in lost.reason


def test_split_takes_the_limits_themselves() -> None:
    for length in (16, 1_000):
        frame = length.to_bytes(4, "big") + b"\0" * (length - 4)
        assert split(bytearray(frame), 1_000) == [frame]
