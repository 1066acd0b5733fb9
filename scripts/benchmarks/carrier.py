"""The simulated carrier: ``recado simulate`` in its own process, and what it counted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from benchmarks import load, toml
from benchmarks.processes import BenchFault, Crew, Started, free_port, until, wait_for_port

PAGE = 20_000
SILENT_RECEIPTS: dict[str, Any] = {"form": "none"}


@dataclass(frozen=True)
class Submit:
    """One submit_sm as the carrier recorded it; ``at`` is of the monotonic clock, in seconds."""

    at: float
    to: str
    part: int
    status: str | None
    """The command_status it was answered with, by name; None: no answer."""


class Carrier:
    """One carrier under one script; it may be stopped and started again on the same port."""

    def __init__(self, crew: Crew, folder: Path, **script: Any) -> None:
        """``script`` are keys of the simulator's script; nothing is recorded unless it says so."""
        self._crew = crew
        self._process: Started | None = None
        self._script = folder / f"carrier-{len(list(folder.glob('carrier-*')))}.toml"
        self.port = free_port()
        control = free_port()
        self._control = load.Client(load.Address(control, ""))
        settings = {
            "listen": f"127.0.0.1:{self.port}",
            "control": f"127.0.0.1:{control}",
            "record": {"submits": 0, "taken": 0},
            **script,
        }
        self._script.write_text(toml.document(settings))

    async def start(self) -> None:
        """Start it, and return when it listens."""
        words = ("gateway", "simulate", "--config", str(self._script))
        self._process = await self._crew.python("carrier", *words)
        await wait_for_port(self.port, "the carrier to listen")

    async def stop(self) -> None:
        """End it; its counts are gone."""
        if self._process is None:
            raise BenchFault("the carrier is not running")
        self._control.close()
        await self._crew.end(self._process)
        self._process = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise BenchFault("the carrier is not running")
        return self._process.pid

    async def stats(self) -> dict[str, Any]:
        """Its counts."""
        answer = await self._control.ask("GET", "/stats")
        found: dict[str, Any] = answer.json()
        return found

    async def set(self, **changes: Any) -> None:
        """Change its script while it runs."""
        answer = await self._control.ask("POST", "/set", changes)
        if answer.status != 200:
            raise BenchFault(f"/set was answered {answer.status}: {answer.body[:300]!r}")

    async def storm(self, receipts: int) -> int:
        """Send receipts at once for the messages taken last; how many there were."""
        answer = await self._control.ask("POST", f"/storm?count={receipts}", seconds=120)
        return int(answer.json()["receipts"])

    async def until_submits(self, wanted: int, seconds: float) -> dict[str, Any]:
        """Wait until it has had so many submits; its counts then."""

        async def look() -> dict[str, Any] | None:
            found = await self.stats()
            return found if found["submits"] >= wanted else None

        return await until(look, f"{wanted} submits at the carrier", seconds, pause=0.1)

    async def submits(self, to: str = "") -> list[Submit]:
        """What it recorded, in order of arrival; ``to`` is a prefix of the recipient."""
        found: list[Submit] = []
        wanted = f'"to":"{to}'.encode()
        for page in count():
            path = f"/submits?after={page * PAGE}&limit={PAGE}"
            lines = (await self._control.ask("GET", path)).body.splitlines()
            found.extend(_submit(orjson.loads(line)) for line in lines if wanted in line)
            if len(lines) < PAGE:
                return found
        raise AssertionError("pages never end")


def _submit(row: dict[str, Any]) -> Submit:
    return Submit(row["at_ns"] / 1e9, row["to"], row["part"], row["status"])
