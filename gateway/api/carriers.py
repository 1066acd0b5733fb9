"""The carriers of this process: what they do now, and a hand on the brake."""

from __future__ import annotations

import msgspec

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.problems import fault, nearest
from gateway.api.shapes import Items, UnreadView
from gateway.api.tally import rfc3339
from gateway.errors import CallerError


async def listed(context: Context, exchange: Exchange) -> Answer:
    """Each carrier: binds, rate, window, what limits it now."""
    return json_answer(Items(context.carriers.status()))


async def unread(context: Context, exchange: Exchange) -> Answer:
    """The last receipts of which something could not be read, newest first, numbers masked."""
    name = exchange.parts[0]
    kept = context.carriers.unread(name)
    if kept is None:
        raise unknown(context, name)
    views = [{**one, "at": rfc3339(one["at_ms"])} for one in kept]
    return json_answer(Items([msgspec.convert(one, UnreadView) for one in views]))


async def pause(context: Context, exchange: Exchange) -> Answer:
    """Send nothing over it until it is resumed; its binds stay."""
    name = exchange.parts[0]
    return _one(context, name, known=await context.carriers.pause(name))


async def resume(context: Context, exchange: Exchange) -> Answer:
    """Send over it again."""
    name = exchange.parts[0]
    return _one(context, name, known=await context.carriers.resume(name))


def _one(context: Context, name: str, *, known: bool) -> Answer:
    if known:
        for status in context.carriers.status():
            if status["name"] == name:
                return json_answer(status)
    raise unknown(context, name)


def unknown(context: Context, name: str) -> CallerError:
    """The problem of a name that no carrier has; it tells those that there are."""
    known = [str(status["name"]) for status in context.carriers.status()]
    return fault("unknown-carrier", f"{name!r:.70}{nearest(name, known) if known else ''}")
