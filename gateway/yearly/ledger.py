"""The lists and the contacts of late in memory: what ``admission.lua`` asks and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.policy.caps import Contact
from gateway.store.contacts import Admitted, Asked, Group, Known
from gateway.store.keys import LEAVES_WITHIN_MS


class _Noted(NamedTuple):
    id: str
    contact: Contact


class Ledger:
    """One store's register; a test holds its answers against the script's."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Known] = {}
        """What is known of a number, for a creditor."""
        self._contacts: dict[str, list[_Noted]] = {}

    async def admit(self, asked: Sequence[Asked], now_ms: int) -> list[Admitted]:
        """As :meth:`gateway.store.contacts.Contacts.admit`."""
        return [self.ask(one, now_ms) for one in asked]

    def ask(self, one: Asked, now: int) -> Admitted:
        """What the script says of one, who is noted where he may go."""
        known = self.known.get((one.creditor, one.to))
        if known is not None and not one.looked:
            return known, None
        group = one.group
        if group is None:
            return 0
        key = f"{one.creditor}:{one.debtor}"
        since = now - group.reach_ms
        kept = [
            noted
            for noted in self._contacts.get(key, ())
            if noted.contact.at > since and noted.id != one.id
        ]
        contacts = [noted.contact for noted in kept]
        counts = [
            contact
            for contact in contacts
            if contact.channel in group.channels and (contact.two_way or not group.two_way)
        ]
        if not _room(counts, group, now):
            return contacts
        self._contacts[key] = [*kept, _Noted(one.id, Contact(now + LEAVES_WITHIN_MS))]
        return len(counts)

    def forget(self, noted: str, id: str) -> None:
        """A message that was noted as a contact has reached no carrier."""
        left = [entry for entry in self._contacts.get(noted, ()) if entry.id != id]
        if noted in self._contacts:
            self._contacts[noted] = left

    def touch(self, creditor: str, debtor: str, name: str, contact: Contact) -> None:
        """A contact by others."""
        noted = self._contacts.setdefault(f"{creditor}:{debtor}", [])
        noted.append(_Noted(name, contact))


def _room(counts: list[Contact], group: Group, now: int) -> bool:
    """Do the contacts that count leave room by every question?"""
    crossed = group.other_channels_since
    if crossed and any(c.channel != "sms" and c.at >= crossed for c in counts):
        return False
    times = [contact.at for contact in counts]
    limits = zip(group.limits[::2], group.limits[1::2], strict=True)
    ages = zip(group.ages[::2], group.ages[1::2], strict=True)
    return all(sum(at >= since for at in times) < n for n, since in limits) and all(
        sum(at > now - ms for at in times) < n for n, ms in ages
    )
