"""How often one debtor may be contacted for one creditor, and when the next contact may be.

Times are milliseconds since the epoch, UTC; days and weeks are those of the recipient's calendar,
and where several zones are possible each cap has to hold in every one of them. A rolling day is 24
hours, whatever the clocks do: a contact no longer counts once it is so many of them old. Contacts
only grow old: an instant that the caps allow is followed by none that they forbid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from gateway.policy.calendar import DAY, HOUR, NEVER, day_begins, local_day
from gateway.policy.rules import Caps, Profile


class Contact(msgspec.Struct, frozen=True, gc=False):
    """One contact: ours when it was submitted, or another's that we were told of."""

    at: int
    channel: str = "sms"
    two_way: bool = False
    """The debtor answered it."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The first instant that the caps allow, and the cap that holds until then."""

    at: int
    cap: str = ""
    """``per_day``, ``per_rolling``, ``per_week``, ``gap_days``, ``gap_hours``, ``one_channel``."""


def counted(profile: Profile, contacts: Iterable[Contact]) -> list[Contact]:
    """The contacts that count under a profile."""
    two_way = profile.counts_when == "two_way"
    return [c for c in contacts if c.channel in profile.counts and (c.two_way or not two_way)]


def first_allowed(
    now: int, contacts: Iterable[Contact], caps: Caps, zones: Sequence[str], channel: str = "sms"
) -> Verdict:
    """When the next contact may be: at ``now``, or later, and then which cap holds it longest.

    A contact later than ``now`` (another node's clock) counts as one already made.
    """
    best = Verdict(now)
    oldest = now - reach(caps)
    known = sorted((c for c in contacts if c.at > oldest), key=_at)
    if not known:
        return best
    for at, cap in _limits([c.at for c in known], caps, zones):
        if at > best.at:
            best = Verdict(at, cap)
    if caps.one_channel:
        others = [c.at for c in known if c.channel != channel]
        for zone in zones if others else ():
            at = _week_after(zone, others[-1], caps.week_begins)
            if at > best.at:
                best = Verdict(at, "one_channel")
    return best


def _at(contact: Contact) -> int:
    return contact.at


@lru_cache(maxsize=256)
def reach(caps: Caps) -> int:
    """How long a contact matters, in milliseconds; a local day has 48 hours at most."""
    if not caps:
        return -NEVER
    week = 9 if caps.per_week or caps.one_channel else 0
    day = 2 if caps.per_day else 0
    gap = caps.gap_days + 3 if caps.gap_days else 0
    rolling = max((days for _, days in caps.per_rolling), default=0)
    return max(week, day, gap, rolling, caps.gap_hours // 24 + 1) * DAY


def _limits(times: list[int], caps: Caps, zones: Sequence[str]) -> Iterable[tuple[int, str]]:
    """Each cap's first allowed instant, whether past or to come."""
    for n, days in caps.per_rolling:
        if len(times) >= n:
            yield times[-n] + days * DAY, "per_rolling"
    if caps.gap_hours:
        yield times[-1] + caps.gap_hours * HOUR, "gap_hours"
    for zone in zones:
        if caps.gap_days:
            yield day_begins(zone, local_day(zone, times[-1]) + caps.gap_days + 1), "gap_days"
        if caps.per_day and len(times) >= caps.per_day:
            day = local_day(zone, times[-caps.per_day])
            yield day_begins(zone, day + 1), "per_day"
        if caps.per_week and len(times) >= caps.per_week:
            yield _week_after(zone, times[-caps.per_week], caps.week_begins), "per_week"


class Thresholds(NamedTuple):
    """Caps as questions that can be asked where the contacts are kept."""

    limits: list[int]
    """``[n, since, ...]``: fewer than n contacts at or after since, each."""
    ages: list[int]
    """``[n, ms, ...]``: fewer than n contacts younger than so many milliseconds, each."""
    crossed: int
    """Since when no contact may have been over another channel; 0: any may."""
    reach: int
    """How long a contact matters, in milliseconds."""
    until: int
    """From when on the questions are others: a zone's day begins."""


def thresholds(now: int, caps: Caps, zones: Sequence[str]) -> Thresholds:
    """The questions of an instant, and of those after it until ``until``.

    :func:`first_allowed` allows such an instant exactly where all of them do.
    """
    limits: list[int] = []
    ages: list[int] = []
    for n, days in caps.per_rolling:
        ages += (n, days * DAY)
    if caps.gap_hours:
        ages += (1, caps.gap_hours * HOUR)
    crossed, until = 0, NEVER
    for zone in zones:
        today = local_day(zone, now)
        until = min(until, day_begins(zone, today + 1))
        if caps.gap_days:
            limits += (1, day_begins(zone, today - caps.gap_days))
        if caps.per_day:
            limits += (caps.per_day, day_begins(zone, today))
        if caps.per_week or caps.one_channel:
            week = day_begins(zone, week_of(zone, now, caps.week_begins))
            if caps.per_week:
                limits += (caps.per_week, week)
            if caps.one_channel:
                crossed = min(crossed, week) if crossed else week
    return Thresholds(limits, ages, crossed, reach(caps), until)


def week_of(zone: str, at: int, begins: int) -> int:
    """The local date, as days since 1970, on which the calendar week of an instant began."""
    day = local_day(zone, at)
    return day - (day + 3 - begins) % 7


def _week_after(zone: str, at: int, begins: int) -> int:
    return day_begins(zone, week_of(zone, at, begins) + 7)
