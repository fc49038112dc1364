"""The metro, kept by administrators: structures from files, and who decides. Distances: `admin_distances`."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import flash, redirect, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.accounts.models import Department
from webgis.cases import workflow
from webgis.errors import Invalid, NotFound
from webgis.exchange import work
from webgis.exchange.work_models import LongWork
from webgis.grid import files
from webgis.grid import queries as grid
from webgis.maps import metro_words
from webgis.metro import queries, structure_files, structures
from webgis.pages import admin_distances, admin_work, words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, problems, put

ACTION = "admin.metro"
KINDS = ("metro", "metro_distances")
ENDINGS = (".json", ".geojson", ".gpkg")

put(Section("metro", lazy_gettext("Metro"), "train", "admin.metro_home", ACTION), after="areas")


@admin.get("/metro")
@web.permits(ACTION)
def metro_home():
    """Lines with who decides on works, structures, the last works."""
    return _home()


def _home(faults: dict[str, str] | None = None) -> str:
    with web.transaction() as session:
        return page(
            "metro", "metro", lines=queries.lines(session), kinds=queries.kinds(session), kind_of=metro_words.kind,
            departments=accounts.departments(session), works=work.recent(session, KINDS), problems=faults or {},
            kind_words=admin_work.KINDS, work_states=admin_work.STATES,
        )  # fmt: skip


@admin.get("/metro/import")
@web.permits(ACTION)
def metro_import():
    """The form by which structures come in."""
    return _import_form({"station": "underground_station", "section": "tunnel"})


def _import_form(fields: dict[str, Any], faults: dict[str, str] | None = None) -> str:
    with web.transaction() as session:
        return page(
            "metro_import", "metro", given=fields, problems=faults or {}, systems=grid.systems(session),
            formats=structure_files.FORMATS, kinds=metro_words.KINDS,
        )  # fmt: skip


@admin.post("/metro/import")
@web.permits(ACTION)
@admin_work.asked
def import_metro():
    """Have a file looked at."""
    fields = given("format", "crs", "source", "station", "section")
    try:
        asked: dict[str, Any] = {name: fields[name] or None for name in fields}
        asked["crs"] = asked["crs"] and files.known_crs(asked["crs"])
        asked |= {"station": fields["station"] or "underground_station", "section": fields["section"] or "tunnel"}
        if asked["format"] not in (None, *structure_files.FORMATS):
            raise workflow.bad_field("format", asked["format"], list(structure_files.FORMATS))
        asked["replace"] = "replace" in request.form
        with admin_work.sent(ENDINGS) as (file, called), web.transaction() as session:
            return admin_work.begin(session, "metro", asked, file, called)
    except REFUSALS as error:
        return _import_form(fields, problems(error)), 422


@admin.post("/metro/lines/<code>")
@web.permits(ACTION)
def metro_operator(code: str):
    """Say which department decides on works in the zones of a line."""
    department = given("department")["department"] or None
    with web.transaction() as session:
        found = queries.lines(session, code)
        if not found:
            raise structures.unknown_line(code)
        if department is not None and session.get(Department, department) is None:
            raise workflow.bad_field("department", department, "the code of a department")
        structures.set_operator(session, code, department)
        before, after = {"department": found[0].department_code}, {"department": department}
        admin_log.record_change(session, web.actor(), "metro.operator", code, before, after)
    flash(_("Kept."), "success")
    return redirect(url_for(".metro_home"), 303)


@admin.post("/metro/end")
@web.permits(ACTION)
def metro_end():
    """End a structure now: its zones end with it, what they were stays readable."""
    code = given("code")["code"]
    try:
        with web.transaction() as session:
            zones = structures.end(session, code, datetime.now(UTC))
            admin_log.record(session, web.actor(), "metro.end", code, None, {"zones": zones.counts()["closed"]})
    except (*REFUSALS, NotFound) as error:
        return _home({"code": words.sentence(error.code, error.message, error.facts)}), 422
    flash(_("The structure has ended, and its zones with it."), "success")
    return redirect(url_for(".metro_home"), 303)


@admin.get("/metro/export.<ending>")
@web.permits(ACTION)
def metro_export(ending: str):
    """Every structure as GeoJSON or GeoPackage, as the import reads it."""
    if ending not in ("geojson", "gpkg"):
        raise NotFound("metro.structure-unknown", "There is no export of this kind", got=ending[:20])
    with web.transaction() as session:
        rows = queries.exported(session)
    if not rows:
        raise Invalid("metro.nothing", "There are no structures to export")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"metro.{ending}"
        structure_files.write(path, rows, "wgs84")
        file = path.open("rb")
    return send_file(file, mimetype="application/octet-stream", as_attachment=True, download_name=path.name)


def _facts(session: Session, found: LongWork) -> dict[str, Any]:
    return {
        "kind_of": metro_words.kind,
        "source_of": metro_words.source,
        "zone_words": metro_words.ZONES,
        "sure_words": admin_distances.SURE,
        "measured_words": admin_distances.MEASURED,
    }


admin_work.offer(admin_work.Offered("metro", ACTION, KINDS, _facts, dict))
