"""The pages of the hotline: the form that is filled in during a call, and who reported a case."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import flash, render_template, request, url_for
from flask_babel import gettext as _

from webgis import api, web
from webgis.accounts import permissions
from webgis.cases import channel_wire as wire
from webgis.cases import channels, contacts, evidence, following, intake, queries, retention
from webgis.errors import Conflict, Invalid
from webgis.pages import forms, shown, words
from webgis.pages.blueprint import go
from webgis.pages.public import caller_fields, form_page

hotline = APIBlueprint("hotline_pages", __name__, enable_openapi=False)


@hotline.get("/hotline/new")
@web.permits("hotline.take")
def form():
    """The empty form of a call."""
    return _page({}, {}, secrets.token_urlsafe(16))


@hotline.post("/hotline/new")
@web.permits("hotline.take")
def take():
    """Take in a call. What is refused is said at its field; likely duplicates are shown and may be passed over."""
    key = request.form.get("key") or secrets.token_urlsafe(16)
    try:
        number = _take(key)
    except Invalid as error:
        return _page(request.form, forms.report_problems(error), key), 422
    except Conflict as error:
        if error.code == "cases.key-reused":
            key = secrets.token_urlsafe(16)
        problems = {} if "candidates" in error.facts else {"form": words.conflict(error)}
        return _page(request.form, problems, key, error.facts.get("candidates", ())), 422
    flash(_("Reported. The case has the number %(number)s.", number=number), "success")
    return go(url_for("pages.case", number=number))


def _take(key: str) -> str:
    """Take in a call once, however often the form is sent; the case's number."""
    settings, actor = web.runtime().settings, web.actor()
    given = api.checked(wire.CallGiven, caller_fields())
    who = given.caller()
    stored = evidence.store(settings, api.photos(request.files))
    asked = {"call": given.model_dump(mode="json"), "photos": [one.sha256 for one in stored]}
    told = given.report(source="hotline", acknowledged=request.form.get("acknowledged") == "yes")
    now = datetime.now(UTC)
    with web.transaction() as session:

        def take():
            return channels.take_call(session, settings, actor, told, stored, who, given.call_number, at=now)

        return intake.once(session, actor, f"call-{key}", asked, take)[0].number


def _page(given, problems: dict[str, str], key: str, candidates: Sequence[dict] = ()) -> str:
    with web.transaction() as session:
        alike = shown.alike(session, web.actor(), candidates)
        return form_page(session, "hotline_new.html", given, problems, key, alike=alike)


@hotline.get("/cases/<number>/contact")
@web.permits("cases.see")
def contact(number: str):
    """Who reported a case, masked."""
    return _contact(number, contacts.masked)


@hotline.post("/cases/<number>/contact")
@web.permits("contacts.look")
def look(number: str):
    """Who reported a case, whole; that one looked is written down."""
    return _contact(number, contacts.look)


def _contact(number: str, question) -> str:
    actor, settings = web.actor(), web.runtime().settings
    with web.transaction() as session:
        case = queries.require_case(session, actor, number)
        return render_template(
            "hotline_contact.html",
            number=number,
            class_name=shown.class_name(case),
            contacts=question(session, settings, actor, number),
            call=channels.call_of(session, case.id),
            satisfaction=following.satisfaction_of(session, case.id),
            may_look=permissions.may(actor, "contacts.look"),
            contact_days=retention.days_of(session, settings, "contacts"),
        )
