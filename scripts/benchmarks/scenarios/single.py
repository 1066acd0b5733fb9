"""One POST a message on 50 connections, through to the receipt: at least 30% of the baseline."""

from __future__ import annotations

import time

from benchmarks import load, wording
from benchmarks.results import Result, percentile, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage
from benchmarks.yardstick import Yardstick

SHARE = 0.3
CONNECTIONS = 50


async def run(options: Options) -> Result:
    """40,000 messages, each in a request of its own."""
    size = options.sized(40_000, 4_000)
    result = Result(
        "single",
        {"messages": size, "connections": CONNECTIONS, "binds": BINDS, "window": WINDOW},
    )
    baseline = Yardstick("lifecycle", size)
    await baseline.take()
    rate = await _measure(size, result)
    await baseline.take()
    result.notes |= baseline.notes()
    result.at_least("at least 30% of the baseline", rate, SHARE, baseline.rate, "messages/s")
    return result


async def _measure(size: int, result: Result) -> float:
    progress(f"gateway: {size:,} single posts")
    async with stage() as on:
        carrier = on.carrier()
        await carrier.start()
        gateway = await on.gateway(carrier)
        campaign = await gateway.campaign("single")
        await gateway.until_bound(BINDS)
        requests = [
            gateway.address.request("POST", "/v1/messages", message)
            for message in wording.bulk(size, campaign)
        ]
        meter = await gateway.meter(carrier)
        posters = load.Posters(iter(requests))
        started = time.monotonic()
        await posters.run(gateway.port, CONNECTIONS)
        posted = time.monotonic()
        await gateway.until_states(campaign, size, 300, "delivered")
        ended = time.monotonic()
        result.notes |= {
            "accepted at": f"{size / (posted - started):,.0f} a second",
            "CPU, us a message": meter.each(size),
            "messages a script": await gateway.batches(size),
            "answers": posters.statuses,
            "answer p50, p99": f"{percentile(posters.seconds, 0.5) * 1e3:.1f} ms, "
            f"{percentile(posters.seconds, 0.99) * 1e3:.1f} ms",
        }
        if posters.refusals:
            result.notes["refusals"] = [str(body) for body in posters.refusals]
        return size / (ended - started)
