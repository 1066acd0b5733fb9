"""The days of a budget: when each begins, in one zone for the whole gateway. UTC milliseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from gateway.policy.calendar import tz

AHEAD: Final = 31
"""So many days on, a message over its budget may be held for."""


class Days:
    """Local days, one after another."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._tz = tz(zone)
        self._until = 0
        self._from = 0
        self._rows: list[tuple[str, int]] = []

    def ahead(self, now: int) -> list[tuple[str, int]]:
        """Today and the days after it: the date, and when it begins."""
        if not self._from <= now < self._until:
            today = datetime.fromtimestamp(now / 1000, UTC).astimezone(self._tz).date()
            days = [today + timedelta(n) for n in range(AHEAD)]
            self._rows = [(day.isoformat(), self._begins(day)) for day in days]
            self._from, self._until = self._rows[0][1], self._rows[1][1]
        return self._rows

    def _begins(self, day: date) -> int:
        """Its first instant: an hour that the clocks leave out at midnight is none of it."""
        local = datetime(day.year, day.month, day.day, tzinfo=self._tz)
        at = int(local.astimezone(UTC).timestamp() * 1000)
        while datetime.fromtimestamp(at / 1000, UTC).astimezone(self._tz).date() < day:
            at += 900_000
        return at
