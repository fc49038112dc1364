"""The ground of an emergency: a circle around its place, or an outline that somebody gave."""

from collections.abc import Mapping
from typing import Any

import shapely
from geoalchemy2 import Geometry
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import Row, func, literal, select
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.emergency import rules
from webgis.errors import Invalid, NotFound
from webgis.grid import queries as grid
from webgis.grid.models import Area
from webgis.hazards import impact_rules, source_queries

MOST_CORNERS = 5000
SEGMENTS = 16
"""A quarter of a circle has so many: messages that are sent hold no thousands of corners."""

SHAPES = ("Polygon", "MultiPolygon")


def outline(given: Mapping[str, Any], crs: str) -> shapely.MultiPolygon:
    """A GeoJSON outline in a coordinate system as CGCS2000. `Invalid` for what is no ground."""
    shape = geo.read_geojson(dict(given))
    if fault := geo.fault(shape, SHAPES, MOST_CORNERS):
        raise rules.bad_field("area", *fault)
    try:
        return multi(geo.transform_geometry(shapely.force_2d(shape), crs))
    except Invalid as error:
        raise rules.bad_field("area", error.facts.get("got"), f"an outline in {crs}: {error.message}") from None


def require_near(session: Session, actor: Actor, shape: shapely.MultiPolygon, place: tuple[float, float]) -> None:
    """Refuse an outline that reaches farther from the place than a circle may, or misses the area of who is limited."""
    if not around(session, *place, rules.LARGEST_RADIUS_M).covers(shape):
        raise rules.bad_field("area", None, f"ground within {rules.LARGEST_RADIUS_M:,} m of the place")
    theirs = select(Area.code).where(Area.code == actor.area, func.ST_Intersects(Area.geom, stored(shape)))
    if actor.area is not None and session.scalar(theirs) is None:
        raise rules.bad_field("area", None, f"ground that reaches into {actor.area}")


def multi(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """The polygons of a shape as one."""
    return shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])


def around(session: Session, lon: float, lat: float, metres: float) -> shapely.MultiPolygon:
    """The ground within so many metres of a place, in the projected system of the area there."""
    place = literal(from_shape(shapely.Point(lon, lat), geo.SRID), Geometry)
    asked = select(func.fn.ground_within(place, metres, grid.srid_at(session, lon, lat), SEGMENTS, type_=Geometry))
    return multi(to_shape(session.scalar(asked)))


def hazard(session: Session, actor: Actor, code: str) -> Row[Any]:
    """The hazard source of this code (`source_queries.require`), or `Invalid` when this person may not see it."""
    permissions.require(actor, "hazards.see")
    try:
        return source_queries.require(session, actor, code)
    except NotFound:
        raise rules.bad_field("hazard", code, "the code of a hazard source that you may see") from None


def ring(session: Session, actor: Actor, code: str, metres: float) -> dict[str, Any]:
    """The ground within so many metres of a hazard source that this person may see, as GeoJSON in CGCS2000."""
    source, whole = hazard(session, actor, code), round(impact_rules.checked_metres(metres))
    return source_queries.rings(session, source, [whole])[0].geometry


def stored(shape: shapely.Geometry):
    """A shape as a column takes it."""
    return from_shape(shape, geo.SRID)
