"""A session, tested as two real ends joined in memory, with times as literals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import EncodeError, IllegalMove, WindowFull
from gateway.smpp.pdu import (
    KINDS,
    MAX_SEQUENCE_NUMBER,
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    Command,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Malformed,
    Outbind,
    Pdu,
    QuerySm,
    Status,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    Unknown,
    answer,
    decode,
    encode,
    split,
)
from gateway.smpp.session import (
    OPERATIONS,
    Answered,
    BindRefused,
    Bound,
    Closed,
    Event,
    Outstanding,
    Received,
    Refused,
    Role,
    Session,
    SessionState,
    Stray,
    TimedOut,
    Timers,
    Unbound,
)
from tests.smpp.strategies import pdus_of

BINDS = {
    SessionState.BOUND_TX: (BindTransmitter, BindTransmitterResp),
    SessionState.BOUND_RX: (BindReceiver, BindReceiverResp),
    SessionState.BOUND_TRX: (BindTransceiver, BindTransceiverResp),
}
QUIET = Timers(session_init=0, enquire_link=0, inactivity=0, response=0)


class Ends:
    """An ESME and an SMSC, and the wire between them."""

    def __init__(self, timers: Timers | None = None, **options: Any) -> None:
        self.esme = Session(Role.ESME, timers=timers, now=0.0, **options)
        self.smsc = Session(Role.SMSC, timers=timers, now=0.0, **options)

    def to_smsc(self, now: float = 0.0) -> list[Event]:
        return self.smsc.receive_data(self.esme.data_to_send(), now)

    def to_esme(self, now: float = 0.0) -> list[Event]:
        return self.esme.receive_data(self.smsc.data_to_send(), now)

    def bind(self, state: SessionState = SessionState.BOUND_TRX) -> Ends:
        request, response = BINDS[state]
        number = self.esme.send(request(system_id="us", password="x"), 0.0)
        self.to_smsc()
        self.smsc.respond(response(number, system_id="them"))
        self.to_esme()
        return self


def written(session: Session) -> list[Pdu]:
    """What a session has queued, read."""
    frames = split(bytearray(session.data_to_send()), 1 << 20)
    assert isinstance(frames, list)
    return [decode(frame) for frame in frames]


def only(events: list[Event]) -> Event:
    assert len(events) == 1
    return events[0]


def closed(events: list[Event]) -> Closed:
    event = events[-1]
    assert isinstance(event, Closed)
    return event


# Binding


@pytest.mark.parametrize("state", BINDS)
def test_a_bind_binds_both_ends(state: SessionState) -> None:
    request, response = BINDS[state]
    ends = Ends()
    number = ends.esme.send(request(system_id="us"), 0.0)
    assert ends.esme.state is SessionState.BINDING
    assert ends.to_smsc() == [Received(request(number, system_id="us"))]
    assert ends.smsc.state is SessionState.BINDING
    ends.smsc.respond(response(number, system_id="them"))
    assert ends.smsc.state is state
    assert ends.to_esme() == [Bound(response(number, system_id="them"))]
    assert ends.esme.state is state
    assert ends.esme.state.bound


def test_a_refused_bind_leaves_the_session_open_for_another() -> None:
    ends = Ends()
    number = ends.esme.send(BindTransceiver(), 0.0)
    ends.to_smsc()
    ends.smsc.respond(BindTransceiverResp(number, Status.ESME_RALYBND))
    assert ends.to_esme() == [BindRefused(BindTransceiverResp(number, Status.ESME_RALYBND))]
    assert {ends.esme.state, ends.smsc.state} == {SessionState.OPEN}
    ends.bind()
    assert {ends.esme.state, ends.smsc.state} == {SessionState.BOUND_TRX}


def test_a_bind_answered_with_generic_nack_is_refused() -> None:
    ends = Ends()
    number = ends.esme.send(BindTransceiver(), 0.0)
    ends.to_smsc()
    ends.smsc.respond(GenericNack(number, Status.ESME_RINVCMDID))
    assert ends.to_esme() == [BindRefused(GenericNack(number, Status.ESME_RINVCMDID))]
    assert ends.esme.state is SessionState.OPEN


def test_the_response_to_another_bind_is_a_mistake_of_ours() -> None:
    ends = Ends()
    number = ends.esme.send(BindTransceiver(), 0.0)
    ends.to_smsc()
    with pytest.raises(IllegalMove):
        ends.smsc.respond(BindReceiverResp(number))
    assert ends.smsc.state is SessionState.BINDING
    assert ends.smsc.pending_bytes == 0


def test_a_second_bind_is_answered_already_bound() -> None:
    ends = Ends().bind()
    ends.smsc.receive_data(encode(BindReceiver(9)), 1.0)
    assert written(ends.smsc) == [BindReceiverResp(9, Status.ESME_RALYBND)]
    assert ends.smsc.state is SessionState.BOUND_TRX


def test_outbind_asks_an_esme_to_bind() -> None:
    ends = Ends()
    number = ends.smsc.send(Outbind(system_id="them"), 0.0)
    assert ends.to_esme() == [Received(Outbind(number, system_id="them"))]
    ends.bind(SessionState.BOUND_RX)
    assert ends.esme.state is SessionState.BOUND_RX


# Messages both ways


def test_a_submit_is_answered_with_its_context() -> None:
    ends = Ends().bind()
    context = object()
    number = ends.esme.send(SubmitSm(destination_addr="569"), 1.0, context)
    assert ends.to_smsc() == [Received(SubmitSm(number, destination_addr="569"))]
    ends.smsc.respond(SubmitSmResp(number, message_id="a7"))
    answered = only(ends.to_esme(2.0))
    assert answered == Answered(context, SubmitSmResp(number, message_id="a7"), 1.0, number)
    assert ends.esme.outstanding == 0


def test_a_message_delivered_is_answered() -> None:
    ends = Ends().bind()
    number = ends.smsc.send(DeliverSm(short_message=b"si"), 1.0, "mo")
    assert ends.to_esme() == [Received(DeliverSm(number, short_message=b"si"))]
    ends.esme.respond(DeliverSmResp(number))
    assert ends.to_smsc() == [Answered("mo", DeliverSmResp(number), 1.0, number)]


def test_answers_in_any_order_find_their_requests() -> None:
    ends = Ends().bind()
    numbers = {ends.esme.send(SubmitSm(), 1.0, each): each for each in range(5)}
    ends.to_smsc()
    for number in sorted(numbers, reverse=True):
        ends.smsc.respond(SubmitSmResp(number))
    answers = [(e.sequence_number, e.context) for e in ends.to_esme() if isinstance(e, Answered)]
    assert answers == sorted(numbers.items(), reverse=True)


def test_an_unknown_status_is_an_answer_like_any_other() -> None:
    ends = Ends().bind()
    number = ends.esme.send(SubmitSm(), 1.0)
    event = only(ends.esme.receive_data(encode(SubmitSmResp(number, 0x400)), 1.0))
    assert event == Answered(None, SubmitSmResp(number, 0x400), 1.0, number)


def test_a_generic_nack_answers_the_request_it_names() -> None:
    ends = Ends().bind()
    number = ends.esme.send(SubmitSm(), 1.0, "context")
    nack = GenericNack(number, Status.ESME_RSYSERR)
    assert ends.esme.receive_data(encode(nack), 1.0) == [Answered("context", nack, 1.0, number)]


@pytest.mark.parametrize(
    "response",
    [SubmitSmResp(99), GenericNack(0, 2), EnquireLinkResp(99), Unknown(1, 0, (), 0x8000_0999)],
)
def test_a_response_to_nothing_is_stray(response: Any) -> None:
    ends = Ends().bind()
    assert ends.esme.receive_data(encode(response), 1.0) == [Stray(response)]
    assert ends.esme.counts.stray == 1
    assert ends.esme.pending_bytes == 0


def test_a_response_of_another_kind_does_not_settle_a_request() -> None:
    ends = Ends().bind()
    number = ends.esme.send(SubmitSm(), 1.0)
    event = only(ends.esme.receive_data(encode(answer(DataSm(number))), 1.0))
    assert isinstance(event, Stray)
    assert ends.esme.outstanding == 1


# The table


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", [s for s in SessionState if s is not SessionState.CLOSED])
def test_the_table_says_what_may_be_sent(state: SessionState, role: Role, kind: Any) -> None:
    session = at(state, role)
    session.data_to_send()
    allowed = any(
        kind.command_id == command and state in states and role in roles
        for command, states, roles in OPERATIONS
    )
    if state is SessionState.BINDING and kind in (BindTransmitterResp, BindReceiverResp):
        allowed = False  # the bind under way is a transceiver's

    def move() -> None:
        if kind.command_id & 0x8000_0000:
            session.respond(kind(1))
        else:
            session.send(kind(), 1.0)

    if allowed:
        move()
        assert session.pending_bytes > 0
        return
    with pytest.raises(IllegalMove, match=role.value):
        move()
    assert session.state is state
    assert session.pending_bytes == 0
    assert session.outstanding == 0


def at(state: SessionState, role: Role) -> Session:
    """A session brought to ``state`` the ordinary way."""
    ends = Ends()
    session = ends.esme if role is Role.ESME else ends.smsc
    if state is SessionState.BINDING:
        ends.esme.send(BindTransceiver(), 0.0)
        ends.to_smsc()
    elif state is SessionState.UNBINDING:
        ends.bind()
        session.unbind(0.0)
    elif state is not SessionState.OPEN:
        ends.bind(state)
    assert session.state is state
    return session


def test_a_request_the_state_does_not_allow_is_refused_by_the_session() -> None:
    ends = Ends().bind(SessionState.BOUND_TX)
    deliver = DeliverSm(5, short_message=b"x")
    events = ends.esme.receive_data(encode(deliver), 1.0)
    assert events == [Refused(deliver, Status.ESME_RINVBNDSTS)]
    assert written(ends.esme) == [DeliverSmResp(5, Status.ESME_RINVBNDSTS)]
    assert ends.esme.counts.illegal == 1


def test_a_submit_before_the_bind_is_refused() -> None:
    session = Session(Role.SMSC)
    session.receive_data(encode(SubmitSm(3)), 1.0)
    assert written(session) == [SubmitSmResp(3, Status.ESME_RINVBNDSTS)]


def test_a_receivers_alert_is_received_and_not_answered() -> None:
    ends = Ends().bind(SessionState.BOUND_RX)
    number = ends.smsc.send(AlertNotification(source_addr="569"), 1.0)
    assert ends.smsc.outstanding == 0
    assert ends.to_esme() == [Received(AlertNotification(number, source_addr="569"))]


def test_the_ancillary_operations_pass_too() -> None:
    ends = Ends().bind()
    number = ends.esme.send(QuerySm(message_id="7"), 1.0, "query")
    assert ends.to_smsc() == [Received(QuerySm(number, message_id="7"))]
    ends.smsc.respond(answer(QuerySm(number)))
    assert isinstance(only(ends.to_esme()), Answered)


def test_a_request_cannot_be_a_response_nor_a_response_a_request() -> None:
    ends = Ends().bind()
    with pytest.raises(IllegalMove):
        ends.esme.send(SubmitSmResp(), 1.0)
    with pytest.raises(IllegalMove):
        ends.esme.respond(SubmitSm())
    with pytest.raises(IllegalMove):
        ends.esme.send(Unknown(command_id=0x999), 1.0)


# What cannot be read


def test_an_unknown_command_gets_a_generic_nack() -> None:
    ends = Ends().bind()
    strange = Unknown(12, 0, (), 0x0001_0200, b"vendor")
    assert ends.esme.receive_data(encode(strange), 1.0) == [Refused(strange, Status.ESME_RINVCMDID)]
    assert written(ends.esme) == [GenericNack(12, Status.ESME_RINVCMDID)]
    assert ends.esme.counts.unknown == 1
    assert ends.esme.state is SessionState.BOUND_TRX


def test_a_malformed_request_gets_its_own_response() -> None:
    ends = Ends().bind()
    frame = bytearray(encode(DeliverSm(4, short_message=b"abc")))
    frame[-4] = 200
    event = only(ends.esme.receive_data(bytes(frame), 1.0))
    assert isinstance(event, Refused)
    assert isinstance(event.pdu, Malformed)
    assert written(ends.esme) == [DeliverSmResp(4, Status.ESME_RINVMSGLEN)]
    assert ends.esme.counts.malformed == 1


@pytest.mark.parametrize("length", [0, 15, 65_537, 0x4745_5420])
def test_lost_framing_closes_with_a_reason(length: int) -> None:
    ends = Ends().bind()
    number = ends.esme.send(SubmitSm(), 1.0, "context")
    ends.esme.data_to_send()
    good = encode(EnquireLink(3))
    events = ends.esme.receive_data(good + length.to_bytes(4, "big") + b"rest", 1.0)
    assert closed(events).fault == "remote"
    assert str(length) in closed(events).reason
    assert written(ends.esme) == [EnquireLinkResp(3), GenericNack(0, Status.ESME_RINVCMDLEN)]
    assert ends.esme.close_expected()
    assert ends.esme.lost() == [Outstanding("context", 1.0, number, Command.SUBMIT_SM)]
    assert ends.esme.receive_data(good, 2.0) == []


def test_a_pdu_as_long_as_the_limit_passes() -> None:
    session = Ends(max_pdu=100).bind().esme
    fits = session.receive_data(encode(Unknown(1, 0, (), 0x999, b"x" * 84)), 1.0)
    assert isinstance(only(fits), Refused)
    session.receive_data(encode(Unknown(1, 0, (), 0x999, b"x" * 85)), 1.0)
    assert session.state is SessionState.CLOSED


def test_octet_by_octet_is_the_same_as_all_at_once() -> None:
    frames = encode(DeliverSm(1, short_message=b"a")) + encode(EnquireLink(2))
    whole, single = Ends().bind().esme, Ends().bind().esme
    events = whole.receive_data(frames, 1.0)
    pieces: list[Event] = []
    for position in range(len(frames)):
        pieces += single.receive_data(frames[position : position + 1], 1.0)
    assert pieces == events
    assert single.data_to_send() == whole.data_to_send()


# The window and the numbers


def test_the_window_is_a_limit_and_opens_with_each_answer() -> None:
    ends = Ends(window=2).bind()
    assert ends.esme.window_free == 2
    first = ends.esme.send(SubmitSm(), 1.0)
    ends.esme.send(DataSm(), 1.0)
    queued = ends.esme.pending_bytes
    with pytest.raises(WindowFull):
        ends.esme.send(SubmitSm(), 1.0)
    assert (ends.esme.window_free, ends.esme.outstanding) == (0, 2)
    assert ends.esme.pending_bytes == queued
    ends.esme.receive_data(encode(SubmitSmResp(first)), 1.0)
    assert ends.esme.window_free == 1


def test_a_session_that_is_not_bound_has_no_window() -> None:
    ends = Ends()
    assert ends.esme.window_free == 0
    ends.bind()
    assert ends.esme.window_free == 10
    ends.esme.unbind(1.0)
    assert ends.esme.window_free == 0


@given(pdu=pdus_of(SubmitSm).filter(lambda pdu: not pdu.command_status))
def test_a_body_goes_as_its_submit_sm_would(pdu: SubmitSm) -> None:
    whole, parts = Ends(window=1).bind().esme, Ends(window=1).bind().esme
    assert whole.send(pdu, 1.0, "it") == parts.send_submit(encode(pdu)[16:], 1.0, "it")
    assert parts.data_to_send() == whole.data_to_send()
    answered = [s.receive_data(encode(SubmitSmResp(2)), 2.0) for s in (whole, parts)]
    assert answered[0] == answered[1]


def test_a_body_keeps_to_the_states_and_the_window() -> None:
    ends = Ends(window=1)
    with pytest.raises(IllegalMove, match="SubmitSm"):
        ends.esme.send_submit(b"", 1.0)
    ends.bind().esme.send_submit(b"", 1.0)
    ends.esme.data_to_send()
    with pytest.raises(WindowFull):
        ends.esme.send_submit(b"", 1.0)
    assert (ends.esme.outstanding, ends.esme.pending_bytes) == (1, 0)


@given(numbers=st.lists(st.integers(1, MAX_SEQUENCE_NUMBER), max_size=5))
def test_many_are_acknowledged_as_each_would_be(numbers: list[int]) -> None:
    one_by_one, together = Ends().bind().esme, Ends().bind().esme
    for number in numbers:
        one_by_one.respond(DeliverSmResp(number))
    together.acknowledge(numbers)
    assert together.data_to_send() == one_by_one.data_to_send()


def test_acknowledging_keeps_to_the_states() -> None:
    with pytest.raises(IllegalMove, match="DeliverSmResp"):
        Ends().esme.acknowledge([1])
    gone = Ends().bind().esme
    gone.close("enough")
    gone.acknowledge([1])
    assert gone.data_to_send() == b""


def test_enquire_link_takes_no_place_in_the_window() -> None:
    ends = Ends(window=1).bind()
    ends.esme.send(SubmitSm(), 1.0)
    number = ends.esme.send(EnquireLink(), 1.0, "asked")
    assert ends.esme.outstanding == 1
    ends.to_smsc()
    assert ends.to_esme() == [Answered("asked", EnquireLinkResp(number), 1.0, number)]


def test_enquire_links_do_not_pile_up() -> None:
    ends = Ends().bind()
    ends.esme.send(EnquireLink(), 1.0)
    ends.esme.send(EnquireLink(), 1.0)
    with pytest.raises(WindowFull):
        ends.esme.send(EnquireLink(), 1.0)


def test_what_cannot_be_encoded_changes_nothing() -> None:
    ends = Ends().bind()
    with pytest.raises(EncodeError):
        ends.esme.send(SubmitSm(destination_addr="5" * 30), 1.0)
    assert (ends.esme.outstanding, ends.esme.pending_bytes) == (0, 0)
    assert ends.esme.send(SubmitSm(), 1.0) == 2


def test_a_request_is_in_the_window_before_its_octets_are_given_out() -> None:
    ends = Ends().bind()
    number = ends.esme.send(SubmitSm(), 1.0, "context")
    early = encode(SubmitSmResp(number))
    assert ends.esme.pending_bytes > 0
    assert isinstance(only(ends.esme.receive_data(early, 1.0)), Answered)


def test_sequence_numbers_begin_again_at_one_and_skip_what_is_outstanding() -> None:
    ends = Ends(window=5).bind()
    assert ends.esme.send(SubmitSm(), 1.0) == 2
    ends.esme._next_number = MAX_SEQUENCE_NUMBER
    assert ends.esme.send(SubmitSm(), 1.0) == MAX_SEQUENCE_NUMBER
    assert ends.esme.send(SubmitSm(), 1.0) == 1
    assert ends.esme.send(SubmitSm(), 1.0) == 3


# Unbinding and the end


def test_an_orderly_unbind() -> None:
    ends = Ends().bind()
    number = ends.esme.send(SubmitSm(), 1.0, "last")
    ends.esme.unbind(1.0)
    assert ends.esme.state is SessionState.UNBINDING
    with pytest.raises(IllegalMove):
        ends.esme.send(SubmitSm(), 1.0)
    assert ends.esme.receive_data(encode(SubmitSmResp(number)), 1.0) == [
        Answered("last", SubmitSmResp(number), 1.0, number)
    ]
    events = ends.to_smsc()
    assert [type(event) for event in events] == [Received, Unbound, Closed]
    assert closed(events) == Closed("the peer unbound", "remote")
    assert ends.to_esme() == [Unbound(), Closed("unbound", "local")]
    assert ends.esme.close_expected()
    assert ends.smsc.close_expected()


def test_while_unbinding_the_peer_may_still_deliver() -> None:
    ends = Ends().bind()
    ends.esme.unbind(1.0)
    assert ends.esme.receive_data(encode(DeliverSm(8)), 1.0) == [Received(DeliverSm(8))]
    ends.esme.respond(DeliverSmResp(8))
    assert [type(pdu) for pdu in written(ends.esme)] == [Unbind, DeliverSmResp]


def test_two_unbinds_that_cross_end_both_sessions() -> None:
    ends = Ends().bind()
    ends.esme.unbind(1.0)
    ends.smsc.unbind(1.0)
    to_smsc, to_esme = ends.esme.data_to_send(), ends.smsc.data_to_send()
    assert ends.smsc.receive_data(to_smsc, 1.0) == []
    assert ends.esme.receive_data(to_esme, 1.0) == []
    assert isinstance(closed(ends.to_smsc()), Closed)
    assert isinstance(closed(ends.to_esme()), Closed)


def test_an_unbind_before_the_bind_is_refused() -> None:
    session = Session(Role.SMSC)
    session.receive_data(encode(Unbind(1)), 0.0)
    assert written(session) == [UnbindResp(1, Status.ESME_RINVBNDSTS)]
    assert session.state is SessionState.OPEN


def test_the_end_of_the_connection_hands_back_what_was_never_answered() -> None:
    ends = Ends().bind()
    numbers = [ends.esme.send(SubmitSm(), float(each), each) for each in range(3)]
    ends.esme.receive_data(encode(SubmitSmResp(numbers[1])), 5.0)
    with pytest.raises(IllegalMove):
        ends.esme.lost()
    assert ends.esme.receive_eof() == [Closed("the peer closed the connection", "remote")]
    assert ends.esme.lost() == [
        Outstanding(0, 0.0, numbers[0], Command.SUBMIT_SM),
        Outstanding(2, 2.0, numbers[2], Command.SUBMIT_SM),
    ]
    assert ends.esme.lost() == []
    assert ends.esme.receive_eof() == []


def test_an_end_in_the_middle_of_a_pdu_says_so() -> None:
    session = Ends().bind().esme
    session.receive_data(encode(EnquireLink(1))[:10], 1.0)
    assert "in the middle of a PDU, after 10 octets" in closed(session.receive_eof()).reason


def test_closing_here_is_our_own_doing() -> None:
    session = Ends().bind().esme
    assert session.close("the operator paused it") == [Closed("the operator paused it", "local")]
    assert session.close("again") == []


def test_a_closed_session_takes_no_requests_and_drops_responses() -> None:
    ends = Ends().bind()
    ends.esme.receive_eof()
    with pytest.raises(IllegalMove):
        ends.esme.send(SubmitSm(), 1.0)
    ends.esme.respond(DeliverSmResp(3))
    assert ends.esme.data_to_send() == b""
    assert ends.esme.get_timer() is None
    assert ends.esme.handle_timer(99.0) == []


def test_what_follows_an_unbind_in_one_read_is_not_read() -> None:
    ends = Ends().bind()
    events = ends.smsc.receive_data(encode(Unbind(5)) + encode(SubmitSm(6)), 1.0)
    assert [type(event) for event in events] == [Unbound, Closed]
    assert written(ends.smsc) == [UnbindResp(5)]


# The four timers


def test_a_session_never_bound_is_given_up() -> None:
    ends = Ends(Timers(session_init=10.0))
    assert ends.smsc.get_timer() == 10.0
    assert ends.smsc.handle_timer(9.9) == []
    assert ends.smsc.handle_timer(10.0) == [Closed("not bound in time", "remote")]
    assert ends.esme.handle_timer(10.0) == [Closed("not bound in time", "local")]


def test_without_the_time_of_the_connection_the_first_event_starts_it() -> None:
    session = Session(Role.SMSC, timers=Timers(session_init=10.0))
    assert session.get_timer() is None
    session.receive_data(b"\0", 3.0)
    assert session.get_timer() == 13.0


def test_a_bind_not_answered_in_time_is_the_peers_fault() -> None:
    ends = Ends(Timers(session_init=60.0, response=5.0))
    ends.esme.send(BindTransceiver(), 1.0)
    assert ends.esme.get_timer() == 6.0
    event = only(ends.esme.handle_timer(6.0))
    assert event == Closed("no answer to bind_transceiver within 5 s", "remote")
    ends.to_smsc(1.0)
    assert ends.smsc.handle_timer(60.0) == [Closed("not bound in time", "local")]


def test_only_silence_asks_whether_the_peer_is_there() -> None:
    ends = Ends(Timers(enquire_link=30.0, response=10.0)).bind()
    assert ends.esme.get_timer() == 30.0
    ends.esme.receive_data(encode(DeliverSm(1)), 20.0)
    ends.esme.respond(DeliverSmResp(1))
    ends.esme.data_to_send()
    assert ends.esme.get_timer() == 50.0
    assert ends.esme.handle_timer(49.9) == []
    assert ends.esme.pending_bytes == 0
    assert ends.esme.handle_timer(50.0) == []
    assert ends.esme.get_timer() == 60.0
    assert ends.to_smsc(50.0) == []
    assert ends.to_esme(51.0) == []
    assert ends.esme.get_timer() == 81.0


def test_a_peer_that_stays_silent_is_gone() -> None:
    ends = Ends(Timers(enquire_link=30.0, response=10.0)).bind()
    ends.esme.handle_timer(30.0)
    assert ends.esme.handle_timer(39.9) == []
    assert ends.esme.handle_timer(40.0) == [
        Closed("no answer to enquire_link within 10 s", "remote")
    ]


def test_a_peer_that_speaks_but_ignores_enquire_link_is_there() -> None:
    ends = Ends(Timers(enquire_link=30.0, response=10.0)).bind()
    ends.esme.handle_timer(30.0)
    ends.esme.receive_data(encode(DeliverSm(1)), 35.0)
    assert ends.esme.handle_timer(40.0) == []
    assert ends.esme.state is SessionState.BOUND_TRX
    assert ends.esme.get_timer() == 65.0


def test_enquire_link_is_answered_in_any_state() -> None:
    for session in (Session(Role.SMSC), Session(Role.ESME), at(SessionState.UNBINDING, Role.ESME)):
        session.data_to_send()
        assert session.receive_data(encode(EnquireLink(7)), 1.0) == []
        assert written(session) == [EnquireLinkResp(7)]


def test_inactivity_unbinds_whatever_enquire_links_pass() -> None:
    ends = Ends(Timers(enquire_link=0, inactivity=60.0, response=10.0)).bind()
    ends.smsc.receive_data(encode(EnquireLink(9)), 50.0)
    assert ends.smsc.get_timer() == 60.0
    ends.smsc.receive_data(encode(SubmitSm(10)), 55.0)
    assert ends.smsc.get_timer() == 115.0
    ends.smsc.data_to_send()
    assert ends.smsc.handle_timer(115.0) == []
    assert ends.smsc.state is SessionState.UNBINDING
    assert ends.to_esme(115.0)[-1] == Closed("the peer unbound", "remote")
    assert ends.to_smsc(116.0) == [Unbound(), Closed("unbound", "local")]


def test_an_unbind_not_answered_closes() -> None:
    ends = Ends(Timers(response=10.0)).bind()
    ends.esme.unbind(100.0)
    assert ends.esme.get_timer() == 110.0
    assert ends.esme.handle_timer(110.0) == [Closed("no answer to unbind within 10 s", "remote")]


def test_a_request_not_answered_in_time_frees_its_place_and_its_answer_is_stray() -> None:
    ends = Ends(Timers(enquire_link=0, response=30.0), window=2).bind()
    first = ends.esme.send(SubmitSm(), 1.0, "first")
    second = ends.esme.send(SubmitSm(), 2.0, "second")
    assert ends.esme.get_timer() == 31.0
    assert ends.esme.handle_timer(30.9) == []
    assert ends.esme.handle_timer(31.0) == [TimedOut("first", 1.0, first)]
    assert (ends.esme.window_free, ends.esme.get_timer()) == (1, 32.0)
    assert ends.esme.handle_timer(40.0) == [TimedOut("second", 2.0, second)]
    assert ends.esme.get_timer() is None
    late = encode(SubmitSmResp(first))
    assert ends.esme.receive_data(late, 41.0) == [Stray(SubmitSmResp(first))]
    ends.esme.receive_eof()
    assert ends.esme.lost() == []


def test_timers_that_are_off_never_run() -> None:
    ends = Ends(QUIET).bind()
    ends.esme.send(SubmitSm(), 1.0)
    assert ends.esme.get_timer() is None
    assert ends.esme.handle_timer(1e9) == []


# Bounds


def test_pending_bytes_tells_the_caller_to_stop_reading() -> None:
    session = Ends().bind().esme
    flood = encode(EnquireLink(1)) * 1_000
    for each in range(1, 4):
        session.receive_data(flood, 1.0)
        assert session.pending_bytes == each * len(flood)
    assert len(session.data_to_send()) == 3 * len(flood)
    assert session.pending_bytes == 0


def test_what_waits_to_be_whole_never_exceeds_the_longest_pdu() -> None:
    session = Ends(max_pdu=1_000).bind().esme
    head = (1_000).to_bytes(4, "big")
    for each in range(999):
        session.receive_data(head[each : each + 1] or b"\0", 1.0)
    assert len(session._buffer) == 999
    session.receive_data(b"\0" * 4, 1.0)
    assert len(session._buffer) <= 3
