"""Delays and shares, by literal draws."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.simulator.chance import Shares, happens, wait
from gateway.simulator.script import Exponential


def draws(*numbers: float) -> Callable[[], float]:
    return iter(numbers).__next__


NO_DRAW = draws()


def test_a_fixed_delay_is_its_milliseconds_and_draws_nothing() -> None:
    assert wait(20.0, NO_DRAW) == 0.020


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 0.010), (0.5, 0.020), (1.0, 0.030)])
def test_a_pair_is_uniform_between_its_numbers(drawn: float, seconds: float) -> None:
    assert wait((10.0, 30.0), draws(drawn)) == pytest.approx(seconds)


def test_an_exponential_delay_has_a_least_and_a_mean() -> None:
    delay = Exponential(mean_ms=100, least_ms=5)
    assert wait(delay, draws(0.0)) == pytest.approx(0.005)
    assert wait(delay, draws(0.6321205588)) == pytest.approx(0.105)


def test_what_is_certain_draws_nothing() -> None:
    assert happens(1.0, NO_DRAW)
    assert not happens(0.0, NO_DRAW)


def test_a_share_of_a_quarter_happens_under_a_quarter() -> None:
    assert happens(0.25, draws(0.249))
    assert not happens(0.25, draws(0.25))


@pytest.mark.parametrize(
    ("drawn", "value"), [(0.0, "a"), (0.19, "a"), (0.2, "b"), (0.49, "b"), (0.5, "rest")]
)
def test_shares_divide_the_draw_in_their_order(drawn: float, value: str) -> None:
    assert Shares({"a": 0.2, "none": 0.0, "b": 0.3}, "rest").pick(draws(drawn)) == value


def test_without_shares_there_is_only_the_rest() -> None:
    assert Shares({}, "rest").pick(NO_DRAW) == "rest"
