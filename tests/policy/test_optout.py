"""What debtors write back: every word and trap of the rules page."""

from __future__ import annotations

import unicodedata

import pytest

from gateway.policy.optout import (
    Choice,
    Help,
    LegalStop,
    Payment,
    Start,
    Stop,
    WrongNumber,
    classify,
    normal,
)

STOPS = (
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "OPT-OUT",
    "REMOVE",
    "BAJA",
    "SALIR",
    "CANCELAR",
    "PARAR",
    "ALTO",
    "DETENER",
    "FIN",
    "ELIMINAR",
    "REMOVER",
    "DESUSCRIBIR",
    "SAIR",
    "PARE",
    "DESCADASTRAR",
    "SUSPENDER",
)


@pytest.mark.parametrize(
    "word", [*STOPS, "STOP ALL", "OPT OUT", "NO MAS", "NO MOLESTAR", "NO ENVIAR"]
)
def test_a_stop_word_alone(word: str) -> None:
    """In any case, with any punctuation."""
    for text in (word, word.lower(), f"  {word.title()}!! ", f'"{word}".', f"¡{word}!"):
        found = classify(text)
        assert isinstance(found, Stop)
        assert not found.inferred


@pytest.mark.parametrize(
    "text",
    ["No más", "NO MÁS", "no mÀs", "no ma\u0301s", "Ｂａｊａ", "B.A.J.A", "b a j a", "BAJA 🙏",
     "ba\u200bja", "«baja»", "S.T.O.P", "stop\n", "DESUSCRIBIR…"],
)  # fmt: skip
def test_accents_case_and_marks(text: str) -> None:
    """As telephones write: GSM's grave accents, decomposed, full width, with emoji."""
    assert isinstance(classify(text), Stop)
    assert isinstance(classify(unicodedata.normalize("NFD", text)), Stop)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("BAJA por favor", "BAJA"),
        ("STOP ya", "STOP"),
        ("salir de esta lista", "SALIR"),
        ("sair da lista agora", "SAIR"),
        ("unsubscribe me now", "UNSUBSCRIBE"),
        ("baja baja baja baja baja", "BAJA"),
    ],
)
def test_a_strong_word_begins_a_short_message(text: str, rule: str) -> None:
    assert classify(text) == Stop("creditor", False, rule)


def test_five_words_are_short_and_six_are_not() -> None:
    assert isinstance(classify("baja uno dos tres cuatro"), Stop)
    assert classify("baja uno dos tres cuatro cinco") is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Por favor no me escriban más", "NO ME ESCRIBAN"),
        ("ya no me manden mensajes", "NO ME MANDEN"),
        ("No quiero recibir esto", "NO QUIERO RECIBIR"),
        ("dejen de molestar", "DEJEN DE"),
        ("no molesten", "NO MOLESTEN"),
        ("Não quero receber mais", "NAO QUERO RECEBER"),
        ("pare de me mandar isso", "PARE DE"),
        ("just leave me alone", "LEAVE ME ALONE"),
        ("Don't text me", "DONT TEXT"),
        ("quiero darme de baja", "DARME DE BAJA"),
        ("Por favor dénme de baja ya, gracias", "DENME DE BAJA"),
        ("deme de baja", "DEME DE BAJA"),
        ("No quiero más mensajes", "NO QUIERO MAS MENSAJES"),
        ("no quiero mas sms de ustedes", "NO QUIERO MAS SMS"),
        ("no me llamen", "NO ME LLAMEN"),
        ("YA NO ME ESCRIBAN!!", "NO ME ESCRIBAN"),
        ("não me mandem mais nada", "NAO ME MANDEM"),
        ("Não me enviem mensagens", "NAO ME ENVIEM"),
    ],
)
def test_a_phrase_is_inferred(text: str, rule: str) -> None:
    assert classify(text) == Stop("creditor", True, rule)


