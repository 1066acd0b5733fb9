"""The countries' files: every one loads, and a mistake in one is refused with its reason."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from gateway import policies
from gateway.errors import ConfigError
from gateway.policy.daysoff import dates
from gateway.policy.lint import Capitals
from gateway.policy.rules import PROFILES, digest, intersect

ROOT = Path(__file__).parent.parent
CHILE = """
country = "CL"
name = "Chile"
effective_from = 2021-04-20
zones = ["America/Santiago"]

[[sources]]
law = "Ley 19.496, art. 37"
address = "https://www.bcn.cl/leychile/navegar?idNorma=61438"

[[prefixes]]
prefix = "+5661"
zones = ["America/Punta_Arenas"]
region = "MA"
source = "the area code of Magallanes"

[[regions]]
code = "MA"
names = ["Magallanes", "XII"]

[profiles.text]
source = "art. 37"
[profiles.text.windows]
mon-sat = ["08:00-20:00"]

[profiles.prudent]
source = "art. 37"
counts = ["sms", "email"]
[profiles.prudent.windows]
mon-fri = ["08:00-12:30", "14:00-24:00"]
sat = []
[profiles.prudent.holidays]
calendar = "CL"
subdivisions = ["AP"]
add = ["12-24", "easter-3"]
[profiles.prudent.caps]
per_week = 2
week_begins = "sun"
per_rolling = [{ contacts = 2, days = 7 }]
[profiles.prudent.regions.MA]
sun = ["09:00-10:00"]
[[profiles.prudent.uncertain]]
figure = "caps.per_week"
why = "a week of which kind"

[profiles.transactional]
source = "none"
[profiles.transactional.windows]
mon-sun = ["08:00-20:00"]

