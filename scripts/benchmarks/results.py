"""What a scenario hands back, and how it is printed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from benchmarks import machine

Settings = dict[str, str | int | float | bool]


@dataclass
class Check:
    """One thing that must hold, and what was found."""

    must: str
    figure: float
    unit: str
    passed: bool
    baseline: float | None = None

    @property
    def ratio(self) -> float | None:
        """The figure as a share of the baseline's of the same run."""
        return self.figure / self.baseline if self.baseline else None

    def line(self) -> str:
        """One line for people."""
        text = f"  {'pass' if self.passed else 'FAIL'}  {self.must}: {self.figure:,.6g} {self.unit}"
        if self.baseline is not None and self.ratio is not None:
            text += f" (baseline {self.baseline:,.6g}, ratio {self.ratio:.2f})"
        return text

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        ratio = None if self.ratio is None else round(self.ratio, 4)
        return {
            "must": self.must,
            "figure": round(self.figure, 3),
            "unit": self.unit,
            "baseline": None if self.baseline is None else round(self.baseline, 3),
            "ratio": ratio,
            "passed": self.passed,
        }


@dataclass
class Result:
    """One scenario: its settings, its checks, and figures that only explain."""

    scenario: str
    settings: Settings = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    load_average: float = field(default_factory=machine.load_average)

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def at_least(self, must: str, figure: float, share: float, baseline: float, unit: str) -> None:
        """Check that the figure is at least a share of the baseline's."""
        self.checks.append(Check(must, figure, unit, figure >= share * baseline, baseline))

    def holds(self, must: str, figure: float, unit: str, passed: bool) -> None:
        """Check something that has no baseline."""
        self.checks.append(Check(must, figure, unit, passed))

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "scenario": self.scenario,
            "passed": self.passed,
            "settings": self.settings,
            "checks": [check.plain() for check in self.checks],
            "notes": self.notes,
            "load_average_at_start": round(self.load_average, 2),
        }

    def show(self) -> None:
        """Print for people."""
        print(f"\n{self.scenario}: {'pass' if self.passed else 'FAIL'}")
        print("  " + ", ".join(f"{name} {value}" for name, value in self.settings.items()))
        for check in self.checks:
            print(check.line())
        for name, value in self.notes.items():
            print(f"        {name}: {value}")


def progress(text: str) -> None:
    """What is under way, for people who wait; never on standard output."""
    print(f"... {text}", file=sys.stderr, flush=True)


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-len(ordered) * share // 1) - 1))]


def median(values: list[float]) -> float:
    """The middle value; the lower of two."""
    return percentile(values, 0.5)
