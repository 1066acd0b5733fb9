"""Spans of the week in which another rate holds, as a configuration writes them.

``sat,sun 00:00-24:00 20`` is 20 segments a second from Saturday's beginning to Sunday's end;
``18:00-20:00 50`` is every day.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WRITTEN = (
    '"HH:MM-HH:MM RATE", perhaps with days before it, as "mon-fri 18:00-20:00 50" or "sat,sun '
    '00:00-24:00 20"; RATE from 1'
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
_FORM = re.compile(r"(?:([a-z,-]+) )?(\d\d):(\d\d)-(\d\d):(\d\d) ([1-9]\d{0,5})")


class Span(NamedTuple):
    """So many segments a second, on some days (0 is Monday), from a minute of the day to another.

    One that ends at or before its beginning goes on into the next day.
    """

    days: frozenset[int]
    begin: int
    end: int
    rate: int

    def holds(self, day: int, minute: int) -> bool:
        """Is this minute of that weekday in it?"""
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or (
            (day - 1) % 7 in self.days and minute < self.end
        )


def span(text: str) -> Span:
    """A span as a configuration writes it (:data:`WRITTEN`). Raises ValueError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(text)
    begin, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (2, 4))
    if max(int(found[3]), int(found[5])) > 59 or begin >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(text)
    if begin == end:
        raise ValueError(text)
    return Span(_days(found[1]), begin, end, int(found[6]))


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        days.update((begin + n) % 7 for n in range((end - begin) % 7 + 1))
    return frozenset(days)
