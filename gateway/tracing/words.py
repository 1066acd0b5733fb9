"""A line of a trace for people: time, bind, arrow, command and number, then what matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Paint = Callable[[str, str], str]
"""Words and a colour's name to what is printed."""

COLOURS = {"out": "36", "in": "32", "bad": "31", "event": "33"}
_FIRST = ("source_addr", "destination_addr")
_OUTSIDE = frozenset(
    (*_FIRST, "source_addr_ton", "source_addr_npi", "dest_addr_ton", "dest_addr_npi")
)
"""Fields that the numbers stand for."""


def painted(words: str, colour: str) -> str:
    """In colour, for a terminal."""
    return f"\x1b[{COLOURS[colour]}m{words}\x1b[0m"


def plain(words: str, colour: str) -> str:
    """As it is."""
    return words


def sentence(line: dict[str, Any], paint: Paint = plain) -> str:
    """The line; empty for one that says nothing to people."""
    at = str(line.get("at", ""))[11:].rstrip("Z").ljust(15)
    if "lost" in line:
        return f"{at}  {paint('lost: ' + str(line['lost']), 'bad')} (more than could be told)"
    bind = _bind(line)
    if "event" in line:
        words = _event(line)
        return f"{at}  {bind} == {paint(words, 'event')}" if words else ""
    direction = str(line.get("direction"))
    arrow = paint("->" if direction == "out" else "<-", "out" if direction == "out" else "in")
    return f"{at}  {bind} {arrow} {'  '.join(_said(line, paint))}"


def _bind(line: dict[str, Any]) -> str:
    """``0``, or ``0t`` and ``0r`` where transmitter and receiver are a pair."""
    mode = str(line.get("mode", ""))
    short = {"transmitter": "t", "receiver": "r"}.get(mode, "")
    return f"{line.get('bind', '?')}{short}"


def _event(line: dict[str, Any]) -> str:
    event = line["event"]
    if event in ("alive", "end"):
        return ""
    words = str(line.get("state")) if event == "bind" else str(event)
    return words + (f": {_shown(str(line['reason']))}" if line.get("reason") else "")


def _said(line: dict[str, Any], paint: Paint) -> Iterator[str]:
    yield f"{line.get('pdu', 'no PDU')}" + (
        f" #{line['sequence_number']}" if "sequence_number" in line else ""
    )
    if "command_status" in line:
        yield paint(str(line["command_status"]), "bad")
    if "problem" in line:
        yield paint(_shown(str(line["problem"])), "bad")
    fields = dict(line.get("fields") or {})
    if any(name in fields for name in _FIRST):
        source, destination = (_shown(str(fields.get(name, ""))) for name in _FIRST)
        yield f"{source or '(none)'} -> {destination or '(none)'}"
    for name, value in fields.items():
        if name not in _OUTSIDE:
            yield f"{name}={_shown(_number(name, value))}"
    for name, value in dict(line.get("tlvs") or {}).items():
        yield f"{name}={_shown(str(value))}"
    if "part" in line:
        yield f"part {line['part']}"
    if "text" in line:
        text = _shown(str(line["text"]))
        yield text if text.startswith("<") else f'"{text}"'
    if "octets" in line and "problem" in line:
        yield str(line["octets"])


def _number(name: str, value: object) -> str:
    """Bits are read in hexadecimal."""
    if name in ("esm_class", "data_coding", "registered_delivery") and isinstance(value, int):
        return f"0x{value:02x}"
    return str(value)


def _shown(text: str) -> str:
    """What a peer wrote must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
