"""What reached the carrier, counted."""

from __future__ import annotations

from gateway.simulator.answers import NO_ANSWER
from gateway.simulator.parts import content
from gateway.simulator.record import Record
from gateway.simulator.script import Recording
from gateway.smpp.pdu import SubmitSm
from tests.simulator.esme import submit

THROTTLED = 0x58


def recorded(*entries: tuple[SubmitSm, int], limit: int = 100) -> Record:
    record = Record(Recording(submits=limit))
    for second, (pdu, status) in enumerate(entries):
        record.arrived(float(second), 1)
        record.add(float(second), "recado", pdu, content(pdu), status)
    return record


def test_a_message_sent_again_after_a_refusal_is_a_repeat() -> None:
    counts = recorded((submit(1), THROTTLED), (submit(1), 0)).counts()
    assert (counts["duplicates"], counts["repeats"], counts["taken"]) == (0, 1, 1)


def test_a_message_sent_again_after_it_was_taken_is_a_duplicate() -> None:
    counts = recorded((submit(1), NO_ANSWER), (submit(1), THROTTLED)).counts()
    assert (counts["duplicates"], counts["repeats"]) == (1, 0)


def test_another_text_recipient_or_part_is_no_duplicate() -> None:
    long = [submit(1, b"\5\0\3\7\2%chola" % part, esm_class=0x40) for part in (1, 2)]
    pdus = [submit(1), submit(2), submit(1, b"chao"), *long]
    assert recorded(*((pdu, 0) for pdu in pdus)).counts()["duplicates"] == 0


def test_a_part_under_another_reference_is_a_duplicate() -> None:
    one, other = (submit(1, b"\5\0\3%c\2\1hola" % ref, esm_class=0x40) for ref in (7, 8))
    assert recorded((one, 0), (other, 0)).counts()["duplicates"] == 1


def test_a_long_message_is_one_when_its_last_part_is_taken() -> None:
    one, two = (submit(1, b"\5\0\3\7\2%chola" % part, esm_class=0x40) for part in (1, 2))
    unfinished = recorded((one, 0), (two, THROTTLED)).counts()
    assert (unfinished["messages"], unfinished["long_unfinished"]) == (0, 1)
    finished = recorded((two, 0), (one, 0), (submit(2), 0)).counts()
    assert (finished["messages"], finished["long_messages"]) == (2, 1)


def test_parts_are_put_together_however_they_are_tied() -> None:
    udh = [submit(1, b"\5\0\3\7\2%choy" % part, esm_class=0x40) for part in (2, 1)]
    tables = b"\3\x24\1\2"
    sar = [
        submit(
            2,
            tables + text,
            esm_class=0x40,
            tlvs=((0x020C, b"\1\2"), (0x020E, b"\2"), (0x020F, bytes((part,)))),
        )
        for part, text in ((1, b"uno "), (2, b"dos"))
    ]
    payload = submit(3, b"", tlvs=((0x0424, b"larga"),))
    record = recorded(*((pdu, 0) for pdu in (*udh, *sar, payload, udh[0])), (submit(4), THROTTLED))
    assert record.texts() == [
        ("56900000001", b"hoyhoy"),
        ("56900000002", b"uno dos"),
        ("56900000003", b"larga"),
    ]


def test_the_record_is_bounded_and_the_counts_are_not() -> None:
    record = recorded(*((submit(n), 0) for n in range(5)), limit=3)
    assert (len(record.submissions), record.counts()["submits"]) == (3, 5)


def test_statuses_seconds_and_rate() -> None:
    counts = recorded((submit(1), 0), (submit(2), 0x400), (submit(3), NO_ANSWER)).counts()
    assert counts["statuses"] == {"ESME_ROK": 1, "0x00000400": 1}
    assert counts["unanswered"] == 1
    assert counts["seconds"] == [1, 1, 1]
    assert counts["rate"] == 1.0
    assert counts["most_in_a_second"] == 1
