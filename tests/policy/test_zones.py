"""Where a number is: the record first, our prefixes over libphonenumber, else nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from re import _parser  # type: ignore[attr-defined]

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, geocoder
from phonenumbers.tzdata import TIMEZONE_DATA

from gateway.policy.decide import Rulebook
from gateway.policy.rules import Policy, Prefix
from gateway.policy.zones import (
    NOWHERE,
    TELLING,
    Place,
    Places,
    by_libphonenumber,
    country_code,
    folded,
    normal,
)

CHILE = ("America/Santiago", "America/Punta_Arenas", "America/Coyhaique")


@pytest.mark.parametrize(
    ("number", "country", "region", "zones"),
    [
        # libphonenumber: America/Santiago alone
        ("+56981234567", "CL", "", CHILE),
        ("+56221234567", "CL", "", CHILE),
        ("+56612212345", "CL", "", CHILE),
        # libphonenumber: America/Mazatlan alone, for the whole of Chihuahua
        *(
            (f"+52{code}1234567", "MX", "CHH", ("America/Chihuahua", "America/Mazatlan"))
            for code in (614, 625, 627, 628, 629, 635, 636, 639, 648, 652, 659)
        ),
        # libphonenumber: America/Mexico_City, which has no summer time
        ("+528681234567", "MX", "TAM", ("America/Matamoros",)),
        # the mobile form of old, which libphonenumber has as invalid
        ("+5216141234567", "MX", "CHH", ("America/Chihuahua", "America/Mazatlan")),
        ("+5215512345678", "MX", "", ("America/Mexico_City",)),
        # libphonenumber: America/Noronha alone
        ("+5581987654321", "BR", "PE", ("America/Recife", "America/Noronha")),
        # libphonenumber: America/Manaus for most
        ("+5591987654321", "BR", "PA", ("America/Belem",)),
        ("+5593987654321", "BR", "PA", ("America/Belem",)),
        ("+5594987654321", "BR", "PA", ("America/Belem",)),
        # libphonenumber: America/Manaus alone
        ("+5597987654321", "BR", "AM", ("America/Manaus", "America/Eirunepe")),
        # libphonenumber: one zone by exchange
        ("+18505551234", "US", "", ("America/New_York", "America/Chicago")),
        # as libphonenumber has them
        ("+5511987654321", "BR", "SP", ("America/Sao_Paulo",)),
        ("+5568987654321", "BR", "AC", ("America/Rio_Branco",)),
        ("+526641234567", "MX", "", ("America/Tijuana",)),
        ("+573001234567", "CO", "", ("America/Bogota",)),
        ("+51987654321", "PE", "", ("America/Lima",)),
        ("+5491123456789", "AR", "", ("America/Buenos_Aires",)),
        ("+593991234567", "EC", "", ("America/Guayaquil", "Pacific/Galapagos")),
        ("+34612345678", "ES", "", ("Atlantic/Canary", "Europe/Madrid")),
        ("+12125551234", "US", "", ("America/New_York",)),
        # neighbours: they have a zone, and no rules
        ("+59172345678", "BO", "", ("America/La_Paz",)),
        ("+14165551234", "CA", "", ("America/Toronto",)),
        ("+18095551234", "DO", "", ("America/Santo_Domingo",)),
    ],
)
def test_a_number(
    number: str, country: str, region: str, zones: tuple[str, ...], book: Rulebook
) -> None:
    found = book.places.find(number)
    assert (found.country, found.region, found.zones) == (country, region, zones)
    assert book.places.find(number.removeprefix("+")) == found


@pytest.mark.parametrize(
    "number",
    [
        "+56912345678",  # +56 9 1 is not given out but for 910 0 to 2
        "+51287654321",  # no such range in Peru, which has no prefixes of ours
        "+579991234567",
        "+5215512",
        "+88121234567",  # satellites
        "+999123456789",
        "+5511812345678",  # no mobile number
        "+56098123456",
        "+5698123456789012",
        "3450",
        "",
        "+",
        "BANCO",
        "+5698123456٣",
        "+56 981234567",
    ],
)
def test_nowhere(number: str, book: Rulebook) -> None:
    """Unknown is unknown: no UTC, no country's set."""
    assert book.places.find(number) == NOWHERE
    assert NOWHERE.zones == ()


