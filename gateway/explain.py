"""``recado explain`` and ``recado calendar``: what the contact rules say, without a gateway.

They read the same rules and ask the same decision as the daemon; what only a running gateway knows
(the lists, the contacts already made) is not in the answer. ``--campaign`` alone asks one.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway import policies, remote
from gateway.clock import wall_ms
from gateway.config import SEARCHED
from gateway.errors import ConfigError
from gateway.policy.calendar import NEVER, day_begins, local_day, local_text, offset_at, tz
from gateway.policy.daysoff import EPOCH
from gateway.policy.decide import Rule, Rulebook, Send, Wait, decide
from gateway.policy.rules import Week
from gateway.policy.zones import Place

CLOSED = Wait(None, "closed")
NEVER_OPENS = "the hours never open: a campaign's own and the rule's do not meet"
DEFAULT = "prudent"
"""The profile where no configuration says another."""
LAST_YEAR = 2199
END = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""What comes later is not asked: holidays so far ahead are nobody's to know."""


def main(options: argparse.Namespace) -> int:
    """``recado explain``."""
    if not options.to and not options.policy:
        raise ConfigError(["explain: name a number with --to, or a country with --policy"])
    if options.campaign:
        _take_campaign(options)
    book, profile = _read(options)
    now = instant(options.at)
    place = _place(book, options)
    country = (options.policy or place.country).upper()
    rule = book.rule(country, profile, now, _week(options))
    if options.policy and rule is None:
        raise ConfigError([_no_rule(book, country, now)])
    answer = explained(now, rule, place, options.to)
    print(json.dumps(answer, ensure_ascii=False) if options.json else "\n".join(_lines(answer)))
    return 0


def _take_campaign(options: argparse.Namespace) -> None:
    """A running gateway says what profile and hours the campaign has. Raises NoAnswer."""
    campaign = remote.Gateway(options.url, options.key).campaign(options.campaign)
    options.profile = campaign.get("policy") or options.profile
    own = [f"{days}={','.join(windows)}" for days, windows in (campaign.get("hours") or {}).items()]
    options.hours = [*(options.hours or []), *own]


def explained(now: int, rule: Rule | None, place: Place, to: str | None = None) -> dict[str, Any]:
    """The answer, as ``--json`` prints it. ``next`` is the first instant at which it may go."""
    outcome = decide(now, rule, place)
    allowed = isinstance(outcome, Send)
    following: int | None = now
    if not isinstance(outcome, Send):
        following = outcome.until if isinstance(outcome, Wait) else None
    profile = rule.profile if rule else None
    return {
        "to": to,
        "at": rfc3339(now),
        "allowed": allowed,
        "reason": "open" if isinstance(outcome, Send) else outcome.reason,
        "why": NEVER_OPENS if outcome == CLOSED else _why(now, rule, place),
        "next": None if following is None else rfc3339(following),
        "closes": rfc3339(outcome.validity)
        if isinstance(outcome, Send) and outcome.validity < NEVER
        else None,
        "country": rule.policy.country if rule else place.country or None,
        "region": place.region or None,
        "zones": list(place.zones),
        "zones_from": place.source,
        "local": [local_text(zone, now) for zone in place.zones],
        "rule": rule.name if rule else None,
        "hash": rule.hash if rule else None,
        "law": profile.source if profile else None,
        "uncertain": [f"{d.figure}: {d.why}" for d in profile.uncertain] if profile else [],
        "data": policies.data_versions(),
    }


def _why(now: int, rule: Rule | None, place: Place) -> str:
    if not place.zones:
        return (
            "no number that libphonenumber knows, and no zone or region is stored of the recipient"
        )
    if rule is None:
        return f"no file has the country {place.country}"
    if not rule.policy.enabled:
        return f"{rule.policy.name} is off: enabled = false"
    return rule.hours(place.zones, place.region).why(now)


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    who = answer["to"] or answer["country"]
    yield f"{who}: {'may go' if answer['allowed'] else 'may not go'} at {answer['at']}"
    reason = answer["why"] if answer["allowed"] else f"{answer['reason']}: {answer['why']}"
    yield f"  why        {reason}"
    if answer["allowed"]:
        yield f"  until      {answer['closes'] or 'it never closes'}"
    else:
        yield f"  next       {answer['next'] or 'not before somebody does something'}"
    if answer["rule"]:
        yield f"  rule       {answer['rule']} ({answer['hash']})"
        yield f"  law        {answer['law']}"
    for zone, local in zip(answer["zones"], answer["local"], strict=True):
        yield f"  zone       {zone}: {local}"
    yield f"  zones by   {answer['zones_from']}"
    for doubt in answer["uncertain"]:
        yield f"  uncertain  {doubt}"
    yield "  data       " + ", ".join(f"{name} {v}" for name, v in answer["data"].items())


def calendar(options: argparse.Namespace) -> int:
    """``recado calendar``."""
    book, profile = _read(options)
    now = instant(options.at)
    country = options.policy.upper()
    rule = book.rule(country, profile, now, _week(options))
    if rule is None:
        raise ConfigError([_no_rule(book, country, now)])
    options.to = None
    place = _place(book, options)
    days = list(_days(rule, place, now, options.week))
    if options.json:
        print(json.dumps(_calendar_json(rule, place, days), ensure_ascii=False))
        return 0
    zone, *others = place.zones
    off = "" if rule.policy.enabled else "; off: nothing is sent there"
    print(f"{rule.policy.name}, {rule.name} ({rule.hash}){off}")
    print(f"times of {zone}" + (f", open in all of: {', '.join(place.zones)}" if others else ""))
    for day, windows, why in days:
        print(f"  {day:%a %Y-%m-%d}  {', '.join(windows) or 'closed'}{f' ({why})' if why else ''}")
    return 0


