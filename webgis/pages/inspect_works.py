"""Construction zones for the inspector's phone: those around the own beats and the place, kept there for days without
network."""

from datetime import UTC, datetime
from typing import Any

from flask import jsonify, request
from pydantic import AwareDatetime, Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.metro import construction, construction_patrols
from webgis.pages.inspect import inspect
from webgis.pages.inspect_sending import KINDS, Sent, meta

NEAR_DEG = 0.03
"""Some 3 km: what one may reach on a shift."""

AHEAD_DAYS = 7
"""Works that begin so soon are on the phone before they do."""

MOST = 200

_WORKS = text(
    """
    WITH here AS (
        SELECT ST_Expand(ST_SetSRID(ST_Point(CAST(:lon AS float8), CAST(:lat AS float8)), 4490), :near) AS box
        WHERE CAST(:lon AS float8) IS NOT NULL
        UNION ALL
        SELECT ST_Expand(b.geom, :near / 6) FROM city.beat b JOIN city.beat_shift s ON s.beat_id = b.id
        WHERE s.person_id = :person AND upper_inf(b.valid) AND b.geom IS NOT NULL
    )
    SELECT z.code, z.name_zh, z.name_en, z.contractor, z.first_day, z.last_day,
           fn.construction_phase(z.id, :at) AS phase, ST_AsGeoJSON(z.geom, 6, 0)::jsonb AS geometry
    FROM city.construction_zone z
    WHERE upper_inf(z.recorded) AND EXISTS (SELECT FROM here h WHERE z.geom && h.box)
        AND z.valid && tstzrange(:at, CAST(:at AS timestamptz) + make_interval(days => :days))
    ORDER BY ST_Area(z.geom), z.code LIMIT :most
    """
)


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
    given = {"person": person, "near": NEAR_DEG, "days": AHEAD_DAYS, "most": MOST, "at": datetime.now(UTC)}
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
        for row in session.execute(_WORKS, given | asked.model_dump())
    ]


class PatrolSent(Sent):
    """That one looked at a zone, and when."""

    zone: str = Field(min_length=1, max_length=40)
    at: AwareDatetime


def _patrol():
    """A patrol of a construction zone."""
    given, now = api.checked(PatrolSent, meta()), datetime.now(UTC)
    with web.transaction() as session:
        construction.require(session, given.zone)
        construction_patrols.patrolled(session, given.zone, web.actor().id, given.at, given.key, None, now=now)
    return jsonify({})


KINDS["patrol"] = _patrol
