"""What waits for a number or about a debtor: found, ended, put under another calendar.

A stop is kept before what waits is ended: whatever the ending does not reach (claimed just then, on
its way back from a carrier) meets the stop when it is claimed next (admit.lua).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.message import MessageState
from gateway.store.keys import DAY_MS, FIELDS, FIXED, STOP_DAYS, UNIT, split_ids
from gateway.store.queue import Queue
from gateway.store.redis import Redis

LEGAL = "legal_stop"
"""The reason that holds for good."""

_WAITS = (MessageState.scheduled, MessageState.queued)
_CALENDAR, _TO, _CLIENT, _CAMPAIGN, _DEBTOR = (
    FIXED.index(name) for name in ("calendar", "to", "client", "campaign", "debtor")
)


class Stop(NamedTuple):
    """Nothing of a debtor's that has been accepted so far may leave."""

    debtor: str
    reason: str
    creditor: str = ""
    """Only what is for this creditor; empty: for any."""


class Ended(NamedTuple):
    """What an ending did, in messages."""

    ended: int = 0
    left: int = 0
    """Perhaps with a carrier."""

    def __add__(self, other: object) -> Ended:
        assert isinstance(other, Ended)
        return Ended(self.ended + other.ended, self.left + other.left)


class Held(NamedTuple):
    """A message that waits under a calendar."""

    id: str
    client: str
    campaign: str
    to: str


class Waiting:
    """The messages of one shard that have not left, by whom they are to or about."""

    def __init__(self, redis: Redis, queue: Queue, days: int) -> None:
        self._redis = redis
        self._keys = redis.keys
        self._queue = queue
        self._days = days

    async def block(self, numbers: Mapping[tuple[str, str], str], now_ms: int) -> Ended:
        """End what waits for numbers as ``blocked``: (creditor or empty, number) to the reason."""
        found = await self._ids("recipient", {number for _, number in numbers}, now_ms)
        by_way: dict[tuple[str, str], list[str]] = {}
        for (creditor, number), reason in numbers.items():
            by_way.setdefault((creditor, reason), []).extend(found[number])
        ended = Ended()
        for (creditor, reason), ids in by_way.items():
            ended += await self._end("", ids, now_ms, reason, creditor, MessageState.blocked)
        return ended

    async def stop(self, client: str, stops: Sequence[Stop], now_ms: int) -> Ended:
        """Stop debtors of a client's: keep it, then end what waits as ``canceled``."""
        await self._keep(client, stops, now_ms)
        names = {stop.debtor: f"{client}{UNIT}{stop.debtor}" for stop in stops}
        found = await self._ids("debtor", names.values(), now_ms)
        by_way: dict[tuple[str, str], list[str]] = {}
        for stop in stops:
            by_way.setdefault((stop.creditor, stop.reason), []).extend(found[names[stop.debtor]])
        ended = Ended()
        for (creditor, reason), ids in by_way.items():
            state = MessageState.canceled
            ended += await self._end(client, ids, now_ms, reason, creditor, state)
        return ended

    async def under(self, calendar: str, numbers: Iterable[str], now_ms: int) -> list[Held]:
        """The messages for these numbers that wait under a calendar."""
        found = await self._ids("recipient", set(numbers), now_ms)
        ids = [id for of_one in found.values() for id in of_one]
        rows = await self._redis.pipeline(
            [
                ("HMGET", self._keys("message", id), FIELDS["standing"], FIELDS["fixed"])
                for id in ids
            ]
        )
        held = []
        for id, (standing, fixed) in zip(ids, rows, strict=True):
            if standing is None or int(standing.partition(UNIT.encode())[0]) not in _WAITS:
                continue
            parts = fixed.decode().split(UNIT)
            if parts[_CALENDAR] == calendar:
                held.append(Held(id, parts[_CLIENT], parts[_CAMPAIGN], parts[_TO]))
        return held

    async def debtors(self, client: str, number: str, now_ms: int) -> set[str]:
        """Whom a client's messages of late to a number were about, as far as they named anybody."""
        found = await self._ids("recipient", [number], now_ms)
        rows = await self._redis.pipeline(
            [("HGET", self._keys("message", id), FIELDS["fixed"]) for id in found[number]]
        )
        named = set()
        for fixed in rows:
            parts = fixed.decode().split(UNIT) if fixed is not None else ()
            if parts and parts[_CLIENT] == client and parts[_DEBTOR]:
                named.add(parts[_DEBTOR])
        return named

    async def _keep(self, client: str, stops: Sequence[Stop], now_ms: int) -> None:
        flat: list[str] = []
        legal: list[str] = []
        for stop in stops:
            field = f"{stop.debtor}{UNIT}{stop.creditor}" if stop.creditor else stop.debtor
            (legal if stop.reason == LEGAL else flat).extend((field, f"{now_ms} {stop.reason}"))
        commands: list[tuple[str | bytes | int, ...]] = []
        if legal:
            commands.append(("HSET", self._keys("legal", client), *legal))
        if flat:
            span = self._keys("stops", client, str(now_ms // DAY_MS // STOP_DAYS))
            commands.append(("HSET", span, *flat))
            commands.append(("EXPIRE", span, 3 * STOP_DAYS * 86_400))
        await self._redis.pipeline(commands)

    async def _ids(self, index: str, names: Iterable[str], now_ms: int) -> dict[str, list[str]]:
        """The ids under names in an index by days, oldest first."""
        wanted = list(names)
        found: dict[str, list[str]] = {name: [] for name in wanted}
        if not wanted:
            return found
        today = now_ms // DAY_MS
        rows = await self._redis.pipeline(
            [
                ("HMGET", self._keys(index, str(day)), *wanted)
                for day in range(today - self._days, today + 2)
            ]
        )
        for row in rows:
            for name, ids in zip(wanted, row, strict=True):
                if ids is not None:
                    found[name] += split_ids(ids)
        return found

    async def _end(
        self,
        client: str,
        ids: list[str],
        now_ms: int,
        reason: str,
        creditor: str,
        state: MessageState,
    ) -> Ended:
        words = await self._queue.cancel(client, ids, now_ms, reason, state, creditor)
        return Ended(words.count("canceled"), words.count("left"))
