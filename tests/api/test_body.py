"""Compressed bodies: expanded piece by piece, and never without bound."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.body import FREE_OCTETS, PIECE, Inflater
from gateway.errors import CallerError


def inflate(data: bytes, size: int) -> list[bytes]:
    inflater = Inflater()
    pieces = [p for at in range(0, len(data), size) for p in inflater.feed(data[at : at + size])]
    inflater.close()
    return pieces


@given(st.lists(st.binary(max_size=300), min_size=1), st.integers(1, 50))
def test_gzip_of_any_number_of_members(parts: list[bytes], size: int) -> None:
    """Members one after another are one body."""
    assert b"".join(inflate(b"".join(map(gzip.compress, parts)), size)) == b"".join(parts)


def test_zlib_is_taken_too() -> None:
    """HTTP's deflate is zlib (RFC 9110, 8.4.1.2)."""
    assert b"".join(inflate(zlib.compress(b"hola" * 100), 7)) == b"hola" * 100


def test_pieces_are_bounded() -> None:
    """A few octets that expand to a megabyte come out in pieces."""
    pieces = inflate(gzip.compress(bytes(1_000_000)), 10_000)
    assert max(map(len, pieces)) <= PIECE
    assert sum(map(len, pieces)) == 1_000_000


CUT = gzip.compress(b"hola", mtime=0)[:-3]


@pytest.mark.parametrize("data", [b"no gzip", CUT, b"\x1f\x8b\x08"])
def test_what_is_not_compressed_data(data: bytes) -> None:
    """Wrong or cut short."""
    with pytest.raises(CallerError) as caught:
        inflate(data, 100)
    assert caught.value.type == "bad-compression"


def test_a_bomb_is_refused() -> None:
    """Past any honest ratio it stops, having held one piece at a time."""
    given_out = 0

    def count(pieces: Iterator[bytes]) -> None:
        nonlocal given_out
        for piece in pieces:
            given_out += len(piece)

    with pytest.raises(CallerError) as caught:
        count(Inflater().feed(gzip.compress(bytes(64_000_000))))
    assert caught.value.type == "body-too-large"
    assert given_out <= FREE_OCTETS + PIECE
