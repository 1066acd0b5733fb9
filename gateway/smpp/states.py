"""The states of a session and what each end may send in them (2.2, 2.3), as a table."""

from __future__ import annotations

from enum import Enum
from typing import Final

from gateway.smpp.constants import RESPONSE_BIT, Command


class Role(Enum):
    """Which end of the session we are."""

    ESME = "esme"
    SMSC = "smsc"


class SessionState(Enum):
    """Where a session is (2.2)."""

    OPEN = "open"
    BINDING = "binding"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBINDING = "unbinding"
    CLOSED = "closed"

    @property
    def bound(self) -> bool:
        """A bind holds: messages may flow."""
        return self in BOUND


_OPEN = frozenset({SessionState.OPEN})
_BINDING = frozenset({SessionState.BINDING})
BOUND = frozenset({SessionState.BOUND_TX, SessionState.BOUND_RX, SessionState.BOUND_TRX})
_SENDS = frozenset({SessionState.BOUND_TX, SessionState.BOUND_TRX})
_RECEIVES = frozenset({SessionState.BOUND_RX, SessionState.BOUND_TRX})
_UNBINDING = frozenset({SessionState.UNBINDING})
_LIVE = _OPEN | _BINDING | BOUND | _UNBINDING

_ESME = frozenset({Role.ESME})
_SMSC = frozenset({Role.SMSC})
_BOTH = _ESME | _SMSC

OPERATIONS: Final[tuple[tuple[Command, frozenset[SessionState], frozenset[Role]], ...]] = (
    # command, the states in which it may be sent, who may send it (2.3, table 2-1)
    (Command.BIND_TRANSMITTER, _OPEN, _ESME),
    (Command.BIND_TRANSMITTER_RESP, _BINDING, _SMSC),
    (Command.BIND_RECEIVER, _OPEN, _ESME),
    (Command.BIND_RECEIVER_RESP, _BINDING, _SMSC),
    (Command.BIND_TRANSCEIVER, _OPEN, _ESME),
    (Command.BIND_TRANSCEIVER_RESP, _BINDING, _SMSC),
    (Command.OUTBIND, _OPEN, _SMSC),
    (Command.UNBIND, BOUND, _BOTH),
    (Command.UNBIND_RESP, BOUND | _UNBINDING, _BOTH),
    (Command.SUBMIT_SM, _SENDS, _ESME),
    (Command.SUBMIT_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.SUBMIT_MULTI, _SENDS, _ESME),
    (Command.SUBMIT_MULTI_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.DATA_SM, BOUND, _BOTH),
    (Command.DATA_SM_RESP, BOUND | _UNBINDING, _BOTH),
    (Command.DELIVER_SM, _RECEIVES, _SMSC),
    (Command.DELIVER_SM_RESP, _RECEIVES | _UNBINDING, _ESME),
    (Command.QUERY_SM, _SENDS, _ESME),
    (Command.QUERY_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.CANCEL_SM, _SENDS, _ESME),
    (Command.CANCEL_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.REPLACE_SM, _SENDS, _ESME),
    (Command.REPLACE_SM_RESP, _SENDS | _UNBINDING, _SMSC),
    (Command.ALERT_NOTIFICATION, _RECEIVES, _SMSC),
    # Wider than 2.3, which says bound: carriers probe a connection before its bind, and an
    # unknown command must be answered in any state.
    (Command.ENQUIRE_LINK, _OPEN | _BINDING | BOUND, _BOTH),
    (Command.ENQUIRE_LINK_RESP, _LIVE, _BOTH),
    (Command.GENERIC_NACK, _LIVE, _BOTH),
)


def _sendable(role: Role, state: SessionState) -> frozenset[int]:
    return frozenset(
        int(command) for command, states, roles in OPERATIONS if state in states and role in roles
    )


def _asks_and_answers(role: Role, state: SessionState) -> tuple[frozenset[int], frozenset[int]]:
    commands = _sendable(role, state)
    answers = frozenset(command for command in commands if command & RESPONSE_BIT)
    return commands - answers, answers


def _acceptable(role: Role, state: SessionState) -> frozenset[int]:
    """What the peer may send while we are in ``state``: in UNBINDING it is still bound."""
    peer = Role.SMSC if role is Role.ESME else Role.ESME
    states = BOUND if state is SessionState.UNBINDING else (state,)
    return frozenset().union(*(_sendable(peer, each) for each in states))


MAY_SEND: Final = {(r, s): _asks_and_answers(r, s) for r in Role for s in SessionState}
"""By role and state: the requests we may send, and the responses."""

MAY_RECEIVE: Final = {(r, s): _acceptable(r, s) for r in Role for s in SessionState}
"""By role and state: the requests the peer may send us."""
