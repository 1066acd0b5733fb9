"""``recado probe`` against carriers in a thread: each step, and the words for each failure."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import cli
from gateway.simulator import Script, Simulator
from gateway.simulator.loading import merged
from tests.carrier.test_addresses import Arrived
from tests.certificates import DAY, Authority, encrypted, server

LIMIT = 20.0
TO = "+56981234567"


class Loop:
    """A loop in a thread: the probe blocks, and its carriers must not."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._simulators: list[Simulator] = []

    def simulator(self, tls: ssl.SSLContext | None = None, **script: Any) -> Simulator:
        wanted = merged(Script(), {"listen": "127.0.0.1:0", "seed": 1} | script)
        made = Simulator(wanted, tls)
        self._wait(made.start())
        self._simulators.append(made)
        return made

    def call(self, work: Callable[[], Any]) -> Any:
        """Runs something in the loop's thread."""
        done: Future[Any] = Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(work()))
        return done.result(LIMIT)

    def empty(self, carrier: Simulator) -> None:
        """Wait until no connection is left: the probe's end was in order."""
        self._wait(asyncio.wait_for(carrier._parted.wait(), LIMIT))
        assert self.call(carrier.stats)["links_cut"] == 0

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT)

    def close(self) -> None:
        for simulator in self._simulators:
            self._wait(simulator.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


Talk = Callable[[socket.socket], object]


@contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """A port where ``talk`` has each connection, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw = listener.accept()[0]
            raw.settimeout(LIMIT)
            with raw:
                talk(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(LIMIT)


@pytest.fixture
def ports() -> Iterator[Callable[[Talk], int]]:
    with ExitStack() as stack:
        yield lambda talk: stack.enter_context(talking(talk))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


class Probe:
    """Runs the command; what it said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._path, self._capsys = folder / "gateway.toml", capsys

    def run(self, port: int, *options: str, head: str = "", **settings: Any) -> tuple[int, str]:
        settings = {"host": "127.0.0.1", "port": port, "system_id": "recado"} | settings
        settings.setdefault("password", "secret")
        keys = "\n".join(f"{key} = {_toml(value)}" for key, value in settings.items())
        self._path.write_text(
            f'{head}\n[[carriers]]\nname = "andina"\n{keys}\n[[routes]]\nname = "chile"\n'
            'prefixes = ["+56"]\ncarriers = ["andina"]\nsenders = ["3450"]\n'
        )
        try:
            status = cli.main(["probe", "andina", "--config", str(self._path), *options])
        except SystemExit as error:
            status = int(error.code or 0)
        out, err = self._capsys.readouterr()
        return status, out + err

    def json(self, port: int, *options: str, **settings: Any) -> dict[str, Any]:
        status, said = self.run(port, "--json", *options, **settings)
        found: dict[str, Any] = json.loads(said)
        assert (status == 0) is found["ok"]
        return found

    def failure(self, port: int, *options: str, **settings: Any) -> tuple[str, str, list[str]]:
        """The step that failed, its words and its causes."""
        found = self.json(port, *options, **settings)
        (step,) = [step for step in found["steps"] if not step["ok"]]
        assert step["step"] == found["failed"]
        return step["step"], step["said"], step["causes"]


@pytest.fixture
def probe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Probe:
    return Probe(tmp_path, capsys)


# all well


def test_a_bind_in_steps(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator()
    status, said = probe.run(carrier.port)
    lines = said.splitlines()
    assert status == 0
    assert lines[1] == "note: while it lasts the probe takes one slot of the account's binds"
    assert [line.split()[0] for line in lines[3:-1]] == [
        "resolve", "connect", "bind", "enquire_link", "unbind",
    ]  # fmt: skip
    assert lines[5].startswith("bind ................ ")
    assert lines[5].endswith(' ms  ESME_ROK, system_id "simulator", SMPP 3.4')
    assert lines[-1] == "all well"
    assert loop.call(carrier.stats)["submits"] == 0
    loop.empty(carrier)


def test_json_is_one_object(loop: Loop, probe: Probe) -> None:
    found = probe.json(loop.simulator().port)
    assert found["ok"]
    assert found["failed"] is None
    assert (found["carrier"], found["slots"], found["tls"]) == ("andina", 1, False)
    assert [s["step"] for s in found["steps"]][2:] == ["bind", "enquire_link", "unbind"]
    assert all(s["ms"] >= 0 and s["causes"] == [] for s in found["steps"])


@pytest.mark.parametrize("bind", ["transceiver", "transmitter+receiver"])
@pytest.mark.parametrize("early", [0.0, 1.0])
def test_one_message_and_its_receipt(loop: Loop, probe: Probe, bind: str, early: float) -> None:
    carrier = loop.simulator(receipts={"early_share": early}, ids={"form": "hex-decimal"})
    status, said = probe.run(carrier.port, "--to", TO, bind=bind)
    assert status == 0, said
    assert f"to {TO}" in said
    (line,) = [line for line in said.splitlines() if line.startswith("receipt ")]
    assert line.endswith("DELIVRD, err 000")
    (submit,) = loop.call(lambda: list(carrier.submissions))
    assert (submit.recipient, submit.sender) == ("56981234567", "3450")
    assert said.count("\nunbind ") == (2 if "+" in bind else 1)


def test_deliveries_of_others_are_left_for_the_gateway(loop: Loop, probe: Probe) -> None:
    """They get the status on which the carrier sends them again, not ESME_ROK."""
    carrier = loop.simulator(receipts={"delay_ms": 300.0})
    loop.call(lambda: carrier.door.account("recado"))
    loop.call(lambda: carrier.reply("hola", "56911112222", "3450", "recado"))
    found = probe.json(carrier.port, "--to", TO)
    assert found["ok"]
    assert found["notes"] == [
        "1 deliveries that are not the probe's were answered ESME_RX_T_APPN (0x64), so that the "
        "carrier sends them again"
    ]


def test_tls(loop: Loop, probe: Probe, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("recado")
    tls = server(authority.issue("smpp.example"), clients=authority.file)
    found = probe.json(
        loop.simulator(tls).port,
        tls=True,
        tls_server_name="smpp.example",
        tls_ca_file=str(authority.file),
        tls_cert_file=str(ours.certificate),
        tls_key_file=str(ours.key),
    )
    (step,) = [s for s in found["steps"] if s["step"] == "tls"]
    assert step["said"].startswith("TLSv1.3, TLS_")
    assert "certificate for smpp.example until " in step["said"]


# before the bind


def test_a_name_that_is_not_found(probe: Probe) -> None:
    step, said, causes = probe.failure(2775, host="no-such-host.invalid")
    assert step == "resolve"
    assert said.startswith("the name no-such-host.invalid ")
    assert causes


def test_a_refused_port(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    step, said, causes = probe.failure(port)
    assert (step, said) == ("connect", f"127.0.0.1:{port} refuses the connection")
    assert causes[0].startswith("port is wrong")


@pytest.mark.parametrize(
    ("error", "words", "cause"),
    [
        (TimeoutError("timed out"), "no answer from 127.0.0.1:9 in 10 s", "a firewall drops it"),
        (OSError(113, "No route to host"), "there is no route to 127.0.0.1:9", "the VPN or the"),
        (OSError(101, "Network is unreachable"), "there is no route to", "the VPN or the link"),
        (PermissionError(1, "Operation not permitted"), "does not let us", "its own firewall"),
    ],
)
def test_what_the_network_says(
    probe: Probe, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str, cause: str
) -> None:
    def connect(self: socket.socket, address: object) -> None:
        raise error

    class Socket(socket.socket):
        pass

    Socket.connect = connect  # type: ignore[assignment]
    monkeypatch.setattr("gateway.probe.steps.socket.socket", Socket)
    step, said, causes = probe.failure(9)
    assert step == "connect"
    assert words in said
    assert causes[0].startswith(cause)


# TLS on one side only, and certificates


def test_tls_where_there_is_none(loop: Loop, probe: Probe) -> None:
    step, said, causes = probe.failure(loop.simulator().port, tls=True)
    assert step == "tls"
    assert said.startswith("what answers on this port is not TLS")
    assert causes[0] == "ask the carrier for its TLS port"


def test_tls_with_silence(ports: Callable[[Talk], int], probe: Probe) -> None:
    port = ports(lambda raw: [None for _ in iter(lambda: raw.recv(1000), b"")])
    step, said, _ = probe.failure(port, tls=True, connect_seconds=0.3)
    assert (step, said) == ("tls", "connected, but no answer to the TLS handshake in 0.3 s")


def test_no_tls_where_there_is(ports: Callable[[Talk], int], loop: Loop, probe: Probe) -> None:
    def alert(raw: socket.socket) -> None:
        raw.recv(1000)
        raw.sendall(b"\x15\x03\x03\x00\x02\x02\x0a")

    step, said, causes = probe.failure(ports(alert))
    assert step == "bind"
    assert said.endswith("speaks TLS, and tls = false")
    assert causes[0] == "set tls = true"


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        ({"starts": -9 * DAY, "ends": -DAY}, "the carrier's certificate has expired"),
        ({"starts": DAY}, "the carrier's certificate is not valid yet"),
        ({"itself": True}, "the carrier's certificate is self-signed"),
    ],
)
def test_a_certificate_that_does_not_hold(
    loop: Loop, probe: Probe, tmp_path: Path, issue: dict[str, Any], words: str
) -> None:
    authority = Authority(tmp_path)
    tls = server(authority.issue("127.0.0.1", **issue))
    settings = {"tls": True, "tls_ca_file": str(authority.file)}
    step, said, causes = probe.failure(loop.simulator(tls).port, **settings)
    assert step == "tls"
    assert said.startswith(words)
    assert causes


def test_a_certificate_for_another_name_or_of_another_authority(
    loop: Loop, probe: Probe, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    port = loop.simulator(server(authority.issue("a.example"))).port
    _, said, causes = probe.failure(port, tls=True, tls_ca_file=str(authority.file))
    assert "is not for the address 127.0.0.1" in said
    assert causes[0].startswith("set tls_server_name")
    _, said, causes = probe.failure(port, tls=True, tls_server_name="a.example")
    assert "of an authority that we do not trust" in said
    assert "tls_ca_file" in causes[0]


def test_a_client_certificate_is_wanted(
    ports: Callable[[Talk], int], probe: Probe, tmp_path: Path
) -> None:
    """TLS 1.3 says so at the first read, which is the bind's."""
    authority = Authority(tmp_path)
    tls = server(authority.issue("127.0.0.1"), clients=authority.file)

    def refuse(raw: socket.socket) -> None:
        with tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as wrapped:
            with pytest.raises(ssl.SSLError):
                wrapped.do_handshake()
            socket.socket.shutdown(wrapped, socket.SHUT_WR)
            while socket.socket.recv(wrapped, 1000):
                pass

    step, said, causes = probe.failure(ports(refuse), tls=True, tls_ca_file=str(authority.file))
    assert step == "bind"
    assert said.startswith("the carrier wants a client certificate, and none is set")
    assert causes == ["set tls_cert_file and tls_key_file to those that the carrier knows"]


def test_a_wrong_file_is_a_wrong_configuration(probe: Probe, tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("recado")
    status, said = probe.run(
        9, tls=True, tls_cert_file=str(pair.certificate), tls_key_file=str(encrypted(pair))
    )
    assert status == 2
    assert "is encrypted, and nobody types a passphrase" in said


# the bind


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("ESME_RINVPASWD", "password is not that of recado"),
        ("ESME_RINVSYSID", "system_id recado is mistyped"),
        ("ESME_RBINDFAIL", "system_id or password is wrong: many SMSCs say only this"),
        ("ESME_RALYBND", "is the gateway running with these binds? Each counts against the acc"),
        ("ESME_RINVSYSTYP", "system_type is not what the carrier gave"),
        ("ESME_RINVCMDID", "it does not know bind_transceiver or our interface_version, 3.4"),
        ("ESME_RSYSERR", "the SMSC has a fault"),
        ("ESME_RTHROTTLED", "too much was asked in too short a time"),
        ("0x00000400", "ask the carrier what it means by this status"),
    ],
)
def test_a_refused_bind(loop: Loop, probe: Probe, status: str, cause: str) -> None:
    carrier = loop.simulator(accept_binds=False, refuse_status=status)
    step, said, causes = probe.failure(carrier.port)
    assert step == "bind"
    assert said.startswith(status)
    assert causes[0].startswith(cause)


def test_already_bound_is_the_running_gateway(loop: Loop, probe: Probe) -> None:
    _, said, _ = probe.failure(loop.simulator(max_binds=1).port, bind="transmitter+receiver")
    assert said.startswith("ESME_RALYBND (0x05)")


def test_causes_are_numbered_and_no_password_is_shown(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(accounts=[{"system_id": "recado", "password": "other"}])
    status, said = probe.run(carrier.port, password="swordfis")
    assert status == 1
    assert "FAILED: ESME_RINVPASWD (0x0E): " in said
    assert "    most likely first:\n    1. password is not that of" in said
    assert "swordfis" not in said
    assert said.endswith("failed\n")


def test_a_carrier_that_closes(ports: Callable[[Talk], int], probe: Probe) -> None:
    for talk in (lambda raw: None, lambda raw: raw.recv(1000)):
        step, said, causes = probe.failure(ports(talk))
        assert step == "bind"
        assert said.startswith("the carrier closed the connection without an answer to the bind")
        assert causes[0].startswith("the address we come from is not on its list")
        assert causes[1] == "the port speaks TLS: set tls = true"


def test_a_carrier_that_is_silent(loop: Loop, probe: Probe) -> None:
    step, said, _ = probe.failure(loop.simulator(silent_binds=True).port, bind_seconds=0.3)
    assert (step, said) == ("bind", "no answer to the bind in 0.3 s")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not SMPP (it says b'HTTP')"),
        (b"\0" * 20, "what answers is not SMPP"),
        (bytes.fromhex("00000010 80000000 00000003 00000000"), "generic_nack, ESME_RINVCMDID"),
        (bytes.fromhex("00000011 80000009 0000000e 00000002 41"), "ESME_RINVPASWD"),
    ],
)
def test_odd_answers_to_the_bind(
    ports: Callable[[Talk], int], probe: Probe, octets: bytes, words: str
) -> None:
    def answer(raw: socket.socket) -> None:
        raw.recv(1000)
        raw.sendall(octets)

    step, said, causes = probe.failure(ports(answer))
    assert step == "bind"
    assert words in said
    assert causes


def test_an_older_interface_version_is_noted(ports: Callable[[Talk], int], probe: Probe) -> None:
    def bind(raw: socket.socket) -> None:
        raw.recv(1000)
        raw.sendall(bytes.fromhex("00000017 80000009 00000000 00000002 41 00 0210 0001 33"))

    found = probe.json(ports(bind))
    assert found["steps"][2]["said"] == 'ESME_ROK, system_id "A", SMPP 3.3'
    assert found["notes"][0] == (
        "the SMSC speaks SMPP 3.3, which has no optional parameters: none are sent on this bind, "
        "nor by the gateway"
    )
    assert found["failed"] == "enquire_link"
    assert found["steps"][-1]["step"] == "unbind"


def test_an_answer_that_smpplib_cannot_parse_is_a_bind_all_the_same(
    ports: Callable[[Talk], int], probe: Probe
) -> None:
    """And what the carrier asks before and after it does no harm."""

    def bind(raw: socket.socket) -> None:
        raw.recv(1000)
        raw.sendall(bytes.fromhex("00000010 00000015 00000000 00000009"))
        raw.sendall(bytes.fromhex("00000013 80000009 00000000 00000002 41 00 02"))
        asked = raw.recv(1000)
        raw.sendall(bytes.fromhex("00000010 00000015 00000000 00000009"))
        raw.sendall(bytes.fromhex("00000010 00000777 00000000 0000000a"))
        raw.sendall(bytes.fromhex("00000010 80000015 00000000") + asked[12:16])
        while bytes.fromhex("00000010 00000006") not in raw.recv(1000):
            pass

    found = probe.json(ports(bind))
    assert [step["step"] for step in found["steps"]][2:] == ["bind", "enquire_link", "unbind"]
    assert found["ok"]
    assert found["steps"][-1]["said"].startswith("closed without unbind_resp")


# bound


def test_an_enquire_link_without_an_answer(loop: Loop, ports: Any, probe: Probe) -> None:
    def bind(raw: socket.socket) -> None:
        raw.recv(1000)
        raw.sendall(bytes.fromhex("00000012 80000009 00000000 00000002 41 00"))
        while raw.recv(1000):
            pass

    step, said, _ = probe.failure(ports(bind), response_seconds=0.2)
    assert (step, said) == ("enquire_link", "no answer in 0.2 s")


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("ESME_RINVSRCADR", "the sender 3450 is not registered for this account"),
        ("ESME_RINVDSTADR", "the number does not exist, or lacks its country code"),
        ("ESME_RTHROTTLED", "too much was asked in too short a time"),
        ("ESME_RMISSINGOPTPARAM", "it wants an optional parameter: ask which, and set tlvs"),
        ("ESME_RINVSRCTON", "it wants another TON or NPI with it: set sender_number, sender_sh"),
        ("ESME_RINVDSTTON", "it wants numbers in another form: ask which, and set recipient_nu"),
        ("0x00000101", "ask the carrier what it means by this status"),
        ("ESME_RINVOPTPARSTREAM", "it takes no user_message_reference"),
        ("ESME_RINVSERTYP", "service_type is not what the carrier gave"),
    ],
)
def test_a_refused_message(loop: Loop, probe: Probe, status: str, cause: str) -> None:
    carrier = loop.simulator(numbers=[{"to": ".", "status": status}])
    step, said, causes = probe.failure(carrier.port, "--to", TO)
    assert step == "submit_sm"
    assert said.startswith("ESME_RPROHIBITED (0x101)" if status == "0x00000101" else status)
    assert causes[0].startswith(cause)
    loop.empty(carrier)


