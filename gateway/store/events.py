"""The outbox: what happened to a client's messages, read by cursor, waited for by long poll."""

from __future__ import annotations

import asyncio

from gateway.store.keys import RECORD, UNIT
from gateway.store.redis import Redis
from gateway.store.types import Event, Page

ENTRIES = 20
"""Stream entries read at a time."""
POLL_SECONDS = 0.25
"""How often a long poll looks for what another process wrote."""


class Events:
    """The events of each client, oldest first, kept for ``events_hours``."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._keys = redis.keys
        self._news = asyncio.Event()

    async def read(self, client: str, cursor: str | None, limit: int = 1000) -> Page[Event]:
        """Up to ``limit`` events after ``cursor``; ``next`` is always a cursor to go on from.

        A cursor is the stream entry and how many of its events have been read: ``id.n``.
        """
        key = self._keys("events", client)
        entry, _, taken = (cursor or "-").partition(".")
        skip = int(taken or 0)
        items: list[Event] = []
        while len(items) < limit:
            rows = await self._redis.call("XRANGE", key, entry, "+", "COUNT", ENTRIES)
            for id, fields in rows:
                name = id.decode()
                events = _events(name, fields[1])
                if name == entry:
                    events = events[skip:]
                items += events
                if len(items) >= limit:
                    break
            if len(rows) < ENTRIES:
                break
            entry = "(" + rows[-1][0].decode()
        del items[limit:]
        return Page(items=items, next=items[-1].cursor if items else cursor)

    def ring(self) -> None:
        """This process wrote events: wake who waits."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, client: str, cursor: str | None, seconds: float) -> None:
        """Return when there is something after ``cursor``, or when ``seconds`` have passed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            news = self._news
            if (await self.read(client, cursor, 1)).items:
                return
            left = deadline - loop.time()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(min(left, POLL_SECONDS)):
                    await news.wait()
            except TimeoutError:
                continue

    async def trim(self, clients: list[str], before_ms: int) -> None:
        """Forget events and replies older than ``before_ms``."""
        await self._redis.pipeline(
            [
                ("XTRIM", self._keys(name, client), "MINID", "~", before_ms)
                for client in clients
                for name in ("events", "replies")
            ]
        )


def _events(entry: str, packed: bytes) -> list[Event]:
    at_ms = int(entry.partition("-")[0])
    events = []
    for number, text in enumerate(packed.decode().split(RECORD), 1):
        kind, id, campaign, ref, to, error, *rest = text.split(UNIT)
        data = {"error": error} if error else {}
        if kind == "reply":
            data = {"text": rest[1], "to": rest[0]}
        elif rest and rest[0]:
            data["done_at"] = rest[0]
        if kind == "waiting":
            data = {"reason": error}
        decision = rest[1] if kind != "reply" and len(rest) > 1 else ""
        cursor = f"{entry}.{number}"
        events.append(Event(cursor, at_ms, kind, id, campaign, ref, to, data, decision))
    return events
