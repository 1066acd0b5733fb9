"""The configuration: TOML files read to frozen types, every mistake named at once.

:func:`load` reads one main file and the ``carriers/*.toml`` beside it. A mistake is one line
that names the file, the key, what was found and what is allowed::

    config/gateway.toml: carriers[0].windw: unknown key; did you mean 'window'?
    config/gateway.toml: carriers[0].port: found 99999; allowed: a whole number from 1 to 65535

A secret (``password``, ``redis.url``) may stand in a file of its own, ``password_file =
"andina.password"`` (looked for among systemd's credentials, then beside the file that names
it), or come from the environment, ``password = "$ANDINA_PASSWORD"`` (``$$`` begins a literal
``$``). Secrets are never part of a ``repr`` or a problem.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway import pattern, refusal, spans
from gateway.errors import ConfigError
from gateway.message import ReceiptState
from gateway.tls.files import problems_of
from gateway.tomlshape import (
    FLAG,
    Kind,
    Place,
    Reading,
    Table,
    each,
    nearest,
    one_of,
    pair,
    parses,
    seconds,
    secret,
    share,
    shown,
    tables,
    text,
    whole,
    words,
)

SEARCHED = (Path("config/gateway.toml"), Path("/etc/recado/gateway.toml"))
"""Where a configuration is looked for when none is named."""

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
Scope = Literal["submit", "read", "admin"]
DAY = 24 * 60 * 60
NO_TLVS = "3.3"
"""The interface_version without optional parameters."""
OUR_TLVS = {
    0x0204: "user_message_reference",
    0x020C: "sar_msg_ref_num",
    0x020E: "sar_total_segments",
    0x020F: "sar_segment_seqnum",
    0x0424: "message_payload",
}
REPEATED_TLVS = frozenset({0x0302, 0x0303, 0x0381})
"""callback_num and what belongs to it: one for each number to call (SMPP 3.4, 5.3.2.36)."""
TLS_FILES = ("tls_ca_file", "tls_cert_file", "tls_key_file")


def parse_listen(listen: str) -> tuple[str, int]:
    """``127.0.0.1:8080`` or ``[::1]:8080`` as (host, port); port 0 is any free one.

    Raises ValueError when it is neither.
    """
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:\s/]+)):([0-9]{1,5})", listen)
    if not found or int(found[3]) > 65535:
        raise ValueError(listen)
    return found[1] or found[2], int(found[3])


def _is_redis_url(value: str) -> bool:
    if value == "embedded":
        return True
    scheme, _, rest = value.partition("://")
    if scheme not in SCHEMES:
        return False
    if scheme == "unix":
        return rest.startswith("/")
    try:
        hosts = [urlsplit(f"//{host}") for host in rest.partition("/")[0].split(",")]
        return all(host.hostname and host.port != 0 for host in hosts)
    except ValueError:
        return False


def _matches(pattern: str, allowed: str) -> Kind:
    return text(allowed, lambda v: bool(re.fullmatch(pattern, v)))


def _octets(most: int, *, least: int = 0) -> Kind:
    """A C-octet string of SMPP 3.4: ``most`` characters of ASCII before its NUL."""
    return text(
        f"{least} to {most} ASCII characters (SMPP 3.4)",
        lambda v: least <= len(v) <= most and v.isascii() and v.isprintable(),
    )


NAME = _matches(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "1 to 63 letters, digits, '.', '_' or '-', no '.' first"
)
LISTEN = text('"host:port" or "[address]:port"', parses(parse_listen))
# Mexico's mobile numbers have lost their 1, and are kept without it (policy.zones.normal).
MSISDN = _matches(
    r"\+(?!521[0-9]{10}$)[1-9][0-9]{6,14}",
    "a number as +56981234567 (E.164); of Mexico +52 and ten digits, without the 1 of old",
)
PREFIX = _matches(
    r"\+(?!521)[0-9]{0,15}",
    'a prefix as "+56", or "+" for every number; of Mexico +52, without the 1 of old',
)
SENDER = _matches(
    r"\+?[0-9]{1,20}|[\x20-\x7e]{1,11}",
    "a number or short code of up to 20 digits, or 1 to 11 ASCII characters",
)

TON_NPI = pair("ton", whole(0, 6), "npi", whole(0, 18))
STRIP = _matches(r"[0-9]{0,14}", 'the first digits of numbers without "+", as "56", or ""')
RECIPIENT_STRIP = _matches(
    r"(?!521)[0-9]{0,14}",
    'the first digits of numbers without "+", as "56", or ""; of Mexico 52, without the 1 of old',
)
ADD = _matches(
    r"[0-9]{0,5}|\+[0-9]{0,4}", 'up to 5 digits, "+", or "+" and up to 4 digits; an address has 20'
)
TLV_TEXT = _matches(r"[\x20-\x7e]{1,255}", "1 to 255 ASCII characters, without the NUL after them")
TLV_OCTETS = _matches(
    r"(?:[0-9A-Fa-f]{2}){0,255}", "up to 255 octets, each as two hexadecimal digits"
)
TLV_SIZE = Kind("1 | 2 | 4 (the octets of number)", int, lambda n: n in (1, 2, 4))
REDIS_URL = secret(
    f'"embedded", or a URL of {", ".join(f"{scheme}://" for scheme in SCHEMES)}', _is_redis_url
)
PASSWORD = secret(
    "0 to 64 ASCII characters (8 by SMPP 3.4; carriers give out longer ones)",
    lambda v: len(v) <= 64 and v.isascii(),
)
SHA256 = _matches(r"[0-9a-fA-F]{64}", "64 hexadecimal digits, as `recado key` prints them")
FILE = text("the name of a file")
PATTERN_GROUPS = ("id", "stat", "err", "done")
PATTERN = text(
    "a regular expression with the groups (?P<id>...) and (?P<stat>...), and perhaps err and done",
    lambda v: len(v) <= 1_000,
)
PATTERN_RULES = (
    f"{PATTERN.allowed}; each repeat ends where the next part begins, as [^,]*, does; but one "
    "need not, and no repeat of any number of times goes around another part"
)
RECEIPT_STATES = words(one_of(*(state.value for state in ReceiptState)), "the carrier's words", 64)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


SPAN = text(spans.WRITTEN, parses(spans.span))
ZONE = text("the name of a time zone, as America/Santiago (IANA)", _is_zone)
STATUSES = words(text(refusal.WORDS, parses(refusal.rule)), "a command_status", 40)
CAMPAIGN = text("the name of a campaign, perhaps with * at its end", lambda v: 0 < len(v) <= 200)
HOST = _matches(r"[^\s/\[\]]+", "a host name or address")


@dataclass(frozen=True, kw_only=True, slots=True)
class Redis:
    """Where messages are kept."""

    url: Annotated[str, REDIS_URL] = field(default="embedded", repr=False)
    """``embedded``: a private server, started by us in ``state_dir``."""
    state_dir: Annotated[str, text("a folder")] = "/var/lib/recado"
    """A relative one is beside the main file."""
    shards: Annotated[int, whole(1, 1)] = 1

    @property
    def embedded(self) -> bool:
        """Whether the server is ours to start."""
        return self.url == "embedded"

    @property
    def shown(self) -> str:
        """The URL without user, password and options."""
        return re.sub(r"//[^/]*@", "//***@", self.url).partition("?")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Safety:
    """What keeps a staging gateway from writing to real people."""

    only_to: Annotated[tuple[str, ...], each(MSISDN)] = ()
    """Not empty: every other number is blocked."""

    def allows(self, to: str) -> bool:
        """Whether a message may go to these digits (without ``+``)."""
        return not self.only_to or f"+{to}" in self.only_to


@dataclass(frozen=True, kw_only=True, slots=True)
class Http:
    """The API."""

    listen: Annotated[str, LISTEN] = "127.0.0.1:8080"
    metrics_listen: Annotated[str, LISTEN] = ""
    """A second address for /metrics, /healthz and /readyz alone; empty: none."""
    max_body_bytes: Annotated[int, whole(1024, 1 << 30)] = 8 * 1024 * 1024
    """Of one message or array; streams have no limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """How long the store keeps what is over."""

    messages_hours: Annotated[int, whole(1, 24 * 365)] = 168
    """Records of final messages."""
    events_hours: Annotated[int, whole(1, 24 * 365)] = 168
    ref_days: Annotated[int, whole(1, 3650)] = 30
    """A ref sent again within this time is the same message."""
    unknown_hours: Annotated[int, whole(1, 24 * 30)] = 72
    """A submitted message without a receipt becomes ``unknown`` after this."""
    parked_minutes: Annotated[int, whole(1, 24 * 60)] = 60
    """A receipt that matches nothing waits this long for its submit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A system that may call the API."""

    name: Annotated[str, NAME]
    key_sha256: Annotated[str, SHA256]
    scopes: Annotated[frozenset[Scope], each(one_of("submit", "read", "admin"), least=1)] = (
        frozenset({"submit", "read"})
    )
    rate: Annotated[int, whole(0, 1_000_000)] = 0
    """Requests a second; 0: no limit."""
    daily_segments: Annotated[int, whole(0, 1_000_000_000)] = 0
    """Segments a day, of ``policy.budget_zone``; 0: no limit."""
    over_budget: Annotated[Literal["refuse", "hold"], one_of("refuse", "hold")] = "refuse"
    """What becomes of a message over it; ``hold``: it waits for the next day with room."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtraTlv:
    """An optional parameter on every submit_sm (SMPP 3.4, 5.3): one of three kinds of value."""

    tag: Annotated[int, whole(1, 0xFFFF)]
    text: Annotated[str | None, TLV_TEXT] = None
    octets: Annotated[str | None, TLV_OCTETS] = None
    number: Annotated[int | None, whole(0, 0xFFFF_FFFF)] = None
    size: Annotated[int | None, TLV_SIZE] = None
    """None: 1."""

    @property
    def value(self) -> bytes:
        """What is sent."""
        if self.text is not None:
            return self.text.encode("ascii") + b"\0"
        if self.octets is not None:
            return bytes.fromhex(self.octets)
        return (self.number or 0).to_bytes(self.size or 1, "big")


@dataclass(frozen=True, kw_only=True, slots=True)
class Carrier:
    """An account at an SMSC, over one or several binds."""

    name: Annotated[str, NAME]
    host: Annotated[str, HOST]
    port: Annotated[int, whole(1, 65535)] = 2775
    connect_seconds: Annotated[float, seconds(0.1, 300)] = 10.0

    tls: Annotated[bool, FLAG] = False
    """Always verified: there is no key that turns that off."""
    tls_server_name: Annotated[str, HOST] = ""
    """The name that is sent (SNI, RFC 6066, 3) and verified; empty: ``host``."""
    tls_ca_file: Annotated[str, FILE] = ""
    """Empty: the system's authorities."""
    tls_cert_file: Annotated[str, FILE] = ""
    tls_key_file: Annotated[str, FILE] = ""

    system_id: Annotated[str, _octets(64, least=1)]
    """15 characters by SMPP 3.4; carriers give out longer ones, as they do of the password."""
    password: Annotated[str, PASSWORD] = field(repr=False)
    system_type: Annotated[str, _octets(12)] = ""
    address_range: Annotated[str, _octets(40)] = ""
    service_type: Annotated[str, _octets(5)] = ""

    bind: Annotated[
        Literal["transceiver", "transmitter+receiver"],
        one_of("transceiver", "transmitter+receiver"),
    ] = "transceiver"
    binds: Annotated[int, whole(1, 64)] = 1
    """Sessions; with ``transmitter+receiver``, pairs of them."""
    bind_seconds: Annotated[float, seconds(0.1, 300)] = 10.0
    rebind_min_seconds: Annotated[float, seconds(0.01, 3600)] = 1.0
    rebind_max_seconds: Annotated[float, seconds(0.01, 3600)] = 60.0
    already_bound_seconds: Annotated[float, seconds(0.01, 3600)] = 30.0
    """The first wait after ESME_RALYBND: the SMSC still holds our old session."""

    window: Annotated[int, whole(1, 10_000)] = 10
    """Outstanding submit_sm a bind."""
    rate: Annotated[int, whole(0, 100_000)] = 0
    """Segments a second, the whole account; 0: no limit."""
    rate_hours: Annotated[tuple[str, ...], each(SPAN)] = ()
    """Another rate at some hours of ``time_zone`` (:mod:`gateway.spans`): the lowest holds."""
    time_zone: Annotated[str, ZONE] = ""
    """Of ``rate_hours``."""
    enquire_link_seconds: Annotated[float, seconds(0.1, 3600)] = 30.0
    response_seconds: Annotated[float, seconds(0.1, 3600)] = 30.0
    inactivity_seconds: Annotated[float, seconds(0, DAY)] = 0.0
    """A session without messages for so long is unbound; 0: never."""
    standstill_seconds: Annotated[float, seconds(0, DAY)] = 60.0
    """Bound, messages ready, and nothing sent for so long: the binds are made anew; 0: never."""
    no_receipts_seconds: Annotated[float, seconds(0, DAY)] = 1800.0
    """Messages are accepted, and no receipt comes for so long: it is said; 0: never."""
    try_later_status: Annotated[int, whole(1, 0xFFFFFFFF)] = 0x64
    """What a deliver_sm gets that cannot be kept now: the status on which it is sent again."""

    statuses: Annotated[tuple[tuple[str, str], ...], STATUSES] = ()
    """What this carrier means by a command_status (:mod:`gateway.refusal`)."""
    failover_unbound_seconds: Annotated[float, seconds(0, DAY)] = 10.0
    """Without a bind for so long its routes go over the next carrier; 0: never."""
    failover_throttled_seconds: Annotated[float, seconds(0, DAY)] = 60.0
    """The same, when for so long most submits are refused as too fast; 0: never."""
    failover_error_share: Annotated[float, share()] = 0.5
    """The same, when this part of a minute's answers are errors of its own; 0: never."""
    failback_seconds: Annotated[float, seconds(0, DAY)] = 30.0
    """Bound again for so long, or this long after it was found failing, it gets its routes back."""

    message_id: Annotated[
        Literal["auto", "same", "hex-decimal", "decimal-hex"],
        one_of("auto", "same", "hex-decimal", "decimal-hex"),
    ] = "auto"
    """How submit_sm_resp and receipt write one id (response form - receipt form)."""
    receipts_by: Annotated[
        Literal["esm_class", "text", "either"], one_of("esm_class", "text", "either")
    ] = "esm_class"
    """What makes a receipt of a deliver_sm. With ``text`` and ``either`` a debtor can text one."""
    receipt_pattern: Annotated[str, PATTERN] = ""
    """For receipts without keys; matched from their beginning (:mod:`gateway.pattern`)."""
    receipt_states: Annotated[tuple[tuple[str, str], ...], RECEIPT_STATES] = ()
    """The carrier's own words, in any case, and ours."""
    receipt_id_tlv: Annotated[int, whole(0, 0xFFFF)] = 0
    """The tag of a vendor's TLV with the id; 0: none."""
    receipt_state_tlv: Annotated[int, whole(0, 0xFFFF)] = 0
    """The tag of a vendor's TLV with the state; 0: none."""
    long_messages: Annotated[
        Literal["udh16", "udh8", "sar", "payload"], one_of("udh16", "udh8", "sar", "payload")
    ] = "udh16"
    """How the parts of a long text are tied: a UDH with a reference of 16 or of 8 bits, or SAR
    parameters (SMPP 3.4, 5.3.2.22 to 5.3.2.24); ``payload``: one submit, which the carrier cuts
    (message_payload, 5.3.2.32)."""
    max_segments: Annotated[int, whole(1, 255)] = 10
    validity: Annotated[Literal["relative", "none"], one_of("relative", "none")] = "relative"
    default_alphabet: Annotated[
        Literal["gsm7", "latin1", "ascii"], one_of("gsm7", "latin1", "ascii")
    ] = "gsm7"
    """What data_coding 0 means on this bind, both ways: the octets of GSM 7-bit texts."""
    sender_number: Annotated[tuple[int, int], TON_NPI] = (1, 1)
    """TON and NPI (SMPP 3.4, 5.2.5, 5.2.6) of a sender that is a number of E.164."""
    sender_short_code: Annotated[tuple[int, int], TON_NPI] = (3, 0)
    sender_name: Annotated[tuple[int, int], TON_NPI] = (5, 0)
    """Of one that is not all digits."""
    recipient_number: Annotated[tuple[int, int], TON_NPI] = (1, 1)
    short_code_digits: Annotated[int, whole(0, 20)] = 8
    """A sender of so many digits or fewer is a short code, not a number."""
    sender_strip: Annotated[str, STRIP] = ""
    """With what a number begins (without ``+``) that ``sender_add`` takes the place of
    (:mod:`gateway.smpp.addresses`); empty: every number. Short codes and names stay."""
    sender_add: Annotated[str, ADD] = ""
    recipient_strip: Annotated[str, RECIPIENT_STRIP] = ""
    recipient_add: Annotated[str, ADD] = ""

    interface_version: Annotated[Literal["3.3", "3.4", "5.0"], one_of("3.3", "3.4", "5.0")] = "3.4"
    """What a bind announces (SMPP 3.4, 5.2.4). With 3.3 no optional parameter is sent."""
    user_message_reference: Annotated[bool, FLAG] = True
    """Set on every submit (SMPP 3.4, 5.3.2.17): a receipt that repeats it settles a doubt."""
    tlvs: Annotated[tuple[ExtraTlv, ...], tables(ExtraTlv)] = ()
    """On every segment, in this order, after our own."""

    @property
    def verified_name(self) -> str:
        """The name that the carrier's certificate must have."""
        return self.tls_server_name or self.host


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Which carriers take the numbers of some prefixes."""

    name: Annotated[str, NAME]
    prefixes: Annotated[tuple[str, ...], each(PREFIX, least=1)]
    """As ``+56``; the longest that fits a number decides, then the sender."""
    carriers: Annotated[tuple[str, ...], each(NAME, least=1)]
    strategy: Annotated[Literal["failover", "weighted"], one_of("failover", "weighted")] = (
        "failover"
    )
    weights: Annotated[tuple[int, ...], each(whole(1, 1_000_000))] = ()
    """With ``weighted``, one a carrier: their shares of the recipients; none: equal shares."""
    campaigns: Annotated[tuple[str, ...], each(CAMPAIGN)] = ()
    """Names of the campaigns that it is for, which may end in ``*``; none: for all."""
    senders: Annotated[tuple[str, ...], each(SENDER)] = ()
    """What messages may be sent from; the first is the default."""
    national_tables: Annotated[
        tuple[Literal["spanish", "portuguese", "turkish"], ...],
        each(one_of("spanish", "portuguese", "turkish")),
    ] = ()
    """Languages whose tables (3GPP TS 23.038) carriers and phones there are known to read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """This process among several on the same store."""

    name: Annotated[str, NAME] = field(default_factory=lambda: os.uname().nodename)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifecycle:
    """How it stops."""

    drain_seconds: Annotated[float, seconds(0, 3600)] = 30.0
    """The longest wait for responses under way after SIGTERM."""


