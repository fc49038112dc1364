"""The grid over HTTP: the cell of a place, and a cell by its code, with its history."""

import re
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import request
from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.errors import Invalid, NotFound
from webgis.grid import gazetteer_views, queries
from webgis.grid.history import read_moment
from webgis.grid.models import Area, Cell
from webgis.grid.survey import code_fault

grid = APIBlueprint("grid", __name__, url_prefix="/api/v1/grid", tag="Grid")
BLUEPRINTS = (grid, gazetteer_views.places)

_AT = {
    "name": "at",
    "in": "query",
    "schema": {"type": "string", "format": "date-time"},
    "description": "A moment, ISO 8601; without an offset it is in the city's time zone. Default: now.",
}
_PLACE = [
    {"name": "lon", "in": "query", "required": True, "schema": {"type": "number"}, "description": "Degrees."},
    {"name": "lat", "in": "query", "required": True, "schema": {"type": "number"}, "description": "Degrees."},
    {"name": "crs", "in": "query", "schema": {"type": "string", "enum": list(geo.CRS_NAMES), "default": "wgs84"}},
    _AT,
]


@grid.get("/cell")
@grid.doc(
    summary="The cell of a place",
    description="The one cell that holds a point, with the areas it lies in from the city down. 404 outside the grid, "
    "with the nearest cell and its distance in metres.",
    responses=[404, 422],
)
@api.documented(parameters=_PLACE)
@web.permits("grid.see")
def cell():
    """The cell that holds a place."""
    lon, lat = place()
    at = moment()
    with web.transaction() as session:
        found = queries.cell_at(session, lon, lat, at)
        if found is None:
            raise queries.outside(session, lon, lat, at)
        return feature(session, found)


@grid.get("/cells/<code>")
@grid.doc(
    summary="A cell by its code",
    description="The cell that bears the code now, else the last that did; with `at`, the one that bore it then. A "
    "closed cell says what it went into (`successors`) and which cells hold its ground today (`now`).",
    responses=[404, 422],
)
@api.documented(parameters=[_AT])
@web.permits("grid.see")
def cell_by_code(code: str):
    """A cell by its code, with its history."""
    wrong = code_fault(code)
    if wrong:
        raise Invalid("grid.code-form", f"{code!r} is not a cell's code: {wrong}", field="code", got=code)
    at = moment()
    with web.transaction() as session:
        found = queries.last_cell(session, code) if at is None else queries.cell_by_code(session, code, at)
        if found is None:
            raise NotFound(
                "grid.cell-unknown", f"No cell {'bears' if at is None else 'bore'} the code {code}", got=code
            )
        return feature(session, found, history(session, found))


_PLUS_LOST = re.compile(r"(T.*) (\d\d:?\d\d)$")
"""In a query an unescaped + of an offset arrives as a space."""


def place() -> tuple[float, float]:
    """The query's `lon`, `lat` and `crs` as CGCS2000 degrees; `Invalid` names the field that is wrong."""
    for field in ("lon", "lat"):
        if not request.args.get(field, "").strip():
            raise Invalid("grid.bad-field", f"{field} is missing; give lon and lat in degrees", field=field)
    crs = geo.check_crs(request.args.get("crs") or "wgs84")
    return geo.to_cgcs2000(request.args["lon"], request.args["lat"], crs)


def moment() -> datetime | None:
    """The query's `at`, or None."""
    given = request.args.get("at", "").strip()
    return read_moment(_PLUS_LOST.sub(r"\1+\2", given), web.runtime().settings.zone) if given else None


def feature(session: Session, found: Cell, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """A cell as a GeoJSON Feature (WGS 84; CGCS2000 is taken as equal), its id the code."""
    properties = {
        "code": found.code,
        "area_m2": round(found.area_m2, 2),
        "valid_from": found.valid.lower,
        "valid_to": found.valid.upper,
        "origin": found.origin,
        "areas": [_area(area) for area in queries.area_chain(session, found.community_code)],
    }
    shape = to_shape(found.geom)
    geometry = {"type": "Polygon", "coordinates": shape.__geo_interface__["coordinates"]}
    return {"type": "Feature", "id": found.code, "geometry": geometry, "properties": properties | (more or {})}


def history(session: Session, found: Cell) -> dict[str, Any]:
    """What a cell was made from, and for a closed one what it went into and which cells hold its ground now."""
    told: dict[str, Any] = {"predecessors": [_step(step) for step in queries.came_from(session, found.id)]}
    if found.valid.upper is not None:
        now = queries.cell_successors(session, found.id)
        told["successors"] = [_step(step) for step in queries.became(session, found.id)]
        told["now"] = [{"code": share.code, "share": round(share.share, 6)} for share in now]
    return told


def _step(step: queries.Step) -> dict[str, Any]:
    return {"code": step.code, "share": round(step.share, 6), "reason": step.reason, "at": step.at}


def _area(area: Area) -> dict[str, Any]:
    return {"code": area.code, "level": area.level, "name_zh": area.name_zh, "name_en": area.name_en}
