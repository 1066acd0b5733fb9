"""A sound PDU in, a broken one out: by chance, and always the same for the same chance."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Final

from gateway.smpp.codec import KIND_OF, LAYOUTS, pack_header, unpack_header
from gateway.smpp.constants import HEADER_LENGTH, RESPONSE_BIT, Tlv
from gateway.smpp.wire import CString, Destinations, OctetString, Refusals

Draw = Callable[[], float]
Change = Callable[["Mutator", bytearray, "Seed"], None]

MAX_PDU: Final = 65_536
HUGE: Final = 60_000
_PAYLOAD: Final = int(Tlv.MESSAGE_PAYLOAD)
NUMBERS: Final = (0, 1, 0x7FFF_FFFE, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
_OCTETS: Final = (0x00, 0x01, 0x04, 0x1B, 0x40, 0x7F, 0x80, 0xFE, 0xFF)
_COMMANDS: Final = (
    0,
    0x0A,
    0x10B,
    0x111,
    0x112,
    0x7FFF_FFFF,
    0x8000_0000,
    0x8000_000B,
    0xFFFF_FFFF,
)
_LENGTHS: Final = (0, 4, 15, MAX_PDU + 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


class Verdict(Enum):
    """What was done to a PDU."""

    SOUND = "sound"
    """Nothing that changes what it says: it must be taken."""
    KEPT = "kept"
    """Anything, but its command_length is right."""
    LYING = "lying"
    """Its command_length is within the limits, and wrong."""
    BROKEN = "broken"
    """Its command_length is out of the limits: the session must close."""


class Seed:
    """A sound PDU, with where its lengths and the ends of its strings are."""

    __slots__ = ("body", "command_id", "lengths", "nuls", "tlv_lengths")

    def __init__(self, octets: bytes) -> None:
        _, self.command_id, _, _ = unpack_header(octets)
        self.body = octets[HEADER_LENGTH:]
        self.nuls: list[int] = []
        self.lengths: list[int] = []
        self.tlv_lengths: list[int] = []
        position = 0
        for name, field in LAYOUTS[KIND_OF[self.command_id]]:
            if position == len(self.body):
                return  # a response that ends early
            start = position
            _, position = field.read(self.body, position, name)
            if isinstance(field, CString):
                self.nuls.append(position - 1)
            elif isinstance(field, OctetString | Destinations | Refusals):
                self.lengths.append(start)
        while position + 4 <= len(self.body):
            self.tlv_lengths.append(position + 2)
            position += 4 + int.from_bytes(self.body[position + 2 : position + 4], "big")


class Mutator:
    """Frames without end, always the same ones for the same ``chance``.

    ``rough``: some of them lose the framing.
    """

    def __init__(self, seeds: list[Seed], chance: Random, rough: bool) -> None:
        self.seeds = seeds
        self.draw: Draw = chance.random
        self.octets = chance.randbytes
        self.rough = rough

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1; 0 if there is none."""
        return int(self.draw() * limit)

    def next(self, outstanding: list[int]) -> tuple[bytes, Verdict]:
        """A frame; the answers among them are mostly to one of ``outstanding``."""
        draw = self.draw
        seed = self.seeds[int(draw() * len(self.seeds))]
        verdict = Verdict.SOUND
        body = seed.body
        how = draw()
        if how > 0.06:
            changed = bytearray(body)
            if how < 0.16:
                _unknown_tlv(self, changed, seed)
            else:
                verdict = Verdict.KEPT
                self._change(changed, seed, how)
            body = bytes(changed)
        command_id = seed.command_id
        how = draw()
        if how < 0.06:
            verdict, command_id = Verdict.KEPT, self._command(how < 0.03)
        status = 0 if draw() < 0.9 else self._status()
        number = self._number(outstanding, command_id)
        if self.rough and draw() < 0.1:
            return self._lost(command_id, number, body)
        return pack_header(HEADER_LENGTH + len(body), command_id, status, number) + body, verdict

    def _change(self, body: bytearray, seed: Seed, how: float) -> None:
        """One change mostly, sometimes a few; where lengths and ends are only the first knows."""
        _CHANGES[int(self.draw() * len(_CHANGES))](self, body, seed)
        while how > 0.85:
            _BLIND[int(self.draw() * len(_BLIND))](self, body, seed)
            how = self.draw()
        if self.draw() < 0.0004:
            _huge(self, body, seed)

    def _command(self, known: bool) -> int:
        if known:
            return self.seeds[self.below(len(self.seeds))].command_id
        if self.draw() < 0.5:
            return _COMMANDS[self.below(len(_COMMANDS))]
        return self.below(0x300) | (RESPONSE_BIT if self.draw() < 0.5 else 0)

    def _status(self) -> int:
        return self.below(0x100) if self.draw() < 0.7 else self.below(0x1_0000_0000)

    def _number(self, outstanding: list[int], command_id: int) -> int:
        how = self.draw()
        if command_id & RESPONSE_BIT and outstanding and how < 0.7:
            return outstanding[int(how / 0.7 * len(outstanding))]
        if how < 0.9:
            return 1 + int(self.draw() * 0x7FFF_FFFF)
        return NUMBERS[self.below(len(NUMBERS))]

    def _lost(self, command_id: int, number: int, body: bytes) -> tuple[bytes, Verdict]:
        length = HEADER_LENGTH + len(body)
        if self.draw() < 0.3:
            length = max(HEADER_LENGTH, length + self.below(80) - 40)
            return pack_header(length, command_id, 0, number) + body, Verdict.LYING
        length = self.below(16) if self.draw() < 0.5 else _LENGTHS[self.below(len(_LENGTHS))]
        return pack_header(length, command_id, 0, number) + body, Verdict.BROKEN


