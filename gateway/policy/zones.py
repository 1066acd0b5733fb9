"""Where a recipient is: the country, perhaps the region, and every zone they may be in.

The first that is known decides: a zone stored with the recipient, a region stored with the
recipient, the prefixes of the country's file, libphonenumber, the country's own set. Nothing known
is nothing: such a recipient has no zone, and nothing is sent there.

libphonenumber gives a likely zone by prefix, and is wrong in places; a country's ``[[prefixes]]``
correct that, each with its source. Numbers are ported, so a zone by number stays a likely one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

import msgspec
import phonenumbers
from phonenumbers import timezone

from gateway.policy.rules import Policy, Prefix, Region

UNKNOWN_ZONE: Final = "Etc/Unknown"
SHORTEST, LONGEST = 8, 15
"""Digits of a number with its country's code (E.164 allows 15)."""

TELLING: Final = {
    "1": 8,
    "34": 9,
    "346": 3,
    "347": 4,
    "51": 6,
    "52": 5,
    "54": 8,
    "55": 8,
    "56": 8,
    "569": 7,
    "57": 10,
    "573": 9,
    "5730": 5,
    "5731": 4,
    "5732": 6,
    "5735": 5,
    "593": 7,
}
"""Leading digits, the country's code included, after which libphonenumber's answer depends on the
length alone: what numbers are remembered by; the longest beginning decides, and mobile ranges are
plainer than the rest. A test holds it against libphonenumber's tables."""

REMEMBERED: Final = 1 << 16
"""Beginnings of numbers that are remembered at most."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a recipient may be."""

    country: str = ""
    """ISO 3166-1; empty: not known."""
    region: str = ""
    zones: tuple[str, ...] = ()
    """IANA names; empty: unknown, and nothing may be sent."""
    source: str = "unknown"
    """What told it: ``zone, region, prefix, libphonenumber, country``, or ``unknown``."""


NOWHERE: Final = Place()


def normal(number: str) -> str:
    """A phone's one number: digits alone, Mexico's mobile prefix of old (+52 1, to 2019) left out.

    It is what lists, caps and records go by. Argentina's 9 stays: a number with it is a mobile, and
    one without may be a fixed line.
    """
    digits = number.removeprefix("+")
    if len(digits) == 13 and digits.startswith("521"):
        return "52" + digits[3:]
    return digits


