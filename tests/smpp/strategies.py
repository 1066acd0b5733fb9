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
    UnsuccessSme,
)
from gateway.smpp.wire import CString, Destinations, Field, Integer, OctetString, Refusals

OCTETS = st.integers(0, 255)
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


PDUS: st.SearchStrategy[Pdu] = st.one_of([pdus_of(kind) for kind in KINDS])
"""Any PDU of SMPP 3.4."""
