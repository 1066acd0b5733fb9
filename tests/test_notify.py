"""What systemd is told, as sd_notify(3) writes it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.notify import Notify


@pytest.fixture(params=["file", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The service manager's end: the address as NOTIFY_SOCKET has it, and its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        if request.param == "file":
            address = str(tmp_path / "notify")
            sock.bind(address)
        else:
            address = f"@recado-test-{os.getpid()}"
            sock.bind("\0" + address[1:])
        yield address, sock


def test_the_words_of_the_protocol(listener: tuple[str, socket.socket]) -> None:
    address, sock = listener
    notify = Notify({"NOTIFY_SOCKET": address})
    notify.ready("2 binds")
    notify.status("sending\n100/s")
    notify.alive()
    notify.stopping()
    assert [sock.recv(200) for _ in range(4)] == [
        b"READY=1\nSTATUS=2 binds",
        b"STATUS=sending 100/s",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_outside_systemd_nothing_happens(environ: dict[str, str]) -> None:
    notify = Notify(environ)
    notify.ready()
    notify.alive()
    assert notify.watchdog_seconds is None


def test_a_manager_that_does_not_listen_harms_nothing(tmp_path: Path) -> None:
    Notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_told_twice_in_its_time(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert Notify(environ).watchdog_seconds == seconds
