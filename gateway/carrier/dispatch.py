"""The pump of one carrier account: claim, pace, submit, settle.

It claims only what window and pacer admit soon, so that what waits stays on the lanes where an
urgent message can overtake it. ``turn`` is the whole of it: write what is ready, claim what will
be wanted, set the one timer. Every change (a response, a new message, a timer) asks for a turn
by ``kick``, and many changes at once get one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from gateway.audit.keeper import Audit
from gateway.carrier import closing
from gateway.carrier.admission import Admission, Verdict
from gateway.carrier.inbound import Inbound
from gateway.carrier.outcome import (
    Flight,
    Job,
    give_up_unsendable,
    give_up_unwritten,
    settle_expired,
    settle_never,
    settle_of,
    settle_waiting,
    take_answer,
    take_silence,
)
from gateway.carrier.session import Bind
from gateway.carrier.submit import Submits
from gateway.clock import wall_ms
from gateway.config import Carrier
from gateway.errors import EncodeError, StoreUnavailable
from gateway.message import MessageState
from gateway.metrics import Metrics
from gateway.policy.calendars import ANSWER, ANY
from gateway.policy.decide import Discard, Outcome, Send, Wait
from gateway.policy.hours import Hours
from gateway.policy.pacer import Pacer, share_of
from gateway.policy.retry import rules_of
from gateway.smpp.pdu import Response, SubmitSmResp
from gateway.smpp.receipt import canonical, clean
from gateway.smpp.text import TextError
from gateway.spans import span
from gateway.store import Store
from gateway.store.correlation import Settle
from gateway.store.keys import LEAVES_WITHIN_MS
from gateway.store.node import Node
from gateway.store.queue import Claimed

log = logging.getLogger(__name__)

HORIZON = 0.015
"""Seconds of sending to have ready when a rate is set: more would delay what is urgent."""
GATHER = 0.003
"""Seconds from a claim that emptied the lanes to the next: a claim for each message costs more
than sending it."""
POLL = 0.02
"""Seconds between looks at lanes another process may have filled."""
RATE_SECONDS = 2.0
IDLE = 0.25
"""Seconds between turns that nothing asks for: none of them should be needed."""
STALE_MS = LEAVES_WITHIN_MS
"""What a slow carrier has kept waiting so long here is judged anew before it leaves."""
HELD_MS = 86_400_000
"""What may not go before somebody does something is looked at again so often."""
STORE_PAUSE = 0.25
"""Seconds before claiming again from a store that did not answer."""


class Limit(StrEnum):
    """What holds a carrier back right now: exactly one."""

    nothing_queued = "nothing_queued"
    quiet_hours = "quiet_hours"
    rate = "rate"
    window = "window"
    throttled = "throttled"
    paused = "paused"
    disconnected = "disconnected"
    standby = "standby"
    """Other nodes hold all of the account's binds."""
    store = "store"
    audit = "audit"
    """Decisions cannot be put on record: nothing under contact rules may leave."""


_ENDED = (
    Limit.paused, Limit.disconnected, Limit.standby, Limit.store, Limit.audit, Limit.throttled,
)  # fmt: skip
"""Limits that are over when none of them holds; the others describe what was met last."""


