"""What a simulated carrier is told to do: one frozen tree, one set of words.

The words are the same in a TOML file, as options and in a /set.

Names that end in ``_ms`` are milliseconds, in ``_s`` seconds. A share is a part of all, 0 to 1. A
status is a name of SMPP 3.4 (``ESME_RTHROTTLED``) or a number (``"0x0400"``).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0)]
Address = Annotated[str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5}$")]
AddressOrNone = Annotated[str, msgspec.Meta(pattern=r"^((\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5})?$")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=10)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the script: frozen, every key known."""


class Exponential(Table, frozen=True):
    """A delay that is short mostly and long sometimes: ``least_ms`` and ``mean_ms`` on top."""

    mean_ms: Milliseconds
    least_ms: Milliseconds = 0.0


Delay = float | tuple[float, float] | Exponential
"""Milliseconds: a number is fixed, two numbers are uniform between them, a table exponential.

Without a least value, which loading.py looks at instead: msgspec 0.22 crashes on a number with
one that shares a union with a tuple.
"""


class Account(Table, frozen=True):
    """An ESME that may bind. ``rate`` overrides the script's for this account."""

    system_id: str
    password: str = ""
    rate: Count | None = None


class NumberRule(Table, frozen=True):
    """What happens to recipients that ``to``, a regular expression, is found in.

    ``times`` makes the rule hold for the first submits to each such number only (0: for all), so
    that a retry gets through.
    """

    to: str
    status: str | int = 0
    silent: bool = False
    outcome: str = ""
    """The receipt's word for these, instead of a draw."""
    reply: str = ""
    """What this debtor answers."""
    times: Count = 0


class Ids(Table, frozen=True):
    """The form of message ids: in the response, and (after the dash) in the receipt."""

    form: Literal["decimal", "hex", "uuid", "hex-decimal", "decimal-hex"] = "decimal"
    upper: bool = False
    """Hexadecimal digits of the response in upper case."""
    width: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """The response's id is padded with zeros to so many characters."""
    receipt_upper: bool | None = None
    """As ``upper``, for the receipt; absent: the same as the response."""
    receipt_width: Annotated[int, msgspec.Meta(ge=0, le=64)] | None = None
    start: Count = 0
    """The first number; 0: with a seed 1, else from the clock, so that restarts do not collide."""


class Receipts(Table, frozen=True):
    """Delivery receipts: whether, when, in which form, and how badly behaved."""

    form: Literal["none", "text", "tlv", "both", "payload", "ucs2", "data_sm", "list", "vendor"] = (
        "text"
    )
    """Text, TLVs (receipted_message_id, message_state) or both; the text in message_payload, in
    UCS-2, or in a data_sm; a comma list without keys; or TLVs of a vendor's (0x1400 the id, 0x1401
    the word) beside an empty text."""
    esm_class: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0x04
    """Of receipts; 0 is a carrier that does not mark them."""
    intermediate: bool = False
    """ENROUTE comes as an intermediate notification (esm_class 0x20)."""
    words: dict[Word, str] = {}
    """What this carrier writes for a word of appendix B, in the text and the vendor's TLV."""
    layout: Literal["standard", "seconds", "century", "minimal", "mixed"] = "standard"
    """Dates of 10 digits (appendix B), 12, or 14; ``minimal`` has id, dates and stat alone."""
    unasked: bool = False
    """Send them also where registered_delivery did not ask."""
    share: Share = 1.0
    delay_ms: Delay = 0.0
    """Counted from the response (from the submit, where there is none)."""
    outcomes: dict[Word, Share] = {}
    """The word of appendix B and its share; what is left over is DELIVRD."""
    errors: dict[Word, str] = {}
    """The ``err`` field for a word; 000 for DELIVRD and 001 for others where absent."""
    early_share: Share = 0.0
    """Written before the response."""
    repeat_share: Share = 0.0
    repeat_delay_ms: Delay = 0.0
    enroute_share: Share = 0.0
    """An intermediate ENROUTE comes first."""
    disorder_share: Share = 0.0
    """An intermediate ENROUTE comes after the final receipt."""
    other_bind_share: Share = 0.0
    """Sent on another bind of the account, where there is one."""
    reference: bool = True
    """user_message_reference (SMPP 3.4, 5.3.2.17) is echoed."""
    window: Annotated[int, msgspec.Meta(ge=1)] = 200
    """Outstanding deliver_sm a bind."""
    resend_on: tuple[str | int, ...] = (0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF)
    """The statuses after which a deliver_sm is sent again; any other is final."""
    resend_delay_ms: Delay = 1_000.0
    unanswered_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """A deliver_sm without an answer for so long is sent again."""
    resend_limit: Count = 100


