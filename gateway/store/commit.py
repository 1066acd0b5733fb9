"""Group commit: what gathers while a commit runs goes together in the next.

A round trip and an fsync cost more than the work, so nothing is written one by one: at once when
nothing is under way, else when the running commit returns, never on a fixed delay. The size of a
batch adapts, so that one script stays under :data:`TARGET` seconds: whatever is urgent waits
behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

TARGET = 0.005
FIRST, SMALLEST, LARGEST = 100, 50, 500


_Entry = tuple[list[Item], asyncio.Future[Any], bool]
"""Items, who waits for them, and whether that is for one result instead of a list of them."""


class BatchSize:
    """How many items go in one script: shrinks at once when one took too long, grows slowly."""

    def __init__(self) -> None:
        self.size = FIRST

    def adapt(self, count: int, seconds: float) -> None:
        """Learn from a batch of ``count`` items whose script took ``seconds``.

        The script's own time: the round trip has our own event loop in it, and what Redis did
        for others; a batch that shrinks because of those makes them worse.
        """
        if seconds > TARGET:
            self.size = max(SMALLEST, self.size * 9 // 10)
        elif count * 2 > self.size and seconds < TARGET * 0.7:
            self.size = min(LARGEST, self.size + 10)


class GroupCommit(Generic[Item, Result]):
    """Gathers items and runs ``commit`` over them, one batch at a time, in order.

    ``commit`` takes a list of items and answers one result for each, and the seconds its script
    took; or raises: then everyone in that batch gets the error and the next batch starts.
    ``backlog`` is how many items wait.
    """

    def __init__(
        self, commit: Callable[[list[Item]], Awaitable[tuple[Sequence[Result], float]]]
    ) -> None:
        self._commit = commit
        self._waiting: deque[_Entry[Item]] = deque()
        self._running: asyncio.Task[None] | None = None
        self.backlog = 0
        self._size = BatchSize()

    def submit(self, items: list[Item]) -> asyncio.Future[list[Result]]:
        """Queue ``items``; the future is done when they are committed, in their order."""
        return self._queue(items, one=False)

    def submit_one(self, item: Item) -> asyncio.Future[Result]:
        """Queue one item; the future has its own result."""
        return self._queue([item], one=True)

    def _queue(self, items: list[Item], *, one: bool) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future, one))
        self.backlog += len(items)
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._one_batch()
        finally:
            self._running = None
            if self._waiting:
                self._running = asyncio.ensure_future(self._run())

    async def _one_batch(self) -> None:
        taken = [self._waiting.popleft()]
        total = len(taken[0][0])
        while self._waiting and total + len(self._waiting[0][0]) <= self._size.size:
            taken.append(self._waiting.popleft())
            total += len(taken[-1][0])
        batch = taken[0][0] if len(taken) == 1 else [item for entry in taken for item in entry[0]]
        try:
            results, seconds = await self._commit(batch)
        except BaseException as error:
            self._give(taken, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._size.adapt(total, seconds)
            self._give(taken, results)
        finally:
            self.backlog -= total

    def _give(
        self,
        taken: list[_Entry[Item]],
        outcome: Sequence[Result] | BaseException,
    ) -> None:
        start = 0
        for items, future, one in taken:
            if not future.done():
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                elif isinstance(outcome, BaseException):
                    future.cancel()
                elif one:
                    future.set_result(outcome[start])
                else:
                    future.set_result(list(outcome[start : start + len(items)]))
            start += len(items)
