"""Liveness, readiness, Prometheus, and the description of all this."""

from __future__ import annotations

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.shapes import Health

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


async def alive(context: Context, exchange: Exchange) -> Answer:
    """The process answers."""
    return json_answer(Health("ok"))


async def ready(context: Context, exchange: Exchange) -> Answer:
    """It takes messages and sends them: started, not stopping, and the store answers."""
    if context.stopping:
        return json_answer(Health("not-ready", "stopping"), 503)
    if not context.ready():
        return json_answer(Health("not-ready", "it starts or stops"), 503)
    await context.store.ping()
    return json_answer(Health("ok"))


async def metrics(context: Context, exchange: Exchange) -> Answer:
    """What Prometheus scrapes."""
    return Answer(200, context.metrics.page(), PROMETHEUS)


async def description(context: Context, exchange: Exchange) -> Answer:
    """OpenAPI 3.1."""
    return Answer(200, context.description)


async def page(context: Context, exchange: Exchange) -> Answer:
    """The same for people."""
    return Answer(200, context.page, "text/html; charset=utf-8")
