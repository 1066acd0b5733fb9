"""The lanes on a real server: order, turns, pauses, waits, and what a crash leaves."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from pathlib import Path

import msgspec
import pytest

from gateway.errors import Fenced
from gateway.ids import derived_id, new_id
from gateway.message import (
    Campaign,
    CampaignState,
    Message,
    MessageState,
    Priority,
    Receipt,
    ReceiptState,
)
from gateway.metrics import Metrics
from gateway.store import Store
from gateway.store.contacts import Opened
from gateway.store.correlation import Kind, ReceiptItem, Settle
from gateway.store.node import Node
from gateway.store.queue import Claimed
from gateway.store.types import Put
from tests.store.conftest import NOW

CONSUMER = "n1/aaaa:andina"


def put(
    number: int,
    *,
    campaign: str = "c1",
    priority: Priority = Priority.bulk,
    segments: int = 1,
    ref: str | None = None,
    digest: str = "00000000000000aa",
    not_before_ms: int = 0,
    expires_ms: int = 0,
    blocked: str = "",
    client: str = "crm",
    accepted_ms: int = NOW,
    text: str = "",
    encoding: str = "gsm7",
    sender: str = "3450",
) -> Put:
    """A message numbered ``number``, with a ref made from it."""
    ref = f"r{number}" if ref is None else ref
    message = Message(
        id=derived_id(client, campaign, ref) if ref else new_id(NOW),
        client=client,
        campaign=campaign,
        ref=ref,
        to=f"569{number:08d}",
        sender=sender,
        text=text or f"mensaje {number}",
        encoding=encoding,
        segments=segments,
        priority=priority,
        route="chile",
        accepted_ms=accepted_ms,
        expires_ms=expires_ms,
        debtor="",
        creditor="",
    )
    return Put(
        message=message,
        digest=digest,
        derived=bool(ref),
        not_before_ms=not_before_ms,
        blocked=blocked,
    )


NUMBERS = itertools.count(1)


async def claim(
    store: Store, segments: int = 100, consumer: str = CONSUMER, now: int = NOW
) -> list[Claimed]:
    return await store.queue.claim(["@andina", "chile"], consumer, segments, now, next(NUMBERS))


async def claimed_numbers(store: Store, segments: int = 100) -> list[int]:
    return [int(c.message.to[3:]) for c in await claim(store, segments)]


def submitted(claimed: Claimed, carrier_id: str = "77") -> Settle:
    return Settle(
        kind=Kind.submitted,
        lane=claimed.lane,
        entry=claimed.entry,
        message=claimed.message,
        fates=f"5::{carrier_id}",
        sent_ms=NOW + 5,
        ids=[carrier_id],
    )


def release(claimed: Claimed, due_ms: int = -1) -> Settle:
    return Settle(
        kind=Kind.release,
        lane=claimed.lane,
        entry=claimed.entry,
        message=claimed.message,
        state=MessageState.queued,
        due_ms=due_ms,
    )


async def test_messages_of_a_lane_come_in_the_order_they_were_put(store: Store) -> None:
    await store.queue.put([put(n) for n in range(5)])
    assert await claimed_numbers(store) == [0, 1, 2, 3, 4]
    assert await claimed_numbers(store) == []


async def test_the_same_ref_with_the_same_content_is_the_same_message(store: Store) -> None:
    first = await store.queue.put([put(1)])
    again = await store.queue.put([put(1)])
    assert (first[0].kind, again[0].kind) == ("new", "same")
    assert await claimed_numbers(store) == [1]


async def test_the_same_ref_with_other_content_is_a_conflict(store: Store) -> None:
    await store.queue.put([put(1)])
    again = await store.queue.put([put(1, digest="00000000000000bb")])
    assert again[0].kind == "conflict"
    assert await claimed_numbers(store) == [1]


async def test_a_ref_twice_in_one_batch_is_one_message(store: Store) -> None:
    results = await store.queue.put([put(1), put(1), put(2)])
    assert [r.kind for r in results] == ["new", "same", "new"]
    assert await claimed_numbers(store) == [1, 2]


async def test_urgent_overtakes_whatever_waits(store: Store) -> None:
    await store.queue.put([put(n) for n in range(50)])
    await store.queue.put([put(90, priority=Priority.urgent), put(91, priority=Priority.high)])
    assert await claimed_numbers(store, 4) == [90, 91, 0, 1]


async def test_campaigns_of_one_priority_take_turns(store: Store) -> None:
    await store.records.create_campaign(
        Campaign(id="c2", client="crm", name="otra", created_ms=NOW)
    )
    await store.queue.put([put(n) for n in range(200)])
    await store.queue.put([put(n, campaign="c2") for n in range(1000, 1010)])
    taken = await claimed_numbers(store, 20)
    assert len([n for n in taken if n >= 1000]) == 10


async def test_a_claim_counts_segments_not_messages(store: Store) -> None:
    await store.queue.put([put(n, segments=4) for n in range(50)])
    taken = await claim(store, 40)
    assert sum(c.message.segments for c in taken) == 40


async def test_a_paused_campaign_is_not_read_and_resumes_where_it_was(store: Store) -> None:
    await store.queue.put([put(n) for n in range(4)])
    assert await claimed_numbers(store, 2) == [0, 1]
    await store.records.set_campaign_state("crm", "c1", CampaignState.paused)
    assert await claimed_numbers(store) == []
    await store.queue.put([put(9)])
    assert await claimed_numbers(store) == []
    await store.records.set_campaign_state("crm", "c1", CampaignState.running)
    await store.queue.resume_campaign("c1", NOW)
    assert await claimed_numbers(store) == [2, 3, 9]


async def test_canceling_a_campaign_gives_every_waiting_message_its_end(store: Store) -> None:
    await store.queue.put([put(n) for n in range(6)])
    await store.queue.put([put(7, not_before_ms=NOW + 60_000)])
    (on_the_wire,) = await claim(store, 1)
    await store.records.set_campaign_state("crm", "c1", CampaignState.canceled)
    await store.queue.finish_canceling(NOW)
    assert await store.redis.call("SCARD", store.redis.keys("canceling")) == 0
    assert await store.queue.sweep_canceled("crm", "c1", NOW) == 0
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.by_state == {"canceled": 6, "queued": 1}
    await store.correlation.commit("andina", [submitted(on_the_wire)], [], NOW)
    assert await store.queue.depths() == {}
    results = await store.queue.put([put(99)])
    assert results[0].kind == "campaign-canceled"


async def test_what_goes_back_to_a_canceled_campaign_gets_its_end(store: Store) -> None:
    """It was with the carrier while the campaign was swept, and has been refused since: to wait, to
    go at once, or to go elsewhere. Nothing will claim it, so this is its end."""
    await store.queue.put([put(n) for n in range(4)])
    waits, again, elsewhere, doubtful = await claim(store)
    await store.records.set_campaign_state("crm", "c1", CampaignState.canceled)
    await store.queue.finish_canceling(NOW)
    settles = [release(waits), release(again), release(elsewhere), release(doubtful)]
    settles[0].due_ms = NOW + 5_000
    settles[2].target = "chile/andina:3:any:c1"
    await store.correlation.commit("andina", settles[:3], [], NOW)
    await store.queue.promote(NOW + 5_000)
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.by_state == {"canceled": 3, "queued": 1}
    assert [e.kind for e in (await store.events.read("crm", None)).items] == ["canceled"] * 3
    await store.queue.recover(set(), NOW)
    ((_, message),) = [found async for found in store.queue.doubtful(NOW)]
    assert await store.queue.resend("andina", [message], NOW) == 0
    assert await store.queue.depths() == {}


async def test_what_has_left_of_a_canceled_message_still_waits_for_its_receipt(
    store: Store,
) -> None:
    """One of two segments was taken, the other was to go again."""
    await store.queue.put([put(1, segments=2)])
    (taken,) = await claim(store)
    await store.records.set_campaign_state("crm", "c1", CampaignState.canceled)
    await store.queue.finish_canceling(NOW)
    settle = release(taken)
    settle.message = msgspec.structs.replace(taken.message, fates="5::77\x1e1::")
    settle.fates, settle.ids, settle.sent_ms = settle.message.fates, ["77", ""], NOW
    await store.correlation.commit("andina", [settle], [], NOW)
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.by_state == {"submitted": 1}
    receipt = Receipt("77", ReceiptState.DELIVRD, "DELIVRD", "", "", "", None)
    item = ReceiptItem("77", receipt, MessageState.delivered)
    (met,) = await store.correlation.commit("andina", [], [item], NOW)
    assert (met.old, met.new) == (MessageState.submitted, MessageState.canceled)
    report = await store.records.report("crm", "c1")
    assert report is not None
    assert report.by_state == {"canceled": 1}


async def test_cancel_tells_what_left_from_what_waits(store: Store) -> None:
    await store.queue.put([put(n) for n in range(3)])
    (first,) = await claim(store, 1)
    ids = [derived_id("crm", "c1", f"r{n}") for n in (0, 1)]
    answers = await store.queue.cancel("crm", [*ids, "00" * 12], NOW)
    assert answers == ["left", "canceled", "not-found"]
    assert await store.queue.cancel("crm", [ids[1]], NOW) == ["final"]
    assert await store.queue.cancel("another", [first.message.id], NOW) == ["not-found"]
    assert await claimed_numbers(store) == [2]


async def test_a_scheduled_message_waits_for_its_time(store: Store) -> None:
    results = await store.queue.put([put(1, not_before_ms=NOW + 10_000)])
    assert results[0].state is MessageState.scheduled
    assert await store.queue.promote(NOW + 9_999) == (0, 1)
    assert await claimed_numbers(store) == []
    assert await store.queue.promote(NOW + 10_000) == (1, -1)
    assert await claimed_numbers(store) == [1]


async def test_a_release_goes_before_its_lane(store: Store) -> None:
    await store.queue.put([put(n) for n in range(4)])
    first, second = await claim(store, 2)
    await store.correlation.commit("andina", [release(first), release(second)], [], NOW)
    assert await claimed_numbers(store) == [0, 1, 2, 3]


async def test_a_claim_whose_answer_was_lost_is_given_back(store: Store) -> None:
    await store.queue.put([put(n) for n in range(6)])
    await claim(store, 3)
    (other,) = await claim(store, 1, "n2/bbbb:andina")
    late = next(NUMBERS)
    assert await store.queue.give_back(CONSUMER, NOW, late) == 3
    # Redis carries the lost one out only now: nobody waits for what it would take.
    assert await store.queue.claim(["chile"], CONSUMER, 100, NOW, late) == []
    assert await claimed_numbers(store) == [0, 1, 2, 4, 5]
    assert other.message.to.endswith("3")


async def test_giving_back_that_comes_late_takes_nothing_from_under_us(store: Store) -> None:
    """Its answer was lost, it was asked again, and we have claimed since: the store carries the
    first one out only now."""
    await store.queue.put([put(n) for n in range(6)])
    await claim(store, 3)
    late, again = next(NUMBERS), next(NUMBERS)
    assert await store.queue.give_back(CONSUMER, NOW, again) == 3
    assert await claimed_numbers(store) == [0, 1, 2, 3, 4, 5]
    assert await store.queue.give_back(CONSUMER, NOW, late) == 0
    assert await claimed_numbers(store) == []


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_two_consumers_do_a_message_is_in_one_place(store: Store, seed: int) -> None:
    """Puts, claims, settles in any order, releases; then each one's crash finds just its own."""
    chance = random.Random(seed)
    consumers = ("n1/aaaa:andina", "n2/bbbb:andina")
    held: dict[str, dict[str, Claimed]] = {consumer: {} for consumer in consumers}
    waiting: set[str] = set()
    number = 0
    for _ in range(150):
        consumer = chance.choice(consumers)
        mine = held[consumer]
        match chance.choice(("put", "claim", "claim", "settle", "settle", "release")):
            case "put":
                puts = [put(number + n) for n in range(chance.randint(1, 8))]
                number += len(puts)
                await store.queue.put(puts)
                waiting |= {p.message.id for p in puts}
            case "claim":
                taken = await claim(store, chance.randint(1, 6), consumer)
                for one in taken:
                    waiting.remove(one.message.id)  # nobody else has it
                    mine[one.message.id] = one
            case word:
                some = chance.sample(sorted(mine), min(len(mine), chance.randint(0, 5)))
                gone = [mine.pop(id) for id in some]
                if word == "release":
                    waiting |= set(some)
                settle = release if word == "release" else submitted
                await store.correlation.commit("andina", [settle(one) for one in gone], [], NOW)
    for consumer in consumers:
        others = {name.partition(":")[0] for name in consumers if name != consumer}
        found = await store.queue.recover(others, NOW)
        assert found == len(held[consumer])
        for id in held[consumer]:
            record = await store.records.message("crm", id)
            assert record is not None
            assert record.state is MessageState.in_doubt
        held[consumer].clear()
        if consumer == consumers[0]:
            assert await store.queue.recover(set(others), NOW) == 0
    assert {one.message.id for one in await claim(store, 10_000)} == waiting


