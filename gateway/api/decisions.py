"""What the contact rules said of a message, as callers see it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from gateway.api.shapes import DecisionView
from gateway.api.tally import rfc3339
from gateway.policy.calendar import local_text
from gateway.policy.calendars import Calendar, Calendars
from gateway.policy.decide import Rulebook
from gateway.policy.packed import Packed, calendar_of, lists, unpack
from gateway.policy.zones import NOWHERE
from gateway.store import Store

MOST_TOLD = 1_024


class Decisions:
    """Expands packed decisions: what a calendar stands for is known here, or by the store."""

    def __init__(self, store: Store, calendars: Calendars | None) -> None:
        self._store = store
        self._calendars = calendars or Calendars(Rulebook(()))
        self._told = lru_cache(MOST_TOLD)(self._expanded)

    async def learn(self, texts: Iterable[str]) -> None:
        """Ask the store for the calendars of these that this process does not know."""
        names = {calendar_of(text) for text in texts if text}
        unknown = self._calendars.unknown(names)
        if unknown:
            self._told.cache_clear()
        for name, blob in (await self._store.queue.defined(unknown)).items():
            self._calendars.learn(name, blob)

    def view(self, text: str) -> DecisionView | None:
        """A record's decision, once its calendar is known; None: there is none."""
        if not text:
            return None
        packed = unpack(text)
        calendar = self._calendars.of(packed.calendar)
        place = calendar.place if calendar is not None else NOWHERE
        return DecisionView(
            at=rfc3339(packed.at),
            outcome=packed.outcome,
            reason=packed.reason or None,
            detail=packed.detail or None,
            until=None if packed.until is None else rfc3339(packed.until),
            rule=_rule(packed, calendar),
            hash=packed.hash or None,
            zones=list(place.zones),
            local=[local_text(zone, packed.at) for zone in place.zones],
            source=place.source,
            counted=packed.counted,
            lists=lists(packed.listed),
        )

    def told(self, text: str) -> dict[str, str | None]:
        """What an event says of a decision."""
        return self._told(text.partition(" ")[2])

    def _expanded(self, said: str) -> dict[str, str | None]:
        """The same of all but its time: many have the rest in common."""
        packed = unpack(f"0 {said}")
        words: dict[str, str | None] = {}
        if packed.hash:
            words = {
                "rule": _rule(packed, self._calendars.of(packed.calendar)),
                "hash": packed.hash,
            }
        if packed.detail:
            words["detail"] = packed.detail
        if packed.outcome == "wait":
            words["until"] = None if packed.until is None else rfc3339(packed.until)
        return words


def _rule(packed: Packed, calendar: Calendar | None) -> str | None:
    """The rule's name; None where no rule was found."""
    if calendar is None or not packed.hash:
        return None
    return f"{calendar.place.country}/{calendar.profile}"
