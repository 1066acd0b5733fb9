"""What happened and what debtors wrote, by cursor, with a long poll.

Here ``next`` is where to go on, also at the end: a caller keeps it and asks again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.problems import fault
from gateway.api.shapes import (
    EVENT_CURSOR,
    REPLY_CURSOR,
    EventView,
    Items,
    PollQuery,
    ReplyQuery,
    ReplyView,
)
from gateway.api.tally import rfc3339
from gateway.store.types import Event, Page, ReplyRecord

REPLY_SECONDS = 0.5
"""How often a long poll for replies looks: people write slowly."""

_CURSOR = re.compile(r"[0-9]{1,15}-[0-9]{1,15}(?:\.[0-9]{1,9})?")


async def events(context: Context, exchange: Exchange) -> Answer:
    """Events after the cursor; with ``wait`` as soon as there is one."""
    query = exchange.query(PollQuery)
    cursor, client = _cursor(query.cursor, EVENT_CURSOR), exchange.client
    page = await context.store.events.read(client, cursor, query.limit)
    if not page.items and query.wait and not context.closing.is_set():
        await _first(context, context.store.events.wait(client, cursor, query.wait))
        page = await context.store.events.read(client, cursor, query.limit)
    await context.decisions.learn(event.decision for event in page.items)
    return json_answer(Items([_event(context, event) for event in page.items], page.next))


async def _first(context: Context, waiting: Coroutine[Any, Any, None]) -> None:
    """Wait for something new, or for the server to stop."""
    tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(context.closing.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def replies(context: Context, exchange: Exchange) -> Answer:
    """Replies after the cursor, of one campaign or of all; ``wait`` as for events."""
    query = exchange.query(ReplyQuery)
    cursor = _cursor(query.cursor, REPLY_CURSOR)
    if query.campaign is not None:
        await context.campaigns.find(exchange.client, query.campaign)
    deadline = context.monotonic() + query.wait
    page = await _replies(context, exchange.client, cursor, query)
    while not page.items and context.monotonic() < deadline and not context.closing.is_set():
        left = min(REPLY_SECONDS, deadline - context.monotonic())
        await _first(context, asyncio.sleep(max(0.0, left)))
        page = await _replies(context, exchange.client, cursor, query)
    after = page.next or (page.items[-1].id if page.items else cursor)
    return json_answer(Items([_reply(reply) for reply in page.items], after))


async def _replies(
    context: Context, client: str, cursor: str | None, query: ReplyQuery
) -> Page[ReplyRecord]:
    return await context.store.records.replies(client, cursor, query.limit, query.campaign)


def _cursor(cursor: str | None, pattern: str) -> str | None:
    if cursor is not None and not re.fullmatch(pattern, cursor):
        raise fault("invalid-cursor", f"{cursor!r:.60}", "cursor")
    return cursor


def _event(context: Context, event: Event) -> EventView:
    said, told = event.decision, event.data
    return EventView(
        event.cursor,
        rfc3339(event.at_ms),
        event.kind,
        event.message_id or None,
        event.campaign or None,
        event.ref or None,
        f"+{event.to}" if event.to else None,
        told | context.decisions.told(said) if said else told,
    )


def _reply(reply: ReplyRecord) -> ReplyView:
    return ReplyView(
        id=reply.id,
        at=rfc3339(reply.at_ms),
        sender=f"+{reply.sender}" if reply.sender.isdigit() else reply.sender,
        to=reply.to,
        text=reply.text,
        carrier=reply.carrier,
        campaign=reply.campaign or None,
        message=reply.message_id or None,
    )
