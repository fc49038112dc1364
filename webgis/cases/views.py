"""The API of cases: `/api/v1/cases`."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from apiflask import APIBlueprint
from flask import Response, request, send_file, url_for

from webgis import api, web
from webgis.cases import (
    beat_views,
    channel_views,
    claims,
    clock_views,
    duplicates,
    evidence,
    handling,
    intake,
    listing,
    queries,
    requests,
    routing_views,
    shift_views,
    wire,
    workflow,
)
from webgis.errors import NotFound

cases = APIBlueprint("cases", __name__, url_prefix="/api/v1/cases", tag="Cases")
BLUEPRINTS = (
    cases,
    *channel_views.BLUEPRINTS,
    *clock_views.BLUEPRINTS,
    *beat_views.BLUEPRINTS,
    *routing_views.BLUEPRINTS,
    *shift_views.BLUEPRINTS,
)


@cases.post("")
@cases.doc(summary="Report a case", description="JSON, or multipart/form-data with `photos`. Honours Idempotency-Key.")
@api.documented(body=wire.ReportGiven, photos=True, parameters=wire.HEADERS)
@web.permits("cases.report")
def report():
    """Take in a report; the same Idempotency-Key again gives the same case and makes no second one."""
    actor, settings = web.actor(), web.runtime().settings
    given = api.checked(wire.ReportGiven, api.fields())
    key = request.headers.get("Idempotency-Key")
    stored = evidence.store(settings, api.photos(request.files))
    with web.transaction() as session:
        asked = given.model_dump(mode="json") | {"photos": [one.sha256 for one in stored]}
        case, made = intake.once(session, actor, key, asked, lambda: _report(session, given, stored))
        feature = wire.feature(session, settings, actor, case)
    response = api.geojson(feature, 201 if made else 200)
    response.headers["Location"] = url_for("cases.one", number=case.number)
    return response


def _report(session, given: wire.ReportGiven, stored: list):
    told = given.report(acknowledged=wire.acknowledged())
    return intake.report(session, web.runtime().settings, web.actor(), told, stored, at=datetime.now(UTC))


@cases.get("")
@cases.doc(summary="List cases", description="Newest first; `next` is the address of the next page, or null.")
@api.documented(query=wire.ListGiven)
@web.permits("cases.see")
def listed():
    """Cases by filters, a page at a time."""
    given = api.checked(wire.ListGiven, api.once(request.args))
    filters = wire.filters(given, web.runtime().settings.zone)
    with web.transaction() as session:
        page = listing.list_cases(
            session, web.actor(), filters, limit=given.limit, cursor=_cursor(given.cursor), order=given.order
        )
        features = wire.features(session, web.runtime().settings, web.actor(), page.rows)
    return api.geojson({"type": "FeatureCollection", "features": features, "next": _next(page.next)})


def _cursor(given: str | None) -> str | None:
    """The cursor alone, also when the whole address in `next` was given."""
    if given and "cursor=" in given:
        return parse_qs(given.partition("?")[2]).get("cursor", [given])[0]
    return given


def _next(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    return url_for("cases.listed") + "?" + urlencode(request.args.to_dict() | {"cursor": cursor})


@cases.get("/<number>")
@cases.doc(summary="One case")
@web.permits("cases.see")
def one(number: str):
    """One case as a Feature."""
    with web.transaction() as session:
        case = queries.require_case(session, web.actor(), number)
        return api.geojson(wire.feature(session, web.runtime().settings, web.actor(), case))


@cases.get("/<number>/events")
@cases.doc(summary="The history of a case", description="Oldest first; nothing in it is ever changed.")
@web.permits("cases.see")
def events(number: str):
    """The history as a FeatureCollection."""
    with web.transaction() as session:
        case = queries.require_case(session, web.actor(), number)
        photos = queries.photos(session, [case.id])[case.id]
        features = wire.event_features(number, queries.events(session, case.id), photos)
        for one in features:
            if "alike" in (facts := one["properties"]["facts"]):
                facts["alike"] = duplicates.shown_to(session, web.actor(), facts["alike"])
    return api.geojson({"type": "FeatureCollection", "features": features, "next": None})


@cases.post("/<number>/actions/<action>")
@cases.doc(summary="Do a step", description="JSON, or multipart/form-data with `photos`. 409 when it is not open.")
@api.documented(body=wire.ActionGiven, photos=True)
@web.permits("cases.act")
def act(number: str, action: str):
    """Do a step of the workflow and answer with the case as it is then."""
    settings, actor = web.runtime().settings, web.actor()
    workflow.require_role(actor.role, action)
    given = api.checked(wire.ActionGiven, api.fields()).fields()
    version = given.pop("version", None)
    stored = evidence.store(settings, api.photos(request.files))
    now = datetime.now(UTC)
    with web.transaction() as session:
        case = handling.act(session, settings, actor, number, action, given, stored, at=now, version=version)
        feature = wire.feature(session, settings, actor, case)
    return api.geojson(feature)


@cases.get("/<number>/tasks")
@cases.doc(summary="Tasks and duplicates of a case")
@web.permits("cases.see")
def family(number: str):
    """The tasks that a case was split into, and the cases that were merged into it."""
    actor = web.actor()
    with web.transaction() as session:
        case = queries.require_case(session, actor, number)
        features = wire.features(session, web.runtime().settings, actor, queries.family(session, case.id, actor))
    return api.geojson({"type": "FeatureCollection", "features": features, "next": None})


@cases.post("/claim")
@cases.doc(
    summary="Claim the next case", description="Of those that wait for you: what is due first. 204 when none does."
)
@api.documented(body=wire.ClaimGiven)
@web.permits("cases.claim")
def claim_next():
    """Take the next case out of the queue for some minutes."""
    actor, settings = web.actor(), web.runtime().settings
    given = api.checked(wire.ClaimGiven, api.fields())
    states = tuple(filter(None, (given.state or "").split(",")))
    with web.transaction() as session:
        claimed = claims.claim_next(session, settings, actor, states)
        if claimed is None:
            return Response(status=204)
        return _claimed(session, claimed)


@cases.post("/<number>/claim")
@cases.doc(summary="Claim a case", description="409 when someone else holds it. Again: it is kept longer.")
@web.permits("cases.claim")
def claim(number: str):
    """Take this case for some minutes."""
    with web.transaction() as session:
        return _claimed(session, claims.claim(session, web.runtime().settings, web.actor(), number))


@cases.delete("/<number>/claim")
@cases.doc(summary="Give a claimed case back")
@web.permits("cases.claim")
def release(number: str):
    """Let others take it."""
    with web.transaction() as session:
        claims.release(session, web.actor(), number)
    return Response(status=204)


def _claimed(session, claimed: claims.Claim) -> Response:
    case = queries.lines(session, [claimed.case_id])[0]
    feature = wire.feature(session, web.runtime().settings, web.actor(), case)
    feature["properties"]["claimed_until"] = claimed.until
    return api.geojson(feature)


@cases.post("/<number>/reporters")
@cases.doc(summary="Report an open case too", description="“Me too”, instead of a duplicate. Each person once.")
@api.documented(body=wire.JoinGiven)
@web.permits("cases.report")
def join(number: str):
    """Add the caller as another reporter."""
    given, actor = api.checked(wire.JoinGiven, api.fields()), web.actor()
    place = handling.place_of(given.model_dump())
    about = {"source": intake.USUAL_SOURCE[actor.role], "description": given.description, "place": place}
    with web.transaction() as session:
        queries.require_case(session, actor, number)
        joined = duplicates.join(session, actor, number, at=datetime.now(UTC), **about)
    return {"number": joined.number, "added": joined.added}, 201 if joined.added else 200


@cases.get("/<number>/requests")
@cases.doc(summary="Requests for a case", description="Extensions, suspensions and appeals, oldest first.")
@web.permits("cases.see")
def requests_of(number: str):
    """The requests of a case."""
    with web.transaction() as session:
        case = queries.require_case(session, web.actor(), number)
        return {"requests": [wire.request(one) for one in requests.of_case(session, case.id)]}


@cases.post("/<number>/requests")
@cases.doc(summary="Ask for an extension, a suspension, or that lateness not count")
@api.documented(body=wire.RequestGiven)
@web.permits("requests.ask")
def ask(number: str):
    """Ask; a department's own request goes straight to the dispatcher, a handler's to the department first."""
    given, now = api.checked(wire.RequestGiven, api.fields()), datetime.now(UTC)
    settings, actor = web.runtime().settings, web.actor()
    with web.transaction() as session:
        asked = requests.ask(session, settings, actor, number, given.kind, given.reason, at=now, until=given.until)
        return wire.request(asked), 201


@cases.post("/requests/<int:request_id>/review")
@cases.doc(summary="Review a request", description="By the department, when one of its handlers asked.")
@api.documented(body=wire.DecisionGiven)
@web.permits("requests.review")
def review(request_id: int):
    """Pass a request on to the dispatcher, or refuse it."""
    return _answered(requests.review, request_id)


@cases.post("/requests/<int:request_id>/decide")
@cases.doc(summary="Decide a request", description="By the dispatcher.")
@api.documented(body=wire.DecisionGiven)
@web.permits("requests.decide")
def decide(request_id: int):
    """Grant a request, or refuse it."""
    return _answered(requests.decide, request_id)


def _answered(do, request_id: int) -> dict[str, Any]:
    given, now = api.checked(wire.DecisionGiven, api.fields()), datetime.now(UTC)
    settings, actor = web.runtime().settings, web.actor()
    with web.transaction() as session:
        grant = given.decision == "grant"
        return wire.request(do(session, settings, actor, request_id, grant, given.note, at=now))


@cases.delete("/requests/<int:request_id>")
@cases.doc(summary="Take a request back")
@web.permits("requests.ask")
def withdraw(request_id: int):
    """Withdraw while it waits."""
    settings, actor, now = web.runtime().settings, web.actor(), datetime.now(UTC)
    with web.transaction() as session:
        return wire.request(requests.withdraw(session, settings, actor, request_id, at=now))


@cases.get("/requests")
@cases.doc(summary="Requests that wait for you")
@web.permits("requests.see")
def requests_waiting():
    """For a department those to review, for a dispatcher those to decide, oldest first."""
    with web.transaction() as session:
        return {"requests": [wire.request(one) for one in requests.waiting(session, web.actor())]}


@cases.get("/<number>/photos/<int:photo_id>")
@cases.doc(summary="A photo")
@web.permits("cases.see")
def photo(number: str, photo_id: int):
    """The photo, to those who may see the case."""
    return _picture(number, photo_id, thumbnail=False)


@cases.get("/<number>/photos/<int:photo_id>/thumbnail")
@cases.doc(summary="A photo's thumbnail", description="The photo itself until the thumbnail has been made.")
@web.permits("cases.see")
def thumbnail(number: str, photo_id: int):
    """The thumbnail, to those who may see the case."""
    return _picture(number, photo_id, thumbnail=True)


def _picture(number: str, photo_id: int, *, thumbnail: bool) -> Response:
    with web.transaction() as session:
        found = queries.require_photo(session, web.actor(), number, photo_id)
    settings = web.runtime().settings
    small = evidence.path(settings, found.sha256, thumbnail=True)
    made = thumbnail and small.is_file()
    file = small if made else evidence.path(settings, found.sha256)
    if not file.is_file():
        raise NotFound("cases.photo-lost", f"The file of photo {photo_id} is not on this machine", number=number)
    response = send_file(file.resolve(), mimetype="image/jpeg", etag=found.sha256 + ("-small" if made else ""))
    response.headers["Cache-Control"] = "private, no-cache" if thumbnail and not made else "private, max-age=86400"
    return response
