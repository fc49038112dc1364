"""The API of the metro: lines, structures, the zones and distances at a place; permits for work there, and findings."""

from datetime import UTC, date, datetime
from typing import Any, Literal

import shapely
from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import AwareDatetime, Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.metro import findings, permit_queries, permits, queries
from webgis.metro.permit_models import SETTLED, MetroPermit
from webgis.metro.permit_rules import PURPOSES, STATES, WORKS
from webgis.metro.permits import Application
from webgis.metro.structures import unknown

metro = APIBlueprint("metro", __name__, url_prefix="/api/v1/metro", tag="Metro")
permits_api = APIBlueprint("permits", __name__, url_prefix="/api/v1/metro/permits", tag="Permits in protection zones")
BLUEPRINTS = (metro, permits_api)

MOST_STRUCTURES = 2000
LARGEST = 1024 * 1024


class StructuresAsked(api.Given):
    """Which structures."""

    line: str | None = Field(None, max_length=60, description="code of a line")
    kind: str | None = Field(None, max_length=60, description="a kind of the table of distances")
    q: str | None = Field(None, max_length=100, description="part of code or name")


class PlaceAsked(api.Given):
    """A place and a moment."""

    lon: float = Field(allow_inf_nan=False)
    lat: float = Field(allow_inf_nan=False)
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    at: AwareDatetime | None = Field(None, description="now when left out")


class PermitsAsked(api.Given):
    """Which permits."""

    state: Literal[STATES] | None = None
    q: str | None = Field(None, max_length=100, description="part of number, project, applicant or contractor")


class WorkGiven(api.Given):
    """The work that a permit is applied for."""

    purpose: Literal[PURPOSES]
    ground: dict[str, Any] = Field(description="GeoJSON geometry: polygon or multipolygon, in `crs`")
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    starts: date
    ends: date


class PermitGiven(WorkGiven):
    """An application."""

    project: str = Field(min_length=1, max_length=permits.LONGEST_NAME)
    applicant: str = Field(min_length=1, max_length=permits.LONGEST_NAME)
    contractor: str | None = Field(None, max_length=permits.LONGEST_NAME)
    work: Literal[WORKS]
    description: str | None = Field(None, max_length=permits.LONGEST_TEXT)


class StepGiven(api.Given):
    """What goes with a step."""

    note: str | None = Field(None, max_length=permits.LONGEST_TEXT)
    conditions: str | None = Field(None, max_length=permits.LONGEST_TEXT, description="of a permit that is granted")


class MonitorGiven(api.Given):
    """By which datastreams work is monitored."""

    datastreams: list[str] = Field(max_length=100, description="codes; instead of those before")


class FindingsAsked(api.Given):
    """Which findings."""

    state: Literal[SETTLED] | None = None


class SettleGiven(api.Given):
    """What a finding was."""

    state: Literal[SETTLED[1:]]
    note: str = Field(min_length=1, max_length=permits.LONGEST_TEXT)


@metro.get("/lines")
@metro.doc(summary="Lines", description="With their stations in order, path by path.")
@web.permits("metro.see")
def lines():
    """The lines with their stations."""
    with web.transaction() as session:
        found = [_plain(row) | {"paths": _paths(session, row.code)} for row in queries.lines(session)]
    return jsonify({"lines": found})


def _paths(session: Session, line: str) -> list[list[str]]:
    paths: dict[int, list[str]] = {}
    for stop in queries.stops(session, line):
        paths.setdefault(stop.path, []).append(stop.code)
    return list(paths.values())


@metro.get("/structures")
@metro.doc(summary="Structures", description="GeoJSON in CGCS2000 degrees; at most 2,000.")
@api.documented(query=StructuresAsked)
@web.permits("metro.see")
def structures():
    """Structures as GeoJSON."""
    asked = api.checked(StructuresAsked, api.once(request.args))
    with web.transaction() as session:
        rows = queries.structures(
            session, line=asked.line, kind=asked.kind, words=asked.q or "", most=MOST_STRUCTURES + 1
        )
    features = [_feature(row) for row in rows[:MOST_STRUCTURES]]
    return jsonify({"type": "FeatureCollection", "features": features, "truncated": len(rows) > MOST_STRUCTURES})


@metro.get("/structures/<code>")
@metro.doc(summary="A structure with its zones", description="Those that hold first, then what they were.")
@web.permits("metro.see")
def structure(code: str):
    """One structure."""
    with web.transaction() as session:
        rows = queries.structures(session, code=code, ended=True)
        if not rows:
            raise unknown(code)
        return jsonify(_feature(rows[0]) | {"zones": [_plain(zone) for zone in queries.zones_of(session, code)]})


@metro.get("/zones")
@metro.doc(
    summary="The protection zones at a place",
    description="The zone that holds first; `permitted`: whether a permit is in force there.",
)
@api.documented(query=PlaceAsked)
@web.permits("metro.see")
def zones():
    """The zones at a place and a moment."""
    asked = api.checked(PlaceAsked, api.once(request.args))
    place = geo.to_cgcs2000(asked.lon, asked.lat, asked.crs)
    with web.transaction() as session:
        found = [_plain(row) for row in queries.zones_at(session, *place, asked.at)]
        return jsonify({"zones": found, "permitted": bool(permits.valid_at(session, *place, asked.at))})


@metro.get("/distances")
@metro.doc(summary="The table of distances", description="Metres from which structure, by which rule.")
@web.permits("metro.see")
def distances():
    """The table of distances."""
    with web.transaction() as session:
        return jsonify({"distances": [vars(row) for row in queries.distances(session)]})


