"""What is found in texts: the countries' own words, and what only looks like them."""

from __future__ import annotations

import pytest

from gateway import policies
from gateway.policy.lint import Capitals, Finding, Lint, Missing, Words, lint

RULES = {policy.country: policy.lint for policy in policies.load().policies}


def words(country: str, text: str, creditor: str = "Banco Ejemplo") -> list[tuple[str, str]]:
    """What a country's file finds, without what is missing."""
    rules = RULES[country]
    assert rules is not None
    found = lint(text, rules, creditor)
    return [(one.word, one.what) for one in found if one.word not in ("creditor", "opt_out")]


@pytest.mark.parametrize(
    ("country", "text", "found"),
    [
        # Chile: nothing that is, seems or refers to a court writing; no DICOM.
        ("CL", "Evite una demanda: pague hoy.", ("judicial", "demanda")),
        ("CL", "Se iniciará JUICIO en su contra.", ("judicial", "JUICIO")),
        ("CL", "Notificación del 3er Juzgado Civil", ("judicial", "Juzgado")),
        ("CL", "Su caso está en los Tribunales.", ("judicial", "Tribunales")),
        ("CL", "Orden de embargo en curso", ("judicial", "embargo")),
        ("CL", "Cobranza judicial desde el lunes", ("judicial", "judicial")),
        ("CL", "Iniciaremos ACCIONES  LEGALES.", ("judicial", "ACCIONES  LEGALES")),
        ("CL", "Habrá ejecución de sus bienes", ("judicial", "ejecución de sus bienes")),
        ("CL", "Pague y salga de dicom.", ("registry", "dicom")),
        ("CL", "Publicado en el Boletín Comercial", ("registry", "Boletín Comercial")),
        ("CL", "La cárcel espera a quien no paga", ("threat", "cárcel")),
        # Accents of their own, soft hyphens and signs without width hide nothing.
        ("CL", "Un jui\u200bcio le espera", ("judicial", "jui\u200bcio")),
        ("CL", "Un jui\xadcio le espera", ("judicial", "jui\xadcio")),
        ("CL", "Ira a la ca\u0301rcel \u2026", ("threat", "ca\u0301rcel")),
        ("CL", "\U0001f600 \uff24\uff29com", ("registry", "\uff24\uff29com")),
        ("MX", "Un actuario lo visitará", ("judicial", "actuario")),
        ("MX", "Cuide su Buró de Crédito", ("registry", "Buró de Crédito")),
        ("CO", "Reporte a Datacrédito", ("registry", "Datacrédito")),
        ("PE", "Notificación Judicial N. 4", ("judicial", "Judicial")),
        ("PE", "Lo reportaremos a INFOCORP", ("registry", "INFOCORP")),
        ("EC", "Proceso de coactiva", ("judicial", "coactiva")),
        ("AR", "Figura en el Veraz", ("registry", "Veraz")),
        ("AR", "Lo intimamos: irá a juicio", ("judicial", "juicio")),
        ("BR", "Ajuizamento de ação de cobrança", ("judicial", "Ajuizamento")),
        ("BR", "Seu CPF vai para o SERASA", ("registry", "SERASA")),
        ("BR", "Evite a PENHORA e a prisão", ("threat", "prisão")),
        ("ES", "Será incluido en ASNEF", ("registry", "ASNEF")),
        ("US", "You will be arrested today", ("threat", "arrested")),
        ("US", "We filed a lawsuit", ("judicial", "lawsuit")),
    ],
)  # fmt: skip
def test_a_country_finds(country: str, text: str, found: tuple[str, str]) -> None:
    """Its words, in any case, with or without accents, as the text has them."""
    assert found in words(country, text)


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("CL", "Su cuota vence hoy. Sin embargo, puede pagar el viernes."),
        ("CL", "Cobranza extrajudicial de Banco Ejemplo: su cuota vence hoy."),
        ("CL", "Este mensaje no es un procedimiento de ejecución de bienes."),
        ("CL", "Esta gestión no es judicial y no persigue la ejecución de sus bienes."),
        ("CL", "Por la alta demanda de nuestras oficinas, atendemos de 9 a 14."),
        ("CL", "Si a su juicio el monto no es correcto, llame al 600 123 4567."),
        ("CL", "Pague en Embargomotors o en Demandalibre, prejuicios aparte."),
        (
            "CL",
            "Estimada MARÍA JOSÉ GONZÁLEZ PÉREZ: BANCO EJEMPLO le recuerda su cuota de $45.990.",
        ),
        ("CL", "OK. PAGO RECIBIDO. GRACIAS."),
        ("MX", "ESTIMADO JUAN: su pago de $1,200.00 MXN a BANCO EJEMPLO SA DE CV vence el 15/03."),
        ("AR", "Le damos información veraz sobre su cuenta."),
        ("PE", "Su cuota de S/ 120 vence hoy. Yape 987654321."),
        ("BR", "Olá JOÃO, sua parcela de R$ 89,90 vence hoje. Banco Exemplo."),
        ("ES", "Su recibo de 45 € vence mañana — Banco Ejemplo."),
        ("US", "Su fecha de corte es el 12."),
    ],
)
def test_a_country_lets_be(country: str, text: str) -> None:
    """The same letters in other words, innocent phrases, names and amounts in capitals."""
    assert words(country, text) == []


