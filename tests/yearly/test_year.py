"""A small year by several rules, and what a mistake in any part of it would look like."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway import cli, policies
from gateway.carrier import admission, closing
from gateway.policy import calendar, caps, decide
from gateway.policy.caps import thresholds
from gateway.policy.decide import Rulebook
from gateway.yearly import ledger
from gateway.yearly.checker import Broken, Checker, changes
from gateway.yearly.people import DAY, HOUR, Debtor, Event, debtors
from gateway.yearly.show import simulate
from gateway.yearly.year import Setting, Slow, Year
from tests.policy.slow import ms

NASTY = """
country = "CL"
name = "Everywhere at once"
effective_from = {begins}
zones = ["America/Havana", "Atlantic/Azores"]

[[sources]]
law = "none"
address = "https://example.org/"

[[prefixes]]
prefix = "+569"
zones = ["America/Santiago", "Pacific/Easter"]
source = "none"

[[prefixes]]
prefix = "+5694"
zones = ["Australia/Lord_Howe"]
source = "none"

[[prefixes]]
prefix = "+5695"
zones = ["Africa/Casablanca", "Atlantic/Azores"]
source = "none"

[[prefixes]]
prefix = "+5696"
zones = ["America/Havana", "America/Nuuk"]
source = "none"
{profiles}
"""
PROFILE = """
[profiles.{name}]
source = "none"
counts = ["sms", "email", "im", "call"]
counts_when = "{when}"

[profiles.{name}.windows]
{windows}

[profiles.{name}.holidays]
calendar = "CL"

[profiles.{name}.caps]
per_day = 1
per_rolling = [{{ contacts = 4, days = 9 }}]
gap_hours = 30
one_channel = true
week_begins = "sun"
"""
WINDOWS = 'mon-fri = ["00:00-02:20", "09:05-15:00", "22:50-24:00"]\nsat-sun = ["00:00-24:00"]'
OVERLAY = """
[[holidays]]
country = "CL"
add = ["easter-3", "02-29", "2027-04-04", "12-24"]
remove = ["2027-09-18"]
why = "a test"
"""


def nasty(folder: Path) -> Rulebook:
    """Clocks that change at midnight, by half an hour, in Ramadan; and other rules from June on."""

    def text(begins: str, windows: str) -> str:
        profiles = "".join(
            PROFILE.format(name=name, windows=windows, when=when)
            for name, when in (("text", "two_way"), ("prudent", "sent"), ("transactional", "sent"))
        )
        return NASTY.format(begins=begins, profiles=profiles)

    (folder / "policies").mkdir()
    (folder / "policies" / "one.toml").write_text(text("2020-01-01", WINDOWS))
    (folder / "policies" / "two.toml").write_text(text("2027-06-10", 'mon-sun = ["06:00-21:00"]'))
    (folder / "policies" / "overlay.toml").write_text(OVERLAY)
    return policies.load(folder / "gateway.toml")


def year(
    book: Rulebook, country: str, *, people: int = 300, profile: str = "prudent", seed: int = 1
) -> Year:
    policy = next(p for p in reversed(book.policies) if p.country == country)
    return simulate(book, policy, profile, people=people, rate=0.01, year=2027, seed=seed)


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return policies.load()


@pytest.mark.parametrize("country", ["CL", "MX", "BR"])
def test_a_year_breaks_no_rule(book: Rulebook, country: str) -> None:
    """Every message goes somewhere, none of them outside hours or over a cap."""
    found = year(book, country)
    counts = found.figures.counts
    ended = sum(counts[how] for how in ("sent", "expired", "blocked", "canceled"))
    assert ended == counts["messages"] > 1_200
    assert min(counts[how] for how in ("sent", "expired", "blocked", "canceled")) > 0
    assert counts["put off: cap"] > 30
    assert found.checker.segments == counts["segments"] > counts["sent"]
    assert found.figures.waited["quiet_hours"]
    assert found.figures.longest_backlog > 30


@pytest.mark.parametrize("profile", ["prudent", "text"])
def test_a_year_of_nasty_rules(tmp_path: Path, profile: str) -> None:
    found = year(nasty(tmp_path), "CL", people=150, profile=profile, seed=2)
    assert found.figures.counts["sent"] > 300
    assert len(changes(sorted(found.zones), 2027)) > 8


def test_numbers_are_all_over_a_country(book: Rulebook) -> None:
    policy = next(p for p in book.policies if p.country == "MX")
    crowd = debtors(book, policy, 300, random.Random(3))
    zones = {zone for person in crowd for zone in book.places.find(person.number).zones}
    assert len({person.number for person in crowd}) == 300
    assert {"America/Tijuana", "America/Mexico_City", "America/Mazatlan"} <= zones


# A mistake anywhere is found


def test_a_margin_that_is_forgotten_is_found(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A validity of an hour, whatever is left of the hours."""
    monkeypatch.setattr(closing, "validity_seconds", lambda *_: 3600)
    with pytest.raises(Broken, match=r"could be delivered at .* 20:00:00"):
        year(book, "CL")


