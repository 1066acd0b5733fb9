"""The wall clock, for stored times and contact rules only; durations use time.monotonic."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Now, in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000
