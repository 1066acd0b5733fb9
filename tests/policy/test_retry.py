"""What follows a refusal."""

from __future__ import annotations

import pytest
from aiosmpplib.state import SmppCommandStatus as Status
from hypothesis import given
from hypothesis import strategies as st

from gateway.message import MessageState
from gateway.policy.retry import RULES, Retry, judge, rules_of, troubles
from gateway.refusal import Again, Fail, Failover, rule, status

REJECTED = Fail(MessageState.rejected)
NOT_HERE = Failover(MessageState.rejected)
FAILED = Failover(MessageState.failed)


def test_every_status_of_the_specification_has_its_rule() -> None:
    """Nothing in 5.1.3 falls to the default by being forgotten."""
    assert set(RULES) == set(Status) - {Status.ESME_ROK} | {0x0102}


@pytest.mark.parametrize("attempt", [1, 5, 1000])
@pytest.mark.parametrize("status", [Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL])
def test_too_fast_slows_the_account_and_never_costs_the_message(status: int, attempt: int) -> None:
    """0x58 and 0x14 are tried again for as long as the message lives."""
    verdict = judge(status, attempt)
    assert isinstance(verdict, Retry)
    assert verdict.slow_account
    assert not verdict.counted
    assert 0 < verdict.after_seconds <= 5


@pytest.mark.parametrize("status", [0x04, 0x05, 0x0D, 0x0E, 0x0F])
def test_a_lost_bind_is_not_the_message(status: int) -> None:
    """It waits for the session, uncounted, and the rate stays as it is."""
    assert judge(status, 99) == Retry(5.0, slow_account=False, counted=False)


@pytest.mark.parametrize("status", [Status.ESME_RSYSERR, Status.ESME_RX_T_APPN])
def test_passing_trouble_is_tried_again_after_growing_waits(status: int) -> None:
    """Doubled from 5 seconds, at most 300; after the eighth attempt another carrier's turn."""
    waits = [judge(status, attempt) for attempt in range(1, 9)]
    assert waits[:-1] == [
        Retry(s, False, True) for s in (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
    ]
    assert waits[-1] == judge(status, 1000) == FAILED


@pytest.mark.parametrize("status", [0x45, 0xFF])
def test_an_unclear_refusal_gets_two_more_chances(status: int) -> None:
    """Vendors mean anything by it."""
    assert [judge(status, n) for n in (1, 2, 3)] == [
        Retry(10.0, False, True),
        Retry(20.0, False, True),
        FAILED,
    ]


@pytest.mark.parametrize("status", [0x01, 0x0B, 0x33, 0x65, 0x66, 0xFE])
def test_a_message_at_fault_is_rejected_at_once(status: int) -> None:
    """Its recipient or its text will not become right by waiting, nor elsewhere."""
    assert judge(status, 1) == REJECTED


@pytest.mark.parametrize("status", [0x0A, 0x48, 0x49, 0x50, 0x51])
def test_a_message_that_does_not_fit_this_carrier_goes_to_another(status: int) -> None:
    """Another may know the sender, or the kind of number; where there is none it is rejected."""
    assert judge(status, 1) == NOT_HERE


@pytest.mark.parametrize("status", [0x02, 0x03, 0x15, 0x43, 0x62, 0xC2, 0x00])
def test_settings_at_fault_send_it_elsewhere(status: int) -> None:
    """Ours to put right, and right at another carrier perhaps; 0 in a generic_nack says nothing
    better."""
    assert judge(status, 1) == FAILED


@pytest.mark.parametrize("status", [0x0400, 0x04FF, 0x09, 0x0100, 0xFFFF_FFFF])
def test_an_unknown_status_sends_it_elsewhere(status: int) -> None:
    """Vendor and reserved statuses are not tried again without a table that knows them."""
    assert judge(status, 1) == FAILED


def test_a_carriers_own_table_goes_before() -> None:
    """One vendor's 0x0400 is throttling."""
    rules = {**RULES, 0x0400: Again(2.0, slow_account=True)}
    assert judge(0x0400, 1, rules) == Retry(2.0, slow_account=True, counted=False)
    assert judge(0x0B, 1, rules) == REJECTED


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("slow", Again(1.0, slow_account=True)),
        ("retry 30", Again(30.0, longest_seconds=3600.0)),
        ("retry 30 x5", Again(30.0, longest_seconds=3600.0, attempts=5)),
        ("failover", FAILED),
        ("reject", REJECTED),
        ("fail", Fail(MessageState.failed)),
    ],
)
def test_a_rule_as_it_is_written(words: str, found: object) -> None:
    assert rule(words) == found


@pytest.mark.parametrize(
    "words",
    ["", "retry", "retry 0", "retry 5s", "retry 3601", "retry 5 x0", "retry 5 x9999", "Slow"],
)
def test_what_is_no_rule(words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        rule(words)


@pytest.mark.parametrize(
    ("words", "found"),
    [("ESME_RSYSERR", 0x08), ("0x0401", 0x401), ("0x8", 8), ("0xFFFFFFFF", 2**32 - 1)],
)
def test_a_status_as_it_is_written(words: str, found: int) -> None:
    assert status(words) == found


@pytest.mark.parametrize("words", ["", "0x0", "ESME_ROK", "1025", "0x123456789", "esme_rsyserr"])
def test_what_is_no_status(words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        status(words)


def test_a_table_of_words_makes_the_rules() -> None:
    rules = rules_of([("0x0401", "retry 30 x3"), ("ESME_RINVDSTADR", "failover")])
    assert [judge(0x401, n, rules) for n in (1, 2, 3)] == [
        Retry(30.0, False, True),
        Retry(60.0, False, True),
        FAILED,
    ]
    assert judge(0x0B, 1, rules) == FAILED
    assert rules_of([]) is RULES


def test_which_statuses_tell_of_the_carriers_health() -> None:
    slow, own = troubles(rules_of([("0x0400", "slow"), ("0x0401", "reject")]))
    assert {0x58, 0x14, 0x400} == slow
    assert {0x0B, 0x401} <= own
    assert not {0x08, 0x0A, 0x58} & own


@given(st.integers(0, 0xFFFF_FFFF) | st.sampled_from(sorted(RULES)), st.integers(0, 10**6))
def test_judge_is_total(status: int, attempt: int) -> None:
    """Any status at any attempt: a wait of some seconds, or one of two ends, perhaps elsewhere."""
    verdict = judge(status, attempt)
    if isinstance(verdict, Retry):
        assert 0 < verdict.after_seconds <= 300
    else:
        assert verdict.reason in (MessageState.rejected, MessageState.failed)
