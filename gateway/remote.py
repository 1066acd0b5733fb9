"""Asking a running gateway over its own API: for the commands that need one."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from gateway.errors import RecadoError

TIMEOUT_SECONDS = 10.0
LOAD_SECONDS = 120.0
"""Between two signs of life of a gateway that takes in a long file."""
SILENT_SECONDS = 40.0
"""A trace tells something every 15 s, if only that it is alive."""


class NoAnswer(RecadoError):
    """The gateway does not answer, or refuses: the text says which and why."""


class Gateway:
    """A running gateway at ``url``, called with a client's API key."""

    def __init__(self, url: str, key: str = "") -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise NoAnswer(f"found the address {url}; allowed: http://host:port or https://...")
        self.url = url.rstrip("/")
        self._key = key
        # The gateway is near: a proxy for the world outside is not the way to it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ready(self) -> tuple[bool, str]:
        """Whether it is ready for messages, and why not."""
        status, body = self._call("/readyz")
        if status == 200:
            return True, ""
        return False, _detail(body) or f"status {status}"

    def carriers(self) -> list[dict[str, Any]]:
        """Each carrier as ``GET /v1/carriers`` describes it. Raises NoAnswer."""
        return _items(self._answer("/v1/carriers"))

    def campaign(self, id: str) -> dict[str, Any]:
        """A campaign as ``GET /v1/campaigns/{id}`` describes it. Raises NoAnswer."""
        return dict(self._answer(f"/v1/campaigns/{quote(id, safe='')}"))

    def send(self, message: dict[str, Any]) -> dict[str, Any]:
        """Submits one message; the answer's object. Raises NoAnswer with the problem's words."""
        return dict(self._answer("/v1/messages", message))

    def contact(self, number: str, creditor: str | None = None) -> dict[str, Any]:
        """What ``GET /v1/contacts/{msisdn}`` tells. Raises NoAnswer."""
        query = f"?{urlencode({'creditor': creditor})}" if creditor else ""
        return dict(self._answer(f"/v1/contacts/{quote(number, safe='+')}{query}"))

    def tell(self, lines: Iterable[bytes]) -> dict[str, Any]:
        """Streams lines of NDJSON to ``POST /v1/contacts``; its answer. Raises NoAnswer."""
        request = self._request("/v1/contacts")
        request.data = lines
        request.add_header("Content-Type", "application/x-ndjson")
        with self._opened(request, LOAD_SECONDS) as response:
            return dict(_json(response.read()))

    @contextlib.contextmanager
    def trace(self, carrier: str, query: Mapping[str, Any]) -> Iterator[Iterator[dict[str, Any]]]:
        """The lines of ``GET /v1/carriers/{name}/trace`` as they come. Raises NoAnswer."""
        path = f"/v1/carriers/{quote(carrier, safe='')}/trace?{urlencode(query)}"
        with self._opened(self._request(path), SILENT_SECONDS) as response:
            yield _lines(response, self.url)

    def _opened(self, request: urllib.request.Request, seconds: float) -> http.client.HTTPResponse:
        """A good answer, its body not read yet."""
        try:
            found = self._opener.open(request, timeout=seconds)
            assert isinstance(found, http.client.HTTPResponse)
            return found
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read()) from error
        except urllib.error.URLError as error:
            raise NoAnswer(f"no gateway answers at {self.url}: {error.reason}") from error
        except OSError as error:
            raise NoAnswer(f"no gateway answers at {self.url}: {error}") from error

    def _answer(self, path: str, payload: dict[str, Any] | None = None) -> Any:
        status, body = self._call(path, payload)
        if status >= 300:
            raise self._refused(status, body)
        return _json(body)

    def _refused(self, status: int, body: bytes) -> NoAnswer:
        if status == 401:
            return NoAnswer("the gateway does not know this key: give one with --key or RECADO_KEY")
        return NoAnswer(f"the gateway answers {status}: {_detail(body) or 'no reason given'}")

    def _request(self, path: str) -> urllib.request.Request:
        request = urllib.request.Request(self.url + path)
        if self._key:
            request.add_header("Authorization", f"Bearer {self._key}")
        return request

    def _call(self, path: str, payload: dict[str, Any] | None = None) -> tuple[int, bytes]:
        request = self._request(path)
        if payload is not None:
            request.data = json.dumps(payload).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return int(response.status), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except urllib.error.URLError as error:
            raise NoAnswer(f"no gateway answers at {self.url}: {error.reason}") from error
        except OSError as error:
            raise NoAnswer(f"no gateway answers at {self.url}: {error}") from error


def _lines(response: http.client.HTTPResponse, url: str) -> Iterator[dict[str, Any]]:
    """Each line of an NDJSON answer. Raises NoAnswer when it breaks off."""
    try:
        for line in response:
            found = _json(line)
            if not isinstance(found, dict):
                raise NoAnswer("the answer is no trace: is this the address of a gateway?")
            yield found
    except TimeoutError as error:
        raise NoAnswer(f"{url} has said nothing for {SILENT_SECONDS:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(
            f"the connection to {url} broke: {str(error) or type(error).__name__}"
        ) from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise NoAnswer("the answer is not JSON: is this the address of a gateway?") from error


def _items(answer: Any) -> list[dict[str, Any]]:
    items = answer.get("items", []) if isinstance(answer, dict) else answer
    return [item for item in items if isinstance(item, dict)]


def _detail(body: bytes) -> str:
    """What a problem (RFC 9457) or a plain answer says, in one line."""
    try:
        problem = json.loads(body)
    except ValueError:
        return " ".join(body.decode("utf-8", "replace").split())[:200]
    if not isinstance(problem, dict):
        return str(problem)[:200]
    words = [str(problem[key]) for key in ("title", "detail", "reason") if problem.get(key)]
    return "; ".join(words) or ", ".join(f"{k}: {v}" for k, v in problem.items())


def carriers_table(carriers: list[dict[str, Any]]) -> str:
    """The carriers as a short table."""
    rows: list[tuple[str, ...]] = [("CARRIER", "STATE", "BINDS", "IN FLIGHT", "RATE", "LIMITED BY")]
    rows += [_row(carrier) for carrier in carriers]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(carrier: dict[str, Any]) -> tuple[str, ...]:
    binds = [bind for bind in carrier.get("binds") or [] if isinstance(bind, dict)]
    bound = sum(str(bind.get("state", "")).lower().startswith("bound") for bind in binds)
    outstanding = sum(int(bind.get("outstanding") or 0) for bind in binds)
    window = int(carrier.get("window") or 0) * bound
    sending = carrier.get("sending_rate")
    return (
        str(carrier.get("name", "?")),
        str(carrier.get("state", "?")),
        f"{bound}/{len(binds)}",
        f"{outstanding}/{window}",
        ("-" if sending is None else f"{float(sending):g}/s")
        + (f" of {carrier['rate']}" if carrier.get("rate") else ""),
        str(carrier.get("limited_by", "-")).replace("_", " "),
    )
