"""The workbooks of the manager's page over HTTP: asked for, waited for, fetched by the one who asked alone."""

from pathlib import Path

from flask import jsonify, send_file, url_for
from flask_babel import gettext as _

from webgis import api, jobs, limits, web
from webgis.cases import retention
from webgis.errors import NotFound
from webgis.pages import watch, watch_export
from webgis.pages.blueprint import pages

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pages.post("/watch/exports")
@web.permits("watch.export")
@limits.at_most("work_limit", per=limits.person, counts=lambda answer: answer.status_code == 202)
def ask_export():
    """Have the figures of a page's address written as a workbook: 202, and where to ask how far it is."""
    asked = watch.asked_of({name: str(value) for name, value in api.fields().items()})
    fields = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
    name, who = watch_export.new_name(), web.actor()
    with web.transaction() as session:
        watch.question_of(session, asked)
        values = {"login": who.login, "export": name, "asked": fields, "lang": web.locale()}
        jobs.enqueue(session, "pages.export_figures", queue="slow", **values)
    jobs.tell_progress(web.redis(), name, 0)
    address = url_for("pages.export_state", name=name)
    return jsonify({"name": name, "state": address}), 202, {"Location": address}


@pages.get("/watch/exports/<name>/state")
@web.permits("watch.export")
def export_state(name: str):
    """How far it is, in per cent, and its address when it is there."""
    there = _own(name).is_file()
    percent = 100 if there else jobs.progress(web.redis(), name)
    if percent is None:
        raise _unknown(name)
    address = url_for("pages.export_file", name=name) if there else None
    days = _kept_days()
    word = _("Save the table (kept for %(hours)s hours)", hours=days * 24) if days else _("Save the table")
    return jsonify({"percent": percent, "address": address, "word": word})


@pages.get("/watch/exports/<name>.xlsx")
@web.permits("watch.export")
def export_file(name: str):
    """The workbook, for the one who asked for it."""
    file = _own(name)
    if not file.is_file():
        raise _unknown(name)
    response = send_file(file.resolve(), XLSX, as_attachment=True, download_name="webgis-figures.xlsx")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _kept_days() -> int | None:
    with web.transaction() as session:
        return retention.days_of(session, web.runtime().settings, "exports")


def _own(name: str) -> Path:
    if not watch_export.ID.match(name):
        raise _unknown(name)
    file = watch_export.file_of(web.runtime().settings, web.actor().id, name)
    if watch_export.expired(file, _kept_days()):
        raise _unknown(name)
    return file


def _unknown(name: str) -> NotFound:
    return NotFound("pages.export-unknown", f"There is no table {name[:64]} of yours", name=name[:64])
