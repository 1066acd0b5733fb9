"""From a message as a caller wrote it to one that the store takes, or to what is wrong with it.

:meth:`Intake.put` is on the way of every message: about 5 us. It does no I/O; campaigns are
looked up before it (:class:`Campaigns`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from gateway.api.problems import Refusal, fault, finding_views
from gateway.api.shapes import DATA_OCTETS, REF_CHARACTERS, URL_CHARACTERS, MessageIn
from gateway.config import Config, Route
from gateway.errors import CallerError
from gateway.ids import derived_id, new_id
from gateway.message import Campaign, Message, Priority
from gateway.policies import hours_of
from gateway.policy.calendar import NEVER
from gateway.policy.calendars import ANY, LONGEST_LOOK, Calendars
from gateway.policy.decide import Rule
from gateway.policy.lint import Finding, Lint, lint
from gateway.policy.route import Router, Split
from gateway.policy.zones import Place, normal
from gateway.smpp.text import (
    MAX_SEGMENTS,
    Measure,
    TextError,
    Transliterated,
    measure,
    transliterate,
)
from gateway.store import Store
from gateway.store.types import Put

FARTHEST_MS = 366 * 24 * 3600 * 1000
"""How far ahead ``send_at`` may be."""

PRIORITIES = {priority.name: priority for priority in Priority}
_NO_CAMPAIGN = Campaign(id="", client="", name="", created_ms=0, priority=Priority.normal)
"""What holds for a message of no campaign."""
NEVER_THERE = ("country_off",)
"""Reasons for which a message is refused for good as it comes."""


class When(NamedTuple):
    """What the contact rules say at an instant to messages of a place and a campaign."""

    calendar: str = ANY
    opens: int = 0
    """When they may go; 0: now, or never."""
    hold: str = ""
    """Why not now."""
    texts: Lint | None = None
    """What is asked of their texts."""
    since: int = 0
    until: int = NEVER
    """It is so from then on, and before then."""


NO_RULES = When()
"""Where contact rules are off."""
MOST_WHENS = 4_096
_NUMBER = re.compile(r"\+([1-9][0-9]{6,14})")
_SENDER_SIGNS = str.maketrans("", "", " .-_&")
_encode = msgspec.json.Encoder().encode


class Way(NamedTuple):
    """What a route means for a message."""

    name: str
    senders: tuple[str, ...]
    max_segments: int
    long: str
    alphabet: str = "gsm7"
    """What data_coding 0 means to its carriers; the narrowest where they differ."""
    tables: tuple[str, ...] = ()
    """Languages of the national tables that may be used."""
    split: Split | None = None
    """Of several carriers by weight."""


NO_WAY = Way("", (), MAX_SEGMENTS, "udh16")
"""For a number without a route: it is stored as blocked."""


class Origin(NamedTuple):
    """Whose message it is, and how its id is made where it has no ref."""

    client: str
    key: str = ""
    """The Idempotency-Key; empty: none."""


class Intake:
    """What the configuration says of a message that comes in."""

    def __init__(self, config: Config, calendars: Calendars | None = None) -> None:
        self._calendars = calendars
        self._profile = config.policy.profile
        self._lint = config.policy.lint
        self._all_alike: dict[int, Lint] = {}
        self._whens: dict[tuple[Place, str, str], When] = {}
        """By place, and a campaign's profile and hours."""
        self._router = Router(config.routes)
        self._ways = {route.name: _way(config, route) for route in config.routes}
        self._senders = frozenset(one for way in self._ways.values() for one in way.senders)
        self._only_to = frozenset(number.removeprefix("+") for number in config.safety.only_to)

    def put(
        self, line: MessageIn, campaign: Campaign | None, origin: Origin, index: int, now_ms: int
    ) -> Put:
        """What the store takes; raises CallerError for what is wrong.

        ``index`` is the line's, from 0: with the key it makes the id of a message without a ref.
        """
        to = number(line.to)
        asked = campaign or _NO_CAMPAIGN
        client, key = origin
        ref, debtor, url, data = line.ref, line.debtor, line.callback_url, line.data
        given = line.sender or asked.sender
        if given:
            given = given if given in self._senders else sender(given)
        elif line.sender is not None:
            raise fault("invalid-sender", "it is empty", "from")
        route = self._router.route(to, given, asked.name)
        way = self._ways[route.name] if route else NO_WAY
        text, measured, told = measured_text(line.text, line.encoding, line.transliterate, way)
        if ref is not None:
            check_word(ref, "invalid-ref", "ref")
        if debtor is not None:
            check_word(debtor, "invalid-field", "debtor")
        if url is not None:
            _check_url(url)
        not_before = _not_before(line.send_at, now_ms) if line.send_at is not None else 0
        ttl = line.ttl or asked.ttl
        derived = ref is not None or key != ""
        if self._calendars is not None:
            calendar, opens, hold, texts, _, _ = self._when(to, asked, not_before or now_ms)
        else:
            check_no_rules(asked.policy, asked.hours)
            calendar, opens, hold, texts, _, _ = NO_RULES
        findings = _checked(text, texts, asked.creditor) if texts is not None else ()
        if ref is not None:
            id = derived_id(client, asked.id, ref)
        elif key:
            id = derived_id(client, f"key:{key}", str(index))
        else:
            id = new_id(now_ms)
        message = Message(
            measured.segments,
            id,
            client,
            asked.id,
            ref or "",
            to,
            now_ms,
            (not_before or now_ms) + ttl * 1000 if ttl else 0,
            debtor or "",
            asked.creditor,
            given if given in way.senders else _allowed(given, way),
            text,
            measured.encoding,
            asked.priority if line.priority is None else PRIORITIES[line.priority],
            way.name if way.split is None else way.split.lane_route(to),
            1,
            "",
            asked.in_doubt._value_,
            0,
            calendar,
            asked.consent,
        )
        return Put(
            message,
            digest(line) if derived else "",
            derived,
            not_before,
            data_text(data) if len(data) else "",
            url or "",
            ("" if route and not self._only_to else self._blocked(route, to))
            or (hold if hold in NEVER_THERE else ""),
            told,
            opens,
            hold,
            findings,
        )

    def findings(self, text: str, to: str, creditor: str, now_ms: int) -> tuple[Finding, ...]:
        """What the rules on texts find in one to this number (digits), under our own profile."""
        calendars = self._calendars
        if calendars is None or self._lint == "off":
            return ()
        place = calendars.book.places.find(to)
        rule = calendars.book.rule(place.country, self._profile, now_ms)
        rules = self._rules_on_texts(rule) if rule is not None else None
        return lint(text, rules, creditor) if rules is not None else ()

    def _rules_on_texts(self, rule: Rule) -> Lint | None:
        """What is no collection is not asked."""
        rules = rule.policy.lint
        if rules is None or rule.profile.name == "transactional" or self._lint == "off":
            return None
        if self._lint == "files":
            return rules
        alike = self._all_alike.get(id(rules))
        if alike is None:
            alike = rules.all("refuse" if self._lint == "refuse" else "warn")
            self._all_alike[id(rules)] = alike
        return alike

    def _when(self, to: str, campaign: Campaign, now_ms: int) -> When:
        assert self._calendars is not None
        place = self._calendars.book.places.find(to)
        key = (place, campaign.policy, campaign.hours)
        found = self._whens.get(key)
        if found is None or not found.since <= now_ms < found.until:
            if len(self._whens) >= MOST_WHENS:
                self._whens.clear()
            found = self._whens[key] = self._look(place, campaign, now_ms)
        return found

    def _look(self, place: Place, campaign: Campaign, now_ms: int) -> When:
        calendars = self._calendars
        assert calendars is not None
        profile = campaign.policy or self._profile
        name = calendars.name(place, profile, hours_of(campaign.hours))
        rule, _ = calendars.rule(name, now_ms)
        _, until = calendars.look(name, now_ms)
        until = until if until < NEVER else now_ms + LONGEST_LOOK
        texts = self._rules_on_texts(rule) if rule is not None else None
        if rule is None:
            hold = "no_policy" if place.country else "unknown_zone"
            return When(name, 0, hold, None, now_ms, until)
        if not rule.policy.enabled:
            return When(name, 0, "country_off", None, now_ms, until)
        if not place.zones:
            return When(name, 0, "unknown_zone", texts, now_ms, until)
        hold, opens = calendars.sleep(name, now_ms)
        return When(name, opens, hold, texts, now_ms, until)

    def way(self, name: str | None, to: str | None, given: str | None) -> Way:
        """What holds for a text that is only asked about, as far as it is told where it would go.

        Raises CallerError for a route that is not there, or a number or sender that is none.
        """
        digits = number(to) if to is not None else ""
        if given is not None:
            given = given if given in self._senders else sender(given)
        if name is not None:
            if name not in self._ways:
                raise fault("invalid-field", f"no route has the name {name!r:.70}", "route")
            way = self._ways[name]
        else:
            route = self._router.route(digits, given or "") if digits else None
            way = self._ways[route.name] if route else NO_WAY
        if given and given not in way.senders:
            _allowed(given, way)
        return way

    def _blocked(self, route: Route | None, to: str) -> str:
        if self._only_to and to not in self._only_to:
            return "only_to"
        return "" if route else "no_route"


