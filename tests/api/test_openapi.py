"""The description is OpenAPI 3.1, is served, and says what the server does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation

from gateway.api import openapi
from gateway.api.calls import CALLS
from gateway.api.problems import KINDS
from gateway.api.server import Api
from gateway.metrics import Metrics
from gateway.store import Store
from tests.api.conftest import NOW, Carriers, Running, client, config
from tests.redis_server import RedisServer

HEADERS = {"Authorization": "Bearer crm-key"}
EXAMPLES = 30


class Served:
    """The API in a thread and a loop of its own: schemathesis calls it from outside."""

    def __init__(self, redis_url: str, state_dir: Path) -> None:
        self._redis_url = redis_url
        self._state_dir = state_dir
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._up.wait(30)

    async def _run(self) -> None:
        store = Store(self._redis_url)
        await store.redis.call("FLUSHALL")
        await store.open()
        made = replace(config(self._state_dir), clients=(client("crm", "submit", "read", "admin"),))
        api = Api(made, store, Carriers(), Metrics(), lambda: True, clock=lambda: NOW)
        api.context.closing.set()  # long polls answer at once
        await api.start()
        self.url = "http://{}:{}".format(*api.addresses[0])
        self._up.set()
        await self._stop.wait()
        await api.stop()
        await store.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture(scope="module")
def served(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The API, called from outside."""
    served = Served(redis_server.url, tmp_path_factory.mktemp("api"))
    yield served
    served.close()


SEMANTIC = {
    ("POST", "/v1/messages"),
    ("GET", "/v1/messages"),
    ("POST", "/v1/texts"),
    ("POST", "/v1/contacts"),
    ("PUT", "/v1/contacts/{msisdn}"),
    ("DELETE", "/v1/contacts/{msisdn}"),
    ("POST", "/v1/contacts/{msisdn}/touches"),
    ("POST", "/v1/debtors/cancel"),
}
"""Calls that may refuse what the schema allows: a route decides about text and sender, the other
filters about the cursor; a zone is some zone's name, what has been told is no time to come, what
holds for good is lifted with a reason, and CSV has a header."""


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: Any, value: Any) -> bytes:
    """A stream goes as it is."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


schema = schemathesis.openapi.from_dict(openapi.document(CALLS))


def validate(case: Any, url: str) -> None:
    """Send a case, and hold the answer against the description."""
    excluded = []
    semantic = (case.method, case.operation.path) in SEMANTIC
    if semantic or _has_float(case.body) or _has_hours(case.body):
        excluded.append("positive_data_acceptance")
    if _of_many(case) or _key_taken(case):
        excluded.append("negative_data_rejection")
    case.call_and_validate(
        base_url=url,
        headers=HEADERS,
        timeout=20,
        excluded_checks=CHECKS.get_by_names(excluded) if excluded else [],
    )


def _of_many(case: Any) -> bool:
    """An array or a stream: a bad item never sinks its neighbours."""
    return isinstance(case.body, list) or case.media_type not in (None, "application/json")


def _key_taken(case: Any) -> bool:
    """The case was to have no key, and we send one: test_auth has those."""
    headers = case.meta and case.meta.components.get(ParameterLocation.HEADER)
    return bool(headers) and headers.mode.is_negative


def _has_float(body: Any) -> bool:
    """JSON Schema takes 60.0 for an integer; we do not."""
    return isinstance(body, dict) and any(isinstance(value, float) for value in body.values())


def _has_hours(body: Any) -> bool:
    """That windows do not overlap is beyond JSON Schema."""
    return isinstance(body, dict) and bool(body.get("hours"))


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_does_what_it_says(case: Any, served: Served) -> None:
    """Whatever is sent, statuses, types and bodies are those described."""
    validate(case, served.url)


def wrong(change: str) -> Any:
    """A description that says something else than the server does."""
    document = openapi.document(CALLS)
    campaign = document["components"]["schemas"]["CampaignView"]
    if change == "type":
        campaign["properties"]["name"] = {"type": "integer"}
    elif change == "required":
        campaign["required"].append("colour")
    else:
        del document["paths"]["/v1/campaigns"]["post"]["responses"]["201"]
    return schemathesis.openapi.from_dict(document)


@pytest.mark.parametrize("change", ["none", "type", "required", "status"])
def test_a_wrong_description_is_found_out(served: Served, change: str) -> None:
    """The check above has teeth: a wrong type, member or status fails."""
    described = schema if change == "none" else wrong(change)
    case = described["/v1/campaigns"]["POST"].Case(
        body={"name": "mora"}, media_type="application/json"
    )
    if change == "none":
        validate(case, served.url)
        return
    with pytest.raises(FailureGroup):
        validate(case, served.url)


def test_every_problem_is_described_and_known() -> None:
    """Each word of the table is some call's, and each call's words are of the table."""
    used = {word for call in CALLS for word in call.problems}
    used |= {*openapi.EVERYWHERE, *openapi.WITH_KEY, "unknown-path", "wrong-method"}
    assert used == set(KINDS)


def test_names_of_operations_are_unique() -> None:
    """Generated clients need it."""
    document = openapi.document(CALLS)
    names = [o["operationId"] for path in document["paths"].values() for o in path.values()]
    assert len(names) == len(set(names)) == len(CALLS)


class _Page(HTMLParser):
    """Collects what a page shows, links and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "href":
                self.links.add(value or "")
            elif name == "id":
                self.ids.add(value or "")
            assert name != "src"


async def test_the_page_for_people(api: Running) -> None:
    """It is served without a key, loads nothing, and its links lead somewhere."""
    answer = await api.call("GET", "/docs", key=None)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = _Page()
    page.feed(answer.body.decode())
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    assert set(KINDS) <= page.ids
