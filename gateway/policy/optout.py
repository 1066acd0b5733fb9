"""What a debtor's reply asks for: to stop, to start again, "wrong number", a lawyer, help.

Words and their sources are listed in docs/contact-rules.md: the revocation words of the US rule (47
CFR 64.1200(a)(10)), SALIR and CANCELAR of Colombia's CRC, SAIR of Brazil's Anatel, and what
carriers and vendors use. The trap of collections: in most of Latin America "cancelar" is *to pay
off*, so CANCELAR stops alone and never in a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec


class Stop(msgspec.Struct, frozen=True):
    """No more messages."""

    scope: str
    """``creditor``: of this creditor; ``all``: of anyone through this gateway."""
    inferred: bool
    """Understood from a phrase, not said by a keyword: a person may look at it again."""
    rule: str
    """The word or phrase that matched."""
    also: tuple[str, ...] = ()
    """What else it says: ``wrong_number``, ``legal``."""


class Start(msgspec.Struct, frozen=True):
    """Messages again. It opens the channel alone, no legal stop and no wrong number."""

    rule: str


class WrongNumber(msgspec.Struct, frozen=True):
    """The number is not the debtor's: nothing of the debt may be told to it."""

    rule: str


class LegalStop(msgspec.Struct, frozen=True):
    """A lawyer or an insolvency is named: to be held, and looked at by a person."""

    rule: str


class Payment(msgspec.Struct, frozen=True):
    """A promise or a claim of payment, in words that could be taken for a stop."""

    rule: str


class Help(msgspec.Struct, frozen=True):
    """Who is this?"""

    rule: str


class Choice(msgspec.Struct, frozen=True):
    """An entry of the campaign's menu."""

    key: str


Meaning = Stop | Start | WrongNumber | LegalStop | Payment | Help | Choice


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(","))


STOPS: Final = _words(
    # English
    "STOP, STOPALL, STOP ALL, UNSUBSCRIBE, CANCEL, END, QUIT, REVOKE, OPT OUT, OPTOUT, REMOVE,"
    # Spanish
    "BAJA, SALIR, CANCELAR, PARAR, ALTO, DETENER, FIN, ELIMINAR, REMOVER, DESUSCRIBIR, NO MAS,"
    "NO MOLESTAR, NO ENVIAR,"
    # Portuguese
    "SAIR, PARE, DESCADASTRAR, SUSPENDER"
)
"""Stop when they are the whole message. NO is not among them: it answers a question."""
STOPS_ALL: Final = _words("STOPALL, STOP ALL")
STRONG: Final = _words("STOP, BAJA, SALIR, SAIR, UNSUBSCRIBE")
"""Stop as the first word of a short message."""
SHORT: Final = 5
STARTS: Final = _words("START, UNSTOP, YES, ALTA, SI, COMENZAR, SUSCRIBIR, INICIAR, VOLTAR, SIM")
HELPS: Final = _words("HELP, INFO, AYUDA, AJUDA")

STOP_PHRASES: Final = (
    "NO ME ESCRIBAN",
    "NO ME MANDEN",
    "NO ME ENVIEN",
    "NO ME CONTACTEN",
    "NO ME MOLESTEN",
    "NO ME LLAMEN",
    "NO QUIERO RECIBIR",
    "NO QUIERO MAS MENSAJES",
    "NO QUIERO MAS SMS",
    "DARME DE BAJA",
    "DENME DE BAJA",
    "DEME DE BAJA",
    "DEJEN DE",
    "NO MOLESTEN",
    "NAO QUERO RECEBER",
    "NAO ME MANDEM",
    "NAO ME ENVIEM",
    "PARE DE",
    "PAREM DE",
    "LEAVE ME ALONE",
    "STOP TEXTING",
    "DO NOT TEXT",
    "DONT TEXT",
)
WRONG_PHRASES: Final = (
    "NUMERO EQUIVOCADO",
    "NUMERO INCORRECTO",
    "EQUIVOCADO DE NUMERO",
    "SE EQUIVOCO DE NUMERO",
    "SE EQUIVOCARON DE NUMERO",
    "NO SOY",
    "NO CONOZCO",
    "WRONG NUMBER",
    "NUMERO ERRADO",
    "NAO SOU",
    "NAO CONHECO",
)
LEGAL_PHRASES: Final = (
    "MI ABOGADO",
    "MI ABOGADA",
    "MEU ADVOGADO",
    "MINHA ADVOGADA",
    "MY ATTORNEY",
    "MY LAWYER",
    "BANKRUPTCY",
    "QUIEBRA",
    "INSOLVENCIA",
    "LIQUIDACION VOLUNTARIA",
    "CONCURSO DE ACREEDORES",
)
PAYING: Final = re.compile(r"\b(?:CANCEL(?:AR|E|O|A|AD|AND|AM|ARE|ARI)\w*)\b")
"""Every form of "cancelar"; the English CANCEL is none."""

