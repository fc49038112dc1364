"""Snapshots over HTTP: the public ones, and those that a person asks for."""

from pathlib import Path
from typing import Literal

from apiflask import APIBlueprint
from flask import Response, jsonify, request, send_from_directory, url_for

from webgis import api, jobs, limits, web
from webgis.errors import NotFound
from webgis.maps import figure, snapshots
from webgis.maps.layers import BY_NAME
from webgis.maps.tiled import CasesAsked

snapshot = APIBlueprint("snapshots", __name__, enable_openapi=False)


class SnapshotAsked(CasesAsked):
    """Which map, of which cases."""

    page: Literal[tuple(BY_NAME)] = "cases"


@snapshot.get("/static/maps/drawn/<path:name>")
@web.open_to_all
def drawn(name: str):
    """A public snapshot, from wherever this installation keeps them."""
    file = snapshots.public_file(web.runtime().settings, name)
    if file is None:
        raise NotFound("maps.not-drawn", "This map has not been drawn yet. It is drawn when a case changes")
    return _file(file)


@snapshot.post("/maps/snapshots")
@web.permits("maps.draw")
@limits.at_most("work_limit", per=limits.person, counts=lambda answer: answer.status_code == 202)
def ask():
    """Have a snapshot drawn with the rights of who asks: 202, and where to ask how far it is."""
    asked = api.checked(SnapshotAsked, api.fields())
    name, who = snapshots.new_name(), web.actor()
    params = {key: value for key, value in asked.params().items() if key != "page"} or {"measure": "reported"}
    with web.transaction() as session:
        values = {"login": who.login, "snapshot": name, "page": asked.page, "asked": params, "lang": web.locale()}
        jobs.enqueue(session, "maps.draw_own", queue="slow", **values)
    jobs.tell_progress(web.redis(), name, 0)
    address = url_for("snapshots.state", name=name)
    return jsonify({"name": name, "state": address}), 202, {"Location": address}


@snapshot.get("/maps/snapshots/<name>/state")
@web.permits("maps.draw")
def state(name: str):
    """How far it is, in per cent, and its address when it is there."""
    there = _own(name).is_file()
    percent = 100 if there else jobs.progress(web.redis(), name)
    if percent is None:
        raise _unknown(name)
    return jsonify({"percent": percent, "address": url_for("snapshots.own", name=name) if there else None})


@snapshot.get("/maps/snapshots/<name>.html")
@web.permits("maps.draw")
def own(name: str):
    """The snapshot, for the one who asked for it."""
    file = _own(name)
    if not file.is_file():
        raise _unknown(name)
    return _file(file)


def _own(name: str) -> Path:
    if not snapshots.ID.match(name):
        raise _unknown(name)
    return snapshots.own_file(web.runtime().settings, web.actor().id, name)


def _unknown(name: str) -> NotFound:
    return NotFound("maps.snapshot-unknown", f"There is no snapshot {name[:64]} of yours", name=name[:64])


def _file(file: Path) -> Response:
    """The file under the policy that it states itself, which lets its own script run and no other."""
    response = send_from_directory(file.parent.resolve(), file.name)
    response.headers["Cache-Control"] = "no-cache"
    if policy := figure.policy_of(file):
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'self'"
    if "save" in request.args:
        response.headers["Content-Disposition"] = f'attachment; filename="webgis-{file.name}"'
    return response
