"""smpplib's client on a connection of ours: every wait bounded, and what came kept.

smpplib gives every broken connection the same empty error and raises on a body that it cannot
parse; :class:`Wire` keeps what really happened, and a PDU's header is read here all the same.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from smpplib import client, consts, exceptions, smpp
from smpplib.command import Param

from gateway.smpp.constants import Command, status_name

LONGEST_PDU = 65_536
"""Octets: a longer command_length is no SMPP."""
WRITE_SECONDS = 5.0
"""How long the carrier may leave a PDU of ours unread."""
GENERIC_NACK = "generic_nack"
LONGER = ("system_id", "password")
_head = struct.Struct(">IIII")
_tlv = struct.Struct(">HH")


class NotSmpp(OSError):
    """The octets that came cannot be a PDU."""


class Unbound(OSError):
    """The carrier asked us to part."""


class Pdu(NamedTuple):
    """What came: ``body`` is smpplib's, None where it could not be parsed."""

    command: str
    status: int
    sequence: int
    body: Any


class Wire:
    """A socket for smpplib: ``deadline`` (monotonic seconds) bounds every read and write."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.deadline = 0.0
        self.error: OSError | None = None
        self.first = b""
        self.frame = b""

    def connect(self, address: object) -> None:
        """It is connected already; smpplib calls this."""

    def sendall(self, octets: bytes) -> None:
        self._kept(lambda: self._timed().sendall(octets))

    def recv(self, size: int) -> bytes:
        if size > LONGEST_PDU:
            self.error = NotSmpp(f"a command_length of {size + 4}")
            raise self.error
        octets: bytes = self._kept(lambda: self._timed().recv(size))
        self.first = (self.first + octets)[:16]
        self.frame += octets
        return octets

    def close(self) -> None:
        self._sock.close()

    def _timed(self) -> socket.socket:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock

    def _kept(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except OSError as error:
            self.error = error
            raise


class Peer:
    """One session. ``on_delivery`` gets each deliver_sm, and answers it with :meth:`answer`."""

    def __init__(self, wire: Wire, on_delivery: Callable[[Peer, Pdu], None]) -> None:
        self.wire = wire
        self.bound = False
        self.optional = True
        """May a submit have optional parameters?"""
        self._on_delivery = on_delivery
        made: Any = client.Client  # it has no types
        self._client = made("", 0, allow_unknown_opt_params=True, logger_name="smpplib.probe")
        self._client.logger.disabled = True  # it would print what goes over the wire
        self._client._create_socket = lambda: wire  # ours is connected, over TLS too
        self._client.connect()

    def request(
        self,
        command: str,
        seconds: float,
        tlvs: tuple[tuple[int, bytes], ...] = (),
        **fields: Any,
    ) -> Pdu:
        """Send a request; its response, or generic_nack.

        ``tlvs`` follow what smpplib writes: it has no tags but its own. Raises TimeoutError after
        ``seconds``, OSError when the connection ends before.
        """
        pdu = smpp.make_pdu(command, client=self._client, **fields)
        for name, value in fields.items():
            setattr(pdu, name, value)  # a bind's interface_version is overwritten as it is made
        if "password" in fields:  # smpplib cuts what is longer than the specification has it
            pdu.params = pdu.params | {name: Param(type=str, max=65) for name in LONGER}
        if tlvs:
            _append(pdu, b"".join(_tlv.pack(tag, len(value)) + value for tag, value in tlvs))
        self.wire.deadline = time.monotonic() + seconds
        self._send(pdu)
        while True:
            came = self.read()
            if came.sequence == pdu.sequence and came.command == f"{command}_resp":
                return came
            if came.command == GENERIC_NACK and came.sequence in (0, pdu.sequence):
                return came

    def read(self) -> Pdu:
        """The next PDU; requests of the carrier's are answered. Raises as :meth:`request`."""
        self.wire.frame = b""
        try:
            body = self._client.read_pdu()
            came = Pdu(body.command, body.status, body.sequence, body)
        except exceptions.ConnectionError:
            raise self.wire.error or ConnectionResetError("closed by the carrier") from None
        except TimeoutError:
            raise
        except (struct.error, ValueError, LookupError, TypeError, AttributeError) as error:
            came = self._bare(error)
        except (exceptions.UnknownCommandError, exceptions.PDUError) as error:
            came = self._bare(error)
        self._serve(came)
        return came

    def bound_as(self, mode: str) -> None:
        """The bind's response was well, whether smpplib could parse its body or not."""
        self.bound = True
        self._client.state = consts.STATE_SETTERS[f"bind_{mode}_resp"]

    def answer(self, pdu: Pdu, status: int) -> None:
        """The response to a request of the carrier's."""
        response = smpp.make_pdu(f"{pdu.command}_resp", client=self._client, status=status)
        response.sequence = pdu.sequence
        with contextlib.suppress(exceptions.PDUError):  # asked where SMPP 3.4, 2.3 forbids it
            self._send(response)

    def close(self) -> None:
        """Close the connection."""
        self._client.state = consts.SMPP_CLIENT_STATE_OPEN  # else smpplib complains
        self._client.disconnect()

    def _send(self, pdu: Any) -> None:
        until, self.wire.deadline = self.wire.deadline, time.monotonic() + WRITE_SECONDS
        try:
            self._client.send_pdu(pdu)
        except exceptions.ConnectionError:
            raise self.wire.error or ConnectionResetError("closed by the carrier") from None
        finally:
            self.wire.deadline = until

    def _bare(self, error: Exception) -> Pdu:
        """What the header alone says, where smpplib cannot parse the rest."""
        if len(self.wire.frame) < _head.size:
            raise NotSmpp(f"{self.wire.frame!r}") from error
        _, command, status, sequence = _head.unpack_from(self.wire.frame)
        try:
            name = Command(command).name.lower()
        except ValueError:
            name = f"0x{command:08x}"
        return Pdu(name, status, sequence, None)

    def _serve(self, pdu: Pdu) -> None:
        if pdu.command == "deliver_sm":
            if pdu.body is not None:
                self._on_delivery(self, pdu)
        elif pdu.command == "enquire_link":
            self.answer(pdu, 0)
        elif pdu.command == "unbind":
            if self.bound:
                self.answer(pdu, 0)
            raise Unbound("the carrier asked us to unbind")


def _append(pdu: Any, octets: bytes) -> None:
    """Lets smpplib write ``octets`` after a PDU's body."""
    generate = pdu.generate_params
    pdu.generate_params = lambda: generate() + octets


def broken(error: BaseException) -> str:
    """An error of the connection in a few words."""
    if isinstance(error, Unbound):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return f"OpenSSL: {error.reason or error}"
    return getattr(error, "strerror", None) or str(error) or "closed by the carrier"


def named(status: int) -> str:
    """``ESME_RINVPASWD (0x0E)``."""
    name = status_name(status)
    return name if status == 0 or name.startswith("0x") else f"{name} (0x{status:02X})"
