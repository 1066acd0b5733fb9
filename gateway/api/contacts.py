"""What is known of the owners of numbers: lists, where they are, and contacts by other channels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from gateway import policies
from gateway.api.campaigns import creditor_name, hours_text
from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import check_word, number
from gateway.api.lots import take
from gateway.api.problems import fault
from gateway.api.reading import Reader
from gateway.api.records import Cells, Form
from gateway.api.shapes import (
    ContactChanged,
    ContactIn,
    ContactLine,
    ContactQuery,
    ContactsOut,
    ContactView,
    EntryView,
    ForgetQuery,
    Forgotten,
    KnownView,
    TouchesOut,
    TouchIn,
    TouchView,
)
from gateway.api.tally import rfc3339
from gateway.api.whereabouts import release
from gateway.errors import ConfigError
from gateway.policy.calendar import tz
from gateway.policy.caps import Contact, reach
from gateway.policy.decide import Listed
from gateway.policy.packed import ListName
from gateway.policy.zones import Places
from gateway.store.contacts import (
    EVERYONE,
    KEPT_TOUCHES_MS,
    OF_THE_NUMBER,
    Change,
    Entry,
    Known,
)

log = logging.getLogger(__name__)

LISTS: dict[ListName, Listed] = {
    "legal_stop": Listed.LEGAL_STOP,
    "wrong_number": Listed.WRONG_NUMBER,
    "opt_out": Listed.OPT_OUT,
    "consent": Listed.CONSENT,
}
"""By name; of those that end messages the first that a number comes on is the reason."""
ENDING: tuple[ListName, ...] = ("legal_stop", "wrong_number", "opt_out")
FOR_GOOD = ("legal_stop", "wrong_number")
"""Lists that only administrators take a number off, with the reason."""
MOST_ZONES = 10
SOURCE_CHARACTERS, TEXT_CHARACTERS, REGION_CHARACTERS = 100, 500, 60
AHEAD_MS = 5 * 60_000
"""So far another clock may be ahead of ours."""
ALSO_IM = {"whatsapp": "im"}
"""Channels that the rules know by another name."""

_read = Reader(ContactIn)


class Told(NamedTuple):
    """What a line tells."""

    change: Change
    ends: str
    """The reason for which what waits for the number ends; empty: it does not."""

    @property
    def moves(self) -> bool:
        """Does it say where the owner is?"""
        return bool(self.change.zones or self.change.region)


# --- one number ----------------------------------------------------------------------------------


async def read(context: Context, exchange: Exchange) -> Answer:
    """What is known of a number, for a creditor and for all."""
    to, creditor = _asked(exchange, exchange.query(ContactQuery).creditor)
    return json_answer(await _view(context, to, creditor))


async def change(context: Context, exchange: Exchange) -> Answer:
    """Set lists, zones and region of a number; what it comes on ends what waits for it."""
    to, creditor = _asked(exchange, exchange.query(ContactQuery).creditor)
    line = await exchange.json(_read, context.config.http.max_body_bytes)
    changes, teller = _Changes(context), _teller(context, exchange)
    places = await _places(context) if line.region else None
    await changes.commit([_told(line, to, creditor, teller, places)])
    view = await _view(context, to, creditor)
    return json_answer(
        ContactChanged(
            to=view.to,
            creditor=view.creditor,
            known=view.known,
            everyone=view.everyone,
            contacts=view.contacts,
            blocked=changes.blocked,
            moved=changes.moved,
        )
    )


async def forget(context: Context, exchange: Exchange) -> Answer:
    """Take a number off a creditor's lists, and its zones and region away; the evidence stays."""
    query = exchange.query(ForgetQuery)
    to, creditor = _asked(exchange, query.creditor)
    teller = _teller(context, exchange)
    _check_creditor(creditor, teller)
    source, text = _source(query.source), _words(query.text)
    (known,) = await context.store.contacts.known(creditor, [to])
    if known is None or not (known.listed or known.zones or known.region or known.hours):
        return json_answer(Forgotten(to=f"+{to}", creditor=creditor, forgotten=False))
    names = [name for name, flag in LISTS.items() if known.listed & flag]
    _check_lifted(names, text, teller)
    change = Change(
        to,
        creditor,
        leaves=known.listed,
        zones=(),
        region="",
        entries=[
            Entry(teller.now_ms, f"-{what}", source, text, teller.client)
            for what in (*names, *(["hours"] if known.hours else []))
        ],
        confirmed_ms=-1 if "opt_out" in names else 0,
        hours="",
    )
    await context.store.contacts.learn([change])
    return json_answer(Forgotten(to=f"+{to}", creditor=creditor, forgotten=True))


def _asked(exchange: Exchange, creditor: str | None) -> tuple[str, str]:
    """The number of the path, and the creditor of the query or else the client."""
    to = exchange.parts[0]
    digits = number(to if to[:1] == "+" else f"+{to}", "msisdn")
    return digits, _creditor(creditor, exchange.client)


def _creditor(named: str | None, client: str) -> str:
    if named is None:
        return client
    return named if named in (EVERYONE, client) else creditor_name(named)


