"""Every PDU we know, written by npm's smpp and by smpp34 (Rust) and read by us; and back.

The Python libraries have theirs in tests/smpp/test_second_opinion.py. Where one of them differs,
:data:`NODE_DIFFERS` and :data:`RUST_DIFFERS` say so, and nowhere else.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.smpp import pdu as ours
from gateway.smpp.codec import LAYOUTS
from gateway.smpp.pdu import KINDS, SmeAddress, Tlv, decode, encode
from tests.foreign.process import NODE, node
from tests.smpp.strategies import (
    NUMBERS,
    STATUSES,
    TLVS,
    integers,
    plain,
    written,
)

smpp34 = pytest.importorskip("smpp34")

NODE_DIFFERS = {
    "a status": "with one it writes no body at all, whatever the PDU",
    "times": "it reads them as dates of this century, and no longer as what was written",
    "data_coding": "it decodes the text it knows the coding of: 4 (octets) is left alone",
    "TLVs": "it has other types for some (source_telematics_id, ms_validity), lists for others",
}
RUST_DIFFERS = {
    "the rest": "submit_sm and deliver_sm alone are typed in Python; of others, header and octets",
    "sm_length": "it is an octet there too, and 255 octets are taken: ours stop at 254",
}

# npm's smpp

NAMES = {"dest_addresses": "dest_address", "unsuccess_smes": "unsuccess_sme"}
TAGS = {Tlv.DESTINATION_PORT: "dest_port"}
NODE_TAGS = [
    Tlv.QOS_TIME_TO_LIVE,
    Tlv.PAYLOAD_TYPE,
    Tlv.PRIVACY_INDICATOR,
    Tlv.USER_MESSAGE_REFERENCE,
    Tlv.SOURCE_PORT,
    Tlv.DESTINATION_PORT,
    Tlv.SAR_MSG_REF_NUM,
    Tlv.LANGUAGE_INDICATOR,
    Tlv.SAR_TOTAL_SEGMENTS,
    Tlv.SAR_SEGMENT_SEQNUM,
    Tlv.SC_INTERFACE_VERSION,
    Tlv.NUMBER_OF_MESSAGES,
    Tlv.MORE_MESSAGES_TO_SEND,
    Tlv.MESSAGE_STATE,
]


class Codec:
    """``node/codec.js``: a line out, a line in."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [node(), str(NODE / "codec.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def ask(self, word: str, **rest: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": 1, "do": word, **rest}) + "\n")
        self._process.stdin.flush()
        answer = self._line()
        assert "failed" not in answer, answer["failed"]
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def codec() -> Iterator[Codec]:
    made = Codec()
    yield made
    made.close()


def as_node(value: Any) -> Any:
    """One of our values in the words of npm's smpp."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, tuple):
        return [as_node(one) for one in value]
    if isinstance(value, ours.DistributionList):
        return {"dl_name": value.dl_name}
    if isinstance(value, SmeAddress | ours.UnsuccessSme):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    return value


def command(kind: type[Any]) -> str:
    return str(kind.command_id.name).lower()


def fields_of(kind: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    fixed = {}
    names = [name for name, _ in LAYOUTS[kind]]
    if "data_coding" in names:
        fixed["data_coding"] = st.just(4)
        fixed["esm_class"] = st.integers(0, 255).map(lambda octet: octet & 0xBF)
    return plain(kind, **fixed)


def tags_beside(fields: dict[str, Any]) -> st.SearchStrategy[dict[Tlv, int]]:
    """TLVs that have no field's name: query_sm_resp has a message_state of its own."""
    return integers(*(tag for tag in NODE_TAGS if tag.name.lower() not in fields))


@pytest.mark.parametrize("kind", KINDS, ids=command)
@settings(max_examples=25)
@given(data=st.data())
def test_npms_smpp_and_we_write_the_same(codec: Codec, kind: type[Any], data: Any) -> None:
    number = data.draw(NUMBERS)
    fields = data.draw(fields_of(kind))
    tlvs = data.draw(tags_beside(fields))
    mine = kind(number, tlvs=written(tlvs), **fields)
    said = {NAMES.get(name, name): as_node(value) for name, value in fields.items()}
    said |= {TAGS.get(tag, tag.name.lower()): value for tag, value in tlvs.items()}
    said["sequence_number"] = number
    frame = bytes.fromhex(codec.ask("encode", command=command(kind), fields=said)["frame"])
    assert decode(frame) == mine
    assert encode(mine) == frame


@pytest.mark.parametrize("kind", KINDS, ids=command)
@settings(max_examples=25)
@given(data=st.data())
def test_npms_smpp_reads_what_we_write(codec: Codec, kind: type[Any], data: Any) -> None:
    number, status = data.draw(NUMBERS), data.draw(STATUSES)
    fields = data.draw(fields_of(kind))
    tlvs = data.draw(tags_beside(fields))
    frame = encode(kind(number, status, written(tlvs), **fields))
    read = codec.ask("decode", frame=frame.hex())["pdu"]
    assert read["command"] == command(kind)
    assert (read["sequence_number"], read["command_status"]) == (number, status)
    for name, value in fields.items() if len(frame) > 16 else ():
        found = read[NAMES.get(name, name)]
        if name in ("schedule_delivery_time", "validity_period", "final_date") and value:
            continue
        if name == "short_message" and "data_coding" in fields:
            found = found["message"]
        assert found == as_node(value), name
    for tag, number in tlvs.items():
        assert read[TAGS.get(tag, tag.name.lower())] == number


@settings(max_examples=25)
@given(status=st.integers(1, 0xFFFF_FFFF), number=NUMBERS)
@pytest.mark.parametrize("kind", [k for k in KINDS if issubclass(k, ours.Response)], ids=command)
def test_npms_smpp_refuses_as_we_read_it(
    codec: Codec, kind: type[Any], status: int, number: int
) -> None:
    said = {"sequence_number": number, "command_status": status}
    frame = bytes.fromhex(codec.ask("encode", command=command(kind), fields=said)["frame"])
    assert len(frame) == 16
    assert decode(frame) == kind(number, status)


# smpp34, which is Rust


def rusts(kind: type[Any]) -> Any:
    return {ours.SubmitSm: smpp34.SubmitSm, ours.DeliverSm: smpp34.DeliverSm}[kind]


@pytest.mark.parametrize("kind", [ours.SubmitSm, ours.DeliverSm], ids=command)
@given(data=st.data(), tlvs=TLVS, number=NUMBERS)
def test_messages_agree_with_smpp34(kind: type[Any], data: Any, tlvs: Any, number: int) -> None:
    fields = data.draw(plain(kind))
    mine = kind(number, tlvs=tlvs, **fields)
    theirs = rusts(kind)(
        sequence_number=number, tlvs=[smpp34.Tlv(tag, value) for tag, value in tlvs], **fields
    )
    assert theirs.encode() == encode(mine)
    assert decode(theirs.encode()) == mine
    read = smpp34.decode(encode(mine))
    assert type(read) is rusts(kind)
    assert read.sequence_number == number
    assert {name: getattr(read, name) for name in fields} == fields
    assert [(tlv.tag, tlv.value) for tlv in read.tlvs] == list(tlvs)


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in (ours.SubmitSm, ours.DeliverSm)], ids=command
)
@given(data=st.data(), number=NUMBERS, status=STATUSES)
def test_headers_agree_with_smpp34(kind: type[Any], data: Any, number: int, status: int) -> None:
    frame = encode(kind(number, status, **data.draw(plain(kind))))
    read = smpp34.decode(frame)
    assert (read.command_id, read.command_length) == (kind.command_id, len(frame))
    assert (read.sequence_number, read.command_status) == (number, status)
    assert read.body == frame[16:]
