"""The projected system in whose metres areas are measured: which one, and whether it fits where they lie.

A city elsewhere than the one that a setting or an option was written for is measured wrong without anything failing: in
EPSG:4544 (105 E) a square kilometre at 87.6 E would come out 5 % too large. So a system is held against the place.
"""

import functools

import numpy as np
import pyproj
import shapely

from webgis import geo
from webgis.errors import Invalid

MOST_OFF = 0.002
"""So much longer or shorter than on the ground lengths may be: 3-degree zones keep within 0.0004 (at their edge on the
equator), 6-degree zones and UTM within 0.0014. Ours."""


def zone_of(geoms: np.ndarray) -> int | None:
    """EPSG code of the 3-degree zone of CGCS2000 in which `geoms` (degrees) lie; None when they have no place."""
    middle = _middle(geoms)
    return None if middle is None else geo.gk_srid(middle[0])


def check(srid: int, geoms: np.ndarray) -> None:
    """Refuse ("grid.bad-system") a system that does not measure in metres, or not where `geoms` (degrees) lie."""
    if not geo.in_metres(srid):
        raise _bad(f"EPSG:{srid} is no projected system in metres", srid, geoms)
    middle = _middle(geoms)
    if middle is not None and (off := _off(srid, *middle)) > MOST_OFF:
        lon, lat = middle
        raise _bad(f"Metres of EPSG:{srid} are {off:.1%} off at {lon:.2f}, {lat:.2f}, where the areas lie", srid, geoms)


def _middle(geoms: np.ndarray) -> tuple[float, float] | None:
    west, south, east, north = shapely.total_bounds(geoms)
    return None if np.isnan(west) else (float(west + east) / 2, float(south + north) / 2)


@functools.lru_cache(maxsize=256)
def _off(srid: int, lon: float, lat: float) -> float:
    """How far a length in the system is from the one on the ground at a place, as a share; infinite far away."""
    factors = pyproj.Proj(pyproj.CRS.from_epsg(srid)).get_factors(lon, lat)
    scales = np.array([factors.meridional_scale, factors.parallel_scale])
    return float(np.abs(scales - 1).max()) if np.isfinite(scales).all() else float("inf")


def _bad(why: str, srid: int, geoms: np.ndarray) -> Invalid:
    middle = _middle(geoms)
    fits = middle and 73.5 <= middle[0] <= 136.5 and geo.gk_srid(middle[0])
    accepted = f"EPSG:{fits}, the 3-degree zone there" if fits else "a projected system in metres for this place"
    return Invalid(
        "grid.bad-system",
        f"{why}. Expected is {accepted}: --projected-srid, or the setting projected_srid",
        field="projected_srid",
        got=srid,
        accepted=fits or accepted,
    )
