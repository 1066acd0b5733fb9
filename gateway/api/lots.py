"""Many of one kind: an object, an array, or a stream of any size, committed batch by batch.

One batch is under way at a time, so that the memory is bounded and a store that falls behind holds
the caller back; a bad line never sinks its neighbours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from gateway.api.body import whole
from gateway.api.context import Context, Exchange
from gateway.api.problems import fault, store_unavailable
from gateway.api.records import CsvRecords, Form, JsonLines, Read, Shape, read_one
from gateway.api.stream import NDJSON, batches
from gateway.api.submit import MOST_ITEMS, media_type
from gateway.api.tally import Lot
from gateway.errors import CallerError, StoreUnavailable

LOT = 500
"""Lines that go to the store together."""

Wanted = TypeVar("Wanted")

_items = msgspec.json.Decoder(list[msgspec.Raw])


async def take(
    context: Context,
    exchange: Exchange,
    form: Form[Shape],
    check: Callable[[Shape], Wanted],
    commit: Callable[[Sequence[Wanted]], Awaitable[None]],
    *,
    streams: bool = True,
) -> Lot:
    """Check and commit all of a body. A single object's fault is the request's.

    Raises Refusal ``store-unavailable``, which tells how much is committed.
    """
    kind = media_type(exchange.http.headers.get("content-type", "application/json"))
    lot = Lot()
    if kind == "application/json":
        await _whole_body(context, exchange, form, check, commit, lot)
    elif streams and kind in (NDJSON, "application/ndjson", "application/jsonl"):
        async for records, end in batches(exchange, JsonLines(form), LOT):
            await _commit(context, records, end, check, commit, lot)
    elif streams and kind == "text/csv":
        async for records, end in batches(exchange, CsvRecords(form), LOT):
            await _commit(context, records, end, check, commit, lot)
    else:
        more = f", {NDJSON}, text/csv" if streams else ""
        raise fault("unsupported-media-type", f"{kind}; allowed: application/json{more}")
    return lot


async def _whole_body(
    context: Context,
    exchange: Exchange,
    form: Form[Shape],
    check: Callable[[Shape], Wanted],
    commit: Callable[[Sequence[Wanted]], Awaitable[None]],
    lot: Lot,
) -> None:
    body = await whole(exchange.http, context.config.http.max_body_bytes)
    if body.lstrip(b" \t\r\n")[:1] != b"[":
        await commit([check(form.reader.read(body))])
        lot.accepted = 1
        return
    try:
        items = _items.decode(body)
    except (ValueError, RecursionError) as error:
        raise form.reader.fault(error) from error
    if len(items) > MOST_ITEMS:
        raise fault("too-many-items", f"{len(items)}; allowed: {MOST_ITEMS}, or a stream")
    for start in range(0, len(items), LOT):
        part = items[start : start + LOT]
        records = [read_one(form, index, item) for index, item in enumerate(part, start)]
        await _commit(context, records, start + len(part), check, commit, lot)


async def _commit(
    context: Context,
    records: Sequence[Read[Shape]],
    end: int,
    check: Callable[[Shape], Wanted],
    commit: Callable[[Sequence[Wanted]], Awaitable[None]],
    lot: Lot,
) -> None:
    wanted: list[Wanted] = []
    for index, line, ref in records:
        try:
            if isinstance(line, CallerError):
                raise line
            wanted.append(check(line))
        except CallerError as error:
            lot.reject(index, error, ref)
    if wanted:
        try:
            async with context.gate:
                await commit(wanted)
        except StoreUnavailable as error:
            raise store_unavailable(error, **lot.members()) from error
    lot.accepted += len(wanted)
    lot.committed_lines = end
