"""What a request goes through once the session has handed it on, in both ends: never an error.

Of the gateway all but its store and socket, up to the rows that the store would be given; of the
simulated carrier its intake, up to the octets of the receipts that follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any, Final

from gateway.carrier.inbound import Inbound
from gateway.config import Carrier
from gateway.metrics import Metrics
from gateway.simulator.account import Account
from gateway.simulator.intake import Intake
from gateway.simulator.receipts import Wording
from gateway.simulator.record import Record
from gateway.simulator.script import Receipts, Recording, Replies, Script
from gateway.smpp.pdu import DataSm, DeliverSm, Pdu, SubmitSm, encode
from gateway.smpp.receipt import candidates
from gateway.store.correlation import _receipt_rows, _reply_row

_HABITS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {},
    {"default_alphabet": "latin1", "message_id": "decimal-hex"},
    {"default_alphabet": "ascii", "receipts_by": "text", "message_id": "hex-decimal"},
    {
        "receipts_by": "either",
        "receipt_pattern": r"(?P<stat>[A-Z]+),(?P<done>\d+),\d+,(?P<err>\w+),\d+,(?P<id>[\w-]+)",
        "receipt_states": (("DLVRD", "DELIVRD"),),
        "receipt_id_tlv": 0x1401,
        "receipt_state_tlv": 0x1400,
    },
)
_FORMS: Final = ("text", "both", "payload", "ucs2", "data_sm", "list", "vendor")
_MODES: Final = ("auto", "same", "hex-decimal", "decimal-hex")
_ALL: Final = 1e9


class _Reading(Inbound):
    """All of it but the commits."""

    def _start(self) -> None:
        """Nothing runs: what was taken is looked at at once."""


class _Bind:
    """What the intake asks of a link (intake.Source)."""

    free = True
    rate = unanswered = 0
    condemned = False

    def __init__(self) -> None:
        self.account = Account("fuzz", 10)
        self.said = b""

    def queue(self, octets: bytes, received: float) -> None:
        self.said += octets

    def respond_late(self, octets: bytes, received: float, now: float) -> None:
        self.said += octets

    def deliver(self, delivery: Any, pdu: DeliverSm | DataSm, now: float) -> None:
        encode(pdu)

    def flush(self, now: float) -> None:
        pass


class Behind:
    """Both ends, set up in one of several ways."""

    def __init__(self, chance: Random) -> None:
        habits = chance.choice(_HABITS)
        carrier = Carrier(name="fuzz", host="localhost", system_id="r", password="p", **habits)
        self._inbound = _Reading(carrier, None, Metrics(), "crm", lambda hold: None)  # type: ignore[arg-type]
        self._mode = chance.choice(_MODES)
        receipts = Receipts(form=chance.choice(_FORMS), unasked=True, layout="mixed")
        record = Recording(submits=100, taken=10)
        script = Script(seed=1, receipts=receipts, replies=Replies(share=0.1), record=record)
        self._wording = Wording(receipts, script.ids)
        self._record = Record(record)
        self._intake = Intake(script, self._record, 1, 0.0)
        self._bind = _Bind()
        self._now = 0.0

    def take(self, pdu: Pdu) -> None:
        """What the end that reads ``pdu`` does with it."""
        if isinstance(pdu, DeliverSm | DataSm):
            self._read(pdu)
        elif isinstance(pdu, SubmitSm) and pdu.sequence_number & 1:
            self._take_in(pdu)  # half of them: it is our carrier for tests, and takes its time

    def finish(self) -> None:
        """What operators ask for afterwards."""
        self._inbound.unread.view()
        self._record.counts()

    def _read(self, pdu: DeliverSm | DataSm) -> None:
        inbound = self._inbound
        inbound.take(None, None, pdu)  # type: ignore[arg-type]
        delivery = inbound._deliveries.pop()
        if delivery.reply is not None:
            _utf8(_reply_row(delivery.reply))
        else:
            assert delivery.item is not None
            _utf8(_receipt_rows([delivery.item])[1])
            candidates(delivery.item.receipt.carrier_message_id, self._mode)

    def _take_in(self, pdu: SubmitSm) -> None:
        intake, bind = self._intake, self._bind
        self._now += 0.01
        bind.said = b""
        intake.take(bind, [pdu], self._now, 1_763_800_000)
        assert len(bind.said) >= 16, "a submit without its response"
        for account, delivery in intake.deliveries.take(_ALL):
            bind.account.waiting.append(delivery)
            assert account is bind.account
        while bind.account.waiting:
            encode(bind.account.waiting.popleft().letter(self._wording, 1_763_800_000))


def _utf8(row: Iterable[Any]) -> None:
    """Every text of a row can be written."""
    "".join([value for value in row if type(value) is str]).encode()
