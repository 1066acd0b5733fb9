"""The countries' files as they ship, read once."""

from __future__ import annotations

import pytest

from gateway import policies
from gateway.policy.decide import Rulebook


@pytest.fixture(scope="session")
def book() -> Rulebook:
    """All nine countries."""
    return policies.read(sorted(policies.shipped().glob("*.toml")))
