"""The simulated carrier: a server of SMPP sessions that does what its script says.

In a process of its own it is ``recado simulate`` (cli.py); in a test::

    async with Simulator(Script(listen="127.0.0.1:0")) as carrier:
        ...  # connect to carrier.port
        carrier.follow({"silence": True})
        carrier.stats()["submits"]

The stations of a submit are bind.py (socket and session), intake.py (decided, recorded,
answered), and account.py (its receipts on their way back).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from gateway.simulator.account import Account, Delivery
from gateway.simulator.bind import BindRequest, Link
from gateway.simulator.chance import wait
from gateway.simulator.clockwork import Clockwork
from gateway.simulator.door import Door
from gateway.simulator.intake import Intake, sequence
from gateway.simulator.loading import merged
from gateway.simulator.receipts import Wording
from gateway.simulator.record import Record, Submission
from gateway.simulator.replies import exchange
from gateway.simulator.script import Script
from gateway.simulator.sliding import Delays
from gateway.smpp.pdu import SubmitSm
from gateway.smpp.timers import Timers

PARTING_S = 2.0
"""How long the ESMEs have to answer our unbind when we stop."""


class Simulator:
    """One carrier. Start and stop it with ``async with``, or :meth:`start` and :meth:`stop`.

    With ``tls`` it speaks TLS on its port.
    """

    def __init__(self, script: Script | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.script = script or Script()
        self._tls = tls
        self.record = Record(self.script.record)
        self.delays = Delays()
        self.links: set[Link] = set()
        self.links_cut = 0
        self.door = Door(self.script)
        self._started = time.monotonic()
        self._intake = Intake(self.script, self.record, _first_id(self.script), self._started)
        self._resends = sequence(self.script.seed, "resends")
        self._wording = Wording(self.script.receipts, self.script.ids)
        self._clockwork = Clockwork(self._next_due, self._due, self._beat)
        self._server: asyncio.Server | None = None
        self._parted = asyncio.Event()
        self._parted.set()

    # Lifecycle

    async def __aenter__(self) -> Simulator:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError if the address cannot be had."""
        host, _, port = self.script.listen.rpartition(":")
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._link, host.strip("[]"), int(port), backlog=1_024, ssl=self._tls
        )
        self._clockwork.start()

    async def stop(self) -> None:
        """Stop listening, unbind in order, and after PARTING_S cut what is left."""
        if self._server is None:
            return
        self._server.close()
        now = time.monotonic()
        for link in list(self.links):
            link.part(now)
        await self._empty()
        self.cut_links()
        await self._empty()
        self._clockwork.stop()
        self._server = None

    async def _empty(self) -> None:
        """Wait until no connection is left, at most PARTING_S."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._parted.wait(), PARTING_S)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "not started"
        return int(self._server.sockets[0].getsockname()[1])

    # What it is told

    def follow(self, changes: Mapping[str, Any]) -> None:
        """Lay ``changes`` over the script and go on. Raises ConfigError, and nothing changes.

        ``listen``, ``control``, ``seed``, ``record`` and ``ids.start`` count at the start alone;
        ``receipts.window``, ``drop_after``, ``interface_version`` and ``enquire_link_s`` from the
        next connection on.
        """
        self.script = script = merged(self.script, changes, "set")
        self.door.follow(script)
        self._intake.follow(script)
        self._wording = Wording(script.receipts, script.ids)
        for link in self.links:
            link.rate = self.door.rate(link.account.system_id)
            link.listen(not script.deaf)

    def cut_links(self) -> int:
        """Drop every connection now, with what is not written yet; how many there were."""
        links = list(self.links)
        for link in links:
            link.cut()
        self.links_cut += len(links)
        return len(links)

    def unbind_links(self) -> int:
        """Ask every ESME to part in order; how many there are."""
        links = list(self.links)
        for link in links:
            link.unbind(time.monotonic())
        return len(links)

    def storm(self, count: int) -> int:
        """Send ``count`` receipts at once for the messages taken last; how many there were."""
        sent = self._intake.storm(list(self.door.accounts.values()), count)
        self._pump_all(time.monotonic())
        return sent

    def reply(self, text: str, sender: str = "", to: str = "", system_id: str = "") -> bool:
        """One text from a debtor now; absent, the parties are those of the message taken last.

        False if there is no account to send it to, or neither addresses nor a message.
        """
        account = self._account(system_id)
        if account is None:
            return False
        taken = account.taken[-1] if account.taken else None
        if taken is None and not (sender and to):
            return False
        about = exchange(taken, sender, to)
        now = time.monotonic()
        self._intake.reply(account, about, text, now)
        self._clockwork.arm(now)
        return True

    def _account(self, system_id: str) -> Account | None:
        if system_id:
            return self.door.accounts.get(system_id)
        return next(iter(self.door.accounts.values()), None)

    # What it knows

    def stats(self) -> dict[str, Any]:
        """Everything in numbers, ready for JSON. Keys end in their unit; counts have none."""
        return {
            **self.record.counts(),
            "up_s": time.monotonic() - self._started,
            "response_delay": {
                "mean_ms": self.delays.mean() * 1_000,
                "p50_ms": self.delays.percentile(50) * 1_000,
                "p99_ms": self.delays.percentile(99) * 1_000,
                "number": self.delays.number,
            },
            "links": len(self.links),
            "links_cut": self.links_cut,
            "binds_accepted": self.door.accepted,
            "binds_refused": self.door.refused,
            "planned": len(self._intake.deliveries),
            "accounts": {name: a.counts() for name, a in self.door.accounts.items()},
        }

    @property
    def submissions(self) -> list[Submission]:
        """The record of submits, in the order in which they came."""
        return self.record.submissions

    # What its links tell it (bind.Carrier)

    def _link(self) -> Link:
        receipts = self.script.receipts
        timers = Timers(enquire_link=self.script.enquire_link_s, response=receipts.unanswered_s)
        script = self.script
        return Link(self, timers, receipts.window, script.drop_after, script.interface_version)

    def connected(self, link: Link) -> None:
        """A connection was made."""
        self.links.add(link)
        self._parted.clear()
        if self.script.deaf:
            link.listen(False)

    def asked(self, link: Link, request: BindRequest) -> int | None:
        """The status of a bind's response, or None where there is to be none."""
        if self.script.silent_binds:
            return None
        return self.door.ask(request)

    def bound(self, link: Link, system_id: str, receives: bool) -> None:
        """A link is bound; what waits for its account goes out with the bind's response."""
        link.account = self.door.account(system_id)
        link.rate = self.door.rate(system_id)
        link.account.join(link, receives)

    def submitted(self, link: Link, submits: list[SubmitSm], now: float) -> None:
        """All submits of one read."""
        self._intake.take(link, submits, now, int(time.time()))

    def delivered(self, link: Link, delivery: Delivery, status: int | None) -> None:
        """A deliver_sm was answered, or (None) not in time."""
        script = self.script.receipts
        if status is None:
            link.account.unanswered(delivery, script)
        elif link.account.answered(delivery, status, script):
            due = time.monotonic() + wait(script.resend_delay_ms, self._resends)
            self._intake.deliveries.put(due, (link.account, delivery))

    def pump(self, link: Link, now: float) -> None:
        """Events of a link are done with: send on what waits, and arm the timer."""
        link.account.pump(self._wording, now, int(time.time()))
        self._clockwork.arm(now)

    def gone(self, link: Link, unanswered: list[Delivery]) -> None:
        """A connection is closed."""
        self.links.discard(link)
        link.account.leave(link, unanswered)
        link.account.pump(self._wording, time.monotonic(), int(time.time()))
        if not self.links:
            self._parted.set()

    # Time

    def _next_due(self) -> float | None:
        responses, deliveries = self._intake.responses.next(), self._intake.deliveries.next()
        if responses is None or deliveries is None:
            return deliveries if responses is None else responses
        return min(responses, deliveries)

    def _due(self, now: float) -> None:
        late = self._intake.responses.take(now)
        for link, octets, received in late:
            link.respond_late(octets, received, now)
        accounts = set()
        for account, delivery in self._intake.deliveries.take(now):
            account.waiting.append(delivery)
            accounts.add(account)
        for link in {link for link, _, _ in late}:
            link.flush(now)
        for account in accounts:
            account.pump(self._wording, now, int(time.time()))

    def _pump_all(self, now: float) -> None:
        for account in self.door.accounts.values():
            account.pump(self._wording, now, int(time.time()))

    def _beat(self, now: float) -> None:
        every = self.script.drop_every_s
        for link in list(self.links):
            if every and now - link.made_at >= every:
                link.cut()
                self.links_cut += 1
            else:
                link.tick(now)


def _first_id(script: Script) -> int:
    if script.ids.start:
        return script.ids.start
    return 1 if script.seed else time.time_ns() // 1_000
