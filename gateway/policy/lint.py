"""What a text must not say, and what it must, by a country's file: findings, no decision.

Texts are compared without accents and case, by whole words, so that "extrajudicial" is not
"judicial". A phrase that is innocent ("sin embargo") is named beside the words that it has. Every
look is a split into words and a look into a set: nothing of a configuration is a pattern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal, NamedTuple

Action = Literal["warn", "refuse"]
Phrase = tuple[bytes, ...]

COMPANY_FORMS: Final = frozenset(
    b"sa s a spa sac saa sas srl ltda cv de c v eirl eireli sl slu inc llc ltd corp me".split()
)
"""Words at the end of a creditor's name that a text need not have: "S.A. de C.V."."""


class Finding(NamedTuple):
    """One thing about a text."""

    word: str
    """What kind: the name of a list of words, or ``creditor``, ``opt_out``, ``capitals``."""
    what: str
    """The words of the text, or what is missing."""
    where: int
    """In characters from 0; -1: nowhere, it is missing."""
    refuse: bool = False
    law: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Words and phrases that a text must not have."""

    name: str
    does: Action
    words: tuple[str, ...]
    but: tuple[str, ...] = ()
    """Phrases in which they are innocent."""
    law: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Something that a text must have: one of ``words``; of a creditor, its name."""

    does: Action
    words: tuple[str, ...] = ()
    law: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capitals:
    """A text shouts when so great a part of its letters are capitals, of so many at least."""

    does: Action
    share: float = 0.7
    letters: int = 25


