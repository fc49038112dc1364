"""What maps load: boundaries, cells and cases as GeoJSON; and the drawn copy, which is open to all."""

from datetime import UTC, datetime
from pathlib import Path

from apiflask import APIBlueprint
from flask import Response, jsonify, request, send_from_directory

from webgis import geo, web
from webgis.errors import NotFound
from webgis.maps import drawing, queries

maps = APIBlueprint("maps", __name__, enable_openapi=False)
BLUEPRINTS = (maps,)

AN_HOUR = "private, max-age=3600"
"""Boundaries and cells change a few times a year."""


@maps.get("/maps/data/areas")
def areas():
    """Boundaries of one `level` in the `bbox`, simplified to the `detail` (far, middle, near)."""
    box = geo.read_box(request.args.get("bbox", ""))
    with web.transaction() as session:
        text = queries.areas_geojson(
            session, request.args.get("level", "county"), box, request.args.get("detail", "far")
        )
    return _geojson(text)


@maps.get("/maps/data/cells")
def cells():
    """Cells valid now in the `bbox`; `truncated` when there are more than one answer may hold."""
    box = geo.read_box(request.args.get("bbox", ""))
    with web.transaction() as session:
        text = queries.cells_geojson(session, box)
    return _geojson(text)


@maps.get("/maps/data/cases")
def cases():
    """Cases that the one who asks may see, in the `bbox` if given, newest first; `truncated` when there are more."""
    given = request.args.get("bbox")
    box = geo.read_box(given) if given else None
    zone, english = web.runtime().settings.zone, web.locale() == "en"
    with web.transaction() as session:
        found = queries.cases_shown(session, web.actor(), box)
    features = drawing.features(found.rows, datetime.now(UTC), zone, english=english)
    return jsonify({"type": "FeatureCollection", "truncated": found.truncated, "features": features})


@maps.get("/static/maps/drawn/<path:name>")
@web.open_to_all
def drawn(name: str):
    """The drawn copy and its script, from wherever this installation keeps them."""
    folder = drawing.drawn_folder(web.runtime().settings)
    if not (folder / name).is_file():
        raise NotFound("maps.not-drawn", "This map has not been drawn yet. It is drawn when a case changes")
    response = send_from_directory(Path(folder).resolve(), name)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _geojson(text: str) -> Response:
    response = Response(text, mimetype="application/geo+json")
    response.headers["Cache-Control"] = AN_HOUR
    response.add_etag()
    return response.make_conditional(request)
