"""Statuses and receipt words as a script writes them, and their numbers on the wire."""

from __future__ import annotations

from gateway.smpp.pdu import Status

OK = 0

_STATUSES = {status.name: int(status) for status in Status}

MESSAGE_STATES: dict[str, int] = {
    "SCHEDLD": 0,
    "ENROUTE": 1,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
}
"""The TLV message_state (SMPP 3.4, 5.2.28); a word that is not here is written as UNKNOWN."""


def status_code(word: str | int) -> int:
    """The number of a command_status: ``"ESME_RTHROTTLED"``, ``"0x0400"``, ``"88"`` or ``88``.

    Raises ValueError with what is allowed.
    """
    code = word if isinstance(word, int) else _read_status(word)
    if not 0 <= code <= 0xFFFF_FFFF:
        raise ValueError(f"{word!r} is not a status: it needs four octets at most")
    return code


def _read_status(word: str) -> int:
    if word in _STATUSES:
        return _STATUSES[word]
    try:
        return int(word, 0)
    except ValueError:
        raise ValueError(f"{word!r} is not a status: a name of SMPP 3.4 or a number") from None
