"""POST /v1/messages with one message or an array."""

from __future__ import annotations

import json

import pytest

from gateway.errors import StoreUnavailable
from gateway.store import Store
from gateway.store.types import Put, PutResult
from tests.api.conftest import NOW, Post, Running

LATER = "2025-11-22T12:00:00Z"


async def test_one_message_is_accepted_and_kept(api: Running, post: Post) -> None:
    """202 says id, state, segments and encoding; the message can be read, and carriers wake."""
    answer = await post(ref="f1", data={"debt": 7})
    assert answer.status == 202
    assert set(answer.json) == {"id", "state", "segments", "encoding", "ref"}
    assert answer.json["state"] == "queued"
    assert (answer.json["segments"], answer.json["encoding"]) == (1, "gsm7")
    assert api.carriers.woken == 1
    read = (await api.call("GET", f"/v1/messages/{answer.json['id']}")).json
    assert read["to"] == "+56912345678"
    assert read["from"] == "3450"
    assert read["priority"] == "normal"
    assert read["data"] == {"debt": 7}
    assert read["events"] == [{"at": "2025-11-22T08:26:40.000Z", "what": "accepted"}]


async def test_a_ref_sent_again_is_the_same_message(post: Post) -> None:
    """The same content makes the same id and is no error; other content is a conflict."""
    first = await post(ref="f1")
    again = await post(ref="f1")
    assert again.status == 202
    assert again.json["id"] == first.json["id"]
    other = await post(ref="f1", text="Otro texto")
    assert other.status == 409
    assert other.json["type"] == "ref-conflict"
    assert other.json["field"] == "ref"


async def test_an_idempotency_key_makes_the_same_message(post: Post) -> None:
    """Without a ref the key makes the id; other content under it is a conflict."""
    headers = {"Idempotency-Key": "job-7"}
    first = await post(headers=headers)
    again = await post(headers=headers)
    assert again.json["id"] == first.json["id"]
    other = await post(headers=headers, text="Otro texto")
    assert (other.status, other.json["type"]) == (409, "idempotency-conflict")
    assert (await post()).json["id"] != first.json["id"]


@pytest.mark.parametrize("key", ["", "ñ", "x" * 256])
async def test_a_wrong_idempotency_key(post: Post, key: str) -> None:
    """1 to 255 visible ASCII characters."""
    answer = await post(headers={"Idempotency-Key": key})
    assert (answer.status, answer.json["type"]) == (400, "invalid-key")


async def test_a_message_for_later_is_scheduled(api: Running, post: Post) -> None:
    """``send_at`` ahead schedules it; one that has passed sends at once."""
    answer = await post(send_at=LATER, ttl=3600)
    assert answer.json["state"] == "scheduled"
    assert answer.json["not_before"] == "2025-11-22T12:00:00.000Z"
    read = (await api.call("GET", f"/v1/messages/{answer.json['id']}")).json
    assert read["expires_at"] == "2025-11-22T13:00:00.000Z"
    api.clock.now = NOW + 24 * 3600 * 1000
    assert (await post(send_at=LATER)).json["state"] == "queued"


async def test_a_campaign_gives_what_a_message_leaves_out(api: Running, post: Post) -> None:
    """Sender, priority and ttl come from the campaign, where the message has none."""
    campaign = await api.campaign(**{"from": "Banco", "priority": "high", "ttl": 60})
    answer = await post(campaign=campaign)
    read = (await api.call("GET", f"/v1/messages/{answer.json['id']}")).json
    assert (read["from"], read["priority"]) == ("Banco", "high")
    assert read["expires_at"] == "2025-11-22T08:27:40.000Z"
    answer = await post(campaign=campaign, priority="urgent", **{"from": "3450"})
    read = (await api.call("GET", f"/v1/messages/{answer.json['id']}")).json
    assert (read["from"], read["priority"], read["campaign"]) == ("3450", "urgent", campaign)


async def test_no_route_and_only_to_are_blocked(api: Running, post: Post) -> None:
    """Such a message is accepted, and stored as blocked with its reason."""
    answer = await post(to="+5491123456789")
    assert (answer.status, answer.json["state"], answer.json["reason"]) == (
        202,
        "blocked",
        "no_route",
    )
    api.only_to("+56911111111")
    assert (await post()).json["reason"] == "only_to"
    assert (await post(to="+56911111111")).json["state"] == "queued"


