"""The form of a construction zone: its facts, its ground and lines drawn on a map; a change becomes a new version."""

import json
from datetime import UTC, datetime
from typing import Any

import shapely
from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import geo, web
from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.errors import Conflict, Invalid, WebgisError
from webgis.maps import queries as map_queries
from webgis.metro import construction, construction_views, construction_wire
from webgis.metro.construction_rules import PHASES, Plan
from webgis.pages import construction_words, words
from webgis.pages.blueprint import pages
from webgis.pages.construction import shown_page

TEXTS = (
    "name_zh", "name_en", "project", "permit_number", "owner", "contractor", "supervisor", "department",
    "metro_department", "first_day", "last_day", "road", "width_left_m", "works_from", "works_until", "patrols",
)  # fmt: skip
NIGHTS = 3
"""Rows for permits to work at night."""

REFUSALS = (Invalid, Conflict)


@pages.get("/construction/new")
@web.permits("construction.change")
def construction_new():
    """The empty form."""
    return _form(None, {"patrols": "2"})


@pages.get("/construction/<code>/edit")
@web.permits("construction.change")
def construction_edit(code: str):
    """The form of a zone as it is known now."""
    with web.transaction() as session:
        zone = construction.require(session, code)
        plan = construction.as_plan(session, zone)
    return _form(code, _fields(plan) | {"version": zone.version})


@pages.post("/construction/new")
@web.permits("construction.change")
def construction_add():
    """Record a zone."""
    return _keep(None)


@pages.post("/construction/<code>/edit")
@web.permits("construction.change")
def construction_change(code: str):
    """Record what is known of a zone from now on."""
    return _keep(code)


@pages.post("/construction/<code>/withdraw")
@web.permits("construction.change")
def construction_withdraw(code: str):
    """A zone that was entered by mistake is none from now on."""
    with web.transaction() as session:
        construction.withdraw(session, code, at=datetime.now(UTC))
        admin_log.record(session, web.actor(), "construction.withdraw", code)
    flash(_("Withdrawn. Cases that it had keep it."), "success")
    return redirect(url_for(".construction_list"), 303)


def _fields(plan: Plan) -> dict[str, Any]:
    """A plan as the form has it."""
    told: dict[str, Any] = {name: "" if (value := getattr(plan, name)) is None else str(value) for name in TEXTS}
    for name in ("works_from", "works_until"):
        told[name] = told[name][:5]
    lines = [
        {"kind": one.kind, "words": one.words, "coordinates": shapely.get_coordinates(one.shape).tolist()}
        | {name: str(day) for name in ("first_day", "last_day") if (day := getattr(one, name))}
        for one in plan.lines
    ]
    return told | {
        "phases": {one.kind: (str(one.first_day), str(one.last_day)) for one in plan.phases},
        "nights": [(one.number, str(one.first_day), str(one.last_day)) for one in plan.night_permits],
        "points": " ".join(plan.points),
        "illustrative": plan.illustrative,
        "ground": json.dumps(shapely.geometry.mapping(plan.ground)),
        "lines": json.dumps(lines, ensure_ascii=False),
    }


def _sent() -> dict[str, Any]:
    """The form as it was sent."""
    form = request.form
    told: dict[str, Any] = {name: form.get(name, "").replace("\0", "").strip() for name in (*TEXTS, "code", "version")}
    rows = [[value.strip() for value in form.getlist(f"night_{name}")] for name in ("number", "first", "last")]
    return told | {
        "phases": {kind: (form.get(f"{kind}_first", ""), form.get(f"{kind}_last", "")) for kind in PHASES},
        "nights": [row for row in zip(*rows, strict=False) if any(row)],
        "points": form.get("points", "").replace("\0", ""),
        "illustrative": form.get("illustrative") == "yes",
        "ground": form.get("ground", "").replace("\0", "").strip(),
        "lines": form.get("lines", "").replace("\0", "").strip(),
    }


def _given(code: str, fields: dict[str, Any]) -> construction_wire.ZoneGiven:
    """The form as a zone; `Invalid` for the first field at fault."""
    days = ("first_day", "last_day")
    told = {name: fields[name] for name in (*TEXTS, "version")} | {
        "phases": [
            {"kind": kind} | dict(zip(days, span, strict=True)) for kind, span in fields["phases"].items() if any(span)
        ],
        "night_permits": [dict(zip(("number", *days), row, strict=True)) for row in fields["nights"]],
        "points": fields["points"].replace(",", " ").replace("，", " ").split(),
        "lines": _json(code, "lines", fields["lines"] or "[]", list),
        "geometry": _json(code, "ground", fields["ground"] or "{}", dict),
        "illustrative": fields["illustrative"],
    }  # fmt: skip
    return construction_wire.as_given(told)


def _json(code: str, field: str, value: str, kind: type) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise construction.rules.refused(code, field, value[:80], "what the map draws")
    return found


def _keep(code: str | None):
    fields = _sent()
    own = code or fields["code"]
    try:
        with web.transaction() as session:
            if code is None and construction.version_of(session, own) is not None:
                raise construction.rules.refused(own, "code", own, "a code that no other zone has")
            given = _given(own, fields)
            done = construction_views.kept(session, construction_wire.plan(own, given), given.version)
    except REFUSALS as error:
        return _form(code, fields, _problem(error)), 409 if isinstance(error, Conflict) else 422
    kept = _("Kept. It is known so from now on; cases keep what was known before.")
    flash(_("As it was.") if done.unchanged else kept, "success")
    return redirect(url_for(".construction_zone", code=own), 303)


def _problem(error: WebgisError) -> str:
    """What is wrong, with the field and what would be accepted."""
    field = "" if isinstance(error, Conflict) else str(error.facts.get("field") or "")
    if not field:
        return words.sentence(error.code, error.message, {})
    return f"{construction_words.field(field)}: {construction_words.wrong(field, error.facts.get('got'))}"


def _form(code: str | None, fields: dict[str, Any], problem: str = "") -> str:
    with web.transaction() as session:
        return shown_page(
            "form", code=code, given=fields, problem=problem, kinds=PHASES, empty_nights=NIGHTS,
            departments=[(one.code, words.name_of(one)) for one in accounts.departments(session)],
            bounds=_bounds(session, fields),
        )  # fmt: skip


def _bounds(session: Session, fields: dict[str, Any]) -> Any:
    try:
        shape = geo.read_geojson(json.loads(fields.get("ground") or "null"))
    except (ValueError, RecursionError):
        shape = None
    return map_queries.extent(session) if shape is None or shape.is_empty else shape.buffer(0.002).bounds
