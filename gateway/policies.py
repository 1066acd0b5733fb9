"""The countries' contact rules: ``policies/*.toml``, read to a ``Rulebook``.

One file a country and date, and perhaps an ``overlay.toml`` with the operator's own holidays and
prefixes. The folder is the one beside the main configuration file; where it has no country's file,
the rules that come with the package hold (an overlay there still counts). A mistake is one line as
in :mod:`gateway.config`, and all of them are found at once::

    policies/chile.toml: profiles.text.caps.per_dya: unknown key; did you mean 'per_day'?
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import phonenumbers

from gateway.errors import ConfigError
from gateway.policy import daysoff
from gateway.policy.calendar import tz
from gateway.policy.data import EDITIONS
from gateway.policy.decide import Rulebook
from gateway.policy.lint import Action, Capitals, Lint, Missing, Words, phrase_of
from gateway.policy.rules import (
    CHANNELS,
    DAY_MINUTES,
    PROFILES,
    WEEKDAYS,
    Caps,
    DaysOff,
    Doubt,
    Policy,
    Prefix,
    Profile,
    Region,
    Source,
    Week,
    Window,
)
from gateway.policy.zones import country_code, folded
from gateway.tomlshape import (
    FLAG,
    Kind,
    Place,
    Reading,
    Table,
    each,
    nearest,
    one_of,
    parses,
    text,
    whole,
)

T = TypeVar("T")

OVERLAY = "overlay.toml"
NEWEST_NEEDED = "America/Coyhaique"
"""A zone that came with edition 2025b of the tz database: without it Chile is wrong."""

COUNTRY = text(
    'a country of ISO 3166-1, as "CL"',
    lambda v: bool(phonenumbers.country_code_for_region(v)),
)
DIGITS = re.compile(r"\+[1-9][0-9]{0,14}")
PREFIX = text('a prefix as "+52614"', lambda v: bool(DIGITS.fullmatch(v)))
ADDRESS = text(
    "an address, https://...", lambda v: v.startswith(("https://", "http://")) and " " not in v
)
WINDOW = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
WINDOW_RULES = 'a window as "08:00-20:00", of one day, to "24:00" at most'


def _is_zone(value: str) -> bool:
    try:
        tz(value)
    except KeyError:
        return False
    return True


def _is_day(value: str) -> bool:
    try:
        daysoff.overlay_day(value, 2024)
    except ValueError:
        return False
    return bool(value)


def parse_window(value: str) -> Window:
    """``08:00-20:00`` as minutes. Raises ValueError when it is no window of one day."""
    found = WINDOW.fullmatch(value)
    if not found:
        raise ValueError(value)
    a, b, c, d = map(int, found.groups())
    opens, closes = a * 60 + b, c * 60 + d
    if b > 59 or d > 59 or not opens < closes <= DAY_MINUTES:
        raise ValueError(value)
    return opens, closes


ZONE = text("a zone of the IANA tz database", _is_zone)
DAYS = text('a day as "2026-07-13", "11-02" or "easter-3"', _is_day)
WINDOWS = each(text(WINDOW_RULES, parses(parse_window)))
WORD = text("a text, not empty")
DOES = one_of("warn", "refuse")
LINT_NAME = text(
    "a name in small letters, as judicial, other than creditor, opt_out, capitals",
    lambda v: (
        bool(re.fullmatch("[a-z][a-z_]{0,29}", v)) and v not in ("creditor", "opt_out", "capitals")
    ),
)
SHARE = Kind("a part, from 0.1 to 1", float, lambda n: 0.1 <= n <= 1.0)
PHRASE = text(
    "a word or phrase with letters, to 100 characters",
    lambda v: len(v) <= 100 and bool(phrase_of(v)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    country: Annotated[str, COUNTRY]
    name: Annotated[str, WORD]
    enabled: Annotated[bool, FLAG] = True
    zones: Annotated[tuple[str, ...], each(ZONE, least=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    law: Annotated[str, WORD]
    address: Annotated[str, ADDRESS]
    says: Annotated[str, WORD] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prefix:
    prefix: Annotated[str, PREFIX]
    zones: Annotated[tuple[str, ...], each(ZONE)] = ()
    region: Annotated[str, WORD] = ""
    assigned: Annotated[bool, FLAG] = False
    source: Annotated[str, WORD]


@dataclass(frozen=True, kw_only=True, slots=True)
class _OverlayPrefix(_Prefix):
    country: Annotated[str, COUNTRY]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Region:
    code: Annotated[str, WORD]
    names: Annotated[tuple[str, ...], each(WORD)] = ()
    zones: Annotated[tuple[str, ...], each(ZONE)] = ()
    source: Annotated[str, WORD] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Profile:
    source: Annotated[str, WORD]
    counts: Annotated[tuple[str, ...], each(one_of(*CHANNELS))] = ("sms",)
    counts_when: Annotated[Literal["sent", "two_way"], one_of("sent", "two_way")] = "sent"
    needs_consent: Annotated[bool, FLAG] = False
    answer_seconds: Annotated[int, whole(0, 300)] = 0
    own_hours: Annotated[Literal["within", "instead"], one_of("within", "instead")] = "within"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Holidays:
    calendar: Annotated[str, WORD] = ""
    categories: Annotated[tuple[str, ...], each(WORD, least=1)] = ("public",)
    subdivisions: Annotated[tuple[str, ...], each(WORD)] = ()
    add: Annotated[tuple[str, ...], each(DAYS)] = ()
    remove: Annotated[tuple[str, ...], each(DAYS)] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rolling:
    contacts: Annotated[int, whole(1, 1000)]
    days: Annotated[int, whole(1, 366)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Caps:
    per_day: Annotated[int, whole(0, 1000)] = 0
    per_week: Annotated[int, whole(0, 1000)] = 0
    week_begins: Annotated[str, one_of(*WEEKDAYS)] = "mon"
    gap_days: Annotated[int, whole(0, 366)] = 0
    gap_hours: Annotated[int, whole(0, 24 * 366)] = 0
    one_channel: Annotated[bool, FLAG] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Doubt:
    figure: Annotated[str, WORD]
    why: Annotated[str, WORD]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Words:
    name: Annotated[str, LINT_NAME]
    does: Annotated[Action, DOES]
    words: Annotated[tuple[str, ...], each(PHRASE, least=1)]
    but: Annotated[tuple[str, ...], each(PHRASE)] = ()
    law: Annotated[str, WORD] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Creditor:
    does: Annotated[Action, DOES]
    law: Annotated[str, WORD] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _OptOut:
    does: Annotated[Action, DOES]
    words: Annotated[tuple[str, ...], each(PHRASE, least=1)]
    law: Annotated[str, WORD] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Capitals:
    does: Annotated[Action, DOES]
    share: Annotated[float, SHARE] = 0.7
    letters: Annotated[int, whole(1, 1000)] = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class _OverlayDays:
    country: Annotated[str, COUNTRY]
    region: Annotated[str, WORD] = ""
    add: Annotated[tuple[str, ...], each(DAYS)] = ()
    remove: Annotated[tuple[str, ...], each(DAYS)] = ()
    why: Annotated[str, WORD]


@dataclass(frozen=True, slots=True)
class _Overlay:
    holidays: list[tuple[Place, _OverlayDays]]
    prefixes: list[tuple[Place, _OverlayPrefix]]


def shipped() -> Path:
    """The rules that come with the package: in a wheel beside the code, else in the checkout."""
    inside = Path(__file__).parent / "policies_data"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "config" / "policies"


def files(main: Path | None) -> list[Path]:
    """The files to read for a main configuration file (None: there is none), the overlay last."""
    own: list[Path] = []
    if main is not None:
        own = sorted((main.parent / "policies").glob("*.toml"))
    overlay = [path for path in own if path.name == OVERLAY]
    countries = [path for path in own if path.name != OVERLAY]
    if not countries:
        countries = sorted(path for path in shipped().glob("*.toml") if path.name != OVERLAY)
    return countries + overlay


def load(main: Path | None = None) -> Rulebook:
    """The rules beside a main configuration file, else those of the package.

    Raises ConfigError with all mistakes when there is one.
    """
    return read(files(main))


def read(paths: Iterable[Path]) -> Rulebook:
    """The rules of these files. Raises ConfigError with all mistakes when there is one."""
    reading = Reading()
    policies: list[tuple[Place, Policy]] = []
    overlay = _Overlay([], [])
    if not _is_zone(NEWEST_NEEDED):
        reading.problems.append(
            f"the package tzdata has no {NEWEST_NEEDED}: it is older than 2025b; install a newer"
        )
    for path in paths:
        raw = _parse(path, reading)
        if raw is None:
            continue
        if path.name == OVERLAY:
            overlay = _overlay(raw, Place(path), reading)
        else:
            policies.append((Place(path), _policy(raw, Place(path), reading)))
    _check_versions(policies, reading)
    laid = _laid_over([policy for _, policy in policies], overlay, reading)
    _check_prefixes(laid, reading, policies, overlay)
    if reading.problems:
        raise ConfigError(reading.problems)
    return Rulebook(laid)


def _parse(path: Path, reading: Reading) -> Table | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reading.problem(Place(path), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        reading.problem(Place(path), "is not UTF-8")
    except tomllib.TOMLDecodeError as error:
        reading.problem(Place(path), f"is no TOML: {error}")
    return None


def _policy(raw: Table, place: Place, reading: Reading) -> Policy:
    nested = ("effective_from", "sources", "prefixes", "regions", "profiles", "lint")
    file = _flat(_File, raw, nested, place, reading)
    regions = tuple(
        Region(code=r.code, names=r.names, zones=r.zones, source=r.source)
        for _, r in reading.tables(_Region, raw.get("regions", []), place / "regions")
    )
    _check_regions(regions, place / "regions", reading)
    codes = [region.code for region in regions]
    return Policy(
        country=file.country,
        name=file.name,
        effective_from=_date(raw, place / "effective_from", reading),
        enabled=file.enabled,
        zones=file.zones,
        prefixes=_prefixes(raw, file.country, codes, place / "prefixes", reading),
        regions=regions,
        profiles=_profiles(raw.get("profiles"), codes, place / "profiles", reading),
        sources=_sources(raw, place / "sources", reading),
        lint=_lint(raw.get("lint"), place / "lint", reading),
    )


def _flat(cls: type[Any], raw: Table, nested: Iterable[str], place: Place, reading: Reading) -> Any:
    """The keys of a table that are no tables themselves; ``nested`` are read elsewhere."""
    nested = set(nested)
    own = {key: value for key, value in raw.items() if key not in nested}
    known = [*cls.__dataclass_fields__, *nested]
    reading.unknown_keys(own, known, place)
    return reading.table(
        cls, {k: v for k, v in own.items() if k in cls.__dataclass_fields__}, place
    )


def _date(raw: Table, place: Place, reading: Reading) -> date:
    found = raw.get("effective_from")
    if isinstance(found, date) and not isinstance(found, datetime):
        return found
    if found is None:
        reading.problem(place, "missing; allowed: a date as 2021-04-20, without quotes")
    else:
        reading.wrong(place, found, "a date as 2021-04-20, without quotes")
    return date(2000, 1, 1)


def _sources(raw: Table, place: Place, reading: Reading) -> tuple[Source, ...]:
    found = reading.tables(_Source, raw.get("sources", []), place)
    if not found:
        reading.problem(place, "missing; allowed: at least one law, with its address")
    return tuple(Source(law=s.law, address=s.address, says=s.says) for _, s in found)


def _prefixes(
    raw: Table, country: str, codes: list[str], place: Place, reading: Reading
) -> tuple[Prefix, ...]:
    found = reading.tables(_Prefix, raw.get("prefixes", []), place)
    return tuple(_prefix(p, country, codes, at, reading) for at, p in found)


def _prefix(
    read: _Prefix, country: str, codes: list[str], place: Place, reading: Reading
) -> Prefix:
    calling = str(phonenumbers.country_code_for_region(country))
    if (
        calling != "0"
        and DIGITS.fullmatch(read.prefix)
        and country_code(read.prefix[1:]) != calling
    ):
        reading.wrong(place / "prefix", read.prefix, f"a prefix of {country}, +{calling}...")
    if read.region and read.region not in codes:
        reading.problem(
            place / "region", f"no region has the code '{read.region}'{nearest(read.region, codes)}"
        )
    return Prefix(
        prefix=read.prefix.removeprefix("+"),
        zones=read.zones,
        region=read.region,
        assigned=read.assigned,
        source=read.source,
    )


def _check_regions(regions: tuple[Region, ...], place: Place, reading: Reading) -> None:
    seen: dict[str, str] = {}
    for i, region in enumerate(regions):
        for name in (region.code, *region.names):
            first = seen.setdefault(folded(name), region.code)
            if first != region.code:
                reading.problem(place[i], f"found '{name}', which is a name of '{first}' too")


def _profiles(raw: object, codes: list[str], place: Place, reading: Reading) -> tuple[Profile, ...]:
    if not isinstance(raw, dict):
        reading.problem(place, f"missing; allowed: the profiles {', '.join(PROFILES)}")
        return ()
    reading.unknown_keys(raw, PROFILES, place)
    found = []
    for name in PROFILES:
        if not isinstance(raw.get(name), dict):
            reading.problem(place / name, f"missing; allowed: a table, [profiles.{name}]")
            continue
        found.append(_profile(name, raw[name], codes, place / name, reading))
    return tuple(found)


def _profile(name: str, raw: Table, codes: list[str], place: Place, reading: Reading) -> Profile:
    nested = ("windows", "regions", "holidays", "caps", "uncertain")
    flat = _flat(_Profile, raw, nested, place, reading)
    profile = Profile(
        name=name,
        windows=_week(raw.get("windows"), place / "windows", reading),
        regions=_own_weeks(raw.get("regions", {}), codes, place / "regions", reading),
        holidays=_holidays(raw.get("holidays", {}), place / "holidays", reading),
        caps=_caps(raw.get("caps", {}), place / "caps", reading),
        counts=flat.counts,
        counts_when=flat.counts_when,
        needs_consent=flat.needs_consent,
        answer_seconds=flat.answer_seconds,
        own_hours=flat.own_hours,
        source=flat.source,
    )
    if profile.caps and not profile.counts:
        reading.problem(place / "counts", "found nothing, with caps; allowed: what they count")
    doubts = reading.tables(_Doubt, raw.get("uncertain", []), place / "uncertain")
    for at, doubt in doubts:
        known = _figures(raw)
        if doubt.figure not in known:
            reading.problem(
                at / "figure",
                f"the profile has no figure '{doubt.figure}'{nearest(doubt.figure, known)}",
            )
    return replace(profile, uncertain=tuple(Doubt(figure=d.figure, why=d.why) for _, d in doubts))


def _figures(raw: Mapping[str, Any], before: str = "") -> list[str]:
    """Every key of a profile that a doubt may be about: ``windows.sat``, ``caps.per_day``."""
    found = []
    for key, value in raw.items():
        if key not in ("source", "uncertain"):
            found.append(before + key)
            if isinstance(value, dict):
                found += _figures(value, f"{before}{key}.")
    return found


def _own_weeks(
    raw: object, codes: list[str], place: Place, reading: Reading
) -> tuple[tuple[str, Week], ...]:
    if not isinstance(raw, dict):
        reading.wrong(place, raw, "tables of windows, one a region")
        return ()
    reading.unknown_keys(raw, codes, place)
    return tuple(
        (code, _week(week, place / code, reading)) for code, week in raw.items() if code in codes
    )


def _week(raw: object, place: Place, reading: Reading) -> Week:
    """``mon-fri = ["08:00-20:00"]``: days and ranges of days; a day that is not named is closed."""
    days: list[tuple[Window, ...]] = [()] * 7
    if raw is None:
        reading.problem(place, 'missing; allowed: a table of days, mon-fri = ["08:00-20:00"]')
        return tuple(days)
    if not isinstance(raw, dict):
        reading.wrong(place, raw, 'a table of days, mon-fri = ["08:00-20:00"]')
        return tuple(days)
    said: dict[int, str] = {}
    before = len(reading.problems)
    for key, value in raw.items():
        named = named_days(key)
        if not named:
            reading.problem(place / key, "unknown day; allowed: mon ... sun, or mon-fri")
            continue
        windows = _windows(value, place / key, reading)
        for day in named:
            if day in said:
                reading.problem(place / key, f"found {WEEKDAYS[day]} again; it is in '{said[day]}'")
            said[day] = key
            days[day] = windows
    if not any(days) and len(reading.problems) == before:
        reading.problem(place, "found no open hour in the week; allowed: at least one")
    return tuple(days)


def named_days(key: str) -> range | None:
    """``sat`` or ``mon-fri`` as numbers of weekdays; None when it is neither."""
    first, _, last = key.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        return None
    found = range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
    return found or None


def _windows(value: object, place: Place, reading: Reading) -> tuple[Window, ...]:
    if not isinstance(value, list):
        reading.wrong(place, value, WINDOWS.allowed)
        return ()
    found = []
    for i, item in enumerate(value):
        if isinstance(item, str) and parses(parse_window)(item):
            found.append(parse_window(item))
        else:
            reading.wrong(place[i], item, WINDOW_RULES)
    found.sort()
    for one, other in pairwise(found):
        if other[0] < one[1]:
            reading.problem(place, "found windows that overlap; allowed: each hour once")
    return tuple(found)


def _holidays(raw: object, place: Place, reading: Reading) -> DaysOff:
    read = reading.table(_Holidays, raw, place)
    if read.calendar:
        why = daysoff.known(read.calendar, read.subdivisions, read.categories)
        if why:
            reading.problem(place, f"the package holidays knows {why}")
    elif read.subdivisions or read.categories != ("public",):
        reading.problem(place / "calendar", "missing; allowed: a country of the package holidays")
    return DaysOff(
        calendar=read.calendar,
        categories=tuple(sorted(read.categories)),
        subdivisions=tuple(sorted(read.subdivisions)),
        add=tuple(sorted(read.add)),
        remove=tuple(sorted(read.remove)),
    )


def _caps(raw: object, place: Place, reading: Reading) -> Caps:
    if not isinstance(raw, dict):
        reading.wrong(place, raw, "a table of caps")
        return Caps()
    flat = _flat(_Caps, raw, ("per_rolling",), place, reading)
    rolling = reading.tables(_Rolling, raw.get("per_rolling", []), place / "per_rolling")
    week_begins = WEEKDAYS.index(flat.week_begins) if flat.week_begins in WEEKDAYS else 0
    return Caps(
        per_day=flat.per_day,
        per_rolling=tuple(sorted((r.contacts, r.days) for _, r in rolling)),
        per_week=flat.per_week,
        week_begins=week_begins,
        gap_days=flat.gap_days,
        gap_hours=flat.gap_hours,
        one_channel=flat.one_channel,
    )


def _lint(raw: object, place: Place, reading: Reading) -> Lint | None:
    """What is asked of texts: a table that is not there asks nothing."""
    if raw is None:
        return None
    if not isinstance(raw, dict):
        reading.wrong(place, raw, "a table, [lint]")
        return None
    reading.unknown_keys(raw, ("words", "creditor", "opt_out", "capitals"), place)
    before = len(reading.problems)
    lists = reading.tables(_Words, raw.get("words", []), place / "words")
    _check_names(lists, reading)
    creditor = _if_there(_Creditor, raw, "creditor", place, reading)
    opt_out = _if_there(_OptOut, raw, "opt_out", place, reading)
    capitals = _if_there(_Capitals, raw, "capitals", place, reading)
    if len(reading.problems) > before:
        return None
    return Lint(
        lists=tuple(
            Words(name=w.name, does=w.does, words=w.words, but=w.but, law=w.law) for _, w in lists
        ),
        creditor=Missing(does=creditor.does, law=creditor.law) if creditor else None,
        opt_out=(
            Missing(does=opt_out.does, words=opt_out.words, law=opt_out.law) if opt_out else None
        ),
        capitals=(
            Capitals(does=capitals.does, share=capitals.share, letters=capitals.letters)
            if capitals
            else None
        ),
    )


def _if_there(cls: type[T], raw: Table, key: str, place: Place, reading: Reading) -> T | None:
    if key not in raw:
        return None
    return reading.table(cls, raw[key], place / key)


def _check_names(lists: list[tuple[Place, _Words]], reading: Reading) -> None:
    seen: dict[tuple[bytes, ...], str] = {}
    for place, one in lists:
        for phrase in map(phrase_of, one.words):
            first = seen.setdefault(phrase, one.name)
            if first != one.name:
                said = b" ".join(phrase).decode()
                reading.problem(place / "words", f"found '{said}', which is in '{first}' too")


def _overlay(raw: Table, place: Place, reading: Reading) -> _Overlay:
    reading.unknown_keys(raw, ("holidays", "prefixes"), place)
    return _Overlay(
        reading.tables(_OverlayDays, raw.get("holidays", []), place / "holidays"),
        reading.tables(_OverlayPrefix, raw.get("prefixes", []), place / "prefixes"),
    )


def _laid_over(policies: list[Policy], overlay: _Overlay, reading: Reading) -> list[Policy]:
    countries = {policy.country for policy in policies}
    named = [(at, days.country) for at, days in overlay.holidays]
    named += [(at, prefix.country) for at, prefix in overlay.prefixes]
    for at, country in named:
        if country and country not in countries:
            reading.problem(
                at / "country",
                f"no file has the country '{country}'{nearest(country, countries)}",
            )
    return [_with_days(_with_prefixes(p, overlay, reading), overlay, reading) for p in policies]


def _with_prefixes(policy: Policy, overlay: _Overlay, reading: Reading) -> Policy:
    """An overlay's prefix takes the place of the file's own."""
    codes = [region.code for region in policy.regions]
    own = {
        entry.prefix: entry
        for entry in (
            _prefix(read, policy.country, codes, at, reading)
            for at, read in overlay.prefixes
            if read.country == policy.country
        )
    }
    kept = tuple(entry for entry in policy.prefixes if entry.prefix not in own)
    return replace(policy, prefixes=(*kept, *own.values()))


def _with_days(policy: Policy, overlay: _Overlay, reading: Reading) -> Policy:
    """An overlay's days hold in every profile that has holidays at all."""
    codes = [region.code for region in policy.regions]
    entries = [(at, e) for at, e in overlay.holidays if e.country == policy.country]
    for at, entry in entries:
        if entry.region and entry.region not in codes:
            reading.problem(
                at / "region",
                f"no region has the code '{entry.region}'{nearest(entry.region, codes)}",
            )
    everywhere = [e for _, e in entries if not e.region]
    regional = tuple((e.region, e.add, e.remove) for _, e in entries if e.region)

    def laid(profile: Profile) -> Profile:
        off = profile.holidays
        if not entries or not (off.calendar or off.add):
            return profile
        added = [day for e in everywhere for day in e.add]
        removed = [day for e in everywhere for day in e.remove]
        return replace(
            profile,
            holidays=replace(
                off,
                add=tuple(sorted({*off.add, *added} - set(removed))),
                remove=tuple(sorted({*off.remove, *removed} - set(added))),
                by_region=regional,
            ),
        )

    return replace(policy, profiles=tuple(laid(profile) for profile in policy.profiles))


