"""Components as they go over the wire: what comes in is checked here, what goes out is GeoJSON (RFC 7946)."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import shapely
from pydantic import Field
from sqlalchemy import Row

from webgis import geo
from webgis.api import Given
from webgis.catalog import component_queries
from webgis.catalog.component_queries import Filters
from webgis.catalog.component_rules import ACCURACY_CLASSES, SHAPES, STATES, bad_field
from webgis.catalog.components import MOST_NEAR, NEAR_M, Near

MOST_VERTICES = 10_000
"""Corners of one component's line or polygon."""

_CREDIT = "unified social credit code: 18 digits or capital letters"


class Fields(Given):
    """What an editor says of a component. A place is a `geometry` (GeoJSON), or `lon` and `lat`."""

    lon: float | None = Field(None, allow_inf_nan=False, description="degrees, in `crs`")
    lat: float | None = Field(None, allow_inf_nan=False, description="degrees, in `crs`")
    geometry: dict[str, Any] | None = Field(None, description="GeoJSON Point, LineString or Polygon, in `crs`")
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    name: str | None = Field(None, max_length=30, description="that of the class when left out")
    authority_code: str | None = Field(None, max_length=18, description=_CREDIT)
    authority_name: str | None = Field(None, max_length=100)
    owner_code: str | None = Field(None, max_length=18, description=_CREDIT)
    owner_name: str | None = Field(None, max_length=100)
    maintainer_code: str | None = Field(None, max_length=18, description=_CREDIT)
    maintainer_name: str | None = Field(None, max_length=100)
    state: Literal[STATES] | None = None
    surveyed_on: date | None = Field(None, description="initial date")
    source: str | None = Field(None, max_length=30)
    remark: str | None = Field(None, max_length=1000)
    accuracy_class: Literal[tuple(ACCURACY_CLASSES)] | None = Field(None, description="A 0.5 m, B 1 m, C 10 m")
    second_code: str | None = Field(None, max_length=64, description="such as the 19 digits of a manhole cover")
    reason: str | None = Field(None, max_length=1000, description="kept in the history")


class NewComponent(Fields):
    """A component to register: its class and its place, and what is known of it."""

    class_: str = Field(alias="class", pattern=r"^\d{5}$", description="5-digit class code", examples=["01037"])
    code: str | None = Field(None, pattern=r"^\d{17}$", description="the next free one when left out")


class ChangedComponent(Fields):
    """What is to change; fields that are left out stay, null empties one."""

    version: int | None = Field(None, description="the version that was read; an older one is refused")


class ListGiven(Given):
    """Filters and paging of the register."""

    class_: str | None = Field(None, alias="class", description="one or more class codes, separated by commas")
    state: str | None = Field(None, description=f"one or more of {', '.join(STATES)}, separated by commas")
    cell: str | None = Field(None, pattern=r"^\d{15}$", description="a cell's code")
    area: str | None = Field(None, pattern=r"^\d{4,12}$", description="an area's code")
    maintainer: str | None = Field(None, max_length=18, description="credit code of the maintainer")
    bbox: str | None = Field(None, description="west,south,east,north in degrees (WGS 84 or CGCS2000)")
    q: str | None = Field(None, max_length=100, description="beginning of a number, or words of the class or remark")
    limit: int = Field(100, ge=1, le=component_queries.MOST_ROWS)
    cursor: str | None = Field(None, description="of the page before")


class NearGiven(Given):
    """A place, and what to look for around it."""

    lon: float = Field(description="degrees, in `crs`", allow_inf_nan=False)
    lat: float = Field(description="degrees, in `crs`", allow_inf_nan=False)
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    class_: str | None = Field(None, alias="class", pattern=r"^\d{5}$", description="of this class only")
    within_m: float = Field(NEAR_M, gt=0, le=5000, description="metres")
    limit: int = Field(10, ge=1, le=MOST_NEAR)


def filters(given: ListGiven) -> Filters:
    """The filters of a list, or `Invalid` for a box that is none."""
    return Filters(
        area=given.area,
        cell=given.cell,
        classes=tuple(filter(None, (given.class_ or "").split(","))),
        states=tuple(filter(None, (given.state or "").split(","))),
        maintainer=given.maintainer,
        bbox=geo.read_box(given.bbox) if given.bbox else None,
        q=given.q,
    )


def place(given: Fields) -> Any:
    """The given place as a shapely geometry in CGCS2000 degrees, None when none was given; `Invalid` for a bad one."""
    one = given.lon is not None, given.lat is not None
    if given.geometry is not None and any(one):
        raise bad_field("geometry", "geometry, lon and lat", "a geometry, or lon and lat, not both")
    if all(one):
        return shapely.Point(geo.to_cgcs2000(given.lon, given.lat, given.crs))
    if any(one):
        raise bad_field("lat" if one[0] else "lon", None, "lon and lat together")
    return None if given.geometry is None else _shape(given.geometry, given.crs)


def _shape(given: Mapping[str, Any], crs: str) -> Any:
    shape = geo.read_geojson(given)
    if fault := geo.fault(shape, SHAPES, MOST_VERTICES):
        raise bad_field("geometry", *fault)
    return geo.transform_geometry(shapely.force_2d(shape), crs)


def feature(row: Row, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A line of the register as a Feature (CGCS2000 degrees, taken as WGS 84); its id is the code."""
    told = {name: getattr(row, name) for name in component_queries.COLUMNS}
    told = {"code": told.pop("code"), "class": told.pop("class_code")} | told
    geometry = json.loads(shapely.to_geojson(shapely.from_wkb(bytes(row.wkb))))
    properties = told | {"place": [row.lon, row.lat]} | (more or {})
    return {"type": "Feature", "id": row.code, "geometry": geometry, "properties": properties}


def events(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The history of a component, oldest first."""
    return [
        {
            "version": row.version,
            "at": row.at,
            "action": row.action,
            "state": row.state,
            "changes": row.changes,
            "by": row.login,
            "survey": row.survey_id,
            "reason": row.reason,
        }
        for row in rows
    ]


def near_feature(found: Near) -> dict[str, Any]:
    """A component near a place as a Feature of its place."""
    one = found.component
    names = ("code", "class_zh", "class_en", "name", "state", "cell_code", "maintainer_code", "maintainer_name")
    properties = {name: getattr(one, name) for name in names}
    properties |= {"class": one.class_code, "distance_m": round(found.distance_m, 1), "in_cell": found.in_cell}
    geometry = {"type": "Point", "coordinates": [one.lon, one.lat]}
    return {"type": "Feature", "id": one.code, "geometry": geometry, "properties": properties}
