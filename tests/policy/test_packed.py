"""A decision is kept as one short text, and read again as it was."""

from __future__ import annotations

import pytest

from gateway.policy.calendar import NEVER
from gateway.policy.decide import Discard, Listed, Outcome, Send, Wait
from gateway.policy.packed import Packed, lists, pack, unpack


@pytest.mark.parametrize(
    ("outcome", "word", "reason", "until"),
    [
        (Send(1000), "send", "", 1000),
        (Send(NEVER), "send", "", None),
        (Wait(2000, "cap"), "wait", "cap", 2000),
        (Wait(None, "unknown_zone"), "wait", "unknown_zone", None),
        (Discard("opt_out"), "discard", "opt_out", None),
    ],
)
@pytest.mark.parametrize("hash", ["cc61594d51914314", ""])
def test_there_and_back(
    outcome: Outcome, word: str, reason: str, until: int | None, hash: str
) -> None:
    text = pack(7, outcome, hash, "cl-1", 2, 5)
    assert unpack(text) == Packed(7, word, reason, until, hash, "cl-1", 2, 5)  # type: ignore[arg-type]


def test_the_names_of_the_lists() -> None:
    assert lists(0) == []
    assert lists(sum(Listed)) == ["opt_out", "wrong_number", "legal_stop", "consent"]
