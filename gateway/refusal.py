"""What a refusal by a carrier may lead to, and how a configuration writes it.

The table of the specification's statuses and what follows from a rule are in
:mod:`gateway.policy.retry`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from aiosmpplib.state import SmppCommandStatus as Status

from gateway.message import MessageState


class Fail(msgspec.Struct, frozen=True, gc=False):
    """Give up: ``reason`` is ``rejected`` or ``failed``."""

    reason: MessageState


class Failover(msgspec.Struct, frozen=True, gc=False):
    """To the route's next carrier; where there is none, give up for ``reason``."""

    reason: MessageState


class Again(msgspec.Struct, frozen=True, gc=False):
    """A rule: the first wait, doubled each time up to the longest, for ``attempts`` in all.

    ``attempts`` 0: for as long as the message lives, always after the first wait, uncounted. After
    the last attempt it goes to the next carrier, if there is one.
    """

    first_seconds: float
    longest_seconds: float = 0.0
    attempts: int = 0
    slow_account: bool = False


Rule = Again | Failover | Fail

THROTTLED: Final = Again(1.0, slow_account=True)
FULL: Final = Again(5.0, slow_account=True)
UNBOUND: Final = Again(5.0)
BUSY: Final = Again(5.0, longest_seconds=300.0, attempts=8)
"""5, 10, 20, 40, 80, 160 and 300 seconds: ten minutes of a carrier's trouble."""
UNCLEAR: Final = Again(10.0, longest_seconds=300.0, attempts=3)
"""Carriers say it of passing trouble and of final refusals alike."""
REJECTED: Final = Fail(MessageState.rejected)
NOT_HERE: Final = Failover(MessageState.rejected)
"""The message, at this carrier: another may know its sender."""
FAILED: Final = Failover(MessageState.failed)
"""Our settings at this carrier."""

WORDS: Final = (
    '"slow", "retry SECONDS", "retry SECONDS xTIMES", "failover", "reject" or "fail"; SECONDS and '
    'TIMES from 1 to 3600, as in "retry 30 x5"'
)
_RETRY = re.compile(r"retry ([1-9][0-9]{0,3})(?: x([1-9][0-9]{0,3}))?")
_PLAIN: Final[Mapping[str, Rule]] = {
    "slow": THROTTLED,
    "failover": FAILED,
    "reject": REJECTED,
    "fail": Fail(MessageState.failed),
}


def rule(words: str) -> Rule:
    """A rule as a configuration writes it (:data:`WORDS`). Raises ValueError for anything else.

    ``slow`` is what ESME_RTHROTTLED does; ``retry 30`` tries every 30 seconds for as long as the
    message lives, and ``retry 30 x5`` five times in all, after 30, 60, 120 and 240 seconds.
    """
    found = _RETRY.fullmatch(words)
    if found is None:
        if words not in _PLAIN:
            raise ValueError(words)
        return _PLAIN[words]
    first, times = int(found[1]), int(found[2] or 0)
    if max(first, times) > 3600:
        raise ValueError(words)
    return Again(float(first), longest_seconds=3600.0, attempts=times)


def status(words: str) -> int:
    """A command_status by its name in the specification or its number, as ``0x0401``.

    Raises ValueError for what is none.
    """
    if words in Status.__members__:
        number = int(Status[words])
    else:
        number = int(words, 16) if re.fullmatch("0x[0-9a-fA-F]{1,8}", words) else 0
    if not number:
        raise ValueError(words)
    return number
