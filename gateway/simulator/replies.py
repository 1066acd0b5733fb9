"""Debtors who answer: who does, when, and their text as deliver_sm."""

from __future__ import annotations

import msgspec

from gateway.simulator.chance import Draw, happens, wait
from gateway.simulator.receipts import Taken
from gateway.simulator.script import NumberRule, Replies
from gateway.smpp.pdu import DeliverSm, Npi, Ton
from gateway.smpp.text import segments

UDHI = 0x40
INTERNATIONAL = int(Ton.INTERNATIONAL)
ISDN = int(Npi.ISDN)


def reply_to(
    replies: Replies, rule: NumberRule | None, now: float, draw: Draw
) -> tuple[float, str] | None:
    """When (monotonic) the debtor answers and what, or None."""
    if rule is not None and rule.reply:
        return now + wait(replies.delay_ms, draw), rule.reply
    if not happens(replies.share, draw):
        return None
    text = replies.texts[int(draw() * len(replies.texts))]
    return now + wait(replies.delay_ms, draw), text


def letters(taken: Taken, text: str) -> list[DeliverSm]:
    """``text`` from the recipient of ``taken`` to its sender; several where it is long."""
    return [
        DeliverSm(
            source_addr_ton=taken.recipient_ton,
            source_addr_npi=taken.recipient_npi,
            source_addr=taken.recipient,
            dest_addr_ton=taken.sender_ton,
            dest_addr_npi=taken.sender_npi,
            destination_addr=taken.sender,
            esm_class=UDHI if body.udhi else 0,
            data_coding=body.data_coding,
            short_message=body.short_message,
        )
        for body in segments(text, "auto", taken.number)
    ]


def exchange(taken: Taken | None, sender: str, to: str) -> Taken:
    """The parties of a reply: those of ``taken``, where ``sender`` and ``to`` do not name others.

    ``sender`` is the debtor, ``to`` what the debtor answers to.
    """
    about = taken or Taken(0, to, 0, 0, sender, INTERNATIONAL, ISDN, b"", b"", 0)
    return msgspec.structs.replace(
        about, recipient=sender or about.recipient, sender=to or about.sender
    )
