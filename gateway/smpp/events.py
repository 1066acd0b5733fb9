"""What a session tells its caller: a small closed set of values, and what it has counted."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from gateway.smpp.structs import BindResp, Pdu, Response, Unknown

Fault: TypeAlias = Literal["local", "remote"]


class Bound(msgspec.Struct, frozen=True, gc=False):
    """ESME: the SMSC took our bind."""

    response: BindResp


class BindRefused(msgspec.Struct, frozen=True, gc=False):
    """ESME: the SMSC refused our bind; ``response.command_status`` says why. OPEN again."""

    response: Response


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A request of ours was answered, perhaps with a generic_nack, whatever the status."""

    context: object
    response: Response
    sent_at: float
    sequence_number: int


class TimedOut(msgspec.Struct, frozen=True, gc=False):
    """A request of ours got no answer in time. Its place in the window is free again; an answer
    that still comes is Stray."""

    context: object
    sent_at: float
    sequence_number: int


class Received(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer's, which :meth:`Session.respond` answers."""

    pdu: Pdu


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer's that the session has refused itself, with ``command_status``:
    unknown, malformed, or not allowed in this state. For the log; nothing is to be done."""

    pdu: Pdu
    command_status: int


class Stray(msgspec.Struct, frozen=True, gc=False):
    """A response that answers no request we still wait for: late, repeated or wrong."""

    response: Response | Unknown


class Unbound(msgspec.Struct, frozen=True, gc=False):
    """The session was unbound in order, by either end; Closed follows."""


class Closed(msgspec.Struct, frozen=True, gc=False):
    """The session is over. ``fault`` says whose doing it was; then see :meth:`Session.lost`."""

    reason: str
    fault: Fault


Event: TypeAlias = (
    Bound | BindRefused | Answered | TimedOut | Received | Refused | Stray | Unbound | Closed
)


class Counts:
    """What the peer sent that we could not use, for the metrics."""

    __slots__ = ("illegal", "malformed", "stray", "unknown")

    def __init__(self) -> None:
        self.malformed = 0
        """Requests whose body could not be read."""
        self.unknown = 0
        """Requests with a command_id that SMPP 3.4 does not have."""
        self.illegal = 0
        """Requests that the session's state does not allow."""
        self.stray = 0
        """Responses to nothing."""
