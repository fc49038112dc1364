"""Questions about permits and findings, within what somebody sees. Read only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor

MOST = 200

_SEEN = """
    (CAST(:area AS text) IS NULL OR starts_with(p.cell_code, :area))
    AND (CAST(:departments AS text[]) IS NULL OR p.department_code = ANY(:departments)
         OR p.operator_code = ANY(:departments))
"""


def _sight(actor: Actor) -> dict[str, Any]:
    return {"area": actor.area, "departments": list(actor.departments) if actor.role == "department" else None}


_LISTED = text(
    f"""
    SELECT p.number, p.state, p.project, p.applicant, p.contractor, p.work, p.purpose, p.starts, p.ends, p.created_at,
           p.checked, d.name_zh AS operator_zh, d.name_en AS operator_en,
           ST_X(ST_PointOnSurface(p.geom)) AS lon, ST_Y(ST_PointOnSurface(p.geom)) AS lat
    FROM city.metro_permit p LEFT JOIN city.department d ON d.code = p.operator_code
    WHERE {_SEEN} AND (CAST(:state AS text) IS NULL OR p.state = :state)
      AND (:words = '' OR p.number ILIKE :part OR p.project ILIKE :part OR p.applicant ILIKE :part
           OR p.contractor ILIKE :part)
    ORDER BY p.granted_at IS NOT NULL OR p.ended_at IS NOT NULL, p.id DESC LIMIT :most
    """
)


def listed(
    session: Session, actor: Actor, *, state: str | None = None, words: str = "", most: int = MOST
) -> Sequence[Row[Any]]:
    """The permits that a person sees, what is not decided first, then the newest."""
    values = {"state": state, "words": words, "part": f"%{db.like(words)}%", "most": most} | _sight(actor)
    return session.execute(_LISTED, values).all()


_COUNTS = text(f"SELECT p.state, count(*) FROM city.metro_permit p WHERE {_SEEN} GROUP BY p.state")


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """How many permits that a person sees there are in each state."""
    return dict(tuple(row) for row in session.execute(_COUNTS, _sight(actor)))


_TOUCHING = text(
    f"""
    SELECT p.number, p.state, p.project, p.starts, p.ends FROM city.metro_permit p
    JOIN city.metro_zone z ON z.structure_code = :code AND z.valid @> now() AND ST_Intersects(z.geom, p.geom)
    WHERE {_SEEN} AND p.ended_at IS NULL
    GROUP BY p.id ORDER BY p.id DESC LIMIT :most
    """
)


def touching(session: Session, actor: Actor, structure: str) -> Sequence[Row[Any]]:
    """The permits that touch the zones of a structure and have not ended."""
    return session.execute(_TOUCHING, {"code": structure, "most": MOST} | _sight(actor)).all()


_AT = text(
    f"""
    SELECT p.number, p.project FROM fn.metro_permits_at(ST_SetSRID(ST_Point(:lon, :lat), 4490), :at) p WHERE {_SEEN}
    """
)


def seen_at(session: Session, actor: Actor, lon: float, lat: float, at: datetime) -> Sequence[Row[Any]]:
    """Those permits in force at a place (CGCS2000 degrees) and a moment that a person sees, by number."""
    return session.execute(_AT, {"lon": lon, "lat": lat, "at": at} | _sight(actor)).all()


_PERMITS_AT = text(
    "SELECT id, number, project, applicant, contractor, work, purpose, conditions, starts, ends"
    " FROM fn.metro_permits_at(ST_SetSRID(ST_Point(:lon, :lat), 4490), coalesce(:at, now()))"
)


def valid_at(session: Session, lon: float, lat: float, at: datetime | None = None) -> Sequence[Row[Any]]:
    """The permits in force at a place (CGCS2000 degrees) and a moment (now), by number."""
    return session.execute(_PERMITS_AT, {"lon": lon, "lat": lat, "at": at}).all()


_EVENTS = text(
    "SELECT e.position, e.at, e.action, e.from_state, e.to_state, e.note, p.name FROM city.metro_permit_event e"
    " LEFT JOIN city.person p ON p.id = e.person_id WHERE e.permit_id = :id ORDER BY e.position"
)
_FILES = text(
    "SELECT f.id, f.name, f.media_type, f.bytes, f.added_at, p.name AS by_name FROM city.metro_permit_file f"
    " LEFT JOIN city.person p ON p.id = f.person_id WHERE f.permit_id = :id ORDER BY f.id"
)
_MONITORED = text(
    """
    SELECT d.code, d.quantity, d.unit, d.last_at, d.last_value, d.silent_since, d.active, s.code AS station,
           s.name_zh, s.name_en
    FROM city.metro_permit_datastream m JOIN city.datastream d ON d.id = m.datastream_id
    JOIN city.station s ON s.id = d.station_id WHERE m.permit_id = :id ORDER BY d.code
    """
)
_SHAPE = text("SELECT ST_AsGeoJSON(geom, 7, 0)::jsonb FROM city.metro_permit WHERE id = :id")


def events(session: Session, permit: int) -> Sequence[Row[Any]]:
    """The history of a permit, oldest first."""
    return session.execute(_EVENTS, {"id": permit}).all()


def files(session: Session, permit: int) -> Sequence[Row[Any]]:
    """The plan files of a permit."""
    return session.execute(_FILES, {"id": permit}).all()


def monitored(session: Session, permit: int) -> Sequence[Row[Any]]:
    """The datastreams by which the work of a permit is monitored, with what they told last."""
    return session.execute(_MONITORED, {"id": permit}).all()


def shape(session: Session, permit: int) -> dict[str, Any]:
    """The ground of a permit as GeoJSON geometry."""
    return session.scalar(_SHAPE, {"id": permit})


_FINDING_SEEN = """
    (CAST(:area AS text) IS NULL OR starts_with(f.cell_code, :area)) AND fn.in_class_keys(f.class_key, :classes)
