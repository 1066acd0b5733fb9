"""May this message go now? A pure decision: times, rules and facts in, one of three values out.

Times are milliseconds since the epoch, UTC. The order of the questions: what is final first (the
lists, a country that is off, an expiry that has passed), then what is not known (the zone, the
rules), then the caps and the hours, together: the first open instant that the caps allow.

:class:`Rulebook` keeps what is worked out once for each rule and set of zones, so that a message
costs look-ups and comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntFlag
from typing import Final

import msgspec

from gateway.policy.calendar import (
    NEVER,
    Hours,
    Schedule,
    day_begins,
)
from gateway.policy.caps import Contact, Verdict, counted, first_allowed
from gateway.policy.daysoff import EPOCH
from gateway.policy.rules import Policy, Profile, Week, as_asked, digest, narrow
from gateway.policy.zones import Place, Places

KEPT: Final = 4096
"""Rules, and sets of zones under them, that are kept ready at most."""


class Listed(IntFlag):
    """What the lists say of the recipient."""

    NOTHING = 0
    OPT_OUT = 1
    """Asked for no more messages."""
    WRONG_NUMBER = 2
    """The number is not this debtor's."""
    LEGAL_STOP = 4
    """A suit, an insolvency, an attorney."""
    CONSENT = 8
    """Agreed to this channel; only asked where the profile needs it."""


class Send(msgspec.Struct, frozen=True, gc=False):
    """It may go now, and may be delivered until before ``validity`` (NEVER: at any time)."""

    validity: int


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Not now. ``until`` is the first instant at which it may go, all else unchanged.

    None: not before somebody does something (``unknown_zone``, ``no_policy``): held, reported.
    """

    until: int | None
    reason: str
    """``quiet_hours, cap, unknown_zone, no_policy, closed`` (the hours never open)."""
    cap: str = ""
    """Which one holds (:class:`gateway.policy.caps.Verdict`)."""


class Discard(msgspec.Struct, frozen=True, gc=False):
    """Never: ``opt_out, wrong_number, legal_stop, no_consent, country_off, expired``."""

    reason: str
    waits: str = ""
    """Of one that would outlive its life: the reason of the wait."""


Outcome = Send | Wait | Discard
UNKNOWN_ZONE: Final = Wait(None, "unknown_zone")
NO_POLICY: Final = Wait(None, "no_policy")


class Rule:
    """One profile of one country's policy, perhaps narrowed: ready to decide with."""

    __slots__ = ("_hours", "hash", "name", "next", "policy", "profile", "until")

    def __init__(
        self, policy: Policy, profile: Profile, until: int = NEVER, next: Rule | None = None
    ) -> None:
        self.policy = policy
        self.profile = profile
        self.until = until
        """When the country's next policy comes into force, and with it ``next``."""
        self.next = next
        self.name = f"{policy.country}/{profile.name}"
        self.hash = digest(policy, profile)
        self._hours: dict[tuple[tuple[str, ...], str], Hours] = {}

    def hours(self, zones: tuple[str, ...], region: str = "") -> Hours:
        """The hours in a set of zones, by the region's own rules where it has any."""
        found = self._hours.get((zones, region))
        if found is None:
            if len(self._hours) >= KEPT:
                self._hours.clear()
            week = dict(self.profile.regions).get(region, self.profile.windows)
            schedule = Schedule(week, self.profile.holidays, region)
            found = self._hours[zones, region] = Hours(schedule, zones)
        return found


def decide(
    now: int,
    rule: Rule | None,
    place: Place,
    *,
    expires: int = NEVER,
    contacts: Sequence[Contact] = (),
    listed: Listed = Listed.NOTHING,
    answers: int | None = None,
) -> Outcome:
    """What becomes of a message at ``now``.

    ``rule`` is the country's (None: it has none); ``contacts`` those of this creditor and debtor,
    of which the profile takes what counts; ``expires`` the first instant at which the message is
    too old; ``answers`` when the message that this one answers was received, where it answers one.
    """
    if listed or (rule is not None and rule.profile.needs_consent):
        why = refused(now, rule, listed, answers)
        if why is not None:
            return why
    if now >= expires:
        return Discard("expired")
    if rule is None:
        return UNKNOWN_ZONE if not place.country else NO_POLICY
    if not rule.policy.enabled:
        return Discard("country_off")
    if not place.zones:
        return UNKNOWN_ZONE
    if answers is not None and _is_answer(now, rule, answers):
        return Send(min(expires, answers + rule.profile.answer_seconds * 1000))
    cap = capped(now, rule, place, contacts).cap if contacts else ""
    if cap:
        return _wait(opening(now, rule, place, contacts), expires, "cap", cap)
    is_open, until = rule.hours(place.zones, place.region).look(now)
    if is_open:
        return Send(min(until, expires, rule.until))
    if until >= rule.until:
        until = opening(now, rule, place, contacts)
    return _wait(until, expires, "quiet_hours")


