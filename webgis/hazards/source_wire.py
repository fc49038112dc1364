"""Hazard sources over the wire: what is said of one, for API, form and files alike, and what goes out."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import shapely
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from webgis import geo
from webgis.api import Given
from webgis.hazards.gb18218 import Stock
from webgis.hazards.source_rules import DUTIES, UNIT_KINDS, bad_field

MOST_UNITS, MOST_STOCKS, MOST_PERSONS, MOST_STATIONS = 50, 100, 8, 200
MOST_CORNERS = 5_000
WIDEST_DEG = 0.3
SHAPES = ("Polygon", "MultiPolygon", "Point")


class Part(BaseModel):
    """A part of what is given; names that do not exist are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class StockGiven(Part):
    """What a unit holds, as GB 18218 names it: by `cas`, by `row` of table 1, or by `classes` of table 2."""

    name: str = Field(min_length=1, max_length=100)
    quantity: Any = Field(description="the largest amount that can be there, in `unit`: a number, or one as text")
    unit: str = Field("t", max_length=20, description="t: quantities are in tonnes")
    cas: str | None = Field(None, max_length=20)
    row: int | None = None
    classes: list[str] = Field(default_factory=list, max_length=10)
    checked: bool = Field(False, description="an implausible quantity is meant")

    def stock(self) -> Stock:
        """As the rule takes it."""
        return Stock(self.name, self.quantity, self.unit, self.cas or None, self.row, tuple(self.classes), self.checked)


class UnitGiven(Part):
    """A storage unit or production unit with its stocks."""

    name: str = Field(min_length=1, max_length=100)
    kind: Literal[UNIT_KINDS] = "storage"
    stocks: list[StockGiven] = Field(default_factory=list, max_length=MOST_STOCKS)


class PersonGiven(Part):
    """Who is in charge."""

    duty: Literal[DUTIES] = "chief"
    name: str | None = Field(None, max_length=64)
    phone: str | None = Field(None, max_length=40)


class SourceGiven(Given):
    """A hazard source as a whole: what is left out of a change is emptied; but for `persons`, who stay when left out.

    Its outline is a `geometry` (Polygon or MultiPolygon), or a Point with `radius_m`, then a circle stands for it.
    """

    kind: str = Field(max_length=40, description="a key of the kinds of sources")
    name_zh: str = Field(min_length=1, max_length=100)
    name_en: str | None = Field(None, max_length=200)
    holder: str = Field(min_length=1, max_length=100, description="the body that answers for it")
    credit_code: str | None = Field(None, max_length=18, description="unified social credit code (GB 32100)")
    geometry: dict[str, Any] = Field(description="GeoJSON, in `crs`")
    radius_m: float | None = Field(None, gt=0, le=2000, allow_inf_nan=False, description="of a Point")
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    department: str | None = Field(None, max_length=100, description="code of the department that it is for")
    people: int | None = Field(
        None, ge=0, le=10_000_000, description="within 500 m, counted where the population is not known"
    )
    remark: str | None = Field(None, max_length=1000)
    source: str | None = Field(None, max_length=200, description="where this is known from")
    state: Literal["active", "closed"] = "active"
    units: list[UnitGiven] = Field(default_factory=list, max_length=MOST_UNITS)
    persons: list[PersonGiven] | None = Field(None, max_length=MOST_PERSONS)
    stations: list[str] = Field(default_factory=list, max_length=MOST_STATIONS, description="codes of stations")


class NewSource(SourceGiven):
    """A hazard source to add."""

    code: str = Field(max_length=40)


class ChangedSource(SourceGiven):
    """A hazard source as it shall be now."""

    version: int | None = Field(None, description="the version that was read; an older one is refused")


def shape_of(given: SourceGiven) -> Any:
    """What is given as the outline, in CGCS2000 degrees: a polygon, several, or the point of a circle."""
    shape = geo.read_geojson(given.geometry)
    if fault := geo.fault(shape, SHAPES, MOST_CORNERS):
        raise bad_field("geometry", *fault)
    west, south, east, north = shape.bounds
    if max(east - west, north - south) > WIDEST_DEG:
        raise bad_field("geometry", [west, south, east, north], f"an outline of at most {WIDEST_DEG} degrees each way")
    return geo.transform_geometry(shapely.force_2d(shape), given.crs)


def outline(shape: Any, radius_m: float | None, srid: int | None) -> shapely.MultiPolygon:
    """The outline of what `shape_of` gave; `srid`: the projected system in whose metres a radius is there."""
    if shape.geom_type == "Point":
        shape = _circle(shape, radius_m, srid)
    return shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])


def _circle(point: shapely.Point, radius_m: float | None, srid: int) -> shapely.Polygon:
    if radius_m is None:
        raise bad_field("radius_m", None, "the metres of a circle round the point, more than 0 and at most 2,000")
    return geo.unproject(shapely.buffer(geo.project(point, srid), radius_m, quad_segs=16), srid)


class ListAsked(Given):
    """Which sources."""

    kind: str | None = Field(None, max_length=40)
    level: int | None = Field(None, ge=0, le=4, description="1 to 4, 0: no major hazard source")
    q: str = Field("", max_length=100, description="words in code, name, holder")
    closed: Literal["yes", "no"] = Field("no", description="closed ones too")


class ImpactAsked(Given):
    """How far, and in which form."""

    metres: float | None = Field(None, allow_inf_nan=False, description="10 to 5,000; 500 when neither is given")
    circle: str | None = Field(None, max_length=80, description="the key of a published distance, instead of metres")
    format: Literal["json", "geojson", "csv"] = "json"


class LookAsked(Given):
    """Whether only to look."""

    look: Literal["yes", "no"] = Field("no", description="yes: say what would be, and change nothing")


def feature(row: Row[Any], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A source as a Feature of its outline; its id is the code."""
    left_out = ("id", "geometry", "lon", "lat")
    told = {name: value for name, value in row._mapping.items() if name not in left_out}
    properties = told | {"place": [row.lon, row.lat]} | (more or {})
    return {"type": "Feature", "id": row.code, "geometry": row.geometry, "properties": properties}


def unit(row: Row[Any]) -> dict[str, Any]:
    """A unit with its stocks and the grade of now."""
    told = {name: getattr(row, name) for name in ("name", "kind", "stocks")}
    return told | {"grade": None if row.at is None else grade(row) | {"parts": row.parts, "lines": row.lines}}


def grade(row: Row[Any]) -> dict[str, Any]:
    """A grade of the history."""
    names = ("at", "why", "s", "major", "r", "alpha", "people", "people_from", "level")
    return {name: getattr(row, name) for name in names}


def around(source: Row[Any], rings: Sequence[Row[Any]], stations: Sequence[Row[Any]]) -> dict[str, Any]:
    """A source with its rings, the widest first, and its stations, as a map draws them."""
    shapes = [(row.geometry, {"kind": "ring", "metres": row.metres}) for row in rings]
    shapes.append((source.geometry, {"kind": "source", "code": source.code}))
    for row in {row.code: row for row in stations}.values():
        names = {"name": row.name_zh, "name_en": row.name_en}
        shapes.append(({"type": "Point", "coordinates": [row.lon, row.lat]}, {"kind": "station"} | names))
    features = [{"type": "Feature", "geometry": shape, "properties": told} for shape, told in shapes]
    return {"type": "FeatureCollection", "features": features}
