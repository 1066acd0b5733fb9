"""POST /v1/texts: what a text would cost, without sending it; and what a submit says it changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.config import Route
from tests.api.conftest import Post, Running

LAST_DAY = "Crédito Sur: hoy es el último día para pagar su cuota de $45.990. BAJA para salir."


async def ask(api: Running, key: str = "crm", **fields: Any) -> Any:
    """What is answered about a text."""
    answer = await api.call("POST", "/v1/texts", {"text": LAST_DAY, **fields}, key=key)
    assert answer.status == 200, answer.body
    return answer.json


async def test_what_a_text_would_cost(api: Running) -> None:
    """Two segments of UCS-2 for two letters, or one without their accents."""
    assert await ask(api) == {
        "encoding": "ucs2",
        "units": 82,
        "segments": 2,
        "left": 50,
        "max_segments": 255,
        "expensive": [
            {"character": "ú", "why": "encoding", "units": 1, "count": 1, "places": [23],
             "becomes": "u"},
            {"character": "í", "why": "encoding", "units": 1, "count": 1, "places": [31],
             "becomes": "i"},
        ],
        "cheapest": {
            "text": "Crédito Sur: hoy es el ultimo dia para pagar su cuota de $45.990. "
            "BAJA para salir.",
            "encoding": "gsm7",
            "units": 82,
            "segments": 1,
            "left": 78,
            "changed": {"ú": "u", "í": "i"},
        },
    }  # fmt: skip


async def test_nothing_is_kept_and_either_scope_will_do(api: Running) -> None:
    """A key that may only read asks as well."""
    assert (await ask(api, key="reader", to="+56912345678"))["segments"] == 2
    listed = await api.call("GET", "/v1/messages?to=%2B56912345678")
    assert listed.json["items"] == []
    api.configure(
        clients=tuple(
            replace(one, scopes=frozenset({"admin"})) for one in api.api.context.config.clients
        )
    )
    refused = await api.call("POST", "/v1/texts", {"text": "hola"})
    assert (refused.status, refused.json["type"]) == (403, "no-scope")
    assert "'submit' or 'read'" in refused.json["detail"]


async def test_a_route_says_what_it_would_cost_there(api: Running) -> None:
    """By name, or by number and sender; national tables and the carriers' alphabet count."""
    assert (await ask(api, to="+56912345678", **{"from": "Banco"}))["route"] == "chile"
    assert (await ask(api, route="peru"))["max_segments"] == 3
    assert "route" not in await ask(api, to="+4412345678")
    config = api.api.context.config
    spain = Route(
        name="spain", prefixes=("+34",), carriers=("andina",), national_tables=("spanish",)
    )
    api.configure(routes=(*config.routes, spain))
    found = await ask(api, route="spain")
    assert (found["encoding"], found["units"], found["segments"]) == ("gsm7-es", 84, 1)
    assert [one["units"] for one in found["expensive"]] == [2, 2]
    sent = await api.call(
        "POST", "/v1/messages", {"to": "+34612345678", "from": "Banco", "text": LAST_DAY}
    )
    assert (sent.json["encoding"], sent.json["segments"]) == ("gsm7-es", 1)
    read = await api.call("GET", f"/v1/messages/{sent.json['id']}")
    assert read.json["encoding"] == "gsm7-es"
    api.configure(carriers=(replace(config.carriers[0], default_alphabet="ascii"),))
    narrow = await ask(api, route="peru", text="¿Pagó este año?")
    assert narrow["encoding"] == "ucs2"
    assert narrow["cheapest"]["text"] == "Pago este ano?"
    assert len(narrow["cheapest"]["warnings"]) == 2


async def test_a_transliteration_asked_for_is_told(api: Running) -> None:
    """The text is then that which would go."""
    found = await ask(api, text="Él pagó “ya” ж", transliterate=True)
    assert (found["encoding"], found["text"]) == ("gsm7", 'Él pago "ya" ')
    assert found["changed"] == {"ó": "o", "“": '"', "”": '"', "ж": ""}
    assert [word.split()[0] for word in found["warnings"]] == ["'ж'", "'pagó'"]
    assert (found["expensive"], found["cheapest"]["segments"]) == ([], 1)
    same = await ask(api, text="Hola", transliterate=True)
    assert not {"text", "changed", "warnings"} & set(same)


async def test_more_segments_than_the_route_takes_are_told_all_the_same(api: Running) -> None:
    """That is what one asks for."""
    found = await ask(api, text="x" * 800, route="chile")
    assert (found["segments"], found["max_segments"]) == (6, 3)
    assert (await ask(api, text="😀"))["cheapest"] is None


@pytest.mark.parametrize(
    ("fields", "type", "field"),
    [
        ({"text": ""}, "empty-text", "text"),
        ({"text": 7}, "invalid-text", "text"),
        ({"text": "x" * 39_000}, "too-long", "text"),
        ({"text": "x" * 40_000}, "too-long", "text"),
        ({"encoding": "gsm7"}, "invalid-encoding", "text"),
        ({"encoding": "gsm7-es"}, "invalid-encoding", "encoding"),
        ({"route": "chil"}, "invalid-field", "route"),
        ({"to": "569"}, "invalid-number", "to"),
        ({"to": "+56912345678", "from": "Otro"}, "invalid-sender", "from"),
        ({"from": "Un nombre largo"}, "invalid-sender", "from"),
        ({"ref": "a"}, "unknown-field", "ref"),
    ],
)
async def test_what_is_refused(api: Running, fields: dict[str, Any], type: str, field: str) -> None:
    """As a submit would be."""
    answer = await api.call("POST", "/v1/texts", {"text": LAST_DAY, **fields})
    assert (answer.status, answer.json["type"], answer.json["field"]) == (422, type, field)


async def test_a_submit_says_what_it_changed(post: Post) -> None:
    """Only when something was; the same again for a repeat."""
    for _ in range(2):
        told = await post(text="Más “día”", transliterate=True, ref="t-1")
        assert told.json["changed"] == {"á": "a", "“": '"', "í": "i", "”": '"'}
        assert told.json["warnings"] == ["'Más' became 'Mas', which may read as another word"]
    plain = await post(text="Hoy", transliterate=True)
    assert not {"changed", "warnings"} & set(plain.json)
    assert "warnings" not in (await post(text="día", transliterate=True)).json


async def test_arrays_and_lines_say_what_they_changed(api: Running) -> None:
    """Each of its own."""
    lines = [
        {"to": "+56912345678", "text": "día", "transliterate": True},
        {"to": "+56912345678", "text": "día"},
    ]
    array = await api.call("POST", "/v1/messages", lines)
    assert [item.get("changed") for item in array.json["messages"]] == [{"í": "i"}, None]
    body = b"".join(b'{"to": "+56912345678", "text": "d\xc3\xada", "transliterate": %b}\n' % flag
                    for flag in (b"true", b"false"))  # fmt: skip
    streamed = await api.stream(body, "?answers=lines")
    assert [line.get("changed") for line in streamed.lines] == [{"í": "i"}, None]