JOINED: Final = str.maketrans("", "", "'’‘`´\"“”«»")
LETTERS: Final = str.maketrans("0134578", "OIEASTB")
"""Digits that stand for letters, where the configuration says so: 5TOP."""


def normal(text: str, *, letters: bool = False) -> str:
    """Upper case without accents, quotes and punctuation, words one space apart."""
    plain = unicodedata.normalize("NFKC", text).translate(JOINED).upper()
    if letters:
        plain = " ".join(
            word if word.isdigit() else word.translate(LETTERS) for word in plain.split()
        )
    bare = unicodedata.normalize("NFD", plain)
    kept = (
        c if c.isalnum() else " " for c in bare if unicodedata.category(c) not in ("Mn", "Cf", "Me")
    )
    words = "".join(kept).split()
    if len(words) > 2 and all(len(word) == 1 and word.isalpha() for word in words):
        return "".join(words)  # B.A.J.A
    return " ".join(words)


def _said(phrases: Iterable[str], words: str) -> str:
    """The first phrase that is in the words, whole; or empty."""
    padded = f" {words} "
    return next((phrase for phrase in phrases if f" {phrase} " in padded), "")


def classify(
    text: str, menu: Mapping[str, str] | None = None, *, letters: bool = False
) -> Meaning | None:
    """What a reply means, or None: nothing that these rules know.

    ``menu`` is the campaign's, from words to choices: asked after every rule that stops, and before
    START and HELP. ``letters`` reads digits as the letters that they look like.
    """
    words = normal(text, letters=letters)
    found = _stop(words, text) or _other_stop(words, text)
    if found is not None:
        return found
    for word, key in (menu or {}).items():
        if normal(word) == words:
            return Choice(key)
    if words in STARTS:
        return Start(words)
    return Help(words) if words in HELPS else None


def _stop(words: str, text: str) -> Stop | None:
    if words in STOPS:
        return Stop("all" if words in STOPS_ALL else "creditor", False, words)
    also = tuple(
        name
        for name, said in (("wrong_number", _wrong(words, text)), ("legal", _legal(words)))
        if said
    )
    first, *others = words.split() or [""]
    if first in STRONG and len(others) < SHORT:
        return Stop("creditor", False, first, also)
    phrase = _said(STOP_PHRASES, words)
    return Stop("creditor", True, phrase, also) if phrase else None


def _other_stop(words: str, text: str) -> Meaning | None:
    legal = _legal(words)
    if legal:
        return LegalStop(legal)
    wrong = _wrong(words, text)
    if wrong:
        return WrongNumber(wrong)
    paying = PAYING.search(words)
    return Payment(paying[0]) if paying else None


def _legal(words: str) -> str:
    return _said(LEGAL_PHRASES, words)


def _wrong(words: str, text: str) -> str:
    """``engano`` is Portuguese for a wrong number; ``engaño`` is Spanish for a fraud."""
    found = _said(WRONG_PHRASES, words)
    if not found and _said(("ENGANO",), words):
        spanish = unicodedata.normalize("NFC", text).upper()
        return "" if "ENGAÑO" in spanish else "ENGANO"
    return found
