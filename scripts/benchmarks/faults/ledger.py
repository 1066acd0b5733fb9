"""The gateway's account of a campaign against the carrier's: nothing lost, nothing twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.carrier import Carrier
from benchmarks.gateway import Gateway
from benchmarks.processes import BenchFault, until
from benchmarks.results import Result
from benchmarks.stage import BINDS, WINDOW

MOST_IN_DOUBT = 2 * WINDOW * BINDS
"""At most two windows a bind after one accident."""
RECORDED: dict[str, Any] = {"submits": 1_000_000, "taken": 200_000, "texts": True}
FINAL = ("delivered", "undelivered", "expired", "rejected", "failed", "canceled", "unknown")


@dataclass
class Ledger:
    """A campaign that goes to an end, watched."""

    gateway: Gateway
    carrier: Carrier
    campaign: str
    most_in_doubt: int = 0

    async def states(self) -> dict[str, int]:
        """Messages by state now; remembers the most that were ever in doubt."""
        found = await self.gateway.by_state(self.campaign)
        self.most_in_doubt = max(self.most_in_doubt, found.get("in_doubt", 0))
        return found

    async def settled(self, size: int, seconds: float) -> dict[str, int]:
        """Wait until every message is final, or in doubt without being at the carrier."""
        found: dict[str, int] = {}

        async def look() -> dict[str, int] | None:
            nonlocal found
            found = await self.states()
            final = sum(found.get(state, 0) for state in FINAL)
            if final + found.get("in_doubt", 0) < size:
                return None
            return found if final >= await self.on_the_wire() else None

        try:
            return await until(look, "every message to be settled", seconds, pause=0.1)
        except BenchFault as fault:
            taken = await self.on_the_wire()
            raise BenchFault(f"{fault}; the report said {found}, the carrier {taken}") from None

    async def on_the_wire(self) -> int:
        """Messages the carrier took, each once."""
        stats = await self.carrier.stats()
        return int(stats["taken"] - stats["duplicates"])

    async def judge(
        self, result: Result, name: str, size: int, states: dict[str, int], accidents: int = 1
    ) -> None:
        """The promises: nothing lost, nothing twice, doubt bounded and settled by receipts."""
        stats = await self.carrier.stats()
        kept, doubt = sum(states.values()), states.get("in_doubt", 0)
        taken = await self.on_the_wire()
        most = MOST_IN_DOUBT * accidents
        twice = stats["duplicates"]
        result.holds(f"{name}: accepted messages lost", size - kept, "messages", kept == size)
        result.holds(f"{name}: on the wire twice", twice, "messages", twice == 0)
        result.holds(
            f"{name}: in doubt, of {most} allowed", self.most_in_doubt, "messages",
            self.most_in_doubt <= most,
        )  # fmt: skip
        left = doubt - (size - taken)
        result.holds(f"{name}: at the carrier and still in doubt", left, "messages", left <= 0)
        result.notes[f"{name}: in the end"] = states
