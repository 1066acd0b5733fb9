"""The JSON that goes in and out, as types: what is read, what is answered, what OpenAPI shows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, field

from gateway.api.problems import ErrorItem, FindingView
from gateway.message import MessageState
from gateway.policy.packed import ListName
from gateway.smpp.text import ENCODINGS

MOST_SEGMENTS = 1_000_000_000
MAX_TTL = 30 * 24 * 3600
NUMBER_PATTERN = r"^\+[1-9][0-9]{6,14}$"
ID_PATTERN = r"^[0-9a-f]{24}$"

Item = TypeVar("Item")

# A pattern or length in extra_json_schema is shown and not checked by msgspec: intake checks it,
# and says what was found.
Number = Annotated[
    str,
    Meta(
        description="E.164: + and 7 to 15 digits",
        examples=["+56981234567"],
        extra_json_schema={"pattern": NUMBER_PATTERN},
    ),
]
Id = Annotated[str, Meta(extra_json_schema={"pattern": ID_PATTERN})]
Time = Annotated[str, Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})]
PriorityName = Literal["bulk", "normal", "high", "urgent"]
PriorityOut = Annotated[str, Meta(extra_json_schema={"enum": ["urgent", "high", "normal", "bulk"]})]
StateName = Annotated[str, Meta(extra_json_schema={"enum": [state.name for state in MessageState]})]
CampaignStateName = Literal["running", "paused", "canceled"]
EncodingName = Annotated[str, Meta(extra_json_schema={"enum": list(ENCODINGS)})]
Changed = Annotated[
    dict[str, str], Meta(description="what the transliteration replaced, and by what")
]
Warnings = Annotated[
    list[str], Meta(description="what it dropped, and words that may read as others")
]
Findings = Annotated[
    list[FindingView], Meta(description="what the rules on texts of its country warn of")
]
Reason = Annotated[
    str,
    Meta(
        description="why it is blocked, or waits: no_route, quiet_hours, closed, over_budget, ..."
    ),
]


def _text(description: str, pattern: str, most: int) -> Meta:
    return Meta(
        description=description,
        extra_json_schema={"pattern": pattern, "minLength": 1, "maxLength": most},
    )


REF_CHARACTERS = 200
URL_CHARACTERS = 2048
NAME_CHARACTERS = 200
DATA_OCTETS = 4096

WORD_PATTERN = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
SENDER_PATTERN = r"^(\+?[0-9]{1,20}|[A-Za-z0-9]([A-Za-z0-9 ._&\-]{0,9}[A-Za-z0-9])?)$"
REPLY_CURSOR = r"^[0-9]{1,15}-[0-9]{1,15}$"
EVENT_CURSOR = r"^[0-9]{1,15}-[0-9]{1,15}(\.[0-9]{1,9})?$"

Ref = Annotated[str, _text("the caller's own name of the message", WORD_PATTERN, REF_CHARACTERS)]
Debtor = Annotated[str, _text("whom it is about", WORD_PATTERN, REF_CHARACTERS)]
Name = Annotated[str, _text("for people", r"\S", NAME_CHARACTERS)]
SenderText = Annotated[
    str,
    _text("up to 20 digits, or up to 11 letters, digits and ' .-_&'", SENDER_PATTERN, 21),
]
Ttl = Annotated[int, Meta(ge=1, le=MAX_TTL, description="seconds it may wait to be sent")]
Url = Annotated[
    str,
    Meta(
        extra_json_schema={
            "format": "uri",
            "maxLength": URL_CHARACTERS,
            "pattern": r"^https?://\S+$",
        }
    ),
]
Data = Annotated[Raw, Meta(description=f"any JSON, to {DATA_OCTETS} octets, kept and given back")]
SendAt = Annotated[datetime, Meta(tz=True, description="not before this time (RFC 3339)")]


class MessageIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A message to be sent."""

    to: Number
    text: Annotated[str, Meta(extra_json_schema={"pattern": r"\S"})]
    sender: SenderText | None = field(name="from", default=None)
    campaign: str | None = None
    debtor: Debtor | None = None
    priority: PriorityName | None = None
    ref: Ref | None = None
    send_at: SendAt | None = None
    ttl: Ttl | None = None
    callback_url: Url | None = None
    encoding: Literal["auto", "gsm7", "ucs2"] = "auto"
    transliterate: bool = False
    data: Data = field(default_factory=Raw)


