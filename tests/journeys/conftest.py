"""A stage for each journey; the logs of its processes are shown when it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

import pytest

from tests.journeys.stage import Stage

_stage = pytest.StashKey[Stage]()


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """An empty stage, cleared after the test."""
    async with Stage.open() as made:
        request.node.stash[_stage] = made
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """While the files are still there."""
    report = yield
    made = item.stash.get(_stage, None)
    if made is not None and report.when == "call" and report.failed:
        report.sections += made.logs()
    return report
