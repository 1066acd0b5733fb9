"""What is told of the owners of numbers: lists, evidence, zones, contacts by other channels."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway import cli
from gateway.api.intake import hours_of
from gateway.api.tally import rfc3339
from gateway.clock import wall_ms
from gateway.config import Policy, Route
from gateway.message import MessageState
from gateway.policies import campaign_week, load
from gateway.policy.calendars import HELD, Calendars
from gateway.policy.decide import Listed
from gateway.store import Store
from gateway.store.contacts import Asked, Change, Group, Opened
from tests.api.conftest import NOW, Post, Running

NUMBER = "+56912345678"
AT = "2025-11-20T10:00:00Z"


def under_rules(api: Running) -> None:
    """The contact rules hold."""
    calendars = Calendars(load())
    api.api.context.calendars = calendars
    api.store.queue.fresh = calendars.fresh
    api.configure(policy=Policy(profile="prudent"))


async def put(api: Running, body: dict[str, Any], query: str = "", **more: Any) -> Any:
    return await api.call("PUT", f"/v1/contacts/{NUMBER}{query}", body, **more)


async def state(api: Running, id: str) -> tuple[str, str | None]:
    found = (await api.call("GET", f"/v1/messages/{id}")).json
    return found["state"], found.get("reason")


async def test_lists_are_kept_with_their_evidence(api: Running) -> None:
    """Only what is given changes; a repeat adds nothing."""
    told = {"consent": True, "source": "contract 7", "at": AT, "text": "acepto SMS"}
    assert (await put(api, told)).status == 200
    await put(api, told)
    await put(api, {"opt_out": True, "zones": ["America/Santiago"], "region": "RM"})
    answer = await put(api, {"opt_out": False, "source": "call"})
    known = answer.json["known"]
    assert known["lists"] == ["consent"]
    assert (known["zones"], known["region"]) == (["America/Santiago"], "RM")
    assert known["entries"] == [
        {"at": "2025-11-20T10:00:00.000Z", "what": "consent", "source": "contract 7",
         "text": "acepto SMS", "by": "crm"},
        {"at": "2025-11-22T08:26:40.000Z", "what": "opt_out", "source": "api", "by": "crm"},
        {"at": "2025-11-22T08:26:40.000Z", "what": "-opt_out", "source": "call", "by": "crm"},
    ]  # fmt: skip
    assert (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"] == known


async def test_the_evidence_of_what_holds_outlives_what_comes_after(api: Running) -> None:
    """Of many changes the latest twenty are kept, and the latest of each kind."""
    await put(api, {"consent": True, "source": "contract", "at": AT, "text": "acepto"})
    for day in range(1, 31):
        await put(api, {"opt_out": day % 2 == 0, "at": f"2025-10-{day:02d}T10:00:00Z"})
    entries = (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]["entries"]
    assert len(entries) == 20
    assert entries[0]["source"] == "contract"
    assert [entry["at"][:10] for entry in entries[1:]] == [
        f"2025-10-{day:02d}" for day in range(12, 31)
    ]


async def test_a_creditor_has_its_own_lists(api: Running) -> None:
    """By name, whoever sets them; what is for everyone is the administrators' to set."""
    await put(api, {"opt_out": True}, "?creditor=Banco%20Uno")
    assert (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]["lists"] == []
    other = await api.call("GET", f"/v1/contacts/{NUMBER}?creditor=Banco%20Uno", key="other")
    assert other.json["known"]["lists"] == ["opt_out"]
    refused = await put(api, {"opt_out": True}, "?creditor=*", key="other")
    assert (refused.status, refused.json["type"]) == (403, "no-scope")
    await put(api, {"legal_stop": True}, "?creditor=*")
    found = (await api.call("GET", f"/v1/contacts/{NUMBER}", key="other")).json
    assert (found["known"]["lists"], found["everyone"]["lists"]) == ([], ["legal_stop"])


