"""``scripts/bench NAME``: one scenario, or all, against what must hold.

The machine, the settings and the figures are printed together. The exit status is 0 when all
that was asked for holds, 1 when something does not, 2 when the command line is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Sequence
from typing import Any

import orjson
import uvloop

from benchmarks import machine
from benchmarks.processes import BenchFault
from benchmarks.results import Result
from benchmarks.scenarios import NAMES
from benchmarks.stage import Calm, Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names."""
    chosen = _parser().parse_args(arguments)
    options = Options(
        chosen.size, chosen.quick, chosen.backlog, chosen.only, chosen.pdus, chosen.seed
    )
    names = NAMES if chosen.name == "all" else (chosen.name,)
    if not chosen.json:
        print(", ".join(f"{key} {value}" for key, value in machine.describe().items()))
    results = []
    for name in names:
        result = _run(name, options)
        results.append(result)
        if not chosen.json:
            result.show()
    if chosen.json:
        sys.stdout.write(orjson.dumps(_document(results)).decode() + "\n")
    return 0 if all(result.passed for result in results) else 1


def _run(name: str, options: Options) -> Result:
    """One scenario; one that cannot be carried out is a result that failed."""
    scenario = importlib.import_module(f"benchmarks.scenarios.{name}")
    calm = Calm()
    try:
        result: Result = uvloop.run(scenario.run(options))
    except (BenchFault, TimeoutError, OSError) as fault:
        result = Result(name)
        result.holds(f"carried out ({type(fault).__name__}: {fault})", 0, "", False)
    result.notes["machine time of others"] = calm.found()
    return result


def _document(results: list[Result]) -> dict[str, Any]:
    return {
        "passed": all(result.passed for result in results),
        "machine": machine.describe(),
        "results": [result.plain() for result in results],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the gateway against what it must carry.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["scenarios:", *(f"  {name:<16} {_summary(name)}" for name in NAMES)]),
    )
    parser.add_argument("name", choices=(*NAMES, "all"), metavar="NAME", help="a scenario, or all")
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    parser.add_argument("--size", type=_count, metavar="N", help="messages, instead of its own")
    parser.add_argument(
        "--backlog", type=_count, metavar="N", help="drain: also compare N queued with 20,000"
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="PART",
        help="faults: one of them; fuzz: esme:BLOCK, smsc:BLOCK",
    )
    parser.add_argument(
        "--pdus", type=_count, metavar="N", help="fuzz: PDUs, half of them each way"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="fuzz: the same PDUs again")
    return parser


def _count(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _summary(name: str) -> str:
    module = importlib.import_module(f"benchmarks.scenarios.{name}")
    return (inspect.getdoc(module) or "").splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
