"""POST /v1/messages: one message, an array, or a stream of any size."""

from __future__ import annotations

import asyncio
from functools import lru_cache

import msgspec

from gateway.api.body import whole
from gateway.api.budget import announced, measured
from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, StreamedAnswer, json_answer
from gateway.api.intake import Origin
from gateway.api.pipeline import BATCH, Pipeline
from gateway.api.problems import fault, later, store_unavailable
from gateway.api.records import MESSAGE, MESSAGES, CsvRecords, JsonLines, Record, read_message
from gateway.api.shapes import AcceptedItems, MessageOut, SubmitQuery
from gateway.api.stream import NDJSON, stream
from gateway.api.tally import ItemTally, note_held, refused, shown
from gateway.api.whereabouts import look_again
from gateway.errors import StoreUnavailable
from gateway.message import Campaign
from gateway.policy.calendars import HELD

MOST_ITEMS = 10_000
"""Items of an array: its answer is made in memory."""
MOST_BACKLOG = 5_000
"""Messages that may wait for their commit before single ones are told to come back."""

_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[msgspec.Raw])


async def submit(context: Context, exchange: Exchange) -> Answer | StreamedAnswer:
    """Take what was sent, by its media type."""
    kind = media_type(exchange.http.headers.get("content-type", "application/json"))
    key = idempotency_key(exchange)
    origin = Origin(exchange.client, key)
    if kind == "application/json":
        exchange.query(SubmitQuery)
        return await _whole_body(context, exchange, origin)
    await announced(context, exchange.client, exchange.query(SubmitQuery))
    if kind in (NDJSON, "application/ndjson", "application/jsonl"):
        return await stream(context, exchange, origin, JsonLines(MESSAGE))
    if kind == "text/csv":
        return await stream(context, exchange, origin, CsvRecords(MESSAGE))
    raise fault("unsupported-media-type", f"{kind}; allowed: application/json, {NDJSON}, text/csv")


@lru_cache(256)
def media_type(header: str) -> str:
    """The media type of a Content-Type; raises CallerError for a charset that is not taken."""
    kind, _, parameters = header.partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in (
            "utf-8",
            "utf8",
            "us-ascii",
        ):
            raise fault("unsupported-media-type", f"charset {value.strip()}; allowed: utf-8")
    return kind.strip().lower()


def idempotency_key(exchange: Exchange) -> str:
    """The Idempotency-Key; empty: none. Raises CallerError ``invalid-key``."""
    key = exchange.http.headers.get("idempotency-key")
    if key is None:
        return ""
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise fault("invalid-key", f"{len(key)} characters")
    return key


# --- one message, or an array --------------------------------------------------------------------


async def _whole_body(context: Context, exchange: Exchange, origin: Origin) -> Answer:
    body = await whole(exchange.http, context.config.http.max_body_bytes)
    if context.store.queue.puts.backlog > MOST_BACKLOG:
        raise later("overloaded", "more messages wait for their commit than is good", 1)
    if body.lstrip(b" \t\r\n")[:1] == b"[":
        return await _array(context, origin, body)
    line = MESSAGES.read(body)
    campaign: Campaign | None = None
    if line.campaign is not None:
        campaign = await context.campaigns.find(origin.client, line.campaign)
    put = context.intake.put(line, campaign, origin, 0, context.clock())
    try:
        result = await context.store.queue.put_one(put)
        if put.message.calendar == HELD:
            await look_again(context, [put], [result])
    except StoreUnavailable as away:
        raise store_unavailable(away) from away
    if result.kind == "new":
        note_held(put, result)
        context.accepted(result.state._name_, 1)
    else:
        error = refused(put, result, context.resets_ms())
        if error is not None:
            raise error
    return Answer(202, _encode(shown(MessageOut, put, result.state)))


async def _array(context: Context, origin: Origin, body: bytes) -> Answer:
    try:
        items = _items.decode(body)
    except (ValueError, RecursionError) as error:
        raise MESSAGES.fault(error) from error
    if len(items) > MOST_ITEMS:
        raise fault("too-many-items", f"{len(items)}; allowed: {MOST_ITEMS}, or a stream")
    tally = ItemTally()
    records: list[Record] = []
    for start in range(0, len(items), BATCH):
        part = items[start : start + BATCH]
        records += [read_message(index, item) for index, item in enumerate(part, start)]
        await asyncio.sleep(0)  # the pump has its turn
    await measured(context, origin, records)
    async with Pipeline(context, origin, tally) as pipeline:
        for start in range(0, len(items), BATCH):
            batch = records[start : start + BATCH]
            await pipeline.feed(batch, start + len(batch))
    return json_answer(
        AcceptedItems(
            accepted=tally.accepted,
            rejected=tally.rejected,
            segments=tally.segments,
            errors=tally.errors,
            messages=tally.items,
            findings=tally.findings,
        ),
        202,
    )
