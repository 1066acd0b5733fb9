"""Was anything on the wire that the rules forbid? By wall clocks: plain, slow, and on its own.

It reads the rules' values and nothing else of the decision: no code of ``calendar`` or ``caps``.
Each quarter of an hour (or less, where a window's edge needs it) in which a message could be
delivered is looked at on the clock of each zone; the contacts of a debtor are counted anew by their
local dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from math import gcd
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from dateutil.easter import easter

from gateway.errors import RecadoError
from gateway.policy.rules import DaysOff, Policy, Profile
from gateway.policy.zones import Place

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = 15
DAY_MINUTES = 1440
LOOK_BACK_DAYS = 40


class Broken(RecadoError):
    """A rule was broken: what was sent, and which."""


class Sent(NamedTuple):
    """A segment on the wire. Times are UTC milliseconds."""

    at: int
    until: int
    """It may be delivered until before then."""
    claimed: int
    id: str
    debtor: str
    debt: str
    number: str
    place: Place
    first: bool
    """The first of its claim: a contact."""


class _Contact(NamedTuple):
    at: int
    channel: str
    two_way: bool
    id: str


@lru_cache(maxsize=256)
def clock(zone: str) -> ZoneInfo:
    """A zone, read from the same edition of the data."""
    with resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)


def instant(at: int) -> datetime:
    """Milliseconds as a datetime."""
    return BEGIN + timedelta(milliseconds=at)


def readings(zone: str, minute: int) -> tuple[datetime, ...]:
    """What a clock there shows, at a minute since 1970: two times where the hour happens twice."""
    at = instant(minute * 60_000)
    wall = at.astimezone(clock(zone))
    offsets = {wall.utcoffset(), wall.replace(fold=1 - wall.fold).utcoffset()}
    return tuple((at + offset).replace(tzinfo=None) for offset in offsets if offset is not None)


@lru_cache(maxsize=1 << 12)
def shown(zone: str, day: int, cell: int) -> list[tuple[date, list[tuple[int, int]]]]:
    """What a clock there shows in a day of UTC: by its dates, each cell and a minute of that date.

    A cell in which the hour happens twice is there twice. Raises Broken where a cell begins at a
    time that no window's edge lies on.
    """
    dates: dict[date, list[tuple[int, int]]] = {}
    for at in range(DAY_MINUTES // cell):
        for wall in readings(zone, day * DAY_MINUTES + at * cell):
            minute = wall.hour * 60 + wall.minute
            if (minute % cell, wall.second) != (0, 0):
                raise Broken(f"{zone}: a clock between two of the looks, at {wall}")
            dates.setdefault(wall.date(), []).append((at, minute))
    return list(dates.items())


@lru_cache(maxsize=1 << 16)
def local_date(zone: str, minute: int) -> int:
    """The date there, at a minute since 1970: its ordinal, of which 1 is a Monday."""
    return instant(minute * 60_000).astimezone(clock(zone)).toordinal()


@lru_cache(maxsize=512)
def days_off(off: DaysOff, region: str, year: int) -> frozenset[date]:
    """The holidays of a year: the package's, then what is added and removed."""
    found: set[date] = set()
    if off.calendar:
        regions: list[str | None] = [None, *off.subdivisions]
        if region in holidays.list_supported_countries(include_aliases=False)[off.calendar]:
            regions = [region]
        for subdivision in regions:
            found |= holidays.country_holidays(
                off.calendar, subdiv=subdivision, years=year, categories=off.categories
            ).keys()
    own = [(add, remove) for code, add, remove in off.by_region if code == region]
    found |= {_day(text, year) for text in off.add} | {_day(t, year) for a, _ in own for t in a}
    found -= {_day(text, year) for text in off.remove} | {_day(t, year) for _, r in own for t in r}
    return frozenset(found)


def _day(text: str, year: int) -> date:
    if text.startswith("easter"):
        sunday: date = easter(year)  # type: ignore[no-untyped-call]
        return sunday + timedelta(days=int(text[len("easter") :] or "0"))
    whole = f"{year}-{text}" if len(text) == 5 else text
    try:
        return date.fromisoformat(whole)
    except ValueError:  # 29 February
        return date.min


