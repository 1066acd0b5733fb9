"""The demonstration's processes: a simulated carrier and a gateway with its embedded store."""

from __future__ import annotations

import hashlib
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from gateway.errors import RecadoError

RATE = 500
START_SECONDS = 60


class DemoFailed(RecadoError):
    """The demonstration did not come to its end; says what to look at."""


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Process:
    """A child with its own log file, ended by its id."""

    def __init__(self, name: str, arguments: list[str], log: Path) -> None:
        self.name, self.log = name, log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway", *arguments], stdout=out, stderr=out
            )

    def check(self) -> None:
        """Raises :class:`DemoFailed` with the end of its log when it has died."""
        status = self._process.poll()
        if status is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
            raise DemoFailed(f"the {self.name} ended with status {status}; {self.log}:\n{tail}")

    def stop(self, seconds: float = 40) -> None:
        """Ask it to end, and wait; kill it when it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def carrier_script(port: int) -> str:
    """A carrier with ordinary trouble: some messages undelivered, debtors who answer."""
    return f"""listen = "127.0.0.1:{port}"
delay_ms = [5, 30]
rate = {RATE * 2}
record = {{ submits = 0 }}
[receipts]
delay_ms = [300, 4000]
outcomes = {{ UNDELIV = 0.05, EXPIRED = 0.02, REJECTD = 0.01 }}
errors = {{ UNDELIV = "011", EXPIRED = "032", REJECTD = "008" }}
repeat_share = 0.01
early_share = 0.01
[replies]
share = 0.03
delay_ms = [1000, 5000]
texts = ["1", "2 ya pague ayer", "3", "BAJA"]
"""


def gateway_config(state: Path, http: int, smpp: int, key_sha256: str) -> str:
    """A gateway for one lender and that carrier."""
    return f"""[redis]
url = "embedded"
state_dir = "{state}"
[http]
listen = "127.0.0.1:{http}"
[policy]
profile = "off"                  # else a demonstration on a Sunday would send nothing
[[clients]]
name = "crm"
key_sha256 = "{key_sha256}"
scopes = ["submit", "read", "admin"]
[[carriers]]
name = "andina"
host = "127.0.0.1"
port = {smpp}
system_id = "recado"
password = "demo"
binds = 2
window = 50
rate = {RATE}
rebind_min_seconds = 0.2
[[routes]]
name = "chile"
prefixes = ["+56"]
carriers = ["andina"]
senders = ["3450"]
"""


class Gateway:
    """The running gateway as its client sees it: plain HTTP with the standard library."""

    def __init__(self, port: int) -> None:
        self.key = secrets.token_urlsafe(24)
        self.key_sha256 = hashlib.sha256(self.key.encode()).hexdigest()
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """A JSON call; raises :class:`DemoFailed` with the problem's detail."""
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, "application/json")

    def upload(self, path: Path) -> Any:
        """Post a CSV file as a stream."""
        with path.open("rb") as file:
            return self._send("POST", "/v1/messages", file, "text/csv")

    def _send(self, method: str, path: str, data: Any, content_type: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")
            raise DemoFailed(f"{method} {path} answered {error.code}: {detail}") from error

    def wait_ready(self, process: Process) -> None:
        """Until /readyz says yes."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            process.check()
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise DemoFailed(f"the gateway is not ready after {START_SECONDS} s; see {process.log}")