class MessageOut(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A message that has been accepted."""

    id: Id
    state: StateName
    segments: int
    encoding: EncodingName
    ref: str | None = None
    not_before: Time | None = None
    reason: Reason | None = None
    changed: Changed | None = None
    warnings: Warnings | None = None
    findings: Findings | None = None


class ItemOut(MessageOut, kw_only=True):
    """An accepted message of an array; ``index`` counts the items from 0."""

    index: int


class LineError(msgspec.Struct, omit_defaults=True):
    """What is wrong with a line."""

    type: str
    detail: str
    field: str | None = None
    findings: list[FindingView] | None = None


class LineOut(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What became of one line: the message, or the error. The last line of a broken stream has
    ``committed_lines`` and no index."""

    index: int | None = None
    id: Id | None = None
    ref: str | None = None
    state: StateName | None = None
    segments: int | None = None
    encoding: EncodingName | None = None
    not_before: Time | None = None
    reason: Reason | None = None
    changed: Changed | None = None
    warnings: Warnings | None = None
    findings: Findings | None = None
    error: LineError | None = None
    committed_lines: int | None = None


class Accepted(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What became of a stream; ``errors`` are the first 1,000."""

    accepted: int
    rejected: int
    segments: int
    errors: list[ErrorItem]
    findings: Annotated[
        dict[str, int], Meta(description="texts with a finding, refused ones too, by its word")
    ] = {}


class AcceptedItems(Accepted, kw_only=True):
    """What became of an array."""

    messages: list[ItemOut]


class TextIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A text whose cost is asked for, and where it would go: a route, or a number and sender."""

    text: Annotated[str, Meta(extra_json_schema={"pattern": r"\S"})]
    to: Number | None = None
    sender: SenderText | None = field(name="from", default=None)
    route: str | None = None
    encoding: Literal["auto", "gsm7", "ucs2"] = "auto"
    transliterate: bool = False
    creditor: Annotated[str | None, Meta(description="whom the text must name")] = None


class ExpensiveView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A character that makes a text expensive."""

    character: str
    why: Annotated[
        str,
        Meta(
            description="encoding: it is not in GSM 7-bit; pair: it takes two units",
            extra_json_schema={"enum": ["encoding", "pair"]},
        ),
    ]
    units: Annotated[int, Meta(description="that each takes")]
    count: int
    places: Annotated[list[int], Meta(description="from 0, in characters; the first 100")]
    becomes: Annotated[
        str | None, Meta(description="its plain form; empty: it would go; missing: there is none")
    ] = None


class CostView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a text costs; ``left`` is how many units its last segment has room for."""

    encoding: EncodingName
    units: Annotated[int, Meta(description="septets of gsm7, 16-bit units of ucs2")]
    segments: int
    left: int
    changed: Changed | None = None
    warnings: Warnings | None = None


class CheapestView(CostView, kw_only=True):
    """An equal text in GSM 7-bit."""

    text: str


class TextView(CostView, kw_only=True):
    """What a text would cost; nothing of it is kept. ``text`` is there if it was changed."""

    max_segments: int
    expensive: list[ExpensiveView]
    cheapest: CheapestView | None
    route: str | None = None
    text: str | None = None
    findings: Findings | None = None


class SegmentView(msgspec.Struct, omit_defaults=True):
    """One segment of a message at its carrier."""

    state: StateName
    carrier_message_id: str = ""
    error: str = ""


class LifeEvent(msgspec.Struct):
    """A step of a message's life."""

    at: Time
    what: str


class DecisionView(msgspec.Struct, kw_only=True):
    """What the contact rules said of a message when it was last looked at, and by what."""

    at: Time
    outcome: Literal["send", "wait", "discard"]
    reason: str | None
    detail: Annotated[
        str | None,
        Meta(
            description="of a wait for a cap which one holds; of one that expired what it would "
            "have waited for"
        ),
    ]
    until: Annotated[
        Time | None, Meta(description="of a send the end of its validity, of a wait its end")
    ]
    rule: str | None
    hash: str | None
    zones: list[str]
    local: Annotated[list[str], Meta(description="the local time in each zone")]
    source: Annotated[str, Meta(description="what told the zones")]
    counted: Annotated[int, Meta(description="contacts of late that count")]
    lists: list[ListName]


class MessageView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A message's life so far. It keeps no text."""

    id: Id
    state: StateName
    to: Number
    sender: str = field(name="from")
    segments: int
    encoding: EncodingName
    priority: PriorityOut
    accepted_at: Time
    attempt: int
    campaign: str | None = None
    ref: str | None = None
    debtor: str | None = None
    route: str | None = None
    carrier: str | None = None
    reason: str | None = None
    error: str | None = None
    not_before: Time | None = None
    expires_at: Time | None = None
    submitted_at: Time | None = None
    final_at: Time | None = None
    callback_url: str | None = None
    decision: DecisionView | None
    parts: list[SegmentView] = []
    events: list[LifeEvent] = []
    data: Any | UnsetType = UNSET


MaxSegments = Annotated[
    int, Meta(ge=0, le=MOST_SEGMENTS, description="so many may go; 0: no limit")
]
CREDITOR_CHARACTERS = 100
CREDITOR_PATTERN = "^[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f .&_-]{1,100}$"
DAYS_PATTERN = "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$"
WINDOW_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]:[0-5][0-9]|2[0-3]:[0-5][0-9]|24:00)$"

