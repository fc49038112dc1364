"""Which pieces of a division become one cell: slivers join the neighbour with the longest shared edge. Pure.

Pieces lie in the squares of a lattice (`division.py`), so two of them can only share an edge along a side of a square.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from webgis.grid import raster

_ON_SIDE_DEG = 1e-11  # a vertex this near to a side of its square lies on it: one micrometre
_SHARED_M = 1e-5  # a shared edge shorter than this joins nothing


@dataclass
class Candidates:
    """Pieces of touched squares, then whole squares inside. `square`: for a piece, its index in `squares.touched`."""

    geoms: np.ndarray
    owner: np.ndarray
    i: np.ndarray
    j: np.ndarray
    area_m2: np.ndarray
    square: np.ndarray
    corners: np.ndarray


def joined(squares: raster.Cover, candidates: Candidates, size_m: float, least_m2: float) -> np.ndarray:
    """(n,) int: for each candidate the one that stands for its cell, when all below `least_m2` that can be are merged.

    Smallest first, into the neighbour of the same community with the longest shared edge (of equal ones the larger,
    then the first in order), until none merges. One without a neighbour stays alone.
    """
    return _merge(_shared_edges(squares, candidates, size_m), candidates.area_m2, least_m2)


def _shared_edges(squares: raster.Cover, candidates: Candidates, size_m: float) -> tuple[np.ndarray, ...]:
    """Pairs of candidates of one community and the length in metres of the edge they share: a, b, length.

    Only along sides of squares that a touched square has, and whole squares only as `b`.
    """
    piece, side, low, high = _on_sides(candidates)
    i, j, owner = candidates.i[piece], candidates.j[piece], candidates.owner[piece]
    packing = raster.Packing(
        candidates.i.min() - 1, candidates.i.max() + 2, candidates.j.min() - 1, candidates.j.max() + 2
    )
    # Sides: 0 south, 1 east, 2 north, 3 west. A line bears the name of the square north or east of it.
    line = packing.pack(owner, i + (side == 1), j + (side == 2)) * 2 + side % 2
    a, b, length = _facing(line, piece, side, low, high)
    beyond = packing.pack(owner, i + np.array([0, 1, 0, -1])[side], j + np.array([-1, 0, 1, 0])[side])
    inside = packing.pack(squares.inside.owner, squares.inside.i, squares.inside.j)
    at = np.searchsorted(inside, beyond)
    found = np.flatnonzero(np.append(inside, -1)[at] == beyond)
    a = np.concatenate([a, piece[found]])
    b = np.concatenate([b, len(candidates.square) + at[found]])
    return a, b, np.concatenate([length, (high - low)[found]]) * size_m


def _on_sides(candidates: Candidates) -> tuple[np.ndarray, ...]:
    """Edges of pieces along the sides of their squares: piece, side, and the stretch of the side from low to high
    (0..1, from west or south)."""
    lines = raster.edges(candidates.geoms[: len(candidates.square)])
    starts, ends, piece = lines.starts, lines.ends, lines.owner
    corners = candidates.corners[candidates.square]
    found = []
    for side, (p, q) in enumerate(((0, 1), (1, 2), (3, 2), (0, 3))):
        origin, along = corners[:, p], corners[:, q] - corners[:, p]
        length = np.hypot(along[:, 0], along[:, 1])
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]
        near = np.abs(_dot(starts - origin[piece], normal[piece])) < _ON_SIDE_DEG
        near &= np.abs(_dot(ends - origin[piece], normal[piece])) < _ON_SIDE_DEG
        at = np.flatnonzero(near)
        axis = side % 2
        base, reach = origin[piece[at], axis], along[piece[at], axis]
        s, e = (starts[at, axis] - base) / reach, (ends[at, axis] - base) / reach
        found.append((piece[at], np.full(len(at), side), np.minimum(s, e), np.maximum(s, e)))
    return tuple(np.concatenate(x) for x in zip(*found, strict=True))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]


def _facing(line, piece, side, low, high) -> tuple[np.ndarray, ...]:
    """Pairs of pieces on the two banks of one line, and the length (in squares) they have in common."""
    order = np.lexsort((piece, line))
    line, piece, side, low, high = (x[order] for x in (line, piece, side, low, high))
    last = np.searchsorted(line, line, side="right")
    count = last - np.arange(len(line)) - 1
    a = np.repeat(np.arange(len(line)), count)
    b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count)
    length = np.minimum(high[a], high[b]) - np.maximum(low[a], low[b])
    good = (side[a] != side[b]) & (length > 0.0)
    a, b, length = piece[a[good]], piece[b[good]], length[good]
    return np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([length, length])


def _merge(shared: tuple[np.ndarray, ...], area_m2: np.ndarray, least_m2: float) -> np.ndarray:
    """The candidate that stands for each candidate's group, after every sliver that has a neighbour is merged."""
    a, b, length = shared
    small = area_m2 < least_m2
    use = small[a]
    beside: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for x, y, metres in zip(a[use].tolist(), b[use].tolist(), length[use].tolist(), strict=True):
        beside[x][y] += metres
    leader = list(range(len(area_m2)))
    size = area_m2.tolist()
    heap = [(size[x], x) for x in beside]
    heapq.heapify(heap)
    while heap:
        area, x = heapq.heappop(heap)
        if leader[x] != x or area != size[x] or area >= least_m2:
            continue
        near: dict[int, float] = defaultdict(float)
        for y, metres in beside.pop(x).items():
            near[_leader(leader, y)] += metres
        near.pop(x, None)
        best = max(near, key=lambda y: (round(near[y], 6), size[y], -y), default=None)
        if best is None or near[best] < _SHARED_M:
            continue
        leader[x] = best
        size[best] += area
        if size[best] < least_m2 and best in beside:
            for y, metres in near.items():
                beside[best][y] += metres
            heapq.heappush(heap, (size[best], best))
    for x in np.flatnonzero(small).tolist():
        leader[x] = _leader(leader, x)
    return np.array(leader)


def _leader(leader: list[int], x: int) -> int:
    while leader[x] != x:
        leader[x] = leader[leader[x]]
        x = leader[x]
    return x