def test_a_message_begun_too_late_is_found(book: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict of a message that waited for its carrier, never held against the clock again."""
    monkeypatch.setattr(closing, "too_late", lambda *_: False)
    monkeypatch.setattr(closing, "validity_seconds", lambda *_: 1)
    monkeypatch.setattr("gateway.carrier.admission._closes", lambda *_: calendar.NEVER)
    with pytest.raises(Broken, match="could be delivered"):
        year(book, "CL", people=400)


def a_carrier_that_stands_still(book: Rulebook) -> None:
    """Monday, Thursday and Monday at ten; it takes nothing on the first until fifteen."""
    monday = ms("2027-07-05T14:00:00Z")
    begins = [monday, monday + 3 * DAY, monday + 7 * DAY]
    events = [Event(at, n, "message", 0, f"debt {n}") for n, at in enumerate(begins)]
    still = Slow(monday - 60_000, monday + 5 * HOUR, 0.0)
    setting = Setting("prudent", 10.0, 30_000, (still,))
    checker = Checker(book.policies, "CL", "prudent")
    run = Year(book, [Debtor("d", "56981234567")], events, setting, checker)
    run.run()
    assert run.figures.counts["sent"] == 3
    assert run.figures.counts["judged anew"] == 1


def test_what_waited_for_its_carrier_is_a_contact_from_when_it_left(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two in seven days: the third may go seven days after the first has left."""
    a_carrier_that_stands_still(book)
    monkeypatch.setattr("gateway.yearly.year.LEAVES_WITHIN_MS", calendar.NEVER)
    with pytest.raises(Broken, match="per_rolling"):
        a_carrier_that_stands_still(book)


def test_a_gap_a_day_too_short_is_found(book: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    def shorter(now: int, caps: caps.Caps, zones: tuple[str, ...]) -> caps.Thresholds:
        asks = thresholds(now, caps, zones)
        day = 86_400_000
        limits = [x + day if x > 100 else x for x in asks.limits]
        ages = [x - day if x > 100 else x for x in asks.ages]
        return asks._replace(limits=limits, ages=ages)

    monkeypatch.setattr("gateway.carrier.admission.thresholds", shorter)
    with pytest.raises(Broken, match=r"gap_days|per_week|per_rolling"):
        year(book, "CL")


def test_a_clock_that_is_not_changed_is_found(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Santiago at its summer's offset all year."""
    real = calendar._segments

    def still(key: str, block: int) -> tuple[tuple[int, int], ...]:
        return real(key, block)[:1] if block % 4 else real("America/Punta_Arenas", block)

    calendar._changes.cache_clear()
    monkeypatch.setattr(calendar, "_segments", still)
    try:
        with pytest.raises(Broken, match="could be delivered"):
            year(policies.load(), "CL", profile="text")
    finally:
        monkeypatch.undo()
        calendar._changes.cache_clear()
        calendar.day_begins.cache_clear()


def test_a_holiday_that_is_forgotten_is_found(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar.Schedule, "holiday", lambda *_: False)
    with pytest.raises(Broken, match="could be delivered"):
        year(policies.load(), "MX")


def test_an_opt_out_that_is_not_heeded_is_found(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (decide, admission):
        monkeypatch.setattr(module, "refused", lambda *_: None)
    with pytest.raises(Broken, match="after an opt-out"):
        year(book, "CL")


def test_touches_of_others_that_do_not_count_are_found(
    book: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.Ledger, "touch", lambda *_: None)
    with pytest.raises(Broken, match=r"email|im|letter"):
        year(book, "CL")


# The command


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate-year", "--policy", "pe", "--debtors", "60"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("PE/prudent, 2027: 60 debtors")
    assert "none outside hours, no cap broken" in out


def test_an_offence_ends_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "validity_seconds", lambda *_: 80_000)
    assert cli.main(["simulate-year", "--policy", "co", "--debtors", "40", "--json"]) == 1
    assert "could be delivered" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--policy", "zz"), ("--policy", "us")])
def test_a_country_that_cannot_be_run(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate-year", *arguments]) == 2
    assert "recado: " in capsys.readouterr().err
