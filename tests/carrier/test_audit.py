"""No message under contact rules leaves before its decision is on record; what waits is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import policies
from gateway.audit.check import check
from gateway.audit.keeper import Audit
from gateway.audit.lines import files_in, read, stamp
from gateway.carrier.admission import Admission
from gateway.carrier.dispatch import Limit
from gateway.carrier.ended import EndedLines
from gateway.clock import wall_ms
from gateway.message import CampaignState
from gateway.policy.calendars import Calendars
from gateway.policy.decide import Listed, Rulebook
from gateway.policy.packed import unpack
from gateway.policy.rules import Caps, DaysOff, Policy, Week
from gateway.store.contacts import Change
from gateway.store.waiting import Stop
from tests.carrier.conftest import Line, until
from tests.store.test_queue import claim, put, release

ALWAYS = tuple(((0, 1440),) for _ in range(7))
NONE = Caps()
MakeLine = Callable[..., Awaitable[Line]]


def changed(policy: Policy, week: Week, caps: Caps) -> Policy:
    """A country's rules with other hours and caps, and without holidays."""
    profiles = [
        replace(profile, windows=week, regions=(), holidays=DaysOff(), caps=caps)
        for profile in policy.profiles
    ]
    return replace(policy, profiles=tuple(profiles))


class Ruled:
    """A line whose messages are under Chile's rules, and the audit of its node."""

    def __init__(self, line: Line, folder: Path, caps: Caps, week: Week) -> None:
        self.line, self.folder = line, folder
        chile = next(p for p in policies.load(None).policies if p.country == "CL")
        self.calendars = Calendars(Rulebook([changed(chile, week, caps)]))
        line.store.queue.fresh = self.calendars.fresh
        self.pump = line.account.pump
        self.pump.admission = Admission(self.calendars, line.store.contacts)
        self.audit = self.pump.audit = Audit(folder, "n1")
        self.audit.open(wall_ms())

    async def put(
        self, *numbers: int, rules: bool = True, debtor: str = "", **settings: Any
    ) -> list[str]:
        """Messages to Chilean mobiles; with ``rules`` the country's hold for them."""
        settings.setdefault("accepted_ms", wall_ms())
        puts = [put(number, **settings) for number in numbers]
        for one in puts:
            to = f"5698123{int(one.message.to[-4:]):04}"
            calendar = self.calendar(to) if rules else "any"
            one.message = msgspec.structs.replace(
                one.message, to=to, calendar=calendar, debtor=debtor
            )
        await self.line.store.queue.put(puts)
        self.pump.wake()
        return [one.message.id for one in puts]

    def calendar(self, to: str) -> str:
        return self.calendars.name(self.calendars.book.places.find(to), "prudent")

    def told(self) -> list[dict[str, Any]]:
        """The decisions on record."""
        lines = [json.loads(one) for file in files_in(self.folder) for one in read(file)]
        return [words for words in lines if "kind" not in words]

    async def events(self, kind: str) -> list[Any]:
        page = await self.line.store.events.read("crm", None)
        return [event for event in page.items if event.kind == kind]


@pytest.fixture
async def ruled(line: MakeLine, tmp_path: Path) -> Any:
    """Makes a :class:`Ruled`."""
    made: list[Ruled] = []

    async def make(caps: Caps = NONE, week: Week = ALWAYS, **settings: Any) -> Ruled:
        made.append(Ruled(await line(**settings), tmp_path / "audit", caps, week))
        return made[-1]

    yield make
    for one in made:
        one.audit.close()
        assert [report.faults for report in check([one.folder])] == [[]]


async def test_what_goes_is_on_record_before_it_goes(ruled: Any) -> None:
    made = await ruled()
    seen: list[int] = []
    took = made.audit.write

    def write(lines: Any, now: int) -> bool:
        seen.append(len(made.line.carrier.submissions))
        return bool(took(lines, now))

    made.audit.write = write
    (id,) = await made.put(1)
    await made.line.until(delivered=1)
    assert seen == [0]
    (words,) = made.told()
    record = await made.line.store.records.message("crm", id)
    packed = unpack(record.decision)
    assert words["id"] == id
    assert (words["outcome"], words["carrier"]) == ("send", "andina")
    assert (words["rule"], words["hash"]) == ("CL/prudent", packed.hash)
    assert (words["client"], words["creditor"], words["to"]) == ("crm", "crm", "56981230001")
    assert len(words["zones"]) == len(words["local"]) > 0
    (event,) = await made.events("delivered")
    assert event.decision == record.decision


