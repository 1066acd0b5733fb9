"""What a queued message takes in the store, and what a backlog takes in the gateway."""

from __future__ import annotations

from benchmarks import resp, wording
from benchmarks.gateway import Gateway
from benchmarks.results import Result, progress
from benchmarks.stage import Options, stage

STORE_BYTES = 650
GROWTH_MB = 30
FEW = 10_000
SOME = 200_000


async def run(options: Options) -> Result:
    """10,000, 200,000 and 2,000,000 queued one-segment messages with campaign and ref."""
    many = options.sized(2_000_000, 50_000)
    some, few = min(SOME, many), min(FEW, many // 2)
    result = Result("memory", {"few": few, "some": some, "many": many})
    async with stage() as on:
        gateway = await on.gateway(on.carrier())
        campaign = await gateway.campaign("memory")
        empty = await used_memory(gateway)
        await _queue(gateway, campaign, 0, few)
        few_rss = gateway.process.rss_bytes()
        await _queue(gateway, campaign, few, some)
        each = (await used_memory(gateway) - empty) / some
        result.holds(
            f"at most {STORE_BYTES} bytes of store for a queued message with its look-ups",
            each, "bytes", each <= STORE_BYTES,
        )  # fmt: skip
        await _queue(gateway, campaign, some, many)
        growth = (gateway.process.rss_bytes() - few_rss) / 1e6
        result.holds(
            f"the gateway's memory with {many:,} queued is within {GROWTH_MB} MB of {few:,}",
            growth, "MB more", growth <= GROWTH_MB,
        )  # fmt: skip
        result.notes |= {
            "gateway memory with few": f"{few_rss / 1e6:.0f} MB",
            "store bytes each with many": round((await used_memory(gateway) - empty) / many),
        }
    return result


async def _queue(gateway: Gateway, campaign: str, start: int, end: int) -> None:
    if end == start:
        return
    progress(f"gateway: queue {start:,} to {end:,}")
    await gateway.upload(wording.bulk(end - start, campaign, start), end - start)


async def used_memory(gateway: Gateway) -> int:
    """What the store has allocated for everything, in bytes."""
    return int((await resp.info(gateway.socket, "memory"))["used_memory"])