async def test_an_opt_out_ends_what_waits_for_its_creditor(api: Running, post: Post) -> None:
    """At once, as blocked, with an event; other creditors' and numbers' go on."""
    mine, other = await api.campaign(), await api.campaign(creditor="Banco Dos")
    waits = (await post(campaign=mine)).json["id"]
    later = (await post(send_at="2025-12-01T10:00:00Z")).json["id"]
    theirs = (await post(campaign=other)).json["id"]
    elsewhere = (await post(to="+56987654321")).json["id"]
    answer = await put(api, {"opt_out": True})
    assert answer.json["blocked"] == 2
    assert await state(api, waits) == ("blocked", "opt_out")
    assert await state(api, later) == ("blocked", "opt_out")
    assert await state(api, theirs) == ("queued", None)
    assert await state(api, elsewhere) == ("queued", None)
    events = (await api.call("GET", "/v1/events")).json["items"]
    assert [(e["kind"], e["id"]) for e in events] == [("blocked", waits), ("blocked", later)]
    report = (await api.call("GET", f"/v1/campaigns/{mine}/report")).json
    assert report["by_state"] == {"blocked": 1}
    assert report["by_error"] == {"opt_out": 1}
    assert (await put(api, {"wrong_number": True}, "?creditor=*")).json["blocked"] == 1
    assert await state(api, theirs) == ("blocked", "wrong_number")


async def test_one_phone_is_one_number(api: Running, post: Post) -> None:
    """Mexico's old +52 1 and +52 have one record, one list and one history of contacts."""
    old, new = "+5215512345678", "+525512345678"
    api.clock.now = wall_ms()
    api.configure(routes=(Route(name="mexico", prefixes=("+52",), carriers=("andina",)),))
    posted = await post(to=old, **{"from": "3450"})
    message = (await api.call("GET", f"/v1/messages/{posted.json['id']}")).json
    assert message["to"] == new
    for number in (old, new):
        found = await api.call("GET", f"/v1/messages?to=%2B{number[1:]}")
        assert [one["id"] for one in found.json["items"]] == [posted.json["id"]]
    touch = {"channel": "call", "at": AT}
    assert (await api.call("POST", f"/v1/contacts/{old}/touches", touch)).json["accepted"] == 1
    lines = [{"to": old, "wrong_number": True}]
    assert (await api.call("POST", "/v1/contacts", lines)).json["blocked"] == 1
    seen = [(await api.call("GET", f"/v1/contacts/{number}")).json for number in (old, new)]
    assert seen[0] == seen[1]
    assert (seen[0]["to"], seen[0]["known"]["lists"]) == (new, ["wrong_number"])
    assert [one["channel"] for one in seen[0]["contacts"]] == ["call"]


async def test_forgetting_keeps_the_evidence(api: Running) -> None:
    """All of one creditor's comes off, and nothing of what is for everyone; it says who did it."""
    await put(api, {"opt_out": True, "consent": True, "text": "no quiere", "at": AT})
    await put(api, {"zones": ["America/Santiago"], "region": "RM"})
    await put(api, {"opt_out": True}, "?creditor=*")
    for forgotten in (True, False):
        answer = await api.call("DELETE", f"/v1/contacts/{NUMBER}?source=phone&text=otra%20vez")
        assert answer.json == {"to": NUMBER, "creditor": "crm", "forgotten": forgotten}
    found = (await api.call("GET", f"/v1/contacts/{NUMBER}")).json
    known = found["known"]
    assert (known["lists"], known["zones"], known["region"]) == ([], [], "")
    assert [(entry["what"], entry["text"]) for entry in known["entries"]] == [
        ("opt_out", "no quiere"), ("consent", "no quiere"),
        ("-opt_out", "otra vez"), ("-consent", "otra vez"),
    ]  # fmt: skip
    assert known["entries"][-1] == {
        "at": "2025-11-22T08:26:40.000Z", "what": "-consent", "source": "phone",
        "text": "otra vez", "by": "crm",
    }  # fmt: skip
    assert found["everyone"]["lists"] == ["opt_out"]
    refused = await api.call("DELETE", f"/v1/contacts/{NUMBER}?creditor=*", key="other")
    assert refused.status == 403


@pytest.mark.parametrize("name", ["legal_stop", "wrong_number"])
async def test_what_holds_for_good_is_lifted_by_administrators_with_the_reason(
    api: Running, name: str
) -> None:
    """However it is asked for: one number, many, or all that is known."""
    path = f"/v1/contacts/{NUMBER}?creditor=Banco%20Uno"
    lift = {"creditor": "Banco Uno", name: False}
    await api.call("PUT", path, {name: True, "text": "rol 77"}, key="other")

    async def refused(key: str, text: str | None) -> list[str]:
        words = {} if text is None else {"text": text}
        more = "" if text is None else f"&text={quote(text)}"
        answers = [
            (await api.call("PUT", path, {name: False} | words, key=key)).json,
            (await api.call("DELETE", path + more, key=key)).json,
        ]
        lines = [{"to": NUMBER} | lift | words]
        many = (await api.call("POST", "/v1/contacts", lines, key=key)).json
        return [answer.get("type", "taken") for answer in [*answers, *many["errors"]]]

    assert await refused("other", "archivada") == ["no-scope"] * 3
    assert await refused("crm", None) == ["missing-field"] * 3
    assert await refused("crm", " ") == ["missing-field"] * 3
    known = (await api.call("GET", path)).json["known"]
    assert (known["lists"], len(known["entries"])) == ([name], 1)
    assert await refused("crm", "archivada") == ["taken"] * 2
    known = (await api.call("GET", path)).json["known"]
    assert (known["lists"], known["entries"][-1]["what"]) == ([], f"-{name}")
    assert (known["entries"][0]["text"], known["entries"][-1]["text"]) == ("rol 77", "archivada")


