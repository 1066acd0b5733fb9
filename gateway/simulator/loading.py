"""A script from TOML, options or /set: every mistake named at once, nothing half-applied."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from gateway.errors import ConfigError
from gateway.simulator.script import Delay, Script, Table
from gateway.simulator.words import status_code

LOOPBACK = ("127.", "localhost:", "[::1]:")

Settings = Mapping[str, Any]


def read(path: Path) -> dict[str, Any]:
    """The settings of a TOML file, unchecked. Raises ConfigError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"{path}: {error}"]) from error


def merged(script: Script, changes: Settings, where: str = "script") -> Script:
    """``script`` with ``changes`` laid over it.

    Sections (``receipts``) are merged key by key; share tables and lists are replaced whole.
    Raises ConfigError with every mistake, each naming ``where`` and the key.
    """
    problems = list(_mistakes(Script, changes, where, ""))
    if problems:
        raise ConfigError(problems)
    try:
        result = msgspec.convert(_laid_over(msgspec.to_builtins(script), changes), Script)
    except msgspec.ValidationError as error:  # a key that a table needs is not there
        raise ConfigError([f"{where}: {error}"]) from error
    problems = [f"{where}: {problem}" for problem in contradictions(result)]
    if problems:
        raise ConfigError(problems)
    return result


def _laid_over(base: dict[str, Any], changes: Settings) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        section = key in SECTIONS and isinstance(value, Mapping)
        result[key] = _laid_over(base[key], value) if section else value
    return result


def _mistakes(kind: type[Table], data: Settings, where: str, path: str) -> Iterator[str]:
    """One line for each key of ``data`` that ``kind`` does not know or cannot take."""
    hints = get_type_hints(kind, include_extras=True)
    for key, value in data.items():
        name = f"{path}{key}"
        if key not in hints:
            yield f"{where}: {name}: unknown key{_nearest(key, hints)}"
        else:
            yield from _wrong_value(hints[key], value, where, name)


def _wrong_value(hint: Any, value: object, where: str, name: str) -> Iterator[str]:
    table, many = _table_of(hint)
    if table is not None and many and isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _wrong_value(table, item, where, f"{name}[{index}]")
    elif table is not None and not many and isinstance(value, Mapping):
        yield from _mistakes(table, value, where, f"{name}.")
    else:
        try:
            msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            yield f"{where}: {name}: {value!r}: {error}"


def _table_of(hint: Any) -> tuple[type[Table] | None, bool]:
    """The Table that a type hint means, and whether it is a list of them."""
    if isinstance(hint, type) and issubclass(hint, Table):
        return hint, False
    inner = get_args(hint)
    if inner and isinstance(inner[0], type) and issubclass(inner[0], Table) and Ellipsis in inner:
        return inner[0], True
    return None, False


def _nearest(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


SECTIONS = {
    name
    for name, hint in get_type_hints(Script, include_extras=True).items()
    if _table_of(hint) != (None, False) and not _table_of(hint)[1]
}


def contradictions(script: Script) -> list[str]:
    """What is wrong in a script whose every value is well-formed, one line each."""
    problems = [*_bad_statuses(script), *_bad_patterns(script)]
    for key, shares in (("statuses", script.statuses), ("outcomes", script.receipts.outcomes)):
        if sum(shares.values()) > 1 + 1e-9:
            problems.append(f"{key}: the shares add up to {sum(shares.values()):g}, over 1")
    for key, delay in _delays(script):
        if isinstance(delay, tuple) and not 0 <= delay[0] <= delay[1]:
            problems.append(f"{key}: {list(delay)}: two numbers from 0, the least first")
        if isinstance(delay, float) and delay < 0:
            problems.append(f"{key}: {delay:g}: a number from 0 is allowed")
    if script.control and not script.control.startswith(LOOPBACK):
        problems.append(f"control: {script.control!r} is not on loopback: it has no password")
    if script.replies.share and not script.replies.texts:
        problems.append("replies.texts: empty, but replies.share is not 0")
    return problems


def _statuses(script: Script) -> Iterator[tuple[str, str | int]]:
    yield "refuse_status", script.refuse_status
    yield "rate_status", script.rate_status
    yield "window_status", script.window_status
    for word in script.statuses:
        yield "statuses", word
    for index, rule in enumerate(script.numbers):
        yield f"numbers[{index}].status", rule.status
    for listed in script.receipts.resend_on:
        yield "receipts.resend_on", listed


def _bad_statuses(script: Script) -> Iterator[str]:
    for key, word in _statuses(script):
        try:
            status_code(word)
        except ValueError as error:
            yield f"{key}: {error}"


def _bad_patterns(script: Script) -> Iterator[str]:
    for index, rule in enumerate(script.numbers):
        try:
            re.compile(rule.to)
        except re.error as error:
            yield f"numbers[{index}].to: {rule.to!r} is not a regular expression: {error}"


def _delays(script: Script) -> Iterator[tuple[str, Delay]]:
    yield "delay_ms", script.delay_ms
    yield "receipts.delay_ms", script.receipts.delay_ms
    yield "receipts.repeat_delay_ms", script.receipts.repeat_delay_ms
    yield "receipts.resend_delay_ms", script.receipts.resend_delay_ms
    yield "replies.delay_ms", script.replies.delay_ms
