"""The carriers of this process: what they do now, and a hand on the brake."""

from __future__ import annotations

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.problems import fault
from gateway.api.shapes import Items


async def listed(context: Context, exchange: Exchange) -> Answer:
    """Each carrier: binds, rate, window, what limits it now."""
    return json_answer(Items(context.carriers.status()))


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
    raise fault("unknown-carrier", f"{name!r:.70}")
