"""What goes into the store and what comes out of it.

Every time is in milliseconds since the epoch, UTC; 0 means "not (yet)". Numbers are E.164 digits
without ``+``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

import msgspec

from gateway.message import Message, MessageState, Priority, SegmentFate
from gateway.policy.lint import Finding
from gateway.smpp.text import Transliterated

Item = TypeVar("Item")

PutKind = Literal[
    "new", "same", "conflict", "unknown-campaign", "campaign-canceled", "client-over-budget",
    "campaign-over-budget",
]  # fmt: skip
"""``same``: this id is there with this digest; ``conflict``: with another one."""

CancelKind = Literal["canceled", "not-found", "left", "final"]
"""``left``: already with the carrier; ``final``: it has ended by itself."""


Moved = Callable[[str, MessageState, int], None]
"""Hears of messages that came into a state without a commit of their carrier: its name (empty:
it never had one), the state, and how many."""


Ended = Callable[[Sequence[bytes], int], None]
"""Hears of messages under contact rules that ended before they left, and when: of each its id, the
reason, its creditor and :data:`gateway.store.keys.FIXED`, with :data:`gateway.store.keys.UNIT`
between them."""


class Put(msgspec.Struct, gc=False):
    """A message to be accepted, with what its lane's entry does not carry."""

    message: Message
    digest: str
    """16 hexadecimal digits over what the caller asked for: tells a repeat from a conflict."""
    derived: bool
    """Whether the id is made from a ref or a key, so that it may be there already."""
    not_before_ms: int = 0
    data: str = ""
    """The caller's own JSON, kept and given back."""
    callback_url: str = ""
    blocked: str = ""
    """Not empty: store it as ``blocked`` with this reason (``no_route``, ``only_to``)."""
    told: Transliterated | None = None
    """For the answer alone: what a transliteration changed, if it did."""
    opens_ms: int = 0
    """For the answer alone: when its recipient's hours begin, if they have not."""
    hold: str = ""
    """For the answer alone: why the contact rules hold it now."""
    findings: tuple[Finding, ...] = ()
    """For the answer alone: what the rules on texts warn of."""


class PutResult(msgspec.Struct, gc=False):
    """What became of one :class:`Put`; the state is that of the message now in the store."""

    kind: PutKind
    state: MessageState
    used: int = 0
    """Over a budget: the segments that it has been used for, and its limit."""
    limit: int = 0
    held: bool = False
    """It waits for a budget."""
    held_ms: int = 0
    """When the day begins for whose budget it waits; 0: for its campaign's alone, or for none."""


class Budget(msgspec.Struct, frozen=True):
    """A client's segments a day, and what becomes of a message over it."""

    segments: int
    hold: bool = False


class MessageRecord(msgspec.Struct, kw_only=True):
    """A message's life so far. It keeps no text."""

    id: str
    client: str
    campaign: str = ""
    ref: str = ""
    to: str
    sender: str
    state: MessageState
    segments: int
    encoding: str
    priority: Priority
    route: str
    accepted_ms: int
    not_before_ms: int = 0
    expires_ms: int = 0
    submitted_ms: int = 0
    final_ms: int = 0
    attempt: int = 1
    carrier: str = ""
    fates: list[SegmentFate] = []
    reason: str = ""
    error: str = ""
    debtor: str = ""
    calendar: str = "any"
    decision: str = ""
    """What the contact rules said last, packed (:mod:`gateway.policy.packed`)."""
    data: str = ""
    callback_url: str = ""
    events: list[tuple[int, str]] = []
    """(when, what), oldest first."""


class Page(msgspec.Struct, Generic[Item]):
    """A part of a list; ``next`` is the cursor of the part after it, or None at the end."""

    items: list[Item]
    next: str | None = None


class Event(msgspec.Struct):
    """One thing that happened, for a client's own records."""

    cursor: str
    """Give it to :meth:`read` to go on after this event."""
    at_ms: int
    kind: str
    message_id: str = ""
    campaign: str = ""
    ref: str = ""
    to: str = ""
    data: dict[str, Any] = {}
    decision: str = ""
    """What the contact rules said, packed, where that is why it happened."""


class Report(msgspec.Struct, kw_only=True):
    """A campaign in numbers of messages; ``by_hour`` by the hour in RFC 3339, then by state."""

    by_state: dict[str, int] = {}
    by_hour: dict[str, dict[str, int]] = {}
    by_error: dict[str, int] = {}
    replies: int = 0
    segments: int = 0
    messages: int = 0
    budget: int = 0
    """Segments that count for the campaign's limit: without what was canceled or blocked."""
    held: int = 0
    """Segments that wait for it."""


class ReplyRecord(msgspec.Struct, kw_only=True):
    """A text from a debtor, tied to the campaign and message that last wrote to that number."""

    id: str
    at_ms: int
    sender: str
    to: str
    text: str
    carrier: str
    campaign: str = ""
    message_id: str = ""
