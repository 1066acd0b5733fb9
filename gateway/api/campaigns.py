"""Campaigns: make, list, read, run, pause, cancel, report."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import Any

import msgspec

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import PRIORITIES, check_no_rules, data_text, sender
from gateway.api.problems import fault
from gateway.api.reading import Reader
from gateway.api.shapes import (
    CREDITOR_PATTERN,
    NAME_CHARACTERS,
    CampaignBudget,
    CampaignChange,
    CampaignIn,
    CampaignQuery,
    CampaignView,
    Items,
    ReportView,
)
from gateway.api.submit import idempotency_key
from gateway.api.tally import rfc3339
from gateway.errors import RecadoError
from gateway.ids import derived_id, new_id
from gateway.message import Campaign, CampaignState, InDoubtRule, OverBudget
from gateway.policies import campaign_week, hours_of
from gateway.policy.rules import narrow

log = logging.getLogger(__name__)

_read = Reader(CampaignIn)
_read_change = Reader(CampaignChange)
_CREDITOR = re.compile(CREDITOR_PATTERN)
_tasks: set[asyncio.Task[None]] = set()


async def create(context: Context, exchange: Exchange) -> Answer:
    """Make a campaign; under an Idempotency-Key the same one as before."""
    wanted = await exchange.json(_read, context.config.http.max_body_bytes)
    now, key = context.clock(), idempotency_key(exchange)
    hours = hours_text(wanted.hours)
    if context.calendars is None:
        check_no_rules(wanted.policy or "", hours)
    else:
        _check_ever_open(context, wanted.policy or context.config.policy.profile, hours)
    campaign = Campaign(
        id=derived_id(exchange.client, "campaign", f"key:{key}") if key else new_id(now),
        client=exchange.client,
        name=_name(wanted.name),
        created_ms=now,
        priority=PRIORITIES[wanted.priority],
        sender=_sender(wanted.sender),
        ttl=wanted.ttl or 0,
        in_doubt=InDoubtRule(wanted.in_doubt),
        policy=wanted.policy or "",
        hours=hours,
        creditor=_creditor(wanted.creditor),
        max_segments=wanted.max_segments,
        over_budget=OverBudget(wanted.over_budget),
        consent=wanted.consent == "required",
        data=data_text(wanted.data) if len(wanted.data) else "",
    )
    before = await _made_before(context, campaign) if key else None
    if before is None:
        await context.store.records.create_campaign(campaign)
        context.campaigns.keep(campaign)
    return json_answer(_view(before or campaign), 201)


async def _made_before(context: Context, campaign: Campaign) -> Campaign | None:
    """The campaign already made under this key, if it is the one asked for again."""
    before = await context.store.records.campaign(campaign.client, campaign.id)
    if before is None:
        return None
    same = msgspec.structs.replace(campaign, created_ms=before.created_ms, state=before.state)
    if same != before:
        raise fault("idempotency-conflict", "this key made a campaign with other settings")
    return before


def _name(name: str) -> str:
    if not name.strip() or len(name) > NAME_CHARACTERS:
        raise fault("invalid-field", f"allowed: 1 to {NAME_CHARACTERS} characters", "name")
    return name


def _sender(given: str | None) -> str:
    if given is None:
        return ""
    return sender(given)


def hours_text(given: dict[str, list[str]] | None) -> str:
    """Hours as they are kept; raises CallerError for what are none."""
    if given is None:
        return ""
    try:
        campaign_week(given)
    except ValueError as error:
        raise fault("invalid-field", str(error), "hours") from error
    return msgspec.json.encode(given).decode()


def _check_ever_open(context: Context, profile: str, hours: str) -> None:
    """Hours that no country's rules ever meet would hold every message for good."""
    week = hours_of(hours)
    if week is None or context.calendars is None:
        return
    for policy in context.calendars.book.policies:
        if policy.enabled and narrow(policy.profile(profile), week).ever_open:
            return
    raise fault("invalid-field", f"no country's hours ({profile}) ever meet them", "hours")


def _creditor(given: str | None) -> str:
    return "" if given is None else creditor_name(given)


def creditor_name(given: str) -> str:
    """A creditor's name; raises CallerError for what is none."""
    if not _CREDITOR.fullmatch(given):
        raise fault("invalid-field", "allowed: 1 to 100 Latin letters, digits, ' ._&-'", "creditor")
    return given


async def listed(context: Context, exchange: Exchange) -> Answer:
    """This client's campaigns, newest first."""
    query = exchange.query(CampaignQuery)
    if query.cursor is not None and not (query.cursor.isdecimal() and len(query.cursor) <= 9):
        raise fault("invalid-cursor", f"{query.cursor!r:.60}", "cursor")
    page = await context.store.records.campaigns(exchange.client, query.cursor, query.limit)
    return json_answer(Items([_view(campaign) for campaign in page.items], page.next))


