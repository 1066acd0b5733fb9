"""The nouns: what a message, a campaign, a receipt and a reply are, and the states they pass.

Numbers are E.164 digits without ``+`` inside the gateway and with it outside. Times are
milliseconds since the epoch, UTC, in fields that end in ``_ms``.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec


class Priority(IntEnum):
    """Strict: a lower number is read first, whatever waits below."""

    urgent = 0
    high = 1
    normal = 2
    bulk = 3


class MessageState(IntEnum):
    """Where a message is. The numbers are stored; the names are what callers see."""

    __hash__ = int.__hash__  # Enum's own is Python code, and these are looked up at every step

    scheduled = 1
    queued = 2
    submitting = 3
    in_doubt = 4
    submitted = 5
    unknown = 6
    undelivered = 7
    expired = 8
    delivered = 9
    rejected = 10
    failed = 11
    canceled = 12
    blocked = 13

    @property
    def final(self) -> bool:
        """Nothing more is expected, though a receipt may still correct some final states."""
        return self >= MessageState.unknown


RANK: dict[MessageState, int] = {
    MessageState.scheduled: 0,
    MessageState.queued: 1,
    MessageState.submitting: 2,
    MessageState.in_doubt: 3,
    MessageState.submitted: 4,
    MessageState.unknown: 5,  # closed by time alone: any receipt knows better
    MessageState.undelivered: 6,
    MessageState.expired: 6,
    MessageState.delivered: 7,  # a late DELIVRD corrects UNDELIV and EXPIRED, and is counted
    MessageState.rejected: 7,
    MessageState.failed: 7,
    MessageState.canceled: 7,
    MessageState.blocked: 7,
}
"""Within one attempt a report moves a segment only to a state of a higher rank (promise 7)."""

WORST_FIRST: tuple[MessageState, ...] = (
    MessageState.blocked,
    MessageState.rejected,
    MessageState.failed,
    MessageState.canceled,
    MessageState.undelivered,
    MessageState.expired,
    MessageState.unknown,
    MessageState.delivered,
)
"""A message whose segments are all final takes the first of these that one of them has."""


def state_of(segments: list[MessageState]) -> MessageState:
    """The state of a message from the states of its segments.

    One segment in doubt makes the message in doubt; one still under way keeps it submitted;
    delivered is when all are; otherwise the worst final state.
    """
    if MessageState.in_doubt in segments:
        return MessageState.in_doubt
    for state in segments:
        if not state.final:
            return MessageState.submitted
    for state in WORST_FIRST:
        if state in segments:
            return state
    return MessageState.failed


class InDoubtRule(StrEnum):
    """What becomes of a submit whose fate no receipt tells."""

    hold = "hold"
    resend = "resend"


class OverBudget(StrEnum):
    """What becomes of a message that is over a budget."""

    refuse = "refuse"
    hold = "hold"


class CampaignState(StrEnum):
    running = "running"
    paused = "paused"
    canceled = "canceled"


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A job of messages that start, pause and stop together."""

    id: str
    client: str
    name: str
    created_ms: int
    state: CampaignState = CampaignState.running
    priority: Priority = Priority.bulk
    sender: str = ""
    ttl: int = 0
    """Seconds a message may wait before it is worthless; 0: no limit."""
    in_doubt: InDoubtRule = InDoubtRule.hold
    data: str = ""
    """The caller's own JSON, kept and given back."""
    policy: str = ""
    """The profile of the contact rules: ``text``, ``prudent``, ``transactional``; empty: the
    configuration's."""
    hours: str = ""
    """Its own hours, as JSON (:func:`gateway.policies.campaign_week`), over the rules'."""
    creditor: str = ""
    """For whom debtors are contacted: caps and lists are kept by creditor; empty: the client."""
    max_segments: int = 0
    """So many may go; 0: no limit."""
    over_budget: OverBudget = OverBudget.refuse
    """Whether what is over them is refused, or waits until there is room."""
    consent: bool = False
    """Its messages go only to those who are known to consent."""


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An accepted MT as its lane's entry carries it: all that sending needs, and no more.

    It is encoded as a MessagePack array in this order. What a claim asks about is first, so that it
    need not decode the rest.
    """

    segments: int
    id: str
    client: str
    campaign: str
    ref: str
    to: str
    """E.164 digits without ``+``."""
    accepted_ms: int
    expires_ms: int
    """0: never."""
    debtor: str
    creditor: str
    """For whom the debtor is contacted; empty: the client."""
    sender: str
    text: str
    encoding: str
    """One of :data:`gateway.smpp.text.ENCODINGS`: ``gsm7``, ``ucs2``, or GSM 7-bit under a
    national table, as ``gsm7-es``."""
    priority: int
    route: str
    """Its lane's route (:mod:`gateway.policy.route`)."""
    attempt: int = 1
    fates: str = ""
    """Of an earlier attempt on the same carrier: the segments that need no sending."""
    in_doubt: str = "hold"
    before: int = 0
    """Counted attempts at other carriers than the one that has it now."""
    calendar: str = "any"
    """When it may go (:mod:`gateway.policy.calendars`); ``any``: contact rules do not ask."""
    consent: bool = False
    """It goes only to those who are known to consent."""
    tried: str = ""
    """Which carrier had the last counted attempt."""


