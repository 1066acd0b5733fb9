"""Hours are exact on instants: half-open, over gaps and folds, in every zone of a set at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.policy.calendar import (
    DAY,
    HOUR,
    MINUTE,
    NEVER,
    Hours,
    Schedule,
    day_begins,
    local_day,
    local_text,
    offset_at,
    tz,
)
from gateway.policy.decide import Rulebook
from gateway.policy.rules import CLOSED, DaysOff, Week
from tests.policy.slow import NASTY, is_open, ms, readings

ALL_DAY: Week = (((0, 1440),),) * 7
OFFICE: Week = (((480, 1200),),) * 6 + ((),)
NIGHT: Week = (((0, 30), (1380, 1440)), ((30, 90), (1330, 1410))) * 3 + (((1, 200), (1395, 1440)),)
"""Windows where clocks change: what no law has, and what finds mistakes."""
NONE = DaysOff()
CHILE = DaysOff(calendar="CL")
VECTORS = json.loads((Path(__file__).parent.parent / "data" / "quiet_hours.json").read_text())


def hours(week: Week, *zones: str, off: DaysOff = NONE) -> Hours:
    return Hours(Schedule(week, off), zones)


def spans(of: Hours, start: str, end: str) -> list[tuple[int, int]]:
    return of.spans(ms(start), ms(end))


# the vectors


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['country']} {v['utc']}")
def test_a_vector(vector: dict[str, Any], book: Rulebook) -> None:
    """Allowed or not, and why, by the country's ``text`` profile."""
    now = ms(vector["utc"])
    rule = book.rule(vector["country"], "text", now)
    assert rule is not None
    of = rule.hours(tuple(vector["zones"]))
    assert of.look(now)[0] is vector["allowed"]
    assert of.why(now) == vector["why"]
    assert local_text(vector["zones"][0], now) == vector["local_first"]


# literal times


def test_half_open() -> None:
    """08:00:00.000 is inside, 20:00:00.000 is not; the answer says until when it holds."""
    of = hours(OFFICE, "America/Bogota")
    opens, closes = ms("2026-07-14T13:00:00Z"), ms("2026-07-15T01:00:00Z")
    assert of.look(opens - 1) == (False, opens)
    assert of.look(opens) == (True, closes)
    assert of.look(closes - 1) == (True, closes)
    assert of.look(closes) == (False, opens + DAY)


def test_an_answer_is_found_again_after_going_back() -> None:
    """Time may step back; what was remembered is not taken for it."""
    of = hours(OFFICE, "America/Bogota")
    noon = ms("2026-07-14T17:00:00Z")
    assert of.look(noon)[0]
    assert not of.look(noon - 10 * HOUR)[0]
    assert of.look(noon)[0]


def test_a_sunday_is_stepped_over() -> None:
    of = hours(OFFICE, "America/Bogota")
    assert of.opening(ms("2026-07-19T01:00:00Z")) == ms("2026-07-20T13:00:00Z")  # Sat 20:00


def test_santiago_has_no_midnight_in_september() -> None:
    """2026-09-06 begins at 01:00: a window from midnight begins with it."""
    of = hours((*ALL_DAY[:6], ((0, 120),)), "America/Santiago")
    assert day_begins(
        "America/Santiago", local_day("America/Santiago", ms("2026-09-06T12:00Z"))
    ) == (ms("2026-09-06T04:00:00Z"))
    assert spans(of, "2026-09-06T04:00:00Z", "2026-09-06T12:00:00Z") == [
        (ms("2026-09-06T04:00:00Z"), ms("2026-09-06T05:00:00Z"))
    ]


def test_a_window_that_begins_in_the_gap_begins_after_it() -> None:
    """00:30 does not exist; 01:00, the first time that does, is inside."""
    of = hours((*CLOSED[:6], ((30, 180),)), "America/Santiago")
    assert spans(of, "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z") == [
        (ms("2026-09-06T04:00:00Z"), ms("2026-09-06T06:00:00Z"))
    ]


def test_a_window_inside_the_gap_is_none() -> None:
    of = hours((*CLOSED[:6], ((10, 50),)), "America/Santiago")
    assert spans(of, "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z") == []


