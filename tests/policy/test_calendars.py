"""Calendars by literal times: what is open, to the millisecond, and what never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway import policies
from gateway.policies import campaign_week
from gateway.policy.calendar import NEVER
from gateway.policy.calendars import HELD, Calendars
from gateway.policy.decide import Discard, Rulebook, decide
from gateway.policy.zones import NOWHERE, Place
from tests.policy.slow import ms

SANTIAGO = Place("CL", "", ("America/Santiago",), "prefix")
BOTH = Place("CL", "", ("America/Santiago", "Pacific/Easter"), "zone")


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return policies.load()


def test_it_opens_and_closes_to_the_millisecond(book: Rulebook) -> None:
    """Tuesday, 14 July 2026: Santiago is at UTC-4."""
    calendars = Calendars(book)
    name = calendars.name(SANTIAGO, "prudent")
    opens, closes = ms("2026-07-14T12:00:00Z"), ms("2026-07-15T00:00:00Z")
    assert calendars.open_at(opens - 1) == {}
    assert calendars.until == opens
    assert calendars.open_at(opens) == {name: closes}
    assert calendars.open_at(closes - 1) == {name: closes}
    assert calendars.open_at(closes) == {}


def test_every_zone_has_to_be_open(book: Rulebook) -> None:
    calendars = Calendars(book)
    name = calendars.name(BOTH, "prudent")
    assert calendars.look(name, ms("2026-07-14T13:59:59Z"))[0] is False
    assert calendars.look(name, ms("2026-07-14T14:00:00Z")) == (True, ms("2026-07-15T00:00:00Z"))


def test_a_campaign_narrows(book: Rulebook) -> None:
    calendars = Calendars(book)
    week = campaign_week({"mon-fri": ["10:00-12:00"]})
    plain, narrowed = (calendars.name(SANTIAGO, "prudent", w) for w in (None, week))
    assert plain != narrowed
    at = ms("2026-07-14T14:30:00Z")
    assert calendars.look(narrowed, at) == (True, ms("2026-07-14T16:00:00Z"))
    assert calendars.look(narrowed, ms("2026-07-14T16:00:00Z"))[0] is False
    assert set(calendars.open_at(at)) == {plain, narrowed}


def test_the_same_everywhere(book: Rulebook) -> None:
    """Two processes make one name of one thing, and learn from each other."""
    one, two = Calendars(book), Calendars(book)
    name = one.name(SANTIAGO, "prudent")
    assert name == one.name(SANTIAGO, "prudent")
    assert name.startswith("cl-")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert two.unknown([name, HELD, "any"]) == [name]
    assert two.look(name, ms("2026-07-14T12:00:00Z")) == (False, NEVER)
    two.learn(name, one.fresh[name])
    assert two.of(name) == one.of(name)
    assert two.look(name, ms("2026-07-14T12:00:00Z"))[0] is True
    assert two.name(SANTIAGO, "prudent") == name
    assert list(two.fresh) == []


def test_nobody_knows_where(book: Rulebook) -> None:
    calendars = Calendars(book)
    assert calendars.name(NOWHERE, "prudent") == HELD
    assert calendars.look(HELD, ms("2026-07-14T15:00:00Z")) == (False, NEVER)
    assert HELD not in calendars.open_at(ms("2026-07-14T15:00:00Z"))


def test_a_country_without_rules_never_opens(book: Rulebook) -> None:
    calendars = Calendars(book)
    name = calendars.name(Place("JP", "", ("Asia/Tokyo",), "prefix"), "prudent")
    assert calendars.look(name, ms("2026-07-14T15:00:00Z")) == (False, NEVER)


def test_a_calendar_made_in_between_is_seen_at_once(book: Rulebook) -> None:
    calendars = Calendars(book)
    at = ms("2026-07-14T15:00:00Z")
    assert calendars.open_at(at) == {}
    name = calendars.name(SANTIAGO, "prudent")
    assert list(calendars.open_at(at)) == [name]


def test_a_country_that_is_off_is_open_for_what_waits_to_end(book: Rulebook) -> None:
    calendars = Calendars(Rulebook(replace(policy, enabled=False) for policy in book.policies))
    name = calendars.name(SANTIAGO, "prudent")
    at = ms("2026-07-15T03:00:00Z")
    assert calendars.look(name, at) == (True, NEVER)
    rule, place = calendars.rule(name, at)
    assert decide(at, rule, place) == Discard("country_off")


def test_what_never_opens_by_itself(book: Rulebook) -> None:
    calendars = Calendars(book)
    never = calendars.name(SANTIAGO, "prudent", campaign_week({"sun": ["10:00-12:00"]}))
    calendars.name(SANTIAGO, "prudent")
    found = calendars.shut(ms("2026-07-15T03:00:00Z"))
    assert found == {HELD: "unknown_zone", never: "closed"}


def test_what_still_holds_is_not_asked_again(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those whose hours have changed since; all of them when the clock is set back."""
    calendars = Calendars(book)
    one, other = (calendars.name(place, "prudent") for place in (SANTIAGO, BOTH))
    asked: list[str] = []
    look = calendars.look

    def noted(name: str, now: int) -> tuple[bool, int]:
        asked.append(name)
        return look(name, now)

    monkeypatch.setattr(calendars, "look", noted)
    opens, both = ms("2026-07-14T12:00:00Z"), ms("2026-07-14T14:00:00Z")
    for now, names in ((opens, [HELD, one, other]), (opens + 120_000, []), (both, [HELD, other])):
        asked.clear()
        assert other in calendars.open_at(now) or now < both
        assert asked == names
    assert set(calendars.open_at(both)) == {one, other}
    assert calendars.open_at(opens - 1) == {}
    assert asked == [HELD, other, HELD, one, other]


def test_a_countrys_first_file_comes_into_force(book: Rulebook) -> None:
    """Until then nothing says when its hours will begin: it is asked for each minute."""
    later = [
        replace(policy, effective_from=date(2026, 7, 15))
        for policy in book.policies
        if policy.country == "CL"
    ]
    calendars = Calendars(Rulebook(later))
    name = calendars.name(SANTIAGO, "prudent")
    before, after = ms("2026-07-15T03:59:30Z"), ms("2026-07-15T12:00:00Z")
    assert calendars.look(name, before) == (False, NEVER)
    assert calendars.open_at(before) == {}
    assert calendars.until == before + 60_000
    assert list(calendars.open_at(after)) == [name]
