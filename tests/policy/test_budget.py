"""The days of a budget begin at midnight in their zone, whatever the clocks do."""

from __future__ import annotations

from datetime import datetime

import pytest

from gateway.policy.budget import AHEAD, Days


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "now", "today", "begins", "ends"),
    [
        ("UTC", "2026-11-22T23:59:59Z", "2026-11-22", "2026-11-22T00:00Z", "2026-11-23T00:00Z"),
        ("UTC", "2026-11-23T00:00:00Z", "2026-11-23", "2026-11-23T00:00Z", "2026-11-24T00:00Z"),
        (
            "America/Bogota", "2026-11-23T04:59:59Z", "2026-11-22",
            "2026-11-22T05:00Z", "2026-11-23T05:00Z",
        ),
        # Santiago has no midnight on 6 September 2026: 23:59:59 is followed by 01:00.
        (
            "America/Santiago", "2026-09-06T12:00:00Z", "2026-09-06",
            "2026-09-06T04:00Z", "2026-09-07T03:00Z",
        ),
    ],
)  # fmt: skip
def test_a_day(zone: str, now: str, today: str, begins: str, ends: str) -> None:
    """Its date, its first instant, and the next day's."""
    rows = Days(zone).ahead(ms(now))
    assert rows[:1] == [(today, ms(begins))]
    assert rows[1][1] == ms(ends)
    assert len(rows) == AHEAD


def test_the_days_go_on() -> None:
    """What is remembered of one day is not told on the next, nor of a clock set back."""
    days = Days("UTC")
    assert [days.ahead(ms(f"2026-11-{d}T12:00Z"))[0][0] for d in (22, 23, 22)] == [
        "2026-11-22", "2026-11-23", "2026-11-22",
    ]  # fmt: skip
