"""Scripts from TOML and options: every mistake at once, and options win."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.simulator import options
from gateway.simulator.cli import load
from gateway.simulator.loading import merged, read
from gateway.simulator.script import Exponential, Script

EXAMPLE = Path(__file__).parents[2] / "config" / "simulator.toml"


def problems(settings: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        merged(Script(), settings, "s.toml")
    return list(caught.value.problems)


def of(*arguments: str) -> Script:
    return load(options.parser().parse_args(arguments))


def test_the_example_is_right_and_names_every_key() -> None:
    settings = read(EXAMPLE)
    merged(Script(), settings)
    assert set(settings) == set(Script.__struct_fields__)
    for section in ("ids", "receipts", "replies", "record"):
        known = set(getattr(Script(), section).__struct_fields__)
        assert known - set(settings[section]) <= {"receipt_upper", "receipt_width"}


def test_every_mistake_is_named_with_its_key() -> None:
    assert problems(
        {
            "windw": 3,
            "rate": -1,
            "receipts": {"shar": 1, "form": "sms"},
            "numbers": [{"to": "1", "statu": 1}, 3],
        }
    ) == [
        "s.toml: windw: unknown key; did you mean 'window'?",
        "s.toml: rate: -1: Expected `int` >= 0",
        "s.toml: receipts.shar: unknown key; did you mean 'share'?",
        "s.toml: receipts.form: 'sms': Invalid enum value 'sms'",
        "s.toml: numbers[0].statu: unknown key; did you mean 'status'?",
        "s.toml: numbers[1]: 3: Expected `object`, got `int`",
    ]


def test_well_formed_values_may_still_be_wrong() -> None:
    found = problems(
        {
            "statuses": {"ESME_RTHROTLED": 0.6, "8": 0.6},
            "numbers": [{"to": "a("}],
            "delay_ms": [30, 10],
            "receipts": {"delay_ms": -1, "resend_on": ["never"]},
            "replies": {"share": 0.5, "texts": []},
            "control": "0.0.0.0:80",
        }
    )
    keys = [line.split(": ")[1] for line in found]
    assert keys == [
        "statuses",
        "receipts.resend_on",
        "numbers[0].to",
        "statuses",
        "delay_ms",
        "receipts.delay_ms",
        "control",
        "replies.texts",
    ]


def test_a_key_that_is_needed_is_missed() -> None:
    assert "system_id" in problems({"accounts": [{"password": "x"}]})[0]


@pytest.mark.parametrize("value", ["x", None, [1], [1, 2, 3], {"mean": 1}])
def test_a_delay_that_is_none_is_refused(value: object) -> None:
    assert problems({"delay_ms": value})[0].startswith("s.toml: delay_ms")


def test_sections_are_merged_and_shares_are_replaced() -> None:
    before = merged(Script(), {"statuses": {"8": 0.1}, "receipts": {"share": 0.5, "window": 7}})
    after = merged(before, {"statuses": {"88": 0.2}, "receipts": {"share": 1}})
    assert after.statuses == {"88": 0.2}
    assert (after.receipts.share, after.receipts.window) == (1.0, 7)


def test_delays_have_three_forms() -> None:
    receipts = {"delay_ms": {"mean_ms": 50}}
    script = merged(Script(), {"delay_ms": [1, 2], "receipts": receipts})
    assert script.delay_ms == (1.0, 2.0)
    assert script.receipts.delay_ms == Exponential(mean_ms=50)


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('rate = 5\nwindow = 9\n[receipts]\nform = "tlv"\nshare = 0.5\n')
    script = of("--config", str(path), "--rate", "7", "--receipts", "both")
    assert (script.rate, script.window) == (7, 9)
    assert (script.receipts.form, script.receipts.share) == ("both", 0.5)


def test_every_option_has_its_place() -> None:
    words = (
        "--listen 127.0.0.1:0 --control 127.0.0.1:0 --seed 3 --system-id a --password b "
        "--max-binds 2 --refuse-binds 1 --rate 100 --window 10 --delay 5-20 --throttled 0.1 "
        "--queue-full 0.2 --status 0x400=0.3 --silence-share 0.01 --drop-every 2 --drop-after 9 "
        "--ids decimal-hex --receipts both --receipt-delay 50 --outcome UNDELIV=0.1 --replies 0.5 "
        "--reply-delay 7 --record 10 --set receipts.repeat_share=0.2 --set refuse_status=0x08"
    )
    assert of(*words.split()) == merged(
        Script(),
        {
            "listen": "127.0.0.1:0",
            "control": "127.0.0.1:0",
            "seed": 3,
            "accounts": [{"system_id": "a", "password": "b"}],
            "max_binds": 2,
            "refuse_binds": 1,
            "rate": 100,
            "window": 10,
            "delay_ms": [5, 20],
            "statuses": {"0x400": 0.3, "ESME_RTHROTTLED": 0.1, "ESME_RMSGQFUL": 0.2},
            "silence_share": 0.01,
            "drop_every_s": 2,
            "drop_after": 9,
            "ids": {"form": "decimal-hex"},
            "receipts": {
                "form": "both",
                "delay_ms": 50,
                "outcomes": {"UNDELIV": 0.1},
                "repeat_share": 0.2,
            },
            "replies": {"share": 0.5, "delay_ms": 7},
            "record": {"submits": 10},
            "refuse_status": 8,
        },
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--delay", "soon"], "options: delay_ms"),
        (["--status", "ESME_RTHROTTLED"], "options: 'ESME_RTHROTTLED': WORD=SHARE"),
        (["--receipts", "sms"], "options: receipts.form"),
        (["--config", "/no/such/file.toml"], "/no/such/file.toml"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        of(*arguments)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("rate = \n")
    with pytest.raises(ConfigError, match=r"s\.toml: Invalid value"):
        of("--config", str(path))
