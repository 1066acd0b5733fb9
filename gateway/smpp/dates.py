"""The dates of receipts: ten to fourteen digits in an order that every carrier chooses for itself.

Appendix B has YYMMDDhhmm. Others add seconds, or a century, or begin with the day, or write the
seconds since 1970; and several of these can be read in one and the same digits. A receipt is
about what has just happened, so of all readings that are dates the one nearest to now is it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

EARLIEST: Final = timedelta(days=31)
LATEST: Final = timedelta(days=2)
"""What is further from now is no date of a receipt: carriers keep a message for days, and clocks
and zones differ by hours."""

HOUR: Final = 3600
LAST_HOUR: Final = 2**26
"""In the year 9625."""

_FORMS: Final = {
    10: ("%y%m%d%H%M", "%d%m%y%H%M"),
    12: ("%y%m%d%H%M%S", "%Y%m%d%H%M", "%d%m%y%H%M%S", "%d%m%Y%H%M"),
    14: ("%Y%m%d%H%M%S", "%d%m%Y%H%M%S"),
}
"""By the number of digits, the likelier first."""
_PARTS: Final = {"%y": 2, "%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
_BETWEEN: Final = re.compile(r"[-/:. T]")
_ABSOLUTE: Final = re.compile(r"(\d{12})\d(\d\d)[-+]", re.ASCII)
"""The time format of SMPP 3.4 (7.1.1): tenths of a second and quarters of an hour follow."""


@lru_cache(maxsize=4_096)
def told_at(text: str, hour: int) -> str:
    """A receipt's date as ``2026-11-22T05:04:11``, or nothing where no reading is plausible.

    By the carrier's clock, in the zone that it keeps and does not name. ``hour``: now, in hours
    since the epoch, UTC. Total.
    """
    now = datetime.fromtimestamp(min(max(hour, 0), LAST_HOUR) * HOUR, UTC).replace(tzinfo=None)
    best: tuple[timedelta, datetime] | None = None
    for read in _readings(text[:32]):
        if -EARLIEST <= read - now <= LATEST:
            far = abs(read - now)
            if best is None or far < best[0]:
                best = (far, read)
    return best[1].isoformat(timespec="seconds") if best else ""


def _readings(text: str) -> Iterator[datetime]:
    absolute = _ABSOLUTE.fullmatch(text)
    digits = absolute[1] if absolute else _BETWEEN.sub("", text)
    if not (digits.isascii() and digits.isdigit()):
        return
    for form in _FORMS.get(len(digits), ()):
        read = _read(digits, form)
        if read is not None:
            yield read
    if len(digits) in (10, 13):
        seconds = int(digits[:10])
        yield datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _read(digits: str, form: str) -> datetime | None:
    """``digits`` by ``form``, which says of all of them what they are; None for no date."""
    parts: dict[str, int] = {}
    at = 0
    for key in re.findall("%.", form):
        size = _PARTS[key]
        parts[key] = int(digits[at : at + size])
        at += size
    year = parts["%Y"] if "%Y" in parts else 2000 + parts["%y"]
    try:
        return datetime(
            year, parts["%m"], parts["%d"], parts["%H"], parts["%M"], parts.get("%S", 0)
        )
    except ValueError:
        return None