async def test_what_a_consumer_holds_stays_short_when_many_share_a_lane(store: Store) -> None:
    await store.queue.put([put(n) for n in range(400)])
    for turn in range(200):
        for one in await claim(store, 1, f"n{turn % 2}/aaaa:andina"):
            if turn % 50:
                await store.correlation.commit("andina", [submitted(one)], [], NOW)
    taken = store.redis.keys("taken", "chile:3:any:c1")
    ranges = await store.redis.call("HGET", taken, "n1/aaaa:andina")
    assert len(ranges) < 1_000
    assert await store.queue.recover({"n1/aaaa"}, NOW) == 4


async def test_a_retry_waits_for_its_time(store: Store) -> None:
    await store.queue.put([put(1)])
    (first,) = await claim(store)
    await store.correlation.commit("andina", [release(first, NOW + 5_000)], [], NOW)
    assert await claimed_numbers(store) == []
    assert (await store.queue.promote(NOW + 5_000))[0] == 1
    assert await claimed_numbers(store) == [1]


async def test_a_commit_that_is_tried_again_changes_nothing(store: Store) -> None:
    await store.queue.put([put(1)])
    (first,) = await claim(store)
    for _ in range(2):
        await store.correlation.commit("andina", [release(first)], [], NOW, "batch-1")
    await store.correlation.commit("andina", [release(first)], [], NOW, "batch-2")
    assert await claimed_numbers(store) == [1]
    assert await store.queue.depths() == {("chile", "3"): 1}


