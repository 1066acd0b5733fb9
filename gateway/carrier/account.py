"""One carrier account in this process: its binds, its pump, its inbound, and their company."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from gateway.carrier.dispatch import Pump
from gateway.carrier.inbound import Inbound
from gateway.carrier.outcome import Flight
from gateway.carrier.session import Bind
from gateway.carrier.told import Show
from gateway.carrier.trace import Trace, Watcher
from gateway.clock import wall_ms
from gateway.config import Carrier
from gateway.message import MessageState
from gateway.metrics import Metrics
from gateway.policy.watch import Silence, Standstill
from gateway.smpp.session import Answered, Event, Received, TimedOut
from gateway.store import Store
from gateway.store.node import Node
from gateway.tls import dates

log = logging.getLogger(__name__)

SILENCE = 20
"""So many accepted messages without a receipt may be chance."""


class Account:
    """The shell around one ``[[carriers]]`` of the configuration."""

    def __init__(
        self, carrier: Carrier, store: Store, node: Node, metrics: Metrics, owner: str
    ) -> None:
        self.carrier = carrier
        self.metrics = metrics
        self.inbound = Inbound(carrier, store, metrics, owner, self._hold_reading)
        modes = carrier.bind.split("+")
        self.binds = [
            Bind(carrier, index, mode, self._events, self._lost)
            for index in range(carrier.binds)
            for mode in modes
        ]
        self.trace = Trace(carrier, self.binds)
        self.pump = Pump(carrier, self.binds, store, node, metrics, self.inbound)
        self.inbound.freed = self.pump.kick
        self._counts = metrics.carrier(carrier.name)
        self._standstill = Standstill(carrier.standstill_seconds)
        self._no_receipts = Silence(carrier.no_receipts_seconds, SILENCE)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to bind; the pump starts with the first bind that holds."""
        c = self.carrier
        for note in dates.notes(c.tls_ca_file, c.tls_cert_file, datetime.now(UTC)):
            log.warning("look at the certificates", extra={"carrier": c.name, "detail": note})
        self.pump.start()
        self._tasks = [
            asyncio.create_task(bind.run(), name=f"bind-{self.carrier.name}-{bind.index}")
            for bind in self.binds
        ]

    def _events(self, bind: Bind, events: list[Event]) -> None:
        """What a read brought: responses to the pump, requests to inbound."""
        session = bind.session
        count, sent_at = 0, 0.0
        for event in events:
            if isinstance(event, Answered):
                if isinstance(event.context, Flight):
                    bind.silent = False
                    count, sent_at = count + 1, event.sent_at
                    self.pump.answered(event.context, event.response, event.sent_at)
            elif isinstance(event, Received):
                self.inbound.take(bind, session, event.pdu)
            elif isinstance(event, TimedOut) and isinstance(event.context, Flight):
                bind.silent = True
                self.pump.unanswered(event.context)
        if count:
            now = time.monotonic()
            bind.patience.answered(now, now - sent_at, count)
        self.pump.kick()

    def _lost(self, bind: Bind) -> None:
        for outstanding in bind.session.lost():
            if isinstance(outstanding.context, Flight):
                self.pump.unanswered(outstanding.context)
        self.pump.lost(bind)
        self.pump.kick()

    def watch(self, now: float, ready: bool) -> None:
        """Notice what stands still: asked now and then, with whether its lanes have something."""
        name, metrics = self.carrier.name, self._counts
        if self._standstill.look(now, self.pump.sent_total, self.pump.could_send(now, ready)):
            reason = f"nothing sent for {self.carrier.standstill_seconds:g} s, with messages ready"
            log.error("binds are made anew", extra={"carrier": name, "reason": reason})
            metrics.recycled += 1
            for bind in self.binds:
                if bind.bound:
                    bind.recycle(reason)
        accepted = metrics.states.get(MessageState.submitted, 0)
        missing = self._no_receipts.look(now, accepted, sum(metrics.found.values()))
        if missing and not metrics.receipts_missing:
            log.error(
                "no receipts come",
                extra={"carrier": name, "seconds": self.carrier.no_receipts_seconds},
            )
        metrics.receipts_missing = missing

    def _hold_reading(self, hold: bool) -> None:
        for bind in self.binds:
            bind.hold_reading(hold)

    async def quiet(self) -> None:
        """Claim nothing more."""
        await self.pump.quiet()

    async def drain(self, seconds: float) -> bool:
        """Wait for responses and their commits; True when nothing is left under way."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.pump.in_flight == 0 and self.inbound.uncommitted == 0:
                return True
            await asyncio.sleep(0.02)
        return False

    async def unbind(self, seconds: float = 5.0) -> None:
        """Unbind every bind, then commit what that left behind."""
        await asyncio.gather(*(bind.unbind(seconds) for bind in self.binds))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.inbound.finish(seconds)

    def status(self) -> dict[str, Any]:
        """What ``GET /v1/carriers`` shows of this carrier."""
        c, pump, learner = self.carrier, self.pump, self.inbound.learner
        return {
            "name": c.name,
            "state": "paused" if pump.paused else "bound" if pump.bound else "disconnected",
            "limited_by": pump.limited_by.value,
            "receipts_missing": self._counts.receipts_missing,
            "rate": c.rate,
            "sending_rate": round(pump.sending_rate(time.monotonic()), 1),
            "window": c.window,
            "outstanding": sum(bind.session.outstanding for bind in self.binds),
            "message_id": {
                "mode": c.message_id,
                "learned": (learner and learner.learned) or None,
                "agreeing": learner.agreeing if learner else 0,
            },
            "binds": [
                {
                    "index": bind.index,
                    "mode": bind.mode,
                    "state": bind.state.value,
                    "since": int(bind.since),
                    "outstanding": bind.session.outstanding,
                    "reason": bind.reason,
                }
                for bind in self.binds
            ],
            "at_ms": wall_ms(),
        }


class Carriers:
    """Every carrier of this process, by name."""

    def __init__(self, accounts: list[Account]) -> None:
        self.accounts = {account.carrier.name: account for account in accounts}

    def status(self) -> list[dict[str, Any]]:
        """One entry a carrier, in the order of the configuration."""
        return [account.status() for account in self.accounts.values()]

    def unread(self, name: str) -> list[dict[str, Any]] | None:
        """A carrier's last receipts that could not be read whole; None: no carrier."""
        account = self.accounts.get(name)
        return None if account is None else account.inbound.unread.view()

    def watch(self, name: str, *, numbers: bool, texts: bool, octets: bool) -> Watcher | None:
        """What goes over a carrier's wire from now on; None: no carrier."""
        account = self.accounts.get(name)
        return None if account is None else account.trace.watch(Show(numbers, texts, octets))

    async def pause(self, name: str) -> bool:
        """Stop claiming for a carrier; False when there is none of that name."""
        return self._set_paused(name, True)

    async def resume(self, name: str) -> bool:
        """Go on; False when there is none of that name."""
        return self._set_paused(name, False)

    def _set_paused(self, name: str, paused: bool) -> bool:
        account = self.accounts.get(name)
        if account is None:
            return False
        account.pump.pause(paused)
        return True

    def wake(self) -> None:
        """New messages are on the lanes."""
        for account in self.accounts.values():
            account.pump.wake()
