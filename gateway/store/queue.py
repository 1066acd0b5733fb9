"""The lanes: put, claim, promote, cancel, recover. What each step does is in its .lua file.

A message is in exactly one place: on a lane (a stream), in a lane's pending list (perhaps on the
wire), in ``body`` (waiting for its time or its campaign's budget, or in doubt), or nowhere any
more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gateway.message import Message, MessageState, Priority
from gateway.policy.calendars import HELD
from gateway.policy.route import route_name
from gateway.store import scripts
from gateway.store.commit import GroupCommit
from gateway.store.contacts import EVERY_CALENDAR, Admitted, Opened, admitted
from gateway.store.keys import STANDING, UNIT, lane_name, split_ids
from gateway.store.redis import Redis
from gateway.store.types import Budget, Ended, Moved, Put, PutKind, PutResult

log = logging.getLogger(__name__)

EXPIRE_LOOK = 5_000
"""Entries of a lane that :meth:`Queue.expire` looks at in one go."""
SWEEP = 500
"""Entries a sweep touches in one script: about 3 ms."""

_encode = msgspec.msgpack.Encoder().encode
_decode_message = msgspec.msgpack.Decoder(Message).decode


class Claimed(msgspec.Struct, gc=False):
    """A message taken off its lane by this process; nobody else has it until it is settled."""

    lane: str
    entry: str
    message: Message
    said: Admitted = 0
    """What stops, lists and caps say of it; where they let it go it is noted as a contact."""


class Queue:
    """The lanes of one shard."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._keys = redis.keys
        self.moved: Moved = lambda carrier, state, count: None
        self.ended: Ended = lambda rows, now_ms: None
        self.held = 0
        """Messages to recipients of whom nobody knows where they are, as of the last look."""
        self.calendars_seen: set[tuple[str, str]] = set()
        """Of which routes and calendars there are lanes, as of the last look."""
        self.fresh: dict[str, bytes] = {}
        """Calendars that are not in the store yet: what others put here goes there first."""
        self.seen: Callable[[Iterable[str]], None] = lambda lane_routes: None
        """Hears now and then of which routes there are lanes."""
        self._looked_at: dict[str, str] = {}
        """Where :meth:`expire` goes on, by lane."""
        self.incarnation = ""
        """Who claims; once others have declared it dead it gets nothing. Empty: not asked."""
        self.budgets: dict[str, Budget] = {}
        """Of the clients that have one."""
        self.days: Callable[[int], list[tuple[str, int]]] = lambda now_ms: []
        """The days of budgets from a time on: each one's date and when it begins."""
        self.puts: GroupCommit[Put, PutResult] = GroupCommit(self._put)

    async def put(self, messages: list[Put]) -> list[PutResult]:
        """Accept messages, grouped with whoever else does; committed when it returns.

        Raises :class:`StoreUnavailable`: then none of them is known to be kept.
        """
        return await self.puts.submit(messages)

    def put_one(self, put: Put) -> asyncio.Future[PutResult]:
        """:meth:`put` of one message."""
        return self.puts.submit_one(put)

    async def wake(self, calendars: Sequence[str], now_ms: int) -> int:
        """Calendars have opened: their lanes may be claimed again; answers how many."""
        return int(await self._redis.run(scripts.WAKE, [now_ms, list(calendars)]))

    async def wake_all(self, now_ms: int) -> int:
        """Contact rules are off: whatever sleeps may be claimed; answers how many lanes."""
        names = await self._redis.call("HKEYS", self._keys("calendars"))
        return await self.wake([HELD, *(name.decode() for name in names)], now_ms)

    async def asleep(self, calendars: Sequence[str]) -> list[str]:
        """Those of these calendars that have lanes asleep."""
        counts = await self._redis.pipeline(
            [("SCARD", self._keys("asleep", calendar)) for calendar in calendars]
        )
        return [calendar for calendar, n in zip(calendars, counts, strict=True) if int(n)]

    async def define(self, calendars: Mapping[str, bytes]) -> None:
        """Keep what calendars stand for."""
        await self._redis.pipeline(
            [("HSETNX", self._keys("calendars"), name, c) for name, c in calendars.items()]
        )

    async def defined(self, names: Sequence[str]) -> dict[str, bytes]:
        """What calendars stand for, as far as the store knows."""
        if not names:
            return {}
        found = await self._redis.call("HMGET", self._keys("calendars"), *names)
        return {name: blob for name, blob in zip(names, found, strict=True) if blob is not None}

    async def define_fresh(self) -> None:
        """Keep the calendars made here, before the first message or decision that names them."""
        fresh = dict(self.fresh)
        if fresh:
            await self.define(fresh)
        for name in fresh:
            self.fresh.pop(name, None)

    async def _put(self, batch: list[Put]) -> tuple[list[PutResult], float]:
        if self.fresh:
            await self.define_fresh()
        now = max(put.message.accepted_ms for put in batch)
        answers = await self._redis.run(
            scripts.PUT,
            [now, *_put_rows(batch), self._budgets(batch, now)],
            *[_encode(put.message) for put in batch],
        )
        micros = answers.pop()
        return [_put_result(answer) for answer in answers], micros / 1e6

    def _budgets(self, batch: list[Put], now: int) -> dict[str, Any]:
        """The budgets of a batch's clients, as put.lua reads them."""
        if not self.budgets:
            return {}
        names = {put.message.client for put in batch} & self.budgets.keys()
        days = [value for row in self.days(now) for value in row]
        return {
            name: (self.budgets[name].segments, self.budgets[name].hold, days) for name in names
        }

    async def claim(
        self,
        routes: Sequence[str],
        consumer: str,
        segments: int,
        now_ms: int,
        number: int,
        opened: Opened = EVERY_CALENDAR,
        alone: Sequence[str] = (),
    ) -> list[Claimed]:
        """Take up to ``segments`` segments' worth of messages, urgent first.

        The last message of a lane may go over; what is claimed must be settled. ``number`` counts
        the consumer's claims: one that comes after it has been given back takes nothing. Lanes
        whose calendar is not among ``opened`` fall asleep; those of ``alone`` are passed over.
        What stops, lists and caps say of each is asked in the same step.
        """
        answer = await self._redis.run(
            scripts.CLAIM,
            [
                now_ms, consumer, segments, list(routes), number, self.incarnation,
                opened.calendars, opened.groups, list(alone),
            ],
        )  # fmt: skip
        claimed: list[Claimed] = []
        for lane, rows in zip(answer[::2], answer[1::2], strict=True):
            name = lane.decode()
            entries = zip(rows[::3], rows[1::3], rows[2::3], strict=True)
            claimed += [
                Claimed(name, entry.decode(), _decode_message(body), admitted(said))
                for entry, body, said in entries
            ]
        return claimed

    async def give_back(self, consumer: str, now_ms: int, number: int) -> int:
        """Put back on their lanes what ``consumer`` has claimed, in front; answers how many.

        For a claim whose answer was lost: only while the consumer holds nothing itself. Claims
        up to ``number`` that Redis has not seen yet will take nothing, and what comes of this call
        after one with a higher number gives back nothing.
        """
        given = 0
        for lane in await self._redis.call("SMEMBERS", self._keys("lanes")):
            while True:
                count, ended = await self._redis.run(
                    scripts.GIVE_BACK, [now_ms, lane.decode(), consumer, SWEEP, number]
                )
                self.ended(ended, now_ms)
                given += int(count)
                if count < SWEEP:
                    break
        return given

    async def promote(self, now_ms: int, limit: int = 200) -> tuple[int, int]:
        """Put on their lanes what is due, and what its campaign's budget has room for by now.

        Answers how many, and the milliseconds to the next: -1 for none, 0 where more may go.
        """
        count, wait, expired, ended = await self._redis.run(scripts.PROMOTE, [now_ms, limit])
        self.ended(ended, now_ms)
        self.moved("", MessageState.expired, int(expired))
        return int(count), int(wait)

    async def cancel(
        self,
        client: str,
        ids: list[str],
        now_ms: int,
        reason: str = "canceled",
        state: MessageState = MessageState.canceled,
        creditor: str = "",
    ) -> list[str]:
        """Give up messages that have not left: they end as ``canceled``, or in another state.

        Of this client (empty: any) and for this creditor (empty: any). Answers ``canceled``,
        ``not-found``, ``left`` (perhaps on the wire) or ``final`` for each.
        """
        words = {"c": "canceled", "n": "not-found", "l": "left", "f": "final"}
        answers: list[str] = []
        for start in range(0, len(ids), SWEEP):
            part = ids[start : start + SWEEP]
            letters, *ended = await self._redis.run(
                scripts.CANCEL, [now_ms, client, part, reason, int(state), creditor]
            )
            self.ended(ended, now_ms)
            answers += [words[letter] for letter in letters.decode()]
        self.moved("", state, answers.count("canceled"))
        return answers

    async def move(self, from_: str, calendars: Mapping[str, str], now_ms: int) -> int:
        """Put messages that wait under the calendar ``from_`` under others; answers how many."""
        await self.define_fresh()
        items, moved = [part for item in calendars.items() for part in item], 0
        for start in range(0, len(items), 2 * SWEEP):
            part = items[start : start + 2 * SWEEP]
            moved += int(await self._redis.run(scripts.MOVE, [now_ms, from_, part]))
        return moved

    async def expire(self, calendars: Mapping[str, str], now_ms: int) -> int:
        """End what has expired under calendars that never open, for their reasons.

        Looks at a part of it, and at the next when it is called again; answers how many it ended.
        """
        ended = 0
        for name in await self._redis.call("SMEMBERS", self._keys("lanes")):
            lane = name.decode()
            reason = calendars.get(lane.split(":")[2].rstrip("!"))
            if reason is None:
                continue
            start = self._looked_at.get(lane, "-")
            rows = await self._redis.call(
                "XRANGE", self._keys("lane", lane), start, "+", "COUNT", EXPIRE_LOOK
            )
            self._looked_at[lane] = f"({rows[-1][0].decode()}" if len(rows) == EXPIRE_LOOK else "-"
            messages = [_decode_message(fields[1]) for _, fields in rows]
            ids = [m.id for m in messages if 0 < m.expires_ms <= now_ms]
            words = await self.cancel("", ids, now_ms, reason, MessageState.expired)
            ended += words.count("canceled")
        return ended

    async def resume_campaign(self, campaign: str, now_ms: int) -> None:
        """Make a campaign's lanes ready again after a pause."""
        lanes = await self._redis.call("SMEMBERS", self._keys("held", campaign))
        commands: list[tuple[str | bytes | int, ...]] = []
        for lane in lanes:
            route, priority, calendar, _ = lane.decode().split(":")
            score = 0 if calendar.endswith("!") else now_ms * 1000
            ready = self._keys("ready", route, priority)
            commands.append(("ZADD", ready, "NX", score, lane))
        await self._redis.pipeline(commands)

    async def finish_canceling(self, now_ms: int) -> None:
        """Go on with what :meth:`sweep_canceled` was at when its process or the store ended."""
        for member in await self._redis.call("SMEMBERS", self._keys("canceling")):
            client, _, campaign = member.decode().rpartition(":")
            await self.sweep_canceled(client, campaign, now_ms)

    async def sweep_canceled(self, client: str, campaign: str, now_ms: int) -> int:
        """Give every waiting message of a canceled campaign its final state, bounded steps."""
        index, start, swept = self._keys("index", f"{client}:{campaign}"), "-", 0
        while True:
            entries = await self._redis.call("XRANGE", index, start, "+", "COUNT", SWEEP)
            if not entries:
                await self._redis.call("SREM", self._keys("canceling"), f"{client}:{campaign}")
                return swept
            ids = [id for _, fields in entries for id in split_ids(fields[1])]
            answers = await self.cancel(client, ids, now_ms, "campaign_canceled")
            swept += answers.count("canceled")
            start = "(" + entries[-1][0].decode()

    async def depths(self) -> dict[tuple[str, str], int]:
        """Messages waiting or claimed, by (route, priority name is the caller's) of their lane."""
        lanes = [lane.decode() for lane in await self._redis.call("SMEMBERS", self._keys("lanes"))]
        lengths = await self._redis.pipeline([("XLEN", self._keys("lane", lane)) for lane in lanes])
        depths: dict[tuple[str, str], int] = {}
        self.held = 0
        self.seen({lane.partition(":")[0] for lane in lanes})
        self.calendars_seen = {
            (lane_route, calendar.rstrip("!"))
            for lane_route, _, calendar, _ in (lane.split(":") for lane in lanes)
        }
        for lane, length in zip(lanes, lengths, strict=True):
            lane_route, priority, calendar = lane.split(":")[:3]
            if calendar.rstrip("!") == HELD:
                self.held += int(length)
            route = route_name(lane_route)
            depths[route, priority] = depths.get((route, priority), 0) + int(length)
        return depths

    async def ready(self, routes: Sequence[str]) -> int:
        """How many lanes of these routes have something that may be claimed."""
        counts = await self._redis.pipeline(
            [
                ("ZCARD", self._keys("ready", route, str(int(priority))))
                for route in routes
                for priority in Priority
            ]
        )
        return sum(map(int, counts))

    async def recover(self, alive: set[str], now_ms: int) -> int:
        """Put what any incarnation not in ``alive`` had claimed into doubt; never redelivers.

        Whoever is not in ``alive`` must have been fenced before (:meth:`Node.fence_dead`).
        """
        found = 0
        lanes = [lane.decode() for lane in await self._redis.call("SMEMBERS", self._keys("lanes"))]
        takers = await self._redis.pipeline([("HKEYS", self._keys("taken", ln)) for ln in lanes])
        for lane, names in zip(lanes, takers, strict=True):
            for name in (name.decode() for name in names if name != b">"):
                if name.rpartition(":")[0] not in alive:
                    found += await self._recover_lane(lane, name, now_ms)
        return found

    async def _recover_lane(self, lane: str, consumer: str, now_ms: int) -> int:
        name, found = consumer.rpartition(":")[2], 0
        account, whole = name.removesuffix("+"), name.endswith("+")
        while True:
            count = await self._redis.run(
                scripts.RECOVER, [now_ms, lane, consumer, account, SWEEP, whole]
            )
            found += int(count)
            self.moved(account, MessageState.in_doubt, int(count))
            if count < SWEEP:
                return found

    async def doubtful(self, before_ms: int) -> AsyncIterator[tuple[str, Message]]:
        """Messages in doubt since before ``before_ms``, oldest first, with the account's name."""
        start = 0
        while ids := await self._redis.call(
            "ZRANGEBYSCORE", self._keys("doubt"), "-inf", before_ms, "LIMIT", start, SWEEP
        ):
            start += len(ids)
            for found in await self._bodies(ids):
                yield found

    async def _bodies(self, ids: list[bytes]) -> list[tuple[str, Message]]:
        bodies = await self._redis.call("HMGET", self._keys("body"), *ids)
        rows = await self._redis.pipeline(
            [("HMGET", self._keys("message", i.decode()), "s", "u") for i in ids]
        )
        found = []
        for body, (standing, attempt) in zip(bodies, rows, strict=True):
            if body is not None and standing is not None:
                stands = dict(zip(STANDING, standing.decode().split(UNIT), strict=False))
                message = msgspec.structs.replace(
                    _decode_message(body), fates=stands.get("fates", ""), attempt=int(attempt or 1)
                )
                found.append((stands.get("carrier", ""), message))
        return found

    async def resend(self, account: str, messages: list[Message], now_ms: int) -> int:
        """Send messages in doubt again, as the new attempts given; answers how many went.

        From now on their route is the account itself: whatever it answers, and whenever they go
        again, another carrier never has what this one may have delivered.
        """
        messages = [msgspec.structs.replace(m, route=f"@{account}") for m in messages]
        items = [
            [
                m.id,
                m.attempt,
                lane_name(m.route, m.priority, m.campaign, m.client, m.calendar),
                m.fates,
            ]
            for m in messages
        ]
        bodies = [_encode(message) for message in messages]
        return int(await self._redis.run(scripts.RESEND, [now_ms, account, items], *bodies))


