"""When the hours are open: exact on UTC instants, for one zone or several at once.

Times are milliseconds since the epoch, UTC. An instant is open when it is inside a window of its
local weekday, and no holiday, in every zone of the set. No local time is ever made from another by
adding hours: a zone is cut into pieces of one offset each, and every window is laid over them. So

- a window that begins in an hour that does not exist begins at the first instant that does, and
  a local midnight that does not exist (Santiago, Asuncion, Havana) is nothing special;
- an hour that happens twice is open only where the clock before the change and the clock after it
  both say so: a window does not open a second time, and a day does not end late.

An answer holds until the next change, so a decision is a comparison (:meth:`Hours.look`).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from gateway.policy.daysoff import EPOCH, days
from gateway.policy.rules import WEEKDAYS, DaysOff, Week

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
BLOCK: Final = 64 * DAY
"""Hours are worked out so much at a time."""
MARGIN: Final = 2 * DAY
"""A change of the clocks so near a block's edge still counts in it."""
PROBE: Final = 6 * HOUR
"""Two changes of a zone's clocks are never so near each other."""
HORIZON: Final = 800 * DAY
"""What does not open or close within this time never does."""
NEVER: Final = 1 << 62

Span = tuple[int, int]


@lru_cache(maxsize=1024)
def tz(key: str) -> ZoneInfo:
    """A zone of the package ``tzdata``, never the system's: the lock says which edition it is.

    Raises KeyError when there is none of that name.
    """
    parts = key.split("/")
    if not all(part and part.strip(".") for part in parts):
        raise KeyError(key)
    try:
        with resources.files("tzdata.zoneinfo").joinpath(*parts).open("rb") as file:
            return ZoneInfo.from_file(file, key=key)
    except (OSError, ValueError):
        raise KeyError(key) from None


