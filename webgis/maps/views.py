"""What maps ask for besides their tiles: boundaries and cells of a box, cases inside a drawing, what is searched for,
the choices of the filters, and the version of the cases."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from apiflask import APIBlueprint
from flask import Response, jsonify, request
from pydantic import Field

from webgis import api, geo, web
from webgis.accounts import queries as accounts
from webgis.api import Given
from webgis.cases import listing, workflow
from webgis.cases import queries as case_queries
from webgis.cases import wire as case_wire
from webgis.catalog import queries as catalog
from webgis.maps import heat_views, queries, wire
from webgis.maps.basemap_views import basemap
from webgis.maps.snapshot_views import snapshot
from webgis.maps.tile_views import tiles

maps = APIBlueprint("maps", __name__, enable_openapi=False)
BLUEPRINTS = (maps, basemap, snapshot, tiles, *heat_views.BLUEPRINTS)

AN_HOUR = "private, max-age=3600"
"""Boundaries, cells and classes change a few times a year."""


class CellsGiven(Given):
    """A box, `west,south,east,north` in degrees."""

    bbox: str = ""


class NamesGiven(CellsGiven):
    """A box, and the level of areas."""

    level: str = "county"


class AreasGiven(NamesGiven):
    """A box, the level of areas, and how closely they are drawn."""

    detail: str = "far"


@maps.get("/maps/data/areas")
@web.permits("grid.see")
def areas():
    """Boundaries of one `level` in the `bbox`, simplified to the `detail` (far, middle, near)."""
    asked = _asked(AreasGiven)
    box = geo.read_box(asked.bbox)
    with web.transaction() as session:
        told = queries.areas_geojson(session, asked.level, box, asked.detail)
    return _kept(Response(told, mimetype="application/geo+json"))


@maps.get("/maps/data/cells")
@web.permits("grid.see")
def cells():
    """Cells valid now in the `bbox`; `truncated` when there are more than one answer may hold."""
    box = geo.read_box(_asked(CellsGiven).bbox)
    with web.transaction() as session:
        told = queries.cells_geojson(session, box)
    return _kept(Response(told, mimetype="application/geo+json"))


@maps.get("/maps/data/names")
@web.permits("grid.see")
def names():
    """Names of the areas of a `level` in the `bbox`, and where to write them."""
    asked = _asked(NamesGiven)
    box = geo.read_box(asked.bbox)
    with web.transaction() as session:
        rows = queries.area_names(session, asked.level, box)
    told = [dict(row._mapping) | {"lon": round(row.lon, 5), "lat": round(row.lat, 5)} for row in rows]
    return _kept(jsonify({"names": told}))


DAY = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"
"""A day that has one after it: what is asked until a day is asked to the beginning of the next."""


class SelectionGiven(Given):
    """A drawing and the filters of a map. Days are the city's, both included."""

    bbox: str | None = None
    within: str | None = Field(None, max_length=6000)
    state: str | None = None
    measure: Literal["reported", "open"] = "reported"
    kind: Literal["component", "matter"] | None = None
    class_: str | None = Field(None, alias="class")
    department: str | None = None
    since: str | None = Field(None, pattern=DAY)
    until: str | None = Field(None, pattern=DAY)


@maps.get("/maps/data/cases")
@web.permits("maps.see")
def cases():
    """Cases that the one who asks may see, `within` a polygon or in the `bbox`, by the map's filters: the newest, and
    how many there are (`more`: than were counted)."""
    settings, english = web.runtime().settings, web.locale() == "en"
    filters = _selection(_asked(SelectionGiven), settings.zone)
    with web.transaction() as session:
        found = queries.cases_inside(session, web.actor(), filters)
    features = wire.features(found.rows, datetime.now(UTC), settings.zone, english=english)
    return jsonify({"type": "FeatureCollection", "count": found.count, "more": found.more, "features": features})


def _selection(given: SelectionGiven, zone) -> listing.Filters:
    fields = given.model_dump(by_alias=True, exclude={"measure"}, exclude_none=True)
    if given.measure == "open" and not given.state:
        fields["state"] = ",".join(workflow.OPEN)
    if given.until:
        last = case_queries.moment("until", given.until, zone)
        fields["until"] = (last.astimezone(zone) + timedelta(days=1)).isoformat()
    return case_wire.filters(api.checked(case_wire.ListGiven, fields), zone)


class FoundGiven(Given):
    """What somebody typed."""

    q: str = Field("", max_length=100)


@maps.get("/maps/data/found")
@web.permits("maps.see")
def found():
    """Cases by number, cells and areas by code, areas by name: what fits the words `q`."""
    words, english = _asked(FoundGiven).q, web.locale() == "en"
    with web.transaction() as session:
        rows = queries.find(session, web.actor(), words) if words else []
    return jsonify({"found": [wire.found(one, english=english) for one in rows]})


@maps.get("/maps/data/choices")
@web.permits("maps.see")
def choices():
    """Classes and departments to filter by: key (kind:code) and name, in the reader's language."""
    _asked(Given)
    english = web.locale() == "en"
    with web.transaction() as session:
        classes = [
            {
                "key": f"{one.kind}:{one.code}",
                "word": f"{one.code} {(one.name_en if english else None) or one.name_zh}",
                "group": (one.major_en if english else None) or one.major_zh,
                "kind": one.kind,
            }
            for one in catalog.classes(session)
        ]
        departments = [
            {"key": one.code, "word": (one.name_en if english else None) or one.name_zh}
            for one in accounts.departments(session)
        ]
    response = jsonify({"classes": classes, "departments": departments})
    response.vary.update(["Cookie", "Accept-Language"])
    return _kept(response)


@maps.get("/maps/version")
@web.permits("maps.see")
def version():
    """Another text after every change of what maps keep fresh. Maps ask each second: 304 while nothing is new."""
    _asked(Given)
    with web.transaction() as session:
        told = web.opaque(queries.live_version(session))
    response = jsonify({"cases": told})
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(told)
    return response.make_conditional(request)


def _asked(model: type[api.Model]) -> api.Model:
    """The query as `model`; what the address does not take is refused."""
    return api.checked(model, api.once(request.args))


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = AN_HOUR
    response.add_etag()
    return response.make_conditional(request)
