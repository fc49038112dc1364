"""The desk of acceptors and dispatchers: queues, map and the chosen case beside one another.

Steps are sent to the same addresses as from the page of a case (`casework.py`); the desk only shows what came of them.
"""

from datetime import datetime
from typing import Any

from flask import jsonify, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis import web
from webgis.cases import claims
from webgis.maps import basemaps, layers
from webgis.maps import queries as map_queries
from webgis.maps import words as map_words
from webgis.pages import context, desk_bulk, desk_search, words, workbench
from webgis.pages.blueprint import pages

DOOR = workbench.Door(
    "desk",
    lazy_gettext("Desk"),
    {
        "acceptor": ("accept", "verify", "close", "late", "confirm", "dispatch", "outside"),
        "dispatcher": ("dispatch", "requests", "verify", "close", "late", "accept", "outside"),
    },
    {"acceptor": 3, "dispatcher": 4},
    with_map=True,
)

LAYERS = (
    "areas", "coverage", "grid", "components", "metro", "construction", "hazards", "sensors", "waterlogging",
    "emergency", *layers.ALWAYS, "cases",
)  # fmt: skip
SHOWN = ("areas", "grid", *layers.ALWAYS, "cases")
"""Layers of `webgis.maps.layers` that the desk's map has, and shows at first."""


@pages.get("/desk")
@web.permits("desk.use")
def desk():
    """The whole desk."""
    with web.transaction() as session:
        bounds = map_queries.extent(session)
    return workbench.page(DOOR, {"bounds": list(bounds), "map": _map()})


def _map() -> dict[str, Any]:
    """What the desk's map is told, as `static/maps` knows it."""
    return {
        "layers": [one.told(shown=one.name in SHOWN) for one in layers.LAYERS if one.name in LAYERS],
        "words": map_words.words(),
        "today": datetime.now(web.runtime().settings.zone).date().isoformat(),
        "attribution": _("webgis · boundaries of this installation"),
        "basemaps": basemaps.offered(web.runtime().settings, "/basemaps/", context.html_lang()),
        "addresses": {
            "tiles": "/tiles/{layer}/{z}/{x}/{y}.mvt",
            "names": url_for("maps.names"),
            "cell": "/api/v1/grid/cells/",
        },
    }


@pages.get("/desk/queue")
@web.permits("desk.use")
def desk_queue():
    """The rows of a queue alone."""
    return workbench.queue_part(DOOR)


@pages.get("/desk/cases/<number>")
@web.permits("desk.use")
def desk_case(number: str):
    """The panel of a case alone."""
    return workbench.panel_part(DOOR, number)


@pages.post("/desk/search", endpoint="desk_search")
@web.permits("desk.use")
def search():
    """What is found for what was typed into the desk's box."""
    return desk_search.part(DOOR)


@pages.post("/desk/bulk", endpoint="desk_bulk")
@web.permits("cases.act")
def bulk():
    """The marked cases: the steps that are open for all of them, or what came of one."""
    return desk_bulk.part(DOOR)


@pages.post("/desk/next")
@web.permits("cases.claim")
def desk_next():
    """Take the next case out of the reader's queue: its number, or what is said when there is none."""
    with web.transaction() as session:
        taken = claims.claim_next(session, web.runtime().settings, web.actor())
    if taken is None:
        return jsonify(number=None, said=_("Nothing waits for you just now, or others are at it."))
    said = _("The case is yours until %(time)s.", time=words.short_time(taken.until))
    return jsonify(number=taken.number, said=said)