async def read(context: Context, exchange: Exchange) -> Answer:
    """One campaign."""
    campaign = await _find(context, exchange)
    return json_answer(_view(campaign, await _used(context, campaign)))


async def _used(context: Context, campaign: Campaign) -> int | None:
    """Segments that count for its limit; None: it has none."""
    if not campaign.max_segments:
        return None
    return await context.store.records.campaign_used(campaign.id)


async def _find(context: Context, exchange: Exchange) -> Campaign:
    """The campaign of the path as it is now, not as it was a second ago."""
    found = await context.store.records.campaign(exchange.client, exchange.parts[0])
    return found or await context.campaigns.find(exchange.client, exchange.parts[0])


async def change(context: Context, exchange: Exchange) -> Answer:
    """Change its settings, run it, pause it, or cancel it for good."""
    wanted = await exchange.json(_read_change, context.config.http.max_body_bytes)
    changes = _changes(wanted)
    campaign = await _find(context, exchange)
    records = context.store.records
    if changes:
        campaign = (
            await records.update_campaign(campaign.client, campaign.id, **changes) or campaign
        )
    if wanted.state is not None:
        campaign = await _set_state(context, campaign, CampaignState(wanted.state))
    context.campaigns.keep(campaign)
    return json_answer(_view(campaign, await _used(context, campaign)))


def _changes(wanted: CampaignChange) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if wanted.name is not None:
        changes["name"] = _name(wanted.name)
    if wanted.sender is not None:
        changes["sender"] = _sender(wanted.sender)
    if wanted.ttl is not None:
        changes["ttl"] = wanted.ttl
    if wanted.in_doubt is not None:
        changes["in_doubt"] = InDoubtRule(wanted.in_doubt)
    if wanted.max_segments is not None:
        changes["max_segments"] = wanted.max_segments
    if wanted.over_budget is not None:
        changes["over_budget"] = OverBudget(wanted.over_budget)
    if len(wanted.data):
        changes["data"] = data_text(wanted.data)
    return changes


async def _set_state(context: Context, campaign: Campaign, state: CampaignState) -> Campaign:
    store, now = context.store, context.clock()
    changed = await store.records.set_campaign_state(campaign.client, campaign.id, state)
    if state is CampaignState.running:
        await store.queue.resume_campaign(campaign.id, now)
        context.carriers.wake()
    elif state is CampaignState.canceled:
        _beside(store.queue.sweep_canceled(campaign.client, campaign.id, now), campaign.id)
    return changed or campaign


def _beside(sweep: Awaitable[int], campaign: str) -> None:
    """Give its messages their final state in the background: nothing leaves from now on anyway."""

    async def run() -> None:
        try:
            swept = await sweep
        except RecadoError as error:
            log.warning("sweep put off", extra={"campaign": campaign, "detail": str(error)})
        else:
            log.info("campaign canceled", extra={"campaign": campaign, "messages": swept})

    task = asyncio.create_task(run(), name=f"sweep-{campaign}")
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def report(context: Context, exchange: Exchange) -> Answer:
    """A campaign in numbers."""
    campaign = await _find(context, exchange)
    found = await context.store.records.report(exchange.client, campaign.id)
    if found is None:
        raise fault("unknown-campaign", campaign.id)
    return json_answer(
        ReportView(
            campaign=campaign.id,
            messages=found.messages,
            segments=found.segments,
            replies=found.replies,
            by_state=found.by_state,
            by_hour=found.by_hour,
            by_error=found.by_error,
            budget=CampaignBudget(
                used=max(0, found.budget), limit=campaign.max_segments or None, held=found.held
            ),
        )
    )


def _view(campaign: Campaign, used: int | None = None) -> CampaignView:
    return CampaignView(
        id=campaign.id,
        name=campaign.name,
        state=campaign.state.value,
        priority=campaign.priority.name,
        in_doubt=campaign.in_doubt.value,
        created_at=rfc3339(campaign.created_ms),
        sender=campaign.sender or None,
        ttl=campaign.ttl or None,
        policy=campaign.policy or None,  # type: ignore[arg-type]
        hours=msgspec.json.decode(campaign.hours) if campaign.hours else None,
        creditor=campaign.creditor or None,
        max_segments=campaign.max_segments or None,
        used_segments=used,
        over_budget=campaign.over_budget.value if campaign.max_segments else None,
        consent="required" if campaign.consent else None,
        data=msgspec.Raw(campaign.data.encode()) if campaign.data else msgspec.UNSET,
    )
