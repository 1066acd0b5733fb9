"""The log: one JSON object a line, and nobody's number or text in it unless wanted."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway import config
from gateway.log import mask_number, mask_text, setup

Lines = Callable[[], list[dict[str, Any]]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _root_restored() -> Iterator[None]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    root.handlers[:] = kept
    root.setLevel(level)
    logging.captureWarnings(False)


def logged(log: Callable[[logging.Logger], None], **settings: Any) -> dict[str, Any]:
    """The one line that a call writes."""
    stream = io.StringIO()
    setup(config.Log(**settings), stream)
    log(logging.getLogger("gateway.test"))
    line = stream.getvalue()
    assert line.count("\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_time_level_logger_event_and_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_772_452_800.1234)
    monkeypatch.setattr("time.time_ns", lambda: 1_772_452_800_123_400_000)
    line = logged(lambda log: log.info("bound", extra={"carrier": "andina", "bind": 0}))
    assert list(line.items()) == [
        ("ts", "2026-03-02T12:00:00.123Z"),
        ("level", "info"),
        ("logger", "gateway.test"),
        ("event", "bound"),
        ("carrier", "andina"),
        ("bind", 0),
    ]


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("56981234567", "569*****567"),
        ("+56981234567", "+56******567"),
        ("1234567", "123*567"),
        ("3450", "3450"),
        ("BANCO", "BANCO"),
        ("", ""),
    ],
)
def test_a_number_keeps_its_ends(number: str, masked: str) -> None:
    assert mask_number(number) == masked
    assert len(masked) == len(number)


def test_a_text_keeps_its_length() -> None:
    assert mask_text("x" * 42) == "<42 chars>"


def test_numbers_and_texts_are_masked_by_the_names_of_their_fields() -> None:
    fields = {
        "to": "56981234567",
        "sender": 56981234567,
        "text": "Juan, you owe",
        "short_message": b"Juan",
        "message": "00ab",
        "messages": [{"to": ["56981234567", "56987654321"], "id": "56981234567"}],
    }
    del fields["message"]  # a name that logging keeps for itself
    line = logged(lambda log: log.info("x", extra=fields))
    assert line["to"] == line["sender"] == "569*****567"
    assert line["text"] == "<13 chars>"
    assert line["short_message"] == "<4 chars>"
    assert line["messages"] == [{"to": ["569*****567", "569*****321"], "id": "56981234567"}]


def test_a_number_inside_an_event_or_a_traceback_is_masked() -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError("no route for +56981234567")
        except ValueError:
            log.exception("lost 56981234567 of 00112233445566778899aabb")

    line = logged(fail)
    assert line["event"] == "lost 569*****567 of 00112233445566778899aabb"
    assert line["error"] == "ValueError: no route for +56******567"
    assert "98123" not in line["traceback"]
    assert 'raise ValueError("no route' in line["traceback"]


def test_the_configuration_shows_numbers_and_texts() -> None:
    fields = {"to": "56981234567", "text": "hola"}
    line = logged(lambda log: log.info("to 56981234567", extra=fields), show_numbers=True)
    assert (line["event"], line["to"], line["text"]) == (
        "to 56981234567",
        "56981234567",
        "<4 chars>",
    )
    line = logged(lambda log: log.info("x", extra=fields), show_texts=True)
    assert (line["to"], line["text"]) == ("569*****567", "hola")


@pytest.mark.parametrize("value", [1 << 70, "\ud800", {1: {2}}, object(), b"\xff", float("nan")])
def test_no_value_keeps_a_line_from_being_written(value: object) -> None:
    line = logged(lambda log: log.info("odd", extra={"value": value}))
    assert line["event"] == "odd"
    assert "value" in line


def test_a_field_never_takes_a_fixed_ones_place() -> None:
    line = logged(lambda log: log.info("x", extra={"event": "y", "ts": 1, "level": 2}))
    assert (line["event"], line["event_"], line["level"], line["level_"]) == ("x", "y", "info", 2)


def test_the_level_is_the_configurations(capsys: pytest.CaptureFixture[str]) -> None:
    line = logged(lambda log: (log.info("no"), log.warning("yes")), level="warning")  # type: ignore[arg-type,return-value]
    assert line["event"] == "yes"


def test_setting_up_again_replaces_the_first() -> None:
    first = io.StringIO()
    setup(config.Log(), first)
    assert logged(lambda log: log.info("once"))["event"] == "once"
    assert first.getvalue() == ""


def test_a_terminal_gets_a_line_for_people() -> None:
    stream = Terminal()
    setup(config.Log(), stream)
    log = logging.getLogger("gateway.carrier.session")
    log.info("bound", extra={"carrier": "andina", "to": "56981234567"})
    line = stream.getvalue()
    assert line[12:].split() == [
        "info",
        "carrier.session",
        "bound",
        "carrier=andina",
        "to=569*****567",
    ]
    try:
        raise ValueError("x")
    except ValueError:
        log.exception("odd")
    assert "\nTraceback " in stream.getvalue()
    assert stream.getvalue().endswith("ValueError: x\n")


def test_standard_output_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    setup(config.Log())
    logging.getLogger("x").warning("here")
    assert json.loads(stream.getvalue())["event"] == "here"
