"""NDJSON over HTTP, SMPP, receipt, event readable: at least half of the baseline."""

from __future__ import annotations

import asyncio
import time

from benchmarks import wording
from benchmarks.gateway import EventReader
from benchmarks.results import Result, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage
from benchmarks.yardstick import Yardstick

SHARE = 0.5


async def run(options: Options) -> Result:
    """100,000 messages through their whole life, the events read to the end meanwhile."""
    size = options.sized(100_000, 10_000)
    result = Result("lifecycle", {"messages": size, "binds": BINDS, "window": WINDOW})
    baseline = Yardstick("lifecycle", size)
    await baseline.take()
    rate = await measure(size, result)
    await baseline.take()
    result.notes |= baseline.notes()
    result.at_least("at least half of the baseline", rate, SHARE, baseline.rate, "messages/s")
    return result


async def measure(
    size: int, result: Result, rules: str = "", first: int = wording.BULK_NUMBERS
) -> float:
    """Messages a second, by no contact rules or by those of a file; what else is in its notes."""
    progress(f"gateway: lifecycle of {size:,}{' by contact rules' if rules else ''}")
    async with stage() as on:
        carrier = on.carrier()
        await carrier.start()
        gateway = await on.gateway(carrier, rules=rules)
        campaign = await gateway.campaign("lifecycle", creditor=wording.CREDITOR)
        await gateway.until_bound(BINDS)
        events = EventReader(gateway)
        messages = list(wording.bulk(size, campaign, first=first))
        meter = await gateway.meter(carrier)
        started = time.monotonic()
        reading = asyncio.create_task(events.until("delivered", size, 600))
        await gateway.upload(messages, size)
        uploaded = time.monotonic()
        await reading
        events.close()
        found = {
            "accepted at": f"{size / (uploaded - started):,.0f} a second",
            "events read": events.kinds,
            "CPU, us a message": meter.each(size),
            "messages a script": await gateway.batches(size),
            "gateway memory": f"{gateway.process.rss_bytes() / 1e6:.0f} MB",
        }
        how = "with rules: " if rules else ""
        result.notes |= {how + name: figure for name, figure in found.items()}
        return size / (events.last_at - started)
