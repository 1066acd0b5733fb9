"""What SMPP 3.4 asks of a bound session for a frame that keeps its framing.

Written from the tables of the specification and not from the session's own, so that the two can
differ.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from gateway.smpp.pdu import Command
from gateway.smpp.session import Role, SessionState


class Expected(Enum):
    """How a frame must be met, by its command_id."""

    ANSWER = "answer"
    """It answers something of ours, or nothing: no word goes back."""
    LINK = "link"
    """enquire_link: enquire_link_resp."""
    END = "end"
    """unbind: unbind_resp, and the session ends."""
    TAKEN = "taken"
    """A request for our caller, or one whose body cannot be read: then its response says so."""
    NOTED = "noted"
    """A request without a response: generic_nack alone, and that only if it cannot be read."""
    REFUSED = "refused"
    """Not in this state (2.3): its response with ESME_RINVBNDSTS or ESME_RALYBND."""
    UNKNOWN = "unknown"
    """No command of SMPP 3.4: generic_nack with ESME_RINVCMDID (4.3)."""


RINVCMDLEN: Final = 0x02
RINVCMDID: Final = 0x03
OUT_OF_STATE: Final = (0x04, 0x05)

_SUBMITTING: Final = (
    Command.SUBMIT_SM,
    Command.SUBMIT_MULTI,
    Command.QUERY_SM,
    Command.CANCEL_SM,
    Command.REPLACE_SM,
)
_DELIVERING: Final = (Command.DELIVER_SM, Command.ALERT_NOTIFICATION)
_WITHOUT_RESPONSE: Final = (Command.ALERT_NOTIFICATION, Command.OUTBIND)
RESPONSE_BIT: Final = 0x8000_0000
GENERIC_NACK: Final = 0x8000_0000


def requests(sender: Role, state: SessionState) -> list[int]:
    """The messages that ``sender`` may send on a session bound so (2.3)."""
    if sender is Role.ESME:
        messages = _SUBMITTING if state is not SessionState.BOUND_RX else ()
    else:
        messages = _DELIVERING if state is not SessionState.BOUND_TX else ()
    return [int(command) for command in (*messages, Command.DATA_SM)]


def expected(reader: Role, state: SessionState) -> dict[int, Expected]:
    """By command_id; what is not in it is UNKNOWN, or an ANSWER where it has the response bit."""
    peer = Role.SMSC if reader is Role.ESME else Role.ESME
    table = {int(c): Expected.REFUSED for c in Command if not c & RESPONSE_BIT}
    table |= dict.fromkeys(requests(peer, state), Expected.TAKEN)
    table[Command.ENQUIRE_LINK] = Expected.LINK
    table[Command.UNBIND] = Expected.END
    if table[Command.ALERT_NOTIFICATION] is Expected.TAKEN:
        table[Command.ALERT_NOTIFICATION] = Expected.NOTED
    return table


def response_to(command_id: int) -> int:
    """The command_id that answers a request."""
    return GENERIC_NACK if command_id in _WITHOUT_RESPONSE else command_id | RESPONSE_BIT
