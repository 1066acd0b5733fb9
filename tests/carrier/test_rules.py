"""Contact rules on the way of a message: hours, caps, lists and replies, with a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import policies
from gateway.carrier import dispatch
from gateway.carrier.admission import Admission
from gateway.carrier.heard import Hearing
from gateway.clock import wall_ms
from gateway.message import MessageState
from gateway.policy.calendars import Calendars
from gateway.policy.decide import Listed, Rulebook, Send, Wait
from gateway.policy.zones import Place
from gateway.smpp.pdu import DeliverSm
from gateway.store import Store
from gateway.store.contacts import EVERYONE, Asked, Change, Group, Known
from gateway.store.correlation import Heard
from gateway.store.queue import Claimed
from tests.carrier.conftest import Line, until
from tests.countries import chile
from tests.store.test_queue import put

MakeLine = Callable[..., Awaitable[Line]]
PLACE = Place("CL", "", ("America/Santiago",), "prefix")
ALWAYS = '"00:00-24:00"'
HOUR = 3_600_000


def book(
    folder: Path, windows: str = ALWAYS, caps: str = "", consent: bool = False, own: str = "within"
) -> Rulebook:
    """One country whose hours, every day, are these."""
    keys = f'needs_consent = {str(consent).lower()}\nown_hours = "{own}"'
    path = folder / "chile.toml"
    path.write_text(chile(windows, caps, keys), encoding="utf-8")
    return policies.read([path])


def closed_now() -> str:
    """A window of an hour that is not now, wherever that is in Santiago."""
    hour = (datetime.now(UTC).hour + 12 - 4) % 24
    return f'"{hour:02}:00-{hour + 1:02}:00"'


class Ruled:
    """A line whose pump heeds the contact rules."""

    def __init__(self, line: Line, rules: Rulebook) -> None:
        self.line, self.store = line, line.store
        self.calendars = Calendars(rules)
        line.store.queue.fresh = self.calendars.fresh
        self.calendar = self.calendars.name(PLACE, "prudent")
        line.account.pump.admission = Admission(self.calendars, line.store.contacts)

    async def put(self, *numbers: int, **fields: Any) -> None:
        puts = [put(number, accepted_ms=wall_ms()) for number in numbers]
        for one in puts:
            one.message = msgspec.structs.replace(
                one.message, **({"calendar": self.calendar} | fields)
            )
        await self.store.queue.put(puts)
        self.line.account.pump.wake()

    async def reasons(self) -> list[tuple[str, str]]:
        """State and reason of each message, by number."""
        page = await self.store.records.messages("crm", campaign="c1")
        return [(one.state.name, one.reason) for one in page.items]

    async def settled(self, *reasons: tuple[str, str]) -> None:
        async def reached() -> bool:
            return await self.reasons() == list(reasons)

        try:
            await until(reached)
        except TimeoutError:
            raise AssertionError(f"wanted {reasons}, found {await self.reasons()}") from None


async def test_in_its_hours_a_message_goes_and_its_record_says_by_which_rule(
    line: MakeLine, tmp_path: Path
) -> None:
    made = Ruled(await line(), book(tmp_path))
    await made.put(1)
    await made.line.until(delivered=1)
    (found,) = (await made.store.records.messages("crm")).items
    at, outcome, reason, _, hash, calendar, counted, listed, _ = found.decision.split(" ")
    rule, _ = made.calendars.rule(made.calendar, int(at))
    assert rule is not None
    assert (outcome, reason, hash, calendar) == ("S", "-", rule.hash, made.calendar)
    assert (counted, listed) == ("0", "0")


def follow(calendars: Calendars, rules: Rulebook) -> None:
    """Other rules from now on, as if their day had come."""
    calendars.book = rules
    calendars._looks.clear()
    calendars._until = 0


async def test_out_of_its_hours_it_sleeps_and_wakes_when_they_begin(
    line: MakeLine, tmp_path: Path
) -> None:
    made = Ruled(await line(), book(tmp_path, closed_now()))
    await made.put(*range(20))

    async def asleep() -> bool:
        return await made.store.queue.asleep([made.calendar]) == [made.calendar]

    await until(asleep)
    await made.put(30, calendar="any")
    await made.line.until(queued=20, delivered=1)
    follow(made.calendars, book(tmp_path))
    assert list(made.calendars.open_at(wall_ms())) == [made.calendar]
    assert await made.store.queue.wake([made.calendar], wall_ms()) == 1
    made.line.account.pump.wake()
    await made.line.until(delivered=21)
    assert await made.store.queue.asleep([made.calendar]) == []


async def test_what_was_claimed_before_the_end_of_its_hours_goes_back(
    line: MakeLine, tmp_path: Path
) -> None:
    """The margin reaches over the rest of the day: what is claimed may not be written."""
    made = Ruled(await line(), book(tmp_path))
    made.line.account.pump.margin_ms = 0
    closes = made.calendars.look(made.calendar, wall_ms())[1]
    assert closes >= 1 << 62  # always open: the deadline is never
    follow(made.calendars, book(tmp_path, '"00:00-23:59"'))
    made.line.account.pump.margin_ms = 2 * 86_400_000
    await made.put(1)

    async def claimed_at_all() -> bool:
        return made.line.account.pump._claims > 3

    await until(claimed_at_all)
    assert (await made.line.states())["queued"] == 1
    made.line.account.pump.margin_ms = 0
    made.line.account.pump.wake()
    await made.line.until(delivered=1)


async def test_of_two_for_one_debtor_one_goes_and_the_other_waits_for_its_day(
    line: MakeLine, tmp_path: Path
) -> None:
    made = Ruled(await line(binds=2), book(tmp_path, caps="per_day = 1"))
    await made.put(1, 2, debtor="d-7")
    await until(lambda: _has(made, "delivered"))
    page = (await made.store.records.messages("crm")).items
    waits = next(one for one in page if one.state is MessageState.queued)
    assert waits.reason == "cap"
    tomorrow = made.calendars.rule(made.calendar, wall_ms())[0]
    assert tomorrow is not None
    assert 0 < waits.not_before_ms - wall_ms() <= 25 * 3_600_000
    local = datetime.fromtimestamp(waits.not_before_ms / 1000, policies_zone())
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    said = waits.decision.split(" ")
    assert (said[1:3], said[8]) == (["W", "cap"], "per_day")
    assert len(made.line.carrier.submissions) == 1


def policies_zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("America/Santiago")


async def _has(made: Ruled, state: str) -> bool:
    return (await made.line.states())[state] == 1 and made.line.account.pump.in_flight == 0


async def test_a_message_that_would_outlive_its_time_ends(line: MakeLine, tmp_path: Path) -> None:
    made = Ruled(await line(), book(tmp_path, caps="per_day = 1"))
    await made.put(1, debtor="d-7")
    await made.line.until(delivered=1)
    await made.put(2, debtor="d-7", expires_ms=wall_ms() + 60_000)
    await made.settled(("delivered", ""), ("expired", "cap"))


async def test_what_the_carrier_refuses_was_no_contact(line: MakeLine, tmp_path: Path) -> None:
    made = Ruled(
        await line({"numbers": [{"to": "00000001$", "status": "ESME_RINVDSTADR"}]}),
        book(tmp_path, caps="per_day = 1"),
    )
    await made.put(1, debtor="d-7")
    await made.line.until(rejected=1)
    assert await made.store.contacts.touches("crm", "d-7") == []
    await made.put(2, debtor="d-7")
    await made.line.until(rejected=1, delivered=1)
    assert len(await made.store.contacts.touches("crm", "d-7")) == 1


async def test_what_was_sent_again_out_of_doubt_stays_a_contact_though_refused(
    line: MakeLine, tmp_path: Path
) -> None:
    """Its first attempt may have been delivered."""
    made = Ruled(
        await line({"numbers": [{"to": "00000001$", "status": "ESME_RINVDSTADR"}]}),
        book(tmp_path, caps="per_day = 1"),
    )
    await made.put(1, debtor="d-7", route="@andina", attempt=2)
    await made.line.until(rejected=1)
    assert len(await made.store.contacts.touches("crm", "d-7")) == 1


async def test_caps_are_by_creditor(line: MakeLine, tmp_path: Path) -> None:
    made = Ruled(await line(), book(tmp_path, caps="per_day = 1"))
    await made.put(1, debtor="d-7", creditor="Banco Uno")
    await made.put(2, debtor="d-7", creditor="Banco Dos")
    await made.put(3, debtor="d-8", creditor="Banco Dos")
    await made.line.until(delivered=3)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (Listed.OPT_OUT, "opt_out"),
        (Listed.WRONG_NUMBER, "wrong_number"),
        (Listed.LEGAL_STOP, "legal_stop"),
    ],
)
@pytest.mark.parametrize("creditor", ["crm", EVERYONE])
async def test_who_is_on_a_list_gets_nothing(
    line: MakeLine, tmp_path: Path, listed: Listed, reason: str, creditor: str
) -> None:
    made = Ruled(await line(), book(tmp_path))
    await made.store.contacts.learn([Change("56900000001", creditor, comes_on=int(listed))])
    await made.put(1, 2)
    await made.line.until(blocked=1, delivered=1)
    assert ("blocked", reason) in await made.reasons()
    assert [s.recipient for s in made.line.carrier.submissions] == ["56900000002"]


async def test_where_consent_is_needed_it_is_asked_for(line: MakeLine, tmp_path: Path) -> None:
    made = Ruled(await line(), book(tmp_path, caps="per_day = 1", consent=True))
    await made.store.contacts.learn([Change("56900000002", "crm", comes_on=int(Listed.CONSENT))])
    await made.put(1, 2)
    await made.line.until(blocked=1, delivered=1)
    assert ("blocked", "no_consent") in await made.reasons()
    assert await made.store.contacts.touches("crm", "56900000001") == []


async def test_a_stored_zone_goes_before_the_numbers(line: MakeLine, tmp_path: Path) -> None:
    """Santiago is open; its owner lives twelve hours away, where it is not."""
    hour = (datetime.now(UTC).hour - 4) % 24
    around = f'"{max(0, hour - 2):02}:00-{min(24, hour + 3):02}:00"'
    made = Ruled(await line(), book(tmp_path, around))
    await made.store.contacts.learn([Change("56900000001", "crm", zones=("Asia/Shanghai",))])
    await made.put(1)

    async def waits() -> bool:
        return await made.reasons() == [("queued", "quiet_hours")]

    await until(waits)
    (found,) = (await made.store.records.messages("crm")).items
    assert found.not_before_ms > wall_ms()
    assert made.line.carrier.submissions == []
    await made.line.account.quiet()
    assert (await made.store.queue.promote(found.not_before_ms))[0] == 1
    shanghai = made.calendars.name(Place("CL", "", ("Asia/Shanghai",), "zone"), "prudent")
    lanes = await made.store.redis.call("SMEMBERS", made.store.redis.keys("lanes"))
    assert [lane.split(b":")[2] for lane in lanes] == [f"{shanghai}!".encode()]  # open by then


async def test_a_zone_that_is_not_stored_any_more_holds_no_message(
    store: Store, tmp_path: Path
) -> None:
    """It waited under its calendar."""
    hour = (datetime.now(UTC).hour - 4) % 24
    around = f'"{max(0, hour - 2):02}:00-{min(24, hour + 3):02}:00"'
    calendars = Calendars(book(tmp_path, around))
    shanghai = calendars.name(Place("CL", "", ("Asia/Shanghai",), "zone"), "prudent")
    item = Claimed("lane", "1-0", put(1).message)
    item.message = msgspec.structs.replace(item.message, to="56981234567", calendar=shanghai)
    (verdict,) = await Admission(calendars, store.contacts).judge([item], wall_ms())
    assert isinstance(verdict.outcome, Send)
    assert verdict.place is not None
    assert verdict.place.zones == ("America/Santiago",)


NOON = int(datetime(2026, 11, 25, 15, 0, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("own", "asked", "opens"),
    [
        ("within", "18:00-19:00", NOON + 6 * HOUR),
        ("within", "21:00-22:00", None),  # never in the country's hours
        ("within", "11:00-13:00", NOON),
        ("instead", "21:00-22:00", NOON + 9 * HOUR),
        ("instead", "11:00-13:00", NOON),
    ],
)
async def test_the_hours_that_a_recipient_asked_for(
    store: Store, tmp_path: Path, own: str, asked: str, opens: int | None
) -> None:
    """They take away; where the law lets him choose they hold instead. The creditor's first."""
    calendars = Calendars(book(tmp_path, '"08:00-20:00"', own=own))
    item = Claimed("lane", "1-0", put(1).message)
    calendar = calendars.name(PLACE, "prudent")
    item.message = msgspec.structs.replace(item.message, to="56981234567", calendar=calendar)
    hours = Known(hours=json.dumps({"mon-sun": [asked]}))
    everyone = Known(hours=json.dumps({"mon-sun": ["09:00-10:00"]}))
    item.said = (hours, everyone)
    (verdict,) = await Admission(calendars, store.contacts).judge([item], NOON)
    if opens == NOON:
        assert verdict.outcome == Send(NOON + HOUR)
        assert verdict.closes == NOON + HOUR
    else:
        reason = "quiet_hours" if opens else "closed"
        assert verdict.outcome == Wait(opens, reason)
    assert calendars.of(verdict.calendar).asked is not None  # type: ignore[union-attr]


