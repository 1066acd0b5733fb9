"""The one answer to a debtor who asks for no more messages: what it says, until when it may go.

While it answers what has just been received (its country's ``answer_seconds``) it goes whatever the
hour; later, or where a country gives no such right, only inside the hours of what is no collection.
It is one segment of GSM 7-bit, no text that the rules on texts look at, and counts for no budget.
Its id is made from the reply, so that one which is heeded twice is answered once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import msgspec

from gateway.api.context import Context
from gateway.api.intake import Origin
from gateway.api.shapes import MessageIn
from gateway.clock import wall_ms
from gateway.errors import CallerError
from gateway.ids import derived_id
from gateway.message import Campaign, Priority
from gateway.policy.calendars import ANSWER
from gateway.policy.decide import Listed, Rule, Send, decide
from gateway.policy.zones import NOWHERE, Place, by_libphonenumber, normal
from gateway.smpp.text import measure, transliterate
from gateway.store.contacts import EVERYONE, whereabouts
from gateway.store.correlation import Heard
from gateway.store.types import Put

log = logging.getLogger(__name__)

ANSWER_SECONDS = 300
"""Later it is no answer "at once" (47 CFR 64.1200(a)(12)); a country's file may say less."""
LATEST_MS = 24 * 3_600_000
"""Inside the hours it goes so long after the reply at most (Anatel)."""
LANGUAGES = {"BR": "pt", "US": "en"}
"""Of the countries where it is not Spanish."""
TRANSACTIONAL = "transactional"
"""The profile of what is no collection."""


class Confirmation:
    """Confirms opt-outs, each once."""

    def __init__(self, context: Context, wake: Callable[[], None]) -> None:
        self._context = context
        self._wake = wake

    async def send(self, heard: Heard) -> None:
        """Tell a debtor that there will be no more. Raises StoreUnavailable."""
        context, now = self._context, wall_ms()
        place = await self._place(heard)
        text = dict(context.config.policy.stop_reply)[_language(place, heard.sender)]
        if not text:
            return
        until = self._until(heard.at_ms, place, now)
        if until <= now:
            _failed(heard, "it is late for an answer, and the rules do not let it go now")
            return
        try:
            put = self._put(heard, text, until, now)
        except (CallerError, ValueError) as error:
            _failed(heard, error.detail if isinstance(error, CallerError) else str(error))
            return
        (result,) = await context.store.queue.put([put])
        if result.kind not in ("new", "same") or put.blocked:
            _failed(heard, put.blocked or result.kind)
        self._wake()

    async def _place(self, heard: Heard) -> Place:
        """Where its recipient is, by what is stored and by its number."""
        calendars, contacts = self._context.calendars, self._context.store.contacts
        if calendars is None:
            return NOWHERE
        (own,) = await contacts.known(heard.creditor or EVERYONE, [heard.sender])
        (common,) = await contacts.known(EVERYONE, [heard.sender])
        return calendars.book.places.find(heard.sender, *whereabouts(own, common))

    def _until(self, received: int, place: Place, now: int) -> int:
        """Without contact rules nobody knows the hours: an answer at once, or none."""
        context = self._context
        if context.calendars is None:
            return received + ANSWER_SECONDS * 1000
        rule = context.calendars.book.rule(place.country, TRANSACTIONAL, now)
        return life(received, now, rule, place, int(context.config.policy.margin_seconds * 1000))

    def _put(self, heard: Heard, text: str, until: int, now: int) -> Put:
        """Raises CallerError, or ValueError."""
        intake, client, to = self._context.intake, heard.client or heard.writer, f"+{heard.sender}"
        if not client:
            raise ValueError("no client has written to its sender")
        said = wording(text, heard.creditor, intake.way(None, to, heard.to).alphabet)
        put = intake.put(
            MessageIn(to=to, text=said, sender=heard.to, encoding="gsm7"),
            Campaign(
                id="",
                client=client,
                name="",
                created_ms=now,
                priority=Priority.urgent,
                policy=TRANSACTIONAL if self._context.calendars is not None else "",
                creditor=heard.creditor,
            ),
            Origin(client),
            0,
            now,
        )
        id = derived_id(client, "answer:", f"{heard.sender} {heard.at_ms}")
        put.message = msgspec.structs.replace(put.message, id=id, calendar=ANSWER, expires_ms=until)
        put.derived, put.digest = True, id[:16]
        return put


def life(received: int, now: int, rule: Rule | None, place: Place, margin_ms: int) -> int:
    """The first instant at which it may not go any more; before ``now``: it may not at all.

    ``rule`` is the country's for what is no collection.
    """
    now = max(now, received)  # another node's clock may be ahead of ours
    outcome = decide(now, rule, place, answers=received, listed=Listed.CONSENT)
    if rule is None or not isinstance(outcome, Send):
        return 0
    at_once = received + min(rule.profile.answer_seconds, ANSWER_SECONDS) * 1000
    if now < at_once:
        return at_once
    return min(outcome.validity - margin_ms, received + LATEST_MS)


def wording(text: str, creditor: str, alphabet: str = "gsm7") -> str:
    """The text in GSM 7-bit and one segment; of a name that is too long for that its beginning.

    Raises ValueError where the text is too long without any.
    """
    for name in _shorter(creditor):
        said = transliterate(_with_name(text, name), alphabet).text
        if measure(said, "gsm7", alphabet=alphabet).segments == 1:
            return said
    raise ValueError("the text is longer than one segment")


def _with_name(text: str, name: str) -> str:
    if name:
        return text.replace("{creditor}", name)
    said = text.replace("{creditor}: ", "").replace("{creditor}", "").strip()
    return said[:1].upper() + said[1:]


def _shorter(name: str) -> Iterator[str]:
    """The name, then less of it: by words, by letters, nothing."""
    yield name
    words = name.split()
    for count in range(len(words) - 1, 0, -1):
        yield " ".join(words[:count])
    for size in range(len(words[0]) - 1 if words else 0, 0, -1):
        yield words[0][:size]
    yield ""


def _language(place: Place, number: str) -> str:
    country = place.country
    if not country and number.isascii() and number.isdigit():
        country, _, _ = by_libphonenumber(normal(number))
    return LANGUAGES.get(country, "es")


def _failed(heard: Heard, why: str) -> None:
    log.error("no confirmation", extra={"to": heard.sender, "detail": why})