Creditor = Annotated[
    str,
    _text(
        "for whom debtors are contacted: caps and opt-outs are kept by creditor",
        CREDITOR_PATTERN,
        CREDITOR_CHARACTERS,
    ),
]
_HOURS: dict[str, Any] = {
    "propertyNames": {"pattern": DAYS_PATTERN},
    "minProperties": 1,
    "additionalProperties": {
        "type": "array",
        "items": {"type": "string", "pattern": WINDOW_PATTERN},
    },
}
_HOURS_FORM = "Each day once, windows that do not overlap, at least one"
Hours = Annotated[
    dict[str, list[str]],
    Meta(
        description='own hours, as {"mon-fri": ["09:00-18:00"]}: they only narrow the rules. '
        + _HOURS_FORM,
        extra_json_schema=_HOURS,
    ),
]
ContactHours = Annotated[
    dict[str, list[str]],
    Meta(
        description="those that the owner asked for, as a campaign's; null: none any more. "
        + _HOURS_FORM,
        extra_json_schema=_HOURS,
    ),
]


OverBudgetName = Annotated[
    Literal["refuse", "hold"],
    Meta(description="what becomes of a message that max_segments has no room for"),
]


class CampaignIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A campaign to be made."""

    name: Name
    priority: PriorityName = "bulk"
    sender: SenderText | None = field(name="from", default=None)
    ttl: Ttl | None = None
    in_doubt: Annotated[
        Literal["hold", "resend"],
        Meta(description="what becomes of a submit whose fate no receipt tells"),
    ] = "hold"
    policy: Annotated[
        Literal["text", "prudent", "transactional"] | None,
        Meta(description="the profile of the contact rules; else the configuration's"),
    ] = None
    hours: Hours | None = None
    creditor: Creditor | None = None
    """For whom debtors are contacted: caps and opt-outs are kept by creditor."""
    consent: Annotated[
        Literal["required"] | None,
        Meta(description="its messages go only to numbers that are known to consent"),
    ] = None
    max_segments: MaxSegments = 0
    over_budget: OverBudgetName = "refuse"
    data: Data = field(default_factory=Raw)


class CampaignChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What may be changed of a campaign. Messages accepted before keep what they have, but those
    over its budget go as far as there is room now."""

    state: CampaignStateName | None = None
    name: Name | None = None
    sender: SenderText | None = field(name="from", default=None)
    ttl: Ttl | None = None
    in_doubt: Literal["hold", "resend"] | None = None
    max_segments: MaxSegments | None = None
    over_budget: OverBudgetName | None = None
    data: Data = field(default_factory=Raw)


