"""Messages whose recipients nobody knew where to find, and now somebody does.

They wait under the calendar ``held``. A zone or region that is told takes them to the calendar it
stands for; and a message that is put there as it comes is looked at once more, after it is
committed: whichever of the two comes second sees the first.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api.context import Context
from gateway.message import Campaign, MessageState
from gateway.policies import hours_of
from gateway.policy.calendars import HELD, Calendars
from gateway.store.contacts import EVERYONE, Known, whereabouts
from gateway.store.types import Put, PutResult
from gateway.store.waiting import Held

_WAITS = (MessageState.queued, MessageState.scheduled)


async def release(context: Context, numbers: Iterable[str]) -> int:
    """Take the messages for these numbers out of ``held``; answers how many went."""
    if context.calendars is None:
        return 0
    now = context.clock()
    held = await context.store.waiting.under(HELD, numbers, now)
    moves = await _moves(context, context.calendars, held) if held else {}
    if not moves:
        return 0
    moved = await context.store.queue.move(HELD, moves, now)
    context.carriers.wake()
    return moved


async def look_again(context: Context, puts: Iterable[Put], results: Iterable[PutResult]) -> None:
    """Take new messages out of ``held`` whose recipients' zones are stored; says so in the put."""
    calendars = context.calendars
    if calendars is None:
        return
    fresh = {
        put.message.id: put
        for put, result in zip(puts, results, strict=True)
        if put.message.calendar == HELD and result.kind == "new" and result.state in _WAITS
    }
    if not fresh:
        return
    messages = [put.message for put in fresh.values()]
    moves = await _moves(
        context, calendars, [Held(m.id, m.client, m.campaign, m.to) for m in messages]
    )
    if not moves:
        return
    now = context.clock()
    await context.store.queue.move(HELD, moves, now)
    context.carriers.wake()
    for id, calendar in moves.items():
        fresh[id].hold, fresh[id].opens_ms = calendars.sleep(calendar, now)


async def _moves(context: Context, calendars: Calendars, held: list[Held]) -> dict[str, str]:
    """To which calendar each of these belongs, as far as it is known now."""
    campaigns = {
        (one.client, one.campaign): await _campaign(context, one.client, one.campaign)
        for one in held
    }
    of = [campaigns[one.client, one.campaign] for one in held]
    numbers = sorted({one.to for one in held})
    creditors = {(c and c.creditor) or one.client for one, c in zip(held, of, strict=True)}
    known: dict[tuple[str, str], Known | None] = {}
    for creditor in {EVERYONE, *creditors}:
        found = await context.store.contacts.known(creditor, numbers)
        known |= {(creditor, n): k for n, k in zip(numbers, found, strict=True)}
    moves: dict[str, str] = {}
    for one, campaign in zip(held, of, strict=True):
        creditor = (campaign and campaign.creditor) or one.client
        zones, region = whereabouts(known[creditor, one.to], known[EVERYONE, one.to])
        if not zones and not region:
            continue
        calendar = calendars.name(
            calendars.book.places.find(one.to, zones, region),
            (campaign and campaign.policy) or context.config.policy.profile,
            hours_of(campaign.hours) if campaign else None,
        )
        if calendar != HELD:
            moves[one.id] = calendar
    return moves


async def _campaign(context: Context, client: str, id: str) -> Campaign | None:
    if not id:
        return None
    return context.campaigns.known(client, id) or await context.store.records.campaign(client, id)
