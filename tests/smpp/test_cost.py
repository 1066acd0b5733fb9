"""What makes a text expensive, and the cheapest that reads the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp.cost import MOST_PLACES, Expensive, cheapest, expensive
from gateway.smpp.text import measure, units_left


def test_what_makes_a_text_ucs2() -> None:
    """The characters that are not in GSM 7-bit, where they are, and what could stand for them."""
    assert expensive("Más día 😀 ж €", "ucs2") == [
        Expensive("á", "encoding", 1, 1, [1], "a"),
        Expensive("í", "encoding", 1, 1, [5], "i"),
        Expensive("😀", "encoding", 2, 1, [8], ""),
        Expensive("ж", "encoding", 1, 1, [10], None),
    ]


def test_what_takes_two_septets() -> None:
    """The extension table; a bracket has a plain form, a euro has none that is shorter."""
    assert expensive("[€] [", "gsm7") == [
        Expensive("[", "pair", 2, 2, [0, 4], "("),
        Expensive("€", "pair", 2, 1, [1], None),
        Expensive("]", "pair", 2, 1, [2], ")"),
    ]
    assert expensive("año é ¿", "gsm7") == []


def test_what_needs_a_table() -> None:
    """Under a national table a letter may cost one septet or two, and still needs the table."""
    assert expensive("ãí", "gsm7-pt") == [
        Expensive("ã", "encoding", 2, 1, [0], "a"),
        Expensive("í", "encoding", 2, 1, [1], "i"),
    ]
    assert [one.units for one in expensive("ãí", "gsm7-pt-locking")] == [1, 1]


def test_what_the_carriers_alphabet_has_not() -> None:
    """For an ASCII carrier an ñ makes a text UCS-2 as an í does."""
    assert expensive("año", "ucs2", "ascii") == [Expensive("ñ", "encoding", 1, 1, [1], "n")]


def test_places_are_bounded() -> None:
    """The count is exact all the same."""
    (one,) = expensive("í" * 500, "ucs2")
    assert (one.count, len(one.places)) == (500, MOST_PLACES)


def test_the_cheapest_is_the_transliteration() -> None:
    """One segment instead of two; what changed is told."""
    text = "Hoy es el último día para pagar su cuota. " * 3
    measured = measure(text)
    found = cheapest(text, measured)
    assert measured.segments == 2
    assert found is not None
    assert found.text == "Hoy es el ultimo dia para pagar su cuota. " * 3
    assert (found.measure.segments, found.measure.encoding) == (1, "gsm7")
    assert found.left == 160 - found.measure.units
    assert found.changes == [("ú", "u"), ("í", "i")]


def test_brackets_are_rounded_only_where_that_saves_a_segment() -> None:
    """And never within a link."""
    long = "[a] " * 20 + "b" * 60 + " https://x.cl/[1]"
    found = cheapest(long, measure(long))
    assert measure(long).segments == 2
    assert found is not None
    assert found.measure.segments == 1
    assert found.text == "(a) " * 20 + "b" * 60 + " https://x.cl/[1]"
    assert found.changes == [("[", "("), ("]", ")")]
    short = "[a] hoy"
    kept = cheapest(short, measure(short))
    assert kept is not None
    assert (kept.text, kept.changes) == (short, [])


@pytest.mark.parametrize("text", ["😀", "…" * 70])
def test_there_may_be_none(text: str) -> None:
    """Nothing would be left, or the plain form is longer."""
    assert cheapest(text, measure(text)) is None


@given(
    st.text(alphabet="aáñ€[]{}😀… ж/", max_size=400),
    st.sampled_from(["gsm7", "latin1", "ascii"]),
)
def test_the_cheapest_never_costs_more(text: str, alphabet: str) -> None:
    """In GSM 7-bit as the carrier takes it, no more segments, and what is told is what is."""
    measured = measure(text, "auto", "udh16", alphabet)
    for one in expensive(text, measured.encoding, alphabet):
        assert text.count(one.character) == one.count
        assert all(text[place] == one.character for place in one.places)
    found = cheapest(text, measured, "udh16", alphabet)
    if found is not None:
        assert found.measure == measure(found.text, "gsm7", "udh16", alphabet)
        assert found.measure.segments <= measured.segments
        assert found.left == units_left(found.text, "gsm7")
