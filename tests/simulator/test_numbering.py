"""Message ids in the response and in the receipt."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator.numbering import in_receipt, in_response
from gateway.simulator.script import Ids

NUMBER = 48_879  # 0xBEEF


@pytest.mark.parametrize(
    ("settings", "response", "receipt"),
    [
        ({}, "48879", "48879"),
        ({"form": "hex"}, "beef", "beef"),
        ({"form": "hex-decimal"}, "beef", "48879"),
        ({"form": "decimal-hex"}, "48879", "beef"),
        ({"form": "decimal-hex", "receipt_upper": True}, "48879", "BEEF"),
        ({"form": "hex", "upper": True, "receipt_upper": False}, "BEEF", "beef"),
        ({"form": "hex-decimal", "width": 8, "receipt_width": 10}, "0000beef", "0000048879"),
        ({"form": "decimal", "width": 10, "receipt_width": 0}, "0000048879", "48879"),
    ],
)
def test_the_two_forms_of_an_id(settings: dict[str, Any], response: str, receipt: str) -> None:
    ids = Ids(**settings)
    assert (in_response(ids)(NUMBER), in_receipt(ids)(NUMBER)) == (response, receipt)


def test_uuids_are_alike_in_both_and_differ_by_number() -> None:
    write = in_response(Ids(form="uuid"))
    assert write(1) == in_receipt(Ids(form="uuid"))(1)
    assert len({write(number) for number in range(1_000)}) == 1_000
    assert len(write(1)) == 36