STOP_REPLIES = {
    "es": "{creditor}: registramos su baja. No le enviaremos mas SMS a este numero.",
    "pt": "{creditor}: pedido registrado. Nao enviaremos mais SMS para este numero.",
    "en": "{creditor}: you are opted out and will receive no more texts at this number.",
}
"""By language."""


class _StopReply(Kind):
    """One text for all languages, or a table of them; what that leaves out has its default."""

    def read(self, value: object) -> tuple[tuple[str, str], ...]:
        given = value if isinstance(value, dict) else dict.fromkeys(STOP_REPLIES, value)
        if not given.keys() <= STOP_REPLIES.keys() or not all(map(self.accepts, given.values())):
            raise ValueError
        return tuple((STOP_REPLIES | given).items())


def _is_stop_reply(value: object) -> bool:
    """What GSM 7-bit has in two septets would leave no room; braces are a name misspelt."""
    return (
        isinstance(value, str)
        and len(value) <= 140
        and not set(value.replace("{creditor}", "")) & set("^{}\\[~]|\u20ac")
    )


STOP_REPLY = _StopReply(
    "a text of up to 140 characters without ^{}\\[~]|\u20ac, in which {creditor} is replaced; "
    f"or a table of such by language: {', '.join(STOP_REPLIES)}",
    tuple,
    _is_stop_reply,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The contact rules: hours, caps, lists (``policies/*.toml``, docs/contact-rules.md)."""

    profile: Annotated[Literal["prudent", "text", "off"], one_of("prudent", "text", "off")] = (
        "prudent"
    )
    """Of messages whose campaign names none. ``off``: no rule holds any message back."""
    margin_seconds: Annotated[float, seconds(0, 3600)] = 30.0
    """So long before its hours are over nothing leaves, and the validity of what has left ends."""
    stop_reply: Annotated[tuple[tuple[str, str], ...], STOP_REPLY] = tuple(STOP_REPLIES.items())
    """What tells a debtor, once, that there will be no more messages, by his country's language;
    empty: nothing does. ``{creditor}`` stands for the creditor's name."""
    lint: Annotated[
        Literal["files", "warn", "refuse", "off"], one_of("files", "warn", "refuse", "off")
    ] = "files"
    """What is found in texts: warned of or refused as the countries' files say, or all alike."""
    budget_zone: Annotated[str, ZONE] = "America/Bogota"
    """Of the days of clients' budgets. The default's midnight is at night from Mexico to Chile
    and Brazil, outside every country's hours there; that of UTC is not."""
    audit_dir: Annotated[str, text("a folder", lambda text: True)] = ""
    """Where decisions go on record; empty: the folder ``audit`` in ``state_dir``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """What the log shows."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], one_of("debug", "info", "warning", "error")
    ] = "info"
    show_numbers: Annotated[bool, FLAG] = False
    show_texts: Annotated[bool, FLAG] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All of it. What the files leave out has its default."""

    redis: Redis = field(default_factory=Redis)
    safety: Safety = field(default_factory=Safety)
    http: Http = field(default_factory=Http)
    retention: Retention = field(default_factory=Retention)
    node: Node = field(default_factory=Node)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    policy: Policy = field(default_factory=Policy)
    log: Log = field(default_factory=Log)
    clients: tuple[Client, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    routes: tuple[Route, ...] = ()
    files: tuple[Path, ...] = ()
    """What was read, the main file first."""

    def carrier(self, name: str) -> Carrier:
        """The carrier of that name. Raises KeyError when there is none."""
        for carrier in self.carriers:
            if carrier.name == name:
                return carrier
        raise KeyError(name)


SECTIONS: dict[str, type] = {
    "redis": Redis,
    "safety": Safety,
    "http": Http,
    "retention": Retention,
    "node": Node,
    "lifecycle": Lifecycle,
    "policy": Policy,
    "log": Log,
}


def find(named: str | None) -> Path:
    """The main file: the one named, else the first of :data:`SEARCHED` that exists.

    Raises ConfigError when there is none.
    """
    if named is not None:
        return Path(named)
    for path in SEARCHED:
        if path.is_file():
            return path
    places = " and ".join(str(path) for path in SEARCHED)
    raise ConfigError([f"no configuration: looked for {places}; name one with --config PATH"])


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of ``path`` and the ``carriers/*.toml`` beside it.

    Raises ConfigError with all mistakes when there is one.
    """
    reading = Reading(environ)
    extra = sorted((path.parent / "carriers").glob("*.toml"))
    main = Place(path)
    raw = _parse(path, reading)
    tables = [(file, _parse(file, reading)) for file in extra]
    unread = bool(reading.problems)
    reading.unknown_keys(raw, [*SECTIONS, "clients", "carriers", "routes"], main)
    values: Table = {
        key: reading.table(cls, raw.get(key, {}), main / key) for key, cls in SECTIONS.items()
    }
    values["redis"] = _beside(values["redis"], path)
    values["policy"] = _audit_beside(values["policy"], values["redis"].state_dir, path)
    clients = reading.tables(Client, raw.get("clients", []), main / "clients")
    carriers: list[tuple[Place, Carrier]] = []
    routes: list[tuple[Place, Route]] = []
    for file, table in [(path, raw), *tables]:
        if file is not path:
            reading.unknown_keys(table, ["carriers", "routes"], Place(file))
        carriers += reading.tables(Carrier, table.get("carriers", []), Place(file, "carriers"))
        routes += reading.tables(Route, table.get("routes", []), Place(file, "routes"))
    carriers = [(place, _with_files(carrier, place, reading)) for place, carrier in carriers]
    _check_http(values["http"], main / "http", reading)
    _check_clients(clients, reading)
    _check_carriers(carriers, reading)
    _check_routes(routes, reading)
    if not unread:  # else the carrier may well be in the file that could not be read
        _check_routed(routes, {carrier.name: carrier for _, carrier in carriers}, reading)
    if reading.problems:
        raise ConfigError(reading.problems)
    return Config(
        **values,
        clients=tuple(_normal(client) for _, client in clients),
        carriers=tuple(carrier for _, carrier in carriers),
        routes=tuple(route for _, route in routes),
        files=(path, *extra),
    )


def _parse(path: Path, reading: Reading) -> Table:
    """A file's tables; none, and a problem, when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        reading.problem(Place(path), "no such file; name one with: recado run --config PATH")
    except OSError as error:
        reading.problem(Place(path), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        reading.problem(
            Place(path), f"is not UTF-8: octet {error.object[error.start]:#04x} at {error.start}"
        )
    except tomllib.TOMLDecodeError as error:
        reading.problem(Place(path), f"is not TOML: {error}")
    return {}


def _beside(redis: Redis, path: Path) -> Redis:
    return dataclasses.replace(redis, state_dir=str(path.parent / redis.state_dir))


def _audit_beside(policy: Policy, state_dir: str, path: Path) -> Policy:
    named = policy.audit_dir
    folder = path.parent / named if named else Path(state_dir) / "audit"
    return dataclasses.replace(policy, audit_dir=str(folder))


def _normal(client: Client) -> Client:
    return dataclasses.replace(
        client, key_sha256=client.key_sha256.lower(), scopes=frozenset(client.scopes)
    )


def _with_files(carrier: Carrier, place: Place, reading: Reading) -> Carrier:
    """The carrier with its TLS files as paths that can be opened."""
    paths: dict[str, Any] = {}
    for key in TLS_FILES:
        named = getattr(carrier, key)
        path = reading.path(named, place / key) if named else None
        if path is not None:
            paths[key] = str(path)
    for key in ("tls_server_name", *paths):
        if getattr(carrier, key) and not carrier.tls:
            reading.problem(place / key, "found without tls; allowed: only with tls = true")
    for problem in problems_of(*(paths.get(key, "") for key in TLS_FILES)):
        reading.problem(place / problem.key, problem.what)
    return dataclasses.replace(carrier, **paths)


def _check_http(http: Http, place: Place, reading: Reading) -> None:
    if http.metrics_listen == http.listen and not http.listen.endswith(":0"):
        reading.problem(
            place / "metrics_listen",
            f"found the address of listen, {http.listen}; allowed: another one, or none "
            "(/metrics is on both)",
        )


def _check_clients(clients: list[tuple[Place, Client]], reading: Reading) -> None:
    _check_unique("name", [(place, client.name) for place, client in clients], reading)
    keys = [(place, client.key_sha256.lower()) for place, client in clients]
    _check_unique("key_sha256", keys, reading)


def _check_carriers(carriers: list[tuple[Place, Carrier]], reading: Reading) -> None:
    _check_unique("name", [(place, carrier.name) for place, carrier in carriers], reading)
    for place, carrier in carriers:
        if carrier.rebind_min_seconds > carrier.rebind_max_seconds:
            reading.problem(
                place / "rebind_min_seconds",
                f"found {carrier.rebind_min_seconds:g}; allowed: at most rebind_max_seconds, "
                f"{carrier.rebind_max_seconds:g}",
            )
        if carrier.tls_key_file and not carrier.tls_cert_file:
            reading.problem(place / "tls_key_file", "found without tls_cert_file")
        _check_version(carrier, place, reading)
        _check_tlvs(carrier.tlvs, place / "tlvs", reading)
        _check_pattern(carrier.receipt_pattern, place / "receipt_pattern", reading)
        if carrier.rate_hours and not carrier.time_zone:
            reading.problem(place / "rate_hours", "found without time_zone")
        for key, _ in carrier.statuses:
            _check_status(key, place / "statuses", reading)
        folded = [(place / "receipt_states" / w, w.upper()) for w, _ in carrier.receipt_states]
        _check_unique("", folded, reading)


def _check_status(key: str, place: Place, reading: Reading) -> None:
    try:
        refusal.status(key)
    except ValueError:
        reading.problem(
            place / key,
            "is no command_status; allowed: a name of SMPP 3.4, 5.1.3, as ESME_RSYSERR, or a "
            "number, as 0x0401",
        )


def _check_version(carrier: Carrier, place: Place, reading: Reading) -> None:
    if carrier.interface_version != NO_TLVS:
        return
    why = f'interface_version = "{NO_TLVS}", which has no optional parameters'
    if carrier.long_messages in ("sar", "payload"):
        reading.problem(
            place / "long_messages",
            f'found "{carrier.long_messages}" with {why}; allowed: "udh16" | "udh8"',
        )
    if carrier.tlvs:
        reading.problem(place / "tlvs", f"found with {why}; allowed: none")


def _check_tlvs(tlvs: tuple[ExtraTlv, ...], place: Place, reading: Reading) -> None:
    seen: dict[int, Place] = {}
    for i, tlv in enumerate(tlvs):
        at = place[i]
        given = [key for key in ("text", "octets", "number") if getattr(tlv, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "no value"
            reading.problem(at, f"found {found}; allowed: one of text, octets and number")
        if tlv.size is not None and tlv.number is None:
            reading.problem(at / "size", "found without number; allowed: only with number")
        most = 256 ** (tlv.size or 1) - 1
        if tlv.number is not None and most < tlv.number <= 0xFFFF_FFFF:
            reading.problem(
                at / "number",
                f"found {tlv.number}; allowed: at most {most} with size = {tlv.size or 1}",
            )
        if tlv.tag in OUR_TLVS:
            reading.problem(
                at / "tag",
                f"found {tlv.tag:#06x}, {OUR_TLVS[tlv.tag]}; allowed: a tag that Recado does not "
                "set itself",
            )
        first = seen.setdefault(tlv.tag, at)
        if first is not at and tlv.tag not in REPEATED_TLVS | OUR_TLVS.keys():
            reading.problem(at / "tag", f"found {tlv.tag:#06x} a second time; the first is {first}")


def _check_pattern(text: str, place: Place, reading: Reading) -> None:
    if not text:
        return
    why = pattern.refusal(text)
    if not why:
        groups = pattern.compiled(text).groupindex
        missing = [name for name in PATTERN_GROUPS[:2] if name not in groups]
        foreign = [name for name in groups if name not in PATTERN_GROUPS]
        if missing:
            why = f"no group {' and no group '.join(missing)}"
        elif foreign:
            why = f"a group {foreign[0]}{nearest(foreign[0], PATTERN_GROUPS)}"
    if why:
        reading.problem(place, f"found {shown(text)}, {why}; allowed: {PATTERN_RULES}")


def _check_routes(routes: list[tuple[Place, Route]], reading: Reading) -> None:
    _check_unique("name", [(place, route.name) for place, route in routes], reading)
    seen: dict[tuple[str, str, str], Place] = {}
    for place, route in routes:
        _check_weights(route, place / "weights", reading)
        for i, prefix in enumerate(route.prefixes):
            at = (place / "prefixes")[i]
            for sender, campaign in product(route.senders or ("",), route.campaigns or ("",)):
                first = seen.setdefault((prefix, sender, campaign), at)
                if first is not at:
                    who = f"for the sender '{sender}'" if sender else "for any sender"
                    if campaign:
                        who += f" and the campaign '{campaign}'"
                    reading.problem(
                        at, f"found '{prefix}' a second time {who}; the first is {first}"
                    )


def _check_weights(route: Route, place: Place, reading: Reading) -> None:
    if route.weights and route.strategy != "weighted":
        reading.problem(place, 'found without strategy = "weighted"')
    elif route.weights and len(route.weights) != len(route.carriers):
        reading.problem(
            place,
            f"found {len(route.weights)} for {len(route.carriers)} carriers; allowed: one a "
            "carrier, in their order",
        )


def _check_routed(
    routes: list[tuple[Place, Route]], carriers: dict[str, Carrier], reading: Reading
) -> None:
    for place, route in routes:
        for i, name in enumerate(route.carriers):
            if name not in carriers:
                at = (place / "carriers")[i]
                reading.problem(at, f"no carrier has the name '{name}'{nearest(name, carriers)}")
            elif route.national_tables:
                _check_tables(place / "national_tables", carriers[name], reading)


def _check_tables(place: Place, carrier: Carrier, reading: Reading) -> None:
    """A national table is named in a header of ours, over septets."""
    if carrier.default_alphabet != "gsm7":
        reading.problem(
            place,
            f"found with the carrier '{carrier.name}', whose default_alphabet is "
            f'"{carrier.default_alphabet}"; allowed: "gsm7"',
        )
    if carrier.long_messages not in ("udh16", "udh8"):
        reading.problem(
            place,
            f"found with the carrier '{carrier.name}', whose long_messages is "
            f'"{carrier.long_messages}"; allowed: "udh16" | "udh8"',
        )


def _check_unique(key: str, values: Iterable[tuple[Place, str]], reading: Reading) -> None:
    seen: dict[str, Place] = {}
    for place, value in values:
        at = place / key if key else place
        first = seen.setdefault(value, at)
        if value and first is not at:
            reading.problem(at, f"found '{value}' a second time; the first is {first}")
