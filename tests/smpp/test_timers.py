"""The four timers, as arithmetic."""

from __future__ import annotations

from gateway.smpp.timers import NEVER, Deadlines, Timers


def test_session_init_runs_from_the_connection() -> None:
    deadlines = Deadlines(Timers(session_init=10.0))
    assert deadlines.session_init() == NEVER
    deadlines.opened(5.0)
    deadlines.opened(9.0)
    assert deadlines.session_init() == 15.0


def test_only_what_is_heard_moves_enquire_link() -> None:
    deadlines = Deadlines(Timers(enquire_link=30.0))
    deadlines.opened(1.0)
    assert deadlines.enquire_link() == 31.0
    deadlines.active_at = 8.0
    assert deadlines.enquire_link() == 31.0
    deadlines.heard_at = 9.0
    assert deadlines.enquire_link() == 39.0


def test_inactivity_runs_from_the_last_transaction() -> None:
    deadlines = Deadlines(Timers(inactivity=60.0))
    deadlines.opened(1.0)
    deadlines.heard_at = 30.0
    assert deadlines.inactivity() == 61.0
    deadlines.active_at = 30.0
    assert deadlines.inactivity() == 90.0


def test_response_runs_from_each_request() -> None:
    deadlines = Deadlines(Timers(response=30.0))
    assert deadlines.response(4.0) == 34.0
    assert deadlines.response(None) == NEVER


def test_zero_turns_a_timer_off() -> None:
    deadlines = Deadlines(Timers(session_init=0, enquire_link=0, inactivity=0, response=0))
    deadlines.opened(1.0)
    for deadline in (deadlines.session_init, deadlines.enquire_link, deadlines.inactivity):
        assert deadline() == NEVER
    assert deadlines.response(1.0) == NEVER
