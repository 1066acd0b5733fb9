"""``recado explain`` and ``recado calendar``, without a gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway import cli

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def explain(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["explain", "--json", *arguments]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "vector", json.loads((ROOT / "tests/data/quiet_hours.json").read_text()), ids=lambda v: v["utc"]
)
def test_a_vector(vector: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """As asked on the command line: country, zones, time."""
    zones = ",".join(vector["zones"])
    arguments = ("--policy", vector["country"].lower(), "--zones", zones, "--at", vector["utc"])
    answer = explain(capsys, *arguments, "--profile", "text")
    if vector["country"] == "US":
        assert (answer["allowed"], answer["reason"]) == (False, "country_off")
        return
    assert answer["allowed"] is vector["allowed"]
    assert answer["why"] == vector["why"]
    assert answer["zones"] == vector["zones"]
    assert answer["local"][0] == vector["local_first"]


def test_a_number_in_quiet_hours(capsys: pytest.CaptureFixture[str]) -> None:
    answer = explain(capsys, "--to", "+56981234567", "--at", "2026-07-14T20:30:00-04:00")
    assert (answer["allowed"], answer["reason"]) == (False, "quiet_hours")
    assert (answer["at"], answer["next"]) == ("2026-07-15T00:30:00Z", "2026-07-15T12:00:00Z")
    assert answer["rule"] == "CL/prudent"
    assert len(answer["hash"]) == 16
    assert answer["zones_from"] == "prefix"
    assert set(answer["data"]) == {"tzdata", "holidays", "phonenumbers"}
    assert any(doubt.startswith("windows: ") for doubt in answer["uncertain"])


def test_a_number_that_may_be_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    answer = explain(capsys, "--to", "+56981234567", "--at", "2026-07-14T16:00:00Z")
    assert (answer["allowed"], answer["reason"]) == (True, "open")
    assert (answer["next"], answer["closes"]) == ("2026-07-14T16:00:00Z", "2026-07-14T23:00:00Z")


def test_what_is_stored_of_the_recipient(capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--at", "2026-07-14T13:00:00Z")
    answer = explain(capsys, "--to", "+56981234567", "--region", "Isla de Pascua", *at)
    assert (answer["zones"], answer["allowed"]) == (["Pacific/Easter"], False)
    answer = explain(capsys, "--to", "+56912345678", "--zones", "America/Santiago", *at)
    assert (answer["zones_from"], answer["allowed"]) == ("zone", True)


def test_campaign_hours(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--policy", "CO", "--at", "2026-07-14T13:30:00Z")
    assert explain(capsys, *arguments)["allowed"]
    answer = explain(capsys, *arguments, "--hours", "mon-fri=09:00-12:00,14:00-22:00")
    assert (answer["allowed"], answer["next"]) == (False, "2026-07-14T14:00:00Z")


def test_hours_that_never_meet(capsys: pytest.CaptureFixture[str]) -> None:
    answer = explain(capsys, "--to", "+56981234567", "--hours", "sun=10:00-12:00")
    assert (answer["allowed"], answer["reason"], answer["next"]) == (False, "closed", None)
    assert answer["why"].startswith("the hours never open")


def test_what_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    answer = explain(capsys, "--to", "+56912345678")
    assert (answer["reason"], answer["next"], answer["rule"]) == ("unknown_zone", None, None)
    assert explain(capsys, "--to", "+59172345678")["reason"] == "no_policy"
    assert explain(capsys, "--to", "+12125551234")["reason"] == "country_off"


def test_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "--to", "+573001234567", "--at", "2026-07-13T15:00:00Z"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "+573001234567: may not go at 2026-07-13T15:00:00Z",
        "  why        quiet_hours: holiday 2026-07-13 in America/Bogota",
        "  next       2026-07-14T13:00:00Z",
    ]
    assert cli.main(["explain", "--to", "+573001234567", "--at", "2026-07-14T15:00:00Z"]) == 0
    assert "  until      2026-07-15T00:00:00Z" in capsys.readouterr().out.splitlines()


YEARS = "allowed: the years 1970 to 2199"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain",), "name a number with --to"),
        (("explain", "--policy", "xx"), "no file has the country 'XX'; known: AR, BR, CL"),
        (("explain", "--policy", "cl", "--at", "2026-07-14T08:00:00"), "a time with its offset"),
        (("explain", "--policy", "cl", "--at", "noon"), "found 'noon'"),
        (("explain", "--policy", "cl", "--zones", "Mars"), "the tz database has no 'Mars'"),
        (("explain", "--policy", "cl", "--region", "Tolima"), "Chile has no region 'Tolima'; it"),
        (("explain", "--to", "+56981234567", "--region", "Isla de Pasqua"), "is 'Isla de Pascua'"),
        (("explain", "--to", "+573001234567", "--region", "Cali"), "the rules have no regions of"),
        (("explain", "--to", "+56981234567", "--policy", "mx"), "a number of CL, not of MX"),
        (("explain", "--to", "hola", "--policy", "cl"), "hola is no country's number, not of CL"),
        (("explain", "--to", "+56981234567", "--at", "9999-12-31T23:59:59-04:00"), YEARS),
        (("explain", "--policy", "cl", "--at", "0001-01-01T00:00:00+14:00"), YEARS),
        (("calendar", "cl", "--week", "--at", "2200-01-01T00:00:00Z"), YEARS),
        (("calendar", "cl", "--at", "1969-12-31T23:59:59Z"), YEARS),
        (("explain", "--policy", "cl", "--hours", "mon=9"), "--hours: mon[0]: found"),
        (("explain", "--policy", "cl", "--at", "1999-01-01T00:00Z"), "no file of CL is in force"),
        (("explain", "--policy", "cl", "--config", "nowhere.toml"), "nowhere.toml: no such file"),
        (("calendar", "xx"), "no file has the country 'XX'"),
    ],
)
def test_a_mistake_ends_with_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *arguments)


def test_the_years_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """The first and the last of them are answered."""
    for at in ("1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"):
        assert explain(capsys, "--to", "+56981234567", "--at", at)["zones"]
    asks = ["calendar", "CL", "--week", "--json", "--at", "2199-12-31T12:00:00Z"]
    assert cli.main(asks) == 0
    assert len(json.loads(capsys.readouterr().out)["days"]) == 7


def test_the_profile_is_the_configurations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the gateway would decide; --profile asks another."""
    main = tmp_path / "gateway.toml"
    asks = ("--to", "+525512345678", "--at", "2026-11-25T07:30:00-06:00", "--config", str(main))
    main.write_text('[policy]\nprofile = "text"\n')
    answer = explain(capsys, *asks)
    assert (answer["rule"], answer["allowed"]) == ("MX/text", True)
    answer = explain(capsys, *asks, "--profile", "prudent")
    assert (answer["rule"], answer["allowed"]) == ("MX/prudent", False)
    assert cli.main(["calendar", "MX", "--json", "--config", str(main)]) == 0
    assert json.loads(capsys.readouterr().out)["rule"] == "MX/text"
    main.write_text("")
    assert explain(capsys, *asks)["rule"] == "MX/prudent"
    main.write_text('[policy]\nprofile = "off"\n')
    assert 'policy.profile is "off": no hours' in refused(capsys, "explain", *asks)
    assert explain(capsys, *asks, "--profile", "text")["allowed"]
    for wrong, said in (("[policy", "is no TOML"), ('policy.profile = "lax"', "found 'lax'")):
        main.write_text(wrong)
        assert said in refused(capsys, "explain", *asks)


