"""Receipts and replies as carriers send them, and the ids that tie them to messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message import Receipt, ReceiptState, Reply
from gateway.metrics import UNREAD
from gateway.pattern import compiled
from gateway.smpp import receipt as module
from gateway.smpp.constants import Tlv
from gateway.smpp.pdu import DataSm, DeliverSm
from gateway.smpp.receipt import Habits, candidates, canonical, clean, first_key, read, unread

DATA = Path(__file__).parents[1] / "data" / "receipts.jsonl"
LINES: dict[str, str] = {
    line["name"]: line["text"] for line in map(json.loads, DATA.read_text().splitlines())
}
STATES = ReceiptState

EXPECTED = {
    "std": ("1891273321", STATES.DELIVRD, "DELIVRD", "000", "1305050826"),
    "12-digit dates": (
        "a29f6845555647139e5c8f3b817f2c9a",
        STATES.DELIVRD,
        "DELIVRD",
        "000",
        "141023215259",
    ),
    "14-digit dates, no sub/dlvrd/text": (
        "2E179B310EDE971B2760C72B7F026E1B",
        STATES.DELIVRD,
        "DELIVRD",
        "0",
        "20110314181741",
    ),
    "mixed dates, hex err": (
        "577e505a-dbd7-46ab-a04c-5a927ffb85b1",
        STATES.REJECTD,
        "REJECTD",
        "00B",
        "240820093823",
    ),
    "GoIP": ("4791967", STATES.ENROUTE, "ENROUTE", "0", "2302281329"),
    "err 4 digits": ("117062714244798261", STATES.DELIVRD, "DELIVRD", "0000", "1706271624"),
    "EXPIRED err 0032": ("3107071515352900930", STATES.EXPIRED, "EXPIRED", "0032", "1707151750"),
    "out of order": (
        "74e02ee1-4e2f-4a6e-a78b-4b247d756a22",
        STATES.DELIVRD,
        "DELIVRD",
        "000",
        "110206193110",
    ),
    "6-letter stat FAILED": ("123456", STATES.UNDELIV, "FAILED", "001", "1501260102"),
    "NOCRED": ("123456", STATES.REJECTD, "NOCRED", "500", "1501260102"),
    "HLR extra fields": ("40072910491419819", STATES.UNDELIV, "UNDELIV", "001", "1007291049"),
    "Zain minimal": ("86", STATES.DELIVRD, "DELIVRD", "", "1410160730"),
    "SDI text": ("1234567890", STATES.ACCEPTD, "ACCEPTD", "000", "20210222061132"),
    "dlvrd 000 though DELIVRD": (
        "03a37b7256fb8fe70005a15c",
        STATES.DELIVRD,
        "DELIVRD",
        "000",
        "160330083552",
    ),
    "trailing NUL payload": ("0000436949", STATES.DELIVRD, "DELIVRD", "000", "1504211508"),
    "empty id": ("", STATES.UNDELIV, "UNDELIV", "001", "2401010001"),
    "Vodafone CSV (kannel devel msg02229)": ("", STATES.UNKNOWN, "", "", ""),
}
"""id, state, stat, err and done date of each line."""

STANDARD = LINES["std"]


def deliver(text: str | bytes = b"", esm_class: int = 0x04, **fields: Any) -> DeliverSm:
    octets = text.encode("latin-1") if isinstance(text, str) else text
    addresses = {"source_addr": "56912345678", "destination_addr": "3450"}
    return DeliverSm(**{**addresses, "esm_class": esm_class, "short_message": octets, **fields})


def receipt(text: str | bytes = b"", esm_class: int = 0x04, **fields: Any) -> Receipt:
    found = read(deliver(text, esm_class, **fields))
    assert isinstance(found, Receipt)
    return found


def reply(text: str | bytes, esm_class: int = 0x00, **fields: Any) -> Reply:
    found = read(deliver(text, esm_class, **fields))
    assert isinstance(found, Reply)
    return found


def told(found: Receipt) -> tuple[str, ReceiptState, str, str, str]:
    return found.carrier_message_id, found.state, found.stat, found.error, found.done_at


# --- the text -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINES)
def test_receipts_of_real_carriers(name: str) -> None:
    """Each is read, in a short message, in a payload, in UCS-2, and in a data_sm."""
    text = LINES[name]
    payload = ((int(Tlv.MESSAGE_PAYLOAD), text.encode()),)
    assert told(receipt(text)) == EXPECTED[name]
    assert told(receipt(tlvs=payload)) == EXPECTED[name]
    assert told(receipt(text.encode("utf-16-be"), data_coding=8)) == EXPECTED[name]
    assert told(receipt(text.encode("utf-16"))) == EXPECTED[name]
    by_data_sm = read(DataSm(esm_class=0x04, source_addr="56912345678", tlvs=payload))
    assert isinstance(by_data_sm, Receipt)
    assert told(by_data_sm) == EXPECTED[name]


def test_a_whole_receipt() -> None:
    """All that a receipt gives, its addresses as digits."""
    tlvs = ((int(Tlv.USER_MESSAGE_REFERENCE), b"\x12\x34"),)
    assert receipt(STANDARD, source_addr="+56912345678", tlvs=tlvs) == Receipt(
        "1891273321", STATES.DELIVRD, "DELIVRD", "000", "56912345678", "3450", 0x1234, "1305050826"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID:5 STAT:delivrd ERR:7", ("5", STATES.DELIVRD, "delivrd", "7", "")),
        ("stat:UNDELIV", ("", STATES.UNDELIV, "UNDELIV", "", "")),
        ("id:5", ("5", STATES.UNKNOWN, "", "", "")),
        ("id:5,sub:001,stat:EXPIRED,err:9", ("5", STATES.EXPIRED, "EXPIRED", "9", "")),
        ("id:a;b stat:DELETED;err:1;", ("a;b", STATES.DELETED, "DELETED", "1", "")),
        ("id:5\nstat:DELIVRD\r\nerr:0", ("5", STATES.DELIVRD, "DELIVRD", "0", "")),
        ("id:5 status:REJECTED error:12", ("5", STATES.REJECTD, "REJECTED", "12", "")),
        ("id:5 stat:WEIRD", ("5", STATES.UNKNOWN, "WEIRD", "", "")),
        ("id:x:y stat:DELIVRD", ("x:y", STATES.DELIVRD, "DELIVRD", "", "")),
        (
            "id:5 donedate:2021-02-22 06:11 stat:ENROUTE",
            ("5", STATES.ENROUTE, "ENROUTE", "", "2021-02-22 06:11"),
        ),
        ("id:1 id:2 stat:ENROUTE stat:DELIVRD", ("1", STATES.ENROUTE, "ENROUTE", "", "")),
        ("id:\x0b stat:\x85 err:\xa0", ("", STATES.UNKNOWN, "", "", "")),
        ("", ("", STATES.UNKNOWN, "", "", "")),
        ("grid:7 mystat:DELIVRD", ("", STATES.UNKNOWN, "", "", "")),
    ],
)
def test_odd_texts(text: str, expected: tuple[str, ReceiptState, str, str, str]) -> None:
    """Keys in any case and order, some missing, some twice, other separators."""
    assert told(receipt(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "id:1 stat:UNDELIV err:4 text:id:2 stat:DELIVRD err:0",
        "id:1 stat:UNDELIV err:4 text: id:2 stat:DELIVRD err:0",
        "id:1 stat:UNDELIV err:4 Text:x id:2 stat:DELIVRD err:0",
        "id:1 stat:UNDELIV err:4 text:x text: id:2 stat:DELIVRD err:0",
        "id:1 sub:001 dlvrd:000 done date:2 stat:UNDELIV err:4 text:id:2 stat:DELIVRD",
        "id:1 sub:001 dlvrd:000 done date:2 stat:UNDELIV err:4 text: id:2 stat:DELIVRD",
    ],
)
def test_the_text_field_is_content(text: str) -> None:
    """Our message's own words, quoted behind ``text:``, are never the carrier's."""
    found = receipt(text)
    assert (found.carrier_message_id, found.stat, found.error) == ("1", "UNDELIV", "4")


def test_missing_keys_are_not_taken_from_the_content() -> None:
    """A receipt without stat stays without one, whatever the message said."""
    assert receipt("id:1 text:Hola stat:DELIVRD").stat == ""
    assert receipt("id:1 text:stat:DELIVRD").state is STATES.UNKNOWN


@given(st.text(st.sampled_from("abc :,;id\0\tstaerxDELIVRD019"), max_size=80))
def test_what_follows_a_whole_receipt_changes_nothing(content: str) -> None:
    """However the quoted message reads, the receipt before it stands."""
    before = "id:9 sub:001 stat:EXPIRED done date:2401010000 err:3 submit date:2401010000 text:"
    expected = ("9", STATES.EXPIRED, "EXPIRED", "3", "2401010000")
    assert told(receipt(before + content)) == expected


words = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), max_size=12)
plain = st.text(st.characters(codec="ascii", categories=("L", "Nd")), max_size=12)
dates = st.text(st.characters(codec="ascii", categories=("Nd",)), max_size=70)


@given(
    words,
    dates | words,
    plain | words,
    plain | words,
    st.sampled_from(["", " text:", " Text:x stat:A", "\0", " x"]),
)
def test_the_fast_way_says_what_the_slow_way_says(
    carrier_id: str, date: str, stat: str, err: str, rest: str
) -> None:
    """The standard form is read by one expression; any way of reading gives the same."""
    text = f"id:{carrier_id} sub:001 dlvrd:001 submit date:1 done date:{date} stat:{stat} err:{err}"
    fast = module._STANDARD.match(text + rest)
    assert fast is None or fast.groups() == module._fields((text + rest).encode())


def test_the_standard_form_goes_the_fast_way() -> None:
    """The usual receipts do match it: else it is dead weight."""
    fast = [name for name, text in LINES.items() if module._STANDARD.match(text)]
    assert set(EXPECTED) - set(fast) == {
        "out of order",
        "HLR extra fields",
        "Zain minimal",
        "Vodafone CSV (kannel devel msg02229)",
    }


@pytest.mark.parametrize(
    "word", ["DELIVRD", "expired", "Deleted", "UNDELIV", "ACCEPTD", "REJECTD", "ENROUTE"]
)
def test_the_words_of_appendix_b(word: str) -> None:
    """Each names its state, in any case, and is kept as written."""
    found = receipt(f"id:1 stat:{word}")
    assert found.state == word.upper()
    assert found.stat == word


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("BUFFRED", STATES.ENROUTE),
        ("ACKED", STATES.ACCEPTD),  # by the next network, not by the phone
        ("FAILED", STATES.UNDELIV),
        ("NOCRED", STATES.REJECTD),
        ("DELIVERED", STATES.DELIVRD),
    ],
)
def test_the_words_that_carriers_write_instead(word: str, state: ReceiptState) -> None:
    found = receipt(f"id:1 stat:{word}")
    assert (found.state, found.stat) == (state, word)


def test_a_header_before_a_receipt_is_skipped() -> None:
    """Some carriers cut a long receipt like any message."""
    assert (
        receipt(b"\x05\x00\x03\x07\x01\x01" + STANDARD.encode(), 0x44).carrier_message_id
        == "1891273321"
    )


# --- the TLVs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "state", "stat"),
    [
        (1, STATES.ENROUTE, "ENROUTE"),
        (2, STATES.DELIVRD, "DELIVRD"),
        (3, STATES.EXPIRED, "EXPIRED"),
        (4, STATES.DELETED, "DELETED"),
        (5, STATES.UNDELIV, "UNDELIV"),
        (6, STATES.ACCEPTD, "ACCEPTD"),
        (7, STATES.UNKNOWN, "UNKNOWN"),
        (8, STATES.REJECTD, "REJECTD"),
        (99, STATES.UNKNOWN, ""),
    ],
)
def test_a_receipt_of_tlvs_alone(code: int, state: ReceiptState, stat: str) -> None:
    """message_state (5.2.28) and receipted_message_id need no text."""
    found = receipt(
        tlvs=(
            (int(Tlv.RECEIPTED_MESSAGE_ID), b"00AB-7\0"),
            (int(Tlv.MESSAGE_STATE), bytes([code])),
            (int(Tlv.NETWORK_ERROR_CODE), b"\x03\x00\x22"),
            (0x1400, b"vendor"),
        )
    )
    assert told(found) == ("00AB-7", state, stat, "34", "")


def test_tlvs_count_before_the_text() -> None:
    """The id and the state of the TLVs, the carrier's own words of the text."""
    tlvs = ((int(Tlv.RECEIPTED_MESSAGE_ID), b"77\0"), (int(Tlv.MESSAGE_STATE), b"\x05"))
    assert told(receipt(STANDARD, tlvs=tlvs)) == (
        "77",
        STATES.UNDELIV,
        "DELIVRD",
        "000",
        "1305050826",
    )


