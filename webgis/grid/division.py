"""Cutting communities into unit cells (GB/T 30428.1-2013, now GB/T 47678.3-2026). Pure: polygons in, polygons out.

The lattice is made of squares of a nominal size in the city's projected system, aligned to multiples of the size from
that system's origin, so that neighbouring communities share its lines. Its corners are brought to CGCS2000 degrees
first; from there on a square is the quadrilateral with straight edges between its four corners, and quadrilaterals
and communities are cut with each other in degrees, as they are stored. Quadrilaterals share their corners and edges,
so they cover the plane without gap or overlap, and so do the cells cut from them.

- Each connected piece of a square inside a community is a candidate cell.
- A candidate smaller than `sliver` of a full square is merged into the neighbour of the same community with which it
  shares the longest edge (of equal ones the larger, then the first in order); smallest first, until none merges. One
  without a neighbour stays and is noted.
- Every cell is one valid Polygon, possibly with holes.
- Cells are numbered from 001 in reading order: row of squares by row from the north, in a row from west to east. A
  merged cell has the place of its largest piece; pieces of one square go from west to east by their western end,
  then from north to south. (The standard: "west to east, north to south".)
- A community that would need more than `max_cells` cells gets larger squares: the smallest size, in steps of 10 m from
  the size asked for, at which its area is no more than `max_cells` squares and the cells are no more than that.

The same input gives the same output.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import shapely

from webgis import geo
from webgis.errors import Invalid
from webgis.grid import clipping, raster, slivers
from webgis.grid.slivers import Candidates

SIZE_M = 100.0
SLIVER = 0.2
MAX_CELLS = 999
STEP_M = 10.0

_SAME_DEG = 1e-12  # nodes nearer than this are one node, computed twice
_MANY_VERTICES = 256  # a community with more is cut into blocks first
_LONGEST = 0.45  # squares after which an edge is cut to look for the squares it touches
_SMALL_M = 200.0  # up to this size a square is flat enough for areas by proportion
_BLOCK = 16  # squares along the side of a block


@dataclass(frozen=True)
class Note:
    """Something a person should know of a division. `code` and its facts: "enlarged" (asked_m, size_m, cells: how
    many there would have been), "sliver-kept" (seq, area_m2)."""

    code: str
    facts: dict


@dataclass(frozen=True)
class Division:
    """The cells of one community, in order of their sequence numbers.

    `geoms`: (n,) shapely Polygons, EPSG 4490, shells counter-clockwise; `seq`: (n,) int, 1..n; `area_m2`: (n,) float,
    in the projected system; `size_m`: the side of a square actually used; `notes`: list of Note.
    """

    geoms: np.ndarray
    seq: np.ndarray
    area_m2: np.ndarray
    size_m: float
    notes: list[Note] = field(default_factory=list)


def divide(
    area: shapely.Geometry,
    *,
    srid: int = 4544,
    size_m: float = SIZE_M,
    sliver: float = SLIVER,
    max_cells: int | None = MAX_CELLS,
) -> Division:
    """The cells of one community: `divide_many` of one."""
    return divide_many([area], srid=srid, size_m=size_m, sliver=sliver, max_cells=max_cells)[0]


def divide_many(
    areas: Sequence[shapely.Geometry],
    *,
    srid: int = 4544,
    size_m: float = SIZE_M,
    sliver: float = SLIVER,
    max_cells: int | None = MAX_CELLS,
) -> list[Division]:
    """One Division for each of `areas` (valid Polygon or MultiPolygon, EPSG 4490), all cut at once.

    `srid`: the city's projected system in metres; `size_m`: nominal side of a square; `sliver`: share of a full
    square below which a piece is merged (0: never); `max_cells`: most cells of one community (None: no limit).
    `Invalid`: an empty or invalid polygon, a size or share out of range.
    """
    areas = _checked(areas, size_m, sliver)
    if not len(areas):
        return []
    done = _cut(areas, srid, float(size_m), sliver)
    if max_cells is not None:
        for at in [n for n, division in enumerate(done) if len(division.seq) > max_cells]:
            done[at] = _enlarged(areas[at], srid, done[at], sliver, max_cells)
    return done


def _checked(areas, size_m: float, sliver: float) -> np.ndarray:
    if not 1.0 <= size_m <= 100_000.0:
        raise Invalid("grid.bad-field", "The size of a cell is from 1 to 100000 m", field="size", got=size_m)
    if not 0.0 <= sliver <= 0.5:
        raise Invalid("grid.bad-field", "The share of a sliver is from 0 to 0.5", field="sliver", got=sliver)
    areas = np.array(list(areas), dtype=object)
    good = np.isin(shapely.get_type_id(areas), (3, 6)) & ~shapely.is_empty(areas) & shapely.is_valid(areas)
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        raise Invalid(
            "grid.area-invalid",
            "An area to divide is a valid Polygon or MultiPolygon that is not empty",
            field="area",
            index=first,
            got=shapely.is_valid_reason(areas[first]),
        )
    return shapely.orient_polygons(shapely.force_2d(areas))


def _enlarged(area, srid: int, asked: Division, sliver: float, max_cells: int) -> Division:
    least = float(np.sqrt(asked.area_m2.sum() / max_cells))
    steps = max(1, int(np.ceil((least - asked.size_m) / STEP_M)))
    while True:
        division = _cut(np.array([area], dtype=object), srid, asked.size_m + steps * STEP_M, sliver)[0]
        if len(division.seq) <= max_cells:
            break
        steps += 1
        if steps * STEP_M > 100_000.0:
            raise Invalid(
                "grid.too-many-parts",
                f"The area has more than {max_cells} separate parts, so it cannot have {max_cells} cells or fewer",
                field="area",
                accepted=max_cells,
            )
    facts = {"asked_m": asked.size_m, "size_m": division.size_m, "cells": len(asked.seq)}
    division.notes.insert(0, Note("enlarged", facts))
    return division


def _cut(areas: np.ndarray, srid: int, size_m: float, sliver: float) -> list[Division]:
    lattice = _Lattice(srid, size_m)
    lines = raster.edges(areas)
    squares = raster.cover(lines, lattice.place, lattice.margin, _LONGEST, pairs=True)
    candidates = _candidates(lattice, areas, lines, squares)
    group = slivers.joined(squares, candidates, size_m, sliver * size_m**2)
    return _number(candidates, group, len(areas), size_m, sliver * size_m**2)


class _Lattice:
    """Squares of `size_m` in the projected system `srid`; corners in degrees depend on nothing else."""

    def __init__(self, srid: int, size_m: float) -> None:
        self.srid = srid
        self.size_m = size_m
        self._projector = geo.projector(srid)
        # A line straight in degrees strays from its chord in metres by at most length^2 / 8R * tan(latitude) or so;
        # in squares, with room to spare, and 1 mm for rounding.
        self.margin = size_m * 4e-8 + 1e-3 / size_m

    def place(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east, north = self._projector.transform(lon, lat)
        if not (np.isfinite(east).all() and np.isfinite(north).all()):
            raise Invalid("grid.outside-projection", "The area lies outside the projected system", field="area")
        return east / self.size_m, north / self.size_m

    def quads(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """(n, 5, 2) degrees: closed rings south-west, south-east, north-east, north-west, south-west."""
        west, south, width = i.min(), j.min(), i.max() - i.min() + 2
        columns = np.stack([i, i + 1, i + 1, i, i], axis=1) - west
        rows = np.stack([j, j, j + 1, j + 1, j], axis=1) - south
        key = rows * width + columns
        if width * (j.max() - south + 2) <= 16 * len(i) + 100_000:
            used = np.arange(width * (j.max() - south + 2))
            at = key
        else:
            used, at = np.unique(key, return_inverse=True)
        row, column = np.divmod(used, width)
        lon, lat = self._projector.transform(
            (column + west) * self.size_m, (row + south) * self.size_m, direction="INVERSE"
        )
        return np.stack([lon, lat], axis=1)[at.reshape(key.shape)]


def _candidates(lattice: _Lattice, areas: np.ndarray, lines: raster.Edges, squares: raster.Cover) -> Candidates:
    touched, inside = squares.touched, squares.inside
    rings = lattice.quads(np.concatenate([touched.i, inside.i]), np.concatenate([touched.j, inside.j]))
    cut = len(touched)
    corners = rings[:cut, :4]
    pieces, square = _pieces(areas, lines, squares, corners)
    geoms = np.concatenate([pieces, shapely.polygons(rings[cut:])])
    if lattice.size_m <= _SMALL_M:
        area_m2 = _piece_areas(pieces, corners[square], lattice.size_m)
        area_m2 = np.concatenate([area_m2, np.full(len(inside), lattice.size_m**2)])
    else:
        area_m2 = geo.area_m2(geoms, lattice.srid)
    return Candidates(
        geoms=geoms,
        owner=np.concatenate([touched.owner[square], inside.owner]),
        i=np.concatenate([touched.i[square], inside.i]),
        j=np.concatenate([touched.j[square], inside.j]),
        area_m2=area_m2,
        square=square,
        corners=corners,
    )


def _pieces(areas, lines, squares: raster.Cover, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected pieces of the touched squares inside their communities, and the square each lies in."""
    owner = squares.touched.owner
    clipped = clipping.clip(lines, squares.square, squares.edge, corners)
    shapely.prepare(areas)
    middle = corners[clipped.bare].mean(axis=1)
    whole = clipped.bare[shapely.contains_xy(areas[owner[clipped.bare]], middle[:, 0], middle[:, 1])]
    hard = clipped.hard
    quads = shapely.polygons(corners[np.concatenate([whole, hard])])
    pieces = _intersection(quads[len(whole) :], _local_parts(areas, squares.touched, corners, hard))
    pieces, of = shapely.get_parts(pieces, return_index=True)
    some = (shapely.get_type_id(pieces) == 3) & (shapely.area(pieces) > 0.0)
    pieces = np.concatenate([clipped.geoms, quads[: len(whole)], shapely.orient_polygons(pieces[some])])
    square = np.concatenate([clipped.square, whole, hard[of[some]]])
    order = np.argsort(square, kind="stable")
    pieces, square = pieces[order], square[order]
    near = np.flatnonzero(_beside(squares.touched, hard)[square])
    if len(near):
        pieces[near] = _same_nodes(pieces[near], corners[square[near]], shapely.get_coordinates(areas))
    return pieces, square


