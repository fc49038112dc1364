"""Questions about lines, structures, zones and distances. Read only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.metro.distances import Distance

_ZONES_AT = text("SELECT * FROM fn.metro_zones_at(ST_SetSRID(ST_Point(:lon, :lat), 4490), coalesce(:at, now()))")


def zones_at(session: Session, lon: float, lat: float, at: datetime | None = None) -> Sequence[Row[Any]]:
    """The protection zones in which a place (CGCS2000 degrees) lies at a moment (now), the one that holds first.

    code, name_zh, name_en: of the structure; structure: its kind; kind: special, control or planned; approximate; rank
    from 1; zone_id, metres, line_code, source.
    """
    return session.execute(_ZONES_AT, {"lon": lon, "lat": lat, "at": at}).all()


_DISTANCES = text(
    "SELECT structure_kind, zone_kind, metres, source, measured_from, sureness FROM city.metro_distance"
    " ORDER BY structure_kind, fn.metro_zone_turn(zone_kind)"
)


def distances(session: Session) -> list[Distance]:
    """The table of distances as this city has it; empty before the first structures."""
    return [Distance(*row) for row in session.execute(_DISTANCES)]