WANTED = {
    "recipient_strip": "56",
    "recipient_add": "0",
    "recipient_number": [2, 8],
    "sender_short_code": [0, 1],
    "tlvs": [{"tag": 0x1400, "text": "1101"}, {"tag": 0x060B, "octets": "0a01"}],
}


@pytest.fixture
def arrived(monkeypatch: pytest.MonkeyPatch) -> Arrived:
    return Arrived(monkeypatch)


@pytest.mark.parametrize(("version", "announced"), [("3.4", 0x34), ("5.0", 0x50)])
def test_its_message_is_written_as_the_gateway_would(
    loop: Loop, probe: Probe, arrived: Arrived, version: str, announced: int
) -> None:
    carrier = loop.simulator()
    found = probe.json(carrier.port, "--to", TO, **WANTED, interface_version=version)
    assert found["ok"], found
    assert arrived.versions == [announced]
    (submit,) = arrived.submits
    assert (submit.source_addr_ton, submit.source_addr_npi, submit.source_addr) == (0, 1, "3450")
    assert (submit.dest_addr_ton, submit.dest_addr_npi) == (2, 8)
    assert submit.destination_addr == "0981234567"
    reference, *extra = submit.tlvs
    assert (reference[0], len(reference[1])) == (0x0204, 2)
    assert extra == [(0x1400, b"1101\0"), (0x060B, b"\x0a\1")]


