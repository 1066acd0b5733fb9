"""From octets or a query to a shape; what is wrong becomes a problem that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from gateway.api.problems import fault, nearest
from gateway.errors import CallerError

Shape = TypeVar("Shape", bound=msgspec.Struct)

WRONG: dict[str, str] = {
    "to": "invalid-number",
    "text": "invalid-text",
    "from": "invalid-sender",
    "campaign": "unknown-campaign",
    "priority": "invalid-priority",
    "ref": "invalid-ref",
    "send_at": "invalid-time",
    "ttl": "invalid-ttl",
    "callback_url": "invalid-url",
    "encoding": "invalid-encoding",
    "data": "invalid-data",
    "at": "invalid-time",
    "zones": "invalid-zone",
}
"""The problem type of a field whose value has the wrong type or is none of those allowed."""

_NAMED = re.compile(r"(Object contains unknown|Object missing required) field `(.*?)`")
_AT = re.compile(r" - at `\$\.?(.*)`$")


class Reader(Generic[Shape]):
    """Reads JSON as one shape."""

    def __init__(self, shape: type[Shape]) -> None:
        self._shape = shape
        self._decode = msgspec.json.Decoder(shape).decode

    def read(self, octets: bytes | msgspec.Raw) -> Shape:
        """The shape of ``octets``; raises CallerError for what is wrong."""
        try:
            return self._decode(octets)
        except (ValueError, RecursionError) as error:
            raise self.fault(error) from error

    def convert(self, values: Mapping[str, Any]) -> Shape:
        """The shape of strings by name, as CSV has them; raises CallerError."""
        try:
            return msgspec.convert(values, self._shape, strict=False)
        except msgspec.ValidationError as error:
            raise self.fault(error) from error

    def fault(self, error: Exception) -> CallerError:
        """The problem that an error of msgspec's is."""
        if isinstance(error, UnicodeDecodeError):
            octet = error.object[error.start]
            return fault("not-utf8", f"octet {octet:#04x} is not UTF-8")
        if not isinstance(error, msgspec.ValidationError):
            return fault("not-json", str(error))
        return _invalid(str(error), list(self._shape.__struct_encode_fields__))


def _invalid(words: str, fields: list[str]) -> CallerError:
    named = _NAMED.match(words)
    if named and named[1].endswith("unknown"):
        return fault("unknown-field", f"'{named[2]}' is not known{nearest(named[2], fields)}",
                     named[2])  # fmt: skip
    if named:
        return fault("missing-field", f"'{named[2]}' must be there", named[2])
    at = _AT.search(words)
    found = words[: at.start()] if at else words
    field = at[1] if at else ""
    top = re.split(r"[.\[]", field)[0]
    if not top:
        return fault("invalid-object", found.replace("`", "'"))
    return fault(WRONG.get(top, "invalid-field"), found.replace("`", "'"), field)


def read_query(query: Mapping[str, str], pairs: int, shape: type[Shape]) -> Shape:
    """A query's parameters; ``pairs`` is how many there are, so that none comes twice."""
    if pairs != len(query):
        raise fault("invalid-parameter", "a parameter comes more than once")
    try:
        return msgspec.convert(query, shape, strict=False)
    except msgspec.ValidationError as error:
        words = str(error)
        named = _NAMED.match(words)
        if named:
            allowed = list(shape.__struct_encode_fields__)
            detail = f"'{named[2]}' is not known{nearest(named[2], allowed)}"
            raise fault("unknown-parameter", detail, named[2]) from error
        at = _AT.search(words)
        field = at[1] if at else None
        detail = (words[: at.start()] if at else words).replace("`", "'")
        raise fault("invalid-parameter", detail, field) from error
