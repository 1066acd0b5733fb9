"""What a country's contact rules say, as frozen values, and their hash.

They are read from ``config/policies/*.toml`` by :mod:`gateway.policies`. Every country has three
profiles: ``text`` (the law's words), ``prudent`` (the default: narrower where the words are in
doubt) and ``transactional`` (a payment's thank-you, an opt-out's confirmation).

Minutes count from local midnight; a window is half-open: its opening is inside, its close is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Final, Literal

from gateway.policy.data import EDITIONS
from gateway.policy.lint import Lint

Window = tuple[int, int]
"""From, and to before, in minutes after midnight: (480, 1200) is 08:00 to 19:59:59."""
Week = tuple[tuple[Window, ...], ...]
"""The windows of each day, Monday first."""

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PROFILES: Final = ("text", "prudent", "transactional")
CHANNELS: Final = ("sms", "email", "im", "letter", "call", "visit")
CLOSED: Final[Week] = ((),) * 7
DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How many contacts a debtor may have of one creditor; 0 and empty: no limit."""

    per_day: int = 0
    """In one local day."""
    per_rolling: tuple[tuple[int, int], ...] = ()
    """(n, days): no more than n in any ``days`` times 24 hours."""
    per_week: int = 0
    """In one calendar week of the local calendar."""
    week_begins: int = 0
    """The calendar week's first day; 0 is Monday."""
    gap_days: int = 0
    """So many whole local days between one contact and the next: 2 is Monday, then Thursday."""
    gap_hours: int = 0
    """So many hours at least from one contact to the next."""
    one_channel: bool = False
    """One channel in a calendar week: after a contact by another one, none by ours."""

    def __bool__(self) -> bool:
        return self != Caps(week_begins=self.week_begins)


@dataclass(frozen=True, kw_only=True, slots=True)
class DaysOff:
    """Which local dates are holidays: a calendar of the package ``holidays``, and an overlay.

    A day of the overlay is ``2026-07-13``, ``11-02`` (every year) or ``easter-3`` (days from
    Easter Sunday). What is removed is removed from what the calendar and ``add`` give.
    """

    calendar: str = ""
    """Its country; empty: holidays are days as any other."""
    categories: tuple[str, ...] = ("public",)
    subdivisions: tuple[str, ...] = ()
    """Regions whose holidays count for everyone; where the recipient's is known, its alone."""
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    by_region: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    """An overlay for one region: its code, what it adds, what it removes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """A figure that is uncertain: which one, and why."""

    figure: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One reading of a country's rules."""

    name: str
    windows: Week = CLOSED
    regions: tuple[tuple[str, Week], ...] = ()
    """Windows of one region, instead of the country's."""
    holidays: DaysOff = DaysOff()
    caps: Caps = Caps()
    counts: tuple[str, ...] = ("sms",)
    """The channels whose contacts count for the caps."""
    counts_when: Literal["sent", "two_way"] = "sent"
    """``two_way``: only a contact that the debtor answered."""
    needs_consent: bool = False
    answer_seconds: int = 0
    """A message that answers one received so recently goes outside hours and caps."""
    own_hours: Literal["within", "instead"] = "within"
    """A recipient's own hours take away from these; or they hold instead of them, holidays aside,
    where the law lets him choose."""
    source: str = ""
    uncertain: tuple[Doubt, ...] = ()

    @property
    def ever_open(self) -> bool:
        """Is there a window on any day, for anyone?"""
        return any(any(week) for week in (self.windows, *(week for _, week in self.regions)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The law, its article, and where it can be read."""

    law: str
    address: str
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """Where numbers that begin so may be: what libphonenumber does not know."""

    prefix: str
    """Digits without ``+``."""
    zones: tuple[str, ...] = ()
    """Empty: libphonenumber's."""
    region: str = ""
    assigned: bool = False
    """These numbers exist, though libphonenumber does not know them yet."""
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A part of a country that a recipient's record may name."""

    code: str
    names: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    """Empty: the country's."""
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One country's file."""

    country: str
    """ISO 3166-1, two letters."""
    name: str
    effective_from: date
    """In force from this local date on, until a later file of the country is."""
    enabled: bool = True
    """False: nothing is sent there."""
    zones: tuple[str, ...]
    """Where a recipient may be of whom nothing more is known."""
    prefixes: tuple[Prefix, ...] = ()
    regions: tuple[Region, ...] = ()
    profiles: tuple[Profile, ...]
    sources: tuple[Source, ...] = ()
    lint: Lint | None = None
    """What is asked of texts. It decides nothing about when, and is no part of the hash."""

    def profile(self, name: str) -> Profile:
        """The profile of that name. Raises KeyError when there is none."""
        for profile in self.profiles:
            if profile.name == name:
                return profile
        raise KeyError(name)


def intersect_windows(one: Iterable[Window], other: Iterable[Window]) -> tuple[Window, ...]:
    """What is in both days."""
    other = tuple(other)
    found = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple(sorted((a, b) for a, b in found if a < b))


def intersect(one: Week, other: Week) -> Week:
    """What is open in both weeks: narrower than either, or equal, never wider."""
    return tuple(intersect_windows(a, b) for a, b in zip(one, other, strict=True))


def narrow(profile: Profile, week: Week) -> Profile:
    """The profile with a campaign's hours over it: they can only take away."""
    return replace(
        profile,
        windows=intersect(profile.windows, week),
        regions=tuple((code, intersect(own, week)) for code, own in profile.regions),
    )


def as_asked(profile: Profile, week: Week) -> Profile:
    """The profile with the hours that a recipient asked for."""
    if profile.own_hours == "instead":
        return replace(profile, windows=week, regions=())
    return narrow(profile, week)


def digest(policy: Policy, profile: Profile) -> str:
    """16 hexadecimal digits over all that decides; words that only explain are left out.

    Equal rules have equal hashes on every machine that has the same editions of the data they use,
    however their file is laid out: the clocks and the places of numbers always, the holidays where
    the profile has a calendar of them.
    """
    decides = asdict(replace(profile, source="", uncertain=()))
    whole = {
        "country": policy.country,
        "effective_from": policy.effective_from.isoformat(),
        "enabled": policy.enabled,
        "zones": sorted(policy.zones),
        "prefixes": sorted(
            [p.prefix, sorted(p.zones), p.region, p.assigned] for p in policy.prefixes
        ),
        "regions": sorted([r.code, sorted(r.names), sorted(r.zones)] for r in policy.regions),
        "profile": decides,
        "data": {
            name: edition
            for name, edition in EDITIONS.items()
            if name != "holidays" or profile.holidays.calendar
        },
    }
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