async def test_what_no_rule_asks_about_is_not_on_record(ruled: Any) -> None:
    made = await ruled()
    await made.put(1, 2, rules=False)
    await made.line.until(delivered=2)
    assert made.told() == []


async def test_what_never_goes_is_on_record_with_its_list(ruled: Any) -> None:
    made = await ruled()
    change = Change("56981230001", "crm", comes_on=int(Listed.OPT_OUT))
    await made.line.store.contacts.learn([change])
    await made.put(1)
    await made.line.until(blocked=1)
    (words,) = made.told()
    assert (words["outcome"], words["reason"], words["lists"]) == (
        "discard",
        "opt_out",
        ["opt_out"],
    )
    (event,) = await made.events("blocked")
    packed = unpack(event.decision)
    assert (event.data, packed.reason, packed.hash) == (
        {"error": "opt_out"},
        "opt_out",
        words["hash"],
    )


async def test_a_wait_is_told_once(ruled: Any) -> None:
    """The second of two in a day waits for the cap: one line, one event, until the same instant."""
    made = await ruled(Caps(per_day=1))
    await made.put(1)
    await made.line.until(delivered=1)
    (id,) = await made.put(10_001)

    async def waits() -> bool:
        return bool(await made.events("waiting"))

    await until(waits)
    (event,) = await made.events("waiting")
    words = made.told()[-1]
    assert (words["outcome"], words["reason"], words["counted"]) == ("wait", "cap", 1)
    assert (event.message_id, event.data) == (id, {"reason": "cap"})
    record = await made.line.store.records.message("crm", id)
    assert record.not_before_ms == unpack(event.decision).until
    # Its time has come a little early, by another clock: it is looked at, and waits on.
    await made.line.store.queue.promote(record.not_before_ms)
    made.pump.wake()

    async def again() -> bool:
        return len(made.told()) == 3

    async def settled() -> bool:
        return bool(made.line.account.inbound.idle)

    await until(again)
    await until(settled)
    assert len(await made.events("waiting")) == 1


async def test_without_a_record_nothing_under_rules_leaves(ruled: Any) -> None:
    """What no rule holds back goes on; all of it goes when the audit can be written again."""
    made = await ruled(Caps(per_day=1))
    made.audit._retry_at = float("inf")
    made.audit._fail(OSError(28, "No space left on device"))
    await made.put(1, 2, 3)
    await made.put(4, 5, rules=False)
    await made.line.until(delivered=2, queued=3)
    judged: list[str] = []
    judge = made.pump.admission.judge

    async def judging(claimed: Any, now: int) -> Any:
        judged.extend(item.message.calendar for item in claimed)
        return await judge(claimed, now)

    made.pump.admission.judge = judging
    before = made.pump._claims

    async def asked_again() -> bool:
        return made.pump._claims >= before + 3

    await until(asked_again)
    assert judged == []  # they are not taken off their lane again and again
    assert len(made.line.carrier.submissions) == 2
    assert made.pump.limited_by is Limit.audit
    assert not made.pump.could_send(asyncio.get_running_loop().time(), True)
    made.audit._retry_at = 0.0
    made.pump.kick()
    await made.line.until(delivered=5)
    assert sorted(words["to"][-1] for words in made.told()) == ["1", "2", "3"]