[[lint.words]]
name = "judicial"
does = "refuse"
words = ["demanda", "acción legal"]
but = ["alta demanda"]
law = "art. 37"
[lint.opt_out]
does = "warn"
words = ["baja"]
[lint.capitals]
does = "warn"
share = 0.5
"""


def read(folder: Path, text: str, overlay: str = "") -> policies.Rulebook:
    path = folder / "chile.toml"
    path.write_text(text, encoding="utf-8")
    paths = [path]
    if overlay:
        paths.append(folder / policies.OVERLAY)
        paths[-1].write_text(overlay, encoding="utf-8")
    return policies.read(paths)


def problems(folder: Path, text: str, overlay: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, overlay)
    return [line.replace(f"{folder}/", "") for line in caught.value.problems]


def test_a_file_becomes_a_policy(tmp_path: Path) -> None:
    (policy,) = read(tmp_path, CHILE).policies
    profile = policy.profile("prudent")
    assert (policy.country, policy.effective_from) == ("CL", date(2021, 4, 20))
    assert profile.windows == (((480, 750), (840, 1440)),) * 5 + ((), ())
    assert dict(profile.regions) == {"MA": ((),) * 6 + (((540, 600),),)}
    assert asdict(profile.caps) == {
        "per_day": 0,
        "per_rolling": ((2, 7),),
        "per_week": 2,
        "week_begins": 6,
        "gap_days": 0,
        "gap_hours": 0,
        "one_channel": False,
    }
    assert profile.holidays.add == ("12-24", "easter-3")
    assert policy.prefixes[0].prefix == "5661"
    assert profile.uncertain[0].figure == "caps.per_week"


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('country = "CL"', 'country = "XX"', 'country: found "XX" (text); allowed: a country'),
        ('country = "CL"', 'land = "CL"', "country: missing; allowed: a country"),
        ('name = "Chile"', 'nmae = "Chile"', "nmae: unknown key; did you mean 'name'?"),
        ("2021-04-20", '"2021-04-20"', "effective_from: found"),
        ("effective_from = 2021-04-20", "", "effective_from: missing; allowed: a date"),
        ("2021-04-20", "2021-04-20T00:00:00Z", "effective_from: found"),
        ('zones = ["America/Santiago"]', "zones = []", "zones: found an array of 0; allowed"),
        ('"America/Santiago"', '"America/Santigo"', "zones[0]: found"),
        ("https://www", "www", "sources[0].address: found"),
        ('law = "Ley 19.496, art. 37"', "", "sources[0].law: missing"),
        ("[[sources]]", "[[source]]", "source: unknown key; did you mean 'sources'?"),
        ('"+5661"', '"5661"', "prefixes[0].prefix: found"),
        ('"+5661"', '"+5161"', "prefixes[0].prefix: found"),
        ('region = "MA"', 'region = "XII"', "prefixes[0].region: no region has the code 'XII'"),
        ('source = "the area code of Magallanes"', "", "prefixes[0].source: missing"),
        ('code = "MA"', 'code = "MAG"', "prefixes[0].region: no region has the code 'MA'"),
        ("[profiles.text]", "[profiles.texts]", "profiles.texts: unknown key; did you mean"),
        ('source = "art. 37"', "", "profiles.text.source: missing"),
        ('counts = ["sms", "email"]', 'counts = ["fax"]', "profiles.prudent.counts[0]: found"),
        ('counts = ["sms", "email"]', "counts = []", "profiles.prudent.counts: found nothing"),
        ('counts = ["sms", "email"]', 'counts_when = "x"', "profiles.prudent.counts_when: found"),
        ('counts = ["sms", "email"]', "count = []", "profiles.prudent.count: unknown key"),
        ("08:00-20:00", "20:00-08:00", "profiles.text.windows.mon-sat[0]: found"),
        ("08:00-20:00", "08:00-24:01", "profiles.text.windows.mon-sat[0]: found"),
        ("08:00-20:00", "8-20", "profiles.text.windows.mon-sat[0]: found"),
        ("08:00-20:00", "08:60-20:00", "profiles.text.windows.mon-sat[0]: found"),
        ('["08:00-20:00"]', '"08:00-20:00"', "profiles.text.windows.mon-sat: found"),
        ('["08:00-20:00"]', "[]", "profiles.text.windows: found no open hour in the week"),
        ("mon-sat =", "mon-lun =", "profiles.text.windows.mon-lun: unknown day"),
        ("mon-sat =", "sat-mon =", "profiles.text.windows.sat-mon: unknown day"),
        ("sat = []", 'fri = ["08:00-09:00"]', "windows.fri: found fri again; it is in 'mon-fri'"),
        ("14:00-24:00", "12:00-24:00", "windows.mon-fri: found windows that overlap"),
        ('calendar = "CL"', 'calendar = "QQ"', "knows no calendar 'QQ'"),
        ('calendar = "CL"', 'calender = "CL"', "holidays.calender: unknown key"),
        ('["AP"]', '["ZZ"]', "the calendar CL has no subdivision 'ZZ'"),
        ('subdivisions = ["AP"]', 'categories = ["bunk"]', "has no category 'bunk'"),
        ('"12-24"', '"12-32"', "profiles.prudent.holidays.add[0]: found"),
        ('"easter-3"', '"easter-x"', "profiles.prudent.holidays.add[1]: found"),
        ("per_week = 2", "per_week = -1", "profiles.prudent.caps.per_week: found -1; allowed"),
        ("per_week = 2", "per_wek = 2", "caps.per_wek: unknown key; did you mean 'per_week'?"),
        ("days = 7 }", "weeks = 1 }", "caps.per_rolling[0].weeks: unknown key"),
        ('"sun"', '"domingo"', "profiles.prudent.caps.week_begins: found"),
        ("regions.MA]", "regions.RM]", "profiles.prudent.regions.RM: unknown key"),
        ('figure = "caps.per_week"', 'figure = "caps.per_day"', "has no figure 'caps.per_day'"),
        ("[profiles.transactional]", "[profiles", "chile.toml: is no TOML"),
        ('name = "judicial"', 'name = "creditor"', "lint.words[0].name: found"),
        ('name = "judicial"', 'name = "Judicial!"', "lint.words[0].name: found"),
        ('does = "refuse"', 'does = "stop"', "lint.words[0].does: found"),
        ('does = "refuse"', "", "lint.words[0].does: missing"),
        ('"demanda", "acción legal"', "", "lint.words[0].words: found an array of 0"),
        ('"demanda",', '"...",', "lint.words[0].words[0]: found"),
        ('"alta demanda"', '"\N{GREEK SMALL LETTER PI}"', "lint.words[0].but[0]: found"),
        ('words = ["baja"]', "", "lint.opt_out.words: missing"),
        ("[lint.opt_out]", "[lint.optout]", "lint.optout: unknown key; did you mean 'opt_out'?"),
        ("share = 0.5", "share = 1.5", "lint.capitals.share: found 1.5; allowed: a part"),
        ("share = 0.5", "part = 0.5", "lint.capitals.part: unknown key"),
        (
            "[lint.opt_out]",
            '[[lint.words]]\nname = "x"\ndoes = "warn"\nwords = ["DEMANDA"]\n[lint.opt_out]',
            "lint.words[1].words: found 'demanda', which is in 'judicial' too",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_reason(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    found = problems(tmp_path, swap(old, new)(CHILE))
    assert any(said in line for line in found), found
    assert all(line.startswith("chile.toml: ") for line in found)


def test_what_is_asked_of_texts(tmp_path: Path) -> None:
    """It is read as it stands, is no part of the hash, and a file may have none of it."""
    with_it = read(tmp_path, CHILE).policies[0]
    without = read(tmp_path, CHILE[: CHILE.index("[[lint.words]]")]).policies[0]
    assert with_it.lint is not None
    assert with_it.lint.lists[0].words == ("demanda", "acción legal")
    assert (with_it.lint.creditor, with_it.lint.capitals) == (
        None,
        Capitals(does="warn", share=0.5, letters=25),
    )
    assert without.lint is None
    assert digest(with_it, with_it.profile("text")) == digest(without, without.profile("text"))


def test_all_mistakes_are_found_in_one_go(tmp_path: Path) -> None:
    text = CHILE.replace("per_week = 2", "per_week = -1").replace("08:00-20:00", "8-20")
    assert len(problems(tmp_path, text.replace('"sun"', '"x"'))) == 4


def test_a_profile_that_lacks_is_said(tmp_path: Path) -> None:
    start = CHILE.index("[profiles.transactional]")
    said = "chile.toml: profiles.transactional: missing; allowed: a table, [profiles.transactional]"
    assert problems(tmp_path, CHILE[:start]) == [said]
    assert problems(tmp_path, CHILE[: CHILE.index("[profiles.text]")]) == [
        "chile.toml: profiles: missing; allowed: the profiles text, prudent, transactional"
    ]


def test_what_is_there_twice(tmp_path: Path) -> None:
    """A prefix, a region's name, a country from the same date."""
    prefix = '[[prefixes]]\nprefix = "+5661"\nsource = "x"\n'
    assert (
        "prefixes[1].prefix: found '+5661' a second time"
        in problems(tmp_path, CHILE.replace("[[regions]]", prefix + "[[regions]]"))[0]
    )
    region = '[[regions]]\ncode = "AI"\nnames = ["magallanes"]\n'
    text = CHILE.replace("[profiles.text]", region + "[profiles.text]", 1)
    said = "chile.toml: regions[1]: found 'magallanes', which is a name of 'MA' too"
    assert problems(tmp_path, text) == [said]
    (tmp_path / "a.toml").write_text(CHILE)
    (tmp_path / "b.toml").write_text(CHILE)
    with pytest.raises(ConfigError, match="found CL from 2021-04-20 a second time"):
        policies.read([tmp_path / "a.toml", tmp_path / "b.toml"])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "Per\xfa"')
    with pytest.raises(ConfigError) as caught:
        policies.read([tmp_path / "latin.toml", tmp_path / "none.toml"])
    assert [line.rpartition(": ")[2] for line in caught.value.problems] == [
        "is not UTF-8",
        "No such file or directory",
    ]


