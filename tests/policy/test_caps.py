"""Caps by day, week, rolling days and gap: allowed now, and if not, exactly from when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.calendar import DAY, HOUR, MINUTE
from gateway.policy.caps import Contact, Verdict, counted, first_allowed, thresholds
from gateway.policy.decide import Rulebook
from gateway.policy.rules import Caps, Profile
from tests.policy.slow import ms, zone

SANTIAGO = "America/Santiago"
BOGOTA = "America/Bogota"


def at(*texts: str) -> list[Contact]:
    return [Contact(ms(text)) for text in texts]


def held(now: str, caps: Caps, contacts: list[Contact], *zones: str) -> tuple[str, str]:
    """From when, and by which cap."""
    found = first_allowed(ms(now), contacts, caps, zones or (BOGOTA,))
    return f"{datetime.fromtimestamp(found.at / 1000, UTC):%Y-%m-%dT%H:%MZ}", found.cap


def test_nothing_yet() -> None:
    assert first_allowed(5, [], Caps(per_day=1), (BOGOTA,)) == Verdict(5)
    assert first_allowed(5, [Contact(4)], Caps(), (BOGOTA,)) == Verdict(5)


def test_one_a_day_is_one_a_local_day() -> None:
    """Monday 23:59 in Bogota, then Tuesday 00:00."""
    one = at("2026-07-14T04:59:00Z")
    assert held("2026-07-14T04:59:30Z", Caps(per_day=1), one) == ("2026-07-14T05:00Z", "per_day")
    assert held("2026-07-14T05:00:00Z", Caps(per_day=1), one) == ("2026-07-14T05:00Z", "")
    assert held("2026-07-14T04:59:30Z", Caps(per_day=2), one)[1] == ""


def test_a_calendar_week() -> None:
    """Two until Sunday midnight; the third on Monday, or where weeks begin on Saturday, then."""
    two = at("2026-07-13T15:00:00Z", "2026-07-16T15:00:00Z")
    week = Caps(per_week=2)
    assert held("2026-07-17T15:00:00Z", week, two) == ("2026-07-20T05:00Z", "per_week")
    saturday = Caps(per_week=2, week_begins=5)
    assert held("2026-07-17T15:00:00Z", saturday, two) == ("2026-07-18T05:00Z", "per_week")
    assert held("2026-07-20T05:00:00Z", week, two)[1] == ""


def test_any_seven_days() -> None:
    """The first counts for exactly seven times 24 hours."""
    two = at("2026-07-16T15:00:00Z", "2026-07-19T15:00:00Z")
    rolling = Caps(per_rolling=((2, 7),))
    assert held("2026-07-20T15:00:00Z", rolling, two) == ("2026-07-23T15:00Z", "per_rolling")
    assert held("2026-07-23T15:00:00Z", rolling, two)[1] == ""


def test_a_gap_of_two_whole_days() -> None:
    """Monday at any hour, then Thursday at 00:00; with 48 hours, Wednesday at the same hour."""
    monday = at("2026-07-13T15:00:00Z")
    gap = Caps(gap_days=2)
    assert held("2026-07-13T16:00:00Z", gap, monday) == ("2026-07-16T05:00Z", "gap_days")
    assert held("2026-07-16T04:59:00Z", gap, monday) == ("2026-07-16T05:00Z", "gap_days")
    assert held("2026-07-16T05:00:00Z", gap, monday)[1] == ""
    hours = Caps(gap_hours=48)
    assert held("2026-07-14T16:00:00Z", hours, monday) == ("2026-07-15T15:00Z", "gap_hours")
    assert held("2026-07-15T15:00:00Z", hours, monday)[1] == ""


def test_a_gap_ends_with_a_day_that_has_no_midnight() -> None:
    """Thursday 3 September 2026 and two whole days: Sunday, which begins at 01:00 in Santiago."""
    thursday = at("2026-09-03T15:00:00Z")
    found = held("2026-09-04T15:00:00Z", Caps(gap_days=2), thursday, SANTIAGO)
    assert found == ("2026-09-06T04:00Z", "gap_days")


def test_every_zone_has_to_allow_it() -> None:
    """Where it is still Monday on the island, one a day is one a day."""
    contact = at("2026-07-14T03:30:00Z")  # Monday 23:30 in Santiago, 21:30 on the island
    both = held("2026-07-14T04:30:00Z", Caps(per_day=1), contact, SANTIAGO, "Pacific/Easter")
    assert both == ("2026-07-14T06:00Z", "per_day")


def test_chile(book: Rulebook) -> None:
    """Monday and Thursday, then nothing until a week after Monday, by both ways of counting."""
    rule = book.rule("CL", "prudent", ms("2026-07-14T00:00:00Z"))
    text = book.rule("CL", "text", ms("2026-07-14T00:00:00Z"))
    assert rule
    assert text
    two = at("2026-07-06T15:00:00Z", "2026-07-09T15:00:00Z")
    assert held("2026-07-12T15:00:00Z", rule.profile.caps, two, SANTIAGO) == (
        ("2026-07-13T15:00Z", "per_rolling")
    )
    assert held("2026-07-12T15:00:00Z", text.profile.caps, two, SANTIAGO) == (
        ("2026-07-13T04:00Z", "per_week")
    )
    late = at("2026-07-09T15:00:00Z", "2026-07-12T15:00:00Z")
    assert held("2026-07-13T15:00:00Z", rule.profile.caps, late, SANTIAGO) == (
        ("2026-07-16T15:00Z", "per_rolling")
    )
    assert held("2026-07-13T15:00:00Z", text.profile.caps, late, SANTIAGO) == (
        ("2026-07-14T15:00Z", "gap_hours")
    )


def test_one_channel_in_a_week() -> None:
    """After a call nothing else until Monday; after an SMS another SMS may go."""
    one = Caps(one_channel=True)
    call = [Contact(ms("2026-07-14T15:00:00Z"), "call")]
    assert held("2026-07-15T15:00:00Z", one, call) == ("2026-07-20T05:00Z", "one_channel")
    assert held("2026-07-15T15:00:00Z", one, at("2026-07-14T15:00:00Z"))[1] == ""


def test_what_counts() -> None:
    ours, call = Contact(1), Contact(2, "call")
    mail, answered = Contact(3, "email"), Contact(4, "sms", True)
    all_four = [ours, call, mail, answered]
    assert counted(Profile(name="x", counts=("sms", "email")), all_four) == [ours, mail, answered]
    two_way = Profile(name="x", counts=("sms", "call"), counts_when="two_way")
    assert counted(two_way, all_four) == [answered]


def test_a_contact_of_the_future_counts() -> None:
    """Another node's clock runs ahead: it was made all the same."""
    ahead = at("2026-07-14T15:00:05Z")
    assert held("2026-07-14T15:00:00Z", Caps(per_day=1), ahead)[1] == "per_day"


