"""The baseline's bytes: SMPP 3.4 by plain struct, only the PDUs of one message's life."""

from __future__ import annotations

import struct

HEADER = struct.Struct(">IIII")
SUBMIT_SM = 0x00000004
SUBMIT_SM_RESP = 0x80000004
DELIVER_SM = 0x00000005
DELIVER_SM_RESP = 0x80000005
BIND_TRANSCEIVER = 0x00000009
BIND_TRANSCEIVER_RESP = 0x80000009
ENQUIRE_LINK = 0x00000015
ENQUIRE_LINK_RESP = 0x80000015

_BEFORE_RECIPIENT = b"\0\x05\x003450\0\x01\x01"
_AFTER_RECIPIENT = b"\0\0\0\0\0\0\x01\0\0\0"


def bind_transceiver(system_id: str, password: str) -> bytes:
    """A bind_transceiver with interface_version 3.4 (4.1.5); sequence_number 1."""
    body = f"{system_id}\0{password}\0\0".encode() + b"\x34\0\0\0"
    return HEADER.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body


def submit_sm(sequence: int, to: bytes, text: bytes) -> bytes:
    """A submit_sm of one segment that asks for a receipt (4.4.1)."""
    size = 16 + len(_BEFORE_RECIPIENT) + len(to) + len(_AFTER_RECIPIENT) + 1 + len(text)
    return b"".join(
        (
            HEADER.pack(size, SUBMIT_SM, 0, sequence),
            _BEFORE_RECIPIENT,
            to,
            _AFTER_RECIPIENT,
            bytes((len(text),)),
            text,
        )
    )


def deliver_sm_resp(sequence: int) -> bytes:
    """A deliver_sm_resp with ESME_ROK (4.6.2)."""
    return HEADER.pack(17, DELIVER_SM_RESP, 0, sequence) + b"\0"


def enquire_link_resp(sequence: int) -> bytes:
    """An enquire_link_resp (4.11.2)."""
    return HEADER.pack(16, ENQUIRE_LINK_RESP, 0, sequence)


def receipt_id(frame: bytes) -> bytes:
    """The carrier's message id in a receipt's text (appendix B): ``id:... sub:...``."""
    start = frame.index(b"id:") + 3
    return frame[start : frame.index(b" ", start)]
