"""A message's segments as submit_sm (SMPP 3.4, 4.4.1), the way one carrier wants them."""

from __future__ import annotations

from functools import lru_cache

from gateway.carrier.outcome import Job
from gateway.config import Carrier
from gateway.message import Message
from gateway.smpp.pdu import SubmitSm
from gateway.smpp.text import SegmentBody, TextError, segments

UDHI = 0x40
RECEIPT_ALWAYS = 0x01
"""registered_delivery (5.2.17): a receipt for success and for failure."""
USER_MESSAGE_REFERENCE = 0x0204

TON_INTERNATIONAL, TON_NETWORK, TON_ALPHANUMERIC = 1, 3, 5
NPI_UNKNOWN, NPI_ISDN = 0, 1
SHORT_CODE = 8
"""A numeric sender of so many digits or fewer is a short code, not a number."""


def reference_of(id: str, index: int) -> int:
    """A segment's user_message_reference: the id's last four digits plus its place, from 1.

    The scripts that match receipts of messages in doubt compute the same.
    """
    return (int(id[-4:], 16) + index + 1) & 0xFFFF


def source_ton_npi(sender: str) -> tuple[int, int]:
    """TON and NPI (5.2.5, 5.2.6) of a sender by its form: short code, number, or a name."""
    if not sender.isdigit():
        return TON_ALPHANUMERIC, NPI_UNKNOWN
    if len(sender) <= SHORT_CODE:
        return TON_NETWORK, NPI_UNKNOWN
    return TON_INTERNATIONAL, NPI_ISDN


@lru_cache(maxsize=4096)
def validity_period(seconds: int) -> str:
    """A relative validity_period (7.1.1.2), at most 63 days; empty for the SMSC's default."""
    if seconds <= 0:
        return ""
    minutes, second = divmod(min(seconds, 63 * 86_400), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    months, day = divmod(days, 30)
    return f"00{months:02d}{day:02d}{hour:02d}{minute:02d}{max(second, 1):02d}000R"


class Submits:
    """Makes the submit_sm of a job's segments for one carrier."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._service_type = carrier.service_type
        self._referenced = carrier.user_message_reference
        self._limited = carrier.validity == "relative"
        self._sources: dict[str, tuple[int, int]] = {}

    def _source(self, sender: str) -> tuple[int, int]:
        found = self._sources.get(sender)
        if found is None:
            ton, npi = source_ton_npi(sender)
            c = self._carrier
            found = (
                ton if c.source_ton is None else c.source_ton,
                npi if c.source_npi is None else c.source_npi,
            )
            if len(self._sources) < 10_000:
                self._sources[sender] = found
        return found

    def _bodies(self, message: Message) -> list[SegmentBody]:
        """As many segments as were measured, maybe with the longer header of another carrier."""
        number = int(message.id[-4:], 16)
        for long in (self._carrier.long_messages, "udh16", "udh8"):
            bodies = segments(message.text, message.encoding, number, long)
            if len(bodies) == message.segments:
                return bodies
        raise TextError(
            "too-many-segments", f"{len(bodies)} segments, and {message.segments} were accepted"
        )

    def pdu(self, job: Job, index: int, now_ms: int) -> SubmitSm:
        """The submit_sm of segment ``index`` (from 0) of a job. Raises TextError."""
        message = job.message
        if job.bodies is None:
            job.bodies = self._bodies(message)
        body = job.bodies[index]
        ton, npi = self._source(message.sender)
        reference: tuple[tuple[int, bytes], ...] = ()
        if self._referenced:
            number = reference_of(message.id, index)
            reference = ((USER_MESSAGE_REFERENCE, number.to_bytes(2, "big")),)
        validity = ""
        if message.expires_ms and self._limited:
            left_ms = message.expires_ms - now_ms
            validity = validity_period(max(1, left_ms // 1000)) if left_ms > 0 else ""
        return SubmitSm(
            service_type=self._service_type,
            source_addr_ton=ton,
            source_addr_npi=npi,
            source_addr=message.sender,
            dest_addr_ton=TON_INTERNATIONAL,
            dest_addr_npi=NPI_ISDN,
            destination_addr=message.to,
            esm_class=UDHI if body.udhi else 0,
            validity_period=validity,
            registered_delivery=RECEIPT_ALWAYS,
            data_coding=body.data_coding,
            short_message=body.short_message,
            tlvs=reference,
        )
