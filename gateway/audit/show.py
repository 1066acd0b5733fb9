"""``recado audit verify`` and ``recado audit show``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.audit.check import Report, check
from gateway.audit.lines import files_in, parse, read, stamp
from gateway.policy.zones import normal


def verify(paths: Sequence[Path], *, heads: bool = True) -> int:
    """Print what there is and what is wrong with it; 0 when nothing is."""
    reports = check(paths, heads=heads)
    if not reports:
        print(f"no audit in {', '.join(map(str, paths))}", file=sys.stderr)
        return 1
    for report in reports:
        print("\n".join(_lines(report)))
    return 1 if any(report.faults for report in reports) else 0


def _lines(report: Report) -> Iterator[str]:
    state = "whole" if not report.faults else "BROKEN"
    yield (
        f"{report.node}: {state}: {report.lines:,} lines in {report.files:,} files"
        + (f", {report.first} to {report.last}" if report.first else "")
    )
    for fault in report.faults:
        yield f"  {fault.file}, line {fault.line}: {fault.what}: {fault.detail}"
    for note in report.notes:
        yield f"  note: {note}"


def show(folder: Path, *, id: str, to: str, since_ms: int, as_json: bool) -> int:
    """Print the decisions of one message or number, oldest first; 0 when there are any."""
    found = 0
    for words in _find(folder, id, normal(to), since_ms):
        found += 1
        print(json.dumps(words, ensure_ascii=False) if as_json else "\n".join(_shown(words)))
    if not found:
        print("no decision of it is on record here", file=sys.stderr)
    return 0 if found else 1


def _find(folder: Path, id: str, to: str, since_ms: int) -> Iterator[dict[str, Any]]:
    day = (datetime.fromtimestamp(since_ms / 1000, UTC) - timedelta(days=1)).date()
    needle = f'"id":"{id}"' if id else f'"to":"{to}"'
    for file in files_in(folder):
        if date.fromisoformat(file.day) < day:
            continue
        for line in read(file):
            if needle.encode() not in line:
                continue
            link = parse(line)
            words = json.loads(link.body) if link else {}
            if words.get("id" if id else "to") == (id or to) and words["at"] >= stamp(since_ms):
                yield {"node": file.node, "file": file.path.name} | words


def _shown(words: dict[str, Any]) -> Iterator[str]:
    detail = f" ({words['detail']})" if "detail" in words else ""
    reason = f": {words['reason']}{detail}" if "reason" in words else ""
    until = f", until {words['until']}" if "until" in words else ""
    yield f"{words['at']} {words['id']} to +{words['to']}: {words['outcome']}{reason}{until}"
    if "rule" in words:
        yield f"  rule     {words['rule']} ({words.get('hash', '')})"
    for zone, local in zip(words.get("zones", ()), words.get("local", ()), strict=False):
        yield f"  zone     {zone}: {local}"
    if "source" in words:
        yield f"  zones by {words['source']}"
    yield f"  contacts {words.get('counted', 0)} of late that count"
    if "lists" in words:
        yield f"  lists    {', '.join(words['lists'])}"
    creditor = f"{words['creditor']}, debtor {words.get('debtor') or '+' + words['to']}"
    yield f"  for      {words['client']}, creditor {creditor}"
    yield f"  line     {words['n']} of {words['node']}, in {words['file']}"
