"""A million mutated PDUs to both ends: each met as SMPP 3.4 says, the session alive after it.

Half of ``--pdus`` go to a session in the ESME role, half to one in the SMSC role, each in a process
of its own. A night is ``scripts/bench fuzz --pdus 200000000``; without ``--seed`` each run draws
its own. ``--only esme:12`` repeats one block.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import Any

import orjson

from benchmarks.fuzz.block import PDUS
from benchmarks.processes import BenchFault
from benchmarks.results import Result, progress
from benchmarks.stage import Options

FULL, QUICK = 1_000_000, 100_000
READERS = ("esme", "smsc")


async def run(options: Options) -> Result:
    """All of it, or the one block that ``only`` names."""
    seed = secrets.randbits(32) if options.seed is None else options.seed
    pdus = options.pdus or options.sized(FULL, QUICK)
    result = Result("fuzz", {"pdus": pdus, "seed": seed})
    if options.only:
        reader, _, block = options.only.partition(":")
        if reader not in READERS or not block.isdecimal():
            raise BenchFault(f"--only {options.only}: esme:BLOCK or smsc:BLOCK")
        result.settings["pdus"] = PDUS
        _tell(result, await fuzzed(reader, seed, PDUS, int(block)))
        return result
    progress(f"{pdus:,} PDUs, seed {seed}")
    for found in await asyncio.gather(*(fuzzed(reader, seed, pdus // 2) for reader in READERS)):
        _tell(result, found)
    return result


async def fuzzed(reader: str, seed: int, pdus: int, first: int = 0) -> dict[str, Any]:
    """What a process of :mod:`benchmarks.fuzz` found. Raises BenchFault if it says nothing."""
    words = (reader, "--seed", str(seed), "--pdus", str(pdus), "--first", str(first))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.fuzz", *words, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if not said:
        raise BenchFault(f"the process for {reader} ended with {process.returncode}")
    found: dict[str, Any] = orjson.loads(said)
    return found


def _tell(result: Result, found: dict[str, Any]) -> None:
    """A check for one direction; of a PDU that was not met, all that repeats it."""
    reader, wrong = found["reader"], found["wrong"]
    must = f"{reader}: every PDU met as it should be, the session alive"
    result.holds(must, found["pdus"], "PDUs", wrong is None)
    wall, cpu = found["pdus_per_second"], found["pdus_per_cpu_second"]
    result.notes[f"{reader}, PDUs a second"] = f"{wall:,}; of its CPU {cpu:,}"
    result.notes[f"{reader}, slowest"] = f"{found['slowest_ms']} ms"
    result.notes[f"{reader}, how they were met"] = found["met"]
    if wrong is not None:
        for name in ("what", "place", "state", "repeat", "frame", "where"):
            result.notes[f"{reader}, {name}"] = wrong[name]
