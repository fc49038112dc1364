"""Vector tiles over HTTP (`/tiles/<layer>/{z}/{x}/{y}.mvt`), and what a layer is (`/tiles/<layer>.json`)."""

import gzip
from typing import Any
from urllib.parse import urlencode

from apiflask import APIBlueprint
from flask import Response, jsonify, request

from webgis import api, web
from webgis.maps import queries, tiled
from webgis.maps import tiles as tile_making

tiles = APIBlueprint("tiles", __name__, url_prefix="/tiles", tag="Tiles")

ASK_AGAIN = "private, no-cache"
"""Whoever has a tile asks whether it is still so, which costs no tile."""

MVT = "application/vnd.mapbox-vector-tile"


class Asked(tiled.HotspotsAsked, tiled.AreasAsked):
    """What tiles may be asked for, of all layers together; docs/maps.md says which layer takes what."""


@tiles.get("/<layer>/<z>/<x>/<y>.mvt")
@tiles.doc(summary="A vector tile", description="Mapbox Vector Tile; z from 0 to 22. 304 while nothing has changed.")
@api.documented(query=Asked)
@web.permits("maps.see")
def tile(layer: str, z: str, x: str, y: str):
    """One tile of a layer, as far as the one who asks may see it."""
    found = tile_making.require_layer(layer)
    address = tile_making.read_address(z, x, y)
    question = tile_making.read_question(web.runtime(), found, api.once(request.args), web.actor())
    tag = web.opaque(question.tag)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    else:
        response = _packed(tile_making.make(web.runtime(), web.redis(), question, address))
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = ASK_AGAIN
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _packed(packed: bytes) -> Response:
    if request.accept_encodings.quality("gzip") > 0:
        return Response(packed, mimetype=MVT, headers={"Content-Encoding": "gzip"})
    return Response(gzip.decompress(packed), mimetype=MVT)


@tiles.get("/<layer>.json")
@tiles.doc(summary="What a layer is", description="TileJSON 3.0. Its tiles are asked what this address is asked.")
@api.documented(query=Asked)
@web.permits("maps.see")
def described(layer: str):
    """A layer as TileJSON."""
    found = tile_making.require_layer(layer)
    given = api.once(request.args)
    api.checked(found.asked, given)
    with web.transaction() as session:
        bounds = queries.extent(session)
    response = jsonify(_tilejson(found, given, list(bounds)))
    response.headers["Cache-Control"] = ASK_AGAIN
    return response


def _tilejson(layer: tiled.Layer, given: dict[str, str], bounds: list[float]) -> dict[str, Any]:
    query = "?" + urlencode(given) if given else ""
    zooms = {"minzoom": layer.minzoom, "maxzoom": layer.maxzoom}
    return {
        "tilejson": "3.0.0",
        "name": layer.name,
        "description": layer.words,
        "version": "1.0.0",
        "scheme": "xyz",
        "tiles": [f"{request.root_url}tiles/{layer.name}/{{z}}/{{x}}/{{y}}.mvt{query}"],
        "bounds": bounds,
        "vector_layers": [{"id": layer.name, "description": layer.words, "fields": dict(layer.fields)} | zooms],
    } | zooms
