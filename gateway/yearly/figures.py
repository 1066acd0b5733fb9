"""What a year came to: counts by month, and how long messages waited for what."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

WAITS = ("quiet_hours", "cap", "carrier")
"""For the hours to open, for the caps, and behind others for a slow carrier."""
SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))


@lru_cache(maxsize=1024)
def _month(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m}"


def month(at: int) -> str:
    """``2027-04``, in UTC."""
    return _month(at // 3_600_000)


@dataclass
class Figures:
    """Counted while the year runs."""

    counts: Counter[str] = field(default_factory=Counter)
    by_month: dict[str, Counter[str]] = field(default_factory=dict)
    waited: dict[str, list[int]] = field(default_factory=lambda: {why: [] for why in WAITS})
    """Milliseconds of those sent that had to wait for it at all."""
    total: list[int] = field(default_factory=list)
    longest_backlog: int = 0
    longest_at: int = 0

    def count(self, what: str, at: int, amount: int = 1) -> None:
        """One more, of the year and its month."""
        self.counts[what] += amount
        self._month(at)[what] += amount

    def _month(self, at: int) -> Counter[str]:
        name = month(at)
        found = self.by_month.get(name)
        if found is None:
            found = self.by_month[name] = Counter()
        return found

    def backlog(self, waiting: int, at: int) -> None:
        """So many messages wait on open lanes."""
        if not waiting:
            return
        if waiting > self.longest_backlog:
            self.longest_backlog, self.longest_at = waiting, at
        here = self._month(at)
        here["backlog"] = max(here["backlog"], waiting)

    def sent(self, total: int, waits: Iterable[tuple[str, int]]) -> None:
        """A message left after so long, of which it waited for these."""
        self.total.append(total)
        for why, ms in waits:
            if ms > 0:
                self.waited[why].append(ms)

    def waits(self) -> dict[str, dict[str, float]]:
        """Seconds: how many waited for each reason, percentiles and the most."""
        rows = {"all": self.total, **self.waited}
        return {why: _spread(sorted(found)) for why, found in rows.items()}

    def plain(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "counts": dict(self.counts),
            "waited_seconds": self.waits(),
            "longest_backlog": self.longest_backlog,
            "longest_backlog_at": self.longest_at,
            "by_month": {name: dict(row) for name, row in sorted(self.by_month.items())},
        }


def _spread(ordered: list[int]) -> dict[str, float]:
    if not ordered:
        return {"messages": 0}
    last = len(ordered) - 1
    found = {name: ordered[min(last, int(share * len(ordered)))] / 1000 for name, share in SHARES}
    return {"messages": len(ordered), **found, "max": ordered[-1] / 1000}


@dataclass(slots=True)
class Waiting:
    """A message on its way, and what it has waited for so far."""

    id: str
    debtor: int
    debt: str
    accepted: int
    segments: int
    written: int = 0
    canceled: bool = False
    entered: int = 0
    """When it came to its lane, and how long the lane's hours had been shut by then."""
    shut_before: int = 0
    quiet: int = 0
    cap: int = 0


Lane = deque[Waiting]