async def test_transliteration_saves_segments(post: Post) -> None:
    """Asked for, a text is brought into GSM 7-bit."""
    plain = await post(text="Pague en línea", transliterate=True)
    assert plain.json["encoding"] == "gsm7"
    assert (await post(text="Pague en línea")).json["encoding"] == "ucs2"


@pytest.mark.parametrize(
    ("fields", "type", "field", "words"),
    [
        ({"to": "56912345678"}, "invalid-number", "to", "does not begin with '+'"),
        ({"to": "+56 912345678"}, "invalid-number", "to", "' ' at position 3"),
        ({"to": "+569123"}, "invalid-number", "to", "6 digits"),
        ({"to": "+0912345678"}, "invalid-number", "to", "begins with 0"),
        ({"to": "+٥٦٩١٢٣٤٥٦٧٨"}, "invalid-number", "to", "position 1"),
        ({"to": 56912345678}, "invalid-number", "to", "got 'int'"),
        ({"text": ""}, "empty-text", "text", "empty"),
        ({"text": " \n"}, "empty-text", "text", "space"),
        ({"text": 7}, "invalid-text", "text", "got 'int'"),
        ({"text": "x" * 457}, "too-long", "text", "4 segments"),
        ({"text": "x" * 50_000}, "too-long", "text", "255"),
        ({"text": "sí", "encoding": "gsm7"}, "invalid-encoding", "text", "character 2, 'í'"),
        ({"encoding": "latin1"}, "invalid-encoding", "encoding", "latin1"),
        ({"from": "9999"}, "invalid-sender", "from", "chile allows: 3450, Banco"),
        ({"from": "Un nombre largo"}, "invalid-sender", "from", "11 letters"),
        ({"from": ""}, "invalid-sender", "from", "empty"),
        ({"to": "+51987654321"}, "invalid-sender", "from", "none is given"),
        ({"priority": "asap"}, "invalid-priority", "priority", "asap"),
        ({"send_at": "tomorrow"}, "invalid-time", "send_at", "RFC3339"),
        ({"send_at": "2025-11-22T12:00:00"}, "invalid-time", "send_at", "timezone"),
        ({"send_at": "2031-01-01T00:00:00Z"}, "invalid-time", "send_at", "a year"),
        ({"ttl": 0}, "invalid-ttl", "ttl", ">= 1"),
        ({"ref": ""}, "invalid-ref", "ref", "0 characters"),
        ({"ref": "x" * 201}, "invalid-ref", "ref", "201"),
        ({"ref": "a\x1fb"}, "invalid-ref", "ref", "'\\x1f' is a control"),
        ({"callback_url": "https://x.cl/ a"}, "invalid-url", "callback_url", "https"),
        ({"debtor": ""}, "invalid-field", "debtor", "0 characters"),
        ({"callback_url": "ftp://x.cl"}, "invalid-url", "callback_url", "https"),
        ({"data": "x" * 5000}, "invalid-data", "data", "4096"),
        ({"txt": "x"}, "unknown-field", "txt", "did you mean 'text'"),
        ({"zzzzzz": "x"}, "unknown-field", "zzzzzz", "allowed: to, text"),
        ({"campaign": "c404"}, "unknown-campaign", "campaign", "c404"),
        ({"campaign": 4}, "unknown-campaign", "campaign", "got 'int'"),
    ],
)
async def test_each_mistake_has_its_own_type(
    post: Post, fields: dict[str, object], type: str, field: str, words: str
) -> None:
    """A problem names the field and says what was found."""
    answer = await post(**fields)
    problem = answer.json
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == type
    assert problem["field"] == field
    assert words in problem["detail"]
    assert problem["status"] == answer.status
    assert 400 <= answer.status < 500


async def test_a_missing_field(api: Running) -> None:
    """``to`` and ``text`` must be there."""
    answer = await api.call("POST", "/v1/messages", {"to": "+56912345678"})
    assert (answer.status, answer.json["type"], answer.json["field"]) == (
        422,
        "missing-field",
        "text",
    )


