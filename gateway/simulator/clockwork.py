"""The one timer of a simulated carrier: what is on its calendars, and a slow beat for the rest."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

BEAT_S = 0.05
"""How often the sessions' own timers are looked at."""


class Clockwork:
    """Calls ``due(now)`` when it said so, and ``beat(now)`` every BEAT_S."""

    def __init__(
        self,
        next_due: Callable[[], float | None],
        due: Callable[[float], None],
        beat: Callable[[float], None],
    ) -> None:
        self._next_due = next_due
        self._due = due
        self._beat = beat
        self._armed_for: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._beating = asyncio.get_running_loop().call_later(BEAT_S, self._on_beat)

    def stop(self) -> None:
        """No call comes any more."""
        for timer in (self._timer, self._beating):
            if timer is not None:
                timer.cancel()

    def arm(self, now: float) -> None:
        """Something may have been put on a calendar: be there in time. Cheap if we are."""
        due = self._next_due()
        if due is None or (self._armed_for is not None and self._armed_for <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        # In whole milliseconds, upwards: the loop has no finer ones, and would call too early.
        delay = math.ceil(max(0.0, due - now) * 1_000) / 1_000
        self._armed_for = due
        self._timer = asyncio.get_running_loop().call_later(delay, self._on_due)

    def _on_due(self) -> None:
        self._armed_for = self._timer = None
        now = time.monotonic()
        self._due(now)
        self.arm(now)

    def _on_beat(self) -> None:
        self._beating = asyncio.get_running_loop().call_later(BEAT_S, self._on_beat)
        self._beat(time.monotonic())
