"""The pacer by literal times: never above the rate, evenly, and catching up."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.pacer import SPAN, Pacer, share_of


def drive(pacer: Pacer, wakes: list[float]) -> list[float]:
    """Send whatever is admitted at each wake; answers the send times."""
    sent = []
    for now in wakes:
        while pacer.admits(now):
            pacer.sent(now)
            sent.append(now)
    return sent


def most_in_a_second(sent: list[float]) -> int:
    """The most sends in any half-open second."""
    most, first = 0, 0
    for last, at in enumerate(sent):
        while sent[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_a_punctual_caller_gets_the_rate_and_no_more() -> None:
    sent = drive(Pacer(100), [n / 1000 for n in range(30_000)])
    assert 2970 <= len(sent) <= 3010
    assert most_in_a_second(sent) <= 100


def test_a_thousand_a_second_within_one_percent() -> None:
    sent = drive(Pacer(1000), [n / 1000 for n in range(10_000)])
    assert 9_900 <= len(sent) <= 10_000
    assert most_in_a_second(sent) <= 1000


def test_late_timers_are_caught_up() -> None:
    """A timer that always runs 7 ms late costs even spacing 7%; here nothing."""
    pacer, sent, now = Pacer(100), [], 0.0
    while now < 30.0:
        sent += drive(pacer, [now])
        now = max(now, pacer.next(now)) + 0.007
    assert len(sent) >= 2970
    assert most_in_a_second(sent) <= 100


def test_a_submit_of_several_segments_counts_as_all_of_them() -> None:
    """It waits until all of them are free at once, and holds up what follows as long."""
    pacer, sent, now = Pacer(10), [], 0.0
    while now < 20.0:
        assert pacer.admits(now, 3) == (pacer.next(now, 3) <= now)
        if pacer.admits(now, 3):
            pacer.sent(now, 3)
            sent += [now] * 3
        now += 0.001
    assert most_in_a_second(sent) <= 10
    assert 170 <= len(sent) <= 200


def test_segments_alone_and_together_keep_the_rate() -> None:
    pacer, sent, now, turn = Pacer(10), [], 0.0, 0
    while now < 20.0:
        cost = (1, 4, 1, 2)[turn % 4]
        if pacer.admits(now, cost):
            pacer.sent(now, cost)
            sent += [now] * cost
            turn += 1
        now += 0.001
    assert most_in_a_second(sent) <= 10
    assert len(sent) >= 150


def test_a_submit_above_the_rate_goes_and_is_waited_out() -> None:
    pacer = Pacer(2)
    assert pacer.admits(0.0, 5)
    pacer.sent(0.0, 5)
    assert not pacer.admits(2.4)
    assert pacer.admits(2.6)
    assert Pacer(0).admits(0.0, 5)


def test_a_stall_is_not_made_up_with_a_burst() -> None:
    pacer = Pacer(100)
    drive(pacer, [n / 1000 for n in range(1000)])
    assert len(drive(pacer, [5.0])) == 1


def test_the_first_segments_are_spaced_like_the_rest() -> None:
    sent = drive(Pacer(200), [7.0 + n / 1000 for n in range(3000)])
    gaps = [b - a for a, b in pairwise(sent)]
    assert max(gaps) <= 0.0071


def test_what_a_stall_bunched_spreads_again() -> None:
    pacer = Pacer(200)
    wakes = [n / 1000 for n in range(40_000) if not 2_000 < n < 2_045]
    late = [at for at in drive(pacer, wakes) if at > 30.0]
    gaps = [b - a for a, b in pairwise(late)]
    assert max(gaps) <= 0.0071


@given(
    st.integers(1, 60),
    st.lists(st.floats(0.0001, 0.9), min_size=1, max_size=200),
)
def test_no_caller_can_exceed_the_rate(rate: int, gaps: list[float]) -> None:
    now, wakes = 0.0, []
    for gap in gaps:
        now += gap
        wakes.append(now)
    assert most_in_a_second(drive(Pacer(rate), wakes)) <= rate


def test_no_rate_is_no_limit() -> None:
    pacer = Pacer(0)
    for _ in range(10_000):
        assert pacer.admits(1.0)
        pacer.sent(1.0)


def test_throttling_slows_the_account_and_it_comes_back() -> None:
    pacer = Pacer(90)
    pacer.throttled(10.0)
    assert pacer.share(10.0) == 2 / 3
    pacer.throttled(10.5)
    assert pacer.share(10.5) < 0.7
    slow = drive(pacer, [10.5 + n / 1000 for n in range(2000)])
    assert 110 <= len(slow) <= 145
    assert pacer.slowed(12.0)
    assert pacer.share(60.0) == 1.0
    assert not pacer.slowed(60.0)


def test_throttling_without_a_rate_holds_for_a_second() -> None:
    pacer = Pacer(0)
    pacer.throttled(10.0)
    assert not pacer.admits(10.9)
    assert pacer.admits(11.0)


def test_soon_says_what_is_worth_claiming() -> None:
    pacer = Pacer(1000)
    drive(pacer, [n / 1000 for n in range(1000)])
    assert 1 <= pacer.soon(1.0, 0.015) <= 16
    assert Pacer(1000).soon(1.0, 0.015) <= 1000 * 0.12
    assert Pacer(0).soon(1.0, 0.015) > 1_000_000
    assert SPAN > 1.0


@given(
    st.integers(0, 20),
    st.lists(st.tuples(st.sampled_from(["send", "throttled"]), st.floats(0.0, 1.5)), max_size=60),
)
def test_admitting_is_that_next_has_come(rate: int, steps: list[tuple[str, float]]) -> None:
    pacer, now = Pacer(rate), 0.0
    for what, gap in steps:
        now += gap
        assert pacer.admits(now) is (pacer.next(now) <= now)
        if what == "throttled":
            pacer.throttled(now)
        elif pacer.admits(now):
            pacer.sent(now)


class Fixed:
    """A carrier that takes so many in each second of its own clock."""

    def __init__(self, allows: int) -> None:
        self.allows, self._second, self._taken = allows, -1, 0

    def takes(self, now: float) -> bool:
        if int(now + 0.3) != self._second:
            self._second, self._taken = int(now + 0.3), 0
        self._taken += 1
        return self._taken <= self.allows


class Sliding:
    """A carrier that takes so many in any second."""

    def __init__(self, allows: int) -> None:
        self.allows, self._taken = allows, deque[float]()

    def takes(self, now: float) -> bool:
        while self._taken and self._taken[0] <= now - 1.0:
            self._taken.popleft()
        if len(self._taken) < self.allows:
            self._taken.append(now)
            return True
        return False


class Bucket:
    """A carrier with a token bucket that a second fills."""

    def __init__(self, allows: int) -> None:
        self.allows, self._tokens, self._at = allows, float(allows), 0.0

    def takes(self, now: float) -> bool:
        self._tokens += (now - self._at) * self.allows
        self._tokens, self._at = min(self._tokens, float(self.allows)), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def against(carrier: Fixed | Sliding | Bucket, rate: int, delay: float) -> tuple[float, float]:
    """A minute with always something to send: the share of what the carrier allows that it took
    in the second half, and the share of all that it refused."""
    pacer, back = Pacer(rate), deque[tuple[float, float, bool]]()
    taken = refused = late = 0
    for tick in range(60_000):
        now = tick / 1000
        while back and back[0][0] <= now:
            _, sent_at, good = back.popleft()
            taken, refused = taken + good, refused + (not good)
            late += good and now >= 30
            if not good:
                pacer.throttled(now, sent_at)
        while len(back) < 200 and pacer.admits(now):
            pacer.sent(now)
            back.append((now + delay, now, carrier.takes(now + delay / 2)))
    return late / 30 / carrier.allows, refused / (taken + refused)


@pytest.mark.parametrize("kind", [Fixed, Sliding, Bucket])
@pytest.mark.parametrize(("rate", "allows"), [(500, 137), (500, 400), (100, 99), (300, 200)])
def test_what_a_carrier_silently_allows_is_found(
    kind: type[Fixed] | type[Sliding] | type[Bucket], rate: int, allows: int
) -> None:
    used, refused = against(kind(allows), rate, 0.02)
    assert used >= 0.97
    assert refused < 0.02


def test_a_carrier_that_allows_more_again_gets_it() -> None:
    carrier, pacer = Fixed(137), Pacer(500)
    sent = 0
    for tick in range(90_000):
        now = tick / 1000
        carrier.allows = 137 if now < 20 else 10_000
        while pacer.admits(now):
            pacer.sent(now)
            sent += now >= 80
            if not carrier.takes(now):
                pacer.throttled(now, now)
    assert sent >= 4_950


def test_a_lower_rate_holds_for_what_has_just_left() -> None:
    pacer = Pacer(100)
    sent = drive(pacer, [n / 1000 for n in range(1_000)])
    pacer.set_rate(40)
    assert most_in_a_second(sent[-39:] + drive(pacer, [1.0 + n / 1000 for n in range(9)])) <= 40
    later = drive(pacer, [2.5 + n / 1000 for n in range(10_000)])
    assert 390 <= len(later) <= 400
    assert most_in_a_second(later) <= 40


def test_a_higher_rate_begins_without_a_burst() -> None:
    pacer = Pacer(40)
    sent = drive(pacer, [n / 1000 for n in range(1_000)])
    pacer.set_rate(100)
    later = drive(pacer, [1.0 + n / 1000 for n in range(10_000)])
    assert most_in_a_second(sent + later) <= 100
    assert max(later.count(at) for at in later) <= 6
    assert 985 <= len(later) <= 1_000


@given(st.integers(0, 2_000), st.integers(1, 64), st.data())
def test_shares_of_a_rate_are_all_of_it_and_even(
    rate: int, binds: int, data: st.DataObject
) -> None:
    """Whoever has which binds; two nodes with as many binds differ by less than one a bind."""
    each = [share_of(rate, [bind], binds) for bind in range(binds)]
    assert sum(each) == rate == share_of(rate, range(binds), binds)
    assert max(each) - min(each) <= 1
    mine = data.draw(st.sets(st.integers(0, binds - 1)))
    rest = set(range(binds)) - mine
    assert share_of(rate, mine, binds) + share_of(rate, rest, binds) == rate


def test_what_the_carrier_was_found_to_allow_is_divided_too() -> None:
    pacer = Pacer(500)
    drive(pacer, [n / 1000 for n in range(1_500)])
    pacer.throttled(1.5)
    found = pacer.limit(1.5)
    assert found < 500
    pacer.set_rate(250)
    assert pacer.limit(1.5) == pytest.approx(found / 2)
    pacer.set_rate(0)
    assert pacer.admits(1.5)
    pacer.set_rate(500)
    assert pacer.limit(1.5) == 500