def _checked(text: str, rules: Lint, creditor: str) -> tuple[Finding, ...]:
    """What the text is warned of; raises CallerError ``text-refused``."""
    findings = lint(text, rules, creditor)
    if findings and any(one.refuse for one in findings):
        raise refused_text(findings)
    return findings


def check_no_rules(policy: str, hours: str) -> None:
    """Contact rules are off: raise CallerError for a campaign's own, which nobody would heed."""
    if policy or hours:
        cure = 'set it to "prudent" or "text", or make the campaign without policy and hours'
        field = "policy" if policy else "hours"
        raise fault("rules-off", f'[policy] profile is "off" in the configuration: {cure}', field)


def _way(config: Config, route: Route) -> Way:
    carriers = [carrier for carrier in config.carriers if carrier.name in route.carriers]
    alphabets = {carrier.default_alphabet for carrier in carriers}
    return Way(
        route.name,
        tuple(one.removeprefix("+") for one in route.senders),
        min((carrier.max_segments for carrier in carriers), default=MAX_SEGMENTS),
        # The longer header where carriers differ: it never needs fewer segments.
        "udh8" if {carrier.long_messages for carrier in carriers} == {"udh8"} else "udh16",
        next((one for one in ("ascii", "latin1") if one in alphabets), "gsm7"),
        route.national_tables,
        Split(route) if route.strategy == "weighted" and len(route.carriers) > 1 else None,
    )


