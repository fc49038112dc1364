"""What construction and protection zones do to cases (`city.zone_rule`), as a city replaces it by a file."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.cases import zones
from webgis.cases.clock import UNITS
from webgis.cases.zone_models import ZoneRule
from webgis.catalog import queries as catalog
from webgis.catalog.rules import KINDS
from webgis.catalog.sheets import Sheet
from webgis.errors import Invalid
from webgis.metro.construction_rules import PHASES, SEVERITIES
from webgis.metro.distances import ZONE_KINDS

COLUMNS = {
    "kind": "kind", "class": "class_code", "protection": "protection", "phase": "phase",
    "contractor": "to_contractor", "severity": "severity", "limit": "limit_value", "unit": "limit_unit",
    "source": "source",
}  # fmt: skip
"""Column of the file -> column of the table."""

WORDS = {"yes": True, "no": False}
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": KINDS, "protection": ("", *ZONE_KINDS), "phase": ("", *PHASES), "contractor": tuple(WORDS),
    "severity": SEVERITIES, "unit": ("", *UNITS),
}  # fmt: skip
LONGEST_LIMIT = 1000
LONGEST_SOURCE = 300

_ONE_AT_A_TIME = text("LOCK TABLE city.zone_rule IN SHARE ROW EXCLUSIVE MODE")


def written(session: Session) -> str:
    """The table as CSV, which `replace` reads back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(session):
        writer.writerow(row.values())
    return out.getvalue()


def replace(session: Session, given: Sheet) -> int:
    """Let the table be what a sheet says, with a line in the log; how many rules there are then. `Invalid`
    "cases.bad-zone-rules" names the row and column at fault, and nothing changes. Cases follow it at once; a limit that
    runs stays as it was given at the dispatch."""
    for name in COLUMNS:
        if name not in given.header:
            raise _bad(1, name, "", f"the columns {', '.join(COLUMNS)}")
    rows = {row.number: _row(session, row.number, row.cells) for row in given.rows}
    _once(rows)
    session.execute(_ONE_AT_A_TIME)
    before = _rows(session)
    session.execute(delete(ZoneRule))
    session.add_all(ZoneRule(**row) for row in rows.values())
    session.flush()
    admin_log.record_change(session, None, "routing.zones", "zone_rule", {"rules": before}, {"rules": _rows(session)})
    return len(rows)


def _rows(session: Session) -> list[dict[str, Any]]:
    return [{name: _told(getattr(row, column)) for name, column in COLUMNS.items()} for row in zones.rules(session)]


def _told(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


def _row(session: Session, number: int, given: Mapping[str, str]) -> dict[str, Any]:
    told = {name: given.get(name, "") for name in COLUMNS}
    for name, accepted in CHOICES.items():
        if told[name] not in accepted:
            raise _bad(number, name, told[name], ", ".join(filter(None, accepted)))
    if bool(told["limit"]) != bool(told["unit"]):
        raise _bad(number, "limit", told["limit"], "a limit with its unit, or neither")
    if told["limit"] and not (told["limit"].isdecimal() and 1 <= int(told["limit"]) <= LONGEST_LIMIT):
        raise _bad(number, "limit", told["limit"], f"a whole number of 1 to {LONGEST_LIMIT}")
    if not 0 < len(told["source"]) <= LONGEST_SOURCE:
        raise _bad(number, "source", told["source"][:40], f"what says so, of at most {LONGEST_SOURCE} characters")
    _check_class(session, number, told)
    values = {"contractor": WORDS[told["contractor"]], "limit": int(told["limit"]) if told["limit"] else None}
    values["unit"] = told["unit"] or None
    return {column: values.get(name, told[name]) for name, column in COLUMNS.items()}


def _check_class(session: Session, number: int, told: Mapping[str, str]) -> None:
    """A class of today's standard, the two digits of a major class, or none for all."""
    code = told["class"]
    major = len(code) == 2 and code.isdecimal()
    if code and not major and catalog.find_class(session, told["kind"], code) is None:
        raise _bad(number, "class", code, "a class of the catalogue, two digits for a major class, or nothing for all")


def _once(rows: Mapping[int, Mapping[str, Any]]) -> None:
    seen: dict[tuple, int] = {}
    for number, row in rows.items():
        key = tuple(row[name] for name in ("kind", "class_code", "protection", "phase"))
        if key in seen:
            raise _bad(number, "class", row["class_code"], f"something else than row {seen[key]} says already")
        seen[key] = number


def _bad(number: int, field: str, got: str, accepted: str) -> Invalid:
    return Invalid(
        "cases.bad-zone-rules",
        f"Row {number}, {field}: {got!r} cannot be used; expected: {accepted}. Nothing was changed",
        row=number,
        field=field,
        got=got,
        accepted=accepted,
    )
