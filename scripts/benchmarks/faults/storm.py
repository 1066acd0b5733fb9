"""100,000 receipts at once while messages are submitted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks import load, wording
from benchmarks.faults.ledger import RECORDED
from benchmarks.gateway import Gateway
from benchmarks.processes import BenchFault
from benchmarks.results import Result
from benchmarks.stage import stage

CONNECTIONS = 10
GROWTH_MB = 64
NAME = "receipt storm"
NO_RECEIPTS: dict[str, Any] = {"share": 0.0}


async def run(size: int, result: Result) -> None:
    """``size`` messages are sent without receipts; then all receipts come while more are posted."""
    async with stage() as on:
        carrier = on.carrier(receipts=NO_RECEIPTS, record={**RECORDED, "taken": size})
        await carrier.start()
        gateway = await on.gateway(carrier)
        campaign = await gateway.campaign("storm")
        await gateway.upload(wording.bulk(size, campaign), size)
        await gateway.until_states(campaign, size, 300, "submitted")
        posters = load.Posters(_requests(gateway.address, await gateway.campaign("meanwhile")))
        before = gateway.process.rss_bytes()
        sent = await carrier.storm(size)
        if sent != size:
            raise BenchFault(f"the storm had {sent} receipts, not {size}")
        started = time.monotonic()
        posting = asyncio.create_task(posters.run(gateway.port, CONNECTIONS))
        peak = await _through(gateway, campaign, size)
        seconds = time.monotonic() - started
        taken, accepted = (await carrier.stats())["submits"] - size, posters.accepted
        posters.stop()
        await posting
        _judge(result, (peak - before) / 1e6, accepted, taken)
        result.notes[NAME] = (
            f"{size / seconds:,.0f} receipts a second; meanwhile {accepted / seconds:,.0f} "
            f"accepted and {taken / seconds:,.0f} sent a second"
        )


def _requests(address: load.Address, campaign: str) -> Iterator[bytes]:
    for index in count():
        message = wording.message(index, campaign, first=wording.URGENT_NUMBERS)
        yield address.request("POST", "/v1/messages", message)


async def _through(gateway: Gateway, campaign: str, size: int) -> int:
    """Wait until every receipt has arrived; the most memory the gateway had, in bytes."""
    peak = 0
    end = time.monotonic() + 300
    while time.monotonic() < end:
        peak = max(peak, gateway.process.rss_bytes())
        if (await gateway.by_state(campaign)).get("delivered", 0) >= size:
            return peak
        await asyncio.sleep(0.05)
    raise BenchFault("waited 300 s for the storm's receipts")


def _judge(result: Result, growth: float, accepted: int, taken: int) -> None:
    result.holds(f"{NAME}: memory grows by at most {GROWTH_MB} MB", growth, "MB",
                 growth <= GROWTH_MB)  # fmt: skip
    result.holds(f"{NAME}: accepting goes on", accepted, "messages", accepted > 0)
    result.holds(f"{NAME}: sending goes on", taken, "messages", taken > 0)
