"""Hazard sources from files, for administrators: a file is looked at before anything of it is taken over."""

from typing import Any

from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import web
from webgis.exchange import work, work_files
from webgis.exchange.work_models import LongWork
from webgis.hazards import source_queries
from webgis.pages import admin_work, hazard_words, words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, problems, put

ACTION = "hazards.change"
KINDS = ("hazards",)
ENDINGS = (*work_files.TABLES, *work_files.GEOGRAPHIC)

put(Section("hazards", lazy_gettext("Hazard sources"), "biohazard", "admin.hazards", ACTION), after="departments")


@admin.get("/hazards")
@web.permits(ACTION)
def hazards():
    """The form by which a file comes in, what was sent lately, and the kinds of sources."""
    return _form({})


def _form(fields: dict[str, str], faults: dict[str, str] | None = None) -> str:
    with web.transaction() as session:
        return page(
            "hazards",
            "hazards",
            given=fields,
            problems=faults or {},
            endings=ENDINGS,
            kinds=source_queries.kinds(session).values(),
            works=work.recent(session, KINDS),
            kind_words=admin_work.KINDS,
            work_states=admin_work.STATES,
        )


@admin.post("/hazards")
@web.permits(ACTION)
@admin_work.asked
def import_hazards():
    """Have a file looked at."""
    fields = given("crs")
    try:
        with admin_work.sent(ENDINGS) as (file, called), web.transaction() as session:
            return admin_work.begin(session, "hazards", fields, file, called)
    except REFUSALS as error:
        return _form(fields, problems(error)), 422


def _facts(session: Session, found: LongWork) -> dict[str, Any]:
    """The faults of the file, or what it changes, in the reader's words."""
    faults = found.told.get("facts", {}).get("faults", [])
    kinds = {code: words.name_of(one) for code, one in source_queries.kinds(session).items()}
    changed = found.told.get("changed", {}).items()
    return {
        "faults": [fault | {"said": _said(fault)} for fault in faults],
        "changes": [(code, hazard_words.differing(fields, kinds)) for code, fields in changed],
    }


def _said(fault: dict[str, Any]) -> str:
    said = words.sentence(fault["code"], fault["problem"], fault["facts"])
    name = fault["facts"].get("name")
    return f"{name}: {said}" if name else said


admin_work.offer(admin_work.Offered("hazards", ACTION, KINDS, _facts, dict))
