"""Questions about lines, structures, zones and distances. Read only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
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


_LINES = text(
    """
    SELECT l.code, l.name_zh, l.name_en, l.colour, l.operator, l.source, l.place, l.department_code,
           d.name_zh AS department_zh, d.name_en AS department_en,
           (SELECT count(DISTINCT p.structure_code) FROM city.metro_stop p WHERE p.line_code = l.code) AS stations,
           (SELECT coalesce(sum(ST_Length(s.geom::geography)), 0) FROM city.metro_structure s
            WHERE s.line_code = l.code AND ST_Dimension(s.geom) = 1 AND fn.metro_there(s, now())) AS metres
    FROM city.metro_line l LEFT JOIN city.department d ON d.code = l.department_code
    WHERE CAST(:code AS text) IS NULL OR l.code = :code
    ORDER BY l.place, l.code
    """
)


def lines(session: Session, code: str | None = None) -> Sequence[Row[Any]]:
    """The lines in their turn (the one of a code), with their operator, stations and how long they are in metres."""
    return session.execute(_LINES, {"code": code}).all()


_STOPS = text(
    """
    SELECT p.path, p.place, s.code, s.name_zh, s.name_en,
           ARRAY(SELECT DISTINCT o.line_code FROM city.metro_stop o
                 WHERE o.structure_code = s.code AND o.line_code <> p.line_code ORDER BY 1) AS others
    FROM city.metro_stop p JOIN city.metro_structure s ON s.code = p.structure_code
    WHERE p.line_code = :line ORDER BY p.path, p.place
    """
)


def stops(session: Session, line: str) -> Sequence[Row[Any]]:
    """The stations of a line, path by path in their order; `others`: the lines one may change to."""
    return session.execute(_STOPS, {"line": line}).all()


_STRUCTURES = text(
    """
    SELECT s.code, s.kind, s.name_zh, s.name_en, s.line_code, l.name_zh AS line_zh, l.name_en AS line_en, l.colour,
           s.surveyed, s.source, s.since, s.until, fn.metro_there(s, now()) AS there,
           GeometryType(s.geom) AS shape, ST_AsGeoJSON(s.geom, 6, 0)::jsonb AS geometry,
           ARRAY[ST_XMin(s.geom), ST_YMin(s.geom), ST_XMax(s.geom), ST_YMax(s.geom)] AS bounds
    FROM city.metro_structure s LEFT JOIN city.metro_line l ON l.code = s.line_code
    WHERE (CAST(:code AS text) IS NULL OR s.code = :code)
      AND (CAST(:kind AS text) IS NULL OR s.kind = :kind)
      AND (CAST(:line AS text) IS NULL OR s.line_code = :line
           OR EXISTS (SELECT FROM city.metro_stop p WHERE p.structure_code = s.code AND p.line_code = :line))
      AND (:words = '' OR s.code ILIKE :part OR s.name_zh ILIKE :part OR s.name_en ILIKE :part)
      AND (:ended OR fn.metro_there(s, now()))
    ORDER BY s.line_code IS NOT NULL, l.place, s.name_zh, s.code LIMIT :most
    """
)


def structures(
    session: Session,
    *,
    code: str | None = None,
    kind: str | None = None,
    line: str | None = None,
    words: str = "",
    ended: bool = False,
    most: int | None = None,
) -> Sequence[Row[Any]]:
    """Structures: of a code, a kind, a line, with these words in code or name; those that have ended too if asked."""
    part = f"%{db.like(words)}%"
    values = {"code": code, "kind": kind, "line": line, "words": words, "part": part, "ended": ended, "most": most}
    return session.execute(_STRUCTURES, values).all()


_NAMED = text("SELECT code, kind, name_zh, name_en FROM city.metro_structure WHERE code = ANY(:codes)")


def named(session: Session, codes: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Kind (as structure_kind) and names of structures, by their codes."""
    return {
        row.code: {"structure_kind": row.kind, "name_zh": row.name_zh, "name_en": row.name_en}
        for row in session.execute(_NAMED, {"codes": list(codes)})
    }


_KINDS = text(
    "SELECT s.kind, count(*) AS count, count(*) FILTER (WHERE NOT s.surveyed) AS rough FROM city.metro_structure s"
    " WHERE fn.metro_there(s, now()) GROUP BY s.kind ORDER BY count(*) DESC, s.kind"
)


def kinds(session: Session) -> Sequence[Row[Any]]:
    """How many structures of each kind there are now, and how many of them (`rough`) are not surveyed."""
    return session.execute(_KINDS).all()


_ZONES_OF = text(
    """
    SELECT z.id, z.kind, z.metres, z.source, z.approximate, lower(z.valid) AS since, upper(z.valid) AS until,
           z.valid @> now() AS holds, ST_Area(z.geom::geography) AS m2, ST_AsGeoJSON(z.geom, 6, 0)::jsonb AS geometry
    FROM city.metro_zone z WHERE z.structure_code = :code
    ORDER BY upper(z.valid) DESC NULLS FIRST, fn.metro_zone_turn(z.kind), z.id
    """
)


def zones_of(session: Session, code: str) -> Sequence[Row[Any]]:
    """The zones of a structure, those that hold first, then what they were."""
    return session.execute(_ZONES_OF, {"code": code}).all()


_EXPORTED = text(
    """
    SELECT s.code, s.kind, s.name_zh, s.name_en, s.line_code AS line, l.name_zh AS line_name,
           l.name_en AS line_name_en, l.colour, s.surveyed, s.since, s.until, ST_AsBinary(s.geom) AS wkb
    FROM city.metro_structure s LEFT JOIN city.metro_line l ON l.code = s.line_code ORDER BY s.code
    """
)


def exported(session: Session) -> Sequence[Row[Any]]:
    """Every structure as a file has it."""
    return session.execute(_EXPORTED).all()


_EXTENT = text(
    "SELECT ST_XMin(e.box), ST_YMin(e.box), ST_XMax(e.box), ST_YMax(e.box)"
    " FROM (SELECT ST_Extent(geom) AS box FROM city.metro_structure) e WHERE e.box IS NOT NULL"
)


def extent(session: Session) -> list[float] | None:
    """West, south, east and north of all structures, or None."""
    row = session.execute(_EXTENT).one_or_none()
    return None if row is None else list(row)
