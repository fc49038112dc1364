"""What the desk and the department's door share: queues with their counts, the rows of one, and the panel of a case.

A door is a table of queues by role; its addresses are `<door>_queue` and `<door>_case` of the blueprint.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session

from webgis import db, web
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import listing, queries, queues, requests
from webgis.errors import NotFound
from webgis.maps.signs import legend_rows
from webgis.pages import alarm_shown, casework, desk_search, desk_words, shown, step_forms

ROWS = 40
REQUESTS = "requests"
"""The queue of what departments ask for: its cases wait for an answer, whatever state they are in."""


@dataclass(frozen=True)
class Door:
    """A door to cases: the queues of each role, the daily ones first; how many of these are its own work; and whether
    a map stands beside them."""

    name: str
    word: LazyString
    queues: Mapping[str, tuple[str, ...]]
    daily: Mapping[str, int]
    with_map: bool = False

    def address(self, part: str, **values: Any) -> str:
        """An address of this door."""
        return url_for(f"pages.{self.name}_{part}" if part else f"pages.{self.name}", **values)


@dataclass(frozen=True)
class Tab:
    """A queue as a choice: how many wait and how many of them are late (None: not counted)."""

    name: str
    word: str
    icon: str
    states: tuple[str, ...]
    count: int | None
    late: int
    href: str
    current: bool


@dataclass(frozen=True)
class Asked:
    """What the address asks for: a queue, its order, the place that is near, the chosen case."""

    queue: str
    order: str
    place: tuple[float, float] | None
    cursor: str | None
    case: str | None


def asked(door: Door, actor: Actor) -> Asked:
    """What this request asks of a door; what cannot be is left out."""
    given, known = request.args, door.queues[actor.role]
    queue = given.get("queue", "")
    order = given.get("order", "")
    try:
        place = (float(given["lon"]), float(given["lat"]))
    except (KeyError, ValueError):
        place = None
    return Asked(
        queue if queue in known else known[0],
        order if order in queues.ORDERS else "due",
        place,
        given.get("cursor"),
        given.get("case") or None,
    )


def tabs(session: Session, door: Door, actor: Actor, current: str, now: datetime) -> list[Tab]:
    """The queues of a door for this person, with what waits in each."""
    by_state = queues.counts(partial(db.call, session), actor, now)
    waiting = len(requests.waiting(session, actor))
    return [_tab(door, name, by_state, waiting, current) for name in door.queues[actor.role]]


def _tab(door: Door, name: str, by_state: dict[str, queues.Count], waiting: int, current: str) -> Tab:
    words, queue = desk_words.QUEUES[name], queues.QUEUES.get(name)
    count = queues.Count(waiting, 0) if queue is None else queues.count_of(queue, by_state)
    return Tab(
        name,
        str(words.word),
        words.icon,
        queue.states if queue else (),
        None if queue and queue.mine else count.cases,
        0 if queue is None or queue.late or queue.mine else count.late,
        door.address("", queue=name),
        name == current,
    )


def rows(session: Session, door: Door, actor: Actor, wanted: Asked, now: datetime) -> dict[str, Any]:
    """A page of the wanted queue, as its template takes it."""
    settings = web.runtime().settings
    if wanted.queue == REQUESTS:
        ids = [one.case_id for one in requests.waiting(session, actor)]
        found = listing.Page(queries.lines(session, list(dict.fromkeys(ids))))
    else:
        queue = queues.QUEUES[wanted.queue]
        about = {"order": wanted.order, "place": wanted.place, "cursor": wanted.cursor, "limit": ROWS, "now": now}
        found = queues.page(session, actor, queue, **about)
    kept = {"queue": wanted.queue, "order": wanted.order}
    return {
        "door": door,
        "rows": shown.list_rows(session, settings, actor, found.rows, now),
        "more": door.address("queue", **kept, cursor=found.next) if found.next else None,
        "queue": wanted.queue,
        "order": wanted.order,
        "chosen": wanted.case,
        "single_states": _single(wanted.queue),
        "empty": desk_words.QUEUES[wanted.queue].empty,
    }


def _single(queue: str) -> tuple[str, ...]:
    """States that need not be said of each row, since the queue says it."""
    states = queues.QUEUES[queue].states if queue in queues.QUEUES else ()
    return states if len(states) == 1 else ()


def panel(session: Session, door: Door, number: str) -> dict[str, Any]:
    """A case as its panel takes it: all that its page tells, what is like it nearby, and the keys of its steps."""
    actor = web.actor()
    row = queries.require_case(session, actor, number)
    told = casework.told(session, number)
    alike = told["choices"].get("into")
    if alike is None and row.outcome is None and row.relation is None:
        alike = step_forms.alike(session, actor, row)
    return told | {
        "door": door,
        "alike": alike or [],
        "alike_places": [asdict(one) for one in alike or []],
        "keys": desk_words.KEYS,
        "turns": [one for one in told["asked"] if one.turn],
    }


def page(door: Door, more: Mapping[str, Any] | None = None) -> str:
    """The whole of a door: what the address asks for is shown, so that it can be kept and sent to others. `more` is
    told to its modules besides."""
    actor, moment = web.actor(), now()
    wanted = asked(door, actor)
    with web.transaction() as session:
        choices = tabs(session, door, actor, wanted.queue, moment)
        told = rows(session, door, actor, wanted, moment) | chosen_panel(session, door, wanted.case)
        told["alarms"] = alarm_shown.banner(session, actor)
    return render_template(
        "desk/desk.html",
        **told,
        tabs=choices,
        daily=door.daily[actor.role],
        orders=desk_words.ORDERS,
        moves=desk_words.moves(door.with_map),
        may_acknowledge=permissions.may(actor, "alarms.acknowledge"),
        may_call=door.with_map and permissions.may(actor, "hotline.take"),
        search_words=desk_search.said(actor),
        facts=_facts(door, choices, actor) | dict(more or {}),
    )


def _facts(door: Door, choices: list[Tab], actor: Actor) -> dict[str, Any]:
    """What the modules of a door are told: words, addresses, queues, states."""
    return {
        "me": actor.id,
        "queues": {tab.name: tab.states for tab in choices},
        "states": legend_rows(),
        "said": said(),
        "addresses": {
            "case": door.address("case", number="0").removesuffix("0"),
            "page": door.address(""),
            "queue": door.address("queue"),
            "next": url_for("pages.desk_next"),
        },
    }


def queue_part(door: Door) -> str:
    """The rows of a queue of a door; with a cursor only the further ones."""
    actor, moment = web.actor(), now()
    wanted = asked(door, actor)
    with web.transaction() as session:
        template = "desk/rows.html" if wanted.cursor else "desk/queue.html"
        return render_template(template, **rows(session, door, actor, wanted, moment))


def panel_part(door: Door, number: str) -> str:
    """The panel of a case at a door. It is drawn when the transaction is over: what asks for duplicates makes reports
    nearby wait until then."""
    with web.transaction() as session:
        told = panel(session, door, number)
    return render_template("desk/panel.html", **told)


def said() -> dict[str, str]:
    """What the modules of a door say."""
    return {
        "map": _("Map of the chosen case and what is open around it"),
        "ring": _("Like this case"),
        "merge": _("Merge the chosen case into it"),
        "choose": _("Show this case"),
        "no_connection": _("No connection. What you see may be old."),
        "gone": _("This case is no longer among those you may see."),
        "left": _("With others now"),
        "with": _("With %(name)s", name="{name}"),
        "mine": _("Taken by you"),
        "again": _("Show what is new"),
        "here": _("%(names)s looks at this case too", names="{names}"),
        "and": _(", "),
        "live": _("Live"),
        "polling": _("Every few seconds"),
        "offline": _("No connection"),
    }


def chosen_panel(session: Session, door: Door, number: str | None) -> dict[str, Any]:
    """The panel of the chosen case when the whole page is asked for; one that cannot be seen is no error there."""
    if not number:
        return {}
    try:
        return panel(session, door, number)
    except NotFound:
        return {"gone": _("There is no case %(number)s among those you may see.", number=number)}


def now() -> datetime:
    """The moment of this request."""
    return datetime.now(UTC)
