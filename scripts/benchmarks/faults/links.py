"""The carrier drops connections, falls silent, refuses the bind."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks import wording
from benchmarks.faults.ledger import RECORDED, Ledger
from benchmarks.results import Result
from benchmarks.stage import BINDS, stage

DROP_EVERY_S = 2.0
RESPONSE_S = 2
RECEIPTS: dict[str, Any] = {"delay_ms": 200}


async def drops(size: int, result: Result, seconds: float) -> None:
    """Every connection is cut every 2 s for so long, while messages flow."""
    rate = max(100, round(size / seconds))
    async with stage() as on:
        carrier = on.carrier(
            receipts=RECEIPTS, record=RECORDED, delay_ms=20, drop_every_s=DROP_EVERY_S
        )
        gateway = await on.gateway(carrier, rate=rate)
        campaign = await gateway.campaign("drops")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        ledger = Ledger(gateway, carrier, campaign)
        await _watch(ledger, seconds)
        await carrier.set(drop_every_s=0)
        states = await ledger.settled(size, 120)
        cuts = int((await carrier.stats())["links_cut"])
        await ledger.judge(result, "drops every 2 s", size, states, -(-cuts // BINDS))
        result.notes["drops every 2 s: connections cut"] = cuts


async def _watch(ledger: Ledger, seconds: float) -> None:
    """Look at the states for so long."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await ledger.states()
        await asyncio.sleep(0.1)


async def silence(size: int, result: Result) -> None:
    """From a third on the carrier takes and never answers, for one response time and a half.

    Receipts come later than that, so that every unanswered submit is in doubt first.
    """
    late = {"delay_ms": 2_500 * RESPONSE_S}
    async with stage() as on:
        carrier = on.carrier(receipts=late, record=RECORDED, delay_ms=5, silence_after=size // 3)
        gateway = await on.gateway(carrier, response_seconds=RESPONSE_S)
        campaign = await gateway.campaign("silence")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        await carrier.until_submits(size // 3, 60)
        ledger = Ledger(gateway, carrier, campaign)
        await _watch(ledger, 1.5 * RESPONSE_S)
        await carrier.set(silence_after=0)
        states = await ledger.settled(size, 120)
        await ledger.judge(result, "silence", size, states)
        met = ledger.most_in_doubt
        result.holds("silence: submits that came into doubt", met, "messages", met > 0)


async def refusal(size: int, result: Result) -> None:
    """The first ten binds are refused, the next accepted."""
    async with stage() as on:
        carrier = on.carrier(receipts=RECEIPTS, record=RECORDED, refuse_binds=10)
        gateway = await on.gateway(carrier)
        campaign = await gateway.campaign("refusal")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        ledger = Ledger(gateway, carrier, campaign)
        states = await ledger.settled(size, 120)
        await ledger.judge(result, "bind refused", size, states)
        refused = (await carrier.stats())["binds_refused"]
        result.holds("bind refused: refusals met", refused, "binds", refused == 10)