@pytest.mark.parametrize(("ours", "theirs"), [("3.3", "3.4"), ("3.4", "3.3")])
def test_smpp_3_3_on_either_side_has_no_optional_parameters(
    loop: Loop, probe: Probe, arrived: Arrived, ours: str, theirs: str
) -> None:
    carrier = loop.simulator(interface_version=theirs)
    wanted = WANTED | {"tlvs": [] if ours == "3.3" else WANTED["tlvs"]}
    found = probe.json(carrier.port, "--to", TO, **wanted, interface_version=ours)
    assert found["ok"], found
    assert arrived.versions == [0x33 if ours == "3.3" else 0x34]
    assert [submit.tlvs for submit in arrived.submits] == [()]
    assert len(found["notes"]) == (0 if ours == "3.3" else 1)


def test_a_refused_version_is_named(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(accept_binds=False, refuse_status="ESME_RINVCMDLEN")
    _, _, causes = probe.failure(carrier.port, interface_version="5.0")
    assert causes == ["it does not take our interface_version, 5.0: ask which it speaks"]


def test_a_message_without_an_answer(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(silence=True, receipts={"form": "none"})
    step, said, causes = probe.failure(carrier.port, "--to", TO, response_seconds=0.3)
    assert (step, said) == ("submit_sm", "no answer in 0.3 s")
    assert causes[0].startswith("the carrier may have taken the message all the same")


def test_a_carrier_that_cuts_the_session(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(drop_after=1)
    step, said, causes = probe.failure(carrier.port, "--to", TO)
    assert step == "submit_sm"
    assert said.startswith("the session ended: ")
    assert "pushed this one out" in causes[1]


def test_no_receipt_in_time(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(receipts={"form": "none"})
    step, said, causes = probe.failure(carrier.port, "--to", TO, "--wait", "0.3")
    assert (step, said) == ("receipt", "none came within 0.3 s")
    assert causes[0].startswith("the phone is off")
    assert any("registered_delivery" in cause for cause in causes)
    assert causes[-1].endswith('try bind = "transmitter+receiver"')


def test_a_receipt_with_an_id_of_another_form(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(
        ids={"form": "hex-decimal", "start": 43981}, receipts={"reference": False}
    )
    options = ("--to", TO, "--wait", "0.5")
    _, _, causes = probe.failure(carrier.port, *options, message_id="same")
    assert "came with the id '43981', and the response said 'abcd'" in causes[0]
    assert causes[0].endswith("Then set message_id")


def test_a_receipt_that_esm_class_does_not_mark(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(
        numbers=[{"to": ".", "reply": "id:1 stat:DELIVRD"}],
        receipts={"form": "none"},
        replies={"delay_ms": 1},
    )
    _, _, causes = probe.failure(carrier.port, "--to", TO, "--wait", "0.5")
    assert causes[0].startswith("a text like a receipt came whose esm_class")


def test_a_message_that_is_not_delivered(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(numbers=[{"to": ".", "outcome": "UNDELIV"}])
    step, said, causes = probe.failure(carrier.port, "--to", TO)
    assert (step, said) == ("receipt", "UNDELIV, err 001")
    assert causes[0].startswith("the phone is off")


def test_an_intermediate_receipt_is_not_the_end(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(receipts={"enroute_share": 1.0, "delay_ms": 50.0})
    found = probe.json(carrier.port, "--to", TO)
    assert found["ok"]
    assert found["notes"][0].startswith("an intermediate receipt came: ENROUTE")


# the command line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--text", "x"), "--text without --to: only --to sends a message"),
        (("--from", "x", "--text", "x"), "--from and --text without --to"),
        (("--to", "12"), "--to: found '12'; allowed: a number as +56981234567"),
        (("--to", "+541112345678"), "--from is missing"),
        (("--to", TO, "--from", "ñ"), "--from: found 'ñ'; allowed: "),
        (("--to", TO, "--text", "x" * 161), "--text: it takes 2 segments; allowed: one"),
        (("--to", TO, "--wait", "0"), "--wait: found 0; allowed"),
    ],
)
def test_a_wrong_command_line_connects_to_nothing(
    loop: Loop, probe: Probe, options: tuple[str, ...], words: str
) -> None:
    carrier = loop.simulator()
    status, said = probe.run(carrier.port, *options)
    assert status == 2
    assert words in said
    assert loop.call(carrier.stats)["binds_accepted"] == 0


def test_a_carrier_that_is_not_configured(probe: Probe, tmp_path: Path) -> None:
    probe.run(9, "--wait", "0")
    assert cli.main(["probe", "andnia", "--config", str(tmp_path / "gateway.toml")]) == 2


def test_a_staging_gateway_probes_its_own_numbers_alone(loop: Loop, probe: Probe) -> None:
    head = '[safety]\nonly_to = ["+56911111111"]'
    status, said = probe.run(loop.simulator().port, "--to", TO, head=head)
    assert status == 2
    assert f"--to: {TO} is not in [safety] only_to" in said


def test_nothing_of_the_wire_is_logged(
    loop: Loop, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    probe.run(loop.simulator().port, "--to", TO)
    assert not [record for record in caplog.records if record.name.startswith("smpplib")]


def test_a_long_sender_is_masked(loop: Loop, probe: Probe) -> None:
    carrier = loop.simulator(numbers=[{"to": ".", "status": "ESME_RINVSRCADR"}])
    status, said = probe.run(carrier.port, "--to", TO, "--from", "+56227654321")
    assert status == 1
    assert "56227654321" not in said
    assert "562*****321" in said
