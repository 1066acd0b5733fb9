"""``recado contacts``: a file of numbers to a running gateway, and what it knows of one.

A file has numbers, one a line, or is NDJSON or CSV with a header, as ``POST /v1/contacts`` takes
them. All of it goes as NDJSON, line by line, so that a file may have any size.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.policies import said_cell
from gateway.remote import Gateway

LISTS = ("opt_out", "wrong_number", "legal_stop", "consent")
BLOCK_OCTETS = 32 * 1024
MOST_SHOWN = 20
"""Errors that are printed."""


def load(gateway: Gateway, path: str, given: Mapping[str, str], list: str) -> dict[str, Any]:
    """Stream a file to a gateway; ``given`` and the list hold where its lines say nothing."""
    with contextlib.ExitStack() as stack:
        text: Iterable[str] = sys.stdin
        if path != "-":
            text = stack.enter_context(Path(path).open(encoding="utf-8-sig"))
        return gateway.tell(_blocks(lines(text, {**given, **({list: True} if list else {})})))


def _blocks(made: Iterable[bytes]) -> Iterator[bytes]:
    """Lines together: each block is a write of its own."""
    gathered, octets = [], 0
    for line in made:
        gathered.append(line)
        octets += len(line)
        if octets > BLOCK_OCTETS:
            yield b"".join(gathered)
            gathered, octets = [], 0
    yield b"".join(gathered)


def lines(text: Iterable[str], given: Mapping[str, Any]) -> Iterator[bytes]:
    """The file's lines as NDJSON."""
    rows = iter(text)
    first = next((row for row in rows if row.strip()), "")
    rows = itertools.chain([first] if first else [], rows)
    if first.lstrip().startswith("{"):
        made: Iterable[object] = (_object(row, given) for row in rows)
    elif "to" in (name.strip() for name in first.replace(";", ",").split(",")):
        made = (_record(row, given) for row in _records(first, rows))
    else:
        made = ({"to": _number(row), **given} if row.strip() else "" for row in rows)
    for one in made:
        yield (one if isinstance(one, str) else json.dumps(one)).encode() + b"\n"


def _object(row: str, given: Mapping[str, Any]) -> object:
    """A line of NDJSON; what is none goes as it is, and the gateway says what is wrong."""
    try:
        found = json.loads(row)
    except ValueError:
        return row.rstrip("\n")
    return {**given, **found} if isinstance(found, dict) else found


def _records(first: str, rows: Iterable[str]) -> Iterator[dict[str, str]]:
    delimiter = ";" if ";" in first and "," not in first else ","
    return csv.DictReader(rows, delimiter=delimiter, restkey="")


def _record(row: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = dict(given)
    for name, cell in row.items():
        if name.strip() in LISTS and cell:
            told[name.strip()] = {"true": True, "1": True, "false": False, "0": False}.get(
                cell.strip().lower(), cell
            )
        elif name.strip() == "zones" and cell:
            told["zones"] = cell.split()
        elif name.strip() == "hours" and cell:
            told["hours"] = said_cell(cell)
        elif cell:
            told[name.strip()] = cell
    return told


def _number(row: str) -> str:
    """A number as people write it: with spaces, perhaps without its +."""
    digits = "".join(row.split())
    return f"+{digits}" if digits.isdigit() else digits


def told(answer: Mapping[str, Any]) -> str:
    """What became of a file, in words."""
    words = [
        f"{answer.get('accepted', 0)} accepted, {answer.get('rejected', 0)} rejected; "
        f"{answer.get('blocked', 0)} waiting messages ended, {answer.get('moved', 0)} let go"
    ]
    errors = answer.get("errors") or []
    words += [f"item {e['index'] + 1}: {e['detail']} ({e['type']})" for e in errors[:MOST_SHOWN]]
    return "\n".join(words)


def shown(contact: Mapping[str, Any]) -> str:
    """What is known of a number, in words."""
    rows = [str(contact.get("to"))]
    for title, known in (
        (f"for {contact.get('creditor')}", contact.get("known") or {}),
        ("for everyone", contact.get("everyone") or {}),
    ):
        rows.append(f"{title}: {', '.join(known.get('lists') or []) or 'on no list'}")
        if known.get("zones") or known.get("region"):
            rows.append(f"  in {' '.join(known['zones'])} {known.get('region', '')}".rstrip())
        if known.get("hours"):
            days = [f"{days} {', '.join(when)}" for days, when in known["hours"].items()]
            rows.append(f"  hours {'; '.join(days)}")
        for entry in known.get("entries") or []:
            review = " (to be looked at)" if entry.get("review") else ""
            said = f': "{entry["text"]}"' if entry.get("text") else ""
            rows.append(f"  {entry['at']} {entry['what']} by {entry['source']}{said}{review}")
    contacts = contact.get("contacts") or []
    rows += [f"contact {touch['at']} {touch['channel']}" for touch in contacts]
    return "\n".join(rows)
