"""A body of any size: its lines through the pipeline, and the three ways to answer them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import IO

import msgspec

from gateway.api.body import pieces
from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, StreamedAnswer, json_answer
from gateway.api.intake import Origin
from gateway.api.pipeline import BATCH, Pipeline
from gateway.api.problems import Refusal
from gateway.api.records import Cutter, Read, Shape
from gateway.api.shapes import Accepted, LineError, LineOut, MessageIn, SubmitQuery
from gateway.api.tally import LineTally, Tally
from gateway.errors import CallerError

NDJSON = "application/x-ndjson"
SPOOL_OCTETS = 1024 * 1024
"""Of the answer by lines, kept in memory before it goes to a file."""

_encode = msgspec.json.Encoder().encode


async def stream(
    context: Context, exchange: Exchange, origin: Origin, cutter: Cutter[MessageIn]
) -> Answer | StreamedAnswer:
    answers = exchange.query(SubmitQuery).answers
    if answers == "lines":
        return await _answered_by_lines(context, exchange, origin, cutter)
    if answers == "stream":
        return await _Interleaved(exchange).run(context, origin, cutter)
    tally = Tally()
    await _read(context, exchange, origin, cutter, tally)
    return json_answer(
        Accepted(
            accepted=tally.accepted,
            rejected=tally.rejected,
            segments=tally.segments,
            errors=tally.errors,
            findings=tally.findings,
        ),
        202,
    )


async def _read(
    context: Context, exchange: Exchange, origin: Origin, cutter: Cutter[MessageIn], tally: Tally
) -> None:
    """Read a body to its end, through the pipeline."""
    async with Pipeline(context, origin, tally) as pipeline:
        async for records, end in batches(exchange, cutter):
            await pipeline.feed(records, end)


async def batches(
    exchange: Exchange, cutter: Cutter[Shape], most: int = BATCH
) -> AsyncIterator[tuple[list[Read[Shape]], int]]:
    """Records in batches as they come, each with the count of lines up to its end.

    A piece of the body is cut at once and holds some hundred records at most; a slow caller's
    are not held back to make a batch full.
    """
    async for piece in pieces(exchange.http):
        for batch in _cut(cutter.feed(piece), cutter.count, most):
            yield batch
    for batch in _cut(cutter.close(), cutter.count, most):
        yield batch


def _cut(
    records: Sequence[Read[Shape]], count: int, most: int
) -> list[tuple[list[Read[Shape]], int]]:
    parts = []
    for start in range(0, len(records), most):
        part = list(records[start : start + most])
        last = start + most >= len(records)
        parts.append((part, count if last else part[-1][0] + 1))
    return parts


async def _answered_by_lines(
    context: Context, exchange: Exchange, origin: Origin, cutter: Cutter[MessageIn]
) -> StreamedAnswer:
    """The lines wait in a file until all is committed, then go out."""
    with tempfile.SpooledTemporaryFile(SPOOL_OCTETS, dir=context.spool_dir) as spool:

        async def keep(lines: bytes) -> None:
            spool.write(lines)

        tally = LineTally(keep)
        await _read(context, exchange, origin, cutter, tally)
        answer = StreamedAnswer(exchange.http, 202, NDJSON, spool.tell())
        spool.seek(0)
        await answer.begin()
        await _send_file(answer, spool)
        await answer.end()
        return answer


async def _send_file(answer: StreamedAnswer, file: IO[bytes]) -> None:
    while piece := file.read(SPOOL_OCTETS // 4):
        await answer.write(piece)


class _Interleaved:
    """Lines are answered as their batches commit, for a caller that reads while it writes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._answer: StreamedAnswer | None = None

    async def run(
        self, context: Context, origin: Origin, cutter: Cutter[MessageIn]
    ) -> StreamedAnswer:
        """Answer; a problem that comes after the first line is the last line."""
        try:
            await _read(context, self._exchange, origin, cutter, LineTally(self._write))
        except CallerError as error:
            if self._answer is None:
                raise
            await self._write(_encode(_last_line(error)) + b"\n")
        answer = self._answer or await self._begin()
        await answer.end()
        return answer

    async def _begin(self) -> StreamedAnswer:
        self._answer = answer = StreamedAnswer(self._exchange.http, 202, NDJSON)
        await answer.begin()
        return answer

    async def _write(self, lines: bytes) -> None:
        answer = self._answer or await self._begin()
        await answer.write(lines)


def _last_line(error: CallerError) -> LineOut:
    return LineOut(
        error=LineError(error.type, error.detail, error.field),
        committed_lines=(
            error.members.get("committed_lines") if isinstance(error, Refusal) else None
        ),
    )
