"""Construction zones for the inspector's phone: those around the own beats and the place, kept there for days without
network."""

from datetime import UTC, datetime
from typing import Any

from flask import jsonify, request
from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.metro import construction, construction_patrols, construction_queries
from webgis.pages.inspect import inspect
from webgis.pages.inspect_sending import KINDS, Sent, meta


class PlaceAsked(api.Given):
    """Where the phone is, if it knows."""

    lon: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)


@inspect.get("/works")
@web.permits("inspect.use")
def works():
    """Construction zones around the own beats and the place, the smaller first."""
    asked = api.checked(PlaceAsked, api.once(request.args))
    with web.transaction() as session:
        return jsonify({"zones": _zones(session, web.actor().id, asked)})


def _zones(session: Session, person: int | None, asked: PlaceAsked) -> list[dict[str, Any]]:
    return [
        {
            "code": row.code,
            "name": {"zh": row.name_zh, "en": row.name_en or row.name_zh},
            "contractor": row.contractor,
            "phase": row.phase,
            "first_day": row.first_day.isoformat(),
            "last_day": row.last_day and row.last_day.isoformat(),
            "geometry": row.geometry,
        }
        for row in construction_queries.reachable(session, person, datetime.now(UTC), asked.lon, asked.lat)
    ]


class PatrolSent(Sent):
    """That one looked at a zone, when, and where the phone was (WGS84)."""

    zone: str = Field(min_length=1, max_length=40)
    at: AwareDatetime
    lon: float | None = Field(None, allow_inf_nan=False)
    lat: float | None = Field(None, allow_inf_nan=False)
    accuracy_m: float | None = Field(None, ge=0, le=100_000, allow_inf_nan=False)


def _patrol():
    """A patrol of a construction zone."""
    given, now = api.checked(PatrolSent, meta()), datetime.now(UTC)
    with web.transaction() as session:
        construction.require(session, given.zone)
        spot = construction_patrols.spot(given.lon, given.lat, "wgs84", given.accuracy_m)
        construction_patrols.patrolled(
            session, given.zone, web.actor().id, given.at, given.key, None, spot=spot, now=now
        )
    return jsonify({})


KINDS["patrol"] = _patrol
