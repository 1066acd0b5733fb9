"""A million waiting messages in 50 lanes: the first is sent within 1 s of the second of opening."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from benchmarks import country, load, wording
from benchmarks.carrier import SILENT_RECEIPTS, Carrier
from benchmarks.gateway import Gateway
from benchmarks.processes import BenchFault
from benchmarks.results import Result, percentile, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage

FIRST_SECONDS = 1.0
STALL_SECONDS = 0.100
LANES = 50
ASK_EVERY = 0.020
BEFORE, AFTER = 2.0, 8.0
"""Seconds around the opening in which the API is asked."""
PUTS_A_SECOND = 5_000
"""So fast at least are messages accepted: how far ahead the opening has to be."""


async def run(options: Options) -> Result:
    """Queue them while the hours are shut; count at the carrier, and ask the API meanwhile."""
    size = options.sized(1_000_000, 20_000)
    result = Result("opening", {"waiting": size, "lanes": LANES, "binds": BINDS, "window": WINDOW})
    opens = _minute_after(time.time() + 20 + size / PUTS_A_SECOND)
    local = datetime.fromtimestamp(opens, UTC).astimezone(ZoneInfo("America/Santiago"))
    if local.hour == 0 and local.minute == 0:
        raise BenchFault("the hours would open at midnight: start again")
    async with stage() as on:
        carrier = on.carrier(receipts=SILENT_RECEIPTS, record={"submits": 1_000, "taken": 0})
        await carrier.start()
        rules = country.from_minute(local.hour * 60 + local.minute)
        gateway = await on.gateway(carrier, rules=rules)
        await gateway.until_bound(BINDS)
        await _fill(gateway, size)
        await _measure(gateway, carrier, opens, size, result)
    return result


def _minute_after(at: float) -> float:
    return float((int(at) // 60 + 1) * 60)


async def _fill(gateway: Gateway, size: int) -> None:
    progress(f"gateway: {size:,} messages in {LANES} lanes")
    share = size // LANES
    for lane in range(LANES):
        campaign = await gateway.campaign(f"lane {lane}")
        messages = wording.bulk(share, campaign, lane * share, first=wording.VALID_NUMBERS)
        await gateway.upload(messages, share)


async def _measure(
    gateway: Gateway, carrier: Carrier, opens: float, size: int, result: Result
) -> None:
    left = opens - BEFORE - time.time()
    if left < 0:
        raise BenchFault(f"filling took {-left:.0f} s too long: it opened before all were queued")
    if (await carrier.stats())["submits"]:
        raise BenchFault("something was sent before the opening")
    progress(f"gateway: waiting {left:.0f} s for the opening")
    await asyncio.sleep(left)
    answers = await _ask(gateway, BEFORE + AFTER)
    stats = await carrier.stats()
    clock = time.time() - time.monotonic()
    first = min(submit.at for submit in await carrier.submits()) + clock - opens
    result.holds("first submit within 1 s of the opening", first, "s", 0 <= first <= FIRST_SECONDS)
    took = [answer.answered_at - answer.sent_at for answer in answers]
    worst = max(took)
    must = "longest stall of the API under 100 ms"
    result.holds(must, worst * 1e3, "ms", worst <= STALL_SECONDS)
    usual, slow = percentile(took, 0.5) * 1e3, percentile(took, 0.99) * 1e3
    result.notes |= {
        "API, p50 and p99": f"{usual:.1f} and {slow:.1f} ms of {len(took)}",
        "rate after the opening": f"{stats['submits'] / (AFTER - first):,.0f} a second",
    }


async def _ask(gateway: Gateway, seconds: float) -> list[load.Answer]:
    """GET /healthz every 20 ms; one that is late delays the next, and is counted whole."""
    end = time.monotonic() + seconds
    client, found = load.Client(gateway.address), []
    while (now := time.monotonic()) < end:
        found.append(await client.ask("GET", "/healthz"))
        await asyncio.sleep(max(0.0, now + ASK_EVERY - time.monotonic()))
    client.close()
    return found