# the overlay


OVERLAY = """
[[holidays]]
country = "CL"
add = ["2026-07-20"]
remove = ["12-24", "2026-07-16"]
why = "elections"

[[holidays]]
country = "CL"
region = "MA"
add = ["2026-10-21"]
why = "of Magallanes alone"

[[prefixes]]
country = "CL"
prefix = "+5661"
zones = ["America/Santiago"]
assigned = true
source = "our own records"
"""


def test_an_overlay(tmp_path: Path) -> None:
    """Days added and removed where there are holidays at all; the last word on prefixes."""
    plain = read(tmp_path, CHILE).policies[0]
    (policy,) = read(tmp_path, CHILE, OVERLAY).policies
    before = dates(plain.profile("prudent").holidays, "", 2026)
    off = policy.profile("prudent").holidays
    assert dates(off, "", 2026) == (
        before - {date(2026, 12, 24), date(2026, 7, 16)} | {date(2026, 7, 20)}
    )
    assert date(2026, 10, 21) in dates(off, "MA", 2026)
    assert date(2026, 10, 21) not in dates(off, "RM", 2026)
    assert policy.profile("text") == plain.profile("text")
    assert [(p.zones, p.assigned) for p in policy.prefixes] == [(("America/Santiago",), True)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('country = "CL"', 'country = "CO"', "holidays[0].country: no file has the country 'CO'"),
        ('why = "elections"', "", "holidays[0].why: missing"),
        ('"2026-07-20"', '"20-07-2026"', "holidays[0].add[0]: found"),
        ('region = "MA"', 'region = "XX"', "holidays[1].region: no region has the code 'XX'"),
        ('"+5661"', '"+5161"', "prefixes[0].prefix: found"),
        ('"America/Santiago"', '"Santiago"', "prefixes[0].zones[0]: found"),
        ("[[prefixes]]", "[[prefix]]", "prefix: unknown key; did you mean 'prefixes'?"),
    ],
)
def test_a_mistake_in_the_overlay(old: str, new: str, said: str, tmp_path: Path) -> None:
    found = problems(tmp_path, CHILE, swap(old, new)(OVERLAY))
    assert any(line.startswith(f"overlay.toml: {said}") for line in found), found


