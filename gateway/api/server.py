"""The HTTP server: finds the call, checks the key, answers, counts.

The connections are those of :mod:`gateway.api.http`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from gateway.api.calls import CALLS, WATCHED, Table
from gateway.api.context import Carriers, Context, Exchange, Metrics
from gateway.api.http import Answer, HttpServer, Request, StreamedAnswer
from gateway.api.openapi import document_json
from gateway.api.page import page_html
from gateway.api.problems import fault, problem_answer, stopping, store_unavailable
from gateway.api.shapes import NoQuery
from gateway.clock import wall_ms
from gateway.config import Config, parse_listen
from gateway.errors import CallerError, StoreUnavailable
from gateway.policy.calendars import Calendars
from gateway.store import Store

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long requests under way may still take when the server stops."""


class Api:
    """The API of one process, on its one or two addresses."""

    def __init__(
        self,
        config: Config,
        store: Store,
        carriers: Carriers,
        metrics: Metrics,
        ready: Callable[[], bool],
        clock: Callable[[], int] = wall_ms,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        calendars: Calendars | None = None,
    ) -> None:
        self.context = Context(config, store, carriers, metrics, ready, clock, monotonic, calendars)
        self.context.description = document_json(CALLS)
        self.context.page = page_html(CALLS)
        self._servers: list[HttpServer] = []

    async def start(self) -> None:
        """Listen."""
        config = self.context.config
        http = config.http
        self.context.spool_dir = _folder(config.redis.state_dir)
        await self._listen(http.listen, Table(CALLS))
        if http.metrics_listen:
            watched = Table(call for call in CALLS if call.path in WATCHED)
            await self._listen(http.metrics_listen, watched)

    async def quiet(self) -> None:
        """Refuse every new call but health and metrics; those under way end, long polls at once.

        Whatever takes longer than :data:`STOP_SECONDS` is broken off.
        """
        self.context.stopping = True
        self.context.closing.set()
        await asyncio.gather(*(server.quiet(STOP_SECONDS, WATCHED) for server in self._servers))

    async def stop(self) -> None:
        """Listen no more."""
        await self.quiet()
        for server in self._servers:
            await server.stop(STOP_SECONDS)
        self._servers.clear()

    def configure(self, config: Config) -> None:
        """Take another configuration without a pause; addresses stay as they are."""
        self.context.configure(config)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """(host, port) of each address, as the system gave it."""
        return [address for server in self._servers for address in server.addresses]

    async def _listen(self, listen: str, table: Table) -> None:
        front = Front(self.context, table)
        server = HttpServer(front.answer, lambda kind, detail: problem_answer(fault(kind, detail)))
        await server.start(*parse_listen(listen))
        self._servers.append(server)


def _folder(path: str) -> str | None:
    """The state's folder where there is one: the system's for temporary files may be memory."""
    return path if Path(path).is_dir() else None


class Front:
    """What every request passes."""

    def __init__(self, context: Context, table: Table) -> None:
        self._context = context
        self._table = table

    async def answer(self, request: Request) -> Answer | StreamedAnswer:
        """Find the call, check the key, act; whatever is wrong becomes a problem."""
        path = "-"
        answer: Answer | StreamedAnswer
        try:
            call, parts = self._table.find(request.method, request.path)
            path = call.path
            if self._context.stopping and path not in WATCHED:
                raise stopping()
            client = ""
            if call.scope:
                context = self._context
                client = context.keyring.admit(
                    request.headers.get("authorization"), call.scope, context.monotonic()
                ).name
            exchange = Exchange(request, client, parts)
            if call.scope and call.query is NoQuery:
                exchange.query(NoQuery)
            answer = await call.act(self._context, exchange)
        except CallerError as error:
            answer = problem_answer(error)
        except StoreUnavailable as error:
            log.warning("store away", extra={"path": path, "detail": str(error)})
            answer = problem_answer(store_unavailable(error))
        except ConnectionError:
            raise
        except Exception:
            log.exception("fault", extra={"method": request.method, "path": path})
            answer = _fault()
        self._context.metrics.request(request.method, path, answer.status)
        return answer


def _fault() -> Answer:
    return problem_answer(fault("fault", "the request was not taken; the log says why"))
