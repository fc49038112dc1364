"""The pages of emergencies: list, opening, the page of one with board and log, its report."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.cases import queries as cases
from webgis.emergency import cap_inbox, cap_reading, operations, plans, queries, report, rules, wire, work
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.errors import Conflict, Invalid, NotFound, WebgisError
from webgis.hazards import source_queries
from webgis.maps import queries as map_queries
from webgis.pages import emergency_shown as shown
from webgis.pages import emergency_words as said
from webgis.pages import forms, words
from webgis.pages import shown as case_shown
from webgis.pages.blueprint import go, pages

RADII = (50, 100, 200, 300, 500, 1000, 2000, 5000)
MOST_CLOSED = 50


@pages.get("/emergency")
@web.permits("emergency.see")
def emergency_list():
    """Open emergencies, those that have ended, CAP messages that wait."""
    return _list()


def _list(fault: str = "") -> str:
    actor = web.actor()
    may_open = permissions.may(actor, "emergency.open")
    with web.transaction() as session:
        return render_template(
            "emergency/list.html",
            open=[_row(session, one) for one in queries.listed(session, actor, "open", most=queries.MOST_ROWS)],
            closed=[_row(session, one) for one in queries.listed(session, actor, "closed", most=MOST_CLOSED)],
            waiting=[_waiting(one) for one in queries.proposals(session)] if may_open else [],
            may_open=may_open,
            version=web.opaque(queries.version(session, actor)),
            fault=fault,
        )


def _row(session: Session, emergency) -> dict[str, Any]:
    tasks = queries.tasks(session, emergency)
    now = datetime.now(UTC)
    standing = [one for one in tasks if one.state in ("todo", "doing")]
    return shown.head(emergency) | {
        "done": sum(one.state == "done" for one in tasks),
        "tasks": sum(one.state != "dropped" for one in tasks),
        "late": sum(one.late(now) for one in standing),
        "parties": sum(one.left_at is None for one in queries.parties(session, emergency)),
    }


def _waiting(proposal) -> dict[str, Any]:
    told, info = cap_inbox.suggested(proposal), next(iter(proposal.told["info"]), {})
    return {
        "id": proposal.id,
        "sender": proposal.sender,
        "title": told["title"],
        "kind": said.kind(told["kind"]),
        "level": said.level(told["level"]),
        "colour": LEVELS[told["level"]].colour,
        "type": said.MESSAGES[proposal.told["msgType"]],
        "text": info.get("description", ""),
        "areas": ", ".join(area["areaDesc"] for area in info.get("area", [])),
        "exercise": proposal.told["status"] == "Exercise",
        "received_at": proposal.received_at,
        "placed": proposal.area is not None,
    }


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


_ALARM = text(
    "SELECT a.id, ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat, a.rule_key, c.number FROM city.alarm a"
    ' LEFT JOIN city."case" c ON c.id = a.case_id WHERE a.id = :id AND starts_with(a.cell_code, :area)'
)
KIND_OF_ALARM = {"depth": "waterlogging", "level": "waterlogging", "rain": "waterlogging", "gas": "gas_leak"}
"""What an alarm by a rule of this beginning most likely becomes."""


def _from_alarm(session: Session) -> dict[str, Any]:
    number = request.args.get("alarm", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return {}
    row = session.execute(_ALARM, {"id": int(number), "area": web.actor().area or ""}).first()
    if row is None:
        return {}
    kind = KIND_OF_ALARM.get(row.rule_key.partition(".")[0], "other")
    seen = {"case": row.number} if row.number and cases.seen(session, web.actor(), [row.number]) else {}
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
    return told | {"lon": row.lon, "lat": row.lat, "radius_m": 500, "address": row.area_zh or ""}


def _form(given, problems: dict[str, str]) -> str:
    with web.transaction() as session:
        return render_template(
            "emergency/new.html",
            given=given,
            problems=problems,
            kinds=[(code, said.kind(code), one.icon) for code, one in KINDS.items()],
            levels=[(number, said.level(number), one.colour) for number, one in sorted(LEVELS.items(), reverse=True)],
            radii=[(metres, said.metres(metres)) for metres in RADII],
            departments=accounts.departments(session),
            plans=plans.plans(session),
            bounds=map_queries.extent(session),
        )


OPENING = ("kind", "title", "level", "lon", "lat", "crs", "radius_m", "address", "lead", "exercise", "alarm_id")


@pages.post("/emergency/new")
@web.permits("emergency.open")
def open_emergency():
    """Open one; what was typed stays when it is refused."""
    try:
        fields: dict[str, Any] = forms.filled(request.form, *OPENING)
        if number := request.form.get("case", "").strip():
            fields["cases"] = [number]
        given = api.checked(wire.OpenGiven, fields)
        with web.transaction() as session:
            opening = operations.Opening(**given.opening())
            at = datetime.now(UTC)
            made = operations.open_(session, web.runtime().settings, web.actor(), opening, at=at)
    except (Invalid, NotFound) as error:
        return _form(request.form, _problems(error)), 422
    flash(_("Opened. The departments of the plan see it now."), "success")
    return go(url_for("pages.emergency", number=made.number))


FIELDS = {"kind", "title", "level", "lon", "radius_m", "lead", "note", "words", "department", "departments", "minutes"}
FIELDS |= {"summary", "case", "address"}
FIELD_WORDS: dict[str, Callable[[], str]] = {
    "kind": lambda: _("Choose what it is."),
    "title": lambda: _("Say in a few words what has happened (at most 100 characters)."),
    "level": lambda: _("Choose another level."),
    "lon": lambda: str(words.REFUSALS["lon"]),
    "note": lambda: _("Say why."),
    "words": lambda: _("Write what there is to say."),
    "summary": lambda: _("Write what is to be said of it in the end."),
    "departments": lambda: _("Choose at least one that does not take part yet."),
    "department": lambda: _("Choose a department."),
    "minutes": lambda: _("Give a whole number of minutes, up to 43,200."),
    "case": lambda: _("Give the 19-digit number of a case that you may see and that is not added yet."),
}


def _problems(error: WebgisError) -> dict[str, str]:
    """A refusal as sentences by field."""
    if error.code == "grid.outside":
        return {"lon": words.outside(error.facts.get("distance_m"))}
    found = {}
    for fault in reversed(error.facts.get("errors") or [error.facts]):
        name = "case" if error.code == "cases.case-unknown" else fault.get("field")
        name = "lon" if name == "lat" else name
        told = FIELD_WORDS[name]() if name in FIELD_WORDS else words.sentence(error.code, error.message, fault)
        found[name if name in FIELDS else "form"] = told
    return found


@pages.get("/emergency/<number>")
@web.permits("emergency.see")
def emergency(number: str):
    """One emergency: map, board, what is near, log."""
    return _page(number)


def _page(number: str, tried: str = "", problems: dict[str, str] | None = None) -> str:
    actor, settings, now = web.actor(), web.runtime().settings, datetime.now(UTC)
    with web.transaction() as session:
        found = queries.require(session, actor, number)
        names, may = shown.names(session), queries.rights(actor, found)
        cards, is_open = shown.cards(session, actor, found, now), found.state == "open"
        return render_template(
            "emergency/page.html",
            one=shown.head(found),
            place=shown.place(session, found),
            columns=shown.columns(cards),
            parties=queries.parties(session, found),
            lead=found.lead_code,
            near=shown.near(session, actor, found, now),
            log=[said.said(row, names) for row in reversed(queries.log(session, actor, found))],
            altered=queries.altered(session, found),
            messages=[(one, said.MESSAGES[one.msg_type]) for one in queries.messages(session, found)],
            cases=case_shown.list_rows(session, settings, actor, queries.linked(session, actor, found), now),
            leads=may.lead and is_open,
            acts=may.act and is_open,
            standing=sum(card.state in ("todo", "doing") for card in cards),
            levels=[(n, said.level(n)) for n in sorted(LEVELS, reverse=True)],
            departments=accounts.departments(session),
            radii=[(metres, said.metres(metres)) for metres in RADII],
            action_words=said.TASK_ACTIONS,
            version=web.opaque(queries.version(session, actor)),
            tried=tried,
            given=request.form,
            problems=problems or {},
        )


@pages.get("/emergency/<number>/report")
@web.permits("emergency.see")
def emergency_report(number: str):
    """The report that its log makes, to be read and printed."""
    with web.transaction() as session:
        found = queries.require(session, web.actor(), number)
        lines, names = queries.log(session, web.actor(), found), shown.names(session)
        return render_template(
            "emergency/report.html",
            one=shown.head(found),
            place=shown.place(session, found),
            told=report.made(lines),
            log=[said.said(row, names) for row in lines],
            altered=queries.altered(session, found),
            names=names,
            level_word=said.level,
            states=said.TASK_STATES,
            task_words=said.task_words,
            span=words.span_words,
            now=datetime.now(UTC),
        )


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
        return _page(number, action, _problems(error)), 422
    except NotFound as error:
        if error.code != "cases.case-unknown":
            raise
        return _page(number, action, _problems(error)), 422
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
        return _list(words.sentence(error.code, error.message, error.facts)), 422
    if done.proposal is None:
        flash(_("The message keeps the rules, but is a test, a draft or an answer: nothing has to be decided."), "info")
    elif done.known:
        flash(_("This message was here already."), "info")
    else:
        flash(_("The message waits below for a decision."), "success")
    return go(url_for("pages.emergency_list"))


@pages.post("/emergency/cap/<int:proposal>/<decision>")
@web.permits("emergency.open")
def emergency_decide(proposal: int, decision: str):
    """Open an emergency from a CAP message, or say that nothing is to be done."""
    settings, at = web.runtime().settings, datetime.now(UTC)
    try:
        with web.transaction() as session:
            if decision == "decline":
                cap_inbox.decline(session, web.actor(), min(proposal, 2**63 - 1), at=at)
                return go(url_for("pages.emergency_list"))
            made = cap_inbox.accept(session, settings, web.actor(), min(proposal, 2**63 - 1), at=at)
    except (Conflict, Invalid) as error:
        flash(words.sentence(error.code, error.message, error.facts), "warning")
        return go(url_for("pages.emergency_list"))
    except NotFound as error:
        if error.code != "grid.outside":
            raise
        flash(_("The ground of this message lies outside the grid. Open an emergency by hand."), "warning")
        return go(url_for("pages.emergency_list"))
    return go(url_for("pages.emergency", number=made.number))
