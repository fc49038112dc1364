"""The API of hazard sources: lists, one with its units and grades, changes with a look before, impact sheets."""

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify, request, url_for
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.hazards import impact, impact_rules, impact_wire, persons, screening, source_queries, source_wire, sources
from webgis.hazards.source_queries import Filters

hazards = APIBlueprint("hazards", __name__, url_prefix="/api/v1/hazards", tag="Hazard sources")


@hazards.get("")
@hazards.doc(summary="Hazard sources", description="Of your area, those in alarm first, then the gravest; GeoJSON.")
@api.documented(query=source_wire.ListAsked)
@web.permits("hazards.see")
def listed():
    """Sources as Features of their outlines; `live` is alarm, silent, ok, or null without sensors."""
    asked = api.checked(source_wire.ListAsked, api.once(request.args))
    filters = Filters(asked.kind, asked.level, asked.q, asked.closed == "yes")
    with web.transaction() as session:
        features = [source_wire.feature(row) for row in source_queries.listed(session, web.actor(), filters)]
    return api.geojson({"type": "FeatureCollection", "features": features})


@hazards.post("")
@hazards.doc(summary="Add a hazard source", description="For administrators. With look=yes nothing is stored.")
@api.documented(query=source_wire.LookAsked, body=source_wire.NewSource)
@web.permits("hazards.change")
def add():
    """Add a source; its units are graded at once."""
    look = _look()
    given = api.checked(source_wire.NewSource, api.fields())
    with web.transaction() as session:
        sources.add(session, web.actor(), given, at=datetime.now(UTC))
        response = api.geojson(_whole(session, given.code), 200 if look else 201)
        if look:
            session.rollback()
    if not look:
        response.headers["Location"] = url_for("hazards.one", code=given.code)
    return response


@hazards.get("/kinds")
@hazards.doc(summary="Kinds of hazard sources", description="Those that ship and the city's own.")
@web.permits("hazards.see")
def kinds():
    """Every kind with its names."""
    with web.transaction() as session:
        return jsonify([vars(kind) for kind in source_queries.kinds(session).values()])


@hazards.get("/<code>")
@hazards.doc(summary="A hazard source", description="With units, stocks, grades and who is in charge (masked).")
@web.permits("hazards.see")
def one(code: str):
    """A source as a Feature."""
    with web.transaction() as session:
        return api.geojson(_whole(session, code))


@hazards.put("/<code>")
@hazards.doc(summary="Change a hazard source", description="For administrators. Whole; look=yes stores nothing.")
@api.documented(query=source_wire.LookAsked, body=source_wire.ChangedSource)
@web.permits("hazards.change")
def change(code: str):
    """Let a source be as it is given."""
    look = _look()
    given = api.checked(source_wire.ChangedSource, api.fields())
    with web.transaction() as session:
        kept = sources.change(session, web.actor(), code, given, at=datetime.now(UTC))
        response = api.geojson(_whole(session, code, changed=list(kept.changed), new_grades=kept.grades))
        if look:
            session.rollback()
    return response


@hazards.get("/<code>/grades")
@hazards.doc(summary="Every grade of a source", description="Newest first, each with why it was found anew.")
@web.permits("hazards.see")
def grades(code: str):
    """The history of grades."""
    with web.transaction() as session:
        source = source_queries.require(session, web.actor(), code)
        rows = source_queries.grades(session, source.id)
        return jsonify([source_wire.grade(row) | {"unit": row.unit} for row in rows])


@hazards.get("/<code>/rings")
@hazards.doc(summary="A source with its rings", description="Outline, rings of the city's choice, stations: GeoJSON.")
@web.permits("hazards.see")
def around(code: str):
    """The outline of a source, the rings around it, and the stations that watch it."""
    metres = impact_rules.rings(web.runtime().settings.hazard_rings)
    with web.transaction() as session:
        source = source_queries.require(session, web.actor(), code)
        rings = source_queries.rings(session, source, metres)
        stations = source_queries.stations(session, web.actor(), source.id)
    return api.geojson(source_wire.around(source, rings, stations))


@hazards.get("/<code>/circles")
@hazards.doc(
    summary="Published screening distances",
    description="Of what a source holds, with their source and limits; each can be asked for as an impact sheet.",
)
@web.permits("hazards.see")
def circles(code: str):
    """Vapour cloud explosions by EPA's guidance, toxic gases by the Emergency Response Guidebook."""
    with web.transaction() as session:
        source = source_queries.require(session, web.actor(), code)
        held = source_queries.held(session, source.id)
    return jsonify(impact_wire.circles(screening.circles(held), screening.without(held)))


@hazards.post("/<code>/persons")
@hazards.doc(summary="Who is in charge, whole", description="That you looked is written down.")
@web.permits("hazards.persons")
def look_at_persons(code: str):
    """Names and telephone numbers of the persons in charge."""
    with web.transaction() as session:
        source = source_queries.require(session, web.actor(), code)
        return jsonify([vars(one) for one in persons.look(session, web.actor(), source)])


@hazards.get("/<code>/impact")
@hazards.doc(
    summary="Impact sheet",
    description="What lies within some metres, or within a published screening distance: JSON, GeoJSON or CSV.",
)
@api.documented(query=source_wire.ImpactAsked)
@web.permits("hazards.see")
def impact_sheet(code: str):
    """Cells, people, places, components, open cases and crews within some metres of the outline."""
    asked = api.checked(source_wire.ImpactAsked, api.once(request.args))
    with web.transaction() as session:
        found = impact.impact(session, web.actor(), code, asked.metres, circle=asked.circle, at=datetime.now(UTC))
    if asked.format == "geojson":
        return api.geojson(impact_wire.geojson(found))
    if asked.format == "csv":
        name = f"impact-{found.source.code}-{found.metres:g}m.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(impact_wire.table(found), mimetype="text/csv", headers=headers)
    return jsonify(impact_wire.facts(found))


def _look() -> bool:
    return api.checked(source_wire.LookAsked, api.once(request.args)).look == "yes"


def _whole(session: Session, code: str, **more: Any) -> dict[str, Any]:
    row = source_queries.require(session, web.actor(), code)
    stations = source_queries.stations(session, web.actor(), row.id)
    told = {
        "units": [source_wire.unit(one) for one in source_queries.units(session, row.id)],
        "persons": [vars(one) for one in persons.masked(session, row.id)],
        "stations": sorted({one.code for one in stations}),
    }
    return source_wire.feature(row, told | more)
