"""Squares cut by the edge of an area where it crosses them as one line: most of them, all at once with NumPy.

A square that the edge enters once and leaves once is cut into two pieces by one line; the piece on the line's left
belongs to the area, whose shells run counter-clockwise. Everything else (several lines, corners, islands, anything
nearer than rounding allows) is left to GEOS and named.
"""

from dataclasses import dataclass

import numpy as np
import shapely

from webgis.grid import raster

_CLEAR = 1e-10  # degrees from a line, and shares of an edge or side, below which arithmetic is not trusted
_SIDES = np.array(
    [(0, 1), (1, 2), (3, 2), (0, 3)]
)  # south, east, north, west: corners from west to east, south to north


@dataclass(frozen=True)
class Clipped:
    """`geoms`, `square`: pieces found, and the positions of their squares; `bare`: positions of the squares that no
    edge crosses, which lie wholly in or out; `hard`: positions of those left to do."""

    geoms: np.ndarray
    square: np.ndarray
    bare: np.ndarray
    hard: np.ndarray


def clip(lines: raster.Edges, square: np.ndarray, edge: np.ndarray, corners: np.ndarray) -> Clipped:
    """Cut squares by the edges of their areas.

    `lines`: edges of areas with counter-clockwise shells and clockwise holes; `square`, `edge`: which edge may touch
    which square, ordered by square, then edge; `corners`: (n, 4, 2) degrees from the south-west counter-clockwise.
    """
    count = len(corners)
    crossing = _cross(lines, square, edge, corners)
    hard = np.zeros(count, dtype=bool)
    hard[square[crossing.unsure]] = True
    met = np.flatnonzero(crossing.meets)
    held = np.bincount(square[met], minlength=count)
    entering, leaving = met[crossing.side_in[met] >= 0], met[crossing.side_out[met] >= 0]
    once = np.bincount(square[entering], minlength=count) == 1
    once &= np.bincount(square[leaving], minlength=count) == 1
    first, last = np.full(count, -1), np.full(count, -1)
    first[square[entering]], last[square[leaving]] = entering, leaving
    simple = np.flatnonzero(once & ~hard)
    first, last = first[simple], last[simple]
    rings = _Rings(lines.ring)
    steps = rings.steps(edge[first], edge[last])
    one_line = steps + 1 == held[simple]
    simple, first, last, steps = (x[one_line] for x in (simple, first, last, steps))
    geoms, sure = _pieces(lines, rings, crossing, edge, corners[simple], first, last, steps)
    done = np.zeros(count, dtype=bool)
    done[simple[sure]] = True
    bare = (held == 0) & ~hard
    return Clipped(geoms, simple[sure], np.flatnonzero(bare), np.flatnonzero(~done & ~bare))


@dataclass(frozen=True)
class _Crossing:
    """Of each pair of square and edge: whether they meet, the sides by which the edge comes in and goes out (-1: it
    begins or ends inside), and whether that is too close to say."""

    meets: np.ndarray
    side_in: np.ndarray
    side_out: np.ndarray
    unsure: np.ndarray


def _cross(lines: raster.Edges, square: np.ndarray, edge: np.ndarray, corners: np.ndarray) -> _Crossing:
    start, end = lines.starts[edge], lines.ends[edge]
    come, go = np.zeros(len(edge)), np.ones(len(edge))
    side_in, side_out = np.full(len(edge), -1), np.full(len(edge), -1)
    out, unsure = np.zeros(len(edge), dtype=bool), np.zeros(len(edge), dtype=bool)
    for side in range(4):
        p, q = corners[square, side], corners[square, (side + 1) % 4]
        along = (q - p) / np.hypot(*(q - p).T)[:, None]
        before, after = _left(along, start - p), _left(along, end - p)
        unsure |= (np.abs(before) < _CLEAR) | (np.abs(after) < _CLEAR)
        out |= (before < 0.0) & (after < 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = before / (before - after)
        inward, outward = (before < 0.0) & (after > 0.0), (before > 0.0) & (after < 0.0)
        later = inward & (share > come)
        come[later], side_in[later] = share[later], side
        sooner = outward & (share < go)
        go[sooner], side_out[sooner] = share[sooner], side
    unsure |= np.abs(go - come) * np.hypot(*(end - start).T) < _CLEAR
    return _Crossing(~out & (come < go), side_in, side_out, unsure & ~_far(start, end, square, corners))


def _left(along: np.ndarray, to: np.ndarray) -> np.ndarray:
    return along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]


