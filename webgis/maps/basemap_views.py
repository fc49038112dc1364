"""Basemaps over HTTP: PMTiles files in ranges, tiles of MBTiles files, and Tianditu's tiles through this server."""

import time

from apiflask import APIBlueprint
from flask import Response, request, send_file

from webgis import web
from webgis.maps import basemaps
from webgis.maps.tiles import read_address

basemap = APIBlueprint("basemaps", __name__, url_prefix="/basemaps", enable_openapi=False)

A_DAY = "private, max-age=86400"
NOTHING = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
"""A picture of one clear pixel, where a file has no tile."""


@basemap.get("/files/<name>.pmtiles")
@web.permits("grid.see")
def archive(name: str):
    """A PMTiles file; browsers ask for the ranges that they need."""
    file = basemaps.archive(web.runtime().settings, name)
    response = send_file(file.resolve(), mimetype="application/vnd.pmtiles", conditional=True, max_age=0)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@basemap.get("/tiles/<name>/<z>/<x>/<y>")
@web.permits("grid.see")
def tile(name: str, z: str, x: str, y: str):
    """A tile of an MBTiles file; nothing of a vector file, a clear picture of another, where it has none."""
    at = read_address(z, x, y)
    found = basemaps.stored_tile(web.runtime().settings, name, at.z, at.x, at.y)
    return _answer(found or (b"" if request.args.get("vector") else NOTHING))


@basemap.get("/tianditu/<layer>/<z>/<x>/<y>")
@web.permits("grid.see")
def tianditu(layer: str, z: str, x: str, y: str):
    """A tile of Tianditu, fetched by this server and kept."""
    at = read_address(z, x, y)
    return _answer(basemaps.tianditu_tile(web.runtime().settings, layer, at.z, at.x, at.y, time.time()))


def _answer(tile: bytes) -> Response:
    kind, more = basemaps.kind_of_tile(tile)
    response = Response(tile, mimetype=kind, headers=more)
    response.headers["Cache-Control"] = A_DAY
    response.add_etag()
    return response.make_conditional(request)