class Pump:
    """Takes messages off the lanes and puts them on the wire of one account."""

    def __init__(
        self,
        carrier: Carrier,
        binds: list[Bind],
        store: Store,
        node: Node,
        metrics: Metrics,
        inbound: Inbound,
    ) -> None:
        self.carrier = carrier
        self.routes: Callable[[], list[str]] = list
        """The routes whose lanes this carrier drains now; the daemon sets it."""
        self.elsewhere: Callable[[str], str] = lambda lane_route: ""
        """The lane's route where others take what this carrier has refused of one, if any do."""
        self.rules = rules_of(carrier.statuses)
        """What each command_status means."""
        self.paused = False
        self.standby = False
        """Do others hold all of the account's binds?"""
        self.limited_by = Limit.disconnected
        self.in_flight = 0
        """Claimed messages that are not handed to a commit yet."""
        self.admission = Admission(None, store.contacts)
        """Stops, lists and contact rules; the daemon sets one with rules."""
        self.audit: Audit | None = None
        """Where decisions go on record before anything leaves; None: nowhere."""
        self.asleep = False
        """Are there messages whose hours have not begun?"""
        self.margin_ms = 0
        """So long before its hours are over nothing of a message leaves, and its validity ends."""
        self.pacer = Pacer(carrier.rate)
        spans = [span(words) for words in carrier.rate_hours]
        self._hours = Hours(carrier.rate, spans, carrier.time_zone)
        self._share: Sequence[int] = range(carrier.binds)
        """The account's binds that may send here: the rate is divided by them."""
        self._mute = False
        """Is there nothing of the rate for the binds that are here?"""
        self._pace_until = float("-inf")
        self._binds = [bind for bind in binds if bind.sends]
        self._store = store
        self._node = node
        self._inbound = inbound
        self._metrics = metrics.carrier(carrier.name)
        self._submits = Submits(carrier)
        self._bare_submits = Submits(carrier, optional=False)
        self._whole = carrier.long_messages == "payload"
        self._held = 1
        """Segments of the submit that waits for the pacer."""
        self._consumer = node.consumer(carrier.name, self._whole)
        self._ready: tuple[deque[Job], ...] = (deque(), deque(), deque(), deque())
        self._ready_count = 0
        self._begun: dict[Bind, deque[Job]] = {bind: deque() for bind in self._binds}
        self._claiming: asyncio.Task[None] | None = None
        """The claim that the store has not answered yet."""
        self._taking: set[asyncio.Task[None]] = set()
        """That one, and those whose messages are being decided."""
        self._undecided = 0
        """Their segments."""
        self._store_away = False
        self._claims = 0
        """How many claims, and times of giving them back, have been asked for."""
        self._lost_claim = False
        """Redis did not answer a claim, and may have carried it out."""
        self._dry_until = 0.0
        self._claimed_at = 0.0
        self._late = False
        """Are there lanes that are open, and too near to their end?"""
        self._quiet = False
        self._kicked = False
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sent_marks: deque[tuple[float, int]] = deque(maxlen=64)
        self._sent_total = 0

    # Asked from outside

    @property
    def bound(self) -> bool:
        """Is there a bind that may submit?"""
        return any(bind.bound for bind in self._binds)

    @property
    def sent_total(self) -> int:
        """Segments written since the start."""
        return self._sent_total

    def could_send(self, now: float, ready: bool) -> bool:
        """Is there something to send (``ready``: on the lanes), and nothing that forbids it?"""
        return (
            self.bound
            and (ready or self._ready_count > 0)
            and not (self.paused or self._quiet or self._store_away)
            and not (self._late or self._unrecorded)
            and self._node.may_write(now)
            and not self.pacer.slowed(now)
        )

    @property
    def _unrecorded(self) -> bool:
        return self.audit is not None and self.audit.away

    def busy(self, bind: Bind) -> bool:
        """Is something begun on the bind that has not ended?"""
        return bind.session.outstanding > 0 or bool(self._begun.get(bind))

    def set_share(self, binds: Sequence[int], *, standby: bool) -> None:
        """These of the account's binds may send here; ``standby``: others hold some."""
        self._share = binds
        self.standby = standby and not binds
        self._pace_until = float("-inf")
        self._set_limit(time.monotonic())
        self.kick()

    def _pace(self, now: float) -> None:
        """Set the rate that holds now, and until when."""
        rate, seconds = self._hours.at(time.time())
        self._pace_until = now + seconds
        part = share_of(rate, self._share, self.carrier.binds)
        self._mute = rate > 0 and part == 0
        if part or not rate:
            self.pacer.set_rate(part)

    def start(self) -> None:
        """Remember the loop; turns begin with the first kick."""
        self._loop = asyncio.get_running_loop()
        self.kick()

    def kick(self) -> None:
        """Ask for a turn: soon, and once for everything that asks before it."""
        if not self._kicked and self._loop is not None:
            self._kicked = True
            self._loop.call_soon(self._turn)

    def wake(self) -> None:
        """There are new messages on the lanes."""
        self._dry_until = min(self._dry_until, self._claimed_at + GATHER)
        self.kick()

    def pause(self, paused: bool) -> None:
        """Claim nothing more and give back what was not begun; or go on."""
        self.paused = paused
        if paused:
            self.give_back()
        self._set_limit(time.monotonic())
        self.kick()

    async def quiet(self) -> None:
        """Claim nothing more, and give back what was claimed but not begun."""
        self._quiet = True
        while self._taking:
            await asyncio.wait(self._taking)
        self.give_back()

    def sending_rate(self, now: float) -> float:
        """Segments a second over the last :data:`RATE_SECONDS`."""
        marks = self._sent_marks
        while marks and now - marks[0][0] > RATE_SECONDS:
            marks.popleft()
        if not marks or now <= marks[0][0]:
            return 0.0
        return (self._sent_total - marks[0][1]) / max(now - marks[0][0], 0.5)

    # A turn

    def _turn(self) -> None:
        self._kicked = False
        self._held = 1
        now = time.monotonic()
        if now >= self._pace_until:
            self._pace(now)
        if self._ready_count or any(self._begun.values()):
            self._write(now)
        self._maybe_claim(now)
        self._set_limit(now)
        self._arm(now)

    def _write(self, now: float) -> None:
        """Put segments on the wire while pacer, window and transport admit them.

        A message already begun goes on, on its bind; then the most urgent ones begin on the
        freest, until that is full: the next turn has another, and what a turn brings goes as few
        writes and comes back as few reads, on both ends.
        """
        if self._mute or not self._node.may_write(now):
            return
        now_ms = wall_ms()
        rooms = {bind: bind.room for bind in self._binds}
        touched: list[Bind] = []
        for bind, begun in self._begun.items():
            while begun and rooms[bind] > 0 and self.pacer.admits(now):
                if begun[0].deadline <= now_ms:
                    self._close_begun(bind, now_ms)
                    continue
                self._submit(begun[0], bind, rooms, now, now_ms)
                touched.append(bind)
                if begun[0].written:
                    begun.popleft()
            if bind.retiring:
                rooms[bind] = 0
        freest = max(rooms, key=rooms.__getitem__)
        while self._ready_count and self.pacer.admits(now):
            bind = freest
            if rooms[bind] <= 0:
                freest = bind = max(rooms, key=rooms.__getitem__)
                if rooms[bind] <= 0:
                    break
            job = self._most_urgent(now_ms)
            if job is None:
                break
            if job.cost > 1 and not bind.optional:
                job.cut()
            if job.cost > 1 and not self.pacer.admits(now, job.cost):
                self._held = job.cost
                self._ready[job.message.priority].appendleft(job)
                self._ready_count += 1
                break
            job.bind = bind
            job.sent_ms = now_ms
            self._submit(job, bind, rooms, now, now_ms)
            if bind not in touched:
                touched.append(bind)
            if not job.written:
                self._begun[bind].append(job)
        if len(self._binds) > 1 and freest in touched:  # of equals another is the next
            self._binds.remove(freest)
            self._binds.append(freest)
        for bind in touched:
            bind.flush()
        self._mark(now)

    def _most_urgent(self, now_ms: int) -> Job | None:
        """The next message to begin; those that have expired are settled on the way."""
        for waiting in self._ready:
            while waiting:
                job = waiting.popleft()
                self._ready_count -= 1
                if 0 < job.message.expires_ms <= now_ms:
                    self._decided_anew(job, Discard("expired"), now_ms)
                    self._finish(job, settle_expired(job, now_ms))
                elif now_ms - job.judged_ms > STALE_MS:
                    # Somebody may have asked for no more since.
                    self._finish(job, settle_waiting(job, -1, "judged_anew"))
                elif closing.too_late(job.deadline, now_ms, self._takes_ms(job)):
                    self._finish(job, self._hours_over(job, now_ms))
                else:
                    return job
        return None

    def _hours_over(self, job: Job, now_ms: int) -> Settle:
        """It was let go, and its hours are over before it could leave: until they begin again."""
        wait = job.verdict.next_hours() if job.verdict is not None else Wait(None, "")
        self._decided_anew(job, wait, now_ms)
        return settle_waiting(job, -1 if wait.until is None else wait.until, "quiet_hours")

    def _decided_anew(self, job: Job, outcome: Outcome, now_ms: int) -> None:
        """What was let go does not leave after all: that is on record too."""
        verdict = job.verdict
        if verdict is None:
            return
        verdict.outcome = outcome
        job.decision = verdict.packed(now_ms)
        if self.audit is not None:
            self.audit.write([verdict.line(job.message, self.carrier.name, now_ms)], now_ms)

    def _submit(
        self, job: Job, bind: Bind, rooms: dict[Bind, int], now: float, now_ms: int
    ) -> None:
        """Write as many segments of ``job`` as the bind's room and the pacer admit."""
        session = bind.session
        submits = self._submits if bind.optional else self._bare_submits
        while rooms[bind] > 0 and not job.written and self.pacer.admits(now):
            index = job.next
            try:
                body = submits.body(job, index, now_ms)
                session.send_submit(body, now, Flight(job, index))
            except (EncodeError, TextError) as error:
                self._cannot_send(job, error)
                return
            rooms[bind] -= 1
            job.next = index + 1
            job.skip_known()
            self.pacer.sent(now, job.cost)
            self._sent_total += job.cost
            if index == 0 and job.message.attempt == 1:
                self._metrics.accepted_to_submitted(now_ms - job.message.accepted_ms)

    def _cannot_send(self, job: Job, error: Exception) -> None:
        log.error(
            "cannot be sent",
            extra={"carrier": self.carrier.name, "id": job.message.id, "detail": str(error)},
        )
        give_up_unsendable(job)
        if job.pending == 0:
            self._finish(job, settle_of(job, wall_ms()))

    def _maybe_claim(self, now: float) -> None:
        if self._claiming is not None or self._quiet or self.paused:
            return
        if self._mute or now < self._dry_until or not self._node.may_write(now):
            return
        if self._lost_claim and (self.in_flight or self._inbound.uncommitted):
            return
        wanted = self._wanted(now)
        if wanted > 0:
            self._claimed_at = now
            self._claiming = asyncio.create_task(self._claim(wanted))
            self._taking.add(self._claiming)
            self._claiming.add_done_callback(self._taking.discard)

    def _wanted(self, now: float) -> int:
        """Segments worth claiming: what window and pacer admit soon, less what is ready."""
        window = self.carrier.window
        bound = [bind for bind in self._binds if bind.bound and not bind.retiring]
        free = sum(bind.window_free for bind in bound)
        ahead = window * len(bound)
        ready = self._ready_count + self._undecided
        wanted = min(free + ahead, self.pacer.soon(now, HORIZON)) - ready
        unsettled = self.in_flight + self._inbound.uncommitted
        wanted = min(wanted, 2 * window * len(bound) - unsettled)
        if not bound or (wanted < ahead // 2 and ready and self.carrier.rate == 0):
            return 0
        return wanted

    async def _claim(self, wanted: int) -> None:
        claimed = None
        try:
            if self._lost_claim:
                await self._take_back()
            self._claims += 1
            lanes = self.routes()
            turn = self._claims % len(lanes) if lanes else 0  # none is always the last one
            routes = [f"@{self.carrier.name}", *lanes[turn:], *lanes[:turn]]
            claimed = await self._claim_open(routes, wanted)
        except StoreUnavailable as error:
            self._claim_failed(error)
        finally:
            self._claiming = None
        if claimed is not None:
            self._store_away = False
            await self._decide(claimed, wanted)
        self.kick()

    async def _claim_open(self, routes: list[str], wanted: int) -> list[Claimed]:
        """What the lanes that are open have."""
        now_ms = wall_ms()
        open_at = self.admission.open_at(now_ms)
        late = closing.late(open_at, now_ms, self.margin_ms)
        self._late = bool(late)
        if self.audit is not None and not self.audit.ready(time.monotonic(), now_ms):
            late = [*open_at, ANSWER]  # what no rule holds back goes on
        opened = self.admission.opened(now_ms)
        return await self._store.queue.claim(
            routes, self._consumer, wanted, now_ms, self._claims, opened, late
        )

    async def _decide(self, claimed: list[Claimed], wanted: int) -> None:
        """Take what may go; what may be claimed next is asked for meanwhile."""
        segments = sum([item.message.segments for item in claimed])
        now = time.monotonic()
        if segments < wanted:
            self._dry_until = now + POLL
        self.in_flight += len(claimed)
        self._undecided += segments
        self._maybe_claim(now)
        try:
            verdicts = await self.admission.judge(claimed, wall_ms()) if claimed else []
            await self._store.queue.define_fresh()
        except StoreUnavailable as error:
            self.in_flight -= len(claimed)
            self._claim_failed(error)
        else:
            self._take(claimed, verdicts)
        finally:
            self._undecided -= segments

    def _claim_failed(self, error: StoreUnavailable) -> None:
        """The store has, or may have, claimed for us what we do not hold."""
        self._store_away = self._lost_claim = True
        self._dry_until = time.monotonic() + STORE_PAUSE
        log.warning("claim failed", extra={"carrier": self.carrier.name, "detail": str(error)})

    async def _take_back(self) -> None:
        """A claim's answer was lost: now that we hold nothing, what is claimed for us is that.

        Each try has a number of its own: the store may carry out one whose answer was lost after
        we have claimed again, and must not take that from under us.
        """
        self._claims += 1
        given = await self._store.queue.give_back(self._consumer, wall_ms(), self._claims)
        self._lost_claim = False
        if given:
            log.info("claims given back", extra={"carrier": self.carrier.name, "messages": given})

    def _take(self, claimed: list[Claimed], verdicts: list[Verdict]) -> None:
        now_ms = wall_ms()
        recorded = self._record(claimed, verdicts, now_ms)
        for place, item in enumerate(claimed):
            message = item.message
            if message.attempt > 1 and message.tried not in ("", self.carrier.name):
                message = msgspec.structs.replace(message, before=message.attempt - 1)
            job = Job(item.lane, item.entry, message, self._whole)
            if not self._admit(job, verdicts[place], now_ms, recorded):
                continue
            self._ready[message.priority].append(job)
            self._ready_count += 1
        if self._quiet or self.paused or not self.bound:
            self.give_back()

    def _record(self, claimed: list[Claimed], verdicts: list[Verdict], now_ms: int) -> bool:
        """Put decisions on record; False: they are not."""
        if self.audit is None:
            return True
        lines = [
            verdict.line(item.message, self.carrier.name, now_ms)
            for item, verdict in zip(claimed, verdicts, strict=True)
            if verdict.calendar != ANY
        ]
        return not lines or self.audit.write(lines, now_ms)

    def _admit(self, job: Job, verdict: Verdict, now_ms: int, recorded: bool) -> bool:
        """By the contact rules: it may go, until its hours are over; or it waits, or never goes."""
        job.judged_ms = now_ms
        if verdict.calendar == ANY and isinstance(verdict.outcome, Send):
            return True
        job.noted = verdict.noted
        if not recorded and verdict.calendar != ANY:
            self._finish(job, settle_waiting(job, -1, "audit"))
            return False
        job.decision = verdict.packed(now_ms)
        job.verdict = verdict
        match verdict.outcome:
            case Send():
                job.deadline = verdict.closes - self.margin_ms
                return True
            case Wait(until, reason):
                until = now_ms + HELD_MS if until is None else until
                if verdict.calendar != job.message.calendar:  # where it will be open then
                    job.message = msgspec.structs.replace(job.message, calendar=verdict.calendar)
                self._finish(job, settle_waiting(job, until, reason))
            case Discard("expired", waits):
                self._finish(job, settle_never(job, MessageState.expired, waits or "ttl"))
            case Discard(reason):
                self._finish(job, settle_never(job, verdict.ends, reason))
        return False

    def _takes_ms(self, job: Job) -> float:
        """How long the segments after the first need to leave, at least."""
        segments = job.message.segments
        if segments == 1 or not self.pacer.rate:
            return 0.0
        return closing.takes_ms(segments, self.pacer.limit(time.monotonic()))

    def _close_begun(self, bind: Bind, now_ms: int) -> None:
        """The hours of a message begun on a bind are over: the rest of it waits for the next."""
        job = self._begun[bind].popleft()
        give_up_unwritten(job)
        if job.pending == 0:
            self._finish(job, settle_of(job, now_ms))

    def give_back(self) -> None:
        """Release what has been claimed and not begun: it is sure not to have left."""
        now_ms = wall_ms()
        for waiting in self._ready:
            while waiting:
                job = waiting.popleft()
                self._ready_count -= 1
                self._finish(job, settle_of(job, now_ms))

    # What comes back

    def answered(self, flight: Flight, response: Response, sent_at: float) -> None:
        """A response (or a generic_nack) to one segment."""
        now = time.monotonic()
        job, status = flight.job, response.command_status
        self._metrics.answered(status, now - sent_at)
        if isinstance(response, SubmitSmResp):
            id, error = clean(response.message_id), status
        else:
            id, error = "", status or 0x08
        take_answer(
            job,
            flight.index,
            error,
            id,
            canonical(id, self.carrier.message_id) if id else "",
            self.rules,
        )
        if job.retry is not None and job.retry.slow_account:
            self.pacer.throttled(now, sent_at)
        if job.pending == 0:
            elsewhere = self.elsewhere(job.message.route) if job.movable else ""
            self._finish(job, settle_of(job, wall_ms(), elsewhere))

    def unanswered(self, flight: Flight) -> None:
        """The response will not come: time ran out, or the link broke."""
        job = flight.job
        take_silence(job, flight.index)
        self._metrics.unanswered()
        bind = job.bind
        if not job.written and isinstance(bind, Bind):
            self._begun[bind].remove(job)
            give_up_unwritten(job)
        if job.pending == 0:
            self._finish(job, settle_of(job, wall_ms()))

    def lost(self, bind: Bind) -> None:
        """A bind's connection is gone: messages begun on it that have nothing under way wait."""
        begun = self._begun.get(bind)
        while begun:
            job = begun.popleft()
            give_up_unwritten(job)
            if job.pending == 0:
                self._finish(job, settle_of(job, wall_ms()))
        if not self.bound:
            self.give_back()  # another carrier of the route may take it, or a cancel

    def _finish(self, job: Job, settle: Settle) -> None:
        self.in_flight -= 1
        if job.noted and not job.left:
            settle.unnoted = job.noted
        if settle.message.attempt != job.message.attempt:
            settle.message = msgspec.structs.replace(settle.message, tried=self.carrier.name)
        self._inbound.settle(settle)

    # What it waits for

    def _set_limit(self, now: float) -> None:
        if self.paused:
            limit = Limit.paused
        elif not self.bound:
            limit = Limit.standby if self.standby else Limit.disconnected
        elif self._store_away or not self._node.may_write(now) or self._inbound.store_away:
            limit = Limit.store
        elif self._unrecorded:
            limit = Limit.audit
        elif self.pacer.slowed(now) and (self._ready_count or not self.pacer.admits(now)):
            limit = Limit.throttled
        elif self._mute or not self.pacer.admits(now, self._held):
            limit = Limit.rate
        elif self._ready_count or not any(bind.window_free for bind in self._binds):
            limit = Limit.window
        elif now < self._dry_until:
            limit = Limit.quiet_hours if self.asleep else Limit.nothing_queued
        else:
            # Sending as fast as the lanes are read; the last limit that was met still describes it
            # best, unless it is one that is over.
            limit = Limit.window if self.limited_by in _ENDED else self.limited_by
        self.limited_by = limit

    def _arm(self, now: float) -> None:
        """Set the one timer; one that rings before it must costs a turn, and setting it more."""
        if self._loop is None or self._kicked or not self.bound:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        due = max(now + 0.001, self._due(now))
        if self._timer is not None:
            if self._rings_at <= due:
                return
            self._timer.cancel()
        self._rings_at = due
        self._timer = self._loop.call_later(due - now, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.kick()

    def _due(self, now: float) -> float:
        """When the next turn is needed, unless something kicks before.

        What waits for the window, the transport or a commit is kicked by them; what waits for
        the pacer or for news on the lanes is not.
        """
        if self._ready_count or any(self._begun.values()):
            held = self._held
            return now + IDLE if self.pacer.admits(now, held) else self.pacer.next(now, held)
        if self._claiming is not None or self._quiet or self.paused:
            return now + IDLE
        if now < self._dry_until:
            return self._dry_until
        if self.pacer.soon(now, HORIZON) == 0:
            return self.pacer.next(now) - HORIZON
        return now + IDLE

    def _mark(self, now: float) -> None:
        if not self._sent_marks or now - self._sent_marks[-1][0] >= 0.1:
            self._sent_marks.append((now, self._sent_total))
