"""When a carrier is out of service, and when it is back, by literal times."""

from __future__ import annotations

from gateway.policy.health import Counts, Health, Rules

RULES = Rules(unbound_seconds=10, throttled_seconds=60, error_share=0.5, back_seconds=30)
NONE = Counts(0, 0, 0)


def run(health: Health, start: int, end: int, bound: bool, per_second: Counts = NONE) -> list[str]:
    """One look a second, with so many answers more each time."""
    seen = []
    for now in range(start, end):
        last = health._last
        counts = Counts(*(was + more for was, more in zip(last, per_second, strict=True)))
        seen.append(health.look(float(now), bound, counts))
    return seen


def test_unbound_for_so_long_and_back_when_it_has_held() -> None:
    health = Health(RULES)
    assert run(health, 0, 10, False) == [""] * 10
    assert run(health, 10, 12, False) == ["unbound"] * 2
    assert run(health, 12, 42, True) == ["unbound"] * 30
    assert run(health, 42, 44, True) == [""] * 2


def test_a_bind_that_comes_and_goes_stays_out() -> None:
    health = Health(RULES)
    run(health, 0, 11, False)
    for start in range(11, 111, 20):
        assert set(run(health, start, start + 15, True)) == {"unbound"}
        assert set(run(health, start + 15, start + 20, False)) == {"unbound"}


def test_a_short_gap_is_none() -> None:
    health = Health(RULES)
    assert set(run(health, 0, 5, True) + run(health, 5, 14, False) + run(health, 14, 20, True)) == {
        ""
    }


def test_throttling_that_does_not_end() -> None:
    health = Health(RULES)
    assert set(run(health, 0, 60, True, Counts(10, 6, 0))) == {""}
    assert run(health, 60, 61, True, Counts(10, 6, 0)) == ["throttled"]


def test_the_few_refusals_of_a_pacer_at_the_limit_are_nothing() -> None:
    assert set(run(Health(RULES), 0, 600, True, Counts(100, 2, 0))) == {""}
    assert set(run(Health(RULES), 0, 600, True, Counts(2, 1, 0))) == {""}


def test_seconds_without_answers_do_not_end_throttling() -> None:
    health = Health(RULES)
    seen: list[str] = []
    for start in range(0, 80, 10):
        seen += run(health, start, start + 1, True, Counts(1, 1, 0))
        seen += run(health, start + 1, start + 10, True)
    assert seen.index("throttled") == 60


def test_too_many_errors() -> None:
    health = Health(RULES)
    assert run(health, 0, 3, True, Counts(10, 0, 5)) == ["", "", "errors"]


def test_few_answers_say_nothing() -> None:
    assert set(run(Health(RULES), 0, 19, True, Counts(1, 0, 1))) == {""}


def test_errors_of_a_minute_ago_are_over() -> None:
    health = Health(RULES)
    run(health, 0, 2, True, Counts(9, 0, 9))
    assert set(run(health, 2, 200, True, Counts(1, 0, 0))) == {""}


def test_each_further_chance_comes_later() -> None:
    """Out at once again: 30 seconds, 60, 120, at most 16 times 30."""
    health = Health(RULES)
    out, chances, was = [], [], ""
    for now in range(3000):
        last = health._last
        more = 0 if health.out else 30
        found = health.look(float(now), True, Counts(last.answers + more, 0, last.failed + more))
        if found != was:
            (out if found else chances).append(now)
        was = found
    gaps = [back - gone for gone, back in zip(out, chances, strict=False)]
    assert gaps[:7] == [30, 60, 120, 240, 480, 480, 480]


def test_what_has_held_for_long_begins_with_short_chances_again() -> None:
    health = Health(RULES)
    bad, good = Counts(30, 0, 30), Counts(30, 0, 0)
    run(health, 0, 2, True, bad)
    assert run(health, 31, 32, True) == [""]
    assert set(run(health, 32, 600, True, good)) == {""}
    assert "errors" in run(health, 600, 700, True, bad)
    gone = health._chance_at
    assert gone - 700 < 30


def test_rules_can_be_switched_off() -> None:
    health = Health(Rules(0, 0, 0, 30))
    assert set(run(health, 0, 500, False)) == {""}
    assert set(run(health, 500, 900, True, Counts(10, 10, 0))) == {""}
    assert set(run(health, 900, 999, True, Counts(10, 0, 10))) == {""}


def test_a_failing_carrier_that_loses_its_binds() -> None:
    health = Health(RULES)
    run(health, 0, 3, True, Counts(10, 0, 10))
    assert run(health, 3, 20, False)[-1] == "unbound"
