"""Noticing a standstill and a silence, at literal times."""

from __future__ import annotations

from gateway.policy.watch import Silence, Standstill


def test_a_standstill_is_told_once_for_each_time_it_lasts_so_long() -> None:
    watch = Standstill(60)
    seen = [watch.look(now, 5, True) for now in (0, 30, 59.9, 60, 61, 119.9, 120)]
    assert seen == [False, False, False, True, False, False, True]


def test_what_moves_or_may_not_move_is_no_standstill() -> None:
    watch = Standstill(60)
    assert not watch.look(0, 5, True)
    assert not watch.look(59, 6, True)  # it moved
    assert not watch.look(100, 6, False)  # nothing to do, or it was not allowed to
    assert not watch.look(159, 6, True)
    assert watch.look(160, 6, True)


def test_never_is_never() -> None:
    assert not any(Standstill(0).look(now, 1, True) for now in (0, 1e9))
    assert not any(Silence(0, 1).look(now, now + 1, 0) for now in (0, 10**9))


def test_a_silence_begins_with_the_first_question_after_an_answer() -> None:
    watch = Silence(1800, 20)
    assert not watch.look(0, 100, 100)
    assert not watch.look(5000, 100, 100)  # nothing was asked: nothing is missing
    assert not watch.look(5010, 130, 100)
    assert not watch.look(6809, 130, 100)
    assert watch.look(6810, 130, 100)
    assert watch.look(9000, 500, 100)
    assert not watch.look(9001, 500, 101)  # one came
    assert not watch.look(12000, 500, 101)


def test_few_questions_without_an_answer_are_chance() -> None:
    watch = Silence(1800, 20)
    assert not watch.look(0, 1, 0)
    assert not watch.look(9000, 19, 0)
    assert watch.look(9001, 20, 0)
