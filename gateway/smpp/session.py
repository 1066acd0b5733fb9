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

What each end may send in which state is ``OPERATIONS`` in states.py, the table of 2.3. A move of
our own that the table does not have raises IllegalMove and changes nothing; one of the peer's is
answered with ESME_RINVBNDSTS. Nothing the peer sends raises.

Whoever reads must also stop reading: :attr:`pending_bytes` counts the answers that wait to be
written. The answers to one PDU of 16 octets have at most 20, so a caller that stops reading above
some number of pending bytes bounds the session's memory whatever the peer does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.errors import IllegalMove, WindowFull
from gateway.smpp.codec import pack_header
from gateway.smpp.constants import HEADER_LENGTH, MAX_SEQUENCE_NUMBER, RESPONSE_BIT, Command, Status
from gateway.smpp.events import (
    Answered,
    BindRefused,
    Bound,
    Closed,
    Counts,
    Event,
    Fault,
    Received,
    Refused,
    Stray,
    TimedOut,
    Unbound,
)
from gateway.smpp.framing import FramingError, split
from gateway.smpp.hot import deliver_sm_resps
from gateway.smpp.pdu import answer, decode, encode, encode_as
from gateway.smpp.states import BOUND, MAY_RECEIVE, MAY_SEND, OPERATIONS, Role, SessionState
from gateway.smpp.structs import (
    KINDS,
    BindReceiverResp,
    BindResp,
    BindTransceiverResp,
    BindTransmitterResp,
    DeliverSmResp,
    EnquireLink,
    GenericNack,
    Malformed,
    Pdu,
    Request,
    Response,
    SubmitSm,
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


_BINDS: Final = frozenset(
    {int(Command.BIND_TRANSMITTER), int(Command.BIND_RECEIVER), int(Command.BIND_TRANSCEIVER)}
)
_CONTROL: Final = _BINDS | {int(Command.UNBIND), int(Command.ENQUIRE_LINK)}
"""Requests about the session itself: they are awaited, but take no place in the window."""

_UNANSWERED: Final = frozenset({int(Command.OUTBIND), int(Command.ALERT_NOTIFICATION)})
"""Requests that have no response."""

_HANDED_ON: Final = {
    at: frozenset(
        kind
        for kind in KINDS
        if issubclass(kind, Request) and kind.command_id in allowed - _CONTROL
    )
    for at, allowed in MAY_RECEIVE.items()
}
"""By role and state: the requests of the peer's that are the caller's business alone."""

_ENQUIRE_LINK: Final = int(Command.ENQUIRE_LINK)
_UNBIND: Final = int(Command.UNBIND)
_SUBMIT_SM: Final = int(Command.SUBMIT_SM)
_DELIVER_SM_RESP: Final = int(Command.DELIVER_SM_RESP)

_BOUND_BY: Final[dict[type, SessionState]] = {
    BindTransmitterResp: SessionState.BOUND_TX,
    BindReceiverResp: SessionState.BOUND_RX,
    BindTransceiverResp: SessionState.BOUND_TRX,
}


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
        return self._window.free if self._bound else 0

    @property
    def outstanding(self) -> int:
        """Requests of ours in the window: sent, not answered, not timed out."""
        return len(self._window)

    @property
    def pending_bytes(self) -> int:
        """Octets queued and not yet taken by :meth:`data_to_send`."""
        return len(self._out)

    @property
    def begun(self) -> bytes:
        """The octets read of a PDU that is not whole yet."""
        return bytes(self._buffer)

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

    def send_submit(self, body: bytes, now: float, context: object = None) -> int:
        """:meth:`send` of a submit_sm whose body is encoded: IllegalMove and WindowFull alone."""
        if _SUBMIT_SM not in self._may_ask:
            raise self._illegal(SubmitSm())
        number = self._number()
        self._window.add(number, _SUBMIT_SM, now, context)
        self._next_number = number + 1
        self._deadlines.active_at = now
        self._out += pack_header(HEADER_LENGTH + len(body), _SUBMIT_SM, 0, number)
        self._out += body
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

    def acknowledge(self, sequence_numbers: Iterable[int]) -> None:
        """:meth:`respond` with ESME_ROK to each deliver_sm of these sequence_numbers."""
        if _DELIVER_SM_RESP in self._may_answer:
            self._out += deliver_sm_resps(sequence_numbers)
        elif not self._closed:
            raise self._illegal(DeliverSmResp())

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
        while number > MAX_SEQUENCE_NUMBER or number in self._window or number in self._control:
            number = number + 1 if number < MAX_SEQUENCE_NUMBER else 1
        return number

    def _enter(self, state: SessionState) -> None:
        self._state = state
        self._closed = state is SessionState.CLOSED
        self._bound = state in BOUND
        self._may_ask, self._may_answer = MAY_SEND[self.role, state]
        self._may_receive = MAY_RECEIVE[self.role, state]
        self._handed_on = _HANDED_ON[self.role, state]

    def _illegal(self, pdu: Pdu) -> IllegalMove:
        name = type(pdu).__name__
        return IllegalMove(f"{self.role.value} cannot send {name} while {self._state.value}")

    def _close(self, reason: str, fault: Fault) -> Closed:
        self._enter(SessionState.CLOSED)
        self._buffer.clear()
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
                if type(pdu) in self._handed_on:
                    self._deadlines.active_at = now
                    events.append(Received(pdu))
                elif isinstance(pdu, Response):
                    self._answered(pdu, now, events)
                else:
                    self._asked(pdu, now, events)
                if self._closed:
                    return events
        return events

    def _asked(self, pdu: Pdu, now: float, events: list[Event]) -> None:
        """A request about the session itself, or one that is not for the caller."""
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
        elif command_id == _UNBIND:
            self._deadlines.active_at = now
            self._unbound_by_peer(pdu, events)
        else:  # a bind
            self._deadlines.active_at = now
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
        if self._bound:
            idle = NEVER if self._enquiry in self._control else deadlines.enquire_link()
            return min(idle, deadlines.inactivity())
        return deadlines.session_init() if self._state is not SessionState.UNBINDING else NEVER

    def _idle(self, now: float, events: list[Event]) -> None:
        if now < self._idle_deadline():
            return
        if not self._bound:
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
