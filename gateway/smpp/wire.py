"""How one field of a PDU lies on the wire (3.1): the pieces the table-driven codec is made of.

Each kind writes a value to octets and reads one back. Writing checks everything and raises
:class:`EncodeError` with the field's name; reading raises :class:`BodyError`, which never leaves
this folder, with the command_status that answers it.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec

from gateway.errors import EncodeError
from gateway.smpp.constants import Status

MAX_DESTINATIONS: Final = 254
"""number_of_dests (5.2.24)."""


class BodyError(Exception):
    """A body that cannot be read, and the command_status with which to say so."""

    def __init__(self, command_status: Status, reason: str) -> None:
        super().__init__(reason)
        self.command_status = command_status
        self.reason = reason


class SmeAddress(msgspec.Struct, frozen=True, gc=False):
    """A destination of submit_multi: one number (dest_flag 1, 4.5.1.1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


class DistributionList(msgspec.Struct, frozen=True, gc=False):
    """A destination of submit_multi: a list the SMSC keeps (dest_flag 2, 4.5.1.2)."""

    dl_name: str = ""


class UnsuccessSme(msgspec.Struct, frozen=True, gc=False):
    """A destination that submit_multi_resp says was refused (4.5.2.1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    error_status_code: int = 0


class Field(Protocol):
    """One kind of field."""

    @property
    def absent(self) -> Any:
        """What a response that ends before this field is read to hold."""

    def write(self, value: Any, name: str) -> bytes:
        """The octets of ``value``. Raises EncodeError, which names the field."""

    def read(self, body: bytes, position: int, name: str) -> tuple[Any, int]:
        """The value at ``position`` and the position after it. Raises BodyError."""


class Integer(msgspec.Struct, frozen=True):
    """An unsigned integer of ``size`` octets, the first the most significant."""

    size: int

    @property
    def absent(self) -> int:
        return 0

    def write(self, value: Any, name: str) -> bytes:
        if not isinstance(value, int) or not 0 <= value < 1 << 8 * self.size:
            raise EncodeError(f"{name}: {value!r} is no integer of {self.size} octet(s)")
        return value.to_bytes(self.size, "big")

    def read(self, body: bytes, position: int, name: str) -> tuple[int, int]:
        end = position + self.size
        if end > len(body):
            raise BodyError(Status.ESME_RINVCMDLEN, f"the body ends before {name}")
        return int.from_bytes(body[position:end], "big"), end


class CString(msgspec.Struct, frozen=True):
    """A C-octet string of at most ``limit`` octets, its final NUL counted.

    Read, it may be longer: what a carrier sends is kept.
    """

    limit: int

    @property
    def absent(self) -> str:
        return ""

    def write(self, value: Any, name: str) -> bytes:
        try:
            octets = str.encode(value, "latin-1")
        except (TypeError, UnicodeEncodeError):
            raise EncodeError(f"{name}: {value!r} is no latin-1 text") from None
        if b"\0" in octets:
            raise EncodeError(f"{name}: {value!r} holds a NUL")
        if len(octets) >= self.limit:
            raise EncodeError(f"{name}: {value!r} is longer than {self.limit - 1} octets")
        return octets + b"\0"

    def read(self, body: bytes, position: int, name: str) -> tuple[str, int]:
        end = body.find(0, position)
        if end < 0:
            raise BodyError(Status.ESME_RINVCMDLEN, f"the body ends within {name}")
        return body[position:end].decode("latin-1"), end + 1


class OctetString(msgspec.Struct, frozen=True):
    """One octet of length, then as many octets: sm_length and short_message (5.2.21, 5.2.22)."""

    limit: int

    @property
    def absent(self) -> bytes:
        return b""

    def write(self, value: Any, name: str) -> bytes:
        if not isinstance(value, bytes):
            raise EncodeError(f"{name}: {value!r} is not bytes")
        if len(value) > self.limit:
            raise EncodeError(f"{name}: {len(value)} octets, at most {self.limit} are allowed")
        return bytes((len(value),)) + value

    def read(self, body: bytes, position: int, name: str) -> tuple[bytes, int]:
        if position >= len(body):
            raise BodyError(Status.ESME_RINVCMDLEN, f"the body ends before the length of {name}")
        start = position + 1
        end = start + body[position]
        if end > len(body):
            raise BodyError(
                Status.ESME_RINVMSGLEN,
                f"{name} is said to have {body[position]} octets, {len(body) - start} are there",
            )
        return body[start:end], end


_OCTET: Final = Integer(1)
_ADDRESS: Final = CString(21)
_DL_NAME: Final = CString(21)
_ERROR: Final = Integer(4)


def _write_address(item: SmeAddress | UnsuccessSme, name: str) -> bytes:
    return (
        _OCTET.write(item.dest_addr_ton, f"{name}.dest_addr_ton")
        + _OCTET.write(item.dest_addr_npi, f"{name}.dest_addr_npi")
        + _ADDRESS.write(item.destination_addr, f"{name}.destination_addr")
    )


def _read_address(body: bytes, position: int, name: str) -> tuple[int, int, str, int]:
    ton, position = _OCTET.read(body, position, f"{name}.dest_addr_ton")
    npi, position = _OCTET.read(body, position, f"{name}.dest_addr_npi")
    address, position = _ADDRESS.read(body, position, f"{name}.destination_addr")
    return ton, npi, address, position


class Destinations(msgspec.Struct, frozen=True):
    """number_of_dests and dest_address(es) of submit_multi (4.5.1.1)."""

    @property
    def absent(self) -> tuple[SmeAddress | DistributionList, ...]:
        return ()

    def write(self, value: Any, name: str) -> bytes:
        if len(value) > MAX_DESTINATIONS:
            raise EncodeError(f"{name}: {len(value)} of them, at most {MAX_DESTINATIONS}")
        parts = [bytes((len(value),))]
        for item in value:
            if isinstance(item, DistributionList):
                parts.append(b"\x02" + _DL_NAME.write(item.dl_name, f"{name}.dl_name"))
            elif isinstance(item, SmeAddress):
                parts.append(b"\x01" + _write_address(item, name))
            else:
                raise EncodeError(f"{name}: {item!r} is no SmeAddress or DistributionList")
        return b"".join(parts)

    def read(
        self, body: bytes, position: int, name: str
    ) -> tuple[tuple[SmeAddress | DistributionList, ...], int]:
        count, position = _OCTET.read(body, position, "number_of_dests")
        found: list[SmeAddress | DistributionList] = []
        for _ in range(count):
            flag, position = _OCTET.read(body, position, f"{name}.dest_flag")
            if flag == 1:
                ton, npi, address, position = _read_address(body, position, name)
                found.append(SmeAddress(ton, npi, address))
            elif flag == 2:
                dl_name, position = _DL_NAME.read(body, position, f"{name}.dl_name")
                found.append(DistributionList(dl_name))
            else:
                raise BodyError(Status.ESME_RINVDESTFLAG, f"{name}: dest_flag {flag}")
        return tuple(found), position


class Refusals(msgspec.Struct, frozen=True):
    """no_unsuccess and unsuccess_sme(s) of submit_multi_resp (4.5.2.1)."""

    @property
    def absent(self) -> tuple[UnsuccessSme, ...]:
        return ()

    def write(self, value: Any, name: str) -> bytes:
        if len(value) > 255:
            raise EncodeError(f"{name}: {len(value)} of them, at most 255")
        parts = [bytes((len(value),))]
        for item in value:
            if not isinstance(item, UnsuccessSme):
                raise EncodeError(f"{name}: {item!r} is no UnsuccessSme")
            parts.append(_write_address(item, name))
            parts.append(_ERROR.write(item.error_status_code, f"{name}.error_status_code"))
        return b"".join(parts)

    def read(self, body: bytes, position: int, name: str) -> tuple[tuple[UnsuccessSme, ...], int]:
        count, position = _OCTET.read(body, position, "no_unsuccess")
        found = []
        for _ in range(count):
            ton, npi, address, position = _read_address(body, position, name)
            error, position = _ERROR.read(body, position, f"{name}.error_status_code")
            found.append(UnsuccessSme(ton, npi, address, error))
        return tuple(found), position


def write_tlvs(tlvs: tuple[tuple[int, Any], ...]) -> bytes:
    """The optional parameters (3.2.4) in their order. Raises EncodeError."""
    parts = []
    for tag, value in tlvs:
        if not isinstance(value, bytes) or len(value) > 0xFFFF:
            raise EncodeError(f"tlvs: the value of 0x{tag:04X} is not at most 65535 octets")
        if not 0 <= tag <= 0xFFFF:
            raise EncodeError(f"tlvs: {tag!r} is no tag")
        parts.append(tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value)
    return b"".join(parts)


def read_tlvs(body: bytes, position: int) -> tuple[tuple[tuple[int, bytes], ...], str]:
    """The optional parameters from ``position`` on, and what is wrong behind them (or ``""``).

    Up to three NULs at the end are padding, which some carriers send: they cannot be a TLV.
    """
    found: list[tuple[int, bytes]] = []
    size = len(body)
    while size - position >= 4:
        tag = body[position] << 8 | body[position + 1]
        start = position + 4
        end = start + (body[position + 2] << 8 | body[position + 3])
        if end > size:
            return tuple(found), f"TLV 0x{tag:04X} says {end - start} octets, {size - start} left"
        found.append((tag, body[start:end]))
        position = end
    if any(body[position:]):
        return tuple(found), f"{size - position} octets at the end are no TLV"
    return tuple(found), ""
