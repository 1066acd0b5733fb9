"""What the calls share: the parts of the gateway they speak to, and the request at hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from gateway.api.auth import Keyring
from gateway.api.body import whole
from gateway.api.decisions import Decisions
from gateway.api.http import Request
from gateway.api.intake import Campaigns, Intake
from gateway.api.problems import fault
from gateway.api.reading import Reader, read_query
from gateway.config import Config
from gateway.policy.budget import Days
from gateway.policy.calendars import Calendars
from gateway.store import Store
from gateway.store.types import Budget

Shape = TypeVar("Shape", bound=msgspec.Struct)

STREAM_BATCHES = 32
"""Batches that all streams together may have with the store: 6,400 messages."""


class Watcher(Protocol):
    """Somebody who watches a carrier's wire."""

    async def fresh(self) -> None:
        """Return when there is something to tell."""
        ...

    def lines(self, most: int) -> list[dict[str, Any]]:
        """The next of what there is to tell; at most so many."""
        ...

    def leave(self) -> None:
        """Watch no more."""
        ...


class Carriers(Protocol):
    """The carriers of this process, as the API sees them."""

    def status(self) -> list[dict[str, Any]]:
        """One entry a carrier."""
        ...

    def unread(self, name: str) -> list[dict[str, Any]] | None:
        """Its last receipts that could not be read whole; None when there is no such carrier."""
        ...

    def watch(self, name: str, *, numbers: bool, texts: bool, octets: bool) -> Watcher | None:
        """What goes over its wire from now on; None when there is no such carrier."""
        ...

    async def pause(self, name: str) -> bool:
        """Stop sending over it; False when there is none."""
        ...

    async def resume(self, name: str) -> bool:
        """Go on; False when there is none."""
        ...

    def wake(self) -> None:
        """There are new messages on the lanes."""
        ...


class Metrics(Protocol):
    """What the API counts, and the page it shows."""

    accepted: dict[str, int]

    def request(self, method: str, path: str, status: int) -> None:
        """A request was answered; ``path`` is the template."""
        ...

    def page(self) -> bytes:
        """The page that Prometheus reads."""
        ...


class Context:
    """The parts of the gateway that the calls speak to."""

    def __init__(
        self,
        config: Config,
        store: Store,
        carriers: Carriers,
        metrics: Metrics,
        ready: Callable[[], bool],
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        calendars: Calendars | None = None,
    ) -> None:
        self.calendars = calendars
        """The contact rules; None: there are none."""
        self.decisions = Decisions(store, calendars)
        self.store = store
        self.carriers = carriers
        self.metrics = metrics
        self.ready = ready
        self.clock = clock
        self.monotonic = monotonic
        self.campaigns = Campaigns(store, monotonic)
        self.gate = asyncio.Semaphore(STREAM_BATCHES)
        self.closing = asyncio.Event()
        """Set as the server stops: long polls end."""
        self.stopping = False
        """New calls are refused, but for health and metrics."""
        self.traces = 0
        """How many run."""
        self.spool_dir: str | None = None
        """Where answers by lines wait; None: the system's folder."""
        self.description = b""
        """OpenAPI, made once by the server."""
        self.page = b""
        """The same for people."""
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take another configuration: its clients, routes and safety hold from the next request."""
        self.config = config
        self.keyring = Keyring(config.clients)
        self.intake = Intake(config, self.calendars)
        self.store.queue.days = Days(config.policy.budget_zone).ahead
        self.store.queue.budgets = {
            client.name: Budget(client.daily_segments, client.over_budget == "hold")
            for client in config.clients
            if client.daily_segments
        }

    def resets_ms(self) -> int:
        """When the budgets of the day begin anew."""
        return self.store.queue.days(self.clock())[1][1]

    def accepted(self, state: str, count: int) -> None:
        """New messages were committed in this state: count them, and wake those who send."""
        known = self.metrics.accepted
        known[state] = known.get(state, 0) + count
        if state == "queued":
            self.carriers.wake()


class Exchange:
    """One request: what came, whose it is, and the variable parts of its path."""

    __slots__ = ("client", "http", "parts")

    def __init__(self, http: Request, client: str, parts: tuple[str, ...]) -> None:
        self.http = http
        self.client = client
        self.parts = parts

    def query(self, shape: type[Shape]) -> Shape:
        """The query's parameters; raises CallerError for what is wrong with them."""
        if not self.http.query_string:
            return shape()
        query = self.http.query()
        return read_query(dict(query), len(query), shape)

    async def json(self, reader: Reader[Shape], most: int) -> Shape:
        """The body as JSON; raises CallerError for what is wrong with it."""
        kind = self.http.headers.get("content-type", "application/json").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise fault("unsupported-media-type", f"{kind}; allowed: application/json")
        return reader.read(await whole(self.http, most))
