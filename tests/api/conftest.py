"""The API on a free port of the loopback, over the real store, with carriers that only listen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import ClientSession

from gateway.api.calls import CALLS, NDJSON, Table
from gateway.api.openapi import document
from gateway.api.server import Api
from gateway.carrier.told import Show
from gateway.carrier.trace import Trace, Watcher
from gateway.carrier.unread import Unread
from gateway.config import Carrier, Client, Config, Http, Policy, Redis, Route, Safety
from gateway.errors import CallerError
from gateway.message import Receipt, ReceiptState
from gateway.metrics import Metrics
from gateway.smpp.pdu import DeliverSm
from gateway.store import Store
from tests.redis_server import RedisServer

NOW = 1_763_800_000_000
KEYS = {"crm": "crm-key", "other": "other-key", "reader": "reader-key", "slow": "slow-key"}


CARRIER = Carrier(name="andina", host="127.0.0.1", system_id="recado", password="x", max_segments=3)


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Carriers:
    """One carrier, as the API sees it."""

    def __init__(self) -> None:
        self.paused = False
        self.woken = 0
        self.trace = Trace(CARRIER, ())

    def status(self) -> list[dict[str, Any]]:
        bind = {"index": 0, "mode": "transceiver", "state": "bound", "outstanding": 0}
        return [
            {
                "name": "andina",
                "state": "paused" if self.paused else "bound",
                "limited_by": "nothing_queued",
                "out_of_service": None,
                "receipts_missing": False,
                "rate": 100,
                "slots": {"held": 1, "others": 0, "allowed": 1},
                "allowed_rate": 100.0,
                "sending_rate": 0.0,
                "message_id": {"mode": "auto", "learned": None, "agreeing": 0},
                "binds": [bind],
            }
        ]

    def unread(self, name: str) -> list[dict[str, Any]] | None:
        if name != "andina":
            return None
        receipt = Receipt("", ReceiptState.UNKNOWN, "", "", "56912345678", "3450", None)
        kept = Unread()
        kept.keep(NOW, "nothing", DeliverSm(esm_class=4, short_message=b"00,,x"), receipt)
        return kept.view()

    def watch(self, name: str, *, numbers: bool, texts: bool, octets: bool) -> Watcher | None:
        return self.trace.watch(Show(numbers, texts, octets)) if name == "andina" else None

    async def pause(self, name: str) -> bool:
        self.paused = self.paused or name == "andina"
        return name == "andina"

    async def resume(self, name: str) -> bool:
        self.paused = self.paused and name != "andina"
        return name == "andina"

    def wake(self) -> None:
        self.woken += 1


def client(name: str, *scopes: Any, rate: int = 0) -> Client:
    """A client whose key is in :data:`KEYS`."""
    key = sha256(KEYS[name].encode()).hexdigest()
    return Client(name=name, key_sha256=key, scopes=frozenset(scopes), rate=rate)


def config(state_dir: Path) -> Config:
    """Four clients, one carrier, a route with senders for +56 and one without for +51."""
    return Config(
        http=Http(listen="127.0.0.1:0", metrics_listen="127.0.0.1:0", max_body_bytes=100_000),
        redis=Redis(state_dir=str(state_dir)),
        policy=Policy(profile="off"),
        clients=(
            client("crm", "submit", "read", "admin"),
            client("other", "submit", "read"),
            client("reader", "read"),
            client("slow", "submit", "read", rate=2),
        ),
        carriers=(CARRIER,),
        routes=(
            Route(name="chile", prefixes=("+56",), carriers=("andina",), senders=("3450", "Banco")),
            Route(name="peru", prefixes=("+51",), carriers=("andina",)),
        ),
    )


class Answered:
    """An answer, read to its end."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """The body as NDJSON."""
        return [json.loads(line) for line in self.body.splitlines()]


class Description:
    """Holds answers against the description."""

    def __init__(self) -> None:
        self._document = document(CALLS)
        self._table = Table(CALLS)
        self._validators: dict[str, Any] = {}

    def check(self, method: str, path: str, answer: Answered) -> None:
        """Fail unless the status, the media type and the body are described."""
        try:
            call, _ = self._table.find(method, path)
        except CallerError:
            return
        described = self._document["paths"][call.path][call.method.lower()]["responses"]
        assert str(answer.status) in described, f"{method} {path} answers {answer.status}"
        content = described[str(answer.status)]["content"]
        media = answer.headers["Content-Type"].partition(";")[0]
        assert media in content
        if media == NDJSON:
            for line in answer.lines:
                self._validate(content[media]["x-line"], line)
        elif media.endswith("json"):
            self._validate(content[media]["schema"], answer.json)

    def _validate(self, schema: dict[str, Any], body: Any) -> None:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        self._validators[key].validate(body)


assert_described = Description().check


class Running:
    """A running API and a caller of it."""

    def __init__(self, api: Api, store: Store, carriers: Carriers, clock: Clock) -> None:
        self.api = api
        self.store = store
        self.carriers = carriers
        self.clock = clock
        self.ready = True
        self.session: ClientSession

    @property
    def port(self) -> int:
        return self.api.addresses[0][1]

    @property
    def metrics_port(self) -> int:
        return self.api.addresses[1][1]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str | None = None,
        key: str | None = "crm",
        headers: dict[str, str] | None = None,
        port: int = 0,
    ) -> Answered:
        """One call; a body that is neither octets nor a stream goes as JSON."""
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {KEYS.get(key, key)}"
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "__aiter__"):
            body, kind = json.dumps(body).encode(), kind or "application/json"
        if kind is not None:
            sent["Content-Type"] = kind
        url = f"http://127.0.0.1:{port or self.port}{path}"
        async with asyncio.timeout(30):
            async with self.session.request(method, url, data=body, headers=sent) as answer:
                found = Answered(answer.status, dict(answer.headers), await answer.read())
        if not port:
            assert_described(method, path.partition("?")[0], found)
        return found

    async def stream(self, body: Any, query: str = "", **more: Any) -> Answered:
        """POST NDJSON."""
        return await self.call(
            "POST", f"/v1/messages{query}", body, kind="application/x-ndjson", **more
        )

    async def campaign(self, key: str = "crm", **settings: Any) -> str:
        """A new campaign's id."""
        made = await self.call("POST", "/v1/campaigns", {"name": "mora", **settings}, key=key)
        assert made.status == 201, made.body
        return str(made.json["id"])

    def configure(self, **changes: Any) -> None:
        """Take a changed configuration."""
        self.api.configure(replace(self.api.context.config, **changes))

    def only_to(self, *numbers: str) -> None:
        """Staging: every other number is blocked."""
        self.configure(safety=Safety(only_to=numbers))


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[Store]:
    """An empty store."""
    store = Store(redis_server.url)
    await store.redis.call("FLUSHALL")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def api(store: Store, tmp_path: Path) -> AsyncIterator[Running]:
    """The API, listening."""
    carriers, clock = Carriers(), Clock()
    running: Running
    made = Api(config(tmp_path), store, carriers, Metrics(), lambda: running.ready, clock=clock)
    running = Running(made, store, carriers, clock)
    await made.start()
    async with ClientSession(auto_decompress=False) as session:
        running.session = session
        yield running
    await made.stop()


Post = Callable[..., Awaitable[Answered]]


@pytest.fixture
def post(api: Running) -> Post:
    """POST one message: the fields given over those of a good one."""

    async def post(key: str = "crm", headers: dict[str, str] | None = None, **fields: Any) -> Any:
        message = {"to": "+56912345678", "text": "Su cuota vence hoy.", **fields}
        return await api.call("POST", "/v1/messages", message, key=key, headers=headers)

    return post