def test_an_empty_or_unknown_tlv_leaves_it_to_the_text() -> None:
    """A TLV that says nothing hides nothing."""
    tlvs = (
        (int(Tlv.RECEIPTED_MESSAGE_ID), b"\0"),
        (int(Tlv.MESSAGE_STATE), b"\x07"),
        (int(Tlv.USER_MESSAGE_REFERENCE), b""),
    )
    found = receipt(STANDARD, tlvs=tlvs)
    assert told(found) == EXPECTED["std"]
    assert found.reference is None


@pytest.mark.parametrize(
    ("value", "reference"), [(b"\0\0", 0), (b"\7", 7), (b"\xff\xff", 65535), (b"\1\1\1", None)]
)
def test_reference(value: bytes, reference: int | None) -> None:
    """user_message_reference is two octets; 0 is one, and none is None."""
    assert (
        receipt(STANDARD, tlvs=((int(Tlv.USER_MESSAGE_REFERENCE), value),)).reference == reference
    )
    assert receipt(STANDARD).reference is None


# --- what a carrier does in its own way -----------------------------------------------------------

LIST = compiled(r"(?P<stat>\d\d),(?P<done>\d{10}),\d{10},(?P<err>[^,]*),\d+,\d+,(?P<id>[^,\s]+)")
LIST_TEXT = LINES["Vodafone CSV (kannel devel msg02229)"]
OWN = Habits(LIST, {"00": STATES.DELIVRD, "07": STATES.UNDELIV, "KO": STATES.REJECTD})


