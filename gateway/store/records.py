"""Campaigns and the records of messages: what the API reads, and the little it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.clock import wall_ms
from gateway.errors import CallerError
from gateway.ids import derived_id
from gateway.message import (
    Campaign,
    CampaignState,
    InDoubtRule,
    MessageState,
    OverBudget,
    Priority,
    read_fates,
)
from gateway.store import scripts
from gateway.store.keys import DAY_MS, FIELDS, FIXED, STANDING, UNIT, lane_name, split_ids
from gateway.store.redis import Redis
from gateway.store.types import MessageRecord, Page, ReplyRecord, Report

SCAN = 500
"""Index entries read at a time while looking for what fits a filter."""
SCAN_AT_MOST = 20_000
"""Entries one page may look at; then it answers what it has, and a cursor."""

_NAMES = list(FIELDS)
_SHORT = [FIELDS[name] for name in _NAMES]
_WORDS = ("reason", "data", "callback_url", "decision")
_FIXED_NUMBERS = ("segments", "accepted_ms", "expires_ms")


class Records:
    """What the store knows of messages and campaigns."""

    def __init__(self, redis: Redis, *, recipient_days: int) -> None:
        self._redis = redis
        self._keys = redis.keys
        self._days = recipient_days

    async def message(self, client: str, id: str) -> MessageRecord | None:
        """One message of this client's, or None."""
        found = await self._read([id])
        record = found[0]
        if record is None or record.client != client:
            return None
        return await self._submitting(record)

    async def _submitting(self, record: MessageRecord) -> MessageRecord:
        """A queued message that a consumer holds is being submitted; only its lane knows."""
        if record.state is not MessageState.queued:
            return record
        key = self._keys("message", record.id)
        entry, front = await self._redis.call("HMGET", key, FIELDS["entry"], FIELDS["front"])
        if entry is None:
            return record
        lane = lane_name(
            record.route, record.priority, record.campaign, record.client, record.calendar
        )
        taken = self._keys("taken", front.decode() if front else lane)
        cursor = await self._redis.call("HGET", taken, ">")
        if cursor is not None and _place(entry) <= _place(cursor):
            record.state = MessageState.submitting
        return record

    async def _read(self, ids: list[str]) -> list[MessageRecord | None]:
        rows = await self._redis.pipeline(
            [("HMGET", self._keys("message", id), *_SHORT) for id in ids]
        )
        return [_record(id, row) for id, row in zip(ids, rows, strict=True)]

    async def messages(
        self,
        client: str,
        *,
        ref: str | None = None,
        campaign: str | None = None,
        to: str | None = None,
        state: MessageState | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[MessageRecord]:
        """Messages of this client's that fit every filter given, oldest first.

        A page may be empty and still have a ``next``: it looked at :data:`SCAN_AT_MOST`.
        """
        keep = _Filter(client, ref, campaign, to, state)
        if ref is not None:
            return await self._by_ref(keep, client, ref, campaign)
        if to is not None:
            return await self._by_recipient(keep, to, cursor, limit)
        if state is MessageState.in_doubt and campaign is None:
            return await self._in_doubt(keep, cursor, limit)
        return await self._by_campaign(keep, client, campaign, cursor, limit)

    async def _by_ref(
        self, keep: _Filter, client: str, ref: str, campaign: str | None
    ) -> Page[MessageRecord]:
        """A ref's id is derived from the campaign, so one look in each of them is enough."""
        places = [campaign]
        if campaign is None:
            members = await self._redis.call("ZRANGE", self._keys("campaigns", client), 0, -1)
            places = ["", *[member.decode() for member in members]]
        records = await self._read([derived_id(client, place or "", ref) for place in places])
        return Page(items=[r for r in records if r is not None and keep.fits(r)])

    async def _by_recipient(
        self, keep: _Filter, to: str, cursor: str | None, limit: int
    ) -> Page[MessageRecord]:
        today = wall_ms() // DAY_MS
        rows = await self._redis.pipeline(
            [
                ("HGET", self._keys("recipient", str(day)), to)
                for day in range(today - self._days, today + 2)
            ]
        )
        ids = [id for row in rows if row for id in split_ids(row)]
        if cursor is not None:
            ids = ids[ids.index(cursor) + 1 :] if cursor in ids else []
        records = [r for r in await self._read(ids) if r is not None and keep.fits(r)]
        more = records[limit - 1].id if len(records) > limit else None
        return Page(items=records[:limit], next=more)

    async def _in_doubt(self, keep: _Filter, cursor: str | None, limit: int) -> Page[MessageRecord]:
        start = int(cursor or 0)
        items: list[MessageRecord] = []
        while len(items) < limit:
            ids = await self._redis.call("ZRANGE", self._keys("doubt"), start, start + SCAN - 1)
            if not ids:
                return Page(items=items)
            for record in await self._read([id.decode() for id in ids]):
                start += 1
                if record is not None and keep.fits(record):
                    items.append(record)
                    if len(items) == limit:
                        break
        return Page(items=items, next=str(start))

    async def _by_campaign(
        self, keep: _Filter, client: str, campaign: str | None, cursor: str | None, limit: int
    ) -> Page[MessageRecord]:
        """Walks one campaign's index, or all of this client's one after another."""
        places = [campaign] if campaign is not None else await self._places(client)
        place, _, after = (cursor or "").partition("/")
        start = places.index(place) if place in places else 0
        items: list[MessageRecord] = []
        looked = 0
        for at in places[start:]:
            index = self._keys("index", f"{client}:{at}")
            position = after if after and at == place else "-"
            while True:
                entry, _, skip = position.partition(".")
                rows = await self._redis.call("XRANGE", index, entry, "+", "COUNT", 10)
                if not rows:
                    break
                for row in rows:
                    ids = split_ids(row[1][1])
                    from_ = int(skip or 0) if row is rows[0] else 0
                    for number, record in enumerate(await self._read(ids[from_:]), from_ + 1):
                        looked += 1
                        if record is not None and keep.fits(record):
                            items.append(record)
                        if len(items) == limit or looked == SCAN_AT_MOST:
                            return Page(items=items, next=f"{at}/{row[0].decode()}.{number}")
                position = "(" + rows[-1][0].decode()
        return Page(items=items)

    async def _places(self, client: str) -> list[str | None]:
        members = await self._redis.call("ZRANGE", self._keys("campaigns", client), 0, -1)
        return ["", *[member.decode() for member in members]]

    # Campaigns

    async def create_campaign(self, campaign: Campaign) -> None:
        """Store a new campaign."""
        values = msgspec.to_builtins(campaign)
        flat = [x for name, value in values.items() for x in (name, str(value))]
        await self._redis.pipeline(
            [
                ("HSET", self._keys("campaign", campaign.id), *flat),
                (
                    "ZADD",
                    self._keys("campaigns", campaign.client),
                    campaign.created_ms,
                    campaign.id,
                ),
            ]
        )

    async def campaign(self, client: str, id: str) -> Campaign | None:
        """One campaign of this client's, or None."""
        found = _campaign(await self._redis.call("HGETALL", self._keys("campaign", id)))
        return found if found is not None and found.client == client else None

    async def campaign_client(self, id: str) -> str | None:
        """Whose campaign this is, or None when there is none."""
        owner = await self._redis.call("HGET", self._keys("campaign", id), "client")
        return owner.decode() if owner else None

    async def campaigns(
        self, client: str, cursor: str | None = None, limit: int = 100
    ) -> Page[Campaign]:
        """This client's campaigns, newest first; the cursor is a position."""
        start = int(cursor or 0)
        ids = await self._redis.call(
            "ZREVRANGE", self._keys("campaigns", client), start, start + limit
        )
        rows = await self._redis.pipeline(
            [("HGETALL", self._keys("campaign", id.decode())) for id in ids[:limit]]
        )
        items = [found for found in map(_campaign, rows) if found is not None]
        return Page(items=items, next=str(start + limit) if len(ids) > limit else None)

    async def set_campaign_state(
        self, client: str, id: str, state: CampaignState
    ) -> Campaign | None:
        """Run, pause or cancel; a claim reads it at once.

        Raises :class:`CallerError` ``campaign-canceled`` for one that has been canceled.
        """
        found = await self.campaign(client, id)
        if found is None:
            return None
        if found.state is CampaignState.canceled and state is not CampaignState.canceled:
            raise CallerError(
                "campaign-canceled", 409, f"campaign {id} has been canceled, which is for good"
            )
        commands: list[tuple[str | bytes | int, ...]] = [
            ("HSET", self._keys("campaign", id), "state", state.value)
        ]
        if state is CampaignState.canceled:
            commands.append(("SADD", self._keys("canceling"), f"{client}:{id}"))
        await self._redis.pipeline(commands)
        return msgspec.structs.replace(found, state=state)

    async def update_campaign(self, client: str, id: str, **changes: Any) -> Campaign | None:
        """Change settings (name, sender, ttl, in_doubt, data, budget); messages accepted keep
        theirs, but those over the budget go as far as it has room now."""
        found = await self.campaign(client, id)
        if found is None:
            return None
        changed = msgspec.structs.replace(found, **changes)
        values = msgspec.to_builtins(changed)
        flat = [x for name in changes for x in (name, str(values[name]))]
        if flat:
            await self._redis.run(scripts.CHANGE, [id, flat])
        return changed

    async def report(self, client: str, id: str) -> Report | None:
        """A campaign in numbers, from counters kept at every move."""
        if await self.campaign(client, id) is None:
            return None
        return _report(await self._redis.call("HGETALL", self._keys("counts", id)))

    async def campaign_used(self, id: str) -> int:
        """Segments that count for a campaign's limit."""
        return max(0, int(await self._redis.call("HGET", self._keys("counts", id), "budget") or 0))

    async def used(self, client: str, day: str) -> int:
        """Segments of a client's budget that a day has been used for."""
        return int(await self._redis.call("GET", self._keys("budget", client, day)) or 0)

    async def kept(self, ids: list[str]) -> set[str]:
        """Those of these messages that are there already, or were."""
        rows = await self._redis.pipeline([("EXISTS", self._keys("message", id)) for id in ids])
        return {id for id, there in zip(ids, rows, strict=True) if there}

    async def replies(
        self,
        client: str,
        cursor: str | None = None,
        limit: int = 100,
        campaign: str | None = None,
    ) -> Page[ReplyRecord]:
        """Debtors' texts, oldest first."""
        key = self._keys("replies", client)
        position = f"({cursor}" if cursor else "-"
        items: list[ReplyRecord] = []
        while len(items) < limit:
            rows = await self._redis.call("XRANGE", key, position, "+", "COUNT", SCAN)
            if not rows:
                return Page(items=items)
            for row in rows:
                position = "(" + row[0].decode()
                reply = _reply(row)
                if campaign is None or reply.campaign == campaign:
                    items.append(reply)
                    if len(items) == limit:
                        break
        return Page(items=items, next=position[1:])


def _place(entry: bytes) -> tuple[int, int]:
    """An entry's id as numbers, which is how a stream sorts them."""
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds), int(sequence)


