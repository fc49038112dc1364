"""The pages: start, language, list, report, case with its steps, map, API documentation."""

import hashlib
import secrets
from datetime import UTC, datetime
from urllib.parse import urlsplit

from apiflask import APIBlueprint
from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _

from webgis import api, web
from webgis.accounts import queries as accounts
from webgis.cases import evidence, handling, intake, queries, wire, workflow
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import queries as grid
from webgis.maps import drawing
from webgis.maps import queries as map_queries
from webgis.maps.signs import STATES
from webgis.pages import context, forms, shown, words

pages = APIBlueprint("pages", __name__, enable_openapi=False)
pages.app_context_processor(context.everywhere)
BLUEPRINTS = (pages,)

ROWS = 50
A_YEAR = 365 * 24 * 3600


@pages.get("/")
def home():
    """The list that this role works from, or all cases when nothing waits for it."""
    actor = web.actor()
    states = shown.todo_states(actor.role)
    with web.transaction() as session:
        counts = queries.counts_by_state(session, actor)
    wanted = ",".join(states) if any(counts[state] for state in states) else None
    return redirect(url_for("pages.case_list", state=wanted))


@pages.post("/language")
@web.open_to_all
def language():
    """Choose the language; the choice stays on this device."""
    chosen = request.form.get("lang")
    response = redirect(_local(request.form.get("back", "")), 303)
    if chosen in web.LOCALES:
        secure = web.runtime().settings.secure_cookies
        response.set_cookie("lang", chosen, max_age=A_YEAR, samesite="Lax", secure=secure, httponly=True)
    return response


def _local(wanted: str) -> str:
    """A path of this site, whatever was asked for."""
    parts = urlsplit(wanted)
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc
    return wanted.rstrip("?") if local else "/"


@pages.get("/cases")
def case_list():
    """Cases by filters, newest first; htmx asks for the further rows alone."""
    actor, given = web.actor(), request.args.to_dict()
    filters, problems = forms.list_filters(given, web.runtime().settings.zone)
    with web.transaction() as session:
        page = queries.list_cases(session, actor, filters, limit=ROWS, cursor=given.get("cursor"))
        rows = shown.list_rows(session, page.rows, datetime.now(UTC))
        more = url_for("pages.case_list", **(given | {"cursor": page.next})) if page.next else None
        if request.headers.get("HX-Request"):
            return render_template("case_rows.html", rows=rows, more=more)
        counts = queries.counts_by_state(session, actor)
        return render_template(
            "cases.html",
            rows=rows,
            more=more,
            given=given,
            filtering=sum(bool(given.get(name)) for name in ("q", "subject", "area", "department", "since", "until")),
            filter_problems=problems,
            tabs=_tabs(actor.role, counts, given),
            may_report=shown.may_report(actor.role),
            class_groups=shown.class_groups(session),
            areas=[*grid.areas(session, "county"), *grid.areas(session, "subdistrict")],
            departments=[] if actor.role == "department" else accounts.departments(session),
        )


def _tabs(role: str, counts: dict[str, int], given: dict[str, str]) -> list[dict]:
    """What waits for the reader, all, and each state, with their numbers; the filters stay when a tab is changed."""
    kept = {name: value for name, value in given.items() if name not in ("state", "cursor")}
    todo = shown.todo_states(role)
    own = ",".join(todo)
    choices = [(own, _("To do"), "inbox", sum(counts[state] for state in todo))] if todo else []
    choices.append(("", _("All"), None, sum(counts.values())))
    choices += [(state, sign.word, sign.icon, counts[state]) for state, sign in STATES.items() if state != own]
    return [
        {
            "href": url_for("pages.case_list", **kept | ({"state": state} if state else {})),
            "word": word,
            "icon": icon,
            "count": count,
            "colour": STATES[state].colour if state in STATES else None,
            "current": given.get("state", "") == state,
        }
        for state, word, icon, count in choices
    ]


@pages.get("/cases/new")
def report_form():
    """The empty report form."""
    workflow.require_role(web.actor().role, workflow.REPORT)
    return _report_page({}, {}, secrets.token_urlsafe(16))


@pages.post("/cases/new")
def report():
    """Take in a report; what is refused is said at its field, and what was typed stays."""
    workflow.require_role(web.actor().role, workflow.REPORT)
    key = request.form.get("key") or secrets.token_urlsafe(16)
    try:
        number = _report(key)
    except Invalid as error:
        problems = forms.problems(error)
        if web.actor().role == "inspector" and not forms.photos_given():
            problems.setdefault("photos", str(words.REFUSALS["photos"]))
        return _report_page(request.form, problems, key), 422
    except Conflict:
        sent = _("This form has been sent already, with other content. Send it again to report one more case.")
        return _report_page(request.form, {"form": sent}, secrets.token_urlsafe(16)), 409
    flash(_("Reported. The case has the number %(number)s.", number=number), "success")
    return _go(url_for("pages.case", number=number))


