"""Real processes: started in a group of their own, ended by their id, waited for with a bound."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.02
TAIL_WIDTH = 400


class BenchFault(RuntimeError):
    """The benchmark could not be carried out: a process ended or a wait ran out of time."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(
    ask: Callable[[], Awaitable[T | None]],
    what: str,
    seconds: float,
    pause: float = POLL_SECONDS,
) -> T:
    """Ask every ``pause`` seconds until the answer is not None; BenchFault after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = await ask()
        if answer is not None:
            return answer
        await asyncio.sleep(pause)
    raise BenchFault(f"waited {seconds:g} s for {what}")


async def wait_for_port(port: int, what: str, seconds: float = 20.0) -> None:
    """Return as soon as something accepts connections on the port."""

    async def connects() -> bool | None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return None
        writer.close()
        return True

    await until(connects, what, seconds)


class Meter:
    """Processor time that some processes use from now on."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._from = {name: _cpu_seconds(pid) for name, pid in pids.items()}

    def each(self, size: int) -> dict[str, float]:
        """Microseconds a message, by process."""
        return {
            name: round((_cpu_seconds(pid) - self._from[name]) / size * 1e6, 1)
            for name, pid in self._pids.items()
        }


def _cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Started:
    """One process of a benchmark; ``log`` holds what it printed."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def rss_bytes(self) -> int:
        """Resident memory now, in bytes."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process's group; nothing if it has ended."""
        if self.process.returncode is None:
            os.killpg(self.pid, number)

    async def stop(self, seconds: float = 20.0) -> int:
        """Ask it to end, insist after ``seconds``; its exit status."""
        self.send(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.send(signal.SIGKILL)
            return await self.process.wait()

    def tail(self, lines: int = 8) -> str:
        """The last lines it printed, long ones cut."""
        rows = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(row[:TAIL_WIDTH] for row in rows)


@dataclass
class Crew:
    """Every process of one scenario; leaving it ends them, the last started first."""

    folder: Path
    members: list[Started] = field(default_factory=list)
    farewells: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    _started: int = 0

    async def start(self, name: str, command: Sequence[str]) -> Started:
        """Start a command from the repository's root, its output in a file of the folder."""
        self._started += 1
        log = self.folder / f"{self._started:02d}-{name}.log"
        with log.open("wb") as output:
            process = await self._spawn(command, output)
        started = Started(name, process, log)
        self.members.append(started)
        return started

    async def python(self, name: str, *words: str) -> Started:
        """Start ``python -m words`` with this interpreter."""
        return await self.start(name, [sys.executable, "-m", *words])

    async def _spawn(self, command: Sequence[str], output: IO[bytes]) -> asyncio.subprocess.Process:
        path = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    async def end(self, started: Started) -> None:
        """End one process before the others."""
        self.members.remove(started)
        await started.stop()

    async def __aenter__(self) -> Crew:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            for member in self.members:
                print(f"--- {member.name}, last lines\n{member.tail()}", file=sys.stderr)
        while self.members:
            await self.members.pop().stop()
        while self.farewells:
            await self.farewells.pop()()
