"""The API of cases: `/api/v1/cases`."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from apiflask import APIBlueprint
from flask import Response, jsonify, request, send_file, url_for

from webgis import api, web
from webgis.cases import evidence, handling, intake, queries, wire, workflow
from webgis.errors import NotFound

cases = APIBlueprint("cases", __name__, url_prefix="/api/v1/cases", tag="Cases")
BLUEPRINTS = (cases,)

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": intake.LONGEST_KEY},
    "description": "Of your making, new for each report: a retry with it makes no second case.",
}

LARGEST_JSON = 1024 * 1024
"""Bytes of a JSON body; its texts are short, and photos do not come in JSON."""


@cases.post("")
@cases.doc(summary="Report a case", description="JSON, or multipart/form-data with `photos`. Honours Idempotency-Key.")
@api.documented(body=wire.ReportGiven, photos=True, parameters=[KEY])
def report():
    """Take in a report; the same Idempotency-Key again gives the same case and makes no second one."""
    workflow.require_role(web.actor().role, workflow.REPORT)
    given = api.checked(wire.ReportGiven, _fields())
    uploaded = api.photos(request.files)
    key = request.headers.get("Idempotency-Key")
    stored = evidence.store(web.runtime().settings, uploaded)
    with web.transaction() as session:
        asked = given.model_dump(mode="json") | {"photos": [hashlib.sha256(one).hexdigest() for one in uploaded]}
        before = intake.done_before(session, web.actor(), key, asked) if key is not None else None
        number = before or _report(session, given, stored, key)
        feature = wire.feature(session, web.actor(), queries.require_case(session, web.actor(), number))
    response = _geojson(feature, 200 if before else 201)
    response.headers["Location"] = url_for("cases.one", number=number)
    return response


def _report(session, given: wire.ReportGiven, stored: list, key: str | None) -> str:
    fields = given.model_dump(exclude={"class_"}) | {"class_code": given.class_}
    settings, actor = web.runtime().settings, web.actor()
    number = intake.report(session, settings, actor, intake.Report(**fields), stored, at=datetime.now(UTC))
    if key is not None:
        intake.remember(session, actor, key, number)
    return number


@cases.get("")
@cases.doc(summary="List cases", description="Newest first; `next` is the address of the next page, or null.")
@api.documented(query=wire.ListGiven)
def listed():
    """Cases by filters, a page at a time."""
    given = api.checked(wire.ListGiven, api.once(request.args))
    filters = wire.filters(given, web.runtime().settings.zone)
    with web.transaction() as session:
        page = queries.list_cases(session, web.actor(), filters, limit=given.limit, cursor=_cursor(given.cursor))
        features = wire.features(session, web.actor(), page.rows)
    return _geojson({"type": "FeatureCollection", "features": features, "next": _next(page.next)})


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
def one(number: str):
    """One case as a Feature."""
    with web.transaction() as session:
        case = queries.require_case(session, web.actor(), number)
        return _geojson(wire.feature(session, web.actor(), case))


@cases.get("/<number>/events")
@cases.doc(summary="The history of a case", description="Oldest first; nothing in it is ever changed.")
def events(number: str):
    """The history as a FeatureCollection."""
    with web.transaction() as session:
        case = queries.require_case(session, web.actor(), number)
        photos = queries.photos(session, [case.id])[case.id]
        features = wire.event_features(number, queries.events(session, case.id), photos)
    return _geojson({"type": "FeatureCollection", "features": features, "next": None})


@cases.post("/<number>/actions/<action>")
@cases.doc(summary="Do a step", description="JSON, or multipart/form-data with `photos`. 409 when it is not open.")
@api.documented(body=wire.ActionGiven, photos=True)
def act(number: str, action: str):
    """Do a step of the workflow and answer with the case as it is then."""
    settings, actor = web.runtime().settings, web.actor()
    workflow.require_role(actor.role, action)
    given = api.checked(wire.ActionGiven, _fields()).model_dump(exclude_none=True)
    version = given.pop("version", None)
    stored = evidence.store(settings, api.photos(request.files))
    now = datetime.now(UTC)
    with web.transaction() as session:
        case_id = handling.act(session, settings, actor, number, action, given, stored, at=now, version=version)
        case = queries.after_step(session, case_id)
        return _geojson(wire.feature(session, actor, case))


@cases.get("/<number>/photos/<int:photo_id>")
@cases.doc(summary="A photo")
def photo(number: str, photo_id: int):
    """The photo, to those who may see the case."""
    return _picture(number, photo_id, thumbnail=False)


@cases.get("/<number>/photos/<int:photo_id>/thumbnail")
@cases.doc(summary="A photo's thumbnail", description="The photo itself until the thumbnail has been made.")
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


def _fields() -> dict[str, Any]:
    """The given fields: of a JSON object, or of a form."""
    if request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return api.form_fields(request.form)
    request.max_content_length = LARGEST_JSON
    return api.json_fields(request.get_data())


def _geojson(value: dict[str, Any], status: int = 200) -> Response:
    response = jsonify(value)
    response.status_code = status
    response.content_type = "application/geo+json"
    return response
