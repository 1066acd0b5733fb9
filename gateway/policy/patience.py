"""How much of a window to use, so that its last submit is answered in time. Times are seconds.

A carrier answers one after another: what is outstanding, over its rate, is what the last one waits.
A window that is full from the first moment, at a carrier slower than anyone said, waits longer than
``response_seconds``, and all of it comes into doubt.
"""

from __future__ import annotations

FIRST = 10
"""Used of a window until the first answers say how long they take."""
WEIGHT = 1 / 8
"""Of the newest answers in the mean."""
GROW, SHRINK = 1 / 4, 1 / 2
"""Parts of the time an answer may take: below the first the window grows, above the second it
shrinks."""
SHRUNK = 0.7


class Patience:
    """What of one bind's window is used."""

    def __init__(self, window: int, response_seconds: float) -> None:
        self.size = min(FIRST, window)
        self._window = window
        self._longest = response_seconds
        self._mean = 0.0
        self._shrunk_at = float("-inf")

    def answered(self, now: float, took: float, count: int) -> None:
        """``count`` answers came together; the last took so long."""
        self._mean += (took - self._mean) * WEIGHT if self._mean else took
        if max(self._mean, took) < self._longest * GROW:
            if self.size < self._window:
                self.size = min(self._window, self.size + count)
        elif self._mean > self._longest * SHRINK and now - self._shrunk_at > self._mean:
            self.size = max(1, int(self.size * SHRUNK))
            self._shrunk_at = now
