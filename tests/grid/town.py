"""A town for tests of the grid: one subdistrict of two communities, West and East, each 500 m x 300 m.

Their outlines have a vertex at every corner of the 100 m lattice, so that West and East are exactly 15 cells each.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import shapely
from sqlalchemy.orm import Session

from webgis.grid import areas, dividing
from webgis.grid.files import Layer

SRID = 4544
CITY, COUNTY, STREET = "5101", "510104", "510104017"
WEST, EAST = "510104017001", "510104017002"
LEFT, BOTTOM = 411_000.0, 3_392_000.0
"""The south-west corner of the town, metres of EPSG:4544."""

NAMES = {CITY: "成都市", COUNTY: "锦江区", STREET: "春熙路街道", WEST: "西社区", EAST: "东社区"}

_BACK = pyproj.Transformer.from_crs(SRID, 4490, always_xy=True)


def degrees(geoms):
    """Geometries given in metres from the town's south-west corner, as CGCS2000 degrees."""
    return shapely.transform(geoms, lambda xy: np.column_stack(_BACK.transform(xy[:, 0] + LEFT, xy[:, 1] + BOTTOM)))


def square(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """A rectangle in metres from the town's south-west corner, with a vertex every 100 m, as degrees."""
    return degrees(shapely.segmentize(shapely.box(west, south, east, north), 100.0))


def place(east: float, north: float) -> tuple[float, float]:
    """Longitude and latitude of a point in metres from the town's south-west corner."""
    point = degrees(shapely.Point(east, north))
    return point.x, point.y


def shapes() -> dict[str, shapely.Polygon]:
    """The town's areas by code, in CGCS2000 degrees."""
    whole = square(0, 0, 1000, 300)
    return {CITY: whole, COUNTY: whole, STREET: whole, WEST: square(0, 0, 500, 300), EAST: square(500, 0, 1000, 300)}


def layer(codes: Sequence[str], geoms: Sequence, **columns: Sequence) -> Layer:
    """Features as `files.read` would give them."""
    made = {name: np.array(values, dtype=object) for name, values in {"code": codes, **columns}.items()}
    return Layer(np.array(geoms, dtype=object), made, "EPSG:4490", "UTF-8")


def load(session: Session, **changed: shapely.Geometry) -> areas.Outcome:
    """Store the town's areas; `changed` gives other shapes, as `west=...`, `east=...`."""
    found = shapes() | {{"west": WEST, "east": EAST}[name]: shape for name, shape in changed.items()}
    names = [NAMES[code] for code in found]
    return areas.import_areas(session, layer(list(found), list(found.values()), name=names), srid=SRID)


def divide(session: Session, code: str = CITY, **options) -> dividing.Outcome:
    """Divide the town, or one of its areas."""
    return dividing.divide_area(session, code, srid=SRID, **options)


def write(
    path: Path, geoms: Sequence, columns: Mapping[str, Sequence], crs: str | None = "EPSG:4490", **options
) -> Path:
    """A small vector file, as others would make it."""
    values = [np.array(values, dtype=object) for values in columns.values()]
    wkb = shapely.to_wkb(np.array(geoms, dtype=object))
    pyogrio.raw.write(path, wkb, values, list(columns), crs=crs, geometry_type="Unknown", **options)
    return path
