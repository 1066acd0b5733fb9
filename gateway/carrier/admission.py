"""May a claimed message go, by the contact rules? Asked once for all that were claimed together.

Hours are known here; stops, lists and the contacts of late are in the store, which says of each
message what they mean for it as it is claimed, and notes who may go as contacted, so that of two
messages for one debtor one goes. Stops and lists hold for every message, also where contact rules
are off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import msgspec

from gateway.audit.lines import Line, stamp
from gateway.message import Message, MessageState
from gateway.policies import hours_of
from gateway.policy.calendar import NEVER, local_text
from gateway.policy.calendars import ALWAYS, ANSWER, ANY, Calendars
from gateway.policy.caps import Contact, counted, thresholds
from gateway.policy.decide import (
    Discard,
    Listed,
    Outcome,
    Rule,
    Send,
    Wait,
    decide,
    opening,
    refused,
)
from gateway.policy.packed import lists, pack, parts
from gateway.policy.zones import NOWHERE, Place
from gateway.store.contacts import (
    EVERY_CALENDAR,
    KEPT_TOUCHES_MS,
    Admitted,
    Asked,
    Group,
    Known,
    Opened,
    Stopped,
    hours_asked,
    listed_of,
    whereabouts,
)
from gateway.store.queue import Claimed
from gateway.store.waiting import LEGAL

FREE = Send(NEVER)
ASK_AGAIN_MS = 1_000


class Register(Protocol):
    """Who knows the lists and the contacts of late (:class:`gateway.store.contacts.Contacts`)."""

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        """May these go, by the lists and caps? Who may is noted as contacted."""


class Verdict(msgspec.Struct, gc=False):
    """What becomes of a claimed message, and why."""

    outcome: Outcome
    calendar: str = ANY
    rule: Rule | None = None
    place: Place | None = None
    closes: int = NEVER
    """When the hours in which it may go are over."""
    counted: int = 0
    """Contacts of late that count."""
    listed: int = 0
    """What the lists said (:class:`gateway.policy.decide.Listed`)."""
    noted: str = ""
    """Under which name it was noted as a contact; empty: it was not."""
    ends: MessageState = MessageState.blocked
    """The state of one that never goes."""

    def packed(self, now: int) -> str:
        """What the record keeps of it."""
        if self.calendar == ANY:
            return ""
        return pack(
            now,
            self.outcome,
            self.rule.hash if self.rule else "",
            self.calendar,
            self.counted,
            self.listed,
        )

    def next_hours(self) -> Wait:
        """From the end of its hours until they begin again."""
        if self.rule is None or self.place is None:
            return Wait(None, "quiet_hours")
        until = opening(self.closes, self.rule, self.place)
        return Wait(None if until >= NEVER else until, "quiet_hours")

    def line(self, message: Message, carrier: str, now: int) -> Line:
        """What the audit keeps of it."""
        outcome, reason, until, detail = parts(self.outcome)
        rule, place = self.rule, self.place or NOWHERE
        return Line(
            stamp(now),
            message.id,
            message.client,
            message.campaign,
            message.creditor or message.client,
            message.debtor,
            message.to,
            outcome,
            reason,
            detail,
            None if until is None else stamp(until),
            rule.name if rule else "",
            rule.hash if rule else "",
            place.zones,
            _local(place.zones, now - now % 1000),
            place.source,
            self.counted,
            lists(self.listed) if self.listed else (),
            carrier,
        )


@lru_cache(maxsize=1024)
def _local(zones: tuple[str, ...], second: int) -> tuple[str, ...]:
    return tuple([local_text(zone, second) for zone in zones])


class _Here(NamedTuple):
    """What the rules say at an instant of a calendar's messages, lists and caps aside."""

    calendar: str
    """ANY: no rule asks."""
    rule: Rule | None
    place: Place
    outcome: Outcome
    """Of a message that never expires."""
    closes: int
    capped: bool
    needs_consent: bool
    stored: bool
    """By what was stored of the recipient, and may have changed."""


