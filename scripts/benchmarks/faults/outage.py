"""Redis is stopped in the middle of submits, sends and receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

from benchmarks import load, wording
from benchmarks.carrier import Carrier
from benchmarks.faults.ledger import RECORDED, Ledger
from benchmarks.gateway import Gateway
from benchmarks.processes import until
from benchmarks.results import Result
from benchmarks.stage import Stage, stage
from benchmarks.store import Server

CONNECTIONS = 10
NAME = "store stopped"
RECEIPTS: dict[str, Any] = {"delay_ms": 200, "resend_delay_ms": 500}


async def run(size: int, result: Result, seconds: float) -> None:
    """The store is away for so long while callers post, messages leave and receipts come."""
    async with stage() as on:
        server = Server(on.crew, on.folder / "store")
        await server.start()
        carrier = on.carrier(receipts=RECEIPTS, record=RECORDED, delay_ms=5)
        await carrier.start()
        gateway = await _gateway(on, server, carrier)
        campaign = await gateway.campaign("outage")
        await gateway.upload(wording.bulk(size, campaign), size)
        posters = load.Posters(_requests(gateway.address, campaign, size), patience=0.2)
        posting = asyncio.create_task(posters.run(gateway.port, CONNECTIONS))
        await carrier.until_submits(size // 4, 60)
        await _outage(server, carrier, posters, result, seconds)
        await _accepted_again(posters)
        posters.stop()
        await posting
        await _judge(gateway, carrier, campaign, size, posters, result)


async def _gateway(on: Stage, server: Server, carrier: Carrier) -> Gateway:
    gateway = Gateway(on.crew, on.folder, carrier.port, url=server.url)
    await gateway.start()
    return gateway


def _requests(address: load.Address, campaign: str, start: int) -> Iterator[bytes]:
    for index in count(start):
        yield address.request("POST", "/v1/messages", wording.message(index, campaign))


async def _outage(
    server: Server, carrier: Carrier, posters: load.Posters, result: Result, seconds: float
) -> None:
    await server.stop()
    refused = posters.statuses.get(503, 0)
    settle = min(1.0, seconds / 2)
    await asyncio.sleep(settle)  # answers under way when the store went
    before = await _acknowledged(carrier)
    await asyncio.sleep(seconds - settle)
    meanwhile = await _acknowledged(carrier) - before
    refused = posters.statuses.get(503, 0) - refused
    await server.start()
    result.holds(f"{NAME}: callers got 503", refused, "answers", refused > 0)
    result.holds(f"{NAME}: receipts acknowledged meanwhile", meanwhile, "receipts", meanwhile == 0)
    missing = sum(not after for after in posters.retry_after)
    result.holds(f"{NAME}: 503 without Retry-After", missing, "answers", missing == 0)


async def _acknowledged(carrier: Carrier) -> int:
    """Deliveries answered with ESME_ROK so far."""
    accounts = (await carrier.stats())["accounts"].values()
    return sum(a["deliveries"]["statuses"].get("ESME_ROK", 0) for a in accounts)


async def _accepted_again(posters: load.Posters) -> None:
    had = posters.accepted

    async def look() -> bool | None:
        return True if posters.accepted > had else None

    await until(look, "a message to be accepted again", 60)


async def _judge(
    gateway: Gateway,
    carrier: Carrier,
    campaign: str,
    size: int,
    posters: load.Posters,
    result: Result,
) -> None:
    """A 503 may have been committed all the same, so the store may hold more than was accepted."""
    ledger = Ledger(gateway, carrier, campaign)
    held = sum((await ledger.states()).values())
    accepted = size + posters.accepted
    result.holds(f"{NAME}: accepted and not held", accepted - held, "messages", held >= accepted)
    strange = sum(n for status, n in posters.statuses.items() if status not in (202, 503))
    result.holds(f"{NAME}: answers other than 202 and 503", strange, "answers", strange == 0)
    states = await ledger.settled(held, 180)
    await ledger.judge(result, NAME, held, states)
    result.notes[f"{NAME}: answers"] = posters.statuses
