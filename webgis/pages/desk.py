"""The desk of acceptors and dispatchers: queues, map and the chosen case beside one another.

Steps are sent to the same addresses as from the page of a case (`casework.py`); the desk only shows what came of them.
"""

from typing import Any

from flask import jsonify, render_template, url_for
from flask_babel import gettext as _

from webgis import web
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import claims
from webgis.maps import basemaps, layers
from webgis.maps import queries as map_queries
from webgis.maps import words as map_words
from webgis.maps.signs import legend_rows
from webgis.pages import context, desk_bulk, desk_search, desk_words, words, workbench
from webgis.pages.blueprint import pages

DOOR = workbench.Door(
    "desk",
    {
        "acceptor": ("accept", "verify", "close", "late", "confirm", "dispatch", "outside"),
        "dispatcher": ("dispatch", "requests", "verify", "close", "late", "accept", "outside"),
    },
)
DAILY = {"acceptor": 3, "dispatcher": 4}
"""How many of a role's queues are its own work; the others are to look at."""

LAYERS, SHOWN = ("areas", "coverage", "grid", "components", "cases"), ("areas", "grid", "cases")
"""Layers of `webgis.maps.layers` that the desk's map has, and shows at first."""


@pages.get("/desk")
@web.permits("desk.use")
def desk():
    """The whole desk: what the address asks for is shown, so that it can be kept and sent to others."""
    actor, now = web.actor(), workbench.now()
    wanted = workbench.asked(DOOR, actor)
    with web.transaction() as session:
        tabs = workbench.tabs(session, DOOR, actor, wanted.queue, now)
        told = workbench.rows(session, DOOR, actor, wanted, now)
        told |= workbench.chosen_panel(session, DOOR, wanted.case)
        bounds = map_queries.extent(session)
        return render_template(
            "desk/desk.html",
            **told,
            tabs=tabs,
            daily=DAILY[actor.role],
            orders=desk_words.ORDERS,
            moves=desk_words.MOVES,
            may_call=permissions.may(actor, "hotline.take"),
            search_words=desk_search.said(actor),
            facts=_facts(actor, tabs, list(bounds)),
        )


def _facts(actor: Actor, tabs: list[workbench.Tab], bounds: list[float]) -> dict[str, Any]:
    """What the desk's modules are told: words, addresses, queues, and the tables of the map."""
    return {
        "bounds": bounds,
        "layers": [_layer(layer) for layer in layers.LAYERS if layer.name in LAYERS],
        "words": map_words.words(),
        "attribution": _("webgis · boundaries of this installation"),
        "me": actor.id,
        "queues": {tab.name: tab.states for tab in tabs},
        "states": legend_rows(),
        "basemaps": basemaps.offered(web.runtime().settings, "/basemaps/", context.html_lang()),
        "said": workbench.said(),
        "addresses": {
            "tiles": "/tiles/{layer}/{z}/{x}/{y}.mvt",
            "names": url_for("maps.names"),
            "cell": "/api/v1/grid/cells/",
            "case": url_for("pages.desk_case", number="0").removesuffix("0"),
            "page": url_for("pages.desk"),
            "queue": url_for("pages.desk_queue"),
            "next": url_for("pages.desk_next"),
            "claim": url_for("pages.case_list") + "/",
        },
    }


def _layer(layer: layers.Layer) -> dict[str, Any]:
    """A layer as `static/maps/layers.js` makes it."""
    told = {name: getattr(layer, name) for name in ("name", "first", "filtered", "scaled", "order")}
    sources = [vars(source) for source in layer.sources]
    return told | {"word": str(layer.word), "sources": sources, "shown": layer.name in SHOWN}


@pages.get("/desk/queue")
@web.permits("desk.use")
def desk_queue():
    """The rows of a queue alone; with a cursor only the further ones."""
    return queue_part(DOOR)


@pages.get("/desk/cases/<number>")
@web.permits("desk.use")
def desk_case(number: str):
    """The panel of a case alone."""
    return panel_part(DOOR, number)


def queue_part(door: workbench.Door) -> str:
    """The rows of a queue of a door."""
    actor, now = web.actor(), workbench.now()
    wanted = workbench.asked(door, actor)
    with web.transaction() as session:
        template = "desk/rows.html" if wanted.cursor else "desk/queue.html"
        return render_template(template, **workbench.rows(session, door, actor, wanted, now))


def panel_part(door: workbench.Door, number: str) -> str:
    """The panel of a case at a door."""
    with web.transaction() as session:
        return render_template("desk/panel.html", **workbench.panel(session, door, number))


@pages.post("/desk/next")
@web.permits("cases.claim")
def desk_next():
    """Take the next case out of the reader's queue: its number, or what is said when there is none."""
    with web.transaction() as session:
        taken = claims.claim_next(session, web.runtime().settings, web.actor())
    if taken is None:
        return jsonify(number=None, said=_("Nothing waits for you just now, or others are at it."))
    return jsonify(number=taken.number, said=_("The case is yours until %(time)s.", time=words.short_time(taken.until)))


@pages.post("/desk/search", endpoint="desk_search")
@web.permits("desk.use")
def desk_search_part():
    """What is found for what was typed into the desk's box."""
    return desk_search.part(DOOR)


@pages.post("/desk/bulk", endpoint="desk_bulk")
@web.permits("cases.act")
def desk_bulk_part():
    """The marked cases: the steps that are open for all of them, or what came of one."""
    return desk_bulk.part(DOOR)
