"""The gazetteer over HTTP: places by what is typed, and what is near a place.

The pages of strangers answer the same at addresses of their own, with a limit (`webgis/pages/public.py`).
"""

from typing import Any

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import Field
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.errors import Invalid
from webgis.grid import gazetteer_queries as gazetteer
from webgis.grid import queries
from webgis.grid.gazetteer_rules import LONGEST
from webgis.grid.models import Area

places = APIBlueprint("places", __name__, url_prefix="/api/v1/places", tag="Places")


class SearchGiven(api.Given):
    """A search: what was typed, and from where (the nearest of equals comes first)."""

    q: str = Field(min_length=1, max_length=LONGEST, description="name, pinyin, initials, address or code")
    lon: float | None = Field(None, description="degrees; with lat")
    lat: float | None = None
    crs: str = Field("wgs84", description=", ".join(geo.CRS_NAMES) + "; of lon and lat here and in the answer")
    limit: int = Field(gazetteer.FOUND, ge=1, le=gazetteer.MOST)


class NearGiven(api.Given):
    """A place."""

    lon: float = Field(description="degrees")
    lat: float
    crs: str = Field("wgs84", description=", ".join(geo.CRS_NAMES))
    limit: int = Field(gazetteer.FOUND, ge=1, le=gazetteer.MOST)


@places.get("")
@places.doc(
    summary="Search places",
    description="Roads, compounds, doors, points of interest, areas and cells by any part of their Chinese name, "
    "pinyin in full or by initials, house number or code, with typing mistakes; the likest first.",
    responses=[422],
)
@api.documented(query=SearchGiven)
@web.permits("grid.see")
def search():
    """Places for what somebody typed."""
    return jsonify(found())


@places.get("/near")
@places.doc(summary="What is near a place", description="In words, and as places.", responses=[422])
@api.documented(query=NearGiven)
@web.permits("grid.see")
def near():
    """What is near a place."""
    return jsonify(found_near())


def found(cells: bool = True) -> dict[str, Any]:
    """The answer to this request's search; without the codes of cells when they are not for who asks."""
    given = api.checked(SearchGiven, api.once(request.args))
    crs, lon, lat = geo.check_crs(given.crs), given.lon, given.lat
    if (lon is None) != (lat is None):
        missing = "lon" if lon is None else "lat"
        raise Invalid("grid.bad-field", f"{missing} is missing; give lon and lat, or neither", field=missing)
    if lon is not None:
        lon, lat = geo.to_cgcs2000(lon, lat, crs)
    with web.transaction() as session:
        rows = gazetteer.find(session, given.q, lon, lat, given.limit)
        rows = [row for row in rows if cells or row.kind != "cell"]
        areas = _areas(session, rows)
    return {"places": [_place(row, areas, crs, cells) for row in rows]}


def found_near(cells: bool = True) -> dict[str, Any]:
    """The answer to a question what is near."""
    given = api.checked(NearGiven, api.once(request.args))
    lon, lat = geo.to_cgcs2000(given.lon, given.lat, given.crs)
    with web.transaction() as session:
        told = gazetteer.near(session, lon, lat, given.limit, cells)
        areas = _areas(session, told.places)
    return {
        "places": [_place(row, areas, given.crs, cells) for row in told.places],
        "address": told.address,
        "words": told.words,
        "cell": told.cell if cells else None,
        "areas": [_area(area) for area in told.areas],
    }


def _areas(session: Session, rows: list[Any]) -> dict[str, Area]:
    codes = {row.area_code for row in rows}
    return {area.code: area for area in queries.areas_by_code(session, codes)} if codes else {}


def _place(row: Any, areas: dict[str, Area], crs: str, cells: bool) -> dict[str, Any]:
    lon, lat = geo.from_cgcs2000(row.lon, row.lat, crs)
    told = {
        "id": row.ref,
        "kind": row.kind,
        "name": row.name,
        "label": {"zh": row.name, "en": row.name_en},
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        "area": _area(areas[row.area_code]),
        "metres": None if row.metres is None else round(row.metres),
    }
    if hasattr(row, "score"):
        told |= {"score": round(row.score, 3), "cell": row.cell_code if cells else None}
    return told


def _area(area: Area) -> dict[str, Any]:
    return {"code": area.code, "level": area.level, "name_zh": area.name_zh, "name_en": area.name_en}
