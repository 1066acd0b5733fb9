"""Receipts: which come when for a taken message, and what is written in them (appendix B).

Nothing here knows a clock or a socket: times and draws are arguments.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from gateway.simulator.chance import Draw, Shares, happens, wait
from gateway.simulator.numbering import in_receipt
from gateway.simulator.script import Ids, Receipts
from gateway.simulator.words import MESSAGE_STATES
from gateway.smpp.pdu import DataSm, DeliverSm, Tlv

RECEIPT = 0x04
"""esm_class of a delivery receipt (SMPP 3.4, 5.2.12); carriers use it for ENROUTE too."""

INTERMEDIATE = 0x20
"""esm_class of an intermediate notification (5.2.12)."""
VENDOR_ID, VENDOR_STATE = 0x1400, 0x1401
"""Tags of the range for vendors (5.3.2)."""
UCS2 = 8

_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_USER_MESSAGE_REFERENCE = int(Tlv.USER_MESSAGE_REFERENCE)
_RECEIPTED_MESSAGE_ID = int(Tlv.RECEIPTED_MESSAGE_ID)
_MESSAGE_STATE = int(Tlv.MESSAGE_STATE)

DATES = {"standard": "%y%m%d%H%M", "seconds": "%y%m%d%H%M%S", "century": "%Y%m%d%H%M%S"}
_changed = msgspec.structs.replace

MOST_OCTETS = 254
"""Of a short_message (5.2.22)."""

LAYOUTS = ("standard", "seconds", "century", "minimal")


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A segment the carrier answers for: all that a receipt and a reply need."""

    number: int
    sender: str
    sender_ton: int
    sender_npi: int
    recipient: str
    recipient_ton: int
    recipient_npi: int
    reference: bytes
    """The value of user_message_reference; empty if the submit had none."""
    text: bytes
    """The first 20 octets."""
    at: int
    """Seconds since the epoch."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """A receipt to come. ``at`` is a monotonic time; ``early`` is before the response."""

    at: float
    word: str
    early: bool = False
    other_bind: bool = False


class Plan:
    """Which receipts a taken message gets, under one script."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._words = Shares(receipts.outcomes, "DELIVRD")
        self._plain = receipts.form != "none" and receipts.share >= 1 and not _odd(receipts)

    def word(self, draw: Draw) -> str:
        """The outcome of one message."""
        return self._words.pick(draw)

    def asked(self, registered_delivery: int, word: str) -> bool:
        """Whether the submit asked for this outcome (SMPP 3.4, 5.2.17)."""
        wanted = registered_delivery & 3
        return self._receipts.unasked or wanted == 1 or (wanted == 2 and word != "DELIVRD")

    def of(self, word: str, answered: float, draw: Draw) -> list[Due]:
        """Every receipt of a message whose response is written at ``answered``."""
        script = self._receipts
        if self._plain:
            return [Due(answered + wait(script.delay_ms, draw), word)]
        if script.form == "none" or not happens(script.share, draw):
            return []
        final = Due(
            answered + wait(script.delay_ms, draw),
            word,
            happens(script.early_share, draw),
            happens(script.other_bind_share, draw),
        )
        dues = [final]
        if happens(script.enroute_share, draw):
            dues.insert(0, _changed(final, word="ENROUTE"))
        if happens(script.disorder_share, draw):
            dues.append(_changed(final, word="ENROUTE"))
        if happens(script.repeat_share, draw):
            again = final.at + wait(script.repeat_delay_ms, draw)
            dues.append(_changed(final, at=again, early=False))
        return dues


def _odd(script: Receipts) -> bool:
    """Whether any receipt is not the only one, late, and on its own bind."""
    return any(
        (
            script.early_share,
            script.repeat_share,
            script.enroute_share,
            script.disorder_share,
            script.other_bind_share,
        )
    )


