"""The year: lanes by calendar, claims and verdicts as the pump's, and a slow carrier.

The clock is virtual and goes from one event to the next. What is decided is decided by the
gateway's own code: :class:`Calendars`, :class:`Admission`, and the rules of :mod:`closing`.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gateway.carrier import closing
from gateway.carrier.admission import Admission, Verdict
from gateway.carrier.submit import validity_period
from gateway.message import Message
from gateway.policy.calendar import NEVER
from gateway.policy.calendars import Calendars
from gateway.policy.caps import Contact
from gateway.policy.decide import Discard, Listed, Rulebook, Send, Wait
from gateway.store.contacts import Admitted, Asked, Known
from gateway.store.keys import LEAVES_WITHIN_MS
from gateway.store.queue import Claimed
from gateway.yearly.checker import Checker, Sent
from gateway.yearly.figures import Figures, Lane, Waiting
from gateway.yearly.ledger import Ledger
from gateway.yearly.people import Debtor, Event

T = TypeVar("T")
CREDITOR: Final = "crm"
HORIZON: Final = 0.015
"""Seconds of sending that a claim asks for (:data:`gateway.carrier.dispatch.HORIZON`)."""
HELD_MS: Final = 86_400_000
SMSC_SECONDS: Final = 2 * 86_400
"""How long a carrier tries to deliver what names no validity."""


@dataclass(frozen=True)
class Slow:
    """From when until when the carrier is slower, and by what (0: it takes nothing)."""

    begins: int
    ends: int
    share: float


@dataclass(frozen=True)
class Setting:
    """What a year is run with."""

    profile: str
    rate: float
    """Segments a second that the carrier is sent."""
    margin_ms: int
    slow: tuple[Slow, ...]
    """When the carrier does not keep up, in order."""


class _Shut:
    """How long a calendar has been shut since the beginning of the year."""

    def __init__(self, calendars: Calendars, name: str, begin: int) -> None:
        self._calendars, self._name = calendars, name
        self._total, self._from = 0, begin
        self._open, self._until = calendars.look(name, begin)

    def at(self, now: int) -> int:
        while self._until <= now:
            if not self._open:
                self._total += self._until - self._from
            self._from = self._until
            self._open, self._until = self._calendars.look(self._name, self._from)
        return self._total + (0 if self._open else now - self._from)


class Year:
    """One run: :meth:`run` goes to the end of it."""

    def __init__(
        self,
        book: Rulebook,
        people: Sequence[Debtor],
        events: Sequence[Event],
        setting: Setting,
        checker: Checker,
    ) -> None:
        self.figures = Figures()
        self.calendars = Calendars(book)
        self.zones: set[str] = set()
        """Of all recipients."""
        self._ledger = Ledger()
        self._admission = Admission(self.calendars, self._ledger)
        self._people, self._events, self._setting = people, events, setting
        self.checker = checker
        self._slow = deque(setting.slow)
        self._place = [book.places.find(p.number, p.zones, p.region) for p in people]
        by_number = (book.places.find(p.number) for p in people)
        self._calendar = [self.calendars.name(place, setting.profile) for place in by_number]
        for place in self._place:
            self.zones.update(place.zones)
        for person in people:
            if person.zones or person.region:
                known = Known(zones=person.zones, region=person.region)
                self._ledger.known[CREDITOR, person.number] = known
        self._messages: dict[str, Message] = {}
        self._lanes: dict[str, Lane] = {}
        self._shut: dict[str, _Shut] = {}
        self._looks: dict[str, tuple[bool, int]] = {}
        """Of the calendars of the lanes: open or not, and until when that holds."""
        self._later: list[tuple[int, int, Waiting]] = []
        """Messages with a time before which they may not go, soonest first."""
        self._queued: dict[str, list[Waiting]] = {}
        """Of each debt."""
        self._turn = self._count = self._next_event = 0
        self._begin = events[0].at - 1 if events else 0
        self._free_at = self._begin

    def run(self) -> None:
        """Go through all of it. Raises Broken."""
        now = self._begin
        last = self._events[-1].at + 40 * 86_400_000 if self._events else 0
        while now < last:
            self._hear(now)
            self._promote(now)
            if self._free_at <= now and self._claim(now):
                now = max(now, self._free_at)
                continue
            following = self._following(now)
            if following is None:
                break
            now = following

    def _following(self, now: int) -> int | None:
        """When there is something to do next."""
        times = []
        if self._next_event < len(self._events):
            times.append(self._events[self._next_event].at)
        if self._later:
            times.append(self._later[0][0])
        if self._free_at > now:
            times.append(self._free_at)
        else:
            looks = (self._look(name, now) for name, lane in self._lanes.items() if lane)
            times += [until for _, until in looks if until < NEVER]
        return max(now + 1, min(times)) if times else None

    # What reaches the gateway

    def _hear(self, now: int) -> None:
        events = self._events
        while self._next_event < len(events) and events[self._next_event].at <= now:
            event = events[self._next_event]
            self._next_event += 1
            getattr(self, f"_hear_{event.what}")(event)

    def _hear_message(self, event: Event) -> None:
        person = self._people[event.debtor]
        id = f"{event.order:012x}"
        calendar = self._calendar[event.debtor]
        self._messages[id] = Message(
            segments=event.segments, id=id, client=CREDITOR, campaign="c", ref="", to=person.number,
            sender="3450", text="", encoding="gsm7", priority=3, route="r", accepted_ms=event.at,
            expires_ms=event.expires, debtor=person.name, creditor="", calendar=calendar,
        )  # fmt: skip
        item = Waiting(id, event.debtor, event.debt, event.at, event.segments)
        self._queued.setdefault(event.debt, []).append(item)
        self.figures.count("messages", event.at)
        self._enter(item, event.at)

    def _hear_touch(self, event: Event) -> None:
        debtor = self._people[event.debtor].name
        contact = Contact(event.at, event.channel, event.two_way)
        self._ledger.touch(CREDITOR, debtor, f"t{event.order}", contact)
        self.checker.touched(debtor, event.at, event.channel, event.two_way)
        self.figures.count("touches", event.at)

    def _hear_opt_out(self, event: Event) -> None:
        person = self._people[event.debtor]
        known = self._ledger.known.setdefault((CREDITOR, person.number), Known())
        known.listed |= int(Listed.OPT_OUT)
        self.checker.opted_out(person.number, event.at)

    def _hear_paid(self, event: Event) -> None:
        self.checker.paid(event.debt, event.at)
        for item in self._queued.pop(event.debt, ()):
            if self._messages.pop(item.id, None) is not None:
                item.canceled = True
                self.figures.count("canceled", event.at)

    # Lanes

    def _enter(self, item: Waiting, now: int, *, front: bool = False) -> None:
        name = self._calendar[item.debtor]
        if name not in self._shut:
            self._shut[name] = _Shut(self.calendars, name, self._begin)
        item.entered, item.shut_before = now, self._shut[name].at(now)
        lane = self._lanes.setdefault(name, deque())
        if front:
            lane.appendleft(item)
        else:
            lane.append(item)

    def _wait(self, item: Waiting, until: int) -> None:
        self._count += 1
        heapq.heappush(self._later, (until, self._count, item))

    def _promote(self, now: int) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, item = heapq.heappop(self._later)
            if not item.canceled:
                self._enter(item, now)

    def _look(self, name: str, now: int) -> tuple[bool, int]:
        """What the calendars say of a lane's; asked anew when the last answer holds no more."""
        found = self._looks.get(name)
        if found is None or not now < found[1] < NEVER:
            found = self._looks[name] = self.calendars.look(name, now)
        return found

    def _take(self, now: int, wanted: int) -> list[Waiting]:
        """Off the lanes that are open, by turns (``claim.lua``)."""
        opened = self.calendars.open_at(now)
        full = {n: opened[n] for n, lane in self._lanes.items() if lane and n in opened}
        if not full:
            return []
        late = closing.late(full, now, self._setting.margin_ms)
        lanes = [name for name in full if name not in late]
        self.figures.backlog(sum(len(self._lanes[name]) for name in lanes), now)
        found: list[Waiting] = []
        segments = 0
        while lanes and segments < wanted:
            name = lanes[self._turn % len(lanes)]
            self._turn += 1
            lane = self._lanes[name]
            item = lane.popleft()
            if not lane:
                lanes.remove(name)
            if item.canceled:
                continue
            item.quiet += self._shut[name].at(now) - item.shut_before
            segments += item.segments
            found.append(item)
        return found

    # Claim, verdict, wire

    def _claim(self, now: int) -> bool:
        """Claim what will be wanted, and write what may go."""
        wanted = max(1, int(self._rate(now) * HORIZON))
        items = self._take(now, wanted)
        if not items:
            return False
        self._admission.opened(now)
        claimed = [self._claimed(self._messages[item.id], now) for item in items]
        verdicts = _now(self._admission.judge(claimed, now))
        for item, verdict in zip(items, verdicts, strict=True):
            self._admit(item, verdict, now)
        return True

    def _claimed(self, message: Message, now: int) -> Claimed:
        """With what the lists and caps say of it, as ``claim.lua`` asks them."""
        group = self._admission.groups[message.calendar]
        said: Admitted = 0
        if not 0 < message.expires_ms <= now:
            asked = Asked(message.id, message.to, CREDITOR, message.debtor, group)
            said = self._ledger.ask(asked, now)
        return Claimed("r:3:any:c", "0-0", message, said)

    def _admit(self, item: Waiting, verdict: Verdict, now: int) -> None:
        if verdict.noted and not isinstance(verdict.outcome, Send):
            self._ledger.forget(verdict.noted, item.id)
        match verdict.outcome:
            case Send():
                deadline = verdict.closes - self._setting.margin_ms
                self._write(item, verdict, deadline, now)
            case Wait(until, reason):
                until = now + HELD_MS if until is None else until
                if reason == "cap":
                    item.cap += until - now
                else:
                    item.quiet += until - now
                self.figures.count(f"put off: {reason}", now)
                self._wait(item, until)
            case Discard(reason):
                self._end(item, "expired" if reason == "expired" else "blocked", now)

    def _write(self, item: Waiting, verdict: Verdict, deadline: int, claimed: int) -> None:
        """Segment by segment, while the hours last."""
        message = self._messages[item.id]
        at = self._ready_at(claimed)
        left = item.segments - item.written
        if 0 < message.expires_ms <= at:
            self._put_back(item, verdict, at)
            self._end(item, "expired", at)
            return
        if at - claimed > LEAVES_WITHIN_MS:
            self._put_back(item, verdict, at)
            self._enter(item, at, front=True)
            self.figures.count("judged anew", at)
            return
        if closing.too_late(deadline, at, closing.takes_ms(left, self._setting.rate)):
            self._put_back(item, verdict, at)
            closes = deadline + self._setting.margin_ms
            item.quiet += max(0, closes - at)
            self._wait(item, closes)
            self.figures.count("put off: too late to begin", at)
            return
        self._note_wait(item, at)
        first = True
        while item.written < item.segments:
            if deadline <= at:
                self.figures.count("cut at closing", at)
                self._enter(item, at)
                return
            seconds = closing.validity_seconds(message.expires_ms, deadline, at)
            until = at + 1000 * _relative(validity_period(seconds))
            self.checker.sent(
                Sent(
                    at, until, claimed, item.id, message.debtor, item.debt, message.to,
                    self._place[item.debtor], first,
                )
            )  # fmt: skip
            first = False
            item.written += 1
            self.figures.count("segments", at)
            self._free_at = at + round(1000 / self._rate(at)) if self._rate(at) else at
            at = self._ready_at(self._free_at)
        self._end(item, "sent", at)

    def _put_back(self, item: Waiting, verdict: Verdict, at: int) -> None:
        self._free_at = max(self._free_at, at)
        if not item.written:
            self._ledger.forget(verdict.noted, item.id)

    def _note_wait(self, item: Waiting, at: int) -> None:
        if item.written:
            return
        total = at - item.accepted
        carrier = total - item.quiet - item.cap
        waits = (("quiet_hours", item.quiet), ("cap", item.cap), ("carrier", carrier))
        self.figures.sent(total, waits)

    def _end(self, item: Waiting, how: str, at: int) -> None:
        self.figures.count(how, at)
        self._messages.pop(item.id, None)

    # The carrier

    def _rate(self, at: int) -> float:
        slow = self._slow
        while slow and slow[0].ends <= self._free_at:
            slow.popleft()
        if not slow or at < slow[0].begins:
            return self._setting.rate
        share = next((s.share for s in slow if s.begins <= at < s.ends), 1.0)
        return self._setting.rate * share

    def _ready_at(self, at: int) -> int:
        """When the next segment may be written: not while the carrier takes nothing."""
        at = max(at, self._free_at)
        while self._rate(at) == 0:
            at = next(s.ends for s in self._slow if s.begins <= at < s.ends)
        return at


def _now(work: Coroutine[Any, Any, T]) -> T:
    """The answer of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        answer: T = done.value
        return answer
    raise AssertionError("it waited for something")


def _relative(text: str) -> int:
    """Seconds of a relative validity_period (SMPP 3.4, 7.1.1.2); without one, the SMSC's own."""
    if not text:
        return SMSC_SECONDS
    months, days, hours = int(text[2:4]), int(text[4:6]), int(text[6:8])
    minutes, seconds = int(text[8:10]), int(text[10:12])
    return (((months * 30 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
