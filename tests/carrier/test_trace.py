"""What goes over the wire, told to who watches; and nothing of it while nobody does."""

from __future__ import annotations

import asyncio
import timeit
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carrier import trace as module
from gateway.carrier.session import Bind
from gateway.carrier.told import Record, Show, line, moment
from gateway.carrier.trace import BindTap, Trace, Watcher
from gateway.config import Carrier
from gateway.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    EnquireLink,
    SubmitMulti,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    encode,
)
from gateway.smpp.wire import SmeAddress
from tests.carrier.conftest import LIMIT, Line, until

MakeLine = Callable[..., Awaitable[Line]]
CARRIER = Carrier(name="andina", host="127.0.0.1", system_id="recado", password="x", port=2776)
SUBMIT = encode(
    SubmitSm(7, source_addr="3450", destination_addr="56981234567", short_message=b"Hi")
)
ANSWER = encode(SubmitSmResp(7, message_id="a1"))
MASKED = Show()
PDUS = SUBMIT + ANSWER + encode(EnquireLink(3))


def bind() -> Bind:
    return Bind(CARRIER, 0, "transceiver", lambda *_: None, lambda *_: None)


def told(octets: bytes, show: Show = MASKED, **more: Any) -> dict[str, Any]:
    """The line of a PDU."""
    return line(CARRIER, Record(0, 1, "transceiver", "in", octets, **more), show)


class Kept:
    """A tap, and the records it made."""

    def __init__(self, bind: Bind) -> None:
        self.records: list[Record] = []
        self.tap = BindTap(bind, self.records.append)

    @property
    def frames(self) -> list[bytes]:
        return [record.octets for record in self.records]


# Cutting


@given(cuts=st.lists(st.integers(0, len(PDUS)), max_size=8).map(sorted))
def test_pdus_are_cut_however_they_come(cuts: list[int]) -> None:
    """In pieces, or several in one read."""
    kept = Kept(bind())
    for start, end in zip([0, *cuts], [*cuts, len(PDUS)], strict=True):
        kept.tap.octets("in", PDUS[start:end])
    assert kept.frames == [SUBMIT, ANSWER, PDUS[-16:]]


def test_a_watch_may_begin_within_a_pdu() -> None:
    """What the session has read of it already belongs to it."""
    one = bind()
    one.session.receive_data(SUBMIT[:9], 0.0)
    kept = Kept(one)
    kept.tap.octets("in", SUBMIT[9:])
    assert kept.frames == [SUBMIT]


def test_octets_that_are_no_pdu_are_told_once_and_a_new_connection_begins_anew() -> None:
    kept = Kept(bind())
    kept.tap.octets("in", SUBMIT + b"HTTP/1.1 400 Bad Request\r\n")
    kept.tap.octets("in", SUBMIT)
    kept.tap.octets("out", ANSWER)
    kept.tap.event("connected")
    kept.tap.octets("in", SUBMIT)
    assert [r.event for r in kept.records] == ["", "unframed", "", "connected", ""]
    said = line(CARRIER, kept.records[1], Show(octets=True))
    assert "framing lost" in said["problem"]
    assert (said["direction"], said["length"]) == ("in", 26)
    assert "octets" not in said
    everything = line(CARRIER, kept.records[1], Show(True, True, True))
    assert bytes.fromhex(everything["octets"]).startswith(b"HTTP/1.1")


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_a_tap_never_raises(pieces: list[bytes]) -> None:
    kept = Kept(bind())
    for piece in pieces:
        kept.tap.octets("in", piece)
    for record in kept.records:
        line(CARRIER, record, Show(octets=True))


# Lines


def test_a_line_names_what_smpp_names() -> None:
    """Only what says something; numbers and texts masked."""
    said = told(SUBMIT, Show())
    assert said == {
        "at": "1970-01-01T00:00:00.000000Z",
        "carrier": "andina",
        "bind": 1,
        "mode": "transceiver",
        "direction": "in",
        "pdu": "submit_sm",
        "sequence_number": 7,
        "fields": {"source_addr": "3450", "destination_addr": "569*****567"},
        "text": "<2 chars>",
        "length": len(SUBMIT),
    }
    shown = told(SUBMIT, Show(numbers=True, texts=True))
    assert (shown["fields"]["destination_addr"], shown["text"]) == ("56981234567", "Hi")
    assert "octets" not in shown


def test_a_status_is_told_when_it_is_not_ok() -> None:
    said = told(encode(SubmitSmResp(1, 0x58)))
    assert said["command_status"] == "ESME_RTHROTTLED"
    assert "command_status" not in told(ANSWER)
    assert told(ANSWER)["fields"] == {"message_id": "a1"}


