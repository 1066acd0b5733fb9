"""What a journey stands on: a short folder, real processes in it, and bounded waiting.

Every process is started in a group of its own and ended by its id; what it printed is a file, and
the end of that file is shown when a test fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")
Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
PAUSE = 0.02
"""Seconds between two looks at a condition."""
SECONDS = 30.0
"""How long a condition may take on a slow machine."""
TAIL = 12_000
"""Octets of a log that a failed test shows."""

ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "SSL_CERT_FILE": os.devnull}
"""No journey speaks TLS: reading the authorities would cost each process a tenth of a second."""

KEY = "rcd_journey"
WINDOW = 20
BINDS = 2
TWO_WINDOWS = 2 * WINDOW * BINDS
"""The most that one accident may leave in doubt."""
FINAL = frozenset(
    ("delivered", "undelivered", "expired", "rejected", "failed", "canceled", "blocked", "unknown")
)


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = SECONDS) -> T:
    """Look until the answer is neither None nor False; AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = await look()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        await asyncio.sleep(PAUSE)


def toml(settings: Mapping[str, Any]) -> str:
    """A TOML document of values, tables and arrays of tables, two levels deep.

    JSON's values are TOML's, but for its tables.
    """
    plain, tables = [], []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            tables += [f"[{key}]", *_lines(value)]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for item in value:
                tables += [f"[[{key}]]", *_lines(item)]
        else:
            plain.append(f"{key} = {json.dumps(value)}")
    return "\n".join([*plain, *tables, ""])


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


# --- processes ------------------------------------------------------------------------------------


@dataclass
class Program:
    """One process, and the file that has what it printed."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.process.returncode

    def send(self, number: signal.Signals) -> None:
        """A signal to this process alone."""
        if self.status is None:
            self.process.send_signal(number)

    async def ended(self, seconds: float = SECONDS) -> int:
        """Wait for its end; its exit status."""
        return await asyncio.wait_for(self.process.wait(), seconds)

    async def close(self) -> None:
        """End it, whatever it does."""
        if self.status is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGKILL)
        await self.process.wait()

    def said(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def events(self, name: str = "") -> list[Json]:
        """The lines of its log that are JSON, or those of one event."""
        found = []
        for line in self.said().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and name in ("", entry.get("event")):
                    found.append(entry)
        return found

    def complaints(self) -> list[str]:
        """What it wrote that is no log line, as for standard error."""
        return [line for line in self.said().splitlines() if line and not line.startswith("{")]

    async def until_event(self, name: str, seconds: float = SECONDS) -> Json:
        """Wait for an event in its log."""

        async def look() -> Json | None:
            found = self.events(name)
            assert found or self.status is None, f"{self.name} ended:\n{self.said()[-TAIL:]}"
            return found[0] if found else None

        return await until(look, f"{self.name} to say {name!r}", seconds)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stage:
    """A temporary folder and everything that runs in it."""

    folder: Path
    programs: list[Program] = field(default_factory=list)
    _http: aiohttp.ClientSession | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator[Stage]:
        """A fresh one; at the end every process is ended and the folder removed."""
        # Not pytest's tmp_path: a unix socket's path must be short.
        stage = cls(Path(tempfile.mkdtemp(prefix="rj")))
        async with stage:
            yield stage

    async def __aenter__(self) -> Stage:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()
        for program in reversed(self.programs):
            await program.close()
        for pid in self._stores():
            await _end_store(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self, name: str, *words: str, env: Mapping[str, str] | None = None) -> Program:
        """Start ``python -m gateway words``."""
        log = self.folder / f"{len(self.programs):02d}-{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", *words,
                cwd=ROOT,
                env={**os.environ, **ENVIRONMENT, **(env or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )  # fmt: skip
        program = Program(name, process, log)
        self.programs.append(program)
        return program

    async def ask(
        self,
        method: str,
        url: str,
        body: object = None,
        *,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; ``body`` is sent as JSON, octets as they are."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = dict(headers or {}) | ({"Content-Type": kind} if data is not None else {})
        async with self._http.request(method, url, data=data, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def carrier(self, **script: Any) -> Carrier:
        """A simulated carrier under this script, listening."""
        carrier = Carrier(self, script)
        await carrier.start()
        return carrier

    async def gateway(self, *carriers: Carrier, **settings: Any) -> Gateway:
        """A gateway with an account at each carrier, ready."""
        gateway = Gateway(self, carriers, **settings)
        await gateway.start()
        return gateway

    def _stores(self) -> list[int]:
        """Ids of embedded servers that are left."""
        files = self.folder.glob("**/store/redis.pid")
        return [int(words) for words in (file.read_text() for file in files) if words.strip()]

    def logs(self) -> list[tuple[str, str]]:
        """The end of what each process printed."""
        return [(p.log.name, p.said()[-TAIL:]) for p in self.programs if p.log.exists()]


async def _end_store(pid: int) -> None:
    """End an embedded server that a killed gateway has left behind."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)

        async def ended() -> bool:
            return gone(pid)

        await until(ended, "the store to end")


