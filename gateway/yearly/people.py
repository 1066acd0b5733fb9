"""Debtors of a country, and what happens to them in a year: a list of events in time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from typing import Final, Literal, NamedTuple

import phonenumbers

from gateway.policy.daysoff import EPOCH
from gateway.policy.decide import Rulebook
from gateway.policy.rules import Policy

DAY: Final = 86_400_000
HOUR: Final = 3_600_000
STEPS: Final = (0, 3, 7, 15, 30)
"""Days past due on which a reminder goes."""
LIVES_HOURS: Final = {0: 24, 3: 48, 7: 96, 15: 96, 30: 120}
DUE: Final = (5, 5, 5, 15, 20, 28)
"""Days of the month on which debts fall due: a third of all on the 5th."""
UPLOADS: Final = (2, 7, 9, 12, 17, 19, 22)
"""Hours, in the country's first zone or near it, at which a day's campaign is uploaded."""
STEMS: Final = 120
TAIL: Final = 4

What = Literal["message", "touch", "paid", "opt_out"]


class Debtor(NamedTuple):
    """One debtor, and what the operator has stored of his number."""

    name: str
    number: str
    region: str = ""
    zones: tuple[str, ...] = ()


class Event(NamedTuple):
    """Something that reaches the gateway. Sorted by time, then by order."""

    at: int
    order: int
    what: What
    debtor: int
    debt: str = ""
    segments: int = 1
    expires: int = 0
    channel: str = ""
    two_way: bool = False


def stems(book: Rulebook, policy: Policy, chance: random.Random) -> list[tuple[str, int]]:
    """Beginnings of numbers of a country, all over its prefixes, and how many digits follow."""
    code = str(phonenumbers.country_code_for_region(policy.country))
    example = phonenumbers.example_number_for_type(
        policy.country, phonenumbers.PhoneNumberType.MOBILE
    )
    likely = str(example.national_number) if example else "2" * 9
    length = len(code) + len(likely)
    found: list[tuple[str, int]] = []

    def consider(stem: str) -> None:
        place = book.places.find(stem.ljust(length, "2"))
        if place.zones and place.country == policy.country:
            found.append((stem, length - len(stem)))

    for entry in policy.prefixes:
        for digits in ("9", "2", likely[: length - TAIL - len(entry.prefix)]):
            room = length - TAIL - len(entry.prefix)
            consider(entry.prefix + (digits + _digits(chance, room))[: max(0, room)])
    for _ in range(40 * STEMS):
        if len(found) >= STEMS:
            break
        kept = chance.choice((0, 0, 1, 3))
        rest = _digits(chance, len(likely) - TAIL - kept)
        consider(code + likely[:kept] + rest)
    return found or [(code + likely[:-TAIL], TAIL)]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("123456789") for _ in range(max(0, count)))


def debtors(book: Rulebook, policy: Policy, count: int, chance: random.Random) -> list[Debtor]:
    """So many debtors, each with a number; of one in twenty a region is stored, of some a zone."""
    begins = stems(book, policy, chance)
    taken: set[str] = set()
    found = []
    for index in range(count):
        stem, tail = begins[index % len(begins)]
        number = stem + "".join(chance.choice("0123456789") for _ in range(tail))
        while number in taken or not book.places.find(number).zones:
            stem, tail = chance.choice(begins)
            number = stem + "".join(chance.choice("0123456789") for _ in range(tail))
        taken.add(number)
        region = ""
        zones: tuple[str, ...] = ()
        if policy.regions and chance.random() < 0.05:
            region = chance.choice(policy.regions).code
        elif chance.random() < 0.01:
            zones = (chance.choice(policy.zones),)
        found.append(Debtor(f"d{index}", number, region, zones))
    return found


def events(people: list[Debtor], year: int, chance: random.Random) -> list[Event]:
    """What happens in a year, in order."""
    found: list[Event] = []
    for index in range(len(people)):
        found.extend(_of(index, year, chance))
    found.sort()
    return [event._replace(order=order) for order, event in enumerate(found)]


def _of(index: int, year: int, chance: random.Random) -> Iterator[Event]:
    first, last = _day(year, 1, 1), _day(year + 1, 1, 1)
    for debt in range(chance.choice((1, 1, 2, 2, 3))):
        begins = chance.randrange(12)
        due = chance.choice(DUE)
        for month in range(begins, min(12, begins + chance.randint(1, 4))):
            name = f"{index}.{debt}.{month}"
            yield from _instalment(index, name, _day(year, month + 1, due), chance)
    for _ in range(chance.choice((0, 0, 1, 2, 4))):
        at = chance.randrange(first * DAY, last * DAY)
        channel = chance.choice(("email", "im", "letter", "call", "visit"))
        yield Event(at, 0, "touch", index, channel=channel, two_way=chance.random() < 0.3)
    if chance.random() < 0.03:
        yield Event(chance.randrange(first * DAY, last * DAY), 0, "opt_out", index)


def _instalment(index: int, debt: str, due: int, chance: random.Random) -> Iterator[Event]:
    """The reminders of one instalment until it is paid, and its payment."""
    paid = due * DAY + int(chance.expovariate(1 / 9) * DAY) + chance.randrange(DAY)
    for step in STEPS:
        hour = UPLOADS[(due + step) % len(UPLOADS)] * HOUR + chance.randrange(HOUR // 2)
        if chance.random() < 0.2:
            hour = chance.randrange(DAY)
        at = (due + step) * DAY + 4 * HOUR + hour
        if at >= paid:
            break
        lives = 0 if chance.random() < 0.1 else at + LIVES_HOURS[step] * HOUR
        segments = chance.choice((1, 1, 1, 1, 1, 1, 2, 2, 3, 4))
        yield Event(at, 0, "message", index, debt, segments, lives)
    yield Event(paid, 0, "paid", index, debt)


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - EPOCH
