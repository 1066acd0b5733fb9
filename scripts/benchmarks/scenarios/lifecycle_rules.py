"""The life of messages with Chile's rules and caps: 8,000 a second, or 0.8 of that without."""

from __future__ import annotations

from benchmarks import country, wording
from benchmarks.results import Result
from benchmarks.scenarios.lifecycle import measure
from benchmarks.stage import BINDS, WINDOW, Options

WANTED = 8_000
SHARE = 0.8


async def run(options: Options) -> Result:
    """``lifecycle`` without rules, with them, and without again: each debtor once."""
    size = options.sized(100_000, 10_000)
    result = Result("lifecycle_rules", {"messages": size, "binds": BINDS, "window": WINDOW})
    first = wording.VALID_NUMBERS
    before = await measure(size, result, first=first)
    rate = await measure(size, result, country.always(), first)
    after = await measure(size, result, first=first)
    without = (before + after) / 2
    result.notes["without rules, before and after"] = f"{before:,.0f} and {after:,.0f} a second"
    must = f"{WANTED:,} a second, or {SHARE} of the same without rules (here the baseline)"
    result.at_least(must, rate, min(SHARE, WANTED / without), without, "messages/s")
    return result
