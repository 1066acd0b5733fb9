"""What ``message_id = "auto"`` learns: in which form a carrier's receipts write its ids.

A receipt that found its message by one reading of its id, and named that message's recipient,
is evidence for the form of that reading. Where another form would have led to the same key (7 is
7 in every base) it is evidence of nothing. After :data:`SURE` that agree the reading is tried
first; one that disagrees begins it all again.
"""

from __future__ import annotations

from typing import Final

from gateway.smpp.receipt import canonical, to_decimal, to_hex

SURE: Final = 20
"""Receipts that have to agree, one after another."""
NUMBER_DIGITS: Final = 7
"""A recipient that a receipt names by fewer digits is no recipient."""


def form_of(receipt_id: str, key: str) -> str:
    """The one form (``same``, ``hex-decimal``, ``decimal-hex``) by which the id leads to ``key``.

    Empty when several do, or none.
    """
    plain = canonical(receipt_id, "auto")
    readings = (
        ("same", plain),
        ("hex-decimal", to_hex(plain)),
        ("decimal-hex", to_decimal(plain)),
    )
    forms = [form for form, read in readings if read and read == key]
    return forms[0] if len(forms) == 1 else ""


class Learner:
    """What the matches of one account teach."""

    def __init__(self) -> None:
        self.learned = ""
        """The form that is tried first; empty while none is sure."""
        self.agreeing = 0
        """How many matches in a row have agreed, up to :data:`SURE`."""
        self._form = ""

    def teach(self, receipt_id: str, to: str, key: str) -> None:
        """A receipt found its message under ``key``; ``to`` is the recipient that it named."""
        if len(to) < NUMBER_DIGITS:
            return
        form = form_of(receipt_id, key)
        if not form:
            return
        if form != self._form:
            self._form, self.agreeing, self.learned = form, 0, ""
        self.agreeing = min(self.agreeing + 1, SURE)
        if self.agreeing == SURE:
            self.learned = form
