"""A capture file of PDUs, which Wireshark and tshark read as SMPP.

The classic format (draft-ietf-opsawg-pcap): a header, then packets with their times, here of
LINKTYPE_RAW: IPv4 (RFC 791) and TCP (RFC 9293) made up around what went over the connection. The
addresses are of a net for documentation (RFC 5737), the carrier's port is the real one, and each
connection of each bind has a port of its own on our side.
"""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO, Final

MAGIC: Final = 0xA1B2C3D4
"""Times in microseconds; the octets' order is the writer's."""
LINKTYPE_RAW: Final = 101
SNAPLEN: Final = 262_144
OURS: Final = bytes((192, 0, 2, 1))
THEIRS: Final = bytes((192, 0, 2, 2))
FIRST_PORT: Final = 40_000
LAST_PORT: Final = 59_999
MOST: Final = 32_768
"""Octets of a PDU in one packet; a longer one is several."""

_file_header: Final = Struct("<IHHiIII").pack
_packet_header: Final = Struct("<IIII").pack
_ip: Final = Struct(">BBHHHBBH4s4s").pack
_tcp: Final = Struct(">HHIIBBHHH").pack
_pseudo: Final = Struct(">4s4sBBH").pack

_DONT_FRAGMENT: Final = 0x4000
_PSH_ACK: Final = 0x18
_TCP: Final = 6


class _Stream:
    """One connection: its port on our side, and how many octets went each way."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent = {"out": 1, "in": 1}


class Pcap:
    """Writes a capture, each packet at once."""

    def __init__(self, file: BinaryIO, port: int) -> None:
        self._file = file
        self._port = port
        self._streams: dict[tuple[int, str], _Stream] = {}
        self._next_port = FIRST_PORT
        self._packets = 0
        self._write(_file_header(MAGIC, 2, 4, 0, 0, SNAPLEN, LINKTYPE_RAW))

    def connected(self, bind: tuple[int, str]) -> None:
        """The bind has a new connection, which is a new stream."""
        self._streams[bind] = _Stream(self._next_port)
        self._next_port = FIRST_PORT if self._next_port == LAST_PORT else self._next_port + 1

    def pdu(self, at_us: int, bind: tuple[int, str], direction: str, octets: bytes) -> None:
        """A PDU went ``in`` or ``out``."""
        if bind not in self._streams:
            self.connected(bind)
        for start in range(0, len(octets), MOST):
            packet = self._packet(self._streams[bind], direction, octets[start : start + MOST])
            head = _packet_header(*divmod(at_us, 1_000_000), len(packet), len(packet))
            self._write(head + packet)

    def _write(self, octets: bytes) -> None:
        self._file.write(octets)
        self._file.flush()

    def _packet(self, stream: _Stream, direction: str, payload: bytes) -> bytes:
        out = direction == "out"
        ours, theirs = (OURS, stream.port), (THEIRS, self._port)
        (source, source_port), (target, target_port) = (ours, theirs) if out else (theirs, ours)
        sequence = stream.sent[direction]
        acknowledged = stream.sent["in" if out else "out"]
        stream.sent[direction] = (sequence + len(payload)) & 0xFFFF_FFFF

        def segment(sum_: int) -> bytes:
            return (
                _tcp(
                    source_port, target_port, sequence, acknowledged,
                    5 << 4, _PSH_ACK, 0xFFFF, sum_, 0,
                ) + payload
            )  # fmt: skip

        length = 20 + len(payload)
        tcp = segment(checksum(_pseudo(source, target, 0, _TCP, length) + segment(0)))
        self._packets += 1

        def header(sum_: int) -> bytes:
            return _ip(
                0x45, 0, 20 + length, self._packets & 0xFFFF, _DONT_FRAGMENT, 64, _TCP, sum_,
                source, target,
            )  # fmt: skip

        return header(checksum(header(0))) + tcp


def checksum(octets: bytes) -> int:
    """The Internet's (RFC 1071); 0 over octets that hold a right one."""
    # 2 ** 16 is 1 modulo 0xFFFF: the sum of all words is the whole number's remainder.
    whole = int.from_bytes(octets + b"\0" * (len(octets) % 2), "big")
    rest = whole % 0xFFFF
    return 0xFFFF - rest if rest or not whole else 0
