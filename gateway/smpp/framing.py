"""Where one PDU ends and the next begins (3.2): the one thing whose loss closes a connection."""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from gateway.smpp.constants import HEADER_LENGTH

_length: Final = Struct(">I").unpack_from


class FramingError(msgspec.Struct, frozen=True, gc=False):
    """The octets at the head of the buffer cannot be a PDU: where the next begins is lost."""

    reason: str


def split(buffer: bytearray, max_length: int) -> list[bytes] | FramingError:
    """Take every whole PDU off the front of ``buffer``, header included.

    What remains is the beginning of the next. A command_length under 16 or over ``max_length``
    octets gives a FramingError, but only when nothing whole stands before it: call until the
    answer is empty. Nothing is copied until the first PDU is whole, so octets that come one by
    one cost no more than those that come together.
    """
    size = len(buffer)
    if size < 4:
        return []
    (length,) = _length(buffer)
    if not HEADER_LENGTH <= length <= max_length:
        return FramingError(_reason(length, max_length))
    if length > size:
        return []
    octets = bytes(buffer)
    frames = []
    position = 0
    end = length
    while end <= size:
        frames.append(octets[position:end])
        position = end
        if size - position < 4:
            break
        (length,) = _length(octets, position)
        if not HEADER_LENGTH <= length <= max_length:
            break
        end = position + length
    del buffer[:position]
    return frames


def _reason(length: int, max_length: int) -> str:
    if length < HEADER_LENGTH:
        return f"framing lost: a command_length of {length}, under {HEADER_LENGTH}"
    return f"framing lost: a command_length of {length}, over the limit of {max_length}"