class Teller(NamedTuple):
    """Who tells something, and when."""

    client: str
    admin: bool
    now_ms: int


def _teller(context: Context, exchange: Exchange) -> Teller:
    admin = any(
        client.name == exchange.client and "admin" in client.scopes
        for client in context.config.clients
    )
    return Teller(exchange.client, admin, context.clock())


def _check_creditor(creditor: str, teller: Teller) -> None:
    """What holds for everyone is the administrators' to set."""
    if creditor == EVERYONE and not teller.admin:
        raise fault("no-scope", "what holds for everyone ('*') needs the scope admin", "creditor")


def _check_lifted(names: Iterable[str], text: str, teller: Teller) -> None:
    """A suit or a wrong number is not over because a caller forgets it."""
    for name in names:
        if name not in FOR_GOOD:
            continue
        if not teller.admin:
            raise fault("no-scope", f"taking a number off {name} needs the scope admin", name)
        if not text:
            raise fault("missing-field", f"why it comes off {name}", "text")


async def _view(context: Context, to: str, creditor: str) -> ContactView:
    contacts = context.store.contacts
    (own,) = await contacts.known(creditor, [to])
    (common,) = await contacts.known(EVERYONE, [to])
    touches = await contacts.touches(creditor, to)
    return ContactView(
        to=f"+{to}",
        creditor=creditor,
        known=_known(own),
        everyone=_known(common),
        contacts=[TouchView(rfc3339(t.at), t.channel, t.two_way) for t in touches],
    )


def _known(known: Known | None) -> KnownView:
    known = known or Known()
    return KnownView(
        lists=[name for name, flag in LISTS.items() if known.listed & flag],
        zones=list(known.zones),
        region=known.region,
        hours=msgspec.json.decode(known.hours) if known.hours else None,
        entries=[
            EntryView(
                at=rfc3339(e.at_ms),
                what=e.what,
                source=e.source,
                text=e.text,
                by=e.by,
                review=e.review,
            )
            for e in known.entries
        ],
    )


# --- many ----------------------------------------------------------------------------------------


def _line_values(cells: Cells) -> dict[str, Any]:
    """Zones and hours stand in one cell each, with a space between them."""
    values: dict[str, Any] = dict(cells)
    if "zones" in cells:
        values["zones"] = cells["zones"].split()
    if "hours" in cells:
        values["hours"] = policies.said_cell(cells["hours"])
    return values


FORM: Form[ContactLine] = Form(
    Reader(ContactLine), ContactLine.__struct_encode_fields__, ("to",), _line_values
)


async def several(context: Context, exchange: Exchange) -> Answer:
    """Set lists, zones and regions of many numbers: an object, an array, or a stream."""
    teller, changes = _teller(context, exchange), _Changes(context)
    places = await _places(context)

    def check(line: ContactLine) -> Told:
        creditor = _creditor(line.creditor, teller.client)
        return _told(line, number(line.to), creditor, teller, places)

    lot = await take(context, exchange, FORM, check, changes.commit)
    return json_answer(
        ContactsOut(
            accepted=lot.accepted,
            rejected=lot.rejected,
            errors=lot.errors,
            blocked=changes.blocked,
            moved=changes.moved,
        )
    )


class _Changes:
    """Commits what lines tell, and what follows for the messages that wait."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.blocked = self.moved = 0

    async def commit(self, told: Sequence[Told]) -> None:
        """First the lists, so that nothing new gets past; then what waits already."""
        store = self._context.store
        await store.contacts.learn([one.change for one in told])
        ends = {
            ("" if one.change.creditor == EVERYONE else one.change.creditor, one.change.number): (
                one.ends
            )
            for one in told
            if one.ends
        }
        if ends:
            self.blocked += (await store.waiting.block(ends, self._context.clock())).ended
        moves = {one.change.number for one in told if one.moves}
        if moves:
            self.moved += await release(self._context, moves)


async def _places(context: Context) -> Places | None:
    """The countries' regions, also where contact rules are off; None: their files have mistakes."""
    if context.calendars is not None:
        return context.calendars.book.places
    return await asyncio.to_thread(_read_places, *context.config.files[:1])


@lru_cache(1)
def _read_places(main: Path | None = None) -> Places | None:
    try:
        return policies.load(main).places
    except ConfigError as error:
        log.warning("regions cannot be told", extra={"detail": str(error)})
        return None