class Wording:
    """What a receipt says, under one script: its text and its TLVs."""

    def __init__(self, receipts: Receipts, ids: Ids) -> None:
        self._receipts = receipts
        self._id = in_receipt(ids)
        form = receipts.form
        self._in_text = form not in ("tlv", "vendor")
        self._in_tlvs = form in ("tlv", "both")
        self._in_payload = form in ("payload", "data_sm")
        self._data_coding = UCS2 if form == "ucs2" else 0

    def letter(self, taken: Taken, word: str, done: int) -> DeliverSm | DataSm:
        """The receipt, from the recipient to the sender: a deliver_sm, or where the form says so a
        data_sm."""
        esm_class = self._receipts.esm_class
        if word == "ENROUTE" and self._receipts.intermediate:
            esm_class = INTERMEDIATE
        text, tlvs = self.text(taken, word, done), self.tlvs(taken, word)
        if self._in_payload:
            text, tlvs = b"", (*tlvs, (_MESSAGE_PAYLOAD, text))
        if self._receipts.form == "data_sm":
            return DataSm(
                source_addr_ton=taken.recipient_ton,
                source_addr_npi=taken.recipient_npi,
                source_addr=taken.recipient,
                dest_addr_ton=taken.sender_ton,
                dest_addr_npi=taken.sender_npi,
                destination_addr=taken.sender,
                esm_class=esm_class,
                tlvs=tlvs,
            )
        return DeliverSm(
            source_addr_ton=taken.recipient_ton,
            source_addr_npi=taken.recipient_npi,
            source_addr=taken.recipient,
            dest_addr_ton=taken.sender_ton,
            dest_addr_npi=taken.sender_npi,
            destination_addr=taken.sender,
            esm_class=esm_class,
            data_coding=self._data_coding,
            short_message=text,
            tlvs=tlvs,
        )

    def text(self, taken: Taken, word: str, done: int) -> bytes:
        """The short_message; empty when TLVs say it all. ``done``: seconds since the epoch."""
        if not self._in_text:
            return b""
        layout = self._receipts.layout
        if layout == "mixed":
            layout = LAYOUTS[taken.number % len(LAYOUTS)]  # type: ignore[assignment]
        identity, error = self._id(taken.number), self._error(word)
        said = self._receipts.words.get(word, word)
        if self._receipts.form == "list":
            return comma_list(layout, identity, taken, said, error, done)
        text = appendix_b(layout, identity, taken, said, error, done, word == "DELIVRD")
        if self._data_coding == UCS2:
            return text.decode("latin-1").encode("utf-16-be")[:MOST_OCTETS]
        return text

    def tlvs(self, taken: Taken, word: str) -> tuple[tuple[int, bytes], ...]:
        """The optional parameters of the receipt."""
        tlvs: tuple[tuple[int, bytes], ...] = ()
        if self._in_tlvs:
            state = MESSAGE_STATES.get(word, MESSAGE_STATES["UNKNOWN"])
            identity = self._id(taken.number).encode("latin-1") + b"\0"
            tlvs = ((_RECEIPTED_MESSAGE_ID, identity), (_MESSAGE_STATE, bytes((state,))))
        if self._receipts.form == "vendor":
            said = self._receipts.words.get(word, word)
            tlvs = (
                (VENDOR_ID, self._id(taken.number).encode("latin-1")),
                (VENDOR_STATE, said.encode("latin-1", "replace")),
            )
        if taken.reference and self._receipts.reference:
            tlvs = ((_USER_MESSAGE_REFERENCE, taken.reference), *tlvs)
        return tlvs

    def _error(self, word: str) -> str:
        default = "000" if word in ("DELIVRD", "ENROUTE", "ACCEPTD") else "001"
        return self._receipts.errors.get(word, default)


def appendix_b(
    layout: str, identity: str, taken: Taken, word: str, error: str, done: int, delivered: bool
) -> bytes:
    """The text of a receipt in one of :data:`LAYOUTS`."""
    date = DATES.get(layout, DATES["standard"])
    dates = f"submit date:{_date(date, taken.at)} done date:{_date(date, done)}"
    if layout == "minimal":
        return f"id:{identity} {dates} stat:{word}".encode("latin-1", "replace")
    dlvrd = "001" if delivered else "000"
    head = f"id:{identity} sub:001 dlvrd:{dlvrd} {dates} stat:{word} err:{error} text:"
    return head.encode("latin-1", "replace") + taken.text


def comma_list(layout: str, identity: str, taken: Taken, word: str, error: str, done: int) -> bytes:
    """``word,done,submitted,error,recipient,id``: what means what is agreed, not written."""
    date = DATES.get(layout, DATES["standard"])
    values = (word, _date(date, done), _date(date, taken.at), error, taken.recipient, identity)
    return ",".join(values).encode("latin-1", "replace")


@lru_cache(maxsize=4_096)
def _date(layout: str, seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(layout)
