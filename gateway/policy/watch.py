"""Noticing that nothing happens though it should. Times are monotonic seconds.

Counters are looked at now and then; nothing here is on the way of a message.
"""

from __future__ import annotations


class Standstill:
    """Work is there, and may be done, and for ``seconds`` none of it has been."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._done = -1
        self._since = 0.0

    def look(self, now: float, done: int, could: bool) -> bool:
        """``done`` counts what has been done; ``could`` says that more might have been.

        True once for each time it stands still so long; 0 seconds: never.
        """
        if not could or done != self._done:
            self._done, self._since = done, now
            return False
        if self._seconds <= 0 or now - self._since < self._seconds:
            return False
        self._since = now
        return True


class Silence:
    """Of what was asked for so long ago nothing has been answered since."""

    def __init__(self, seconds: float, least: int) -> None:
        self._seconds = seconds
        self._least = least
        """So many questions without an answer, or it says nothing."""
        self._answers = 0
        self._asked = 0
        """As of the last answer."""
        self._since: float | None = None
        """Of the first question after it."""

    def look(self, now: float, asked: int, answers: int) -> bool:
        """Both count from the start. True while the silence lasts; 0 seconds: never."""
        if answers != self._answers:
            self._answers, self._asked, self._since = answers, asked, None
        if asked == self._asked or self._seconds <= 0:
            return False
        if self._since is None:
            self._since = now
        return asked - self._asked >= self._least and now - self._since >= self._seconds
