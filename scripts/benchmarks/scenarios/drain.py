"""A full queue and a carrier that comes up: half of the baseline's drain, whatever the backlog."""

from __future__ import annotations

from benchmarks import wording
from benchmarks.carrier import SILENT_RECEIPTS
from benchmarks.results import Result, median, progress
from benchmarks.stage import BINDS, WINDOW, Options, stage
from benchmarks.yardstick import Yardstick

SHARE = 0.5
BACKLOG_SHARE = 0.85
FEW = 20_000
FEW_RUNS = 3


async def run(options: Options) -> Result:
    """200,000 queued; with ``--backlog N`` also N queued against 20,000."""
    size = options.sized(200_000, 20_000)
    result = Result("drain", {"messages": size, "binds": BINDS, "window": WINDOW})
    baseline = Yardstick("drain", size)
    await baseline.take()
    rate = await gateway_drain(size)
    await baseline.take()
    result.notes |= baseline.notes()
    must = "at least half of the baseline's drain"
    result.at_least(must, rate, SHARE, baseline.rate, "messages/s")
    if options.backlog:
        await _compare(options.backlog, result)
    return result


async def _compare(backlog: int, result: Result) -> None:
    result.settings["backlog"] = backlog
    few = [await gateway_drain(FEW) for _ in range(FEW_RUNS)]
    many = await gateway_drain(backlog)
    few += [await gateway_drain(FEW) for _ in range(FEW_RUNS)]
    result.notes[f"drains of {FEW:,}"] = [round(rate) for rate in few]
    must = f"with {backlog:,} queued within 15% of the rate with {FEW:,} (here the baseline)"
    result.at_least(must, many, BACKLOG_SHARE, median(few), "messages/s")


async def gateway_drain(size: int) -> float:
    """Messages a second from first to last submit, as the carrier counts them."""
    progress(f"gateway: drain of {size:,}")
    async with stage() as on:
        carrier = on.carrier(receipts=SILENT_RECEIPTS)
        gateway = await on.gateway(carrier)
        campaign = await gateway.campaign("drain")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        stats = await carrier.until_submits(size, 60 + size / 1_000)
        await gateway.until_states(campaign, size, 60, "submitted")
        return float(stats["rate"])
