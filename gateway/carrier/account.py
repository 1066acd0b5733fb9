"""One carrier account in this process: its binds, its pump, its inbound, and their company."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway.carrier.dispatch import Pump
from gateway.carrier.inbound import Inbound
from gateway.carrier.outcome import Flight
from gateway.carrier.session import Bind
from gateway.carrier.slots import Slots
from gateway.carrier.told import Show
from gateway.carrier.trace import Trace, Watcher
from gateway.clock import wall_ms
from gateway.config import Carrier, Route
from gateway.message import MessageState
from gateway.metrics import Metrics
from gateway.policy.health import Counts, Health, Rules
from gateway.policy.retry import troubles
from gateway.policy.route import Routing
from gateway.policy.watch import Silence, Standstill
from gateway.smpp.session import Answered, Event, Received, TimedOut
from gateway.store import Store
from gateway.store.node import Holding, Node, Wish
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
        self.slots = Slots(carrier, self.binds, self.pump.busy, self._slots_changed)
        self._counts = metrics.carrier(carrier.name)
        self._standstill = Standstill(carrier.standstill_seconds)
        self._no_receipts = Silence(carrier.no_receipts_seconds, SILENCE)
        self._health = Health(
            Rules(
                carrier.failover_unbound_seconds,
                carrier.failover_throttled_seconds,
                carrier.failover_error_share,
                carrier.failback_seconds,
            )
        )
        self._slow, self._own_fault = troubles(self.pump.rules)

    def start(self) -> None:
        """Begin to send over whatever binds :meth:`hold` lets live."""
        c = self.carrier
        for note in dates.notes(c.tls_ca_file, c.tls_cert_file, datetime.now(UTC)):
            log.warning("look at the certificates", extra={"carrier": c.name, "detail": note})
        self.pump.start()

    def wish(self) -> Wish:
        """Which binds to ask the store for."""
        return self.slots.wish("paused" if self.pump.paused else self._health.out)

    def hold(self, holding: Holding) -> None:
        """Which binds the store says are ours."""
        self.slots.take(holding)

    def look(self, now: float) -> None:
        """Is the carrier in service? Asked now and then."""
        statuses = self._counts.statuses
        slow = sum(statuses.get(status, 0) for status in self._slow)
        own = sum(statuses.get(status, 0) for status in self._own_fault)
        unanswered = self._counts.unanswered_total
        answers = sum(statuses.values()) + unanswered
        failed = answers - slow - own - statuses.get(0, 0)
        was = self._health.out
        # Who holds no bind, in standby or after an outage of the store, learns nothing.
        bound = self.pump.bound or not self.slots.in_use
        out = self._health.look(now, bound, Counts(answers, slow, failed))
        if out != was:
            extra = {"carrier": self.carrier.name, "reason": out or f"{was} is over"}
            log.warning("out of service" if out else "in service", extra=extra)

    @property
    def out(self) -> str:
        """Why its routes go over other carriers now; empty: they do not.

        As long as another node has a bind that works, they do not; where others have all of them
        and none works, they do.
        """
        if self.slots.others > self.slots.others_out:
            return ""
        if self.pump.paused:
            return "paused"
        return "unbound" if self.pump.standby else self._health.out

    def _slots_changed(self) -> None:
        self.pump.set_share(self.slots.in_use, standby=self.slots.others > 0)

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
        await self.slots.close(seconds)
        await self.inbound.finish(seconds)

    def _state(self) -> str:
        if self.pump.paused:
            return "paused"
        if self.pump.bound:
            return "bound"
        return "standby" if self.pump.standby else "disconnected"

    def status(self) -> dict[str, Any]:
        """What ``GET /v1/carriers`` shows of this carrier."""
        c, pump, learner = self.carrier, self.pump, self.inbound.learner
        return {
            "name": c.name,
            "state": self._state(),
            "limited_by": pump.limited_by.value,
            "out_of_service": self.out or None,
            "receipts_missing": self._counts.receipts_missing,
            "rate": c.rate,
            "slots": {
                "held": len(self.slots.held),
                "others": self.slots.others,
                "allowed": c.binds,
            },
            "allowed_rate": round(pump.pacer.limit(time.monotonic()), 1),
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
    """Every carrier of this process, by name, and which of them drains which lanes."""

    def __init__(self, accounts: list[Account], routes: Iterable[Route] = ()) -> None:
        self.accounts = {account.carrier.name: account for account in accounts}
        self.routing = Routing(routes, self.out)
        self._seen_out: dict[str, str] = {}
        for name, account in self.accounts.items():
            account.pump.routes = partial(self.routing.lanes, name)
            account.pump.elsewhere = partial(self.routing.elsewhere, carrier=name)

    def out(self) -> dict[str, str]:
        """Why a carrier is out of service, or empty, by name."""
        return {name: account.out for name, account in self.accounts.items()}

    def look(self, now: float) -> None:
        """Notice which carriers have gone out of service, or come back."""
        for account in self.accounts.values():
            account.look(now)
        if (out := self.out()) != self._seen_out:
            self._seen_out = out
            self.routing.changed()
            self.wake()

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
        self.look(time.monotonic())
        return True

    def wake(self) -> None:
        """New messages are on the lanes."""
        for account in self.accounts.values():
            account.pump.wake()
