"""Spanish and Portuguese texts in GSM 7-bit: what becomes of the characters that are not in it.

One "í" makes a text UCS-2, 70 characters a segment instead of 160. What GSM 7-bit has is kept:
é É ñ Ñ ü Ü ¿ ¡ and à; ñ never becomes n ("año", "ano"). Only for a carrier that takes Latin-1 or
ASCII alone, what it has not goes too, ñ among it, and a word that becomes another is told.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

import msgspec

from gateway.smpp import gsm

_THIN_SPACES: Final = "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_INVISIBLE: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufe0e\ufe0f"

TABLE: Final[dict[str, str]] = {
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚‛´`′‹›", "'"),
    **dict.fromkeys("–—―‐‑‒−", "-"),
    **dict.fromkeys(_THIN_SPACES, " "),
    **dict.fromkeys(_INVISIBLE, ""),
    "…": "...",
    "•": "*",
    "·": ".",
    "º": "o",
    "ª": "a",
    "°": "o",
    "©": "(c)",
    "®": "(r)",
    "×": "x",
    "⁄": "/",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "œ": "oe",
    "Œ": "OE",
    "ı": "i",
}
"""Typography, and letters that Unicode does not decompose. Accents need no table: NFKD has them."""

NARROW: Final[dict[str, str]] = {
    **dict.fromkeys("¿¡", ""),
    "€": "EUR",
    "ß": "ss",
    "æ": "ae",
    "Æ": "AE",
    "ø": "o",
    "Ø": "O",
}
"""What GSM 7-bit has and Latin-1 or ASCII may lack; accents, again, NFKD has."""

AMBIGUOUS: Final = frozenset(
    {"más", "está", "estás", "están", "esté", "sí", "qué", "él", "tú", "mí", "dé", "sé", "té"}
    | {"año", "años"}  # in ASCII alone
    | {"aún", "sólo", "cómo", "cuándo", "dónde", "cuánto", "quién", "cuál", "ésta", "ésa"}
)
"""Words that are other words without their accent."""

_FIRST_OR_THIRD: Final = re.compile(r"\w*[^\Wi]ó|\w+r(?:á|ás|án)")
"""pagó / pago (he paid, I pay), pagará / pagara (will pay, paid)."""

_WORD: Final = re.compile(r"\w+")
_SPACES: Final = re.compile(r"  +")


class Transliterated(msgspec.Struct, frozen=True):
    """``changes`` are (from, to), each once, as first met; ``warnings`` are sentences.

    Composing what came decomposed ("e" and U+0301 to "é") is not counted as a change.
    """

    text: str
    changes: list[tuple[str, str]]
    warnings: list[str]


def transliterate(text: str, alphabet: str = "gsm7") -> Transliterated:
    """``text`` in characters of GSM 7-bit alone, and what that changed.

    ``alphabet`` ``latin1`` or ``ascii``: in those that are in this, too.
    Typography becomes its plain form, accents that GSM 7-bit lacks go, emoji go, runs of spaces
    become one; what has no plain form goes with a warning. A text of nothing else becomes empty.
    """
    known = gsm.characters(alphabet)
    if (
        "  " not in text
        and gsm.DEFAULT.encode(text) is not None
        and (alphabet == "gsm7" or known.issuperset(text))
    ):
        return Transliterated(text, [], [])
    composed = unicodedata.normalize("NFC", text)
    plain = {c: _plain(c, alphabet) for c in dict.fromkeys(composed) if c not in known}
    changes = {char: becomes or "" for char, becomes in plain.items()}
    result = composed.translate({ord(char): becomes for char, becomes in changes.items()})
    warnings = [_dropped(char) for char, becomes in plain.items() if becomes is None]
    warnings += _doubtful_words(composed, changes)
    if "  " in result:
        result = _SPACES.sub(" ", result)
        changes["  "] = " "
    return Transliterated(result, list(changes.items()), warnings)


def _dropped(char: str) -> str:
    return f"{char!r} (U+{ord(char):04X}) has no plain form and was dropped"


@lru_cache(maxsize=4096)
def _plain(char: str, alphabet: str) -> str | None:
    """What stands for ``char``, "" if it goes unsaid; None if nothing does and it must be said."""
    if char in TABLE:
        return TABLE[char]
    if char in NARROW:
        return NARROW[char]
    known = gsm.characters(alphabet)
    parts = unicodedata.normalize("NFKD", char)
    kept = "".join(TABLE.get(part, part) for part in parts)
    kept = "".join(part for part in kept if part in known)
    return kept or ("" if _is_decoration(char) else None)


def _is_decoration(char: str) -> bool:
    """Emoji and their modifiers, and marks whose letter stays."""
    return (
        unicodedata.category(char) in ("So", "Mn", "Me")
        or 0x1F3FB <= ord(char) <= 0x1F3FF
        or 0xE0020 <= ord(char) <= 0xE007F
    )


def _doubtful_words(text: str, changes: dict[str, str]) -> list[str]:
    table = {ord(char): becomes for char, becomes in changes.items()}
    return [
        f"{word!r} became {word.translate(table)!r}, which may read as another word"
        for word in dict.fromkeys(_WORD.findall(text))
        if not changes.keys().isdisjoint(word) and _doubtful(word.lower())
    ]


def _doubtful(word: str) -> bool:
    return word in AMBIGUOUS or _FIRST_OR_THIRD.fullmatch(word) is not None