def gone(pid: int) -> bool:
    """Has the process ended? A dead child that nobody waits for counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# --- the carrier ----------------------------------------------------------------------------------


class Carrier:
    """``recado simulate`` in its own process."""

    def __init__(self, stage: Stage, script: Mapping[str, Any], name: str = "andina") -> None:
        self.name = name
        self._stage = stage
        self._script = dict(script)
        self._file = stage.folder / f"carrier-{len(stage.programs)}.toml"
        self.port = 0
        self._control = 0
        self.program: Program

    async def start(self) -> None:
        """Start it, on the port it had before if it had one."""
        settings = {
            "listen": f"127.0.0.1:{self.port}",
            "control": "127.0.0.1:0",
            "seed": 1,
            **self._script,
        }
        self._file.write_text(toml(settings))
        self.program = await self._stage.start("carrier", "simulate", "--config", str(self._file))
        said = await self.program.until_event("listening")
        self.port, self._control = int(said["port"]), int(said["control"])

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        answer = await self._stage.ask(method, f"http://127.0.0.1:{self._control}{path}", body)
        assert answer.status == 200, answer
        return answer

    async def stats(self) -> Json:
        """Its counts."""
        found: Json = (await self._ask("GET", "/stats")).json()
        return found

    async def set(self, **changes: Any) -> None:
        """Lay ``changes`` over its script."""
        await self._ask("POST", "/set", changes)

    async def storm(self, count: int) -> int:
        """Receipts at once for what it took last; how many."""
        return int((await self._ask("POST", f"/storm?count={count}")).json()["receipts"])

    async def reply(self, text: str, sender: str, to: str) -> None:
        """A text from a debtor."""
        await self._ask("POST", "/reply", {"text": text, "from": sender, "to": to})

    async def submits(self) -> list[Json]:
        """Its record, in the order of arrival."""
        return [json.loads(line) for line in (await self._ask("GET", "/submits")).body.splitlines()]

    async def taken(self) -> list[Json]:
        """What it took: answered with ESME_ROK, or not answered at all."""
        return [s for s in await self.submits() if s["status"] in ("ESME_ROK", None)]

    async def until_submits(self, wanted: int, seconds: float = SECONDS) -> None:
        """Wait until it has had so many."""

        async def look() -> bool:
            return bool((await self.stats())["submits"] >= wanted)

        await until(look, f"{wanted} submits at the carrier", seconds)

    async def deliveries(self) -> Json:
        """Counts of what it sends us: waiting, sent, resent, statuses of our answers."""
        accounts = (await self.stats())["accounts"].values()
        total = Counter[str]()
        statuses = Counter[str]()
        for account in accounts:
            counts = account["deliveries"]
            statuses.update(counts.pop("statuses"))
            total.update(counts)
        return {**total, "statuses": statuses}

    async def acknowledged(self) -> int:
        """Deliveries that we have said to keep."""
        return int((await self.deliveries())["statuses"]["ESME_ROK"])

    async def nothing_twice(self) -> int:
        """Fail if anything was taken twice; how many messages it took."""
        taken = await self.taken()
        times = Counter((s["to"], s["text"], s["part"], s["total"]) for s in taken)
        twice = [what for what, n in times.items() if n > 1]
        assert not twice, f"taken twice: {twice[:5]} ({len(twice)} in all)"
        assert (await self.stats())["duplicates"] == 0
        return len({(s["to"], s["text"]) if s["total"] <= 1 else s["to"] for s in taken})


# --- the gateway ----------------------------------------------------------------------------------


class Gateway:
    """``recado run`` with a configuration of its own; it may be stopped and started again."""

    def __init__(
        self,
        stage: Stage,
        carriers: Sequence[Carrier],
        *,
        url: str = "embedded",
        name: str = "n1",
        state_dir: Path | None = None,
        account: Mapping[str, Any] | None = None,
        lifecycle: Mapping[str, Any] | None = None,
        http: Mapping[str, Any] | None = None,
    ) -> None:
        """``account`` are keys of every ``[[carriers]]`` over these defaults."""
        self._stage = stage
        self.name = name
        self.folder = stage.folder / name
        self.folder.mkdir(exist_ok=True)
        self.state_dir = state_dir or self.folder
        self.config = self.folder / "gateway.toml"
        self.program: Program
        self.base = ""
        self.settings: Json = {
            "redis": {"url": url, "state_dir": str(self.state_dir)},
            "http": {"listen": "127.0.0.1:0", **(http or {})},
            "node": {"name": name},
            "lifecycle": {"drain_seconds": 10, **(lifecycle or {})},
            "policy": {"profile": "off"},
            "clients": [
                {
                    "name": "crm",
                    "key_sha256": hashlib.sha256(KEY.encode()).hexdigest(),
                    "scopes": ["submit", "read", "admin"],
                }
            ],
            "carriers": [_account(carrier, account or {}) for carrier in carriers],
            "routes": [_route(carriers)] if carriers else [],
        }

    async def launch(self, env: Mapping[str, str] | None = None) -> Program:
        """Write the configuration and start; without waiting for anything."""
        self.config.write_text(toml(self.settings))
        self.program = await self._stage.start(
            self.name, "run", "--config", str(self.config), env=env
        )
        return self.program

    async def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start, and return when it is ready."""
        await self.launch(env)
        ready = await self.program.until_event("ready")
        self.base = f"http://{ready['listen']}"

    async def stop(self, seconds: float = SECONDS) -> int:
        """SIGTERM; the exit status."""
        self.program.send(signal.SIGTERM)
        return await self.program.ended(seconds)

    async def kill(self) -> None:
        """SIGKILL: what a crash looks like. Its embedded store goes on."""
        self.program.send(signal.SIGKILL)
        await self.program.ended()

    def store_pid(self) -> int:
        """The embedded server's."""
        return int((self.state_dir / "store" / "redis.pid").read_text())

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        """A request with the client's key."""
        headers = {"Authorization": f"Bearer {KEY}", **more.pop("headers", {})}
        return await self._stage.ask(method, self.base + path, body, headers=headers, **more)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """A request that must succeed; its body."""
        answer = await self.ask(method, path, body)
        assert 200 <= answer.status < 300, (method, path, answer)
        return answer.json()

    async def campaign(self, name: str = "cobranza", **settings: Any) -> str:
        """Make a campaign; its id."""
        made = await self.call("POST", "/v1/campaigns", {"name": name, "from": "3450", **settings})
        return str(made["id"])

    async def upload(self, messages: Iterable[Json]) -> int:
        """Stream messages, all of which must be accepted; how many."""
        lines = [json.dumps(message).encode() for message in messages]
        answer = await self.ask(
            "POST", "/v1/messages", b"\n".join(lines), kind="application/x-ndjson"
        )
        assert answer.status == 202, answer
        assert answer.json()["accepted"] == len(lines), answer
        return len(lines)

    async def states(self, campaign: str) -> Counter[str]:
        """The campaign's messages by state."""
        report = await self.call("GET", f"/v1/campaigns/{campaign}/report")
        return Counter({state: n for state, n in report["by_state"].items() if n})

    async def until_states(
        self, campaign: str, seconds: float = SECONDS, **wanted: int
    ) -> Counter[str]:
        """Wait until its messages are in exactly these states."""
        found = Counter[str]()

        async def look() -> bool:
            nonlocal found
            found = await self.states(campaign)
            return found == Counter(wanted)

        try:
            await until(look, f"{wanted}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; found {dict(found)}") from None
        return found

    async def events(self) -> list[Json]:
        """Everything that has happened to the client's messages."""
        found: list[Json] = []
        cursor = ""
        while True:
            page = await self.call("GET", f"/v1/events?limit=1000{cursor}")
            found += page["items"]
            if not page["items"]:
                return found
            cursor = f"&cursor={page['next']}"

    async def ever_in_doubt(self) -> int:
        """How many messages have come into doubt, whatever became of them."""
        return sum(event["kind"] == "in_doubt" for event in await self.events())


