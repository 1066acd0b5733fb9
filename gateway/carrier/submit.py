"""A message's segments as submit_sm (SMPP 3.4, 4.4.1), the way one carrier wants them."""

from __future__ import annotations

from functools import lru_cache, partial
from struct import Struct
from typing import Final

from gateway.carrier.closing import validity_seconds
from gateway.carrier.outcome import Job
from gateway.config import NO_TLVS, Carrier
from gateway.smpp.addresses import Addresses, Numbers, TonNpi, Written
from gateway.smpp.pdu import HEADER_LENGTH, SubmitSm, encode
from gateway.smpp.text import SegmentBody, TextError, measure, segments

UDHI = 0x40
RECEIPT_ALWAYS = 0x01
"""registered_delivery (5.2.17): a receipt for success and for failure."""
USER_MESSAGE_REFERENCE = 0x0204
_pack_reference: Final = Struct(">HHH").pack


def reference_of(id: str, index: int) -> int:
    """A segment's user_message_reference: the id's last four digits plus its place, from 1.

    The scripts that match receipts of messages in doubt compute the same.
    """
    return (int(id[-4:], 16) + index + 1) & 0xFFFF


def addresses_of(carrier: Carrier) -> Addresses:
    """How the account's carrier wants addresses."""
    return Addresses(
        Numbers(carrier.recipient_number, carrier.recipient_strip, carrier.recipient_add),
        Numbers(carrier.sender_number, carrier.sender_strip, carrier.sender_add),
        carrier.sender_short_code,
        carrier.sender_name,
        carrier.short_code_digits,
    )


def extra_tlvs(carrier: Carrier) -> tuple[tuple[int, bytes], ...]:
    """The optional parameters that the carrier wants on every submit, beside our own."""
    return tuple((tlv.tag, tlv.value) for tlv in carrier.tlvs)


