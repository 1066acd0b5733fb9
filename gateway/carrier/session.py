"""One bound session: TCP or TLS around :mod:`gateway.smpp.session`, bound again when it falls.

The core decides; this file owns the socket. ``Bind.run`` is the life of a bind: connect, bind,
serve, and after a loss again, with jittered exponential backoff (longer when the SMSC says
ESME_RALYBND: it still holds our last session).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol, cast

from gateway.carrier import troubles
from gateway.carrier.connect import connect
from gateway.config import NO_TLVS, Carrier
from gateway.errors import CannotConnect, IllegalMove, TlsFileError
from gateway.policy.patience import Patience
from gateway.smpp.constants import INTERFACE_VERSION, INTERFACE_VERSIONS
from gateway.smpp.pdu import (
    BindReceiver,
    BindResp,
    BindTransceiver,
    BindTransmitter,
    Pdu,
    Tlv,
    status_name,
)
from gateway.smpp.session import (
    Answered,
    BindRefused,
    Bound,
    Closed,
    Event,
    Received,
    Role,
    Session,
    SessionState,
    Unbound,
)
from gateway.smpp.timers import Timers

log = logging.getLogger(__name__)

SC_INTERFACE_VERSION = int(Tlv.SC_INTERFACE_VERSION)
ALREADY_BOUND = 0x05
"""ESME_RALYBND."""
_PASSED_ON = (Answered, Received)
"""Nearly every event: none of the bind's own business."""
READ_AT_MOST = 262_144
"""Octets of responses a peer may leave unread before we stop reading it."""


class BindState(StrEnum):
    """What an operator sees of a bind."""

    connecting = "connecting"
    binding = "binding"
    bound = "bound"
    unbinding = "unbinding"
    waiting = "waiting"
    stopped = "stopped"


class Tap(Protocol):
    """Who is told what goes over a bind's wire: :mod:`gateway.carrier.trace`. It never raises."""

    def octets(self, direction: str, octets: bytes) -> None:
        """These have been read (``in``), or are about to be written (``out``)."""
        ...

    def event(self, event: str, reason: str = "") -> None:
        """``connected``, ``lost`` or ``waiting``."""
        ...


BIND_REQUESTS: dict[str, type[BindTransceiver | BindTransmitter | BindReceiver]] = {
    "transceiver": BindTransceiver,
    "transmitter": BindTransmitter,
    "receiver": BindReceiver,
}


def takes_optional(sc_interface_version: bytes) -> bool:
    """Does an SMSC that says this version take optional parameters?

    Not before 3.4 (SMPP 3.4, 3.4 and 5.3.2.25). One that says none would have to be taken for
    one of those, too; but many leave it out and take them, and those that do not can be told by
    ``interface_version = "3.3"``.
    """
    return len(sc_interface_version) != 1 or sc_interface_version[0] >= INTERFACE_VERSION


class Backoff:
    """How long to wait before the next attempt: doubling, jittered, reset by a lasting bind."""

    def __init__(self, least: float, most: float, already_bound: float) -> None:
        self._least, self._most, self._already_bound = least, most, already_bound
        self._attempt = 0

    def succeeded(self) -> None:
        """The bind held: start from the shortest wait again."""
        self._attempt = 0

    def wait(self, *, already_bound: bool = False) -> float:
        """Seconds until the next attempt: between half and all of the doubled wait."""
        longest = min(self._most, self._least * 2.0 ** min(self._attempt, 30))
        if already_bound:
            longest = max(longest, self._already_bound)
        self._attempt += 1
        return longest * random.uniform(0.5, 1.0)