def _put_rows(batch: list[Put]) -> tuple[list[Any], list[Any], dict[int, Any], list[Any]]:
    """Groups, items, special cases and debtors, as put.lua reads them."""
    places: dict[tuple[str, str, str, int, str], int] = {}
    groups: list[tuple[str, str, str]] = []
    items: list[Any] = []
    special: dict[int, Any] = {}
    debtors: list[Any] = []
    for number, put in enumerate(batch, 1):
        m = put.message
        group = (m.client, m.campaign, m.route, m.priority, m.calendar)
        place = places.get(group)
        if place is None:
            lane = lane_name(m.route, m.priority, m.campaign, m.client, m.calendar)
            groups.append((m.client, m.campaign, lane))
            place = places[group] = len(groups)
        items += (
            place, m.id, put.digest if put.derived else "",
            f"{m.client}\x1f{m.campaign}\x1f{m.ref}\x1f{m.to}\x1f{m.sender}\x1f{m.segments}\x1f"
            f"{m.priority}\x1f{m.route}\x1f{m.accepted_ms}\x1f{m.expires_ms}\x1f{m.encoding}\x1f"
            f"{m.debtor}\x1f{m.calendar}",
            m.to, m.segments,
        )  # fmt: skip
        if put.not_before_ms or put.blocked or put.data or put.callback_url:
            special[number] = (put.not_before_ms, put.blocked, put.data, put.callback_url)
        if m.debtor:
            debtors += (f"{m.client}\x1f{m.debtor}", number)
    return groups, items, special, debtors


def _over_budget(answer: list[int]) -> PutResult:
    if answer[0] < 100:
        return PutResult(kind="new", state=MessageState(answer[0]), held=True, held_ms=answer[1])
    return PutResult(
        kind="client-over-budget" if answer[0] == 302 else "campaign-over-budget",
        state=MessageState.rejected,
        used=answer[1],
        limit=answer[2],
    )


_REFUSALS: dict[int, PutKind] = {200: "conflict", 300: "unknown-campaign", 301: "campaign-canceled"}
_NEW = {int(s): PutResult(kind="new", state=s) for s in MessageState}
_SAME = {int(s): PutResult(kind="same", state=s) for s in MessageState}


def _put_result(answer: int | list[int]) -> PutResult:
    if isinstance(answer, list):
        return _over_budget(answer)
    if answer < 100:
        return _NEW[answer]
    if answer < 200:
        return _SAME.get(answer - 100) or PutResult(kind="same", state=MessageState.unknown)
    return PutResult(kind=_REFUSALS[answer], state=MessageState.rejected)
