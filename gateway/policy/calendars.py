"""Calendars: what messages have in common that may go at the same times. UTC milliseconds.

A message's lane names its calendar, so that a lane is read or not as a whole. A calendar is a
place (country, region, zones), a profile, and perhaps a campaign's own hours or those that the
recipient asked for; its name is made from these, so that every node makes the same. What the rules
say of it may change with a new file; the calendar stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from gateway.policy.calendar import NEVER
from gateway.policy.decide import Rule, Rulebook, opening
from gateway.policy.rules import Week
from gateway.policy.zones import NOWHERE, Place

ANY = "any"
"""The calendar of messages that no contact rule holds back."""
ANSWER = "answer"
"""The calendar of the one answer to a debtor who asks for no more: it goes at once, to him alone of
those who have opted out."""
ALWAYS = (ANY, ANSWER)
"""Always open."""
HELD = "held"
"""The calendar of recipients of whom nobody knows where they are: it never opens."""
LONGEST_LOOK = 60_000
"""The longest that "never" is believed: a country's first file may come into force."""


class Calendar(msgspec.Struct, frozen=True, array_like=True):
    """What a calendar stands for, as the store keeps it."""

    place: Place
    profile: str
    week: Week | None = None
    """A campaign's hours over the profile's."""
    asked: Week | None = None
    """The hours that the recipient asked for."""

    @property
    def stored(self) -> bool:
        """Is it made from what is stored of a recipient, which may change?"""
        return self.asked is not None or self.place.source in ("zone", "region")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Calendar).decode


class Calendars:
    """The calendars that this process knows."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.fresh: dict[str, bytes] = {}
        """Made here and not in the store yet: there before the first message of theirs."""
        self._known: dict[str, Calendar] = {HELD: Calendar(NOWHERE, "prudent")}
        self._names: dict[Calendar, str] = {}
        self._open: dict[str, int] = {}
        self._looks: dict[str, tuple[bool, int]] = {}
        """The last answer about each, and until when it holds."""
        self._from = self._until = 0

    def name(
        self, place: Place, profile: str, week: Week | None = None, asked: Week | None = None
    ) -> str:
        """The calendar of a recipient's place under a profile, with a campaign's and his hours."""
        calendar = Calendar(place, profile, week, asked)
        found = self._names.get(calendar)
        if found is None:
            found = self._names[calendar] = self._make(calendar)
        return found

    def _make(self, calendar: Calendar) -> str:
        place = calendar.place
        if not place.zones:
            return HELD
        blob = _encode(calendar)
        name = f"{place.country.lower()}-{blake2b(blob, digest_size=4).hexdigest()}"
        if name not in self._known:
            self._known[name] = calendar
            self.fresh[name] = blob
            self._until = 0
        return name

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Those that this process has not learned of yet."""
        return [name for name in names if name not in ALWAYS and name not in self._known]

    def learn(self, name: str, blob: bytes) -> None:
        """What the store has of a calendar that another process made."""
        self._known[name] = _decode(blob)
        self._until = 0

    def of(self, name: str) -> Calendar | None:
        """What a calendar stands for; None: this process does not know it."""
        return self._known.get(name)

    def rule(self, name: str, now: int) -> tuple[Rule | None, Place]:
        """The rule in force for a calendar, and its place."""
        known = self._known.get(name)
        if known is None:
            return None, NOWHERE
        rule = self.book.rule(known.place.country, known.profile, now, known.week, known.asked)
        return rule, known.place

    def look(self, name: str, now: int) -> tuple[bool, int]:
        """Is it open, and until when does that hold?

        That of a country that has been switched off is: what waits in it is claimed, and ended.
        """
        rule, place = self.rule(name, now)
        if rule is None or not place.zones:
            return False, NEVER
        if not rule.policy.enabled:
            return True, rule.until
        is_open, until = rule.hours(place.zones, place.region).look(now)
        return is_open, min(until, rule.until)

    def shut(self, now: int) -> dict[str, str]:
        """Those that will not open by themselves, and why."""
        looks = {name: self.look(name, now) for name in self._known}
        return {
            name: "unknown_zone" if name == HELD else "closed"
            for name, (is_open, until) in looks.items()
            if not is_open and until >= NEVER
        }

    def sleep(self, name: str, now: int) -> tuple[str, int]:
        """Why a calendar of some place under some rule is not open, and when it opens next.

        ``closed``, and 0, where its hours never open by the rules there are; empty: it is open.
        """
        is_open, until = self.look(name, now)
        if is_open:
            return "", 0
        rule, place = self.rule(name, now)
        if rule is not None and place.zones and until >= rule.until:
            until = opening(now, rule, place)
        return ("closed", 0) if until >= NEVER else ("quiet_hours", until)

    def open_at(self, now: int) -> dict[str, int]:
        """Those that are open, and until when each is."""
        if not self._from <= now < self._until:
            if now < self._from:  # the clock was set back: they hold from then on only
                self._looks.clear()
            self._look_again(now)
            looks = self._looks.items()
            self._open = {name: until for name, (is_open, until) in looks if is_open}
            self._from = now
        return self._open

    def _look_again(self, now: int) -> None:
        """At those whose last answer holds no more."""
        ends = NEVER
        for name in self._known:
            last = self._looks.get(name)
            if last is None or not now < last[1] < NEVER:
                last = self._looks[name] = self.look(name, now)
            if last[1] < NEVER:
                ends = min(ends, last[1])
            elif name != HELD:
                ends = min(ends, now + LONGEST_LOOK)
        self._until = ends

    @property
    def until(self) -> int:
        """How long the last answer of :meth:`open_at` holds."""
        return self._until
