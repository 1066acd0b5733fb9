"""What is found in texts, in every kind of answer; what the rules refuse is not kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import ClientSession

from gateway import policies
from gateway.api.server import Api
from gateway.config import Policy
from gateway.metrics import Metrics
from gateway.policy.calendars import Calendars
from gateway.store import Store
from tests.api.conftest import Carriers, Clock, Running, config

CHILE, PERU = "+56981234567", "+51987654321"
DUE = "Banco Ejemplo: su cuota vence hoy."
LAW = "Ley 19.496, art. 37"


@pytest.fixture
async def api(store: Store, tmp_path: Path) -> AsyncIterator[Running]:
    """The API with the countries' rules."""
    calendars = Calendars(policies.load())
    store.queue.fresh = calendars.fresh
    carriers, clock = Carriers(), Clock()
    made = replace(config(tmp_path), policy=Policy())
    listening = Api(
        made, store, carriers, Metrics(), lambda: True, clock=clock, calendars=calendars
    )
    running = Running(listening, store, carriers, clock)
    await listening.start()
    async with ClientSession(auto_decompress=False) as session:
        running.session = session
        yield running
    await listening.stop()


def lint(api: Running, setting: Literal["files", "warn", "refuse", "off"]) -> None:
    api.configure(policy=Policy(lint=setting))


async def post(api: Running, **fields: Any) -> Any:
    return await api.call("POST", "/v1/messages", {"to": CHILE, "text": DUE, **fields})


async def test_one_message_is_warned(api: Running) -> None:
    """What is found and where; a text with nothing to find says nothing."""
    campaign = await api.campaign(creditor="Banco Ejemplo S.A.")
    clean = await post(api, campaign=campaign)
    assert clean.status == 202
    assert "findings" not in clean.json
    warned = await post(api, campaign=campaign, text="Evite la cárcel")
    assert warned.status == 202
    assert warned.json["findings"] == [
        {"word": "threat", "what": "cárcel", "at": 9, "law": LAW},
        {"word": "creditor", "what": "Banco Ejemplo S.A.", "law": LAW},
    ]


async def test_one_message_is_refused(api: Running) -> None:
    """With the words it is for, and nothing is kept of it."""
    refused = await post(api, text="DICOM espera. Pague o irá a la cárcel", ref="r1")
    assert (refused.status, refused.json["type"]) == (422, "text-refused")
    assert (refused.json["field"], refused.json["detail"]) == ("text", "registry: 'DICOM'")
    assert [(one["word"], one.get("refuse")) for one in refused.json["findings"]] == [
        ("registry", True),
        ("threat", None),
        ("creditor", None),
    ]
    assert (await api.call("GET", "/v1/messages?ref=r1")).json["items"] == []


async def test_another_country_has_its_own(api: Running) -> None:
    """Peru warns of what Chile refuses, and asks for no creditor."""
    words = (await post(api, to=PERU, text="Irá a juicio", **{"from": "Banco"})).json["findings"]
    assert [(one["word"], one["what"]) for one in words] == [("judicial", "juicio")]


@pytest.mark.parametrize(
    ("setting", "status", "found"),
    [("warn", 202, True), ("refuse", 422, True), ("off", 202, False), ("files", 422, True)],
)
async def test_the_gateway_may_have_all_alike(
    api: Running, setting: Any, status: int, found: bool
) -> None:
    """Its setting stands over the files'."""
    lint(api, setting)
    answer = await post(api, text="Banco Ejemplo: evite DICOM")
    assert (answer.status, "findings" in answer.json) == (status, found)
    light = await post(api, text="Su cuota vence hoy")
    assert light.status == (422 if setting == "refuse" else 202)


async def test_what_is_no_collection_is_not_asked(api: Running) -> None:
    """A payment's thank-you need not name the creditor."""
    campaign = await api.campaign(policy="transactional")
    assert "findings" not in (await post(api, campaign=campaign, text="Gracias")).json


async def test_many_are_counted(api: Running) -> None:
    """An item has its own; the sum is of messages, refused ones too."""
    items = [
        {"to": CHILE, "text": "Evite la cárcel y la prisión"},
        {"to": CHILE, "text": "Evite DICOM"},
        {"to": PERU, "text": DUE, "from": "Banco"},
    ]
    many = (await api.call("POST", "/v1/messages", items)).json
    assert (many["accepted"], many["rejected"]) == (2, 1)
    assert many["findings"] == {"threat": 1, "creditor": 2, "registry": 1}
    assert [one["word"] for one in many["messages"][0]["findings"]][:2] == ["threat", "threat"]
    assert "findings" not in many["messages"][1]
    assert [(one["index"], one["type"]) for one in many["errors"]] == [(1, "text-refused")]


async def test_a_stream_counts_and_its_lines_tell(api: Running) -> None:
    """Counts for the whole; by lines each its own, in an error as well."""
    lines = (
        b'{"to": "+56981234567", "text": "Evite DICOM"}\n'
        b'{"to": "+56981234567", "text": "Banco Ejemplo: vence hoy"}\n'
    )
    summary = (await api.stream(lines)).json
    assert summary["findings"] == {"registry": 1, "creditor": 2}
    refused, warned = (await api.stream(lines, "?answers=lines")).lines
    assert refused["error"]["findings"][0]["what"] == "DICOM"
    assert [one["word"] for one in warned["findings"]] == ["creditor"]
    lint(api, "off")
    assert "findings" not in (await api.stream(lines)).json


async def test_a_text_is_only_asked_about(api: Running) -> None:
    """Findings with a number, for a creditor; nothing is refused."""

    async def ask(**fields: Any) -> Any:
        return (await api.call("POST", "/v1/texts", {"text": "Evite DICOM", **fields})).json

    found = (await ask(to=CHILE))["findings"]
    assert [(one["word"], one.get("refuse")) for one in found] == [
        ("registry", True),
        ("creditor", None),
    ]
    assert "findings" not in await ask()
    assert "findings" not in await ask(to=CHILE, text=DUE, creditor="Banco Ejemplo")
    lint(api, "off")
    assert "findings" not in await ask(to=CHILE)