def test_a_text_is_decoded_and_its_header_told() -> None:
    pdu = SubmitSm(
        1,
        esm_class=0x40,
        data_coding=8,
        short_message=b"\x05\x00\x03\x07\x02\x01" + "Señora 😀".encode("utf-16-be"),
    )
    said = told(encode(pdu), Show(texts=True))
    assert (said["text"], said["udh"], said["part"]) == ("Señora 😀", "0003070201", "1/2")
    assert told(encode(pdu))["text"] == "<8 chars>"


def test_a_receipts_keys_are_told() -> None:
    text = b"id:1 stat:DELIVRD err:000 text:Banco"
    pdu = DeliverSm(1, source_addr="56981234567", esm_class=4, short_message=text)
    assert told(encode(pdu))["text"] == "id:1 stat:DELIVRD err:000 text:xxxxx"
    assert told(encode(pdu), Show(texts=True))["text"] == text.decode()


def test_parameters_have_names() -> None:
    tlvs = (
        (int(Tlv.MESSAGE_STATE), b"\2"),
        (int(Tlv.RECEIPTED_MESSAGE_ID), b"ab\0"),
        (0x1400, b"x1"),
        (0x1400, b"\xff"),
        (int(Tlv.MESSAGE_PAYLOAD), b"Hola"),
    )
    said = told(encode(DeliverSm(1, tlvs=tlvs)))
    assert said["tlvs"] == {
        "message_state": 2,
        "receipted_message_id": "ab",
        "0x1400": "x1",
        "0x1400.2": "0xff",
        "message_payload": "<4 octets>",
    }
    assert said["text"] == "<4 chars>"


def test_a_pdu_of_nothing_but_parameters_is_told_in_short() -> None:
    """It could have 16,000 of them, and they would be named one after the other."""
    said = told(encode(DeliverSm(1, tlvs=((0x1400, b""),) * 15_000)))
    assert (len(said["tlvs"]), said["tlvs_left_out"]) == (100, 14_900)


def test_a_password_is_never_told() -> None:
    pdu = encode(BindTransceiver(1, system_id="recado", password="hunter2"))
    said = told(pdu, Show(True, True, True))
    assert said["fields"]["password"] == "***"
    assert b"hunter2".hex() not in said["octets"]
    assert len(said["octets"]) == 2 * len(pdu)


def test_what_cannot_be_read_has_a_problem() -> None:
    """The status in its header is told, and not the one that answers it."""
    cut = told(SUBMIT[:-1], Show(octets=True))
    assert "short_message" in cut["problem"]
    assert "command_status" not in cut
    unknown = told(b"\0\0\0\x10\0\1\0\0\0\0\0\0\0\0\0\1")
    assert (unknown["pdu"], unknown["problem"]) == (
        "0x00010000",
        "SMPP 3.4 has no such command_id",
    )


def test_lists_are_objects() -> None:
    pdu = SubmitMulti(1, dest_addresses=(SmeAddress(1, 1, "56981234567"),))
    (one,) = told(encode(pdu))["fields"]["dest_addresses"]
    assert one["destination_addr"] == "569*****567"


def test_a_moment_has_microseconds() -> None:
    assert moment(1_763_800_000_000_001_999) == "2025-11-22T08:26:40.000001Z"


# Watchers


def watched(show: Show = MASKED) -> tuple[Trace, Watcher]:
    trace = Trace(CARRIER, ())
    return trace, trace.watch(show)


def test_a_watcher_that_does_not_take_loses_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither count nor octets grow; what was missed stands where it was missed."""
    _, watcher = watched()
    for _ in range(module.QUEUE_RECORDS + 500):
        watcher.put(Record(0, octets=SUBMIT, direction="in"))
    first = watcher.lines(10)
    watcher.put(Record(0, octets=ANSWER, direction="in"))
    rest = watcher.lines(1_000_000)
    assert len(first) + len(rest) == module.QUEUE_RECORDS + 2
    assert [said.get("lost") for said in rest[-2:]] == [500, None]
    assert rest[-1]["pdu"] == "submit_sm_resp"
    assert watcher.lines(10) == []
    monkeypatch.setattr(module, "QUEUE_OCTETS", 3 * len(SUBMIT))
    for _ in range(10):
        watcher.put(Record(0, octets=SUBMIT, direction="in"))
    assert [said.get("lost") for said in watcher.lines(10)] == [None, None, None]
    assert [said.get("lost") for said in watcher.lines(10)] == [7]


async def test_a_watcher_waits_until_there_is_something() -> None:
    _, watcher = watched()
    waiting = asyncio.create_task(watcher.fresh())
    await asyncio.sleep(0)
    assert not waiting.done()
    watcher.put(Record(0, octets=SUBMIT, direction="in"))
    await waiting
    watcher.lines(1)
    again = asyncio.create_task(watcher.fresh())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


async def collect(watcher: Watcher, enough: Callable[[list[dict[str, Any]]], bool]) -> list[Any]:
    """Lines until there are enough."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(LIMIT):
        while not enough(found):
            await watcher.fresh()
            found += watcher.lines(100)
    return found