async def test_a_consumer_declared_dead_can_commit_nothing(store: Store, tmp_path: Path) -> None:
    old, new = Node(store.redis, "n1", tmp_path), Node(store.redis, "n1", tmp_path)
    await old.join()
    await store.queue.put([put(1)])
    (first,) = await claim(store, 1, old.consumer("andina"))
    await new.join()
    assert await store.queue.recover(await new.fence_dead(), NOW) == 1
    store.correlation.incarnation = old.incarnation
    with pytest.raises(Fenced):
        await store.correlation.commit("andina", [release(first)], [], NOW, "b")
    with pytest.raises(Fenced):
        await old.renew()
    assert await claimed_numbers(store) == []
    assert await new.fence_dead() == {new.incarnation}


async def test_a_drained_lane_leaves_nothing_behind(store: Store) -> None:
    await store.queue.put([put(n) for n in range(3)])
    taken = await claim(store)
    settles = [submitted(c, str(i)) for i, c in enumerate(taken)]
    await store.correlation.commit("andina", settles, [], NOW)
    keys = [k.decode() for k in await store.redis.call("KEYS", "recado:{0}:q:*")]
    assert keys == []
    assert await store.redis.call("SCARD", store.redis.keys("lanes")) == 0


async def test_what_a_dead_consumer_held_goes_into_doubt_and_never_out(store: Store) -> None:
    await store.queue.put([put(n) for n in range(5)])
    await claim(store, 3)
    await claim(store, 1, "n2/bbbb:andina")
    assert await store.queue.recover({"n2/bbbb"}, NOW + 1) == 3
    assert await store.queue.recover({"n2/bbbb"}, NOW + 1) == 0
    page = await store.records.messages("crm", state=MessageState.in_doubt)
    assert {record.ref for record in page.items} == {"r0", "r1", "r2"}
    assert await claimed_numbers(store) == [4]
    events = await store.events.read("crm", None)
    assert [e.kind for e in events.items] == ["in_doubt"] * 3


