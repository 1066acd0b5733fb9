"""The daemon: builds everything, says when it is ready, and stops in three steps.

SIGTERM: quiet (claim nothing, /readyz fails), drain (wait for responses, commit), unbind; the
embedded store last.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import uvloop

from gateway import policies
from gateway.api.server import Api
from gateway.audit.keeper import Audit
from gateway.carrier import closing
from gateway.carrier.account import Account, Carriers
from gateway.carrier.admission import Admission
from gateway.carrier.dispatch import Limit
from gateway.carrier.ended import EndedLines
from gateway.carrier.heard import Hearing
from gateway.clock import wall_ms
from gateway.config import Config
from gateway.confirmation import Confirmation
from gateway.errors import Fenced, RecadoError, StoreUnavailable
from gateway.message import InDoubtRule, Message, MessageState, read_fates, write_fates
from gateway.metrics import Metrics
from gateway.notify import Notify
from gateway.policy.calendars import ALWAYS, Calendars
from gateway.store import Store
from gateway.store.embedded import EmbeddedServer
from gateway.store.node import LOOK_AGAIN_SECONDS, Node

log = logging.getLogger(__name__)

PROMOTE_SECONDS = 1.0
PARTS_SECONDS = 1.0
AUDIT_SECONDS = 1.0
OPEN_SECONDS = 1.0
MEASURE_SECONDS = 2.0
SWEEP_SECONDS = 60.0
LAG_SECONDS = 0.5
STORE_WAIT_SECONDS = 60.0
RESEND_AFTER_MS = 300_000
"""A message in doubt with the rule ``resend`` waits this long for its receipt."""


def run(config: Config) -> int:
    """Run until SIGTERM or SIGINT; the process's exit status."""
    # A message's life makes dozens of small containers and no cycles: the collector's defaults
    # would walk them all again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return uvloop.run(_run(config))


