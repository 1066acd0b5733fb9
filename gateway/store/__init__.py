"""Redis: one file a role; a script beside the method that uses it.

:class:`Store` is the whole of it for one process.
"""

from __future__ import annotations

from gateway.store.contacts import Contacts
from gateway.store.correlation import Correlation
from gateway.store.events import Events
from gateway.store.queue import Queue
from gateway.store.records import Records
from gateway.store.redis import Redis
from gateway.store.sweep import Sweep
from gateway.store.waiting import Waiting


class Store:
    """The store as the rest of the gateway sees it. Retention figures as in the configuration."""

    def __init__(
        self,
        url: str,
        *,
        messages_hours: int = 168,
        events_hours: int = 168,
        ref_days: int = 30,
        unknown_hours: int = 72,
        parked_minutes: int = 60,
        shards: int = 1,
    ) -> None:
        self.redis = Redis(url)
        self._shards = shards
        self.queue = Queue(self.redis)
        days = messages_hours // 24 + 2
        self.records = Records(self.redis, recipient_days=days)
        self.contacts = Contacts(self.redis)
        self.waiting = Waiting(self.redis, self.queue, days)
        self.events = Events(self.redis)
        self.correlation = Correlation(
            self.redis,
            correlation_hours=unknown_hours + 1,
            parked_minutes=parked_minutes,
            recipient_days=days,
        )
        self.sweep = Sweep(
            self.redis,
            self.correlation,
            self.events,
            messages_hours=messages_hours,
            events_hours=events_hours,
            ref_days=ref_days,
            unknown_hours=unknown_hours,
            parked_minutes=parked_minutes,
        )

    async def open(self) -> None:
        """Check the server and its layout; raises StoreRefused or StoreUnavailable."""
        await self.redis.prepare(self._shards)

    async def ping(self) -> float:
        """Seconds a round trip takes; raises StoreUnavailable."""
        return await self.redis.ping()

    async def budgets(self, now_ms: int) -> dict[str, tuple[int, int]]:
        """Segments used and allowed today, by client that has a budget."""
        known = self.queue.budgets
        day = self.queue.days(now_ms)[0][0] if known else ""
        return {
            client: (await self.records.used(client, day), budget.segments)
            for client, budget in known.items()
        }

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.close()


__all__ = ["Store"]
