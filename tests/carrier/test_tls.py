"""A bind over TLS, on both loops: what holds, and the words for each way it fails."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.carrier.session import Bind, BindState
from gateway.config import Carrier
from gateway.simulator import Script, Simulator
from tests.certificates import DAY, Authority, encrypted, server

LIMIT = 20.0
Run = Callable[[Coroutine[Any, Any, str]], str]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on one of the loops; the gateway's is uvloop's."""
    return request.param


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def carrier(port: int, **settings: Any) -> Carrier:
    settings = {"host": "127.0.0.1", "connect_seconds": 5.0} | settings
    return Carrier(name="andina", port=port, system_id="recado", password="secret", **settings)


async def outcome(config: Carrier) -> str:
    """``bound``, or the reason that the bind waits with."""
    lost = asyncio.Event()
    bind = Bind(config, 0, "transceiver", lambda *_: None, lambda _: lost.set())
    task = asyncio.create_task(bind.run())
    try:
        async with asyncio.timeout(LIMIT):
            while bind.state is not BindState.bound and not (
                bind.state is BindState.waiting and bind.reason
            ):
                await asyncio.sleep(0)
        return bind.reason or bind.state.value
    finally:
        await bind.unbind(2.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def simulated(context: ssl.SSLContext | None, /, **settings: Any) -> str:
    """The outcome of a bind to the simulated carrier."""
    script = Script(listen="127.0.0.1:0", seed=1)
    async with Simulator(script, context) as simulator:
        return await outcome(carrier(simulator.port, **settings))


async def refused(context: ssl.SSLContext, /, **settings: Any) -> str:
    """The outcome of a bind to OpenSSL alone, which says why it ends a handshake.

    asyncio's server does not: it closes without writing the alert.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw = listener.accept()[0]
            raw.settimeout(LIMIT)
            with context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as tls:
                with contextlib.suppress(OSError):
                    tls.do_handshake()
                with contextlib.suppress(OSError):  # in order: a reset could overtake the alert
                    socket.socket.shutdown(tls, socket.SHUT_WR)
                    while socket.socket.recv(tls, 1000):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return await outcome(carrier(listener.getsockname()[1], tls=True, **settings))
        finally:
            thread.join()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk):  # type: ignore[no-untyped-def]
    """A port where ``talk`` has the word, without TLS."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


async def talked(talk: Talk, **settings: Any) -> str:
    async with listening(talk) as port:
        return await outcome(carrier(port, **settings))


# what holds


def test_the_carriers_own_authority(run: Run, authority: Authority) -> None:
    pair = authority.issue("127.0.0.1")
    assert run(simulated(server(pair), tls=True, tls_ca_file=str(authority.file))) == "bound"


def test_a_name_of_its_own_is_sent_and_verified(run: Run, authority: Authority) -> None:
    pair = authority.issue("smpp.andina.example")
    tls = server(pair)
    asked: list[str | None] = []
    tls.sni_callback = lambda _, name, __: asked.append(name)  # type: ignore[assignment, misc]
    settings = {"tls": True, "tls_ca_file": str(authority.file)}
    assert run(simulated(tls, tls_server_name="smpp.andina.example", **settings)) == "bound"
    assert asked == ["smpp.andina.example"]


def test_a_client_certificate(run: Run, authority: Authority) -> None:
    ours = authority.issue("recado")
    settings = {
        "tls": True,
        "tls_ca_file": str(authority.file),
        "tls_cert_file": str(ours.certificate),
        "tls_key_file": str(ours.key),
    }
    tls = server(authority.issue("127.0.0.1"), clients=authority.file)
    assert run(simulated(tls, **settings)) == "bound"


def test_a_self_signed_certificate_can_be_named_as_it_is(run: Run, authority: Authority) -> None:
    pair = authority.issue("127.0.0.1", itself=True)
    assert run(simulated(server(pair), tls=True, tls_ca_file=str(pair.certificate))) == "bound"


def test_one_certificate_of_an_authority_can_be_named_too(run: Run, authority: Authority) -> None:
    pair = authority.issue("127.0.0.1")
    assert run(simulated(server(pair), tls=True, tls_ca_file=str(pair.certificate))) == "bound"


# their certificate


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        (
            {"starts": -9 * DAY, "ends": -DAY},
            "the carrier's certificate has expired (OpenSSL: certificate has expired): the carrier "
            "must renew it",
        ),
        ({"starts": DAY}, "not valid yet (OpenSSL: certificate is not yet valid): look at this "),
        ({"itself": True}, "self-signed (OpenSSL: self-signed certificate): ask the carrier for"),
    ],
)
def test_a_certificate_that_does_not_hold(
    run: Run, authority: Authority, issue: dict[str, Any], words: str
) -> None:
    pair = authority.issue("127.0.0.1", **issue)
    said = run(simulated(server(pair), tls=True, tls_ca_file=str(authority.file)))
    assert said.startswith("cannot connect: the carrier's certificate ")
    assert words in said