def by(habits: Habits, text: str | bytes = b"", esm_class: int = 0x04, **fields: Any) -> Any:
    return read(deliver(text, esm_class, **fields), "gsm7", habits)


@pytest.mark.parametrize("name", LINES)
def test_habits_change_nothing_of_what_they_do_not_fit(name: str) -> None:
    """The standard forms are read as ever beside a pattern, in every place they may stand."""
    if LINES[name] == LIST_TEXT:
        return
    text = LINES[name]
    payload = ((int(Tlv.MESSAGE_PAYLOAD), text.encode()),)
    assert told(by(OWN, text)) == EXPECTED[name]
    assert told(by(OWN, tlvs=payload)) == EXPECTED[name]
    assert told(by(OWN, text.encode("utf-16-be"), data_coding=8)) == EXPECTED[name]


def test_a_comma_list_without_keys_is_read_by_the_carriers_pattern() -> None:
    expected = ("we2345678i9o03er45ty67u", STATES.DELIVRD, "00", "", "0210021543")
    assert told(by(OWN, LIST_TEXT)) == expected
    assert told(by(OWN, LIST_TEXT.encode("utf-16-be"))) == expected
    assert told(by(OWN, b"\x05\0\x03\x07\x01\x01" + LIST_TEXT.encode(), 0x44)) == expected
    failed = LIST_TEXT.replace("00,", "07,", 1).replace(",,", ",12,")
    assert told(by(OWN, failed))[1:4] == (STATES.UNDELIV, "07", "12")


