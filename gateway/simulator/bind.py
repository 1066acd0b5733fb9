"""One connection of an ESME: the socket around an SMPP session in the SMSC role.

The session owns the state; responses to submits alone are written past it, joined, once a read.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Protocol, TypeAlias, cast

from gateway.simulator.account import Account, Delivery
from gateway.simulator.sliding import Delays
from gateway.simulator.words import OK
from gateway.smpp.constants import INTERFACE_VERSIONS
from gateway.smpp.pdu import (
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DeliverSm,
    Pdu,
    Status,
    SubmitSm,
    Tlv,
    answer,
)
from gateway.smpp.session import (
    Answered,
    Closed,
    Event,
    Received,
    Role,
    Session,
    SessionState,
    TimedOut,
)
from gateway.smpp.timers import Timers

READ_AT_ONCE = 256 * 1024
"""Octets the transport may hold for a peer that does not read, before we stop reading too."""


BindRequest: TypeAlias = BindTransmitter | BindReceiver | BindTransceiver

_RESPONSES: dict[
    type, type[BindTransmitterResp] | type[BindReceiverResp] | type[BindTransceiverResp]
] = {
    BindTransmitter: BindTransmitterResp,
    BindReceiver: BindReceiverResp,
    BindTransceiver: BindTransceiverResp,
}
_VERSIONS = {
    "none": (),
    **{
        name: ((int(Tlv.SC_INTERFACE_VERSION), bytes((version,))),)
        for name, version in INTERFACE_VERSIONS.items()
    },
}


class Carrier(Protocol):
    """What a connection needs of the carrier behind it."""

    delays: Delays

    def connected(self, link: Link) -> None:
        """A connection was made."""

    def asked(self, link: Link, request: BindRequest) -> int | None:
        """A bind request: the status of its response, or None where there is to be none."""

    def bound(self, link: Link, system_id: str, receives: bool) -> None:
        """The bind's response is queued; ``receives``: deliver_sm may follow."""

    def submitted(self, link: Link, submits: list[SubmitSm], now: float) -> None:
        """All submits of one read."""

    def delivered(self, link: Link, delivery: Delivery, status: int | None) -> None:
        """A deliver_sm was answered; None: not in time."""

    def pump(self, link: Link, now: float) -> None:
        """The link can take deliveries again."""

    def gone(self, link: Link, unanswered: list[Delivery]) -> None:
        """The connection is closed."""


