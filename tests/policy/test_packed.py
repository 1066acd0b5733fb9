"""A decision is kept as one short text, and read again as it was."""

from __future__ import annotations

import pytest

from gateway.policy.calendar import NEVER
from gateway.policy.decide import Discard, Listed, Outcome, Send, Wait
from gateway.policy.packed import Packed, Parts, lists, pack, parts, unpack


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Send(1000), Parts("send", "", 1000)),
        (Send(NEVER), Parts("send")),
        (Wait(2000, "cap", "per_day"), Parts("wait", "cap", 2000, "per_day")),
        (Wait(None, "unknown_zone"), Parts("wait", "unknown_zone")),
        (Discard("opt_out"), Parts("discard", "opt_out")),
        (Discard("expired", "cap"), Parts("discard", "expired", None, "cap")),
    ],
)
@pytest.mark.parametrize("hash", ["cc61594d51914314", ""])
def test_there_and_back(outcome: Outcome, said: Parts, hash: str) -> None:
    text = pack(7, outcome, hash, "cl-1", 2, 5)
    word, reason, until, detail = said
    assert parts(outcome) == said
    assert unpack(text) == Packed(7, word, reason, until, hash, "cl-1", 2, 5, detail)


def test_the_names_of_the_lists() -> None:
    assert lists(0) == []
    assert lists(sum(Listed)) == ["opt_out", "wrong_number", "legal_stop", "consent"]