def count(found: list[dict[str, Any]], **wanted: Any) -> int:
    return sum(wanted.items() <= said.items() for said in found)


# A real account


async def bound(bind: Bind) -> None:
    async def looked() -> bool:
        return bind.bound

    await until(looked)


async def test_a_message_is_seen_from_submit_to_receipt(line: MakeLine) -> None:
    """Submits that were written encoded as well as what comes; none of it before or after."""
    made = await line(window=5)
    trace, (bind,) = made.account.trace, made.account.binds
    await bound(bind)
    assert bind.tap is None
    watcher = trace.watch(Show())
    await made.put(*range(20))
    found = await collect(watcher, lambda f: count(f, pdu="deliver_sm_resp", direction="out") == 20)
    await made.until(delivered=20)
    assert (found[0]["event"], found[0]["state"], found[0]["port"]) == (
        "bind",
        "bound",
        made.carrier.port,
    )
    for name, direction in (
        ("submit_sm", "out"),
        ("submit_sm_resp", "in"),
        ("deliver_sm", "in"),
        ("deliver_sm_resp", "out"),
    ):
        assert count(found, pdu=name, direction=direction) == count(found, pdu=name) == 20
    assert not any("problem" in said or "lost" in said for said in found)
    assert "5690000" not in repr(found)
    other = trace.watch(Show())
    watcher.leave()
    assert bind.tap is not None
    other.leave()
    assert bind.tap is None
    await made.put(30)
    await made.until(delivered=21)
    assert watcher.lines(10) == other.lines(10) == []


async def test_the_tap_stays_over_a_new_connection(line: MakeLine) -> None:
    """The end of one, the wait, the next and its bind are told."""
    made = await line(window=5)
    (bind,) = made.account.binds
    await bound(bind)
    watcher = made.account.trace.watch(Show())
    bind.recycle("a test")
    found = await collect(watcher, lambda f: count(f, pdu="bind_transceiver_resp") == 1)
    said = [(one.get("event") or one["pdu"], one.get("reason")) for one in found]
    assert said == [
        ("bind", None),
        ("lost", "a test"),
        ("waiting", "a test"),
        ("connected", None),
        ("bind_transceiver", None),
        ("bind_transceiver_resp", None),
    ]
    assert found[4]["fields"]["password"] == "***"
    await bound(bind)
    await made.put(1)
    assert await collect(watcher, lambda f: count(f, pdu="submit_sm") == 1)
    watcher.leave()
    assert bind.tap is None


async def test_one_who_does_not_take_holds_nothing_up(
    line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message goes through; what was missed is told."""
    monkeypatch.setattr(module, "QUEUE_RECORDS", 10)
    made = await line(window=10, binds=2)
    watcher = made.account.trace.watch(Show())
    await made.put(*range(200))
    await made.until(delivered=200)
    found = watcher.lines(1_000)
    assert sum("pdu" in said for said in found) <= 10

    async def all_counted() -> bool:
        """The last responses of ours leave after the messages have moved."""
        found.extend(watcher.lines(1_000))
        seen = sum("pdu" in said for said in found)
        return seen + sum(said.get("lost", 0) for said in found) >= 4 * 200

    await until(all_counted)
    assert sum(said.get("lost", 0) for said in found) > 0
    watcher.leave()


def test_without_a_watcher_a_read_costs_nothing_to_speak_of() -> None:
    """One look at an attribute: under a tenth of reading the shortest PDU there is."""
    one = bind()
    session = one._new_session()
    session.send(BindTransceiver(system_id="recado"), 0.0)
    session.receive_data(encode(BindTransceiverResp(1)), 0.0)
    data = encode(EnquireLink(9))

    def look() -> None:
        for _ in range(2_000):
            if one.tap is not None:
                raise AssertionError

    def read() -> None:
        for _ in range(2_000):
            session.receive_data(data, 0.0)
            session.data_to_send()

    def best(work: Callable[[], None]) -> float:
        return min(timeit.repeat(work, number=1, repeat=5))

    assert best(look) < best(read) / 10
