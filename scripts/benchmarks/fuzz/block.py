"""Some thousand mutated PDUs against one bound session: what must hold after each of them.

A block depends on nothing but its role, its seed and its number, so one alone repeats what a night
has found. In one of :data:`ROUGH` blocks some frames lose the framing: the session must close with
a reason, and a new one is made.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import cycle
from random import Random
from struct import Struct
from time import perf_counter
from typing import Any, Final

from benchmarks.fuzz.behind import Behind
from benchmarks.fuzz.expect import (
    GENERIC_NACK,
    OUT_OF_STATE,
    RESPONSE_BIT,
    RINVCMDID,
    RINVCMDLEN,
    Expected,
    expected,
    requests,
    response_to,
)
from benchmarks.fuzz.mutate import MAX_PDU, Mutator, Seed, Verdict
from gateway.smpp.codec import KIND_OF
from gateway.smpp.pdu import (
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    EnquireLink,
    answer,
    encode,
)
from gateway.smpp.session import (
    Answered,
    Closed,
    Event,
    Received,
    Refused,
    Role,
    Session,
    SessionState,
    Stray,
    TimedOut,
    Unbound,
)

PDUS: Final = 5_000
"""Of a block."""
ROUGH: Final = 7
WINDOW: Final = 10
RESPONSE_SECONDS: Final = 30.0
TICK: Final = 0.05
"""Seconds from one PDU to the next, by the session's clock."""

_head: Final = Struct(">IIII").pack
_read: Final = Struct(">IIII").unpack_from
_ENQUIRE_LINK: Final = 0x15
_UNBIND: Final = 0x06
_DELIVER_SM: Final = 0x05
_SILENT: Final = (Expected.ANSWER, Expected.NOTED)
"""What is not answered: whether the session lives is asked after each. The others' own answers show
it, and every fourth is asked after as well."""
_BINDS: Final[dict[SessionState, tuple[Any, Any]]] = {
    SessionState.BOUND_TRX: (BindTransceiver, BindTransceiverResp),
    SessionState.BOUND_TX: (BindTransmitter, BindTransmitterResp),
    SessionState.BOUND_RX: (BindReceiver, BindReceiverResp),
}


class Wrong(Exception):
    """Something that must hold did not."""


def bound(role: Role, state: SessionState, now: float) -> Session:
    """A session of ``role``, bound so at ``now``."""
    session = Session(role, window=WINDOW, now=now)
    request, response = _BINDS[state]
    if role is Role.ESME:
        session.send(request(), now)
        session.receive_data(encode(response(1)), now)
    else:
        session.receive_data(encode(request(1)), now)
        session.respond(response(1))
    session.data_to_send()
    assert session.state is state
    return session