@lru_cache(maxsize=4096)
def _segments(key: str, block: int) -> tuple[tuple[int, int], ...]:
    """(from, offset) pieces of constant offset that cover a block and its margins."""
    zone = tz(key)

    def offset(at: int) -> int:
        found = datetime.fromtimestamp(at // 1000, zone).utcoffset()
        assert found is not None
        return int(found.total_seconds()) * 1000

    start, end = block * BLOCK - MARGIN, (block + 1) * BLOCK + MARGIN
    found = [(start, offset(start))]
    for at in range(start + PROBE, end + 1, PROBE):
        now = offset(at)
        if now != found[-1][1]:
            low, high = at - PROBE, at
            while high - low > 1000:
                middle = (low + high) // 2000 * 1000
                if offset(middle) == now:
                    high = middle
                else:
                    low = middle
            found.append((high, now))
    return tuple(found)


@lru_cache(maxsize=4096)
def _changes(key: str, block: int) -> tuple[list[int], list[int]]:
    """When the segments of a block begin, and their offsets."""
    segments = _segments(key, block)
    return [at for at, _ in segments], [offset for _, offset in segments]


def offset_at(key: str, at: int) -> int:
    """A zone's distance from UTC at an instant, in milliseconds."""
    begins, offsets = _changes(key, at // BLOCK)
    return offsets[bisect_right(begins, at) - 1]


def local_day(key: str, at: int) -> int:
    """The local date at an instant, as days since 1 January 1970."""
    return (at + offset_at(key, at)) // DAY


@lru_cache(maxsize=4096)
def day_begins(key: str, day: int) -> int:
    """The first instant of a local date, midnight or not; of a skipped one, of the next."""
    wall = day * DAY
    first = wall - 15 * HOUR
    low, high = first, wall + 15 * HOUR
    while high - low > 1:
        middle = (low + high) // 2
        if local_day(key, middle) >= day:
            high = middle
        else:
            low = middle
    return high


def local_text(key: str, at: int) -> str:
    """``Tue 2026-07-14 07:59:59 -0400``."""
    return _second_text(key, at - at % 1000)


@lru_cache(maxsize=1024)
def _second_text(key: str, at: int) -> str:
    """Many messages leave in one second."""
    offset = offset_at(key, at)
    there = datetime.fromtimestamp((at + offset) // 1000, UTC)
    sign, minutes = ("-", -offset // MINUTE) if offset < 0 else ("+", offset // MINUTE)
    day = WEEKDAYS[there.weekday()].capitalize()
    return f"{day} {there:%Y-%m-%d %H:%M:%S} {sign}{minutes // 60:02}{minutes % 60:02}"


def _pieces(key: str, block: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """A block cut so that each piece has the same offsets: two where an hour happens twice."""
    start, end = block * BLOCK, (block + 1) * BLOCK
    segments = _segments(key, block)
    folds = [
        (at - (before - after), at + (before - after), (before, after))
        for (_, before), (at, after) in pairwise(segments)
        if before > after
    ]
    edges = {start, end, *(at for at, _ in segments), *(e for f in folds for e in f[:2])}
    cuts = sorted(edge for edge in edges if start <= edge <= end)
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for a, b in pairwise(cuts):
        doubled = [both for low, high, both in folds if low <= a < high]
        found.append((a, b, doubled[0] if doubled else (offset_at(key, a),)))
    return found


class Schedule:
    """A week's windows and the holidays: what the local clock is held against."""

    __slots__ = ("off", "region", "week")

    def __init__(self, week: Week, off: DaysOff, region: str = "") -> None:
        self.week = week
        self.off = off
        self.region = region

    def holiday(self, day: int) -> bool:
        """Is a local date (days since 1970) a holiday?"""
        year = date.fromordinal(day + EPOCH).year
        return day in days(self.off, self.region, year)

    def windows(self, day: int) -> tuple[Span, ...]:
        """The windows of a local date, in minutes."""
        windows = self.week[(day + 3) % 7]  # 1 January 1970 was a Thursday
        return () if windows and self.holiday(day) else windows

    def spans(self, start: int, end: int, offset: int) -> list[Span]:
        """What is open of [start, end) by a clock at a constant offset."""
        found: list[Span] = []
        for day in range((start + offset) // DAY, (end - 1 + offset) // DAY + 1):
            midnight = day * DAY - offset
            for opens, closes in self.windows(day):
                a, b = max(start, midnight + opens * MINUTE), min(end, midnight + closes * MINUTE)
                if a < b:
                    _append(found, (a, b))
        return found


def _append(spans: list[Span], span: Span) -> None:
    """Adds a later span, joined to the last where they touch."""
    if spans and spans[-1][1] == span[0]:
        spans[-1] = (spans[-1][0], span[1])
    else:
        spans.append(span)


def _both(one: list[Span], other: list[Span]) -> list[Span]:
    """What is in both lists of spans, each in order."""
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        a, b = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if a < b:
            found.append((a, b))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


class Hours:
    """A schedule in every zone of a set."""

    def __init__(self, schedule: Schedule, zones: tuple[str, ...]) -> None:
        if not zones:
            raise ValueError("no zone: where nothing is known, nothing is open")
        self.schedule = schedule
        self.zones = zones
        self._blocks: dict[int, list[Span]] = {}
        self._from = self._until = 0
        self._open = False

    def look(self, now: int) -> tuple[bool, int]:
        """Is it open, and until which instant does that hold (:data:`NEVER`: it never changes)."""
        if not self._from <= now < self._until:
            self._open, self._until = self._find(now)
            self._from = now
        return self._open, self._until

    def opening(self, now: int) -> int:
        """The first open instant from ``now`` on; :data:`NEVER` if there is none."""
        is_open, until = self.look(now)
        return now if is_open else until

    def spans(self, start: int, end: int) -> list[Span]:
        """All that is open of [start, end)."""
        found: list[Span] = []
        for block in range(start // BLOCK, (end - 1) // BLOCK + 1):
            for a, b in self._block(block):
                if max(a, start) < min(b, end):
                    _append(found, (max(a, start), min(b, end)))
        return found

    def why(self, now: int) -> str:
        """``open``, or what closes it first: ``Tue 07:59 outside in America/Santiago``."""
        for zone in self.zones:
            for offset in self._offsets(zone, now):
                day, rest = divmod(now + offset, DAY)
                minute = rest // MINUTE
                windows = self.schedule.week[(day + 3) % 7]
                if windows and self.schedule.holiday(day):
                    return f"holiday {date.fromordinal(day + EPOCH)} in {zone}"
                if not any(opens <= minute < closes for opens, closes in windows):
                    name = WEEKDAYS[(day + 3) % 7].capitalize()
                    return f"{name} {minute // 60:02}:{minute % 60:02} outside in {zone}"
        return "open"

    @staticmethod
    def _offsets(zone: str, now: int) -> tuple[int, ...]:
        pieces = _pieces(zone, now // BLOCK)
        return next(offsets for a, b, offsets in pieces if a <= now < b)

    def _find(self, now: int) -> tuple[bool, int]:
        block = now // BLOCK
        spans = self._block(block)
        current = next((span for span in spans if span[0] <= now < span[1]), None)
        if current is None:
            return False, self._next_opening(now)
        until = current[1]
        while until == (block + 1) * BLOCK:  # it may go on in the next block
            block += 1
            following = self._block(block)
            if not following or following[0][0] != until:
                break
            until = following[0][1]
            if until - now > HORIZON:
                return True, NEVER
        return True, until

    def _next_opening(self, now: int) -> int:
        for block in range(now // BLOCK, (now + HORIZON) // BLOCK + 1):
            for opens, _ in self._block(block):
                if opens > now:
                    return opens
        return NEVER

    def _block(self, block: int) -> list[Span]:
        found = self._blocks.get(block)
        if found is None:
            if len(self._blocks) >= 4:  # time goes on, and rarely back
                self._blocks.clear()
            parts = [self._of_zone(zone, block) for zone in self.zones]
            found = parts[0]
            for part in parts[1:]:
                found = _both(found, part)
            self._blocks[block] = found
        return found

    def _of_zone(self, zone: str, block: int) -> list[Span]:
        found: list[Span] = []
        for start, end, offsets in _pieces(zone, block):
            spans = self.schedule.spans(start, end, offsets[0])
            for offset in offsets[1:]:
                spans = _both(spans, self.schedule.spans(start, end, offset))
            for span in spans:
                _append(found, span)
        return found
