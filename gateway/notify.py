"""Telling systemd how we are: sd_notify(3) over a datagram socket, without its library.

Outside systemd (no ``NOTIFY_SOCKET``) every call does nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notify:
    """The service manager that started us, if one did."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the NUL of an abstract socket; other kinds (vsock) are not ours.
        self._address = address.replace("@", "\0", 1) if address[:1] == "@" else address
        self._known = address[:1] in ("/", "@")
        self.watchdog_seconds = _watchdog_seconds(environ)
        """How often to call :meth:`alive`: half of WatchdogSec; None: never."""

    def ready(self, status: str = "") -> None:
        """Everything is up: binds are being made and the API listens."""
        self._send("READY=1", status)

    def stopping(self, status: str = "") -> None:
        """We are draining, and will exit."""
        self._send("STOPPING=1", status)

    def status(self, status: str) -> None:
        """The one line that ``systemctl status`` shows."""
        self._send(status=status)

    def alive(self, status: str = "") -> None:
        """The watchdog's sign of life."""
        self._send("WATCHDOG=1", status)

    def _send(self, state: str = "", status: str = "") -> None:
        if not self._known:
            return
        lines = [state] if state else []
        if status:
            lines.append("STATUS=" + status.replace("\n", " "))
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            # Nothing of ours depends on it; a sign of life that is not heard ends as a restart.
            return


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """Half of ``WATCHDOG_USEC``, if it is set and meant for this process."""
    usec = environ.get("WATCHDOG_USEC", "")
    pid = environ.get("WATCHDOG_PID", str(os.getpid()))
    if not usec.isdecimal() or int(usec) == 0 or pid != str(os.getpid()):
        return None
    return int(usec) / 2_000_000
