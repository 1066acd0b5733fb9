"""TOML as the benchmarks write it: one line a key, tables inline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def document(values: Mapping[str, Any]) -> str:
    """A whole document of top-level keys."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(str(key))} = {_value(v)}" for key, v in value.items())
        return "{" + inside + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value)