def _report(key: str) -> str:
    """Report once, however often the form is sent."""
    settings, actor = web.runtime().settings, web.actor()
    given = api.checked(wire.ReportGiven, forms.report_fields(request.form))
    uploaded = api.photos(request.files)
    stored = evidence.store(settings, uploaded)
    asked = given.model_dump(mode="json") | {"photos": [hashlib.sha256(one).hexdigest() for one in uploaded]}
    fields = given.model_dump(exclude={"class_"}) | {"class_code": given.class_}
    with web.transaction() as session:
        before = intake.done_before(session, actor, f"page-{key}", asked)
        if before is not None:
            return before
        number = intake.report(session, settings, actor, intake.Report(**fields), stored, at=datetime.now(UTC))
        intake.remember(session, actor, f"page-{key}", number)
        return number


def _report_page(given, problems: dict[str, str], key: str) -> str:
    with web.transaction() as session:
        return render_template(
            "report.html",
            given=given,
            problems=problems,
            key=key,
            photo_needed=web.actor().role == "inspector",
            class_groups=shown.class_groups(session),
            bounds=map_queries.extent(session),
        )


@pages.get("/cases/<number>")
def case(number: str):
    """One case: its facts, photos and history, and the steps open to the reader."""
    return _case_page(number)


@pages.post("/cases/<number>/<action>")
def act(number: str, action: str):
    """Do a step. A refusal stands in its form; when someone was faster, the case is shown as it is now."""
    settings, actor = web.runtime().settings, web.actor()
    try:
        workflow.require_role(actor.role, action)
        fields = api.checked(wire.ActionGiven, forms.step_fields(request.form)).model_dump(exclude_none=True)
        version = fields.pop("version", None)
        stored = evidence.store(settings, api.photos(request.files))
        now = datetime.now(UTC)
        with web.transaction() as session:
            case_id = handling.act(session, settings, actor, number, action, fields, stored, at=now, version=version)
            after = queries.after_step(session, case_id)
            seen = _sees(session, number)
    except Invalid as error:
        return _case_page(number, tried=action, given=request.form, problems=forms.problems(error)), 422
    except Conflict as error:
        flash(words.faster(error.facts["state"]), "warning")
        return _go(url_for("pages.case", number=number))
    flash(_("Done. The case is now “%(state)s”.", state=STATES[after.state].word), "success")
    return _go(url_for("pages.case", number=number) if seen else url_for("pages.case_list"))


def _sees(session, number: str) -> bool:
    """Whether the reader still sees the case: a department that returned it does not."""
    try:
        queries.require_case(session, web.actor(), number)
    except NotFound:
        return False
    return True


def _case_page(number: str, tried: str | None = None, given=None, problems=None) -> str:
    actor = web.actor()
    with web.transaction() as session:
        row = queries.require_case(session, actor, number)
        events = queries.events(session, row.id)
        photos = queries.photos(session, [row.id])[row.id]
        actions = queries.open_actions(actor, row)
        offered = queries.offered_conditions(session, [row]).get(row.id, []) if "file" in actions else []
        proposed, others = shown.departments(session, row) if "dispatch" in actions else ([], [])
        return render_template(
            "case.html",
            case=shown.case(session, row, photos, events, datetime.now(UTC)),
            steps=shown.steps(actions, tried, given, problems),
            waiting=shown.waiting(actor, row),
            conditions=[shown.condition_words(one) for one in offered],
            proposed=proposed,
            other_departments=others,
            events=shown.history(session, events, photos),
        )


def _go(address: str):
    """On to another page; a form that was sent by script is told the address instead."""
    return jsonify(go=address) if request.headers.get("X-Stay") else redirect(address, 303)


@pages.get("/maps/cases")
def map_of_cases():
    """The Folium map of cases in the layout of the pages."""
    with web.transaction() as session:
        bounds = map_queries.extent(session)
    addresses = {
        "areas": url_for("maps.areas"),
        "cells": url_for("maps.cells"),
        "cases": url_for("maps.cases"),
        "case": url_for("pages.case_list") + "/",
    }
    figure = drawing.live_map(bounds, lang=context.html_lang(), nonce=web.csp_nonce(), addresses=addresses)
    return render_template("map.html", map=figure.parts())


@pages.get("/api/v1/docs")
def api_docs():
    """The API's documentation, drawn by Swagger UI from our own files."""
    return render_template("api_docs.html")
