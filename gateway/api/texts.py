"""POST /v1/texts: what a text would cost, and a cheaper one that reads the same. Keeps nothing."""

from __future__ import annotations

from gateway.api.context import Context, Exchange
from gateway.api.http import Answer, json_answer
from gateway.api.intake import measured_text
from gateway.api.problems import fault, finding_views
from gateway.api.reading import Reader
from gateway.api.shapes import CheapestView, ExpensiveView, TextIn, TextView
from gateway.policy.lint import Finding
from gateway.smpp.cost import MOST_CHARACTERS, Cheapest, cheapest, expensive
from gateway.smpp.text import MAX_SEGMENTS, units_left

_read = Reader(TextIn)


async def cost(context: Context, exchange: Exchange) -> Answer:
    """What a text would cost: encoding, segments, what makes it expensive, the cheapest equal."""
    asked = await exchange.json(_read, context.config.http.max_body_bytes)
    way = context.intake.way(asked.route, asked.to, asked.sender)
    if len(asked.text) > MOST_CHARACTERS:
        raise fault("too-long", f"{len(asked.text)} characters; no text of over "
                    f"{MOST_CHARACTERS} can be sent", "text")  # fmt: skip
    text, measured, told = measured_text(
        asked.text, asked.encoding, asked.transliterate, way, MAX_SEGMENTS
    )
    findings: tuple[Finding, ...] = ()
    if asked.to is not None:
        findings = context.intake.findings(
            text, asked.to.removeprefix("+"), asked.creditor or "", context.clock()
        )
    return json_answer(
        TextView(
            encoding=measured.encoding,
            units=measured.units,
            segments=measured.segments,
            left=units_left(text, measured.encoding, way.long),
            max_segments=way.max_segments,
            expensive=[
                ExpensiveView(
                    character=one.character,
                    why=one.why,
                    units=one.units,
                    count=one.count,
                    places=one.places,
                    becomes=one.becomes,
                )
                for one in expensive(text, measured.encoding, way.alphabet)
            ],
            cheapest=_cheapest(cheapest(text, measured, way.long, way.alphabet)),
            route=way.name or None,
            text=text if text != asked.text else None,
            changed=dict(told.changes) if told else None,
            warnings=(told.warnings or None) if told else None,
            findings=finding_views(findings) or None,
        )
    )


def _cheapest(found: Cheapest | None) -> CheapestView | None:
    if found is None:
        return None
    return CheapestView(
        text=found.text,
        encoding=found.measure.encoding,
        units=found.measure.units,
        segments=found.measure.segments,
        left=found.left,
        changed=dict(found.changes) or None,
        warnings=found.warnings or None,
    )
