"""Profiles are values: narrowed, never widened, and hashed by what decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.data import EDITIONS
from gateway.policy.daysoff import dates, easter, overlay_day
from gateway.policy.rules import (
    Caps,
    DaysOff,
    Policy,
    Profile,
    Region,
    as_asked,
    digest,
    intersect,
    intersect_windows,
    narrow,
)

WINDOW = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda w: w[0] < w[1])
DAYS = st.lists(WINDOW, max_size=3).map(tuple)
PROFILE = Profile(name="prudent", windows=(((480, 1200),),) * 6 + ((),))
POLICY = Policy(
    country="CL",
    name="Chile",
    effective_from=date(2021, 4, 20),
    zones=("America/Santiago", "Pacific/Easter"),
    profiles=(PROFILE,),
)


def minutes(windows: tuple[tuple[int, int], ...]) -> set[int]:
    return {minute for a, b in windows for minute in range(a, b)}


@given(one=DAYS, other=DAYS)
def test_an_intersection_is_what_is_in_both(
    one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]
) -> None:
    assert minutes(intersect_windows(one, other)) == minutes(one) & minutes(other)


def test_a_campaign_narrows_and_never_widens() -> None:
    """09:00 to 22:00 every day leaves 09:00 to 20:00 of Monday to Saturday, in regions too."""
    profile = replace(PROFILE, regions=(("SP", (((480, 840),),) * 7),))
    own = narrow(profile, (((540, 1320),),) * 7)
    assert own.windows == (((540, 1200),),) * 6 + ((),)
    assert dict(own.regions)["SP"] == (((540, 840),),) * 7
    assert intersect(PROFILE.windows, ((),) * 7) == ((),) * 7


def test_the_hash_is_of_what_decides() -> None:
    """The same on every machine; words and order do not count, every figure does."""
    same = digest(POLICY, PROFILE)
    assert digest(replace(POLICY, name="Republic of Chile"), PROFILE) == same
    assert digest(POLICY, replace(PROFILE, source="another page")) == same
    assert digest(replace(POLICY, zones=POLICY.zones[::-1]), PROFILE) == same
    others = {
        digest(POLICY, replace(PROFILE, windows=(((480, 1201),),) * 6 + ((),))),
        digest(POLICY, replace(PROFILE, caps=Caps(per_day=1))),
        digest(POLICY, replace(PROFILE, holidays=DaysOff(calendar="CL"))),
        digest(POLICY, replace(PROFILE, counts=("sms", "im"))),
        digest(POLICY, replace(PROFILE, name="text")),
        digest(POLICY, replace(PROFILE, own_hours="instead")),
        digest(replace(POLICY, enabled=False), PROFILE),
        digest(replace(POLICY, zones=("America/Santiago",)), PROFILE),
        digest(replace(POLICY, effective_from=date(2021, 4, 21)), PROFILE),
        digest(replace(POLICY, regions=(Region(code="MA"),)), PROFILE),
    }
    assert len(others | {same}) == 11


def test_the_hash_has_the_editions_of_the_data_that_the_rule_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other holidays under the same hash would be another rule."""
    off = replace(PROFILE, holidays=DaysOff(calendar="CL"))
    before = digest(POLICY, PROFILE), digest(POLICY, off)
    monkeypatch.setitem(EDITIONS, "holidays", "99.1")
    assert (digest(POLICY, PROFILE) == before[0], digest(POLICY, off) == before[1]) == (True, False)
    for name in ("tzdata", "phonenumbers"):
        with monkeypatch.context() as another:
            another.setitem(EDITIONS, name, "99.1")
            assert digest(POLICY, PROFILE) != before[0]


def test_easter() -> None:
    found = [easter(year) for year in (2024, 2025, 2026, 2027, 2038)]
    assert found == [
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2027, 3, 28),
        date(2038, 4, 25),
    ]


def test_days_of_an_overlay() -> None:
    assert overlay_day("2026-07-13", 2026) == date(2026, 7, 13)
    assert overlay_day("2026-07-13", 2027) is None
    assert overlay_day("11-02", 2027) == date(2027, 11, 2)
    assert overlay_day("02-29", 2026) is None
    assert overlay_day("easter-3", 2026) == date(2026, 4, 2)
    assert overlay_day("easter", 2026) == date(2026, 4, 5)


def test_an_overlay_adds_and_removes() -> None:
    off = DaysOff(calendar="CO", add=("2026-12-24", "05-05"), remove=("2026-07-13", "05-05"))
    plain = dates(DaysOff(calendar="CO"), "", 2026)
    assert date(2026, 7, 13) in plain  # Ley 2578 of 2026
    assert dates(off, "", 2026) == plain - {date(2026, 7, 13)} | {date(2026, 12, 24)}


def test_a_regions_holidays() -> None:
    """Not known: all that are named; known: its own alone, and its own overlay."""
    off = DaysOff(
        calendar="CL", subdivisions=("AP", "NB"), by_region=(("AP", ("2026-06-08",), ("05-21",)),)
    )
    arica, nuble, added, navy = (
        date(2026, 6, 7),
        date(2026, 8, 20),
        date(2026, 6, 8),
        date(2026, 5, 21),
    )
    assert {arica, nuble, navy} <= dates(off, "", 2026)
    assert not {arica, nuble, added} & dates(off, "MA", 2026)
    assert {arica, added} <= dates(off, "AP", 2026)
    assert not {nuble, navy} & dates(off, "AP", 2026)
    assert {arica, nuble, navy} <= dates(off, "PASCUA", 2026)  # no subdivision: as not known


def test_public_alone() -> None:
    """Chile's banks close on 31 December; CPC art. 59 does not."""
    assert date(2026, 12, 31) not in dates(DaysOff(calendar="CL"), "", 2026)
    bank = DaysOff(calendar="CL", categories=("bank", "public"))
    assert date(2026, 12, 31) in dates(bank, "", 2026)


def test_the_hours_that_a_recipient_asked_for() -> None:
    """They take away, in regions too; or hold instead of all of them, where the law says so."""
    asked = ((), ((600, 720), (1300, 1380)), *((),) * 5)
    profile = replace(PROFILE, regions=(("SP", (((480, 660),),) * 7),))
    within = as_asked(profile, asked)
    assert within.windows == ((), ((600, 720),), *((),) * 5)
    assert dict(within.regions)["SP"] == ((), ((600, 660),), *((),) * 5)
    instead = as_asked(replace(profile, own_hours="instead"), asked)
    assert (instead.windows, instead.regions) == (asked, ())
    assert instead.holidays == profile.holidays
