"""The four timers of SMPP 3.4 (7.2), as arithmetic on times that the caller gives.

All times are monotonic seconds. A deadline that is not running is ``NEVER``.
"""

from __future__ import annotations

from typing import Final

import msgspec

NEVER: Final = float("inf")


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """How long each timer runs, in seconds; 0 turns it off."""

    session_init: float = 10.0
    """From the connection to being bound."""
    enquire_link: float = 30.0
    """Of hearing nothing, until we ask whether the peer is still there."""
    inactivity: float = 0.0
    """Without any PDU but enquire_link in either direction, until we unbind."""
    response: float = 30.0
    """From a request to its response."""


class Deadlines:
    """When one session's timers run out."""

    __slots__ = (
        "active_at",
        "enquire_link_seconds",
        "heard_at",
        "inactivity_seconds",
        "opened_at",
        "response_seconds",
        "session_init_seconds",
    )

    def __init__(self, timers: Timers) -> None:
        self.session_init_seconds = timers.session_init or NEVER
        self.enquire_link_seconds = timers.enquire_link or NEVER
        self.inactivity_seconds = timers.inactivity or NEVER
        self.response_seconds = timers.response or NEVER
        self.opened_at: float | None = None
        """When the connection was made."""
        self.heard_at = 0.0
        """When octets last came in."""
        self.active_at = 0.0
        """When the last PDU that was no enquire_link went in or out."""

    def opened(self, now: float) -> None:
        """The connection is there; only the first call counts."""
        if self.opened_at is None:
            self.opened_at = self.heard_at = self.active_at = now

    def session_init(self) -> float:
        """When a session that is not bound is given up."""
        return NEVER if self.opened_at is None else self.opened_at + self.session_init_seconds

    def enquire_link(self) -> float:
        """When to ask a silent peer. Only what is heard moves it, never what we send."""
        return self.heard_at + self.enquire_link_seconds

    def inactivity(self) -> float:
        """When a session on which nothing happens is unbound."""
        return self.active_at + self.inactivity_seconds

    def response(self, sent_at: float | None) -> float:
        """When a request sent at ``sent_at`` (None: there is none) has waited long enough."""
        return NEVER if sent_at is None else sent_at + self.response_seconds
