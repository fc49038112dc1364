"""The report form: what is refused is said at its field, likely duplicates are shown beside the button.

Whoever finds the report among them adds themselves to that case; what they typed and their photos become a note of it.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _

from webgis import api, web
from webgis.cases import duplicates, evidence, handling, intake, wire
from webgis.errors import Conflict, Invalid
from webgis.maps import queries as map_queries
from webgis.pages import forms, shown, words
from webgis.pages.blueprint import go, pages


@pages.get("/cases/new")
@web.permits("cases.report")
def report_form():
    """The empty report form."""
    return _page({}, {}, secrets.token_urlsafe(16))


@pages.post("/cases/new")
@web.permits("cases.report")
def report():
    """Take in a report, or add the reporter to the case it repeats; what was typed stays when it is refused."""
    key = request.form.get("key") or secrets.token_urlsafe(16)
    try:
        number = _join(request.form["join"]) if request.form.get("join") else _report(key)
    except Invalid as error:
        problems = forms.report_problems(error)
        if web.actor().role == "inspector" and not forms.photos_given():
            problems.setdefault("photos", str(words.REFUSALS["photos"]))
        return _page(request.form, problems, key), 422
    except Conflict as error:
        if error.code == "cases.key-reused":
            key = secrets.token_urlsafe(16)
        problems = {} if "candidates" in error.facts else {"form": words.conflict(error)}
        return _page(request.form, problems, key, error.facts.get("candidates", ())), 422
    return go(url_for("pages.case", number=number))


def _given() -> tuple[wire.ReportGiven, list[bytes]]:
    return api.checked(wire.ReportGiven, forms.report_fields(request.form)), api.photos(request.files)


def _report(key: str) -> str:
    """Report once, however often the form is sent; the case's number."""
    settings, actor = web.runtime().settings, web.actor()
    given, uploaded = _given()
    stored, now = evidence.store(settings, uploaded), datetime.now(UTC)
    asked = given.model_dump(mode="json") | {"photos": [one.sha256 for one in stored]}
    told = given.report(acknowledged=request.form.get("acknowledged") == "yes")
    with web.transaction() as session:

        def take():
            return intake.report(session, settings, actor, told, stored, at=now)

        case, made = intake.once(session, actor, f"page-{key}", asked, take)
    if made:
        flash(_("Reported. The case has the number %(number)s.", number=case.number), "success")
    return case.number


def _join(wanted: str) -> str:
    """Add the reporter to an open case, and what they saw as a note of it; the number of the case that holds it."""
    settings, actor = web.runtime().settings, web.actor()
    given, uploaded = _given()
    stored, now = evidence.store(settings, uploaded), datetime.now(UTC)
    about = {"source": intake.USUAL_SOURCE[actor.role], "description": given.description}
    place = handling.place_of(given.model_dump())
    with web.transaction() as session:
        joined = duplicates.join(session, actor, wanted, at=now, place=place, **about)
        note = {"note": given.description}
        handling.act(session, settings, actor, joined.number, "note", note, stored, at=now)
    flash(_("You are named as another reporter of this case; what you sent stands in its history."), "success")
    return joined.number


def _page(given, problems: dict[str, str], key: str, candidates: Sequence[dict] = ()) -> str:
    with web.transaction() as session:
        return render_template(
            "report.html",
            given=given,
            problems=problems,
            key=key,
            alike=shown.alike(session, web.actor(), candidates),
            photo_needed=web.actor().role == "inspector",
            class_groups=shown.class_groups(session),
            bounds=map_queries.extent(session),
        )
