"""A carrier that answers after 20 ms: at least 85% of window / delay on one bind."""

from __future__ import annotations

from benchmarks import wording
from benchmarks.carrier import SILENT_RECEIPTS
from benchmarks.results import Result, progress
from benchmarks.stage import Options, stage

SHARE = 0.85
DELAY_MS = 20
WINDOWS = (10, 100)


async def run(options: Options) -> Result:
    """One bind, windows of 10 and 100, for about 8 s each."""
    seconds = options.seconds(8, 2)
    result = Result("latency", {"delay_ms": DELAY_MS, "binds": 1, "seconds": seconds})
    for window in WINDOWS:
        rate, delay = await _measure(window, round(window / DELAY_MS * 1e3 * seconds))
        must = f"window {window}: at least 85% of window / measured delay (here the baseline)"
        result.at_least(must, rate, SHARE, window / delay, "messages/s")
        result.notes[f"delay measured at window {window}"] = f"{delay * 1e3:.2f} ms"
    return result


async def _measure(window: int, size: int) -> tuple[float, float]:
    """(messages a second, the carrier's own mean delay in seconds)."""
    progress(f"gateway: {size:,} at window {window}")
    async with stage() as on:
        carrier = on.carrier(receipts=SILENT_RECEIPTS, delay_ms=DELAY_MS)
        gateway = await on.gateway(carrier, binds=1, window=window)
        campaign = await gateway.campaign("latency")
        await gateway.upload(wording.bulk(size, campaign), size)
        await carrier.start()
        stats = await carrier.until_submits(size, 120)
        return float(stats["rate"]), float(stats["response_delay"]["mean_ms"]) / 1e3
