"""When the next segment may leave: never above the rate, evenly, and catching up.

A token bucket bursts after every pause; even spacing alone loses what late timers cost (7%
measured). So both: a schedule of evenly spaced slots that a caller who is a little late catches
up on, and a ring of the last ``rate`` send times that no catching up can get around: the segment
after it must be a full second later than the first in it. The slots of a second take a little
longer than the ring spans: otherwise what one stall bunched together would come bunched in every
second after it.

ESME_RTHROTTLED and ESME_RMSGQFUL tell that the carrier allows less than the rate set. What it does
allow is what it took in the last second, if that was near what we tried; else the rate falls by a
third. From a little below it the rate rises slowly, so that the limit is met again only every few
seconds and costs a refusal or two, and once it is well past it, fast: the carrier has changed its
mind. A refusal of what was sent after the fall says that this second's share is used up: then
nothing goes for a moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

UNLIMITED = 1 << 30
SPAN = 1.002
"""Seconds the ring spans: the carrier's clock and ours see a segment a little apart."""
STEP = 1.005
"""Seconds that ``rate`` slots take."""
CATCH_UP = 0.05
"""Seconds a late caller may make up for; later than that, the slots start anew."""
FALL, FLOOR = 2 / 3, 1 / 100
BELOW, KNEE = 0.985, 1.03
"""Where the rate goes on from, and where it rises fast, as parts of what the carrier took."""
SLOW, FAST = 0.004, 0.05
"""The rise a second, as a part of what the carrier took."""
TRIED = 0.5
"""Less of the rate than this in the last second was no test of it."""
HOLD_SECONDS = 1.0
PAUSE = 0.1
"""Seconds without sending when what was sent after the fall is refused as well."""


def share_of(rate: int, binds: Iterable[int], of: int) -> int:
    """What of a rate these binds (numbered from 0) have, when it is divided among all ``of``.

    Whole segments a second, and all of it together: seconds of several nodes are not in step, so
    that two halves of a segment a second may be two segments in one second.
    """
    return sum((bind + 1) * rate // of - bind * rate // of for bind in binds)


class Pacer:
    """The rate of one carrier account, in segments. Times are monotonic seconds.

    ``rate`` 0 is no limit; then throttling holds everything for a second at a time.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._ring = [float("-inf")] * rate
        self._at = 0
        self._slot = float("-inf")
        self._found = float(rate)
        """What the carrier took in a second when it last refused; the rate, if it never did."""
        self._limit = float(rate)
        self._limit_at = float("-inf")
        self._refused: deque[float] = deque()
        self._held_until = float("-inf")

    def set_rate(self, rate: int) -> None:
        """Another rate from now on: it holds for what has left in the last second, too."""
        if rate == self.rate:
            return
        sent = self._ring[self._at :] + self._ring[: self._at]
        self._ring = [float("-inf")] * (rate - len(sent)) + sent[-rate:] if rate else []
        self._at = 0
        if self.rate and rate and self._limit < self.rate:
            part = rate / self.rate
            self._found, self._limit = self._found * part, self._limit * part
        else:
            self._found = self._limit = float(rate)
        self.rate = rate

    def limit(self, now: float) -> float:
        """Segments a second to send now: the rate, or what the carrier is found to allow."""
        if self._limit >= self.rate:
            return float(self.rate)
        passed = now - self._limit_at
        slowly = max(0.0, self._found * KNEE - self._limit) / (self._found * SLOW)
        risen = self._limit + self._found * (
            SLOW * passed if passed <= slowly else SLOW * slowly + FAST * (passed - slowly)
        )
        return min(float(self.rate), risen)

    def share(self, now: float) -> float:
        """The part of the rate in use, 1.0 when nothing has been throttled of late."""
        return self.limit(now) / self.rate if self._limit < self.rate else 1.0

    def throttled(self, now: float, sent_at: float | None = None) -> None:
        """The carrier said it is too fast, of a segment sent at ``sent_at`` (unknown: now)."""
        if self.rate == 0:
            self._held_until = now + HOLD_SECONDS
            return
        while self._refused and self._refused[0] <= now - 1.0:
            self._refused.popleft()
        self._refused.append(now)
        sent_at = now if sent_at is None else sent_at
        if sent_at <= self._limit_at:
            return  # it left before the fall that was meant for it
        if now - self._limit_at < 1.0:
            self._held_until = now + PAUSE
            return
        limit = self.limit(now)
        sent = sum(1 for at in self._ring if at > now - 1.0)
        taken = max(1, sent - len(self._refused))
        tried = sent >= limit * TRIED
        self._found = min(limit, taken) if tried else limit * FALL
        self._limit = max(self.rate * FLOOR, self._found * (BELOW if tried else 1.0))
        self._limit_at = now
        self._slot = max(self._slot, now)

    def slowed(self, now: float) -> bool:
        """Is sending slower than set because the carrier asked for it?"""
        return now < self._held_until or (self.rate > 0 and self.share(now) < 0.99)

    def next(self, now: float, segments: int = 1) -> float:
        """The earliest time the next submit may leave; not later than ``now``: at once.

        ``segments`` is what it costs: so many must be free at once, or, if they are more than the
        rate, a whole second.
        """
        if self.rate == 0:
            return self._held_until
        at = self._at if segments == 1 else self._last(segments)
        return max(self._ring[at] + SPAN, self._slot, self._held_until)

    def admits(self, now: float, segments: int = 1) -> bool:
        """May a submit of so many segments leave now?"""
        if self.rate == 0:
            return self._held_until <= now
        at = self._at if segments == 1 else self._last(segments)
        return self._slot <= now and self._ring[at] + SPAN <= now and self._held_until <= now

    def _last(self, segments: int) -> int:
        """The youngest place of the ring that so many segments would take."""
        return (self._at + min(segments, self.rate) - 1) % self.rate

    def soon(self, now: float, seconds: float) -> int:
        """How many segments will be admitted within ``seconds``: what is worth having ready."""
        if self.rate == 0:
            return UNLIMITED if now >= self._held_until else 0
        ahead = now + seconds - self.next(now)
        if ahead < 0:
            return 0
        ahead = min(ahead, seconds + CATCH_UP)
        return int(ahead * self.limit(now)) + 1

    def sent(self, now: float, segments: int = 1) -> None:
        """A submit of so many segments left at ``now``."""
        if self.rate == 0:
            return
        self._ring[self._at] = now
        self._at = (self._at + 1) % self.rate
        if segments > 1:
            for _ in range(segments - 1):
                self._ring[self._at] = now
                self._at = (self._at + 1) % self.rate
        if now - self._slot > CATCH_UP:
            self._slot = now
        self._slot += segments * STEP / self.limit(now)
