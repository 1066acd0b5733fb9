"""What a submit is answered, from the script and literal draws."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator.answers import NO_ANSWER, Answers
from gateway.simulator.chance import Draw
from gateway.simulator.loading import merged
from gateway.simulator.script import Script
from gateway.simulator.words import status_code
from tests.simulator.test_chance import draws

THROTTLED, QUEUE_FULL, WRONG_NUMBER = 0x58, 0x14, 0x0B
HIGH = 0.999


def answers(draw: Draw = lambda: HIGH, **settings: Any) -> Answers:
    return Answers(merged(Script(), settings), draw)


def decided(answers: Answers, number: int, to: str = "56911111111") -> list[int]:
    return [answers.decide(to, 0.0, True, True) for _ in range(number)]


def test_an_obliging_carrier_takes_all_without_a_draw() -> None:
    assert decided(answers(draws()), 3) == [0, 0, 0]


def test_statuses_come_by_their_share() -> None:
    some = answers(draws(0.05, 0.15, 0.9), statuses={"ESME_RTHROTTLED": 0.1, "0x0400": 0.1})
    assert decided(some, 3) == [THROTTLED, 0x400, 0]


@pytest.mark.parametrize(
    ("admitted", "in_window", "status"),
    [(True, True, 0), (False, True, THROTTLED), (True, False, QUEUE_FULL), (False, False, 0x14)],
)
def test_limits_have_their_statuses(admitted: bool, in_window: bool, status: int) -> None:
    assert answers().decide("569", 0.0, admitted, in_window) == status


def test_the_status_of_a_limit_can_be_chosen() -> None:
    assert answers(rate_status="0x0401").decide("569", 0.0, False, True) == 0x401


def test_a_silent_carrier_is_silent_even_beyond_its_rate() -> None:
    assert answers(silence=True).decide("569", 0.0, False, False) == NO_ANSWER


def test_silence_after_two_swallows_as_many_as_told() -> None:
    told = answers(silence_after=2, silence_count=3)
    assert decided(told, 7) == [0, 0, NO_ANSWER, NO_ANSWER, NO_ANSWER, 0, 0]


def test_silence_after_two_is_for_good_without_a_count() -> None:
    assert decided(answers(silence_after=2), 5) == [0, 0, NO_ANSWER, NO_ANSWER, NO_ANSWER]


@pytest.mark.parametrize(("elapsed", "silent"), [(4.9, 0), (5.0, 1), (7.9, 1), (8.0, 0)])
def test_silence_for_a_period(elapsed: float, silent: int) -> None:
    told = answers(silence_period_s=[5, 3])
    assert (told.decide("569", elapsed, True, True) == NO_ANSWER) == silent


def test_silence_by_share() -> None:
    assert decided(answers(draws(0.1, 0.6), silence_share=0.5), 2) == [NO_ANSWER, 0]


def test_the_first_rule_that_fits_a_number_holds() -> None:
    told = answers(
        numbers=[
            {"to": "^5690", "status": "ESME_RINVDSTADR"},
            {"to": "7$", "silent": True},
            {"to": "^56", "status": 0x400},
        ]
    )
    numbers = ["56907", "56917", "56911", "54911"]
    assert [told.decide(n, 0.0, True, True) for n in numbers] == [WRONG_NUMBER, NO_ANSWER, 0x400, 0]


def test_a_rule_with_times_lets_each_numbers_retry_through() -> None:
    told = answers(numbers=[{"to": "^56", "status": THROTTLED, "times": 2}])
    assert decided(told, 3, "561") == [THROTTLED, THROTTLED, 0]
    assert decided(told, 1, "562") == [THROTTLED]


def test_a_changed_script_keeps_the_counts_of_the_rules_that_stay() -> None:
    rule = {"to": "^56", "status": THROTTLED, "times": 1}
    told = answers(numbers=[rule])
    decided(told, 1)
    told.follow(merged(Script(), {"numbers": [rule], "statuses": {"ESME_RSYSERR": 0.1}}))
    assert decided(told, 1) == [0]


@pytest.mark.parametrize(
    ("word", "code"), [("ESME_RTHROTTLED", 0x58), ("0x0400", 0x400), ("88", 88), (88, 88)]
)
def test_a_status_is_a_name_or_a_number(word: str | int, code: int) -> None:
    assert status_code(word) == code


@pytest.mark.parametrize("word", ["ESME_RTHROTLED", "", "-1", 1 << 32])
def test_what_is_no_status_is_refused(word: str | int) -> None:
    with pytest.raises(ValueError, match="is not a status"):
        status_code(word)
