"""Carriers and ESMEs that are gone when their test is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from gateway.simulator import Script, Simulator
from gateway.simulator.loading import merged
from tests.simulator.esme import Esme

Carrier = Callable[..., Awaitable[Simulator]]


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    """Starts a carrier with a seed, on a free port; keywords are its script."""
    started: list[Simulator] = []

    async def start(**settings: Any) -> Simulator:
        script = merged(Script(), {"listen": "127.0.0.1:0", "seed": 1} | settings)
        simulator = Simulator(script)
        await simulator.start()
        started.append(simulator)
        return simulator

    yield start
    for simulator in started:
        await simulator.stop()


@pytest.fixture
async def esme() -> AsyncIterator[Callable[[], Esme]]:
    """Makes ESMEs."""
    made: list[Esme] = []

    def make() -> Esme:
        made.append(Esme())
        return made[-1]

    yield make
    for one in made:
        await one.close()
