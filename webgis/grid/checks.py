"""Faults of areas and cells as polygons: overlaps, gaps, what lies outside, order. Pure: arrays in, findings out.

All geometry is CGCS2000 degrees, as it is stored; findings are in m2 on the ellipsoid. Everything is done on whole
arrays: a clean coverage of 100,000 cells is proven clean in about a second.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely

from webgis import geo

SEAMLESS = 1e-6
"""How much of an area its cells may leave open: 1 m2 per km2."""

NOTABLE_M2 = 0.1
"""Overlaps, gaps and overhangs below this are not reported one by one: rounding of coordinates."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong. `row`: number of the feature in its file, from 1; `lon`, `lat`: a place in it."""

    kind: str
    message: str
    row: int | None = None
    code: str | None = None
    other: str | None = None
    m2: float | None = None
    lon: float | None = None
    lat: float | None = None

    def facts(self) -> dict[str, Any]:
        """The fault as a JSON object, without what is not known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Pairs(NamedTuple):
    """Pairs of polygons that overlap: positions `first` < `second`, (k,) m2, and the (k,) common parts."""

    first: np.ndarray
    second: np.ndarray
    m2: np.ndarray
    parts: np.ndarray


def square_metres(geoms: np.ndarray) -> np.ndarray:
    """(n,) areas in m2 on the ellipsoid of small polygons in degrees; 0 for None and empty ones."""
    bounds = shapely.bounds(geoms)
    latitude = np.nan_to_num((bounds[..., 1] + bounds[..., 3]) / 2)
    return np.nan_to_num(shapely.area(geoms)) * geo.area_of_degrees(latitude)


def projected_m2(geoms: np.ndarray, srids: Sequence[int]) -> np.ndarray:
    """(n,) areas in m2, each in its own projected system, as they are stored."""
    srids, made = np.asarray(srids), np.empty(len(geoms))
    for srid in np.unique(srids):
        made[srids == srid] = geo.area_m2(geoms[srids == srid], int(srid))
    return made


def polygons_only(geoms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Geometries repaired: (n,) valid Polygons, MultiPolygons or None; (n,) bool repaired; (n,) text of what was wrong.

    Lines and points that a repair leaves behind are dropped; what has no surface at all becomes None.
    """
    geoms = np.asarray(geoms, dtype=object)
    areal = np.isin(shapely.get_type_id(geoms), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    faulty = ~shapely.is_missing(geoms) & ~shapely.is_empty(geoms) & ~(areal & shapely.is_valid(geoms))
    reasons = np.full(len(geoms), "", dtype=object)
    if faulty.any():
        geoms = geoms.copy()
        reasons[faulty] = np.where(areal[faulty], shapely.is_valid_reason(geoms[faulty]), "not a polygon")
        mended = shapely.make_valid(geoms[faulty], method="structure", keep_collapsed=False)
        geoms[faulty] = _surfaces(mended)
    empty = shapely.is_missing(geoms) | shapely.is_empty(geoms)
    if empty.any():
        geoms = geoms.copy()
        geoms[empty] = None
    return geoms, faulty & ~empty, reasons


def _surfaces(geoms: np.ndarray) -> np.ndarray:
    """Each geometry's polygonal part as one geometry, or an empty polygon."""
    parts, owner = shapely.get_parts(geoms, return_index=True)
    parts, deeper = shapely.get_parts(parts, return_index=True)
    owner = owner[deeper]
    surface = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    made = np.full(len(geoms), shapely.Polygon(), dtype=object)
    for position in np.unique(owner[surface]):
        made[position] = shapely.union_all(parts[surface & (owner == position)])
    return made


def unmatched(geoms: np.ndarray) -> np.ndarray:
    """Positions of the valid polygons that have an edge which does not match their neighbours': an overlap or a gap.

    In a clean coverage there is none; this is the one pass over everything, so ask it once.
    """
    return np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(geoms))) if len(geoms) else np.empty(0, int)


