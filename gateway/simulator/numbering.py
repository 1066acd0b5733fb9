"""Message ids: a plain number inside, and its two forms on the wire.

Carriers write an id in the response and again in the receipt, and not always alike: decimal
there and hexadecimal here, in upper case, padded with zeros.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from gateway.simulator.script import Ids

Form = Callable[[int], str]

_NAMESPACE = uuid.UUID("6b9cf6f8-9d6e-4b44-8f0e-0a3d8f4e7c11")


def in_response(ids: Ids) -> Form:
    """How the response writes the id of a number."""
    return _form(ids.form.split("-")[0], ids.upper, ids.width)


def in_receipt(ids: Ids) -> Form:
    """How the receipt writes the id of the same number."""
    upper = ids.upper if ids.receipt_upper is None else ids.receipt_upper
    width = ids.width if ids.receipt_width is None else ids.receipt_width
    return _form(ids.form.split("-")[-1], upper, width)


def _form(word: str, upper: bool, width: int) -> Form:
    if word == "uuid":
        return _upper_uuid if upper else _uuid
    if word == "decimal":
        return str if not width else f"{{:0{width}d}}".format
    letter = "X" if upper else "x"
    return f"{{:0{width}{letter}}}".format if width else f"{{:{letter}}}".format


def _uuid(number: int) -> str:
    return str(uuid.UUID(int=_NAMESPACE.int ^ number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


def _upper_uuid(number: int) -> str:
    return _uuid(number).upper()
