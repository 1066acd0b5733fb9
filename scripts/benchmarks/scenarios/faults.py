"""kill -9, dropped links, silence, refused binds, a stopped store, a receipt storm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from benchmarks.faults import kill, links, outage, storm
from benchmarks.processes import BenchFault
from benchmarks.results import Result, progress
from benchmarks.stage import BINDS, WINDOW, Options


async def run(options: Options) -> Result:
    """Each fault with real processes; one that cannot be carried out fails, the rest run."""
    size = options.sized(20_000, 2_000)
    many = 5 * size
    seconds = options.seconds(20, 6)
    result = Result("faults", {"messages": size, "storm": many, "binds": BINDS, "window": WINDOW})
    parts: dict[str, Callable[[], Awaitable[None]]] = {
        "kill -9": lambda: kill.run(size, result),
        "drops": lambda: links.drops(size, result, seconds),
        "silence": lambda: links.silence(size, result),
        "refusal": lambda: links.refusal(size, result),
        "outage": lambda: outage.run(size, result, seconds / 2),
        "storm": lambda: storm.run(many, result),
    }
    for name, part in parts.items():
        if options.only and options.only != name:
            continue
        progress(f"gateway: {name}")
        try:
            await part()
        except (BenchFault, TimeoutError, OSError) as fault:
            result.holds(f"{name}: carried out ({fault})", 0, "", False)
    return result
