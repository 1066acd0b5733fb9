"""While 50 connections post as fast as they can, sending keeps half of the rate it has alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import count

from benchmarks import load, wording
from benchmarks.carrier import SILENT_RECEIPTS, Carrier
from benchmarks.results import Result, progress
from benchmarks.scenarios.drain import gateway_drain
from benchmarks.stage import BINDS, WINDOW, Options, stage

SHARE = 0.5
CONNECTIONS = 50


async def run(options: Options) -> Result:
    """A drain alone, then one of a like backlog while single posts come in."""
    size = options.sized(100_000, 10_000)
    seconds = options.seconds(10, 3)
    result = Result(
        "mixed",
        {
            "alone": size,
            "connections": CONNECTIONS,
            "seconds": seconds,
            "binds": BINDS,
            "window": WINDOW,
        },
    )
    before = await gateway_drain(size)
    sending, arriving = await _together(round(before * (seconds + 2)), seconds)
    after = await gateway_drain(size)
    result.notes |= {
        "alone, before and after": f"{before:,.0f} and {after:,.0f} a second",
        "accepted meanwhile": f"{arriving:,.0f} a second",
    }
    alone = (before + after) / 2
    must = "sending keeps half of its rate alone (here the baseline), or sends all that arrives"
    result.at_least(must, sending, min(SHARE, arriving / alone), alone, "messages/s")
    return result


async def _together(backlog: int, seconds: float) -> tuple[float, float]:
    """(sent, accepted) messages a second, with a backlog that outlasts the measurement."""
    progress(f"gateway: {CONNECTIONS} connections post while {backlog:,} are sent")
    async with stage() as on:
        carrier = on.carrier(receipts=SILENT_RECEIPTS)
        gateway = await on.gateway(carrier)
        campaign = await gateway.campaign("mixed")
        await gateway.upload(wording.bulk(backlog, campaign), backlog)
        posters = load.Posters(_requests(gateway.address, campaign, backlog))
        posting = asyncio.create_task(posters.run(gateway.port, CONNECTIONS))
        await carrier.start()
        await carrier.until_submits(1, 60)
        sent, accepted, span = await _over(carrier, posters, seconds)
        posters.stop()
        await posting
        return sent / span, accepted / span


def _requests(address: load.Address, campaign: str, start: int) -> Iterator[bytes]:
    for index in count(start):
        yield address.request("POST", "/v1/messages", wording.message(index, campaign))


async def _over(carrier: Carrier, posters: load.Posters, seconds: float) -> tuple[int, int, float]:
    """(sent, accepted, seconds) over about so many seconds."""
    sent, accepted, at = (await carrier.stats())["submits"], posters.accepted, time.monotonic()
    await asyncio.sleep(seconds)
    now = (await carrier.stats())["submits"], posters.accepted, time.monotonic()
    return now[0] - sent, now[1] - accepted, now[2] - at
