"""What hypothesis draws PDUs from: any that can be written, made from the layouts themselves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gateway.smpp.codec import LAYOUTS
from gateway.smpp.pdu import (
    KINDS,
    MAX_SEQUENCE_NUMBER,
    DistributionList,
    Known,
    Pdu,
    SmeAddress,
    Tlv,
    UnsuccessSme,
)
from gateway.smpp.wire import CString, Destinations, Field, Integer, OctetString, Refusals

OCTETS = st.integers(0, 255)
IN_SMPP_34 = {"system_id": 16, "password": 9}
"""What we take longer than the specification has it."""
LATIN1 = st.characters(min_codepoint=1, max_codepoint=255)
NUMBERS = st.integers(1, MAX_SEQUENCE_NUMBER)
STATUSES = st.sampled_from([0, 0, 0, 1, 0x58, 0x400, 0xFFFF_FFFF])
TLVS = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20)), max_size=4).map(tuple)


def texts(limit: int) -> st.SearchStrategy[str]:
    """C-octet strings that fit ``limit``, often empty, as in life."""
    return st.just("") | st.text(LATIN1, max_size=limit - 1)


ADDRESSES = st.tuples(OCTETS, OCTETS, texts(21))


def values(field: Field) -> st.SearchStrategy[Any]:
    """Whatever may stand in one field."""
    match field:
        case Integer(size=size):
            return st.integers(0, (1 << 8 * size) - 1)
        case CString(limit=limit):
            return texts(limit)
        case OctetString(limit=limit):
            return st.binary(max_size=limit)
        case Destinations():
            one = ADDRESSES.map(lambda it: SmeAddress(*it)) | texts(21).map(DistributionList)
            return st.lists(one, max_size=4).map(tuple)
        case Refusals():
            error = st.integers(0, 0xFFFF_FFFF)
            one_refused = st.tuples(ADDRESSES, error).map(lambda it: UnsuccessSme(*it[0], it[1]))
            return st.lists(one_refused, max_size=4).map(tuple)
    raise AssertionError(field)


def pdus_of(kind: type[Known]) -> st.SearchStrategy[Any]:
    """PDUs of one class."""
    fields = {name: values(field) for name, field in LAYOUTS[kind]}
    return st.builds(kind, sequence_number=NUMBERS, command_status=STATUSES, tlvs=TLVS, **fields)


ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
TIMES = st.sampled_from(["", "000001020304000R", "261122093000004+"])

SIZES = dict.fromkeys(Tlv, 1) | {
    Tlv.DEST_TELEMATICS_ID: 2,
    Tlv.QOS_TIME_TO_LIVE: 4,
    Tlv.USER_MESSAGE_REFERENCE: 2,
    Tlv.SOURCE_PORT: 2,
    Tlv.DESTINATION_PORT: 2,
    Tlv.SAR_MSG_REF_NUM: 2,
    Tlv.SMS_SIGNAL: 2,
    Tlv.ITS_SESSION_INFO: 2,
}
"""Octets of each TLV that is an integer (5.3.2)."""
for _tag in (
    Tlv.ADDITIONAL_STATUS_INFO_TEXT,
    Tlv.RECEIPTED_MESSAGE_ID,
    Tlv.SOURCE_SUBADDRESS,
    Tlv.DEST_SUBADDRESS,
    Tlv.CALLBACK_NUM_ATAG,
    Tlv.CALLBACK_NUM,
    Tlv.NETWORK_ERROR_CODE,
    Tlv.MESSAGE_PAYLOAD,
    Tlv.ALERT_ON_MESSAGE_DELIVERY,
):
    del SIZES[_tag]


def plain(kind: type[Known], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of one class as any library can say them: ASCII, and times that are times."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in LAYOUTS[kind]:
        match field:
            case CString(limit=17):
                found[name] = TIMES
            case CString(limit=limit):
                most = IN_SMPP_34.get(name, limit)  # others cut what is longer
                found[name] = st.text(ASCII, max_size=most - 1)
            case Destinations():
                address = st.tuples(OCTETS, OCTETS, st.text(ASCII, max_size=20))
                one = address.map(lambda it: SmeAddress(*it)) | st.text(
                    ASCII, min_size=1, max_size=20
                ).map(DistributionList)
                found[name] = st.lists(one, max_size=4).map(tuple)
            case Refusals():
                address = st.tuples(OCTETS, OCTETS, st.text(ASCII, max_size=20))
                refused = st.tuples(address, st.integers(0, 0xFFFF_FFFF))
                found[name] = st.lists(
                    refused.map(lambda it: UnsuccessSme(*it[0], it[1])), max_size=4
                ).map(tuple)
            case _:
                found[name] = values(field)
    return st.fixed_dictionaries(found | fixed)


def integers(*tags: Tlv) -> st.SearchStrategy[dict[Tlv, int]]:
    """Values of some of these TLVs, in the order in which they are given."""
    return st.fixed_dictionaries(
        {}, optional={tag: st.integers(0, (1 << 8 * SIZES[tag]) - 1) for tag in tags}
    ).map(lambda found: {tag: found[tag] for tag in tags if tag in found})


def written(values: dict[Tlv, int]) -> tuple[tuple[int, bytes], ...]:
    """The same as our PDUs hold them."""
    return tuple((int(tag), value.to_bytes(SIZES[tag], "big")) for tag, value in values.items())


PDUS: st.SearchStrategy[Pdu] = st.one_of([pdus_of(kind) for kind in KINDS])
"""Any PDU of SMPP 3.4."""
