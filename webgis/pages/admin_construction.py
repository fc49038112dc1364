"""Construction zones and routes of emergency vehicles from files: looked at before anything of them is taken over."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import send_file
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from webgis import web
from webgis.cases import workflow
from webgis.errors import NotFound
from webgis.exchange import work
from webgis.exchange.work_models import LongWork
from webgis.grid import files, queries
from webgis.metro import construction as construction_zones
from webgis.metro import construction_files
from webgis.pages import admin_work, construction_words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, problems, put

ACTION = "construction.change"
KINDS = ("construction", "routes")
ENDINGS = (".geojson", ".json", ".gpkg", ".zip")

put(Section("construction", lazy_gettext("Construction zones"), "crane", "admin.construction", ACTION), after="areas")


@admin.get("/construction")
@web.permits(ACTION)
def construction():
    """The form by which a file comes in, and what was sent lately."""
    return _form({"kind": KINDS[0]})


def _form(fields: dict[str, str], faults: dict[str, str] | None = None) -> str:
    with web.transaction() as session:
        return page(
            "construction",
            "construction",
            given=fields,
            problems=faults or {},
            endings=ENDINGS,
            fields=construction_words.of_files(construction_files.FIELDS),
            needed=construction_files.NEEDED,
            systems=queries.systems(session),
            zones=bool(construction_zones.listed(session, datetime.now(UTC))),
            works=work.recent(session, KINDS),
            kind_words=admin_work.KINDS,
            work_states=admin_work.STATES,
        )


@admin.post("/construction")
@web.permits(ACTION)
@admin_work.asked
def import_construction():
    """Have a file looked at."""
    fields = given("kind", "crs")
    try:
        if fields["kind"] not in KINDS:
            raise workflow.bad_field("kind", fields["kind"], list(KINDS))
        asked = {"crs": fields["crs"] and files.known_crs(fields["crs"])}
        with admin_work.sent(ENDINGS) as (file, called), web.transaction() as session:
            return admin_work.begin(session, fields["kind"], asked, file, called)
    except REFUSALS as error:
        return _form(fields, problems(error)), 422


@admin.get("/construction/export.<ending>")
@web.permits(ACTION)
def construction_export(ending: str):
    """Every construction zone as it is known now, as the import reads it."""
    if f".{ending}" not in (".geojson", ".gpkg"):
        raise NotFound("metro.zone-unknown", "There is no export of this kind", got=ending[:20])
    with tempfile.TemporaryDirectory() as folder, web.transaction() as session:
        path = Path(folder) / f"construction.{ending}"
        construction_files.write(session, path)
        file = path.open("rb")
    return send_file(file, mimetype="application/octet-stream", as_attachment=True, download_name=path.name)


WORDS = {
    "construction": {
        "added": lazy_gettext("New zones"),
        "changed": lazy_gettext("Zones that change"),
        "unchanged": lazy_gettext("As they are"),
    },
    "routes": {"after": lazy_gettext("Routes of the file"), "before": lazy_gettext("Routes that they replace")},
}
"""What the counts of a kind of work are."""


def _facts(session: Session, found: LongWork) -> dict[str, Any]:
    """The faults of the file, or what it changes, in the reader's words."""
    facts = found.told.get("facts", {})
    return {
        "words": WORDS[found.kind],
        "faults": [_said(fault) for fault in facts.get("faults", ())],
        "fault_count": facts.get("count", 0),
        "added": [_named(one) for one in found.told.get("added", ())],
        "changes": [(_named(one), _changed(one)) for one in found.told.get("changed", ())],
    }


def _named(one: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**one)


def _said(fault: dict[str, Any]) -> dict[str, Any]:
    said = construction_words.wrong(fault["column"], fault["got"])
    column = construction_words.field(fault["column"])
    return fault | {"column": f"{fault['zone']} · {column}", "problem": said, "problem_zh": said}


def _changed(one: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What a field is called, what it was and what it becomes."""
    return [
        (construction_words.field(name), *(construction_words.value(name, value) for value in values))
        for name, values in one["fields"].items()
    ]


admin_work.offer(admin_work.Offered("construction", ACTION, KINDS, _facts, dict))
