"""Resources of emergencies, kept by administrators: listed, added, changed, taken out of use, from a file, as one."""

import json
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from webgis import api, geo, web
from webgis.accounts import queries as accounts
from webgis.emergency import resources
from webgis.emergency.kinds import RESOURCE_KINDS
from webgis.errors import Conflict
from webgis.exchange import work, work_files
from webgis.maps import queries as map_queries
from webgis.pages import admin_emergency_words as said
from webgis.pages import admin_work, emergency_words
from webgis.pages.admin import REFUSALS, admin, given, page, problems
from webgis.pages.admin_plans import ACTION, WORK_KINDS, table_file

FIELDS = tuple(name for name in resources.COLUMNS if name != "active")


@admin.get("/emergency/resources")
@web.permits(ACTION)
def resource_list():
    """Resources by kind, and the form by which a file comes in."""
    return _list({})


def _list(fields: dict[str, str], faults: dict[str, str] | None = None) -> str:
    words, kind = (request.args.get(name, "").replace("\0", "").strip()[:100] for name in ("q", "kind"))
    with web.transaction() as session:
        rows = resources.listed(session, words, kind if kind in RESOURCE_KINDS else "")
        return page(
            "resources",
            "emergency",
            part="resources",
            rows=rows,
            most=resources.MOST_LISTED,
            asked={"q": words, "kind": kind},
            given=fields,
            problems=faults or {},
            kinds=RESOURCE_KINDS,
            kind_of=emergency_words.resource_kind,
            icons=emergency_words.RESOURCE_ICONS,
            endings=work_files.TABLES,
            systems=geo.CRS_NAMES,
            works=work.recent(session, WORK_KINDS[1:]),
            kind_words=admin_work.KINDS,
            work_states=admin_work.STATES,
        )


@admin.post("/emergency/resources")
@web.permits(ACTION)
@admin_work.asked
def import_resources():
    """Have a file of resources looked at."""
    fields = given("crs")
    try:
        asked = {"crs": geo.check_crs(fields["crs"] or "wgs84")}
        with admin_work.sent(work_files.TABLES) as (file, called), web.transaction() as session:
            return admin_work.begin(session, "emergency_resources", asked, file, called)
    except REFUSALS as error:
        return _list(fields, problems(error)), 422


@admin.get("/emergency/resources.xlsx")
@web.permits(ACTION)
def resources_export():
    """Every resource as a table that the import takes."""
    with web.transaction() as session:
        rows = [_row(resources.facts(one)) for one in resources.listed(session, most=None)]
    return table_file("resources.xlsx", list(resources.COLUMNS), rows)


def _row(facts: dict[str, Any]) -> list[Any]:
    return [("yes" if value else "no") if isinstance(value, bool) else value for value in facts.values()]


def _form(code: str | None, fields: dict[str, Any], seen: str = "", faults: dict[str, str] | None = None) -> str:
    with web.transaction() as session:
        active = None if code is None else resources.require(session, code).active
        return page(
            "resource",
            "emergency",
            code=code,
            active=active,
            given=fields,
            seen=seen,
            problems=faults or {},
            kinds=[(kind, emergency_words.resource_kind(kind)) for kind in RESOURCE_KINDS],
            departments=accounts.departments(session),
            bounds=map_queries.extent(session),
        )


@admin.get("/emergency/resources/new")
@web.permits(ACTION)
def new_resource():
    """The empty form of a resource."""
    return _form(None, {})


@admin.post("/emergency/resources/new")
@web.permits(ACTION)
def add_resource():
    """Add one."""
    fields, crs = given(*FIELDS), given("crs")["crs"] or "wgs84"
    try:
        with web.transaction() as session:
            resources.add(session, web.actor(), fields | {"active": ""}, crs)
    except REFUSALS as error:
        return _form(None, fields, faults=said.at_fields(error)), 422
    flash(_("The resource was added."), "success")
    return redirect(url_for(".resource_list"), 303)


@admin.get("/emergency/resources/one/<code>")
@web.permits(ACTION)
def resource(code: str):
    """One resource, to be changed."""
    with web.transaction() as session:
        facts = resources.facts(resources.require(session, code))
    fields = facts | {"illustrative": "yes" if facts["illustrative"] else ""}
    return _form(code, fields, json.dumps(facts))


@admin.post("/emergency/resources/one/<code>")
@web.permits(ACTION)
def change_resource(code: str):
    """Change one; what was typed stays when it is refused."""
    fields, form = given(*FIELDS), given("crs", "seen")
    try:
        with web.transaction() as session:
            resources.change(session, web.actor(), code, fields, form["crs"] or "wgs84", _seen(form["seen"]))
    except REFUSALS as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _form(code, fields, form["seen"], said.at_fields(error)), status
    flash(_("Kept."), "success")
    return redirect(url_for(".resource_list"), 303)


def _seen(text: str) -> Any:
    """The facts that the form was made of; None for what is none."""
    try:
        return api.json_value(text.encode())
    except (ValueError, RecursionError):
        return None


@admin.post("/emergency/resources/one/<code>/use")
@web.permits(ACTION)
def use_resource(code: str):
    """Take one out of use, or into it again."""
    with web.transaction() as session:
        one = resources.use(session, web.actor(), code, given("active")["active"] == "yes")
        active = one.active
    flash(_("In use again.") if active else _("Out of use: it is shown at no emergency any more."), "success")
    return redirect(url_for(".resource", code=code), 303)