def test_a_stored_zone_is_first(book: Rulebook) -> None:
    """Before a stored region, before the number; of an invalid number too."""
    find = book.places.find
    island = ("Pacific/Easter",)
    assert find("+56981234567", island, "MA") == Place("CL", "MA", island, "zone")
    assert find("+56912345678", island) == Place("CL", "", island, "zone")
    assert find("+5581987654321", ("America/Noronha",)).region == "PE"


@pytest.mark.parametrize(
    ("number", "region", "code", "zones"),
    [
        ("+56981234567", "XII", "MA", ("America/Punta_Arenas",)),
        ("+56981234567", "magallanes", "MA", ("America/Punta_Arenas",)),
        ("+56981234567", "AYSEN", "AI", ("America/Coyhaique",)),
        ("+56981234567", "Isla de Pascua", "PASCUA", ("Pacific/Easter",)),
        ("+56981234567", "ñuble", "NB", ("America/Santiago",)),
        ("+525512345678", "Baja California", "BCN", ("America/Tijuana",)),
        ("+5511987654321", "PE", "PE", ("America/Recife", "America/Noronha")),
        ("+34612345678", "Canarias", "CN", ("Atlantic/Canary",)),
        ("+593991234567", "Galápagos", "W", ("Pacific/Galapagos",)),
        ("+56912345678", "XII", "MA", ("America/Punta_Arenas",)),
    ],
)
def test_then_a_stored_region(
    number: str, region: str, code: str, zones: tuple[str, ...], book: Rulebook
) -> None:
    found = book.places.find(number, (), region)
    assert (found.region, found.zones, found.source) == (code, zones, "region")


def test_a_region_that_the_file_does_not_have_is_as_none(book: Rulebook) -> None:
    assert book.places.find("+56981234567", (), "Patagonia") == book.places.find("+56981234567")
    assert book.places.find("+56912345678", (), "Patagonia") == NOWHERE
    assert book.places.within("CL", "Patagonia") == NOWHERE
    assert book.places.within("XX") == NOWHERE
    assert book.places.within("CL").zones == CHILE