class _Filter:
    def __init__(
        self,
        client: str,
        ref: str | None,
        campaign: str | None,
        to: str | None,
        state: MessageState | None,
    ) -> None:
        self._wanted = {
            name: value
            for name, value in (
                ("client", client),
                ("ref", ref),
                ("campaign", campaign),
                ("to", to),
                ("state", state),
            )
            if value is not None
        }

    def fits(self, record: MessageRecord) -> bool:
        return all(getattr(record, name) == value for name, value in self._wanted.items())


def fields_of(row: Any) -> dict[bytes, bytes]:
    """The fields of a stream entry."""
    return _pairs(row[1])


def _pairs(flat: Any) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _record(id: str, row: list[bytes | None]) -> MessageRecord | None:
    values = {
        name: value.decode() for name, value in zip(_NAMES, row, strict=True) if value is not None
    }
    if "standing" not in values:
        return None
    stands = dict(zip(STANDING, values["standing"].split(UNIT), strict=False))
    kept: dict[str, Any] = dict(zip(FIXED, values["fixed"].split(UNIT), strict=True))
    kept |= {name: int(kept[name]) for name in _FIXED_NUMBERS}
    kept |= {name: values[name] for name in _WORDS if name in values}
    kept["priority"] = Priority(int(kept["priority"]))
    record = MessageRecord(
        id=id,
        state=MessageState(int(stands["state"])),
        attempt=int(values.get("attempt", 1)),
        carrier=stands.get("carrier", ""),
        error=stands.get("error", ""),
        not_before_ms=int(values.get("not_before_ms", 0)),
        submitted_ms=int(stands.get("submitted_ms") or 0),
        final_ms=int(stands.get("final_ms") or 0),
        fates=read_fates(stands.get("fates", "")),
        **kept,
    )
    record.events = _life(record)
    return record