class CampaignView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A campaign."""

    id: str
    name: str
    state: CampaignStateName
    priority: PriorityOut
    in_doubt: Literal["hold", "resend"]
    created_at: Time
    sender: str | None = field(name="from", default=None)
    ttl: int | None = None
    policy: Literal["text", "prudent", "transactional"] | None = None
    hours: Hours | None = None
    creditor: Creditor | None = None
    consent: Literal["required"] | None = None
    max_segments: int | None = None
    used_segments: Annotated[
        int | None, Meta(description="that count for its limit, where it has one; not in lists")
    ] = None
    over_budget: Annotated[
        Literal["refuse", "hold"] | None, Meta(description="where it has a limit")
    ] = None
    data: Any | UnsetType = UNSET


class CampaignBudget(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A campaign's segments that count, and its limit; null: it has none."""

    used: int
    limit: int | None
    held: Annotated[int, Meta(description="segments that wait for it; missing: none do")] = 0


class ClientBudgetView(msgspec.Struct, kw_only=True):
    """A client's segments of the day; null where it has no limit."""

    day: str
    zone: str
    resets_at: Time
    limit: int | None
    used: int | None
    left: int | None
    over_budget: Literal["refuse", "hold"]


class ReportView(msgspec.Struct, kw_only=True):
    """A campaign in numbers; hours are RFC 3339, UTC."""

    campaign: str
    messages: int
    segments: int
    replies: int
    by_state: dict[str, int]
    by_hour: dict[str, dict[str, int]]
    by_error: dict[str, int]
    budget: CampaignBudget


class CancelIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What to cancel: refs of one campaign (or of none), or ids."""

    campaign: str | None = None
    refs: list[Ref] = []
    ids: list[Id] = []


class CancelLine(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A line of a stream of what to cancel: a ref and its campaign, or an id."""

    ref: Ref | None = None
    campaign: str | None = None
    id: Id | None = None


class CancelItem(msgspec.Struct, omit_defaults=True):
    """What was not canceled, and why."""

    index: int
    id: str
    why: Annotated[str, Meta(extra_json_schema={"enum": ["not-found", "left", "final"]})]
    ref: str | None = None


class CancelOut(msgspec.Struct, kw_only=True):
    """What a cancel did; ``items`` are the first 1,000 that were not canceled."""

    canceled: int
    not_found: int
    left: int
    final: int
    items: list[CancelItem]
    errors: list[ErrorItem]


ChannelName = Literal["sms", "email", "im", "whatsapp", "letter", "call", "visit"]
REASON_PATTERN = "^[a-z0-9_]{1,40}$"
EVERY_CREDITOR_PATTERN = rf"^(\*|{CREDITOR_PATTERN[1:-1]})$"

CreditorName = Annotated[
    str,
    Meta(
        description="for whom debtors are contacted; default: the client's name",
        extra_json_schema={"pattern": EVERY_CREDITOR_PATTERN},
    ),
]


SaidAt = Annotated[datetime, Meta(tz=True, description="when it was said; default: now")]


class ContactIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What is told of a number's owner; what is not given stays as it is."""

    opt_out: bool | None = None
    wrong_number: bool | None = None
    legal_stop: bool | None = None
    consent: bool | None = None
    zones: Annotated[
        list[str] | None, Meta(description="IANA names, as America/Santiago; empty: not known")
    ] = None
    region: str | None = None
    hours: ContactHours | UnsetType | None = UNSET
    source: Annotated[str | None, Meta(description="of the evidence; default: api")] = None
    at: SaidAt | None = None
    text: Annotated[
        str | None,
        Meta(
            description="the words of it: needed for consent (what was agreed to), for hours, "
            "and where a number comes off legal_stop or wrong_number (why)"
        ),
    ] = None


class ContactLine(ContactIn, kw_only=True):
    """The same of one number of many."""

    to: Number
    creditor: CreditorName | None = None


class EntryView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One change, with its evidence."""

    at: Time
    what: Annotated[
        str, Meta(description="a list's name, or hours; with - before it: not any more")
    ]
    source: str
    text: str = ""
    by: Annotated[str, Meta(description="the client, or the carrier of a reply")] = ""
    review: bool = False


class KnownView(msgspec.Struct, kw_only=True):
    """What is known; ``entries`` are the latest, oldest first."""

    lists: list[ListName]
    zones: list[str]
    region: str
    hours: ContactHours | None
    entries: list[EntryView]


class TouchView(msgspec.Struct):
    """A contact of late."""

    at: Time
    channel: str
    two_way: bool


class ContactView(msgspec.Struct, kw_only=True):
    """What is known of a number for a creditor, and for everyone."""

    to: Number
    creditor: str
    known: KnownView
    everyone: KnownView
    contacts: Annotated[
        list[TouchView], Meta(description="of late, ours (sms) and others'; oldest first")
    ]


class ContactChanged(ContactView, kw_only=True):
    """The same after a change: how many waiting messages it ended, and took out of ``held``."""

    blocked: int
    moved: int


class Forgotten(msgspec.Struct, kw_only=True):
    """Whether there was anything to take off; its evidence stays."""

    to: Number
    creditor: str
    forgotten: bool


class ContactsOut(msgspec.Struct, kw_only=True):
    """What became of many; ``errors`` are the first 1,000."""

    accepted: int
    rejected: int
    errors: list[ErrorItem]
    blocked: int
    moved: int


class TouchIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A contact that others made."""

    channel: ChannelName
    at: Annotated[datetime, Meta(tz=True, description="when it was")]
    two_way: bool = False
    debtor: Debtor | None = None
    creditor: CreditorName | None = None
    ref: Annotated[str | None, Meta(description="your own name of it: a repeat counts once")] = None


class TouchesOut(msgspec.Struct):
    """What became of reported contacts."""

    accepted: int
    rejected: int
    errors: list[ErrorItem]


LIFT_CHARACTERS = 500
LIFT_PATTERN = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
LiftReason = Annotated[str, _text("for who asks later", LIFT_PATTERN, LIFT_CHARACTERS)]