@metro.get("/findings")
@metro.doc(summary="Work found without a permit", description="What nobody has settled first.")
@api.documented(query=FindingsAsked)
@web.permits("permits.find")
def found():
    """Work without a permit."""
    asked = api.checked(FindingsAsked, api.once(request.args))
    with web.transaction() as session:
        rows = permit_queries.findings(session, web.actor(), state=asked.state)
        return jsonify({"findings": [_plain(row) for row in rows]})


@metro.post("/findings/<int:finding>")
@metro.doc(summary="Settle a finding", description="`permitted`, `no_work` or `stopped`, with a note.")
@api.documented(body=SettleGiven)
@web.permits("permits.settle")
def settle(finding: int):
    """Say what a finding was."""
    given = api.checked(SettleGiven, api.fields())
    with web.transaction() as session:
        findings.settle(session, web.actor(), finding, given.state, given.note, datetime.now(UTC))
        return jsonify(_plain(permit_queries.findings(session, web.actor(), id_=finding)[0]))


@permits_api.get("")
@permits_api.doc(summary="Permits", description="Applications first; department staff see those of their department.")
@api.documented(query=PermitsAsked)
@web.permits("permits.see")
def listed():
    """Permits."""
    asked = api.checked(PermitsAsked, api.once(request.args))
    with web.transaction() as session:
        rows = permit_queries.listed(session, web.actor(), state=asked.state, words=asked.q or "")
        return jsonify({"permits": [_plain(row) for row in rows]})


@permits_api.post("/check")
@permits_api.doc(summary="Which zones a work would touch", description="Nothing is stored.")
@api.documented(body=WorkGiven)
@web.permits("permits.apply")
def check():
    """What the zones say to a work."""
    given = api.checked(WorkGiven, api.fields(LARGEST))
    with web.transaction() as session:
        ground = permits.ground(ground_of(given.ground, given.crs))
        return jsonify({"zones": permits.check(session, ground, given.purpose, given.starts, given.ends)})


@permits_api.post("")
@permits_api.doc(summary="Apply for a permit")
@api.documented(body=PermitGiven)
@web.permits("permits.apply")
def apply():
    """Apply for a permit."""
    given = api.checked(PermitGiven, api.fields(LARGEST))
    told = given.model_dump(exclude={"crs", "ground"})
    asked = Application(**told, ground=ground_of(given.ground, given.crs))
    with web.transaction() as session:
        number = permits.apply(session, web.actor(), asked, datetime.now(UTC))
        return jsonify(_permit(session, permits.require(session, web.actor(), number))), 201


@permits_api.get("/<number>")
@permits_api.doc(
    summary="A permit", description="GeoJSON feature with zones, history, files, monitoring and open steps."
)
@web.permits("permits.see")
def one(number: str):
    """One permit."""
    with web.transaction() as session:
        return jsonify(_permit(session, permits.require(session, web.actor(), number)))


@permits_api.post("/<number>/actions/<action>")
@permits_api.doc(summary="Do a step of a permit", description="Which are open stands in `actions` of the permit.")
@api.documented(body=StepGiven)
@web.permits("permits.act")
def act(number: str, action: str):
    """Do a step of a permit."""
    given = api.checked(StepGiven, api.fields())
    with web.transaction() as session:
        moment = datetime.now(UTC)
        permit = permits.act(session, web.actor(), number, action, moment, note=given.note, conditions=given.conditions)
        return jsonify(_permit(session, permit))


@permits_api.post("/<number>/datastreams")
@permits_api.doc(summary="By which datastreams the work is monitored")
@api.documented(body=MonitorGiven)
@web.permits("permits.act")
def monitor(number: str):
    """Link a permit with datastreams."""
    given = api.checked(MonitorGiven, api.fields())
    with web.transaction() as session:
        permits.monitor(session, web.actor(), number, given.datastreams, datetime.now(UTC))
        return jsonify(_permit(session, permits.require(session, web.actor(), number)))


def ground_of(given: dict[str, Any], crs: str) -> Any:
    """A GeoJSON geometry as a shape in CGCS2000 degrees; `Invalid` "metro.bad-field" for what is none."""
    try:
        shape = shapely.geometry.shape(given)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, shapely.errors.ShapelyError):
        raise permits.bad_field("ground", None, "a GeoJSON polygon") from None
    return shape if shape.is_empty else geo.transform_geometry(shapely.force_2d(shape), crs)


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in ("geometry", "bounds")}


def _feature(row: Row[Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": row.geometry, "properties": _plain(row)}


_TOLD = (
    "number", "state", "project", "applicant", "contractor", "work", "purpose", "description", "starts", "ends",
    "department_code", "operator_code", "conditions", "checked", "cell_code", "created_at", "granted_at", "ended_at",
)  # fmt: skip


def _permit(session: Session, permit: MetroPermit) -> dict[str, Any]:
    properties = {name: getattr(permit, name) for name in _TOLD} | {
        "history": [_plain(row) for row in permit_queries.events(session, permit.id)],
        "files": [_plain(row) for row in permit_queries.files(session, permit.id)],
        "datastreams": [_plain(row) for row in permit_queries.monitored(session, permit.id)],
        "actions": [step.action for step in permits.offered(web.actor(), permit)],
    }
    return {"type": "Feature", "geometry": permit_queries.shape(session, permit.id), "properties": properties}
