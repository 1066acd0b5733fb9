"""The window (2.9): requests sent and not yet answered, ordered by the time they were sent.

A request is here before its octets are queued, so an answer can never come too early; what was
never answered is handed back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.errors import WindowFull
from gateway.smpp.constants import RESPONSE_BIT, Command

_GENERIC_NACK: Final = int(Command.GENERIC_NACK)

Entry = tuple[object, float, int]
"""context, sent_at, command_id. A tuple, because the collector must see into it: a context may
lead back to the session."""


class Outstanding(msgspec.Struct, frozen=True):
    """A request that was never answered: sent, so the peer may have taken it."""

    context: object
    sent_at: float
    sequence_number: int
    command_id: int


class Window(dict[int, Entry]):
    """At most ``limit`` requests in flight, by sequence_number.

    The times given to :meth:`add` never go back, so the first entry is the oldest and the next
    deadline is found without a search. It is a dict, not the owner of one, because each message
    asks its length and whether a number is free.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    @property
    def free(self) -> int:
        """How many more requests may be sent now; never negative."""
        return max(0, self.limit - len(self))

    def check(self) -> None:
        """Raise WindowFull if nothing more may be sent."""
        if len(self) >= self.limit:
            raise WindowFull(f"{len(self)} requests are outstanding, {self.limit} allowed")

    def add(self, sequence_number: int, command_id: int, now: float, context: object) -> None:
        """Record a request about to be sent. Raises WindowFull."""
        if len(self) >= self.limit:
            self.check()
        self[sequence_number] = (context, now, command_id)

    def take(self, sequence_number: int, command_id: int) -> Entry | None:
        """The request that a response with this command_id answers, which is answered with that.

        A generic_nack answers any request; another response only its own, so that a confused
        peer cannot settle a submit_sm with the answer to something else.
        """
        entry = self.get(sequence_number)
        if entry is None:
            return None
        if command_id != entry[2] | RESPONSE_BIT and command_id != _GENERIC_NACK:
            return None
        del self[sequence_number]
        return entry

    def oldest(self) -> float | None:
        """When the request that has waited longest was sent; None if there is none."""
        for entry in self.values():
            return entry[1]
        return None

    def expire(self, now: float, seconds: float) -> list[Outstanding]:
        """Take out what has waited ``seconds`` or more, oldest first."""
        expired = []
        for sequence_number, (context, sent_at, command_id) in self.items():
            if now < sent_at + seconds:
                break
            expired.append(Outstanding(context, sent_at, sequence_number, command_id))
        for request in expired:
            del self[request.sequence_number]
        return expired

    def drain(self) -> list[Outstanding]:
        """Take out everything, oldest first."""
        return self.expire(float("inf"), 0.0)
