"""What is due when, in literals of time."""

from __future__ import annotations

from gateway.simulator.calendar import Calendar


def test_nothing_is_early_and_all_is_in_order() -> None:
    calendar: Calendar[str] = Calendar()
    for due, item in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (1.0005, "later")):
        calendar.put(due, item)
    assert calendar.next() == 1.0
    assert calendar.take(0.9995) == []
    assert calendar.take(1.0) == ["a", "b"]
    assert calendar.next() == 1.001
    assert calendar.take(5.0) == ["later", "c"]
    assert calendar.next() is None


def test_its_length_is_what_waits() -> None:
    calendar: Calendar[int] = Calendar()
    calendar.put(1.0, 1)
    calendar.put(1.0, 2)
    assert len(calendar) == 2
    calendar.take(1.0)
    assert len(calendar) == 0