def overlaps(geoms: np.ndarray, suspects: np.ndarray, tolerance_m2: float = NOTABLE_M2) -> Pairs:
    """Pairs of valid polygons that share more ground than `tolerance_m2`. `suspects`: as `unmatched` finds them."""
    left, right = shapely.STRtree(geoms).query(geoms[suspects], predicate="intersects")
    left = suspects[left]
    pairs = np.unique(np.sort(np.stack([left, right], axis=1)[left != right], axis=1), axis=0)
    parts = shapely.intersection(geoms[pairs[:, 0]], geoms[pairs[:, 1]])
    m2 = square_metres(parts)
    big = m2 > tolerance_m2
    return Pairs(pairs[big, 0], pairs[big, 1], m2[big], parts[big])


def overhang(geoms: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) m2 of each polygon that lies outside its owner, and the (n,) outer parts (None inside).

    `owners`: (n,) the polygon that each should lie in; the same object repeated is prepared once.
    """
    shapely.prepare(owners)
    out = np.flatnonzero(~shapely.covers(owners, geoms))
    parts = np.full(len(geoms), None, dtype=object)
    parts[out] = shapely.difference(geoms[out], owners[out])
    return square_metres(parts), parts


def uncovered(owner: Any, geoms: np.ndarray) -> np.ndarray:
    """The parts (Polygons) of `owner` that none of `geoms` covers; sorted by size, largest first."""
    rest = shapely.difference(owner, shapely.union_all(geoms)) if len(geoms) else owner
    parts = shapely.get_parts(rest)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return parts[np.argsort(-shapely.area(parts), kind="stable")]


def gaps(
    owners: np.ndarray, geoms: np.ndarray, owner_of: np.ndarray, suspects: np.ndarray
) -> list[tuple[int, np.ndarray]]:
    """(position of owner, its uncovered parts) for owners left open by more than SEAMLESS of their ground.

    `owner_of`: (n,) position in `owners` of each of `geoms`; `suspects`: as `unmatched` finds them. The union is made
    only where the sums do not tell: when polygons add up to their owner's area and none overlap, there is no gap.
    """
    total = np.bincount(owner_of, weights=shapely.area(geoms), minlength=len(owners))
    area = shapely.area(owners)
    doubtful = np.abs(area - total) > area * SEAMLESS
    doubtful[owner_of[suspects]] = True
    found = []
    by_owner = np.argsort(owner_of, kind="stable")
    first = np.searchsorted(owner_of[by_owner], np.arange(len(owners) + 1))
    for position in np.flatnonzero(doubtful):
        parts = uncovered(owners[position], geoms[by_owner[first[position] : first[position + 1]]])
        if shapely.area(parts).sum() > area[position] * SEAMLESS:
            found.append((int(position), parts))
    return found


def out_of_order(geoms: np.ndarray, sequence: np.ndarray, size_m: float, srid: int) -> np.ndarray:
    """Positions of whole squares of one community whose number breaks the order west to east, north to south.

    Only whole squares are asked: which row a clipped or merged cell belongs to is a matter of its largest piece.
    """
    flat = geo.project(geoms, srid)
    whole = np.flatnonzero(shapely.area(flat) > 0.999 * size_m * size_m)
    centre = shapely.centroid(flat[whole])
    rows, columns = np.floor(shapely.get_y(centre) / size_m), np.floor(shapely.get_x(centre) / size_m)
    read = np.lexsort((columns, -rows))
    numbers = sequence[whole][read]
    return whole[read][1:][np.diff(numbers) < 0]


def place(geom: Any) -> dict[str, float]:
    """`lon` and `lat` of a point inside a geometry, rounded to about a centimetre, as facts of a Fault."""
    point = shapely.point_on_surface(geom)
    return {"lon": round(point.x, 7), "lat": round(point.y, 7)}


def counts(faults: Sequence[Fault]) -> dict[str, int]:
    """How many faults of each kind, by name."""
    kinds = sorted({fault.kind for fault in faults})
    return {kind: sum(fault.kind == kind for fault in faults) for kind in kinds}
