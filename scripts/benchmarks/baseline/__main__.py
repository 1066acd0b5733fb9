"""``python -m benchmarks.baseline``: one run of the spike, one line of JSON on standard output."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import uvloop

from benchmarks.baseline import spike


def main() -> None:
    """Run one flavour against a server and a carrier that are up already."""
    parser = argparse.ArgumentParser(prog="benchmarks.baseline")
    parser.add_argument("flavour", choices=("lifecycle", "drain"))
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--binds", type=int, default=2)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--largest", type=int, default=200)
    chosen = parser.parse_args()
    flavour = getattr(spike, chosen.flavour)
    settings = spike.Settings(
        socket=chosen.socket,
        port=chosen.port,
        size=chosen.size,
        binds=chosen.binds,
        window=chosen.window,
        largest=chosen.largest,
    )
    per_second = uvloop.run(flavour(settings))
    used = os.times()
    cpu = (used.user + used.system) / chosen.size * 1e6
    print(json.dumps({"per_second": per_second, "cpu_us": round(cpu, 1)}))


if __name__ == "__main__":
    main()
