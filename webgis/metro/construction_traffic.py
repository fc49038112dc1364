"""What works do to traffic on a day: roads closed or narrowed, ways round, with what they are in conflict with.

A way round is in conflict with a closure of other works that it meets; a closure or narrowing with the closure of other
works on the same road, and with a route that emergency vehicles need (a closure also with one that it crosses). Roads
that sensors advise to close for water are told beside them and block a way round as well: that the road is closed, and
nothing else of the alarm, for not all who see traffic may see it.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import Row, delete, text
from sqlalchemy.orm import Session

from webgis.errors import Invalid
from webgis.geo import SRID
from webgis.grid import fields, files
from webgis.grid import queries as grid
from webgis.metro.construction_models import EmergencyRoute

NEAR_M = 12.0
"""Lines drawn along one road lie at most so far apart."""

ALONG_M = 40.0
"""What is near another for less than this, and with less than half of its length, only crosses it."""

WET_M = 60.0
"""A way round that comes so near to a place under water leads through it: places of sensors are points."""

ROUTE_FIELDS = {"code": ("code", "代码", "编号"), "name_zh": ("name_zh", "name", "名称"), "name_en": ("name_en",)}

_FEED = text("SELECT * FROM fn.construction_traffic(:at, :known, :near, :along, :wet, :srid)")
_ROUTES = text(
    "SELECT r.code, r.name_zh, r.name_en, r.illustrative, ST_AsGeoJSON(r.geom, 7, 0)::jsonb AS geometry"
    " FROM city.emergency_route r ORDER BY r.code"
)


def feed(session: Session, at: datetime, *, known: datetime | None = None) -> Sequence[Row]:
    """The lines at a moment by what is known at `known` (the same moment when left out): id, kind, words, zone (code,
    name_zh, name_en, contractor), illustrative, first_day, last_day, width_left_m, geometry (GeoJSON) and `conflicts`,
    a list of {with, kind, name_zh, name_en, metres, part (GeoJSON)}; `kind`: closure, narrowed, diversion,
    emergency-route or water."""
    srid = grid.srid_of(session)
    given = {"at": at, "known": known or at, "near": NEAR_M, "along": ALONG_M, "wet": WET_M, "srid": srid}
    return session.execute(_FEED, given).all()


def routes(session: Session) -> Sequence[Row]:
    """The routes that emergency vehicles need."""
    return session.execute(_ROUTES).all()


_WATER = text(
    "SELECT DISTINCT w.station, w.name_zh, w.name_en, ST_AsGeoJSON(w.geom, 7, 0)::jsonb AS geometry"
    " FROM fn.advised_closures() w WHERE w.advice = 'closed' ORDER BY w.station"
)


def under_water(session: Session) -> Sequence[Row]:
    """The places where sensors advise now to close a road."""
    return session.execute(_WATER).all()


def replace_routes(session: Session, path: Path, crs: str | None) -> int:
    """Take the emergency routes of a file (lines with a code and a name) instead of those before; returns how many."""
    layer = files.read(path, crs)
    found = fields.chosen(layer, ROUTE_FIELDS, {})
    columns = {name: fields.texts(layer, found, name) for name in ROUTE_FIELDS}
    session.execute(delete(EmergencyRoute))
    taken: set[str] = set()
    for at, shape in enumerate(layer.geoms):
        code, name = columns["code"][at] or "", columns["name_zh"][at] or ""
        if not code or not name or code in taken or shape is None or shape.geom_type not in ("LineString", _MULTI):
            raise _bad_route(path, at + 1, code)
        taken.add(code)
        lines = shape if shape.geom_type == _MULTI else shapely.MultiLineString([shape])
        geom = from_shape(lines, srid=SRID)
        session.add(EmergencyRoute(code=code, name_zh=name, name_en=columns["name_en"][at], geom=geom))
    session.flush()
    session.execute(text("SELECT fn.layer_changed('construction')"))
    return len(taken)


_MULTI = "MultiLineString"


def _bad_route(path: Path, row: int, code: str) -> Invalid:
    return Invalid(
        "metro.bad-route",
        f"{path.name}, feature {row}: a line with a code of its own and a name is expected",
        field="file",
        row=row,
        got=code,
        accepted="lines with code and name",
    )
