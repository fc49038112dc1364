"""The API of what works did: the effect on the street beside a construction zone, and the contractors' score card."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from webgis import api, web
from webgis.evaluation import works
from webgis.metro import construction
from webgis.metro.construction_wire import Day

works_api = APIBlueprint("works", __name__, url_prefix="/api/v1/works", tag="Construction zones")
BLUEPRINTS = (works_api,)

USUAL_DAYS = 90


class SpanAsked(api.Given):
    """Days of the city, both included."""

    since: Day | None = Field(None, description="89 days before `until` when left out")
    until: Day | None = Field(None, description="today when left out")

    @model_validator(mode="after")
    def _in_order(self) -> "SpanAsked":
        if self.since and self.until and self.until < self.since:
            raise PydanticCustomError("days", "until: a day not before since is expected")
        return self


@works_api.get("/scores")
@works_api.doc(summary="Score card of contractors", description="By cases of works reported in construction zones.")
@api.documented(query=SpanAsked)
@web.permits("construction.study")
def scores():
    """The contractors, the best first."""
    asked = api.checked(SpanAsked, api.once(request.args))
    since, until = span(asked.since, asked.until)
    with web.transaction() as session:
        found = works.scores(session, since, until, now=datetime.now(UTC))
    return jsonify(
        {"since": since.date(), "until": until.date() - timedelta(days=1), "scores": list(map(_told, found))}
    )


def span(first: date | None, last: date | None) -> tuple[datetime, datetime]:
    """Days of the city as moments, the second after the last day."""
    zone = web.runtime().settings.zone
    last = last or datetime.now(zone).date()
    first = first or last - timedelta(days=USUAL_DAYS - 1)
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def _told(one: works.Score) -> dict[str, Any]:
    counts = {name: value for name, value in one.counts._mapping.items() if name != "contractor"}
    shares = {"on_time_share": one.on_time, "rework_share": one.rework}
    return {"contractor": one.contractor, "points": one.points, "placed": one.placed} | counts | shares


@works_api.get("/zones/<code>/effect")
@works_api.doc(
    summary="What works did to their street",
    description="Cases inside the zone and within 200 m, in all and by phase, against a year before and matched cells.",
)
@web.permits("construction.study")
def effect(code: str):
    """The effect study of a zone."""
    api.checked(api.Given, api.once(request.args))
    with web.transaction() as session:
        found = works.effects(session, construction.require(session, code), now=datetime.now(UTC))
    told = [{"part": one.part, "phase": one.phase} | vars(one.effect) for one in found]
    return jsonify({"zone": code, "ring_m": works.RING_M, "findings": told})
