"""Every way to be refused: one table of stable words, and RFC 9457 problems made from it."""

from __future__ import annotations

from difflib import get_close_matches
from http import HTTPStatus
from typing import Literal, NamedTuple, TypedDict, Unpack

import msgspec

from gateway.api.http import Answer
from gateway.errors import CallerError, StoreUnavailable
from gateway.policy.lint import Finding


class Kind(NamedTuple):
    """What a problem type means, whenever and wherever it comes up."""

    status: int
    title: str


KINDS: dict[str, Kind] = {
    # the request
    "bad-request": Kind(400, "What came is no HTTP request"),
    "head-too-large": Kind(431, "The request's head is longer than is allowed"),
    "slow-request": Kind(408, "The request did not come in time"),
    "not-json": Kind(400, "The body, or this line of it, is not JSON"),
    "not-utf8": Kind(400, "The body, or this line of it, is not UTF-8"),
    "not-csv": Kind(400, "The CSV cannot be read (RFC 4180, with a header)"),
    "bad-compression": Kind(400, "The body is not what its Content-Encoding says"),
    "incomplete-body": Kind(400, "The body ended before its end"),
    "unknown-parameter": Kind(400, "The query has a parameter that this call does not take"),
    "invalid-parameter": Kind(400, "A parameter of the query has a value that is not allowed"),
    "invalid-cursor": Kind(400, "The cursor is not one of this list's"),
    "invalid-key": Kind(400, "The Idempotency-Key is not 1 to 255 visible ASCII characters"),
    "no-key": Kind(401, "The request has no API key, or one that nobody has"),
    "no-scope": Kind(403, "The API key's scopes do not include this call"),
    "unknown-path": Kind(404, "There is nothing at this path"),
    "wrong-method": Kind(405, "This path does not take this method"),
    "body-too-large": Kind(413, "The body is larger than is allowed here"),
    "line-too-long": Kind(413, "A line of the stream is longer than is allowed"),
    "too-many-items": Kind(413, "The array has more items than is allowed here"),
    "unsupported-media-type": Kind(415, "The body has a type or encoding that is not taken here"),
    "rate-limited": Kind(429, "The client has made more requests than its rate allows"),
    "overloaded": Kind(429, "More messages wait to be committed than is good for those sending"),
    "too-many-traces": Kind(429, "As many traces run as one process has"),
    # a message or campaign, and each of its fields
    "invalid-object": Kind(422, "What was sent is JSON, and no object where one must be"),
    "missing-field": Kind(422, "A field that must be there is not"),
    "unknown-field": Kind(422, "A field that is not known"),
    "invalid-number": Kind(422, "Not a number in E.164: + and 7 to 15 digits"),
    "invalid-text": Kind(422, "The text is not a text"),
    "empty-text": Kind(422, "The text is empty"),
    "too-long": Kind(422, "The text needs more segments than the carrier takes"),
    "text-refused": Kind(422, "The text says what the rules of its country do not allow"),
    "invalid-encoding": Kind(422, "The text cannot be sent in the encoding asked for"),
    "invalid-sender": Kind(422, "Not a sender, or none that the route allows"),
    "invalid-priority": Kind(422, "Not a priority"),
    "invalid-time": Kind(422, "Not a time in RFC 3339, or one too far away"),
    "invalid-ttl": Kind(422, "Not a time to live in whole seconds"),
    "invalid-ref": Kind(422, "Not a ref: 1 to 200 characters"),
    "invalid-url": Kind(422, "Not an http or https URL"),
    "invalid-data": Kind(422, "The caller's own data are too large or no JSON"),
    "invalid-zone": Kind(422, "Not a time zone's name of the IANA's"),
    "invalid-field": Kind(422, "A field has a value that is not allowed"),
    # what it is about
    "unknown-message": Kind(404, "This client has no message of this id"),
    "unknown-campaign": Kind(404, "There is no campaign of this id"),
    "foreign-campaign": Kind(403, "This campaign is another client's"),
    "unknown-carrier": Kind(404, "There is no carrier of this name"),
    "not-stopped": Kind(404, "No such stop of this debtor holds"),
    "over-budget": Kind(409, "The client's segments of the day, or the campaign's, are used up"),
    "rules-off": Kind(409, "The campaign has contact rules of its own, and they are off here"),
    "campaign-canceled": Kind(409, "The campaign has been canceled, which is for good"),
    "ref-conflict": Kind(409, "A message with this ref and other content has been accepted"),
    "idempotency-conflict": Kind(409, "This key has been used for other content"),
    "already-left": Kind(409, "The message has left: the carrier may have it"),
    "already-final": Kind(409, "The message has come to its end"),
    # ours
    "store-unavailable": Kind(503, "The store cannot commit now"),
    "stopping": Kind(503, "The gateway stops"),
    "fault": Kind(500, "A fault of the gateway's, which its log explains"),
}
"""The word in ``type`` is stable; the title may get better."""