# What is done to a body


def _flip(by: Mutator, body: bytearray, seed: Seed) -> None:
    if body:
        body[by.below(len(body))] ^= 1 << by.below(8)


def _replace(by: Mutator, body: bytearray, seed: Seed) -> None:
    if body:
        how = by.draw()
        octet = by.below(256) if how < 0.5 else _OCTETS[by.below(len(_OCTETS))]
        body[by.below(len(body))] = octet


def _insert(by: Mutator, body: bytearray, seed: Seed) -> None:
    at = by.below(len(body) + 1)
    body[at:at] = by.octets(1 + by.below(8))


def _delete(by: Mutator, body: bytearray, seed: Seed) -> None:
    at = by.below(len(body))
    del body[at : at + 1 + by.below(8)]


def _truncate(by: Mutator, body: bytearray, seed: Seed) -> None:
    del body[by.below(len(body)) :]


def _splice(by: Mutator, body: bytearray, seed: Seed) -> None:
    other = by.seeds[by.below(len(by.seeds))].body
    del body[by.below(len(body)) :]
    body += other[by.below(len(other)) :]


def _repeat(by: Mutator, body: bytearray, seed: Seed) -> None:
    at = by.below(len(body))
    piece = body[at : at + 1 + by.below(40)]
    body[at:at] = piece * (1 + by.below(3))


def _fill(by: Mutator, body: bytearray, seed: Seed) -> None:
    at = by.below(len(body))
    size = min(len(body) - at, 1 + by.below(12))
    body[at : at + size] = (b"\0" if by.draw() < 0.5 else b"\xff") * size


def _without_nul(by: Mutator, body: bytearray, seed: Seed) -> None:
    """A C-octet string that does not end where it should."""
    if seed.nuls:
        at = seed.nuls[by.below(len(seed.nuls))]
        if by.draw() < 0.5:
            del body[at]
        else:
            body[at] = 0x41


def _length(by: Mutator, body: bytearray, seed: Seed) -> None:
    """An sm_length, or a number of destinations, that lies."""
    if seed.lengths:
        at = seed.lengths[by.below(len(seed.lengths))]
        near = (body[at] + by.below(5) - 2) & 0xFF
        body[at] = near if by.draw() < 0.5 else by.below(256)


def _tlv_length(by: Mutator, body: bytearray, seed: Seed) -> None:
    if seed.tlv_lengths:
        at = seed.tlv_lengths[by.below(len(seed.tlv_lengths))]
        near = (body[at + 1] + by.below(5) - 2) & 0xFF
        if by.draw() < 0.6:
            body[at + 1] = near
        else:
            body[at : at + 2] = by.octets(2)


def _unknown_tlv(by: Mutator, body: bytearray, seed: Seed) -> None:
    """One that nobody knows, and nothing is wrong with it."""
    value = by.octets(by.below(12))
    body += (0x3000 + by.below(0xC000)).to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def _cut_tlv(by: Mutator, body: bytearray, seed: Seed) -> None:
    body += by.octets(1 + by.below(7))


def _known_tlv(by: Mutator, body: bytearray, seed: Seed) -> None:
    """One that everybody knows, with a value of any length."""
    tag = _TAGS[by.below(len(_TAGS))]
    value = by.octets(by.below(20))
    body += tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def _huge(by: Mutator, body: bytearray, seed: Seed) -> None:
    """A field of some ten thousand octets, somewhere; or as many TLVs; or a payload."""
    size = by.below(HUGE - len(body))
    how = by.draw()
    if how < 0.3:
        body += _PAYLOAD.to_bytes(2, "big") + size.to_bytes(2, "big") + by.octets(size)
    elif how < 0.6:
        body += b"\x14\x00\x00\x00" * (size // 4)
    else:
        at = by.below(len(body) + 1)
        body[at:at] = bytes((1 + by.below(255),)) * size


_TAGS: Final = tuple(map(int, Tlv))
_BLIND: Final[tuple[Change, ...]] = (
    _flip,
    _replace,
    _insert,
    _delete,
    _truncate,
    _splice,
    _repeat,
    _fill,
    _cut_tlv,
    _known_tlv,
)
_CHANGES: Final[tuple[Change, ...]] = (
    *_BLIND,
    *(_flip, _replace, _fill, _known_tlv) * 2,
    _without_nul,
    _length,
    _tlv_length,
)
"""More of those that leave something to be read."""
