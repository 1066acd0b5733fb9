"""One SMPP session, either role, without a socket: octets and times in, events and octets out.

The caller owns the connection and the clock. It gives what it reads to :meth:`receive_data`,
writes what :meth:`data_to_send` gives, calls :meth:`handle_timer` when :meth:`get_timer` says
so, and closes the connection once :meth:`close_expected` and everything is written. ``now`` is
monotonic seconds and never goes back.

The states are those of 2.2, and two more for the time between a request and its answer::

            bind sent (ESME)             bind_resp, ESME_ROK
    OPEN ---------------------> BINDING ---------------------> BOUND_TX, BOUND_RX, BOUND_TRX
      ^     bind received (SMSC)   |                               |                  |
      +----------------------------+             unbind sent by us |                  |
              bind_resp, an error                                  v                  |
                                   unbind_resp, or none comes  UNBINDING              |
                                                                   |                  |
        anything that ends the connection ----> CLOSED <-----------+------------------+
                                                                     unbind received

What each end may send in which state is :data:`OPERATIONS`, the table of 2.3. A move of our own
that the table does not have raises IllegalMove and changes nothing; one of the peer's is
answered with ESME_RINVBNDSTS. Nothing the peer sends raises.

Whoever reads must also stop reading: :attr:`pending_bytes` counts the answers that wait to be
written. One read adds at most as much again as it brought, so a caller that stops reading above
some number bounds the session's memory whatever the peer does.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias

import msgspec

from gateway.errors import IllegalMove, WindowFull
from gateway.smpp.constants import MAX_SEQUENCE_NUMBER, RESPONSE_BIT, Command, Status
from gateway.smpp.framing import FramingError, split
from gateway.smpp.pdu import answer, decode, encode, encode_as
from gateway.smpp.structs import (
    BindReceiverResp,
    BindResp,
    BindTransceiverResp,
    BindTransmitterResp,
    EnquireLink,
    GenericNack,
    Malformed,
    Pdu,
    Response,
    Unbind,
    Unknown,
)
from gateway.smpp.timers import NEVER, Deadlines, Timers
from gateway.smpp.window import Outstanding, Window

__all__ = [
    "OPERATIONS",
    "Answered",
    "BindRefused",
    "Bound",
    "Closed",
    "Counts",
    "Event",
    "Outstanding",
    "Received",
    "Refused",
    "Role",
    "Session",
    "SessionState",
    "Stray",
    "TimedOut",
    "Timers",
    "Unbound",
]


class Role(Enum):
    """Which end of the session we are."""

    ESME = "esme"
    SMSC = "smsc"


class SessionState(Enum):
    """Where a session is (2.2)."""

    OPEN = "open"
    BINDING = "binding"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBINDING = "unbinding"
    CLOSED = "closed"

    @property
    def bound(self) -> bool:
        """A bind holds: messages may flow."""
        return self in _BOUND


_OPEN = frozenset({SessionState.OPEN})
_BINDING = frozenset({SessionState.BINDING})
_BOUND = frozenset({SessionState.BOUND_TX, SessionState.BOUND_RX, SessionState.BOUND_TRX})
_SENDS = frozenset({SessionState.BOUND_TX, SessionState.BOUND_TRX})
_RECEIVES = frozenset({SessionState.BOUND_RX, SessionState.BOUND_TRX})
_UNBINDING = frozenset({SessionState.UNBINDING})
_LIVE = _OPEN | _BINDING | _BOUND | _UNBINDING

_ESME = frozenset({Role.ESME})
_SMSC = frozenset({Role.SMSC})
_BOTH = _ESME | _SMSC

OPERATIONS: Final[tuple[tuple[Command, frozenset[SessionState], frozenset[Role]], ...]] = (
    # command, the states in which it may be sent, who may send it (2.3, table 2-1)
    (Command.BIND_TRANSMITTER, _OPEN, _ESME),
    (Command.BIND_TRANSMITTER_RESP, _BINDING, _SMSC),
    (Command.BIND_RECEIVER, _OPEN, _ESME),
    (Command.BIND_RECEIVER_RESP, _BINDING, _SMSC),
    (Command.BIND_TRANSCEIVER, _OPEN, _ESME),
    (Command.BIND_TRANSCEIVER_RESP, _BINDING, _SMSC),
    (Command.OUTBIND, _OPEN, _SMSC),
    (Command.UNBIND, _BOUND, _BOTH),
    (Command.UNBIND_RESP, _BOUND | _UNBINDING, _BOTH),
    (Command.SUBMIT_SM, _SENDS, _ESME),
    (Command.SUBMIT_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.SUBMIT_MULTI, _SENDS, _ESME),
    (Command.SUBMIT_MULTI_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.DATA_SM, _BOUND, _BOTH),
    (Command.DATA_SM_RESP, _BOUND | _UNBINDING, _BOTH),
    (Command.DELIVER_SM, _RECEIVES, _SMSC),
    (Command.DELIVER_SM_RESP, _RECEIVES | _UNBINDING, _ESME),
    (Command.QUERY_SM, _SENDS, _ESME),
    (Command.QUERY_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.CANCEL_SM, _SENDS, _ESME),
    (Command.CANCEL_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.REPLACE_SM, _SENDS, _ESME),
    (Command.REPLACE_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.ALERT_NOTIFICATION, _RECEIVES, _SMSC),
    # Wider than 2.3, which says bound: carriers probe a connection before its bind, and an
    # unknown command must be answered in any state.
    (Command.ENQUIRE_LINK, _OPEN | _BINDING | _BOUND, _BOTH),
    (Command.ENQUIRE_LINK_RESP, _LIVE, _BOTH),
    (Command.GENERIC_NACK, _LIVE, _BOTH),
)


def _sendable(role: Role, state: SessionState) -> frozenset[int]:
    return frozenset(
        int(command) for command, states, roles in OPERATIONS if state in states and role in roles
    )


def _asks_and_answers(role: Role, state: SessionState) -> tuple[frozenset[int], frozenset[int]]:
    commands = _sendable(role, state)
    answers = frozenset(command for command in commands if command & RESPONSE_BIT)
    return commands - answers, answers


def _acceptable(role: Role, state: SessionState) -> frozenset[int]:
    """What the peer may send while we are in ``state``: in UNBINDING it is still bound."""
    peer = Role.SMSC if role is Role.ESME else Role.ESME
    states = _BOUND if state is SessionState.UNBINDING else (state,)
    return frozenset().union(*(_sendable(peer, each) for each in states))


_MAY_SEND: Final = {(r, s): _asks_and_answers(r, s) for r in Role for s in SessionState}
_MAY_RECEIVE: Final = {(r, s): _acceptable(r, s) for r in Role for s in SessionState}

_BINDS: Final = frozenset(
    {int(Command.BIND_TRANSMITTER), int(Command.BIND_RECEIVER), int(Command.BIND_TRANSCEIVER)}
)
_CONTROL: Final = _BINDS | {int(Command.UNBIND), int(Command.ENQUIRE_LINK)}
"""Requests about the session itself: they are awaited, but take no place in the window."""

_UNANSWERED: Final = frozenset({int(Command.OUTBIND), int(Command.ALERT_NOTIFICATION)})
"""Requests that have no response."""

_ENQUIRE_LINK: Final = int(Command.ENQUIRE_LINK)
_UNBIND: Final = int(Command.UNBIND)

_BOUND_BY: Final[dict[type, SessionState]] = {
    BindTransmitterResp: SessionState.BOUND_TX,
    BindReceiverResp: SessionState.BOUND_RX,
    BindTransceiverResp: SessionState.BOUND_TRX,
}

Fault: TypeAlias = Literal["local", "remote"]


class Bound(msgspec.Struct, frozen=True, gc=False):
    """ESME: the SMSC took our bind."""

    response: BindResp


class BindRefused(msgspec.Struct, frozen=True, gc=False):
    """ESME: the SMSC refused our bind; ``response.command_status`` says why. OPEN again."""

    response: Response


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A request of ours was answered, perhaps with a generic_nack, whatever the status."""

    context: object
    response: Response
    sent_at: float
    sequence_number: int


