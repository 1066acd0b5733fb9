"""The embedded server as a test uses it: its own folder, its own life, ended by its id."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from gateway.store.embedded import embedded_command, embedded_environment, socket_path, url_of


class RedisServer:
    """A server process that can be frozen, killed and started again on the same files."""

    def __init__(self) -> None:
        # Not pytest's tmp_path: a unix socket's path must be short.
        self.state_dir = Path(tempfile.mkdtemp(prefix="rcd"))
        self.url = url_of(self.state_dir)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and return when it answers."""
        self._process = subprocess.Popen(
            embedded_command(self.state_dir), env=embedded_environment()
        )
        client = Redis(unix_socket_path=str(socket_path(self.state_dir)))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                client.ping()
            except RedisError:
                time.sleep(0.01)
            else:
                client.close()
                return
        raise AssertionError("the embedded server does not start")

    def send(self, number: signal.Signals) -> None:
        """Freeze it (SIGSTOP), let it go on (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        """End it and remove its files."""
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.state_dir, ignore_errors=True)
