"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path

from benchmarks.store import server_binary


@cache
def describe() -> dict[str, str | int]:
    """CPU, cores, memory, kernel, Python and store version of this machine."""
    return {
        "cpu": _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(_first(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)") or 0) // 1024,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "store": _store_version(),
    }


def load_average() -> float:
    """Processes that wanted a core in the last minute: a calm machine is near 0 at the start."""
    return os.getloadavg()[0]


def _first(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else ""


def _store_version() -> str:
    command = [server_binary(), "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    name = "Valkey" if "valkey" in text.lower() else "Redis"
    found = re.search(r"v=([\d.]+)", text)
    return f"{name} {found[1] if found else '?'}"