def _calendar_json(
    rule: Rule, place: Place, days: list[tuple[date, list[str], str]]
) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "hash": rule.hash,
        "zones": list(place.zones),
        "days": [
            {"date": day.isoformat(), "open": windows, "why": why or None}
            for day, windows, why in days
        ],
    }


def _days(rule: Rule, place: Place, now: int, week: bool) -> Iterator[tuple[date, list[str], str]]:
    """Each local date of the first zone, its open hours there, and what else there is to say."""
    zone = place.zones[0]
    today = local_day(zone, now)
    first = today - (today + 3) % 7 if week else today
    for day in range(first, first + (7 if week else 1)):
        on = rule
        begins, ends = day_begins(zone, day), day_begins(zone, day + 1)
        while begins >= on.until and on.next is not None:
            on = on.next
        hours = on.hours(place.zones, place.region)
        holiday = "holiday" if hours.schedule.holiday(day) else ""
        found = [_window(zone, day, a, b) for a, b in hours.spans(begins, ends)]
        yield date.fromordinal(day + EPOCH), found, holiday


def _window(zone: str, day: int, opens: int, closes: int) -> str:
    """``08:00-20:00``; a close at midnight is 24:00."""
    midnight = day * 86_400_000

    def clock(at: int, offset: int) -> str:
        minutes = (at + offset - midnight) // 60_000
        return f"{minutes // 60:02}:{minutes % 60:02}"

    return f"{clock(opens, offset_at(zone, opens))}-{clock(closes, offset_at(zone, closes - 1))}"


def _read(options: argparse.Namespace) -> tuple[Rulebook, str]:
    """The rules beside the configuration that would be used, and the profile that is asked.

    Without a configuration they are the package's, and prudent. Raises ConfigError.
    """
    if options.config is not None and not Path(options.config).is_file():
        raise ConfigError([f"{options.config}: no such file"])
    named = Path(options.config) if options.config is not None else None
    main = named or next((path for path in SEARCHED if path.is_file()), None)
    profile = options.profile or (_profile(main) if main is not None else DEFAULT)
    return policies.load(main), profile


def _profile(main: Path) -> str:
    """A configuration's ``[policy] profile``; the rest of the file is not asked for."""
    try:
        policy = tomllib.loads(main.read_text(encoding="utf-8")).get("policy", {})
    except OSError as error:
        raise ConfigError([f"{main}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise ConfigError([f"{main}: is no TOML: {error}"]) from error
    found = policy.get("profile", DEFAULT) if isinstance(policy, dict) else DEFAULT
    if found == "off":
        why = "no hours and no caps hold; --profile asks what they would say"
        raise ConfigError([f'{main}: policy.profile is "off": {why}'])
    if found not in ("prudent", "text"):
        allowed = '"prudent" | "text" | "off"'
        raise ConfigError([f"{main}: policy.profile: found {found!r}; allowed: {allowed}"])
    return str(found)


def _place(book: Rulebook, options: argparse.Namespace) -> Place:
    zones = tuple(zone for zone in (options.zones or "").split(",") if zone)
    for zone in zones:
        try:
            tz(zone)
        except KeyError:
            raise ConfigError([f"--zones: the tz database has no '{zone}'"]) from None
    country = _country(book, options)
    if options.region:
        why = book.places.not_a_region(country, options.region)
        if why:
            raise ConfigError([f"--region: {why}"])
    if options.to:
        return book.places.find(options.to, zones, options.region or "")
    place = book.places.within(country, options.region or "")
    return Place(country, place.region, zones, "zone") if zones else place


def _country(book: Rulebook, options: argparse.Namespace) -> str:
    """The number's, which a country that is asked about must be; else the one asked about."""
    asked = str(options.policy or "").upper()
    if not options.to:
        return asked
    country = book.places.country(options.to)
    if asked and asked != country:
        of = f"a number of {country}" if country else "no country's number"
        raise ConfigError([f"--policy: {options.to} is {of}, not of {asked}"])
    return country


def _week(options: argparse.Namespace) -> Week | None:
    if not options.hours:
        return None
    try:
        return policies.campaign_week(policies.said_week(options.hours))
    except ValueError as error:
        raise ConfigError([f"--hours: {error}"]) from None


def _no_rule(book: Rulebook, country: str, now: int) -> str:
    known = sorted({policy.country for policy in book.policies})
    if country in known:
        return f"no file of {country} is in force at {rfc3339(now)}"
    return f"no file has the country '{country}'; known: {', '.join(known)}"


def instant(text: str | None, option: str = "--at") -> int:
    """RFC 3339, with its offset, as milliseconds since the epoch; None is now."""
    if text is None:
        return wall_ms()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        allowed = "a time with its offset, 2026-07-14T08:00:00-04:00"
        raise ConfigError([f"{option}: found '{text}'; allowed: {allowed}"])
    at = (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    if not 0 <= at < END:
        years = f"1970 to {LAST_YEAR}"
        raise ConfigError([f"{option}: found '{text}'; allowed: the years {years}"])
    return at


def rfc3339(at: int) -> str:
    """``2026-07-14T12:00:00Z``."""
    text = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at % 1000:03}Z" if at % 1000 else f"{text}Z"
