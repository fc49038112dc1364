"""Opening an emergency: by hand, from a case, an alarm, or a CAP message that came in."""

from datetime import UTC, datetime
from typing import Any

import shapely
from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.cases import queries as cases
from webgis.emergency import cap_inbox, cap_reading, ground, operations, plans, rules, wire
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.errors import Conflict, Invalid, NotFound
from webgis.hazards import alarm_queries, source_queries
from webgis.hazards.impact_rules import LEAST_M, MOST_M, USUAL_M
from webgis.maps import queries as map_queries
from webgis.pages import emergency_words as said
from webgis.pages import forms, words
from webgis.pages import shown as case_shown
from webgis.pages.blueprint import go, pages
from webgis.pages.emergency import listing


@pages.get("/emergency/new")
@web.permits("emergency.open")
def emergency_form():
    """The form that opens one, filled from a case, an alarm or a hazard source when one is named."""
    with web.transaction() as session:
        given = _from_case(session) | _from_alarm(session) | _from_hazard(session)
    return _form(given, {})


def _from_case(session: Session) -> dict[str, Any]:
    number = request.args.get("case", "")
    if not number:
        return {}
    row = cases.require_case(session, web.actor(), number)
    return {
        "case": row.number,
        "lon": row.lon,
        "lat": row.lat,
        "address": row.address or "",
        "title": (row.description or case_shown.class_name(row))[: rules.LONGEST_TITLE],
    }


KIND_OF_ALARM = {
    "depth": "waterlogging",
    "level": "waterlogging",
    "rain": "waterlogging",
    "gas": "gas_leak",
    "methane": "gas_leak",
}
"""What an alarm by a rule of this beginning most likely becomes."""


