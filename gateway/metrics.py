"""Every Prometheus name in one place.

Counters of the message's way are gathered in plain numbers and handed to the client library
when it is scraped, so that counting costs the way nothing but an addition.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from gateway.message import MessageState
from gateway.smpp.pdu import status_name
from gateway.store.correlation import Found, Kind, Matched, Settle

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SLOW = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0, 259200.0)

_STATES = {int(state): state for state in MessageState}
_FIRST_FINAL = int(MessageState.unknown)
_RELEASE = Kind.release  # here because Python 3.11 looks members up slowly

UNREAD = ("nothing", "no_id", "no_state", "unknown_state", "date")
"""What may be missing of a receipt (gateway.smpp.receipt.unread, and its date)."""
FORMS = ("unknown", "same", "hex-decimal", "decimal-hex")
OUT_OF_SERVICE = ("unbound", "throttled", "errors", "paused")

NAMES: dict[str, str] = {
    "recado_messages": "Messages that came into a state, by carrier and state",
    "recado_submit_responses": "Responses to submit_sm, by carrier and command_status",
    "recado_submit_unanswered": "submit_sm that were never answered, by carrier",
    "recado_accepted_messages": "Messages accepted over HTTP, by the state they got",
    "recado_queue_depth": "Messages on the lanes, by route and priority",
    "recado_window_in_use": "Outstanding submit_sm, by carrier and bind",
    "recado_binds_recycled": "Times the binds were made anew because nothing was sent, by carrier",
    "recado_receipts_missing": "1 while a carrier accepts messages and sends no receipts",
    "recado_bind_up": "1 while the bind is bound, by carrier, bind and mode",
    "recado_out_of_service": "1 for why a carrier's routes go over others now, 0 for the rest",
    "recado_binds_held": "Binds of the account that this node holds, by carrier",
    "recado_limited_by": "1 for what limits the carrier now, 0 for the rest",
    "recado_sending_rate": "Segments a second over the last seconds, by carrier",
    "recado_accepted_to_submitted_seconds": "From the 202 to the first submit_sm",
    "recado_submit_response_seconds": "From submit_sm to its response",
    "recado_submitted_to_receipt_seconds": "From submit_sm to the receipt that moved the message",
    "recado_receipts": "Receipts, by carrier and what they met (Found)",
    "recado_receipts_unread": "Receipts of which something could not be read, by carrier and what",
    "recado_message_id_form": "1 for the form of message ids, stated or learned, by carrier",
    "recado_receipts_corrected": "Late DELIVRD over UNDELIV or EXPIRED, by carrier",
    "recado_replies": "Debtors' texts taken, by carrier",
    "recado_receipts_parked": "Receipts that match nothing yet, by carrier",
    "recado_in_doubt": "Messages whose fate nobody knows",
    "recado_held": "Messages to numbers of which nobody knows where they are: never sent",
    "recado_redis_seconds": "A round trip to Redis",
    "recado_event_loop_lag_seconds": "How late the event loop ran its last timer",
    "recado_http_requests": "Requests, by method, path and status",
    "recado_budget_used": "Segments that a client's budget of the day has been used for",
    "recado_budget_limit": "Segments that a client may use a day",
    "recado_redis_up": "1 while Redis answers",
}
"""Counters end in ``_total`` on the page, histograms in ``_bucket``, ``_sum`` and ``_count``."""


class Histogram:
    """Counts by bucket, kept as plain numbers."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count ``value`` (seconds) ``times``."""
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def quantile(self, share: float) -> float:
        """The bound under which this share of the values was; 0 without any."""
        wanted, seen = share * self.count, 0
        for bound, count in zip((*self._bounds, math.inf), self._counts, strict=True):
            seen += count
            if seen and seen >= wanted:
                return bound
        return 0.0

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative (bound, count) as Prometheus writes them, and the sum."""
        rows, total = [], 0
        for bound, count in zip((*self._bounds, math.inf), self._counts, strict=True):
            total += count
            rows.append(("+Inf" if bound == math.inf else str(bound), float(total)))
        return rows, self._sum


class CarrierMetrics:
    """What the way of a message counts for one carrier."""

    def __init__(self) -> None:
        self.states: dict[MessageState, int] = {}
        self.statuses: dict[int, int] = {}
        self.found: dict[Found, int] = {}
        self.unread = dict.fromkeys(UNREAD, 0)
        self.unanswered_total = 0
        self.replies_total = 0
        self.corrected = 0
        self.recycled = 0
        self.receipts_missing = False
        self.wait = Histogram(SLOW)
        self.response = Histogram(FAST)
        self.receipt = Histogram(SLOW)

    def accepted_to_submitted(self, milliseconds: int) -> None:
        """The first segment of a message went out so long after it was accepted."""
        self.wait.observe(milliseconds / 1000)

    def answered(self, status: int, seconds: float) -> None:
        """A response came."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.response.observe(seconds)

    def unanswered(self) -> None:
        """A submit_sm will never be answered."""
        self.unanswered_total += 1

    def settled(self, settles: Iterable[Settle]) -> None:
        """Settles were committed."""
        states = self.states
        for settle in settles:
            if settle.kind is not _RELEASE:
                state = settle.state
                states[state] = states.get(state, 0) + 1

    def receipts(self, matched: Iterable[Matched], now_ms: int) -> None:
        """Receipts were committed."""
        found, states = self.found, self.states
        for m in matched:
            met, old, new = m.found, m.old, m.new
            found[met] = found.get(met, 0) + 1
            if new != old:
                state = _STATES[new]
                states[state] = states.get(state, 0) + 1
                self.receipt.observe(max(0, now_ms - m.submitted_ms) / 1000)
                if old >= _FIRST_FINAL and state is MessageState.delivered:
                    self.corrected += 1

    def replies(self, count: int) -> None:
        """Replies were committed."""
        self.replies_total += count