@pytest.mark.parametrize(
    "text",
    [
        "voy a cancelar el viernes",
        "ya cancelé",
        "ya cancele",
        "cancelado",
        "Cancelo mañana",
        "cancelar por favor",
        "quiero cancelar mi deuda",
        "cancelaré el lunes",
    ],
)
def test_cancelar_in_a_sentence_is_paying(text: str) -> None:
    """In most of Latin America "cancelar" is to pay off: it stops only alone."""
    assert isinstance(classify(text), Payment)


@pytest.mark.parametrize(
    "text",
    ["NO", "no", "el fin de mes", "alto ahi", "la baja", "", "?!", "la tasa esta de baja",
     "no me llamo Pedro", "no quiero mas plazo", "sus mensajes no me llegan"],
)  # fmt: skip
def test_what_is_no_stop(text: str) -> None:
    assert classify(text) is None


def test_a_stop_of_all() -> None:
    assert classify("STOP ALL") == Stop("all", False, "STOP ALL")
    assert classify("stopall") == Stop("all", False, "STOPALL")
    assert classify("stop") == Stop("creditor", False, "STOP")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("NUMERO EQUIVOCADO", "NUMERO EQUIVOCADO"),
        ("Número equivocado, gracias", "NUMERO EQUIVOCADO"),
        ("no soy Pedro", "NO SOY"),
        ("No conozco a esa persona", "NO CONOZCO"),
        ("Sorry, wrong number", "WRONG NUMBER"),
        ("é engano", "ENGANO"),
        ("numero errado", "NUMERO ERRADO"),
        ("se equivocó de número", "SE EQUIVOCO DE NUMERO"),
    ],
)
def test_a_wrong_number(text: str, rule: str) -> None:
    assert classify(text) == WrongNumber(rule)


def test_a_fraud_is_no_wrong_number() -> None:
    """``engaño`` is Spanish for a fraud, ``engano`` Portuguese for a wrong number."""
    assert classify("esto es un engaño") is None
    assert classify(unicodedata.normalize("NFD", "esto es un engaño")) is None


def test_two_things_at_once() -> None:
    """A stop says what else was in it: START would open no wrong number and no legal stop."""
    found = classify("Número equivocado, no me escriban")
    assert found == Stop("creditor", True, "NO ME ESCRIBAN", ("wrong_number",))
    found = classify("stop, hable con mi abogado")
    assert found == Stop("creditor", False, "STOP", ("legal",))


@pytest.mark.parametrize(
    "text", ["hable con mi abogado", "estoy en quiebra", "fale com meu advogado", "call my lawyer"]
)
def test_a_lawyer(text: str) -> None:
    assert isinstance(classify(text), LegalStop)


@pytest.mark.parametrize(
    "word",
    ["START", "UNSTOP", "YES", "ALTA", "Sí", "SI", "COMENZAR", "SUSCRIBIR", "INICIAR", "VOLTAR",
     "Sim"],
)  # fmt: skip
def test_start(word: str) -> None:
    assert classify(word) == Start(normal(word))
    assert classify(f"{word} no") is None


@pytest.mark.parametrize("word", ["HELP", "info", "AYUDA", "Ajuda"])
def test_help(word: str) -> None:
    assert isinstance(classify(word), Help)


def test_the_menu_comes_after_the_stops_and_before_start() -> None:
    menu = {"1": "pay", "2": "paid", "Sí": "yes", "BAJA": "never", "no": "no"}
    assert classify(" 1. ", menu) == Choice("pay")
    assert classify("si", menu) == Choice("yes")
    assert classify("NO", menu) == Choice("no")
    assert isinstance(classify("baja", menu), Stop)
    assert classify("3", menu) is None
    assert classify("12/03", menu) is None


def test_digits_that_look_like_letters_only_if_asked() -> None:
    assert classify("5TOP") is None
    assert isinstance(classify("5TOP", letters=True), Stop)
    assert isinstance(classify("B4JA", letters=True), Stop)
    assert classify("1", {"1": "pay"}, letters=True) == Choice("pay")