def _from_alarm(session: Session) -> dict[str, Any]:
    number = request.args.get("alarm", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return {}
    row = alarm_queries.require(session, web.actor(), int(number))
    kind = KIND_OF_ALARM.get(row.rule_key.partition(".")[0], "other")
    case = row.case_number
    seen = {"case": case} if case and cases.seen(session, web.actor(), [case]) else {}
    return {"alarm_id": row.id, "kind": kind, "lon": row.lon, "lat": row.lat, "title": said.kind(kind)} | seen


KIND_OF_SOURCE = {
    **dict.fromkeys(("chemical_store", "production_unit", "tank_farm", "gas_station"), "hazmat"),
    **dict.fromkeys(("lpg_station", "gas_facility", "coal_mine"), "gas_leak"),
    **dict.fromkeys(("dam", "underpass", "low_point"), "waterlogging"),
    "deep_pit": "collapse",
}
"""What most likely happens at a hazard source of this kind."""


def _from_hazard(session: Session) -> dict[str, Any]:
    code = request.args.get("hazard", "").replace("\0", "")
    if not code or not permissions.may(web.actor(), "hazards.see"):
        return {}
    row = source_queries.require(session, web.actor(), code)
    title = f"{words.name_of(row)} {said.kind(KIND_OF_SOURCE.get(row.kind, 'other'))}"
    told = {"kind": KIND_OF_SOURCE.get(row.kind, "other"), "title": title[: rules.LONGEST_TITLE]}
    told |= {"ground": "hazard", "hazard": row.code, "ring_m": _metres(request.args.get("metres", ""))}
    return told | {"lon": row.lon, "lat": row.lat, "address": row.area_zh or ""}


def _metres(given: str) -> int:
    """The ring that the impact sheet showed; the usual one when it showed none."""
    known = given.isascii() and given.isdigit() and len(given) < 6
    return int(given) if known and LEAST_M <= int(given) <= MOST_M else USUAL_M


def _form(given, problems: dict[str, str]) -> str:
    sees_hazards = permissions.may(web.actor(), "hazards.see")
    with web.transaction() as session:
        sources = source_queries.listed(session, web.actor(), source_queries.Filters()) if sees_hazards else []
        return render_template(
            "emergency/new.html",
            given=given,
            grounds=[one for one in said.GROUNDS if one[0] != "hazard" or sources],
            sources=sources,
            rings=said.rings(web.runtime().settings, given.get("ring_m")),
            problems=problems,
            kinds=[(code, said.kind(code), one.icon) for code, one in KINDS.items()],
            levels=[(number, said.level(number), one.colour) for number, one in sorted(LEVELS.items(), reverse=True)],
            radii=said.radii(),
            departments=accounts.departments(session),
            plans=plans.plans(session),
            bounds=map_queries.extent(session),
        )


OPENING = ("kind", "title", "level", "lon", "lat", "crs", "address", "lead", "exercise", "alarm_id")
GROUND = {"circle": ("radius_m",), "outline": ("area",), "hazard": ("hazard", "ring_m")}
"""What is given of each way to say the ground."""


def _ground(session: Session) -> dict[str, Any]:
    """The ground as the form says it, and where the place is when no pin was set: inside the outline, or the source."""
    kind = request.form.get("ground", "circle")
    fields: dict[str, Any] = forms.filled(request.form, *GROUND.get(kind, ("radius_m",)))
    if kind == "outline":
        fields["area"] = said.outline(request.form.get("corners", ""))
        place = shapely.point_on_surface(shapely.geometry.shape(fields["area"]))
        return {"lon": place.x, "lat": place.y} | fields
    if kind == "hazard":
        row = ground.hazard(session, web.actor(), rules.words("hazard", fields.get("hazard")))
        return {"lon": row.lon, "lat": row.lat} | fields
    return fields


@pages.post("/emergency/new")
@web.permits("emergency.open")
def open_emergency():
    """Open one; what was typed stays when it is refused."""
    try:
        fields: dict[str, Any] = forms.filled(request.form, *OPENING)
        with web.transaction() as session:
            fields = _ground(session) | fields
        if number := request.form.get("case", "").strip():
            fields["cases"] = [number]
        given = api.checked(wire.OpenGiven, fields)
        with web.transaction() as session:
            opening = operations.Opening(**given.opening())
            at = datetime.now(UTC)
            made = operations.open_(session, web.runtime().settings, web.actor(), opening, at=at)
    except (Invalid, NotFound) as error:
        return _form(request.form, said.problems(error)), 422
    flash(_("Opened. The departments of the plan see it now."), "success")
    return go(url_for("pages.emergency", number=made.number))


@pages.post("/emergency/cap")
@web.permits("emergency.receive")
def emergency_receive():
    """Take in a CAP message from a file."""
    file = request.files.get("file")
    body = file.read(cap_reading.LARGEST + 1) if file else b""
    try:
        with web.transaction() as session:
            done = cap_inbox.receive(session, web.runtime().settings, web.actor(), body, at=datetime.now(UTC))
    except Invalid as error:
        return listing(words.sentence(error.code, error.message, error.facts)), 422
    if done.ours:
        told = _("This is our own message: %(number)s gave it out. Nothing has to be decided.", number=done.ours)
        flash(told, "info")
    elif done.proposal is None:
        flash(_("The message keeps the rules, but is a test, a draft or an answer: nothing has to be decided."), "info")
    elif done.known:
        flash(_("This message was here already."), "info")
    else:
        flash(_("The message waits below for a decision."), "success")
    return go(url_for("pages.emergency_list"))


@pages.post("/emergency/cap/<int:proposal>/<any(accept, decline):decision>")
@web.permits("emergency.open")
def emergency_decide(proposal: int, decision: str):
    """Open an emergency from a CAP message, or say that nothing is to be done."""
    settings, at = web.runtime().settings, datetime.now(UTC)
    try:
        with web.transaction() as session:
            if decision == "decline":
                cap_inbox.decline(session, web.actor(), min(proposal, 2**63 - 1), at=at)
                flash(_("Declined. Nothing was opened."), "info")
                return go(url_for("pages.emergency_list"))
            chosen = api.checked(wire.AcceptGiven, forms.filled(request.form, "kind", "level"))
            given = chosen.model_dump(exclude_none=True)
            made = cap_inbox.accept(session, settings, web.actor(), min(proposal, 2**63 - 1), at=at, **given)
    except (Conflict, Invalid, NotFound) as error:
        on_ground = error.code == "grid.outside" or error.facts.get("field") == "area"
        if isinstance(error, NotFound) and not on_ground:
            raise
        hint = _("The ground of this message lies outside the grid or is too large. Open an emergency by hand.")
        flash(hint if on_ground else words.sentence(error.code, error.message, error.facts), "warning")
        return go(url_for("pages.emergency_list"))
    return go(url_for("pages.emergency", number=made.number))