def _told(line: ContactIn, to: str, creditor: str, teller: Teller, places: Places | None) -> Told:
    """What a line tells; raises CallerError for what is wrong with it."""
    _check_creditor(creditor, teller)
    given = {name: value for name in LISTS if (value := getattr(line, name)) is not None}
    if not given and line.zones is None and line.region is None and line.hours is UNSET:
        raise fault("missing-field", "give a list, 'zones', 'region' or 'hours'", "opt_out")
    at = _at(line.at, teller.now_ms) if line.at is not None else teller.now_ms
    source, text = _source(line.source), _words(line.text)
    _check_lifted((name for name, value in given.items() if not value), text, teller)
    if line.consent and not text:
        raise fault("missing-field", "what was agreed to, as evidence of the consent", "text")
    hours = None if line.hours is UNSET else hours_text(line.hours)
    if hours and not text:
        raise fault("missing-field", "what was asked for, as evidence of the hours", "text")
    comes_on = leaves = 0
    for name, value in given.items():
        if value:
            comes_on |= LISTS[name]
        else:
            leaves |= LISTS[name]
    change = Change(
        to,
        creditor,
        int(comes_on),
        int(leaves),
        _zones(line.zones) if line.zones is not None else None,
        _region(line.region, to, places) if line.region is not None else None,
        [
            Entry(at, name if value else f"-{name}", source, text, teller.client)
            for name, value in (given if hours is None else given | {"hours": hours}).items()
        ],
        confirmed_ms=-1 if given.get("opt_out") is False else 0,
        hours=hours,
    )
    return Told(change, next((name for name in ENDING if given.get(name)), ""))


def _source(given: str | None) -> str:
    return _text(given, SOURCE_CHARACTERS, "source") if given else "api"


def _words(given: str | None) -> str:
    """The evidence's words; those of space alone are none."""
    return _text(given, TEXT_CHARACTERS, "text").strip() if given else ""


def _zones(given: list[str]) -> tuple[str, ...]:
    if len(given) > MOST_ZONES:
        raise fault("invalid-zone", f"{len(given)}; allowed: {MOST_ZONES}", "zones")
    for place, name in enumerate(given):
        try:
            tz(name)
        except KeyError as error:
            raise fault("invalid-zone", f"{name!r:.60}", f"zones[{place}]") from error
    return tuple(dict.fromkeys(given))


def _region(given: str, to: str, places: Places | None) -> str:
    """A region that the rules of the number's country have: another would be as none."""
    region = _text(given, REGION_CHARACTERS, "region")
    if region:
        why = "the rules' files have mistakes: see recado check"
        if places is not None:
            why = places.not_a_region(places.country(to), region)
        if why:
            raise fault("invalid-field", why, "region")
    return region


def _text(given: str, most: int, field: str) -> str:
    if len(given) > most or any(c < " " or "\x7f" <= c <= "\x9f" for c in given):
        raise fault("invalid-field", f"allowed: {most} characters, no controls", field)
    return given


def _at(given: datetime, now_ms: int) -> int:
    """A time that has been."""
    at = int(given.timestamp() * 1000)
    if at > now_ms + AHEAD_MS:
        raise fault("invalid-time", "it is yet to come", "at")
    if at < 0:
        raise fault("invalid-time", "before 1970", "at")
    return at


# --- contacts by others --------------------------------------------------------------------------


def _no_cells(cells: Cells) -> dict[str, Any]:
    return dict(cells)


TOUCHES: Form[TouchIn] = Form(Reader(TouchIn), (), (), _no_cells)
_Touched = tuple[str, str | None, str, Contact]
"""(creditor, debtor if one is named, the contact's name, the contact)."""


async def touch(context: Context, exchange: Exchange) -> Answer:
    """Report contacts that others made over other channels: they count for the caps."""
    to, client = number("+" + exchange.parts[0].removeprefix("+"), "msisdn"), exchange.client
    keep_ms = _keep_ms(context)

    def check(line: TouchIn) -> _Touched:
        creditor = _creditor(line.creditor, client)
        if creditor == EVERYONE:
            raise fault("invalid-field", "a contact is some creditor's", "creditor")
        for word, field in ((line.ref, "ref"), (line.debtor, "debtor")):
            if word is not None:
                check_word(word, "invalid-ref" if field == "ref" else "invalid-field", field)
        at = _at(line.at, context.clock())
        contact = Contact(at, ALSO_IM.get(line.channel, line.channel), line.two_way)
        name = _named(f"ref {line.ref}" if line.ref is not None else f"{at} {contact.channel}")
        if line.debtor is None:
            name = OF_THE_NUMBER + name
        return creditor, line.debtor, name, contact

    async def commit(lines: Sequence[_Touched]) -> None:
        by_debtor: dict[tuple[str, str], list[tuple[str, Contact]]] = {}
        for creditor, debtor, name, contact in lines:
            for whom in {to, debtor or to}:
                by_debtor.setdefault((creditor, whom), []).append((name, contact))
        for (creditor, debtor), touches in by_debtor.items():
            await context.store.contacts.touch(creditor, debtor, touches, keep_ms)

    lot = await take(context, exchange, TOUCHES, check, commit, streams=False)
    return json_answer(TouchesOut(lot.accepted, lot.rejected, lot.errors))


def _named(words: str) -> str:
    """A contact's name among its debtor's, without spaces: a message's is its id."""
    return blake2b(words.encode(), digest_size=8).hexdigest()


def _keep_ms(context: Context) -> int:
    """Long enough for every cap there is."""
    if context.calendars is None:
        return KEPT_TOUCHES_MS
    profiles = [p for policy in context.calendars.book.policies for p in policy.profiles]
    return max([KEPT_TOUCHES_MS, *(reach(profile.caps) for profile in profiles)])
