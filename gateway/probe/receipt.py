"""The receipt of the probe's own message, told from everybody else's deliveries."""

from __future__ import annotations

from typing import Any, NamedTuple

from gateway.carrier.submit import addresses_of
from gateway.config import Carrier
from gateway.message import Receipt
from gateway.smpp import receipt as reading
from gateway.smpp.constants import Tlv


class Delivery(NamedTuple):
    """smpplib's deliver_sm as :func:`gateway.smpp.receipt.read` wants it."""

    esm_class: int
    data_coding: int
    source_addr_ton: int
    source_addr: str
    destination_addr: str
    short_message: bytes
    tlvs: tuple[tuple[int, bytes], ...]


def delivery(body: Any) -> Delivery:
    """What smpplib has read. An optional parameter that did not come is None there."""
    optional = {
        Tlv.RECEIPTED_MESSAGE_ID: getattr(body, "receipted_message_id", None),
        Tlv.NETWORK_ERROR_CODE: getattr(body, "network_error_code", None),
        Tlv.MESSAGE_PAYLOAD: getattr(body, "message_payload", None),
        Tlv.MESSAGE_STATE: _octets(getattr(body, "message_state", None), 1),
        Tlv.USER_MESSAGE_REFERENCE: _octets(getattr(body, "user_message_reference", None), 2),
    }
    return Delivery(
        body.esm_class or 0,
        body.data_coding or 0,
        body.source_addr_ton or 0,
        text(body.source_addr),
        text(body.destination_addr),
        body.short_message or b"",
        tuple((int(tag), value) for tag, value in optional.items() if value),
    )


def text(octets: bytes | None) -> str:
    """A C-octet string of smpplib's; what is not ASCII as it is in Latin 1."""
    return (octets or b"").decode("latin-1").rstrip("\0")


def _octets(number: int | None, size: int) -> bytes:
    return b"" if number is None else number.to_bytes(size, "big")


class Watch:
    """Looks for the receipt of one message: to ``to`` (digits), with the id of its response."""

    def __init__(self, carrier: Carrier, to: str, reference: int) -> None:
        self._mode = carrier.message_id
        self._addresses = addresses_of(carrier)
        self._to, self._reference = to, reference
        self.id = ""
        """As submit_sm_resp wrote it; empty until it has come."""
        self.other_id = ""
        """The id of a receipt for our number, where it is not ours."""
        self.unmarked = False
        """Something came that reads like our receipt, and esm_class does not say so."""

    def about_us(self, found: Delivery) -> bool:
        """May it be our receipt? Then it is kept until the id is known."""
        number = self._addresses.recipient_of(found.source_addr, found.source_addr_ton)
        return number == self._to

    def read(self, found: Delivery) -> Receipt | None:
        """The receipt, if it is ours."""
        what = reading.read(found)
        if not isinstance(what, Receipt):
            self.unmarked = self.unmarked or b"stat:" in found.short_message.lower()
            return None
        own = reading.canonical(self.id, self._mode)
        if own and own in reading.candidates(what.carrier_message_id, self._mode):
            return what
        if what.reference is not None and what.reference == self._reference:
            return what
        self.other_id = what.carrier_message_id or self.other_id
        return None
