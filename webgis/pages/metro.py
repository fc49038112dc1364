"""The pages of the metro: lines and what stands along them, one structure with its zones. Permits: `metro_permits`."""

from datetime import datetime
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from webgis import web
from webgis.accounts import permissions
from webgis.maps import metro_words
from webgis.maps import queries as map_queries
from webgis.metro import permit_queries, queries
from webgis.metro.structures import unknown, unknown_line
from webgis.pages import metro_words as said
from webgis.pages import words
from webgis.pages.blueprint import pages

LISTED = 60
"""Structures that a search shows."""

AROUND_DEG = 0.0015
"""What is shown of the ground around a structure: some 150 m."""


def common() -> dict[str, Any]:
    """What every page of the metro is told."""
    actor = web.actor()
    today = datetime.now(web.runtime().settings.zone).date()
    return {
        "kind_of": metro_words.kind,
        "source_of": metro_words.source,
        "named": lambda told: (told["name_en"] if words.english() else None) or told["name_zh"],
        "day": lambda moment: moment.astimezone(web.runtime().settings.zone).date().isoformat(),
        "today": today.isoformat,
        "in_force": lambda permit: said.in_force(permit, today),
        "zone_words": metro_words.ZONES,
        "said": said,
        "sees_permits": permissions.may(actor, "permits.see"),
        "may_apply": permissions.may(actor, "permits.apply"),
        "may_act": permissions.may(actor, "permits.act"),
        "may_settle": permissions.may(actor, "permits.settle"),
        "may_find": permissions.may(actor, "permits.find"),
    }


@pages.get("/metro")
@web.permits("metro.see")
def metro_home():
    """Lines, kinds of structures, distances; what waits among permits and findings."""
    actor = web.actor()
    asked = request.args.get("q", "").strip()[:100]
    with web.transaction() as session:
        told = common()
        return render_template(
            "metro/home.html",
            lines=queries.lines(session),
            kinds=queries.kinds(session),
            distances=queries.distances(session),
            asked=asked,
            found=queries.structures(session, words=asked, most=LISTED + 1) if asked else [],
            most=LISTED,
            bounds=map_queries.extent(session),
            counts=permit_queries.counts(session, actor) if told["sees_permits"] else {},
            open_findings=permit_queries.open_findings(session, actor) if told["may_find"] else 0,
            **told,
        )


@pages.get("/metro/lines/<code>")
@web.permits("metro.see")
def metro_line(code: str):
    """A line with its stations in order."""
    with web.transaction() as session:
        found = queries.lines(session, code)
        if not found:
            raise unknown_line(code)
        paths: dict[int, list[Any]] = {}
        for stop in queries.stops(session, code):
            paths.setdefault(stop.path, []).append(stop)
        rows = queries.structures(session, line=code)
        return render_template(
            "metro/line.html",
            line=found[0],
            paths=list(paths.values()),
            others={one.code: one for one in queries.lines(session)},
            bounds=_bounds([row.bounds for row in rows]) or map_queries.extent(session),
            **common(),
        )


def _bounds(boxes: list[list[float]]) -> list[float] | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return [min(west), min(south), max(east), max(north)]


@pages.get("/metro/structures/<code>")
@web.permits("metro.see")
def metro_structure(code: str):
    """A structure: what it is, its zones and what they were, permits that touch them."""
    with web.transaction() as session:
        rows = queries.structures(session, code=code, ended=True)
        if not rows:
            raise unknown(code)
        zones, told = queries.zones_of(session, code), common()
        west, south, east, north = rows[0].bounds
        shapes = [
            {"type": "Feature", "geometry": zone.geometry, "properties": {"kind": zone.kind}}
            for zone in zones
            if zone.holds
        ]
        return render_template(
            "metro/structure.html",
            one=rows[0],
            zones=[zone for zone in zones if zone.until is None or zone.holds],
            past=[zone for zone in zones if zone.until is not None and not zone.holds],
            shapes={"type": "FeatureCollection", "features": shapes},
            bounds=[west - AROUND_DEG, south - AROUND_DEG, east + AROUND_DEG, north + AROUND_DEG],
            permits=permit_queries.touching(session, web.actor(), code) if told["sees_permits"] else [],
            drawn=_drawn(rows[0]),
            **told,
        )


def _drawn(row: Any) -> str:
    """How much is known of where a structure is."""
    if row.surveyed:
        return _("Surveyed outline")
    if row.shape == "POINT":
        return _("A point: no outline is known")
    return _("A line: no outline is known") if "LINE" in row.shape else _("An outline that was not surveyed")
