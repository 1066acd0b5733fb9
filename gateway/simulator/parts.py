"""What a submit carries, whichever way it is cut: UDH, SAR parameters or message_payload."""

from __future__ import annotations

import msgspec

from gateway.smpp.pdu import SubmitSm, Tlv
from gateway.smpp.text import concatenation, split_header

UDHI = 0x40
USER_MESSAGE_REFERENCE = int(Tlv.USER_MESSAGE_REFERENCE)
SAR = (Tlv.SAR_MSG_REF_NUM, Tlv.SAR_TOTAL_SEGMENTS, Tlv.SAR_SEGMENT_SEQNUM)


class Content(msgspec.Struct, frozen=True, gc=False):
    """The octets of the text, and which part of how many it is (1 of 1 where it is whole)."""

    text: bytes
    reference: int = 0
    total: int = 1
    part: int = 1


def content(submit: SubmitSm) -> Content:
    """The content of a submit. Total: a header that makes no sense is text."""
    text = submit.short_message
    if not submit.esm_class & UDHI and not submit.tlvs:
        return Content(text)
    values = dict(submit.tlvs)
    text = text or values.get(Tlv.MESSAGE_PAYLOAD, b"")
    if submit.esm_class & UDHI:
        found = _from_udh(text)
        if found.total > 1 or Tlv.SAR_TOTAL_SEGMENTS not in values:
            return found
        text = found.text  # a header of other things, as national tables
    if Tlv.SAR_TOTAL_SEGMENTS in values:
        reference, total, part = (int.from_bytes(values.get(tag, b""), "big") for tag in SAR)
        return Content(text, reference, total, part)
    return Content(text)


def message_reference(submit: SubmitSm) -> bytes:
    """The value of user_message_reference; empty if the submit has none."""
    for tag, value in submit.tlvs:
        if tag == USER_MESSAGE_REFERENCE:
            return value
    return b""


def _from_udh(octets: bytes) -> Content:
    header, text = split_header(octets)
    part = concatenation(header)
    return Content(text, *part) if part else Content(text)