class Link(asyncio.Protocol):
    """One TCP connection, bound or not. It is a Receiver and a Source (account.py, intake.py)."""

    transport: asyncio.Transport

    def __init__(
        self, carrier: Carrier, timers: Timers, window: int, drop_after: int, version: str = "3.4"
    ) -> None:
        self._carrier = carrier
        self._version = _VERSIONS[version]
        self.session = Session(Role.SMSC, timers=timers, window=window, now=time.monotonic())
        self.account = Account("", 0)
        self.rate = 0
        self.unanswered = 0
        self.condemned = False
        self.made_at = time.monotonic()
        self._drop_after = drop_after
        self._submits = 0
        self._receives = False
        self._writable = True
        self._deaf = False
        self._out: list[bytes] = []
        self._fresh = 0
        self._received_at = 0.0

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=READ_AT_ONCE)
        self.transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self._carrier.connected(self)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._follow(self.session.receive_data(data, now), now)

    def eof_received(self) -> bool:
        self._receives = False
        self.session.receive_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._receives = False
        self.session.close("the connection was lost")
        contexts = [request.context for request in self.session.lost()]
        self._carrier.gone(self, [c for c in contexts if isinstance(c, Delivery)])

    def pause_writing(self) -> None:
        self._writable = False
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable = True
        self.listen(not self._deaf)
        self._carrier.pump(self, time.monotonic())

    # What the peer says

    def tick(self, now: float) -> None:
        """The session's timers."""
        due = self.session.get_timer()
        if due is not None and due <= now:
            self._follow(self.session.handle_timer(now), now)

    def _follow(self, events: list[Event], now: float) -> None:
        submits: list[SubmitSm] = []
        for event in events:
            if type(event) is Received:
                if type(event.pdu) is SubmitSm:
                    submits.append(event.pdu)
                else:
                    self._request(event.pdu)
            elif type(event) is Answered and isinstance(event.context, Delivery):
                self._carrier.delivered(self, event.context, event.response.command_status)
            elif type(event) is Closed:
                self._receives = False
            elif type(event) is TimedOut and isinstance(event.context, Delivery):
                self._carrier.delivered(self, event.context, None)
        if submits:
            self._take(submits, now)
        self._carrier.pump(self, now)
        self.flush(now)

    def _take(self, submits: list[SubmitSm], now: float) -> None:
        self._submits += len(submits)
        surplus = self._submits - self._drop_after if self._drop_after else -1
        if surplus < 0:
            self._carrier.submitted(self, submits, now)
            return
        last = len(submits) - surplus
        if last > 1:
            self._carrier.submitted(self, submits[: last - 1], now)
        self.condemned = True
        self._carrier.submitted(self, submits[last - 1 : last], now)

    def _request(self, request: Pdu) -> None:
        if isinstance(request, BindRequest):
            self._bind(request)
        else:
            self.session.respond(answer(request, Status.ESME_RINVCMDID))

    def _bind(self, request: BindRequest) -> None:
        status = self._carrier.asked(self, request)
        if status is None:
            return
        response = _RESPONSES[type(request)]
        if status != OK:
            self.session.respond(response(request.sequence_number, status))
            self.session.close("bind refused")
            return
        self.session.respond(response(request.sequence_number, OK, self._version, "simulator"))
        self._receives = self.session.state is not SessionState.BOUND_TX
        self._carrier.bound(self, request.system_id, self._receives)

    # What we say

    @property
    def free(self) -> bool:
        """A deliver_sm may be sent now."""
        return self._receives and self._writable and self.session.window_free > 0

    def deliver(self, delivery: Delivery, pdu: DeliverSm | DataSm, now: float) -> None:
        """Queue a deliver_sm; its answer comes to the carrier."""
        self.session.send(pdu, now, delivery)

    def queue(self, octets: bytes, received: float) -> None:
        """Write a submit_sm_resp with the next flush; ``received``: when its submit came."""
        self._out.append(octets)
        self._fresh += 1
        self._received_at = received

    def respond_late(self, octets: bytes, received: float, now: float) -> None:
        """A response whose time has come; it waits for the next flush."""
        self.unanswered -= 1
        if self.session.state is not SessionState.CLOSED:
            self._out.append(octets)
            self._carrier.delays.add(now - received)

    def flush(self, now: float) -> None:
        """Write what is queued: deliveries first, so that an early receipt is early."""
        out = self._out
        closing = self.session.close_expected()
        if self._fresh:
            self._carrier.delays.add(time.monotonic() - self._received_at, self._fresh)
            self._fresh = 0
        octets = self.session.data_to_send()
        if out:
            responses = b"".join(out)
            octets = responses + octets if closing else octets + responses
            out.clear()
        if octets and not self.transport.is_closing():
            self.transport.write(octets)
        if closing or self.condemned:
            self.transport.close()

    def listen(self, willing: bool) -> None:
        """Read, or leave what comes in the socket."""
        self._deaf = not willing
        if willing and self._writable:
            self.transport.resume_reading()
        elif not willing:
            self.transport.pause_reading()

    def unbind(self, now: float) -> None:
        """Ask the ESME to part in order."""
        if self.session.state.bound:
            self._receives = False
            self.session.unbind(now)
            self.flush(now)

    def part(self, now: float) -> None:
        """End the connection: in order where it is bound."""
        if self.session.state.bound:
            self.unbind(now)
        else:
            self.transport.close()

    def cut(self) -> None:
        """Drop the connection, with whatever is not written yet."""
        self._receives = False
        self.session.close("cut")
        self.transport.abort()
