"""Reading what was sent: whole with a bound, or as a stream that holds one piece at a time.

gzip and deflate are taken apart piece by piece, each bounded, so that a small body which expands
without end costs no memory, and is refused once it is past any honest ratio.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

from gateway.api.http import BodyError, Request
from gateway.api.problems import fault
from gateway.errors import CallerError

PIECE = 64 * 1024
"""Octets of an expanded piece."""
HONEST_RATIO = 200
"""Messages that differ in a name and an amount compress 20 to 60 times."""
FREE_OCTETS = 16 * 1024 * 1024
"""The ratio is not looked at before so much has come out."""
LINE_OCTETS = 64 * 1024
"""The longest line of a stream."""


class Inflater:
    """Expands gzip (of any number of members) or zlib data as it comes."""

    def __init__(self) -> None:
        self._z = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._came, self._gave = 0, 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that ``data`` completes; raises CallerError when it is no such data."""
        self._came += len(data)
        while True:
            if self._z.eof:
                if not data:
                    return
                self._z = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                piece = self._z.decompress(data, PIECE)
            except zlib.error as error:
                raise fault("bad-compression", str(error)) from error
            data = self._z.unused_data if self._z.eof else self._z.unconsumed_tail
            if piece:
                self._count(piece)
                yield piece
            if not data and len(piece) < PIECE:
                return

    def close(self) -> None:
        """Raise CallerError when the data ended before their end."""
        if self._came and not self._z.eof:
            raise fault("bad-compression", "the compressed data end before their end")

    def _count(self, piece: bytes) -> None:
        self._gave += len(piece)
        if self._gave > FREE_OCTETS and self._gave > HONEST_RATIO * self._came:
            raise fault("body-too-large", f"it expands more than {HONEST_RATIO} times")


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes, expanded; each piece at most what the socket's buffer holds."""
    inflater = _inflater(request)
    while True:
        try:
            data = await request.body.read()
        except BodyError as error:
            raise fault("incomplete-body", f"the body broke off: {error}") from error
        if not data:
            break
        if inflater is None:
            yield data
        else:
            for piece in inflater.feed(data):
                yield piece
    if inflater is not None:
        inflater.close()


async def whole(request: Request, most: int) -> bytes:
    """All of the body, at most ``most`` octets; raises CallerError ``body-too-large``."""
    if request.body.ended and "content-encoding" not in request.headers:
        body = request.body.take()  # it came together with its head: nothing to wait for
        if len(body) <= most:
            return body
        raise _too_large(most)
    if (request.content_length or 0) > most:
        raise _too_large(most)
    gathered = bytearray()
    async for piece in pieces(request):
        gathered += piece
        if len(gathered) > most:
            raise _too_large(most)
    return bytes(gathered)


def _too_large(most: int) -> CallerError:
    return fault("body-too-large", f"at most {most} octets; a stream may have any size")


def _inflater(request: Request) -> Inflater | None:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return None
    if coding in ("gzip", "x-gzip", "deflate"):
        return Inflater()
    raise fault("unsupported-media-type", f"Content-Encoding {coding!r}; allowed: gzip, deflate")


class Lines:
    """Cuts pieces into lines; a line over :data:`LINE_OCTETS` comes out as None."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, piece: bytes) -> list[bytes | None]:
        """The lines that ``piece`` completes, without their ends."""
        found = (self._rest + piece).split(b"\n") if self._rest else piece.split(b"\n")
        rest = found.pop()
        cut = [line if len(line) <= LINE_OCTETS else None for line in found]
        if self._skipping and cut:
            cut[0], self._skipping = None, False
        if len(rest) > LINE_OCTETS or self._skipping:
            self._skipping, rest = True, b""
        self._rest = rest
        return cut

    def close(self) -> list[bytes | None]:
        """The last line, when nothing ends it."""
        if self._skipping:
            return [None]
        return [self._rest] if self._rest else []
