"""What a text costs and why: the characters that make it expensive, and an equal one that is cheap.

*Equal* is what reads the same: the transliteration (3GPP TS 23.038 has no accents for í or ã), and,
where that alone does not save a segment, no space at the ends and round brackets for square and
curly ones, which take two septets; never within a word that has a colon or a slash, as links have.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from gateway.smpp import gsm
from gateway.smpp.text import (
    MAX_SEGMENTS,
    Measure,
    TextError,
    measure,
    transliterate,
    unit_count,
    units_left,
)

MOST_CHARACTERS: Final = MAX_SEGMENTS * 153
"""No longer text fits 255 segments in any encoding."""
MOST_PLACES: Final = 100
"""Places that are told of one character."""

BRACKETS: Final = {"[": "(", "]": ")", "{": "(", "}": ")", "\f": "\n"}
_WORD: Final = re.compile(r"\S+|\f")
_BRACKETS_TABLE: Final = str.maketrans(BRACKETS)


class Expensive(msgspec.Struct, frozen=True):
    """A character that costs more than one unit, or brings an encoding of larger units.

    ``why`` is ``encoding`` where it is not in the default alphabet (as the carrier takes it), so
    that the text needs UCS-2 or a national table; else ``pair``: it takes two units.
    ``becomes`` is its plain form, "" if it would go; None if there is none.
    """

    character: str
    why: str
    units: int
    """That each takes in the encoding of the text."""
    count: int
    places: list[int]
    """Where, in characters from 0; the first :data:`MOST_PLACES`."""
    becomes: str | None


class Cheapest(msgspec.Struct, frozen=True):
    """An equal text in GSM 7-bit; ``changes`` and ``warnings`` as of a transliteration."""

    text: str
    measure: Measure
    left: int
    """Units that its last segment has room for."""
    changes: list[tuple[str, str]]
    warnings: list[str]


def expensive(text: str, encoding: str, alphabet: str = "gsm7") -> list[Expensive]:
    """The expensive characters of ``text`` as first met; ``encoding`` as measured."""
    known = gsm.characters(alphabet)
    places: dict[str, list[int]] = {}
    for at, char in enumerate(text):
        places.setdefault(char, []).append(at)
    found = []
    for char, where in places.items():
        units = unit_count(char, encoding)
        if char in known and units == 1:
            continue
        found.append(
            Expensive(
                char,
                "pair" if char in known else "encoding",
                units,
                len(where),
                where[:MOST_PLACES],
                _becomes(char, alphabet),
            )
        )
    return found


def _becomes(char: str, alphabet: str) -> str | None:
    if char in BRACKETS:
        return BRACKETS[char]
    told = transliterate(char, alphabet)
    return None if told.warnings or told.text == char else told.text


def cheapest(
    text: str, measured: Measure, long: str = "udh16", alphabet: str = "gsm7"
) -> Cheapest | None:
    """The equal text in GSM 7-bit of fewest segments; None if it is empty or costs more."""
    told = transliterate(text, alphabet)
    best = _count(told.text, told.changes, told.warnings, long, alphabet)
    if best is not None and best.measure.segments > 1:
        tight = _WORD.sub(_round, told.text.strip())
        rounded = [c for c in BRACKETS if told.text.count(c) > tight.count(c)]
        changes = [*told.changes, *((char, BRACKETS[char]) for char in rounded)]
        other = _count(tight, changes, told.warnings, long, alphabet)
        if other is not None and other.measure.segments < best.measure.segments:
            best = other
    if best is None or best.measure.segments > measured.segments:
        return None
    return best


def _round(word: re.Match[str]) -> str:
    found = word[0]
    return found if ":" in found or "/" in found else found.translate(_BRACKETS_TABLE)


def _count(
    text: str, changes: list[tuple[str, str]], warnings: list[str], long: str, alphabet: str
) -> Cheapest | None:
    if not text or text.isspace():
        return None
    try:
        found = measure(text, "gsm7", long, alphabet)
    except TextError:
        return None
    return Cheapest(text, found, units_left(text, "gsm7", long), changes, warnings)
