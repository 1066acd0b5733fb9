"""What auto learns of a carrier's ids, and from what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp.learning import SURE, Learner, form_of
from gateway.smpp.receipt import candidates

TO = "56912345678"


@pytest.mark.parametrize(
    ("receipt_id", "key", "form"),
    [
        ("255", "255", "same"),
        ("255", "ff", "hex-decimal"),
        ("255", "597", "decimal-hex"),
        ("FF", "ff", "same"),
        ("00ff", "255", "decimal-hex"),
        ("577e505a-dbd7", "577e505a-dbd7", "same"),
        (str(2**70), str(2**70), "same"),
        ("7", "7", ""),  # in every base
        ("255", "1", ""),
        ("", "", ""),
    ],
)
def test_the_form_that_alone_leads_to_the_key(receipt_id: str, key: str, form: str) -> None:
    assert form_of(receipt_id, key) == form


@given(st.text(max_size=20) | st.integers(0, 2**65).map(str))
def test_each_candidate_is_of_a_form_or_of_several(receipt_id: str) -> None:
    keys = candidates(receipt_id, "auto")
    forms = [form_of(receipt_id, key) for key in keys]
    assert len(set(filter(None, forms))) == len(list(filter(None, forms)))


def test_it_is_sure_after_so_many_and_forgets_at_the_first_that_disagrees() -> None:
    learner = Learner()
    for number in range(16, 16 + SURE - 1):
        learner.teach(str(number), TO, f"{number:x}")
    assert (learner.learned, learner.agreeing) == ("", SURE - 1)
    learner.teach("255", TO, "ff")
    learner.teach("255", TO, "ff")
    assert (learner.learned, learner.agreeing) == ("hex-decimal", SURE)
    learner.teach("4", TO, "4")  # says nothing
    assert learner.learned == "hex-decimal"
    learner.teach("255", TO, "255")
    assert (learner.learned, learner.agreeing) == ("", 1)


def test_only_a_recipient_that_was_named_agrees() -> None:
    learner = Learner()
    for _ in range(SURE):
        learner.teach("255", "", "ff")
        learner.teach("255", "345", "ff")
    assert learner.agreeing == 0
