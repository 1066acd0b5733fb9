"""The content of a submit, however it is cut."""

from __future__ import annotations

import pytest

from gateway.simulator.parts import Content, content, message_reference
from gateway.smpp.pdu import SubmitSm, Tlv
from tests.simulator.esme import submit

SAR = (
    (int(Tlv.SAR_MSG_REF_NUM), b"\x01\x02"),
    (int(Tlv.SAR_TOTAL_SEGMENTS), b"\x03"),
    (int(Tlv.SAR_SEGMENT_SEQNUM), b"\x02"),
)


@pytest.mark.parametrize(
    ("pdu", "expected"),
    [
        (submit(1, b"hola"), Content(b"hola")),
        (submit(1, b"\5\0\3\x07\2\1hola", esm_class=0x40), Content(b"hola", 7, 2, 1)),
        (submit(1, b"\6\x08\4\1\2\3\2hola", esm_class=0x40), Content(b"hola", 258, 3, 2)),
        (submit(1, b"\xffhola", esm_class=0x40), Content(b"\xffhola")),
        (submit(1, b"hola", tlvs=SAR), Content(b"hola", 258, 3, 2)),
        (submit(1, b"\3\x24\1\2hola", esm_class=0x40, tlvs=SAR), Content(b"hola", 258, 3, 2)),
        (submit(1, b"", tlvs=((int(Tlv.MESSAGE_PAYLOAD), b"larga"),)), Content(b"larga")),
    ],
    ids=["whole", "udh8", "udh16", "no header", "sar", "sar, and a table", "payload"],
)
def test_content(pdu: SubmitSm, expected: Content) -> None:
    assert content(pdu) == expected


def test_the_reference_is_found_among_the_tlvs() -> None:
    reference = ((0x1400, b"x"), (int(Tlv.USER_MESSAGE_REFERENCE), b"\x00\x2a"))
    assert message_reference(submit(1, tlvs=reference)) == b"\x00\x2a"
    assert message_reference(submit(1)) == b""
