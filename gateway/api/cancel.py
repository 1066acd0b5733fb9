"""Cancelling what has not left: one message, several by ref or id, or a stream of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.api.body import LINE_OCTETS, Lines, pieces
from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import check_word
from gateway.api.messages import find, view
from gateway.api.problems import ErrorItem, fault
from gateway.api.reading import Reader
from gateway.api.shapes import CancelIn, CancelItem, CancelLine, CancelOut
from gateway.api.tally import MOST_ERRORS
from gateway.errors import CallerError
from gateway.ids import derived_id
from gateway.message import MessageState

MOST_REFS = 10_000

_ID = re.compile(r"[0-9a-f]{24}")
_read = Reader(CancelIn)
_read_line = Reader(CancelLine)

Wanted = tuple[int, str, str | None]
"""(index, id, ref)."""


async def one(context: Context, exchange: Exchange) -> Answer:
    """DELETE: cancel a message; once it is canceled, again is no error."""
    record = await find(context, exchange)
    found = await context.store.queue.cancel(exchange.client, [record.id], context.clock())
    if found[0] == "left":
        raise fault("already-left", f"{record.id} may be with the carrier")
    record = await find(context, exchange)
    if found[0] == "final" and record.state is not MessageState.canceled:
        raise fault("already-final", f"{record.id} is {record.state.name}")
    return json_answer(await view(context, record))


async def several(context: Context, exchange: Exchange) -> Answer:
    """POST: cancel by refs or ids, from one object or a stream of them."""
    kind = exchange.http.headers.get("content-type", "application/json").partition(";")[0]
    tally = _Cancels(context, exchange.client)
    if kind.strip().lower() in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        await _stream(exchange, tally)
    else:
        wanted = await exchange.json(_read, context.config.http.max_body_bytes)
        await tally.take(_wanted(exchange.client, wanted))
    return json_answer(tally.answer)


def _wanted(client: str, wanted: CancelIn) -> list[Wanted]:
    if len(wanted.refs) + len(wanted.ids) > MOST_REFS:
        raise fault("too-many-items", f"allowed: {MOST_REFS}, or a stream")
    for at, ref in enumerate(wanted.refs):
        check_word(ref, "invalid-ref", f"refs[{at}]")
    for at, id in enumerate(wanted.ids):
        if not _ID.fullmatch(id):
            raise fault("invalid-field", "not an id: 24 hexadecimal digits", f"ids[{at}]")
    ids = [derived_id(client, wanted.campaign or "", ref) for ref in wanted.refs]
    named = [(index, id, ref) for index, (id, ref) in enumerate(zip(ids, wanted.refs, strict=True))]
    return [*named, *((index, id, None) for index, id in enumerate(wanted.ids, len(named)))]


async def _stream(exchange: Exchange, tally: _Cancels) -> None:
    lines, count = Lines(), 0
    async for piece in pieces(exchange.http):
        cut = lines.feed(piece)
        await tally.take(_lines(exchange.client, cut, count, tally))
        count += len(cut)
    await tally.take(_lines(exchange.client, lines.close(), count, tally))


def _lines(client: str, lines: Sequence[bytes | None], first: int, tally: _Cancels) -> list[Wanted]:
    wanted: list[Wanted] = []
    for index, line in enumerate(lines, first):
        try:
            if line is None:
                raise fault("line-too-long", f"allowed: {LINE_OCTETS} octets")
            if line and not line.isspace():
                wanted.append(_line(client, index, line))
        except CallerError as error:
            tally.refuse(index, error)
    return wanted


def _line(client: str, index: int, octets: bytes) -> Wanted:
    line = _read_line.read(octets)
    if line.id is not None:
        if not _ID.fullmatch(line.id):
            raise fault("invalid-field", "not an id: 24 hexadecimal digits", "id")
        return index, line.id, line.ref
    if line.ref is None:
        raise fault("missing-field", "give 'ref' or 'id'", "ref")
    check_word(line.ref, "invalid-ref", "ref")
    return index, derived_id(client, line.campaign or "", line.ref), line.ref


class _Cancels:
    """What cancels did, counted."""

    def __init__(self, context: Context, client: str) -> None:
        self._context = context
        self._client = client
        self.answer = CancelOut(canceled=0, not_found=0, left=0, final=0, items=[], errors=[])

    async def take(self, wanted: list[Wanted]) -> None:
        """Cancel some."""
        if not wanted:
            return
        answer = self.answer
        words = await self._context.store.queue.cancel(
            self._client, [id for _, id, _ in wanted], self._context.clock()
        )
        for (index, id, ref), word in zip(wanted, words, strict=True):
            if word == "canceled":
                answer.canceled += 1
                continue
            if word == "left":
                answer.left += 1
            elif word == "final":
                answer.final += 1
            else:
                answer.not_found += 1
            if len(answer.items) < MOST_ERRORS:
                answer.items.append(CancelItem(index, id, word, ref))

    def refuse(self, index: int, error: CallerError) -> None:
        """A line that cannot be read."""
        if len(self.answer.errors) < MOST_ERRORS:
            self.answer.errors.append(ErrorItem(index, error.type, error.detail, error.field))
