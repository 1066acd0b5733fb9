"""``recado simulate``: a simulated carrier in a process of its own.

When it listens it prints one line of JSON, ``{"event": "listening", "host": ..., "port": ...,
"control": ...}`` (the ports; control 0: none), and ends with status 0 on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
from typing import Any

import msgspec
import uvloop

from gateway.errors import ConfigError
from gateway.simulator import options
from gateway.simulator.control import Control
from gateway.simulator.loading import merged, read
from gateway.simulator.script import Script
from gateway.simulator.simulator import Simulator


def main(argv: list[str]) -> int:
    """Run until told to stop. 0: stopped in order; 1: cannot listen; 2: a wrong script."""
    chosen = options.parser().parse_args(argv)
    try:
        script = load(chosen)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # what the carrier keeps is out of the collector's sight
    try:
        stats = uvloop.run(serve(script))
    except OSError as error:
        print(f"cannot listen: {error}", file=sys.stderr)
        return 1
    if chosen.stats is not None:
        chosen.stats.write_bytes(msgspec.json.format(msgspec.json.encode(stats)) + b"\n")
    return 0


def load(chosen: argparse.Namespace) -> Script:
    """The script of the file, and over it that of the options. Raises ConfigError."""
    script = Script()
    if chosen.config is not None:
        script = merged(script, read(chosen.config), str(chosen.config))
    return merged(script, options.settings(chosen), "options")


async def serve(script: Script) -> dict[str, Any]:
    """Be the carrier until SIGTERM or SIGINT; then part from the ESMEs. The statistics."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with Simulator(script) as carrier:
        control = Control(carrier)
        if script.control:
            await control.start(script.control)
        print(_listening(script, carrier, control), flush=True)
        await stopped.wait()
        await control.stop()
    return carrier.stats()


def _listening(script: Script, carrier: Simulator, control: Control) -> str:
    host = script.listen.rpartition(":")[0]
    line = {"event": "listening", "host": host, "port": carrier.port, "control": control.port}
    return json.dumps(line)
