"""The capture is what its formats say: read back here by them alone."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import pytest

from gateway.smpp.framing import split
from gateway.smpp.pdu import DeliverSm, EnquireLink, SubmitSm, SubmitSmResp, Tlv, decode, encode
from gateway.tracing.pcap import FIRST_PORT, LAST_PORT, Pcap, checksum

BIND = (0, "transceiver")
AT = 1_763_800_000_123_456
SUBMIT = SubmitSm(7, source_addr="3450", destination_addr="569*****567", short_message=b"xxx")
LARGE = SubmitSm(8, tlvs=((int(Tlv.MESSAGE_PAYLOAD), b"x" * 65_450),))


class Packet(NamedTuple):
    """One packet of a capture, its checksums proved right."""

    at: float
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    acknowledged: int
    payload: bytes


def words(octets: bytes) -> int:
    """The sum that RFC 1071 describes, word by word: 0xFFFF where the checksum is right."""
    total = 0
    for (word,) in struct.iter_unpack(">H", octets + b"\0" * (len(octets) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read(capture: bytes) -> list[Packet]:
    """Every packet; fails where a length or a checksum is wrong."""
    magic, major, minor, zone, figures, snaplen, link = struct.unpack_from("<IHHiIII", capture)
    assert (magic, major, minor, zone, figures, link) == (0xA1B2C3D4, 2, 4, 0, 0, 101)
    packets = []
    position = 24
    while position < len(capture):
        seconds, micros, kept, size = struct.unpack_from("<IIII", capture, position)
        assert kept == size <= snaplen
        packet = capture[position + 16 : position + 16 + size]
        assert len(packet) == size
        packets.append(_packet(seconds + micros / 1e6, packet))
        position += 16 + size
    return packets


def _packet(at: float, packet: bytes) -> Packet:
    version, length, ttl, protocol = struct.unpack_from(">BxHxxxxBB", packet)
    assert (version, length, protocol) == (0x45, len(packet), 6)
    assert ttl > 0
    assert words(packet[:20]) == 0xFFFF
    segment = packet[20:]
    pseudo = packet[12:20] + struct.pack(">BBH", 0, 6, len(segment))
    assert words(pseudo + segment) == 0xFFFF
    source, target, sequence, acknowledged, offset = struct.unpack_from(">HHIIB", segment)
    assert offset >> 4 == 5
    addresses = [".".join(map(str, packet[at : at + 4])) for at in (12, 16)]
    return Packet(
        at, (addresses[0], source), (addresses[1], target), sequence, acknowledged, segment[20:]
    )


def stream(packets: list[Packet], port: int, ours: bool) -> bytes:
    """What went one way over the connection of our ``port``; fails where octets lack."""
    octets = b""
    for packet in packets:
        if (packet.source if ours else packet.target)[1] == port:
            assert packet.sequence == 1 + len(octets)
            octets += packet.payload
    return octets


def capture(port: int = 2776) -> tuple[io.BytesIO, Pcap]:
    file = io.BytesIO()
    return file, Pcap(file, port)


def test_each_way_of_a_connection_is_a_stream_that_decodes() -> None:
    """Numbers run on from packet to packet; a PDU that is too large for one is several."""
    file, made = capture()
    out = [SUBMIT, LARGE, EnquireLink(9)]
    come = [SubmitSmResp(7, message_id="a"), DeliverSm(1, short_message=b"y")]
    for number, (direction, pdu) in enumerate(
        [*(("out", pdu) for pdu in out), *(("in", pdu) for pdu in come)]
    ):
        made.pdu(AT + number, BIND, direction, encode(pdu))
    packets = read(file.getvalue())
    assert len(packets) == len(out) + len(come) + 1
    assert packets[0].at == pytest.approx(AT / 1e6, abs=1e-6)
    assert {packets[0].target[1], packets[-1].source[1]} == {2776}
    for ours, pdus in ((True, out), (False, come)):
        frames = split(bytearray(stream(packets, FIRST_PORT, ours)), 65_536 * 2)
        assert isinstance(frames, list)
        assert [decode(frame) for frame in frames] == pdus
    assert packets[-1].acknowledged == 1 + sum(len(encode(pdu)) for pdu in out)


def test_each_connection_of_each_bind_is_a_stream_of_its_own() -> None:
    file, made = capture()
    made.pdu(AT, (0, "transmitter"), "out", encode(SUBMIT))
    made.pdu(AT, (0, "receiver"), "out", encode(EnquireLink(1)))
    made.pdu(AT, (0, "transmitter"), "out", encode(EnquireLink(2)))
    made.connected((0, "transmitter"))
    made.pdu(AT, (0, "transmitter"), "out", encode(EnquireLink(3)))
    packets = read(file.getvalue())
    ports = [packet.source[1] for packet in packets]
    assert ports == [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT, FIRST_PORT + 2]
    assert stream(packets, FIRST_PORT, True) == encode(SUBMIT) + encode(EnquireLink(2))


def test_ports_begin_again_at_the_end() -> None:
    file, made = capture()
    for _ in range(LAST_PORT - FIRST_PORT + 2):
        made.connected(BIND)
    made.pdu(AT, BIND, "out", encode(SUBMIT))
    assert read(file.getvalue())[0].source[1] == FIRST_PORT


@pytest.mark.parametrize(
    "octets", [b"", b"\0", b"\xff\xff", b"\xff\xff\xff", bytes(range(99)), b"\0" * 8]
)
def test_the_checksum_is_that_of_rfc_1071(octets: bytes) -> None:
    assert checksum(octets) == 0xFFFF - words(octets)