@lru_cache(maxsize=4096)
def validity_period(seconds: int) -> str:
    """A relative validity_period (7.1.1.2), at most 63 days; empty for the SMSC's default."""
    if seconds <= 0:
        return ""
    minutes, second = divmod(min(seconds, 63 * 86_400), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    months, day = divmod(days, 30)
    return f"00{months:02d}{day:02d}{hour:02d}{minute:02d}{second:02d}000R"


class Submits:
    """Makes the submit_sm of a job's segments for one carrier.

    :meth:`pdu` says what it is. Message after message only the recipient, the text and the
    reference differ, so :meth:`body` puts these between octets that the codec wrote once.

    Without ``optional`` there are no optional parameters (SMPP 3.3 has none): parts are then tied
    by a header, whatever ``long_messages`` says.
    """

    def __init__(self, carrier: Carrier, *, optional: bool = True) -> None:
        optional = optional and carrier.interface_version != NO_TLVS
        self._carrier = carrier
        self._referenced = optional and carrier.user_message_reference
        self._extra = extra_tlvs(carrier) if optional else ()
        self._extra_octets = encode(SubmitSm(tlvs=self._extra))[len(encode(SubmitSm())) :]
        self._limited = carrier.validity == "relative"
        self._alphabet = carrier.default_alphabet
        long = carrier.long_messages
        tied = long != "payload" and (optional or long != "sar")
        self._longs = (long if tied else "udh16", "udh16", "udh8")
        self._optional = optional
        self._addresses = addresses_of(carrier)
        self._recipients = recipients = self._addresses.recipients
        self._as_is = recipients.same
        self._around = lru_cache(maxsize=4096)(partial(self._write_around, recipients.ton_npi))
        self._around_unfit = lru_cache(maxsize=4096)(
            partial(self._write_around, recipients.unfit_ton_npi)
        )

    def _bodies(self, job: Job) -> list[SegmentBody]:
        """As many segments as were measured, maybe with the longer header of another carrier."""
        message = job.message
        text, encoding, most = message.text, message.encoding, message.segments
        number = int(message.id[-4:], 16)
        try:
            if job.cost > 1:
                if not self._optional:
                    raise TextError("no-payload", "the SMSC takes no message_payload")
                return segments(text, encoding, number, "payload", self._alphabet)
            for long in self._longs:
                bodies = segments(text, encoding, number, long, self._alphabet)
                if len(bodies) == most:
                    return bodies
        except TextError:
            # Accepted for a carrier of another alphabet; in UCS-2 it may be no longer.
            if encoding != "gsm7" or measure(text, "ucs2", self._longs[0]).segments != most:
                raise
            return segments(text, "ucs2", number, "payload" if job.cost > 1 else self._longs[0])
        raise TextError("too-many-segments", f"{len(bodies)} segments, and {most} were accepted")

    def _body(self, job: Job, index: int) -> SegmentBody:
        if job.bodies is None:
            job.bodies = self._bodies(job)
        return job.bodies[index]

    def _validity(self, job: Job, now_ms: int) -> str:
        """As long as the message may live, and as its recipient's hours last."""
        if not self._limited:
            return ""
        return validity_period(validity_seconds(job.message.expires_ms, job.deadline, now_ms))

    def _submit_sm(
        self,
        sender: str,
        udhi: bool,
        data_coding: int,
        validity: str,
        to: Written,
        text: bytes = b"",
        tlvs: tuple[tuple[int, bytes], ...] = (),
    ) -> SubmitSm:
        source = self._addresses.sender(sender)
        return SubmitSm(
            service_type=self._carrier.service_type,
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=source.address,
            dest_addr_ton=to.ton,
            dest_addr_npi=to.npi,
            destination_addr=to.address,
            esm_class=UDHI if udhi else 0,
            validity_period=validity,
            registered_delivery=RECEIPT_ALWAYS,
            data_coding=data_coding,
            short_message=text,
            tlvs=tlvs,
        )

    def pdu(self, job: Job, index: int, now_ms: int) -> SubmitSm:
        """The submit_sm of segment ``index`` (from 0) of a job. Raises TextError."""
        message, body = job.message, self._body(job, index)
        reference = reference_of(message.id, index).to_bytes(2, "big")
        return self._submit_sm(
            message.sender,
            body.udhi,
            body.data_coding,
            self._validity(job, now_ms),
            self._recipients.written(message.to),
            body.short_message,
            body.tlvs
            + (((USER_MESSAGE_REFERENCE, reference),) if self._referenced else ())
            + self._extra,
        )

    def _write_around(
        self, to: TonNpi, sender: str, udhi: bool, data_coding: int, validity: str
    ) -> tuple[bytes, bytes]:
        """The octets of a body before destination_addr, and from its NUL to sm_length."""
        pdu = self._submit_sm(sender, udhi, data_coding, validity, Written(*to, ""))
        octets = encode(pdu)
        at = HEADER_LENGTH + len(pdu.service_type) + len(pdu.source_addr) + 6
        return octets[HEADER_LENGTH:at], octets[at:-1]

    def body(self, job: Job, index: int, now_ms: int) -> bytes:
        """What follows the header of :meth:`pdu`. Raises TextError or EncodeError."""
        message, segment = job.message, self._body(job, index)
        to, text, around = message.to, segment.short_message, self._around
        if not self._as_is:
            if self._recipients.fits(to):
                to = self._recipients.write(to)
            else:
                around = self._around_unfit
        if segment.tlvs or (
            len(to) > 20 or not to.isascii() or "\0" in to or len(text) > 254
        ):  # the last four: nothing that we accept
            return encode(self.pdu(job, index, now_ms))[HEADER_LENGTH:]
        before, after = around(
            message.sender,
            segment.udhi,
            segment.data_coding,
            self._validity(job, now_ms),
        )
        octets = b"%b%b%b%c%b" % (before, to.encode(), after, len(text), text)
        if self._referenced:
            octets += _pack_reference(USER_MESSAGE_REFERENCE, 2, reference_of(message.id, index))
        if self._extra:
            octets += self._extra_octets
        return octets
