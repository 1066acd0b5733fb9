"""Draws: delays and shares from a sequence of random numbers that the caller gives."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Generic, TypeVar

from gateway.simulator.script import Delay, Exponential

T = TypeVar("T")

Draw = Callable[[], float]
"""Gives the next number of a sequence, at least 0 and less than 1."""


def happens(share: float, draw: Draw) -> bool:
    """Whether an event of this share happens now. Draws only where it is uncertain."""
    return share >= 1 or (share > 0 and draw() < share)


def wait(delay: Delay, draw: Draw) -> float:
    """Seconds to wait, for a delay of the script."""
    if isinstance(delay, tuple):
        least, most = delay
        return (least + (most - least) * draw()) / 1_000
    if isinstance(delay, Exponential):
        return (delay.least_ms - delay.mean_ms * math.log(1 - draw())) / 1_000
    return delay / 1_000


class Shares(Generic[T]):
    """Values, each with its share; what the shares leave over goes to ``rest``."""

    def __init__(self, shares: Mapping[T, float], rest: T) -> None:
        kept = {value: share for value, share in shares.items() if share > 0}
        self._values = [*kept, rest]
        self._limits = list(accumulate(kept.values()))

    def pick(self, draw: Draw) -> T:
        """One value. Draws only where there is a choice."""
        if not self._limits:
            return self._values[0]
        return self._values[bisect_right(self._limits, draw())]