def number(found: str, field: str = "to") -> str:
    """The digits of an E.164 number in its normal form, so that one phone is one number.

    Raises CallerError that says what was found.
    """
    digits = _NUMBER.fullmatch(found)
    if digits is not None:
        return normal(digits[1])
    raise fault("invalid-number", _number_fault(found), field)


def _number_fault(found: str) -> str:
    shown = repr(found[:40])
    if not found.startswith("+"):
        return f"{shown} does not begin with '+'"
    for at, char in enumerate(found[1:], 1):
        if char not in "0123456789":
            return f"{shown} has {char!r} at position {at}, counted from 0; allowed: digits"
    if not 7 <= len(found) - 1 <= 15:
        return f"{shown} has {len(found) - 1} digits; allowed: 7 to 15"
    return f"{shown} begins with 0, as no country code does"


@lru_cache(4096)
def sender(found: str) -> str:
    """A sender in its normal form (numbers without ``+``); raises CallerError."""
    digits = found.removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) <= 20:
        return digits
    letters = found.translate(_SENDER_SIGNS)
    if len(found) <= 11 and letters.isascii() and letters.isalnum() and _bare(found):
        return found
    raise fault(
        "invalid-sender",
        f"{found[:40]!r}; allowed: up to 20 digits, or up to 11 letters, digits and ' .-_&'",
        "from",
    )


def _bare(found: str) -> bool:
    """It begins and ends with a letter or digit."""
    return found[0].isalnum() and found[-1].isalnum()


def _allowed(given: str, way: Way) -> str:
    """The sender where the route does not name the one asked for."""
    if not way.senders:
        if given or not way.name:
            return given
        raise fault("invalid-sender", "none is given, and neither campaign nor route has one",
                    "from")  # fmt: skip
    if not given:
        return way.senders[0]
    allowed = ", ".join(way.senders[:10])
    raise fault("invalid-sender", f"{given!r}; the route {way.name} allows: {allowed}", "from")


def measured_text(
    text: str, encoding: str, plain: bool, way: Way, most: int = 0
) -> tuple[str, Measure, Transliterated | None]:
    """The text as it would go, what it costs, and what a transliteration changed, if anything.

    ``plain`` asks for one; ``most`` is the most segments, 0: the way's. Raises CallerError.
    """
    if not text or text.isspace():
        raise fault("empty-text", "the text is empty" if not text else "it is only space", "text")
    told = None
    if plain:
        told = transliterate(text, way.alphabet)
        text = told.text
        if not told.changes:
            told = None
        if not text or text.isspace():
            raise fault("empty-text", "nothing of the text is left in GSM 7-bit", "text")
    try:
        measured = measure(text, encoding, way.long, way.alphabet, way.tables)
    except TextError as error:
        if error.code == "not-gsm7":
            raise fault("invalid-encoding", str(error), "text") from error
        raise fault("too-long", str(error), "text") from error
    if measured.segments > (most or way.max_segments):
        raise fault(
            "too-long",
            f"{measured.segments} segments of {measured.encoding}; "
            f"the route {way.name} takes {way.max_segments}",
            "text",
        )
    return text, measured, told


