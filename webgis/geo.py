"""Coordinate systems and the few measurements everything else needs.

Holds the conversions between what comes in from outside (WGS 84, GCJ-02, BD-09) and what is stored (CGCS2000
geographic, EPSG 4490, longitude first), the check of a longitude and latitude, the way to the city's projected
system and areas in it. Holds no geometry of the grid.

CGCS2000 and WGS 84 are taken as equal: both are realisations of ITRF on ellipsoids that differ by 0.1 mm in the
semi-minor axis, EPSG knows only a null transformation between them, and the real difference (the drift of the plates
since epoch 2000.0, some decimetres) is below what a phone can tell. Standards: section 8 of the domain facts.

GCJ-02 and BD-09 are not published as standards; the formulas below are the ones that were worked out from the
behaviour of the Chinese web maps and that all open libraries share. They hold inside the rectangle 72.004-137.8347 E,
0.8293-55.8271 N and are the identity outside it. Each direction asks the rectangle about the point *it is given*, so
within about 1 km of the rectangle's edge a round trip need not come back; no point of China lies there (its land
and waters end more than 1 degree inside on the west, south and east and 2 degrees inside on the north).
"""

import functools
import json
import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pyproj
import shapely

from webgis.errors import Invalid

CRS_NAMES = ("wgs84", "gcj02", "bd09", "cgcs2000")
SRID = 4490
"""CGCS2000 geographic, longitude first: the one system in which everything is stored."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

WEST, EAST, SOUTH, NORTH = 72.004, 137.8347, 0.8293, 55.8271

_KRASOVSKY_A = 6378245.0
_KRASOVSKY_E2 = 0.00669342162296594323
_BD_ANGLE = math.pi * 3000.0 / 180.0
_BD_EAST, _BD_NORTH = 0.0065, 0.006
_ROUNDS = 12
_SETTLED_DEG = 1e-11  # about one micrometre

_CGCS2000_A = 6378137.0
_CGCS2000_E2 = 0.00669438002290


def check_crs(crs: str) -> str:
    """`crs` if it is one of CRS_NAMES, else `Invalid` ("geo.crs-unknown")."""
    if crs not in CRS_NAMES:
        raise Invalid(
            "geo.crs-unknown",
            f"There is no coordinate system {crs!r}; known are {', '.join(CRS_NAMES)}",
            field="crs",
            got=crs,
            accepted=list(CRS_NAMES),
        )
    return crs


def check_lonlat(lon: Any, lat: Any) -> tuple[Any, Any]:
    """Longitude and latitude in degrees as floats (scalars) or float arrays, refused where they cannot be meant.

    `Invalid` "geo.not-a-number", "geo.swapped" (the two would fit the other way round: latitude out of range, or a
    point that is in China only when swapped) or "geo.out-of-range". Array facts carry the `index` of the first fault.
    """
    if np.ndim(lon) == 0 and np.ndim(lat) == 0:
        return _check_point(lon, lat)
    lon, lat = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    good = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    bad = ~good | (_inside(lat, lon) & ~_inside(lon, lat))
    if bad.any():
        first = int(np.flatnonzero(bad.ravel())[0])
        _check_point(lon.ravel()[first], lat.ravel()[first], index=first)
    return lon, lat


def _check_point(lon: Any, lat: Any, **facts: Any) -> tuple[float, float]:
    lon, lat = _number("lon", lon, facts), _number("lat", lat, facts)
    if _inside(lat, lon) and not _inside(lon, lat) or abs(lat) > 90.0 >= abs(lon) and abs(lat) <= 180.0:
        raise Invalid(
            "geo.swapped",
            f"{lon}, {lat} is not a longitude and latitude; it looks as if longitude and latitude are swapped",
            field="lon",
            got=[lon, lat],
            expected="longitude first, then latitude, in degrees",
            accepted=[lat, lon],
            **facts,
        )
    for field, value, limit in (("lon", lon, 180.0), ("lat", lat, 90.0)):
        if not abs(value) <= limit:
            raise Invalid(
                "geo.out-of-range",
                f"{field} is {value}; accepted are degrees from {-limit:g} to {limit:g}",
                field=field,
                got=value,
                accepted=[-limit, limit],
                **facts,
            )
    return lon, lat


def _number(field: str, value: Any, facts: dict) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise Invalid(
            "geo.not-a-number",
            f"{field} is {value!r}; a number of degrees is expected",
            field=field,
            got=str(value),
            accepted="a number of degrees",
            **facts,
        )
    return number


def read_box(given: str) -> Box:
    """The box of a query, `west,south,east,north` in degrees, or `Invalid` ("geo.bad-box", field "bbox")."""
    try:
        west, south, east, north = (float(part) for part in given.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        accepted = "west,south,east,north in degrees, west of east and south of north"
        raise Invalid("geo.bad-box", f"bbox: {accepted}", field="bbox", got=given, accepted=accepted)
    return west, south, east, north


MOST_CORNERS = 200


def read_ring(given: str) -> str:
    """The polygon of a query, its corners as `lon,lat` with spaces between, as WKT; `Invalid` ("geo.bad-ring", field
    "within")."""
    try:
        corners = [(float(lon), float(lat)) for lon, lat in (corner.split(",") for corner in given.split())]
    except ValueError:
        corners = []
    inside = all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in corners)
    if not (inside and 3 <= len(set(corners)) <= len(corners) <= MOST_CORNERS):
        accepted = f"3 to {MOST_CORNERS} corners as lon,lat in degrees with spaces between"
        raise Invalid("geo.bad-ring", f"within: {accepted}", field="within", got=given[:200], accepted=accepted)
    return f"POLYGON(({', '.join(f'{lon} {lat}' for lon, lat in [*corners, corners[0]])}))"


def to_cgcs2000(lon: Any, lat: Any, crs: str) -> tuple[Any, Any]:
    """Degrees in `crs` (one of CRS_NAMES) -> CGCS2000 degrees. Scalars in, floats out; arrays in, arrays out.

    The inverses of GCJ-02 and BD-09 are found by fixed point, exact to well under a millimetre.
    """
    lon, lat = check_lonlat(lon, lat)
    if check_crs(crs) in ("wgs84", "cgcs2000"):
        return lon, lat
    encode = _ENCODE[crs]
    if isinstance(lon, float):
        return _decode(encode, lon, lat) if _inside(lon, lat) else (lon, lat)
    return _on_inside(functools.partial(_decode_array, encode), lon, lat)


def from_cgcs2000(lon: Any, lat: Any, crs: str) -> tuple[Any, Any]:
    """CGCS2000 degrees -> degrees in `crs` (one of CRS_NAMES). Scalars in, floats out; arrays in, arrays out."""
    lon, lat = check_lonlat(lon, lat)
    if check_crs(crs) in ("wgs84", "cgcs2000"):
        return lon, lat
    encode = _ENCODE[crs]
    if isinstance(lon, float):
        return encode(math, lon, lat) if _inside(lon, lat) else (lon, lat)
    return _on_inside(functools.partial(encode, np), lon, lat)


def _inside(lon: Any, lat: Any) -> Any:
    return (lon >= WEST) & (lon <= EAST) & (lat >= SOUTH) & (lat <= NORTH)


def _on_inside(change, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inside = _inside(lon, lat)
    if inside.all():
        return change(lon, lat)
    lon, lat = lon.copy(), lat.copy()
    lon[inside], lat[inside] = change(lon[inside], lat[inside])
    return lon, lat


def _gcj_offset(m: Any, lon: Any, lat: Any) -> tuple[Any, Any]:
    """The shift WGS 84 -> GCJ-02 at a WGS 84 point, in degrees. `m` is `math` (floats) or `numpy` (arrays)."""
    x, y = lon - 105.0, lat - 35.0
    root, pi_x, pi_y = m.sqrt(abs(x)), math.pi * x, math.pi * y
    ripple = 20.0 * m.sin(6.0 * pi_x) + 20.0 * m.sin(2.0 * pi_x)
    east = 300.0 + x + 2.0 * y + 0.1 * x * (x + y) + 0.1 * root
    east += (ripple + 20.0 * m.sin(pi_x) + 40.0 * m.sin(pi_x / 3.0)) / 1.5
    east += (150.0 * m.sin(pi_x / 12.0) + 300.0 * m.sin(pi_x / 30.0)) / 1.5
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + 20.0 * m.sin(pi_y) + 40.0 * m.sin(pi_y / 3.0)) / 1.5
    north += (160.0 * m.sin(pi_y / 12.0) + 320.0 * m.sin(pi_y / 30.0)) / 1.5
    phi = lat * (math.pi / 180.0)
    w2 = 1.0 - _KRASOVSKY_E2 * m.sin(phi) ** 2
    w = m.sqrt(w2)
    east *= 180.0 * w / (math.pi * _KRASOVSKY_A * m.cos(phi))
    north *= 180.0 * w2 * w / (math.pi * _KRASOVSKY_A * (1.0 - _KRASOVSKY_E2))
    return east, north


def _encode_gcj02(m: Any, lon: Any, lat: Any) -> tuple[Any, Any]:
    east, north = _gcj_offset(m, lon, lat)
    return lon + east, lat + north


def _encode_bd09(m: Any, lon: Any, lat: Any) -> tuple[Any, Any]:
    x, y = _encode_gcj02(m, lon, lat)
    radius = m.sqrt(x * x + y * y) + 0.00002 * m.sin(y * _BD_ANGLE)
    angle = (m.atan2 if m is math else m.arctan2)(y, x) + 0.000003 * m.cos(x * _BD_ANGLE)
    return radius * m.cos(angle) + _BD_EAST, radius * m.sin(angle) + _BD_NORTH


_ENCODE = {"gcj02": _encode_gcj02, "bd09": _encode_bd09}


def _decode(encode, lon: float, lat: float) -> tuple[float, float]:
    x, y = lon, lat
    for _ in range(_ROUNDS):
        made_x, made_y = encode(math, x, y)
        step_x, step_y = lon - made_x, lat - made_y
        x += step_x
        y += step_y
        if abs(step_x) < _SETTLED_DEG and abs(step_y) < _SETTLED_DEG:
            break
    return x, y


def _decode_array(encode, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = lon, lat
    for _ in range(_ROUNDS):
        made_x, made_y = encode(np, x, y)
        step_x, step_y = lon - made_x, lat - made_y
        x, y = x + step_x, y + step_y
        if not x.size or max(np.abs(step_x).max(), np.abs(step_y).max()) < _SETTLED_DEG:
            break
    return x, y


def transform_geometry(geometry: Any, crs: str) -> Any:
    """A shapely geometry, or an array of them, given in `crs` -> the same in CGCS2000 (2D).

    Vertices are moved, edges stay straight; refuses swapped or impossible coordinates like `check_lonlat`.
    """

    def move(coordinates: np.ndarray) -> np.ndarray:
        return np.column_stack(to_cgcs2000(coordinates[:, 0], coordinates[:, 1], crs))

    return shapely.transform(geometry, move)


def read_geojson(given: Any) -> Any | None:
    """The geometry of GeoJSON (an object, or its text), in the degrees in which it is given; None for what is none, or
    has a part without corners."""
    try:
        shape = shapely.from_geojson(given if isinstance(given, str) else json.dumps(given), on_invalid="ignore")
    except (TypeError, ValueError, RecursionError):
        return None
    return None if shape is None or shapely.is_empty(shapely.get_parts(shape)).any() else shape


def fault(shape: Any | None, types: Collection[str], most: int) -> tuple[Any, str] | None:
    """Why a geometry that was read cannot be used, as what was given and what is accepted: it is of none of these
    `types`, empty, has more than `most` corners, or crosses itself. None when nothing is wrong."""
    accepted = f"a GeoJSON geometry: {', '.join(types)}, valid, in degrees"
    if shape is None:
        return None, accepted
    if shape.geom_type not in types or shape.is_empty or not np.isfinite(shape.bounds).all():
        return shape.geom_type, accepted
    if (corners := int(shapely.get_num_coordinates(shape))) > most:
        return corners, f"at most {most:,} corners"
    return None if shape.is_valid else (shapely.is_valid_reason(shape), accepted)


def gk_srid(lon: float) -> int:
    """EPSG code of the CGCS2000 3-degree Gauss-Krueger zone (without zone prefix) in which longitude `lon` lies.

    4534 (central meridian 75 E) to 4554 (135 E); `Invalid` outside 73.5 to 136.5 E.
    """
    if not 73.5 <= lon <= 136.5:
        raise Invalid(
            "geo.no-projection",
            f"{lon} E lies in no 3-degree zone of CGCS2000; they cover 73.5 to 136.5 E",
            field="lon",
            got=lon,
            accepted=[73.5, 136.5],
        )
    return 4534 + min(math.floor((lon - 73.5) / 3), 20)


@functools.cache
def in_metres(srid: int) -> bool:
    """Whether EPSG:`srid` is a projected system that measures in metres. Web maps (EPSG:3857) do not: theirs are metres
    of the equator, 16 % too many at 30 N."""
    try:
        system = pyproj.CRS.from_epsg(srid)
    except pyproj.exceptions.CRSError:
        return False
    metres = system.is_projected and all(axis.unit_name == "metre" for axis in system.axis_info)
    return metres and "Pseudo-Mercator" not in system.name


@functools.cache
def projector(srid: int) -> pyproj.Transformer:
    """The transformer from CGCS2000 degrees (longitude first) to metres (easting first) in `srid`; kept for reuse."""
    return pyproj.Transformer.from_crs(SRID, srid, always_xy=True)


def project(geometry: Any, srid: int) -> Any:
    """A shapely geometry, or an array of them, from CGCS2000 degrees to metres in `srid`, vertex by vertex."""

    def move(coordinates: np.ndarray) -> np.ndarray:
        return np.column_stack(projector(srid).transform(coordinates[:, 0], coordinates[:, 1]))

    return shapely.transform(geometry, move)


def unproject(geometry: Any, srid: int) -> Any:
    """What `project` gives, back in CGCS2000 degrees."""

    def move(coordinates: np.ndarray) -> np.ndarray:
        x, y = coordinates[:, 0], coordinates[:, 1]
        return np.column_stack(projector(srid).transform(x, y, direction="INVERSE"))

    return shapely.transform(geometry, move)


def area_m2(geometry: Any, srid: int) -> Any:
    """Area in m2 in the projected system `srid` of polygons whose edges are straight in degrees, as they are stored.

    Long edges are cut before they are projected, so a polygon's area is the sum of its parts' areas: a straight
    edge of 1 km along a parallel and the chord of its projected ends enclose some 8 m2 at 30 N.
    """
    return shapely.area(project(shapely.segmentize(geometry, 0.0005), srid))


def area_of_degrees(lat: Any) -> Any:
    """Square metres on the ellipsoid per square degree at latitude `lat` (degrees); for quick local measures."""
    phi = np.radians(lat)
    w2 = 1.0 - _CGCS2000_E2 * np.sin(phi) ** 2
    return _CGCS2000_A**2 * (1.0 - _CGCS2000_E2) * np.cos(phi) / w2**2 * math.radians(1.0) ** 2
