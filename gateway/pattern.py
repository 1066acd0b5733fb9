"""Regular expressions from a configuration that cannot take long, whatever they are matched with.

Python's matcher goes back and tries again, and cannot be stopped while it does: ``(a+)+b`` on
thirty letters is for ever. So the time is bounded before: the text is cut (:data:`LONGEST`), and
:func:`refusal` reads the expression's own tree and counts in how many ways each repeat could
share a text with what follows. Where a repeat and its follower have no character in common
(``[^,]*,``) there is one way; where they may (``.*,``) there are as many as characters. A repeat of
any number of times around another part, a reference back (``\\1``) and a look around are refused;
of the repeats only one may be of many ways. What is left is at most :data:`LONGEST` squared steps
for each part of the expression: a few milliseconds, tested with the worst texts.

The tree is that of ``re`` itself (``re._parser``), so nothing is read in another way than matched.
"""

from __future__ import annotations

import re
import warnings
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

LONGEST: Final = 254
"""Characters of a text that are looked at: as many as a short_message has (SMPP 3.4, 5.2.22)."""
MOST_WAYS: Final = 256
"""In how many ways a whole expression may share out a text, at most."""

DEEPEST: Final = 4
"""Repeats around each other, at most: reading them is twice the work for each."""

_ASCII: Final = frozenset(range(128))
_OTHER: Final = 128  # stands for every character beyond ASCII
_ANY: Final = _ASCII | {_OTHER}
_CLASSES: Final = {
    "DIGIT": frozenset(map(ord, "0123456789")),
    "SPACE": frozenset(map(ord, " \t\n\r\f\v")),
    "WORD": frozenset(c for c in range(128) if chr(c).isalnum()) | {ord("_")},
}
_CHARACTERS: Final = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY", "CATEGORY"})
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_ENDLESS: Final = int(_parser.MAXREPEAT)

Letters = frozenset[int]


def compiled(text: str) -> re.Pattern[str]:
    """``text`` as it will be matched: letters and digits are those of ASCII.

    Raises ``re.error``, or ValueError for flags that do not go together.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what "[[" may mean some day
        return re.compile(text, re.ASCII)


def refusal(text: str) -> str:
    """Why ``text`` may not be matched, or nothing: no regular expression, or one that may last."""
    try:
        compiled(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            tree = _parser.parse(text, re.ASCII)
        if _depth(tree) > DEEPEST:
            return "too deep"
        fold = bool(tree.state.flags & re.IGNORECASE)
        ways, _ = _sequence(list(tree), frozenset(), fold)
    except (re.error, ValueError) as error:
        return f"no regular expression: {error}"
    except _Lasting as error:
        return str(error)
    except (RecursionError, OverflowError):
        return "too deep"
    if ways > MOST_WAYS:
        return "may take too long: more than one part can end in several places"
    return ""


def _depth(items: Any) -> int:
    """How many repeats are around each other."""
    deepest = 0
    for op, value in items:
        name = str(op)
        if name in _REPEATS:
            inner = 1 + _depth(value[2])
        elif name == "SUBPATTERN":
            inner = _depth(value[3])
        elif name == "ATOMIC_GROUP":
            inner = _depth(value)
        elif name == "BRANCH":
            inner = max(map(_depth, value[1]))
        else:
            inner = 0
        deepest = max(deepest, inner)
    return deepest


class _Lasting(Exception):
    """A part that may be matched for ever."""


def _sequence(items: list[tuple[Any, Any]], follow: Letters, fold: bool) -> tuple[int, Letters]:
    """In how many ways ``items`` match before ``follow``, and the letters they can begin with."""
    ways = 1
    for op, value in reversed(items):
        some, follow = _item(str(op), value, follow, fold)
        ways *= some
    return ways, follow


def _item(op: str, value: Any, follow: Letters, fold: bool) -> tuple[int, Letters]:
    if op in _CHARACTERS:
        return 1, _letters(op, value, fold)
    if op in _REPEATS:
        least, most, inner = value
        return _repeat(op, (int(least), int(most)), inner, follow, fold)
    if op == "SUBPATTERN":
        _, added, removed, inner = value
        fold = bool((fold or added & re.IGNORECASE) and not removed & re.IGNORECASE)
        return _sequence(list(inner), follow, fold)
    if op == "ATOMIC_GROUP":
        return _sequence(list(value), follow, fold)
    if op == "BRANCH":
        return _branch([_sequence(list(branch), follow, fold) for branch in value[1]])
    if op == "AT":
        # Nothing follows the very end; of the other places (^, $, \b) what follows decides.
        return 1, frozenset() if str(value) == "AT_END_STRING" else follow | {ord("\n")}
    raise _Lasting("may take too long: it looks around, or back at what a group matched")


def _branch(found: list[tuple[int, Letters]]) -> tuple[int, Letters]:
    """Alternatives that begin differently are one way: the first letter decides."""
    every = frozenset[int]().union(*(first for _, first in found))
    if len(every) == sum(len(first) for _, first in found):
        return max(ways for ways, _ in found), every
    return sum(ways for ways, _ in found), every


def _repeat(
    op: str, times: tuple[int, int], inner: Any, follow: Letters, fold: bool
) -> tuple[int, Letters]:
    body = list(inner)
    least, most = times
    one = len(body) == 1 and str(body[0][0]) in _CHARACTERS
    _, first = _sequence(body, frozenset(), fold)
    ways, _ = _sequence(body, follow | first, fold)
    begins = first | follow if least == 0 or not one else first
    if one:
        if op == "POSSESSIVE_REPEAT" or most == least or not first & follow:
            return 1, begins
        return min(most, LONGEST) - min(least, LONGEST) + 1, begins
    if most == _ENDLESS:
        raise _Lasting("may take too long: a repeat of any number of times around another part")
    if most > 1 and (ways > 1 or inner.getwidth()[0] == 0):
        raise _Lasting("may take too long: a repeat around a part that can end in several places")
    return ways if most == least or not first & follow else ways * (most - least + 1), begins


def _letters(op: str, value: Any, fold: bool) -> Letters:
    """The characters that one item of the tree matches; rather too many than too few."""
    if op == "LITERAL":
        return _folded(_one(value), fold)
    if op == "NOT_LITERAL":
        return (_ASCII - _folded(_one(value), fold)) | {_OTHER}
    if op == "CATEGORY":
        return _category(str(value))
    if op == "ANY":
        return _ANY
    found: set[int] = set()
    negated = False
    for part, inner in value:
        name = str(part)
        if name == "NEGATE":
            negated = True
        elif name == "RANGE":
            low, high = inner
            found.update(range(min(low, 128), min(high, 128) + 1))
        else:
            found |= _letters(name, inner, False)
    letters = _folded(frozenset(found), fold)
    return (_ASCII - letters) | {_OTHER} if negated else letters


def _one(value: int) -> Letters:
    return frozenset({min(value, _OTHER)})


def _category(name: str) -> Letters:
    known = _CLASSES[name.rpartition("_")[2]]
    return _ANY - known if "_NOT_" in name else known


def _folded(letters: Letters, fold: bool) -> Letters:
    if not fold:
        return letters
    both = (ord(c) for x in letters if x < 128 for c in chr(x).swapcase())
    return letters | frozenset(both)
