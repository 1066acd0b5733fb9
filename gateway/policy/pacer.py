"""When the next segment may leave: never above the rate, evenly, and catching up.

A token bucket bursts after every pause; even spacing alone loses what late timers cost (7%
measured). So both: a schedule of evenly spaced slots that a caller who is a little late catches
up on, and a ring of the last ``rate`` send times that no catching up can get around: the segment
after it must be a full second later than the first in it. The slots of a second take a little
longer than the ring spans: otherwise what one stall bunched together would come bunched in every
second after it. ESME_RTHROTTLED and ESME_RMSGQFUL lower the
account's rate by a third, at most once a second, and it comes back by a fiftieth a second.
"""

from __future__ import annotations

UNLIMITED = 1 << 30
SPAN = 1.002
"""Seconds the ring spans: the carrier's clock and ours see a segment a little apart."""
STEP = 1.005
"""Seconds that ``rate`` slots take."""
CATCH_UP = 0.05
"""Seconds a late caller may make up for; later than that, the slots start anew."""
FALL, RISE, FLOOR = 2 / 3, 1 / 50, 1 / 100
HOLD_SECONDS = 1.0


class Pacer:
    """The rate of one carrier account, in segments. Times are monotonic seconds.

    ``rate`` 0 is no limit; then throttling holds everything for a second at a time.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._ring = [float("-inf")] * rate
        self._at = 0
        self._slot = float("-inf")
        self._share = 1.0
        self._share_at = 0.0
        self._held_until = float("-inf")

    def share(self, now: float) -> float:
        """The part of the rate in use, 1.0 when nothing has been throttled of late."""
        if self._share == 1.0:
            return 1.0
        return min(1.0, self._share + max(0.0, now - self._share_at) * RISE)

    def throttled(self, now: float) -> None:
        """The carrier said it is too fast; several say so for the same second, one counts."""
        if self.rate == 0:
            self._held_until = now + HOLD_SECONDS
        elif now - self._share_at >= 1.0 or self._share == 1.0:
            self._share = max(FLOOR, self.share(now) * FALL)
            self._share_at = now
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
        return int(ahead * self.rate * self.share(now)) + 1

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
        self._slot += segments * STEP / (self.rate * self.share(now))
