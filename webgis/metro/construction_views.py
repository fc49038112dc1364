"""The API of construction zones: what is known of them, recorded, changed, patrolled; and what they do to traffic."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import AwareDatetime, Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.accounts import admin_log
from webgis.metro import construction as zones
from webgis.metro import construction_patrols, construction_traffic, construction_wire
from webgis.metro.construction_models import ConstructionZone
from webgis.metro.construction_rules import Plan
from webgis.metro.construction_wire import Day, ZoneGiven

construction = APIBlueprint("construction", __name__, url_prefix="/api/v1/construction", tag="Construction zones")
traffic = APIBlueprint("traffic", __name__, url_prefix="/api/v1/traffic", tag="Construction zones")
BLUEPRINTS = (construction, traffic)

LARGEST_ZONE = 2 * 1024 * 1024


class ZonesAsked(api.Given):
    """Which zones, and when."""

    on: Day | None = Field(None, description="how things are on this day of the city; now when left out")
    as_of: AwareDatetime | None = Field(None, description="by what was known at this moment; now when left out")
    bbox: str | None = Field(None, description="west,south,east,north in degrees")


class OneAsked(api.Given):
    """Which version."""

    version: int | None = Field(None, ge=1, le=2**31 - 1, description="the one known now when left out")


class DayAsked(api.Given):
    """A day, and what of it."""

    on: Day | None = Field(None, description="a day of the city; now when left out")
    as_of: AwareDatetime | None = Field(None, description="by what was known at this moment; now when left out")


class DutyAsked(api.Given):
    """Days of the city, both included."""

    since: Day | None = Field(None, description="a week before `until` when left out")
    until: Day | None = Field(None, description="today when left out")


class PatrolGiven(api.Given):
    """That one looked at a zone."""

    key: str = Field(min_length=1, max_length=200, description="of your making, one for each patrol")
    at: AwareDatetime | None = Field(None, description="when, if it was without network; now when left out")
    note: str | None = Field(
        None, max_length=construction_patrols.LONGEST_NOTE, description="why, when it is not noted on the spot"
    )
    lon: float | None = Field(None, description="where you are: degrees in `crs`", allow_inf_nan=False)
    lat: float | None = Field(None, description="degrees in `crs`", allow_inf_nan=False)
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    accuracy_m: float | None = Field(None, ge=0, le=100_000, allow_inf_nan=False, description="metres of the position")


@construction.get("")
@construction.doc(summary="Construction zones", description="GeoJSON, with their phase; those with works first.")
@api.documented(query=ZonesAsked)
@web.permits("construction.see")
def listed():
    """The zones, each as a Feature."""
    asked = api.checked(ZonesAsked, api.once(request.args))
    box = None if asked.bbox is None else geo.read_box(asked.bbox)
    with web.transaction() as session:
        rows = zones.listed(session, moment(asked.on), known=asked.as_of or datetime.now(UTC), box=box)
    features = [_feature(row.code, row) for row in rows]
    return api.geojson({"type": "FeatureCollection", "features": features})


def _feature(id: str | int, row: Row) -> dict[str, Any]:
    told = {name: value for name, value in row._mapping.items() if name not in ("geometry", "id")}
    return {"type": "Feature", "id": id, "geometry": row.geometry, "properties": told}


def moment(day: date | None) -> datetime:
    """Now, or noon of a day of the city."""
    zone = web.runtime().settings.zone
    return datetime.now(UTC) if day is None else datetime.combine(day, time(12), zone)


@construction.get("/<code>")
@construction.doc(summary="One construction zone", description="Everything that is known of it, or was at a version.")
@api.documented(query=OneAsked)
@web.permits("construction.see")
def one(code: str):
    """A zone as a Feature; its versions beside it."""
    asked = api.checked(OneAsked, api.once(request.args))
    with web.transaction() as session:
        zone = zones.require(session, code, asked.version)
        told = feature(session, zone)
        told["properties"]["versions"] = [
            {"version": one.version, "recorded_from": one.recorded.lower, "recorded_until": one.recorded.upper}
            for one in zones.versions(session, code)
        ]
    return api.geojson(told)


def feature(session: Session, zone: ConstructionZone) -> dict[str, Any]:
    """A version as a Feature of now."""
    now = datetime.now(web.runtime().settings.zone)
    return construction_wire.feature(zone, zones.phases_of(session, zone.id), zones.lines_of(session, zone.id), now)


@construction.put("/<code>")
@construction.doc(summary="Record a construction zone", description="It is known so from now on; what was known stays.")
@api.documented(body=ZoneGiven)
@web.permits("construction.change")
def keep(code: str):
    """Make a zone be as given from now on."""
    given = api.checked(ZoneGiven, api.fields(LARGEST_ZONE))
    with web.transaction() as session:
        done = kept(session, construction_wire.plan(code, given), given.version)
        after = feature(session, zones.require(session, code))
    return api.geojson(after, 201 if done.added else 200)


def kept(session: Session, plan: Plan, read: int | None) -> zones.Kept:
    """Keep what the one who asks says of a zone, with a line in the log of what is another than it was."""
    done = zones.keep(session, [plan], at=datetime.now(UTC), by=web.actor().id, read=read)
    if not done.unchanged:
        before, after = done.before.get(plan.code), zones.plan_of(session, plan.code)
        told = [{} if one is None else construction_wire.facts(one) for one in (before, after)]
        admin_log.record_change(session, web.actor(), "construction.keep", plan.code, *told)
    return done


@construction.delete("/<code>")
@construction.doc(summary="Withdraw a construction zone", description="As if it were none from now on.")
@web.permits("construction.change")
def withdraw(code: str):
    """A zone that was entered by mistake is none from now on."""
    with web.transaction() as session:
        zones.withdraw(session, code, at=datetime.now(UTC))
        admin_log.record(session, web.actor(), "construction.withdraw", code)
    return "", 204


@construction.post("/<code>/patrols")
@construction.doc(
    summary="Note a patrol",
    description="The same key again is the same patrol. Away from the zone it needs a note that says why.",
)
@api.documented(body=PatrolGiven)
@web.permits("construction.patrol")
def patrolled(code: str):
    """An inspector has looked at a zone."""
    given, now = api.checked(PatrolGiven, api.fields()), datetime.now(UTC)
    with web.transaction() as session:
        zones.require(session, code)
        spot = construction_patrols.spot(given.lon, given.lat, given.crs, given.accuracy_m)
        construction_patrols.patrolled(
            session, code, web.actor().id, given.at or now, given.key, given.note, spot=spot, now=now
        )
    return "", 204


@construction.get("/<code>/patrols")
@construction.doc(summary="Patrols by day", description="Due and done.")
@api.documented(query=DutyAsked)
@web.permits("construction.see")
def duty(code: str):
    """What was due and what was done, the newest day first."""
    asked = api.checked(DutyAsked, api.once(request.args))
    last = asked.until or datetime.now(web.runtime().settings.zone).date()
    first = asked.since or last - timedelta(days=6)
    with web.transaction() as session:
        zones.require(session, code)
        rows = construction_patrols.duty(session, first, last, code)
    return jsonify({"days": [{"day": row.day, "due": row.due, "done": row.done} for row in rows]})


@traffic.get("")
@traffic.doc(
    summary="What works do to traffic",
    description="GeoJSON: roads closed, narrowed, diverted, with conflicts; emergency routes, places under water.",
)
@api.documented(query=DayAsked)
@web.permits("traffic.see")
def feed():
    """Closures and diversions of now, or of a day."""
    asked = api.checked(DayAsked, api.once(request.args))
    with web.transaction() as session:
        rows = construction_traffic.feed(session, moment(asked.on), known=asked.as_of or datetime.now(UTC))
        routes = construction_traffic.routes(session)
        wet = construction_traffic.under_water(session) if asked.on is None else ()
    features = [*(_feature(row.id, row) for row in rows), *map(_route, routes), *map(_water, wet)]
    return api.geojson({"type": "FeatureCollection", "features": features})


def _water(row: Row) -> dict[str, Any]:
    told = {"kind": "water", "code": row.station, "name_zh": row.name_zh, "name_en": row.name_en}
    return {"type": "Feature", "id": f"water-{row.station}", "geometry": row.geometry, "properties": told}


def _route(row: Row) -> dict[str, Any]:
    told = {"kind": "emergency-route", "code": row.code, "name_zh": row.name_zh, "name_en": row.name_en}
    return {
        "type": "Feature",
        "id": f"route-{row.code}",
        "geometry": row.geometry,
        "properties": told | {"illustrative": row.illustrative},
    }
