"""The messages of the benchmarks, as the bytes that go over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

BULK_NUMBERS = 30_000_000
URGENT_NUMBERS = 80_000_000
VALID_NUMBERS = 50_000_000
"""From here on every number exists, by libphonenumber: what contact rules ask."""
SEGMENT_UNITS = 153
"""GSM-7 septets in a segment of several, with a UDH of 16-bit reference."""

CREDITOR = "Banco Ejemplo"
_TEXT = f"{CREDITOR}: su cuota vence este viernes. Pague en linea o llame al 600 123 4567."
_FILLER = " Si ya lo hizo, no tome en cuenta este aviso y reciba nuestros saludos."
CHUNK_BYTES = 64 * 1024


def number(index: int, first: int = BULK_NUMBERS) -> str:
    """A Chilean mobile number, its own for each index, without ``+``."""
    return f"569{first + index:08d}"


def text(index: int, segments: int = 1) -> str:
    """A GSM-7 text of exactly so many segments that names its index."""
    short = f"{_TEXT} Ref. {index:020d}"
    if segments == 1:
        return short
    long = short + _FILLER * (4 * segments)
    return long[: SEGMENT_UNITS * segments]


def message(
    index: int,
    campaign: str = "",
    *,
    segments: int = 1,
    first: int = BULK_NUMBERS,
    ref: str = "r",
    extra: str = "",
) -> bytes:
    """One message as a JSON object; ``extra`` are members as they stand in JSON, comma first."""
    of_campaign = f',"campaign":"{campaign}"' if campaign else ""
    return (
        f'{{"to":"+{number(index, first)}","text":"{text(index, segments)}"'
        f',"ref":"{ref}{index}"{of_campaign}{extra}}}'
    ).encode()


def lines(messages: Iterator[bytes]) -> Iterator[bytes]:
    """NDJSON in chunks of about 64 KiB."""
    gathered: list[bytes] = []
    size = 0
    for item in messages:
        gathered.append(item)
        size += len(item) + 1
        if size >= CHUNK_BYTES:
            yield b"\n".join(gathered) + b"\n"
            gathered, size = [], 0
    if gathered:
        yield b"\n".join(gathered) + b"\n"


def bulk(
    size: int, campaign: str, start: int = 0, ref: str = "r", first: int = BULK_NUMBERS
) -> Iterator[bytes]:
    """``size`` one-segment messages of a campaign, each with its ref and a number of its own."""
    for index in range(start, start + size):
        yield message(index, campaign, ref=ref, first=first)
