"""One account against the simulated carrier, over real sockets and a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.carrier.account import Carriers
from gateway.carrier.dispatch import Limit
from gateway.carrier.session import Backoff, BindState
from gateway.message import MessageState, Priority
from gateway.smpp.pdu import EnquireLink
from gateway.store.correlation import Found
from gateway.store.types import MessageRecord
from tests.carrier.conftest import CHILE, Line, until

MakeLine = Callable[..., Awaitable[Line]]


async def record(line: Line, number: int) -> MessageRecord:
    page = await line.store.records.messages("crm", to=f"569{number:08d}")
    return page.items[0]


async def test_a_campaign_goes_out_and_its_receipts_come_back(line: MakeLine) -> None:
    made = await line(window=10, binds=2)
    await made.put(*range(300))
    await made.until(delivered=300)
    assert set(made.taken().values()) == {1}
    assert len(made.taken()) == 300
    found = await record(made, 7)
    assert found.carrier == "andina"
    assert found.accepted_ms <= found.submitted_ms <= found.final_ms


async def test_segments_of_a_message_go_over_one_bind_in_order(line: MakeLine) -> None:
    made = await line(window=3, binds=2)
    await made.put(1, 2, 3, segments=2, text="Banco Ejemplo: " + "cuota " * 40)
    await made.until(delivered=3)
    parts = [(s.recipient, s.part, s.total) for s in made.carrier.submissions]
    for to in {p[0] for p in parts}:
        assert [p[1:] for p in parts if p[0] == to] == [(1, 2), (2, 2)]


LONG = "Banco Ejemplo: " + "cuota " * 40


async def test_sar_parameters_go_over_one_bind_in_order(line: MakeLine) -> None:
    made = await line(window=3, binds=2, long_messages="sar")
    await made.put(*range(1, 9), segments=2, text=LONG)
    await made.until(delivered=8)
    parts = [(s.recipient, s.part, s.total) for s in made.carrier.submissions]
    for to in {p[0] for p in parts}:
        assert [p[1:] for p in parts if p[0] == to] == [(1, 2), (2, 2)]
    assert {text for _, text in made.carrier.record.texts()} == {LONG.encode()}
    assert len(made.carrier.record.texts()) == 8
    assert len((await record(made, 1)).fates) == 2


async def test_a_payload_is_one_submit_with_one_fate(line: MakeLine) -> None:
    made = await line(window=3, binds=2, long_messages="payload")
    await made.put(*range(1, 9), segments=2, text=LONG)
    await made.until(delivered=8)
    assert [s.total for s in made.carrier.submissions] == [1] * 8
    assert {text for _, text in made.carrier.record.texts()} == {LONG.encode()}
    found = await record(made, 1)
    assert (found.segments, len(found.fates)) == (2, 1)
    assert found.fates[0].state is MessageState.delivered


async def test_a_payload_in_doubt_is_settled_by_its_one_receipt(line: MakeLine) -> None:
    made = await line(
        {"drop_after": 5, "receipts": {"delay_ms": 5}}, window=1, long_messages="payload"
    )
    await made.put(*range(20), segments=2, text=LONG)
    await made.until(delivered=20)
    assert set(made.taken().values()) == {1}
    assert made.account.metrics.carrier("andina").found.get(Found.settled_doubt, 0) > 0


async def test_a_payload_refused_for_now_goes_again(line: MakeLine) -> None:
    made = await line(
        {"statuses": {"ESME_RTHROTTLED": 0.3}}, rate=2000, window=4, long_messages="payload"
    )
    await made.put(*range(20), segments=2, text=LONG)
    await made.until(delivered=20)
    assert set(made.taken().values()) == {1}
    assert made.carrier.stats()["statuses"]["ESME_RTHROTTLED"] > 0


async def test_a_payload_is_paced_by_its_segments(line: MakeLine) -> None:
    made = await line(rate=10, window=50, long_messages="payload")
    await made.put(*range(8), segments=3, text="cuota " * 60)
    await made.until(delivered=8)
    at = [s.at_ns for s in made.carrier.submissions]
    most = max(sum(0 <= other - one < 1_000_000_000 for other in at) for one in at)
    assert most <= 3
    assert 1.9 <= (at[-1] - at[0]) / 1e9 <= 4.0


async def test_a_latin1_carrier_reads_its_own_octets(line: MakeLine) -> None:
    made = await line(default_alphabet="latin1")
    await made.put(1, text="$45.990 año [1]")
    await made.until(delivered=1)
    assert made.carrier.record.texts() == [("56900000001", "$45.990 año [1]".encode("latin-1"))]


async def test_the_carriers_refusal_ends_a_message(line: MakeLine) -> None:
    made = await line({"numbers": [{"to": "00000001$", "status": "ESME_RINVDSTADR"}]})
    await made.put(1, 2)
    await made.until(rejected=1, delivered=1)
    found = await record(made, 1)
    assert (found.state, found.error) == (MessageState.rejected, "0x0000000b")


async def test_throttled_messages_go_again_and_none_twice(line: MakeLine) -> None:
    made = await line({"statuses": {"ESME_RTHROTTLED": 0.05}}, rate=2000, window=10)
    await made.put(*range(200))
    await made.until(delivered=200)
    assert set(made.taken().values()) == {1}
    assert made.carrier.stats()["statuses"]["ESME_RTHROTTLED"] > 0


async def test_a_dropped_link_leaves_doubt_and_nothing_goes_twice(line: MakeLine) -> None:
    made = await line({"drop_after": 40, "receipts": {"form": "none"}, "delay_ms": 1}, window=10)
    await made.put(*range(200))

    async def all_left() -> bool:
        states = await made.states()
        return states["queued"] == 0 and states["submitted"] + states["in_doubt"] == 200

    await until(all_left)
    assert set(made.taken().values()) == {1}
    states = await made.states()
    links = made.carrier.stats()["binds_accepted"]
    assert 0 < states["in_doubt"] <= 2 * 10 * links


async def test_a_receipt_settles_what_a_dropped_link_left_in_doubt(line: MakeLine) -> None:
    # One at a time: what follows the submit that drops the link has not been taken.
    made = await line({"drop_after": 20, "receipts": {"delay_ms": 5}}, window=1)
    await made.put(*range(50))
    await made.until(delivered=50)
    assert set(made.taken().values()) == {1}
    assert made.account.metrics.carrier("andina").found.get(Found.settled_doubt, 0) > 0


async def test_a_carrier_that_never_answers_leaves_doubt(line: MakeLine) -> None:
    made = await line(
        {"silence": True, "receipts": {"form": "none"}}, window=5, response_seconds=0.1
    )
    await made.put(1)
    await made.until(in_doubt=1)
    events = await made.store.events.read("crm", None)
    assert [e.kind for e in events.items] == ["in_doubt"]


async def test_binds_come_back_after_refusals(line: MakeLine) -> None:
    made = await line({"refuse_binds": 3})
    await made.put(1)
    await made.until(delivered=1)
    assert made.carrier.stats()["binds_refused"] == 3


async def test_a_refused_bind_says_why(line: MakeLine) -> None:
    made = await line(
        {"accept_binds": False, "refuse_status": "ESME_RINVPASWD"}, rebind_min_seconds=30.0
    )
    (bind,) = made.account.binds

    async def refused() -> bool:
        return bind.state is BindState.waiting and bool(bind.reason)

    await until(refused)
    assert "ESME_RINVPASWD" in bind.reason
    assert made.account.pump.limited_by is Limit.disconnected


async def test_transmitter_and_receiver_make_one_account(line: MakeLine) -> None:
    made = await line(bind="transmitter+receiver", window=5)
    await made.put(*range(20))
    await made.until(delivered=20)
    assert [b.mode for b in made.account.binds] == ["transmitter", "receiver"]


async def test_replies_reach_their_campaign(line: MakeLine) -> None:
    made = await line({"replies": {"share": 1.0, "delay_ms": 1, "texts": ["2 ya pagué"]}})
    await made.put(1)
    await made.until(delivered=1)

    async def replied() -> bool:
        return bool((await made.store.records.replies("crm", campaign="c1")).items)

    await until(replied)
    (reply,) = (await made.store.records.replies("crm")).items
    assert (reply.sender, reply.text) == ("56900000001", "2 ya pagué")


async def test_a_reply_of_several_parts_is_one(line: MakeLine) -> None:
    made = await line(binds=2)
    await made.put(1)
    await made.until(delivered=1)
    long = "Ya pague ayer en la sucursal, " * 12
    assert made.carrier.reply(long, "56900000001", "3450")

    async def told() -> bool:
        return bool((await made.store.records.replies("crm")).items)

    await until(told)
    (reply,) = (await made.store.records.replies("crm")).items
    assert (reply.text, reply.campaign) == (long, "c1")


async def test_a_standstill_makes_the_binds_anew(line: MakeLine) -> None:
    made = await line(binds=2, standstill_seconds=60)
    await made.put(1)
    await made.until(delivered=1)
    made.account.watch(1_000.0, ready=True)
    made.account.watch(1_059.0, ready=True)
    assert [bind.state for bind in made.account.binds] == [BindState.bound] * 2
    made.account.watch(1_060.0, ready=True)

    async def again() -> bool:
        return made.carrier.stats()["binds_accepted"] == 4

    await until(again)
    await made.put(2)
    await made.until(delivered=2)
    assert made.account.metrics.carrier("andina").recycled == 1


async def test_a_carrier_that_sends_no_receipts_is_told_of(line: MakeLine) -> None:
    made = await line({"receipts": {"form": "none"}}, no_receipts_seconds=1800)
    await made.put(*range(30))
    await made.until(submitted=30)
    made.account.watch(1_000.0, ready=False)
    assert made.account.status()["receipts_missing"] is False
    made.account.watch(2_800.0, ready=False)
    assert made.account.status()["receipts_missing"] is True


async def test_an_expired_message_never_leaves(line: MakeLine) -> None:
    made = await line()
    await made.put(1, expires_ms=1)
    await made.until(expired=1)
    assert made.carrier.submissions == []


async def test_urgent_overtakes_what_waits_for_the_pacer(line: MakeLine) -> None:
    made = await line(rate=50, window=10)
    await made.put(*range(60))

    async def begun() -> bool:
        return len(made.carrier.submissions) >= 5

    await until(begun)
    before = len(made.carrier.submissions)
    await made.put(999, priority=Priority.urgent)

    async def gone() -> bool:
        return any(s.recipient.endswith("999") for s in made.carrier.submissions)

    await until(gone)
    place = next(i for i, s in enumerate(made.carrier.submissions) if s.recipient.endswith("999"))
    assert place - before <= 4


async def test_quiet_gives_back_what_was_not_begun(line: MakeLine) -> None:
    made = await line({"delay_ms": 5}, window=2)
    await made.put(*range(50))

    async def begun() -> bool:
        return len(made.carrier.submissions) >= 4

    await until(begun)
    await made.account.quiet()
    assert await made.account.drain(5.0)
    states = await made.states()
    assert states["in_doubt"] == 0
    assert states["queued"] > 0
    assert states["queued"] + len(made.carrier.submissions) == 50


async def test_a_paused_carrier_says_so(line: MakeLine) -> None:
    made = await line()
    carriers = Carriers([made.account], [CHILE])
    await carriers.pause("andina")
    assert carriers.status()[0]["limited_by"] == "paused"
    await made.put(1)
    await asyncio.sleep(0.05)
    assert carriers.status()[0]["limited_by"] == "paused"
    assert made.carrier.submissions == []
    await carriers.resume("andina")
    assert carriers.status()[0]["limited_by"] != "paused"
    await made.until(delivered=1)
    assert not await carriers.pause("no-such")


def test_backoff_doubles_and_is_longer_when_already_bound() -> None:
    backoff = Backoff(1.0, 60.0, 30.0)
    waits = [backoff.wait() for _ in range(10)]
    for attempt, wait in enumerate(waits):
        longest = min(60.0, 2.0**attempt)
        assert longest / 2 <= wait <= longest
    backoff.succeeded()
    assert backoff.wait() <= 1.0
    assert backoff.wait(already_bound=True) >= 15.0


async def test_at_some_hours_the_rate_is_lower(line: MakeLine) -> None:
    made = await line(rate=1000, rate_hours=("00:00-24:00 40",), time_zone="UTC")
    await made.put(1)
    await made.until(delivered=1)
    assert made.account.pump.pacer.rate == 40
    assert made.account.status()["allowed_rate"] == 40.0


async def test_binds_take_turns(line: MakeLine) -> None:
    """At a rate that one bind could carry, too: some carriers count by the bind."""
    made = await line(window=10, binds=3, rate=500)
    await made.put(*range(150))
    await made.until(delivered=150)
    sent = [bind.session.send(EnquireLink(), 0.0) - 2 for bind in made.account.binds]
    assert sum(sent) >= 150
    assert min(sent) >= 30
