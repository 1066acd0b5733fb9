"""The connection to Redis, and the scripts that run there.

``Redis`` is a small face over redis-py: one script by name, plain commands, foreign errors
translated at the border. Nothing here retries by itself: who can do a thing twice knows it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from typing import Any

import msgspec
import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store.keys import PRELUDE, Keys

LAYOUT = 1
OLDEST = (6, 2)
RAW = ("XPENDING", "XINFO CONSUMERS", "XRANGE", "HGETALL", "CONFIG GET")
"""Commands whose answers we take as the server gives them, whatever the client makes of them."""
_pack = msgspec.msgpack.Encoder().encode

_AWAY = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OSError,
    asyncio.TimeoutError,
)
_AWAY_WORDS = ("LOADING", "MISCONF", "OOM", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS")


class Script:
    """A Lua script: its text with the prelude before it, and its SHA-1."""

    def __init__(self, name: str, body: str) -> None:
        self.name = name
        self.text = PRELUDE + body
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def translate(error: Exception) -> Exception:
    """Ours for a Redis that is away or cannot write; anything else is a fault and stays."""
    if isinstance(error, _AWAY):
        return StoreUnavailable(f"Redis does not answer: {error}")
    if isinstance(error, ResponseError) and str(error).startswith(_AWAY_WORDS):
        return StoreUnavailable(f"Redis cannot write: {error}")
    return error


class Redis:
    """One Redis, through a pool of connections.

    ``timeout`` bounds every call, in seconds. Raises :class:`StoreUnavailable` where Redis does
    not answer or cannot write.
    """

    def __init__(self, url: str, *, timeout: float = 3.0, shard: int = 0) -> None:
        self.shown = re.sub(r"//[^/@]*@", "//***@", url)
        """The URL without its password."""
        self.keys = Keys(shard)
        self.latency = 0.0
        """Seconds the last script took, round trip."""
        self._client = connect(url, timeout)
        for command in RAW:
            self._client.response_callbacks.pop(command, None)

    async def run(self, script: Script, argument: object, *more: bytes) -> Any:
        """Run ``script`` with ``argument`` as its first ARGV, in MessagePack."""
        blob = _pack(argument)
        started = time.monotonic()
        try:
            try:
                answer = await self._client.execute_command(
                    "EVALSHA", script.sha, 1, self.keys.root, blob, *more
                )
            except NoScriptError:
                answer = await self._client.execute_command(
                    "EVAL", script.text, 1, self.keys.root, blob, *more
                )
        except (RedisError, OSError) as error:
            raise translate(error) from error
        self.latency = time.monotonic() - started
        return answer

    async def call(self, *command: str | bytes | int | float) -> Any:
        """One plain command."""
        try:
            return await self._client.execute_command(*command)
        except (RedisError, OSError) as error:
            raise translate(error) from error

    async def pipeline(self, commands: list[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Several plain commands in one round trip, not atomic."""
        if not commands:
            return []
        pipe = self._client.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        try:
            return list(await pipe.execute())
        except (RedisError, OSError) as error:
            raise translate(error) from error

    async def prepare(self, shards: int = 1) -> None:
        """Check version and layout, and claim an empty database for this layout.

        Raises :class:`StoreRefused` when the server is too old or the data are laid out
        otherwise.
        """
        info = await self.call("INFO", "server")
        version = str(info["redis_version"])
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
        await self._client.aclose()


def connect(url: str, timeout: float) -> Any:
    """A redis-py client for any URL the configuration admits.

    ``redis+sentinel://host:port[,host:port]/master`` finds the master through sentinels;
    ``redis+cluster://host:port`` speaks to a cluster, where the one shard lives on one node.
    """
    settings: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "protocol": 2,
    }
    scheme, _, rest = url.partition("://")
    if scheme == "redis+sentinel":
        hosts, _, master = rest.partition("/")
        sentinels = [(h.rpartition(":")[0], int(h.rpartition(":")[2])) for h in hosts.split(",")]
        return Sentinel(sentinels, socket_timeout=timeout).master_for(  # type: ignore[no-untyped-call]
            master or "mymaster", **settings
        )
    if scheme == "redis+cluster":
        host, _, port = rest.rstrip("/").partition(":")
        return aioredis.RedisCluster(
            host=host,
            port=int(port or 6379),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
    return aioredis.Redis.from_url(url, **settings)
