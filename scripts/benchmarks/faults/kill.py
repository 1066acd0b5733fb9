"""kill -9 of the gateway in the middle of a drain, and a restart."""

from __future__ import annotations

import time

from benchmarks import wording
from benchmarks.faults.ledger import RECORDED, Ledger
from benchmarks.results import Result
from benchmarks.stage import stage

RECEIPTS_AFTER_MS = 1_500
"""Receipts of what was on the wire at the crash come after the restart."""


async def run(size: int, result: Result) -> None:
    """A drain of ``size`` is killed at a third, and goes on in a new process."""
    async with stage() as on:
        carrier = on.carrier(receipts={"delay_ms": RECEIPTS_AFTER_MS}, record=RECORDED, delay_ms=5)
        gateway = await on.gateway(carrier)
        campaign = await gateway.campaign("kill")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        await carrier.until_submits(size // 3, 60)
        await gateway.kill()
        killed = time.monotonic()
        await gateway.start()
        ledger = Ledger(gateway, carrier, campaign)
        await ledger.states()
        back = time.monotonic() - killed
        states = await ledger.settled(size, 120)
        await ledger.judge(result, "kill -9", size, states)
        result.notes["kill -9: answers again after"] = f"{back:.1f} s"
