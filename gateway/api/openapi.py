"""OpenAPI 3.1, made from the table of calls and the shapes they take and give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from gateway import __version__
from gateway.api.calls import CSV, NDJSON, Call
from gateway.api.problems import KINDS, Problem
from gateway.api.shapes import NUMBER_PATTERN, WORD_PATTERN, LineOut

EVERYWHERE = (
    "bad-request", "head-too-large", "slow-request", "unknown-parameter", "invalid-parameter",
    "fault",
)  # fmt: skip
WITH_KEY = ("no-key", "no-scope", "rate-limited", "store-unavailable", "stopping")

PROBLEM_JSON = "application/problem+json"
_HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "description": "The same key and body again make nothing new.",
        "schema": {"type": "string", "pattern": "^[\\x20-\\x7e]{1,255}$"},
    },
}

_PART = {"type": "string", "minLength": 1}
_PARTS = {
    "msisdn": {"type": "string", "pattern": NUMBER_PATTERN},
    "debtor": {"type": "string", "pattern": WORD_PATTERN, "minLength": 1, "maxLength": 200},
}
"""What a part of a path may be, by its name."""


def document(calls: Iterable[Call]) -> dict[str, Any]:
    """The description as an object."""
    calls = tuple(calls)
    types = _Types(calls)
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, types)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Recado",
            "version": __version__,
            "description": "An SMPP gateway: messages in over HTTP, out over SMPP, results back.",
        },
        "paths": paths,
        "components": {
            "schemas": types.schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def document_json(calls: Iterable[Call]) -> bytes:
    """The description as JSON."""
    return msgspec.json.format(msgspec.json.encode(document(calls)), indent=1)


class _Types:
    """The schema of every type that a call takes or gives."""

    def __init__(self, calls: Iterable[Call]) -> None:
        types: list[Any] = [Problem, LineOut]
        for call in calls:
            types.append(call.query)
            for shape in (*(call.bodies or {}).values(), *(s for _, s in call.answers.values())):
                types += shape if isinstance(shape, tuple) else (shape,)
        schemas, self.schemas = msgspec.json.schema_components(
            types, ref_template="#/components/schemas/{name}"
        )
        self._by_type = {repr(type_): schema for type_, schema in zip(types, schemas, strict=True)}

    def __call__(self, shape: Any) -> dict[str, Any]:
        """The schema of a type (as a rule a reference), or of any of a tuple of them."""
        if isinstance(shape, tuple):
            return {"anyOf": [self(one) for one in shape]}
        return self._by_type[repr(shape)]

    def members(self, shape: Any) -> dict[str, Any]:
        """The properties of a struct."""
        name = self(shape)["$ref"].rpartition("/")[2]
        return dict(self.schemas[name]["properties"])


def _operation(call: Call, types: _Types) -> dict[str, Any]:
    lines = (call.act.__doc__ or "").strip().splitlines()
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{call.method.lower()}{call.path}").rstrip("_"),
        "summary": lines[0].rstrip("."),
        "parameters": _parameters(call, types),
        "responses": _responses(call, types),
        "security": [{"key": []}] if call.scope else [],
    }
    if call.scope:
        needed = call.scope.replace("|", "` or `")
        operation["description"] = f"Needs the scope `{needed}`."
    if call.bodies:
        operation["requestBody"] = {
            "description": "Content-Encoding: gzip and deflate are taken.",
            "required": not call.bare,
            "content": {media: _body(media, shape, types) for media, shape in call.bodies.items()},
        }
    return operation


def _body(media: str, shape: Any, types: _Types) -> dict[str, Any]:
    """A stream's schema is that of a text; its lines are described in words and by reference."""
    if media == NDJSON:
        return {"schema": _text("One object a line"), "x-line": types(shape)}
    if media == CSV:
        return {"schema": _text("A header that names the fields, then records (RFC 4180)"),
                "x-line": types(shape)}  # fmt: skip
    return {"schema": types(shape)}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _parameters(call: Call, types: _Types) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PARTS.get(name, _PART)}
        for name in re.findall(r"\{(\w+)\}", call.path)
    ]
    for name, schema in types.members(call.query).items():
        parameters.append({"name": name, "in": "query", "schema": _given(schema)})
    parameters += [{"name": name, "in": "header", **_HEADERS[name]} for name in call.headers]
    return parameters


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: of "this or null" only this is left."""
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return schema


def _responses(call: Call, types: _Types) -> dict[str, Any]:
    words = [*EVERYWHERE, *(WITH_KEY if call.scope else ()), *call.problems]
    if call.path == "/readyz":
        words.append("store-unavailable")
    responses: dict[str, Any] = {}
    for status, (media, shape) in call.answers.items():
        responses[str(status)] = {
            "description": _doc(shape),
            "content": {media: _body(media, shape, types)},
        }
    if "submit" in call.act.__name__:
        lines = {"schema": _text("?answers=lines|stream: one object a line"),
                 "x-line": types(LineOut)}  # fmt: skip
        responses["202"]["content"][NDJSON] = lines
    for status in sorted({KINDS[word].status for word in words}):
        response = responses.setdefault(str(status), {"description": "", "content": {}})
        mine = [word for word in words if KINDS[word].status == status]
        response["description"] = (response["description"] + " " + ", ".join(mine)).strip()
        response["content"][PROBLEM_JSON] = {"schema": types(Problem)}
        response |= {"headers": _answer_headers(status)} if status in (401, 429, 503) else {}
        responses[str(status)] = response
    return responses


def _doc(shape: Any) -> str:
    words = getattr(shape, "__doc__", None) if isinstance(shape, type) else None
    return (words or "Done").strip().splitlines()[0].rstrip(".")


def _answer_headers(status: int) -> dict[str, Any]:
    if status == 401:
        return {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return {
        "Retry-After": {
            "description": "seconds; always with a problem",
            "schema": {"type": "integer", "minimum": 1},
        }
    }