@dataclass(frozen=True, kw_only=True)
class Lint:
    """A country's rules about texts, ready to be asked."""

    lists: tuple[Words, ...] = ()
    creditor: Missing | None = None
    opt_out: Missing | None = None
    capitals: Capitals | None = None
    _telling: frozenset[bytes] = field(init=False, repr=False, compare=False)
    """The longest word of each phrase: without any of them a text has none."""
    _phrases: dict[bytes, list[tuple[Phrase, Words]]] = field(init=False, repr=False, compare=False)
    _innocent: dict[bytes, list[Phrase]] = field(init=False, repr=False, compare=False)
    _opt_out: frozenset[bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        phrases: dict[bytes, list[tuple[Phrase, Words]]] = {}
        innocent: dict[bytes, list[Phrase]] = {}
        for words in self.lists:
            for phrase in map(phrase_of, words.words):
                phrases.setdefault(phrase[0], []).append((phrase, words))
            for phrase in map(phrase_of, words.but):
                innocent.setdefault(phrase[0], []).append(phrase)
        for found in phrases.values():
            found.sort(key=lambda one: -len(one[0]))  # the longest that fits is told
        for name, value in (
            ("_phrases", phrases),
            ("_innocent", innocent),
            ("_telling", frozenset(max(p, key=len) for rows in phrases.values() for p, _ in rows)),
            ("_opt_out", frozenset(map(joined, self.opt_out.words)) if self.opt_out else ()),
        ):
            object.__setattr__(self, name, value)

    def all(self, does: Action) -> Lint:
        """The same rules, of which each does this."""
        return Lint(
            lists=tuple(replace(one, does=does) for one in self.lists),
            creditor=replace(self.creditor, does=does) if self.creditor else None,
            opt_out=replace(self.opt_out, does=does) if self.opt_out else None,
            capitals=replace(self.capitals, does=does) if self.capitals else None,
        )


def lint(text: str, rules: Lint, creditor: str = "") -> tuple[Finding, ...]:
    """What the rules find in a text that is about a debt to ``creditor`` (empty: not told)."""
    try:
        octets = text.encode("latin-1")
    except UnicodeEncodeError:
        octets = _FOREIGN.sub(_latin, text).encode("latin-1")
    plain = b" %b " % octets.translate(_FOLDED, _SOFT)
    words = plain.split()
    found: tuple[Finding, ...] = ()
    if not rules._telling.isdisjoint(words):
        found = _words_found(text, words, rules)
    asked = rules.creditor
    if asked is not None and not (creditor and _has(plain, words, _name(creditor))):
        found += (Finding("creditor", creditor, -1, asked.does == "refuse", asked.law),)
    asked = rules.opt_out
    if asked is not None and not any(_has(plain, words, one) for one in rules._opt_out):
        told = ", ".join(asked.words)
        found += (Finding("opt_out", told, -1, asked.does == "refuse", asked.law),)
    shouts = rules.capitals
    if shouts is not None:
        capitals = len(octets) - len(octets.translate(None, _CAPITALS))
        if capitals >= shouts.letters * shouts.share and _shouts(octets, capitals, shouts):
            found += (Finding("capitals", "", -1, shouts.does == "refuse"),)
    return found


def _first_part(char: str) -> str:
    plain = unicodedata.normalize("NFKD", char.lower())[0]
    return plain if plain.isascii() and plain.isalnum() else " "


_SOFT: Final = b"\xad"
"""The soft hyphen is not seen, and cuts no word."""
_FOLDED: Final = "".join(_first_part(chr(code)) for code in range(256)).encode()
"""Latin-1 to letters without accents and case, digits, and space for all the rest."""
_CAPITALS: Final = bytes(code for code in range(256) if chr(code).isupper())
_SMALL: Final = bytes(code for code in range(256) if chr(code).islower())
_FOREIGN: Final = re.compile("[^\x00-\xff]")


def _latin(found: re.Match[str]) -> str:
    return latin(found[0])


@lru_cache(4096)
def latin(char: str) -> str:
    """A character that is not Latin-1, in it: accents alone and what has no width go."""
    parts = unicodedata.normalize("NFKD", char)
    seen = (part for part in parts if unicodedata.category(part) not in ("Mn", "Cf"))
    return "".join(part if part <= "\xff" else " " for part in seen)


def phrase_of(text: str) -> Phrase:
    """A phrase's words, as they are compared."""
    return tuple(_FOREIGN.sub(_latin, text).encode("latin-1").translate(_FOLDED, _SOFT).split())


@lru_cache(4096)
def joined(text: str) -> bytes:
    """A phrase as one, with a space at each end."""
    return b" %b " % b" ".join(phrase_of(text))


@lru_cache(4096)
def _name(creditor: str) -> bytes:
    """A creditor's name as texts must have it: without its company's form."""
    words = list(phrase_of(creditor))
    while len(words) > 1 and words[-1] in COMPANY_FORMS:
        words.pop()
    return b" %b " % b" ".join(words)


def _has(plain: bytes, words: list[bytes], phrase: bytes) -> bool:
    """Whether the words are there in their order; nearly always they are one space apart."""
    return phrase in plain or phrase in b" %b " % b" ".join(words)


def _shouts(octets: bytes, capitals: int, rule: Capitals) -> bool:
    letters = capitals + len(octets) - len(octets.translate(None, _SMALL))
    return letters >= rule.letters and capitals >= letters * rule.share


def _words_found(text: str, words: Sequence[bytes], rules: Lint) -> tuple[Finding, ...]:
    """Each phrase once, where it is first."""
    innocent = _covered(words, rules._innocent)
    found: dict[Phrase, tuple[int, Words]] = {}
    at = 0
    while at < len(words):
        phrase, rule = _phrase_at(words, at, rules._phrases)
        if rule is None or not innocent.isdisjoint(range(at, at + len(phrase))):
            at += 1
            continue
        found.setdefault(phrase, (at, rule))
        at += len(phrase)
    if not found:
        return ()
    spans = _spans(text)
    return tuple(
        Finding(rule.name, text[spans[at][0] : spans[at + len(phrase) - 1][1]], spans[at][0],
                rule.does == "refuse", rule.law)
        for phrase, (at, rule) in found.items()
    )  # fmt: skip


def _phrase_at(
    words: Sequence[bytes], at: int, phrases: dict[bytes, list[tuple[Phrase, Words]]]
) -> tuple[Phrase, Words | None]:
    for phrase, rule in phrases.get(words[at], ()):
        if tuple(words[at : at + len(phrase)]) == phrase:
            return phrase, rule
    return (), None


def _covered(words: Sequence[bytes], innocent: dict[bytes, list[Phrase]]) -> set[int]:
    """The places of words that belong to an innocent phrase."""
    covered: set[int] = set()
    for at, word in enumerate(words):
        for phrase in innocent.get(word, ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                covered.update(range(at, at + len(phrase)))
    return covered


def _spans(text: str) -> list[tuple[int, int]]:
    """Where each word of a text begins and ends."""
    spans: list[tuple[int, int]] = []
    within = False
    for place, char in enumerate(text):
        octets = (latin(char) if char > "\xff" else char).encode("latin-1")
        for octet in octets.translate(_FOLDED, _SOFT):
            if octet != 0x20 and not within:
                spans.append((place, place + 1))
            elif octet != 0x20:
                spans[-1] = (spans[-1][0], place + 1)
            within = octet != 0x20
    return spans