class ReceiptState(StrEnum):
    """The words of a delivery receipt (SMPP 3.4, appendix B), and what carriers add."""

    __hash__ = str.__hash__

    ENROUTE = "ENROUTE"
    DELIVRD = "DELIVRD"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIV = "UNDELIV"
    ACCEPTD = "ACCEPTD"
    UNKNOWN = "UNKNOWN"
    REJECTD = "REJECTD"


STATE_OF_RECEIPT: dict[ReceiptState, MessageState] = {
    ReceiptState.ENROUTE: MessageState.submitted,
    ReceiptState.ACCEPTD: MessageState.submitted,
    ReceiptState.DELIVRD: MessageState.delivered,
    ReceiptState.EXPIRED: MessageState.expired,
    ReceiptState.DELETED: MessageState.canceled,
    ReceiptState.UNDELIV: MessageState.undelivered,
    ReceiptState.REJECTD: MessageState.rejected,
    ReceiptState.UNKNOWN: MessageState.unknown,
}
"""ACCEPTD is under way, not delivered: carriers use it for "taken by the SMSC"."""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What a carrier says became of one segment."""

    carrier_message_id: str
    """As the carrier wrote it; empty when it gave none."""
    state: ReceiptState
    stat: str
    """The carrier's own word, for the record."""
    error: str
    """The carrier's error code as it wrote it; empty when it gave none."""
    to: str
    """The recipient the receipt names: the deliver_sm's source_addr, digits; may be empty."""
    sender: str
    """The deliver_sm's destination_addr: what we sent from; may be empty."""
    reference: int | None
    """user_message_reference (SMPP 3.4, 5.3.2.17), when the carrier gives it back."""
    done_at: str = ""
    """The receipt's own done date, as written."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An MO: a text from a debtor."""

    sender: str
    """The debtor's number, digits."""
    to: str
    """Our number or short code."""
    text: str
    data_coding: int
    part: tuple[int, int, int] | None = None
    """(reference, total, number) of a concatenated message, from 1."""


class SegmentFate(msgspec.Struct, frozen=True, gc=False):
    """One segment in the record: written ``state:error:carrier_message_id``."""

    state: MessageState
    error: str
    carrier_message_id: str


FATE_SEPARATOR = "\x1e"


def write_fates(fates: list[SegmentFate]) -> str:
    """The record's form of a list of fates; the scripts read and write the same."""
    return FATE_SEPARATOR.join(
        f"{int(f.state)}:{f.error.replace(':', ' ')}:{f.carrier_message_id}" for f in fates
    )


def read_fates(text: str) -> list[SegmentFate]:
    """The inverse of :func:`write_fates`."""
    fates = []
    for item in text.split(FATE_SEPARATOR) if text else ():
        state, error, carrier_id = item.split(":", 2)
        fates.append(SegmentFate(MessageState(int(state)), error, carrier_id))
    return fates