class Admission:
    """The contact rules for what a pump has claimed."""

    def __init__(self, calendars: Calendars | None, contacts: Register) -> None:
        self.calendars = calendars
        """None: contact rules are off, and only stops and lists are asked."""
        self._contacts = contacts
        self.groups: dict[str, Group | None] = {}
        """What the caps of each open calendar ask, as of the last :meth:`opened`."""
        self._groups_until = 0
        self._open_at: Mapping[str, int] = {}
        """The calendars that ``groups`` are of."""
        self._opened = EVERY_CALENDAR

    def open_at(self, now: int) -> Mapping[str, int]:
        """The calendars that are open, and until when each is."""
        return self.calendars.open_at(now) if self.calendars is not None else {}

    def opened(self, now: int) -> Opened:
        """The same, with what the caps of each ask of whoever wants to go."""
        if self.calendars is None:
            return EVERY_CALENDAR
        open_at = self.calendars.open_at(now)
        if open_at is not self._open_at or now >= self._groups_until:
            asked = {name: _group(*self.calendars.rule(name, now), now) for name in open_at}
            self.groups = {name: group for name, (group, _) in asked.items()}
            self._groups_until = min((until for _, until in asked.values()), default=NEVER)
            self._opened, self._open_at = Opened(self.groups), open_at
        return self._opened

    async def judge(self, claimed: Sequence[Claimed], now: int) -> list[Verdict]:
        """One verdict each, in order. Raises StoreUnavailable."""
        if self.calendars is None and not any(c.said or c.message.consent for c in claimed):
            return [Verdict(FREE)] * len(claimed)
        here: dict[str, _Here] = {}
        verdicts: list[Verdict] = []
        again: list[int] = []
        for n, item in enumerate(claimed):
            said, name = item.said, item.message.calendar
            found = here.get(name)
            if found is None:
                found = here[name] = self._look(name, now)
            verdict = _by_hours(item.message, found, now)
            verdicts.append(verdict)
            if verdict.calendar == ANSWER and self.calendars is not None:
                verdict.place = self.calendars.book.places.find(item.message.to)
            if found.stored and not isinstance(said, tuple):
                self._place(verdict, item.message, None, None, now)
            if isinstance(said, int):
                verdict.counted = said
                if found.capped:
                    verdict.noted = _noted(item.message)
                if found.needs_consent or item.message.consent:
                    _refuse(verdict, "no_consent")
            elif type(verdict.outcome) is not Send:
                pass
            elif isinstance(said, Stopped):
                _stop(verdict, said)
            elif isinstance(said, tuple):
                self._by_record(item, verdict, said, now)
                if type(verdict.outcome) is Send and verdict.rule is not None:
                    again.append(n)
            else:
                _by_caps(item, verdict, said, now)
        if again:
            await self._ask_again(claimed, verdicts, again, now)
        return verdicts

    async def _ask_again(
        self, claimed: Sequence[Claimed], verdicts: list[Verdict], which: list[int], now: int
    ) -> None:
        """What is known of their numbers lets them go: now the caps."""
        groups: dict[tuple[int, tuple[str, ...]], Group | None] = {}
        asked = [self._asked_of(claimed[n], verdicts[n], groups, now) for n in which]
        answers = await self._contacts.admit(asked, now)
        for n, one, answer in zip(which, asked, answers, strict=True):
            if isinstance(answer, list):
                _by_caps(claimed[n], verdicts[n], answer, now)
            elif isinstance(answer, Stopped):
                _stop(verdicts[n], answer)
            elif isinstance(answer, int):
                verdicts[n].noted, verdicts[n].counted = one.noted, answer

    def _look(self, name: str, now: int) -> _Here:
        """What the rules say in a calendar; what is always open no rule asks about."""
        if name in ALWAYS or self.calendars is None:
            name = ANY if self.calendars is None else name
            return _Here(
                name, None, NOWHERE, FREE, NEVER, capped=False, needs_consent=False, stored=False
            )
        rule, place = self.calendars.rule(name, now)
        calendar = self.calendars.of(name)
        return _Here(
            name,
            rule,
            place,
            _decided(rule, place, now),
            _closes(rule, place, now),
            capped=rule is not None and bool(rule.profile.caps),
            needs_consent=rule is not None and rule.profile.needs_consent,
            stored=calendar is not None and calendar.stored,
        )

    def _asked_of(
        self,
        item: Claimed,
        verdict: Verdict,
        groups: dict[tuple[int, tuple[str, ...]], Group | None],
        now: int,
    ) -> Asked:
        rule, message = verdict.rule, item.message
        assert rule is not None
        assert verdict.place is not None
        key = (id(rule), verdict.place.zones)
        if key not in groups:
            groups[key], _ = _group(rule, verdict.place, now)
        return Asked(
            message.id,
            message.to,
            message.creditor or message.client,
            message.debtor or message.to,
            groups[key],
            True,
            message.client if message.debtor else "",
            message.accepted_ms,
        )

    def _by_record(
        self,
        item: Claimed,
        verdict: Verdict,
        known: tuple[Known | None, Known | None],
        now: int,
    ) -> None:
        message, (own, common) = item.message, known
        listed = listed_of(own, common)
        if message.calendar == ANSWER:
            listed &= ~Listed.OPT_OUT
        verdict.listed = int(listed & ~Listed.CONSENT)
        if verdict.rule is None:
            verdict.outcome = refused(now, None, listed, None) or verdict.outcome
        else:
            self._place(verdict, message, own, common, now)
            assert verdict.place is not None
            verdict.outcome = decide(
                now,
                verdict.rule,
                verdict.place,
                expires=message.expires_ms or NEVER,
                listed=listed,
            )
        agrees = bool(listed & Listed.CONSENT)
        if message.consent and not agrees:
            _refuse(verdict, "no_consent")

    def _place(
        self,
        verdict: Verdict,
        message: Message,
        own: Known | None,
        common: Known | None,
        now: int,
    ) -> None:
        """By what is stored its owner may be elsewhere than its lane says, or want other hours."""
        assert self.calendars is not None
        calendar = self.calendars.of(verdict.calendar)
        assert calendar is not None
        zones, region = whereabouts(own, common)
        asked = hours_of(hours_asked(own, common))
        if not (zones or region or asked or calendar.stored):
            return
        place = self.calendars.book.places.find(message.to, zones, region)
        verdict.calendar = self.calendars.name(place, calendar.profile, calendar.week, asked)
        rule, place = self.calendars.rule(verdict.calendar, now)
        verdict.rule, verdict.place, verdict.closes = rule, place, _closes(rule, place, now)
        verdict.outcome = _decided(rule, place, now, message.expires_ms or NEVER)