def test_a_pattern_looks_at_so_much_of_a_text_and_no_more() -> None:
    end = Habits(compiled(r"(?s:.)*(?P<id>X)(?P<stat>Y)"))
    assert by(end, "a" * 200 + "XY").carrier_message_id == "X"
    assert by(end, "a" * 300 + "XY").carrier_message_id == ""


@pytest.mark.parametrize(("stat", "state"), [("ko", STATES.REJECTD), ("delivrd", STATES.DELIVRD)])
def test_the_carriers_own_words(stat: str, state: ReceiptState) -> None:
    """In any case, and everybody's words beside them."""
    assert by(OWN, f"id:5 stat:{stat}").state is state


VENDOR = Habits(states={"GONE": STATES.EXPIRED, "9": STATES.DELETED}, id_tlv=0x1400, state_tlv=5121)


@pytest.mark.parametrize(
    ("value", "state", "stat"),
    [
        (b"DELIVRD\0", STATES.DELIVRD, "DELIVRD"),
        (b"gone", STATES.EXPIRED, "gone"),
        (b"\x05", STATES.UNDELIV, "UNDELIV"),
        (b"\0\x02", STATES.DELIVRD, "DELIVRD"),
        (b"\x09", STATES.DELETED, "DELETED"),
        (b"9", STATES.DELETED, "9"),
        (b"\x63", STATES.UNKNOWN, "c"),
        (b"\xc8", STATES.UNKNOWN, "200"),
        (b"\x01\x01\x01\x01\x01", STATES.UNKNOWN, ""),
        (b"", STATES.UNKNOWN, ""),
    ],
)
def test_a_vendors_tlvs(value: bytes, state: ReceiptState, stat: str) -> None:
    """The id as text, the state as a word or as a number."""
    found = by(VENDOR, tlvs=((0x1400, b"00AB-7\0"), (0x1401, value)))
    assert (found.carrier_message_id, found.state) == ("00AB-7", state)
    if state is not STATES.DELIVRD and stat not in ("UNDELIV", "DELETED"):
        assert found.stat == stat


