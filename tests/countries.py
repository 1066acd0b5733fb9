"""The smallest file of a country: Chile in one zone, all its profiles alike."""

from __future__ import annotations

HEAD = """
country = "CL"
name = "Chile"
effective_from = 2021-04-20
zones = ["America/Santiago"]
[[sources]]
law = "none"
address = "https://example.org"
"""


def chile(windows: str, caps: str = "", keys: str = "") -> str:
    """Open in these windows every day (``"08:00-20:00"``, quotes included), with caps and keys."""
    text = HEAD
    for name in ("text", "prudent", "transactional"):
        text += f'[profiles.{name}]\nsource = "none"\n{keys}\n'
        text += f"[profiles.{name}.windows]\nmon-sun = [{windows}]\n"
        if caps:
            text += f"[profiles.{name}.caps]\n{caps}\n"
    return text