def _far(start, end, square, corners) -> np.ndarray:
    """Edges that do not even reach the box around their square; what is unsure of them does not matter."""
    low, high = corners.min(axis=1)[square] - _CLEAR, corners.max(axis=1)[square] + _CLEAR
    return ((np.maximum(start, end) < low) | (np.minimum(start, end) > high)).any(axis=1)


def _pieces(lines, rings, crossing, edge, corners, first, last, steps) -> tuple[np.ndarray, np.ndarray]:
    """The piece on the left of each line; and whether to trust it, (n,) bool. `geoms` only of those to trust."""
    side_in, side_out = crossing.side_in[first], crossing.side_out[last]
    come, go = _node(lines, edge[first], side_in, corners), _node(lines, edge[last], side_out, corners)
    sure = _apart(come, go) & _apart(come[:, None], corners).all(axis=1) & _apart(go[:, None], corners).all(axis=1)
    begin = corners[np.arange(len(corners)), side_out]
    behind = ((come - begin) ** 2).sum(axis=1) < ((go - begin) ** 2).sum(axis=1)
    turns = np.where((side_in == side_out) & behind, 4, (side_in - side_out) % 4)
    keep = np.flatnonzero(sure)
    way, on_way = raster.each(steps[keep])
    way = keep[way]
    back, on_back = raster.each(turns[keep])
    back = keep[back]
    # A ring: where the line comes in, the area's vertices, where it goes out, corners of the square back to the start.
    points = np.concatenate(
        [
            come[keep],
            lines.ends[rings.onward(edge[first[way]], on_way)],
            go[keep],
            corners[back, (side_out[back] + 1 + on_back) % 4],
        ]
    )
    owner = np.concatenate([keep, way, keep, back])
    place = np.concatenate([np.zeros_like(keep), on_way + 1, steps[keep] + 1, steps[back] + 2 + on_back])
    order = np.lexsort((place, owner))
    geoms = shapely.linearrings(points[order], indices=np.searchsorted(keep, owner[order]))
    return shapely.polygons(geoms), sure


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a - b).max(axis=-1) > _CLEAR


def _node(lines: raster.Edges, edge: np.ndarray, side: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Where edges cross sides, to the last bit the same whichever square, or community, asks."""
    row = np.arange(len(corners))
    p, q = corners[row, _SIDES[side, 0]], corners[row, _SIDES[side, 1]]
    start, end = lines.starts[edge], lines.ends[edge]
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    start, end = np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)
    before, after = _left(q - p, start - p), _left(q - p, end - p)
    return start + (before / (before - after))[:, None] * (end - start)


class _Rings:
    """Where each ring begins among the edges and how many it has, by edge."""

    def __init__(self, ring: np.ndarray) -> None:
        starts = np.flatnonzero(np.diff(ring, prepend=-1))
        at = np.cumsum(np.diff(ring, prepend=-1) != 0) - 1
        self._first = starts[at]
        self._length = np.diff(np.append(starts, len(ring)))[at]

    def steps(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """How many edges further along its ring `end` is than `start`; -1 when they are of two rings."""
        return np.where(self._first[start] == self._first[end], (end - start) % self._length[start], -1)

    def onward(self, start: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """The edge `steps` after `start` in its ring."""
        first = self._first[start]
        return first + (start - first + steps) % self._length[start]
