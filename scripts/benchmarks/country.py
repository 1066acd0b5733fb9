"""Contact rules to measure with: Chile's zones and caps, with hours of the benchmark's own."""

from __future__ import annotations

from pathlib import Path

from benchmarks.processes import ROOT


def chile(**windows: list[str]) -> str:
    """Chile's file, its prudent profile without holidays, and open in these windows."""
    text = (ROOT / "config" / "policies" / "chile.toml").read_text()
    before, profile, rest = text.partition("[profiles.prudent.windows]")
    after = rest[rest.index("[profiles.prudent.caps]") :]
    lines = "".join(f'{days} = ["{", ".join(found)}"]\n' for days, found in windows.items())
    return f"{before}{profile}\n{lines.replace('_', '-')}\n{after}"


def always() -> str:
    """Open at every hour of every day."""
    return chile(mon_sun=["00:00-24:00"])


def from_minute(minute: int) -> str:
    """Shut until a minute of the day (in Chile's summer all its zones show the same), then open."""
    begins = f"{minute // 60:02}:{minute % 60:02}-24:00"
    return chile(mon_sun=[begins])


def written(folder: Path, rules: str) -> Path:
    """The file of a configuration whose folder has these rules."""
    (folder / "policies").mkdir()
    (folder / "policies" / "country.toml").write_text(rules)
    return folder / "gateway.toml"
