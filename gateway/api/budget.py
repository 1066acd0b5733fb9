"""Budgets: what a client, or a campaign, has left; and many messages measured before any is taken.

The count itself is the store's, in the step that takes a message. What is measured here is only a
look before: between it and the last message others may have spent the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import Origin
from gateway.api.pipeline import BATCH
from gateway.api.problems import BudgetView, Refusal, store_unavailable
from gateway.api.records import Record
from gateway.api.shapes import ClientBudgetView, MessageIn, SubmitQuery
from gateway.api.tally import over_budget, rfc3339
from gateway.errors import CallerError, StoreUnavailable
from gateway.message import Campaign, OverBudget
from gateway.store.types import Put


async def budget(context: Context, exchange: Exchange) -> Answer:
    """The client's segments of the day: used, and what is left."""
    queue, client = context.store.queue, exchange.client
    (day, _), (_, resets_ms) = queue.days(context.clock())[:2]
    limit = queue.budgets.get(client)
    used = await context.store.records.used(client, day) if limit else None
    return json_answer(
        ClientBudgetView(
            day=day,
            zone=context.config.policy.budget_zone,
            resets_at=rfc3339(resets_ms),
            limit=limit.segments if limit else None,
            used=used,
            left=max(0, limit.segments - (used or 0)) if limit else None,
            over_budget="hold" if limit and limit.hold else "refuse",
        )
    )


async def announced(context: Context, client: str, query: SubmitQuery) -> None:
    """Hold what a stream says it will cost against the budgets.

    Raises CallerError ``over-budget``, before the first line is read.
    """
    segments = max(query.segments, query.messages)
    if not segments:
        return
    try:
        if query.campaign is not None:
            campaign = await context.campaigns.find(client, query.campaign)
            await _check_campaign(context, campaign, segments)
        await _check_client(context, client, segments)
    except StoreUnavailable as error:
        raise store_unavailable(error) from error


async def measured(context: Context, origin: Origin, records: list[Record]) -> None:
    """Hold a whole array against the budgets; raises CallerError ``over-budget``."""
    client = origin.client
    lines = [(index, line) for index, line, _ in records if isinstance(line, MessageIn)]
    try:
        found = await context.campaigns.find_all(
            client, {line.campaign for _, line in lines if line.campaign is not None}
        )
        campaigns = {id: c for id, c in found.items() if isinstance(c, Campaign)}
        limited = [campaign for campaign in campaigns.values() if _campaign_limit(campaign)]
        if not limited and _limit(context, client) is None:
            return
        puts = await _puts(context, origin, lines, campaigns)
        for campaign in limited:
            mine = [put for put in puts if put.message.campaign == campaign.id]
            await _check_campaign(context, campaign, _segments(mine), mine)
        await _check_client(context, client, _segments(puts), puts)
    except StoreUnavailable as error:
        raise store_unavailable(error) from error


async def _puts(
    context: Context,
    origin: Origin,
    lines: list[tuple[int, MessageIn]],
    campaigns: dict[str, Campaign],
) -> list[Put]:
    """What would be taken and cost something."""
    puts: list[Put] = []
    now = context.clock()
    for number, (index, line) in enumerate(lines, 1):
        if line.campaign is not None and line.campaign not in campaigns:
            continue
        campaign = campaigns[line.campaign] if line.campaign is not None else None
        try:
            put = context.intake.put(line, campaign, origin, index, now)
        except CallerError:
            continue
        if not put.blocked:
            puts.append(put)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    return puts


def _segments(puts: Iterable[Put]) -> int:
    return sum(put.message.segments for put in puts)


def _limit(context: Context, client: str) -> int | None:
    """The client's segments a day, if it is refused what is over them."""
    found = context.store.queue.budgets.get(client)
    return found.segments if found and not found.hold else None


async def _check_client(
    context: Context, client: str, segments: int, puts: list[Put] | None = None
) -> None:
    limit = _limit(context, client)
    if limit is None:
        return
    (day, _), (_, resets_ms) = context.store.queue.days(context.clock())[:2]
    used = await context.store.records.used(client, day)
    if used + segments > limit and used + await _new(context, segments, puts) > limit:
        raise _too_much(segments, BudgetView(of="client", used=used, limit=limit,
                                             resets_at=rfc3339(resets_ms)))  # fmt: skip


def _campaign_limit(campaign: Campaign) -> int:
    """The campaign's segments, if it is refused what is over them; else 0."""
    return campaign.max_segments if campaign.over_budget is OverBudget.refuse else 0


async def _check_campaign(
    context: Context, campaign: Campaign, segments: int, puts: list[Put] | None = None
) -> None:
    limit = _campaign_limit(campaign)
    if not limit:
        return
    used = await context.store.records.campaign_used(campaign.id)
    if used + segments > limit and used + await _new(context, segments, puts) > limit:
        raise _too_much(segments, BudgetView(of="campaign", used=used, limit=limit))


async def _new(context: Context, segments: int, puts: list[Put] | None) -> int:
    """The segments of messages that are not there yet: a repeat costs nothing."""
    if puts is None:
        return segments
    kept = await context.store.records.kept([put.message.id for put in puts if put.derived])
    return sum(
        {p.message.id: p.message.segments for p in puts if p.message.id not in kept}.values()
    )


def _too_much(segments: int, view: BudgetView) -> Refusal:
    return over_budget(view, f"{segments} segments; nothing of it was taken")