def _life(record: MessageRecord) -> list[tuple[int, str]]:
    """What happened when, as far as the record's times tell."""
    life = [(record.accepted_ms, "accepted")]
    if record.submitted_ms:
        life.append((record.submitted_ms, "submitted"))
    if record.state is MessageState.in_doubt:
        life.append((record.submitted_ms, "in_doubt"))
    if record.final_ms:
        life.append((record.final_ms, record.state.name))
    return life


def _campaign(row: Any) -> Campaign | None:
    if not row:
        return None
    pairs = _pairs(row)
    values = {key.decode(): value.decode() for key, value in pairs.items()}
    return Campaign(
        id=values["id"],
        client=values["client"],
        name=values["name"],
        created_ms=int(values["created_ms"]),
        state=CampaignState(values["state"]),
        priority=Priority(int(values["priority"])),
        sender=values["sender"],
        ttl=int(values["ttl"]),
        in_doubt=InDoubtRule(values["in_doubt"]),
        data=values["data"],
        policy=values.get("policy", ""),
        hours=values.get("hours", ""),
        creditor=values.get("creditor", ""),
        max_segments=int(values.get("max_segments", "0")),
        over_budget=OverBudget(values.get("over_budget", "refuse")),
        consent=values.get("consent") == "True",
    )


