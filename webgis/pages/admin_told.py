"""Who is told by message of what happens in an emergency, kept by administrators."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis import web
from webgis.emergency import listeners
from webgis.emergency.kinds import TOLD, WHO
from webgis.errors import Conflict
from webgis.pages.admin import REFUSALS, admin, page, problems
from webgis.pages.admin_notices import EVENT_WORDS
from webgis.pages.admin_plans import ACTION

WHO_WORDS = {
    "department": lazy_gettext("the departments concerned"),
    "lead": lazy_gettext("who leads"),
    "dispatcher": lazy_gettext("dispatchers"),
    "manager": lazy_gettext("managers"),
}


@admin.get("/emergency/told")
@web.permits(ACTION)
def emergency_told():
    """Who is told of what."""
    with web.transaction() as session:
        return _form(listeners.table(session))


def _form(told: dict[str, list[str]], seen: str = "", faults: dict[str, str] | None = None) -> str:
    return page(
        "emergency_told",
        "emergency",
        part="told",
        told=told,
        seen=seen or listeners.mark(told),
        problems=faults or {},
        events=[(event, EVENT_WORDS[f"emergency_{event}"]) for event in TOLD],
        who=[(one, WHO_WORDS[one]) for one in WHO],
    )


@admin.post("/emergency/told")
@web.permits(ACTION)
def change_emergency_told():
    """Change it; what was marked stays when it is refused."""
    given: dict[str, Any] = {event: request.form.getlist(event) for event in TOLD}
    seen = request.form.get("seen", "")
    try:
        with web.transaction() as session:
            listeners.replace(session, web.actor(), given, seen)
    except REFUSALS as error:
        return _form(given, seen, problems(error)), 409 if isinstance(error, Conflict) else 422
    flash(_("Kept."), "success")
    return redirect(url_for(".emergency_told"), 303)