async def test_what_a_slow_carrier_kept_waiting_is_judged_anew(
    line: MakeLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was let go, and before it could leave its recipient asked for no more."""
    monkeypatch.setattr(dispatch, "STALE_MS", 200)
    made = Ruled(await line({"delay_ms": 500}, window=2), book(tmp_path))
    await made.put(*range(1, 7))

    async def two_left() -> bool:
        return len(made.line.carrier.submissions) == 2 and made.line.account.pump.in_flight > 2

    await until(two_left)
    await made.store.contacts.learn([Change("56900000004", "crm", comes_on=int(Listed.OPT_OUT))])
    await made.line.until(delivered=5, blocked=1)
    assert "56900000004" not in {s.recipient for s in made.line.carrier.submissions}


@pytest.mark.parametrize("rules", [True, False])
async def test_who_asks_for_no_more_while_his_message_waits_for_the_carrier(
    line: MakeLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: bool
) -> None:
    """Also where contact rules are off."""
    monkeypatch.setattr(dispatch, "STALE_MS", 200)
    made = Ruled(await line({"delay_ms": 500}, window=1), book(tmp_path))
    if not rules:
        made.line.account.pump.admission = Admission(None, made.store.contacts)
    await made.put(1, 2, calendar=made.calendar if rules else "any")

    async def one_left() -> bool:
        return len(made.line.carrier.submissions) == 1 and made.line.account.pump.in_flight > 1

    await until(one_left)
    await made.store.contacts.learn([Change("56900000002", "crm", comes_on=int(Listed.OPT_OUT))])
    await made.line.until(delivered=1, blocked=1)
    assert "56900000002" not in {s.recipient for s in made.line.carrier.submissions}


class Wednesday:
    """The pump's clock; the hours end at 20:00 in Santiago, which is 23:00 UTC."""

    def __init__(self, patch: pytest.MonkeyPatch, minute: int, before_ms: int) -> None:
        end = datetime(2026, 11, 25, minute // 60, minute % 60, tzinfo=UTC)
        self.now = int(end.timestamp() * 1000) - before_ms
        patch.setattr(dispatch, "wall_ms", lambda: self.now)

    def passes_with(self, work: Any, ms: int) -> Any:
        async def slow(*asked: Any) -> Any:
            answer = await work(*asked)
            self.now += ms
            return answer

        return slow


async def waits_for(made: Ruled, opening: datetime) -> bool:
    (found,) = (await made.store.records.messages("crm")).items
    assert made.line.carrier.submissions == []
    return found.reason == "quiet_hours" and found.not_before_ms == opening.timestamp() * 1000


async def test_hours_that_end_during_the_claim(
    line: MakeLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store took longer than the margin."""
    made = Ruled(await line(), book(tmp_path, '"08:00-20:00"', caps="per_day = 1"))
    made.line.account.pump.margin_ms = 2_000
    clock = Wednesday(monkeypatch, 23 * 60, 2_005)
    queue = made.store.queue
    monkeypatch.setattr(queue, "claim", clock.passes_with(queue.claim, 4_000))
    await made.put(1, debtor="d-7")
    await until(lambda: waits_for(made, datetime(2026, 11, 26, 11, 0, tzinfo=UTC)))
    assert await made.store.contacts.touches("crm", "d-7") == []


async def test_hours_of_a_stored_zone_that_end_before_those_of_the_number(
    line: MakeLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Noronha it is an hour later; they end between the verdict and the write."""
    made = Ruled(await line(), book(tmp_path, '"08:00-20:00"', caps="per_day = 1"))
    made.line.account.pump.margin_ms = 2_000
    change = Change("56900000001", "crm", zones=("America/Noronha",))
    await made.store.contacts.learn([change])
    clock = Wednesday(monkeypatch, 22 * 60, 2_005)
    contacts = made.store.contacts
    monkeypatch.setattr(contacts, "admit", clock.passes_with(contacts.admit, 10))
    await made.put(1, debtor="d-7")
    await until(lambda: waits_for(made, datetime(2026, 11, 26, 10, 0, tzinfo=UTC)))
    assert await made.store.contacts.touches("crm", "d-7") == []
    (found,) = (await made.store.records.messages("crm")).items
    name = found.decision.split(" ")[5]
    assert list(await made.store.queue.defined([name])) == [name]  # others can say what it was


async def test_exactly_one_of_many_racing_is_admitted(store: Store) -> None:
    group = Group([1, 0], ["sms"], False, 0, 86_400_000)
    for round in range(20):
        asked = [Asked(f"{n:024x}", f"569{n:08d}", "crm", f"d{round}", group) for n in range(10)]
        answers = await asyncio.gather(
            *(store.contacts.admit(asked[n : n + 5], wall_ms()) for n in (0, 5))
        )
        flat = [answer for batch in answers for answer in batch]
        assert flat.count(0) == 1
        assert sum(isinstance(answer, list) and len(answer) == 1 for answer in flat) == 9
        again = await store.contacts.admit(asked, wall_ms())
        assert again.count(0) == 1  # the one that has been: its own contact is none against it


# replies


class Told:
    """Who has been told that there will be no more."""

    def __init__(self) -> None:
        self.confirmed: list[str] = []

    async def __call__(self, heard: Heard) -> None:
        self.confirmed.append(heard.sender)


def heard(text: str, creditor: str = "crm", at_ms: int = 0) -> Heard:
    """A reply that has just come in."""
    at_ms = at_ms or wall_ms()
    return Heard(
        "1-0", "crm", "c1", "", "56900000001", "3450", text, creditor, at_ms, "andina", "crm",
        "0-1",
    )  # fmt: skip


async def listed(store: Store, creditor: str = "crm") -> int:
    (known,) = await store.contacts.known(creditor, ["56900000001"])
    return known.listed if known else 0


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        ("BAJA", Listed.OPT_OUT),
        ("Cancelar", Listed.OPT_OUT),
        ("voy a cancelar el viernes", Listed.NOTHING),
        ("2 ya pagué", Listed.NOTHING),
        ("numero equivocado", Listed.WRONG_NUMBER),
    ],
)
async def test_a_reply_puts_its_sender_on_a_list(store: Store, text: str, lists: Listed) -> None:
    told = Told()
    await Hearing(store, told).take([heard(text)])
    assert await listed(store) == int(lists)
    assert told.confirmed == (["56900000001"] if lists is Listed.OPT_OUT else [])


async def test_an_opt_out_is_confirmed_once_and_what_waits_does_not_go(store: Store) -> None:
    told = Told()
    hearing = Hearing(store, told)
    await store.queue.put([put(n, accepted_ms=wall_ms()) for n in (1, 2)])
    await hearing.take([heard("BAJA")])
    await hearing.take([heard("baja!!"), heard("STOP")])
    assert told.confirmed == ["56900000001"]
    states = {one.to: one.state for one in (await store.records.messages("crm")).items}
    assert states["56900000001"].final
    assert states["56900000002"] is MessageState.queued
    (known,) = await store.contacts.known("crm", ["56900000001"])
    assert known is not None
    assert [(e.what, e.source, e.text, e.by) for e in known.entries[:1]] == [
        ("opt_out", "reply", "BAJA", "andina")
    ]


async def test_start_opens_the_channel_again_and_no_legal_stop(store: Store) -> None:
    hearing = Hearing(store, Told())
    both = int(Listed.OPT_OUT | Listed.LEGAL_STOP)
    await store.contacts.learn([Change("56900000001", "crm", comes_on=both)])
    await hearing.take([heard("ALTA")])
    assert await listed(store) == int(Listed.LEGAL_STOP)


async def test_a_reply_is_heeded_before_it_is_answered(line: MakeLine, tmp_path: Path) -> None:
    made = Ruled(await line(), book(tmp_path))
    order: list[str] = []
    told = Told()
    hearing = Hearing(made.store, told)

    async def listen(replies: Sequence[Heard]) -> None:
        await hearing.take(replies)
        order.append("heeded")

    made.line.account.inbound.heard = listen
    bind = made.line.account.binds[0]
    respond = bind.acknowledge
    bind.acknowledge = lambda *given: (order.append("answered"), respond(*given))[1]  # type: ignore[func-returns-value, method-assign]
    await made.put(1)
    await made.line.until(delivered=1)
    order.clear()
    assert made.line.carrier.reply("BAJA", "56900000001", "3450")

    async def answered() -> bool:
        return "answered" in order

    await until(answered)
    assert order == ["heeded", "answered"]
    assert await listed(made.store) == int(Listed.OPT_OUT)
    await made.put(1, id="f" * 24, ref="again")
    await made.line.until(delivered=1, blocked=1)


def test_the_simulated_reply_is_a_deliver_sm() -> None:
    assert DeliverSm().esm_class == 0
