"""The steps of a probe: each timed, each explained, and what is bound unbound in order."""

from __future__ import annotations

import secrets
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.carrier import troubles
from gateway.carrier.connect import tls_of
from gateway.carrier.submit import RECEIPT_ALWAYS, USER_MESSAGE_REFERENCE, addresses_of, extra_tlvs
from gateway.config import NO_TLVS, Carrier
from gateway.errors import TlsFileError
from gateway.log import mask_number
from gateway.message import Receipt, ReceiptState
from gateway.probe import causes
from gateway.probe.peer import GENERIC_NACK, NotSmpp, Pdu, Peer, Wire, broken, named
from gateway.probe.receipt import Watch, delivery, text
from gateway.smpp.constants import INTERFACE_VERSION, INTERFACE_VERSIONS
from gateway.smpp.text import SegmentBody
from gateway.tls import troubles as tls_troubles
from gateway.tls.troubles import Trouble

UNBIND_SECONDS = 5.0
UNDER_WAY = frozenset({ReceiptState.ENROUTE, ReceiptState.ACCEPTD})


@dataclass(frozen=True)
class Order:
    """One message: ``to`` and ``sender`` without ``+``; ``wait`` for its receipt, in seconds."""

    to: str
    sender: str
    body: SegmentBody
    wait: float


@dataclass
class Step:
    """One step: how long it took, what it said, and if it failed the causes, likeliest first."""

    name: str
    ok: bool = False
    ms: float = 0.0
    said: str = ""
    causes: tuple[str, ...] = ()


