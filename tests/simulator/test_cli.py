"""The command in a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.simulator.cli import main
from tests.simulator.esme import PATIENCE_S, Esme, submit

MakeEsme = Callable[[], Esme]

RUN = "import sys; from gateway.simulator.cli import main; sys.exit(main(sys.argv[1:]))"


async def started(*arguments: str) -> tuple[Process, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, "--listen", "127.0.0.1:0", *arguments, stdout=PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 4 * PATIENCE_S)
    return process, json.loads(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_listens_serves_and_parts_in_order(
    esme: MakeEsme, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "stats.json"
    process, line = await started("--control", "127.0.0.1:0", "--stats", str(path))
    assert line["event"] == "listening"
    bound = esme()
    await bound.bind(line["port"])
    bound.send(submit(1))
    await bound.delivered(1)
    url = f"http://127.0.0.1:{line['control']}/stats"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert (await answer.json())["submits"] == 1
    process.send_signal(number)
    await bound.closed()
    assert await asyncio.wait_for(process.wait(), 2 * PATIENCE_S) == 0
    assert json.loads(path.read_text())["submits"] == 1


def test_a_wrong_script_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rate", "-1", "--receipts", "sms"]) == 2
    assert capsys.readouterr().err.count("options: ") == 2


def test_an_address_that_is_taken_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--listen", f"127.0.0.1:{taken.getsockname()[1]}"]) == 1
    assert "cannot listen" in capsys.readouterr().err
