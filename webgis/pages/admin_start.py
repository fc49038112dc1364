"""Setting up a city of one's own, step by step: boundaries, grid, people, standard, go. What is done is read from the
database, so it can be left and resumed; it is offered until the city has all it needs."""

from importlib.resources import as_file, files

from flask import flash, redirect, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis import web
from webgis.accounts import first
from webgis.exchange import first_run, work
from webgis.grid import division, queries
from webgis.pages import admin_standards, admin_work, words
from webgis.pages.admin import REFUSALS, Section, admin, page, put

ACTION = "admin.start"
EXAMPLE = files("webgis.exchange").joinpath("data", "example_city.geojson")

WORDS = {
    "boundaries": (lazy_gettext("Boundaries"), "map-2"),
    "grid": (lazy_gettext("Grid"), "grid-dots"),
    "people": (lazy_gettext("People"), "users"),
    "standard": (lazy_gettext("Filing standard"), "clipboard-check"),
    "go": (lazy_gettext("Go"), "flag"),
}
"""Step -> what it is called, and its icon."""

ENDPOINTS = {"boundaries": ".areas_work", "grid": ".areas_work", "standard": ".standards_work"}
"""Step -> where its works are shown."""


def still_open() -> bool:
    """Whether setting up is still to be offered."""
    with web.transaction() as session:
        return first_run.needed(session)


put(Section("start", lazy_gettext("Set up a city"), "flag", "admin.start", ACTION, still_open), after=None)


@admin.get("/start")
@web.permits(ACTION)
def start():
    """The steps, each with what it needs and what there is."""
    return _steps()


def _steps(problem: str | None = None) -> str:
    with web.transaction() as session:
        found = first_run.standing(session)
        roots = [one for one in queries.branches(session, None) if one.undivided]
        works = {
            "boundaries": [one for one in work.recent(session, ("areas",), 3) if one.state != "done"],
            "grid": [one for one in work.recent(session, ("divide", "cells"), 3) if one.state != "done"],
            "standard": [one for one in work.recent(session, ("standard",), 3) if one.state != "done"],
        }
        return page(
            "start", "start", found=found, steps=first_run.STEPS, step_words=WORDS, roots=roots, works=works,
            size=f"{division.SIZE_M:g}", endpoints=ENDPOINTS, levels=words.LEVELS, problem=problem,
            kind_words=admin_work.KINDS, work_states=admin_work.STATES, needed=first_run.NEEDED_ROLES,
        )  # fmt: skip


@admin.get("/start/example.geojson")
@web.permits(ACTION)
def start_example():
    """The boundaries of a made-up town: what a file looks like."""
    with as_file(EXAMPLE) as file:
        return send_file(file, mimetype="application/geo+json", as_attachment=True, download_name=file.name)


@admin.post("/start/example")
@web.permits(ACTION)
@admin_work.asked
def start_with_example():
    """Have the boundaries of a made-up town looked at, as a file that was sent."""
    given = {"crs": None, "encoding": None, "source": "webgis", "illustrative": True}
    with as_file(EXAMPLE) as file, web.transaction() as session:
        return admin_work.begin(session, "areas", given, file, file.name)


@admin.post("/start/people")
@web.permits(ACTION)
def start_people():
    """Add the usual departments and a post of each role; the passwords are shown once."""
    with web.transaction() as session:
        roots = queries.roots(session)
        area = roots[0].code if roots else web.runtime().settings.city_code
        made = first.usual(session, area, "en" if words.english() else "zh", web.actor())
    return page("people_made", "start", made=made, plan=None, back=url_for(".start")), 201


@admin.post("/start/standard")
@web.permits(ACTION)
def start_standard():
    """Give the city the filing standard that ships with webgis."""
    admin_standards.take_default()
    return redirect(url_for(".start"), 303)


@admin.post("/start/go")
@web.permits(ACTION)
def start_go():
    """The city begins its work."""
    try:
        with web.transaction() as session:
            first_run.begin(session, web.actor())
    except REFUSALS as error:
        return _steps(words.sentence(error.code, error.message, error.facts)), 409
    flash(_("Your city is ready. Beats, routing rules and the calendar can be kept here at any time."), "success")
    return redirect(url_for(".areas"), 303)