def test_the_countrys_set_where_libphonenumber_has_no_zone(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A valid number without a zone is anywhere in its country."""
    monkeypatch.setattr(
        "phonenumbers.timezone.time_zones_for_number", lambda number: ("Etc/Unknown",)
    )
    places = Places(book.policies)
    assert places.find("+51987654321") == Place("PE", "", ("America/Lima",), "country")
    assert places.find("+5511987654321").source == "country"
    assert places.find("+59172345678") == NOWHERE


def test_an_operator_knows_a_new_range(book: Rulebook) -> None:
    """``assigned`` takes numbers that libphonenumber has as invalid; nothing else does."""
    chile = next(policy for policy in book.policies if policy.country == "CL")

    def places(assigned: bool) -> Places:
        new = Prefix(prefix="56912", zones=("America/Santiago",), assigned=assigned)
        changed: Policy = replace(chile, prefixes=(*chile.prefixes, new))
        return Places([changed])

    assert places(True).find("+56912345678").zones == ("America/Santiago",)
    assert places(False).find("+56912345678") == NOWHERE
    assert places(True).find("+56913345678") == NOWHERE


def test_normal() -> None:
    assert normal("+5215512345678") == "525512345678"
    assert normal("+525512345678") == "525512345678"
    assert normal("+521551234567") == "521551234567"  # of twelve digits
    assert folded("Región de O'Higgins") == "regiondeohiggins"


def test_brazils_states_are_those_of_libphonenumbers_place_names(book: Rulebook) -> None:
    """Each area code's state, by the name of the places of its fixed lines."""
    brazil = next(policy for policy in book.policies if policy.country == "BR")
    names = {folded(region.names[0]): region.code for region in brazil.regions}
    for entry in brazil.prefixes:
        found = set()
        for start in range(20, 60):
            number = phonenumbers.parse(f"+{entry.prefix}{start}1234567"[:13], None)
            said = geocoder.description_for_number(number, "pt")
            state = folded(re.split(r"[-,/]", said)[-1]) if said else ""
            found |= {said.strip()[-2:]} if said.strip()[-2:].isupper() else set()
            found |= {names[state]} if state in names else set()
        assert entry.region in found, (entry.prefix, found)


# what is remembered


ALL = frozenset("0123456789")
KINDS = (
    "general_desc",
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)


def shapes(pattern: str) -> set[tuple[frozenset[str], ...]]:
    """Every way through a pattern of libphonenumber: the digits allowed at each place."""

    def one(kind: str, value: object) -> frozenset[str]:
        if kind == "LITERAL":
            return frozenset(chr(value))  # type: ignore[arg-type]
        found: set[str] = set()
        for op, arg in value:  # type: ignore[attr-defined]
            if str(op) == "LITERAL":
                found.add(chr(arg))
            elif str(op) == "RANGE":
                found |= {chr(c) for c in range(arg[0], arg[1] + 1)}
            else:
                assert str(arg) == "CATEGORY_DIGIT"
                found |= ALL
        return frozenset(found)

    def walk(sequence: object) -> set[tuple[frozenset[str], ...]]:
        ways: set[tuple[frozenset[str], ...]] = {()}
        for op, arg in sequence:  # type: ignore[attr-defined]
            match str(op):
                case "LITERAL" | "IN" as kind:
                    items = {(one(kind, arg),)}
                case "BRANCH":
                    items = set().union(*(walk(branch) for branch in arg[1]))
                case "SUBPATTERN":
                    items = walk(arg[3])
                case _:
                    low, high, part = arg
                    inner, items = walk(part), set()
                    for times in range(low, high + 1):
                        repeated: set[tuple[frozenset[str], ...]] = {()}
                        for _ in range(times):
                            repeated = {a + b for a in repeated for b in inner}
                        items |= repeated
            ways = {a + b for a in ways for b in items}
        return ways

    return walk(_parser.parse(pattern))


def patterns(region: str) -> Iterator[str]:
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    for kind in KINDS:
        found = getattr(metadata, kind)
        if found is not None and found.national_number_pattern not in (None, "NA"):
            yield found.national_number_pattern


@pytest.mark.parametrize("start", sorted(TELLING))
def test_what_numbers_are_remembered_by_tells_all(start: str) -> None:
    """No digit after them is one that libphonenumber asks for: its patterns, taken apart."""
    code = country_code(start)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
    rest = start.removeprefix(code)
    longer = [t.removeprefix(code) for t in TELLING if t != start and t.startswith(start)]
    for pattern in {pattern for region in regions for pattern in patterns(region)}:
        for shape in shapes(pattern):
            if not may_begin(shape, rest) or any(is_within(shape, other) for other in longer):
                continue
            telling = max((i + 1 for i, allowed in enumerate(shape) if allowed != ALL), default=0)
            assert len(code) + telling <= TELLING[start], (shape, pattern)
    assert max(len(key) for key in TIMEZONE_DATA if key.startswith(code)) <= TELLING[code]


def may_begin(shape: tuple[frozenset[str], ...], digits: str) -> bool:
    """Has the shape a number that begins so?"""
    return all(digit in allowed for digit, allowed in zip(digits, shape, strict=False))


def is_within(shape: tuple[frozenset[str], ...], digits: str) -> bool:
    """Do all numbers of the shape begin so?"""
    return all({digit} == allowed for digit, allowed in zip(digits, shape, strict=False))


@settings(max_examples=400)
@given(
    start=st.sampled_from(sorted(TELLING)),
    digits=st.text("0123456789", min_size=12, max_size=12),
    length=st.integers(9, 13),
)
def test_what_is_remembered_is_what_it_would_be_anew(start: str, digits: str, length: int) -> None:
    """The answer by the telling digits is libphonenumber's for the whole number."""
    number = normal((start + digits)[:length])
    found = Places([]).find(number)
    country, zones, valid = by_libphonenumber(number)
    assert (found.zones, found.country) == ((zones, country) if valid and zones else ((), ""))
