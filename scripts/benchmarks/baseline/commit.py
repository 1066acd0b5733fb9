"""Group commit: what gathers while a commit runs goes as one call when it returns."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Gathers items; ``commit`` sends a batch, ``committed`` hears of it with the answer.

    At once when nothing is under way (that is: when this turn of the loop has gathered), else
    when the running commit returns; never after a fixed delay.
    """

    def __init__(
        self,
        commit: Callable[[list[T]], asyncio.Future[Any]],
        committed: Callable[[list[T], Any], None],
        largest: int,
    ) -> None:
        self._commit = commit
        self._committed = committed
        self._largest = largest
        self._waiting: deque[T] = deque()
        self._busy = False
        self._loop = asyncio.get_running_loop()

    def add(self, item: T) -> None:
        """Take one item."""
        self._waiting.append(item)
        self._wake()

    def extend(self, items: Iterable[T]) -> None:
        """Take many."""
        self._waiting.extend(items)
        self._wake()

    def _wake(self) -> None:
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        size = min(len(self._waiting), self._largest)
        if not size:
            self._busy = False
            return
        take = self._waiting.popleft
        batch = [take() for _ in range(size)]
        self._commit(batch).add_done_callback(lambda future: self._finish(batch, future))

    def _finish(self, batch: list[T], future: asyncio.Future[Any]) -> None:
        self._committed(batch, future.result())
        self._start()
