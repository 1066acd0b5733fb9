"""The connections to Redis, and the scripts that run there.

``Redis`` runs one script by name, or plain commands, with foreign errors translated at the border.
redis-py says where Redis is; what is said to it goes over lines of our own. Nothing here retries by
itself: who can do a thing twice knows it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import redis.asyncio as aioredis
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store.keys import Keys
from gateway.store.line import Line, Place, Word

LAYOUT = 1
OLDEST = (6, 2)
_pack = msgspec.msgpack.Encoder().encode

_AWAY = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OSError,
    asyncio.TimeoutError,
)
_CANNOT = (AskError, ClusterDownError, OutOfMemoryError, TryAgainError)
_CANNOT_WORDS = ("MISCONF", "NOREPLICAS")
"""Those for which redis-py has no class of its own."""


class Script:
    """A Lua script: its name, its text, and its SHA-1."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def translate(error: Exception) -> Exception:
    """Ours for a Redis that is away or cannot write; anything else is a fault and stays."""
    if isinstance(error, _AWAY):
        return StoreUnavailable(f"Redis does not answer: {error}")
    if isinstance(error, _CANNOT) or (
        isinstance(error, ResponseError) and str(error).startswith(_CANNOT_WORDS)
    ):
        return StoreUnavailable(f"Redis cannot write: {error}")
    return error


