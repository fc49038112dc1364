"""The API of heat: counts and rates by place, two spans compared, hot and cold spots."""

from apiflask import APIBlueprint
from flask import jsonify, request, url_for
from sqlalchemy.orm import Session

from webgis import api, limits, web
from webgis.maps import heat_queries, heat_wire, hotspot_operations, hotspot_queries, queries, trends
from webgis.maps.heat_wire import HeatAsked, HotspotsAsked, RunAsked

heat = APIBlueprint("heat", __name__, url_prefix="/api/v1/heat", tag="Heat")
spots = APIBlueprint("hotspots", __name__, url_prefix="/api/v1/hotspots", tag="Heat")
BLUEPRINTS = (heat, spots)


@heat.get("")
@heat.doc(
    summary="Heat",
    description="How many cases there are by cell or area, or by km2, people or hour of patrol; with a second span, "
    "whether the difference is more than chance.",
)
@api.documented(query=HeatAsked)
@web.permits("heat.see")
def measured():
    """Counts and rates, the highest first."""
    asked = api.checked(HeatAsked, api.once(request.args))
    if (asked.than_since is None) != (asked.than_until is None):
        raise heat_queries.refused("than_since", None, "than_since and than_until together")
    zone = web.runtime().settings.zone
    with web.transaction() as session:
        question = _question(session, asked)
        where = heat_queries.places(session, asked.level, question.area)
        spans = [question.span]
        if asked.than_since:
            spans.append(heat_queries.span(session, asked.than_since, asked.than_until, zone))
        counts = [heat_queries.counts(session, question.during(span), where) for span in spans]
        per = [heat_queries.measured_by(session, asked.measure, span, where, zone) for span in spans]
    if len(spans) == 1:
        return jsonify(heat_wire.heat(asked, where, spans[0], counts[0], per[0]))
    return jsonify(heat_wire.compared(asked, where, tuple(spans), tuple(counts), tuple(per)))


@spots.post("")
@spots.doc(
    summary="Find hot spots",
    description="200 with the cells that are hot or cold, or 202 when a job works on it: ask the address in Location.",
)
@api.documented(body=HotspotsAsked)
@web.permits("heat.see")
@limits.at_most("work_limit", per=limits.person, counts=lambda answer: answer.status_code == 202)
def find():
    """The run that answers now, made if there is none."""
    asked = api.checked(HotspotsAsked, api.fields())
    if 0 < asked.windows < trends.FEWEST:
        raise heat_queries.refused("windows", asked.windows, f"0, or {trends.FEWEST} to {trends.MOST}")
    with web.transaction() as session:
        question = _question(session, asked)
        if asked.windows > question.span.days:
            raise heat_queries.refused(
                "windows", asked.windows, f"no more than the {question.span.days} days of the span"
            )
        run = hotspot_operations.find(session, question, asked.windows)
    told = _run(run, RunAsked())
    return jsonify(told), 200 if told["done"] else 202, {"Location": url_for("hotspots.found", run=run)}


@spots.get("/<int(max=9223372036854775807):run>")
@spots.doc(summary="A run of hot spots", description="How far it is; when it is done, its cells, the surest first.")
@api.documented(query=RunAsked)
@web.permits("heat.see")
def found(run: int):
    """A run as it stands."""
    return jsonify(_run(run, api.checked(RunAsked, api.once(request.args))))


def _run(run_id: int, asked: RunAsked) -> dict:
    with web.transaction() as session:
        run = hotspot_queries.require_run(session, web.actor(), run_id)
        cells = hotspot_queries.cells(session, run_id, asked.word, asked.limit)
        now = (queries.case_version(session), hotspot_queries.state(session))
        return heat_wire.run(run, cells, (run.counted, run.grid) == now)


def _question(session: Session, asked: heat_wire.SpanAsked) -> heat_queries.Asked:
    """Which cases are asked for, within what this person may see."""
    span = heat_queries.span(session, asked.since, asked.until, web.runtime().settings.zone)
    within = {"area": asked.area, "kind": asked.kind, "class_code": asked.class_}
    return heat_queries.asked(session, web.actor(), span, **within)
