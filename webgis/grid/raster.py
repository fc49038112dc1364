"""Which squares of a lattice the edges of polygons touch, and which lie wholly inside. Pure NumPy, no clipping.

Both the division (lattice in metres) and the bulk assignment (lattice in degrees) stand on it. A lattice is given as a
function from degrees to lattice units, in which square (i, j) is [i, i+1) x [j, j+1); i grows east, j north.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

_PIECE = 0.45  # longest part of an edge, in squares: with the margin it never spans more than two squares


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
    """`touched`: every square an edge comes within the margin of (a few more may be named);
    `inside`: all the others that lie in the polygon."""

    touched: Squares
    inside: Squares


def cover(polygons: np.ndarray, to_lattice: Callable, margin: float) -> Cover:
    """The squares of `polygons` ((n,) valid Polygons or MultiPolygons).

    `to_lattice(lon, lat) -> (u, v)`; `margin` in squares (below 0.04): how far a straight edge in degrees may seem to
    lie from its place, because it is not straight in the lattice or is rounded.
    """
    starts, ends, owner = edges(polygons)
    u0, v0, u1, v1, owner = _pieces(starts, ends, owner, to_lattice)
    i0, i1 = _span(u0, u1, margin)
    j0, j1 = _span(v0, v1, margin)
    packing = Packing(i0.min() - 1, i1.max() + 2, j0.min() - 1, j1.max() + 2)
    touched = _touched(packing, owner, i0, i1, j0, j1)
    inside = _between(packing, touched, _crossings(packing, owner, u0, v0, u1, v1))
    return Cover(packing.unpack(touched), packing.unpack(inside))


def edges(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All edges of `polygons`, rings and holes alike: starts (m, 2), ends (m, 2), index of the polygon (m,)."""
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    return points[same], points[same + 1], part_owner[ring_part[ring[same]]]


def _pieces(starts, ends, owner, to_lattice) -> tuple[np.ndarray, ...]:
    """Edges cut so that none is longer than _PIECE of a square; cut in degrees, where they are straight."""
    u0, v0 = to_lattice(starts[:, 0], starts[:, 1])
    u1, v1 = to_lattice(ends[:, 0], ends[:, 1])
    count = np.maximum(1, np.ceil(np.maximum(np.abs(u1 - u0), np.abs(v1 - v0)) / _PIECE)).astype(np.int64)
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
    return from_u, from_v, to_u, to_v, owner[edge]


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


def _touched(packing, owner, i0, i1, j0, j1) -> np.ndarray:
    corners = [packing.pack(owner, i0, j0)]
    for wide, i, j in ((i1 > i0, i1, j0), (j1 > j0, i0, j1), ((i1 > i0) & (j1 > j0), i1, j1)):
        corners.append(packing.pack(owner[wide], i[wide], j[wide]))
    keys = np.sort(np.concatenate([_changes(keys) for keys in corners]))  # quicker than np.unique, which hashes
    return _changes(keys)


def _changes(keys: np.ndarray) -> np.ndarray:
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = keys[1:] != keys[:-1]
    return keys[fresh]


def _crossings(packing, owner, u0, v0, u1, v1) -> np.ndarray:
    """Packed squares in which an edge crosses the middle line of its row, sorted."""
    row0, row1 = np.floor(v0 + 0.5), np.floor(v1 + 0.5)
    across = np.flatnonzero(row0 != row1)
    row = np.minimum(row0[across], row1[across])
    share = (row + 0.5 - v0[across]) / (v1[across] - v0[across])
    i = np.floor(u0[across] + share * (u1[across] - u0[across])).astype(np.int64)
    return np.sort(packing.pack(owner[across], i, row.astype(np.int64)))


def _between(packing, touched, crossings) -> np.ndarray:
    """Untouched squares between touched ones of the same row that have an odd number of crossings on their west."""
    columns = packing.east - packing.west
    gap = np.diff(touched) - 1
    start = np.flatnonzero((gap > 0) & (touched[1:] // columns == touched[:-1] // columns))
    # Rows before this one have an even number of crossings each, so all crossings before a square may be counted.
    odd = np.searchsorted(crossings, touched[start], side="right") % 2 == 1
    first, length = touched[start[odd]] + 1, gap[start[odd]]
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(first - (ends - length), length)
