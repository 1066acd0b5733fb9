"""What goes over a carrier's wire, line by line while it happens."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec

from gateway.api.carriers import unknown
from gateway.api.context import Context, Exchange, Watcher
from gateway.api.http import Answer, StreamedAnswer
from gateway.api.problems import later
from gateway.api.shapes import TraceQuery
from gateway.api.tally import rfc3339
from gateway.clock import wall_ms

log = logging.getLogger(__name__)

NDJSON = "application/x-ndjson"
MOST = 4
"""Traces that run at once in a process."""
BATCH = 50
"""Lines made in one go."""
ALIVE_SECONDS = 15.0
"""Without anything to tell for so long, that is told."""
SHARE = 0.25
"""Of the process's time that one trace may take: what it has no time for is lost to it."""

_encode = msgspec.json.Encoder().encode


async def trace(context: Context, exchange: Exchange) -> Answer | StreamedAnswer:
    """Every PDU of a carrier, as it comes and goes: numbers and texts masked unless asked for."""
    name, query = exchange.parts[0], exchange.query(TraceQuery)
    if name not in {status["name"] for status in context.carriers.status()}:
        raise unknown(context, name)
    if context.traces >= MOST:
        raise later("too-many-traces", f"{MOST} run; one must end first", 5)
    if exchange.http.method == "HEAD":
        return Answer(200, b"", NDJSON)
    show = {word: getattr(query, word) == "true" for word in ("numbers", "texts", "octets")}
    watcher = context.carriers.watch(name, **show)
    if watcher is None:
        raise unknown(context, name)
    log.info("trace begins", extra={"carrier": name, "client": exchange.client, "shows": show})
    context.traces += 1
    try:
        return await _Telling(name, watcher, query).run(context, exchange)
    finally:
        context.traces -= 1
        watcher.leave()


class _Telling:
    """One trace: tells until the time is over, enough is told, or somebody goes."""

    def __init__(self, name: str, watcher: Watcher, query: TraceQuery) -> None:
        self._name = name
        self._watcher = watcher
        self._seconds = query.seconds
        self._count = query.count
        self._told = 0

    async def run(self, context: Context, exchange: Exchange) -> StreamedAnswer:
        """Answer."""
        answer = StreamedAnswer(exchange.http, 200, NDJSON)
        await answer.begin()
        gone = exchange.http.connection.gone()
        stopping = asyncio.ensure_future(context.closing.wait())
        telling = asyncio.ensure_future(self._tell(answer))
        try:
            await asyncio.wait(
                (telling, stopping, gone),
                timeout=self._seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if telling.done():
                telling.result()
        finally:
            reason = "count" if telling.done() else "stopping" if stopping.done() else "seconds"
            for task in (telling, stopping):
                task.cancel()
            await asyncio.gather(telling, stopping, return_exceptions=True)
        if gone.done():
            raise ConnectionResetError("the caller has gone")
        # Not to wait for room: it is over, whether the caller reads or not.
        await answer.end(self._line(event="end", reason=reason, pdus=self._told))
        return answer

    async def _tell(self, answer: StreamedAnswer) -> None:
        loop = asyncio.get_running_loop()
        while self._count is None or self._told < self._count:
            began = loop.time()
            lines = self._next()
            spent = loop.time() - began
            if lines:
                await answer.write(lines)
                await asyncio.sleep(spent * (1 / SHARE - 1))
            elif not await self._awaited():
                await answer.write(self._line(event="alive"))

    def _next(self) -> bytes:
        """The next lines, no more PDUs among them than are wanted."""
        left = BATCH if self._count is None else min(BATCH, self._count - self._told)
        lines = self._watcher.lines(left)
        self._told += sum("pdu" in line for line in lines)
        return b"".join(_encode(line) + b"\n" for line in lines)

    async def _awaited(self) -> bool:
        """Wait for something to tell; False: nothing came."""
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                await self._watcher.fresh()
        except TimeoutError:
            return False
        return True

    def _line(self, **more: Any) -> bytes:
        return _encode({"at": rfc3339(wall_ms()), "carrier": self._name, **more}) + b"\n"
