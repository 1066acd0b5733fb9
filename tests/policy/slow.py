"""The second way: one instant at a time, by the clock of ``datetime`` alone. Slow, and plain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import holidays

from gateway.policy.rules import DaysOff, Week

NASTY = (
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # no 30 December 2011
    "Africa/Casablanca",  # another time in Ramadan
    "America/Asuncion",  # changed at midnight, until 2024
    "Antarctica/Troll",  # two hours of summer time
    "America/Santiago",  # changes at 24:00
    "America/Havana",  # changes at 0:00 and 1:00
    "Atlantic/Azores",  # changes at 0:00 and 1:00
    "Asia/Kathmandu",  # +05:45
    "Asia/Beirut",  # changes at 0:00
    "Pacific/Easter",
    "America/Nuuk",  # changes on a Saturday evening
)


def ms(text: str) -> int:
    """An instant, as ``2026-07-14T11:59:59Z``."""
    found = datetime.fromisoformat(text)
    assert found.tzinfo is not None
    return (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@cache
def zone(key: str) -> ZoneInfo:
    """A zone, read from the same edition of the data."""
    with resources.files("tzdata.zoneinfo").joinpath(*key.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=key)


def readings(key: str, at: int) -> list[datetime]:
    """What a clock there shows: twice where the hour happens twice, by each of its offsets."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    wall = instant.astimezone(zone(key))
    offsets = {wall.replace(fold=fold).utcoffset() for fold in (0, 1)}
    return [(instant + offset).replace(tzinfo=None) for offset in offsets if offset is not None]


@cache
def public(country: str, year: int) -> frozenset[date]:
    """A country's own holidays."""
    return frozenset(holidays.country_holidays(country, years=[year]))


def open_by(wall: datetime, week: Week, off: DaysOff) -> bool:
    """Is a clock that shows ``wall`` inside the week's windows, and on no holiday?"""
    if off.calendar and wall.date() in public(off.calendar, wall.year):
        return False
    since = wall - wall.replace(hour=0, minute=0, second=0, microsecond=0)
    return any(
        timedelta(minutes=opens) <= since < timedelta(minutes=closes)
        for opens, closes in week[wall.weekday()]
    )


def is_open(at: int, week: Week, off: DaysOff, zones: Sequence[str]) -> bool:
    """Open in every zone, by every reading of its clock."""
    return all(open_by(wall, week, off) for key in zones for wall in readings(key, at))