def refused_text(findings: tuple[Finding, ...]) -> Refusal:
    """The refusal of a text, with all that was found and the words that it is for."""
    said = ", ".join(
        f"{one.word}: {one.what!r}" if one.what else one.word for one in findings if one.refuse
    )
    return Refusal(
        "text-refused", said, field="text", members={"findings": finding_views(findings)}
    )


def _check_url(url: str) -> None:
    if not (
        url.startswith(("https://", "http://"))
        and 8 < len(url) <= URL_CHARACTERS
        and url.isprintable()
        and " " not in url
    ):
        raise fault("invalid-url", "allowed: http:// or https://, to 2,048 characters",
                    "callback_url")  # fmt: skip


def check_word(word: str, type: str, field: str) -> None:
    """Raise CallerError for a name of the caller's that is empty, too long or has controls."""
    if not 0 < len(word) <= REF_CHARACTERS:
        raise fault(type, f"{len(word)} characters; allowed: 1 to {REF_CHARACTERS}", field)
    if not word.isprintable():
        for char in word:
            if char < " " or "\x7f" <= char <= "\x9f":
                raise fault(type, f"{char!r} is a control character", field)


def _not_before(send_at: datetime, now_ms: int) -> int:
    """When it may go, or 0 for at once: a time that has passed is at once."""
    at_ms = int(send_at.timestamp() * 1000)
    if at_ms > now_ms + FARTHEST_MS:
        raise fault("invalid-time", "more than a year ahead", "send_at")
    return at_ms if at_ms > now_ms else 0


def digest(line: MessageIn) -> str:
    """16 hexadecimal digits over what the caller asked for, as it was written.

    Only what differs from the defaults counts, so that a new field of :class:`MessageIn` (put
    before ``data``) leaves the digests of messages already accepted as they are.
    """
    return blake2b(_encode(line), digest_size=8).hexdigest()


def data_text(raw: msgspec.Raw) -> str:
    """The caller's own JSON as text, within its bound; null and nothing are the empty string."""
    octets = bytes(raw)
    if len(octets) > DATA_OCTETS:
        raise fault("invalid-data", f"{len(octets)} octets; allowed: {DATA_OCTETS}", "data")
    try:
        msgspec.json.decode(octets)
        text = octets.decode()
    except UnicodeDecodeError as error:
        raise fault("not-utf8", f"octet {octets[error.start]:#04x} is not UTF-8", "data") from error
    except (ValueError, RecursionError) as error:
        raise fault("invalid-data", str(error), "data") from error
    return "" if text == "null" else text


class Campaigns:
    """Campaigns as they were at most a second ago.

    The store looks at the state again as it takes a message, so what is a second old here can
    mislead only about settings, which are the message's from its acceptance on anyway.
    """

    MOST = 10_000

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._records = store.records
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, Campaign]] = {}

    def known(self, client: str, id: str) -> Campaign | None:
        """The campaign, if it was looked up within the last second."""
        found = self._known.get((client, id))
        return found[1] if found and found[0] > self._clock() else None

    async def find(self, client: str, id: str) -> Campaign:
        """The campaign; raises CallerError ``unknown-campaign`` or ``foreign-campaign``.

        Ids are 88 bits nobody can guess, so that telling a foreign campaign from none tells a
        caller only what it must have been told already, and a mixed-up key by its name.
        """
        known = self.known(client, id)
        if known is not None:
            return known
        campaign = await self._records.campaign(client, id)
        if campaign is None:
            if id and await self._records.campaign_client(id) is not None:
                raise fault("foreign-campaign", f"{id} is another client's", "campaign")
            raise fault("unknown-campaign", f"{id!r:.60}", "campaign")
        self.keep(campaign)
        return campaign

    def keep(self, campaign: Campaign) -> None:
        """Remember what was just read or written."""
        if len(self._known) >= self.MOST:
            self._known.clear()
        self._known[campaign.client, campaign.id] = (self._clock() + 1.0, campaign)

    async def find_all(self, client: str, ids: Iterable[str]) -> dict[str, Campaign | CallerError]:
        """Each of several campaigns, or what is wrong with it."""
        found: dict[str, Campaign | CallerError] = {}
        for id in ids:
            try:
                found[id] = await self.find(client, id)
            except CallerError as error:
                found[id] = error
        return found
