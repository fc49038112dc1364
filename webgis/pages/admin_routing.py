"""Routing rules, kept by administrators: drafts from tables or written here, tried on past cases, put in force."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import geo, web
from webgis.accounts import admin_log
from webgis.accounts import queries as accounts
from webgis.cases import routing_reading, routing_replay, routing_sets, table_wire
from webgis.catalog import sheets
from webgis.errors import Invalid, NotFound, WebgisError
from webgis.exchange import work_files
from webgis.grid import queries as grid
from webgis.pages import admin_work, words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, put

ACTION = "admin.routing"
FIELDS = tuple(routing_reading.HEADINGS)
SPANS = (7, 30, 90, 365)
LARGEST_VERSION = 2**31 - 1
SHOWN = 200

put(Section("routing", lazy_gettext("Routing"), "route", "admin.routing", ACTION), after="calendar")

STATES = {
    "draft": (lazy_gettext("Draft"), "pencil", ""),
    "active": (lazy_gettext("In force"), "check", "good"),
    "retired": (lazy_gettext("Was in force"), "history", ""),
}
"""State of a set of rules -> its word, icon and tone."""


@admin.get("/routing")
@web.permits(ACTION)
def routing():
    """Every version of the rules, newest first."""
    return _list()


def _list(fields: dict | None = None, problem: str | None = None, faults: list | None = None) -> str:
    with web.transaction() as session:
        return page(
            "routing", "routing", sets=routing_sets.listed(session), states=STATES, given=fields or {},
            problem=problem, faults=faults or [], systems=geo.CRS_NAMES,
        )  # fmt: skip


@admin.post("/routing")
@web.permits(ACTION)
def new_routing():
    """Make a draft: from a table, from another version, or empty."""
    fields = given("name", "based_on", "crs")
    try:
        version = _import(fields) if "upload" in request.form else _draft(fields)
    except REFUSALS as error:
        return _list(fields, words.sentence(error.code, error.message, error.facts), error.facts.get("faults")), 422
    return redirect(url_for(".routing_set", version=version), 303)


def _import(fields: dict[str, str], into: int | None = None) -> int:
    """The version whose rules are those of the table that was sent."""
    with admin_work.sent(work_files.TABLES) as (file, called), web.transaction() as session:
        about = {"into": into, "name": fields.get("name") or called[: routing_sets.LONGEST_NAME]}
        rules = sheets.read(file)
        done = routing_sets.import_rules(session, web.actor(), rules, crs=fields.get("crs") or "cgcs2000", **about)
        _record(session, "routing.import", done.version, None, {"file": called, "rules": done.rules})
        return done.version


def _draft(fields: dict[str, str]) -> int:
    based_on = int(fields["based_on"]) if fields["based_on"].isdecimal() and len(fields["based_on"]) < 10 else None
    with web.transaction() as session:
        made = routing_sets.new_draft(session, web.actor(), fields["name"], based_on and _known(based_on))
        _record(session, "routing.draft", made.version, None, {"name": made.name, "based_on": made.based_on})
        return made.version


def _known(number: int) -> int:
    """A number that the database can be asked for."""
    return min(number, LARGEST_VERSION)


def _record(session: Session, action: str, version: int, before: dict | None, after: dict | None) -> None:
    admin_log.record(session, web.actor(), action, f"rules {version}", before, after)


@admin.get("/routing/<int:version>")
@web.permits(ACTION)
def routing_set(version: int):
    """The rules of a version."""
    return _set(version)


def _set(version: int, problem: str | None = None, faults: list | None = None) -> str:
    with web.transaction() as session:
        found = routing_sets.require_set(session, _known(version))
        rules = [routing_sets.facts(rule) for rule in routing_sets.rules_of(session, found.version)]
        return page(
            "routing_set", "routing", found=found, rules=rules, states=STATES, problem=problem, faults=faults or [],
            names=_department_names(session), spans=SPANS, in_force=routing_sets.active(session),
        )  # fmt: skip


def _department_names(session: Session) -> dict[str, str]:
    return {one.code: words.name_of(one) for one in accounts.departments(session)}


@admin.get("/routing/<int:version>/export.xlsx")
@web.permits(ACTION)
def routing_export(version: int):
    """The rules as a table that an upload reads back."""
    with web.transaction() as session:
        rows = routing_sets.export_rows(session, _known(version))
    return table_wire.rows_workbook(
        f"rules_{version}", routing_reading.EXPORT_HEADINGS["en" if words.english() else "zh"], rows
    )


@admin.post("/routing/<int:version>/import")
@web.permits(ACTION)
def routing_import(version: int):
    """Replace the rules of a draft by those of a table."""
    try:
        _import(given("crs"), _known(version))
    except REFUSALS as error:
        problem = words.sentence(error.code, error.message, error.facts)
        return _set(version, problem, error.facts.get("faults")), 422
    flash(_("Kept."), "success")
    return redirect(url_for(".routing_set", version=version), 303)


@admin.get("/routing/<int:version>/rules/new")
@web.permits(ACTION)
def new_rule(version: int):
    """The empty form of a rule."""
    return _rule_form(version, None, {"priority": str(routing_reading.USUAL_PRIORITY)})


@admin.get("/routing/<int:version>/rules/<int:number>")
@web.permits(ACTION)
def rule(version: int, number: int):
    """A rule of a draft, to be changed."""
    with web.transaction() as session:
        found = routing_sets.facts(routing_sets.require_rule(session, _known(version), _known(number)))
    return _rule_form(version, number, {name: "" if value is None else str(value) for name, value in found.items()})


def _rule_form(version: int, number: int | None, fields: dict[str, str], faults: dict | None = None) -> str:
    with web.transaction() as session:
        found = routing_sets.require_set(session, _known(version))
        areas = [*grid.areas(session, "county"), *grid.areas(session, "subdistrict")]
        return page(
            "routing_rule", "routing", found=found, number=number, given=fields, problems=faults or {}, areas=areas,
            departments=accounts.departments(session),
        )  # fmt: skip


def _write(version: int, number: int | None, write: Callable[[Session, dict[str, str]], Any]):
    """Write a rule; what cannot be is said at its field."""
    fields = given(*FIELDS)
    texts = {name: value for name, value in fields.items() if value}
    try:
        with web.transaction() as session:
            write(session, texts)
    except REFUSALS as error:
        return _rule_form(version, number, fields, _at_fields(error)), 422
    flash(_("Kept."), "success")
    return redirect(url_for(".routing_set", version=version), 303)


def _at_fields(error: WebgisError) -> dict[str, str]:
    told = {one["column"]: one["problem" if words.english() else "problem_zh"] for one in error.facts.get("faults", ())}
    return told or {"form": words.sentence(error.code, error.message, error.facts)}


@admin.post("/routing/<int:version>/rules/new")
@web.permits(ACTION)
def add_rule(version: int):
    """Add a rule to a draft."""

    def write(session: Session, texts: dict[str, str]) -> None:
        made = routing_sets.add_rule(session, web.actor(), _known(version), texts, "cgcs2000")
        _record(session, "routing.rule", version, None, texts | {"number": made.number})

    return _write(version, None, write)


@admin.post("/routing/<int:version>/rules/<int:number>")
@web.permits(ACTION)
def change_rule(version: int, number: int):
    """Replace a rule of a draft."""

    def write(session: Session, texts: dict[str, str]) -> None:
        known, which = _known(version), _known(number)
        before = routing_sets.facts(routing_sets.require_rule(session, known, which))
        changed = routing_sets.change_rule(session, web.actor(), known, which, texts, "cgcs2000")
        told = {"number": number}, {"number": number}
        for name, value in routing_sets.facts(changed).items():
            if before[name] != value:
                told[0][name], told[1][name] = before[name], value
        _record(session, "routing.rule", version, *told)

    return _write(version, number, write)


@admin.post("/routing/<int:version>/rules/<int:number>/remove")
@web.permits(ACTION)
def remove_rule(version: int, number: int):
    """Take a rule out of a draft."""
    with web.transaction() as session:
        before = routing_sets.facts(routing_sets.require_rule(session, _known(version), _known(number)))
        routing_sets.remove_rule(session, web.actor(), _known(version), _known(number))
        kept = {name: value for name, value in before.items() if value is not None}
        _record(session, "routing.remove", version, kept, None)
    return redirect(url_for(".routing_set", version=version), 303)


@admin.post("/routing/<int:version>/drop")
@web.permits(ACTION)
def drop_routing(version: int):
    """Throw a draft away."""
    with web.transaction() as session:
        name = routing_sets.require_set(session, _known(version)).name
        routing_sets.drop_draft(session, web.actor(), _known(version))
        _record(session, "routing.drop", version, {"name": name}, None)
    flash(_("The draft is gone."), "success")
    return redirect(url_for(".routing"), 303)


@admin.get("/routing/<int:version>/dry-run")
@web.permits(ACTION)
def routing_dry_run(version: int):
    """What would go elsewhere by the rules of a version, and from there putting them in force."""
    days = request.args.get("days", "30")
    days = int(days) if days in map(str, SPANS) else 30
    with web.transaction() as session:
        found = routing_sets.require_set(session, _known(version))
        active = routing_sets.active(session)
        wanted = "active" if active is not None and request.args.get("against") == "active" else "actual"
        done = routing_replay.of_days(session, found.version, days, against=wanted, examples=20)
        return page(
            "routing_dry_run", "routing", found=found, done=done, days=days, spans=SPANS, against=wanted,
            active=active, names=_department_names(session), groups=done.groups[:SHOWN], states=STATES,
        )  # fmt: skip


@admin.post("/routing/<int:version>/activate")
@web.permits(ACTION)
def activate_routing(version: int):
    """Put a version in force and retire the one before it."""
    try:
        with web.transaction() as session:
            before = routing_sets.active(session)
            before = before and {"version": before.version, "name": before.name}
            made = routing_sets.activate(session, web.actor(), _known(version), at=datetime.now(UTC))
            _record(session, "routing.activate", version, before, {"version": made.version, "name": made.name})
    except NotFound:
        raise
    except REFUSALS as error:
        problem = words.sentence(error.code, error.message, error.facts)
        return _set(version, problem, error.facts.get("faults")), 422 if isinstance(error, Invalid) else 409
    flash(_("These rules are in force now."), "success")
    return redirect(url_for(".routing_set", version=version), 303)