def _account(carrier: Carrier, settings: Mapping[str, Any]) -> Json:
    return {
        "name": carrier.name,
        "host": "127.0.0.1",
        "port": carrier.port,
        "system_id": "recado",
        "password": "secret",
        "binds": BINDS,
        "window": WINDOW,
        "rebind_min_seconds": 0.05,
        "rebind_max_seconds": 0.2,
        "already_bound_seconds": 0.2,
        **settings,
    }


def _route(carriers: Sequence[Carrier]) -> Json:
    names = [carrier.name for carrier in carriers]
    return {"name": "chile", "prefixes": ["+56"], "carriers": names, "senders": ["3450"]}


def message(number: int, campaign: str = "", **more: Any) -> Json:
    """A message to a debtor of its own; ``more`` are fields of it."""
    made: Json = {"to": f"+569{number:08d}", "text": f"Banco Ejemplo: su cuota {number} vence hoy."}
    if campaign:
        made["campaign"] = campaign
    return made | more


def messages(count: int, campaign: str, **more: Any) -> list[Json]:
    """Messages numbered from 0."""
    return [message(number, campaign, **more) for number in range(count)]


async def all_ended(gateway: Gateway, carrier: Carrier, campaign: str, accepted: int) -> None:
    """Wait for the promises to come true after an accident.

    No accepted message is lost; none was taken twice; each that the carrier took has its receipt;
    only what never reached the carrier may stay in doubt.
    """
    found: Counter[str] = Counter()

    async def look() -> bool:
        nonlocal found
        answer = await gateway.ask("GET", f"/v1/campaigns/{campaign}/report")
        if answer.status == 503:  # the accident is not over
            return False
        found = Counter({state: n for state, n in answer.json()["by_state"].items() if n})
        if set(found) - {"delivered", "in_doubt"}:
            return False
        return bool(found["delivered"] == (await carrier.stats())["messages"])

    try:
        await until(look, "every message to end")
    except AssertionError as error:
        stats = await carrier.stats()
        raise AssertionError(f"{error}; found {dict(found)}, carrier {stats}") from None
    assert found.total() == accepted
    assert await carrier.nothing_twice() == found["delivered"]
