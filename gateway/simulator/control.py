"""The control endpoint of a simulated carrier: HTTP on loopback, for tests and benchmarks.

| call | does |
| --- | --- |
| GET /stats | the statistics, as JSON |
| GET /submits?after=N&limit=M | the record from its Nth submit on, as NDJSON |
| GET /script | the running script |
| POST /set | JSON laid over the running script; also ``drop_links`` and ``unbind_links`` |
| POST /storm?count=N | N receipts at once, for the messages taken last |
| POST /reply | one text from a debtor: JSON with text, from, to, system_id |
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from gateway.errors import ConfigError
from gateway.simulator.answers import NO_ANSWER
from gateway.simulator.record import Submission
from gateway.simulator.simulator import Simulator
from gateway.smpp.pdu import status_name
from gateway.smpp.text import decode_octets

T = TypeVar("T")

_json = msgspec.json.encode

LINES_AT_ONCE = 2_000


class ReplyOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /reply. Absent addresses are those of the message taken last."""

    text: str = "1"
    sender: str = msgspec.field(name="from", default="")
    to: str = ""
    system_id: str = ""


class Control:
    """The calls, on one carrier."""

    def __init__(self, carrier: Simulator) -> None:
        self._carrier = carrier
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, listen: str) -> None:
        """Listen on ``host:port``. Raises OSError if the address cannot be had."""
        app = web.Application()
        app.router.add_get("/stats", self._stats)
        app.router.add_get("/submits", self._submits)
        app.router.add_get("/script", self._script)
        app.router.add_post("/set", self._set)
        app.router.add_post("/storm", self._storm)
        app.router.add_post("/reply", self._reply)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        host, _, port = listen.rpartition(":")
        await web.TCPSite(self._runner, host.strip("[]"), int(port)).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _stats(self, request: web.Request) -> web.Response:
        return _answer(self._carrier.stats())

    async def _script(self, request: web.Request) -> web.Response:
        return _answer(msgspec.to_builtins(self._carrier.script))

    async def _submits(self, request: web.Request) -> web.StreamResponse:
        after, limit = _number(request, "after", 0), _number(request, "limit", 1_000_000)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        taken = iter(self._carrier.submissions[after : after + limit])
        while lines := b"".join(itertools.islice(_lines(taken), LINES_AT_ONCE)):
            await response.write(lines)
        await response.write_eof()
        return response

    async def _set(self, request: web.Request) -> web.Response:
        changes = await _body(request, dict[str, Any])
        cut, part = changes.pop("drop_links", False), changes.pop("unbind_links", False)
        try:
            self._carrier.follow(changes)
        except ConfigError as error:
            return _answer({"problems": error.problems}, 400)
        return _answer(
            {
                "links_cut": self._carrier.cut_links() if cut else 0,
                "links_unbound": self._carrier.unbind_links() if part else 0,
            }
        )

    async def _storm(self, request: web.Request) -> web.Response:
        return _answer({"receipts": self._carrier.storm(_number(request, "count", 1))})

    async def _reply(self, request: web.Request) -> web.Response:
        order = await _body(request, ReplyOrder)
        if self._carrier.reply(order.text, order.sender, order.to, order.system_id):
            return _answer({"replies": 1})
        return _answer({"problems": ["no account has bound, or no message tells from whom"]}, 409)


def _answer(value: object, status: int = 200) -> web.Response:
    return web.Response(body=_json(value), status=status, content_type="application/json")


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise _bad(str(error)) from error


def _number(request: web.Request, name: str, default: int) -> int:
    try:
        value = int(request.query.get(name, default))
    except ValueError:
        value = -1
    if value < 0:
        raise _bad(f"{name}: {request.query[name]!r}: a whole number from 0 is allowed")
    return value


def _bad(problem: str) -> web.HTTPBadRequest:
    text = _json({"problems": [problem]}).decode()
    return web.HTTPBadRequest(text=text, content_type="application/json")


def _lines(submissions: Iterator[Submission]) -> Iterator[bytes]:
    for entry in submissions:
        line = {
            "at_ns": entry.at_ns,
            "account": entry.account,
            "from": entry.sender,
            "to": entry.recipient,
            "text": _text(entry),
            "reference": entry.reference,
            "part": entry.part,
            "total": entry.total,
            "status": None if entry.status == NO_ANSWER else status_name(entry.status),
        }
        yield _json(line) + b"\n"


def _text(entry: Submission) -> str | int:
    """The text, or the hash that was kept of it."""
    if isinstance(entry.text, int):
        return entry.text
    return decode_octets(entry.text, entry.data_coding, "gsm7")