class DebtorStop(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Why a debtor is stopped, and for which creditor (default: for any).

    ``legal_stop`` holds until it is lifted; any other for what has been accepted so far."""

    reason: Annotated[str, Meta(extra_json_schema={"pattern": REASON_PATTERN})] = "paid"
    creditor: Creditor | None = None


class DebtorLift(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Why a stop is lifted (a legal one only with a reason), and for which creditor it was set."""

    reason: LiftReason | None = None
    creditor: Creditor | None = None


class LiftView(msgspec.Struct, kw_only=True):
    """Since when a stop holds no more, who lifted it, and why."""

    at: Time
    by: Annotated[str, Meta(description="the client")]
    reason: str


class DebtorStopView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A stop: of what was accepted until then, or for good."""

    reason: str
    since: Time
    for_good: bool
    creditor: Annotated[str | None, Meta(description="missing: any")] = None
    lifted: LiftView | None = None


class DebtorView(msgspec.Struct, kw_only=True):
    """The stops of a debtor that hold, and those that have been lifted."""

    debtor: Debtor
    stops: list[DebtorStopView]
    lifted: list[DebtorStopView]


class DebtorLine(DebtorStop, kw_only=True):
    """The same of one debtor of many."""

    debtor: Debtor


class DebtorOut(msgspec.Struct, kw_only=True):
    """What a stop ended; ``left`` may be with a carrier already."""

    canceled: int
    left: int


class DebtorsOut(DebtorOut, kw_only=True):
    """The same of many; ``errors`` are the first 1,000."""

    accepted: int
    rejected: int
    errors: list[ErrorItem]


class EventView(msgspec.Struct, omit_defaults=True):
    """One thing that happened."""

    cursor: str
    at: Time
    kind: str
    id: str | None = None
    campaign: str | None = None
    ref: str | None = None
    to: str | None = None
    data: dict[str, Any] = {}


class ReplyView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A debtor's text, tied to the message that last wrote to that number from that sender."""

    id: str
    at: Time
    sender: str = field(name="from")
    to: str
    text: str
    carrier: str
    campaign: str | None = None
    message: str | None = None


class BindView(msgspec.Struct, kw_only=True):
    """One bind of a carrier."""

    index: int
    mode: str
    state: str
    outstanding: int
    since: int | None = None
    reason: str | None = None


class IdForm(msgspec.Struct, kw_only=True):
    """How a carrier writes message ids: the setting, and what ``auto`` has learned from receipts.

    ``agreeing`` is how many receipts in a row have said the same; at 20 it is learned."""

    mode: Literal["auto", "same", "hex-decimal", "decimal-hex"]
    learned: Literal["same", "hex-decimal", "decimal-hex"] | None
    agreeing: int


class ReadView(msgspec.Struct, kw_only=True):
    """What was read of a receipt all the same; empty where nothing was."""

    id: str
    stat: str
    state: str
    error: str
    done: str


class UnreadView(msgspec.Struct, kw_only=True):
    """A receipt of which something could not be read."""

    at: Time
    what: Literal["nothing", "no_id", "no_state", "unknown_state", "date"]
    pdu: Literal["deliver_sm", "data_sm"]
    esm_class: int
    data_coding: int
    source: str = field(name="from")
    to: str
    text: Annotated[str, Meta(description="numbers masked, without what it quotes of the message")]
    tlvs: Annotated[dict[str, str], Meta(description="by tag; what is no text is hexadecimal")]
    read: ReadView


class SlotsView(msgspec.Struct):
    """How many of the binds that the carrier allows this node holds, and others."""

    held: int
    others: int
    allowed: int


class CarrierView(msgspec.Struct, kw_only=True):
    """A carrier now."""

    name: str
    state: Literal["bound", "disconnected", "paused", "standby"]
    """``standby``: other nodes hold all of its binds."""
    limited_by: str
    out_of_service: Literal["unbound", "throttled", "errors", "paused"] | None
    """Why its routes go over other carriers now; null: they do not."""
    receipts_missing: bool
    """It accepts messages and has sent no receipt for long."""
    rate: int
    """Of the account, over all nodes."""
    slots: SlotsView
    allowed_rate: float
    """What this node may send now: its part of the rate, at this hour, or what the carrier is
    found to allow, if that is less; 0: no limit."""
    sending_rate: float
    message_id: IdForm
    binds: list[BindView]


class TraceLine(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A line of a trace: a PDU (``pdu``), an ``event``, what could not be cut into PDUs
    (``problem`` alone), or how much of all that was ``lost`` to a reader too slow for it."""

    at: Time
    carrier: str
    bind: int | None = None
    mode: str | None = None
    direction: Annotated[
        str | None,
        Meta(description="from our side", extra_json_schema={"enum": ["in", "out", None]}),
    ] = None
    pdu: Annotated[str | None, Meta(description="submit_sm; 0x00001234 where it has no name")] = (
        None
    )
    sequence_number: int | None = None
    command_status: Annotated[str | None, Meta(description="only what is not ESME_ROK")] = None
    fields: Annotated[
        dict[str, Any] | None, Meta(description="by their SMPP names, what is neither 0 nor empty")
    ] = None
    tlvs: Annotated[dict[str, str | int] | None, Meta(description="by name, else by tag")] = None
    tlvs_left_out: Annotated[int | None, Meta(description="beyond 100")] = None
    text: Annotated[str | None, Meta(description="decoded; <42 chars> where it is not shown")] = (
        None
    )
    udh: Annotated[str | None, Meta(description="hexadecimal, without its length")] = None
    part: Annotated[str | None, Meta(description="2/3, as the header says")] = None
    length: Annotated[int | None, Meta(description="octets of the PDU")] = None
    octets: Annotated[str | None, Meta(description="hexadecimal; what is masked is masked")] = None
    problem: Annotated[str | None, Meta(description="why it cannot be read")] = None
    event: Annotated[
        str | None,
        Meta(
            description="bind: how it is as the trace begins; alive: nothing for 15 s",
            extra_json_schema={
                "enum": ["bind", "connected", "lost", "waiting", "alive", "end", None]
            },
        ),
    ] = None
    state: str | None = None
    port: int | None = None
    reason: Annotated[
        str | None, Meta(description="of an event; the end's is seconds, count or stopping")
    ] = None
    pdus: Annotated[int | None, Meta(description="told, at the end")] = None
    lost: Annotated[int | None, Meta(description="PDUs and events missing here")] = None


class Items(msgspec.Struct, Generic[Item]):
    """A page of a list; ``next`` is the cursor to go on with, or null at the end."""

    items: list[Item]
    next: str | None = None


class Health(msgspec.Struct, omit_defaults=True):
    """Whether it lives, or is ready; ``reason`` says why not."""

    status: Literal["ok", "not-ready"]
    reason: str | None = None


# What a query may have


class MessageQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which messages."""

    ref: str | None = None
    campaign: str | None = None
    to: Number | None = None
    state: StateName | None = None
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ContactQuery(msgspec.Struct, forbid_unknown_fields=True):
    """For which creditor; ``*``: for everyone."""

    creditor: CreditorName | None = None


class ForgetQuery(ContactQuery):
    """The same, and the evidence of the change."""

    source: Annotated[str | None, Meta(description="default: api")] = None
    text: Annotated[str | None, Meta(description="why; needed for legal_stop and wrong_number")] = (
        None
    )


class CampaignQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which campaigns."""

    cursor: Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9]{1,9}$"})] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class PollQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which events; ``wait`` is for how many seconds to wait for the next, when there is none."""

    cursor: Annotated[str, Meta(extra_json_schema={"pattern": EVENT_CURSOR})] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    wait: Annotated[float, Meta(ge=0, le=60)] = 0.0


class ReplyQuery(PollQuery, forbid_unknown_fields=True):
    """Which replies."""

    cursor: Annotated[str, Meta(extra_json_schema={"pattern": REPLY_CURSOR})] | None = None
    campaign: str | None = None


class TraceQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How long to watch, and what to show."""

    seconds: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    count: Annotated[int, Meta(ge=1, le=1_000_000, description="PDUs")] | None = None
    numbers: Literal["true", "false"] = "false"
    texts: Literal["true", "false"] = "false"
    octets: Literal["true", "false"] = "false"


class SubmitQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How a stream is answered: counts after it, a line for each line after it, or meanwhile."""

    answers: Literal["count", "lines", "stream"] = "count"
    segments: Annotated[
        int, Meta(ge=0, le=MOST_SEGMENTS, description="that a stream will cost; 0: not said")
    ] = 0
    messages: Annotated[
        int, Meta(ge=0, le=MOST_SEGMENTS, description="that a stream will have; 0: not said")
    ] = 0
    campaign: Annotated[str | None, Meta(description="whose budget is asked, too")] = None


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing."""
