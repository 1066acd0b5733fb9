"""What the carrier keeps for one ESME across its connections: binds, a rate, messages for it.

A receipt or reply waits here until a bind can take it, comes back if the link drops before its
answer, and is sent again if the ESME asks for that. It is never lost with a connection.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Protocol

from gateway.simulator.receipts import Taken, Wording
from gateway.simulator.script import Receipts
from gateway.simulator.sliding import SlidingSecond
from gateway.simulator.words import OK, status_code
from gateway.smpp.pdu import DataSm, DeliverSm, status_name


class Delivery:
    """One PDU on its way to an ESME: a receipt with its ``word``, or a reply as it is."""

    __slots__ = ("home", "other_bind", "pdu", "taken", "tries", "word")

    def __init__(
        self,
        home: Receiver | None,
        taken: Taken | None = None,
        word: str = "",
        other_bind: bool = False,
        pdu: DeliverSm | DataSm | None = None,
    ) -> None:
        self.home = home
        self.taken = taken
        self.word = word
        self.other_bind = other_bind
        self.pdu = pdu
        self.tries = 0

    def letter(self, wording: Wording, wall: int) -> DeliverSm | DataSm:
        """The PDU; a receipt is worded once, when it is first sent (at ``wall``)."""
        if self.pdu is None:
            assert self.taken is not None
            self.pdu = wording.letter(self.taken, self.word, wall)
        return self.pdu


class Receiver(Protocol):
    """A bind that may take deliveries."""

    @property
    def free(self) -> bool:
        """Whether it can take one more now."""

    def deliver(self, delivery: Delivery, pdu: DeliverSm | DataSm, now: float) -> None:
        """Send it; its answer comes to :meth:`Account.answered` or :meth:`Account.unanswered`."""

    def flush(self, now: float) -> None:
        """Write what was queued."""


class Account:
    """One system_id, its binds and what waits for them."""

    def __init__(self, system_id: str, taken_kept: int) -> None:
        self.system_id = system_id
        self.binds: list[Receiver] = []
        self.receivers: list[Receiver] = []
        self.waiting: deque[Delivery] = deque()
        self.taken: deque[Taken] = deque(maxlen=taken_kept)
        self.arrivals = SlidingSecond()
        self.admitted = SlidingSecond()
        self.most_unanswered = 0
        self.sent = self.resent = self.dropped = 0
        self.answers: Counter[int] = Counter()
        self._turn = 0

    def join(self, bind: Receiver, receives: bool) -> None:
        """A bind was accepted."""
        self.binds.append(bind)
        if receives:
            self.receivers.append(bind)

    def leave(self, bind: Receiver, unanswered: list[Delivery]) -> None:
        """Its connection is gone, and with it the answers to ``unanswered``."""
        if bind in self.binds:
            self.binds.remove(bind)
        if bind in self.receivers:
            self.receivers.remove(bind)
        self.waiting.extendleft(reversed(unanswered))

    def pump(self, wording: Wording, now: float, wall: int) -> None:
        """Hand on what waits, as far as the binds' windows go. Bounded by their sum."""
        if not self.waiting or not self.receivers:
            return
        while self.waiting:
            bind = self._choose(self.waiting[0])
            if bind is None:
                break
            delivery = self.waiting.popleft()
            self.resent += delivery.tries > 0
            self.sent += 1
            delivery.tries += 1
            bind.deliver(delivery, delivery.letter(wording, wall), now)
        for bind in self.receivers:
            bind.flush(now)

    def _choose(self, delivery: Delivery) -> Receiver | None:
        """The bind the message came from where it can, another one where that is wanted."""
        home = delivery.home if delivery.home in self.receivers else None
        if home is not None and not delivery.other_bind and home.free:
            return home
        for _ in self.receivers:
            self._turn = (self._turn + 1) % len(self.receivers)
            bind = self.receivers[self._turn]
            if bind is not home and bind.free:
                return bind
        return home if home is not None and home.free else None

    def answered(self, delivery: Delivery, status: int, script: Receipts) -> bool:
        """The ESME answered. True if it wants the delivery again, later."""
        self.answers[status] += 1
        if status == OK:
            return False
        if status not in resend_statuses(script) or delivery.tries > script.resend_limit:
            self.dropped += 1
            return False
        return True

    def unanswered(self, delivery: Delivery, script: Receipts) -> None:
        """The ESME did not answer in time: again, at once."""
        if delivery.tries > script.resend_limit:
            self.dropped += 1
        else:
            self.waiting.append(delivery)

    def counts(self) -> dict[str, Any]:
        """In numbers, ready for JSON."""
        return {
            "binds": len(self.binds),
            "receivers": len(self.receivers),
            "most_in_a_second": self.arrivals.most,
            "most_admitted_in_a_second": self.admitted.most,
            "most_unanswered": self.most_unanswered,
            "deliveries": {
                "waiting": len(self.waiting),
                "sent": self.sent,
                "resent": self.resent,
                "dropped": self.dropped,
                "statuses": {status_name(code): n for code, n in self.answers.items()},
            },
        }


def resend_statuses(script: Receipts) -> frozenset[int]:
    """The statuses that ask for a delivery again."""
    return frozenset(status_code(word) for word in script.resend_on)
