"""The holidays of a place, as local dates.

The dates come from the package ``holidays``, changed by the overlay. Only dates are compared: the
package's names are in whatever language the process has.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import holidays

from gateway.policy.rules import DaysOff

EPOCH = date(1970, 1, 1).toordinal()


def easter(year: int) -> date:
    """Easter Sunday, Gregorian (Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


def overlay_day(text: str, year: int) -> date | None:
    """The date of an overlay's day in a year; None when it has none there (29 February).

    Raises ValueError when it is no such day.
    """
    if text.startswith("easter"):
        return easter(year) + timedelta(int(text.removeprefix("easter") or 0))
    if len(text) == 5:
        date.fromisoformat(f"2024-{text}")  # a leap year has every day
        try:
            return date.fromisoformat(f"{year}-{text}")
        except ValueError:
            return None
    found = date.fromisoformat(text)
    return found if found.year == year else None


def known(calendar: str, subdivisions: tuple[str, ...], categories: tuple[str, ...]) -> str:
    """What the package does not know of these, in words; empty: it knows all."""
    supported = holidays.list_supported_countries(include_aliases=False)
    if calendar not in supported:
        return f"no calendar {calendar!r}"
    for code in subdivisions:
        if code not in supported[calendar]:
            return f"the calendar {calendar} has no subdivision {code!r}"
    kinds = getattr(holidays, calendar).supported_categories
    for category in categories:
        if category not in kinds:
            return f"the calendar {calendar} has no category {category!r}"
    return ""


@lru_cache(maxsize=256)
def dates(off: DaysOff, region: str, year: int) -> frozenset[date]:
    """The holidays of a year for one in ``region`` (empty: not known)."""
    found: set[date] = set()
    if off.calendar:
        for subdivision in _subdivisions(off, region):
            found.update(
                holidays.country_holidays(
                    off.calendar, subdiv=subdivision, years=[year], categories=off.categories
                )
            )
    own = [(add, remove) for code, add, remove in off.by_region if code == region]
    for text in (*off.add, *(day for add, _ in own for day in add)):
        day = overlay_day(text, year)
        if day is not None:
            found.add(day)
    for text in (*off.remove, *(day for _, remove in own for day in remove)):
        day = overlay_day(text, year)
        if day is not None:
            found.discard(day)
    return frozenset(day for day in found if day.year == year)


def _subdivisions(off: DaysOff, region: str) -> tuple[str | None, ...]:
    """Which calendars to ask: each subdivision's holds the country's, too."""
    if region:
        known = holidays.list_supported_countries(include_aliases=False)[off.calendar]
        if region in known:
            return (region,)
    return (None, *off.subdivisions)


@lru_cache(maxsize=256)
def days(off: DaysOff, region: str, year: int) -> frozenset[int]:
    """The same, as days since 1 January 1970."""
    return frozenset(day.toordinal() - EPOCH for day in dates(off, region, year))
