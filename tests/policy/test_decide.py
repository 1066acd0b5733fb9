"""Send, wait or discard: the order of the questions, and exact instants."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.policies import campaign_week
from gateway.policy.calendar import HOUR, MINUTE
from gateway.policy.caps import Contact
from gateway.policy.decide import (
    Discard,
    Listed,
    Outcome,
    Rule,
    Rulebook,
    Send,
    Wait,
    decide,
    opening,
)
from gateway.policy.rules import Policy
from gateway.policy.zones import NOWHERE, Place
from tests.policy.slow import ms

CHILEAN = "56981234567"
NOON = ms("2026-07-14T16:00:00Z")  # a Tuesday, 12:00 in Santiago
CLOSES = ms("2026-07-14T23:00:00Z")  # 19:00 in Santiago, 20:00 in Punta Arenas
NIGHT = ms("2026-07-15T02:00:00Z")
MORNING = ms("2026-07-15T12:00:00Z")


def asked(book: Rulebook, now: int, profile: str = "prudent", **more: object) -> Outcome:
    place = book.places.find(CHILEAN)
    return decide(now, book.rule("CL", profile, now), place, **more)  # type: ignore[arg-type]


def test_it_may_go_until_the_window_ends(book: Rulebook) -> None:
    assert asked(book, NOON) == Send(CLOSES)
    assert asked(book, CLOSES - 1) == Send(CLOSES)


def test_it_waits_for_the_next_opening(book: Rulebook) -> None:
    assert asked(book, CLOSES) == Wait(MORNING, "quiet_hours")
    assert asked(book, MORNING - 1) == Wait(MORNING, "quiet_hours")
    assert asked(book, MORNING) == Send(ms("2026-07-15T23:00:00Z"))


def test_the_message_may_end_before_the_window(book: Rulebook) -> None:
    assert asked(book, NOON, expires=NOON + MINUTE) == Send(NOON + MINUTE)
    assert asked(book, NOON, expires=NOON) == Discard("expired")


def test_what_would_wait_past_its_end_is_discarded(book: Rulebook) -> None:
    assert asked(book, NIGHT, expires=MORNING) == Discard("expired", "quiet_hours")
    assert asked(book, NIGHT, expires=MORNING + 1) == Wait(MORNING, "quiet_hours")


def test_a_cap_waits_for_an_open_hour(book: Rulebook) -> None:
    """The gap of a Monday's message ends on Thursday at 00:00, a holiday: Friday, then."""
    monday = [Contact(ms("2026-07-13T15:00:00Z"))]
    friday = ms("2026-07-17T12:00:00Z")
    assert asked(book, NOON, contacts=monday) == Wait(friday, "cap", "gap_days")
    assert asked(book, friday, contacts=monday) == Send(ms("2026-07-17T23:00:00Z"))
    assert asked(book, NOON, contacts=monday, expires=friday) == Discard("expired", "cap")
    assert asked(book, NOON, contacts=[Contact(ms("2026-07-13T15:00Z"), "call")]) == Send(CLOSES)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (Listed.OPT_OUT, "opt_out"),
        (Listed.WRONG_NUMBER, "wrong_number"),
        (Listed.LEGAL_STOP, "legal_stop"),
        (Listed.OPT_OUT | Listed.LEGAL_STOP, "legal_stop"),
        (Listed.OPT_OUT | Listed.CONSENT, "opt_out"),
    ],
)
def test_the_lists_are_final(book: Rulebook, listed: Listed, reason: str) -> None:
    """In open hours, in quiet ones, and for a number that is nowhere."""
    assert asked(book, NOON, listed=listed) == Discard(reason)
    assert asked(book, NIGHT, listed=listed) == Discard(reason)
    assert decide(NOON, None, NOWHERE, listed=listed) == Discard(reason)


def test_what_is_not_known_is_held(book: Rulebook) -> None:
    """No zone, no rules: never sent, and no time is named."""
    assert decide(NOON, None, NOWHERE) == Wait(None, "unknown_zone")
    rule = book.rule("CL", "prudent", NOON)
    assert decide(NOON, rule, Place("CL")) == Wait(None, "unknown_zone")
    assert decide(NOON, None, book.places.find("59172345678")) == Wait(None, "no_policy")
    assert book.rule("BO", "prudent", NOON) is None
    with pytest.raises(KeyError):
        book.rule("CL", "bold", NOON)


def test_the_usa_are_off(book: Rulebook) -> None:
    place = book.places.find("12125551234")
    rule = book.rule("US", "text", NOON)
    assert decide(NOON, rule, place) == Discard("country_off")
    assert rule
    assert opening(NOON, rule, place) > NOON


