"""The outbox: what happened to a client's messages, read by cursor, waited for by long poll."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.store.records import fields_of
from gateway.store.redis import Redis
from gateway.store.types import Event, Page

POLL_SECONDS = 0.25
"""How often a long poll looks for what another process wrote."""


class Events:
    """The events of each client, oldest first, kept for ``events_hours``."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._keys = redis.keys
        self._news = asyncio.Event()

    async def read(self, client: str, cursor: str | None, limit: int = 1000) -> Page[Event]:
        """Up to ``limit`` events after ``cursor``; ``next`` is always a cursor to go on from."""
        start = f"({cursor}" if cursor else "-"
        rows = await self._redis.call(
            "XRANGE", self._keys("events", client), start, "+", "COUNT", limit
        )
        items = [_event(row) for row in rows]
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


def _event(row: Any) -> Event:
    cursor = row[0].decode()
    fields = {key.decode(): value.decode() for key, value in fields_of(row).items()}
    data = {"error": fields["e"]} if fields.get("e") else {}
    if fields["k"] == "reply":
        data = {"text": fields.get("x", ""), "to": fields.get("f", "")}
    return Event(
        cursor=cursor,
        at_ms=int(cursor.partition("-")[0]),
        kind=fields["k"],
        message_id=fields["m"],
        campaign=fields["c"],
        ref=fields["r"],
        to=fields["t"],
        data=data,
    )
