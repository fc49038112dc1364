"""Protection zones beside structures of the metro, and which of several holds. Pure: outlines in, zones out.

Geometry is in metres of a projected system, which the caller names. A zone is the ground within its distance of the
structure's outline (of the centre line for planned lines and trams), the structure itself included; its edge lies at
most 5 mm inside the true one where that is an arc. Where only a point or a line of a structure is known, the zone is
measured from that and says that it is approximate: it is too small by half the structure.

Where zones overlap, one holds at each spot: special before control before planned; then the wider; then the one from a
surveyed outline; then by the structure's code. So the order in which structures are given does not matter.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from webgis import geo
from webgis.errors import Invalid
from webgis.metro.distances import ZONE_KINDS, Distance, checked

ARC_OFF_M = 0.005
"""How far the straight pieces of an arc may lie inside it."""

LONGEST_EDGE_DEG = 0.0005
"""Edges that are straight in degrees are cut to this before they are projected."""

_POLYGONS = {shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON}
_LINES = {shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING}
_POINTS = {shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT}


@dataclass(frozen=True)
class Structure:
    """Something built or planned: its own `code`, a `kind` of the table of distances, its outline (or centre line)."""

    code: str
    kind: str
    outline: shapely.Geometry


@dataclass(frozen=True)
class Zone:
    """Ground (metres, a polygon or several) that is protected for a structure, by which rule, and how exactly."""

    structure: str
    structure_kind: str
    kind: str
    metres: float
    source: str
    approximate: bool
    ground: shapely.Geometry


def in_metres(structure: Structure, srid: int) -> Structure:
    """A structure whose outline is in CGCS2000 degrees, as it is stored, in metres of `srid`."""
    cut = shapely.segmentize(shapely.force_2d(structure.outline), LONGEST_EDGE_DEG)
    return replace(structure, outline=geo.project(cut, srid))


def zones(structures: Sequence[Structure], distances: Sequence[Distance], srid: int) -> list[Zone]:
    """Every zone of every structure, those that hold before others first. Outlines are in metres of `srid`.

    `Invalid`: "metro.not-metres", "metro.kind-unknown", "metro.bad-outline", "metro.bad-distance".
    """
    _check_metres(srid)
    table = checked(distances)
    for structure in structures:
        _check(structure, table, srid)
    found = [zone for rows in table.values() for row in rows for zone in _zones_of(row, structures)]
    return sorted(found, key=_order)


def _zones_of(row: Distance, structures: Sequence[Structure]) -> Iterator[Zone]:
    mine = [one for one in structures if one.kind == row.structure_kind]
    outlines = np.array([one.outline for one in mine], dtype=object)
    grounds = shapely.buffer(outlines, row.metres, quad_segs=_arc_pieces(row.metres))
    for one, ground in zip(mine, grounds, strict=True):
        rough = row.measured_from == "outline" and shapely.get_dimensions(one.outline) < 2
        yield Zone(one.code, one.kind, row.zone_kind, row.metres, row.source, rough, ground)


def _arc_pieces(metres: float) -> int:
    """Pieces of a quarter circle of this radius whose middles lie no more than ARC_OFF_M inside it."""
    return math.ceil(math.pi / 4 / math.acos(1 - min(ARC_OFF_M / metres, 1)))


def _order(zone: Zone) -> tuple:
    return ZONE_KINDS.index(zone.kind), -zone.metres, zone.approximate, zone.structure, zone.structure_kind


def at(found: Sequence[Zone], point: shapely.Point) -> list[Zone]:
    """The zones in which a point (metres) lies, their edges included; the first one holds."""
    inside = shapely.intersects(np.array([zone.ground for zone in found], dtype=object), point)
    return sorted((found[index] for index in np.flatnonzero(inside)), key=_order)


def resolve(found: Sequence[Zone], within: Sequence[shapely.Geometry] | None = None) -> list[Zone]:
    """The zones without overlap, each with the ground where it holds; those that hold nowhere are left out. `within`:
    only those zones that touch one of these grounds, where a few have changed."""
    ordered = sorted(found, key=_order)
    grounds = np.array([zone.ground for zone in ordered], dtype=object)
    tree = shapely.STRtree(grounds)
    wanted = range(len(ordered)) if within is None else touching(tree, within)
    later, earlier = tree.query(grounds[wanted], predicate="intersects")
    resolved = []
    for turn, place in enumerate(wanted):
        first, last = np.searchsorted(later, (turn, turn + 1))
        before = earlier[first:last]
        ground = _without(grounds[place], grounds[before[before < place]])
        if ground is not None:
            resolved.append(replace(ordered[place], ground=ground))
    return resolved


def touching(tree: shapely.STRtree, grounds: Sequence[shapely.Geometry]) -> np.ndarray:
    """The places in a tree of those that touch one of these grounds."""
    return np.unique(tree.query(np.array(grounds, dtype=object), predicate="intersects")[1]) if len(grounds) else []


def _without(ground: shapely.Geometry, others: np.ndarray) -> shapely.Geometry | None:
    """The faces of a ground outside of others, or None."""
    rest = shapely.difference(ground, shapely.union_all(others)) if len(others) else ground
    parts = shapely.get_parts(rest)
    parts = parts[shapely.get_dimensions(parts) == 2]
    return None if not len(parts) else parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _check(structure: Structure, table: dict[str, tuple[Distance, ...]], srid: int) -> None:
    rows = table.get(structure.kind)
    if rows is None:
        raise Invalid(
            "metro.kind-unknown",
            f"{structure.code}: the table of distances knows no structure {structure.kind!r}",
            field="kind",
            structure=structure.code,
            got=structure.kind,
            accepted=sorted(table),
        )
    outline = structure.outline
    by_line = all(row.measured_from == "centre_line" for row in rows)
    types = _LINES if by_line else _POLYGONS | _LINES | _POINTS
    if not isinstance(outline, shapely.Geometry) or shapely.get_type_id(outline) not in types:
        accepted = "a centre line" if by_line else "the outline as a polygon; a line or point where no more is known"
        raise _bad_outline(structure, getattr(outline, "geom_type", str(outline)), accepted)
    if outline.is_empty or not outline.is_valid:
        raise _bad_outline(structure, shapely.is_valid_reason(outline), "valid and not empty")
    west, south, east, north = outline.bounds
    if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:
        raise _not_metres(f"{structure.code} lies at {west:g}, {south:g}, which are degrees", structure.code, srid)


def _bad_outline(structure: Structure, got: str, accepted: str) -> Invalid:
    return Invalid(
        "metro.bad-outline",
        f"The outline of {structure.code} cannot be used: {got}; expected is {accepted}",
        field="outline",
        structure=structure.code,
        got=got,
        accepted=accepted,
    )


def _check_metres(srid: int) -> None:
    if not geo.in_metres(srid):
        raise _not_metres(f"EPSG:{srid} does not measure in metres", None, srid)


def _not_metres(why: str, structure: str | None, srid: Any) -> Invalid:
    return Invalid(
        "metro.not-metres",
        f"{why}; zones are measured in metres of a projected system, such as EPSG:4544",
        field="srid",
        structure=structure,
        got=srid,
        accepted="a projected system in metres, such as 4544",
    )
