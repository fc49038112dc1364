"""Questions of pages about construction zones: what an inspector may reach, what monitoring points last told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

NEAR_DEG = 0.03
"""Some 3 km: what one may reach on a shift."""

AHEAD_DAYS = 7
"""Works that begin so soon are on the phone before they do."""

MOST = 200

_REACHABLE = text(
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


def reachable(
    session: Session, person: int | None, at: datetime, lon: float | None, lat: float | None
) -> Sequence[Row]:
    """Zones with works now or soon around a person's beats and around a place (CGCS2000 degrees), if it is known, the
    smaller first: code, name_zh, name_en, contractor, first_day, last_day, phase, geometry."""
    given = {"person": person, "near": NEAR_DEG, "days": AHEAD_DAYS, "most": MOST, "at": at, "lon": lon, "lat": lat}
    return session.execute(_REACHABLE, given).all()


_POINTS = text(
    "SELECT d.code, d.quantity, d.unit, d.last_value, d.last_at FROM city.datastream d"
    " WHERE d.code = ANY(CAST(:codes AS text[])) ORDER BY d.code"
)


def points_of(session: Session, codes: Sequence[str]) -> Sequence[Row]:
    """Monitoring points with the last value that each told."""
    return session.execute(_POINTS, {"codes": list(codes)}).all() if codes else []
