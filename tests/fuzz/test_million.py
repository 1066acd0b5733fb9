"""One million mutated PDUs, half of them each way: none stops a session that keeps its framing.

They run in processes of their own, without coverage, which would make them three times as long. A
longer run, or another seed: ``scripts/bench fuzz --pdus 200000000``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PDUS, SEED = 500_000, 20_261_122
SECONDS = 220
"""At most, on a machine ten times as slow as a calm one."""


def started(reader: str, *words: str) -> subprocess.Popen[str]:
    """The fuzz of one direction, under way, its environment free of what starts coverage."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"
    command = [sys.executable, "-m", "benchmarks.fuzz", reader, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT)


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it found, once it has ended."""
    try:
        out, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_million_mutated_pdus() -> None:
    words = ("--pdus", str(PDUS), "--seed", str(SEED))
    processes = [started(reader, *words) for reader in ("esme", "smsc")]
    for found in list(map(said, processes)):
        assert found["wrong"] is None, found["wrong"]
        assert found["pdus"] == PDUS
        met = found["met"]
        ways = ("answer", "answered", "link", "end", "taken", "received", "malformed", "refused")
        assert min(met[way] for way in (*ways, "unknown", "framing lost", "framing shifted")) > 500
