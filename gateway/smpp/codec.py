"""The table-driven codec: every PDU of SMPP 3.4, from the annotations in structs.py.

It is the definition of what is right. The four PDUs of the message's way have faster code in
hot.py, which falls back to this one for anything unusual; a test proves the two equal.

Reading is total, and a request is not read as a response is:

- a *request* is taken whole or refused: a body that ends too early, a short_message longer than
  its PDU, or optional parameters that end in the middle make it :class:`Malformed`, because
  answering "taken" for half a message would lose the other half;
- a *response* is read as far as it goes, and what is missing has its default: the answer is its
  status, and losing that over a missing NUL would leave a message in doubt. So a response is
  never Malformed. An error response often has no body at all (4.4.2).

The lengths of C-octet strings are checked in what we write, not in what we read.
"""

from __future__ import annotations

from struct import Struct
from typing import Annotated, Any, Final, get_origin, get_type_hints

from gateway.errors import EncodeError
from gateway.smpp import structs
from gateway.smpp.constants import HEADER_LENGTH, Status
from gateway.smpp.structs import (
    BindReceiverResp,
    BindTransceiverResp,
    BindTransmitterResp,
    Header,
    Known,
    Malformed,
    Pdu,
    Response,
    SubmitSmResp,
    Unknown,
)
from gateway.smpp.wire import BodyError, Field, read_tlvs, write_tlvs

Layout = tuple[tuple[str, Field], ...]

pack_header: Final = Struct(">IIII").pack
unpack_header: Final = Struct(">IIII").unpack_from

NO_BODY_ON_ERROR: Final = frozenset(
    (BindTransmitterResp, BindReceiverResp, BindTransceiverResp, SubmitSmResp)
)
"""Responses of which the specification says that an error has no body (4.1.2, 4.4.2)."""


def _layout(kind: type[Known]) -> Layout:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        (name, hints[name].__metadata__[0])
        for name in kind.__struct_fields__
        if get_origin(hints[name]) is Annotated
    )


LAYOUTS: Final[dict[type[Header], Layout]] = {kind: _layout(kind) for kind in structs.KINDS}
"""Every PDU's body, field by field."""

KIND_OF: Final[dict[int, type[Known]]] = {int(kind.command_id): kind for kind in structs.KINDS}
"""The PDU of a command_id."""


def frame(command_id: int, command_status: int, sequence_number: int, body: bytes) -> bytes:
    """A whole PDU. Raises EncodeError if a number does not fit the header."""
    try:
        return (
            pack_header(HEADER_LENGTH + len(body), command_id, command_status, sequence_number)
            + body
        )
    except Exception:
        raise EncodeError(
            f"header: command_id {command_id!r}, command_status {command_status!r} and "
            f"sequence_number {sequence_number!r} must be integers of 4 octets"
        ) from None


def encode_by_table(pdu: Pdu, sequence_number: int) -> bytes:
    """``pdu`` on the wire, under ``sequence_number``. Raises EncodeError naming the field."""
    if isinstance(pdu, Unknown | Malformed):
        return frame(pdu.command_id, pdu.command_status, sequence_number, pdu.body)
    kind = type(pdu)
    values = [(getattr(pdu, name), name, field) for name, field in LAYOUTS[kind]]
    if pdu.command_status and kind in NO_BODY_ON_ERROR and not pdu.tlvs:
        values = [] if not any(value for value, _, _ in values) else values
    parts = [field.write(value, name) for value, name, field in values]
    body = b"".join(parts) + write_tlvs(pdu.tlvs)
    return frame(kind.command_id, pdu.command_status, sequence_number, body)


def decode_by_table(octets: bytes, kind: type[Known]) -> Pdu:
    """The PDU of ``kind`` in ``octets``, header included; Malformed if it cannot be read."""
    _, command_id, command_status, sequence_number = unpack_header(octets)
    read = _read_response if issubclass(kind, Response) else _read_request
    try:
        tlvs, values = read(octets, LAYOUTS[kind])
    except BodyError as error:
        return Malformed(
            sequence_number,
            error.command_status,
            (),
            command_id,
            error.reason,
            octets[HEADER_LENGTH:],
        )
    return kind(sequence_number, command_status, tlvs, *values)


def _read_request(octets: bytes, layout: Layout) -> tuple[tuple[tuple[int, bytes], ...], list[Any]]:
    position = HEADER_LENGTH
    values = []
    for name, field in layout:
        value, position = field.read(octets, position, name)
        values.append(value)
    tlvs, wrong = read_tlvs(octets, position)
    if wrong and layout:
        raise BodyError(Status.ESME_RINVOPTPARSTREAM, wrong)
    return tlvs, values


def _read_response(
    octets: bytes, layout: Layout
) -> tuple[tuple[tuple[int, bytes], ...], list[Any]]:
    position = HEADER_LENGTH
    values = []
    for name, field in layout:
        try:
            value, position = field.read(octets, position, name)
        except BodyError:
            value, position = _remainder(octets, position, field)
        values.append(value)
    return read_tlvs(octets, position)[0], values


def _remainder(octets: bytes, position: int, field: Field) -> tuple[Any, int]:
    """What is left of a response that ends within ``field``: a text without its NUL is kept."""
    if isinstance(field.absent, str):
        return octets[position:].decode("latin-1"), len(octets)
    return field.absent, len(octets)
