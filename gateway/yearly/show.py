"""The command: reads the rules, runs the year, prints what it came to."""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from gateway import policies
from gateway.config import SEARCHED
from gateway.errors import ConfigError
from gateway.policy.daysoff import EPOCH
from gateway.policy.decide import Rulebook
from gateway.policy.rules import Policy
from gateway.yearly.checker import Checker, changes
from gateway.yearly.figures import WAITS
from gateway.yearly.people import DAY, debtors, events
from gateway.yearly.year import Setting, Slow, Year

COLUMNS = ("messages", "sent", "segments", "expired", "blocked", "canceled", "backlog")
PEOPLE_A_SEGMENT = 120_000
"""Debtors for each segment a second, where no rate is named: the days of many dues overflow."""


def main(options: argparse.Namespace) -> int:
    """``recado simulate-year``. Raises Broken at the first message that the rules forbid."""
    book = _book(options.config)
    policy = _policy(book, options.policy.upper(), options.year)
    rate = options.rate or options.debtors / PEOPLE_A_SEGMENT
    started = time.monotonic()
    year = simulate(
        book,
        policy,
        options.profile,
        people=options.debtors,
        rate=rate,
        year=options.year,
        seed=options.seed,
        margin_ms=int(options.margin * 1000),
    )
    found = {
        "policy": f"{policy.country}/{options.profile}",
        "year": options.year,
        "debtors": options.debtors,
        "rate": round(rate, 3),
        "seed": options.seed,
        "zones": sorted(year.zones),
        "clocks change": [
            f"{day} {zone}" for day, zone in changes(sorted(year.zones), options.year)
        ],
        **year.figures.plain(),
        "checked": {"segments": year.checker.segments, "times": year.checker.cells},
        "took_seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(found) if options.json else "\n".join(_lines(found)))
    return 0


def simulate(
    book: Rulebook,
    policy: Policy,
    profile: str,
    *,
    people: int,
    rate: float,
    year: int,
    seed: int = 1,
    margin_ms: int = 30_000,
) -> Year:
    """One year of a country. Raises Broken."""
    chance = random.Random(seed)
    crowd = debtors(book, policy, people, chance)
    happens = events(crowd, year, chance)
    setting = Setting(profile, rate, margin_ms, slow_hours(year, chance))
    checker = Checker(book.policies, policy.country, profile)
    run = Year(book, crowd, happens, setting, checker)
    run.run()
    return run


def slow_hours(year: int, chance: random.Random) -> tuple[Slow, ...]:
    """Forty times in the year the carrier is slow or takes nothing, often towards the evening."""
    first = date(year, 1, 1).toordinal() - EPOCH
    found: list[Slow] = []
    for day in sorted(chance.sample(range(365), 40)):
        begins = (first + day) * DAY + chance.randint(12 * 60, 24 * 60) * 60_000
        minutes = chance.choice((2, 20, 60, 180))
        found.append(Slow(begins, begins + minutes * 60_000, chance.choice((0.0, 0.02, 0.1))))
    return tuple(found)


def _book(named: str | None) -> Rulebook:
    if named is not None and not Path(named).is_file():
        raise ConfigError([f"{named}: no such file"])
    found = Path(named) if named else next((p for p in SEARCHED if p.is_file()), None)
    return policies.load(found)


def _policy(book: Rulebook, country: str, year: int) -> Policy:
    """The country's latest file that is in force at the year's end."""
    own = [p for p in book.policies if p.country == country and p.effective_from.year <= year]
    if not own:
        known = ", ".join(sorted({policy.country for policy in book.policies}))
        raise ConfigError([f"no file of '{country}' is in force in {year}; known: {known}"])
    if not own[-1].enabled:
        raise ConfigError([f"{own[-1].name} is off: enabled = false"])
    return own[-1]


def _lines(found: dict[str, Any]) -> Iterator[str]:
    counts = found["counts"]
    yield (
        f"{found['policy']}, {found['year']}: {found['debtors']:,} debtors, "
        f"{found['rate']:g} segments a second, seed {found['seed']}"
    )
    for name in ("messages", "sent", "segments", "expired", "blocked", "canceled", "touches"):
        yield f"  {name:<16} {counts.get(name, 0):>12,}"
    for name in sorted(name for name in counts if name.startswith(("put off", "cut"))):
        yield f"  {name:<32} {counts[name]:>12,}"
    yield "  waited for       messages        p50        p90        p99        max"
    for why in ("all", *WAITS):
        row = found["waited_seconds"][why]
        shown = "".join(f"{_span(row.get(p, 0)):>11}" for p in ("p50", "p90", "p99", "max"))
        yield f"  {why:<14} {row['messages']:>10,}{shown}"
    yield f"  longest backlog on open lanes: {found['longest_backlog']:,} messages"
    yield "  month   " + "".join(f"{name:>11}" for name in COLUMNS)
    for name, row in found["by_month"].items():
        yield f"  {name} " + "".join(f"{row.get(column, 0):>11,}" for column in COLUMNS)
    yield f"  clocks change: {', '.join(found['clocks change']) or 'on no day'}"
    checked = found["checked"]
    yield (
        f"  checked: {checked['segments']:,} segments at {checked['times']:,} times; "
        f"none outside hours, no cap broken ({found['took_seconds']} s)"
    )


def _span(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours or rest else "0"
