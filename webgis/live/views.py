"""Listening over HTTP: the stream of changes, the same asked in turns, and who looks at which case."""

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, g, jsonify, request, session
from pydantic import Field

from webgis import api, web
from webgis.accounts.actor import Actor
from webgis.cases import queries, queues
from webgis.live import changes, handover, presence

events = APIBlueprint("live_events", __name__, url_prefix="/live", enable_openapi=False)
live = APIBlueprint("live", __name__, url_prefix="/api/v1/live", tag="Live")
BLUEPRINTS = (events, live)

TAB = r"^[0-9A-Za-z]{6,64}$"


class ListenGiven(api.Given):
    """How to listen."""

    tab: str | None = Field(None, pattern=TAB, description="made up by the page, for presence")
    counts: Literal["1"] | None = Field(None, description="1: how many wait in each state, too")
    since: str | None = Field(
        None, max_length=64, description="the `cursor` of the answer before, or the last event id"
    )
    case: str | None = Field(None, pattern=r"^\d{19}$", description="number of the case that is looked at")


class LookGiven(api.Given):
    """Which case a tab looks at."""

    tab: str = Field(pattern=TAB)
    case: str | None = Field(None, pattern=r"^\d{19}$", description="null: none any more")


@events.get("/events")
@web.permits("live.listen")
def stream():
    """Server-sent events, as far as the one who asks may see what they are of: `case`, `claim`, `alarm`, `emergency`,
    `counts`, `presence`, `resync`, `beat`.

    204 when no live process takes the connection: the same is asked in turns then.
    """
    given = api.checked(ListenGiven, _filled())
    told = {
        "actor": asdict(web.actor()),
        "login": _login(),
        "tab": given.tab or "",
        "counts": bool(given.counts),
        "since": request.headers.get("Last-Event-ID") or given.since or "",
    }
    given_away = handover.give(web.runtime().settings, request.environ, told)
    return Response(status=200 if given_away else 204, headers={"Connection": "close"})


def _filled() -> dict[str, str]:
    """A page leaves fields empty that it has nothing for."""
    return {name: value for name, value in api.once(request.args).items() if value}


def _login() -> dict[str, str]:
    """By what the one who asks logged in, to be asked again while they listen."""
    if g.by_key:
        return {"key": request.headers["Authorization"].partition(" ")[2].strip()}
    return {"token": session["token"]}


@live.get("")
@live.doc(
    summary="What has happened to cases",
    description="Since a `cursor`; without one only where to begin. 304 while nothing has. Events are told as far as "
    "you may see the cases, some of them twice: a case and its version are told apart by nothing else. "
    "`claims`: who holds a case now. `alarms`: what happened to alarms of sensors. `emergencies`: what happened to "
    "those that you may see, and to CAP messages. `resync`: more has happened than is told.",
)
@api.documented(query=ListenGiven)
@web.permits("live.listen")
def poll():
    """The same in turns, for those who cannot hold a stream."""
    given, runtime, actor = api.checked(ListenGiven, _filled()), web.runtime(), web.actor()
    newest, mark = changes.mark(runtime.ask)
    beside = _beside(actor, given)
    tag = web.opaque(f"{mark}-{actor.id}-{queries.sight(actor)}-{_hash(beside)}")
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    else:
        response = jsonify(_since(actor, given, newest) | beside)
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _hash(beside: dict[str, Any]) -> str:
    """A short mark of what is told besides the events."""
    return hashlib.sha256(changes.as_json(beside).encode()).hexdigest()[:12]


def _since(actor: Actor, given: ListenGiven, newest: changes.Cursor) -> dict[str, Any]:
    since = changes.Cursor.read(given.since or "")
    if since is None:
        told = {history.plural: [] for history in changes.HISTORIES.values()}
        return {"cursor": str(newest)} | told | {"resync": given.since is not None}
    told, lasts, resync = {}, [], False
    for history, last, heard in zip(changes.HISTORIES.values(), newest.ids, since.ids, strict=True):
        rows, more = history.after(web.runtime().ask, heard)
        told[history.plural] = [seen for row in rows if (seen := history.told(row, actor)) is not None]
        lasts.append(max([last, *(row.id for row in rows)]))
        resync = resync or more
    return {"cursor": str(changes.Cursor(tuple(lasts)))} | told | {"resync": resync}


def _beside(actor: Actor, given: ListenGiven) -> dict[str, Any]:
    """Counts, and who looks at the same case, when these are asked for."""
    told: dict[str, Any] = {}
    if given.counts:
        found = queues.counts(web.runtime().ask, actor, datetime.now(UTC))
        told["counts"] = {state: [count.cases, count.late] for state, count in found.items()}
    if given.case and given.tab:
        looks = presence.looking(web.redis(), web.runtime().settings, given.case)
        if any(one.tab == given.tab and one.id == actor.id for one in looks):
            told["presence"] = presence.others(given.case, looks, actor)
    return told


@live.post("/presence")
@live.doc(summary="Say which case you look at", description="For 45 seconds; those who look at the same see you.")
@api.documented(body=LookGiven)
@web.permits("live.listen")
def look():
    """This tab looks at a case that its reader may see, or at none."""
    given, actor = api.checked(LookGiven, api.fields()), web.actor()
    if given.case is not None:
        with web.transaction() as database:
            queries.require_case(database, actor, given.case)
    presence.look(web.redis(), web.runtime().settings, actor, given.tab, given.case)
    return "", 204