def _report(row: Any) -> Report:
    pairs = _pairs(row)
    report = Report(by_state={}, by_hour={}, by_error={})
    for key, value in pairs.items():
        _count_into(report, key.decode(), int(value))
    return report


def _count_into(report: Report, field: str, number: int) -> None:
    if number == 0:
        return
    if field in ("messages", "segments", "replies", "budget", "held"):
        setattr(report, field, number)
    elif field.startswith("s") and field[1:].isdigit():
        report.by_state[MessageState(int(field[1:])).name] = number
    elif field.startswith("h") and field[1:2].isdigit():
        hour, _, state = field[1:].partition(":")
        name = MessageState(int(state)).name
        report.by_hour.setdefault(_hour(int(float(hour))), {})[name] = number
    elif field.startswith("e"):
        report.by_error[field[1:]] = number


def _hour(number: int) -> str:
    return datetime.fromtimestamp(number * 3600, UTC).strftime("%Y-%m-%dT%H:00:00Z")


def _reply(row: Any) -> ReplyRecord:
    id = row[0].decode()
    fields = {key.decode(): value.decode() for key, value in fields_of(row).items()}
    return ReplyRecord(
        id=id,
        at_ms=int(id.partition("-")[0]),
        sender=fields["f"],
        to=fields["t"],
        text=fields["x"],
        carrier=fields["v"],
        campaign=fields["c"],
        message_id=fields["m"],
    )
