"""Keys, scopes and rates."""

from __future__ import annotations

import pytest

from gateway.api.auth import Keyring, Rate
from gateway.errors import CallerError
from tests.api.conftest import KEYS, Running, client


def test_a_rate_spaces_requests_and_admits_a_second_at_once() -> None:
    """Ten a second: ten at once, then one each tenth; a pause saves up no more than a second."""
    rate = Rate(10)
    assert [rate.take(100.0) for _ in range(10)] == [0.0] * 10
    assert rate.take(100.0) == pytest.approx(0.1)
    assert rate.take(100.1) == 0.0
    assert rate.take(100.15) == pytest.approx(0.05)
    assert [rate.take(200.0) for _ in range(10)] == [0.0] * 10
    assert rate.take(200.0) > 0


def test_no_rate_is_no_limit() -> None:
    """0 in the configuration."""
    rate = Rate(0)
    assert all(rate.take(1.0) == 0.0 for _ in range(1000))


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic crm-key", "Bearer nobody"]
)
def test_who_has_no_key_is_refused(header: str | None) -> None:
    """401, whatever is wrong with it."""
    with pytest.raises(CallerError) as caught:
        Keyring([client("crm", "read")]).admit(header, "read", 0.0)
    assert (caught.value.type, caught.value.status) == ("no-key", 401)


def test_a_key_is_known_again() -> None:
    """The second look costs no hash, and says the same."""
    keyring = Keyring([client("crm", "read"), client("other", "submit")])
    header = f"bearer {KEYS['other']}"
    assert keyring.admit(header, "submit", 0.0).name == "other"
    assert keyring.admit(header, "submit", 0.0).name == "other"
    with pytest.raises(CallerError) as caught:
        keyring.admit(header, "read", 0.0)
    assert caught.value.type == "no-scope"


async def test_calls_without_key_or_scope(api: Running) -> None:
    """401 says how; 403 names the scope."""
    answer = await api.call("GET", "/v1/campaigns", key=None)
    assert (answer.status, answer.json["type"]) == (401, "no-key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    answer = await api.call("POST", "/v1/campaigns", {"name": "x"}, key="reader")
    assert (answer.status, answer.json["type"]) == (403, "no-scope")
    assert "'submit'" in answer.json["detail"]


async def test_a_rate_is_told(api: Running) -> None:
    """429 with Retry-After after a second's worth; other clients go on."""
    statuses = [(await api.call("GET", "/v1/campaigns", key="slow")).status for _ in range(5)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    while (answer := await api.call("GET", "/v1/campaigns", key="slow")).status != 429:
        pass
    assert answer.json["type"] == "rate-limited"
    assert answer.headers["Retry-After"] == "1"
    assert (await api.call("GET", "/v1/campaigns")).status == 200


async def test_another_configuration_holds_at_once(api: Running) -> None:
    """A key taken out is refused from the next request on."""
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    api.configure(clients=(client("other", "read"),))
    assert (await api.call("GET", "/v1/campaigns")).status == 401
    assert (await api.call("GET", "/v1/campaigns", key="other")).status == 200
