"""One box that finds everything at a desk: cases by number, words or the telephone of who reported, cells, areas,
components, places. Asked by POST, so that a telephone number stands in no address and no log.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import contact_rules, contacts, listing, queries, queues, workflow
from webgis.catalog import component_queries
from webgis.catalog import queries as catalog
from webgis.geo import Box
from webgis.grid import gazetteer_queries
from webgis.maps import queries as map_queries
from webgis.pages import shown, words
from webgis.pages.words import english

MOST = 6
"""Rows of a group."""

NUMBER_DIGITS, FEWEST_DIGITS, COMPONENT_DIGITS = 19, 3, 6
SHORT_WORDS = 3
"""Fewer signs than these have no index of three; they are looked for in open cases only."""

FEWEST_SIGNS = 2
"""Of a class's name: one sign is in too many."""

PLACE_M = 0.0008
"""Degrees around a place that is shown on the map: some 80 m."""

ICONS = {"cell": "grid-dots", "component": "tool", "place": "map-pin"}


@dataclass(frozen=True)
class Found:
    """A row: a case by its number, or a place on the map by its box."""

    word: str
    note: str
    icon: str
    number: str | None = None
    box: Box | None = None
    state: str | None = None


@dataclass(frozen=True)
class Group:
    """Rows of one kind under one heading."""

    word: str
    rows: list[Found]


@dataclass(frozen=True)
class _Asked:
    session: Session
    actor: Actor
    words: str
    digits: bool


def part(door: Any) -> str:
    """What was found for the words of this request at a door (`workbench.Door`), in groups."""
    typed = request.form.get("q", "").replace("\0", "").strip()[:100]
    with web.transaction() as session:
        asked = _Asked(session, web.actor(), typed, typed.isascii() and typed.isdigit())
        groups = list(_groups(asked)) if typed else []
        return render_template("desk/found.html", groups=groups, door=door, typed=typed)


def _groups(asked: _Asked) -> Iterator[Group]:
    for word, find in _kinds():
        if rows := find(asked):
            yield Group(word, rows)


def _kinds() -> list[tuple[str, Callable[[_Asked], list[Found]]]]:
    return [
        (_("Cases by number"), _numbered),
        (_("Cases from this telephone"), _called),
        (_("Cases by words"), _worded),
        (_("Open cases of this class"), _classed),
        (_("Cells and areas"), _areas),
        (_("Components"), _components),
        (_("Places"), _places),
    ]


def _numbered(asked: _Asked) -> list[Found]:
    if not asked.digits or len(asked.words) < FEWEST_DIGITS or len(asked.words) > NUMBER_DIGITS:
        return []
    if len(asked.words) == NUMBER_DIGITS:
        ids = queries.seen(asked.session, asked.actor, [asked.words])
        return [_case(row) for row in queries.lines(asked.session, list(ids.values()))]
    return [_case(row) for row in queues.ending_with(asked.session, asked.actor, asked.words, MOST)]


def _called(asked: _Asked) -> list[Found]:
    phone = contact_rules.phone(asked.words)
    if phone is None or not permissions.may(asked.actor, "hotline.callers"):
        return []
    found = contacts.cases_of_phone(asked.session, web.runtime().settings, asked.actor, phone, MOST)
    ids = queries.seen(asked.session, asked.actor, [row.number for row in found])
    return [_case(row) for row in queries.lines(asked.session, [ids[row.number] for row in found])]


def _worded(asked: _Asked) -> list[Found]:
    if asked.digits:
        return []
    states = workflow.OPEN if len(asked.words) < SHORT_WORDS else ()
    filters = listing.Filters(states=states, words=asked.words)
    return [_case(row) for row in listing.list_cases(asked.session, asked.actor, filters, limit=MOST).rows]


def _classed(asked: _Asked) -> list[Found]:
    if asked.digits or len(asked.words) < FEWEST_SIGNS:
        return []
    wanted = asked.words.lower()
    named = [one for one in catalog.classes(asked.session) if wanted in f"{one.name_zh} {one.name_en or ''}".lower()]
    if not named:
        return []
    filters = listing.Filters(states=workflow.OPEN, classes=tuple({one.code for one in named}))
    return [_case(row) for row in listing.list_cases(asked.session, asked.actor, filters, limit=MOST).rows]


def _case(row: Any) -> Found:
    since = words.short_time(row.reported_at)
    note = " · ".join(part for part in (row.number, row.address or row.description[:40], since) if part)
    return Found(shown.class_name(row), note, "flag", number=row.number, state=row.state)


def _areas(asked: _Asked) -> list[Found]:
    rows = [row for row in map_queries.find(asked.session, asked.actor, asked.words) if row.kind != "case"]
    return [_area(row) for row in rows[:MOST]]


def _area(row: map_queries.Found) -> Found:
    name = (row.name_en if english() else None) or row.name_zh or row.code
    return Found(name, row.code if name != row.code else "", ICONS.get(row.kind, "map"), box=row.box)


def _components(asked: _Asked) -> list[Found]:
    if not asked.digits or len(asked.words) < COMPONENT_DIGITS:
        return []
    found = component_queries.listed(asked.session, component_queries.Filters(q=asked.words), limit=MOST).rows
    return [Found(shown.class_name(row), row.code, ICONS["component"], box=_around(row.lon, row.lat)) for row in found]


def _places(asked: _Asked) -> list[Found]:
    if asked.digits:
        return []
    found = [row for row in gazetteer_queries.find(asked.session, asked.words, limit=MOST) if row.kind != "cell"]
    return [_place(row) for row in found]


def _place(row: Any) -> Found:
    name = (row.name_en if english() else None) or row.name
    return Found(name, "", ICONS["place"], box=_around(row.lon, row.lat))


def _around(lon: float, lat: float) -> Box:
    return lon - PLACE_M, lat - PLACE_M, lon + PLACE_M, lat + PLACE_M


def said(actor: Actor) -> str:
    """What the box offers to look for."""
    if permissions.may(actor, "hotline.callers"):
        return _("Number, address, telephone, cell, component, words")
    return _("Number, address, cell, component, words")