class Metrics(Collector):
    """All of it. ``gauges`` is asked at each scrape for what only others know now."""

    def __init__(self) -> None:
        self._carriers: dict[str, CarrierMetrics] = {}
        self._by_none: dict[MessageState, int] = {}
        """Messages by state that no carrier brought there."""
        self.accepted: dict[str, int] = {}
        self.http: dict[tuple[str, str, int], int] = {}
        self.loop_lag = 0.0
        self.redis_up = True
        self.redis_seconds = 0.0
        self.in_doubt = 0
        self.held = 0
        self.parked: dict[str, int] = {}
        self.depths: dict[tuple[str, str], int] = {}
        self.budgets: dict[str, tuple[int, int]] = {}
        """Segments used and allowed today, by client."""
        self.accounts: Callable[[], list[dict[str, Any]]] = list
        """``Carriers.status``; the daemon sets it."""
        self.limits: tuple[str, ...] = ()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def carrier(self, name: str) -> CarrierMetrics:
        """The counters of a carrier."""
        return self._carriers.setdefault(name, CarrierMetrics())

    def moved(self, carrier: str, state: MessageState, count: int) -> None:
        """Messages came into a state without a commit of their carrier's."""
        if count:
            known = self._carriers.get(carrier)
            states = self._by_none if known is None else known.states
            states[state] = states.get(state, 0) + count

    def page(self) -> bytes:
        """The page Prometheus reads."""
        return generate_latest(self.registry)

    def request(self, method: str, path: str, status: int) -> None:
        """An HTTP request was answered; ``path`` is the template, never the address."""
        key = (method, path, status)
        self.http[key] = self.http.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """What Prometheus asks for."""
        yield from self._way()
        yield from self._now()
        yield from self._times()

    def _counter(
        self, name: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]
    ) -> CounterMetricFamily:
        family = CounterMetricFamily(name, NAMES[name], labels=labels)
        for values, number in rows:
            family.add_metric(list(values), number)
        return family

    def _gauge(
        self, name: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]
    ) -> GaugeMetricFamily:
        family = GaugeMetricFamily(name, NAMES[name], labels=labels)
        for values, number in rows:
            family.add_metric(list(values), number)
        return family

    def _way(self) -> Iterable[Metric]:
        each = self._carriers.items()
        yield self._counter(
            "recado_messages",
            ("carrier", "state"),
            (
                ((c, s.name), n)
                for c, states in [*((c, m.states) for c, m in each), ("", self._by_none)]
                for s, n in sorted(states.items())
            ),
        )
        yield self._counter(
            "recado_submit_responses",
            ("carrier", "command_status"),
            (((c, status_name(s)), n) for c, m in each for s, n in sorted(m.statuses.items())),
        )
        yield self._counter(
            "recado_submit_unanswered", ("carrier",), (((c,), m.unanswered_total) for c, m in each)
        )
        yield self._counter(
            "recado_receipts",
            ("carrier", "found"),
            (((c, f.name), m.found.get(f, 0)) for c, m in each for f in Found),
        )
        yield self._counter(
            "recado_receipts_unread",
            ("carrier", "what"),
            (((c, what), n) for c, m in each for what, n in m.unread.items()),
        )
        yield self._counter(
            "recado_receipts_corrected", ("carrier",), (((c,), m.corrected) for c, m in each)
        )
        yield self._counter(
            "recado_binds_recycled", ("carrier",), (((c,), m.recycled) for c, m in each)
        )
        yield self._counter(
            "recado_replies", ("carrier",), (((c,), m.replies_total) for c, m in each)
        )
        yield self._counter(
            "recado_accepted_messages", ("state",), (((s,), n) for s, n in self.accepted.items())
        )
        yield self._counter(
            "recado_http_requests",
            ("method", "path", "status"),
            (((m, p, str(s)), n) for (m, p, s), n in self.http.items()),
        )

    def _now(self) -> Iterable[Metric]:
        status = self.accounts()
        binds = [(s["name"], b) for s in status for b in s["binds"]]
        yield self._gauge(
            "recado_queue_depth", ("route", "priority"), ((k, n) for k, n in self.depths.items())
        )
        budgets = self.budgets.items()
        yield self._gauge(
            "recado_budget_used", ("client",), (((c,), used) for c, (used, _) in budgets)
        )
        yield self._gauge(
            "recado_budget_limit", ("client",), (((c,), limit) for c, (_, limit) in budgets)
        )
        yield self._gauge(
            "recado_window_in_use",
            ("carrier", "bind"),
            (((c, str(b["index"])), b["outstanding"]) for c, b in binds if b["mode"] != "receiver"),
        )
        yield self._gauge(
            "recado_bind_up",
            ("carrier", "bind", "mode"),
            (((c, str(b["index"]), b["mode"]), float(b["state"] == "bound")) for c, b in binds),
        )
        yield self._gauge(
            "recado_limited_by",
            ("carrier", "reason"),
            (((s["name"], w), float(s["limited_by"] == w)) for s in status for w in self.limits),
        )
        yield self._gauge(
            "recado_out_of_service",
            ("carrier", "reason"),
            (
                ((s["name"], why), float(s["out_of_service"] == why))
                for s in status
                for why in OUT_OF_SERVICE
            ),
        )
        yield self._gauge(
            "recado_binds_held",
            ("carrier",),
            (((s["name"],), float(s["slots"]["held"])) for s in status),
        )
        yield self._gauge(
            "recado_sending_rate", ("carrier",), (((s["name"],), s["sending_rate"]) for s in status)
        )
        yield self._gauge(
            "recado_receipts_missing",
            ("carrier",),
            (((c,), float(m.receipts_missing)) for c, m in self._carriers.items()),
        )
        yield self._gauge(
            "recado_message_id_form",
            ("carrier", "form"),
            (((s["name"], f), float(_form(s) == f)) for s in status for f in FORMS),
        )
        yield self._gauge(
            "recado_receipts_parked", ("carrier",), (((c,), n) for c, n in self.parked.items())
        )
        for name, number in (
            ("recado_in_doubt", float(self.in_doubt)),
            ("recado_held", float(self.held)),
            ("recado_redis_seconds", self.redis_seconds),
            ("recado_redis_up", float(self.redis_up)),
            ("recado_event_loop_lag_seconds", self.loop_lag),
        ):
            yield self._gauge(name, (), [((), number)])

    def _times(self) -> Iterable[Metric]:
        for name, attribute in (
            ("recado_accepted_to_submitted_seconds", "wait"),
            ("recado_submit_response_seconds", "response"),
            ("recado_submitted_to_receipt_seconds", "receipt"),
        ):
            family = HistogramMetricFamily(name, NAMES[name], labels=("carrier",))
            for carrier, metrics in self._carriers.items():
                buckets, total = getattr(metrics, attribute).buckets()
                family.add_metric([carrier], buckets, total)
            yield family


def _form(status: dict[str, Any]) -> str:
    """The form of a carrier's ids, stated or learned."""
    ids = status["message_id"]
    return str(ids["mode"] if ids["mode"] != "auto" else ids["learned"] or "unknown")