def opening(now: int, rule: Rule, place: Place, contacts: Sequence[Contact] = ()) -> int:
    """The first instant from ``now`` on that caps and hours allow, by the rules then in force."""
    while rule.policy.enabled:
        hours = rule.hours(place.zones, place.region)
        at = hours.opening(capped(now, rule, place, contacts).at)
        if at < rule.until or rule.next is None:
            return at
        now, rule = rule.until, rule.next
    return NEVER


def capped(now: int, rule: Rule, place: Place, contacts: Iterable[Contact]) -> Verdict:
    """What the caps of a rule say, whatever the hours."""
    profile = rule.profile
    return first_allowed(now, counted(profile, contacts), profile.caps, place.zones)


def _is_answer(now: int, rule: Rule, answers: int) -> bool:
    return 0 <= now - answers < rule.profile.answer_seconds * 1000


def refused(now: int, rule: Rule | None, listed: Listed, answers: int | None) -> Discard | None:
    """What the lists forbid. An answer may go to one who has just opted out: the confirmation."""
    if listed & Listed.LEGAL_STOP:
        return Discard("legal_stop")
    if listed & Listed.WRONG_NUMBER:
        return Discard("wrong_number")
    answer = rule is not None and answers is not None and _is_answer(now, rule, answers)
    if listed & Listed.OPT_OUT and not answer:
        return Discard("opt_out")
    if rule is not None and rule.profile.needs_consent and not (listed & Listed.CONSENT):
        return None if answer else Discard("no_consent")
    return None


def _wait(until: int, expires: int, reason: str, cap: str = "") -> Wait | Discard:
    if until >= NEVER:
        reason, cap = "closed", ""
    if until >= expires < NEVER:
        return Discard("expired", reason)
    return Wait(None, reason) if until >= NEVER else Wait(until, reason, cap)


class Rulebook:
    """Every country's policies: where a number is, and which rule holds there."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.policies = tuple(
            sorted(policies, key=lambda policy: (policy.country, policy.effective_from))
        )
        self._by_country: dict[str, list[tuple[int, Policy]]] = {}
        for policy in self.policies:
            begins = day_begins(policy.zones[0], policy.effective_from.toordinal() - EPOCH)
            self._by_country.setdefault(policy.country, []).append((begins, policy))
        self._rules: dict[tuple[str, int, str, Week | None, Week | None], Rule] = {}
        # Where a number is does not depend on the day: of a country's files the latest knows best.
        self.places = Places(versions[-1][1] for versions in self._by_country.values())

    def rule(
        self,
        country: str,
        profile: str,
        now: int,
        narrowed: Week | None = None,
        asked: Week | None = None,
    ) -> Rule | None:
        """The rule in force, with the hours that the recipient asked for, and a campaign's over it.

        None where the country has none.

        Raises KeyError when there is no such profile.
        """
        versions = self._by_country.get(country)
        if versions is None:
            return None
        at = len(versions) - 1
        while at >= 0 and versions[at][0] > now:
            at -= 1
        if at < 0:
            return None
        found = self._rules.get((country, at, profile, narrowed, asked))
        if found is None:
            if len(self._rules) >= KEPT:
                self._rules.clear()
            policy = versions[at][1]
            own = policy.profile(profile)
            if asked is not None:
                own = as_asked(own, asked)
            until = versions[at + 1][0] if at + 1 < len(versions) else NEVER
            found = Rule(
                policy,
                own if narrowed is None else narrow(own, narrowed),
                until,
                self.rule(country, profile, until, narrowed, asked) if until < NEVER else None,
            )
            self._rules[country, at, profile, narrowed, asked] = found
        return found