# against the second way


def fits(now: int, times: list[int], caps: Caps, key: str) -> bool:
    """The caps' own words, counted out by the local clock."""

    def day(instant: int) -> int:
        there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)
        return there.astimezone(zone(key)).toordinal()

    def week(instant: int) -> int:
        return (day(instant) - 1 - caps.week_begins) // 7

    return (
        (not caps.per_day or sum(day(t) == day(now) for t in times) < caps.per_day)
        and (not caps.per_week or sum(week(t) == week(now) for t in times) < caps.per_week)
        and all(sum(t > now - days * DAY for t in times) < n for n, days in caps.per_rolling)
        and all(now - t >= caps.gap_hours * HOUR for t in times)
        and (not caps.gap_days or all(day(now) - day(t) > caps.gap_days for t in times))
    )


CAPS = st.builds(
    Caps,
    per_day=st.integers(0, 2),
    per_week=st.integers(0, 3),
    week_begins=st.integers(0, 6),
    per_rolling=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=2).map(tuple),
    gap_days=st.integers(0, 3),
    gap_hours=st.sampled_from([0, 0, 24, 48]),
)
KEYS = (SANTIAGO, "America/Havana", "Australia/Lord_Howe", "America/Asuncion", "Pacific/Easter")


@settings(max_examples=250)
@given(
    caps=CAPS,
    keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True),
    around=st.sampled_from(["2026-09-06T04:00Z", "2026-04-05T03:00Z", "2026-06-10T12:00Z"]),
    ago=st.lists(st.integers(0, 12 * 24 * 60), max_size=5),
)
def test_the_first_allowed_instant(
    caps: Caps, keys: list[str], around: str, ago: list[int]
) -> None:
    """At it the caps hold; a millisecond before, and ever since now, they did not."""
    now = ms(around) + 3 * HOUR
    times = [now - minutes * MINUTE for minutes in ago]
    found = first_allowed(now, [Contact(t) for t in times], caps, keys)
    assert all(fits(found.at, times, caps, key) for key in keys)
    assert (found.at == now) is (found.cap == "")
    for before in [*range(now, found.at, 191 * MINUTE), *([found.at - 1] if found.cap else [])]:
        assert not all(fits(before, times, caps, key) for key in keys)


@pytest.mark.parametrize("cap", ["per_day", "per_week", "gap_days"])
def test_old_contacts_do_not_matter(cap: str) -> None:
    assert held("2026-07-14T15:00:00Z", Caps(**{cap: 1}), at("2026-07-01T15:00:00Z"))[1] == ""


@given(st.data())
def test_the_questions_say_what_the_verdict_says(data: st.DataObject) -> None:
    zones = data.draw(st.sampled_from([("America/Santiago",), ("America/Lima", "Pacific/Easter")]))
    caps = Caps(
        per_day=data.draw(st.integers(0, 2)),
        per_week=data.draw(st.integers(0, 3)),
        per_rolling=tuple(
            data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=2))
        ),
        gap_days=data.draw(st.integers(0, 3)),
        gap_hours=data.draw(st.sampled_from([0, 24, 48])),
        one_channel=data.draw(st.booleans()),
        week_begins=data.draw(st.sampled_from([0, 6])),
    )
    now = data.draw(st.integers(1_770_000_000_000, 1_780_000_000_000))
    ages = data.draw(st.lists(st.integers(0, 12 * DAY), max_size=5))
    contacts = [
        Contact(now - age, data.draw(st.sampled_from(["sms", "sms", "call"]))) for age in ages
    ]
    asks = thresholds(now, caps, zones)
    assert now < asks.until
    now = data.draw(st.integers(now, min(now + 3 * DAY, asks.until - 1)))
    young = [c for c in contacts if c.at > now - asks.reach]
    dated = zip(asks.limits[::2], asks.limits[1::2], strict=True)
    rolling = zip(asks.ages[::2], asks.ages[1::2], strict=True)
    allowed = (
        all(sum(c.at >= since for c in young) < n for n, since in dated)
        and all(sum(c.at > now - ms for c in young) < n for n, ms in rolling)
        and not (asks.crossed and any(c.channel != "sms" and c.at >= asks.crossed for c in young))
    )
    assert allowed == (first_allowed(now, contacts, caps, zones).at == now)
