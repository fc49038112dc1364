"""Which squares of a lattice the edges of polygons touch, and which lie wholly inside. Pure NumPy, no clipping.

Both the division (lattice in metres) and the bulk assignment (lattice in degrees) stand on it. A lattice is given as a
function from degrees to lattice units, in which square (i, j) is [i, i+1) x [j, j+1); i grows east, j north.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

_THIN = 0.45  # a part of an edge is cut until the box around it is no wider than this, one way or the other


@dataclass(frozen=True)
class Squares:
    """Squares of a lattice, each belonging to one polygon: three int64 arrays of one length, ordered by owner, then
    row (south to north), then column."""

    owner: np.ndarray
    i: np.ndarray
    j: np.ndarray

    def __len__(self) -> int:
        return len(self.owner)


@dataclass(frozen=True)
class Cover:
    """`touched`: every square an edge comes within the margin of (a few more may be named); `inside`: all the others
    that lie in the polygon. `square`, `edge`: which edge may touch which of the touched squares, as positions."""

    touched: Squares
    inside: Squares
    square: np.ndarray
    edge: np.ndarray


def cover(lines: "Edges", to_lattice: Callable, margin: float, longest: float = np.inf, pairs: bool = False) -> Cover:
    """The squares of the polygons whose edges are `lines`.

    `to_lattice(lon, lat) -> (u, v)`; `margin` in squares (below 0.04): how far a straight edge in degrees may seem to
    lie from its place, because it is not straight in the lattice or is rounded; `longest`: squares after which an
    edge is cut, so that it is straight within the margin (cut in degrees, where it is straight); `pairs`: whether to
    fill `square` and `edge`, ordered by square, then edge.
    """
    u0, v0, u1, v1, edge = _parts(lines, to_lattice, longest)
    owner = lines.owner[edge]
    i0, i1 = _span(u0, u1, margin)
    j0, j1 = _span(v0, v1, margin)
    packing = Packing(i0.min() - 1, i1.max() + 2, j0.min() - 1, j1.max() + 2)
    keys, part = _near(packing, owner, i0, i1, j0, j1)
    touched = _changes(np.sort(keys))  # quicker than np.unique, which hashes
    inside = _between(packing, touched, _crossings(packing, owner, u0, v0, u1, v1))
    square = np.empty(0, dtype=np.int64)
    if pairs:
        square = _changes(np.sort(np.searchsorted(touched, keys) * len(lines.owner) + edge[part]))
    return Cover(packing.unpack(touched), packing.unpack(inside), *np.divmod(square, max(1, len(lines.owner))))


@dataclass(frozen=True)
class Edges:
    """The edges of polygons, shells and holes alike, ring by ring: `starts` (m, 2), `ends` (m, 2), and the positions
    of the polygon and of the ring among all rings (m,)."""

    starts: np.ndarray
    ends: np.ndarray
    owner: np.ndarray
    ring: np.ndarray


def edges(polygons: np.ndarray) -> Edges:
    """All edges of (n,) Polygons or MultiPolygons, in the order of the polygons."""
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    return Edges(points[same], points[same + 1], part_owner[ring_part[ring[same]]], ring[same])


def _parts(lines: Edges, to_lattice: Callable, longest: float) -> tuple[np.ndarray, ...]:
    """Ends of the parts into which edges are cut, in lattice units, and the edge each is of."""
    starts, ends = lines.starts, lines.ends
    u0, v0 = to_lattice(starts[:, 0], starts[:, 1])
    u1, v1 = to_lattice(ends[:, 0], ends[:, 1])
    wide, high = np.abs(u1 - u0), np.abs(v1 - v0)
    need = np.maximum(np.minimum(wide, high) / _THIN, np.maximum(wide, high) / longest)
    count = np.maximum(1, np.ceil(need)).astype(np.int64)
    last = np.cumsum(count) - 1
    edge = np.repeat(np.arange(len(count)), count)
    inner = np.ones(len(edge), dtype=bool)
    inner[last] = False
    to_u, to_v = np.empty(len(edge)), np.empty(len(edge))
    to_u[last], to_v[last] = u1, v1
    at = edge[inner]
    share = ((np.arange(len(edge)) - np.repeat(last - count, count))[inner] / count[at])[:, None]
    between = starts[at] + (ends[at] - starts[at]) * share
    to_u[inner], to_v[inner] = to_lattice(between[:, 0], between[:, 1])
    from_u, from_v = np.roll(to_u, 1), np.roll(to_v, 1)
    first = last - count + 1
    from_u[first], from_v[first] = u0, v0
    return from_u, from_v, to_u, to_v, edge


def _span(a: np.ndarray, b: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    low = np.floor(np.minimum(a, b) - margin).astype(np.int64)
    return low, np.floor(np.maximum(a, b) + margin).astype(np.int64)


@dataclass(frozen=True)
class Packing:
    """Owner, row and column in one int64, so that sorting numbers sorts squares; columns from `west` to below `east`,
    rows from `south` to below `north`."""

    west: int
    east: int
    south: int
    north: int

    def pack(self, owner, i, j) -> np.ndarray:
        rows, columns = self.north - self.south, self.east - self.west
        return (owner * rows + (j - self.south)) * columns + (i - self.west)

    def unpack(self, key: np.ndarray) -> Squares:
        rows, columns = self.north - self.south, self.east - self.west
        row, i = np.divmod(key, columns)
        owner, j = np.divmod(row, rows)
        return Squares(owner, i + self.west, j + self.south)


def _near(packing, owner, i0, i1, j0, j1) -> tuple[np.ndarray, np.ndarray]:
    """Packed squares in the box of each part of an edge, and the part."""
    wide = i1 - i0 + 1
    part, within = each(wide * (j1 - j0 + 1))
    row, column = np.divmod(within, wide[part])
    return packing.pack(owner[part], i0[part] + column, j0[part] + row), part


def each(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For counts (2, 3): (0, 0, 1, 1, 1) and (0, 1, 0, 1, 2)."""
    at = np.repeat(np.arange(len(count)), count)
    return at, np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)


def _changes(keys: np.ndarray) -> np.ndarray:
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = keys[1:] != keys[:-1]
    return keys[fresh]


def _crossings(packing, owner, u0, v0, u1, v1) -> np.ndarray:
    """Packed squares in which an edge crosses the middle line of its row, sorted."""
    row0, row1 = np.floor(v0 + 0.5), np.floor(v1 + 0.5)
    part, within = each(np.abs(row1 - row0).astype(np.int64))
    row = np.minimum(row0, row1)[part] + within
    share = (row + 0.5 - v0[part]) / (v1 - v0)[part]
    i = np.floor(u0[part] + share * (u1 - u0)[part]).astype(np.int64)
    return np.sort(packing.pack(owner[part], i, row.astype(np.int64)))


def _between(packing, touched, crossings) -> np.ndarray:
    """Untouched squares between touched ones of the same row that have an odd number of crossings on their west."""
    columns = packing.east - packing.west
    gap = np.diff(touched) - 1
    start = np.flatnonzero((gap > 0) & (touched[1:] // columns == touched[:-1] // columns))
    # Rows before this one have an even number of crossings each, so all crossings before a square may be counted.
    odd = np.searchsorted(crossings, touched[start], side="right") % 2 == 1
    first, length = touched[start[odd]] + 1, gap[start[odd]]
    at, within = each(length)
    return first[at] + within
