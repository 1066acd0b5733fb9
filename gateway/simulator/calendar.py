"""What is due when, in buckets of a millisecond: no timer and no task a message.

Times are seconds of one monotonic clock. Items of a bucket come out in the order they went in.
"""

from __future__ import annotations

import heapq
import math
from typing import Generic, TypeVar

T = TypeVar("T")

TICKS_A_SECOND = 1_000


class Calendar(Generic[T]):
    """Buckets by tick; the heap holds ticks, not items."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[T]] = {}
        self._ticks: list[int] = []

    def put(self, due: float, item: T) -> None:
        """Keep ``item`` until ``due``; never early, and at most a tick late."""
        tick = math.ceil(due * TICKS_A_SECOND)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = []
            heapq.heappush(self._ticks, tick)
        bucket.append(item)

    def next(self) -> float | None:
        """When the first item is due, or None."""
        return self._ticks[0] / TICKS_A_SECOND if self._ticks else None

    def take(self, now: float) -> list[T]:
        """All that is due, in order, and forgets it."""
        tick = math.floor(now * TICKS_A_SECOND)
        items: list[T] = []
        while self._ticks and self._ticks[0] <= tick:
            items += self._buckets.pop(heapq.heappop(self._ticks))
        return items

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))
