"""The command line of ``recado trace``: what is asked for, printed and written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO, TextIO

from gateway.errors import ConfigError, RecadoError
from gateway.remote import Gateway
from gateway.tracing.pcap import Pcap
from gateway.tracing.words import painted, plain, sentence

PORT = 2775
"""SMPP's, should the gateway not say the carrier's."""


class CannotWrite(RecadoError):
    """The capture cannot be written."""


def main(
    gateway: Gateway,
    carrier: str,
    *,
    seconds: float = 3600.0,
    count: int | None = None,
    numbers: bool = False,
    texts: bool = False,
    as_json: bool = False,
    pcap: str = "",
) -> int:
    """Show what goes over the carrier's wire; 0 when seconds or count are reached."""
    _check(seconds, count)
    query: dict[str, Any] = {"seconds": f"{seconds:g}"}
    if count is not None:
        query["count"] = count
    asked = {"numbers": numbers, "texts": texts, "octets": bool(pcap)}
    query |= {name: "true" for name, wanted in asked.items() if wanted}
    printer = _Printer(as_json, pcap)
    with gateway.trace(carrier, query) as lines:
        try:
            for line in lines:
                printer.take(line)
        finally:
            printer.end()
    return printer.status


def _check(seconds: float, count: int | None) -> None:
    wrong = []
    if not 0 < seconds <= 3600:
        wrong.append(f"--seconds: found {seconds:g}; allowed: over 0, up to 3600")
    if count is not None and not 1 <= count <= 1_000_000:
        wrong.append(f"--count: found {count}; allowed: from 1 to 1000000")
    if wrong:
        raise ConfigError(wrong)


class _Printer:
    """Prints lines and writes packets, and counts what it had."""

    def __init__(self, as_json: bool, pcap: str) -> None:
        self._as_json = as_json
        self._paint = painted if coloured(sys.stdout, os.environ) else plain
        self._name = pcap
        self._file: BinaryIO | None = None
        self._pcap: Pcap | None = None
        self._port = PORT
        self._pdus = self._lost = 0
        self._reason = ""

    @property
    def status(self) -> int:
        """The exit status: well only when what was asked for is told."""
        return 0 if self._reason in ("seconds", "count") else 1

    def take(self, line: dict[str, Any]) -> None:
        """One line of the gateway's."""
        self._pdus += "pdu" in line
        self._lost += int(line.get("lost", 0))
        self._port = int(line.get("port", self._port))
        if line.get("event") == "end":
            self._reason = str(line.get("reason"))
        if self._name:
            self._capture(line)
        said = json.dumps(line, ensure_ascii=False) if self._as_json else self._sentence(line)
        if said:
            print(said, flush=True)

    def end(self) -> None:
        """Close the capture and say how much it was."""
        if self._file is not None:
            self._file.close()
        lost = f", {self._lost} lost" if self._lost else ""
        where = f", in {self._name}" if self._pcap else ""
        print(f"{self._pdus} PDUs{lost}{where}{self._why()}", file=sys.stderr)

    def _why(self) -> str:
        if self._reason == "stopping":
            return "; the gateway stops"
        return "" if self._reason else "; broken off"

    def _sentence(self, line: dict[str, Any]) -> str:
        if self._name and "problem" not in line:
            line = {name: value for name, value in line.items() if name != "octets"}
        return sentence(line, self._paint)

    def _capture(self, line: dict[str, Any]) -> None:
        try:
            self._write(self._pcap or self._open(), line)
        except OSError as error:
            raise CannotWrite(f"cannot write {self._name}: {error.strerror or error}") from error

    def _open(self) -> Pcap:
        """Nobody else may read it: it may hold numbers and texts."""
        number = os.open(self._name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(number, "wb")
        self._pcap = Pcap(self._file, self._port)
        return self._pcap

    def _write(self, pcap: Pcap, line: dict[str, Any]) -> None:
        bind = int(line.get("bind", 0)), str(line.get("mode", ""))
        if line.get("event") == "connected":
            pcap.connected(bind)
        elif "octets" in line:
            at = datetime.fromisoformat(str(line["at"]))
            at_us = int(at.timestamp()) * 1_000_000 + at.microsecond
            pcap.pdu(at_us, bind, str(line["direction"]), bytes.fromhex(line["octets"]))


def coloured(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Only on a terminal, and not where NO_COLOR is set."""
    return stream.isatty() and not environment.get("NO_COLOR")