async def test_an_opt_out_after_one_that_was_taken_back_is_confirmed_anew(api: Running) -> None:
    """Whoever asks for no more is told once, each time he asks."""
    asks = Change(NUMBER[1:], "crm", int(Listed.OPT_OUT), confirmed_ms=NOW)
    learn = api.store.contacts.learn
    assert [await learn([asks]), await learn([asks])] == [[True], [False]]
    await put(api, {"opt_out": False})
    assert await learn([asks]) == [True]
    await api.call("DELETE", f"/v1/contacts/{NUMBER}")
    assert await learn([asks]) == [True]


@pytest.mark.parametrize(
    ("body", "type", "field"),
    [
        ({}, "missing-field", "opt_out"),
        ({"opt_out": "yes"}, "invalid-field", "opt_out"),
        ({"optout": True}, "unknown-field", "optout"),
        ({"zones": ["America/Valparaiso"]}, "invalid-zone", "zones[0]"),
        ({"zones": ["../../../etc/passwd"]}, "invalid-zone", "zones[0]"),
        ({"zones": ["UTC"] * 11}, "invalid-zone", "zones"),
        ({"opt_out": True, "at": "2025-11-22T09:00:00Z"}, "invalid-time", "at"),
        ({"opt_out": True, "at": "yesterday"}, "invalid-time", "at"),
        ({"opt_out": True, "text": "x" * 501}, "invalid-field", "text"),
        ({"opt_out": True, "source": "a\nb"}, "invalid-field", "source"),
        ({"consent": True}, "missing-field", "text"),
        ({"hours": {"mon": ["09:00-12:00"]}}, "missing-field", "text"),
        ({"hours": {"mon": ["9-12"]}, "text": "x"}, "invalid-field", "hours"),
        ({"hours": {}, "text": "x"}, "invalid-field", "hours"),
        ({"hours": "mon", "text": "x"}, "invalid-field", "hours"),
        ({"consent": True, "source": "contract 7", "text": " "}, "missing-field", "text"),
    ],
)
async def test_a_wrong_change(api: Running, body: dict[str, Any], type: str, field: str) -> None:
    """It names the field, and changes nothing."""
    answer = await put(api, body)
    assert (answer.status, answer.json["type"], answer.json["field"]) == (422, type, field)
    assert (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]["entries"] == []


@pytest.mark.parametrize(
    ("to", "region", "said"),
    [
        (NUMBER, "Isla de Pasqua", "the nearest is 'Isla de Pascua'; it has AP, TA, "),
        (NUMBER, "Kent", "Chile has no region 'Kent'; it has AP, TA, "),
        ("+51987654321", "Lima", "the rules have no regions of PE"),
        ("+882123456789", "MA", "the rules have no regions of"),
    ],
)
async def test_a_region_that_no_rule_knows(api: Running, to: str, region: str, said: str) -> None:
    """It would be as none, and the hours another place's: refused, one by one and in a stream."""
    for rules in (lambda _: None, under_rules):
        rules(api)
        answer = (await api.call("PUT", f"/v1/contacts/{to}", {"region": region})).json
        assert (answer["type"], answer["field"]) == ("invalid-field", "region")
        assert said in answer["detail"]
        line = json.dumps({"to": to, "region": region}).encode()
        many = await api.call("POST", "/v1/contacts", line, kind="application/x-ndjson")
        assert said in many.json["errors"][0]["detail"]
    assert (await api.call("GET", f"/v1/contacts/{to}")).json["known"]["region"] == ""
    for known in ("isla de pascua", "XV", ""):
        assert (await put(api, {"region": known})).status == 200


