"""From TOML tables to frozen dataclasses, with every mistake found in one go.

A table's shape is a dataclass; each field's type is ``Annotated[T, Kind]``, and the
:class:`Kind` says which values are allowed. Reading never stops at a mistake: it notes it, puts
something of the right type in its place and goes on, so that what depends on other fields can
still be checked. The caller throws the result away when there was a mistake.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

Table = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """Which values a key may have.

    ``allowed`` completes "allowed: ..."; ``type`` is the Python type of a value;
    ``accepts`` says of a value of that type whether it is allowed.
    """

    allowed: str
    type: type
    accepts: Callable[[Any], bool] = lambda value: True
    secret: bool = False
    """May also come from a file (``<key>_file``) or the environment; never shown."""

    def read(self, value: object) -> Any:
        """The value as the dataclass has it. Raises ValueError when it is not allowed."""
        if self.type is float and type(value) is int:
            value = float(value)
        if type(value) is not self.type or not self.accepts(value):
            raise ValueError
        return value


@dataclass(frozen=True)
class Each(Kind):
    """An array whose items are all of one kind; it becomes a tuple."""

    of: Kind = field(kw_only=True)


@dataclass(frozen=True)
class Words(Kind):
    """A table from any words to values of one kind; it becomes a tuple of pairs, in order."""

    of: Kind = field(kw_only=True)


@dataclass(frozen=True)
class Pair(Kind):
    """An array of two values, each of its own kind; it becomes a tuple."""

    of: tuple[Kind, Kind] = field(kw_only=True)


@dataclass(frozen=True)
class Tables(Kind):
    """An array of tables, each an instance of the dataclass ``of``; it becomes a tuple."""

    of: type[Any] = field(kw_only=True)


def whole(low: int, high: int) -> Kind:
    """A whole number from ``low`` to ``high``."""
    allowed = f"a whole number from {low} to {high}" if low < high else str(low)
    return Kind(allowed, int, lambda n: low <= n <= high)


def seconds(low: float, high: float) -> Kind:
    """A time in seconds, whole or not, from ``low`` to ``high``."""
    return Kind(f"seconds, from {low:g} to {high:g}", float, lambda n: low <= n <= high)


def share() -> Kind:
    """A part of a whole."""
    return Kind("a part, from 0 to 1", float, lambda n: 0.0 <= n <= 1.0)


def one_of(*words: str) -> Kind:
    """One of some words."""
    return Kind(" | ".join(f'"{word}"' for word in words), str, lambda word: word in words)


def text(allowed: str, accepts: Callable[[str], bool] = bool) -> Kind:
    """A text for which ``accepts`` is true; not empty, if nothing else is said."""
    return Kind(allowed, str, accepts)


def parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether ``parse`` takes a value: it raises ValueError for what it does not."""

    def accepts(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return accepts


def secret(allowed: str, accepts: Callable[[str], bool] = bool) -> Kind:
    """A text that is never shown, and that may come from a file or the environment."""
    return Kind(allowed, str, accepts, secret=True)


def each(of: Kind, *, least: int = 0) -> Each:
    """An array of at least ``least`` values of one kind."""
    size = f" (at least {least})" if least else ""
    return Each(f"an array{size} of: {of.allowed}", list, lambda a: len(a) >= least, of=of)


def words(of: Kind, what: str, most: int) -> Words:
    """A table from ``what`` (1 to ``most`` characters) to values of one kind."""

    def accepts(table: dict[str, Any]) -> bool:
        return all(0 < len(word) <= most for word in table)

    return Words(
        f"a table from {what} (1 to {most} characters) to {of.allowed}", dict, accepts, of=of
    )


def pair(first: str, one: Kind, second: str, other: Kind) -> Pair:
    """An array of two values, with what they are called."""
    return Pair(
        f"an array of two, [{first}, {second}]: {one.allowed}, and {other.allowed}",
        list,
        lambda a: len(a) == 2,
        of=(one, other),
    )


def tables(of: type[Any]) -> Tables:
    """An array of tables, as ``[[carriers.tlvs]]`` makes one."""
    return Tables("an array of tables", list, of=of)


FLAG = Kind("true or false", bool)


@dataclass(frozen=True)
class Place:
    """Where something stands: a file and the path of a key in it."""

    file: Path
    key: str = ""

    def __truediv__(self, key: str) -> Place:
        return Place(self.file, f"{self.key}.{key}" if self.key else key)

    def __getitem__(self, index: int) -> Place:
        return Place(self.file, f"{self.key}[{index}]")

    def __str__(self) -> str:
        return f"{self.file}: {self.key}" if self.key else str(self.file)


def shown(value: object) -> str:
    """A value as a person wrote it, short: ``"50" (text)``, ``50``, ``true``, ``a table``."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            start = value if len(value) <= 60 else f"{value[:57]}..."
            return f"{json.dumps(start, ensure_ascii=False)} (text)"
        case dict():
            return "a table"
        case list():
            return f"an array of {len(value)}"
        case _:
            return f"{value} ({type(value).__name__})"


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'window'?`` when a known word is near; else the known words."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(words)}" if words else ""


class Reading:
    """One pass over the configuration's files: collects ``problems``, one line each."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self.problems: list[str] = []
        self.environ = environ

    def problem(self, place: Place, what: str) -> None:
        """Notes a mistake."""
        self.problems.append(f"{place}: {what}")

    def wrong(self, place: Place, value: object, allowed: str) -> None:
        """Notes a value that is not allowed."""
        self.problem(place, f"found {shown(value)}; allowed: {allowed}")

    def tables(self, cls: type[T], raw: object, place: Place) -> list[tuple[Place, T]]:
        """An array of tables, as ``[[carriers]]`` makes one, each with its place."""
        if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
            name = re.sub(r"\[\d+\]", "", place.key)
            self.wrong(place, raw, f"tables, each under [[{name}]]")
            return []
        return [(place[i], self.table(cls, item, place[i])) for i, item in enumerate(raw)]

    def table(self, cls: type[T], raw: object, place: Place) -> T:
        """One table as an instance of the dataclass ``cls``."""
        if not isinstance(raw, dict):
            self.wrong(place, raw, f"a table, [{place.key}]")
            raw = {}
        kinds = kinds_of(cls)
        self.unknown_keys(raw, [*kinds, *(f"{k}_file" for k in kinds if kinds[k].secret)], place)
        values = {
            f.name: self._value(f, kinds[f.name], raw, place)
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
            if f.name in kinds
        }
        return cls(**values)

    def unknown_keys(self, raw: Table, known: Iterable[str], place: Place) -> None:
        """Notes every key that is not known, with the nearest one that is."""
        words = set(known)
        for key in raw:
            if key not in words:
                self.problem(place / key, f"unknown key{nearest(key, words)}")

    def _value(self, f: dataclasses.Field[Any], kind: Kind, raw: Table, place: Place) -> Any:
        if kind.secret:
            return self._secret(f, kind, raw, place)
        if f.name in raw:
            return self._read(kind, raw[f.name], place / f.name)
        return self._absent(f, kind, place)

    def _absent(self, f: dataclasses.Field[Any], kind: Kind, place: Place) -> Any:
        if f.default is not dataclasses.MISSING:
            return f.default
        if f.default_factory is not dataclasses.MISSING:
            return f.default_factory()
        self.problem(place / f.name, f"missing; allowed: {kind.allowed}")
        return kind.type()

    def _read(self, kind: Kind, value: object, place: Place) -> Any:
        if isinstance(kind, Each) and isinstance(value, list) and kind.accepts(value):
            return tuple(self._read(kind.of, item, place[i]) for i, item in enumerate(value))
        if isinstance(kind, Pair) and isinstance(value, list) and kind.accepts(value):
            of = zip(kind.of, value, strict=True)
            return tuple(self._read(one, item, place[i]) for i, (one, item) in enumerate(of))
        if isinstance(kind, Tables):
            return tuple(table for _, table in self.tables(kind.of, value, place))
        if isinstance(kind, Words) and isinstance(value, dict) and kind.accepts(value):
            return tuple((word, self._read(kind.of, v, place / word)) for word, v in value.items())
        try:
            return kind.read(value)
        except ValueError:
            self.wrong(place, value, kind.allowed)
            if isinstance(kind, Words):
                return ()
            return value if type(value) is kind.type else kind.type()

    def _secret(self, f: dataclasses.Field[Any], kind: Kind, raw: Table, place: Place) -> str:
        file_key = f"{f.name}_file"
        at = place / (file_key if file_key in raw else f.name)
        if f.name in raw and file_key in raw:
            self.problem(at, f"found beside {f.name}; allowed: one of the two")
            return ""
        if file_key in raw:
            value = self._from_file(raw[file_key], at)
        elif f.name in raw:
            value = self._from_environment(raw[f.name], at)
        else:
            return str(self._absent(f, kind, place))
        if value is None:
            return ""
        if not kind.accepts(value):
            self.problem(at, f"found {len(value)} characters, not shown; allowed: {kind.allowed}")
        return value

    def _from_environment(self, value: object, place: Place) -> str | None:
        if not isinstance(value, str):
            self.problem(place, "found what is no text, not shown; allowed: a text, or $NAME")
            return None
        if value.startswith("$$"):
            return value[1:]
        if not value.startswith("$"):
            return value
        found = self.environ.get(value[1:])
        if found is None:
            self.problem(place, f"the environment has no {value[1:]}")
        return found

    def _from_file(self, value: object, place: Place) -> str | None:
        path = self.path(value, place)
        if path is None:
            return None
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            self.problem(place, f"cannot read {path}: {error.strerror}")
        except UnicodeDecodeError:
            self.problem(place, f"{path} is not UTF-8")
        return None

    def path(self, value: object, place: Place) -> Path | None:
        """The file that ``value`` names, or None (a mistake noted).

        A relative name is looked for among systemd's credentials, then beside the file that
        names it; a leading ``$NAME/`` is a folder from the environment.
        """
        if not isinstance(value, str) or not value:
            self.wrong(place, value, "the name of a file")
            return None
        if value.startswith("$"):
            name, _, rest = value[1:].partition("/")
            if name not in self.environ:
                self.problem(place, f"the environment has no {name}")
                return None
            return Path(self.environ[name], rest)
        credentials = self.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and Path(credentials, value).is_file():
            return Path(credentials, value)
        return place.file.parent / value


def kinds_of(cls: type) -> dict[str, Kind]:
    """The keys of a table: each annotated field of the dataclass with its kind."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        name: kind
        for name, hint in hints.items()
        for kind in getattr(hint, "__metadata__", ())
        if isinstance(kind, Kind)
    }
