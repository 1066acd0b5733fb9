"""May a claimed message go, by the contact rules? Asked once for all that were claimed together.

Hours are known here; the lists and the contacts of late are in the store, which answers for all in
one call and notes who may go as contacted, so that of two messages for one debtor one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from gateway.policy.calendar import NEVER
from gateway.policy.calendars import ANY, Calendars
from gateway.policy.caps import Contact, thresholds
from gateway.policy.decide import Discard, Listed, Outcome, Rule, Send, Wait, decide
from gateway.policy.zones import Place
from gateway.store.contacts import Admitted, Asked, Group, Known, listed_of
from gateway.store.queue import Claimed

FREE = Send(NEVER)
ASK_AGAIN_MS = 1_000


class Register(Protocol):
    """Who knows the lists and the contacts of late (:class:`gateway.store.contacts.Contacts`)."""

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        """May these go, by the lists and caps? Who may is noted as contacted."""

    async def unnote(self, admitted: Iterable[Asked]) -> None:
        """These were admitted and reached no carrier."""


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
        outcome, until, reason = self.outcome, NEVER, ""
        match outcome:
            case Send(validity):
                until = validity
            case Wait(end, why):
                until, reason = NEVER if end is None else end, why
            case Discard(why):
                reason = why
        kept = until if until < NEVER else ""
        return (
            f"{now} {type(outcome).__name__[0]} {reason or '-'} {kept or '-'} "
            f"{self.rule.hash if self.rule else '-'} {self.calendar} {self.counted} {self.listed}"
        )


class Admission:
    """The contact rules for what a pump has claimed."""

    def __init__(self, calendars: Calendars, contacts: Register) -> None:
        self.calendars = calendars
        self._contacts = contacts

    async def judge(self, claimed: Sequence[Claimed], now: int) -> list[Verdict]:
        """One verdict each, in order. Raises StoreUnavailable."""
        verdicts = [self._by_hours(item, now) for item in claimed]
        groups: dict[int, Group | None] = {}
        waiting = [n for n, v in enumerate(verdicts) if v.rule and type(v.outcome) is Send]
        asked = [self._asked(claimed[n], verdicts[n], groups, now) for n in waiting]
        if not asked:
            return verdicts
        again: list[int] = []
        answers = await self._contacts.admit(asked, now)
        for n, one, answer in zip(waiting, asked, answers, strict=True):
            if answer is None:
                if verdicts[n].rule.profile.needs_consent:  # type: ignore[union-attr]
                    verdicts[n].outcome = Discard("no_consent")
                    await self._contacts.unnote([one])
                else:
                    verdicts[n].noted = one.noted
            elif isinstance(answer, tuple):
                self._by_record(claimed[n], verdicts[n], answer, now)
                if type(verdicts[n].outcome) is Send:
                    again.append(n)
            else:
                self._by_caps(claimed[n], verdicts[n], answer, now)
        if again:
            await self._ask_again(claimed, verdicts, again, now)
        return verdicts

    async def _ask_again(
        self, claimed: Sequence[Claimed], verdicts: list[Verdict], which: list[int], now: int
    ) -> None:
        """What is known of their numbers lets them go: now the caps."""
        groups: dict[int, Group | None] = {}
        asked = [
            self._asked(claimed[n], verdicts[n], groups, now)._replace(looked=True) for n in which
        ]
        answers = await self._contacts.admit(asked, now)
        for n, one, answer in zip(which, asked, answers, strict=True):
            if isinstance(answer, list):
                self._by_caps(claimed[n], verdicts[n], answer, now)
            else:
                verdicts[n].noted = one.noted

    def _by_hours(self, item: Claimed, now: int) -> Verdict:
        message = item.message
        if message.calendar == ANY:
            return Verdict(FREE)
        rule, place = self.calendars.rule(message.calendar, now)
        outcome = decide(now, rule, place, expires=message.expires_ms or NEVER)
        return Verdict(outcome, message.calendar, rule, place)

    def _asked(
        self, item: Claimed, verdict: Verdict, groups: dict[int, Group | None], now: int
    ) -> Asked:
        rule, message = verdict.rule, item.message
        assert rule is not None
        assert verdict.place is not None
        key = hash((id(rule), verdict.place.zones))
        if key not in groups:
            groups[key] = _group(rule, verdict.place, now)
        return Asked(
            message.id,
            message.to,
            message.creditor or message.client,
            message.debtor or message.to,
            groups[key],
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
        zones = (own and own.zones) or (common and common.zones) or ()
        region = (own and own.region) or (common and common.region) or ""
        if zones or region:
            self._elsewhere(verdict, message.to, zones, region, now)
        assert verdict.place is not None
        verdict.listed = int(listed & ~Listed.CONSENT)
        verdict.outcome = decide(
            now,
            verdict.rule,
            verdict.place,
            expires=message.expires_ms or NEVER,
            listed=listed,
        )

    def _elsewhere(
        self, verdict: Verdict, to: str, zones: Sequence[str], region: str, now: int
    ) -> None:
        """By what is stored its owner is in other zones than the number says."""
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


def _group(rule: Rule, place: Place, now: int) -> Group | None:
    """What the store is asked for a rule's caps; None: it has none."""
    profile = rule.profile
    if not profile.caps:
        return None
    limits, crossed, reach = thresholds(now, profile.caps, place.zones)
    two_way = profile.counts_when == "two_way"
    return Group(limits, list(profile.counts), two_way, crossed, reach)
