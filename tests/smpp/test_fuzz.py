"""No octets make a session raise, hang or grow without bound, in either role and any state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.errors import IllegalMove, WindowFull
from gateway.smpp.pdu import (
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    Pdu,
    SubmitSm,
    answer,
    encode,
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
    Timers,
)
from tests.smpp.strategies import PDUS

MAX_PDU = 2_000
STATES = [state for state in SessionState if state is not SessionState.CLOSED]
BINDS: dict[SessionState, tuple[Any, Any]] = {
    SessionState.BOUND_TX: (BindTransmitter, BindTransmitterResp),
    SessionState.BOUND_RX: (BindReceiver, BindReceiverResp),
}


def session_at(role: Role, state: SessionState) -> Session:
    """A session in ``state``, with a data_sm outstanding where one can be."""
    session = Session(role, window=5, max_pdu=MAX_PDU, now=0.0)
    if state is SessionState.OPEN:
        return session
    request, response = BINDS.get(state, (BindTransceiver, BindTransceiverResp))
    if role is Role.ESME:
        session.send(request(), 0.0)
    else:
        session.receive_data(encode(request(1)), 0.0)
    if state is SessionState.BINDING:
        return session
    if role is Role.ESME:
        session.receive_data(encode(response(1)), 0.0)
    else:
        session.respond(response(1))
    session.send(DataSm(), 0.0, "context")
    if state is SessionState.UNBINDING:
        session.unbind(0.0)
    assert session.state is state
    return session


def feed(session: Session, pieces: list[bytes]) -> list[Event]:
    """All pieces in turn, with what every read must keep to."""
    events: list[Event] = []
    for now, piece in enumerate(pieces, start=1):
        before = session.pending_bytes
        given_now = session.receive_data(piece, float(now))
        events += given_now
        assert len(session._buffer) < MAX_PDU
        assert session.pending_bytes - before <= len(piece) + MAX_PDU
        assert len(given_now) <= (len(piece) + MAX_PDU) // 16 + 2
        session.get_timer()
    ends = [event for event in events if isinstance(event, Closed)]
    assert len(ends) == session.close_expected()
    assert all(end.reason for end in ends)
    return events


def cut(data: Any, octets: bytes) -> list[bytes]:
    """``octets`` in pieces of any size."""
    places = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    return [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)], strict=True)]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", STATES)
@settings(max_examples=40)
@given(octets=st.binary(max_size=300), data=st.data())
def test_random_octets(role: Role, state: SessionState, octets: bytes, data: Any) -> None:
    feed(session_at(role, state), cut(data, octets))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", STATES)
@settings(max_examples=40)
@given(pdus=st.lists(PDUS, max_size=6), data=st.data())
def test_valid_streams_cut_anywhere(
    role: Role, state: SessionState, pdus: list[Pdu], data: Any
) -> None:
    """However a stream is cut, the events and the answers are the same."""
    octets = b"".join(encode(pdu) for pdu in pdus)
    whole, pieces = session_at(role, state), session_at(role, state)
    events = whole.receive_data(octets, 1.0)
    found: list[Event] = []
    for piece in cut(data, octets):
        found += pieces.receive_data(piece, 1.0)
    assert found == events
    assert pieces.data_to_send() == whole.data_to_send()
    assert pieces.state is whole.state


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", STATES)
@settings(max_examples=40)
@given(pdus=st.lists(PDUS, min_size=1, max_size=5), data=st.data())
def test_mutated_streams(role: Role, state: SessionState, pdus: list[Pdu], data: Any) -> None:
    octets = bytearray(b"".join(encode(pdu) for pdu in pdus))
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(0, len(octets) - 1))
        octets[position] = data.draw(st.integers(0, 255))
    del octets[data.draw(st.integers(1, len(octets))) :]
    feed(session_at(role, state), cut(data, bytes(octets)))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", STATES)
@given(length=st.integers(0, 15) | st.integers(MAX_PDU + 1, 0xFFFF_FFFF))
def test_lost_framing_closes_in_every_state(role: Role, state: SessionState, length: int) -> None:
    session = session_at(role, state)
    outstanding = session.outstanding
    event = session.receive_data(length.to_bytes(4, "big"), 1.0)[-1]
    assert isinstance(event, Closed)
    assert event.fault == "remote"
    assert str(length) in event.reason
    assert len(session.lost()) == outstanding


class TwoEnds(RuleBasedStateMachine):
    """Two real ends, a wire that breaks octets anywhere, and a clock that runs.

    Whatever happens, each message sent comes back exactly once: answered, timed out or lost.
    """

    def __init__(self) -> None:
        super().__init__()
        timers = Timers(session_init=50.0, enquire_link=20.0, inactivity=90.0, response=30.0)
        self.now = 0.0
        self.ends = {
            role: Session(role, timers=timers, window=3, max_pdu=MAX_PDU, now=0.0) for role in Role
        }
        self.wires: dict[Role, bytes] = dict.fromkeys(Role, b"")
        self.asked: dict[Role, list[Pdu]] = {role: [] for role in Role}
        self.sent = 0
        self.back: list[object] = []

    def take(self, role: Role, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Received):
                self.asked[role].append(event.pdu)
            elif isinstance(event, Answered | TimedOut):
                self.back.append(event.context)
            elif isinstance(event, Closed):
                self.back += [request.context for request in self.ends[role].lost()]

    @initialize(kind=st.sampled_from([BindTransmitter, BindReceiver, BindTransceiver]))
    def bind(self, kind: Any) -> None:
        self.ends[Role.ESME].send(kind(), self.now)

    @rule(role=st.sampled_from(Role), kind=st.sampled_from([SubmitSm, DataSm]))
    def send(self, role: Role, kind: Any) -> None:
        try:
            self.ends[role].send(kind(), self.now, self.sent)
            self.sent += 1
        except (IllegalMove, WindowFull):
            pass

    @rule(role=st.sampled_from(Role), status=st.sampled_from([0, 0, 0, 8]))
    def respond(self, role: Role, status: int) -> None:
        if self.asked[role]:
            self.ends[role].respond(answer(self.asked[role].pop(0), status))

    @rule(role=st.sampled_from(Role), share=st.integers(0, 100))
    def carry(self, role: Role, share: int) -> None:
        """Some of what ``role`` has written reaches the other end."""
        self.wires[role] += self.ends[role].data_to_send()
        size = len(self.wires[role]) * share // 100
        arriving, self.wires[role] = self.wires[role][:size], self.wires[role][size:]
        other = Role.SMSC if role is Role.ESME else Role.ESME
        self.take(other, self.ends[other].receive_data(arriving, self.now))

    @rule(seconds=st.floats(0.5, 25.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for role, session in self.ends.items():
            deadline = session.get_timer()
            if deadline is not None and deadline <= self.now:
                self.take(role, session.handle_timer(self.now))
                again = session.get_timer()
                assert again is None or again > self.now

    @rule(role=st.sampled_from(Role), octets=st.binary(max_size=30))
    def corrupt(self, role: Role, octets: bytes) -> None:
        self.wires[role] += octets

    @rule(role=st.sampled_from(Role))
    def unbind(self, role: Role) -> None:
        if self.ends[role].state.bound:
            self.ends[role].unbind(self.now)

    @invariant()
    def each_message_is_somewhere_exactly_once(self) -> None:
        outstanding = sum(session.outstanding for session in self.ends.values())
        assert len(self.back) + outstanding == self.sent
        assert len(set(self.back)) == len(self.back)

    @invariant()
    def nothing_grows(self) -> None:
        for session in self.ends.values():
            assert session.outstanding <= 3
            assert len(session._control) <= 3
            assert len(session._buffer) < MAX_PDU

    def teardown(self) -> None:
        for role, session in self.ends.items():
            self.take(role, session.receive_eof())
        assert sorted(self.back) == list(range(self.sent))  # type: ignore[type-var]


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
