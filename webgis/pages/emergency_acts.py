"""What is done in an emergency from its page."""

from datetime import UTC, datetime

from flask import flash, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.emergency import operations, wire, work
from webgis.errors import Conflict, Invalid, NotFound
from webgis.pages import forms, words
from webgis.pages.blueprint import go, pages
from webgis.pages.emergency import page
from webgis.pages.emergency_words import problems


def _act(session: Session, number: str, action: str, at: datetime) -> None:
    """Do what a form of the page asks."""
    settings, actor, form = web.runtime().settings, web.actor(), request.form
    if action == "change":
        fields = forms.filled(form, "title", "level", "radius_m", "lead", "note")
        change = operations.Change(**api.checked(wire.ChangeGiven, fields).model_dump())
        operations.change(session, settings, actor, number, change, at=at)
    elif action == "invite":
        given = api.checked(wire.InviteGiven, {"departments": form.getlist("departments")})
        operations.invite(session, actor, number, given.departments, at=at)
    elif action == "dismiss":
        given = api.checked(wire.DismissGiven, forms.filled(form, "department"))
        operations.dismiss(session, actor, number, given.department, at=at)
    elif action == "note":
        given = api.checked(wire.NoteGiven, forms.filled(form, "words"))
        operations.note(session, actor, number, given.words, at=at)
    elif action == "link":
        given = api.checked(wire.LinkGiven, forms.filled(form, "case"))
        operations.link(session, actor, number, given.case, at=at)
    elif action == "add_task":
        given = api.checked(wire.TaskGiven, forms.filled(form, "words", "department", "minutes"))
        work.add(session, actor, number, **given.model_dump(), at=at)
    elif action == "close":
        given = api.checked(wire.CloseGiven, forms.filled(form, "summary"))
        operations.close(session, settings, actor, number, given.summary, at=at)
    else:
        raise NotFound("emergency.action-unknown", f"There is no action '{action[:40]}'")


@pages.post("/emergency/<number>/<action>")
@web.permits("emergency.act")
def emergency_act(number: str, action: str):
    """Do something in an emergency; a refusal stands in its form."""
    try:
        with web.transaction() as session:
            _act(session, number, action, datetime.now(UTC))
    except Invalid as error:
        return page(number, action, problems(error)), 422
    except NotFound as error:
        if error.code != "cases.case-unknown":
            raise
        return page(number, action, problems(error)), 422
    except Conflict as error:
        flash(words.conflict(error), "warning")
        return go(url_for("pages.emergency", number=number))
    flash(_("Done."), "success")
    return go(url_for("pages.emergency", number=number))


@pages.post("/emergency/<number>/tasks/<int:task>/<action>")
@web.permits("emergency.act")
def emergency_task(number: str, task: int, action: str):
    """Move a task. A script that asked is told 204, and fetches the board itself."""
    try:
        note = forms.filled(request.form, "note").get("note")
        given = api.checked(wire.StepGiven, {"note": note} if note else {})
        with web.transaction() as session:
            at = datetime.now(UTC)
            work.act(session, web.actor(), number, min(task, 2**31 - 1), action, given.note, at=at)
    except (Conflict, Invalid) as error:
        flash(words.sentence(error.code, error.message, error.facts), "warning")
        return go(url_for("pages.emergency", number=number, _anchor="board"))
    if request.headers.get("X-Stay"):
        return "", 204
    return go(url_for("pages.emergency", number=number, _anchor="board"))