# where they are looked for


def test_beside_the_main_file_or_the_packages_own(tmp_path: Path) -> None:
    main = tmp_path / "gateway.toml"
    assert {p.country for p in policies.load(main).policies} == {
        "AR", "BR", "CL", "CO", "EC", "ES", "MX", "PE", "US",
    }  # fmt: skip
    (tmp_path / "policies").mkdir()
    overlay = '[[holidays]]\ncountry = "CO"\nadd = ["2026-12-24"]\nwhy = "ours"\n'
    (tmp_path / "policies" / "overlay.toml").write_text(overlay)
    book = policies.load(main)
    assert len(book.policies) == 9
    colombia = next(policy for policy in book.policies if policy.country == "CO")
    assert date(2026, 12, 24) in dates(colombia.profile("text").holidays, "", 2026)
    (tmp_path / "policies" / "chile.toml").write_text(CHILE)
    with pytest.raises(ConfigError, match="no file has the country 'CO'"):
        policies.load(main)
    (tmp_path / "policies" / "overlay.toml").unlink()
    assert [policy.country for policy in policies.load(main).policies] == ["CL"]


def test_a_wheel_carries_them() -> None:
    """What an installation without the checkout reads: the same files, inside the package."""
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("no checkout")
    code = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, folder],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        with zipfile.ZipFile(Path(folder, done.stdout.split()[-1])) as wheel:
            carried = {
                Path(name).name: wheel.read(name)
                for name in wheel.namelist()
                if name.startswith("gateway/policies_data/")
            }
    assert carried == {path.name: path.read_bytes() for path in policies.shipped().glob("*.toml")}


# what they say


def test_every_countrys_file() -> None:
    """All three profiles, a source for each law, and nothing in them that is not narrower."""
    for policy in policies.load().policies:
        assert {profile.name for profile in policy.profiles} == set(PROFILES)
        assert policy.sources
        text, prudent = policy.profile("text"), policy.profile("prudent")
        assert intersect(text.windows, prudent.windows) == prudent.windows, policy.country
        for region, week in prudent.regions:
            assert intersect(dict(text.regions)[region], week) == week, region
        assert prudent.caps, policy.country
        assert policy.profile("transactional").answer_seconds == 300
        assert policy.enabled is (policy.country != "US")


WEEKS = {
    # Monday to Friday, Saturday, Sunday
    ("CL", "text"): ("08:00-20:00", "08:00-20:00", ""),
    ("CL", "prudent"): ("08:00-20:00", "08:00-20:00", ""),
    ("MX", "text"): ("07:00-22:00", "07:00-22:00", "07:00-22:00"),
    ("MX", "prudent"): ("08:00-20:00", "08:00-20:00", ""),
    ("CO", "text"): ("07:00-19:00", "08:00-15:00", ""),
    ("CO", "prudent"): ("08:00-19:00", "08:00-15:00", ""),
    ("PE", "text"): ("07:00-20:00", "", ""),
    ("PE", "prudent"): ("07:00-20:00", "", ""),
    ("EC", "text"): ("07:00-20:00", "", ""),
    ("EC", "prudent"): ("07:00-20:00", "", ""),
    ("AR", "prudent"): ("09:00-19:00", "09:00-12:00", ""),
    ("BR", "prudent"): ("09:00-19:00", "", ""),
    ("BR", "transactional"): ("09:00-20:00", "09:00-20:00", ""),
    ("ES", "prudent"): ("09:00-21:00", "", ""),
    ("US", "text"): ("08:00-21:00", "08:00-21:00", "08:00-21:00"),
    ("US", "prudent"): ("08:00-20:00", "08:00-20:00", "08:00-20:00"),
}


@pytest.mark.parametrize(("country", "name"), WEEKS)
def test_the_hours_of_the_table(country: str, name: str) -> None:
    policy = next(p for p in policies.load().policies if p.country == country)
    week = policy.profile(name).windows
    expected = [
        tuple(map(policies.parse_window, filter(None, [day]))) for day in WEEKS[country, name]
    ]
    assert list(week) == [expected[0]] * 5 + expected[1:]


def test_campaign_hours_with_a_mistake() -> None:
    with pytest.raises(
        ValueError, match=re.escape('mon[0]: found "9-18" (text); allowed: a window')
    ):
        policies.campaign_week({"mon": ["9-18"]})
