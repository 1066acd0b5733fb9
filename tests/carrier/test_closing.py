"""The end of a message's hours, by literals of time."""

from __future__ import annotations

from gateway.carrier.closing import late, margin_seconds, takes_ms, too_late, validity_seconds
from gateway.policy.calendar import NEVER

NOW = 1_800_000_000_000


def test_calendars_that_close_within_the_margin_are_late() -> None:
    opened = {"a": NOW + 30_000, "b": NOW + 30_001, "c": NEVER}
    assert late(opened, NOW, 30_000) == ["a"]


def test_the_segments_after_the_first_take_their_time() -> None:
    assert takes_ms(1, 2.0) == 0.0
    assert takes_ms(4, 2.0) == 1500.0
    assert takes_ms(4, 0) == 0.0


def test_the_last_segment_leaves_before_the_deadline() -> None:
    assert not too_late(NOW + 1501, NOW, 1500.0)
    assert too_late(NOW + 1500, NOW, 1500.0)


def test_what_leaves_may_be_delivered_while_it_lives_and_its_hours_last() -> None:
    assert validity_seconds(NOW + 9_000, NOW + 5_999, NOW) == 5
    assert validity_seconds(NOW + 4_000, NOW + 5_999, NOW) == 4
    assert validity_seconds(0, NEVER, NOW) == 0


def test_a_life_that_ended_between_segments_leaves_the_rest_no_night() -> None:
    """No validity at all would be the SMSC's own, of days."""
    assert validity_seconds(NOW - 1, NOW + 3_600_000, NOW) == 1


def test_without_validity_the_margin_is_what_deliveries_take() -> None:
    """A cautious one until they have been measured; four hours at most, unless more is set."""
    assert margin_seconds(30.0, None) == 900.0
    assert margin_seconds(30.0, 5.0) == 30.0
    assert margin_seconds(30.0, 3_600.0) == 3_600.0
    assert margin_seconds(30.0, 90_000.0) == 4 * 3_600.0
    assert margin_seconds(20_000.0, 90_000.0) == 20_000.0
