"""What becomes of a message once every segment of it has been answered, or never will be.

Pure: fates in, a settle out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from gateway.message import (
    FATE_SEPARATOR,
    Message,
    MessageState,
    SegmentFate,
    read_fates,
    state_of,
    write_fates,
)
from gateway.policy.calendar import NEVER
from gateway.policy.retry import RULES, Retry, judge
from gateway.refusal import Fail, Failover, Rule
from gateway.smpp.text import SegmentBody
from gateway.store.correlation import Kind, Settle
from gateway.store.keys import lane_name

if TYPE_CHECKING:
    from gateway.carrier.admission import Verdict

_SUBMITTED, _SUBMIT = MessageState.submitted, Kind.submitted
_TAKEN = f"{MessageState.submitted:d}::"
"""Looked up once: an Enum's member costs a fifth of what a settle does."""
WAITING = SegmentFate(MessageState.queued, "", "")
DOUBTFUL = SegmentFate(MessageState.in_doubt, "", "")


class Job:
    """A claimed message on its way over one bind, segment by segment.

    Where ``whole`` says that the carrier cuts long texts (message_payload), and no earlier attempt
    sent segments of our own, it is one submit with one fate, which costs all its segments.
    """

    __slots__ = (
        "bind", "bodies", "cost", "deadline", "decision", "entry", "fates", "ids", "judged_ms",
        "lane", "message", "next", "noted", "over", "pending", "retry", "sent_ms", "verdict",
    )  # fmt: skip

    def __init__(self, lane: str, entry: str, message: Message, whole: bool = False) -> None:
        self.lane = lane
        self.entry = entry
        self.message = message
        parts = message.segments
        self.cost = 1
        """Segments that the carrier counts for each submit."""
        if parts > 1 and (whole or message.fates) and FATE_SEPARATOR not in message.fates:
            self.cost, parts = parts, 1
        self.fates: list[SegmentFate] = [WAITING] * parts
        self.ids = [""] * parts
        self.bodies: list[SegmentBody] | None = None
        self.next = 0
        """The segment to write next."""
        self.pending = parts
        """Segments whose fate this attempt still has to learn."""
        self.retry: Retry | None = None
        self.deadline = NEVER
        """Nothing of it may be written from then on (UTC milliseconds): its hours are over."""
        self.decision = ""
        """What the contact rules said of it, packed."""
        self.verdict: Verdict | None = None
        self.judged_ms = 0
        """When stops, lists and contact rules let it go."""
        self.noted = ""
        """The creditor and debtor among whose contacts it is noted."""
        self.over = False
        """A segment was refused that another carrier may take."""
        self.sent_ms = 0
        self.bind: object = None
        if message.fates:
            self.fates = read_fates(message.fates)
            self.pending = sum(fate.state is MessageState.queued for fate in self.fates)
            self.skip_known()

    def skip_known(self) -> None:
        """Move ``next`` past segments an earlier attempt settled."""
        fates = self.fates
        while self.next < len(fates) and fates[self.next].state is not MessageState.queued:
            self.next += 1

    def cut(self) -> None:
        """Segments of our own instead: nothing of it has left, and the bind takes no payload."""
        parts = self.message.segments
        self.cost, self.pending = 1, parts
        self.fates, self.ids = [WAITING] * parts, [""] * parts

    @property
    def left(self) -> bool:
        """Has any of it reached a carrier, or may it have? What was sent again out of doubt may."""
        if self.message.fates or self.message.route.startswith("@"):
            return True
        waits, final = MessageState.queued, MessageState.unknown
        first = self.fates[0].state  # nearly always the only one
        return (first is not waits and first < final) or any(
            fate.state is not waits and fate.state < final for fate in self.fates
        )

    @property
    def movable(self) -> bool:
        """May all of it go to another carrier, being sure that this one took none of it?"""
        return self.over and not self.left

    @property
    def written(self) -> bool:
        """Has every segment that needs it been written?"""
        return self.next >= len(self.fates)


class Flight(msgspec.Struct, gc=False):
    """One segment under way."""

    job: Job
    index: int


def take_answer(
    job: Job,
    index: int,
    status: int,
    carrier_id: str,
    canonical: str,
    rules: Mapping[int, Rule] = RULES,
) -> None:
    """Note the response to one segment."""
    job.pending -= 1
    if status == 0:
        job.fates[index] = SegmentFate(_SUBMITTED, "", carrier_id)
        job.ids[index] = canonical
        return
    message = job.message
    verdict = judge(status, message.attempt - message.before, rules)
    if isinstance(verdict, Failover):
        job.over = True
    if isinstance(verdict, Retry):
        if job.retry is None or verdict.after_seconds > job.retry.after_seconds:
            job.retry = verdict
        return
    job.fates[index] = _refused(verdict, status)


def _refused(verdict: Fail | Failover, status: int) -> SegmentFate:
    return SegmentFate(verdict.reason, f"{status:#010x}", "")