def test_the_vendors_tlv_counts_before_the_standard_one_and_that_before_the_text() -> None:
    tlvs = ((int(Tlv.RECEIPTED_MESSAGE_ID), b"77\0"), (int(Tlv.MESSAGE_STATE), b"\x05"))
    assert told(by(VENDOR, STANDARD, tlvs=tlvs))[:3] == ("77", STATES.UNDELIV, "DELIVRD")
    more = (*tlvs, (0x1400, b"88"), (0x1401, b"EXPIRED"))
    assert told(by(VENDOR, STANDARD, tlvs=more))[:2] == ("88", STATES.EXPIRED)


EITHER, TEXT = Habits(by="either"), Habits(by="text")


@pytest.mark.parametrize("habits", [EITHER, TEXT])
def test_a_carrier_that_marks_no_receipt(habits: Habits) -> None:
    """What reads as a receipt completely is one, in text, TLVs or the carrier's own form."""
    assert told(by(habits, STANDARD, 0)) == EXPECTED["std"]
    tlvs = ((int(Tlv.RECEIPTED_MESSAGE_ID), b"77\0"), (int(Tlv.MESSAGE_STATE), b"\x05"))
    assert by(habits, b"", 0, tlvs=tlvs).state is STATES.UNDELIV
    own = habits._replace(pattern=LIST, states=OWN.states)
    assert isinstance(by(own, LIST_TEXT, 0), Receipt)
    assert isinstance(by(OWN, LIST_TEXT, 0), Reply)
    assert by(habits, STANDARD, 0, tlvs=tlvs[:1]).carrier_message_id == "77"


@pytest.mark.parametrize(
    "text",
    ["BAJA", "id:5", "stat:DELIVRD", "id:5 stat:MAL", "id: stat:DELIVRD", "", "id:5 text:stat:OK"],
)
def test_what_reads_as_half_a_receipt_is_a_reply(text: str) -> None:
    for habits in (EITHER, TEXT):
        assert isinstance(by(habits, text, 0), Reply)
    assert isinstance(by(EITHER, text, 4), Receipt)
    assert isinstance(by(TEXT, text, 4), Reply)