def test_an_authority_that_we_do_not_know(run: Run, authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("127.0.0.1")
    said = run(simulated(server(pair), tls=True))
    assert "of an authority that we do not trust" in said
    assert "name the file with tls_ca_file" in said
    other = Authority(tmp_path, "Another")
    said = run(simulated(server(pair), tls=True, tls_ca_file=str(other.file)))
    assert f"{other.file} does not hold its authority: ask the carrier for it" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "not for the address 127.0.0.1 (OpenSSL: IP address mismatch"),
        ({"tls_server_name": "b.example"}, "not for the name b.example (OpenSSL: Hostname mism"),
    ],
)
def test_a_certificate_for_another_name(
    run: Run, authority: Authority, settings: dict[str, str], words: str
) -> None:
    tls = server(authority.issue("a.example"))
    said = run(simulated(tls, tls=True, tls_ca_file=str(authority.file), **settings))
    assert words in said
    assert "set tls_server_name to " in said


# TLS on one side only


def test_an_smsc_without_tls(run: Run) -> None:
    """It takes our handshake for a PDU, and answers with a generic_nack."""
    said = run(simulated(None, tls=True))
    assert said.startswith("cannot connect: what answers on this port is not TLS (OpenSSL: ")
    assert "ask the carrier for its TLS port" in said


def test_a_port_that_says_nothing_to_our_handshake(run: Run) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    said = run(talked(silent, tls=True, connect_seconds=0.3))
    assert said.startswith(
        "cannot connect: connected, but no answer to the TLS handshake in 0.3 s: 127.0.0.1:"
    )
    assert "speaks no TLS: ask the carrier for its TLS port" in said


def test_a_port_that_closes_in_our_handshake(run: Run) -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)

    said = run(talked(closing, tls=True))
    assert said.startswith("cannot connect: the carrier closed the connection during the TLS hand")


def test_plain_to_a_tls_port(run: Run, authority: Authority) -> None:
    """OpenSSL takes our bind for no TLS, and closes; others answer with an alert."""
    said = run(simulated(server(authority.issue("127.0.0.1"))))
    assert "set tls = true" in said

    async def alerting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x0a")

    said = run(talked(alerting))
    assert "speaks TLS, and tls = false: set tls = true" in said


def test_what_is_no_smpp_at_all(run: Run) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(1000)

    assert "is not SMPP (it says b'HTTP/1.1 400 Bad')" in run(talked(web))


