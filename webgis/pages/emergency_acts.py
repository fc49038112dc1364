"""What is done in an emergency from its page."""

from datetime import UTC, datetime
from typing import Any

from flask import flash, request, url_for
from flask_babel import gettext as _

from webgis import api, web
from webgis.emergency import acts, wire, work
from webgis.errors import Conflict, Invalid, NotFound
from webgis.pages import forms, words
from webgis.pages.blueprint import go, pages
from webgis.pages.emergency import page
from webgis.pages.emergency_words import outline, problems


def _fields(action: str) -> dict[str, Any]:
    """What the form of an act holds."""
    names = acts.require(action).given.model_fields
    given: dict[str, Any] = forms.filled(request.form, *names)
    if corners := request.form.get("corners", "").strip() if "area" in names else "":
        given["area"] = outline(corners)
    return given | ({"departments": request.form.getlist("departments")} if "departments" in names else {})


@pages.post("/emergency/<number>/<action>")
@web.permits("emergency.act")
def emergency_act(number: str, action: str):
    """Do something in an emergency; a refusal stands in its form."""
    try:
        fields = _fields(action)
        with web.transaction() as session:
            by = acts.By(session, web.runtime().settings, web.actor(), number, datetime.now(UTC))
            acts.act(by, action, fields)
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
