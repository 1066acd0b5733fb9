"""Messages after they were accepted: read and look up."""

from __future__ import annotations

import re

import msgspec

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import number
from gateway.api.problems import fault
from gateway.api.shapes import Items, LifeEvent, MessageQuery, MessageView, SegmentView
from gateway.api.tally import rfc3339
from gateway.message import MessageState
from gateway.policy.calendars import ALWAYS, HELD
from gateway.policy.route import route_name
from gateway.store.types import MessageRecord

_ID = re.compile(r"[0-9a-f]{24}")
_POSITION = re.compile(r"[0-9]{1,9}")
_PLACE = re.compile(r"(?:[0-9a-f]{24})?/[0-9]{1,15}-[0-9]{1,15}(?:\.[0-9]{1,9})?")


async def read(context: Context, exchange: Exchange) -> Answer:
    """One message's life so far."""
    return json_answer(await view(context, await find(context, exchange)))


async def find(context: Context, exchange: Exchange) -> MessageRecord:
    """The message of the path; raises CallerError ``unknown-message``, for foreign ones too."""
    id = exchange.parts[0]
    record = None
    if _ID.fullmatch(id):
        record = await context.store.records.message(exchange.client, id)
    if record is None:
        raise fault("unknown-message", f"{id!r:.60}")
    return record


async def listed(context: Context, exchange: Exchange) -> Answer:
    """Messages by ref, campaign, recipient and state, oldest first."""
    query = exchange.query(MessageQuery)
    to = number(query.to) if query.to is not None else None
    state = _state(query.state)
    if query.campaign is not None:
        await context.campaigns.find(exchange.client, query.campaign)
    page = await context.store.records.messages(
        exchange.client,
        ref=query.ref,
        campaign=query.campaign,
        to=to,
        state=state,
        cursor=_cursor(query),
        limit=query.limit,
    )
    await context.decisions.learn(record.decision for record in page.items)
    return json_answer(Items([_view(context, record) for record in page.items], page.next))


def _state(name: str | None) -> MessageState | None:
    if name is None:
        return None
    if name not in MessageState.__members__:
        allowed = ", ".join(MessageState.__members__)
        raise fault("invalid-parameter", f"{name!r:.40}; allowed: {allowed}", "state")
    return MessageState[name]


def _cursor(query: MessageQuery) -> str | None:
    """The cursor, if it is one of the kind that these filters give."""
    if query.cursor is None or query.ref is not None:
        return None
    kind = _PLACE
    if query.to is not None:
        kind = _ID
    elif query.state == MessageState.in_doubt.name and query.campaign is None:
        kind = _POSITION
    if not kind.fullmatch(query.cursor):
        raise fault("invalid-cursor", f"{query.cursor!r:.60}", "cursor")
    return query.cursor


async def view(context: Context, record: MessageRecord) -> MessageView:
    """A record as callers see it."""
    await context.decisions.learn([record.decision])
    return _view(context, record)


def _sleep(context: Context, record: MessageRecord) -> tuple[str, int]:
    """Why a message on a lane that is not read waits, and until when (0: nobody knows)."""
    calendars = context.calendars
    if calendars is None or record.calendar in ALWAYS or record.reason:
        return record.reason, record.not_before_ms
    if record.state is not MessageState.queued or calendars.of(record.calendar) is None:
        return record.reason, record.not_before_ms
    if record.calendar == HELD:
        return "unknown_zone", 0
    rule, _ = calendars.rule(record.calendar, context.clock())
    if rule is None:
        return "no_policy", 0
    if not rule.policy.enabled:
        return "country_off", 0
    return calendars.sleep(record.calendar, context.clock())


def _view(context: Context, record: MessageRecord) -> MessageView:
    reason, not_before = _sleep(context, record)
    return MessageView(
        id=record.id,
        state=record.state.name,
        to=f"+{record.to}",
        sender=record.sender,
        segments=record.segments,
        encoding=record.encoding,
        priority=record.priority.name,
        accepted_at=rfc3339(record.accepted_ms),
        attempt=record.attempt,
        campaign=record.campaign or None,
        ref=record.ref or None,
        debtor=record.debtor or None,
        route=route_name(record.route) or None,
        carrier=record.carrier or None,
        reason=reason or None,
        error=record.error or None,
        not_before=_time(not_before),
        expires_at=_time(record.expires_ms),
        submitted_at=_time(record.submitted_ms),
        final_at=_time(record.final_ms),
        callback_url=record.callback_url or None,
        decision=context.decisions.view(record.decision),
        parts=[
            SegmentView(fate.state.name, fate.carrier_message_id, fate.error)
            for fate in record.fates
        ],
        events=[LifeEvent(rfc3339(at), what) for at, what in record.events],
        data=msgspec.Raw(record.data.encode()) if record.data else msgspec.UNSET,
    )


def _time(at_ms: int) -> str | None:
    return rfc3339(at_ms) if at_ms else None
