"""The way of many messages: checked and committed in batches, of which few are under way.

While the store commits some, the next are read; when it falls behind, reading waits, and the
transport holds the caller back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from gateway.api.context import Context
from gateway.api.intake import Origin
from gateway.api.problems import store_unavailable
from gateway.api.records import Record
from gateway.api.shapes import MessageIn
from gateway.api.tally import Tally, note_held, refused
from gateway.api.whereabouts import look_again
from gateway.errors import CallerError, StoreUnavailable
from gateway.message import Campaign, MessageState
from gateway.store.types import Put, PutResult

BATCH = 200
"""Lines that go to the store together."""
UNDER_WAY = 4
"""Batches of one stream between reading and commit."""

Outcome = Put | CallerError


class _Batch(msgspec.Struct):
    """Records on their way: their outcomes, and the future of the puts among them."""

    records: list[Record]
    outcomes: list[Outcome]
    end: int
    """How many lines the stream had with this batch."""
    committed: asyncio.Future[list[PutResult]] | None


class Pipeline:
    """Batches between reading and commit: few at a time, settled in their order as they commit.

    Leaving its ``async with`` waits for what is under way, and raises the first thing that went
    wrong: Refusal ``store-unavailable``, or what the tally's writing raised.
    """

    def __init__(self, context: Context, origin: Origin, tally: Tally) -> None:
        self._context = context
        self._origin = origin
        self._tally = tally
        # One batch more is being settled, and one waits to be put.
        self._under_way: asyncio.Queue[_Batch | None] = asyncio.Queue(UNDER_WAY - 2)
        self._error: Exception | None = None

    async def __aenter__(self) -> Pipeline:
        self._settler = asyncio.create_task(self._settle_all(), name="settler")
        return self

    async def __aexit__(self, type: object, value: BaseException | None, trace: object) -> None:
        await self._close()
        if value is None and self._error is not None:
            raise self._error

    async def feed(self, records: list[Record], end: int) -> None:
        """Check a batch and hand it to the store; waits while too much is under way.

        ``end`` is how many lines the stream had with it. Raises what went wrong before.
        """
        outcomes = await self._outcomes(records)
        puts = [outcome for outcome in outcomes if isinstance(outcome, Put)]
        committed = None
        if puts:
            gate = self._context.gate
            await gate.acquire()
            committed = asyncio.ensure_future(self._context.store.queue.put(puts))
            committed.add_done_callback(lambda _: gate.release())
        await self._under_way.put(_Batch(records, outcomes, end, committed))
        await asyncio.sleep(0)  # the pump has its turn, however much of the body is here already
        if self._error is not None:
            raise self._error

    async def _close(self) -> None:
        if not self._settler.done():
            await self._under_way.put(None)
            await self._settler

    async def _settle_all(self) -> None:
        """Settle each batch as it commits; after an error only wait for the rest."""
        while (batch := await self._under_way.get()) is not None:
            try:
                if self._error is None:
                    await self._settle(batch)
                elif batch.committed is not None:
                    await asyncio.wait([batch.committed])
                    batch.committed.exception()
            except Exception as error:
                self._error = error

    async def _outcomes(self, records: list[Record]) -> list[Outcome]:
        context, client = self._context, self._origin.client
        wanted = {
            line.campaign
            for _, line, _ in records
            if isinstance(line, MessageIn) and line.campaign is not None
        }
        try:
            campaigns = await context.campaigns.find_all(client, wanted)
        except StoreUnavailable as error:
            await self._close()
            raise self._error or store_unavailable(error, **self._tally.members()) from error
        now = context.clock()
        return [self._outcome(index, line, campaigns, now) for index, line, _ in records]

    def _outcome(
        self,
        index: int,
        line: MessageIn | CallerError,
        campaigns: dict[str, Campaign | CallerError],
        now: int,
    ) -> Outcome:
        if isinstance(line, CallerError):
            return line
        campaign = campaigns[line.campaign] if line.campaign is not None else None
        if isinstance(campaign, CallerError):
            return campaign
        try:
            return self._context.intake.put(line, campaign, self._origin, index, now)
        except CallerError as error:
            return error

    async def _settle(self, batch: _Batch) -> None:
        try:
            results = await batch.committed if batch.committed else []
            puts = [outcome for outcome in batch.outcomes if isinstance(outcome, Put)]
            await look_again(self._context, puts, results)
        except StoreUnavailable as error:
            raise store_unavailable(error, **self._tally.members()) from error
        states = self._count(batch, iter(results))
        for state, count in states.items():
            self._context.accepted(state.name, count)
        self._tally.committed_lines = batch.end
        await self._tally.flush()

    def _count(self, batch: _Batch, results: Iterator[PutResult]) -> dict[MessageState, int]:
        """Tally each record; how many are new, by their state."""
        tally = self._tally
        states: dict[MessageState, int] = {}
        for (index, _, ref), outcome in zip(batch.records, batch.outcomes, strict=True):
            if isinstance(outcome, CallerError):
                tally.reject(index, outcome, ref)
                continue
            result = next(results)
            kind, state = result.kind, result.state
            if kind == "new":
                note_held(outcome, result)
                tally.accept(index, outcome, state)
                states[state] = states.get(state, 0) + 1
                continue
            refusal = refused(outcome, result, self._context.resets_ms())
            if refusal is not None:
                tally.reject(index, refusal, ref)
            else:
                tally.accept(index, outcome, state)
        return states
