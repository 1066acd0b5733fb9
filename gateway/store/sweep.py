"""What time does to the store: unknown outcomes closed, old records and events let go."""

from __future__ import annotations

from gateway.store import scripts
from gateway.store.correlation import Correlation
from gateway.store.events import Events
from gateway.store.keys import DAY_MS
from gateway.store.redis import Redis

HOUR_MS = 3_600_000
STEP = 20
"""Index entries in one script: a few thousand messages, a few milliseconds."""
FORGOTTEN_DAYS = 40
"""How many days of recipients and debtors a sweep looks back for: it may have been off for long."""


class Sweep:
    """Bounded steps, run every minute by the daemon; each may be repeated or left out."""

    def __init__(
        self,
        redis: Redis,
        correlation: Correlation,
        events: Events,
        *,
        messages_hours: int,
        events_hours: int,
        ref_days: int,
        unknown_hours: int,
        parked_minutes: int,
    ) -> None:
        self._redis = redis
        self._correlation = correlation
        self._events = events
        self._keep_ms = messages_hours * HOUR_MS
        self._events_ms = events_hours * HOUR_MS
        self._ref_ms = ref_days * 24 * HOUR_MS
        self._unknown_hours = unknown_hours
        self._parked_ms = parked_minutes * 60_000

    async def run(self, now_ms: int, clients: list[str], accounts: list[str]) -> None:
        """One pass over everything that has a term."""
        await self.close_unknown(now_ms)
        await self.retain(now_ms)
        for account in accounts:
            await self._correlation.forget_parked(account, now_ms - self._parked_ms)
        await self._events.trim(clients, now_ms - self._events_ms)

    async def close_unknown(self, now_ms: int) -> int:
        """Close what was submitted more than ``unknown_hours`` ago and has no final state.

        The hours are those of the submit; one look back of three days covers a long stop.
        """
        last = now_ms // HOUR_MS - self._unknown_hours - 1
        closed = 0
        for hour in range(last - 72, last + 1):
            closed += await self._correlation.close_unknown(hour, now_ms)
        return closed

    async def retain(self, now_ms: int) -> int:
        """Drop final messages' records past ``messages_hours``; answers how many entries went."""
        seen = 0
        indexes = await self._redis.call("SMEMBERS", self._redis.keys("indexes"))
        for index in indexes:
            while True:
                looked = await self._redis.run(
                    scripts.RETAIN,
                    [now_ms, index.decode(), self._keep_ms, self._ref_ms, STEP],
                )
                seen += int(looked)
                if looked < STEP:
                    break
        oldest = (now_ms - self._keep_ms) // DAY_MS - 1
        await self._redis.pipeline(
            [
                ("UNLINK", self._redis.keys(name, str(day)))
                for day in range(oldest - FORGOTTEN_DAYS, oldest)
                for name in ("recipient", "debtor")
            ]
        )
        return seen
