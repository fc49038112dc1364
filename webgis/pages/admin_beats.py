"""Beats, kept by administrators: listed with what they leave out, drawn on a map, given to inspectors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import geo, web
from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.cases import beat_tables, table_wire
from webgis.catalog import sheets
from webgis.catalog.sheets import Fault
from webgis.errors import WebgisError
from webgis.grid import beat_map, beats, duty
from webgis.maps import queries as map_queries
from webgis.pages import words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, put

ACTION = "admin.beats"
MOST_CELLS = 4000
"""Cells that the map of a beat shows at once; with more in view one is asked to come nearer."""

ROWS = 50
EMPTY_SHIFTS = 2
SHOWN = 12
"""Single cells that are named; the rest are counted."""

TAKEN = Fault(None, "beat", "There is a beat of this code already.", "该代码的责任网格已存在。")

put(Section("beats", lazy_gettext("Beats"), "polygon", "admin.beats_list", ACTION), after="departments")


@admin.get("/beats")
@web.permits(ACTION)
def beats_list():
    """The beats of now, and what they leave out or cover twice."""
    return _list()


def _list(problem: str = "", faults: Sequence[Any] = ()) -> str:
    asked = request.args.get("q", "").replace("\0", "").strip()
    with web.transaction() as session:
        found = beats.coverage(session)
        rows = beats.listed(session, datetime.now(UTC), words=asked, most=ROWS + 1)
        return page(
            "beats", "beats", beats=rows[:ROWS], asked=asked, more=len(rows) > ROWS, found=found, shown=SHOWN,
            left_out=sum(row.cells for row in found.left_out), problem=problem, faults=faults,
            bounds=map_queries.extent(session), days_text=_days_text,
        )  # fmt: skip


def _days_text(days: Sequence[int]) -> str:
    return _("every day") if len(days) == 7 else words.weekdays(duty.days_text(days))


@admin.get("/beats/cells")
@web.permits(ACTION)
def beat_cells():
    """Cells in a box with the beats that have them, as GeoJSON; `more`: there are too many, so the beats are told."""
    box = geo.read_box(request.args.get("bbox", ""))
    with web.transaction() as session:
        rows = beat_map.cells_in(session, box, MOST_CELLS + 1)
        more = len(rows) > MOST_CELLS
        outlines = beat_map.outlines_in(session, box, MOST_CELLS) if more else ()
    told = (
        [(row.geometry, row.code, row.beats) for row in rows]
        if not more
        else [(row.geometry, "", [row.code]) for row in outlines]
    )
    features = [
        {"type": "Feature", "geometry": shape, "properties": {"code": code, "beats": codes}}
        for shape, code, codes in told
    ]
    return jsonify({"type": "FeatureCollection", "features": features, "more": more})


@admin.get("/beats/new")
@web.permits(ACTION)
def new_beat():
    """The empty form of a beat."""
    return _form(None, {"shifts": []})


@admin.get("/beats/one/<code>")
@web.permits(ACTION)
def beat(code: str):
    """One beat: its name, its cells on the map, its shifts."""
    return _form(code)


def _form(code: str | None, told: dict | None = None, problem: str = "", faults: Sequence[Any] = ()) -> str:
    with web.transaction() as session:
        fields = told or _known(session, code)
        cells = fields.get("cells", "").split()
        return page(
            "beat", "beats", code=code, given=fields, problem=problem, faults=faults,
            shifts=[*fields["shifts"], *[{}] * EMPTY_SHIFTS],
            inspectors=[one for one in accounts.people(session) if one.role == "inspector" and one.active],
            bounds=beat_map.ground_of(session, cells) or map_queries.extent(session),
        )  # fmt: skip


def _known(session: Session, code: str) -> dict[str, Any]:
    """A beat as its form has it."""
    rows = beats.listed(session, datetime.now(UTC), code=code)
    if not rows:
        raise beats.unknown(code)
    row, cells = rows[0], beats.require_plan(session, code).cells
    shifts = [
        {
            "days": duty.days_text(one["days"]),
            "hours": f"{one['from'][:5]}-{one['until'][:5]}",
            "inspector": one["login"],
        }
        for one in row.shifts
    ]
    return {"beat": code, "name": row.name_zh, "name_en": row.name_en or "", "cells": " ".join(cells), "shifts": shifts}


@admin.post("/beats/new")
@web.permits(ACTION)
def add_beat():
    """Lay out a beat that is not there yet."""
    return _keep(None)


@admin.post("/beats/one/<code>")
@web.permits(ACTION)
def change_beat(code: str):
    """Make a beat be as the form says from now on."""
    return _keep(code)


def _keep(code: str | None):
    fields = given("beat", "name", "name_en", "cells") | ({"beat": code} if code else {})
    columns = [request.form.getlist(name) for name in ("days", "hours", "inspector")]
    shifts = [dict(zip(("days", "hours", "inspector"), row, strict=True)) for row in zip(*columns, strict=False)]
    shifts = [one for one in shifts if any(value.strip() for value in one.values())]
    try:
        with web.transaction() as session:
            before = beats.plans_of(session, [fields["beat"]])
            if code is None and before:
                raise beat_tables.bad_beats([TAKEN])
            rows = [(None, fields | one) for one in shifts or [{}]]
            done = beat_tables.lay_out(session, web.actor(), rows, at=datetime.now(UTC))
            _record(session, fields, before)
    except REFUSALS as error:
        return _form(code, fields | {"shifts": shifts}, _sentence(error), error.facts.get("faults", ())), 422
    flash(_("As it was.") if done.unchanged else _("Kept. It is so from now on; how it was stays readable."), "success")
    return redirect(url_for(".beat", code=fields["beat"]), 303)


def _sentence(error: WebgisError) -> str:
    """What is said of a refusal, unless its faults say it."""
    return "" if error.facts.get("faults") else words.sentence(error.code, error.message, error.facts)


def _record(session: Session, fields: dict[str, str], before: Sequence[beats.Plan]) -> None:
    """What of a beat is another than it was; cells are counted, a log is no map."""
    after = beats.require_plan(session, fields["beat"])
    told = [_facts(one) for one in (*before, after)]
    admin_log.record_change(session, web.actor(), "beats.lay-out", after.code, told[0] if before else {}, told[-1])


def _facts(plan: beats.Plan) -> dict[str, Any]:
    shifts = [
        [duty.days_text(one.days), f"{one.from_time:%H:%M}-{one.until_time:%H:%M}", one.person_id]
        for one in plan.shifts
    ]
    return {"name": plan.name_zh, "name_en": plan.name_en, "cells": len(plan.cells), "shifts": shifts}


@admin.post("/beats/one/<code>/end")
@web.permits(ACTION)
def end_beat(code: str):
    """End a beat now."""
    with web.transaction() as session:
        before = _facts(beats.require_plan(session, code))
        beat_tables.close(session, web.actor(), code, at=datetime.now(UTC))
        admin_log.record(session, web.actor(), "beats.close", code, before)
    flash(_("The beat has ended."), "success")
    return redirect(url_for(".beats_list"), 303)


@admin.get("/beats/export.xlsx")
@web.permits(ACTION)
def export_beats():
    """The beats as a table that the import reads back."""
    language = "en" if words.english() else "zh"
    with web.transaction() as session:
        rows = beat_tables.export_rows(session, datetime.now(UTC))
    return table_wire.rows_workbook("beats", beat_tables.EXPORT_HEADINGS[language], rows)


@admin.post("/beats/import")
@web.permits(ACTION)
def import_beats():
    """Lay out the beats of a table: all, or none with every fault named."""
    try:
        with table_wire.uploaded() as path, web.transaction() as session:
            done = beat_tables.import_beats(session, web.actor(), sheets.read(path), at=datetime.now(UTC))
            admin_log.record(session, web.actor(), "beats.import", web.runtime().settings.city_code, None, vars(done))
    except REFUSALS as error:
        return _list(_sentence(error), error.facts.get("faults", ())), 422
    counts = {"added": len(done.added), "changed": len(done.changed)}
    flash(_("%(added)s new, %(changed)s changed.", **counts), "success")
    return redirect(url_for(".beats_list"), 303)
