"""Messages that ended before they left: on record too, with what the rules were then."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.audit.keeper import Audit
from gateway.audit.lines import Line, stamp
from gateway.policy.calendar import local_text
from gateway.policy.calendars import Calendars
from gateway.policy.packed import LIST_OF_REASON
from gateway.store.keys import FIXED, UNIT


class EndedLines:
    """Hears of them (:data:`gateway.store.types.Ended`)."""

    def __init__(self, audit: Audit, calendars: Calendars) -> None:
        self._audit = audit
        self._calendars = calendars

    def __call__(self, rows: Sequence[bytes], now_ms: int) -> None:
        """Put them on record: at once, or as soon as it can be written."""
        if rows:
            self._audit.note([self._line(row.decode(), now_ms) for row in rows], now_ms)

    def _line(self, row: str, now_ms: int) -> Line:
        id, reason, creditor, *fixed = row.split(UNIT)
        known = dict(zip(FIXED, fixed, strict=True))
        rule, place = self._calendars.rule(known["calendar"], now_ms)
        return Line(
            at=stamp(now_ms),
            id=id,
            client=known["client"],
            campaign=known["campaign"],
            creditor=creditor,
            debtor=known["debtor"],
            to=known["to"],
            outcome="discard",
            reason=reason,
            rule=rule.name if rule else "",
            hash=rule.hash if rule else "",
            zones=place.zones,
            local=tuple(local_text(zone, now_ms - now_ms % 1000) for zone in place.zones),
            source=place.source,
            lists=LIST_OF_REASON.get(reason, ()),
        )