class ErrorItem(msgspec.Struct, omit_defaults=True):
    """What is wrong with one of many: ``index`` counts lines (items, records) from 0."""

    index: int
    type: str
    detail: str
    field: str | None = None
    ref: str | None = None


class FindingView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What is found in a text: ``word`` is the rule's, ``what`` the text's or what it lacks."""

    word: str
    what: str
    at: int | None = None
    """In characters from 0; missing: it is about the whole text."""
    refuse: bool = False
    law: str | None = None


def finding_views(findings: tuple[Finding, ...]) -> list[FindingView]:
    """Findings as callers see them."""
    return [
        FindingView(
            word=one.word,
            what=one.what,
            at=one.where if one.where >= 0 else None,
            refuse=one.refuse,
            law=one.law or None,
        )
        for one in findings
    ]


class BudgetView(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A limit in segments, and what is used of it."""

    of: Literal["client", "campaign"]
    used: int
    limit: int
    resets_at: str | None = None
    """When it begins anew; missing: somebody has to raise it."""


class Problem(msgspec.Struct, omit_defaults=True):
    """An RFC 9457 problem; ``type`` is a stable word of the table in these pages."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    committed_lines: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    errors: list[ErrorItem] | None = None
    findings: list[FindingView] | None = None
    budget: BudgetView | None = None


class Members(TypedDict, total=False):
    """What a problem says beyond its words: of a stream that broke, of a text."""

    committed_lines: int
    accepted: int
    rejected: int
    errors: list[ErrorItem]
    findings: list[FindingView]
    budget: BudgetView


class Refusal(CallerError):
    """A problem with headers, or with members of its own."""

    def __init__(
        self,
        type: str,
        detail: str,
        *,
        field: str | None = None,
        headers: dict[str, str] | None = None,
        members: Members | None = None,
    ) -> None:
        super().__init__(type, KINDS[type].status, detail, field=field)
        self.headers = headers or {}
        self.members: Members = members or {}


def fault(type: str, detail: str, field: str | None = None) -> CallerError:
    """The error of a word of the table."""
    return CallerError(type, KINDS[type].status, detail, field=field)


def later(type: str, detail: str, seconds: float, **members: Unpack[Members]) -> Refusal:
    """A refusal that time cures, with Retry-After in whole seconds."""
    wait = str(max(1, -(-int(seconds * 1000) // 1000)))
    return Refusal(type, detail, headers={"Retry-After": wait}, members=members)


def store_unavailable(error: StoreUnavailable, **members: Unpack[Members]) -> Refusal:
    """The 503 of a store that cannot commit; the caller hears no addresses of ours."""
    return later(
        "store-unavailable",
        "it may not be kept: send it again, safe under a ref or an Idempotency-Key",
        error.retry_after,
        **members,
    )


def stopping() -> Refusal:
    """The 503 of a gateway that was told to stop."""
    return later("stopping", "nothing of it was taken: send it again", 5)


def nearest(found: str, allowed: list[str]) -> str:
    """``; did you mean 'x'?`` where something allowed is near, else what is allowed."""
    near = get_close_matches(found, allowed, 1)
    return f"; did you mean '{near[0]}'?" if near else f"; allowed: {', '.join(allowed)}"


_encode = msgspec.json.Encoder().encode


def problem_answer(error: CallerError) -> Answer:
    """The answer of a refused request."""
    members: Members = {}
    headers: dict[str, str] = {}
    if isinstance(error, Refusal):
        members, headers = error.members, error.headers
    kind = KINDS.get(error.type)
    title = kind.title if kind else HTTPStatus(error.status).phrase
    problem = Problem(error.type, title, error.status, error.detail, error.field, **members)
    return Answer(error.status, _encode(problem), "application/problem+json", headers)