def _check_versions(policies: list[tuple[Place, Policy]], reading: Reading) -> None:
    seen: dict[tuple[str, date], Place] = {}
    for place, policy in policies:
        first = seen.setdefault((policy.country, policy.effective_from), place)
        if first is not place and policy.country:
            reading.problem(
                place / "effective_from",
                f"found {policy.country} from {policy.effective_from} a second time; "
                f"the first is {first}",
            )


def _check_prefixes(
    laid: list[Policy],
    reading: Reading,
    policies: list[tuple[Place, Policy]],
    overlay: _Overlay,
) -> None:
    for place, policy in policies:
        seen: set[str] = set()
        for i, entry in enumerate(policy.prefixes):
            if entry.prefix in seen:
                at = (place / "prefixes")[i] / "prefix"
                reading.problem(at, f"found '+{entry.prefix}' a second time")
            seen.add(entry.prefix)
    twice: set[str] = set()
    for at, read in overlay.prefixes:
        if read.prefix in twice:
            reading.problem(at / "prefix", f"found '{read.prefix}' a second time")
        twice.add(read.prefix)


def data_versions() -> dict[str, str]:
    """Which editions of the data decide, beside the rules."""
    return dict(EDITIONS)


def campaign_week(windows: Mapping[str, Iterable[str]]) -> Week:
    """A campaign's own hours, ``{"mon-fri": ["09:00-18:00"]}``, to be laid over a profile's.

    Raises ValueError, with the reason, when they are none.
    """
    reading = Reading()
    raw = cast(Table, {day: list(value) for day, value in windows.items()})
    week = _week(raw, Place(Path("hours")), reading)
    if reading.problems:
        raise ValueError("; ".join(line.removeprefix("hours: ") for line in reading.problems))
    return week


@lru_cache(4096)
def hours_of(text: str) -> Week | None:
    """A campaign's own hours, or those a recipient asked for, as they are kept; None: none."""
    return campaign_week(json.loads(text)) if text else None


def said_week(texts: Iterable[str]) -> dict[str, list[str]]:
    """Hours as a command line or a cell has them, each ``mon-fri=09:00-12:00,14:00-18:00``.

    What is wrong with them :func:`campaign_week` says.
    """
    said: dict[str, list[str]] = {}
    for one in texts:
        days, _, windows = one.partition("=")
        said.setdefault(days, []).extend(window for window in windows.split(",") if window)
    return said


def said_cell(cell: str) -> dict[str, list[str]] | None:
    """The same of a cell, with a space between them; None for ``null``."""
    return None if cell.strip().lower() == "null" else said_week(cell.split())