class TimedOut(msgspec.Struct, frozen=True, gc=False):
    """A request of ours got no answer in time. Its place in the window is free again; an answer
    that still comes is Stray."""

    context: object
    sent_at: float
    sequence_number: int


class Received(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer's, which :meth:`Session.respond` answers."""

    pdu: Pdu


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer's that the session has refused itself, with ``command_status``:
    unknown, malformed, or not allowed in this state. For the log; nothing is to be done."""

    pdu: Pdu
    command_status: int


class Stray(msgspec.Struct, frozen=True, gc=False):
    """A response that answers no request we still wait for: late, repeated or wrong."""

    response: Response | Unknown


class Unbound(msgspec.Struct, frozen=True, gc=False):
    """The session was unbound in order, by either end; Closed follows."""


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The session is over. ``fault`` says whose doing it was; then see :meth:`Session.lost`."""

    reason: str
    fault: Fault


Event: TypeAlias = (
    Bound | BindRefused | Answered | TimedOut | Received | Refused | Stray | Unbound | Closed
)


class Counts:
    """What the peer sent that we could not use, for the metrics."""

    __slots__ = ("illegal", "malformed", "stray", "unknown")

    def __init__(self) -> None:
        self.malformed = 0
        """Requests whose body could not be read."""
        self.unknown = 0
        """Requests with a command_id that SMPP 3.4 does not have."""
        self.illegal = 0
        """Requests that the session's state does not allow."""
        self.stray = 0
        """Responses to nothing."""


class Session:
    """One session. See the head of the file for how it is driven.

    ``window`` is how many requests of ours may be outstanding, ``max_pdu`` the longest PDU we
    read, in octets. ``now`` is when the connection was made; without it the session_init timer
    starts with the first thing that happens.
    """

    def __init__(
        self,
        role: Role,
        *,
        timers: Timers | None = None,
        window: int = 10,
        max_pdu: int = 65_536,
        now: float | None = None,
    ) -> None:
        self.role = role
        self.counts = Counts()
        self._max_pdu = max_pdu
        self._window = Window(window)
        self._control = Window(3)  # a bind or an unbind, the enquire_links: ours and the caller's
        self._deadlines = Deadlines(timers or Timers())
        self._buffer = bytearray()
        self._out = bytearray()
        self._next_number = 1
        self._bind_command = 0
        self._enquiry = 0
        self._enter(SessionState.OPEN)
        if now is not None:
            self._deadlines.opened(now)

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def window_free(self) -> int:
        """How many more requests :meth:`send` takes now; 0 while the session is not bound."""
        return self._window.free if self._state in _BOUND else 0

    @property
    def outstanding(self) -> int:
        """Requests of ours in the window: sent, not answered, not timed out."""
        return len(self._window)

    @property
    def pending_bytes(self) -> int:
        """Octets queued and not yet taken by :meth:`data_to_send`."""
        return len(self._out)

    # What we do

    def send(self, request: Pdu, now: float, context: object = None) -> int:
        """Queue a request and return the sequence_number it was given.

        It is in the window before it is queued; ``context`` comes back with its answer. Raises
        IllegalMove, WindowFull, or EncodeError, and then nothing has changed.
        """
        command_id = request.command_id
        if command_id not in self._may_ask:
            raise self._illegal(request)
        number = self._number()
        if command_id in _CONTROL:
            return self._send_control(request, number, now, context)
        if command_id in _UNANSWERED:
            octets = encode_as(request, number)
        else:
            self._window.check()
            octets = encode_as(request, number)
            self._window.add(number, command_id, now, context)
        self._next_number = number + 1
        self._deadlines.active_at = now
        self._out += octets
        return number

    def respond(self, response: Pdu) -> None:
        """Queue the response to a request that was Received.

        A bind_resp of the SMSC moves the state. Once the session is CLOSED the response is
        dropped without a word: the caller may have worked on it for a while, and the peer is
        gone. Raises IllegalMove or EncodeError.
        """
        if response.command_id not in self._may_answer:
            if self._closed:
                return
            raise self._illegal(response)
        if isinstance(response, BindResp):
            self._answer_bind(response)
        else:
            self._out += encode(response)

    def unbind(self, now: float) -> None:
        """Queue unbind: no more requests from us, answers still come. Raises IllegalMove."""
        self.send(Unbind(), now)

    def close(self, reason: str) -> list[Event]:
        """End the session here and now, without a word to the peer."""
        return [] if self._closed else [self._close(reason, "local")]

    def data_to_send(self) -> bytes:
        """Everything queued, to be written now; it is forgotten here."""
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def close_expected(self) -> bool:
        """Write what :meth:`data_to_send` still gives, then close the connection."""
        return self._closed

    def lost(self) -> list[Outstanding]:
        """Of a CLOSED session: the requests that were sent and never answered, oldest first.

        Each is handed back once. Raises IllegalMove while the session lives.
        """
        if not self._closed:
            raise IllegalMove(f"lost() while {self._state.value}")
        return self._window.drain()

    # What happens to us

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """What these octets from the peer mean, in their order."""
        if self._closed:
            return []
        self._deadlines.opened(now)
        self._deadlines.heard_at = now
        self._buffer += data
        return self._read(now)

    def receive_eof(self) -> list[Event]:
        """The peer has closed the connection, or it broke."""
        if self._closed:
            return []
        reason = "the peer closed the connection"
        if self._buffer:
            reason += f" in the middle of a PDU, after {len(self._buffer)} octets"
        return [self._close(reason, "remote")]

    def get_timer(self) -> float | None:
        """When :meth:`handle_timer` must be called next; None: not at all."""
        if self._closed:
            return None
        earliest = self._idle_deadline()
        for awaited in (self._window, self._control):
            if awaited:
                earliest = min(earliest, self._deadlines.response(awaited.oldest()))
        return None if earliest == NEVER else earliest

    def handle_timer(self, now: float) -> list[Event]:
        """What has run out at ``now``; nothing, if it is called too early."""
        if self._closed:
            return []
        self._deadlines.opened(now)
        events: list[Event] = []
        seconds = self._deadlines.response_seconds
        for request in self._window.expire(now, seconds):
            events.append(TimedOut(request.context, request.sent_at, request.sequence_number))
        for request in self._control.expire(now, seconds):
            if not self._forgiven(request):
                events.append(self._close(_overdue(request, seconds), "remote"))
                return events
        self._idle(now, events)
        return events

    # Sending

    def _send_control(self, request: Pdu, number: int, now: float, context: object) -> int:
        if request.command_id == _ENQUIRE_LINK and len(self._control) > 1:
            raise WindowFull("an enquire_link is outstanding already")
        octets = encode_as(request, number)
        self._control.add(number, request.command_id, now, context)
        self._next_number = number + 1
        self._deadlines.opened(now)
        self._out += octets
        if request.command_id in _BINDS:
            self._bind_command = request.command_id
            self._enter(SessionState.BINDING)
        elif request.command_id == _UNBIND:
            self._enter(SessionState.UNBINDING)
        return number

    def _answer_bind(self, response: BindResp) -> None:
        if response.command_id != self._bind_command | RESPONSE_BIT:
            raise self._illegal(response)
        self._out += encode(response)
        accepted = response.command_status == Status.ESME_ROK
        self._enter(_BOUND_BY[type(response)] if accepted else SessionState.OPEN)

    def _number(self) -> int:
        """The next sequence_number (5.1.4) that no outstanding request has."""
        number = self._next_number
        while True:
            if number > MAX_SEQUENCE_NUMBER:
                number = 1
            if number not in self._window and number not in self._control:
                return number
            number += 1

    def _enter(self, state: SessionState) -> None:
        self._state = state
        self._closed = state is SessionState.CLOSED
        self._may_ask, self._may_answer = _MAY_SEND[self.role, state]
        self._may_receive = _MAY_RECEIVE[self.role, state]

    def _illegal(self, pdu: Pdu) -> IllegalMove:
        name = type(pdu).__name__
        return IllegalMove(f"{self.role.value} cannot send {name} while {self._state.value}")

    def _close(self, reason: str, fault: Fault) -> Closed:
        self._enter(SessionState.CLOSED)
        self._buffer.clear()
        self._control.drain()
        return Closed(reason, fault)

    # Receiving

    def _read(self, now: float) -> list[Event]:
        """Every whole PDU in the buffer, until one closes the session."""
        events: list[Event] = []
        while frames := split(self._buffer, self._max_pdu):
            if isinstance(frames, FramingError):
                self._out += encode(GenericNack(command_status=Status.ESME_RINVCMDLEN))
                events.append(self._close(frames.reason, "remote"))
                break
            for frame in frames:
                pdu = decode(frame)
                if isinstance(pdu, Response):
                    self._answered(pdu, now, events)
                else:
                    self._asked(pdu, now, events)
                if self._closed:
                    return events
        return events

    def _asked(self, pdu: Pdu, now: float, events: list[Event]) -> None:
        """A request of the peer's, or something unknown."""
        command_id = pdu.command_id
        if type(pdu) is Unknown:
            self._unknown(pdu, events)
        elif command_id not in self._may_receive:
            self.counts.illegal += 1
            self._refuse(pdu, self._bind_status(command_id), events)
        elif type(pdu) is Malformed:
            self.counts.malformed += 1
            self._refuse(pdu, pdu.command_status, events)
        elif command_id == _ENQUIRE_LINK:
            self._out += encode(answer(pdu))
        else:
            self._deadlines.active_at = now
            if command_id == _UNBIND:
                self._unbound_by_peer(pdu, events)
                return
            if command_id in _BINDS:
                self._bind_command = command_id
                self._enter(SessionState.BINDING)
            events.append(Received(pdu))

    def _unknown(self, pdu: Unknown, events: list[Event]) -> None:
        """Answered with generic_nack (4.3), unless it claims to be an answer itself."""
        if pdu.command_id & RESPONSE_BIT:
            self.counts.stray += 1
            events.append(Stray(pdu))
            return
        self.counts.unknown += 1
        self._refuse(pdu, Status.ESME_RINVCMDID, events)

    def _refuse(self, pdu: Pdu, command_status: int, events: list[Event]) -> None:
        self._out += encode(answer(pdu, command_status))
        events.append(Refused(pdu, command_status))

    def _bind_status(self, command_id: int) -> int:
        bound_already = command_id in _BINDS and self.role is Role.SMSC
        return Status.ESME_RALYBND if bound_already else Status.ESME_RINVBNDSTS

    def _unbound_by_peer(self, pdu: Pdu, events: list[Event]) -> None:
        self._out += encode(answer(pdu))
        if self._state is not SessionState.UNBINDING:  # else our own unbind is under way as well
            events.append(Unbound())
            events.append(self._close("the peer unbound", "remote"))

    def _answered(self, response: Response, now: float, events: list[Event]) -> None:
        """A response, to one of ours or to nothing."""
        number = response.sequence_number
        command_id = response.command_id
        entry = self._window.take(number, command_id)
        if entry is not None:
            self._deadlines.active_at = now
            events.append(Answered(entry[0], response, entry[1], number))
            return
        entry = self._control.take(number, command_id)
        if entry is None:
            self.counts.stray += 1
            events.append(Stray(response))
        elif entry[2] in _BINDS:
            self._deadlines.active_at = now
            events.append(self._bind_answered(response))
        elif entry[2] == _UNBIND:
            events.append(Unbound())
            events.append(self._close("unbound", "local"))
        elif number != self._enquiry:
            events.append(Answered(entry[0], response, entry[1], number))

    def _bind_answered(self, response: Response) -> Event:
        if isinstance(response, BindResp) and response.command_status == Status.ESME_ROK:
            self._enter(_BOUND_BY[type(response)])
            return Bound(response)
        self._enter(SessionState.OPEN)
        return BindRefused(response)

    # Time

    def _idle_deadline(self) -> float:
        """The timers that run while nothing is awaited."""
        deadlines = self._deadlines
        if self._state in _BOUND:
            idle = NEVER if self._enquiry in self._control else deadlines.enquire_link()
            return min(idle, deadlines.inactivity())
        return deadlines.session_init() if self._state is not SessionState.UNBINDING else NEVER

    def _idle(self, now: float, events: list[Event]) -> None:
        if now < self._idle_deadline():
            return
        if self._state not in _BOUND:
            fault: Fault = "local" if self._turn_is_ours() else "remote"
            events.append(self._close("not bound in time", fault))
        elif now >= self._deadlines.inactivity():
            self.unbind(now)
        else:
            self._enquiry = self._number()
            self._send_control(EnquireLink(), self._enquiry, now, None)

    def _turn_is_ours(self) -> bool:
        """Before the session is bound: it is we who should have moved."""
        return (self._state is SessionState.OPEN) is (self.role is Role.ESME)

    def _forgiven(self, request: Outstanding) -> bool:
        """An enquire_link without an answer, though the peer has said something since."""
        silent = self._deadlines.heard_at <= request.sent_at
        return request.command_id == _ENQUIRE_LINK and not silent


def _overdue(request: Outstanding, seconds: float) -> str:
    return f"no answer to {Command(request.command_id).name.lower()} within {seconds:g} s"
