"""Runs the bare baseline: its own store, its own carrier, nothing else on the stage."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

from benchmarks.carrier import SILENT_RECEIPTS, Carrier
from benchmarks.processes import BenchFault, Meter
from benchmarks.results import progress
from benchmarks.stage import BINDS, WINDOW, Stage, stage
from benchmarks.store import Server

RUN_SECONDS = 1_800


class Yardstick:
    """One flavour of the baseline, run before and after what is measured."""

    def __init__(self, flavour: Literal["lifecycle", "drain"], size: int) -> None:
        self._flavour = flavour
        self._size = size
        self._rates: list[float] = []
        self._cpu: dict[str, float] = {}

    @property
    def rate(self) -> float:
        """Messages a second: the mean of its runs."""
        return sum(self._rates) / len(self._rates)

    def notes(self) -> dict[str, Any]:
        """What the runs were, for the result."""
        return {
            "baseline runs": [round(rate) for rate in self._rates],
            "baseline CPU, us a message": self._cpu,
        }

    async def take(self) -> None:
        """One run: the whole life as the spike times it, a drain as the carrier counts it."""
        progress(f"baseline: {self._flavour} of {self._size:,}")
        async with stage() as on:
            drain = self._flavour == "drain"
            carrier = on.carrier(receipts=SILENT_RECEIPTS) if drain else on.carrier()
            await carrier.start()
            said = await self._spike(on, carrier)
            rate = (await carrier.stats())["rate"] if drain else said["per_second"]
        self._rates.append(float(rate))

    async def _spike(self, on: Stage, carrier: Carrier) -> dict[str, float]:
        server = Server(on.crew, on.folder / "store")
        await server.start()
        meter = Meter({"store": server.pid, "carrier": carrier.pid})
        words = ("--socket", server.socket, "--port", carrier.port, "--size", self._size)
        shape = ("--binds", BINDS, "--window", WINDOW)
        command = ("benchmarks.baseline", self._flavour, *map(str, words + shape))
        spike = await on.crew.python("baseline", *command)
        status = await asyncio.wait_for(spike.process.wait(), RUN_SECONDS)
        if status:
            raise BenchFault(f"the baseline ended with {status}:\n{spike.tail()}")
        said: dict[str, float] = json.loads(spike.tail(1))
        self._cpu = {"spike": said["cpu_us"], **meter.each(self._size)}
        return said
