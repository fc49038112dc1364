"""The API of shifts: inspectors check in and out and send their track; who is above them sees who works where."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from apiflask import APIBlueprint
from flask import jsonify
from flask import request as http_request
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Row

from webgis import api, geo, web
from webgis.cases import shifts, table_wire
from webgis.cases.intake import LARGEST_ACCURACY_M, LONGEST_KEY

work = APIBlueprint("shifts", __name__, url_prefix="/api/v1/shifts", tag="Shifts")
BLUEPRINTS = (work,)

OWN = ("inspector",)
"""Who sees their own shifts only."""


class ShiftGiven(api.Given):
    """A check-in or check-out."""

    key: str = Field(min_length=1, max_length=LONGEST_KEY, description="of your making, one for each shift")
    at: AwareDatetime | None = Field(None, description="when, if it was without network; now when left out")


class PointGiven(BaseModel):
    """Where the phone was."""

    model_config = {"extra": "forbid"}

    at: AwareDatetime
    lon: float = Field(allow_inf_nan=False)
    lat: float = Field(allow_inf_nan=False)
    accuracy_m: float | None = Field(None, ge=0, le=LARGEST_ACCURACY_M)


class TrackGiven(api.Given):
    """A stretch of a track, oldest point first."""

    key: str = Field(min_length=1, max_length=LONGEST_KEY, description="that of the shift")
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    points: list[PointGiven] = Field(min_length=1, max_length=shifts.MOST_POINTS)


class ShiftsAsked(api.Given):
    """Which shifts: those begun on these days, both included."""

    since: date | None = Field(None, description="today when left out")
    until: date | None = Field(None, description="the same day when left out")


@work.post("/check-in")
@work.doc(summary="Begin a shift", description="The same key again is the same shift. Ends one that is still running.")
@api.documented(body=ShiftGiven)
@web.permits("shifts.work")
def check_in():
    """Begin a shift."""
    return _turn(shifts.check_in)


@work.post("/check-out")
@work.doc(summary="End a shift")
@api.documented(body=ShiftGiven)
@web.permits("shifts.work")
def check_out():
    """End a shift."""
    return _turn(shifts.check_out)


def _turn(do):
    given, now = api.checked(ShiftGiven, api.fields()), datetime.now(UTC)
    with web.transaction() as session:
        return jsonify(told(do(session, web.actor(), given.key, given.at or now, at=now)))


@work.post("/track")
@work.doc(summary="Where one was on a shift", description="In batches; points that came before are left out.")
@api.documented(body=TrackGiven)
@web.permits("shifts.work")
def track():
    """Add to the track of a shift."""
    given = api.checked(TrackGiven, api.fields())
    with web.transaction() as session:
        added = shifts.add_track(session, web.actor(), given.key, points(given), at=datetime.now(UTC))
    return jsonify({"added": added})


def points(given: TrackGiven) -> list[shifts.Point]:
    """The points of a track as they are kept."""
    return [shifts.point(one.at, one.lon, one.lat, given.crs, one.accuracy_m) for one in given.points]


@work.get("")
@work.doc(summary="Shifts that were worked", description="Inspectors see their own.")
@api.documented(query=ShiftsAsked)
@web.permits("shifts.see")
def listed():
    """Shifts by days, newest first."""
    actor = web.actor()
    asked, zone = api.checked(ShiftsAsked, api.once(http_request.args)), web.runtime().settings.zone
    first = asked.since or asked.until or datetime.now(zone).date()
    last = asked.until or first
    since, until = datetime.combine(first, time(), zone), datetime.combine(last, time(), zone) + timedelta(days=1)
    with web.transaction() as session:
        rows = shifts.listed(session, since, until, person=_whose(), area=actor.area)
    return jsonify({"shifts": [table_wire.plain(row) for row in rows]})


@work.get("/<int:shift>/track")
@work.doc(
    summary="The track of a shift",
    description="GeoJSON. Inspectors see their own; kept for `track_days`, unless retention says otherwise.",
)
@web.permits("shifts.see")
def one_track(shift: int):
    """The points of one shift, oldest first."""
    with web.transaction() as session:
        rows = shifts.track(session, shift, person=_whose(), area=web.actor().area)
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
            "properties": {"at": row.at, "accuracy_m": row.accuracy_m, "cell": row.cell},
        }
        for row in rows
    ]
    return api.geojson({"type": "FeatureCollection", "features": features})


def _whose() -> int | None:
    return web.actor().id if web.actor().role in OWN else None


def told(shift: Row) -> dict:
    """A shift as JSON."""
    return {"key": shift.key, "began_at": shift.began_at, "ended_at": shift.ended_at, "ended_by": shift.ended_by}