class Replies(Table, frozen=True):
    """Debtors who answer: the share of taken messages, when, and what."""

    share: Share = 0.0
    delay_ms: Delay = 1_000.0
    texts: tuple[str, ...] = ("1", "2", "BAJA")


class Recording(Table, frozen=True):
    """What is kept of what arrived. Counts are always exact; the record is bounded."""

    submits: Count = 300_000
    """Submits kept for /submits and for duplicates; 0: none."""
    texts: bool = True
    """Keep the octets of the text; otherwise a hash of them."""
    taken: Count = 200_000
    """Messages kept to send a storm of receipts for."""


class Script(Table, frozen=True):
    """The whole. Every key has a default that means an obliging carrier."""

    listen: Address = "127.0.0.1:2775"
    control: AddressOrNone = ""
    """The control endpoint (HTTP); empty: none."""
    seed: Count = 0
    """Decisions repeat with a seed; 0: they do not."""

    accounts: tuple[Account, ...] = ()
    """Empty: anyone may bind."""
    accept_binds: bool = True
    silent_binds: bool = False
    """A bind is never answered."""
    refuse_binds: Count = 0
    """The first so many are refused."""
    refuse_status: str | int = "ESME_RBINDFAIL"
    max_binds: Count = 0
    """A bind beyond it is refused with ESME_RALYBND; 0: no limit."""
    interface_version: Literal["none", "3.3", "3.4", "5.0"] = "3.4"
    """What a bind's response says (sc_interface_version); ``none``: nothing."""
    enquire_link_s: Seconds = 0.0
    """Ask after so much idleness; 0: never."""

    rate: Count = 0
    """Segments in any sliding second, an account over all its binds; 0: no limit."""
    over_rate: Literal["throttle", "record"] = "throttle"
    rate_status: str | int = "ESME_RTHROTTLED"
    window: Count = 0
    """Unanswered submits a bind; 0: no limit."""
    over_window: Literal["throttle", "record"] = "throttle"
    window_status: str | int = "ESME_RMSGQFUL"

    delay_ms: Delay = 0.0
    """From a submit to its response."""
    statuses: dict[str, Share] = {}
    """A status and the share of submits answered with it; what is left over is ESME_ROK."""
    numbers: tuple[NumberRule, ...] = ()
    """The first rule that fits a recipient holds."""
    silence: bool = False
    """Submits are taken and never answered."""
    silence_share: Share = 0.0
    silence_after: Count = 0
    """Silent from the submit after this one on; 0: not."""
    silence_count: Count = 0
    """With ``silence_after``: so many submits; 0: for good."""
    silence_period_s: tuple[Seconds, Seconds] = (0.0, 0.0)
    """Silent from, for: seconds since the start."""
    deaf: bool = False
    """Nothing is read: not even enquire_link is answered."""
    drop_every_s: Seconds = 0.0
    """Every link is cut every so many seconds."""
    drop_after: Count = 0
    """A link is cut at its submit of this number, which is taken and not answered."""

    ids: Ids = Ids()
    receipts: Receipts = Receipts()
    replies: Replies = Replies()
    record: Recording = Recording()
