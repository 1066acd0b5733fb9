"""The decision as a message's record keeps it: one short text, and what it says."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from gateway.policy.calendar import NEVER
from gateway.policy.decide import Discard, Listed, Outcome, Send, Wait

Word = Literal["send", "wait", "discard"]
ListName = Literal["opt_out", "wrong_number", "legal_stop", "consent"]

WORDS: Final[dict[str, Word]] = {"S": "send", "W": "wait", "D": "discard"}
"""What an outcome is called, by its letter."""


class Packed(NamedTuple):
    """What is kept; zones, profile and law follow from the calendar."""

    at: int
    outcome: Word
    reason: str
    until: int | None
    hash: str
    calendar: str
    counted: int
    listed: int
    detail: str


class Parts(NamedTuple):
    """What an outcome says."""

    word: Word
    reason: str = ""
    until: int | None = None
    """Until when it holds; None: no time ends it."""
    detail: str = ""
    """Of a wait for a cap which one holds; of one that expires what it would have waited for."""


_GOES = Parts("send")


def parts(outcome: Outcome) -> Parts:
    """An outcome in words."""
    if type(outcome) is Send:
        return _GOES if outcome.validity >= NEVER else Parts("send", "", outcome.validity, "")
    match outcome:
        case Wait(until, reason, cap):
            return Parts("wait", reason, None if until is None or until >= NEVER else until, cap)
        case Discard(reason, waits):
            return Parts("discard", reason, None, waits)
    raise TypeError(outcome)


def pack(
    now: int, outcome: Outcome, hash: str, calendar: str, counted: int = 0, listed: int = 0
) -> str:
    """A decision, to be kept in the message's record."""
    if type(outcome) is Send:
        until: int | str | None = outcome.validity if outcome.validity < NEVER else "-"
        return f"{now} S - {until} {hash or '-'} {calendar} {counted} {listed} -"
    word, reason, until, detail = parts(outcome)
    return (
        f"{now} {word[0].upper()} {reason or '-'} {'-' if until is None else until} "
        f"{hash or '-'} {calendar} {counted} {listed} {detail or '-'}"
    )


def calendar_of(text: str) -> str:
    """The calendar of what :func:`pack` made."""
    return text.split(" ", 6)[5]


def unpack(text: str) -> Packed:
    """What :func:`pack` made."""
    at, letter, reason, until, hash, calendar, counted, listed, detail = text.split(" ")
    return Packed(
        int(at),
        WORDS[letter],
        "" if reason == "-" else reason,
        None if until == "-" else int(until),
        "" if hash == "-" else hash,
        calendar,
        int(counted),
        int(listed),
        "" if detail == "-" else detail,
    )


_LISTS: Final[dict[Listed, ListName]] = {
    Listed.OPT_OUT: "opt_out",
    Listed.WRONG_NUMBER: "wrong_number",
    Listed.LEGAL_STOP: "legal_stop",
    Listed.CONSENT: "consent",
}


def lists(listed: int) -> list[ListName]:
    """The names of the lists that a recipient is on."""
    return [_LISTS[one] for one in Listed(listed)]


LIST_OF_REASON: Final[dict[str, tuple[ListName, ...]]] = {
    name: (name,) for name in _LISTS.values() if name != "consent"
}
"""The list that a reason is of."""
