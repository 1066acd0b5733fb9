"""What goes from one account into the store: settles, receipts and replies, in that order.

Group, commit, then acknowledge: a deliver_sm_resp with ESME_ROK leaves only after the commit. A
store that is away gets the same batch again until it takes it; the carrier meanwhile gets no
answer, and after ``HOLD_SECONDS`` the status on which it sends again. What was in the batch is kept
all the same, so a reply that comes again is known by its words (a receipt changes nothing twice).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from gateway import pattern
from gateway.carrier.session import Bind
from gateway.carrier.submit import addresses_of
from gateway.carrier.unread import Unread
from gateway.clock import wall_ms
from gateway.config import Carrier
from gateway.errors import Fenced, StoreUnavailable
from gateway.message import STATE_OF_RECEIPT, MessageState, Receipt, ReceiptState, Reply
from gateway.metrics import Metrics
from gateway.policy.zones import normal
from gateway.smpp.addresses import Addresses
from gateway.smpp.dates import told_at
from gateway.smpp.learning import Learner
from gateway.smpp.pdu import DataSm, DataSmResp, DeliverSm, DeliverSmResp, Pdu
from gateway.smpp.receipt import ONE_READING, Habits, candidates, first_key, read, unread
from gateway.smpp.session import Session
from gateway.store import Store
from gateway.store.commit import BatchSize
from gateway.store.correlation import Found, Heard, Matched, ReceiptItem, Settle, new_batch

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_READ_FIRST = ("hex-decimal", "decimal-hex")
"""What changes when it has been learned: the same form is read first anyway."""
_BY_ITS_ID = (Found.moved, Found.no_change)
_UNKNOWN = ReceiptState.UNKNOWN
_TO_READ_AGAIN = (Found.unread, Found.already_committed)
_DELIVERIES = (DeliverSm, DataSm)
HOLD_SECONDS = 8.0
"""How long a deliver_sm may wait for the store before it is answered with "try later"."""
RETRY_SECONDS = 0.25
FULL, EMPTY_AGAIN = 4_000, 2_000
"""Deliver_sm waiting for a commit: above the first we stop reading the carrier. While the store is
away we read on, and answer more of them with "try later": responses come on the same link, and one
that is not read in time would bring its message into doubt."""
KEPT_ANYWAY = 1_000
"""Replies remembered as kept though they were answered with "try later"."""


def habits_of(carrier: Carrier) -> Habits | None:
    """How the account's receipts differ from everybody's; None: not at all."""
    habits = Habits(
        pattern.compiled(carrier.receipt_pattern) if carrier.receipt_pattern else None,
        {word.upper(): ReceiptState(state) for word, state in carrier.receipt_states},
        carrier.receipts_by,
        carrier.receipt_id_tlv,
        carrier.receipt_state_tlv,
    )
    return habits if habits != Habits() else None


def _at_home(
    found: Receipt | Reply, pdu: DeliverSm | DataSm, addresses: Addresses
) -> Receipt | Reply:
    """With its addresses in our form."""
    number = addresses.recipient_of(pdu.source_addr, pdu.source_addr_ton)
    own = addresses.sender_of(pdu.destination_addr, pdu.dest_addr_ton)
    if isinstance(found, Receipt):
        return msgspec.structs.replace(found, to=number, sender=own)
    return msgspec.structs.replace(found, sender=number, to=own)


def _normal(found: Receipt | Reply) -> Receipt | Reply:
    """With the debtor's number in the form that callers' numbers are brought to."""
    if isinstance(found, Receipt):
        number = normal(found.to)
        return found if number == found.to else msgspec.structs.replace(found, to=number)
    number = normal(found.sender)
    return found if number == found.sender else msgspec.structs.replace(found, sender=number)


class Delivery(msgspec.Struct, gc=False):
    """A deliver_sm or data_sm that waits for its commit."""

    bind: Bind
    session: Session
    pdu: DeliverSm | DataSm
    since: float
    item: ReceiptItem | None
    reply: Reply | None
    answered: bool = False


async def _unheard(replies: Sequence[Heard]) -> None:
    """Nobody listens."""


class Inbound:
    """Commits what one account's pump and binds learn."""

    def __init__(
        self,
        carrier: Carrier,
        store: Store,
        metrics: Metrics,
        owner: str,
        hold_reading: Callable[[bool], None],
    ) -> None:
        self.store_away = False
        self.freed: Callable[[], None] = lambda: None
        """Called when a commit has made room for more to be in flight."""
        self.heard: Callable[[Sequence[Heard]], Awaitable[None]] = _unheard
        """Called with replies that are stored, before they are answered; the daemon sets it."""
        self._carrier = carrier
        self._store = store
        self._owner = owner
        self._metrics = metrics.carrier(carrier.name)
        self._hold_reading = hold_reading
        self._holding = False
        self._settles: list[Settle] = []
        self._deliveries: list[Delivery] = []
        self._committing: list[Delivery] = []
        self._settling = 0
        self.unread = Unread()
        self.learner = Learner() if carrier.message_id == "auto" else None
        self._mode: str = carrier.message_id
        """How ids are read first: the mode, or the form that has been learned."""
        self._habits = habits_of(carrier)
        self._states = self._habits.states if self._habits else {}
        addresses = addresses_of(carrier)
        self._addresses = None if addresses.same else addresses
        """Where numbers come in another form than ours."""
        self._others = () if carrier.message_id in ONE_READING else None
        self._kept_anyway: OrderedDict[Reply, None] = OrderedDict()
        self._size = BatchSize()
        self._task: asyncio.Task[None] | None = None

    @property
    def uncommitted(self) -> int:
        """Settles not committed yet."""
        return len(self._settles) + self._settling

    @property
    def idle(self) -> bool:
        """Is nothing waiting for a commit?"""
        return self._task is None and not self._settles and not self._deliveries

    def settle(self, settle: Settle) -> None:
        """Queue what became of a claimed message."""
        self._settles.append(settle)
        self._start()

    def take(self, bind: Bind, session: Session, pdu: Pdu) -> None:
        """Take a request from the carrier: a receipt or a reply, or something we only note."""
        if not isinstance(pdu, _DELIVERIES):
            log.info(
                "request noted",
                extra={"carrier": self._carrier.name, "pdu": type(pdu).__name__},
            )
            return
        found = read(pdu, self._carrier.default_alphabet, self._habits)
        if self._addresses is not None:
            found = _at_home(found, pdu, self._addresses)
        found = _normal(found)
        item = reply = None
        if isinstance(found, Receipt):
            item = self._item(pdu, found)
        else:
            reply = found
        delivery = Delivery(bind, session, pdu, time.monotonic(), item, reply)
        if reply is not None and reply in self._kept_anyway:
            del self._kept_anyway[reply]
            self._respond(delivery, 0)
            return
        if len(self._deliveries) >= FULL:
            if self.store_away:
                self._respond(delivery, self._carrier.try_later_status)
                return
            self._hold(True)
        self._deliveries.append(delivery)
        self._start()

    def _item(self, pdu: DeliverSm | DataSm, found: Receipt) -> ReceiptItem:
        """What goes into the store of a receipt; what could not be read of it is kept apart."""
        written = found.done_at
        done_at = told_at(written, int(time.time()) // 3600) if written else ""
        if not found.carrier_message_id or found.state is _UNKNOWN or (written and not done_at):
            what = unread(found, self._states) or ("date" if written and not done_at else "")
            if what:
                self._metrics.unread[what] += 1
                self.unread.keep(wall_ms(), what, pdu, found)
        key = first_key(found.carrier_message_id, self._mode)
        return ReceiptItem(key, found, STATE_OF_RECEIPT[found.state], self._others, done_at)

    async def finish(self, seconds: float) -> None:
        """Let the running commits end, at most ``seconds``."""
        task = self._task
        if task is not None:
            await asyncio.wait([task], timeout=seconds)
            if not task.done():
                task.cancel()

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._settles or self._deliveries:
                count = await self._one_batch()
                self._size.adapt(count, self._store.correlation.script_seconds)
        except Fenced as error:
            self._settling = 0
            log.error("not ours any more", extra={"detail": str(error)})
        finally:
            self._task = None
            if self._settles or self._deliveries:
                self._start()

    async def _one_batch(self) -> int:
        most = self._size.size
        settles, self._settles = self._settles[:most], self._settles[most:]
        taken, self._deliveries = self._deliveries[:most], self._deliveries[most:]
        self._settling, self._committing = len(settles), taken
        receipts = [d for d in taken if d.item is not None]
        replies = [d for d in taken if d.reply is not None]
        if settles or receipts:
            items = [d.item for d in receipts if d.item is not None]
            matched = await self._commit(settles, items)
            self._settling = 0
            matched = await self._read_again(items, matched)
            self._count(settles, matched)
            self._acknowledge(receipts)
        if replies:
            whole = await self._until_kept(
                lambda batch: self._store.correlation.reply(
                    self._carrier.name,
                    [d.reply for d in replies if d.reply is not None],
                    wall_ms(),
                    self._owner,
                    batch,
                )
            )
            self._metrics.replies(len(whole))
            if whole:
                await self._until_kept(lambda _: self.heard(whole))
            self._acknowledge(replies)
            self._remember([d.reply for d in replies if d.answered and d.reply is not None])
        self._committing = []
        if taken or any(s.state is not MessageState.submitted for s in settles):
            self._store.events.ring()
        if self._holding and len(self._deliveries) < EMPTY_AGAIN:
            self._hold(False)
        self.freed()
        return len(settles) + len(taken)

    async def _commit(self, settles: list[Settle], items: list[ReceiptItem]) -> list[Matched]:
        name, correlation = self._carrier.name, self._store.correlation
        return await self._until_kept(
            lambda batch: correlation.commit(name, settles, items, wall_ms(), batch)
        )

    async def _read_again(self, items: list[ReceiptItem], matched: list[Matched]) -> list[Matched]:
        """Those not found by the first reading of their id go again, with every reading of it.

        After a commit whose first answer was lost nobody knows which they were: all go again,
        and what has been applied stays as it is.
        """
        again = [
            place
            for place, (item, met) in enumerate(zip(items, matched, strict=True))
            if item.others is None and met.found in _TO_READ_AGAIN
        ]
        if not again:
            self._learn(items, matched)
            return matched
        mode = self._carrier.message_id
        whole = [
            msgspec.structs.replace(
                items[place], others=candidates(items[place].receipt.carrier_message_id, mode)
            )
            for place in again
        ]
        found = await self._commit([], whole)
        read = list(items)
        for place, item, met in zip(again, whole, found, strict=True):
            matched[place], read[place] = met, item
        self._learn(read, matched)
        return matched

    def _learn(self, items: list[ReceiptItem], matched: list[Matched]) -> None:
        """By which reading of its id each receipt found its message.

        Once a form is sure, those that its reading found have nothing more to teach.
        """
        learner = self.learner
        if learner is None:
            return
        sure = learner.learned
        for item, met in zip(items, matched, strict=True):
            place = met.reading
            if (place or not sure) and met.found in _BY_ITS_ID:
                key = item.others[place - 1] if place and item.others else item.key
                learner.teach(item.receipt.carrier_message_id, item.receipt.to, key)
        if learner.learned != sure:
            log.info(
                "message ids learned",
                extra={"carrier": self._carrier.name, "form": learner.learned or "unknown"},
            )
            self._mode = learner.learned if learner.learned in _READ_FIRST else "auto"

    async def _until_kept(self, commit: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Try the same batch until the store has it; meanwhile tell the carrier to come again."""
        batch = new_batch()
        while True:
            try:
                answer = await commit(batch)
            except StoreUnavailable as error:
                if not self.store_away:
                    log.warning(
                        "store away",
                        extra={"carrier": self._carrier.name, "detail": str(error)},
                    )
                self.store_away = True
                self._hold(False)
                self._put_off(time.monotonic())
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.store_away = False
                return answer

    def _put_off(self, now: float) -> None:
        """Answer what has waited too long with "try later", and forget what no batch holds."""
        status = self._carrier.try_later_status
        late = [
            d
            for d in (*self._committing, *self._deliveries)
            if not d.answered and now - d.since > HOLD_SECONDS
        ]
        for delivery in late:
            delivery.answered = True
            self._respond(delivery, status)
        self._deliveries = [d for d in self._deliveries if not d.answered]
        for bind in {d.bind for d in late}:
            bind.flush()

    def _remember(self, replies: list[Reply]) -> None:
        for reply in replies:
            self._kept_anyway[reply] = None
        while len(self._kept_anyway) > KEPT_ANYWAY:
            self._kept_anyway.popitem(last=False)

    def _acknowledge(self, deliveries: list[Delivery]) -> None:
        sequences: dict[tuple[Bind, Session], list[int]] = {}
        for delivery in deliveries:
            if delivery.answered:
                continue
            of_session = sequences.setdefault((delivery.bind, delivery.session), [])
            if type(delivery.pdu) is DeliverSm:
                of_session.append(delivery.pdu.sequence_number)
            else:
                self._respond(delivery, 0)
        for (bind, session), numbers in sequences.items():
            bind.acknowledge(session, numbers)
            bind.flush()

    def _respond(self, delivery: Delivery, status: int) -> None:
        pdu = delivery.pdu
        response = DeliverSmResp if isinstance(pdu, DeliverSm) else DataSmResp
        delivery.bind.respond(
            delivery.session,
            response(sequence_number=pdu.sequence_number, command_status=status),
        )

    def _count(self, settles: list[Settle], matched: list[Matched]) -> None:
        self._metrics.settled(settles)
        if matched:
            self._metrics.receipts(matched, wall_ms())

    def _hold(self, hold: bool) -> None:
        if hold is not self._holding:
            self._holding = hold
            self._hold_reading(hold)
