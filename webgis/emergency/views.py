"""The API of emergencies: open, see, act; tasks; CAP out and in."""

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webgis import api, web
from webgis.emergency import acts, cap_inbox, cap_reading, operations, plans, queries, report, wire, work
from webgis.errors import NotFound

emergencies = APIBlueprint("emergencies", __name__, url_prefix="/api/v1/emergencies", tag="Emergencies")
BLUEPRINTS = (emergencies,)

CAP_TYPE = "application/cap+xml"


@emergencies.get("")
@emergencies.doc(summary="Emergencies", description="Newest first, as GeoJSON; those that you may see.")
@api.documented(query=wire.ListAsked)
@web.permits("emergency.see")
def listed():
    """Emergencies as Features."""
    asked = api.checked(wire.ListAsked, api.once(request.args))
    with web.transaction() as session:
        rows = queries.listed(session, web.actor(), asked.state, before=asked.before, most=asked.limit)
        features = [wire.feature(row) for row in rows]
        more = rows[-1].id if len(rows) == asked.limit else None
    return api.geojson({"type": "FeatureCollection", "features": features, "next": more})


@emergencies.post("")
@emergencies.doc(summary="Open an emergency", description="For dispatchers and managers, within their area.")
@api.documented(body=wire.OpenGiven)
@web.permits("emergency.open")
def open_():
    """Open one; its number, board and first CAP message are made."""
    given = api.checked(wire.OpenGiven, api.fields())
    now, actor = datetime.now(UTC), web.actor()
    with web.transaction() as session:
        opening = operations.Opening(**given.opening())
        made = operations.open_(session, web.runtime().settings, actor, opening, at=now)
        told = wire.whole(session, actor, made, now)
    return api.geojson(told, 201)


@emergencies.get("/plans")
@emergencies.doc(summary="Plans", description="What is done first, by kind: the city's own, else those that ship.")
@web.permits("emergency.see")
def all_plans():
    """The plan of every kind."""
    with web.transaction() as session:
        return jsonify({kind: [vars(one) for one in rows] for kind, rows in plans.plans(session).items()})


@emergencies.post("/cap")
@emergencies.doc(
    summary="Send in a CAP 1.2 message",
    description="The XML as the body. It is checked and becomes a proposal that somebody decides on. The same message "
    "again (sender, identifier, sent) does no harm. `proposal` is null for tests, drafts, acknowledgements, and for a "
    "message of our own that comes back: `ours` is the number of the emergency that gave it out.",
)
@web.permits("emergency.receive")
def receive():
    """Take in a CAP message."""
    request.max_content_length = cap_reading.LARGEST
    body = request.get_data()
    if len(body) > cap_reading.LARGEST:  # of a session the CSRF check has opened the stream before the limit was set
        raise RequestEntityTooLarge
    with web.transaction() as session:
        done = cap_inbox.receive(session, web.runtime().settings, web.actor(), body, at=datetime.now(UTC))
        return jsonify(wire.received(done)), 200 if done.known or done.proposal is None else 201


@emergencies.get("/cap")
@emergencies.doc(summary="CAP messages that wait", description="For those who may open an emergency.")
@web.permits("emergency.open")
def proposals():
    """Messages that came in and wait for a decision, newest first."""
    with web.transaction() as session:
        return jsonify([wire.proposal(one) for one in queries.proposals(session, web.actor())])


@emergencies.post("/cap/<int:proposal>/accept")
@emergencies.doc(
    summary="Make a CAP message an emergency",
    description="Fields that are given take the place of what the message suggests. An Update or Cancel of one that is "
    "an open emergency already is written into its log.",
)
@api.documented(body=wire.AcceptGiven)
@web.permits("emergency.open")
def accept(proposal: int):
    """Accept a message."""
    given = api.checked(wire.AcceptGiven, api.fields()).model_dump(exclude_none=True)
    now, actor = datetime.now(UTC), web.actor()
    with web.transaction() as session:
        made = cap_inbox.accept(session, web.runtime().settings, actor, _known(proposal), at=now, **given)
        return api.geojson(wire.whole(session, actor, made, now))


@emergencies.post("/cap/<int:proposal>/decline")
@emergencies.doc(summary="Decline a CAP message")
@web.permits("emergency.open")
def decline(proposal: int):
    """Say that nothing is to be done."""
    with web.transaction() as session:
        return jsonify(wire.proposal(cap_inbox.decline(session, web.actor(), _known(proposal), at=datetime.now(UTC))))


