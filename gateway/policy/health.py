"""Is a carrier in service? Out of it, its routes go over the next. Times are monotonic seconds.

Three things put it out: no bind for so long, refusals for too much speed that do not end (most of
what is sent, for so long: not the few that a pacer at the limit gets), and too many of its answers
failing for reasons of its own. Bound again, or given another chance, it must hold for a while; what
fails again waits twice as long for its next chance.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

WINDOW = 60.0
"""Seconds over which the share of errors is taken."""
LEAST = 20
"""Fewer answers than these say nothing."""
MOST = 0.5
"""Of the answers, refused for too much speed: more is no way to send."""
LONGEST = 16
"""The most that a chance is put off, in times of ``back_seconds``."""


class Rules(NamedTuple):
    """When a carrier is out of service; 0 switches a rule off."""

    unbound_seconds: float
    throttled_seconds: float
    error_share: float
    back_seconds: float


class Counts(NamedTuple):
    """Answers of the carrier since the start."""

    answers: int
    throttled: int
    failed: int


class Health:
    """One carrier's, as this process sees it."""

    def __init__(self, rules: Rules) -> None:
        self.out = ""
        """Why it is out of service: ``unbound``, ``throttled``, ``errors``; empty: it is not."""
        self._rules = rules
        self._unbound_since: float | None = None
        self._bound_since = float("-inf")
        self._throttled_since: float | None = None
        self._samples: deque[tuple[float, Counts]] = deque()
        self._last = Counts(0, 0, 0)
        self._chance_at = 0.0
        self._in_since = float("-inf")
        self._put_off = 1

    def look(self, now: float, bound: bool, counts: Counts) -> str:
        """Take in what has happened; answers :attr:`out`. Asked now and then."""
        self._note(now, bound, counts)
        found = self._trouble(now, bound)
        if not self.out:
            if found:
                self._go_out(now, found)
            elif now - self._in_since >= self._rules.back_seconds * LONGEST:
                self._put_off = 1
        elif self.out == "unbound":
            if bound and now - self._bound_since >= self._rules.back_seconds:
                self._come_back(now)
        elif found == "unbound":
            self.out = found
        elif now >= self._chance_at:
            self._come_back(now)
        return self.out

    def _note(self, now: float, bound: bool, counts: Counts) -> None:
        if not bound:
            self._bound_since = float("inf")
            if self._unbound_since is None:
                self._unbound_since = now
        elif self._unbound_since is not None or self._bound_since == float("-inf"):
            self._unbound_since, self._bound_since = None, now
        answers = counts.answers - self._last.answers
        throttled = counts.throttled - self._last.throttled
        if answers and throttled > answers * MOST:
            if self._throttled_since is None:
                self._throttled_since = now
        elif answers:
            self._throttled_since = None
        self._last = counts
        self._samples.append((now, counts))
        while self._samples[0][0] < now - WINDOW:
            self._samples.popleft()

    def _trouble(self, now: float, bound: bool) -> str:
        rules = self._rules
        if (
            rules.unbound_seconds
            and self._unbound_since is not None
            and now - self._unbound_since >= rules.unbound_seconds
        ):
            return "unbound"
        if (
            rules.throttled_seconds
            and self._throttled_since is not None
            and now - self._throttled_since >= rules.throttled_seconds
        ):
            return "throttled"
        first, last = self._samples[0][1], self._samples[-1][1]
        answers = last.answers - first.answers
        if (
            rules.error_share
            and answers >= LEAST
            and last.failed - first.failed >= answers * rules.error_share
        ):
            return "errors"
        return ""

    def _go_out(self, now: float, why: str) -> None:
        self.out = why
        self._chance_at = now + self._rules.back_seconds * self._put_off
        if why != "unbound":
            self._put_off = min(LONGEST, self._put_off * 2)

    def _come_back(self, now: float) -> None:
        self.out = ""
        self._in_since = now
        self._throttled_since = None
        self._samples.clear()
        self._samples.append((now, self._last))
