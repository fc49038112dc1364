"""The API of permits for work in protection zones: applied for, looked at, decided, monitored."""

from datetime import UTC, date, datetime
from typing import Any, Literal

import shapely
from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import Field
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.metro import permit_applications, permit_queries, permits
from webgis.metro.permit_applications import Application
from webgis.metro.permit_models import MetroPermit
from webgis.metro.permit_rules import LONGEST_NAME, LONGEST_TEXT, PURPOSES, STATES, WORKS, bad_field

permits_api = APIBlueprint("permits", __name__, url_prefix="/api/v1/metro/permits", tag="Permits in protection zones")

LARGEST = 1024 * 1024


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

    project: str = Field(min_length=1, max_length=LONGEST_NAME)
    applicant: str = Field(min_length=1, max_length=LONGEST_NAME)
    contractor: str | None = Field(None, max_length=LONGEST_NAME)
    work: Literal[WORKS]
    description: str | None = Field(None, max_length=LONGEST_TEXT)


class StepGiven(api.Given):
    """What goes with a step."""

    note: str | None = Field(None, max_length=LONGEST_TEXT)
    conditions: str | None = Field(None, max_length=LONGEST_TEXT, description="of a permit that is granted")


class MonitorGiven(api.Given):
    """By which datastreams work is monitored."""

    datastreams: list[str] = Field(max_length=100, description="codes; instead of those before")


@permits_api.get("")
@permits_api.doc(
    summary="Permits",
    description="What is not decided first; at most 200. Department staff see those of their department.",
)
@api.documented(query=PermitsAsked)
@web.permits("permits.see")
def listed():
    """Permits."""
    asked = api.checked(PermitsAsked, api.once(request.args))
    with web.transaction() as session:
        most = permit_queries.MOST
        rows = permit_queries.listed(session, web.actor(), state=asked.state, words=asked.q or "", most=most + 1)
        return jsonify({"permits": [row._asdict() for row in rows[:most]], "truncated": len(rows) > most})


@permits_api.post("/check")
@permits_api.doc(summary="Which zones a work would touch", description="Nothing is stored.")
@api.documented(body=WorkGiven)
@web.permits("permits.apply")
def check():
    """What the zones say to a work."""
    given = api.checked(WorkGiven, api.fields(LARGEST))
    with web.transaction() as session:
        ground = permit_applications.ground(ground_of(given.ground, given.crs))
        return jsonify({"zones": permit_applications.check(session, ground, given.purpose, given.starts, given.ends)})


@permits_api.post("")
@permits_api.doc(summary="Apply for a permit")
@api.documented(body=PermitGiven)
@web.permits("permits.apply")
def apply():
    """Apply for a permit."""
    with web.transaction() as session:
        number = permits.apply(session, web.actor(), _application(), datetime.now(UTC))
        return jsonify(_permit(session, permits.require(session, web.actor(), number))), 201


@permits_api.put("/<number>")
@permits_api.doc(summary="Hand a returned application in again", description="All of it, as it is asked for now.")
@api.documented(body=PermitGiven)
@web.permits("permits.act")
def apply_again(number: str):
    """Hand an application in again."""
    with web.transaction() as session:
        permit = permits.apply_again(session, web.actor(), number, _application(), datetime.now(UTC))
        return jsonify(_permit(session, permit))


def _application() -> Application:
    given = api.checked(PermitGiven, api.fields(LARGEST))
    return Application(**given.model_dump(exclude={"crs", "ground"}), ground=ground_of(given.ground, given.crs))


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
    if (shape := geo.read_geojson(given)) is None:
        raise bad_field("ground", None, "a GeoJSON polygon")
    return geo.transform_geometry(shapely.force_2d(shape), crs)


_TOLD = (
    "number", "state", "project", "applicant", "contractor", "work", "purpose", "description", "starts", "ends",
    "department_code", "operator_code", "conditions", "checked", "cell_code", "created_at", "granted_at", "ended_at",
)  # fmt: skip


def _permit(session: Session, permit: MetroPermit) -> dict[str, Any]:
    properties = {name: getattr(permit, name) for name in _TOLD} | {
        "history": [row._asdict() for row in permit_queries.events(session, permit.id)],
        "files": [row._asdict() for row in permit_queries.files(session, permit.id)],
        "datastreams": [row._asdict() for row in permit_queries.monitored(session, permit.id)],
        "actions": [step.action for step in permits.offered(web.actor(), permit)],
    }
    return {"type": "Feature", "geometry": permit_queries.shape(session, permit.id), "properties": properties}