async def test_what_no_carrier_moved_is_counted(store: Store) -> None:
    metrics = Metrics()
    metrics.carrier("andina")
    store.queue.moved = store.correlation.moved = metrics.moved
    await store.queue.put([put(n) for n in range(5)])
    await claim(store, 2)
    await store.queue.recover(set(), NOW)
    await store.queue.cancel("crm", [put(4).message.id], NOW)
    page = metrics.page().decode()
    assert 'recado_messages_total{carrier="andina",state="in_doubt"} 2.0' in page
    assert 'recado_messages_total{carrier="",state="canceled"} 1.0' in page


async def test_a_message_in_doubt_is_sent_again_only_once(store: Store) -> None:
    await store.queue.put([put(1)])
    await claim(store)
    await store.queue.recover(set(), NOW)
    ((account, message),) = [found async for found in store.queue.doubtful(NOW)]
    assert account == "andina"
    assert await store.queue.resend(account, [message], NOW) == 1
    assert await store.queue.resend(account, [message], NOW) == 0
    assert await claimed_numbers(store) == [1]
    record = await store.records.message("crm", message.id)
    assert record is not None
    assert record.state is MessageState.submitting


async def test_blocked_messages_are_kept_and_told_but_never_read(store: Store) -> None:
    results = await store.queue.put([put(1, blocked="no_route")])
    assert results[0].state is MessageState.blocked
    assert await claimed_numbers(store) == []
    record = await store.records.message("crm", derived_id("crm", "c1", "r1"))
    assert record is not None
    assert (record.state, record.reason) == (MessageState.blocked, "no_route")
    events = await store.events.read("crm", None)
    assert [e.kind for e in events.items] == ["blocked"]