EVENINGS = {"mon-fri": ["18:00-20:00"], "sat": ["09:00-12:00", "16:00-18:00"]}
ASKED = {"hours": EVENINGS, "text": "llámenme después del trabajo", "source": "call 88", "at": AT}


async def test_the_owners_own_hours(
    api: Running, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a campaign has them, with who asked for what and when; null takes them away."""
    known = (await put(api, ASKED)).json["known"]
    assert known["hours"] == EVENINGS
    assert known["entries"] == [
        {"at": "2025-11-20T10:00:00.000Z", "what": "hours", "source": "call 88",
         "text": "llámenme después del trabajo", "by": "crm"}
    ]  # fmt: skip
    await put(api, {"opt_out": True})
    await put(api, {"hours": {"sun": ["10:00-12:00"]}, "text": "domingo"}, "?creditor=*")
    found = (await api.call("GET", f"/v1/contacts/{NUMBER}")).json
    assert found["known"]["hours"] == EVENINGS
    assert found["everyone"]["hours"] == {"sun": ["10:00-12:00"]}
    (own,) = await store.contacts.known("crm", [NUMBER[1:]])
    assert own is not None
    assert hours_of(own.hours) == campaign_week(EVENINGS)
    asks = ["--url", f"http://127.0.0.1:{api.port}", "--key", "crm-key"]
    assert await asyncio.to_thread(cli.main, ["contacts", "show", NUMBER, *asks]) == 0
    said = capsys.readouterr().out
    assert "\n  hours mon-fri 18:00-20:00; sat 09:00-12:00, 16:00-18:00\n" in said
    known = (await put(api, {"hours": None})).json["known"]
    assert (known["hours"], known["entries"][-1]["what"]) == (None, "-hours")
    await put(api, ASKED)
    await api.call("DELETE", f"/v1/contacts/{NUMBER}?text=ya%20no")
    known = (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]
    assert known["hours"] is None
    assert [one["what"] for one in known["entries"][-2:]] == ["-opt_out", "-hours"]


async def test_hours_of_many_and_of_a_file(api: Running, tmp_path: Path) -> None:
    """Objects, and one cell of a CSV."""
    cell = "mon-fri=18:00-20:00 sat=09:00-12:00,16:00-18:00"
    rows = f'to,hours,text\n{NUMBER},"{cell}",tarde\n+56987654321,null,\n{NUMBER},mon=9,x\n'
    said = (await api.call("POST", "/v1/contacts", rows.encode(), kind="text/csv")).json
    assert (said["accepted"], said["rejected"]) == (2, 1)
    assert (said["errors"][0]["type"], said["errors"][0]["field"]) == ("invalid-field", "hours")
    assert (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]["hours"] == EVENINGS
    asks = ["--url", f"http://127.0.0.1:{api.port}", "--key", "crm-key"]
    file = tmp_path / "hours.csv"
    for text, hours in (
        (rows.replace(",null,", ",,"), EVENINGS),
        (f"to,hours\n{NUMBER},null\n", None),
    ):
        await put(api, {"hours": {"sun": ["10:00-11:00"]}, "text": "domingo"})
        file.write_text(text, encoding="utf-8")
        await asyncio.to_thread(cli.main, ["contacts", "load", str(file), *asks])
        assert (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]["hours"] == hours


async def test_a_stream(api: Running, post: Post) -> None:
    """NDJSON, compressed: a bad line never sinks its neighbours, and what waits ends."""
    id = (await post()).json["id"]
    lines = [{"to": f"+569{n:08d}", "opt_out": True, "source": "list 9"} for n in range(1200)]
    lines += [
        {"to": NUMBER, "wrong_number": True},
        {"to": "912345678", "opt_out": True},
        {"to": NUMBER},
        {"to": NUMBER, "creditor": "a:b", "opt_out": True},
        {"to": NUMBER, "creditor": "*", "consent": True, "text": "acepto"},
    ]
    body = gzip.compress("\n".join(map(json.dumps, lines)).encode() + b"\nno\n")
    kind, packed = "application/x-ndjson", {"Content-Encoding": "gzip"}
    answer = await api.call("POST", "/v1/contacts", body, kind=kind, headers=packed)
    said = answer.json
    assert (said["accepted"], said["rejected"], said["blocked"]) == (1202, 4, 1)
    assert [(one["index"], one["type"]) for one in said["errors"]] == [
        (1201, "invalid-number"),
        (1202, "missing-field"),
        (1203, "invalid-field"),
        (1205, "not-json"),
    ]
    assert await state(api, id) == ("blocked", "wrong_number")
    found = (await api.call("GET", "/v1/contacts/+56900001199")).json["known"]
    assert (found["lists"], found["entries"][0]["source"]) == (["opt_out"], "list 9")
    answer = await api.call("POST", "/v1/contacts", body, kind=kind, headers=packed, key="other")
    assert answer.json["errors"][-2]["type"] == "no-scope"


async def test_csv_an_array_and_an_object(api: Running) -> None:
    """The same fields, whatever they come in."""
    csv = b"to,opt_out,zones\n+56911111111,true,America/Santiago America/Punta_Arenas\n+1,1,\n"
    said = (await api.call("POST", "/v1/contacts", csv, kind="text/csv")).json
    assert (said["accepted"], said["rejected"]) == (1, 1)
    found = (await api.call("GET", "/v1/contacts/+56911111111")).json["known"]
    assert found["lists"] == ["opt_out"]
    assert found["zones"] == ["America/Santiago", "America/Punta_Arenas"]
    array = [{"to": NUMBER, "consent": True, "text": "acepto"}, {"to": NUMBER, "opt_out": True}, 7]
    said = (await api.call("POST", "/v1/contacts", array)).json
    assert (said["accepted"], said["rejected"]) == (2, 1)
    found = (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["known"]
    assert found["lists"] == ["opt_out", "consent"]
    answer = await api.call("POST", "/v1/contacts", {"to": "+1", "opt_out": True})
    assert (answer.status, answer.json["type"]) == (422, "invalid-number")


async def test_a_zone_takes_messages_out_of_held(api: Running, post: Post, store: Store) -> None:
    """They go to the lane of where their recipient is, those of a later time too."""
    under_rules(api)
    to = {"to": "+51212345678", "from": "3450"}  # of no range: nobody knows where it is
    now = await post(ref="a", **to)
    later = await post(ref="b", send_at="2025-12-01T15:00:00Z", **to)
    path = "/v1/contacts/+51212345678"
    assert now.json["reason"] == "unknown_zone"
    answer = await api.call("PUT", path, {"zones": ["America/Lima"]})
    assert answer.json["moved"] == 2
    for made in (now, later):
        record = await store.records.message("crm", made.json["id"])
        assert record is not None
        assert record.calendar.startswith("pe-")
    assert {lane.split(b":")[2] for lane in await store.redis.call("SMEMBERS", lanes(store))} == {
        record.calendar.encode()
    }
    (claimed,) = await store.queue.claim(["peru"], "n", 9, NOW, 1, Opened({record.calendar: None}))
    assert (claimed.message.id, claimed.message.calendar) == (now.json["id"], record.calendar)
    assert claimed.message.text == "Su cuota vence hoy."
    await store.queue.promote(NOW + 10 * 86_400_000)
    (claimed,) = await store.queue.claim(["peru"], "n", 9, NOW, 2, Opened({record.calendar: None}))
    assert (claimed.message.id, claimed.message.calendar) == (later.json["id"], record.calendar)
    fresh = await post(ref="c", **to)
    assert fresh.json.get("reason") != "unknown_zone"
    record = await store.records.message("crm", fresh.json["id"])
    assert record is not None
    assert record.calendar != HELD
    stream = json.dumps({"text": "hola", "ref": "d", **to}).encode()
    assert (await api.stream(stream)).json["accepted"] == 1
    (streamed,) = (await store.records.messages("crm", ref="d")).items
    assert (streamed.calendar, streamed.state) == (record.calendar, MessageState.queued)


def lanes(store: Store) -> str:
    return store.redis.keys("lanes")


async def test_contacts_by_others_count_once(api: Running) -> None:
    """By their ref, or by time and channel; for the debtor, and for the number."""
    path = f"/v1/contacts/{NUMBER}/touches"
    call = {"channel": "call", "at": AT, "two_way": True, "ref": "c-1", "debtor": "d-9"}
    mail = {"channel": "whatsapp", "at": "2025-11-21T10:00:00Z"}
    for _ in range(2):
        said = (await api.call("POST", path, [call, mail, {"channel": "fax", "at": AT}])).json
        assert (said["accepted"], said["rejected"]) == (2, 1)
    moved = call | {"at": "2025-11-20T11:00:00Z"}
    assert (await api.call("POST", path, moved)).json["accepted"] == 1
    found = (await api.call("GET", f"/v1/contacts/{NUMBER}")).json["contacts"]
    assert found == [
        {"at": "2025-11-20T11:00:00.000Z", "channel": "call", "two_way": True},
        {"at": "2025-11-21T10:00:00.000Z", "channel": "im", "two_way": False},
    ]
    (touch,) = await api.store.contacts.touches("crm", "d-9")
    assert touch.channel == "call"
    left = await api.store.redis.call("PTTL", api.store.redis.keys("cap", "crm", "d-9"))
    assert left > 11.9 * 86_400_000
    answer = await api.call("POST", path, mail | {"at": "2025-11-22T09:00:00Z"})
    assert (answer.status, answer.json["type"]) == (422, "invalid-time")


async def test_a_contact_with_the_number_counts_for_whoever_its_debtor_is(
    api: Running, store: Store
) -> None:
    """Also for one whom no message has named yet; one with a debtor for him, and for the number."""
    api.clock.now = wall_ms()
    at = rfc3339(api.clock.now - 3_600_000)
    path = f"/v1/contacts/{NUMBER}/touches"
    told = [{"channel": "call", "at": at}, {"channel": "email", "at": at, "debtor": "d-2"}]
    assert (await api.call("POST", path, told)).json["accepted"] == 2
    group = Group([1, 0], ["sms", "call", "email"], False, 0, 12 * 86_400_000)

    async def against(debtor: str, to: str = NUMBER[1:]) -> list[str]:
        asked = Asked("a" * 24, to, "crm", debtor, group)
        (answer,) = await store.contacts.admit([asked], api.clock.now)
        return sorted(touch.channel for touch in answer) if isinstance(answer, list) else []

    assert await against("d-1") == ["call"]
    assert await against("d-2") == ["call", "email"]
    assert await against(NUMBER[1:]) == ["call", "email"]
    assert await against("d-2", "56987654321") == ["email"]
    assert await against("d-1", "56987654321") == []


async def test_scopes(api: Running) -> None:
    """Reading needs read, and changing submit."""
    assert (await api.call("GET", f"/v1/contacts/{NUMBER}", key="reader")).status == 200
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/touches")):
        answer = await api.call(method, f"/v1/contacts/{NUMBER}{path}", {}, key="reader")
        assert (answer.status, answer.json["type"]) == (403, "no-scope")


@pytest.mark.parametrize(
    ("written", "options", "lists"),
    [
        ("+56911111111\n\n56 9 2222 2222\nx\n", ["--opt-out"], ["opt_out"]),
        ("to;legal_stop\n+56911111111;1\n+56922222222;true\n;1\n", [], ["legal_stop"]),
        (
            '{"to": "+56911111111"}\n{"to": "+56922222222", "consent": true}\n{"to": 7}\n',
            ["--consent", "--text", "acepto SMS"],
            ["consent"],
        ),
    ],
)
async def test_a_file(
    api: Running,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    written: str,
    options: list[str],
    lists: list[str],
) -> None:
    """Numbers, CSV or NDJSON from the command line; it ends with 1 where something was refused."""
    file = tmp_path / "bajas.txt"
    file.write_text(written, encoding="utf-8")
    asks = ["--url", f"http://127.0.0.1:{api.port}", "--key", "crm-key", "--creditor", "Banco Uno"]
    load = ["contacts", "load", str(file), *options, *asks]
    assert await asyncio.to_thread(cli.main, load) == 1
    assert capsys.readouterr().out.startswith("2 accepted, 1 rejected; 0 waiting messages ended")
    for number in ("+56911111111", "+56922222222"):
        found = await api.call("GET", f"/v1/contacts/{number}?creditor=Banco%20Uno")
        assert found.json["known"]["lists"] == lists
        (entry,) = found.json["known"]["entries"]
        assert entry["source"] == "file bajas.txt"
    assert await asyncio.to_thread(cli.main, ["contacts", "show", "+56911111111", *asks]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["+56911111111", f"for Banco Uno: {lists[0]}"]
    assert said[-1] == "for everyone: on no list"


async def test_a_campaign_that_needs_consent(api: Running, post: Post, store: Store) -> None:
    """Its messages say so to whoever claims them; it is shown, and fixed for good."""
    campaign = await api.campaign(consent="required")
    assert (await api.call("GET", f"/v1/campaigns/{campaign}")).json["consent"] == "required"
    await post(campaign=campaign)
    await post()
    claimed = await store.queue.claim(["chile"], "n", 9, NOW, 1)
    assert sorted(item.message.consent for item in claimed) == [False, True]
