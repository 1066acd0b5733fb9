"""An audit in a folder of its own, and ways to spoil it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.audit.check import Fault, check
from gateway.audit.keeper import Audit
from gateway.audit.lines import Line, files_in, stamp

NOW = 1_784_030_400_000
"""2026-07-14T12:00:00Z."""
DAY = 86_400_000
Make = Callable[..., Audit]


def line(number: int, at: int = NOW) -> Line:
    """A decision of the message ``number``."""
    return Line(
        at=stamp(at),
        id=f"{number:024x}",
        client="crm",
        creditor="banco",
        to=f"569{number:08d}",
        outcome="send",
        rule="CL/prudent",
        hash="0123456789abcdef",
        zones=("America/Santiago",),
        local=("Tue 2026-07-14 08:00:00 -0400",),
        source="libphonenumber",
        carrier="andina",
    )


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Opens an audit of the node ``gw1``; closed after the test."""
    made: list[Audit] = []

    def make(now: int = NOW, **settings: int) -> Audit:
        audit = Audit(tmp_path / "audit", "gw1", **settings)
        made.append(audit)
        audit.open(now)
        return audit

    yield make
    for audit in made:
        if not audit.away:
            audit.close()


def close(audit: Audit) -> None:
    """Close, and wait for what is to be compressed."""
    audit._packer.submit(lambda: None).result()
    audit.close()
    audit._packer.shutdown()


def paths(folder: Path) -> list[Path]:
    return [file.path for file in files_in(folder)]


def lines(path: Path) -> list[bytes]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return file.readlines()


def rewrite(path: Path, kept: list[bytes]) -> None:
    """Other lines instead, and the times as they were."""
    octets, stat = b"".join(kept), path.stat()
    path.write_bytes(gzip.compress(octets) if path.suffix == ".gz" else octets)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def faults(*where: Path) -> list[Fault]:
    return [fault for report in check(where) for fault in report.faults]
