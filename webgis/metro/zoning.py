"""The protection zones as they are stored: worked out again when a structure or the table of distances changes.

What a zone was stays readable: one that changes ends at that moment, and another begins. The first zone of a structure
holds since the structure is there, since that is how long the rule applied; what was known later is no later rule.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.errors import Invalid
from webgis.grid import queries as grid
from webgis.metro import queries
from webgis.metro.distances import Distance, checked, shipped
from webgis.metro.protection import (
    ARC_OFF_M,
    LONGEST_EDGE_DEG,
    Structure,
    Zone,
    in_metres,
    resolve,
    touching,
    zones,
)

STRAIGHT_M = 50.0
"""Edges that are straight in metres are cut to this before they go back to degrees: 50 m leave the line by 0.03 mm."""

SAME_DEG = 1e-9
"""Outlines that differ by less, a tenth of a millimetre, are the same."""

NEAR_DEG = 1e-6
"""Zones whose boxes come so near, a tenth of a metre, are looked at as if they touched."""

_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis metro zones', 0))")
_STRUCTURES = text(
    "SELECT code, kind, surveyed, since, until FROM city.metro_structure WHERE until IS NULL OR until > :at"
)
_GEOMS = text("SELECT code, kind, ST_AsBinary(geom) AS wkb FROM city.metro_structure WHERE code = ANY(:codes)")
_WANTED = text(
    """
    SELECT s.code, d.zone_kind, md5(ST_AsBinary(s.geom) || convert_to(concat_ws('|', s.kind, s.surveyed, d.metres,
        d.measured_from, d.source, CAST(:way AS text)), 'UTF8')) AS built_on
    FROM city.metro_structure s JOIN city.metro_distance d ON d.structure_kind = s.kind
    WHERE s.until IS NULL OR s.until > :at
    """
)
_STORED = text(
    "SELECT z.id, z.structure_code, z.kind, z.metres, z.source, z.approximate, z.structure_kind, z.built_on,"
    " lower(z.valid) AS since, upper(z.valid) AS until"
    " FROM city.metro_zone z WHERE NOT z.valid << tstzrange(:at, NULL)"
)
_OUTLINES = text("SELECT id, ST_AsBinary(geom) FROM city.metro_zone WHERE id = ANY(:ids)")
_MARK = text(
    """
    UPDATE city.metro_zone z SET built_on = n.built_on
    FROM unnest(CAST(:ids AS bigint[]), CAST(:marks AS text[])) n (id, built_on) WHERE z.id = n.id
    """
)
_LAST = text(
    """
    SELECT max(c.at) FROM city.metro_zone z JOIN city.metro_structure s ON s.code = z.structure_code
    CROSS JOIN LATERAL (VALUES (lower(z.valid), s.since), (upper(z.valid), s.until)) c (at, planned)
    WHERE c.at IS DISTINCT FROM c.planned AND c.at <= clock_timestamp()
    """
)
_KNOWN = text("SELECT DISTINCT structure_code, kind FROM city.metro_zone")
_FORGET = text("DELETE FROM city.metro_zone WHERE id = ANY(:ids) AND lower(valid) >= :at")
_CLOSE = text(
    "UPDATE city.metro_zone SET valid = tstzrange(lower(valid), :at) WHERE id = ANY(:ids) AND lower(valid) < :at"
)
_PROLONG = text("UPDATE city.metro_zone SET valid = tstzrange(lower(valid), :until) WHERE id = :id")
_OPEN = text(
    """
    INSERT INTO city.metro_zone (structure_code, structure_kind, kind, metres, source, approximate, built_on, geom,
                                 valid)
    SELECT n.structure, n.structure_kind, n.kind, n.metres, n.source, n.approximate, n.built_on,
           ST_SetSRID(CAST(n.wkb AS geometry), 4490), tstzrange(n.since, n.until)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (
        structure text, structure_kind text, kind text, metres float8, source text, approximate boolean, built_on text,
        wkb text, since timestamptz, until timestamptz)
    """
)
_NOT_DRAWN = text(
    "SELECT structure_code, kind FROM city.metro_zone WHERE valid @> CAST(:at AS timestamptz) AND held IS NULL"
)
_OVER = text(
    "UPDATE city.metro_zone SET held = NULL WHERE held IS NOT NULL AND NOT valid @> CAST(:at AS timestamptz)"
    " RETURNING ST_AsBinary(geom) AS wkb"
)
_NEAR = text(
    """
    WITH changed AS MATERIALIZED (
        SELECT z.geom FROM city.metro_zone z WHERE z.valid @> CAST(:at AS timestamptz) AND z.held IS NULL
        UNION ALL SELECT ST_SetSRID(ST_GeomFromWKB(g.wkb), 4490) FROM unnest(CAST(:gone AS bytea[])) g (wkb)
    ), beside AS MATERIALIZED (
        SELECT DISTINCT ON (z.id) z.id, z.geom FROM changed c JOIN city.metro_zone z ON z.geom && ST_Expand(c.geom, :by)
        WHERE z.valid @> CAST(:at AS timestamptz)
    )
    SELECT DISTINCT z.structure_code FROM beside b JOIN city.metro_zone z ON z.geom && ST_Expand(b.geom, :by)
    WHERE z.valid @> CAST(:at AS timestamptz)
    """
)
_HOLD = text(
    """
    UPDATE city.metro_zone z SET held = ST_SetSRID(ST_GeomFromWKB(h.wkb), 4490)
    FROM unnest(CAST(:structures AS text[]), CAST(:kinds AS text[]), CAST(:wkbs AS bytea[])) h (structure, kind, wkb)
    WHERE z.structure_code = h.structure AND z.kind = h.kind AND z.valid @> CAST(:at AS timestamptz)
    """
)
_STALE = text(
    "SELECT EXISTS (SELECT FROM city.metro_zone WHERE (held IS NOT NULL) <> (valid @> CAST(:at AS timestamptz)))"
)
_CHANGED = text("SELECT fn.layer_changed('metro')")


@dataclass(frozen=True)
class Changed:
    """The zones that began and ended (rows of `_STORED`) with a change, and how many stayed."""

    began: Sequence[Zone]
    ended: Sequence[Row[Any]]
    unchanged: int

    def counts(self) -> dict[str, int]:
        """How many began, ended and stayed."""
        return {"opened": len(self.began), "closed": len(self.ended), "unchanged": self.unchanged}

    def differences(self) -> list[dict[str, Any]]:
        """Every zone that is another than it was, by its structure; metres `before` and `after`, None for none."""
        before = {(row.structure_code, row.kind): row for row in self.ended}
        after = {_key(zone): zone for zone in self.began}
        return [
            {
                "structure": key[0], "kind": key[1],
                "before": before[key].metres if key in before else None,
                "after": after[key].metres if key in after else None,
            }
            for key in sorted(before | after)
        ]  # fmt: skip


def wait_turn(session: Session) -> None:
    """Let nobody else change structures, distances or zones until this transaction ends: who comes second sees what the
    first has done. Asked before anything is locked or read."""
    session.execute(_TURN)


def recompute(session: Session, at: datetime) -> Changed:
    """Make the stored zones be those of the structures and the table from the moment `at` (aware) on, or from the last
    change, where that came later. The caller has the turn (`wait_turn`).

    Errors of `protection.zones`: a kind of structure without a distance, an outline that cannot be.
    """
    session.flush()
    at = max(at, session.scalar(_LAST) or at)
    city = _City(session, at)
    stored = {(row.structure_code, row.kind): row for row in session.execute(_STORED, {"at": at})}
    stay = {key for key, mark in city.wanted.items() if key in stored and city.built(key, mark, stored[key])}
    found = _found_anew(city, stay)
    others = {key: row for key, row in stored.items() if key not in stay}
    outlines = dict(session.execute(_OUTLINES, {"ids": [row.id for row in others.values()]}).all())
    alike = {key for key, row in others.items() if key in found and _same(row, outlines[row.id], *found[key], city)}
    _mark(session, {stored[key].id: city.wanted[key] for key in alike})
    _prolong(session, [(stored[key], city.known[key[0]].until) for key in stay | alike])
    ending = [row for key, row in others.items() if key not in alike]
    _end(session, [row.id for row in ending], at)
    opening = [one for key, one in found.items() if key not in alike]
    _open(session, city, opening)
    if opening or ending or session.scalar(_STALE, {"at": at}):
        _hold(session, city, [outlines[row.id] for row in ending])
        session.execute(_CHANGED)
    return Changed([zone for zone, _ground in opening], ending, len(stay) + len(alike))


def _found_anew(city: "_City", stay: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[Zone, Any]]:
    """The zones that are not known to stay, worked out anew, each with its ground in degrees."""
    codes = {code for code, _kind in city.wanted.keys() - stay} | city.unknown
    found = [zone for zone in city.zones(codes) if _key(zone) not in stay]
    grounds = _in_degrees([zone.ground for zone in found], city.srid)
    return {_key(zone): (zone, ground) for zone, ground in zip(found, grounds, strict=True)}


class _City:
    """The structures from the moment `at` on, and what their zones follow from: `wanted`, by structure and kind of
    zone, a mark that is another when the outline, its kind, the row of the table or the way of working out is;
    `unknown`: structures of which the table says nothing."""

    def __init__(self, session: Session, at: datetime) -> None:
        self.at, self._session = at, session
        self.known = {row.code: row for row in session.execute(_STRUCTURES, {"at": at})}
        self._distances = queries.distances(session) or seed(session)
        self.srid = grid.srid_of(session)
        values = {"at": at, "way": f"{self.srid} {ARC_OFF_M} {LONGEST_EDGE_DEG} {STRAIGHT_M}"}
        self.wanted = {(row.code, row.zone_kind): row.built_on for row in session.execute(_WANTED, values)}
        kinds = {row.structure_kind for row in self._distances}
        self.unknown = {row.code for row in self.known.values() if row.kind not in kinds}

    def built(self, key: tuple[str, str], mark: str, row: Row[Any]) -> bool:
        """Whether a stored zone follows from what stands now."""
        return row.built_on == mark and _begins(row, self.known[key[0]].since, self.at)

    def zones(self, codes: Iterable[str]) -> list[Zone]:
        """The zones of these structures, worked out anew."""
        rows = self._session.execute(_GEOMS, {"codes": sorted(codes)}).all()
        outlines = [
            in_metres(Structure(row.code, row.kind, shapely.from_wkb(bytes(row.wkb))), self.srid) for row in rows
        ]
        found = zones(outlines, self._distances, self.srid) if outlines else []
        return [zone if self.known[zone.structure].surveyed else replace(zone, approximate=True) for zone in found]


def follow_time(session: Session, at: datetime) -> None:
    """Draw anew where zones hold, once one has begun or ended as it was planned to."""
    if session.scalar(_STALE, {"at": at}):
        wait_turn(session)
        recompute(session, at)


def _key(zone: Zone) -> tuple[str, str]:
    return zone.structure, zone.kind


def _in_degrees(grounds: Sequence[Any], srid: int) -> np.ndarray:
    """Polygons in metres as multipolygons in CGCS2000 degrees."""
    cut = shapely.segmentize(np.array(grounds, dtype=object), STRAIGHT_M)
    made = [shapely.multipolygons(shapely.get_parts(one)) for one in cut]
    return shapely.normalize(geo.unproject(np.array(made, dtype=object), srid))


def _begins(row: Row[Any], since: datetime, at: datetime) -> bool:
    """Whether a stored zone begins when it should: one that has begun, if its structure has, else when that does."""
    return row.since <= at if since <= at else row.since == since


def _same(row: Row[Any], outline: bytes, zone: Zone, ground: Any, city: _City) -> bool:
    """Whether a stored zone is this one."""
    facts = (zone.metres, zone.source, zone.approximate, zone.structure_kind)
    return (
        _begins(row, city.known[zone.structure].since, city.at)
        and (row.metres, row.source, row.approximate, row.structure_kind) == facts
        and shapely.equals_exact(shapely.normalize(shapely.from_wkb(bytes(outline))), ground, SAME_DEG)
    )


def _mark(session: Session, marks: Mapping[int, str]) -> None:
    """Note what zones follow from now that are as they were all the same."""
    if marks:
        session.execute(_MARK, {"ids": list(marks), "marks": list(marks.values())})


def _end(session: Session, ids: Sequence[int], at: datetime) -> None:
    """End zones; what would have begun only later never was."""
    session.execute(_CLOSE, {"ids": ids, "at": at})
    session.execute(_FORGET, {"ids": ids, "at": at})


def _prolong(session: Session, pairs: Iterable[tuple[Row[Any], datetime | None]]) -> None:
    """Let zones that stay end when their structure does."""
    if others := [{"id": row.id, "until": until} for row, until in pairs if row.until != until]:
        session.execute(_PROLONG, others)


def _row(zone: Zone, ground: Any, city: _City, begun: bool) -> dict[str, Any]:
    structure = city.known[zone.structure]
    since = max(structure.since, city.at) if begun else structure.since
    return {
        "structure": zone.structure, "structure_kind": zone.structure_kind, "kind": zone.kind, "metres": zone.metres,
        "source": zone.source, "approximate": bool(zone.approximate), "built_on": city.wanted[_key(zone)],
        "wkb": shapely.to_wkb(ground, hex=True), "since": since.isoformat(),
        "until": structure.until and structure.until.isoformat(),
    }  # fmt: skip


def _open(session: Session, city: _City, zones_: Sequence[tuple[Zone, Any]]) -> None:
    """Let zones begin, each with its ground in degrees."""
    if zones_:
        begun = {tuple(row) for row in session.execute(_KNOWN)}
        rows = [_row(zone, ground, city, _key(zone) in begun) for zone, ground in zones_]
        session.execute(_OPEN, {"rows": json.dumps(rows, ensure_ascii=False)})


def _hold(session: Session, city: _City, ended: Sequence[bytes]) -> None:
    """Keep where each zone holds before the others; only those beside what began or ended are worked out again, from
    these and those beside them. Outlines of zones that ended are given as WKB."""
    at, srid = city.at, city.srid
    fresh = {tuple(row) for row in session.execute(_NOT_DRAWN, {"at": at})}
    gone = [bytes(wkb) for wkb in (*ended, *session.scalars(_OVER, {"at": at}))]
    near = session.scalars(_NEAR, {"at": at, "gone": gone, "by": NEAR_DEG}).all()
    found = city.zones(code for code in near if city.known[code].since <= at)
    changed = [zone.ground for zone in found if _key(zone) in fresh]
    changed += [geo.project(shapely.from_wkb(wkb), srid) for wkb in gone]
    beside = touching(shapely.STRtree([zone.ground for zone in found]), changed)
    held = {_key(found[place]): shapely.MultiPolygon() for place in beside}
    parts = resolve(found, changed)
    held |= dict(zip(map(_key, parts), _in_degrees([part.ground for part in parts], srid), strict=True))
    if held:
        structures, kinds = zip(*held, strict=True)
        wkbs = shapely.to_wkb(list(held.values())).tolist()
        session.execute(_HOLD, {"structures": [*structures], "kinds": [*kinds], "wkbs": wkbs, "at": at})


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
    if not rows:
        raise Invalid("metro.bad-distance", "A table has one row or more", field="rows", got=0, accepted="1 or more")
    checked(rows)
    wait_turn(session)
    session.execute(_CLEAR)
    _store(session, rows)
    return recompute(session, at)


def _store(session: Session, rows: Sequence[Distance]) -> None:
    if rows:
        session.execute(_ADD, [vars(row) for row in rows])