# our certificate


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_lacks(
    run: Run, authority: Authority, version: ssl.TLSVersion
) -> None:
    """TLS 1.3 says so after our handshake is over (RFC 8446, 4.4.2.4): at the first read."""
    tls = server(authority.issue("127.0.0.1"), clients=authority.file, version=version)
    said = run(refused(tls, tls_ca_file=str(authority.file)))
    assert "client certificate" in said
    assert "tls_cert_file" in said
    if version is ssl.TLSVersion.TLSv1_3:
        assert said.startswith("the carrier wants a client certificate, and none is set (")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_the_carrier_does_not_know(
    run: Run, authority: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    ours = Authority(tmp_path, "Ours").issue("recado")
    tls = server(authority.issue("127.0.0.1"), clients=authority.file, version=version)
    settings = {
        "tls_ca_file": str(authority.file),
        "tls_cert_file": str(ours.certificate),
        "tls_key_file": str(ours.key),
    }
    said = run(refused(tls, **settings))
    assert "the carrier does not accept our certificate (OpenSSL: " in said


def test_a_client_certificate_that_is_over(run: Run, authority: Authority) -> None:
    ours = authority.issue("recado", starts=-9 * DAY, ends=-DAY)
    tls = server(authority.issue("127.0.0.1"), clients=authority.file)
    settings = {
        "tls_ca_file": str(authority.file),
        "tls_cert_file": str(ours.certificate),
        "tls_key_file": str(ours.key),
    }
    assert "says that our certificate has expired" in run(refused(tls, **settings))


def test_files_that_have_gone_bad_since_the_start(run: Run, authority: Authority) -> None:
    """They are read anew for each bind, so what replaces them is seen, and so are mistakes."""
    ours, other = authority.issue("recado"), authority.issue("recado")
    tls = server(authority.issue("127.0.0.1"))
    settings = {"tls_ca_file": str(authority.file), "tls_cert_file": str(ours.certificate)}
    for key, words in [
        (other.key, "tls_key_file: the key in "),
        (encrypted(ours), "is encrypted, and nobody types a passphrase"),
        (Path("gone.key"), "tls_key_file: cannot read gone.key: No such file"),
    ]:
        said = run(simulated(tls, tls=True, tls_key_file=str(key), **settings))
        assert said.startswith("cannot connect: tls_key_file: ")
        assert words in said


def test_a_carrier_that_refuses_us_without_a_word(run: Run, authority: Authority) -> None:
    settings = {"tls": True, "tls_ca_file": str(authority.file)}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tls = server(authority.issue("127.0.0.1"), clients=authority.file, version=version)
        said = run(simulated(tls, **settings))
        assert "the carrier closed the connection " in said
        assert "it wants a client certificate" in said


# versions and ciphers


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_no_version_in_common(run: Run, authority: Authority) -> None:
    pair = authority.issue("127.0.0.1")
    tls = server(pair, version=ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0")
    said = run(refused(tls, tls_ca_file=str(authority.file)))
    assert "the carrier and we have no version of TLS in common" in said
    assert "1.2 and 1.3 alone" in said


def test_no_cipher_in_common(run: Run, authority: Authority) -> None:
    pair = authority.issue("127.0.0.1")
    tls = server(pair, version=ssl.TLSVersion.TLSv1_2, ciphers="aNULL:@SECLEVEL=0")
    said = run(refused(tls, tls_ca_file=str(authority.file)))
    assert "the carrier breaks off the TLS handshake" in said
    assert "no cipher in common" in said


# before and after TLS


def test_a_port_where_nobody_listens(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = run(outcome(carrier(port)))
    assert said.startswith(f"cannot connect: 127.0.0.1:{port} refuses the connection: port is wr")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "a..b"])
def test_a_name_that_is_not_found(run: Run, host: str) -> None:
    said = run(outcome(carrier(2775, host=host)))
    assert said.startswith(f"cannot connect: the name {host} ")


def test_a_carrier_that_hangs_up_or_says_nothing(run: Run) -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return

    said = run(talked(closing))
    assert "closed the connection without an answer to the bind" in said
    assert "the address we come from is not on its list" in said

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    said = run(talked(silent, bind_seconds=0.3))
    assert said.startswith("closed: no answer to the bind in 0.3 s: the port speaks TLS: set tls")