async def _run(config: Config) -> int:
    daemon = Daemon(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.ending.set)
    loop.add_signal_handler(signal.SIGHUP, _say_hangup)
    told = asyncio.create_task(daemon.ending.wait(), name="told-to-stop")
    starting = asyncio.create_task(daemon.start(), name="start")
    try:
        # A start may wait for the store; a stop does not wait for the start.
        await asyncio.wait([starting, told], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            await told
    finally:
        for task in (starting, told):
            task.cancel()
        await asyncio.wait([starting, told])
        await daemon.stop()
    if daemon.fenced is not None:
        raise daemon.fenced
    return 0


def _say_hangup() -> None:
    log.warning("SIGHUP changes nothing: restart to take another configuration")


class Daemon:
    """One process with everything in it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.ready = False
        self.ending = asyncio.Event()
        """Set when it is to stop, by a signal or because it must."""
        self.fenced: Fenced | None = None
        """Why it must: others have declared it dead."""
        self._over = False
        self.metrics = Metrics()
        self.metrics.limits = tuple(limit.value for limit in Limit)
        self._notify = Notify()
        self._server: EmbeddedServer | None = None
        state_dir = Path(config.redis.state_dir)
        url = config.redis.url
        if config.redis.embedded:
            self._server = EmbeddedServer(state_dir)
            url = self._server.url
        r = config.retention
        self.store = Store(
            url,
            messages_hours=r.messages_hours,
            events_hours=r.events_hours,
            ref_days=r.ref_days,
            unknown_hours=r.unknown_hours,
            parked_minutes=r.parked_minutes,
            shards=config.redis.shards,
        )
        self.node = Node(self.store.redis, config.node.name, state_dir)
        self.store.queue.moved = self.store.correlation.moved = self.metrics.moved
        self.store.correlation.incarnation = self.node.incarnation
        self.store.queue.incarnation = self.node.incarnation
        clients = [client.name for client in config.clients]
        self._owner = clients[0] if len(clients) == 1 else ""
        """Who gets the replies that fit no message."""
        self.carriers = Carriers(
            [Account(c, self.store, self.node, self.metrics, self._owner) for c in config.carriers],
            config.routes,
        )
        self.store.queue.seen = self.carriers.routing.seen
        self.audit: Audit | None = None
        self.calendars = self._calendars()
        self.metrics.accounts = self.carriers.status
        self.api = Api(
            config,
            self.store,
            self.carriers,
            self.metrics,
            lambda: self.ready,
            calendars=self.calendars,
        )
        confirmation = Confirmation(self.api.context, self.carriers.wake)
        self._hearing = Hearing(self.store, confirmation.send)
        for account in self.carriers.accounts.values():
            account.inbound.heard = self._hearing.take
        self._delivered: dict[str, float] = {}
        """Within how many seconds 99 of 100 messages are delivered, by carrier."""
        self._tasks: list[asyncio.Task[None]] = []

    def _calendars(self) -> Calendars | None:
        """The contact rules, if they are not off; the pumps heed them."""
        policy = self.config.policy
        if policy.profile == "off":
            log.warning("contact rules are off: no hours, no caps; stops and lists hold")
            return None
        main = self.config.files[0] if self.config.files else None
        calendars = Calendars(policies.load(main))
        self.store.queue.fresh = calendars.fresh
        folder = Path(policy.audit_dir or Path(self.config.redis.state_dir) / "audit")
        self.audit = Audit(folder, self.config.node.name)
        self.store.queue.ended = self.store.correlation.ended = EndedLines(self.audit, calendars)
        for account in self.carriers.accounts.values():
            account.pump.admission = Admission(calendars, self.store.contacts)
            account.pump.audit = self.audit
        return calendars

    async def _open(self) -> None:
        """Wake the lanes of calendars that have opened, to the second; learn of new ones."""
        calendars = self.calendars
        if calendars is None and await self.store.queue.wake_all(wall_ms()):
            self.carriers.wake()
        while calendars is not None and not self._over:
            now = wall_ms()
            opened = calendars.open_at(now)
            asleep = await self.store.queue.asleep(list(opened)) if opened else []
            if asleep:
                await self.store.queue.wake(asleep, now)
                self.carriers.wake()
            unknown = calendars.unknown({name for _, name in self.store.queue.calendars_seen})
            for name, blob in (await self.store.queue.defined(unknown)).items():
                calendars.learn(name, blob)
            wait = (calendars.until - wall_ms()) / 1000
            await asyncio.sleep(max(0.001, min(OPEN_SECONDS, wait)))

    async def start(self) -> None:
        """Store, recovery, carriers, API; ready when the API listens."""
        self.node.lock()
        if self._server is not None:
            await self._server.start()
        await self._open_store()
        await self._say_what_fsync_promises()
        await self.node.join()
        await self.recover()
        await self._sync_audit()
        await self._learn_delivery()
        await self._hearing.again()
        for account in self.carriers.accounts.values():
            self._set_margin(account)
            account.start()
        await self._renew()
        self._tasks = [
            self._every(lambda: self.node.renew_in, self._renew, "lease"),
            self._every(PROMOTE_SECONDS, self._promote, "promote"),
            self._every(PARTS_SECONDS, self._parts, "parts"),
            self._every(OPEN_SECONDS, self._open, "calendars"),
            self._every(AUDIT_SECONDS, self._sync_audit, "audit"),
            self._every(MEASURE_SECONDS, self._measure, "measure"),
            self._every(SWEEP_SECONDS, self._sweep, "sweep"),
            asyncio.create_task(self._watch_loop(), name="loop-lag"),
        ]
        await self.api.start()
        self.ready = True
        self._notify.ready()
        # Where it listens in truth: the configuration may leave the port to the system.
        listens = [f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in self.api.addresses]
        log.info("ready", extra={"listen": listens[0], "pid": os.getpid()})

    async def stop(self) -> None:
        """Quiet, drain, unbind, stop; the store last."""
        self.ready = False
        self._notify.stopping()
        log.info("stopping")
        accounts = list(self.carriers.accounts.values())
        await asyncio.gather(self.api.quiet(), *(account.quiet() for account in accounts))
        seconds = self.config.lifecycle.drain_seconds
        drained = await asyncio.gather(*(account.drain(seconds) for account in accounts))
        await asyncio.gather(*(account.unbind() for account in accounts))
        self._over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            if self.node.joined:
                await self.node.renew([account.wish() for account in accounts], leaving=True)
            if all(drained):
                await self.node.leave()
        except StoreUnavailable as error:
            log.warning("store away at the end", extra={"detail": str(error)})
        except Fenced:
            pass  # others have all of it already
        if self.audit is not None:
            await asyncio.to_thread(self.audit.close)
        await self.store.close()
        if self._server is not None:
            await self._server.stop()
        await self.api.stop()
        log.info("stopped", extra={"drained": all(drained)})

    async def _open_store(self) -> None:
        deadline = time.monotonic() + STORE_WAIT_SECONDS
        while True:
            try:
                await self.store.open()
                return
            except StoreUnavailable as error:
                if time.monotonic() > deadline or self.ending.is_set():
                    raise
                log.warning("waiting for the store", extra={"detail": str(error)})
                await asyncio.sleep(1.0)

    async def _say_what_fsync_promises(self) -> None:
        policy = await self.store.redis.fsync_policy()
        lost = {
            "always": "",
            "no": "this store keeps nothing over a restart but its snapshots",
        }.get(policy, "this store may lose its last seconds")
        if lost:
            log.warning(
                "%s: accepted is kept, and never twice, except after losing the store",
                lost,
                extra={"appendfsync": policy},
            )

    async def recover(self) -> None:
        """Put into doubt what dead incarnations had claimed."""
        found = await self.store.queue.recover(await self.node.fence_dead(), wall_ms())
        if found:
            log.warning("recovered", extra={"in_doubt": found})
            self.store.events.ring()

    # What runs beside

    def _every(
        self, seconds: float | Callable[[], float], work: Callable[[], Awaitable[None]], name: str
    ) -> asyncio.Task[None]:
        async def repeat() -> None:
            while True:
                try:
                    await work()
                except Fenced as error:
                    self.fenced = error
                    self.ending.set()
                except StoreUnavailable as error:
                    self.metrics.redis_up = False
                    log.warning("put off", extra={"work": name, "detail": str(error)})
                except RecadoError as error:
                    log.error("failed", extra={"work": name, "detail": str(error)})
                except Exception:
                    log.exception("fault", extra={"work": name})
                if self._over:  # the client of the store may have swallowed the cancel
                    return
                await asyncio.sleep(seconds() if callable(seconds) else seconds)

        return asyncio.create_task(repeat(), name=name)

    async def _renew(self) -> None:
        """Live on, with the binds that are ours."""
        self.node.renew_in = LOOK_AGAIN_SECONDS  # if it fails
        accounts = list(self.carriers.accounts.values())
        holdings = await self.node.renew([account.wish() for account in accounts])
        for account, holding in zip(accounts, holdings, strict=True):
            account.hold(holding)
        if self.node.found_dead:
            await self.recover()

    async def _promote(self) -> None:
        while not self._over:
            count, wait = await self.store.queue.promote(wall_ms())
            if count:
                self.carriers.wake()
            if 0 <= wait <= PROMOTE_SECONDS * 1000:
                await asyncio.sleep(wait / 1000)
            elif count == 0 or wait != 0:
                return

    async def _parts(self) -> None:
        whole = await self.store.correlation.close_parts(wall_ms(), self._owner)
        if whole:
            self.store.events.ring()
            await self._hearing.take(whole)
        await self._hearing.again()

    async def _sync_audit(self) -> None:
        if self.audit is not None and self.audit.ready(time.monotonic(), wall_ms()):
            await self.audit.sync()

    async def _measure(self) -> None:
        self.metrics.redis_seconds = await self.store.ping()
        self.metrics.redis_up = True
        self.metrics.depths = await self.store.queue.depths()
        self.metrics.held = self.store.queue.held
        self.metrics.budgets = await self.store.budgets(wall_ms())
        names = list(self.carriers.accounts)
        for account in self.carriers.accounts.values():
            ready = await self.store.queue.ready(account.pump.routes())
            account.watch(time.monotonic(), ready > 0)
            account.pump.asleep = self._sleeps(account)
            self._set_margin(account)
        self.metrics.in_doubt, self.metrics.parked = await self.store.correlation.counts(names)

    def _set_margin(self, account: Account) -> None:
        """A carrier that heeds no validity must have delivered before the hours end."""
        margin = self.config.policy.margin_seconds
        if account.carrier.validity == "none":
            known = self._delivered.get(account.carrier.name)
            margin = closing.margin_seconds(margin, known)
        account.pump.margin_ms = int(margin * 1000)

    async def _learn_delivery(self) -> None:
        """How fast carriers deliver: by our receipts, else as this or another process has kept."""
        for name in self.carriers.accounts:
            receipts = self.metrics.carrier(name).receipt
            if receipts.count >= closing.ENOUGH:
                await self.store.correlation.keep_delivery(name, receipts.quantile(0.99))
        self._delivered = await self.store.correlation.delivery()

    def _sleeps(self, account: Account) -> bool:
        """Has this account lanes whose hours have not begun?"""
        if self.calendars is None:
            return False
        routes, opened = set(account.pump.routes()), self.calendars.open_at(wall_ms())
        return any(
            route in routes and calendar not in ALWAYS and calendar not in opened
            for route, calendar in self.store.queue.calendars_seen
        )

    async def _sweep(self) -> None:
        now = wall_ms()
        await self._learn_delivery()
        await self.recover()
        await self._resend(now)
        if self.calendars is not None:
            await self.store.queue.expire(self.calendars.shut(now), now)
        await self.store.queue.finish_canceling(now)
        clients = [client.name for client in self.config.clients]
        await self.store.sweep.run(now, [*clients, ""], list(self.carriers.accounts))

    async def _resend(self, now_ms: int) -> None:
        """By its campaign's rule a message in doubt goes again, once it has waited long enough."""
        by_account: dict[str, list[Message]] = {}
        async for account, message in self.store.queue.doubtful(now_ms - RESEND_AFTER_MS):
            if message.in_doubt == InDoubtRule.resend.value:
                by_account.setdefault(account, []).append(_next_attempt(message))
        for account, messages in by_account.items():
            sent = await self.store.queue.resend(account, messages, now_ms)
            log.info("sent again", extra={"carrier": account, "messages": sent})
        if by_account:
            self.carriers.wake()

    async def _watch_loop(self) -> None:
        """Measure how late timers run, and tell systemd's watchdog that they do."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.metrics.loop_lag = max(0.0, loop.time() - due)
            now = time.monotonic()
            self.carriers.look(now)
            if not self.node.may_write(now):
                for account in self.carriers.accounts.values():
                    account.slots.let_go()
            self._notify.alive()


def _next_attempt(message: Message) -> Message:
    """The same message with what is in doubt of it to be sent anew."""
    fates = read_fates(message.fates)
    again = [
        msgspec.structs.replace(f, state=MessageState.queued)
        if f.state is MessageState.in_doubt
        else f
        for f in fates
    ]
    kept = any(f.state is not MessageState.queued for f in again)
    return msgspec.structs.replace(
        message, attempt=message.attempt + 1, fates=write_fates(again) if kept else ""
    )
