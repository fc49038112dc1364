"""Filing standards and classes, kept by administrators: versions, tables with what would change, putting in force."""

import re
from collections import Counter
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import admin_log
from webgis.cases import table_wire, workflow
from webgis.catalog import filing, operations, queries, rules
from webgis.catalog.models import FilingStandard
from webgis.catalog.standards import CURRENT, MINOR_DIGITS
from webgis.errors import NotFound
from webgis.exchange import standard_work, work, work_files
from webgis.exchange.work_models import LongWork
from webgis.pages import admin_work, words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, problems, put

ACTION = "admin.standards"
KINDS = ("standard",)
CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
ROWS = 100
LONGEST = {"name_zh": 100, "name_en": 100, "source": 200}

put(Section("standards", lazy_gettext("Standards"), "clipboard-check", "admin.standards", ACTION), after="areas")

FOUND = {
    "same": lazy_gettext("by their code"),
    "rule": lazy_gettext("by the general rule"),
    "renamed": lazy_gettext("by the general rule, under a new name"),
    "moved": lazy_gettext("moved to another major class"),
    "local": lazy_gettext("the city's own before, a national class now"),
    "extension": lazy_gettext("the city's own, kept in the extension range"),
    "kept": lazy_gettext("gone in the standard of today, kept in the extension range"),
}
"""How the class of a condition was found."""

FACTS = {
    "text_zh": lazy_gettext("Condition"),
    "text_en": lazy_gettext("Condition in English"),
    "limit_value": lazy_gettext("Limit"),
    "limit_unit": lazy_gettext("Unit of the limit"),
    "closing_zh": lazy_gettext("Closed when"),
    "closing_en": lazy_gettext("Closed when, in English"),
    "department_kind": lazy_gettext("Kind of department"),
}

HOW = {
    "added": (lazy_gettext("new"), "plus", "good"),
    "changed": (lazy_gettext("changed"), "pencil", "warn"),
    "removed": (lazy_gettext("gone"), "minus", "bad"),
}
"""What happens to a condition: word, icon and tone."""


@admin.get("/standards")
@web.permits(ACTION)
def standards():
    """Every filing standard with its versions, and how many classes there are."""
    with web.transaction() as session:
        found = sorted(
            queries.filing_standards(session), key=lambda row: (not row[0].active, row[0].code, -row[0].version)
        )
        classes = Counter(
            (standard, one.kind) for standard in MINOR_DIGITS for one in queries.classes(session, None, standard)
        )
        return page(
            "standards", "standards", standards=found, classes=classes, lists=MINOR_DIGITS, kinds=words.KINDS,
            works=work.recent(session, KINDS), kind_words=admin_work.KINDS, work_states=admin_work.STATES,
        )  # fmt: skip


@admin.post("/standards/default")
@web.permits(ACTION)
def default_standard():
    """Give the city the filing standard that ships with webgis."""
    take_default()
    flash(_("Done."), "success")
    return redirect(url_for(".standards"), 303)


def take_default() -> None:
    """Store the shipped classes and the default filing standard; in force unless the city has chosen another."""
    with web.transaction() as session:
        city = queries.city_of(session)
        before = standard_work.version_facts(queries.in_force(session, city))
        operations.load_standard_classes(session)
        made = operations.load_default_filing_standard(session, city)
        after = standard_work.version_facts(made)
        admin_log.record(session, web.actor(), "catalog.load", city, before, after)


@admin.get("/standards/classes")
@web.permits(ACTION)
def standard_classes():
    """The classes of a list, by part of code or name."""
    asked = {name: request.args.get(name, "").strip() for name in ("q", "kind", "list")}
    wanted = asked["list"] if asked["list"] in MINOR_DIGITS else CURRENT
    kind = asked["kind"] if asked["kind"] in rules.KINDS else None
    with web.transaction() as session:
        found = queries.classes(session, kind, wanted, asked["q"])
    return page(
        "standard_classes", "standards", classes=found, asked=asked | {"list": wanted}, lists=MINOR_DIGITS,
        kinds=words.KINDS, most=500,
    )  # fmt: skip


