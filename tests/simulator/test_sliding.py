"""Counts in a sliding second, and delays by rank."""

from __future__ import annotations

import pytest

from gateway.simulator.sliding import Delays, SlidingSecond


def test_the_second_is_open_at_its_old_end() -> None:
    sliding = SlidingSecond()
    sliding.add(10.0, 3)
    sliding.add(10.9, 2)
    assert sliding.at(10.99) == 5
    assert sliding.at(11.0) == 2
    assert sliding.most == 5


def test_the_most_is_found_across_full_seconds() -> None:
    sliding = SlidingSecond()
    for at in (0.0, 0.6, 1.1, 1.5, 2.55):
        sliding.add(at, 1)
    assert sliding.most == 3  # 0.6, 1.1 and 1.5


def test_delays_have_an_exact_mean_and_near_percentiles() -> None:
    delays = Delays()
    delays.add(0.010, 98)
    delays.add(0.500, 2)
    assert delays.mean() == pytest.approx(0.0198)
    assert delays.percentile(50) == pytest.approx(0.010, rel=0.02)
    assert delays.percentile(98) == pytest.approx(0.010, rel=0.02)
    assert delays.percentile(99) == pytest.approx(0.500, rel=0.02)


def test_no_delays_are_zero() -> None:
    assert (Delays().mean(), Delays().percentile(99)) == (0.0, 0.0)
