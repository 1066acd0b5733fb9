"""docs/carriers.md says what is so: its TOML loads, it has every key, what it names is there."""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from gateway.cli import _parser
from gateway.config import Carrier, Config, Route, load
from gateway.simulator import cli as simulator
from gateway.simulator import options

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "carriers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BESIDE = '[[carriers]]\nname = "a"\nhost = "h"\nsystem_id = "s"\npassword = "p"\n'
ENVIRON = {"ANDINA_PASSWORD": "secreto1", "SUR_PASSWORD": "secreto2"}


def loaded(block: str, folder: Path) -> Config:
    """The configuration with this block: a main file, a carrier's file, or keys of a carrier."""
    main, carrier = folder / "gateway.toml", folder / "carriers" / "sur.toml"
    carrier.parent.mkdir()
    (carrier.parent / "sur.password").write_text("secreto3\n", encoding="utf-8")
    of_main = block.startswith("# gateway.toml")
    main.write_text(block if of_main else "", encoding="utf-8")
    if not of_main:
        whole = block if re.search(r"^\[", block, re.MULTILINE) else BESIDE + block
        carrier.write_text(whole, encoding="utf-8")
    return load(main, ENVIRON)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_its_configuration_loads(block: str, tmp_path: Path) -> None:
    found = loaded(block, tmp_path)
    routed = {name for route in found.routes for name in route.carriers}
    named = {carrier.name for carrier in found.carriers}
    assert routed == named or not found.routes


def test_the_worked_example_is_what_its_sheet_says(tmp_path: Path) -> None:
    found = loaded(BLOCKS[0], tmp_path)
    (sur,), (chile,) = found.carriers, found.routes
    assert (sur.port, sur.tls, sur.binds, sur.window) == (3550, True, 2, 20)
    assert sur.password == "secreto3"
    assert (sur.sender_short_code, sur.message_id) == ((0, 1), "hex-decimal")
    assert dict(sur.statuses)["0x403"] == "slow"
    assert [(tlv.tag, tlv.value) for tlv in sur.tlvs] == [(0x1401, b"CT-2041\0")]
    assert chile.senders == ("3450", "3451")


def test_it_has_every_key_of_a_carrier_and_a_route() -> None:
    quoted = set(re.findall(r"`(?:\[\[routes\]\] )?([a-z_]+)(?: = [^`]*)?`", PAGE))
    quoted |= {key for block in BLOCKS for key in _keys(tomllib.loads(block))}
    keys = {field.name for cls in (Carrier, Route) for field in dataclasses.fields(cls)}
    assert keys <= quoted


def _keys(table: object) -> set[str]:
    if isinstance(table, list):
        return set().union(*map(_keys, table))
    if isinstance(table, dict):
        return set(table).union(*map(_keys, table.values()))
    return set()


def test_the_tests_that_it_names_exist() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    code = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    assert len(named) > 50
    assert named <= set(re.findall(r"^(?:async )?def (test_[a-z0-9_]+)", code, re.MULTILINE))


def test_its_commands_are_the_command_lines() -> None:
    lines = re.findall(r"^ {4}recado (.*)$", PAGE, re.MULTILINE)
    assert len(lines) > 7
    for line in lines:
        command, *rest = shlex.split(line)
        if command == "simulate":
            assert simulator.load(options.parser().parse_args(rest)).accounts
        else:
            assert _parser().parse_args([command, *rest]).command
    for command in set(re.findall(r"`recado ([a-z]+)", PAGE)) - {"simulate"}:
        with pytest.raises(SystemExit, match="0"):
            _parser().parse_args([command, "--help"])


def test_its_calls_and_metrics_exist() -> None:
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for path in re.findall(r"`(?:GET|POST|PATCH) ([^`]*)`", PAGE):
        assert (
            re.sub(r"/(?:sur|\{name\})/pause", "/{name}/pause", path).replace("/sur/", "/{name}/")
            in api
        ), path
    metrics = (ROOT / "gateway" / "metrics.py").read_text(encoding="utf-8")
    for metric in set(re.findall(r"`recado_([a-z_]+)`", PAGE)):
        assert metric in metrics or metric.removesuffix("_total") in metrics, metric


def test_its_links_lead_somewhere() -> None:
    for file, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", PAGE):
        path = (ROOT / "docs" / file) if file else ROOT / "docs" / "carriers.md"
        assert path.is_file(), file
        if anchor:
            assert anchor in _anchors(path.read_text(encoding="utf-8")), anchor


def _anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