@admin.get("/standards/one/<int:standard_id>")
@web.permits(ACTION)
def standard(standard_id: int):
    """A version with its conditions, and what would change if it were put in force."""
    asked = request.args.get("q", "").strip()
    with web.transaction() as session:
        found = _require(session, standard_id)
        conditions = [
            (condition, case_class)
            for condition, case_class in queries.conditions_in(session, found)
            if not asked
            or asked in (condition.class_code, case_class.name_zh)
            or _speaks_of(asked, condition, case_class)
        ]
        in_force = queries.in_force(session, found.city_code)
        changes = None if found.active else standard_work.changes(session, in_force, found)
        return page(
            "standard", "standards", found=found, conditions=conditions[:ROWS], all=len(conditions), asked=asked,
            in_force=in_force, changes=changes, limit=_limit, **_words(),
        )  # fmt: skip


def _speaks_of(asked: str, condition: Any, case_class: Any) -> bool:
    texts = (condition.class_code, case_class.name_zh, case_class.name_en, condition.text_zh, condition.text_en)
    return any(asked.lower() in text.lower() for text in texts if text)


def _require(session: Session, standard_id: int) -> FilingStandard:
    found = session.get(FilingStandard, min(standard_id, 2**31 - 1))
    if found is None:
        raise NotFound("catalog.no-filing-standard", "There is no such filing standard", field="code")
    return found


def _limit(value: int, unit: str) -> str:
    return rules.limit_text(value, unit, "en" if words.english() else "zh")


def _words() -> dict[str, Any]:
    return {"how_words": HOW, "fact_words": FACTS, "kinds": words.KINDS, "unit_word": _unit}


def _unit(unit: str) -> str:
    zh, en = rules.LIMIT_UNITS[unit]
    return en if words.english() else zh


@admin.get("/standards/one/<int:standard_id>/export.xlsx")
@web.permits(ACTION)
def standard_export(standard_id: int):
    """A version as a table that an upload reads back."""
    language = "en" if words.english() else "zh"
    with web.transaction() as session:
        found = _require(session, standard_id)
        rows = [filing.export_row(condition, one) for condition, one in queries.conditions_in(session, found)]
    return table_wire.rows_workbook(f"standard_{found.code}_{found.version}", filing.EXPORT_HEADINGS[language], rows)


@admin.post("/standards/one/<int:standard_id>/activate")
@web.permits(ACTION)
def activate_standard(standard_id: int):
    """Put a version in force; cases keep the conditions that they have."""
    with web.transaction() as session:
        found = _require(session, standard_id)
        if not found.active:
            standard_work.put_in_force(session, web.actor(), found)
    flash(_("This version is in force now."), "success")
    return redirect(url_for(".standard", standard_id=standard_id), 303)


@admin.get("/standards/import")
@web.permits(ACTION)
def standards_import():
    """The form by which a table comes in."""
    return _import_form({"standard": CURRENT})


def _import_form(fields: dict, faults: dict | None = None) -> str:
    with web.transaction() as session:
        known = sorted({one.code for one, _count in queries.filing_standards(session)})
    return page("standards_import", "standards", given=fields, problems=faults or {}, lists=MINOR_DIGITS, known=known)


@admin.post("/standards/import")
@web.permits(ACTION)
@admin_work.asked
def import_standard():
    """Have a table looked at."""
    fields = given("code", "name_zh", "name_en", "standard", "source")
    try:
        _check(fields)
        with admin_work.sent(work_files.TABLES) as (file, called), web.transaction() as session:
            asked = {name: value or None for name, value in fields.items()} | {"city": queries.city_of(session)}
            return admin_work.begin(session, "standard", asked, file, called)
    except REFUSALS as error:
        return _import_form(fields, problems(error)), 422


def _check(fields: dict[str, str]) -> None:
    rules.require_standard(fields["standard"])
    if not CODE.match(fields["code"]):
        raise workflow.bad_field("code", fields["code"], "1 to 64 letters, digits or . _ -")
    for name, longest in LONGEST.items():
        if len(fields[name]) > longest or (name == "name_zh" and not fields[name]):
            raise workflow.bad_field(name, fields[name], f"1 to {longest} characters")


def _facts(session: Session, found: LongWork) -> dict[str, Any]:
    made = None
    if found.state == "done":
        about = {"city_code": found.given["city"], "code": found.told["code"]}
        made = queries.require_filing_standard(session, about["city_code"], about["code"], found.told["version"])
    return _words() | {"found_words": FOUND, "made": made, "limit": _limit}


def _decided() -> dict[str, Any]:
    return {"activate": "activate" in request.form}


admin_work.offer(admin_work.Offered("standards", ACTION, KINDS, _facts, _decided))