def test_an_intermediate_notification_by_habit() -> None:
    assert by(OWN, "id:5 stat:UNDELIV", 0x20).state is STATES.ENROUTE
    assert by(OWN, "id:5 stat:DELIVRD", 0x20).state is STATES.DELIVRD


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (STANDARD, ""),
        ("id:5 stat:UNKNOWN", ""),
        ("id: stat:DELIVRD", "no_id"),
        ("id: stat:UNKNOWN", "no_id"),
        ("id:5", "no_state"),
        ("id:5 stat:WEIRD", "unknown_state"),
        ("stat:WEIRD", "unknown_state"),
        (LIST_TEXT, "nothing"),
        ("", "nothing"),
    ],
)
def test_what_could_not_be_read_has_a_word(text: str, what: str) -> None:
    assert unread(receipt(text)) == what


def test_what_the_carriers_table_knows_is_read() -> None:
    states = {"WEIRD": STATES.UNKNOWN}
    assert unread(by(Habits(states=states), "id:5 stat:weird"), states) == ""
    assert unread(receipt("id:5", 0x20)) == ""


# --- receipt or reply -----------------------------------------------------------------------------


@pytest.mark.parametrize("esm_class", [0x00, 0x01, 0x03, 0x0C, 0x10, 0x18, 0x80, 0xC3])
def test_only_esm_class_makes_a_receipt(esm_class: int) -> None:
    """A debtor who texts a receipt's words has written a reply."""
    found = reply("id:5 stat:DELIVRD", esm_class)
    assert found.text == "id:5 stat:DELIVRD"


@pytest.mark.parametrize("esm_class", [0x04, 0x08, 0x20, 0x24, 0x07, 0x44, 0x84])
def test_message_types_of_receipts(esm_class: int) -> None:
    """Receipt, delivery acknowledgement, intermediate notification, whatever the other bits."""
    assert isinstance(read(deliver(STANDARD, esm_class)), Receipt)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("UNDELIV", STATES.ENROUTE),
        ("", STATES.ENROUTE),
        ("ENROUTE", STATES.ENROUTE),
        ("DELIVRD", STATES.DELIVRD),
    ],
)
def test_an_intermediate_notification_ends_nothing_but_by_delivery(
    word: str, state: ReceiptState
) -> None:
    """The SMSC goes on trying after a failed attempt."""
    found = receipt(f"id:5 stat:{word}", 0x20)
    assert (found.state, found.stat) == (state, word)


def test_a_reply() -> None:
    """Who wrote, to whom, what: in the alphabet that data_coding says."""
    assert reply(b"BAJA \x7d", source_addr="+56912345678", destination_addr="+3450") == Reply(
        "56912345678", "3450", "BAJA ñ", 0
    )
    assert reply("sí".encode("utf-16-be"), data_coding=8).text == "sí"
    assert read(deliver(b"\xf1 $", 0), "latin1") == Reply("56912345678", "3450", "ñ $", 0)


def test_a_long_reply() -> None:
    """A part says which of how many, by header or by TLV; a payload is the text."""
    assert reply(b"\x06\x08\x04\x01\x02\x03\x02hola", 0x40).part == (0x102, 3, 2)
    sar = (
        (int(Tlv.SAR_MSG_REF_NUM), b"\x01\x02"),
        (int(Tlv.SAR_TOTAL_SEGMENTS), b"\x03"),
        (int(Tlv.SAR_SEGMENT_SEQNUM), b"\x02"),
    )
    assert reply(b"hola", tlvs=sar).part == (0x102, 3, 2)
    assert reply(b"hola", tlvs=sar[:2]).part is None
    assert reply(b"", tlvs=((int(Tlv.MESSAGE_PAYLOAD), b"hola" * 100),)).text == "hola" * 100


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("56912345678", "56912345678"),
        ("+56912345678", "56912345678"),
        ("0056912345678", "56912345678"),
        ("Banco Uno", "Banco Uno"),
        ("00AB", "00AB"),
        ("", ""),
        (" 569\x1e1 ", "569\ufffd1"),
    ],
)
def test_the_debtors_number(address: str, number: str) -> None:
    """Digits without prefix; what is none stays, without control characters."""
    assert reply(b"x", source_addr=address).sender == number
    assert receipt(b"x", source_addr=address).to == number


