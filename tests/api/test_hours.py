"""What a message says of the hours it waits for: as it is submitted, and when it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import Route
from gateway.policies import campaign_week, read, shipped
from gateway.policy.calendars import Calendars
from tests.api.conftest import Running
from tests.api.test_findings import CHILE, post
from tests.api.test_findings import api as api
from tests.policy.slow import ms

NIGHT, DAY = ms("2026-07-14T03:00:00Z"), ms("2026-07-14T15:00:00Z")


@pytest.mark.parametrize(
    ("now", "to", "reason", "not_before"),
    [
        (NIGHT, CHILE, "quiet_hours", "2026-07-14T12:00:00.000Z"),
        (DAY, CHILE, None, None),
        (DAY, "+56912345678", "unknown_zone", None),
        (DAY, "+819012345678", "no_policy", None),
    ],
)
async def test_it_says_why_it_waits_and_until_when(
    api: Running, now: int, to: str, reason: str | None, not_before: str | None
) -> None:
    api.clock.now = now
    api.configure(routes=_everywhere(api))
    accepted = await post(api, to=to)
    assert (accepted.status, accepted.json["state"]) == (202, "queued")
    assert accepted.json.get("reason") == reason
    assert accepted.json.get("not_before") == not_before
    read = await api.call("GET", f"/v1/messages/{accepted.json['id']}")
    assert read.json.get("reason") == reason
    assert read.json.get("not_before") == not_before


async def test_to_the_millisecond_and_back(api: Running) -> None:
    """What was said of a place holds until its hours change, and not before it was asked."""
    opens = ms("2026-07-14T12:00:00Z")
    api.clock.now = opens - 1
    assert (await post(api)).json["reason"] == "quiet_hours"
    for now, reason in ((opens, None), (opens + 1, None), (opens - 1, "quiet_hours")):
        api.clock.now = now
        assert (await post(api)).json.get("reason") == reason
    night = await post(api, send_at="2026-07-15T03:00:00Z")
    assert night.json["not_before"] == "2026-07-15T12:00:00.000Z"


def _everywhere(api: Running) -> tuple[Route, ...]:
    return tuple(replace(one, prefixes=("+",)) for one in api.api.context.config.routes[:1])


async def test_a_later_time_of_its_own_goes_before(api: Running) -> None:
    api.clock.now = NIGHT
    answer = await post(api, send_at="2026-07-14T16:00:00Z")
    assert answer.json["not_before"] == "2026-07-14T16:00:00.000Z"


async def test_in_the_morning_it_no_longer_waits(api: Running) -> None:
    api.clock.now = NIGHT
    accepted = await post(api)
    api.clock.now = ms("2026-07-14T12:00:00Z")
    read = await api.call("GET", f"/v1/messages/{accepted.json['id']}")
    assert (read.json.get("reason"), read.json.get("not_before")) == (None, None)


async def test_hours_that_never_meet_the_rules(api: Running) -> None:
    """Of the recipient's country: closed, not quiet hours that pass. Of any: no campaign."""
    api.clock.now = DAY
    api.configure(routes=_everywhere(api))
    campaign = await api.campaign(policy="text", hours={"sun": ["10:00-12:00"]})
    accepted = await post(api, campaign=campaign)
    assert (accepted.json["reason"], accepted.json.get("not_before")) == ("closed", None)
    read = (await api.call("GET", f"/v1/messages/{accepted.json['id']}")).json
    assert (read["reason"], read.get("not_before")) == ("closed", None)
    mexico = await post(api, to="+525512345678", campaign=campaign)  # by the law's words it is open
    assert mexico.json["not_before"] == "2026-07-19T16:00:00.000Z"
    for hours in ({"sun": ["10:00-12:00"]}, {"mon-fri": ["02:00-06:00"]}):
        answer = await api.call("POST", "/v1/campaigns", {"name": "x", "hours": hours})
        assert (answer.json["type"], answer.json["field"]) == ("invalid-field", "hours")


async def test_hours_that_meet_only_a_later_rule(tmp_path: Path) -> None:
    """They wait until it is in force."""
    text = (shipped() / "chile.toml").read_text(encoding="utf-8")
    now = 'mon-sat = ["08:00-20:00"]'
    assert now in text
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    later = text.replace("effective_from = 2021-04-20", "effective_from = 2026-08-03")
    (tmp_path / "b.toml").write_text(later.replace(now, 'sun = ["08:00-20:00"]'))
    calendars = Calendars(read(sorted(tmp_path.glob("*.toml"))))
    week = campaign_week({"sun": ["10:00-12:00"]})
    name = calendars.name(calendars.book.places.find(CHILE), "prudent", week)
    assert calendars.sleep(name, DAY) == ("quiet_hours", ms("2026-08-09T14:00:00Z"))


async def test_the_usa_is_off(api: Running) -> None:
    api.clock.now = DAY
    api.configure(routes=_everywhere(api))
    answer = await post(api, to="+12125550123")
    assert (answer.json["state"], answer.json["reason"]) == ("blocked", "country_off")
