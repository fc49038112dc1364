"""Which cell holds each of very many points: by key, and not by one index probe per point.

A fine regular grid of keys in degrees is laid over the cells. Most keys lie wholly in one cell, and their points have
their answer by one look into an array; the points of the other keys are tested exactly against the few cells that
have an edge there. Cells may have any shape and may overlap.
"""

import math
from collections.abc import Sequence

import numpy as np
import shapely

from webgis.grid import bulk, raster

_KEYS_PER_SIDE = 3.5  # of a cell of middle size: more keys, longer to make ready and quicker to ask
_MOST_KEYS = 30_000_000
_NONE = -1
NEAR_DEG = 1e-8
"""A point that no cell covers belongs to the nearest one within this many degrees (about 1 mm), as in `fn.cell_at`:
cells cut from a slanting edge are only as exact as coordinates are."""

_EPSILON = 4.0 * np.finfo(float).eps


class CellIndex:
    """Cells of any shape, made ready for questions by the million.

    `codes`: (n,) the cells' codes (text) or ids; `polygons`: (n,) shapely Polygons or MultiPolygons, EPSG 4490.
    """

    def __init__(self, codes: Sequence, polygons: Sequence) -> None:
        self.codes = np.asarray(codes)
        self._order = np.argsort(self.codes, kind="stable")
        self._polygons = np.asarray(polygons, dtype=object)[self._order]
        if not len(self._polygons):
            return
        west, south, east, north = shapely.total_bounds(self._polygons)
        self._west, self._south = west, south
        self._step = self._steps(west, south, east, north)
        self._columns = int((east - west) / self._step[0]) + 3
        self._rows = int((north - south) / self._step[1]) + 3
        lines = raster.edges(self._polygons)
        self._fill(raster.cover(lines, self._place, 2.0 * NEAR_DEG / self._step[1] + 1e-9))
        self._edges = _Edges(lines, len(self._polygons))

    def _steps(self, west, south, east, north) -> tuple[float, float]:
        """Width and height of a key in degrees: square on the ground, several to the side of a cell."""
        shrink = max(0.01, math.cos(math.radians((south + north) / 2.0)))
        middle = math.sqrt(float(np.median(shapely.area(self._polygons))) * shrink)
        least = math.sqrt((east - west) * (north - south) * shrink / _MOST_KEYS)
        side = max(middle / _KEYS_PER_SIDE, least, 100.0 * NEAR_DEG)
        return side / shrink, side

    def _place(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (lon - self._west) / self._step[0] + 1.0, (lat - self._south) / self._step[1] + 1.0

    def _fill(self, squares: raster.Cover) -> None:
        """Per key: -1 nobody, n >= 0 wholly in cell n and no other edge near, -2 - m: the m-th list of candidates."""
        touched, inside = squares.touched, squares.inside
        self._keys = np.full(self._rows * self._columns, _NONE, dtype=np.int32)
        key_inside = inside.j * self._columns + inside.i
        key_touched = touched.j * self._columns + touched.i
        self._keys[key_inside] = inside.owner
        disputed = np.zeros(len(self._keys), dtype=bool)
        disputed[key_touched] = True
        disputed[key_inside[self._keys[key_inside] != inside.owner]] = True
        also = disputed[key_inside]
        key = np.concatenate([key_touched, key_inside[also]])
        cell = np.concatenate([touched.owner, inside.owner[also]])
        order = np.argsort(key * len(self._polygons) + cell, kind="stable")
        key, self._candidates = key[order], cell[order].astype(np.int32)
        start = np.flatnonzero(np.diff(key, prepend=-1))
        self._start = np.append(start, len(key))
        self._keys[key[start]] = -2 - np.arange(len(start))

    def assign(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """(m,) positions in `codes` of the cell of each point (CGCS2000 degrees), -1 where there is none.

        The same answer as `fn.cell_at`: of the cells that cover the point, edge included, the one of the lowest code;
        of a point that none covers, the nearest within NEAR_DEG.
        """
        lon, lat = np.ascontiguousarray(lon, dtype=float), np.ascontiguousarray(lat, dtype=float)
        found = np.full(len(lon), _NONE, dtype=np.int64)
        if not len(self._polygons) or not len(lon):
            return found
        u, v = self._place(lon, lat)
        near = (u >= 0.0) & (u < self._columns) & (v >= 0.0) & (v < self._rows)
        key = np.where(near, v, 0.0).astype(np.int64) * self._columns + np.where(near, u, 0.0).astype(np.int64)
        found[:] = self._keys[key]
        doubtful = np.flatnonzero(found < _NONE)
        found[doubtful] = self._tested(lon[doubtful], lat[doubtful], -2 - found[doubtful])
        known = found >= 0
        found[known] = self._order[found[known]]
        return found

    def _tested(self, lon: np.ndarray, lat: np.ndarray, list_: np.ndarray) -> np.ndarray:
        """The first cell of each point's list of candidates that covers it, else the nearest, else -1."""
        found = np.full(len(lon), _NONE, dtype=np.int64)
        left, at, end = np.arange(len(lon)), self._start[list_], self._start[list_ + 1]
        while len(left):
            cell = self._candidates[at]
            hit = self._covers(cell, lon[left], lat[left])
            found[left[hit]] = cell[hit]
            at = at + 1
            more = ~hit & (at < end)
            left, at, end = left[more], at[more], end[more]
        outside = np.flatnonzero(found == _NONE)
        found[outside] = self._nearest(lon[outside], lat[outside], list_[outside])
        return found

    def _nearest(self, lon: np.ndarray, lat: np.ndarray, list_: np.ndarray) -> np.ndarray:
        found = np.full(len(lon), _NONE, dtype=np.int64)
        count = self._start[list_ + 1] - self._start[list_]
        point = np.repeat(np.arange(len(lon)), count)
        cell = self._candidates[
            self._start[list_][point] + np.arange(len(point)) - np.repeat(count.cumsum() - count, count)
        ]
        gap = shapely.distance(self._polygons[cell], shapely.points(lon[point], lat[point]))
        near = np.flatnonzero(gap <= NEAR_DEG)
        near = near[np.lexsort((cell[near], gap[near].round(15), point[near]))]  # the rest is rounding
        near = near[np.diff(point[near], prepend=-1) != 0]
        found[point[near]] = cell[near]
        return found

    def _covers(self, cell: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        hit, unsure = self._edges.covers(cell, lon, lat)
        if len(unsure):
            hit[unsure] = shapely.intersects_xy(self._polygons[cell[unsure]], lon[unsure], lat[unsure])
        return hit


class _Edges:
    """The edges of all cells, for counting how many of them a ray from a point to the east crosses.

    Answers by plain arithmetic where rounding cannot matter and says "unsure" where it could.
    """

    def __init__(self, lines: raster.Edges, polygons: int) -> None:
        self._x1, self._y1 = np.ascontiguousarray(lines.starts.T)
        self._x2, self._y2 = np.ascontiguousarray(lines.ends.T)
        self._first = np.searchsorted(lines.owner, np.arange(polygons + 1))

    def covers(self, cell: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether each point lies in its cell, and the positions of those for which arithmetic cannot tell."""
        first = self._first[cell]
        count = self._first[cell + 1] - first
        inside, unsure = np.zeros(len(cell), dtype=bool), np.zeros(len(cell), dtype=bool)
        many = count > 64
        unsure[many] = True
        ask = np.flatnonzero(~many)
        for k in range(int(count[ask].max(initial=0))):
            if k:
                ask = ask[count[ask] > k]
            edge = first[ask] + k
            x, y = lon[ask], lat[ask]
            x1, y1, x2, y2 = self._x1[edge], self._y1[edge], self._x2[edge], self._y2[edge]
            above = y1 > y
            across = above != (y2 > y)
            left, right = (x1 - x) * (y2 - y), (x2 - x) * (y1 - y)
            turn = left - right
            sure = np.abs(turn) > _EPSILON * (np.abs(left) + np.abs(right))
            level = (y1 == y) & ((x1 == x) | (y2 == y))
            inside[ask] ^= across & ((turn > 0.0) != above)
            unsure[ask] |= (across & ~sure) | level
        return inside, np.flatnonzero(unsure)


def read_index(cursor, query: str = "SELECT code, geom FROM city.cell WHERE upper_inf(valid)") -> CellIndex:
    """The index of the cells that `query` gives (code as text, geom; trusted SQL); default: the cells valid now."""
    codes, wkb = bulk.read(cursor, query, ("O", "O"))
    return CellIndex(codes.astype("S"), shapely.from_wkb(wkb))


def assign_table(cursor, index: CellIndex, points: str, target: str) -> int:
    """Find the cell of every point of a table and COPY (id, code) to another; returns how many points have a cell.

    `points`: trusted SQL that gives id (bigint), longitude and latitude (double precision, CGCS2000 degrees), none
    NULL; `target`: "schema.table (id, code)", bigint and text. Points without a cell are left out, as by a join.
    """
    ids, lon, lat = bulk.read(cursor, points, ("i8", "f8", "f8"))
    found = index.assign(lon, lat)
    held = np.flatnonzero(found >= 0)
    return bulk.write(cursor, target, [ids[held], index.codes[found[held]]])
