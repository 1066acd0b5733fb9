"""``recado trace`` against an API that answers as the test says."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway import cli
from gateway.smpp.pdu import EnquireLink, encode
from gateway.tracing.show import coloured
from tests.tracing.test_pcap import read

BIND = {"bind": 0, "mode": "transceiver"}
AT = {"at": "2026-03-02T12:00:00.000001Z", "carrier": "andina"}
BEGIN = AT | BIND | {"event": "bind", "state": "bound", "port": 2776}
OUT = AT | BIND | {"direction": "out", "pdu": "enquire_link", "sequence_number": 1}
IN = AT | BIND | {"direction": "in", "pdu": "enquire_link_resp", "sequence_number": 1}
END = AT | {"event": "end", "reason": "count", "pdus": 2}


class Gateway(ThreadingHTTPServer):
    """Answers every request with these lines, or a problem."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.status = 200
        self.lines: list[dict[str, Any]] = [BEGIN, OUT, IN, END]
        self.asked: list[str] = []
        self.short = False
        """Break off before the end."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that has enough hangs up."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Request(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for line in self.server.lines:
            octets = json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(octets), octets))
        if not self.server.short:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def trace(gateway: Gateway) -> Callable[..., int]:
    return lambda *words: cli.main(["trace", "andina", "--url", gateway.url, "--key", "k", *words])


Trace = Callable[..., int]
Said = pytest.CaptureFixture[str]


def test_lines_for_people(gateway: Gateway, trace: Trace, capsys: Said) -> None:
    assert trace() == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "12:00:00.000001  0 == bound",
        "12:00:00.000001  0 -> enquire_link #1",
        "12:00:00.000001  0 <- enquire_link_resp #1",
    ]
    assert err == "2 PDUs\n"
    assert gateway.asked == ["/v1/carriers/andina/trace?seconds=3600"]


def test_what_is_asked_for(gateway: Gateway, trace: Trace, capsys: Said) -> None:
    assert trace("--seconds", "5", "--count", "2", "--numbers", "--texts") == 0
    (asked,) = gateway.asked
    assert asked.endswith("?seconds=5&count=2&numbers=true&texts=true")


def test_json_is_the_lines(gateway: Gateway, trace: Trace, capsys: Said) -> None:
    assert trace("--json") == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == gateway.lines


def test_a_capture(gateway: Gateway, trace: Trace, capsys: Said, tmp_path: Path) -> None:
    """On the carrier's port, for its owner alone, and not printed as well."""
    octets = encode(EnquireLink(1))
    line = OUT | {"octets": octets.hex()}
    again = AT | BIND | {"event": "connected"}
    gateway.lines = [BEGIN, line, again, line, END]
    path = tmp_path / "andina.pcap"
    assert trace("--pcap", str(path)) == 0
    assert gateway.asked[0].endswith("octets=true")
    packets = read(path.read_bytes())
    assert [packet.payload for packet in packets] == [octets, octets]
    assert [packet.target[1] for packet in packets] == [2776, 2776]
    assert packets[0].source != packets[1].source
    assert packets[0].at == pytest.approx(1_772_452_800.000001, abs=1e-6)
    assert path.stat().st_mode & 0o077 == 0
    out, err = capsys.readouterr()
    assert octets.hex() not in out
    assert err == f"2 PDUs, in {path}\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([BEGIN, OUT, AT | {"lost": 7}], "1 PDUs, 7 lost; broken off"),
        ([BEGIN, OUT, END | {"reason": "stopping"}], "1 PDUs; the gateway stops"),
    ],
)
def test_an_end_that_was_not_asked_for_is_no_success(
    gateway: Gateway, trace: Trace, capsys: Said, lines: list[dict[str, Any]], said: str
) -> None:
    gateway.lines = lines
    assert trace() == 1
    assert capsys.readouterr().err.splitlines() == [said]


def test_a_connection_that_breaks(gateway: Gateway, trace: Trace, capsys: Said) -> None:
    gateway.short, gateway.lines = True, [BEGIN, OUT]
    assert trace() == 1
    assert capsys.readouterr().err.startswith("1 PDUs; broken off\n")


def test_an_interrupt_says_how_much_it_was(
    trace: Trace, capsys: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gateway: Gateway
) -> None:
    """The capture is whole as far as it goes."""
    octets = encode(EnquireLink(1))
    gateway.lines = [BEGIN, OUT | {"octets": octets.hex()}, IN, IN]
    path = tmp_path / "x.pcap"

    def interrupted(words: str, **_: Any) -> None:
        if "resp" in words:
            raise KeyboardInterrupt

    monkeypatch.setattr("builtins.print", _only_for(sys.stdout, interrupted))
    assert trace("--pcap", str(path)) == 130
    assert capsys.readouterr().err == f"2 PDUs, in {path}; broken off\n"
    assert [packet.payload for packet in read(path.read_bytes())] == [octets]


def _only_for(stream: Any, instead: Callable[..., None]) -> Callable[..., None]:
    real = print

    def printed(*words: Any, **more: Any) -> None:
        (real if more.get("file") else instead)(*words, **more)

    return printed


def test_refusals_are_in_words(gateway: Gateway, trace: Trace, capsys: Said) -> None:
    gateway.status = 404
    gateway.lines = [{"title": "There is no carrier of this name", "detail": "'x'; allowed: sur"}]
    assert trace() == 1
    said = "recado: the gateway answers 404: There is no carrier of this name; 'x'; allowed: sur\n"
    assert capsys.readouterr().err == said
    gateway.status = 401
    assert trace() == 1
    assert "does not know this key" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(trace: Trace, capsys: Said, tmp_path: Path) -> None:
    path = tmp_path / "none" / "x.pcap"
    assert trace("--pcap", str(path)) == 1
    assert f"recado: cannot write {path}: No such file" in capsys.readouterr().err


def test_no_gateway_and_no_trace(gateway: Gateway, trace: Trace, capsys: Said) -> None:
    gateway.lines = [["no", "object"]]  # type: ignore[list-item]
    assert trace() == 1
    assert "is this the address of a gateway?" in capsys.readouterr().err
    with Gateway() as closed:
        url = closed.url
    assert cli.main(["trace", "andina", "--url", url]) == 1
    assert capsys.readouterr().err.startswith(f"recado: no gateway answers at {url}: ")


@pytest.mark.parametrize("words", [("--seconds", "3601"), ("--seconds", "0"), ("--count", "0")])
def test_what_cannot_be_asked_for(
    gateway: Gateway, trace: Trace, capsys: Said, words: tuple[str, ...]
) -> None:
    assert trace(*words) == 2
    assert capsys.readouterr().err.startswith(f"recado: {words[0]}: found {words[1]}; allowed: ")
    assert gateway.asked == []


def test_colours_are_for_terminals() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert coloured(Terminal(), {})
    assert not coloured(Terminal(), {"NO_COLOR": "1"})
    assert not coloured(io.StringIO(), {})
