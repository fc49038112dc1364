"""The protection zones as they are stored: worked out again when a structure or the table of distances changes.

What a zone was stays readable: one that changes ends at that moment, and another begins. The first zone of a structure
holds since the structure is there, since that is how long the rule applied; what was known later is no later rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.metro import queries
from webgis.metro.distances import Distance, checked, shipped
from webgis.metro.protection import Structure, Zone, in_metres, resolve, zones

STRAIGHT_M = 50.0
"""Edges that are straight in metres are cut to this before they go back to degrees: 50 m leave the line by 0.03 mm."""

SAME_DEG = 1e-9
"""Outlines that differ by less, a tenth of a millimetre, are the same."""

_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis metro zones', 0))")
_SRID = text(
    "SELECT projected_srid FROM city.area WHERE projected_srid IS NOT NULL ORDER BY length(code), code LIMIT 1"
)
_STRUCTURES = text(
    "SELECT code, kind, surveyed, since, until, ST_AsBinary(geom) AS wkb FROM city.metro_structure"
    " WHERE until IS NULL OR until > :at ORDER BY code"
)
_STORED = text(
    "SELECT z.id, z.structure_code, z.kind, z.metres, z.source, z.approximate, z.structure_kind,"
    " lower(z.valid) AS since, upper(z.valid) AS until, ST_AsBinary(z.geom) AS wkb"
    " FROM city.metro_zone z WHERE NOT z.valid << tstzrange(:at, NULL)"
)
_KNOWN = text("SELECT DISTINCT structure_code, kind FROM city.metro_zone")
_FORGET = text("DELETE FROM city.metro_zone WHERE id = ANY(:ids) AND lower(valid) >= :at")
_CLOSE = text(
    "UPDATE city.metro_zone SET valid = tstzrange(lower(valid), :at), held = NULL"
    " WHERE id = ANY(:ids) AND lower(valid) < :at"
)
_PROLONG = text("UPDATE city.metro_zone SET valid = tstzrange(lower(valid), :until) WHERE id = :id")
_OPEN = text(
    "INSERT INTO city.metro_zone (structure_code, structure_kind, kind, metres, source, approximate, geom, valid)"
    " VALUES (:structure, :structure_kind, :kind, :metres, :source, :approximate,"
    " ST_SetSRID(ST_GeomFromWKB(:wkb), 4490), tstzrange(:since, :until))"
)
_HOLD = text(
    "UPDATE city.metro_zone SET held = ST_SetSRID(ST_GeomFromWKB(:wkb), 4490)"
    " WHERE structure_code = :structure AND kind = :kind AND valid @> CAST(:at AS timestamptz)"
)
_LET_GO = text("UPDATE city.metro_zone SET held = NULL WHERE held IS NOT NULL")
_CHANGED = text("SELECT fn.layer_changed('metro')")


@dataclass(frozen=True)
class Changed:
    """How many zones began and ended with a change, how many stayed, and how many hold now."""

    opened: int
    closed: int
    unchanged: int


def recompute(session: Session, at: datetime) -> Changed:
    """Make the stored zones be those of the structures and the table from the moment `at` (aware) on.

    Errors of `protection.zones`: a kind of structure without a distance, an outline that cannot be.
    """
    session.execute(_TURN)
    session.flush()
    known = session.execute(_STRUCTURES, {"at": at}).all()
    srid = _srid(session)
    found = _zones(known, queries.distances(session) or seed(session), srid)
    degrees = dict(zip(found, _in_degrees([zone.ground for zone in found], srid), strict=True))
    stored = {(row.structure_code, row.kind): row for row in session.execute(_STORED, {"at": at})}
    rows = {row.code: row for row in known}
    same = {zone for zone in found if _same(stored.get(_key(zone)), zone, degrees[zone])}
    stay = {_key(zone) for zone in same}
    ending = [row.id for key, row in stored.items() if key not in stay]
    session.execute(_CLOSE, {"ids": ending, "at": at})
    session.execute(_FORGET, {"ids": ending, "at": at})
    _prolong(session, [(stored[_key(zone)], rows[zone.structure].until) for zone in same])
    begun = {tuple(row) for row in session.execute(_KNOWN)}
    opening = [zone for zone in found if zone not in same]
    _open(session, [_row(zone, degrees[zone], rows[zone.structure], _key(zone) in begun, at) for zone in opening])
    if opening or ending:
        _hold(session, [zone for zone in found if rows[zone.structure].since <= at], srid, at)
        session.execute(_CHANGED)
    return Changed(len(opening), len(ending), len(same))


def _key(zone: Zone) -> tuple[str, str]:
    return zone.structure, zone.kind


def _srid(session: Session) -> int:
    """The projected system of the city."""
    return session.scalar(_SRID) or session.info["settings"].projected_srid


def _zones(known: Sequence[Row[Any]], distances: Sequence[Distance], srid: int) -> list[Zone]:
    surveyed = {row.code for row in known if row.surveyed}
    outlines = [in_metres(Structure(row.code, row.kind, shapely.from_wkb(bytes(row.wkb))), srid) for row in known]
    found = zones(outlines, distances, srid) if outlines else []
    return [zone if zone.structure in surveyed else replace(zone, approximate=True) for zone in found]


def _in_degrees(grounds: Sequence[Any], srid: int) -> np.ndarray:
    """Polygons in metres as multipolygons in CGCS2000 degrees."""

    def back(coordinates: np.ndarray) -> np.ndarray:
        lon, lat = geo.projector(srid).transform(coordinates[:, 0], coordinates[:, 1], direction="INVERSE")
        return np.column_stack((lon, lat))

    cut = shapely.segmentize(np.array(grounds, dtype=object), STRAIGHT_M)
    made = [shapely.multipolygons(shapely.get_parts(one)) for one in cut]
    return shapely.normalize(shapely.transform(np.array(made, dtype=object), back))


def _same(row: Row[Any] | None, zone: Zone, ground: Any) -> bool:
    facts = (zone.metres, zone.source, zone.approximate, zone.structure_kind)
    return (
        row is not None
        and (row.metres, row.source, row.approximate, row.structure_kind) == facts
        and shapely.equals_exact(shapely.normalize(shapely.from_wkb(bytes(row.wkb))), ground, SAME_DEG)
    )


def _prolong(session: Session, pairs: Iterable[tuple[Row[Any], datetime | None]]) -> None:
    """Let zones that stay end when their structure does."""
    if others := [{"id": row.id, "until": until} for row, until in pairs if row.until != until]:
        session.execute(_PROLONG, others)


def _row(zone: Zone, ground: Any, structure: Row[Any], begun: bool, at: datetime) -> dict[str, Any]:
    return {
        "structure": zone.structure, "structure_kind": zone.structure_kind, "kind": zone.kind, "metres": zone.metres,
        "source": zone.source, "approximate": bool(zone.approximate), "wkb": shapely.to_wkb(ground),
        "since": max(structure.since, at) if begun else structure.since, "until": structure.until,
    }  # fmt: skip


def _open(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(_OPEN, rows)


def _hold(session: Session, found: Sequence[Zone], srid: int, at: datetime) -> None:
    """Keep where each zone holds before the others."""
    session.execute(_LET_GO)
    parts = resolve(found) if found else []
    grounds = _in_degrees([zone.ground for zone in parts], srid) if parts else ()
    if rows := [
        {"structure": zone.structure, "kind": zone.kind, "wkb": shapely.to_wkb(ground), "at": at}
        for zone, ground in zip(parts, grounds, strict=True)
    ]:
        session.execute(_HOLD, rows)


# The table of distances

_CLEAR = text("DELETE FROM city.metro_distance")
_ADD = text(
    "INSERT INTO city.metro_distance (structure_kind, zone_kind, metres, measured_from, source, sureness)"
    " VALUES (:structure_kind, :zone_kind, :metres, :measured_from, :source, :sureness)"
)


def seed(session: Session) -> list[Distance]:
    """Store the table that ships, where a city has none yet."""
    _store(session, shipped())
    return list(shipped())


def set_distances(session: Session, rows: Sequence[Distance], at: datetime) -> Changed:
    """Make this the table of distances, and the zones those that follow from it."""
    checked(rows)
    session.execute(_TURN)
    session.execute(_CLEAR)
    _store(session, rows)
    return recompute(session, at)


def _store(session: Session, rows: Sequence[Distance]) -> None:
    if rows:
        session.execute(_ADD, [vars(row) for row in rows])
