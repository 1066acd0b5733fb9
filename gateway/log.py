"""The log: one JSON object a line on standard output, numbers and texts masked.

A module logs an event, a short constant phrase, and what belongs to it as fields::

    log = logging.getLogger(__name__)
    log.info("bound", extra={"carrier": "andina", "bind": 0})

    {"ts":"2026-03-02T12:00:00.123Z","level":"info","logger":"gateway.carrier.session",
     "event":"bound","carrier":"andina","bind":0}

Fields that hold a phone number or a text (:data:`NUMBERS`, :data:`TEXTS`) are masked by their
names, and so is a run of digits as long as a phone number in an event or a traceback. On a
terminal the line is for people.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from gateway import config

NUMBERS = frozenset(("to", "from", "number", "msisdn", "recipient", "sender", "source")) | {
    "destination",
    "source_addr",
    "destination_addr",
}
TEXTS = frozenset(("text", "short_message", "message_payload", "body"))
FIXED = ("ts", "level", "logger", "event")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NUMBER = re.compile(r"(?<![0-9A-Za-z.])\+?[0-9]{8,15}(?![0-9A-Za-z])")


def mask_number(number: str) -> str:
    """``56981234567`` as ``569*****567``; a short code (under 7 digits) or a name as it is."""
    if sum(c.isdecimal() for c in number) < 7:
        return number
    return number[:3] + "*" * (len(number) - 6) + number[-3:]


def mask_text(text: str | bytes) -> str:
    """``<42 chars>``."""
    return f"<{len(text)} chars>"


def setup(settings: config.Log, stream: TextIO | None = None) -> None:
    """Sends the log of the whole process to ``stream`` (standard output), as settings say.

    May be called again, after the configuration has changed.
    """
    stream = stream or sys.stdout
    form = Human if stream.isatty() else Json
    out = logging.StreamHandler(stream)
    out.setFormatter(form(settings.show_numbers, settings.show_texts))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(out)
    root.setLevel(settings.level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.captureWarnings(True)


class Json(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, show_numbers: bool = False, show_texts: bool = False) -> None:
        super().__init__()
        self._show_numbers = show_numbers
        self._show_texts = show_texts

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields = self.fields(record)
        try:
            return orjson.dumps(fields, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # a number over 64 bits, a lone surrogate: the line is kept all the same
            return json.dumps(fields, default=repr, skipkeys=True)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the line says: the fixed fields, then the event's own, masked."""
        when = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "ts": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._scrubbed(record.getMessage()),
        }
        for key, value in vars(record).items():
            if key not in _STANDARD:
                line[f"{key}_" if key in FIXED else key] = self._masked(key, value)
        if record.exc_info and record.exc_info[0]:
            lines = traceback.format_exception(*record.exc_info)
            line["error"] = self._scrubbed(lines[-1].strip())
            line["traceback"] = self._scrubbed("".join(lines))
        return line

    def _masked(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: self._masked(str(k), v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(key, v) for v in value]
        if key in NUMBERS and not self._show_numbers and isinstance(value, str | int):
            return mask_number(str(value))
        if key in TEXTS and not self._show_texts:
            return mask_text(value if isinstance(value, str | bytes) else str(value))
        return value

    def _scrubbed(self, words: str) -> str:
        if self._show_numbers:
            return words
        return _NUMBER.sub(lambda found: mask_number(found[0]), words)


class Human(Json):
    """A record as one line for a terminal: time of day, level, event, ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback follows on its own lines."""
        fields = self.fields(record)
        when, level, logger, event = (fields.pop(key) for key in FIXED)
        trace = fields.pop("traceback", "")
        own = "".join(f" {key}={value}" for key, value in fields.items())
        line = f"{when[11:23]} {level:<7} {logger.removeprefix('gateway.'):<18} {event}{own}"
        return f"{line}\n{trace}".rstrip()
