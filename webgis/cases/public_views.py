"""The API for people without an account: `/api/v1/public`. Whoever is logged in, it acts for a stranger.

The pages are in `webgis.pages.public`.
"""

import hashlib
import json
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import jsonify, request

from webgis import api, limits, web
from webgis.cases import channel_wire as wire
from webgis.cases import channels, evidence, following, intake
from webgis.cases.wire import HEADERS

public_cases = APIBlueprint("public_cases", __name__, url_prefix="/api/v1/public", tag="Public")
BLUEPRINTS = (public_cases,)


@public_cases.post("/cases")
@public_cases.doc(
    summary="Report without an account",
    description="JSON, or multipart/form-data with `photos`. 429 with Retry-After when too many come from one address.",
)
@api.documented(body=wire.CallerGiven, photos=True, parameters=HEADERS[:1])
@web.without_cookies
@limits.at_most("public_limit")
def report():
    """Take in a report and answer with its number and the secret link to follow it."""
    settings = web.runtime().settings
    given = api.checked(wire.CallerGiven, api.fields())
    who, uploaded = given.caller(), api.photos(request.files)
    form = sent_form(request.headers.get("Idempotency-Key"), given, uploaded)
    stored = evidence.store(settings, uploaded)
    with web.transaction() as session:
        told = given.report(source="public", acknowledged=True)
        made = channels.take_public(session, settings, told, stored, who, at=datetime.now(UTC), form=form)
    return jsonify(wire.receipt(settings, made)), 201 if made.made else 200


def sent_form(key: str | None, given: wire.CallerGiven, photos: list[bytes]) -> str | None:
    """What tells that a form is the same one sent again: its key and all that it holds; None without a key."""
    if key is None:
        return None
    intake.check_key(key)
    hashes = [hashlib.sha256(photo).hexdigest() for photo in photos]
    return json.dumps([key, given.model_dump(mode="json"), hashes], sort_keys=True)


@public_cases.get("/cases/<secret>")
@public_cases.doc(summary="Follow a report", description="By the secret of its link. History without names.")
@web.without_cookies
@limits.at_most("follow_limit")
def follow(secret: str):
    """How the case of this link goes."""
    settings = web.runtime().settings
    with web.transaction() as session:
        found = following.follow(session, settings, secret, at=datetime.now(UTC))
    return jsonify(wire.followed(found))


@public_cases.post("/cases/<secret>/satisfaction")
@public_cases.doc(summary="Say how satisfied you are", description="Once, after the end of the case.")
@api.documented(body=wire.SatisfactionGiven)
@web.without_cookies
@limits.at_most("follow_limit")
def rate(secret: str):
    """Keep what the reporter thinks of the end."""
    settings = web.runtime().settings
    given = api.checked(wire.SatisfactionGiven, api.fields())
    now = datetime.now(UTC)
    with web.transaction() as session:
        following.rate(session, settings, secret, given.satisfaction, given.words, at=now)
        found = following.follow(session, settings, secret, at=now)
    return jsonify(wire.followed(found))


@public_cases.post("/cases/<secret>/objection")
@public_cases.doc(summary="Object to the end", description="Once, within `objection_days`: the case is opened again.")
@api.documented(body=wire.ObjectionGiven, photos=True)
@web.without_cookies
@limits.at_most("public_limit")
def object_to_end(secret: str):
    """Open the case again, with the reporter's reason and photos."""
    settings = web.runtime().settings
    given = api.checked(wire.ObjectionGiven, api.fields())
    uploaded = api.photos(request.files)
    now = datetime.now(UTC)
    with web.transaction() as session:
        following.follow(session, settings, secret, at=now)
        stored = evidence.store(settings, uploaded)
        following.object_to_end(session, settings, secret, given.reason, stored, at=now)
        found = following.follow(session, settings, secret, at=now)
    return jsonify(wire.followed(found))
