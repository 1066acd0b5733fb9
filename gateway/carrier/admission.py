"""May a claimed message go, by the contact rules? Asked once for all that were claimed together.

Hours are known here; stops, lists and the contacts of late are in the store, which answers for all
in one call and notes who may go as contacted, so that of two messages for one debtor one goes.
Stops and lists hold for every message, also where contact rules are off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec

from gateway.audit.lines import Line, stamp
from gateway.message import Message, MessageState
from gateway.policy.calendar import NEVER, local_text
from gateway.policy.calendars import ALWAYS, ANSWER, ANY, Calendars
from gateway.policy.caps import Contact, thresholds
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
    KEPT_TOUCHES_MS,
    Admitted,
    Asked,
    Group,
    Known,
    Stopped,
    listed_of,
    whereabouts,
)
from gateway.store.queue import Claimed
from gateway.store.waiting import LEGAL

FREE = Send(NEVER)
_Groups = dict[tuple[int, tuple[str, ...]], Group | None]
"""What a batch asks of the caps, by rule and zones."""
ASK_AGAIN_MS = 1_000


class Register(Protocol):
    """Who knows the lists and the contacts of late (:class:`gateway.store.contacts.Contacts`)."""

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        """May these go, by the lists and caps? Who may is noted as contacted."""

    async def unnote(self, admitted: Iterable[Asked]) -> None:
        """These were admitted and reached no carrier."""

    async def nothing(self, creditors: Iterable[str], clients: Iterable[str], now_ms: int) -> bool:
        """Is nothing known of anybody, for these creditors and clients?"""


class Verdict(msgspec.Struct, gc=False):
    """What becomes of a claimed message, and why."""

    outcome: Outcome
    calendar: str = ANY
    rule: Rule | None = None
    place: Place | None = None
    counted: int = 0
    """Contacts that stood against it."""
    listed: int = 0
    """What the lists said (:class:`gateway.policy.decide.Listed`)."""
    noted: str = ""
    """Under which name it was noted as a contact; empty: it was not."""
    ends: MessageState = MessageState.blocked
    """The state of one that never goes."""

    def closes(self, now: int) -> int:
        """When the hours in which it may go are over."""
        if self.rule is None or self.place is None:
            return NEVER
        return min(
            self.rule.hours(self.place.zones, self.place.region).look(now)[1], self.rule.until
        )

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

    def next_hours(self, now: int) -> Wait:
        """From the end of its hours until they begin again."""
        if self.rule is None or self.place is None:
            return Wait(None, "quiet_hours")
        until = opening(self.closes(now), self.rule, self.place)
        return Wait(None if until >= NEVER else until, "quiet_hours")

    def line(self, message: Message, carrier: str, now: int) -> Line:
        """What the audit keeps of it."""
        outcome, reason, until = parts(self.outcome)
        rule, place = self.rule, self.place or NOWHERE
        return Line(
            at=stamp(now),
            id=message.id,
            client=message.client,
            campaign=message.campaign,
            creditor=message.creditor or message.client,
            debtor=message.debtor,
            to=message.to,
            outcome=outcome,
            reason=reason,
            until=None if until is None else stamp(until),
            rule=rule.name if rule else "",
            hash=rule.hash if rule else "",
            zones=place.zones,
            local=_local(place.zones, now - now % 1000),
            source=place.source,
            counted=self.counted,
            lists=lists(self.listed) if self.listed else (),
            carrier=carrier,
        )


@lru_cache(maxsize=1024)
def _local(zones: tuple[str, ...], second: int) -> tuple[str, ...]:
    return tuple([local_text(zone, second) for zone in zones])


class Admission:
    """The contact rules for what a pump has claimed."""

    def __init__(self, calendars: Calendars | None, contacts: Register) -> None:
        self.calendars = calendars
        """None: contact rules are off, and only stops and lists are asked."""
        self._contacts = contacts

    def open_at(self, now: int) -> dict[str, int]:
        """The calendars that are open, and until when each is."""
        return self.calendars.open_at(now) if self.calendars is not None else {}

    async def judge(self, claimed: Sequence[Claimed], now: int) -> list[Verdict]:
        """One verdict each, in order. Raises StoreUnavailable."""
        if self.calendars is None and await self._all_may_go(claimed, now):
            return [Verdict(FREE)] * len(claimed)
        verdicts = [self._by_hours(item, now) for item in claimed]
        groups: _Groups = {}
        waiting = [n for n, v in enumerate(verdicts) if type(v.outcome) is Send]
        asked = [self._asked(claimed[n], verdicts[n], groups, now) for n in waiting]
        if not asked:
            return verdicts
        again: list[int] = []
        answers = await self._contacts.admit(asked, now)
        for n, one, answer in zip(waiting, asked, answers, strict=True):
            if answer is None:
                if _needs_consent(claimed[n], verdicts[n]):
                    verdicts[n].outcome = Discard("no_consent")
                    await self._contacts.unnote([one])
                else:
                    verdicts[n].noted = one.noted
            elif isinstance(answer, Stopped):
                _stop(verdicts[n], answer)
            elif isinstance(answer, tuple):
                self._by_record(claimed[n], verdicts[n], answer, now)
                if type(verdicts[n].outcome) is Send and verdicts[n].rule is not None:
                    again.append(n)
            else:
                self._by_caps(claimed[n], verdicts[n], answer, now)
        if again:
            await self._ask_again(claimed, verdicts, again, now)
        return verdicts

    async def _all_may_go(self, claimed: Sequence[Claimed], now: int) -> bool:
        """Where rules are off: is there no list or stop at all that any of these might be on?"""
        creditors, clients = set(), set()
        for item in claimed:
            message = item.message
            if message.consent:
                return False
            creditors.add(message.creditor or message.client)
            if message.debtor:
                clients.add(message.client)
        return await self._contacts.nothing(creditors, clients, now)

    async def _ask_again(
        self, claimed: Sequence[Claimed], verdicts: list[Verdict], which: list[int], now: int
    ) -> None:
        """What is known of their numbers lets them go: now the caps."""
        groups: _Groups = {}
        asked = [
            self._asked(claimed[n], verdicts[n], groups, now)._replace(looked=True) for n in which
        ]
        answers = await self._contacts.admit(asked, now)
        for n, one, answer in zip(which, asked, answers, strict=True):
            if isinstance(answer, list):
                self._by_caps(claimed[n], verdicts[n], answer, now)
            elif isinstance(answer, Stopped):
                _stop(verdicts[n], answer)
            else:
                verdicts[n].noted = one.noted

    def _by_hours(self, item: Claimed, now: int) -> Verdict:
        message = item.message
        if message.calendar in ALWAYS or self.calendars is None:
            return Verdict(FREE)
        rule, place = self.calendars.rule(message.calendar, now)
        consents = Listed.CONSENT if rule and rule.profile.needs_consent else Listed.NOTHING
        outcome = decide(now, rule, place, expires=message.expires_ms or NEVER, listed=consents)
        return Verdict(outcome, message.calendar, rule, place)

    def _asked(self, item: Claimed, verdict: Verdict, groups: _Groups, now: int) -> Asked:
        rule, message = verdict.rule, item.message
        group = None
        if rule is not None and verdict.place is not None:
            key = (id(rule), verdict.place.zones)
            if key not in groups:
                groups[key] = _group(rule, verdict.place, now)
            group = groups[key]
        return Asked(
            message.id,
            message.to,
            message.creditor or message.client,
            message.debtor or message.to,
            group,
            False,
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
            zones, region = whereabouts(own, common)
            if zones or region:
                self._elsewhere(verdict, message.to, zones, region, now)
            assert verdict.place is not None
            verdict.outcome = decide(
                now,
                verdict.rule,
                verdict.place,
                expires=message.expires_ms or NEVER,
                listed=listed,
            )
        agrees = bool(listed & Listed.CONSENT)
        if message.consent and not agrees and type(verdict.outcome) is not Discard:
            verdict.outcome = Discard("no_consent")

    def _elsewhere(
        self, verdict: Verdict, to: str, zones: Sequence[str], region: str, now: int
    ) -> None:
        """By what is stored its owner is in other zones than the number says."""
        assert self.calendars is not None
        calendar = self.calendars.of(verdict.calendar)
        assert calendar is not None
        place = self.calendars.book.places.find(to, zones, region)
        verdict.calendar = self.calendars.name(place, calendar.profile, calendar.week)
        verdict.rule, verdict.place = self.calendars.rule(verdict.calendar, now)

    def _by_caps(
        self, item: Claimed, verdict: Verdict, contacts: Sequence[Contact], now: int
    ) -> None:
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
        verdict.outcome, verdict.counted = outcome, len(contacts)


def _needs_consent(item: Claimed, verdict: Verdict) -> bool:
    """By its campaign, or by the rules of its country."""
    return item.message.consent or (verdict.rule is not None and verdict.rule.profile.needs_consent)


def _stop(verdict: Verdict, stop: Stopped) -> None:
    """Nothing goes to its debtor: as a cancel, or for good."""
    if stop.for_good:
        verdict.outcome = Discard(LEGAL)
    else:
        verdict.outcome, verdict.ends = Discard(stop.reason), MessageState.canceled


def _group(rule: Rule, place: Place, now: int) -> Group | None:
    """What the store is asked for a rule's caps; None: it has none."""
    profile = rule.profile
    if not profile.caps:
        return None
    limits, crossed, reach = thresholds(now, profile.caps, place.zones)
    two_way = profile.counts_when == "two_way"
    return Group(limits, list(profile.counts), two_way, crossed, max(reach, KEPT_TOUCHES_MS))
