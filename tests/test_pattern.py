"""Expressions from a configuration: which are taken, and that those never take long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.pattern import LONGEST, compiled, refusal

VODAFONE = (
    r"(?P<stat>\d\d),(?P<done>\d{10}),\d{10},[^,]*,\d+,\d+,(?P<id>[^,\s]+)",
    "00,0210021543,0210021500,,447887123456,10110200000000,we2345678i9o03er45ty67u",
)


@pytest.mark.parametrize(
    "text",
    [
        VODAFONE[0],
        r"(?:[^,]*,){6}(?P<id>[^,]*)",
        r".*?id=(?P<id>\w+) .*",
        r"(?i)MSG (?P<id>[0-9a-f-]+) IS (?P<stat>DELIVERED|FAILED|EXPIRED)(?: \((?P<err>\d+)\))?",
        r"\s*(?P<id>\S+)\s+(?P<stat>[A-Z]{4,9})\Z",
        r"(?>a+)b\b.c$",
        r"(?:a|ab|b)?[^\d\W]*+x",
        r"é+[^é]",
        r"[\x80-\xff]*[a-z]",
        r"a{0,20}b{2}",
        r"(?s:.)\D[^\D]\w*\W\s\S",
    ],
)
def test_what_a_carrier_may_write_is_taken(text: str) -> None:
    assert refusal(text) == ""
    compiled(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(a", "no regular expression: missing )"),
        ("(?P<id>a)(?P<id>b)", "no regular expression: redefinition"),
        ("(?u)a", "no regular expression"),
        ("(a+)+b", "a repeat of any number of times around another part"),
        ("(?:ab|cd)*c", "a repeat of any number of times around another part"),
        ("(?:a*){9}b", "can end in several places"),
        ("(?:){9}b", "can end in several places"),
        ("(?:(?:a?){30}){30}", "can end in several places"),
        (r"(a)\1", "looks around, or back"),
        (r"(a)?(?(1)b|c)", "looks around, or back"),
        ("a+(?=b)", "looks around, or back"),
        (".*,.*,x", "more than one part"),
        (r"\w*\d*\w*x", "more than one part"),
        ("(?i)a*A*B*b*c", "more than one part"),
        ("(?:a?b?c?d?e?){1}" * 3 + "f", "more than one part"),
        (".*a?ab", "more than one part"),
        ("(?:" * 200 + "a" + "b){2}" * 200, "too deep"),
        ("(?:(?>(?:(?:(?:a{2}b|cd){2}e){2}f){2})g){2}", "too deep"),
        ("(" * 3_000 + ")" * 3_000, "too deep"),
    ],
)
def test_what_could_last_is_not(text: str, why: str) -> None:
    assert why in refusal(text)


WORST = [
    "a" * LONGEST,
    "a," * (LONGEST // 2),
    "," * LONGEST,
    "0" * LONGEST,
    "ab" * (LONGEST // 2),
    "a" * (LONGEST - 1) + "!",
]


@pytest.mark.parametrize(
    "text",
    [
        ".*!b",
        ".*?!b",
        "[^,]*," * 30 + ".*x",
        "(?:[^,]*,){99}.*x",
        ".*(?:a{99}b|,c)",
        r"\w*\d*!x",
    ],
)
def test_the_worst_that_is_taken_ends_soon(text: str) -> None:
    """Milliseconds; the limit here is for slow machines."""
    assert refusal(text) == ""
    expression = compiled(text)
    started = time.process_time()
    for subject in WORST:
        expression.match(subject)
    assert time.process_time() - started < 0.5


pieces = st.sampled_from(
    ["a", ",", ".", r"\d", r"\w", "[^,]", "[a-f]", "x", "!", "$", r"\b", "(?:a|b)", "(?:,a)"]
)
quantified = st.builds(
    lambda piece, often: piece + often,
    pieces,
    st.sampled_from(["", "", "*", "+", "?", "*?", "*+", "{3}", "{0,9}", "{2,}"]),
)
flat = st.lists(quantified, min_size=1, max_size=6).map("".join)
around = st.sampled_from(["", "?", "{5}", "*", "{1,4}"])
nested = flat | st.builds("({}){}{}".format, flat, around, flat)
patterns = nested | st.builds("({}){}{}".format, nested, around, nested)


@settings(max_examples=300)
@given(patterns, st.sampled_from(WORST) | st.text("a,0!xf", max_size=LONGEST))
def test_whatever_is_taken_ends_soon(text: str, subject: str) -> None:
    """An expression that is not refused is matched in bounded time."""
    if refusal(text):
        return
    expression = compiled(text)
    started = time.process_time()
    expression.match(subject)
    assert time.process_time() - started < 0.25


@given(st.text("ab,.*+?{}()[]|^$\\d?:P<>=!-0129 ", max_size=30))
def test_any_text_is_taken_or_refused(text: str) -> None:
    """It never raises, and what is taken can be compiled."""
    try:
        compiled(text)
    except (re.error, ValueError):
        assert refusal(text)
    else:
        assert isinstance(refusal(text), str)


def test_the_carriers_list_of_values_is_read() -> None:
    found = compiled(VODAFONE[0]).match(VODAFONE[1])
    assert found is not None
    assert found.groupdict() == {
        "id": "we2345678i9o03er45ty67u",
        "stat": "00",
        "done": "0210021543",
    }
