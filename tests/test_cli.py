"""The command: what each prints, its exit status, and one line for every expected error."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gateway as gateway_package
from gateway import cli, log
from gateway.config import Config
from gateway.errors import StoreRefused
from tests.certificates import DAY, Authority

ROOT = Path(__file__).parent.parent
CARRIER = (
    '[[carriers]]\nname = "andina"\nhost = "127.0.0.1"\nsystem_id = "recado"\npassword = "secret"\n'
)


@pytest.fixture
def main_file(tmp_path: Path) -> Path:
    """A configuration that is right, with a carrier on no route."""
    path = tmp_path / "gateway.toml"
    path.write_text(f'[redis]\nstate_dir = "state"\n{CARRIER}', encoding="utf-8")
    return path


def run(*arguments: str) -> int:
    """The exit status of a command line, argparse's included."""
    try:
        return cli.main(arguments)
    except SystemExit as error:
        return int(error.code or 0)


# the command line


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    said = capsys.readouterr().out
    commands = ("run", "check", "probe", "key", "store", "simulate", "status", "send", "contacts")
    for command in (*commands, "audit", "trace"):
        assert f"\n    {command} " in said


def test_help_imports_nothing_heavy() -> None:
    """It is there at once: neither the loop nor Redis nor HTTP is loaded."""
    code = (
        "import sys\nfrom gateway.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'asyncio', 'redis', 'aiohttp', 'uvloop', 'msgspec'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines()[-1] == "[]"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--config", "nowhere.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "recado: nowhere.toml: no such file; name one with: recado run --config PATH\n"
    )


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "check"],
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("arguments", [(), ("fly",), ("send", "--to", "+56"), ("run", "--fast")])
def test_a_wrong_command_line_ends_with_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith("usage: recado")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("recado")


# check


def test_check_of_the_example_says_what_would_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert run("check") == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "config/gateway.toml, config/carriers/andina.toml",
        "  store    embedded, in /var/lib/recado",
        "  http     127.0.0.1:8080; metrics also on 127.0.0.1:9108",
        "  carrier  andina: recado at 127.0.0.1:2775, 2 x transceiver, window 50, 100 segments/s",
        "  route    chile: +56 to andina, from 3450",
        "  rules    prudent: AR, BR, CL, CO, EC, ES, MX, PE",
        "note: no [[clients]]: nobody can submit; recado key makes a key",
    ]