def test_a_window_does_not_open_a_second_time() -> None:
    """23:00 to 23:59 of 2026-04-04 happens twice; what closed at 23:30 stays closed."""
    of = hours((*CLOSED[:5], ((1200, 1410),), ()), "America/Santiago")
    assert spans(of, "2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z") == [
        (ms("2026-04-04T23:00:00Z"), ms("2026-04-05T02:30:00Z"))
    ]
    assert not of.look(ms("2026-04-05T03:10:00Z"))[0]
    assert of.why(ms("2026-04-05T03:10:00Z")) == "Sun 00:10 outside in America/Santiago"


def test_a_day_does_not_end_late() -> None:
    """Saturday until 24:00 ends when its first 24:00 comes, though 23:00 follows."""
    of = hours((*CLOSED[:5], ((480, 1440),), ()), "America/Santiago")
    assert spans(of, "2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z") == [
        (ms("2026-04-04T12:00:00Z"), ms("2026-04-05T03:00:00Z"))
    ]


def test_a_holiday_is_one_by_each_zones_own_date() -> None:
    """It is 18 September on the island two hours later, and 19 September two hours later."""
    week: Week = ALL_DAY
    mainland = hours(week, "America/Santiago", off=CHILE)
    both = hours(week, "America/Santiago", "Pacific/Easter", off=CHILE)
    assert mainland.opening(ms("2026-09-18T12:00:00Z")) == ms("2026-09-20T03:00:00Z")
    assert both.opening(ms("2026-09-18T12:00:00Z")) == ms("2026-09-20T05:00:00Z")
    assert both.look(ms("2026-09-18T02:59:59Z")) == (True, ms("2026-09-18T03:00:00Z"))


def test_apia_skipped_a_day() -> None:
    """Thursday 29 December 2011 was followed by Saturday: Friday's window never came."""
    friday = hours((*CLOSED[:4], ((0, 1440),), (), ()), "Pacific/Apia")
    assert spans(friday, "2011-12-25T00:00:00Z", "2012-01-04T00:00:00Z") == []
    always = hours(ALL_DAY, "Pacific/Apia")
    assert always.look(ms("2011-12-29T00:00:00Z")) == (True, NEVER)


def test_what_never_opens_and_what_never_closes() -> None:
    assert hours(CLOSED, "America/Lima").look(ms("2026-01-01T00:00:00Z")) == (False, NEVER)
    assert hours(ALL_DAY, "America/Lima").look(ms("2026-01-01T00:00:00Z")) == (True, NEVER)
    apart: Week = (((480, 540),),) * 7
    assert hours(apart, "America/Lima", "Asia/Tokyo").opening(ms("2026-01-01T00:00:00Z")) == NEVER


def test_no_zone_is_no_hours() -> None:
    with pytest.raises(ValueError, match="no zone"):
        Hours(Schedule(ALL_DAY, NONE), ())


@pytest.mark.parametrize("key", ["", "..", "America", "America/Atlantis", "../../etc/passwd", "/"])
def test_a_zone_that_is_none(key: str) -> None:
    with pytest.raises(KeyError):
        tz(key)


@pytest.mark.parametrize(
    ("zones", "week", "at", "window"),
    [
        # what each set of zones leaves of a day, in the first zone's time
        (("America/Santiago", "America/Punta_Arenas", "America/Coyhaique"), (480, 1200),
         "2026-01-15", ("08:00", "20:00")),
        (("America/Santiago", "America/Punta_Arenas", "America/Coyhaique"), (480, 1200),
         "2026-07-15", ("08:00", "19:00")),
        (("America/Santiago", "America/Punta_Arenas", "Pacific/Easter"), (480, 1200),
         "2026-01-15", ("10:00", "20:00")),
        (("America/Santiago", "America/Punta_Arenas", "Pacific/Easter"), (480, 1200),
         "2026-07-15", ("10:00", "19:00")),
        (("America/Recife", "America/Noronha"), (480, 1200), "2026-07-15", ("08:00", "19:00")),
        (("America/Guayaquil", "Pacific/Galapagos"), (420, 1200), "2026-07-15", ("08:00", "20:00")),
        (("Europe/Madrid", "Atlantic/Canary"), (540, 1260), "2026-07-15", ("10:00", "21:00")),
        (("America/New_York", "America/Los_Angeles"), (480, 1260), "2026-07-15",
         ("11:00", "21:00")),
    ],
)  # fmt: skip
def test_what_the_intersection_costs(
    zones: tuple[str, ...], week: tuple[int, int], at: str, window: tuple[str, str]
) -> None:
    """The table of the rules page: the hours that are left in the first zone."""
    of = hours(((week,),) * 7, *zones)
    begins = day_begins(zones[0], local_day(zones[0], ms(f"{at}T12:00:00Z")))
    ((a, b),) = of.spans(begins, begins + DAY)
    offset = offset_at(zones[0], a)
    shown = tuple(
        f"{(t + offset - ms(f'{at}T00:00Z')) // HOUR:02}:{(t + offset) // MINUTE % 60:02}"
        for t in (a, b)
    )
    assert shown == window


