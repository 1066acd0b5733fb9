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


def parts(outcome: Outcome) -> tuple[Word, str, int | None]:
    """An outcome's word, its reason, and until when it holds (None: no time ends it)."""
    match outcome:
        case Send(validity):
            return "send", "", None if validity >= NEVER else validity
        case Wait(until, reason):
            return "wait", reason, None if until is None or until >= NEVER else until
        case Discard(reason):
            return "discard", reason, None


def pack(
    now: int, outcome: Outcome, hash: str, calendar: str, counted: int = 0, listed: int = 0
) -> str:
    """A decision, to be kept in the message's record."""
    word, reason, until = parts(outcome)
    return (
        f"{now} {word[0].upper()} {reason or '-'} {'-' if until is None else until} "
        f"{hash or '-'} {calendar} {counted} {listed}"
    )


def unpack(text: str) -> Packed:
    """What :func:`pack` made."""
    at, letter, reason, until, hash, calendar, counted, listed = text.split(" ")
    return Packed(
        int(at),
        WORDS[letter],
        "" if reason == "-" else reason,
        None if until == "-" else int(until),
        "" if hash == "-" else hash,
        calendar,
        int(counted),
        int(listed),
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
