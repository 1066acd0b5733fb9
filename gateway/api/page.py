"""The description for people: one page of HTML with nothing to load, from the same document."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from gateway.api.calls import Call
from gateway.api.openapi import document
from gateway.api.problems import KINDS

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, .path { font-family: ui-monospace, monospace; font-size: .92em }
details { border: 1px solid #8886; border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem }
td, th { text-align: left; vertical-align: top; border-top: 1px solid #8884; padding: .25rem .6rem }
.type { opacity: .75 }
"""


def page_html(calls: Iterable[Call]) -> bytes:
    """The page."""
    found = document(calls)
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Recado API</title><style>{_STYLE}</style></head><body>",
        f"<h1>Recado API <small>{escape(found['info']['version'])}</small></h1>",
        f"<p>{escape(found['info']['description'])} Send <code>Authorization: Bearer KEY</code>. "
        "The same as <a href='/openapi.json'>OpenAPI 3.1</a>.</p><h2>Calls</h2>",
    ]
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            parts.append(_call(method.upper(), path, operation))
    parts.append("<h2>Shapes</h2>")
    for name, schema in found["components"]["schemas"].items():
        if schema.get("properties"):
            parts.append(_shape(name, schema))
    parts += ["<h2>Problems</h2>", _problems(), "</body></html>"]
    return "\n".join(parts).encode()


def _call(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        _row(f"<code>{escape(p['name'])}</code>", p["in"], _type(p["schema"]))
        for p in operation["parameters"]
    ]
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        rows.append(_row("body", escape(media), _type(body.get("x-line", body["schema"]))))
    for status, response in operation["responses"].items():
        kinds = {_type(c.get("x-line", c["schema"])) for c in response["content"].values()}
        rows.append(
            _row(f"<b>{status}</b>", escape(response["description"]), " ".join(sorted(kinds)))
        )
    return (
        f"<details><summary><span class='method'>{method}</span> "
        f"<span class='path'>{escape(path)}</span> &mdash; {escape(operation['summary'])}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p><table>{''.join(rows)}</table></details>"
    )


def _shape(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = [
        _row(
            f"<code>{escape(field)}</code>{'' if field in needed else '?'}",
            _type(kind),
            escape(_described(kind)),
        )
        for field, kind in schema["properties"].items()
    ]
    return (
        f"<h3 id='{escape(name)}'>{escape(name)}</h3>"
        f"<p>{escape(schema.get('description', ''))}</p><table>{''.join(rows)}</table>"
    )


def _described(kind: dict[str, Any]) -> str:
    words = [str(kind.get("description", ""))]
    words += [str(one.get("description", "")) for one in kind.get("anyOf", [])]
    if kind.get("default") not in (None, "", [], {}):
        words.append(f"default: {kind['default']}")
    return "; ".join(word for word in words if word)


def _type(schema: dict[str, Any]) -> str:
    """A type in few words, with links to the shapes."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema:
        kinds = [_type(one) for one in schema["anyOf"] if one != {"type": "null"}]
        return " or ".join(kinds)
    if "enum" in schema:
        return escape(" | ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"<span class='type'>{escape(str(schema.get('type', 'any')))}</span>"


def _problems() -> str:
    rows = [
        _row(f"<code id='{word}'>{word}</code>", str(kind.status), escape(kind.title))
        for word, kind in KINDS.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