@dataclass
class Run:
    """All steps of a probe, and what else an operator should know."""

    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Did every step end well?"""
        return bool(self.steps) and all(step.ok for step in self.steps)


class Failed(Exception):
    """A step did not end well."""

    def __init__(self, what: str, causes: tuple[str, ...]) -> None:
        super().__init__(what)
        self.causes = causes


class Probe:
    """One run against one carrier. ``on_step`` is called with each step as it ends."""

    def __init__(
        self, carrier: Carrier, order: Order | None, on_step: Callable[[Step], None]
    ) -> None:
        self._carrier, self._order, self._on_step = carrier, order, on_step
        self._peers: list[Peer] = []
        self._kept: list[tuple[Peer, Pdu]] = []
        self._put_off = 0
        self._reference = secrets.randbelow(0xFFFF) + 1
        self._watch = Watch(carrier, order.to if order else "", self._reference)
        self._receipt: Receipt | None = None
        self.run = Run()

    def go(self) -> Run:
        """Every step until one fails; then unbind what is bound."""
        try:
            modes = self._carrier.bind.split("+")
            peers = [self._bind(mode, f" {mode}" if len(modes) > 1 else "") for mode in modes]
            self._enquire(peers[0])
            if self._order is not None:
                self._submit(peers[0], self._order)
                self._await_receipt(peers[-1], self._order)
        except Failed:
            pass
        finally:
            self._part()
        return self.run

    @contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        step = Step(name)
        began = time.monotonic()
        try:
            yield step
            step.ok = True
        except Failed as failed:
            step.said, step.causes = str(failed), failed.causes
            raise
        finally:
            step.ms = (time.monotonic() - began) * 1000
            if step.ok or step.said:
                self.run.steps.append(step)
                self._on_step(step)

    # Up to the bind

    def _bind(self, mode: str, suffix: str) -> Peer:
        addresses = self._resolve(f"resolve{suffix}")
        sock = self._connect(f"connect{suffix}", addresses)
        if self._carrier.tls:
            sock = self._tls(f"tls{suffix}", sock)
        peer = Peer(Wire(sock), self._delivered)
        self._peers.append(peer)
        with self._step(f"bind{suffix}") as step:
            step.said = self._bound(peer, mode)
        return peer

    def _resolve(self, name: str) -> list[Any]:
        c = self._carrier
        with self._step(name) as step:
            try:
                found = socket.getaddrinfo(c.host, c.port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                raise _failed(troubles.of_name(c, error)) from error
            step.said = ", ".join(str(address[0]) for *_, address in found)
        return found

    def _connect(self, name: str, addresses: list[Any]) -> socket.socket:
        c = self._carrier
        deadline = time.monotonic() + c.connect_seconds
        with self._step(name) as step:
            trouble = troubles.unreached(c)
            for tried, (family, kind, protocol, _, address) in enumerate(addresses):
                sock = socket.socket(family, kind, protocol)
                try:
                    left = (deadline - time.monotonic()) / (len(addresses) - tried)
                    sock.settimeout(max(left, 0.01))
                    sock.connect(address)
                except OSError as error:
                    sock.close()
                    if error.errno:  # else time ran out
                        trouble = troubles.of_socket(c, error)
                    continue
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                here = sock.getsockname()
                step.said = f"{address[0]} port {address[1]}, from {here[0]}"
                return sock
            raise _failed(trouble)

    def _tls(self, name: str, sock: socket.socket) -> ssl.SSLSocket:
        c, ours = self._carrier, troubles.ours_of(self._carrier)
        with self._step(name) as step:
            began = time.monotonic()
            try:
                sock.settimeout(c.connect_seconds)
                tls = tls_of(c).wrap_socket(sock, server_hostname=c.verified_name)
            except ssl.SSLError as error:
                raise _failed(tls_troubles.of_error(error, ours)) from error
            except TimeoutError as error:
                late = tls_troubles.silence(ours, c.connect_seconds)
                raise _failed(late) from error
            except (TlsFileError, ValueError) as error:
                raise Failed(str(error), ()) from error
            except OSError as error:
                raise _failed(tls_troubles.closed(ours)) from error
            finally:
                if not step.said and sock.fileno() >= 0:
                    sock.close()  # a wrapped one has let go of it
            step.said = _presented(tls, c.verified_name)
            # As connect.VERDICT_SECONDS: a refusal of our certificate comes after the handshake.
            select.select([tls], [], [], min(time.monotonic() - began, 1.0))
        return tls

    def _bound(self, peer: Peer, mode: str) -> str:
        c = self._carrier
        try:
            answer = peer.request(
                f"bind_{mode}",
                c.bind_seconds,
                system_id=c.system_id,
                password=c.password,
                system_type=c.system_type,
                interface_version=INTERFACE_VERSIONS[c.interface_version],
                address_range=c.address_range,
            )
        except (TimeoutError, OSError) as error:
            raise _failed(self._unbound(peer, error)) from error
        if answer.status or answer.command == GENERIC_NACK:
            raise self._refused("bind", answer, mode)
        peer.bound_as(mode)
        body = answer.body
        said = f'{named(0)}, system_id "{_clean(getattr(body, "system_id", b""))}"'
        version = getattr(body, "sc_interface_version", None)
        if version is not None:
            said += f", SMPP {version >> 4}.{version & 15}"
            if version < INTERFACE_VERSION and c.interface_version != NO_TLVS:
                peer.optional = False
                self.run.notes.append(
                    f"the SMSC speaks SMPP {version >> 4}.{version & 15}, which has no optional "
                    "parameters: none are sent on this bind, nor by the gateway"
                )
        return said

    def _unbound(self, peer: Peer, error: OSError) -> Trouble:
        """The bind had no answer."""
        c = self._carrier
        what = troubles.of_octets(c, peer.wire.first)
        if what is not None:
            return what
        if isinstance(error, NotSmpp):
            return Trouble(
                f"what answers is not SMPP ({peer.wire.first!r})",
                ("port is wrong: ask the carrier which", troubles.TLS_WANTED),
            )
        if isinstance(error, TimeoutError):
            return troubles.of_silence(c, c.bind_seconds)
        return troubles.of_link(c, error)

    # Bound

    def _enquire(self, peer: Peer) -> None:
        with self._step("enquire_link") as step:
            answer = self._asked(peer, "enquire_link")
            step.said = named(answer.status)

    def _submit(self, peer: Peer, order: Order) -> None:
        c = self._carrier
        addresses = addresses_of(c)
        source, to = addresses.sender(order.sender), addresses.recipients.written(order.to)
        fields = {
            "service_type": c.service_type,
            "source_addr_ton": source.ton,
            "source_addr_npi": source.npi,
            "source_addr": source.address,
            "dest_addr_ton": to.ton,
            "dest_addr_npi": to.npi,
            "destination_addr": to.address,
            "registered_delivery": RECEIPT_ALWAYS,
            "data_coding": order.body.data_coding,
            "short_message": order.body.short_message,
        }
        tlvs: tuple[tuple[int, bytes], ...] = ()
        if peer.optional and c.interface_version != NO_TLVS:
            if c.user_message_reference:
                tlvs = ((USER_MESSAGE_REFERENCE, self._reference.to_bytes(2, "big")),)
            tlvs += extra_tlvs(c)
        with self._step("submit_sm") as step:
            answer = self._asked(peer, "submit_sm", tlvs, **fields)
            self._watch.id = text(getattr(answer.body, "message_id", b""))
            step.said = f'{named(0)}, message_id "{_clean(self._watch.id)}", to +{order.to}'

    def _await_receipt(self, peer: Peer, order: Order) -> None:
        with self._step("receipt") as step:
            self._sort()
            deadline = time.monotonic() + order.wait
            try:
                while self._receipt is None:
                    peer.wire.deadline = deadline
                    peer.read()
                    self._sort()
            except TimeoutError as error:
                w = self._watch
                why = causes.no_receipt(self._carrier, w.other_id, w.id, w.unmarked)
                raise Failed(f"none came within {order.wait:g} s", why) from error
            except OSError as error:
                raise Failed(f"the session ended: {broken(error)}", causes.CLOSED) from error
            step.said = _word(self._receipt)
            if self._receipt.state is not ReceiptState.DELIVRD:
                raise Failed(step.said, causes.NOT_DELIVERED)

    def _asked(
        self, peer: Peer, command: str, tlvs: tuple[tuple[int, bytes], ...] = (), **fields: Any
    ) -> Pdu:
        seconds = self._carrier.response_seconds
        try:
            answer = peer.request(command, seconds, tlvs, **fields)
        except TimeoutError as error:
            raise Failed(f"no answer in {seconds:g} s", causes.SILENT[command]) from error
        except OSError as error:
            raise Failed(f"the session ended: {broken(error)}", causes.CLOSED) from error
        if answer.status or answer.command == GENERIC_NACK:
            raise self._refused(command, answer, "")
        return answer

    def _refused(self, step: str, answer: Pdu, mode: str) -> Failed:
        sender = mask_number(self._order.sender) if self._order else ""
        what = f"{named(answer.status)}: {causes.meaning(answer.status)}"
        if answer.command == GENERIC_NACK:
            what = f"generic_nack, {what}"
        return Failed(what, causes.of_status(self._carrier, step, answer.status, mode, sender))

    # What comes in

    def _delivered(self, peer: Peer, pdu: Pdu) -> None:
        """Keep what may be our receipt; the rest is not ours to take: it shall come again."""
        if self._order is not None and self._watch.about_us(delivery(pdu.body)):
            self._kept.append((peer, pdu))
        else:
            self._later(peer, pdu)

    def _later(self, peer: Peer, pdu: Pdu) -> None:
        self._put_off += 1
        peer.answer(pdu, self._carrier.try_later_status)

    def _sort(self) -> None:
        """Answer what was kept, now that the message's id is known."""
        kept, self._kept = self._kept, []
        for peer, pdu in kept:
            receipt = self._watch.read(delivery(pdu.body))
            if receipt is None:
                self._later(peer, pdu)
                continue
            peer.answer(pdu, 0)
            if receipt.state in UNDER_WAY:
                self.run.notes.append(f"an intermediate receipt came: {_word(receipt)}")
            elif self._receipt is None:
                self._receipt = receipt

    # The end

    def _part(self) -> None:
        for peer in self._peers:
            if peer.bound:
                self._unbind(peer)
            peer.close()
        if self._put_off:
            self.run.notes.append(
                f"{self._put_off} deliveries that are not the probe's were answered "
                f"{named(self._carrier.try_later_status)}, so that the carrier sends them again"
            )

    def _unbind(self, peer: Peer) -> None:
        with self._step("unbind") as step:
            seconds = min(UNBIND_SECONDS, self._carrier.response_seconds)
            try:
                for sender, pdu in self._kept:
                    if sender is peer:
                        self._later(peer, pdu)
                step.said = named(peer.request("unbind", seconds).status)
            except TimeoutError:
                step.said = f"no unbind_resp in {seconds:g} s; closed all the same"
            except OSError as error:
                step.said = f"closed without unbind_resp ({broken(error)})"


def _failed(trouble: Trouble) -> Failed:
    return Failed(trouble.what, trouble.todo)


def _word(receipt: Receipt) -> str:
    error = f", err {_clean(receipt.error)}" if receipt.error else ""
    return f"{_clean(receipt.stat) or receipt.state.value}{error}"


def _clean(value: bytes | str | None) -> str:
    """A carrier's text, safe for a terminal."""
    said = text(value) if isinstance(value, bytes | None) else value
    return "".join(c if c.isprintable() else "?" for c in said)


def _presented(tls: ssl.SSLSocket, name: str) -> str:
    """``TLSv1.3, TLS_AES_256_GCM_SHA384, certificate for NAME until ...``."""
    cipher = tls.cipher()
    certificate = tls.getpeercert() or {}
    return (
        f"{tls.version()}, {cipher[0] if cipher else '?'}, "
        f"certificate for {name} until {certificate.get('notAfter', '?')}"
    )