def _beside(touched: raster.Squares, some: np.ndarray) -> np.ndarray:
    """Which of the touched squares, of any community, are at the place of one of `some` or next to it."""
    width = touched.i.max() - touched.i.min() + 3
    place = (touched.j - touched.j.min()) * width + touched.i - touched.i.min()
    steps = np.array([row * width + column for row in (-1, 0, 1) for column in (-1, 0, 1)])
    return np.isin(place, (place[some][:, None] + steps).ravel())


def _intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`shapely.intersection` on all cores: GEOS runs without Python's lock."""
    cores = min(8, os.cpu_count() or 1)
    if cores == 1 or len(a) < 1000:
        return shapely.intersection(a, b)
    bounds = np.linspace(0, len(a), 4 * cores + 1).astype(int)
    with ThreadPoolExecutor(cores) as pool:
        parts = pool.map(lambda low, high: shapely.intersection(a[low:high], b[low:high]), bounds[:-1], bounds[1:])
        return np.concatenate(list(parts))


def _same_nodes(pieces: np.ndarray, corners: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """`pieces` with nodes that differed only by rounding made equal to the last bit.

    Where a community's edge crosses a side, both squares compute the crossing, GEOS from differently trimmed copies
    of the edge; without this a merged cell could keep a slit 1e-14 degrees wide. Corners of squares and communities'
    own vertices (`fixed`) never move.
    """
    points, piece = shapely.get_coordinates(pieces, return_index=True)
    corners = corners[piece]
    off = np.abs(points[:, None] - corners).max(axis=2)
    nearest = off.argmin(axis=1)
    off = off[np.arange(len(off)), nearest]
    at_corner = np.flatnonzero((off < _SAME_DEG) & (off > 0.0))
    moved = points.copy()
    moved[at_corner] = corners[at_corner, nearest[at_corner]]
    free = np.flatnonzero(off >= _SAME_DEG)
    moved[free] = _clustered(np.concatenate([fixed, points[free]]))[len(fixed) :]
    changed = np.unique(piece[(moved != points).any(axis=1)])
    if len(changed):
        _move(pieces, changed, moved[np.isin(piece, changed)])
    return pieces


def _clustered(points: np.ndarray) -> np.ndarray:
    """`points` (n, 2), each replaced by the first point in the array that is the same but for rounding.

    Four grids, shifted by half a mesh, so that two points nearly equal fall into one mesh of at least one of them.
    """
    points = points.copy()
    for shift in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        mesh = np.floor(points / _SAME_DEG + shift).astype(np.int64)
        key = mesh[:, 0] * np.int64(0x1E3779B97F4A7C15) ^ mesh[:, 1]
        _, first, at = np.unique(key, return_index=True, return_inverse=True)
        chosen = points[first[at]]
        near = np.abs(chosen - points).max(axis=1) < 2.0 * _SAME_DEG
        points[near] = chosen[near]
    return points


def _move(pieces: np.ndarray, changed: np.ndarray, points: np.ndarray) -> None:
    """Give the `changed` pieces their new coordinates, save those that would not be valid any more."""
    moved = shapely.set_coordinates(pieces[changed], points)
    good = shapely.is_valid(moved) & (shapely.area(moved) > 0.0)
    pieces[changed[good]] = shapely.remove_repeated_points(moved[good])


def _local_parts(areas: np.ndarray, touched: raster.Squares, corners: np.ndarray, some: np.ndarray) -> np.ndarray:
    """For `some` of the touched squares the community, or a part of it that is enough, where it has many vertices."""
    owner = touched.owner[some]
    local = areas[owner]
    many = np.flatnonzero(shapely.get_num_coordinates(areas)[owner] > _MANY_VERTICES)
    if not len(many):
        return local
    key = np.stack([owner[many], touched.j[some[many]] // _BLOCK, touched.i[some[many]] // _BLOCK], axis=1)
    block, at = np.unique(key, axis=0, return_inverse=True)
    at = at.ravel()
    within = corners[some[many]]
    low, high = np.full((len(block), 2), np.inf), np.full((len(block), 2), -np.inf)
    np.minimum.at(low, at, within.min(axis=1))
    np.maximum.at(high, at, within.max(axis=1))
    frame = 1e-5  # the block's own edge stays clear of its squares
    boxes = shapely.box(low[:, 0] - frame, low[:, 1] - frame, high[:, 0] + frame, high[:, 1] + frame)
    local[many] = shapely.intersection(areas[block[:, 0]], boxes)[at]
    return local


def _piece_areas(pieces: np.ndarray, corners: np.ndarray, size_m: float) -> np.ndarray:
    """Area in the projected system: by the share of the square, whose area there is known, so that the pieces of a
    square add up to it; corrected for the degree's shrinking to the north between the two middles."""
    across, up = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    whole = 0.5 * (across[:, 0] * up[:, 1] - across[:, 1] * up[:, 0])
    shrink = geo.area_of_degrees(shapely.get_y(shapely.centroid(pieces)))
    shrink /= geo.area_of_degrees(corners[:, :, 1].mean(axis=1))
    return size_m**2 * shapely.area(pieces) / whole * shrink


def _number(candidates: Candidates, group: np.ndarray, owners: int, size_m: float, least_m2: float) -> list[Division]:
    area_m2 = np.bincount(group, candidates.area_m2, len(group))
    geoms = _united(candidates, group)
    cells = _in_order(candidates, group)
    first = np.searchsorted(candidates.owner[group[cells]], np.arange(owners + 1))
    divisions = []
    for low, high in zip(first[:-1], first[1:], strict=True):
        own = group[cells[low:high]]
        division = Division(geoms[own], np.arange(1, high - low + 1), area_m2[own], size_m, [])
        for at in np.flatnonzero(division.area_m2 < least_m2):
            facts = {"seq": int(at) + 1, "area_m2": float(division.area_m2[at])}
            division.notes.append(Note("sliver-kept", facts))
        divisions.append(division)
    return divisions


def _in_order(candidates: Candidates, group: np.ndarray) -> np.ndarray:
    """The largest piece of each group, communities one after the other, each in reading order."""
    by_size = np.lexsort((-candidates.area_m2, group))
    main = by_size[np.flatnonzero(np.diff(group[by_size], prepend=-1))]
    west, _, _, north = shapely.bounds(candidates.geoms[main]).T
    return main[np.lexsort((-north, west, candidates.i[main], -candidates.j[main], candidates.owner[main]))]


def _united(candidates: Candidates, group: np.ndarray) -> np.ndarray:
    """The geometry of each group, at the place of its leader."""
    geoms = candidates.geoms.copy()
    joined = np.flatnonzero(np.bincount(group, minlength=len(group)) > 1)
    if not len(joined):
        return geoms
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], joined)
    count = np.searchsorted(group[order], joined, side="right") - first
    for size in np.unique(count):
        some = np.flatnonzero(count == size)
        members = candidates.geoms[order[first[some][:, None] + np.arange(size)]]
        geoms[joined[some]] = _union(members)
    return geoms


def _union(members: np.ndarray) -> np.ndarray:
    """One polygon for each row of `members` (n, k), which hang together along edges.

    As a coverage where the nodes of common edges are the same to the last bit, which is the rule; else by an overlay.
    """
    united = _only_part(_coverage_union(members))
    off = np.abs(shapely.area(united) - shapely.area(members).sum(axis=1)) > 1e-9 * shapely.area(united)
    bad = np.flatnonzero((shapely.get_type_id(united) != 3) | off | ~shapely.is_valid(united))
    if len(bad):
        united[bad] = _only_part(shapely.union_all(members[bad], axis=1))
    return shapely.orient_polygons(united)


def _coverage_union(members: np.ndarray) -> np.ndarray:
    """GEOS refuses all rows for the fault of one: halves are tried until that one stands alone, and is overlaid."""
    try:
        return shapely.coverage_union_all(members, axis=1)
    except shapely.GEOSException:
        if len(members) == 1:
            return shapely.union_all(members, axis=1)
    half = len(members) // 2
    return np.concatenate([_coverage_union(members[:half]), _coverage_union(members[half:])])


def _only_part(geoms: np.ndarray) -> np.ndarray:
    single = (shapely.get_type_id(geoms) == 6) & (shapely.get_num_geometries(geoms) == 1)
    geoms[single] = shapely.get_geometry(geoms[single], 0)
    return geoms
