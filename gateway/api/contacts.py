"""What is known of the owners of numbers: lists, where they are, and contacts by other channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from gateway.api.campaigns import creditor_name
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
    Forgotten,
    KnownView,
    TouchesOut,
    TouchIn,
    TouchView,
)
from gateway.api.tally import rfc3339
from gateway.api.whereabouts import release
from gateway.policy.calendar import tz
from gateway.policy.caps import Contact, reach
from gateway.policy.decide import Listed
from gateway.store.contacts import EVERYONE, KEPT_TOUCHES_MS, Change, Entry, Known

LISTS = {
    "legal_stop": Listed.LEGAL_STOP,
    "wrong_number": Listed.WRONG_NUMBER,
    "opt_out": Listed.OPT_OUT,
    "consent": Listed.CONSENT,
}
"""By name; of those that end messages the first that a number comes on is the reason."""
ENDING = ("legal_stop", "wrong_number", "opt_out")
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
    to, creditor = _asked(exchange)
    return json_answer(await _view(context, to, creditor))


async def change(context: Context, exchange: Exchange) -> Answer:
    """Set lists, zones and region of a number; what it comes on ends what waits for it."""
    to, creditor = _asked(exchange)
    _check_scope(context, exchange, creditor)
    line = await exchange.json(_read, context.config.http.max_body_bytes)
    changes = _Changes(context, exchange)
    await changes.commit([_told(line, to, creditor, exchange.client, context.clock())])
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
    """Forget what is known of a number for a creditor; contacts of late stay."""
    to, creditor = _asked(exchange)
    _check_scope(context, exchange, creditor)
    forgotten = await context.store.contacts.forget(creditor, to)
    return json_answer(Forgotten(to=f"+{to}", creditor=creditor, forgotten=forgotten))


def _asked(exchange: Exchange) -> tuple[str, str]:
    """The number of the path, and the creditor of the query or else the client."""
    named = exchange.query(ContactQuery).creditor
    to = exchange.parts[0]
    return number(to if to[:1] == "+" else f"+{to}", "msisdn"), _creditor(named, exchange.client)


def _creditor(named: str | None, client: str) -> str:
    if named is None:
        return client
    return named if named in (EVERYONE, client) else creditor_name(named)


def _check_scope(context: Context, exchange: Exchange, creditor: str) -> None:
    """What holds for everyone is the administrators' to set."""
    if creditor != EVERYONE:
        return
    for client in context.config.clients:
        if client.name == exchange.client and "admin" in client.scopes:
            return
    raise fault("no-scope", "what holds for everyone ('*') needs the scope admin", "creditor")


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
        lists=[name for name, flag in LISTS.items() if known.listed & flag],  # type: ignore[misc]
        zones=list(known.zones),
        region=known.region,
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
    """Zones stand in one cell, with a space between them."""
    values: dict[str, Any] = dict(cells)
    if "zones" in cells:
        values["zones"] = cells["zones"].split()
    return values


FORM: Form[ContactLine] = Form(
    Reader(ContactLine), ContactLine.__struct_encode_fields__, ("to",), _line_values
)


async def several(context: Context, exchange: Exchange) -> Answer:
    """Set lists, zones and regions of many numbers: an object, an array, or a stream."""
    client, changes = exchange.client, _Changes(context, exchange)

    def check(line: ContactLine) -> Told:
        creditor = _creditor(line.creditor, client)
        _check_scope(context, exchange, creditor)
        return _told(line, number(line.to), creditor, client, context.clock())

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

    def __init__(self, context: Context, exchange: Exchange) -> None:
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


def _told(line: ContactIn, to: str, creditor: str, client: str, now_ms: int) -> Told:
    """What a line tells; raises CallerError for what is wrong with it."""
    given = {name: value for name in LISTS if (value := getattr(line, name)) is not None}
    if not given and line.zones is None and line.region is None:
        raise fault("missing-field", "give a list, 'zones' or 'region'", "opt_out")
    at = _at(line.at, now_ms) if line.at is not None else now_ms
    source = _text(line.source, SOURCE_CHARACTERS, "source") if line.source else "api"
    text = _text(line.text, TEXT_CHARACTERS, "text") if line.text else ""
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
        _text(line.region, REGION_CHARACTERS, "region") if line.region is not None else None,
        [
            Entry(at, name if value else f"-{name}", source, text, client)
            for name, value in given.items()
        ],
    )
    return Told(change, next((name for name in ENDING if given.get(name)), ""))


def _zones(given: list[str]) -> tuple[str, ...]:
    if len(given) > MOST_ZONES:
        raise fault("invalid-zone", f"{len(given)}; allowed: {MOST_ZONES}", "zones")
    for place, name in enumerate(given):
        try:
            tz(name)
        except KeyError as error:
            raise fault("invalid-zone", f"{name!r:.60}", f"zones[{place}]") from error
    return tuple(dict.fromkeys(given))


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
        return creditor, line.debtor, name, contact

    async def commit(lines: Sequence[_Touched]) -> None:
        theirs: set[str] = set()
        if any(debtor is None for _, debtor, _, _ in lines):
            theirs = await context.store.waiting.debtors(client, to, context.clock())
        by_debtor: dict[tuple[str, str], list[tuple[str, Contact]]] = {}
        for creditor, debtor, name, contact in lines:
            for whom in {to, *(theirs if debtor is None else {debtor})}:
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