def test_a_week(capsys: pytest.CaptureFixture[str]) -> None:
    """The week of Chile's national holidays."""
    assert cli.main(["calendar", "CL", "--week", "--at", "2026-09-16T12:00:00Z"]) == 0
    head, zones, *days = capsys.readouterr().out.splitlines()
    assert head.startswith("Chile, CL/prudent (")
    assert zones == (
        "times of America/Santiago, open in all of: "
        "America/Santiago, America/Punta_Arenas, America/Coyhaique"
    )
    assert days == [
        "  Mon 2026-09-14  08:00-20:00",
        "  Tue 2026-09-15  08:00-20:00",
        "  Wed 2026-09-16  08:00-20:00",
        "  Thu 2026-09-17  08:00-20:00",
        "  Fri 2026-09-18  closed (holiday)",
        "  Sat 2026-09-19  closed (holiday)",
        "  Sun 2026-09-20  closed",
    ]


def test_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--at", "2026-07-18T12:00:00Z")
    assert cli.main(["calendar", "br", "--region", "SP", "--json", *at]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["days"] == [{"date": "2026-07-18", "open": ["08:00-14:00"], "why": None}]
    assert cli.main(["calendar", "us", *at]) == 0
    assert "; off: nothing is sent there" in capsys.readouterr().out


def test_a_folder_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules beside the configuration that is named; a mistake in them ends with 2."""
    (tmp_path / "gateway.toml").write_text("")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "x.toml").write_text("country = 5")
    said = refused(capsys, "explain", "--policy", "cl", "--config", f"{tmp_path}/gateway.toml")
    assert "policies/x.toml: country: found 5; allowed: a country of ISO 3166-1" in said