class Bind(asyncio.Protocol):
    """One bind of a carrier account.

    ``on_events`` gets the session's events with this bind, in the order they came, after each
    read; ``on_lost`` is called once per lost connection, when ``session.lost()`` tells what was
    never answered.
    """

    def __init__(
        self,
        carrier: Carrier,
        index: int,
        mode: str,
        on_events: Callable[[Bind, list[Event]], None],
        on_lost: Callable[[Bind], None],
    ) -> None:
        self.carrier = carrier
        self.index = index
        self.mode = mode
        self.state = BindState.waiting
        self.bound = False
        """May PDUs pass?"""
        self.since = time.time()
        self.reason = ""
        self.optional = True
        """May a submit have optional parameters? (:func:`takes_optional`)"""
        self.silent = False
        """A submit was not answered in time, and none since: one at a time, until one is. Else a
        carrier that takes and does not answer would bring a whole campaign into doubt."""
        self.retiring = False
        """Nothing more begins on it: it is being handed over to another node."""
        self.tap: Tap | None = None
        """None while nobody watches."""
        self.session = self._new_session()
        self.patience = Patience(carrier.window, carrier.response_seconds)
        """What of the window is used: a full one must be answered in time."""
        self._on_events = on_events
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None
        self._refused_with = 0
        self._stopping = False
        self._reading_held = False
        self._heard = False
        self._backoff = Backoff(
            carrier.rebind_min_seconds, carrier.rebind_max_seconds, carrier.already_bound_seconds
        )

    # What the pump asks

    @property
    def sends(self) -> bool:
        """Is this a bind that submits?"""
        return self.mode != "receiver"

    @property
    def room(self) -> int:
        """How many submits may be written now: none while the transport still holds octets."""
        if not self.bound or self._transport is None or not self.sends:
            return 0
        if self._transport.get_write_buffer_size() > 0:
            return 0
        return self.window_free

    @property
    def window_free(self) -> int:
        """How many submits the window has room for."""
        free = self.session.window_free
        if self.silent:
            return 0 if self.session.outstanding else min(1, free)
        if self.patience.size < self.carrier.window:
            return max(0, min(free, self.patience.size - self.session.outstanding))
        return free

    def flush(self) -> None:
        """Write what the session has queued, and set its timer anew."""
        data = self.session.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            if self.tap is not None:
                self.tap.octets("out", data)
            self._transport.write(data)
        self._arm()

    def respond(self, session: Session, response: Pdu) -> None:
        """Answer a request that came on ``session``; if it has gone since, so has the question."""
        if session is self.session and session.state is not SessionState.CLOSED:
            session.respond(response)

    def acknowledge(self, session: Session, sequence_numbers: Iterable[int]) -> None:
        """:meth:`respond` with ESME_ROK to each deliver_sm of these sequence_numbers."""
        if session is self.session and session.state is not SessionState.CLOSED:
            session.acknowledge(sequence_numbers)

    def hold_reading(self, hold: bool) -> None:
        """Stop or go on reading: the carrier's backpressure."""
        self._reading_held = hold
        if self._transport is None or self._transport.is_closing():
            return
        if hold:
            self._transport.pause_reading()
        elif self._transport.get_write_buffer_size() <= READ_AT_MOST:
            self._transport.resume_reading()

    # Its life

    async def run(self) -> None:
        """Connect, bind and serve until :meth:`unbind`; never raises for what a peer does."""
        self._stopping = self.retiring = False
        while not self._ending():
            self._refused_with = 0
            try:
                await self._connect()
                await self._serve()
            except (CannotConnect, TlsFileError, OSError) as error:
                self._set(BindState.waiting, f"cannot connect: {error}")
            if self._ending():
                break
            wait = self._backoff.wait(already_bound=self._refused_with == ALREADY_BOUND)
            self._set(BindState.waiting, self.reason)
            if self.tap is not None:
                self.tap.event("waiting", self.reason)
            log.info(
                "bind waits",
                extra={
                    "carrier": self.carrier.name,
                    "bind": self.index,
                    "seconds": round(wait, 2),
                    "reason": self.reason,
                },
            )
            await asyncio.sleep(wait)
        self.stopped(self.reason)

    def stopped(self, reason: str) -> None:
        """It does not live (any more)."""
        self._set(BindState.stopped, reason)

    def _ending(self) -> bool:
        return self._stopping

    async def unbind(self, seconds: float) -> None:
        """Orderly end: unbind, wait for its response at most ``seconds``, close."""
        self._stopping = True
        closed = self._closed
        if self.state is BindState.bound and closed is not None:
            self._set(BindState.unbinding, "stopping")
            with contextlib.suppress(IllegalMove):  # the inactivity timer was before us
                self.session.unbind(time.monotonic())
            self.flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.shield(closed)
        self.abort()

    def recycle(self, reason: str) -> None:
        """Drop the connection; the bind comes back by itself."""
        self._set(self.state, reason)
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _connect(self) -> None:
        self._set(BindState.connecting, "")
        self._closed = asyncio.get_running_loop().create_future()
        await connect(self.carrier, lambda: self)

    async def _serve(self) -> None:
        assert self._closed is not None
        # It hung up, or said what is not SMPP, before we could speak.
        if self._transport is None or self._transport.is_closing():
            await self._closed
            return
        self._set(BindState.binding, "")
        request = BIND_REQUESTS[self.mode](
            system_id=self.carrier.system_id,
            password=self.carrier.password,
            system_type=self.carrier.system_type,
            interface_version=INTERFACE_VERSIONS[self.carrier.interface_version],
            address_range=self.carrier.address_range,
        )
        self.session.send(request, time.monotonic())
        self.flush()
        await self._closed

    def _new_session(self) -> Session:
        c = self.carrier
        timers = Timers(
            session_init=c.bind_seconds,
            enquire_link=c.enquire_link_seconds,
            inactivity=c.inactivity_seconds,
            response=c.response_seconds,
        )
        return Session(Role.ESME, timers=timers, window=c.window, now=time.monotonic())

    def _set(self, state: BindState, reason: str) -> None:
        if state is not self.state:
            self.since = time.time()
        self.state, self.reason = state, reason
        self.bound = state is BindState.bound

    # The socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not isinstance: uvloop's transports are asyncio's by shape alone.
        self._transport = stream = cast(asyncio.Transport, transport)
        self.session = self._new_session()
        self.patience = Patience(self.carrier.window, self.carrier.response_seconds)
        self._heard = False
        if self.tap is not None:
            self.tap.event("connected")
        stream.set_write_buffer_limits(high=0)
        sock = stream.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._reading_held:  # soon: uvloop begins to read after this call, whatever it says
            asyncio.get_running_loop().call_soon(lambda: self.hold_reading(self._reading_held))

    def data_received(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.octets("in", data)
        if not self._heard:
            self._heard = True
            trouble = troubles.of_octets(self.carrier, data)
            if trouble is not None:
                self.recycle(str(trouble))
                return
        self._take(self.session.receive_data(data, time.monotonic()))
        if self._transport is not None and self._transport.get_write_buffer_size() > READ_AT_MOST:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._reading_held and self._transport is not None:
            self._transport.resume_reading()
        self._on_events(self, [])

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        events = self.session.receive_eof()
        if self.state is not BindState.waiting and not self.reason:
            self._set(self.state, self._why_lost(error))
        was_bound = self.state is BindState.bound
        if self.state is not BindState.stopped:
            self._set(BindState.waiting, self.reason)
        if self.tap is not None:
            self.tap.event("lost", self.reason)
        if was_bound:
            log.warning(
                "connection lost",
                extra={
                    "carrier": self.carrier.name,
                    "bind": self.index,
                    "reason": self.reason,
                },
            )
        self._on_events(self, [event for event in events if not isinstance(event, Closed)])
        self._on_lost(self)
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def _take(self, events: list[Event]) -> None:
        """Note what concerns the bind itself, hand on the rest, write what is due."""
        closing = False
        for event in events:
            if type(event) in _PASSED_ON:
                continue
            if isinstance(event, Bound):
                self._backoff.succeeded()
                self._set(BindState.bound, "")
                log.info("bound", extra={"carrier": self.carrier.name, "bind": self.index})
                self._note_version(event.response)
            elif isinstance(event, BindRefused):
                self._refused_with = event.response.command_status
                self._set(self.state, f"bind refused: {status_name(event.response.command_status)}")
                closing = True
            elif isinstance(event, Unbound):
                self._set(self.state, self.reason or "unbound")
                closing = True
            elif isinstance(event, Closed):
                self._set(self.state, self._why_closed(event))
                closing = True
        self._on_events(self, events)
        self.flush()
        if closing and self._transport is not None:
            self._transport.close()

    def _note_version(self, response: BindResp) -> None:
        version = dict(response.tlvs).get(SC_INTERFACE_VERSION, b"")
        self.optional = takes_optional(version)
        if not self.optional and self.carrier.interface_version != NO_TLVS:
            log.warning(
                "no optional parameters are sent: the SMSC's version has none",
                extra={
                    "carrier": self.carrier.name,
                    "bind": self.index,
                    "sc_interface_version": f"0x{version.hex()}",
                },
            )

    def _why_lost(self, error: Exception | None) -> str:
        if self.state in (BindState.connecting, BindState.binding):
            return str(troubles.of_link(self.carrier, error))
        return f"connection lost: {error or 'closed by the carrier'}"

    def _why_closed(self, event: Closed) -> str:
        if self.state is BindState.binding and not self._heard:
            return f"closed: {troubles.of_silence(self.carrier, self.carrier.bind_seconds)}"
        return f"closed: {event.reason}"

    def _arm(self) -> None:
        """One timer for every timer of the session."""
        due = self.session.get_timer()
        if self._timer is not None:
            if (
                due is not None
                and self._timer.when() <= due + 0.001
                and not self._timer.cancelled()
            ):
                return
            self._timer.cancel()
            self._timer = None
        if due is not None and self._transport is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = time.monotonic()
        due = self.session.get_timer()
        if due is not None and due <= now:
            self._take(self.session.handle_timer(now))
        self._arm()
