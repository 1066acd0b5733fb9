"""The daemon under test: a real process with its embedded store, and its HTTP calls."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import load, resp, store, toml, wording
from benchmarks.carrier import Carrier
from benchmarks.processes import BenchFault, Crew, Meter, Started, free_port, until

KEY = "benchmark-key-of-thirty-two-octets"
UPLOAD_SECONDS = 3_600.0
PRIORITIES = ("urgent", "high", "normal", "bulk")


class Gateway:
    """One gateway with one carrier account; it may be stopped, killed and started again."""

    def __init__(
        self,
        crew: Crew,
        folder: Path,
        carrier_port: int,
        *,
        url: str = "embedded",
        rules: str = "",
        **account: Any,
    ) -> None:
        """``account`` are keys of ``[[carriers]]`` over the defaults; ``url`` is the store's.

        ``rules`` is a country's file of contact rules; without one they are off.
        """
        self._crew = crew
        self._config = folder / "gateway.toml"
        self._process: Started | None = None
        self.port = free_port()
        self.address = load.Address(self.port, KEY)
        self.client = load.Client(self.address)
        self.state_dir = folder / "state"
        self.socket = self.state_dir / "store" / "redis.sock"
        self._embedded = url == "embedded"
        settings = self._settings(carrier_port, url, account)
        if rules:
            settings["policy"] = {"profile": "prudent"}
            (folder / "policies").mkdir(exist_ok=True)
            (folder / "policies" / "country.toml").write_text(rules)
        self._config.write_text(toml.document(settings))
        crew.farewells.append(self._end_store)

    def _settings(self, carrier_port: int, url: str, account: Mapping[str, Any]) -> dict[str, Any]:
        carrier = {
            "name": "bench",
            "host": "127.0.0.1",
            "port": carrier_port,
            "system_id": "recado",
            "password": "recado",
            "binds": 2,
            "window": 100,
            "rebind_min_seconds": 0.1,
            "rebind_max_seconds": 0.5,
            **account,
        }
        client = {
            "name": "bench",
            "key_sha256": hashlib.sha256(KEY.encode()).hexdigest(),
            "scopes": ["submit", "read", "admin"],
        }
        route = {"name": "all", "prefixes": ["+"], "carriers": ["bench"], "senders": ["3450"]}
        return {
            "redis": {"url": url, "state_dir": str(self.state_dir)},
            "http": {"listen": f"127.0.0.1:{self.port}"},
            "node": {"name": "bench"},
            "log": {"level": "warning"},
            "policy": {"profile": "off"},
            "clients": [client],
            "carriers": [carrier],
            "routes": [route],
        }

    @property
    def process(self) -> Started:
        """The running process; raises BenchFault when there is none."""
        if self._process is None:
            raise BenchFault("the gateway is not running")
        return self._process

    async def start(self, seconds: float = 60.0) -> None:
        """Start it, and return when it answers /healthz."""
        words = ("gateway", "run", "--config", str(self._config))
        self._process = await self._crew.python("gateway", *words)
        await until(self._answers, "the gateway to answer", seconds)

    async def _answers(self) -> bool | None:
        if self.process.process.returncode is not None:
            raise BenchFault(f"the gateway ended:\n{self.process.tail()}")
        try:
            return True if (await self.client.ask("GET", "/healthz")).status == 200 else None
        except OSError:
            return None

    async def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self.client.close()
        await self._crew.end(self.process)
        self._process = None

    async def kill(self) -> None:
        """SIGKILL: what a crash looks like."""
        self.process.send(signal.SIGKILL)
        await self.stop()

    async def meter(self, carrier: Carrier) -> Meter:
        """Processor time of the gateway, its store, the carrier and the load from now on."""
        server = await resp.info(self.socket, "server")
        pids = {"gateway": self.process.pid, "store": int(server["process_id"])}
        return Meter({**pids, "carrier": carrier.pid, "load": os.getpid()})

    async def batches(self, size: int) -> float:
        """How many messages there were to a script run by the store so far."""
        found = await resp.info(self.socket, "commandstats")
        calls = found["cmdstat_evalsha"].partition("calls=")[2].partition(",")[0]
        return round(size / int(calls), 1)

    async def _end_store(self) -> None:
        """A gateway that was killed leaves its embedded server behind: end that too."""
        if not self._embedded or not await store.answers(self.socket):
            return
        server = await resp.info(self.socket, "server")
        os.kill(int(server["process_id"]), signal.SIGTERM)

        async def gone() -> bool | None:
            return None if await store.answers(self.socket) else True

        await until(gone, "the embedded store to end", 60)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call that must succeed; its decoded body."""
        answer = await self.client.ask(method, path, body)
        if not 200 <= answer.status < 300:
            raise BenchFault(f"{method} {path}: {answer.status} {answer.body[:500]!r}")
        return answer.json() if answer.body else None

    async def campaign(self, name: str, priority: str = "bulk", **settings: Any) -> str:
        """Create a campaign; its id."""
        body = {"name": name, "priority": priority, "from": "3450", **settings}
        made = await self.call("POST", "/v1/campaigns", body)
        return str(made["id"])

    async def upload(self, messages: Iterable[bytes], expected: int) -> None:
        """Stream messages as NDJSON; returns when all are committed, and all must be accepted."""
        answer = await self.try_upload(messages)
        said = answer.json()
        if answer.status != 202 or said["accepted"] != expected:
            raise BenchFault(f"the upload was answered {answer.status}: {answer.body[:500]!r}")

    async def try_upload(self, messages: Iterable[bytes]) -> load.Answer:
        """Stream messages as NDJSON; the answer, whatever it is."""
        chunks = wording.lines(iter(messages))
        return await self.client.upload(
            "/v1/messages", chunks, UPLOAD_SECONDS, "application/x-ndjson"
        )

    async def by_state(self, campaign: str) -> dict[str, int]:
        """A campaign's messages by state."""
        report = await self.call("GET", f"/v1/campaigns/{campaign}/report")
        return {str(state): int(n) for state, n in report["by_state"].items() if n}

    async def until_states(
        self, campaign: str, wanted: int, seconds: float, *states: str
    ) -> dict[str, int]:
        """Wait until at least ``wanted`` of a campaign's messages are in one of the states."""
        found: dict[str, int] = {}

        async def look() -> dict[str, int] | None:
            nonlocal found
            found = await self.by_state(campaign)
            return found if sum(found.get(state, 0) for state in states) >= wanted else None

        try:
            return await until(look, f"{wanted} messages {' or '.join(states)}", seconds, pause=0.2)
        except BenchFault as fault:
            raise BenchFault(f"{fault}; the report said {found}") from None

    async def until_bound(self, binds: int = 2, seconds: float = 30.0) -> None:
        """Wait until so many sessions are bound."""

        async def look() -> bool | None:
            carriers = await self.call("GET", "/v1/carriers")
            states = [str(bind["state"]) for item in carriers["items"] for bind in item["binds"]]
            return True if sum(state.startswith("bound") for state in states) >= binds else None

        await until(look, f"{binds} bound sessions", seconds)

    async def metrics(self) -> dict[str, float]:
        """/metrics as a dict of sample to value."""
        text = (await self.client.ask("GET", "/metrics")).body.decode()
        rows = (row.rpartition(" ") for row in text.splitlines() if row and row[0] != "#")
        return {name: float(value) for name, _, value in rows}


class EventReader:
    """Reads /v1/events from where it stands, and counts final events."""

    def __init__(self, gateway: Gateway) -> None:
        self._client = load.Client(gateway.address)
        self._cursor = ""
        self.kinds: dict[str, int] = {}
        self.pages = 0
        self.last_at = 0.0

    async def until(self, kind: str, wanted: int, seconds: float) -> None:
        """Read on until ``wanted`` events of a kind were seen; raises BenchFault if none come."""
        async with asyncio.timeout(seconds):
            while self.kinds.get(kind, 0) < wanted:
                await self._page()

    async def _page(self) -> None:
        after = f"&cursor={self._cursor}" if self._cursor else ""
        answer = await self._client.ask("GET", f"/v1/events?limit=1000&wait=5{after}")
        if answer.status != 200:
            raise BenchFault(f"GET /v1/events: {answer.status} {answer.body[:300]!r}")
        page = answer.json()
        for event in page["items"]:
            kind = event["kind"]
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if page["items"]:
            self.last_at = answer.answered_at
        self._cursor = page["next"] or self._cursor
        self.pages += 1

    def close(self) -> None:
        """Close its connection."""
        self._client.close()