def take_silence(job: Job, index: int) -> None:
    """Note that one segment will never be answered: nobody knows its fate."""
    job.pending -= 1
    job.fates[index] = DOUBTFUL


def give_up_unsendable(job: Job) -> None:
    """The rest of it cannot be put in a submit_sm: it ends here, and never holds up the others."""
    for index in range(job.next, len(job.fates)):
        if job.fates[index].state is MessageState.queued:
            job.pending -= 1
            job.fates[index] = SegmentFate(MessageState.failed, "unsendable", "")
    job.next = len(job.fates)


def give_up_unwritten(job: Job) -> None:
    """The link broke before these segments were written: they are sure not to have left."""
    for index in range(job.next, len(job.fates)):
        if job.fates[index].state is MessageState.queued:
            job.pending -= 1
    job.next = len(job.fates)


def settle_of(job: Job, now_ms: int, elsewhere: str = "") -> Settle:
    """The settle of a job none of whose segments is under way any more.

    ``elsewhere``: of one that is :attr:`Job.movable`, the lane's route where others take it.
    """
    message = job.message
    if len(job.fates) == 1 and job.fates[0].state is _SUBMITTED:
        taken = _TAKEN + job.fates[0].carrier_message_id
        return Settle(
            _SUBMIT, job.lane, job.entry, message, taken, job.sent_ms, job.ids, job.decision
        )
    if elsewhere:
        return _move(job, elsewhere)
    states = [fate.state for fate in job.fates]
    if MessageState.in_doubt in states and MessageState.queued in states:
        # What was not written waits with the doubt: half a text is no text.
        job.fates = [DOUBTFUL if f.state is MessageState.queued else f for f in job.fates]
    settle = Settle(
        kind=Kind.submitted,
        lane=job.lane,
        entry=job.entry,
        message=message,
        fates=write_fates(job.fates),
        sent_ms=job.sent_ms or now_ms,
        ids=job.ids,
        decision=job.decision,
        resumed=bool(message.fates),
    )
    if MessageState.in_doubt in states:
        settle.kind = Kind.doubt
        settle.state = MessageState.in_doubt
    elif MessageState.queued in states:
        _release(settle, job, now_ms)
    else:
        settle.state = state_of(states)
        if settle.state.final:
            settle.error = next((f.error for f in job.fates if f.error), "")
            settle.reason = "refused"
    return settle


def _move(job: Job, lane_route: str) -> Settle:
    """The carrier took none of it: all of it goes to another one at once, as a new attempt."""
    message = job.message
    return Settle(
        kind=Kind.release,
        lane=job.lane,
        entry=job.entry,
        message=msgspec.structs.replace(
            message, route=lane_route, attempt=message.attempt + 1, before=message.attempt
        ),
        ids=[],
        target=lane_name(
            lane_route, message.priority, message.campaign, message.client, message.calendar
        ),
        reason="failover",
    )


def _release(settle: Settle, job: Job, now_ms: int) -> None:
    """Segments were refused for now, or never written: the rest goes again as a new attempt."""
    settle.kind = Kind.release
    retry = job.retry
    after = retry.after_seconds if retry is not None else 0.0
    counts = retry is not None and retry.counted
    at_once = retry is None or retry.slow_account  # the pacer slows the whole account instead
    kept = any(fate.state is not MessageState.queued for fate in job.fates)
    settle.message = msgspec.structs.replace(
        job.message,
        attempt=job.message.attempt + (1 if counts else 0),
        fates=settle.fates if kept else "",
    )
    settle.fates = settle.message.fates
    settle.due_ms = -1 if at_once else now_ms + int(after * 1000)
    settle.reason = "retry"


def settle_waiting(job: Job, due_ms: int, reason: str) -> Settle:
    """The settle of a message that may not go yet: again at ``due_ms``, or (-1) with its lane."""
    message = job.message
    return Settle(
        kind=Kind.release,
        lane=job.lane,
        entry=job.entry,
        message=message,
        fates=message.fates,
        due_ms=due_ms,
        ids=[],
        reason=reason,
        decision=job.decision,
        resumed=bool(message.fates),
    )


def settle_expired(job: Job, now_ms: int) -> Settle:
    """The settle of a message whose time to live ended before any of it left."""
    return settle_never(job, MessageState.expired, "ttl")


def settle_never(job: Job, state: MessageState, reason: str) -> Settle:
    """The settle of a message of which nothing more goes: it expired, or must not."""
    fates = [
        SegmentFate(state, reason, "") if f.state is MessageState.queued else f for f in job.fates
    ]
    return Settle(
        kind=Kind.submitted,
        lane=job.lane,
        entry=job.entry,
        message=job.message,
        state=state_of([fate.state for fate in fates]),
        error=reason,
        fates=write_fates(fates),
        sent_ms=0,
        ids=job.ids,
        reason=reason,
        decision=job.decision,
        resumed=bool(job.message.fates),
    )
