"""Which receipts come when, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator.receipts import Due, Plan, Taken, Wording
from gateway.simulator.script import Ids, Receipts
from gateway.smpp.pdu import DataSm, Tlv
from tests.simulator.test_chance import draws

TAKEN = Taken(48_879, "3450", 0, 1, "56911111111", 1, 1, b"\x00\x2a", b"hola", 1_700_000_000)
DONE = TAKEN.at + 65


def certain(**settings: Any) -> list[Due]:
    """The receipts of a message answered at 10.0, where nothing is left to chance."""
    return Plan(Receipts(**settings)).of("DELIVRD", 10.0, draws())


def test_one_receipt_after_its_delay() -> None:
    assert certain(delay_ms=500.0) == [Due(10.5, "DELIVRD")]


@pytest.mark.parametrize("settings", [{"form": "none"}, {"share": 0.0}])
def test_none_at_all(settings: dict[str, Any]) -> None:
    assert certain(**settings) == []


def test_an_early_one_on_another_bind() -> None:
    assert certain(early_share=1.0, other_bind_share=1.0) == [Due(10.0, "DELIVRD", True, True)]


def test_enroute_before_and_after_and_a_repetition() -> None:
    dues = certain(enroute_share=1.0, disorder_share=1.0, repeat_share=1.0, repeat_delay_ms=250.0)
    assert [(due.word, due.at) for due in dues] == [
        ("ENROUTE", 10.0),
        ("DELIVRD", 10.0),
        ("ENROUTE", 10.0),
        ("DELIVRD", 10.25),
    ]


def test_outcomes_come_by_their_share() -> None:
    plan = Plan(Receipts(outcomes={"UNDELIV": 0.1, "EXPIRED": 0.1}))
    assert [plan.word(draws(n)) for n in (0.05, 0.15, 0.5)] == ["UNDELIV", "EXPIRED", "DELIVRD"]


@pytest.mark.parametrize(
    ("registered", "word", "asked"),
    [(0, "DELIVRD", False), (1, "DELIVRD", True), (2, "DELIVRD", False), (2, "UNDELIV", True)],
)
def test_a_receipt_is_sent_to_who_asked(registered: int, word: str, asked: bool) -> None:
    assert Plan(Receipts()).asked(registered, word) is asked
    assert Plan(Receipts(unasked=True)).asked(registered, word)


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (
            "standard",
            b"id:48879 sub:001 dlvrd:001 submit date:2311142213 done date:2311142214 "
            b"stat:DELIVRD err:000 text:hola",
        ),
        (
            "seconds",
            b"id:48879 sub:001 dlvrd:001 submit date:231114221320 done date:231114221425 "
            b"stat:DELIVRD err:000 text:hola",
        ),
        (
            "century",
            b"id:48879 sub:001 dlvrd:001 submit date:20231114221320 done date:20231114221425 "
            b"stat:DELIVRD err:000 text:hola",
        ),
        (
            "minimal",
            b"id:48879 submit date:2311142213 done date:2311142214 stat:DELIVRD",
        ),
    ],
)
def test_layouts(layout: Any, text: bytes) -> None:
    assert Wording(Receipts(layout=layout), Ids()).text(TAKEN, "DELIVRD", DONE) == text


def test_mixed_layouts_go_by_the_messages_number() -> None:
    wording = Wording(Receipts(layout="mixed"), Ids())
    texts = {
        wording.text(Taken(n, "1", 0, 0, "2", 0, 0, b"", b"", 0), "DELIVRD", 0).split(b"stat")[0]
        for n in range(4)
    }
    assert len({len(text) for text in texts}) == 4


def test_a_failure_has_its_error_and_nothing_delivered() -> None:
    text = Wording(Receipts(errors={"UNDELIV": "0x0B"}), Ids()).text(TAKEN, "UNDELIV", DONE)
    assert b"dlvrd:000" in text
    assert b"stat:UNDELIV err:0x0B" in text


def test_a_receipt_goes_from_the_recipient_to_the_sender() -> None:
    pdu = Wording(Receipts(), Ids()).letter(TAKEN, "DELIVRD", DONE)
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("56911111111", 1, 1)
    assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi) == ("3450", 0, 1)
    assert pdu.esm_class == 0x04
    assert pdu.tlvs == ((int(Tlv.USER_MESSAGE_REFERENCE), b"\x00\x2a"),)


def test_tlvs_alone_say_it_all() -> None:
    wording = Wording(Receipts(form="tlv", reference=False), Ids(form="decimal-hex"))
    pdu = wording.letter(TAKEN, "UNDELIV", DONE)
    assert pdu.short_message == b""
    assert pdu.tlvs == (
        (int(Tlv.RECEIPTED_MESSAGE_ID), b"beef\0"),
        (int(Tlv.MESSAGE_STATE), b"\x05"),
    )


def test_both_forms_agree_and_a_word_without_a_number_is_unknown() -> None:
    pdu = Wording(Receipts(form="both"), Ids()).letter(TAKEN, "NOCRED", DONE)
    assert b"stat:NOCRED" in pdu.short_message
    assert (int(Tlv.MESSAGE_STATE), b"\x07") in pdu.tlvs


STANDARD = b"id:48879 sub:001 dlvrd:001 submit date:2311142213 done date:2311142214 stat:DELIVRD"


def letter(word: str = "DELIVRD", **settings: Any) -> Any:
    return Wording(Receipts(reference=False, **settings), Ids()).letter(TAKEN, word, DONE)


@pytest.mark.parametrize("form", ["payload", "data_sm"])
def test_the_text_in_a_payload(form: Any) -> None:
    pdu = letter(form=form)
    ((tag, text),) = pdu.tlvs
    assert tag == int(Tlv.MESSAGE_PAYLOAD)
    assert text.startswith(STANDARD)
    assert isinstance(pdu, DataSm) is (form == "data_sm")
    assert getattr(pdu, "short_message", b"") == b""
    assert (pdu.source_addr, pdu.destination_addr) == ("56911111111", "3450")


def test_the_text_in_ucs2() -> None:
    pdu = letter(form="ucs2", layout="minimal")
    assert pdu.data_coding == 8
    assert pdu.short_message.decode("utf-16-be").endswith("stat:DELIVRD")
    assert len(letter(form="ucs2").short_message) <= 254


def test_a_comma_list_in_the_carriers_words() -> None:
    pdu = letter("UNDELIV", form="list", words={"UNDELIV": "07"})
    assert pdu.short_message == b"07,2311142214,2311142213,001,56911111111,48879"


def test_a_vendors_tlvs() -> None:
    pdu = letter("UNDELIV", form="vendor", words={"UNDELIV": "07"})
    assert pdu.short_message == b""
    assert pdu.tlvs == ((0x1400, b"48879"), (0x1401, b"07"))


def test_what_marks_a_receipt() -> None:
    assert letter(esm_class=0).esm_class == 0
    assert letter("ENROUTE", intermediate=True).esm_class == 0x20
    assert letter("ENROUTE").esm_class == letter(intermediate=True).esm_class == 0x04


def test_a_word_of_the_carriers_own_counts_as_what_it_stands_for() -> None:
    text = letter(words={"DELIVRD": "OK"}).short_message
    assert b"dlvrd:001" in text
    assert b"stat:OK " in text
