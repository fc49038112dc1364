"""Plans of emergencies, kept by administrators: read, changed by hand after a look, from a file, given out as one."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import flash, redirect, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import queries as accounts
from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.catalog import sheets
from webgis.emergency import plans
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.errors import Conflict, Invalid, NotFound
from webgis.exchange import work, work_files
from webgis.exchange.work_models import LongWork
from webgis.pages import admin_emergency_words as said
from webgis.pages import admin_work, emergency_words
from webgis.pages.admin import REFUSALS, Section, admin, page, problems, put

ACTION = "admin.emergency"
WORK_KINDS = ("emergency_plans", "emergency_resources")
EMPTY_ROWS = 2
FIELDS = tuple(name for name in plans.COLUMNS if name != "kind")

put(Section("emergency", lazy_gettext("Emergencies"), "urgent", "admin.emergency_plans", ACTION), after="departments")


@admin.get("/emergency")
@web.permits(ACTION)
def emergency_plans():
    """The plan of each kind in short, and the form by which a file comes in."""
    return _list({})


def _list(faults: dict[str, str]) -> str:
    with web.transaction() as session:
        return page(
            "emergency_plans",
            "emergency",
            part="plans",
            problems=faults,
            plans=plans.plans(session),
            own=plans.own(session),
            kinds=KINDS,
            kind_of=emergency_words.kind,
            endings=work_files.TABLES,
            works=work.recent(session, WORK_KINDS[:1]),
            kind_words=admin_work.KINDS,
            work_states=admin_work.STATES,
        )


@admin.post("/emergency")
@web.permits(ACTION)
@admin_work.asked
def import_plans():
    """Have a file of plans looked at."""
    try:
        with admin_work.sent(work_files.TABLES) as (file, called), web.transaction() as session:
            return admin_work.begin(session, "emergency_plans", {}, file, called)
    except REFUSALS as error:
        return _list(problems(error)), 422


@admin.get("/emergency/plans.xlsx")
@web.permits(ACTION)
def plans_export():
    """The plan of every kind as a table that the import takes."""
    with web.transaction() as session:
        rows = [vars(one).values() for tasks in plans.plans(session).values() for one in tasks]
    return table_file("plans.xlsx", list(plans.COLUMNS), rows)


def table_file(name: str, header: list[str], rows: Any):
    """A table as a file to be kept."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        sheets.write(path, header, rows)
        file = path.open("rb")
    return send_file(file, mimetype="application/octet-stream", as_attachment=True, download_name=name)


@admin.get("/emergency/plans/<kind>")
@web.permits(ACTION)
def emergency_plan(kind: str):
    """The plan of one kind, to be changed."""
    with web.transaction() as session:
        tasks = plans.plan(session, _known(kind))
    return _form(kind, [asdict(one) for one in tasks], plans.mark(tasks))


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise NotFound("emergency.plan-unknown", f"There is no plan of {kind[:40]}", accepted=list(KINDS))
    return kind


def _form(kind: str, rows: list[dict[str, Any]], seen: str, **more: Any) -> str:
    with web.transaction() as session:
        there = {one.kind for one in accounts.departments(session)}
        own = kind in plans.own(session)
    return page(
        "emergency_plan",
        "emergency",
        kind=kind,
        word=emergency_words.kind(kind),
        rows=[*rows, *[{}] * EMPTY_ROWS],
        seen=seen,
        own=own,
        department_kinds=DEPARTMENT_KINDS,
        there=there,
        levels=[(number, emergency_words.level(number)) for number in sorted(LEVELS, reverse=True)],
        **({"fault": None, "changes": None} | more),
    )


@admin.post("/emergency/plans/<kind>")
@web.permits(ACTION)
def change_plan(kind: str):
    """Look at what another plan would change, or keep it; what was typed stays."""
    columns = [request.form.getlist(name) for name in FIELDS]
    rows = [dict(zip(FIELDS, map(_clean, row), strict=True)) for row in zip(*columns, strict=False)]
    rows = [row for row in rows if row["minutes"] or row["words_zh"] or row["words_en"]]
    seen, keep = request.form.get("seen", ""), request.form.get("act") == "keep"
    try:
        tasks = [_task(number, _known(kind), row) for number, row in enumerate(rows, 1)]
        with web.transaction() as session:
            before = plans.plan(session, kind)
            if keep:
                plans.replace(session, web.actor(), kind, tasks, seen)
    except Invalid as error:
        return _form(kind, rows, seen, fault=error.facts | {"said": said.wrong(error.facts)}), 422
    except Conflict as error:
        return _form(kind, rows, seen, fault={"said": problems(error)["form"]}), 409
    if not keep:
        return _form(kind, rows, seen, changes=plans.compared(before, tasks))
    flash(_("Kept. Emergencies that are open keep the tasks that they have."), "success")
    return redirect(url_for(".emergency_plans"), 303)


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()


def _task(number: int, kind: str, row: dict[str, str]) -> plans.Planned:
    try:
        return plans.planned({"kind": kind} | row)
    except Invalid as error:
        error.facts["row"] = number
        raise


@admin.post("/emergency/plans/<kind>/shipped")
@web.permits(ACTION)
def drop_plan(kind: str):
    """Have the plan that ships hold again, in the place of the one that was seen."""
    try:
        with web.transaction() as session:
            plans.replace(session, web.actor(), _known(kind), [], request.form.get("seen", ""))
    except Conflict as error:
        flash(problems(error)["form"], "warning")
    else:
        flash(_("The plan that ships holds again."), "success")
    return redirect(url_for(".emergency_plan", kind=kind), 303)


def _facts(session: Session, found: LongWork) -> dict[str, Any]:
    """The faults of a file, or what it changes, in the reader's words."""
    told = {}
    for kind, lists in found.told.get("plans", {}).items():
        before, after = ([plans.Planned(**one) for one in tasks] for tasks in lists)
        if before != after:
            told[emergency_words.kind(kind)] = plans.compared(before, after)
    facts = found.told.get("facts", {})
    return {"faults": said.faults(facts), "fault_count": facts.get("count", 0), "changes": told}


admin_work.offer(admin_work.Offered("emergency", ACTION, WORK_KINDS, _facts, dict))
