"""The cells of a city as arrays, and places in them."""

from dataclasses import dataclass

import numpy as np
import shapely

_TRIES = 20


@dataclass(frozen=True)
class Ground:
    """The cells of a city by code: their ids, codes, polygons and an inside point of each (degrees), and the names of
    their communities."""

    ids: np.ndarray
    codes: np.ndarray
    polygons: np.ndarray
    inside: np.ndarray
    names: np.ndarray


def ground(cursor) -> Ground:
    """The valid cells of the city."""
    cursor.execute("SELECT code, name_zh FROM city.area WHERE level = 'community'")
    names = dict(cursor.fetchall())
    cursor.execute('SELECT id, code, ST_AsBinary(geom) FROM city.cell WHERE upper_inf(valid) ORDER BY code COLLATE "C"')
    ids, codes, shapes = zip(*cursor.fetchall(), strict=True)
    polygons = shapely.from_wkb([bytes(shape) for shape in shapes])
    inside = shapely.point_on_surface(polygons)
    return Ground(
        np.array(ids),
        np.array(codes),
        polygons,
        np.column_stack((shapely.get_x(inside), shapely.get_y(inside))),
        np.array([names[code[:12]] for code in codes], dtype=object),
    )


def spread(rng: np.random.Generator, ground: Ground, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A place anywhere in each of these cells."""
    polygons = ground.polygons[cell]
    west, south, east, north = shapely.bounds(polygons).T
    x, y = rng.uniform(west, east), rng.uniform(south, north)
    out = np.flatnonzero(~shapely.contains_xy(polygons, x, y))
    for _ in range(_TRIES):
        x[out], y[out] = rng.uniform(west[out], east[out]), rng.uniform(south[out], north[out])
        out = out[~shapely.contains_xy(polygons[out], x[out], y[out])]
    x[out], y[out] = ground.inside[cell[out]].T
    return x, y
