"""The binds of one account that this node may hold, while others may hold the rest.

A carrier allows so many binds, over all nodes. The store says which are ours
(:meth:`gateway.store.node.Node.renew`); this file lets them live, hands over what is due to others
(nothing more begins on such a bind, what is under way ends, it unbinds, and only then its slot is
let go of), and ends them all before a lease that cannot be renewed does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from gateway.carrier.session import Bind, BindState
from gateway.config import Carrier
from gateway.store.node import Holding, Wish

log = logging.getLogger(__name__)

ELSEWHERE = "another node has this bind"
LAST_SECONDS = 1.0
"""A slot is let go of no sooner after our rate has fallen: the carrier counts by the second."""
UNBIND_SECONDS = 3.0
LOOK_SECONDS = 0.02


class Slots:
    """Which of an account's binds live here.

    ``busy`` says whether something begun on a bind is not finished; ``changed`` is called after
    each change.
    """

    def __init__(
        self,
        carrier: Carrier,
        binds: Sequence[Bind],
        busy: Callable[[Bind], bool],
        changed: Callable[[], None],
    ) -> None:
        self.others = 0
        """Slots that other nodes hold."""
        self.others_out = 0
        """Those of them whose holder takes the carrier for out of service."""
        self._carrier = carrier
        self._binds: dict[int, list[Bind]] = {}
        for bind in binds:
            self._binds.setdefault(bind.index, []).append(bind)
        self._busy = busy
        self._changed = changed
        self._lives: dict[int, asyncio.Task[None]] = {}
        self._giving: dict[int, asyncio.Task[None]] = {}
        self._given: set[int] = set()
        """Ended since the last wish: the answer to it may still name them."""
        self._ending: asyncio.Task[None] | None = None
        self._closed = False
        for bind in binds:
            bind.stopped(ELSEWHERE)

    @property
    def held(self) -> list[int]:
        """The slots that are ours, those being handed over included."""
        return sorted(self._lives)

    @property
    def in_use(self) -> list[int]:
        """Those of them that may send: the account's rate is divided by these."""
        return sorted(self._lives.keys() - self._giving.keys())

    def wish(self, out: str = "") -> Wish:
        """What to ask the store for; ``out``: why the carrier is out of service, to us."""
        self._given.clear()
        return Wish(self._carrier.name, self._carrier.binds, self.held, out)

    def take(self, holding: Holding) -> None:
        """What the store answered."""
        self.others, self.others_out = holding.others, holding.others_out
        for slot in [slot for slot in self._lives if slot not in holding.slots]:
            log.error("bind lost", extra={"carrier": self._carrier.name, "bind": slot})
            self._drop(slot)
        if not self._closed and self._ending is None:
            for slot in holding.slots:
                if slot not in self._lives and slot not in self._given:
                    self._begin(slot)
            given = {*self._giving, *self._given.intersection(holding.slots)}
            for slot in self._to_give(holding.give - len(given)):
                for bind in self._binds[slot]:
                    bind.retiring = True
                self._giving[slot] = asyncio.create_task(self._give(slot))
        self._changed()

    def let_go(self) -> None:
        """Our lease is about to end: unbind all, now. They come back with the next one."""
        if self._lives and self._ending is None:
            log.error("the store does not renew our lease: unbinding", extra=self._named())
            self._ending = asyncio.create_task(self._end(UNBIND_SECONDS))

    async def close(self, seconds: float) -> None:
        """Unbind all, for good."""
        self._closed = True
        if self._ending is not None:
            await asyncio.wait([self._ending])
        await self._end(seconds)

    def _named(self) -> dict[str, object]:
        return {"carrier": self._carrier.name, "binds": self.held}

    def _begin(self, slot: int) -> None:
        self._lives[slot] = asyncio.create_task(
            self._live(slot), name=f"bind-{self._carrier.name}-{slot}"
        )

    async def _live(self, slot: int) -> None:
        await asyncio.gather(*(bind.run() for bind in self._binds[slot]))

    def _drop(self, slot: int) -> None:
        """Not ours any more: no farewell, another node may be binding already."""
        if (giving := self._giving.pop(slot, None)) is not None:
            giving.cancel()
        self._lives.pop(slot).cancel()
        for bind in self._binds[slot]:
            bind.abort()
            bind.stopped(ELSEWHERE)

    def _to_give(self, count: int) -> list[int]:
        """Those with the least under way."""
        kept = [slot for slot in self._lives if slot not in self._giving]
        kept.sort(key=lambda slot: sum(bind.session.outstanding for bind in self._binds[slot]))
        return kept[: max(0, count)]

    async def _give(self, slot: int) -> None:
        binds = self._binds[slot]
        await asyncio.sleep(LAST_SECONDS)
        for _ in range(int(self._carrier.response_seconds / LOOK_SECONDS)):
            if not any(self._busy(bind) for bind in binds):
                break
            await asyncio.sleep(LOOK_SECONDS)
        await self._stop(slot, UNBIND_SECONDS)
        del self._giving[slot]
        log.info("bind handed over", extra={"carrier": self._carrier.name, "bind": slot})
        self._changed()

    async def _stop(self, slot: int, seconds: float) -> None:
        binds = self._binds[slot]
        await asyncio.gather(*(bind.unbind(seconds) for bind in binds))
        life = self._lives.pop(slot, None)
        self._given.add(slot)
        if life is not None:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
        for bind in binds:
            bind.stopped(ELSEWHERE)

    async def _end(self, seconds: float) -> None:
        for giving in list(self._giving.values()):
            giving.cancel()
        await asyncio.gather(*self._giving.values(), return_exceptions=True)
        self._giving.clear()
        await asyncio.gather(*(self._stop(slot, seconds) for slot in self.held))
        for binds in self._binds.values():
            for bind in binds:
                if bind.state is not BindState.stopped:
                    bind.stopped("stopped")
        self._ending = None
        self._changed()