octets = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                b"id:",
                b" stat:",
                b" text:",
                b" err:",
                b" done date:",
                b"DELIVRD",
                b"0",
                b" ",
                b"\0",
                b",",
            ]
        ),
        max_size=20,
    ).map(b"".join),
)
tlvs = st.lists(st.tuples(st.sampled_from([*map(int, Tlv), 0x1400]), octets), max_size=6).map(tuple)
address = st.text(st.characters(max_codepoint=0xFF), max_size=20)


tags = st.sampled_from([0, 0x1400, *map(int, Tlv)])
habits = st.none() | st.builds(
    Habits,
    st.sampled_from(
        [None, LIST, compiled(r"(?P<id>[^,]*),(?P<stat>.*)"), compiled("(?P<id>)(?P<stat>a)?")]
    ),
    st.dictionaries(st.sampled_from(["00", "DELIVRD", "0", "", "X"]), st.sampled_from(STATES)),
    st.sampled_from(["esm_class", "text", "either"]),
    tags,
    tags,
)


@given(
    octets | st.text("0,: ", max_size=99).map(str.encode),
    st.integers(0, 0xFF),
    st.integers(0, 0xFF),
    tlvs,
    st.tuples(address, address),
    st.booleans(),
    habits,
)
def test_reading_is_total(
    body: bytes,
    esm_class: int,
    data_coding: int,
    extra: tuple[tuple[int, bytes], ...],
    parties: tuple[str, str],
    by_data_sm: bool,
    habits: Habits | None,
) -> None:
    """Any octets make a receipt or a reply, whatever the settings; what names things prints on one
    line, and what could not be read has a word."""
    fields: dict[str, Any] = {
        "esm_class": esm_class,
        "data_coding": data_coding,
        "source_addr": parties[0],
        "destination_addr": parties[1],
    }
    if by_data_sm:
        payload = ((int(Tlv.MESSAGE_PAYLOAD), body),)
        found = read(DataSm(**fields, tlvs=(*extra, *payload)), "gsm7", habits)
    else:
        found = read(DeliverSm(**fields, tlvs=extra, short_message=body), "gsm7", habits)
    if isinstance(found, Receipt):
        named = "".join((*told(found), found.to, found.sender))
        assert unread(found, habits.states if habits else {}) in ("", *UNREAD)
    else:
        named = found.sender + found.to
    assert named.isprintable()


# --- ids ------------------------------------------------------------------------------------------

MODES = ["auto", "same", "hex-decimal", "decimal-hex"]
numbers = st.integers(0, 2**64 - 1)
zeros = st.integers(0, 6).map("0".__mul__)
cases = st.sampled_from([str.upper, str.lower])
opaque = st.text(
    st.characters(codec="latin-1", exclude_categories=("Cc", "Z", "Cf")), min_size=1, max_size=65
)


def form(mode: str, of_response: bool, number: int) -> str:
    """A number as a carrier of a mode writes it in its response or in its receipt."""
    response_hex = mode == "hex-decimal"
    return f"{number:x}" if response_hex == of_response else str(number)


@given(
    numbers,
    zeros,
    zeros,
    cases,
    cases,
    st.sampled_from(["hex-decimal", "decimal-hex"]),
    st.booleans(),
)
def test_a_receipt_in_the_other_form_finds_its_message(
    number: int, pad: str, other_pad: str, case: Any, other_case: Any, carrier: str, stated: bool
) -> None:
    """Hexadecimal against decimal of 64 bits, any case, any zeros; stated or found by auto."""
    mode = carrier if stated else "auto"
    response = case(pad + form(carrier, True, number))
    receipt_id = other_case(other_pad + form(carrier, False, number))
    keys = candidates(receipt_id, mode)
    assert canonical(response, mode) in keys
    assert not stated or keys[0] == canonical(response, mode)


@given(opaque, cases, st.sampled_from(["auto", "same"]))
def test_a_receipt_in_the_same_form_finds_its_message(
    carrier_id: str, case: Any, mode: str
) -> None:
    """As written, in any case, first of all."""
    assert candidates(case(carrier_id), mode)[0] == canonical(carrier_id, mode)


