"""With 500,000 bulk messages queued, an urgent one is on the wire within 50 ms of its 202."""

from __future__ import annotations

import asyncio
import random

from benchmarks import load, wording
from benchmarks.carrier import SILENT_RECEIPTS, Carrier
from benchmarks.gateway import Gateway
from benchmarks.processes import BenchFault, until
from benchmarks.results import Result, percentile, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage

LIMIT_SECONDS = 0.050
RATES = (200, 0)
URGENT_A_SECOND = 25
FIRST = wording.URGENT_NUMBERS


async def run(options: Options) -> Result:
    """300 urgent messages at random moments of a drain at 200 a second, and of one unlimited."""
    size = options.sized(500_000, 30_000)
    samples = 60 if options.quick else 300
    result = Result(
        "urgent", {"backlog": size, "urgent": samples, "binds": BINDS, "window": WINDOW}
    )
    for rate in RATES:
        await _measure(size, samples, rate, result)
    return result


async def _measure(size: int, samples: int, rate: int, result: Result) -> None:
    how = f"at {rate} segments a second" if rate else "without a limit"
    progress(f"gateway: urgent among {size:,}, draining {how}")
    async with stage() as on:
        carrier = on.carrier(
            receipts=SILENT_RECEIPTS,
            record={"submits": size + samples, "taken": 0, "texts": False},
        )
        gateway = await on.gateway(carrier, rate=rate)
        campaign = await gateway.campaign("bulk")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        await carrier.until_submits(BINDS * WINDOW, 60)
        answered = await _post(gateway, carrier, samples, size)
        late = await _on_the_wire(carrier, answered)
    must = f"{how}: within 50 ms of the 202 at the 99th percentile"
    found = percentile(late, 0.99)
    result.holds(must, found * 1e3, "ms", found <= LIMIT_SECONDS)
    result.notes[f"{how}: p50, most, samples"] = (
        f"{percentile(late, 0.5) * 1e3:.1f} ms, {max(late) * 1e3:.1f} ms, {len(late)}"
    )


async def _post(
    gateway: Gateway, carrier: Carrier, samples: int, size: int
) -> dict[str, load.Answer]:
    """Post urgent messages at random moments while bulk is left; recipient to answer."""
    answered: dict[str, load.Answer] = {}
    moments = random.Random(1)
    for index in range(samples):
        await asyncio.sleep(moments.expovariate(URGENT_A_SECOND))
        to = wording.number(index, FIRST)
        message = {"to": f"+{to}", "text": wording.text(index), "priority": "urgent"}
        answer = await gateway.client.ask("POST", "/v1/messages", message)
        if answer.status != 202:
            raise BenchFault(f"an urgent message was answered {answer.status}: {answer.body!r}")
        answered[to] = answer
        if index % 20 == 19 and (await carrier.stats())["submits"] > 0.95 * size:
            break
    return answered


async def _on_the_wire(carrier: Carrier, answered: dict[str, load.Answer]) -> list[float]:
    """Seconds from each 202 to the submit; below 0 where the wire was first."""

    async def look() -> dict[str, float] | None:
        prefix = wording.number(0, FIRST)[:4]
        found = {submit.to: submit.at for submit in await carrier.submits(prefix)}
        return found if len(found) >= len(answered) else None

    found = await until(look, "the urgent messages at the carrier", 60, pause=1.0)
    return [found[to] - answer.answered_at for to, answer in answered.items()]