def folded(name: str) -> str:
    """A region's name without accents, case and punctuation: ``Ñuble`` is ``nuble``."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in plain if c.isalnum())


def country_code(digits: str) -> str:
    """The calling code that a number begins with (E.164: no code begins another); or empty."""
    for length in (1, 2, 3):
        if int(digits[:length] or 0) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits[:length]
    return ""


def by_libphonenumber(digits: str) -> tuple[str, tuple[str, ...], bool]:
    """Country, zones, and whether the number can exist; as libphonenumber has them."""
    code = country_code(digits)
    rest = digits[len(code) :]
    if not code or not rest or rest[0] == "0":
        return "", (), False
    number = phonenumbers.PhoneNumber(country_code=int(code), national_number=int(rest))
    found = timezone.time_zones_for_number(number)
    zones = tuple(zone for zone in found if zone != UNKNOWN_ZONE)
    valid = bool(zones) or phonenumbers.is_valid_number(number)  # no zones of what cannot exist
    country = phonenumbers.region_code_for_number(number) if valid else None
    return country or phonenumbers.region_code_for_country_code(int(code)), zones, valid


class Places:
    """The countries' prefixes, regions and zones, ready to be asked for every message."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._countries = {policy.country: policy for policy in policies}
        self._prefixes: dict[str, tuple[Policy, Prefix]] = {}
        self._regions: dict[tuple[str, str], Region] = {}
        deepest: dict[str, int] = dict(TELLING)
        for policy in self._countries.values():
            for entry in policy.prefixes:
                self._prefixes[entry.prefix] = (policy, entry)
                for code in deepest:
                    if entry.prefix.startswith(code):
                        deepest[code] = max(deepest[code], len(entry.prefix))
            for region in policy.regions:
                for name in (region.code, *region.names):
                    self._regions[policy.country, folded(name)] = region
        self._longest = max(map(len, self._prefixes), default=0)
        self._telling = deepest
        self._lengths = sorted({len(code) for code in deepest}, reverse=True)  # 573 before 57
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._shared)
        self._places: dict[Place, Place] = {}

    def find(self, number: str, zones: Sequence[str] = (), region: str = "") -> Place:
        """Where ``number`` may be; ``zones`` and ``region`` are what is stored of its recipient.

        A stored region that the country's file does not have is as none.
        """
        digits = normal(number)
        if not SHORTEST <= len(digits) <= LONGEST or not (digits.isascii() and digits.isdigit()):
            return NOWHERE
        if not zones and not region:
            return self._by_number(digits)
        return self._by_record(digits, tuple(zones), region)

    def country(self, number: str) -> str:
        """The country of a number, also of one that cannot exist; empty: no country's."""
        digits = normal(number)
        if not (digits.isascii() and digits.isdigit()):
            return ""
        return self.find(digits).country or by_libphonenumber(digits)[0]

    def not_a_region(self, country: str, region: str) -> str:
        """Why this is no region of a country, with those that are; empty: it is one."""
        policy = self._countries.get(country)
        if policy is None or not policy.regions:
            return f"the rules have no regions of {country or 'this number'}: its zones say more"
        if (country, folded(region)) in self._regions:
            return ""
        names = {folded(n): n for r in policy.regions for n in (r.code, *r.names)}
        near = get_close_matches(folded(region), names, 1)
        guess = f"; the nearest is {names[near[0]]!r}" if near else ""
        codes = ", ".join(known.code for known in policy.regions)
        return f"{policy.name} has no region {region!r:.70}{guess}; it has {codes}"

    def within(self, country: str, region: str = "") -> Place:
        """Anywhere in a country, or in a region of it; nowhere where either is not known."""
        policy = self._countries.get(country)
        known = self._regions.get((country, folded(region))) if region else None
        if policy is None or (region and known is None):
            return NOWHERE
        if known is None:
            return Place(country, "", policy.zones, "country")
        return Place(country, known.code, known.zones or policy.zones, "region")

    def _by_number(self, digits: str) -> Place:
        for length in self._lengths:
            telling = self._telling.get(digits[:length])
            if telling is not None:
                return self._remembered(digits[:telling], len(digits))
        return self._remembered(digits, len(digits))

    def _by_record(self, digits: str, zones: tuple[str, ...], region: str) -> Place:
        place = self._by_number(digits)
        country = place.country or by_libphonenumber(digits)[0]
        policy = self._countries.get(country)
        known = self._regions.get((country, folded(region))) if region else None
        code = known.code if known else place.region
        if zones:
            return Place(country, code, zones, "zone")
        if known and policy:
            return Place(country, code, known.zones or policy.zones, "region")
        return place

    def _shared(self, start: str, length: int) -> Place:
        """Places are few, and what is remembered many: equal ones are one."""
        place = self._by_prefix(start, length)
        return self._places.setdefault(place, place)

    def _by_prefix(self, start: str, length: int) -> Place:
        digits = start.ljust(length, "2")  # what follows the telling digits changes nothing
        country, zones, valid = by_libphonenumber(digits)
        for size in range(min(self._longest, len(start)), 0, -1):
            found = self._prefixes.get(start[:size])
            if found is not None:
                policy, entry = found
                if not valid and not entry.assigned:
                    return NOWHERE
                if entry.zones:
                    return Place(policy.country, entry.region, entry.zones, "prefix")
                source = "libphonenumber" if zones else "country"
                return Place(policy.country, entry.region, zones or policy.zones, source)
        if not valid:
            return NOWHERE
        if zones:
            return Place(country, "", zones, "libphonenumber")
        fallback = self._countries.get(country)
        return Place(country, "", fallback.zones, "country") if fallback else NOWHERE
