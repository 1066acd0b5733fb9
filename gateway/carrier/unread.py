"""Receipts of which something could not be read: the last of an account, for its operator.

They are what a setting is made from (``receipt_pattern``, ``receipt_states``, the TLVs), so ids,
words and TLVs are kept as they came; the parties' numbers are masked, and what follows ``text:`` is
not shown.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from gateway.log import mask_number, mask_text
from gateway.message import Receipt
from gateway.smpp.pdu import DataSm, DeliverSm, Tlv
from gateway.smpp.receipt import UDHI, text_of
from gateway.smpp.text import split_header

KEPT = 100
"""Receipts of an account."""
LONGEST = 254
"""Characters of a text, and octets of a TLV."""

_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_QUOTED = re.compile(r"(?:\A|(?<=[\s,;]))(text:)(.+)", re.IGNORECASE | re.DOTALL)
_DIGITS = re.compile(r"[0-9]{7,}")
_TAIL = 7


class Unread:
    """The last :data:`KEPT` of one account, in this process's memory."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, str, DeliverSm | DataSm, Receipt]] = deque(maxlen=KEPT)

    def keep(self, at_ms: int, what: str, pdu: DeliverSm | DataSm, receipt: Receipt) -> None:
        """Keep one. ``what``: of :data:`gateway.metrics.UNREAD`."""
        self._kept.append((at_ms, what, pdu, receipt))

    def view(self) -> list[dict[str, Any]]:
        """They, the newest first, as ``GET /v1/carriers/{name}/unread`` shows them."""
        return [_view(*kept) for kept in reversed(self._kept)]


def _view(at_ms: int, what: str, pdu: DeliverSm | DataSm, receipt: Receipt) -> dict[str, Any]:
    octets = getattr(pdu, "short_message", b"") or dict(pdu.tlvs).get(_PAYLOAD, b"")
    if pdu.esm_class & UDHI:
        octets = split_header(octets)[1]
    parties = [number[-_TAIL:] for number in (receipt.to, receipt.sender) if len(number) >= _TAIL]
    return {
        "at_ms": at_ms,
        "what": what,
        "pdu": "deliver_sm" if isinstance(pdu, DeliverSm) else "data_sm",
        "esm_class": pdu.esm_class,
        "data_coding": pdu.data_coding,
        "from": mask_number(receipt.to),
        "to": mask_number(receipt.sender),
        "text": _shown(text_of(octets), parties),
        "tlvs": {
            f"0x{tag:04x}": _value(value, parties) for tag, value in pdu.tlvs if tag != _PAYLOAD
        },
        "read": {
            "id": _shown(receipt.carrier_message_id, parties),
            "stat": _shown(receipt.stat, parties),
            "state": receipt.state.value,
            "error": _shown(receipt.error, parties),
            "done": _shown(receipt.done_at, parties),
        },
    }


def _shown(text: str, parties: list[str]) -> str:
    """The text with the parties' numbers masked, without what it quotes of the message."""
    text = _QUOTED.sub(lambda found: found[1] + mask_text(found[2]), text)
    masked = _DIGITS.sub(
        lambda run: mask_number(run[0]) if run[0].endswith(tuple(parties)) else run[0], text
    )
    return masked[:LONGEST]


def _value(value: bytes, parties: list[str]) -> str:
    """A TLV's value: text as text, anything else in hexadecimal."""
    text = value[:LONGEST].rstrip(b"\0").decode("latin-1")
    if text and text.isascii() and text.isprintable():
        return _shown(text, parties)
    return "0x" + value[:LONGEST].hex()