class Checker:
    """Sees all that is put on the wire, and what others do; raises Broken at the first offence."""

    def __init__(self, policies: Sequence[Policy], country: str, profile: str) -> None:
        own = [policy for policy in policies if policy.country == country]
        self._versions = sorted(own, key=lambda policy: policy.effective_from)
        self._profile = profile
        self._cell = _cell_minutes(policy.profile(profile) for policy in own)
        self._days: dict[tuple[Place, int], bytes] = {}
        self._contacts: dict[str, list[_Contact]] = {}
        self._opted_out: dict[str, int] = {}
        self._paid: dict[str, int] = {}
        self.segments = self.cells = 0
        """How much was looked at."""

    def touched(self, debtor: str, at: int, channel: str, two_way: bool) -> None:
        """A contact by others."""
        self._contacts.setdefault(debtor, []).append(_Contact(at, channel, two_way, ""))

    def opted_out(self, number: str, at: int) -> None:
        """Nothing that is claimed from then on may go there."""
        self._opted_out.setdefault(number, at)

    def paid(self, debt: str, at: int) -> None:
        """Nothing of this debt that is claimed from then on may go."""
        self._paid[debt] = at

    def sent(self, sent: Sent) -> None:
        """A segment was written. Raises Broken."""
        self.segments += 1
        for told, key in ((self._opted_out, sent.number), (self._paid, sent.debt)):
            if told.get(key, sent.claimed + 1) <= sent.claimed:
                raise Broken(f"{_who(sent)}: sent after an opt-out or a payment")
        self._hours(sent)
        if sent.first:
            self._caps(sent)

    def _profile_at(self, at: int) -> Profile:
        first = self._versions[0]
        for policy in self._versions[1:]:
            if local_date(policy.zones[0], at // 60_000) >= policy.effective_from.toordinal():
                first = policy
        return first.profile(self._profile)

    # Hours

    def _hours(self, sent: Sent) -> None:
        cell = self._cell * 60_000
        a_day = DAY_MINUTES // self._cell
        begins, ends = sent.at // cell, (sent.until - 1) // cell
        for day in range(begins // a_day, ends // a_day + 1):
            shut = self._day(sent.place, day)
            start, end = max(0, begins - day * a_day), min(a_day, ends + 1 - day * a_day)
            self.cells += end - start
            found = shut.find(b"\1", start, end)
            if found >= 0:
                at = max(sent.at, (day * a_day + found) * cell)
                raise Broken(f"{_who(sent)}: could be delivered at {_there(sent.place, at)}")

    def _day(self, place: Place, day: int) -> bytes:
        """Is it shut, in each cell of a day of UTC?"""
        found = self._days.get((place, day))
        if found is None:
            starts = range(day * DAY_MINUTES, (day + 1) * DAY_MINUTES, self._cell)
            first, last = (self._profile_at(minute * 60_000) for minute in (starts[0], starts[-1]))
            found = _shut(first, place, day, self._cell)
            if last != first:  # another file comes into force within this day
                rules = [self._profile_at(minute * 60_000) for minute in starts]
                changed = rules.index(last)
                found = found[:changed] + _shut(last, place, day, self._cell)[changed:]
            self._days[place, day] = found
        return found

    # Caps

    def _caps(self, sent: Sent) -> None:
        known = self._contacts.get(sent.debtor, [])
        recent = [c for c in known if sent.at - c.at < LOOK_BACK_DAYS * 86_400_000]
        recent = [c for c in recent if not sent.id or c.id != sent.id]
        profile = self._profile_at(sent.at)
        before = [
            c
            for c in recent
            if c.channel in profile.counts and (c.two_way or profile.counts_when == "sent")
        ]
        for zone in sent.place.zones:
            cap = _broken(profile, sent.at, before, zone)
            if cap:
                when = ", ".join(_there(sent.place, c.at) + " " + c.channel for c in before)
                raise Broken(f"{_who(sent)}: {cap} in {zone}, after contacts at {when}")
        self._contacts[sent.debtor] = [*recent, _Contact(sent.at, "sms", False, sent.id)]


def _shut(profile: Profile, place: Place, day: int, cell: int) -> bytes:
    """Is it shut by the clock of any zone, in each cell of a day of UTC?"""
    week = next((own for code, own in profile.regions if code == place.region), profile.windows)
    found = bytearray(DAY_MINUTES // cell)
    for zone in place.zones:
        for there, cells in shown(zone, day, cell):
            off = there in days_off(profile.holidays, place.region, there.year)
            windows = () if off else week[there.weekday()]
            for at, minute in cells:
                if not any(a <= minute < b for a, b in windows):
                    found[at] = 1
    return bytes(found)


def _broken(profile: Profile, at: int, before: list[_Contact], zone: str) -> str:
    """Which cap a contact breaks; empty: none."""
    caps, hour = profile.caps, 3_600_000
    today = local_date(zone, at // 60_000)
    days = [local_date(zone, c.at // 60_000) for c in before]
    monday = _week(today, caps.week_begins)
    week = [
        c for c, day in zip(before, days, strict=True) if _week(day, caps.week_begins) == monday
    ]
    if caps.per_day and days.count(today) + 1 > caps.per_day:
        return "per_day"
    if caps.per_week and len(week) + 1 > caps.per_week:
        return "per_week"
    for n, span in caps.per_rolling:
        if sum(at - c.at < span * 24 * hour for c in before) + 1 > n:
            return "per_rolling"
    if caps.gap_days and any(today - day <= caps.gap_days for day in days):
        return "gap_days"
    if caps.gap_hours and any(at - c.at < caps.gap_hours * hour for c in before):
        return "gap_hours"
    if caps.one_channel and any(c.channel != "sms" for c in week):
        return "one_channel"
    return ""


def _week(day: int, begins: int) -> int:
    """The date on which its week began. Days are ordinals, weekdays from 0, Monday."""
    return day - (day - 1 - begins) % 7


def _cell_minutes(profiles: Iterator[Profile]) -> int:
    """The longest step, up to a quarter of an hour, on which every window's edge lies."""
    cell = QUARTER
    for profile in profiles:
        for week in (profile.windows, *(own for _, own in profile.regions)):
            for window in (window for day in week for window in day):
                cell = gcd(cell, *window)
    return cell


def _who(sent: Sent) -> str:
    return f"message {sent.id} to +{sent.number}, sent {_there(sent.place, sent.at)}"


def _there(place: Place, at: int) -> str:
    zone = place.zones[0]
    return f"{instant(at).astimezone(clock(zone)):%a %Y-%m-%d %H:%M:%S%z} ({zone})"


def changes(zones: Sequence[str], year: int) -> list[tuple[date, str]]:
    """The dates of a year on which a zone's clock changes."""
    found = []
    for zone in zones:
        hour = datetime(year, 1, 1, tzinfo=UTC)
        before = hour.astimezone(clock(zone)).utcoffset()
        while hour.year == year:
            after = hour + timedelta(hours=1)
            now = after.astimezone(clock(zone)).utcoffset()
            if now != before:
                found.append((hour.astimezone(clock(zone)).date(), zone))
            hour, before = after, now
    return sorted(found)