class Redis:
    """One Redis, over a line for each script and one for plain commands.

    What is read from several connections in one go Redis fsyncs at once, so that a step does not
    wait for another's. ``timeout`` bounds every call, in seconds. Raises
    :class:`StoreUnavailable` where Redis does not answer or cannot write. Answers are as Redis
    gives them (RESP2): bytes, int, None, lists.
    """

    def __init__(self, url: str, *, timeout: float = 3.0, shard: int = 0) -> None:
        self.shown = re.sub(r"//[^/@]*@", "//***@", url)
        """The URL without its password."""
        self.keys = Keys(shard)
        self.latency = 0.0
        """Seconds the last script took, round trip."""
        self._client = connect(url, timeout)
        self._timeout = timeout
        self._lines: dict[str, Line] = {}

    async def run(self, script: Script, argument: object, *more: bytes) -> Any:
        """Run ``script`` with ``argument`` as its first ARGV, in MessagePack."""
        blob = _pack(argument)
        started = time.monotonic()
        try:
            try:
                answer = await self._line(script.name).call(
                    "EVALSHA", script.sha, 1, self.keys.root, blob, *more
                )
            except NoScriptError:
                answer = await self._line(script.name).call(
                    "EVAL", script.text, 1, self.keys.root, blob, *more
                )
        except (RedisError, OSError) as error:
            raise translate(error) from error
        self.latency = time.monotonic() - started
        return answer

    async def call(self, *command: Word) -> Any:
        """One plain command."""
        try:
            return await self._line().call(*command)
        except (RedisError, OSError) as error:
            raise translate(error) from error

    async def pipeline(self, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
        """Several plain commands in one round trip, not atomic."""
        if not commands:
            return []
        answers = self._line().pipeline(commands)
        try:
            await asyncio.wait(answers[-1:])  # and with it those before it
        finally:
            for answer in answers:
                answer.cancel()
        errors = [e for answer in answers if isinstance(e := answer.exception(), Exception)]
        if errors:
            raise translate(errors[0]) from errors[0]
        return [answer.result() for answer in answers]

    def _line(self, name: str = "") -> Line:
        line = self._lines.get(name)
        if line is None or line.lost:
            line = self._lines[name] = Line(self._find, self._timeout)
        return line

    async def _find(self) -> Place:
        """Where Redis is now: asked for each new line, as a master may have moved."""
        if isinstance(self._client, aioredis.RedisCluster):
            await self._client.aclose()  # forgets who holds what
            await self._client.initialize()
            node = self._client.get_node_from_key(self.keys.root)
            assert node is not None  # as only a replica's may be
            return Place(host=node.host, port=int(node.port))
        pool = self._client.connection_pool
        meant = pool.make_connection()
        if isinstance(pool, SentinelConnectionPool):
            meant.host, meant.port = await pool.get_master_address()  # type: ignore[no-untyped-call]
        greeting: list[tuple[Word, ...]] = []
        if meant.username or meant.password:
            user = (meant.username,) if meant.username else ()
            greeting.append(("AUTH", *user, meant.password or ""))
        if meant.db:
            greeting.append(("SELECT", meant.db))
        if isinstance(meant, UnixDomainSocketConnection):
            return Place(path=meant.path, greeting=greeting)
        tls = meant.ssl_context.get() if isinstance(meant, SSLConnection) else None
        return Place(host=meant.host, port=int(meant.port), tls=tls, greeting=greeting)

    async def prepare(self, shards: int = 1) -> None:
        """Check version and layout, and claim an empty database for this layout.

        Raises :class:`StoreRefused` when the server is too old or the data are laid out
        otherwise.
        """
        info = (await self.call("INFO", "server")).decode()
        version = re.findall(r"^redis_version:(\S+)", info, re.MULTILINE)[0]
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            raise StoreRefused(
                f"Redis {version} at {self.shown} is too old: 6.2 or newer is needed"
            )
        key = self.keys("layout")
        await self.pipeline([("HSETNX", key, "version", LAYOUT), ("HSETNX", key, "shards", shards)])
        found = [int(value) for value in await self.call("HMGET", key, "version", "shards")]
        if found != [LAYOUT, shards]:
            raise StoreRefused(
                f"{self.shown} holds data of layout {found[0]} with {found[1]} shard(s), and this "
                f"is layout {LAYOUT} with {shards}: use another database, or the old setting"
            )

    async def fsync_policy(self) -> str:
        """The server's appendfsync, ``no`` without an append-only file, ``unknown`` if hidden."""
        try:
            answer = await self.call("CONFIG", "GET", "append*")
        except RedisError:
            return "unknown"
        pairs = zip(answer[::2], answer[1::2], strict=True)
        settings = {key.decode(): value.decode() for key, value in pairs}
        if settings.get("appendonly") != "yes":
            return "no"
        return str(settings.get("appendfsync", "unknown"))

    async def ping(self) -> float:
        """Seconds a round trip takes."""
        started = time.monotonic()
        await self.call("PING")
        return time.monotonic() - started

    async def close(self) -> None:
        """Close every connection."""
        for line in self._lines.values():
            await line.close()
        await self._client.aclose()
        if isinstance(
            pool := getattr(self._client, "connection_pool", None), SentinelConnectionPool
        ):
            for sentinel in pool.sentinel_manager.sentinels:
                await sentinel.aclose()


def connect(url: str, timeout: float) -> Any:
    """A redis-py client for any URL the configuration admits.

    ``redis+sentinel://host:port[,host:port]/master`` finds the master through sentinels;
    ``redis+cluster://host:port`` speaks to a cluster, where the one shard lives on one node.
    """
    scheme, _, rest = url.partition("://")
    settings: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "protocol": 2,
    }
    # One that is away leaves time to ask the next.
    short = {"socket_timeout": timeout / 3, "socket_connect_timeout": timeout / 3}
    if scheme == "redis+sentinel":
        hosts, _, master = rest.partition("/")
        sentinels = [(h.rpartition(":")[0], int(h.rpartition(":")[2])) for h in hosts.split(",")]
        return Sentinel(sentinels, sentinel_kwargs=settings | short).master_for(  # type: ignore[no-untyped-call]
            master or "mymaster", **settings
        )
    if scheme == "redis+cluster":
        host, _, port = rest.rstrip("/").partition(":")
        return aioredis.RedisCluster(host=host, port=int(port or 6379), **short)  # type: ignore[arg-type]
    return aioredis.Redis.from_url(url, **settings)
