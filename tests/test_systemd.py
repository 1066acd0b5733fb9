"""The units: what systemd thinks of them, and that they fit the program."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from gateway import cli
from gateway.config import Lifecycle

UNITS = Path(__file__).parent.parent / "systemd"
NAMES = ("recado.service", "recado-store.service")


def unit(name: str) -> configparser.ConfigParser:
    """A unit's sections; of a key that is repeated, the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name, encoding="utf-8")
    return parser


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Both units in one folder, their program a file that can be run."""
    program = tmp_path / "recado"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name in NAMES:
        text = (UNITS / name).read_text(encoding="utf-8")
        text, count = re.subn(r"(?m)^(Exec\w+=)\S+", rf"\g<1>{program}", text)
        assert count == 1
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def verify(path: Path) -> tuple[int, str]:
    """The exit status of systemd-analyze verify, and what it says of our files."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed: on Debian, apt install systemd")
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "SYSTEMD_LOG_COLOR": "0"},
    )
    lines = done.stderr.splitlines()
    return done.returncode, "\n".join(line for line in lines if "recado" in line)


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_wrong(installed: Path, name: str) -> None:
    assert verify(installed / name) == (0, "")


def test_systemd_would_find_a_wrong_key(installed: Path) -> None:
    """The check above can fail."""
    path = installed / "recado.service"
    path.write_text(path.read_text(encoding="utf-8").replace("KillMode=", "Kilmode="))
    assert "Unknown key" in verify(path)[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_is_one_of_ours(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The parser takes it; the configuration it names is not there."""
    _, command, *options = unit(name)["Service"]["ExecStart"].split()
    options[options.index("--config") + 1] = "/nonexistent/gateway.toml"
    assert cli.main([command, *options]) == 2
    assert "no such file" in capsys.readouterr().err


def test_the_gateway_says_when_it_is_ready_and_drains_before_it_is_killed() -> None:
    service = unit("recado.service")["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > Lifecycle().drain_seconds
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"


def test_the_store_goes_last() -> None:
    """systemd stops in the opposite order: After the store means stopped before it."""
    gateway = unit("recado.service")["Unit"]
    assert "recado-store.service" in gateway["After"].split()
    assert "recado-store.service" in gateway["Wants"].split()
    assert "PartOf" not in unit("recado-store.service")["Unit"]
    assert "--store-apart" in unit("recado.service")["Service"]["ExecStart"].split()


def test_both_share_an_account_and_its_folder() -> None:
    first, second = (unit(name)["Service"] for name in NAMES)
    for key in ("User", "Group", "StateDirectory", "StateDirectoryMode", "ProtectSystem"):
        assert first[key] == second[key]
    account = (UNITS / "recado.sysusers").read_text(encoding="utf-8")
    assert re.search(rf"^u {first['User']} ", account, re.MULTILINE)
