"""What every scenario stands on: a folder, the processes in it, and how large it is to be."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.carrier import Carrier
from benchmarks.gateway import Gateway
from benchmarks.processes import Crew

BINDS = 2
WINDOW = 100


@dataclass(frozen=True)
class Options:
    """What the command line chose."""

    size: int | None = None
    quick: bool = False
    backlog: int | None = None
    only: str = ""
    """One part of a scenario that has several."""
    pdus: int | None = None
    seed: int | None = None

    def sized(self, full: int, quick: int) -> int:
        """The number of messages: as chosen, else the scenario's own."""
        return self.size or (quick if self.quick else full)

    def seconds(self, full: float, quick: float) -> float:
        """How long to go on."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Stage:
    """A temporary folder and the processes of one run."""

    folder: Path
    crew: Crew

    def carrier(self, **script: Any) -> Carrier:
        """A carrier under this script, not yet started."""
        return Carrier(self.crew, self.folder, **script)

    async def gateway(self, carrier: Carrier, **account: Any) -> Gateway:
        """A gateway with an account at the carrier, started."""
        gateway = Gateway(self.crew, self.folder, carrier.port, **account)
        await gateway.start()
        return gateway


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """A fresh stage; everything on it is ended and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="recado-bench-"))
    try:
        async with Crew(folder) as crew:
            yield Stage(folder, crew)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Calm:
    """How much of the machine others used while a scenario ran: its own processes left out."""

    def __init__(self) -> None:
        self._all = _machine_ticks()
        self._ours = _our_seconds()

    def found(self) -> dict[str, float]:
        """Shares of all cores' time: used by other processes, stolen by the host."""
        now = _machine_ticks()
        total, busy, stolen = (after - before for after, before in zip(now, self._all, strict=True))
        ours = (_our_seconds() - self._ours) * os.sysconf("SC_CLK_TCK")
        return {
            "others": round(max(0.0, busy - ours) / max(1, total), 3),
            "stolen": round(stolen / max(1, total), 3),
        }


def _machine_ticks() -> tuple[int, int, int]:
    """(all, busy, stolen) ticks since the start, over all cores."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, waiting, irq, soft, stolen = map(int, words)
    busy = user + nice + system + irq + soft
    return busy + idle + waiting + stolen, busy, stolen


def _our_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