def test_what_chile_refuses() -> None:
    """What its law names is refused, with the law; the rest is warned of."""
    rules = RULES["CL"]
    assert rules is not None
    found = lint("Evite DICOM y la cárcel, Banco Ejemplo", rules, "Banco Ejemplo")
    law = "Ley 19.496, art. 37"
    assert found == (
        Finding("registry", "DICOM", 6, True, law),
        Finding("threat", "cárcel", 17, False, law),
    )


@pytest.mark.parametrize("country", ["CL", "MX", "AR", "US"])
def test_the_creditor_must_be_named(country: str) -> None:
    """By its name without the company's form, in its order; a campaign without one is told of."""
    rules = RULES[country]
    assert rules is not None

    def missing(text: str, creditor: str) -> bool:
        return "creditor" in {one.word for one in lint(text, rules, creditor)}

    assert not missing("BANCO EJÉMPLO: su cuota vence hoy", "Banco Ejemplo S.A.")
    assert not missing("De \u201cBanco, Ejemplo\u201d", "Banco Ejemplo S.A. de C.V.")
    assert missing("Ejemplo Banco: su cuota vence hoy", "Banco Ejemplo")
    assert missing("Bancoejemplo: su cuota vence hoy", "Banco Ejemplo")
    assert missing("Banco Ejemplos: su cuota vence hoy", "Banco Ejemplo")
    assert missing("Banco Ejemplo: su cuota vence hoy", "")


@pytest.mark.parametrize("country", ["CO", "PE", "EC", "BR", "ES"])
def test_where_nobody_asks_for_a_creditor(country: str) -> None:
    """A text without one is fine."""
    assert words(country, "Su cuota vence hoy", "") == []
    rules = RULES[country]
    assert rules is not None
    assert rules.creditor is None


def test_an_opt_out_line() -> None:
    """The USA ask for it in each message, and refuse without; nobody else does."""
    rules = RULES["US"]
    assert rules is not None
    without = lint("Example Bank: $45 due today", rules, "Example Bank")
    assert [(one.word, one.refuse, one.where) for one in without] == [("opt_out", True, -1)]
    for line in ("Reply STOP to end", "Responda no más", "opt-out: 555"):
        assert lint(f"Example Bank: $45 due today. {line}", rules, "Example Bank") == ()
    assert lint("Example Bank: a stopgap", rules, "Example Bank") != ()
    assert [c for c, rules in RULES.items() if rules and rules.opt_out] == ["US"]


@pytest.mark.parametrize(
    ("text", "shouts"),
    [
        ("ULTIMO AVISO: PAGUE HOY SU DEUDA VENCIDA", True),
        ("ÚLTIMO AVISÓ: PAGÚE HOY SÚ DEUDA", True),
        ("Su deuda con BANCO EJEMPLO SA vence hoy 12/03", False),
        ("PAGUE HOY", False),
        ("1234567890 $$$ 99.990 12/03/2026 XX", False),
        ("", False),
    ],
)
def test_capitals(text: str, shouts: bool) -> None:
    """A text shouts by the share of its letters, of so many at least."""
    rules = Lint(capitals=Capitals(does="warn", share=0.7, letters=20))
    assert bool(lint(text, rules)) is shouts


def test_the_longest_phrase_is_told_once() -> None:
    """And where it is first, counted in characters of the text."""
    rules = Lint(lists=(Words(name="judicial", does="warn", words=("orden", "orden de embargo")),))
    text = "½ Ño… Orden, de EMBARGO; orden de embargo y orden"
    found = lint(text, rules)
    assert [(one.what, text[one.where :][:5]) for one in found] == [
        ("Orden, de EMBARGO", "Orden"),
        ("orden", "orden"),
    ]


def test_all_alike() -> None:
    """A gateway's own setting makes every finding a refusal, or none."""
    for rules in RULES.values():
        assert rules is not None
        text = "DEMANDA DICOM CARCEL JUDICIAL SERASA JUDICIAL COURT PRISON JAIL"
        assert all(one.refuse for one in lint(text, rules.all("refuse"), ""))
        assert not any(one.refuse for one in lint(text, rules.all("warn"), ""))
        assert lint(text, rules, "")


def test_a_long_text_takes_no_longer_by_its_words() -> None:
    """Every word the first of a phrase: still one look each."""
    phrase = "a " * 20 + "b"
    rules = Lint(lists=(Words(name="x", does="warn", words=(phrase,), but=(phrase,)),))
    assert lint("a " * 20_000, rules) == ()
    assert Missing(does="warn").words == ()