class Block:
    """One block. ``run`` raises :class:`Wrong`, or whatever the session raises."""

    def __init__(self, role: Role, seeds: list[Seed], seed: int, number: int) -> None:
        chance = Random(f"{seed}:{role.value}:{number}")
        self.rough = number % ROUGH == ROUGH - 1
        self.mutator = Mutator(seeds, chance, self.rough)
        self.role = role
        self.state = chance.choice([SessionState.BOUND_TRX] * 4 + list(_BINDS))
        self.at = 0
        self.frame = b""
        self.met: Counter[str] = Counter()
        self.slowest = 0.0
        self._now = 0.0
        self._expected = expected(role, self.state)
        self._asking = cycle([KIND_OF[command]() for command in requests(role, self.state)])
        self._behind = Behind(chance)
        self._begin()

    def _begin(self) -> None:
        self.session = bound(self.role, self.state, self._now)
        self._open: dict[int, tuple[int, float]] = {}
        self._numbers: list[int] = []

    def run(self, pdus: int) -> None:
        """So many PDUs, the first ones of the block."""
        for self.at in range(pdus):
            self._now += TICK
            if self.at & 3 == 0:
                self._ask()
            self.frame, verdict = self.mutator.next(self._numbers)
            began = perf_counter()
            if verdict is Verdict.BROKEN:
                self._lost()
            elif verdict is Verdict.LYING:
                self._stream()
            else:
                self._kept(verdict)
            self.slowest = max(self.slowest, perf_counter() - began)
            if self.at & 63 == 0:
                self._time_passes()
        self._behind.finish()

    # A frame that keeps its framing

    def _kept(self, verdict: Verdict) -> None:
        frame = self.frame
        _, command_id, _, number = _read(frame)
        how = self._expected.get(command_id)
        if how is None:
            how = Expected.ANSWER if command_id & RESPONSE_BIT else Expected.UNKNOWN
        if how is Expected.END:
            self._unbound(number)
            return
        session = self.session
        link = self.at + 1
        asked = how in _SILENT or self.at & 3 == 0
        octets = frame + _head(16, _ENQUIRE_LINK, 0, link) if asked else frame
        if self.at & 1023 == 0 or (len(frame) > 4_000 and self.at & 7 == 0):
            events = self._counted(octets)
        elif self.at & 15 == 0:
            cut = self.mutator.below(len(octets))
            events = session.receive_data(octets[:cut], self._now)
            events += session.receive_data(octets[cut:], self._now)
        else:
            events = session.receive_data(octets, self._now)
        if session.state is not self.state:
            raise Wrong(f"{session.state.value} after it: {events}")
        out = session.data_to_send()
        if asked:
            if out[-16:] != _head(16, _ENQUIRE_LINK | RESPONSE_BIT, 0, link):
                raise Wrong("the enquire_link after it was not answered")
            out = out[:-16]
        self._met(how, verdict, command_id, number, events, out)
        if session._buffer or session.pending_bytes or len(session._window) > WINDOW:
            raise Wrong("something of it stayed behind")
        if len(session._control) > 3:
            raise Wrong("what it awaits about itself grows")

    def _met(
        self,
        how: Expected,
        verdict: Verdict,
        command_id: int,
        number: int,
        events: list[Event],
        out: bytes,
    ) -> None:
        """Whether ``events`` and ``out``, what was written, are as they should be."""
        self.met[how.value] += 1
        if how is Expected.LINK:
            if events or out != _head(16, command_id | RESPONSE_BIT, 0, number):
                raise Wrong(f"enquire_link met with {events} and {out.hex()}")
            return
        if len(events) != 1:
            raise Wrong(f"{len(events)} events, not one: {events}")
        event = events[0]
        if how is Expected.ANSWER:
            self._answered(event, command_id, number, out)
        elif how is Expected.UNKNOWN:
            self._refused(event, GENERIC_NACK, number, out, (RINVCMDID,))
        elif how is Expected.REFUSED:
            self._refused(event, response_to(command_id), number, out, OUT_OF_STATE)
        elif type(event) is Received:
            self._taken(event, command_id, number, out)
        else:
            if verdict is Verdict.SOUND:
                raise Wrong(f"a sound one was refused: {event}")
            self.met["malformed"] += 1
            self._refused(event, response_to(command_id), number, out)

    def _answered(self, event: Event, command_id: int, number: int, out: bytes) -> None:
        if out:
            raise Wrong(f"a response was answered with {out.hex()}")
        asked = self._open.get(number)
        if asked is None or command_id not in (GENERIC_NACK, asked[0] | RESPONSE_BIT):
            if type(event) is not Stray:
                raise Wrong(f"it answers nothing of ours, and was met with {event}")
            return
        if type(event) is not Answered or event.context != number:
            raise Wrong(f"it answers our {number}, and was met with {event}")
        self.met["answered"] += 1
        del self._open[number]
        self._numbers.remove(number)

    def _refused(
        self,
        event: Event,
        response: int,
        number: int,
        out: bytes,
        statuses: tuple[int, ...] | None = None,
    ) -> None:
        if type(event) is not Refused:
            raise Wrong(f"it should have been refused, not {event}")
        status = _one(out, response, number)
        if status == 0 or (statuses and status not in statuses):
            raise Wrong(f"it was refused with the status {status}")

    def _taken(self, event: Received, command_id: int, number: int, out: bytes) -> None:
        """It is handed to us: we look at it as the gateway does, and answer."""
        pdu = event.pdu
        if out:
            raise Wrong(f"it was handed on, and answered with {out.hex()}")
        if type(pdu) is not KIND_OF[command_id] or pdu.sequence_number != number:
            raise Wrong(f"it was handed on as {pdu}")
        self.met["received"] += 1
        self._behind.take(pdu)
        if self._expected[command_id] is Expected.NOTED:
            return
        if command_id == _DELIVER_SM and number & 1:
            self.session.acknowledge([number])
        else:
            self.session.respond(answer(pdu))
        if _one(self.session.data_to_send(), command_id | RESPONSE_BIT, number) != 0:
            raise Wrong("our response was written with another status")

    def _counted(self, octets: bytes) -> list[Event]:
        """Read it, and count the calls that takes: so many for each octet, and no more."""
        calls = 0

        def count(frame: object, event: str, of: object) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        try:
            events = self.session.receive_data(octets, self._now)
        finally:
            sys.setprofile(None)
        if calls > 400 + 4 * len(octets):
            raise Wrong(f"{calls} calls for {len(octets)} octets")
        return events

    # What ends a session

    def _unbound(self, number: int) -> None:
        """unbind: answered, told, closed; and what was not answered is handed back."""
        self.met["end"] += 1
        session = self._ending()
        events = session.receive_data(self.frame + _head(16, _ENQUIRE_LINK, 0, 1), self._now)
        if [type(event) for event in events] != [Unbound, Closed]:
            raise Wrong(f"unbind met with {events}")
        if session.data_to_send() != _head(16, _UNBIND | RESPONSE_BIT, 0, number):
            raise Wrong("unbind without its response")
        self._ended(session)

    def _lost(self) -> None:
        """The framing is lost: generic_nack, and closed with a reason."""
        self.met["framing lost"] += 1
        session = self._ending()
        events = session.receive_data(self.frame, self._now)
        length = str(_read(self.frame)[0])
        if not (len(events) == 1 and type(events[0]) is Closed and length in events[0].reason):
            raise Wrong(f"lost framing met with {events}")
        if session.data_to_send() != _head(16, GENERIC_NACK, RINVCMDLEN, 0):
            raise Wrong("lost framing without a generic_nack")
        self._ended(session)

    def _ending(self) -> Session:
        """The session that is to end: in a block that is not rough another than the long-lived."""
        return self.session if self.rough else bound(self.role, self.state, self._now)

    def _ended(self, session: Session) -> None:
        if session.state is not SessionState.CLOSED or session.get_timer() is not None:
            raise Wrong(f"{session.state.value}, and should be closed")
        lost = {one.sequence_number for one in session.lost()}
        if session is not self.session:
            return
        wanted = {n for n, (command_id, _) in self._open.items() if command_id != _ENQUIRE_LINK}
        if lost != wanted:
            raise Wrong(f"handed back as never answered: {lost}, not {wanted}")
        self._begin()

    def _stream(self) -> None:
        """A command_length that is wrong by some octets: other frames than those that were meant.

        What must hold is only that the session ends where a frame is out of the limits, or says
        unbind, and lives on otherwise.
        """
        self.met["framing shifted"] += 1
        session = bound(self.role, self.state, self._now)
        octets, ends = _completed(self.frame)
        session.receive_data(octets, self._now)
        session.data_to_send()
        if session.close_expected() is not ends:
            raise Wrong(f"{session.state.value}; ends: {ends}")
        if ends:
            return
        session.receive_data(_head(16, _ENQUIRE_LINK, 0, 7), self._now)
        if session.data_to_send() != _head(16, _ENQUIRE_LINK | RESPONSE_BIT, 0, 7):
            raise Wrong("the enquire_link after it was not answered")

    # Requests of ours, and time

    def _ask(self) -> None:
        session = self.session
        if session.window_free:
            request = next(self._asking)
            number = session._number()
            session.send(request, self._now, number)
            if request.command_id != 0x102:  # alert_notification awaits nothing
                self._awaits(number, request.command_id)
        if self.at & 63 == 0 and not session._control:
            number = session._number()
            session.send(EnquireLink(), self._now, number)
            self._awaits(number, _ENQUIRE_LINK)
        session.data_to_send()

    def _awaits(self, number: int, command_id: int) -> None:
        self._open[number] = (command_id, self._now)
        self._numbers.append(number)

    def _time_passes(self) -> None:
        session = self.session
        due = session.get_timer()
        if due is None:
            raise Wrong("no timer runs")
        if due > self._now:
            return
        late = {
            event.context
            for event in session.handle_timer(self._now)
            if isinstance(event, TimedOut)
        }
        gone = {
            number: command_id
            for number, (command_id, at) in self._open.items()
            if at + RESPONSE_SECONDS <= self._now
        }
        if late != {number for number, command_id in gone.items() if command_id != _ENQUIRE_LINK}:
            raise Wrong(f"given up in time: {late}, of {gone}")
        for number in gone:
            del self._open[number]
            self._numbers.remove(number)
        if session.state is not self.state:
            raise Wrong(f"{session.state.value} after its timers")


def _one(out: bytes, command_id: int, number: int) -> int:
    """The status of the one PDU in ``out``, which is this response."""
    if len(out) >= 16:
        length, found, status, answered = _read(out)
        if (length, found, answered) == (len(out), command_id, number):
            return int(status)
    raise Wrong(f"one answer of 0x{command_id:08X} to {number} was due, not {out.hex() or 'none'}")


def _completed(octets: bytes) -> tuple[bytes, bool]:
    """``octets`` with NULs until the last frame in it is whole, and whether they end a session."""
    at = 0
    while at < len(octets):
        octets += bytes(max(0, at + 4 - len(octets)))
        length = int.from_bytes(octets[at : at + 4], "big")
        if not 16 <= length <= MAX_PDU:
            return octets, True
        octets += bytes(max(0, at + length - len(octets)))
        if _read(octets, at)[1] == _UNBIND:
            return octets, True
        at += length
    return octets, False
