"""The window: what was sent and not answered, oldest first."""

from __future__ import annotations

import pytest

from gateway.errors import WindowFull
from gateway.smpp.constants import Command
from gateway.smpp.window import Outstanding, Window

SUBMIT = int(Command.SUBMIT_SM)
SUBMIT_RESP = int(Command.SUBMIT_SM_RESP)


def filled(*sent_at: float, limit: int = 10) -> Window:
    window = Window(limit)
    for number, moment in enumerate(sent_at, start=1):
        window.add(number, SUBMIT, moment, f"message {number}")
    return window


def test_it_counts_what_is_in_flight() -> None:
    window = filled(1.0, 2.0, limit=3)
    assert (len(window), window.free) == (2, 1)
    assert 2 in window
    assert 3 not in window


def test_no_more_than_the_limit_and_the_refused_one_leaves_no_trace() -> None:
    window = filled(1.0, 2.0, limit=2)
    with pytest.raises(WindowFull, match="2 requests are outstanding, 2 allowed"):
        window.add(3, SUBMIT, 3.0, None)
    assert len(window) == 2
    assert window.free == 0


def test_a_response_gives_back_its_request_once() -> None:
    window = filled(1.0)
    assert window.take(1, SUBMIT_RESP) == ("message 1", 1.0, SUBMIT)
    assert window.take(1, SUBMIT_RESP) is None
    assert window.free == 10


def test_only_its_own_response_or_a_generic_nack_answers_a_request() -> None:
    window = filled(1.0, 2.0)
    assert window.take(1, Command.DATA_SM_RESP) is None
    assert window.take(1, SUBMIT) is None
    assert 1 in window
    assert window.take(1, Command.GENERIC_NACK) is not None
    assert window.take(9, Command.GENERIC_NACK) is None


def test_the_oldest_is_what_still_waits() -> None:
    window = filled(1.0, 2.0, 3.0)
    assert window.oldest() == 1.0
    window.take(1, SUBMIT_RESP)
    assert window.oldest() == 2.0
    window.take(3, SUBMIT_RESP)
    assert window.oldest() == 2.0
    window.take(2, SUBMIT_RESP)
    assert window.oldest() is None


def test_what_has_waited_long_enough_expires_and_nothing_else() -> None:
    window = filled(1.0, 2.0, 3.0)
    assert window.expire(10.9, 10.0) == []
    assert window.expire(12.0, 10.0) == [
        Outstanding("message 1", 1.0, 1, SUBMIT),
        Outstanding("message 2", 2.0, 2, SUBMIT),
    ]
    assert len(window) == 1


def test_draining_hands_back_everything_in_order() -> None:
    window = filled(1.0, 2.0)
    assert [request.sequence_number for request in window.drain()] == [1, 2]
    assert window.drain() == []