def _known(number: int) -> int:
    """A number that the database can be asked for."""
    if number >= 2**63:
        raise NotFound("emergency.proposal-unknown", "There is no such message", proposal=str(number)[:40])
    return number


@emergencies.get("/<number>")
@emergencies.doc(summary="One emergency", description="With its board, who takes part, its cases, what you may do.")
@web.permits("emergency.see")
def one(number: str):
    """One emergency as a Feature."""
    now, actor = datetime.now(UTC), web.actor()
    with web.transaction() as session:
        return api.geojson(wire.whole(session, actor, queries.require(session, actor, number), now))


@emergencies.get("/<number>/log")
@emergencies.doc(summary="Its log", description="Oldest first; each line holds the hash of the one before it.")
@web.permits("emergency.see")
def log(number: str):
    """The log, and whether it is as it was written."""
    with web.transaction() as session:
        found = queries.require(session, web.actor(), number)
        lines = [wire.line(row) for row in queries.log(session, web.actor(), found)]
        return jsonify({"lines": lines, "altered": queries.altered(session, found)})


@emergencies.get("/<number>/report")
@emergencies.doc(summary="Its report", description="What its log tells, up to now or the end.")
@web.permits("emergency.see")
def reported(number: str):
    """The report as data."""
    with web.transaction() as session:
        found = queries.require(session, web.actor(), number)
        told = report.made(queries.log(session, web.actor(), found))
    tasks = [vars(task) | {"late": task.late} for task in told.tasks.values()]
    return jsonify(vars(told) | {"tasks": tasks, "minutes": told.minutes, "by_department": told.by_department})


@emergencies.get("/<number>/resources")
@emergencies.doc(summary="What is near", description="Resources and, for those who may see shifts, crews on duty.")
@api.documented(query=wire.NearAsked)
@web.permits("emergency.see")
def near(number: str):
    """Resources and crews by their distance in metres."""
    asked = api.checked(wire.NearAsked, api.once(request.args))
    with web.transaction() as session:
        place = queries.place_of(queries.require(session, web.actor(), number))
        found = queries.resources_near(session, *place, asked.within, asked.most)
        taken = queries.assigned(session, [row.code for row in found])
        crews = queries.crews_near(session, web.actor(), *place, datetime.now(UTC), asked.within)
    resources = [_row(row) | {"taken": row.code in taken} for row in found]
    return jsonify({"resources": resources, "crews": [_row(row) for row in crews]})


def _row(row: Any) -> dict[str, Any]:
    return dict(row._mapping) | {"metres": round(row.metres)}


@emergencies.get("/<number>/cap/<int:seq>")
@emergencies.doc(summary="A CAP message that it gave out", description="CAP 1.2 XML.")
@web.permits("emergency.see")
def message(number: str, seq: int):
    """One CAP message."""
    with web.transaction() as session:
        found = queries.require_message(session, web.actor(), number, min(seq, 2**31 - 1))
    response = Response(found.xml, content_type=CAP_TYPE)
    response.headers["Content-Disposition"] = f'inline; filename="{found.identifier}.xml"'
    return response


@emergencies.post("/<number>/actions/<action>")
@emergencies.doc(summary="Act in an emergency", description=f"One of {', '.join(acts.ACTS)}.")
@web.permits("emergency.act")
def act(number: str, action: str):
    """Do something in an emergency; it as it is then."""
    fields, now, actor = api.fields(), datetime.now(UTC), web.actor()
    with web.transaction() as session:
        acts.act(acts.By(session, web.runtime().settings, actor, number, now), action, fields)
        told = wire.whole(session, actor, queries.require(session, actor, number), now)
    return api.geojson(told)


@emergencies.post("/<number>/tasks/<int:task>/<action>")
@emergencies.doc(summary="Do something with a task", description="start, finish, put_back, redo, drop, restore.")
@api.documented(body=wire.StepGiven)
@web.permits("emergency.act")
def step(number: str, task: int, action: str):
    """Move a task on the board; the emergency as it is then."""
    given, now, actor = api.checked(wire.StepGiven, api.fields()), datetime.now(UTC), web.actor()
    with web.transaction() as session:
        work.act(session, actor, number, min(task, 2**31 - 1), action, given.note, at=now)
        told = wire.whole(session, actor, queries.require(session, actor, number), now)
    return api.geojson(told)