@pytest.mark.parametrize(
    ("body", "type", "status"),
    [
        (b"", "not-json", 400),
        (b"{", "not-json", 400),
        (b'"x"', "invalid-object", 422),
        (b"[" * 100_000, "not-json", 400),
        (b'{"to":"\xff"}', "not-utf8", 400),
        (b'{"to":"+56912345678","text":"a","data":"\xff"}', "not-utf8", 400),
        (b'{"to":"+56912345678","text":"a","data":{"a":NaN}}', "not-json", 400),
        (b'{"a":"' + b"x" * 100_000 + b'"}', "body-too-large", 413),
    ],
)
async def test_a_body_that_is_no_message(api: Running, body: bytes, type: str, status: int) -> None:
    """Not JSON, not UTF-8, too large: each says so."""
    answer = await api.call("POST", "/v1/messages", body, kind="application/json")
    assert (answer.json["type"], answer.status) == (type, status)


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=iso-8859-1"])
async def test_a_type_that_is_not_taken(api: Running, kind: str) -> None:
    """415 says what is."""
    answer = await api.call("POST", "/v1/messages", b"{}", kind=kind)
    assert (answer.status, answer.json["type"]) == (415, "unsupported-media-type")


async def test_a_foreign_campaign(api: Running, post: Post) -> None:
    """Another client's campaign is a problem of its own; a canceled one, too."""
    campaign = await api.campaign()
    answer = await post(key="other", campaign=campaign)
    assert (answer.status, answer.json["type"]) == (403, "foreign-campaign")
    await api.call("PATCH", f"/v1/campaigns/{campaign}", {"state": "canceled"})
    answer = await post(campaign=campaign)
    assert (answer.status, answer.json["type"]) == (409, "campaign-canceled")


async def test_an_array_reports_each_of_its_items(api: Running) -> None:
    """A bad item never sinks its neighbours; 450 items are three batches."""
    items: list[object] = [
        {"to": f"+569{i:08d}", "text": "Hola", "ref": f"r{i}"} for i in range(450)
    ]
    items[7] = {"to": "7", "text": "Hola", "ref": "seven"}
    items[300] = 3
    answer = await api.call("POST", "/v1/messages", items)
    assert answer.status == 202
    said = answer.json
    assert (said["accepted"], said["rejected"], said["segments"]) == (448, 2, 448)
    assert [error["index"] for error in said["errors"]] == [7, 300]
    assert said["errors"][0] == {
        "index": 7,
        "type": "invalid-number",
        "detail": "'7' does not begin with '+'",
        "field": "to",
        "ref": "seven",
    }
    assert said["messages"][7]["index"] == 8
    assert said["messages"][7]["ref"] == "r8"


async def test_an_array_has_a_bound(api: Running) -> None:
    """More than its answer should hold goes as a stream."""
    answer = await api.call(
        "POST", "/v1/messages", b"[" + b"0," * 10_000 + b"0]", kind="application/json"
    )
    assert (answer.status, answer.json["type"]) == (413, "too-many-items")


async def test_the_same_ref_twice_in_an_array(api: Running) -> None:
    """One message, or a conflict."""
    one = {"to": "+56912345678", "text": "Hola", "ref": "r"}
    said = (await api.call("POST", "/v1/messages", [one, one, {**one, "text": "No"}])).json
    assert said["messages"][0]["id"] == said["messages"][1]["id"]
    assert said["errors"][0]["type"] == "ref-conflict"


async def test_a_store_that_is_away(
    post: Post, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After; the detail tells nothing of ours."""

    async def away(put: Put) -> PutResult:
        raise StoreUnavailable("unix:///secret", retry_after=7)

    monkeypatch.setattr(store.queue, "put_one", away)
    answer = await post()
    assert (answer.status, answer.json["type"]) == (503, "store-unavailable")
    assert answer.headers["Retry-After"] == "7"
    assert b"secret" not in answer.body


async def test_a_long_backlog_sends_callers_back(
    post: Post, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 before sending suffers."""
    monkeypatch.setattr(store.queue.puts, "backlog", 5001)
    answer = await post()
    assert (answer.status, answer.json["type"]) == (429, "overloaded")
    assert answer.headers["Retry-After"] == "1"


async def test_own_data_come_back_as_they_were(api: Running, post: Post) -> None:
    """A number that no float holds stays what it was."""
    body = b'{"to":"+56912345678","text":"a","data":{"n":12345678901234567890123, "s":"\\u00ed"}}'
    made = await api.call("POST", "/v1/messages", body, kind="application/json")
    read = await api.call("GET", f"/v1/messages/{made.json['id']}")
    assert b'"data":{"n":12345678901234567890123, "s":"\\u00ed"}' in read.body
    assert "data" not in json.loads(
        (await api.call("GET", f"/v1/messages/{(await post(data=None)).json['id']}")).body
    )