@given(st.integers(0), zeros, zeros, st.sampled_from(["auto", "same"]))
def test_numbers_of_any_length_lose_their_zeros(
    number: int, pad: str, other: str, mode: str
) -> None:
    """Both forms are numbers, so 0086 is 86."""
    assert (
        candidates(f"{other}{number}", mode)[0] == canonical(f"{pad}{number}", mode) == str(number)
    )


@given(numbers, numbers, zeros, st.sampled_from(["hex-decimal", "decimal-hex"]))
def test_a_stated_mode_confuses_no_two_numbers(
    number: int, other: int, pad: str, mode: str
) -> None:
    """A receipt never finds another message: there is one reading."""
    if number != other:
        keys = candidates(pad + form(mode, False, number), mode)
        assert canonical(form(mode, True, other), mode) not in keys


@given(opaque, opaque, st.sampled_from(MODES))
def test_two_ids_are_one_only_by_case_and_zeros(one: str, other: str, mode: str) -> None:
    """The key of a response is as distinct as the id."""
    if one.casefold().lstrip("0") != other.casefold().lstrip("0"):
        assert canonical(one, mode) != canonical(other, mode)


@pytest.mark.parametrize(
    ("carrier_id", "mode", "key"),
    [
        ("0000436949", "same", "436949"),
        ("0000", "same", "0"),
        ("00AB", "same", "00ab"),  # no number, as far as anyone said
        ("00AB", "auto", "ab"),
        ("00AB", "hex-decimal", "ab"),
        ("00AB-7", "auto", "00ab-7"),
        ("0" * 40 + "12", "auto", "12"),
        ("03a37b7256fb8fe70005a15c", "auto", "03a37b7256fb8fe70005a15c"),  # over 64 bits
        ("2E179B31-X", "auto", "2e179b31-x"),
        (" 7\0\0", "same", "7"),
        ("a\x1eb\x00c", "same", "a\ufffdb\ufffdc"),
        ("\0", "auto", ""),
    ],
)
def test_canonical(carrier_id: str, mode: str, key: str) -> None:
    """Folded case, zeros only of numbers, nothing that does not print."""
    assert canonical(carrier_id, mode) == key


@pytest.mark.parametrize(
    ("receipt_id", "mode", "keys"),
    [
        ("", "auto", ()),
        ("\0 ", "same", ()),
        ("255", "same", ("255",)),
        ("255", "hex-decimal", ("ff",)),  # and never "255": that is another message's id
        ("FF", "hex-decimal", ("ff",)),
        ("ff", "decimal-hex", ("255", "ff")),
        ("10", "decimal-hex", ("16",)),
        ("255", "auto", ("255", "ff", "597")),
        ("00FF", "auto", ("ff", "255")),
        ("7", "auto", ("7",)),
        (str(2**64), "hex-decimal", (str(2**64),)),
        (str(2**64 - 1), "hex-decimal", ("f" * 16,)),
        ("f" * 17, "decimal-hex", ("f" * 17,)),
        ("9" * 5000, "hex-decimal", ("9" * 5000,)),
        ("²", "auto", ("²",)),
        ("577e505a-dbd7", "auto", ("577e505a-dbd7",)),
    ],
)
def test_candidates(receipt_id: str, mode: str, keys: tuple[str, ...]) -> None:
    """Best first; what is no number of 64 bits in the receipt's form is tried as it is."""
    assert candidates(receipt_id, mode) == keys
    assert first_key(receipt_id, mode) == (*keys, "")[0]


@given(opaque | numbers.map(str) | numbers.map("{:X}".format), zeros, st.sampled_from(MODES))
def test_the_first_key_is_the_first_candidate(receipt_id: str, pad: str, mode: str) -> None:
    assert first_key(pad + receipt_id, mode) == (*candidates(pad + receipt_id, mode), "")[0]


@given(st.text(max_size=8))
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    """However it is told that a text needs none."""
    slowly = "".join(char if char.isprintable() else "\ufffd" for char in text.strip(" \t\r\n\0"))
    assert clean(text) == slowly
    assert clean(clean(text)) == clean(text)


def test_clean() -> None:
    """What prints stays; the separators of our records do not."""
    assert clean(" a b\x1ec\n\0") == "a b\ufffdc"
