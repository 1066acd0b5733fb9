"""Another rate at some hours, by literal times."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.hours import Hours
from gateway.spans import span

ZONE = "America/Santiago"


def at(local: str, fold: int = 0) -> float:
    """The Unix second of a local time."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(ZONE), fold=fold).timestamp()


def rate(hours: Hours, local: str, fold: int = 0) -> int:
    return hours.at(at(local, fold))[0]


def hours(*texts: str, base: int = 100) -> Hours:
    return Hours(base, [span(text) for text in texts], ZONE)


def test_without_hours_the_rate_holds_for_ever() -> None:
    assert Hours(100, [], "").at(0.0) == (100, float("inf"))


def test_to_the_second() -> None:
    found = hours("mon-fri 18:00-20:00 50", "sat,sun 00:00-24:00 20")
    assert [
        rate(found, f"2026-11-{when}")
        for when in (
            "20T17:59:59", "20T18:00:00", "20T19:59:59", "20T20:00:00", "20T23:59:59",
            "21T00:00:00", "22T23:59:59", "23T00:00:00",
        )
    ] == [100, 50, 50, 100, 100, 20, 20, 100]  # fmt: skip


def test_it_holds_to_the_end_of_the_minute() -> None:
    assert hours("18:00-20:00 50").at(at("2026-11-20T17:59:48.500")) == (100, 11.5)
    assert hours("18:00-20:00 50").at(at("2026-11-20T18:00:00")) == (50, 60.0)


def test_over_midnight() -> None:
    found = hours("fri 22:00-06:00 10")
    assert rate(found, "2026-11-20T21:59:59") == 100
    assert rate(found, "2026-11-20T22:00:00") == 10
    assert rate(found, "2026-11-21T05:59:59") == 10
    assert rate(found, "2026-11-21T06:00:00") == 100
    assert rate(found, "2026-11-20T05:00:00") == 100


def test_the_lowest_holds_and_none_is_above_the_accounts() -> None:
    found = hours("08:00-12:00 30", "10:00-11:00 60", "10:30-10:45 5", "13:00-14:00 500")
    assert rate(found, "2026-11-20T10:15") == 30
    assert rate(found, "2026-11-20T10:30") == 5
    assert rate(found, "2026-11-20T13:30") == 100


def test_an_account_without_a_limit_has_one_at_these_hours() -> None:
    found = hours("08:00-12:00 30", base=0)
    assert rate(found, "2026-11-20T09:00") == 30
    assert rate(found, "2026-11-20T12:00") == 0


def test_where_the_clock_changes() -> None:
    """Chile: 2026-09-06 00:00 becomes 01:00; 2026-04-05 00:00 becomes 23:00 of the 4th again."""
    found = hours("23:30-00:30 5")
    assert rate(found, "2026-09-06T01:00:00") == 100
    assert rate(found, "2026-04-04T23:45:00", fold=0) == 5
    assert rate(found, "2026-04-04T23:15:00", fold=1) == 100
    assert rate(found, "2026-04-04T23:45:00", fold=1) == 5


@pytest.mark.parametrize("days", ["sat-mon", "sat,sun,mon", "mon,sat-sun"])
def test_days(days: str) -> None:
    assert span(f"{days} 00:00-24:00 1").days == {5, 6, 0}


@pytest.mark.parametrize(
    "text",
    [
        "", "18:00-20:00", "18:00-20:00 0", "18:60-20:00 5", "18:00-20:60 5", "24:00-20:00 5",
        "18:00-24:01 5", "18:00-18:00 5", "mo 18:00-20:00 5", "mon- 18:00-20:00 5",
        "Mon 18:00-20:00 5", "mon  18:00-20:00 5", "18:00-20:00 5/s", "18-20 5",
    ],
)  # fmt: skip
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        span(text)