def test_check_finds_what_is_wrong_with_the_rules(
    main_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = main_file.parent / "policies"
    folder.mkdir()
    (folder / "chile.toml").write_text('country = "CHL"\n', encoding="utf-8")
    assert run("check", "--config", str(main_file)) == 2
    assert "chile.toml: country: found" in capsys.readouterr().err


def test_check_notes_what_is_perhaps_not_meant(
    main_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", "--config", str(main_file)) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: no [[clients]]: nobody can submit; recado key makes a key",
        "note: no [[routes]]: no message can leave",
        "note: the carrier andina is on no route",
    ]


def test_check_warns_of_receipts_that_anyone_could_write(
    main_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    carrier = main_file.read_text(encoding="utf-8")
    main_file.write_text(carrier + '\nreceipts_by = "either"\n', encoding="utf-8")
    assert run("check", "--config", str(main_file)) == 0
    note = 'receipts_by = "either": a debtor can text what is taken for a receipt'
    assert note in capsys.readouterr().out


def test_check_notes_a_certificate_that_is_over(
    main_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = Authority(main_file.parent).issue("recado", starts=-9 * DAY, ends=-DAY)
    files = f'tls_cert_file = "{pair.certificate}"\ntls_key_file = "{pair.key}"\n'
    main_file.write_text(f"{CARRIER}tls = true\n{files}", encoding="utf-8")
    assert run("check", "--config", str(main_file)) == 0
    said = capsys.readouterr().out
    assert "note: the carrier andina: tls_cert_file: our certificate in " in said
    assert " is over since " in said


def test_check_shows_clients_and_staging_and_no_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[redis]\nurl = "redis://:hunter2@h/0"\n[safety]\nonly_to = ["+56981234567"]\n'
        f'[[clients]]\nname = "crm"\nkey_sha256 = "{"0" * 64}"\nrate = 5\n'
        + CARRIER.replace("secret", "swordfis"),
        encoding="utf-8",
    )
    assert run("check", "--config", str(path)) == 0
    said = capsys.readouterr().out
    assert "  client   crm: read, submit, 5 requests/s\n" in said
    assert "  only to  1 numbers; every other is blocked\n" in said
    assert "  store    redis://***@h/0\n" in said
    assert "swordfis" not in said


def test_every_mistake_is_a_line_and_the_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(CARRIER + "windw = 1\nport = 0\n", encoding="utf-8")
    assert run("check", "--config", str(path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"recado: {path}: carriers[0].windw: unknown key; did you mean 'window'?",
        f"recado: {path}: carriers[0].port: found 0; allowed: a whole number from 1 to 65535",
    ]


# run


def test_run_gives_the_configuration_to_the_daemon(
    main_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = _daemon(monkeypatch)
    assert run("run", "--config", str(main_file)) == 7
    assert given[0].carriers[0].name == "andina"
    assert given[0].redis.embedded


def test_run_with_the_store_apart_only_connects_to_it(
    main_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = _daemon(monkeypatch)
    assert run("run", "--store-apart", "--config", str(main_file)) == 7
    assert not given[0].redis.embedded
    assert given[0].redis.url == f"unix://{main_file.parent}/state/store/redis.sock"


def test_run_without_a_configuration_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.config.SEARCHED", (Path("config/gateway.toml"), tmp_path / "x"))
    assert run("run") == 2
    assert "looked for config/gateway.toml and" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (StoreRefused("too old"), 1, "recado: too old\n"),
        (OSError(98, "Address already in use"), 1, "recado: [Errno 98] Address already in use\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_keeps_it_from_running_is_one_line(
    main_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    said: str,
) -> None:
    _daemon(monkeypatch, error)
    assert run("run", "--config", str(main_file)) == status
    assert capsys.readouterr().err == said


def _daemon(monkeypatch: pytest.MonkeyPatch, error: BaseException | None = None) -> list[Config]:
    """A daemon in the place of the real one; what it was given."""
    given: list[Config] = []

    def fake(config: Config) -> int:
        given.append(config)
        if error:
            raise error
        return 7

    daemon = ModuleType("gateway.daemon")
    daemon.run = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gateway.daemon", daemon)
    monkeypatch.setattr(gateway_package, "daemon", daemon, raising=False)
    monkeypatch.setattr(log, "setup", lambda settings: None)
    return given


# key


def test_a_key_and_the_line_for_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("key") == 0
    first, second = capsys.readouterr().out.splitlines()
    key = first.removeprefix("key: ")
    assert key.startswith("rcd_")
    assert len(key) > 40
    assert second == f'key_sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"'
    run("key")
    assert capsys.readouterr().out.splitlines()[0] != first


# store


def test_store_becomes_the_server(main_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []

    def execvpe(file: str, command: list[str], environment: dict[str, str]) -> None:
        became.append(command)
        raise OSError("not really")

    monkeypatch.setattr(os, "execvpe", execvpe)
    assert run("store", "--config", str(main_file)) == 1
    assert became[0][0].endswith("-server") or "valkey" in became[0][0]
    assert str(main_file.parent / "state" / "store" / "redis.sock") in became[0]


def test_store_has_nothing_to_run_for_another_redis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[redis]\nurl = "redis://:hunter2@h/0"\n', encoding="utf-8")
    assert run("store", "--config", str(path)) == 2
    said = capsys.readouterr().err
    assert (
        said == f'recado: {path}: redis.url: found redis://***@h/0; recado store needs "embedded"\n'
    )


# simulate


def test_simulate_has_a_command_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.simulator import cli as simulator

    given: list[list[str]] = []

    def fake(arguments: list[str]) -> int:
        given.append(arguments)
        return 3

    monkeypatch.setattr(simulator, "main", fake)
    assert run("simulate", "--config", "x.toml", "--help") == 3
    assert given == [["--config", "x.toml", "--help"]]


# status and send


class Gateway(ThreadingHTTPServer):
    """A gateway's API as far as the command asks it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Request(BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, payload: Any) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", ""), payload))
        status, body = self.server.answers.get(self.path, (404, {"title": "not found"}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """An API on a free port that answers as the test says."""
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


CARRIERS = {
    "items": [
        {
            "name": "andina",
            "state": "bound",
            "binds": [
                {"index": 0, "state": "bound", "outstanding": 12},
                {"index": 1, "state": "waiting", "outstanding": 0},
            ],
            "window": 50,
            "rate": 100,
            "sending_rate": 99.5,
            "limited_by": "nothing_queued",
        },
        {"name": "sur"},
    ]
}


def test_status_is_a_short_table(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers = {"/readyz": (200, {"ready": True}), "/v1/carriers": (200, CARRIERS)}
    assert run("status", "--url", gateway.url, "--key", "k") == 0
    assert capsys.readouterr().out.splitlines() == [
        "ready",
        "CARRIER  STATE  BINDS  IN FLIGHT  RATE           LIMITED BY",
        "andina   bound  1/2    12/50      99.5/s of 100  nothing queued",
        "sur      ?      0/0    0/0        -              -",
    ]
    assert gateway.asked[-1][1] == "Bearer k"


def test_status_of_a_gateway_that_is_not_ready_ends_with_1(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers = {
        "/readyz": (503, {"title": "not ready", "detail": "stopping"}),
        "/v1/carriers": (200, []),
    }
    assert run("status", "--url", gateway.url + "/") == 1
    assert capsys.readouterr().out.startswith("not ready: not ready; stopping\nCARRIER")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {"title": "no"}), "recado: the gateway does not know this key: give one with"),
        (
            (403, {"title": "forbidden", "detail": "d"}),
            "recado: the gateway answers 403: forbidden",
        ),
        ((502, b"<p>Bad\n gateway</p>"), "recado: the gateway answers 502: <p>Bad gateway</p>"),
        ((500, b""), "recado: the gateway answers 500: no reason given"),
        ((200, b"<html>"), "recado: the answer is not JSON: is this the address of a gateway?"),
    ],
)
def test_a_refusal_is_one_line(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], answer: tuple[int, Any], said: str
) -> None:
    gateway.answers = {"/v1/messages": answer}
    assert run("send", "--to", "+56981234567", "--text", "x", "--url", gateway.url) == 1
    err = capsys.readouterr().err
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_no_gateway_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Gateway() as closed:
        url = closed.url
    assert run("status", "--url", url) == 1
    assert capsys.readouterr().err.startswith(f"recado: no gateway answers at {url}: ")
    assert run("status", "--url", "file:///etc/passwd") == 1
    assert "allowed: http://host:port" in capsys.readouterr().err


def test_a_gateway_that_hangs_up_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert run("status", "--url", url) == 1
        thread.join()
    assert capsys.readouterr().err.startswith(f"recado: no gateway answers at {url}: ")


def test_send_submits_one_message(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"id": "00ab", "state": "queued", "segments": 2, "encoding": "ucs2"}
    gateway.answers = {"/v1/messages": (202, answer)}
    options = ("--url", gateway.url, "--key", "k", "--from", "3450", "--priority", "urgent")
    assert run("send", "--to", "+56981234567", "--text", "Señora ☎", *options) == 0
    assert capsys.readouterr().out == "00ab: queued, 2 segments (ucs2)\n"
    message = {"to": "+56981234567", "text": "Señora ☎", "from": "3450", "priority": "urgent"}
    assert gateway.asked == [("/v1/messages", "Bearer k", message)]


def test_url_and_key_come_from_the_environment(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECADO_URL", gateway.url)
    monkeypatch.setenv("RECADO_KEY", "from-outside")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    gateway.answers = {"/v1/messages": (202, {"id": "1", "state": "queued", "segments": 1})}
    assert run("send", "--to", "+56981234567", "--text", "x") == 0
    assert gateway.asked[0][1] == "Bearer from-outside"
    assert "1 segment (" in capsys.readouterr().out
