"""Counts of segments in a sliding second, and delays by rank: exact or nearly, and cheap."""

from __future__ import annotations

import math
from collections import deque


class SlidingSecond:
    """How many came in the last second, (now - 1, now], and the most there ever were."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int]] = deque()
        self.count = 0
        self.most = 0

    def at(self, now: float) -> int:
        """The count at ``now``, before anything new."""
        past = self._past
        while past and past[0][0] <= now - 1.0:
            self.count -= past.popleft()[1]
        return self.count

    def add(self, now: float, number: int) -> None:
        """``number`` came at ``now``, which never goes back."""
        self.count = self.at(now) + number
        self._past.append((now, number))
        self.most = max(self.most, self.count)


_STEP = math.log(1.02)
_LEAST = 1e-6


class Delays:
    """Durations in seconds: the mean exactly, percentiles to 2%, in constant space."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._sum = 0.0
        self.number = 0

    def add(self, seconds: float, number: int = 1) -> None:
        """``number`` of them took so long."""
        bucket = math.ceil(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + number
        self._sum += seconds * number
        self.number += number

    def percentile(self, percent: float) -> float:
        """Seconds that ``percent`` of them did not exceed; 0 if there were none."""
        left = math.ceil(self.number * percent / 100)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return _LEAST * math.exp(bucket * _STEP)
        return 0.0

    def mean(self) -> float:
        """Seconds; 0 if there were none."""
        return self._sum / self.number if self.number else 0.0
