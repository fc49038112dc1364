"""The page of a case: what it is, the steps open to the reader, its history; and taking a case out of a queue."""

from datetime import UTC, datetime
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import permissions
from webgis.cases import claims, evidence, handling, queries, requests, wire, workflow
from webgis.emergency import queries as emergencies
from webgis.errors import Conflict, Invalid, NotFound
from webgis.maps.signs import STATES
from webgis.pages import asking, case_facts, forms, history, shown, step_forms, words
from webgis.pages.blueprint import go, pages


@pages.get("/cases/<number>")
@web.permits("cases.see")
def case(number: str):
    """One case: its facts, photos and history, and the steps open to the reader."""
    return page(number)


@pages.post("/cases/<number>/<action>")
@web.permits("cases.act")
def act(number: str, action: str):
    """Do a step. A refusal stands in its form; when someone was faster, the case is shown as it is now."""
    settings, actor = web.runtime().settings, web.actor()
    try:
        workflow.require_role(actor.role, action)
        given = api.checked(wire.ActionGiven, forms.step_fields(request.form)).fields()
        version = given.pop("version", None)
        stored = evidence.store(settings, api.photos(request.files))
        now = datetime.now(UTC)
        with web.transaction() as session:
            after = handling.act(session, settings, actor, number, action, given, stored, at=now, version=version)
            seen = _sees(session, number)
    except (Invalid, Conflict) as error:
        if isinstance(error, Invalid) or "field" in error.facts:
            return page(number, action, request.form, forms.problems(error)), 422
        flash(words.conflict(error), "warning")
        return go(url_for("pages.case", number=number))
    flash(_done(action, after), "success")
    return go(url_for("pages.case", number=number) if seen else url_for("pages.case_list"))


def _done(action: str, after) -> str:
    """What is said when a step is done: where the case stands now, if it has moved."""
    moved = any(step.action == action and step.source != step.target for step in workflow.STEPS)
    return _("Done. The case is now “%(state)s”.", state=STATES[after.state].word) if moved else _("Done.")


def _sees(session, number: str) -> bool:
    """Whether the reader still sees the case: a department that returned it does not."""
    try:
        queries.require_case(session, web.actor(), number)
    except NotFound:
        return False
    return True


def page(number: str, tried: str | None = None, given=None, problems=None) -> str:
    """The page of a case; `tried` names the form that was refused, with what was `given` and its `problems`."""
    with web.transaction() as session:
        return render_template("case.html", **told(session, number, tried, given, problems))


def told(session: Session, number: str, tried: str | None = None, given=None, problems=None) -> dict[str, Any]:
    """What is told of a case on its page and at the desk: facts, steps and their choices, requests, history."""
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    row = queries.require_case(session, actor, number)
    events = queries.events(session, row.id)
    photos = queries.photos(session, [row.id])[row.id]
    holder = shown.holders(session, actor, [row.id]).get(row.id)
    steps = step_forms.of(actor, settings, row, held=bool(holder and not holder.mine))
    steps = step_forms.with_answer(steps, tried, given or {}, problems or {})
    return {
        "case": case_facts.of(session, settings, actor, row, photos, events, now),
        "steps": steps,
        "choices": step_forms.choices(session, actor, row, steps, now),
        "waiting": step_forms.waiting(actor, row),
        "holder": holder,
        "may_claim": holder is None and row.state in workflow.duties(actor.role),
        "asked": asking.of_case(session, actor, row),
        "kinds": asking.kinds(session, settings, actor, row, now),
        "emergencies": emergencies.of_case(session, actor, row.id),
        "may_open_emergency": permissions.may(actor, "emergency.open"),
        "tried": tried,
        "given": given or {},
        "problems": problems or {},
        "events": history.of(session, actor, events, photos),
    }


@pages.post("/cases/<number>/requests")
@web.permits("requests.ask")
def ask(number: str):
    """Ask for an extension, a suspension, or that lateness not count."""
    settings, actor, now = web.runtime().settings, web.actor(), datetime.now(UTC)
    try:
        given = api.checked(wire.RequestGiven, forms.filled(request.form, "kind", "reason", "until"))
        with web.transaction() as session:
            about = {"at": now, "until": given.until}
            requests.ask(session, settings, actor, number, given.kind, given.reason, **about)
    except Invalid as error:
        return page(number, f"ask-{request.form.get('kind', '')}", request.form, forms.problems(error)), 422
    except Conflict as error:
        flash(words.conflict(error), "warning")
        return go(url_for("pages.case", number=number))
    flash(_("Asked. You will see here what becomes of it."), "success")
    return go(url_for("pages.case", number=number))


@pages.post("/cases/claim")
@web.permits("cases.claim")
def claim_next():
    """Take the next case out of the reader's queue."""
    with web.transaction() as session:
        taken = claims.claim_next(session, web.runtime().settings, web.actor())
    if taken is None:
        flash(_("Nothing waits for you just now, or others are at it."), "info")
        return go(url_for("pages.home"))
    return _taken(taken)


@pages.post("/cases/<number>/claim")
@web.permits("cases.claim")
def claim(number: str):
    """Take this case, so that nobody else works on it meanwhile."""
    try:
        with web.transaction() as session:
            taken = claims.claim(session, web.runtime().settings, web.actor(), number)
    except Conflict as error:
        flash(words.conflict(error), "warning")
        return go(url_for("pages.case", number=number))
    return _taken(taken)


@pages.post("/cases/<number>/release")
@web.permits("cases.claim")
def release(number: str):
    """Give a taken case back to its queue."""
    with web.transaction() as session:
        claims.release(session, web.actor(), number)
    return go(url_for("pages.case", number=number))


def _taken(taken: claims.Claim):
    flash(_("The case is yours until %(time)s.", time=words.short_time(taken.until)), "success")
    return go(url_for("pages.case", number=taken.number))
