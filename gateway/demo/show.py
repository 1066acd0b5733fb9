"""``recado demo``: 20,000 messages over SMPP, watched until every one has its end."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.demo import campaign
from gateway.demo.parts import (
    DemoFailed,
    Gateway,
    Process,
    carrier_script,
    free_port,
    gateway_config,
)

FINAL = ("delivered", "undelivered", "expired", "rejected", "failed", "canceled", "blocked")
LONGEST_SECONDS = 110.0
HEAD = "    time  accepted   queued     sent delivered   failed  replies    rate  limited by"


def main(count: int = 20_000, keep: bool = False) -> int:
    """Run the demonstration; 0 only if every accepted message reached a final state.

    ``keep`` leaves its folder (logs, configuration, CSV) behind. Raises :class:`DemoFailed`.
    """
    folder = Path(tempfile.mkdtemp(prefix="recado-demo-"))
    smpp, http = free_port(), free_port()
    gateway = Gateway(http)
    (folder / "carrier.toml").write_text(carrier_script(smpp))
    config = folder / "gateway.toml"
    config.write_text(gateway_config(folder / "state", http, smpp, gateway.key_sha256))
    config.chmod(0o600)
    print(f"recado demo: everything is in {folder}")
    processes: list[Process] = []
    try:
        processes.append(_start("carrier", ["simulate", "--config", "carrier.toml"], folder))
        processes.append(_start("gateway", ["run", "--config", "gateway.toml"], folder))
        gateway.wait_ready(processes[-1])
        complete = _drive(gateway, processes, folder, count)
    finally:
        for process in reversed(processes):
            process.stop()
    _say_where_next(folder, keep)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if complete else 1


def _start(name: str, arguments: list[str], folder: Path) -> Process:
    arguments = [*arguments[:-1], str(folder / arguments[-1])]
    return Process(name, arguments, folder / f"{name}.log")


def _drive(gateway: Gateway, processes: list[Process], folder: Path, count: int) -> bool:
    """Create, submit, watch, report; whether every accepted message came to an end."""
    campaigns = {
        "bulk": _campaign(gateway, "Recordatorio de cuota", "bulk"),
        "urgent": _campaign(gateway, "Claves de pago", "urgent"),
    }
    path = folder / "messages.csv"
    campaign.write(path, campaigns, count, max(1, count // 20))
    print(f"submitting {count:,} rendered messages from {path.name} ...")
    started = time.monotonic()
    answer = gateway.upload(path)
    seconds = time.monotonic() - started
    print(
        f"  accepted {answer['accepted']:,} ({answer['segments']:,} segments), "
        f"rejected {answer['rejected']:,}, in {seconds:.1f} s"
    )
    complete = _watch(gateway, processes, campaigns, answer["accepted"])
    for name, id in campaigns.items():
        _print_report(name, gateway.call("GET", f"/v1/campaigns/{id}/report"))
    return complete and answer["accepted"] == count


def _campaign(gateway: Gateway, name: str, priority: str) -> str:
    body = {"name": name, "priority": priority, "from": "3450"}
    return str(gateway.call("POST", "/v1/campaigns", body)["id"])


def _watch(
    gateway: Gateway, processes: list[Process], campaigns: dict[str, str], accepted: int
) -> bool:
    """A line a second until all have their end, or the time is over."""
    print(HEAD)
    started, lines = time.monotonic(), 0
    while True:
        for process in processes:
            process.check()
        now = time.monotonic() - started
        counts = _counts(gateway, campaigns)
        carrier = gateway.call("GET", "/v1/carriers")["items"][0]
        ended = sum(counts.get(state, 0) for state in FINAL)
        waiting = counts.get("queued", 0) + counts.get("scheduled", 0)
        print(
            f"{now:7.1f}s {accepted:9,} {waiting:8,} {accepted - waiting:8,} "
            f"{counts.get('delivered', 0):9,} {ended - counts.get('delivered', 0):8,} "
            f"{counts['replies']:8,} {carrier['sending_rate']:7.0f}  {carrier['limited_by']}"
        )
        lines += 1
        if ended >= accepted:
            return True
        if now > LONGEST_SECONDS:
            print(f"not ended after {LONGEST_SECONDS:.0f} s: {accepted - ended:,} without an end")
            return False
        sys.stdout.flush()
        time.sleep(max(0.0, started + lines - time.monotonic()))


def _counts(gateway: Gateway, campaigns: dict[str, str]) -> dict[str, int]:
    total: dict[str, int] = {"replies": 0}
    for id in campaigns.values():
        report = gateway.call("GET", f"/v1/campaigns/{id}/report")
        total["replies"] += report["replies"]
        for state, number in report["by_state"].items():
            total[state] = total.get(state, 0) + number
    return total


def _print_report(name: str, report: dict[str, Any]) -> None:
    states = ", ".join(f"{state} {number:,}" for state, number in report["by_state"].items())
    print(f"\ncampaign {name}: {report['messages']:,} messages, {report['segments']:,} segments")
    print(f"  {states}")
    ordered = sorted(report["by_error"].items(), key=lambda item: -item[1])
    errors = ", ".join(f"{code}: {number:,}" for code, number in ordered)
    print(f"  errors by code: {errors or 'none'}; replies: {report['replies']:,}")


def _say_where_next(folder: Path, keep: bool) -> None:
    print("\nWhere to look next:")
    if keep:
        print(f"  {folder}: the configuration, the CSV and both logs")
    print("  README.md: your own carrier, step by step; config/gateway.toml: every setting")
    print("  recado check --config PATH, then recado run --config PATH")
    print("  docs/design.md: what is promised, and how it is kept")


__all__ = ["DemoFailed", "main"]
