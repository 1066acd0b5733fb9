"""The end of a message's hours: what may still be begun, and until when it may be delivered.

Times are milliseconds since the epoch, UTC. A deadline is the end of the hours less the margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.policy.calendar import NEVER

UNMEASURED_SECONDS: Final = 900.0
"""The margin of a carrier without validity until its deliveries have been measured."""
MOST_MARGIN_SECONDS: Final = 4 * 3600.0
"""The most that slow deliveries take from the hours: with more a carrier would hardly send."""
ENOUGH: Final = 1_000
"""Receipts from which a 99th percentile says something."""


def margin_seconds(least: float, delivered: float | None) -> float:
    """The margin of a carrier that heeds no validity: what it is sent must be delivered in time.

    ``delivered`` is within how many seconds 99 of 100 messages are; None: nobody knows yet.
    """
    wanted = UNMEASURED_SECONDS if delivered is None else delivered
    return min(max(least, wanted), max(least, MOST_MARGIN_SECONDS))


def late(opened: Mapping[str, int], now: int, margin: int) -> list[str]:
    """Of open calendars (and until when each is) those of which nothing may be begun any more."""
    return [name for name, until in opened.items() if until - margin <= now]


def takes_ms(segments: int, rate: float) -> float:
    """How long the segments after the first need to leave, at least; rate 0 is no limit."""
    return (segments - 1) * 1000.0 / rate if segments > 1 and rate else 0.0


def too_late(deadline: int, now: int, takes: float) -> bool:
    """May a message not be begun, as its last segment would leave after its deadline?"""
    return deadline <= now + takes


def validity_seconds(expires_ms: int, deadline: int, now: int) -> int:
    """How long what leaves now may be delivered: its own life or its hours (0: no limit).

    Of a message whose life ended between its segments the rest has a second: with none it would
    have the SMSC's own validity, of days.
    """
    until = min(expires_ms or NEVER, deadline)
    return max(1, (until - now) // 1000) if until < NEVER else 0
