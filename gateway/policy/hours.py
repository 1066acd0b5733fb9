"""An account's rate by the hour. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.spans import Span


class Hours:
    """What an account may send when.

    Windows are half-open, in local time: where a clock is set forward one is shorter, and where it
    is set back longer.
    """

    def __init__(self, rate: int, spans: Sequence[Span], zone: str) -> None:
        self._rate = rate
        self._spans = spans
        self._zone = ZoneInfo(zone) if spans else None

    def at(self, now: float) -> tuple[int, float]:
        """Segments a second (0: no limit), and for how many seconds at least that holds.

        Where spans overlap, the lowest rate holds; none is above the account's.
        """
        if self._zone is None:
            return self._rate, float("inf")
        local = datetime.fromtimestamp(now, self._zone)
        day, minute = local.weekday(), local.hour * 60 + local.minute
        rates = [one.rate for one in self._spans if one.holds(day, minute)]
        if self._rate:
            rates.append(self._rate)
        # No zone's clock changes within a minute of another.
        passed = timedelta(seconds=local.second, microseconds=local.microsecond)
        return min(rates, default=0), 60.0 - passed.total_seconds()
