"""Sound PDUs: every kind of SMPP 3.4, in the shapes in which carriers and ESMEs send them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import aiosmpplib
import smpplib.smpp

from gateway.smpp.pdu import (
    KINDS,
    AlertNotification,
    DataSm,
    DeliverSm,
    DistributionList,
    Npi,
    Pdu,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    Ton,
    UnsuccessSme,
    encode,
)
from gateway.smpp.session import Role

_RECEIPTS: Final = Path(__file__).parents[3] / "tests" / "data" / "receipts.jsonl"
_PARTIES: Final[dict[str, Any]] = {
    "source_addr_ton": 1,
    "source_addr_npi": 1,
    "source_addr": "56912345678",
    "dest_addr_npi": 1,
    "destination_addr": "3450",
}
_TEXT: Final = "Estimado cliente: su cuota de $45.990 vence el 05/12. Responda BAJA para salir."
_ALPHABETS: Final = ((0, "ascii"), (1, "ascii"), (3, "latin-1"), (8, "utf-16-be"), (4, "ascii"))
_CODINGS: Final = (0x05, 0x06, 0x0A, 0x0D, 0x0E, 0x10, 0x18, 0xC0, 0xE0, 0xF0, 0xF5)
_HEADERS: Final = (
    b"\x05\x00\x03\x2a\x03\x01",  # part 1 of 3, a reference of 8 bits
    b"\x06\x08\x04\x12\x34\x02\x02",  # part 2 of 2, of 16 bits
    b"\x03\x24\x01\x03",  # a single shift table
    b"\x06\x05\x04\x23\xf0\x23\xf0",  # ports
)
_SAR: Final = (
    (int(Tlv.SAR_MSG_REF_NUM), b"\x12\x34"),
    (int(Tlv.SAR_TOTAL_SEGMENTS), b"\x03"),
    (int(Tlv.SAR_SEGMENT_SEQNUM), b"\x01"),
)
_STATE: Final = (
    (int(Tlv.RECEIPTED_MESSAGE_ID), b"4791967\0"),
    (int(Tlv.MESSAGE_STATE), b"\x02"),
    (int(Tlv.NETWORK_ERROR_CODE), b"\x03\x00\x00"),
    (int(Tlv.USER_MESSAGE_REFERENCE), b"\x12\x34"),
)
_VENDOR: Final = ((0x1400, b"DELIVRD\0"), (0x1401, b"abc-123\0"), (0x3FFF, b""))


def seeds(reader: Role) -> list[bytes]:
    """What may reach a session of this role, mostly what its peer has reason to send."""
    kinds = [encode(kind(1)) for kind in KINDS]
    theirs = _from_smsc() if reader is Role.ESME else _from_esme()
    return kinds + theirs


def _from_smsc() -> list[bytes]:
    receipts = [pdu for text in _texts() for pdu in _receipts(text)]
    replies = [DeliverSm(1, 0, tlvs, **fields, **_PARTIES) for tlvs, fields in _messages()]
    responses = [
        SubmitSmResp(1, 0, (), "1891273321"),
        SubmitSmResp(1, 0x58),
        SubmitSmResp(1, 0, _STATE, "a29f6845555647139e5c8f3b817f2c9a"),
        SubmitMultiResp(1, 0, (), "5", (UnsuccessSme(1, 1, "56912345678", 11), UnsuccessSme())),
        AlertNotification(1, 0, ((0x0422, b"\0"),), 1, 1, "56912345678", 0, 0, "3450"),
    ]
    return [encode(pdu) for pdu in (*receipts, *replies, *responses * 4)] + _of_others("deliver_sm")


def _from_esme() -> list[bytes]:
    dates = {"schedule_delivery_time": "261122093000004+", "validity_period": "000001020304000R"}
    asked = {"registered_delivery": 1, "service_type": "CMT", **dates}
    submits: list[Pdu] = []
    for tlvs, fields in _messages():
        submits.append(SubmitSm(1, 0, tlvs, **fields, **_PARTIES))
        submits.append(SubmitSm(1, 0, tlvs, **fields, **_PARTIES, **asked))
    many = (SmeAddress(1, 1, "56912345678"), DistributionList("morosos"), SmeAddress())
    submits.append(SubmitMulti(1, dest_addresses=many, short_message=b"hola"))
    submits.append(SubmitMulti(1, dest_addresses=many * 80, short_message=b"hola"))
    return [encode(pdu) for pdu in submits] + _of_others("submit_sm")


def _texts() -> list[str]:
    lines = _RECEIPTS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def _receipts(text: str) -> list[Pdu]:
    """One receipt in every way in which carriers send them."""
    payload = ((int(Tlv.MESSAGE_PAYLOAD), text.encode()),)
    wide = text.encode("utf-16-be")
    return [
        DeliverSm(1, esm_class=4, short_message=text.encode()[:254], **_PARTIES),
        DeliverSm(1, 0, _STATE, esm_class=4, short_message=text.encode()[:254], **_PARTIES),
        DeliverSm(1, 0, _VENDOR, esm_class=0, short_message=text.encode()[:254], **_PARTIES),
        DeliverSm(1, 0, payload + _STATE, esm_class=0x24, **_PARTIES),
        DeliverSm(1, esm_class=4, data_coding=8, short_message=wide[:254], **_PARTIES),
        DataSm(1, 0, payload + _VENDOR, esm_class=4, **_PARTIES),
    ]


def _messages() -> list[tuple[tuple[tuple[int, bytes], ...], dict[str, Any]]]:
    """TLVs and fields of a text in every coding, whole and in parts of every kind."""
    found: list[tuple[tuple[tuple[int, bytes], ...], dict[str, Any]]] = []
    for data_coding, codec in _ALPHABETS:
        octets = _TEXT.encode(codec)
        same = {"data_coding": data_coding}
        found.append(((), {**same, "short_message": octets}))
        found.append((_SAR, {**same, "short_message": octets}))
        found.append((((int(Tlv.MESSAGE_PAYLOAD), octets * 5),), same))
        for header in _HEADERS:
            found.append(((), {**same, "esm_class": 0x40, "short_message": header + octets}))
    for data_coding in _CODINGS:
        found.append(((), {"data_coding": data_coding, "short_message": _TEXT.encode()}))
    found.append(((), {}))
    return found


def _of_others(command: str) -> list[bytes]:
    """The same message as smpplib and aiosmpplib write it."""
    pdu = smpplib.smpp.make_pdu(
        command,
        client=_Client(),
        source_addr="56912345678",
        destination_addr="3450",
        esm_class=4,
        short_message=_TEXT.encode(),
    )
    kind = aiosmpplib.DeliverSm if command == "deliver_sm" else aiosmpplib.SubmitSm
    message = kind(
        sequence_num=1,
        short_message=_TEXT,
        source=aiosmpplib.PhoneNumber("56912345678", Ton.INTERNATIONAL, Npi.ISDN),
        destination=aiosmpplib.PhoneNumber("3450", Ton.UNKNOWN, Npi.ISDN),
        encoding="ascii",
        optional_params=[aiosmpplib.OptionalParam(Tlv.SOURCE_PORT, 9200)],
    )
    return [pdu.generate(), message.pdu()]


class _Client:
    """What smpplib asks of its client to write a PDU."""

    sequence = 1

    def next_sequence(self) -> int:
        return self.sequence