# against the second way


def all_zones(book: Rulebook) -> list[str]:
    used = {zone for policy in book.policies for zone in policy.zones}
    used |= {zone for policy in book.policies for p in policy.prefixes for zone in p.zones}
    used |= {zone for policy in book.policies for r in policy.regions for zone in r.zones}
    return sorted(used | set(NASTY))


@pytest.mark.parametrize(
    ("year", "week", "step"),
    [(2026, OFFICE, 887), (2026, NIGHT, 443), (2011, NIGHT, 443)],
    ids=["office", "night", "the skipped day"],
)
def test_whole_years_in_all_zones(book: Rulebook, year: int, week: Week, step: int) -> None:
    """Every edge to the millisecond, and every so many minutes, as the slow way has them."""
    start, end = ms(f"{year}-01-01T00:00:00Z"), ms(f"{year + 1}-01-02T00:00:00Z")
    zones = [z for z in all_zones(book) if year > 2011 or z in NASTY]
    for key in zones:
        of = hours(week, key, off=CHILE)
        found = of.spans(start, end)
        edges = [at for span in found for at in span if start < at < end]
        instants = [*range(start, end, step * MINUTE), *edges, *(at - 1 for at in edges)]
        for at in sorted(instants):
            assert of.look(at)[0] is is_open(at, week, CHILE, (key,)), f"{key} {at}"


@pytest.mark.parametrize("key", NASTY)
@pytest.mark.parametrize("week", [NIGHT, (*ALL_DAY[:6], ())], ids=["night", "no sunday"])
def test_minute_by_minute_around_every_change(key: str, week: Week) -> None:
    """Some hours about each change of the clocks in three years, minute by minute."""
    of = hours(week, key)
    before = None
    for year in (2011, 2024, 2026):
        for at in range(ms(f"{year}-01-01T00:00Z"), ms(f"{year + 1}-01-03T00:00Z"), 6 * HOUR):
            wall = readings(key, at)[0]
            offset = (wall.hour * 60 + wall.minute - at // MINUTE) % 1440
            if before is not None and offset != before:
                for minute in range(at - 9 * HOUR, at + 3 * HOUR, MINUTE):
                    assert of.look(minute)[0] is is_open(minute, week, NONE, (key,)), minute
            before = offset


WINDOW = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda w: w[0] < w[1])
WEEKS = st.tuples(*[st.lists(WINDOW, max_size=1).map(tuple)] * 7)


@settings(max_examples=150)
@given(
    week=WEEKS,
    zones=st.lists(st.sampled_from(NASTY), min_size=1, max_size=3, unique=True).map(tuple),
    at=st.integers(ms("2010-01-01T00:00Z"), ms("2030-01-01T00:00Z")),
)
@example(week=NIGHT, zones=("America/Santiago",), at=ms("2026-09-06T03:59:59Z"))
def test_the_next_change_is_found_exactly(week: Week, zones: tuple[str, ...], at: int) -> None:
    """Until it nothing changes; at it, all does."""
    of = hours(week, *zones)
    now, until = of.look(at)
    assert now is is_open(at, week, NONE, zones)
    if until == NEVER:
        until = at + 14 * DAY
    else:
        assert is_open(until, week, NONE, zones) is not now
        assert is_open(until - 1, week, NONE, zones) is now
    for between in range(at, min(until, at + 20 * DAY), 83 * MINUTE):
        assert is_open(between, week, NONE, zones) is now
