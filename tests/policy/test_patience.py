"""The used part of a window against carriers of every speed, on a virtual clock."""

from __future__ import annotations

from collections import deque

import pytest

from gateway.policy.patience import Patience


def longest_wait(
    patience: Patience, per_second: float, seconds: float, slower_from: float = 1e9
) -> tuple[float, int]:
    """A carrier that answers one after another: the longest wait, and how many it answered."""
    outstanding: deque[float] = deque()
    now, longest, answered = 0.0, 0.0, 0
    while now < seconds:
        while len(outstanding) < patience.size:
            outstanding.append(now)
        now += (1 if now < slower_from else 10) / per_second
        took = now - outstanding.popleft()
        longest, answered = max(longest, took), answered + 1
        patience.answered(now, took, 1)
    return longest, answered


@pytest.mark.parametrize("per_second", [0.5, 1, 5, 50, 1000])
def test_no_answer_takes_longer_than_is_allowed(per_second: float) -> None:
    longest, answered = longest_wait(Patience(1000, 30), per_second, 600)
    assert longest < 30
    assert answered >= 0.99 * 600 * per_second - 1


def test_a_fast_carrier_gets_the_whole_window() -> None:
    patience = Patience(100, 30)
    for n in range(12):
        patience.answered(n * 0.02, 0.02, 10)
    assert patience.size == 100


def test_it_shrinks_when_a_carrier_gets_slower() -> None:
    patience = Patience(1000, 30)
    longest_wait(patience, 20, 1200, slower_from=600)
    assert patience.size / 2 < 20


def test_a_window_of_one_stays_one() -> None:
    patience = Patience(1, 30)
    for n in range(100):
        patience.answered(n * 29.0, 29.0, 1)
    assert patience.size == 1
