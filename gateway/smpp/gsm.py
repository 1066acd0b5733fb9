"""The GSM 7-bit alphabets of 3GPP TS 23.038: characters to septets and back, at C speed.

A septet travels as one octet (SMPP packs nothing; the SMSC does). A character of the extension
table is the escape septet 0x1B and one more, so it costs two.
"""

from __future__ import annotations

import re
from codecs import charmap_decode, latin_1_encode
from collections.abc import Mapping
from functools import lru_cache

ESCAPE = 0x1B

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""TS 23.038, 6.2.1: the default alphabet, by septet. 0x09 is a capital Ç."""

EXTENSION: Mapping[int, str] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""TS 23.038, 6.2.1.1: the default extension table, by the septet after the escape."""

TURKISH, SPANISH, PORTUGUESE = 1, 2, 3
"""TS 23.038, 6.2.1.2.4: national language identifiers, as the user-data header has them."""

SINGLE_SHIFT: Mapping[int, Mapping[int, str]] = {
    TURKISH: dict(EXTENSION)
    | {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    SPANISH: dict(EXTENSION)
    | {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú"}
    | {0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
    PORTUGUESE: dict(EXTENSION)
    | {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x1F: "Ê"}
    | {0x12: "Φ", 0x13: "Γ", 0x15: "Ω", 0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ"}
    | {0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ"}
    | {0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
}
"""TS 23.038, A.2.1 to A.2.3: what stands in place of the extension table."""

LOCKING_SHIFT: Mapping[int, str] = {
    TURKISH: (
        "@£$¥€éùıòÇ\nĞğ\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bŞşßÉ"
        " !\"#¤%&'()*+,-./0123456789:;<=>?"
        "İABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
        "çabcdefghijklmnopqrstuvwxyzäöñüà"
    ),
    PORTUGUESE: (
        "@£$¥êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ"
        " !\"#º%&'()*+,-./0123456789:;<=>?"
        "ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§"
        "~abcdefghijklmnopqrstuvwxyzãõ`üà"
    ),
}
"""TS 23.038, A.3.1 and A.3.3: what stands in place of the default alphabet. Spanish has none."""

_NONE = 0x80 | ESCAPE  # "not in this alphabet": no extension has a character there
_SEPTETS = bytes(range(0x80))
_HOLE = "\ufffe"  # "no such octet" to a charmap codec
_CONTROLS = "".join(map(chr, range(0x80, 0xA0)))  # C1: in no GSM alphabet
_CONTROL = re.compile(f"[{_CONTROLS}]")
_PAIR = re.compile(r"\x1b(.?)", re.DOTALL)


class Alphabet:
    """One basic table and one extension table, compiled for both directions.

    Encoding goes by way of *marks*: a septet of the basic table is itself, a character of the
    extension is one octet, 0x80 + its septet. A text without marks, nearly every one, is done
    after one table look-up in C. Latin-1 has all of the alphabet but € and the Greek capitals:
    these borrow the codes of the C1 controls for the look-up.
    """

    __slots__ = ("_decoding", "_extension", "_lent", "_narrow", "_pairs", "_wide")

    def __init__(self, basic: str, extension: Mapping[int, str]) -> None:
        marks = {char: 0x80 | septet for septet, char in extension.items()}
        # What both tables have takes one septet.
        marks |= {char: septet for septet, char in enumerate(basic) if septet != ESCAPE}
        self._lent = list(zip((c for c in marks if c > "\xff"), _CONTROLS, strict=False))
        self._narrow = _table(marks)
        self._wide = _table(marks | {control: marks[char] for char, control in self._lent})
        self._pairs = {0x80 | septet: bytes((ESCAPE, septet)) for septet in extension}
        self._decoding = basic + _HOLE * (0x100 - len(basic))
        self._extension = {basic[septet]: char for septet, char in extension.items()}

    def encode(self, text: str) -> bytes | None:
        """The septets of ``text``, one an octet; None if a character is not in this alphabet."""
        try:
            octets = latin_1_encode(text)[0].translate(self._narrow)
        except UnicodeEncodeError:
            return self._encode_wide(text)
        return octets if octets.isascii() else self._expand(octets)

    def decode(self, octets: bytes) -> str:
        """The text of septets, one an octet. Total: what means nothing is U+FFFD.

        An unknown pair shows the basic table's character, two escapes a space (6.2.1.1).
        """
        text = charmap_decode(octets, "replace", self._decoding)[0]
        return _PAIR.sub(self._unescape, text) if ESCAPE in octets else text

    def _encode_wide(self, text: str) -> bytes | None:
        if _CONTROL.search(text):
            return None
        for char, control in self._lent:
            if char in text:
                text = text.replace(char, control)
        try:
            return self._expand(latin_1_encode(text)[0].translate(self._wide))
        except UnicodeEncodeError:
            return None

    def _expand(self, marked: bytes) -> bytes | None:
        for mark in set(marked.translate(None, _SEPTETS)):
            if mark == _NONE:
                return None
            marked = marked.replace(bytes((mark,)), self._pairs[mark])
        return marked

    def _unescape(self, pair: re.Match[str]) -> str:
        char = pair[1]
        if char == "\x1b":
            return " "
        return self._extension.get(char, char) or "\ufffd"


def _table(marks: Mapping[str, int]) -> bytes:
    return bytes(marks.get(chr(code), _NONE) for code in range(0x100))


DEFAULT = Alphabet(BASIC, EXTENSION)


@lru_cache(maxsize=64)
def alphabet(locking: int, single: int) -> Alphabet:
    """The alphabet under a locking and a single shift table; 0, or one not known: the default.

    TS 23.040, 9.2.3.24.15 and 9.2.3.24.16: an identifier that is not known is ignored.
    """
    basic = LOCKING_SHIFT.get(locking, BASIC)
    extension = SINGLE_SHIFT.get(single, EXTENSION)
    return Alphabet(basic, extension)


CHARACTERS = frozenset(BASIC) - {"\x1b"} | frozenset(EXTENSION.values())
"""All that GSM 7-bit has, by default."""

_IN = {
    "gsm7": CHARACTERS,
    "latin1": frozenset(char for char in CHARACTERS if char <= "\xff"),
    "ascii": frozenset(char for char in CHARACTERS if char.isascii()),
}


def characters(alphabet: str) -> frozenset[str]:
    """What of :data:`CHARACTERS` a carrier takes that writes GSM 7-bit so: gsm7, latin1, ascii."""
    return _IN[alphabet]
