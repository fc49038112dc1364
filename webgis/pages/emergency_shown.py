"""An emergency as its page shows it: head, board, resources near, log, report. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.emergency import board, queries
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import Emergency
from webgis.grid import queries as grid
from webgis.pages import emergency_words as said
from webgis.pages import words

ON_BOARD = ("todo", "doing", "done")
SHOWN_STATES = {"done": ("done", "dropped")}
"""What a column of the board holds besides its own state."""


@dataclass(frozen=True)
class Card:
    """A task on the board: what it is, whose (`owner`: the code), until when, how that stands, what the reader may do
    with it."""

    seq: int
    text: str
    department: str
    owner: str
    state: str
    lamp: words.Lamp | None
    due_at: datetime
    mine: bool
    actions: Sequence[board.Step]


@dataclass(frozen=True)
class Near:
    """Something near: what, where, how far. Of a resource its `code`, and the number of the open emergency with which
    it is."""

    kind: str
    icon: str
    name: str
    far: str
    more: str
    phone: str | None
    lon: float
    lat: float
    illustrative: bool = False
    code: str = ""
    taken: str = ""


def head(emergency: Emergency) -> dict[str, Any]:
    """Number, words, colours and times of an emergency."""
    return {
        "number": emergency.number,
        "title": emergency.title,
        "kind": said.kind(emergency.kind),
        "icon": KINDS[emergency.kind].icon,
        "level": said.level(emergency.level),
        "level_number": emergency.level,
        "colour": LEVELS[emergency.level].colour,
        "exercise": emergency.exercise,
        "open": emergency.state == "open",
        "opened_at": emergency.opened_at,
        "closed_at": emergency.closed_at,
        "address": emergency.address,
        "cell": emergency.cell_code,
        "radius": said.metres(emergency.radius_m) if emergency.radius_m else None,
        "summary": emergency.summary,
        "version": emergency.version,
    }


def place(session: Session, emergency: Emergency) -> dict[str, Any]:
    """Where it is, for the facts and the map."""
    lon, lat = queries.place_of(emergency)
    area = queries.area_of(emergency)
    return {
        "lon": lon,
        "lat": lat,
        "bounds": area.bounds,
        "shape": shapely.geometry.mapping(shapely.set_precision(area, 1e-6)),
        "chain": grid.area_chain(session, emergency.cell_code),
    }


def names(session: Session) -> dict[str, str]:
    """What departments are called, by code."""
    return {one.code: words.name_of(one) for one in accounts.departments(session)}


def cards(session: Session, actor: Actor, emergency: Emergency, now: datetime) -> list[Card]:
    """The tasks of the board, by when they are due."""
    lead = queries.rights(actor, emergency).lead
    is_open = emergency.state == "open"
    found = []
    for one in queries.tasks(session, emergency):
        owner = actor.role == "department" and one.department_code in actor.departments
        steps = board.offered(one.state, owner=owner, lead=lead) if is_open else ()
        department = (one.department_en if words.english() else None) or one.department_zh
        text = (one.words_en if words.english() else None) or one.words_zh
        lamp = _lamp(one, now) if is_open or one.state == "done" else None
        found.append(Card(one.seq, text, department, one.department_code, one.state, lamp, one.due_at, owner, steps))
    return found


def _lamp(task: queries.Task, now: datetime) -> words.Lamp | None:
    if task.state == "dropped" or (task.state == "done" and not task.late(now)):
        return None
    light = "overdue" if task.late(now) else "due_soon" if task.near(now) else "in_time"
    return words.lamp(light, task.due_at, now, task.state == "done")


def columns(found: Sequence[Card]) -> list[dict[str, Any]]:
    """The board's columns with their cards, the reader's own first."""
    own_first = sorted(found, key=lambda card: not card.mine)
    return [
        {
            "state": state,
            "word": said.TASK_STATES[state][0],
            "icon": said.TASK_STATES[state][1],
            "cards": [card for card in own_first if card.state in SHOWN_STATES.get(state, (state,))],
        }
        for state in ON_BOARD
    ]


def near(session: Session, actor: Actor, emergency: Emergency, now: datetime) -> list[Near]:
    """Resources and crews around it, the nearest first."""
    here = queries.place_of(emergency)
    rows = queries.resources_near(session, *here)
    taken = queries.assigned(session, [row.code for row in rows])
    found = [(row.metres, _resource(row, taken.get(row.code, ""))) for row in rows]
    found += [(row.metres, _crew(row)) for row in queries.crews_near(session, actor, *here, now)]
    return [one for _far, one in sorted(found, key=lambda pair: pair[0])]


def _resource(row: Row, taken: str) -> Near:
    more = " · ".join(one for one in (said.resource_kind(row.kind), row.amount, row.address) if one)
    icon, far = said.RESOURCE_ICONS[row.kind], said.metres(row.metres)
    return Near(
        row.kind, icon, words.name_of(row), far, more, row.phone, row.lon, row.lat, row.illustrative, row.code, taken
    )


def _crew(row: Row) -> Near:
    more = _("On duty, seen %(time)s", time=words.short_time(row.seen_at))
    return Near("crew", "user", row.name, said.metres(row.metres), more, None, row.lon, row.lat)