def test_an_answer_goes_at_once(book: Rulebook) -> None:
    """Within five minutes of the reply, in the night, to one who opted out; later, no."""
    replied = NIGHT - 4 * MINUTE
    said = Listed.OPT_OUT
    fresh = asked(book, NIGHT, "transactional", listed=said, answers=replied)
    assert fresh == Send(replied + 5 * MINUTE)
    late = asked(book, NIGHT, "transactional", listed=said, answers=NIGHT - 5 * MINUTE)
    assert late == Discard("opt_out")
    legal = asked(book, NIGHT, "transactional", listed=Listed.LEGAL_STOP, answers=replied)
    assert legal == Discard("legal_stop")
    assert asked(book, NIGHT, "prudent", answers=replied) == Wait(MORNING, "quiet_hours")
    assert asked(book, NIGHT, "transactional", answers=NIGHT + 1) == Wait(MORNING, "quiet_hours")


def test_consent(book: Rulebook) -> None:
    """Only where the profile needs it."""
    rule = book.rule("CL", "prudent", NOON)
    assert rule
    strict = Rule(rule.policy, replace(rule.profile, needs_consent=True))
    place = book.places.find(CHILEAN)
    assert decide(NOON, strict, place) == Discard("no_consent")
    assert decide(NOON, strict, place, listed=Listed.CONSENT) == Send(CLOSES)


def test_a_regions_own_hours(book: Rulebook) -> None:
    """Saturday 10:00: São Paulo's law allows it, Rio's does not, and Minas has none."""
    saturday = ms("2026-07-18T13:00:00Z")
    rule = book.rule("BR", "prudent", saturday)
    found = {
        code: type(decide(saturday, rule, book.places.find(f"55{code}987654321"))).__name__
        for code in (11, 21, 31, 82)
    }
    assert found == {11: "Send", 21: "Wait", 31: "Wait", 82: "Send"}


def test_a_campaign_narrows(book: Rulebook) -> None:
    """10:00 to 18:00 leaves the zones' 10:00 to 18:00; a week that is wider changes nothing."""
    narrow = book.rule("CL", "prudent", NOON, campaign_week({"mon-fri": ["10:00-18:00"]}))
    wide = book.rule("CL", "prudent", NOON, campaign_week({"mon-sun": ["00:00-24:00"]}))
    plain = book.rule("CL", "prudent", NOON)
    assert narrow
    assert wide
    assert plain
    place = book.places.find(CHILEAN)
    assert decide(NOON, narrow, place) == Send(ms("2026-07-14T21:00:00Z"))
    assert decide(NOON, wide, place) == Send(CLOSES)
    assert narrow.hash != plain.hash == wide.hash
    assert narrow.name == plain.name
    again = book.rule("CL", "prudent", NOON, campaign_week({"mon-fri": ["10:00-18:00"]}))
    assert again is narrow


def later(policy: Policy, day: date, **changes: object) -> Policy:
    profile = policy.profile("prudent")
    week = (((600, 660),),) * 7
    profiles = (replace(profile, windows=week),)
    return replace(policy, effective_from=day, profiles=profiles, **changes)  # type: ignore[arg-type]


def test_a_law_changes_on_a_date(book: Rulebook) -> None:
    """Each file holds from its local midnight on; nothing sent before may be delivered after."""
    old = next(policy for policy in book.policies if policy.country == "PE")
    changed = Rulebook([later(old, date(2026, 7, 14)), old])
    place = changed.places.find("51987654321")
    midnight = ms("2026-07-14T05:00:00Z")
    before, after = (changed.rule("PE", "prudent", at) for at in (midnight - 1, midnight))
    assert before
    assert after
    assert (before.until, before.next) == (midnight, after)
    assert before.hash != after.hash
    evening = ms("2026-07-14T01:00:00Z")  # 20:00 on Monday: by the old rules open again at 7
    assert decide(evening, before, place) == Wait(ms("2026-07-14T15:00:00Z"), "quiet_hours")
    contact = [Contact(ms("2026-07-13T15:00:00Z"))]
    assert decide(evening - HOUR, before, place, contacts=contact) == (
        Wait(ms("2026-07-14T15:00:00Z"), "cap", "per_day")
    )
    assert changed.rule("PE", "prudent", ms("2009-01-01T00:00Z")) is None
    off = Rulebook([old, later(old, date(2026, 7, 14), enabled=False)])
    rule = off.rule("PE", "prudent", evening)
    assert decide(evening, rule, place) == Wait(None, "closed")


def test_delivery_ends_with_the_law(book: Rulebook) -> None:
    old = next(policy for policy in book.policies if policy.country == "PE")
    profile = replace(old.profile("prudent"), windows=(((0, 1440),),) * 7)
    always = replace(old, profiles=(profile,))
    changed = Rulebook([always, later(old, date(2026, 7, 14))])
    place = changed.places.find("51987654321")
    now = ms("2026-07-13T23:00:00Z")
    assert decide(now, changed.rule("PE", "prudent", now), place) == Send(ms("2026-07-14T05:00Z"))