"""
_FINDINGS = text(
    f"""
    SELECT f.id, f.found_by, f.reference, f.class_key, f.at, f.found_at, f.state, f.zone_kind, f.note, f.settled_at,
           f.cell_code, ST_X(f.geom) AS lon, ST_Y(f.geom) AS lat, s.code AS structure, s.name_zh, s.name_en,
           p.name AS settled_name, c.name_zh AS class_zh, c.name_en AS class_en
    FROM city.metro_finding f JOIN city.metro_structure s ON s.code = f.structure_code
    LEFT JOIN city.person p ON p.id = f.settled_by
    LEFT JOIN LATERAL (SELECT k.name_zh, k.name_en FROM city.class k
                       WHERE f.class_key = k.kind || ':' || k.code ORDER BY k.standard DESC LIMIT 1) c ON true
    WHERE {_FINDING_SEEN}
      AND (CAST(:state AS text) IS NULL OR f.state = :state) AND (CAST(:id AS bigint) IS NULL OR f.id = :id)
    ORDER BY f.state <> 'open', f.at DESC, f.id DESC LIMIT :most
    """
)


def findings(
    session: Session, actor: Actor, *, state: str | None = None, id_: int | None = None, most: int = MOST
) -> Sequence[Row[Any]]:
    """Work without a permit that a person sees, what nobody has settled first."""
    values = {"state": state, "id": id_, "most": most} | _finding_sight(actor)
    return session.execute(_FINDINGS, values).all()


def _finding_sight(actor: Actor) -> dict[str, Any]:
    return {"area": actor.area, "classes": list(actor.classes) or None}


_OPEN_FINDINGS = text(f"SELECT count(*) FROM city.metro_finding f WHERE f.state = 'open' AND {_FINDING_SEEN}")


def open_findings(session: Session, actor: Actor) -> int:
    """How many findings that a person sees nobody has settled."""
    return session.scalar(_OPEN_FINDINGS, _finding_sight(actor))


_DEPARTMENTS = text("SELECT code, name_zh, name_en FROM city.department WHERE code = ANY(:codes)")


def departments(session: Session, codes: Sequence[str]) -> Sequence[Row[Any]]:
    """The departments of these codes."""
    return session.execute(_DEPARTMENTS, {"codes": list(codes)}).all()
