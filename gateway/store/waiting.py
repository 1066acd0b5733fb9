"""What waits for a number or about a debtor: found, ended, put under another calendar.

A stop is kept before what waits is ended: whatever the ending does not reach (claimed just then, on
its way back from a carrier) meets the stop when it is claimed next (admit.lua).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.message import MessageState
from gateway.store import scripts
from gateway.store.keys import DAY_MS, FIELDS, FIXED, RECORD, STOP_DAYS, UNIT, split_ids
from gateway.store.queue import Queue
from gateway.store.redis import Redis

LEGAL = "legal_stop"
"""The reason that holds for good, until it is lifted."""

_WAITS = (MessageState.scheduled, MessageState.queued)
_CALENDAR, _TO, _CLIENT, _CAMPAIGN = (
    FIXED.index(name) for name in ("calendar", "to", "client", "campaign")
)


class Stop(NamedTuple):
    """Nothing of a debtor's that has been accepted so far may leave."""

    debtor: str
    reason: str
    creditor: str = ""
    """Only what is for this creditor; empty: for any."""


class KeptStop(NamedTuple):
    """A stop as it is on record."""

    since_ms: int
    reason: str
    creditor: str
    for_good: bool
    lifted_ms: int = 0
    """0: it holds."""
    by: str = ""
    why: str = ""


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

    async def stops(self, client: str, debtor: str, now_ms: int) -> list[KeptStop]:
        """The stops of a debtor, lifted ones too; of those not for good only what still matters."""
        span = now_ms // DAY_MS // STOP_DAYS
        keys = [self._keys("stops", client, str(at)) for at in (span - 1, span)]
        legal, *others = await self._redis.pipeline(
            [("HGET", key, debtor) for key in (self._keys("legal", client), *keys)]
        )
        return [*_kept(legal, True), *(stop for text in others for stop in _kept(text, False))]

    async def lift(self, client: str, stop: Stop, by: str, now_ms: int) -> int:
        """Lift a debtor's stops for this creditor, or for any, from now on; ``reason`` says why.

        Answers how many; -1, and none is lifted: one is legal and there is no reason.
        """
        row = [now_ms, client, stop.debtor, stop.creditor, by, stop.reason]
        return int(await self._redis.run(scripts.LIFT, row))

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

    async def _keep(self, client: str, stops: Sequence[Stop], now_ms: int) -> None:
        rows = [
            part
            for stop in stops
            for part in (stop.debtor, stop.creditor, stop.reason, stop.reason == LEGAL)
        ]
        await self._redis.run(scripts.STOP, [now_ms, client, rows])

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


def _kept(text: bytes | None, for_good: bool) -> list[KeptStop]:
    kept = []
    for stop in text.decode().split(RECORD) if text else ():
        head, creditor, lifted, by, why, *_ = (stop + 4 * UNIT).split(UNIT)
        since, _, reason = head.partition(" ")
        kept.append(KeptStop(int(since), reason, creditor, for_good, int(lifted or 0), by, why))
    return kept
