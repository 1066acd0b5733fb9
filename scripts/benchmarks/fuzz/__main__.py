"""Blocks of one direction, one after the other: ``python -m benchmarks.fuzz esme --pdus 500000``.

Prints one JSON object: what was met, or, of the first PDU that was not met as it should be, its
octets and how to repeat it. The exit status is 0 when all were.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time
import traceback
from collections import Counter
from typing import Any

import orjson

from benchmarks.fuzz.block import PDUS, Block, Wrong
from benchmarks.fuzz.mutate import Seed
from benchmarks.fuzz.seeds import seeds
from gateway.smpp.session import Role

TELL_SECONDS = 60.0
"""How often a long run says how far it is."""
BLOCK_SECONDS = 120
"""A block takes half a second: after so many it hangs."""


def run(role: Role, seed: int, pdus: int, first: int = 0, tell: bool = False) -> dict[str, Any]:
    """So many PDUs to a session of ``role``, from the block ``first`` on; until one is not met."""
    known = [Seed(octets) for octets in seeds(role)]
    gc.freeze()
    gc.set_threshold(100_000)
    met: Counter[str] = Counter()
    done, slowest, wrong = 0, 0.0, None
    began = told = time.monotonic()
    worked = time.process_time()
    while done < pdus and wrong is None:
        block = Block(role, known, seed, first + done // PDUS)
        wrong = _why(block, min(PDUS, pdus - done), seed, first + done // PDUS)
        done += block.at + 1
        met += block.met
        slowest = max(slowest, block.slowest)
        if tell and time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            print(f"... {role.value}: {done:,} PDUs, all well", file=sys.stderr, flush=True)
    seconds = time.monotonic() - began
    return {
        "reader": role.value,
        "seed": seed,
        "pdus": done,
        "seconds": round(seconds, 3),
        "pdus_per_second": round(done / seconds),
        "pdus_per_cpu_second": round(done / (time.process_time() - worked)),
        "slowest_ms": round(slowest * 1e3, 3),
        "met": dict(sorted(met.items())),
        "wrong": wrong,
    }


def _too_long(number: int, frame: object) -> None:
    raise Wrong(f"no end within {BLOCK_SECONDS} s")


def _why(block: Block, pdus: int, seed: int, number: int) -> dict[str, Any] | None:
    """Runs a block: None, or what was wrong."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(BLOCK_SECONDS)
    try:
        block.run(pdus)
    except Exception as error:
        return {
            "what": f"{type(error).__name__}: {error}",
            "frame": block.frame.hex(),
            "state": block.state.value,
            "place": f"PDU {block.at} of block {number}",
            "repeat": f"scripts/bench fuzz --seed {seed} --only {block.role.value}:{number}",
            "where": traceback.format_exc(limit=-6),
        }
    finally:
        signal.alarm(0)
    return None


def main() -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("reader", type=Role, help="esme or smsc: the end that reads")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pdus", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, metavar="BLOCK")
    chosen = parser.parse_args()
    found = run(chosen.reader, chosen.seed, chosen.pdus, chosen.first, tell=True)
    sys.stdout.write(orjson.dumps(found).decode() + "\n")
    if found["wrong"]:  # at once: the other direction may go on all night
        for name in ("what", "place", "repeat", "frame"):
            print(f"!!! {chosen.reader.value}, {name}: {found['wrong'][name]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
