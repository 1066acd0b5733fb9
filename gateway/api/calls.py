"""Every call of the API in one table: how it is found, what it needs, takes and answers.

The server looks requests up here, and the description (OpenAPI) is made from here, so that
neither can say what the other does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from gateway.api import (
    budget,
    campaigns,
    cancel,
    carriers,
    contacts,
    debtors,
    events,
    health,
    messages,
    submit,
    texts,
    trace,
)
from gateway.api import shapes as s
from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, StreamedAnswer
from gateway.api.problems import Refusal, fault

Act = Callable[[Context, Exchange], Awaitable[Answer | StreamedAnswer]]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"

SUBMITS = (
    "not-json", "not-utf8", "not-csv", "bad-compression", "incomplete-body", "invalid-key",
    "body-too-large", "line-too-long", "too-many-items", "unsupported-media-type", "overloaded",
    "invalid-object", "missing-field", "unknown-field", "invalid-number", "invalid-text",
    "empty-text", "too-long", "text-refused", "invalid-encoding", "invalid-sender",
    "invalid-priority",
    "invalid-time", "invalid-ttl", "invalid-ref", "invalid-url", "invalid-data", "invalid-field",
    "unknown-campaign", "foreign-campaign", "campaign-canceled", "over-budget", "ref-conflict",
    "idempotency-conflict", "rules-off",
)  # fmt: skip
BODY = (
    "not-json", "not-utf8", "bad-compression", "incomplete-body", "body-too-large",
    "unsupported-media-type", "invalid-object", "missing-field", "unknown-field", "invalid-field",
)  # fmt: skip
SETTINGS = ("invalid-sender", "invalid-priority", "invalid-ttl", "invalid-data")
CAMPAIGN = ("unknown-campaign", "foreign-campaign")
CONTACT = ("invalid-number", "invalid-field")
LOT = (*BODY, "not-csv", "line-too-long", "too-many-items")


class Call(NamedTuple):
    """One call."""

    method: str
    path: str
    """``{name}`` stands for a part that varies."""
    act: Act
    scope: str
    """What the API key must have, one of several with ``|`` between them; empty: no key is asked
    for."""
    answers: dict[int, tuple[str, Any]]
    """Status to (media type, type of the body, or a tuple of types it may have)."""
    query: type[msgspec.Struct] = s.NoQuery
    bodies: dict[str, Any] | None = None
    """Media type to the type of the body; of a stream, the type of its line."""
    problems: tuple[str, ...] = ()
    """Words of the problems of its own."""
    headers: tuple[str, ...] = ()
    """Request headers it looks at."""
    bare: bool = False
    """It may come without a body."""


def _json(shape: Any, status: int = 200) -> dict[int, tuple[str, Any]]:
    return {status: (JSON, shape)}


def _pauses(path: str, act: Act) -> Call:
    return Call("POST", path, act, "admin", _json(s.CarrierView), problems=("unknown-carrier",))


CALLS: tuple[Call, ...] = (
    Call(
        "POST", "/v1/messages", submit.submit, "submit",
        {202: (JSON, (s.MessageOut, s.AcceptedItems, s.Accepted))},
        s.SubmitQuery,
        {JSON: (s.MessageIn, list[s.MessageIn]), NDJSON: s.MessageIn, CSV: s.MessageIn},
        SUBMITS, ("Idempotency-Key",),
    ),
    Call(
        "GET", "/v1/messages", messages.listed, "read", _json(s.Items[s.MessageView]),
        s.MessageQuery, problems=("invalid-number", "invalid-cursor", *CAMPAIGN),
    ),
    Call(
        "POST", "/v1/messages/cancel", cancel.several, "submit", _json(s.CancelOut),
        bodies={JSON: s.CancelIn, NDJSON: s.CancelLine},
        problems=(*BODY, "invalid-ref", "too-many-items", "unknown-campaign"),
    ),
    Call(
        "GET", "/v1/messages/{id}", messages.read, "read", _json(s.MessageView),
        problems=("unknown-message",),
    ),
    Call(
        "DELETE", "/v1/messages/{id}", cancel.one, "submit", _json(s.MessageView),
        problems=("unknown-message", "already-left", "already-final"),
    ),
    Call(
        "POST", "/v1/texts", texts.cost, "submit|read", _json(s.TextView),
        bodies={JSON: s.TextIn},
        problems=(*BODY, "invalid-number", "invalid-text", "empty-text", "too-long",
                  "invalid-encoding", "invalid-sender"),
    ),
    Call(
        "POST", "/v1/campaigns", campaigns.create, "submit", _json(s.CampaignView, 201),
        bodies={JSON: s.CampaignIn}, headers=("Idempotency-Key",),
        problems=(*BODY, *SETTINGS, "invalid-key", "idempotency-conflict", "rules-off"),
    ),
    Call(
        "GET", "/v1/campaigns", campaigns.listed, "read", _json(s.Items[s.CampaignView]),
        s.CampaignQuery, problems=("invalid-cursor",),
    ),
    Call(
        "GET", "/v1/campaigns/{id}", campaigns.read, "read", _json(s.CampaignView),
        problems=CAMPAIGN,
    ),
    Call(
        "PATCH", "/v1/campaigns/{id}", campaigns.change, "submit", _json(s.CampaignView),
        bodies={JSON: s.CampaignChange},
        problems=(*BODY, *SETTINGS, *CAMPAIGN, "campaign-canceled"),
    ),
    Call(
        "GET", "/v1/campaigns/{id}/report", campaigns.report, "read", _json(s.ReportView),
        problems=CAMPAIGN,
    ),
    Call("GET", "/v1/budget", budget.budget, "submit|read", _json(s.ClientBudgetView)),
    Call(
        "POST", "/v1/contacts", contacts.several, "submit", _json(s.ContactsOut),
        bodies={JSON: (s.ContactLine, list[s.ContactLine]), NDJSON: s.ContactLine,
                CSV: s.ContactLine},
        problems=(*LOT, "invalid-number", "invalid-zone", "invalid-time", "invalid-text"),
    ),
    Call(
        "GET", "/v1/contacts/{msisdn}", contacts.read, "read", _json(s.ContactView),
        s.ContactQuery, problems=CONTACT,
    ),
    Call(
        "PUT", "/v1/contacts/{msisdn}", contacts.change, "submit", _json(s.ContactChanged),
        s.ContactQuery, {JSON: s.ContactIn},
        (*BODY, "invalid-number", "invalid-zone", "invalid-time", "invalid-text"),
    ),
    Call(
        "DELETE", "/v1/contacts/{msisdn}", contacts.forget, "submit", _json(s.Forgotten),
        s.ForgetQuery, problems=(*CONTACT, "missing-field"),
    ),
    Call(
        "POST", "/v1/contacts/{msisdn}/touches", contacts.touch, "submit", _json(s.TouchesOut),
        bodies={JSON: (s.TouchIn, list[s.TouchIn])},
        problems=(*BODY, "too-many-items", "invalid-number", "invalid-time", "invalid-ref"),
    ),
    Call(
        "POST", "/v1/debtors/cancel", debtors.several, "submit", _json(s.DebtorsOut),
        bodies={JSON: (s.DebtorLine, list[s.DebtorLine]), NDJSON: s.DebtorLine,
                CSV: s.DebtorLine},
        problems=LOT,
    ),
    Call(
        "POST", "/v1/debtors/{debtor}/cancel", debtors.cancel, "submit", _json(s.DebtorOut),
        bodies={JSON: s.DebtorStop}, problems=BODY, bare=True,
    ),
    Call(
        "GET", "/v1/debtors/{debtor}", debtors.read, "read", _json(s.DebtorView),
        problems=("invalid-field",),
    ),
    Call(
        "DELETE", "/v1/debtors/{debtor}/cancel", debtors.lift, "admin", _json(s.DebtorView),
        bodies={JSON: s.DebtorLift}, problems=(*BODY, "not-stopped"), bare=True,
    ),
    Call(
        "GET", "/v1/events", events.events, "read", _json(s.Items[s.EventView]), s.PollQuery,
        problems=("invalid-cursor",),
    ),
    Call(
        "GET", "/v1/replies", events.replies, "read", _json(s.Items[s.ReplyView]), s.ReplyQuery,
        problems=("invalid-cursor", *CAMPAIGN),
    ),
    Call("GET", "/v1/carriers", carriers.listed, "admin", _json(s.Items[s.CarrierView])),
    Call(
        "GET", "/v1/carriers/{name}/unread", carriers.unread, "admin",
        _json(s.Items[s.UnreadView]), problems=("unknown-carrier",),
    ),
    Call(
        "GET", "/v1/carriers/{name}/trace", trace.trace, "admin", {200: (NDJSON, s.TraceLine)},
        s.TraceQuery, problems=("unknown-carrier", "too-many-traces"),
    ),
    _pauses("/v1/carriers/{name}/pause", carriers.pause),
    _pauses("/v1/carriers/{name}/resume", carriers.resume),
    Call("GET", "/healthz", health.alive, "", _json(s.Health)),
    Call("GET", "/readyz", health.ready, "", {**_json(s.Health), **_json(s.Health, 503)}),
    Call("GET", "/metrics", health.metrics, "", {200: ("text/plain", str)}),
    Call("GET", "/openapi.json", health.description, "", _json(dict[str, Any]),
         problems=("stopping",)),
    Call(
        "GET", "/docs", health.page, "", {200: ("text/html", str)}, problems=("stopping",)
    ),
)  # fmt: skip

WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})
"""The paths on the address for metrics."""


class Table:
    """Finds the call of a method and a path."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._exact: dict[tuple[str, str], Call] = {}
        self._paths: dict[str, list[str]] = {}
        self._varying: dict[tuple[str, int], list[tuple[tuple[str, ...], Call]]] = {}
        for call in calls:
            self._add(call.method, call)
            if call.method == "GET":
                self._add("HEAD", call)

    def _add(self, method: str, call: Call) -> None:
        parts = tuple(call.path.split("/"))
        if "{" in call.path:
            self._varying.setdefault((method, len(parts)), []).append((parts, call))
        else:
            self._exact[method, call.path] = call
            self._paths.setdefault(call.path, []).append(method)

    def find(self, method: str, path: str) -> tuple[Call, tuple[str, ...]]:
        """The call and the parts of the path that vary.

        Raises CallerError: ``unknown-path`` (404), ``wrong-method`` (405).
        """
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, ()
        if path not in self._paths:
            found = self._vary(method, path.split("/"))
            if found is not None:
                return found
        allowed = self._methods(path)
        if not allowed:
            raise fault("unknown-path", "what there is: /docs")
        allow = ", ".join(allowed)
        raise Refusal("wrong-method", f"allowed: {allow}", headers={"Allow": allow})

    def _vary(self, method: str, parts: list[str]) -> tuple[Call, tuple[str, ...]] | None:
        for template, call in self._varying.get((method, len(parts)), ()):
            values = []
            for wanted, part in zip(template, parts, strict=True):
                if wanted[:1] == "{" and part:
                    values.append(unquote(part))
                elif wanted != part:
                    break
            else:
                return call, tuple(values)
        return None

    def _methods(self, path: str) -> list[str]:
        """The methods that a path takes: a path of its own is no instance of a varying one."""
        if path in self._paths:
            return self._paths[path]
        parts = path.split("/")
        return [method for method in METHODS if self._vary(method, parts)]