async def test_a_disk_that_fills_in_a_batch(ruled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was claimed goes back and is no contact; later it goes, once."""
    made = await ruled(Caps(per_day=1))
    failed: list[int] = []
    took = made.audit._append

    def append(octets: bytes) -> None:
        if not failed:
            failed.append(1)
            raise OSError(28, "No space left on device")
        took(octets)

    monkeypatch.setattr(made.audit, "_append", append)
    await made.put(1, 2, 3)
    await made.line.until(delivered=3)
    assert failed
    assert made.line.taken() == {f"5698123000{n}": 1 for n in (1, 2, 3)}
    assert len(made.told()) == 3


async def test_hours_that_end_before_it_leaves(ruled: Any) -> None:
    """Its segments need longer than is left: it waits for the next hours, and is no contact."""
    now = wall_ms()
    closed = min(max(1, (now // 60_000 + 720) % 1440), 1438)  # a minute, half a day away
    week = tuple(((0, closed), (closed + 1, 1440)) for _ in range(7))
    made = await ruled(Caps(per_day=1), week, rate=1)
    (rule, place), *_ = [made.calendars.rule(made.calendar(f"5698123{9:04}"), now)]
    closes = rule.hours(place.zones, place.region).look(now)[1]
    made.pump.margin_ms = closes - wall_ms() - 1_500
    (id,) = await made.put(9, segments=3, text="x" * 400)

    async def waits() -> bool:
        return bool(await made.events("waiting"))

    await until(waits)
    send, wait = made.told()
    assert (send["outcome"], wait["outcome"], wait["reason"]) == ("send", "wait", "quiet_hours")
    record = await made.line.store.records.message("crm", id)
    packed = unpack(record.decision)
    assert packed.until == record.not_before_ms > closes
    assert wait["until"] == stamp(record.not_before_ms)
    assert made.line.carrier.submissions == []
    assert await made.line.store.contacts.touches("crm", record.to) == []


async def test_what_ends_while_it_waits_is_on_record(ruled: Any) -> None:
    """Canceled, stopped, opted out: by whose word, and what the rules were."""
    made = await ruled()
    store, queue = made.line.store, made.line.store.queue
    queue.ended = store.correlation.ended = EndedLines(made.audit, made.calendars)
    await made.line.account.quiet()
    ids = await made.put(1, 2, 3, debtor="d-7")
    assert await queue.cancel("crm", ids[:1], wall_ms()) == ["canceled"]
    change = Change("56981230002", "crm", comes_on=int(Listed.OPT_OUT))
    await store.contacts.learn([change])
    await store.waiting.block({("crm", "56981230002"): "opt_out"}, wall_ms())
    await store.waiting.stop("crm", [Stop("d-7", "paid")], wall_ms())
    said = made.told()
    assert [(one["id"], one["outcome"], one["reason"]) for one in said] == [
        (ids[0], "discard", "canceled"),
        (ids[1], "discard", "opt_out"),
        (ids[2], "discard", "paid"),
    ]
    assert said[1]["lists"] == ["opt_out"]
    ends = await made.events("canceled") + await made.events("blocked")
    assert {one.message_id: unpack(one.decision).reason for one in ends} == {
        one["id"]: one["reason"] for one in said
    }
    for one, id in zip(said, ids, strict=True):
        record = await store.records.message("crm", id)
        assert unpack(record.decision).reason == one["reason"]
        assert (one["rule"], one["creditor"], one["client"]) == ("CL/prudent", "crm", "crm")
        assert len(one["zones"]) == len(one["local"]) > 0


async def test_what_ends_while_nothing_can_be_written_is_on_record_later(ruled: Any) -> None:
    made = await ruled()
    made.line.store.queue.ended = EndedLines(made.audit, made.calendars)
    await made.line.account.quiet()
    (id,) = await made.put(1)
    made.audit._fail(OSError("no room"))
    await made.line.store.queue.cancel("crm", [id], wall_ms())
    assert made.told() == []
    assert made.audit.ready(float("inf"), wall_ms())
    assert [(one["id"], one["reason"]) for one in made.told()] == [(id, "canceled")]


async def test_what_comes_back_from_a_carrier_to_a_canceled_campaign_is_on_record(
    ruled: Any,
) -> None:
    """Claimed as it was canceled: its budget has its segments again, and its decision is known."""
    made = await ruled()
    store = made.line.store
    store.correlation.ended = EndedLines(made.audit, made.calendars)
    await made.line.account.quiet()
    (id,) = await made.put(1)
    (claimed,) = await claim(store)
    await store.records.set_campaign_state("crm", "c1", CampaignState.canceled)
    await store.correlation.commit("andina", [release(claimed)], [], wall_ms())
    (said,) = made.told()
    assert (said["id"], said["outcome"], said["reason"]) == (id, "discard", "campaign_canceled")
    counts = await store.redis.call("HGETALL", store.redis.keys("counts", "c1"))
    assert dict(zip(counts[::2], counts[1::2], strict=True))[b"budget"] == b"0"
