"""Carriers are shown, paused and resumed, by who may."""

from __future__ import annotations

from tests.api.conftest import Running


async def test_carriers_are_shown(api: Running) -> None:
    """As the carriers say of themselves."""
    answer = await api.call("GET", "/v1/carriers")
    assert [one["name"] for one in answer.json["items"]] == ["andina"]
    assert (await api.call("GET", "/v1/carriers", key="reader")).status == 403


async def test_receipts_that_could_not_be_read_are_shown(api: Running) -> None:
    """To the operator alone, numbers masked."""
    answer = await api.call("GET", "/v1/carriers/andina/unread")
    (one,) = answer.json["items"]
    assert (one["what"], one["text"], one["from"]) == ("nothing", "00,,x", "569*****678")
    assert (await api.call("GET", "/v1/carriers/andina/unread", key="reader")).status == 403
    answer = await api.call("GET", "/v1/carriers/none/unread")
    assert (answer.status, answer.json["type"]) == (404, "unknown-carrier")


async def test_pause_and_resume(api: Running) -> None:
    """Each answers the carrier as it is then."""
    paused = await api.call("POST", "/v1/carriers/andina/pause")
    assert (paused.status, paused.json["state"]) == (200, "paused")
    resumed = await api.call("POST", "/v1/carriers/andina/resume")
    assert (resumed.status, resumed.json["state"]) == (200, "bound")
    for verb in ("pause", "resume"):
        answer = await api.call("POST", f"/v1/carriers/none/{verb}")
        assert (answer.status, answer.json["type"]) == (404, "unknown-carrier")