async def test_a_foreign_campaign_is_unknown(store: Store) -> None:
    results = await store.queue.put([put(1, client="another"), put(2, campaign="c9")])
    assert [r.kind for r in results] == ["unknown-campaign", "unknown-campaign"]


async def scripts_run(store: Store) -> int:
    stats = (await store.redis.call("INFO", "commandstats")).decode()
    return int(re.findall(r"^cmdstat_evalsha:calls=(\d+)", stats, re.MULTILINE)[0])


async def test_concurrent_puts_are_committed_together(store: Store) -> None:
    before = await scripts_run(store)
    await asyncio.gather(*(store.queue.put([put(n)]) for n in range(60)))
    assert await scripts_run(store) - before <= 3
    assert len(await claimed_numbers(store)) == 60


@pytest.mark.parametrize("ended", [True, False])
async def test_retention_drops_what_is_final_and_long_over(store: Store, ended: bool) -> None:
    day = 24 * 3_600_000
    accepted = int((await store.redis.call("TIME"))[0]) * 1000
    await store.queue.put([put(1, accepted_ms=accepted)])
    (first,) = await claim(store)
    settle = submitted(first)
    if ended:
        settle.state, settle.fates = MessageState.rejected, "10:0x0000000b:"
    await store.correlation.commit("andina", [settle], [], accepted)
    await store.sweep.retain(accepted + 8 * day)
    record = await store.records.message("crm", first.message.id)
    assert (record is None) is ended
    again = await store.queue.put([put(1)])
    assert again[0].kind == "same"
    other = await store.queue.put([put(1, digest="00000000000000cc")])
    assert other[0].kind == "conflict"


async def test_what_slept_wakes_when_rules_are_off(store: Store) -> None:
    """Of a calendar, and of recipients of whom nobody knows where they are."""
    await store.queue.define({"cl-1": b"-"})
    for number, calendar in enumerate(("cl-1", "held"), 1):
        one = put(number)
        one.message = msgspec.structs.replace(one.message, calendar=calendar)
        await store.queue.put([one])
    none_is_open = Opened({})
    assert await store.queue.claim(["chile"], CONSUMER, 100, NOW, 1, none_is_open) == []
    assert await claimed_numbers(store) == []
    assert await store.queue.wake_all(NOW) == 2
    assert sorted(await claimed_numbers(store)) == [1, 2]


async def test_what_expires_under_a_calendar_that_never_opens_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part at a time; what never expires, or waits under another calendar, stays."""
    monkeypatch.setattr("gateway.store.queue.EXPIRE_LOOK", 2)
    moved: list[tuple[str, MessageState, int]] = []
    store.queue.moved = lambda *told: moved.append(told)
    for number in range(1, 6):
        one = put(number, expires_ms=0 if number == 2 else NOW + 1000)
        calendar = "cl-1" if number == 5 else "held"
        one.message = msgspec.structs.replace(one.message, calendar=calendar)
        await store.queue.put([one])
    shut = {"held": "unknown_zone"}
    assert await store.queue.expire(shut, NOW + 999) == 0
    assert [await store.queue.expire(shut, NOW + 1000) for _ in range(4)] == [2, 0, 1, 0]
    page = (await store.records.messages("crm")).items
    said = {int(one.to[3:]): (one.state.name, one.reason) for one in page}
    assert said[1] == said[3] == said[4] == ("expired", "unknown_zone")
    assert said[2][0] == said[5][0] == "queued"
    assert sum(count for _, _, count in moved) == 3


async def test_how_fast_carriers_deliver_is_kept(store: Store) -> None:
    await store.correlation.keep_delivery("andina", 12.5)
    await store.correlation.keep_delivery("sur", 3600.0)
    assert await store.correlation.delivery() == {"andina": 12.5, "sur": 3600.0}