def _by_hours(message: Message, here: _Here, now: int) -> Verdict:
    rule, place, outcome, expires = here.rule, here.place, here.outcome, message.expires_ms
    if expires and type(outcome) is Send and now < expires:
        outcome = Send(min(outcome.validity, expires))
    elif expires and rule is not None:
        outcome = _decided(rule, place, now, expires)
    elif expires and expires <= now:
        outcome = Discard("expired")
    return Verdict(outcome, here.calendar, rule, place, here.closes)


def _by_caps(item: Claimed, verdict: Verdict, contacts: Sequence[Contact], now: int) -> None:
    assert verdict.rule is not None
    assert verdict.place is not None
    outcome = decide(
        now,
        verdict.rule,
        verdict.place,
        expires=item.message.expires_ms or NEVER,
        contacts=contacts,
    )
    if type(outcome) is Send:  # another node's clock is ahead of ours
        outcome = Wait(now + ASK_AGAIN_MS, "cap")
    verdict.outcome, verdict.counted = outcome, len(counted(verdict.rule.profile, contacts))


def _refuse(verdict: Verdict, reason: str) -> None:
    if type(verdict.outcome) is not Discard:
        verdict.outcome = Discard(reason)


def _stop(verdict: Verdict, stop: Stopped) -> None:
    """Nothing goes to its debtor: as a cancel, or for good."""
    if stop.for_good:
        verdict.outcome = Discard(LEGAL)
    else:
        verdict.outcome, verdict.ends = Discard(stop.reason), MessageState.canceled


def _decided(rule: Rule | None, place: Place, now: int, expires: int = NEVER) -> Outcome:
    """By the hours: that the profile may need consent is asked with the lists."""
    consents = Listed.CONSENT if rule and rule.profile.needs_consent else Listed.NOTHING
    return decide(now, rule, place, expires=expires, listed=consents)


def _closes(rule: Rule | None, place: Place, now: int) -> int:
    if rule is None or not place.zones:
        return NEVER
    return min(rule.hours(place.zones, place.region).look(now)[1], rule.until)


def _noted(message: Message) -> str:
    """Under which name a message that may go has been noted as a contact."""
    return f"{message.creditor or message.client}:{message.debtor or message.to}"


def _group(rule: Rule | None, place: Place, now: int) -> tuple[Group | None, int]:
    """What the store is asked for a rule's caps (None: it has none), and until when."""
    if rule is None or not rule.profile.caps:
        return None, NEVER
    profile = rule.profile
    asks = thresholds(now, profile.caps, place.zones)
    group = Group(
        asks.limits,
        list(profile.counts),
        profile.counts_when == "two_way",
        asks.crossed,
        max(asks.reach, KEPT_TOUCHES_MS),
        asks.ages,
    )
    return group, min(asks.until, rule.until)
