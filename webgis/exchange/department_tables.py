"""Departments in and out as tables: those that the city knows become as their row says, the others are added.

Each row is done as the page does it, in the order in which a department stands below another; with a fault in any of
them nothing stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from webgis.accounts import operations, queries
from webgis.accounts.models import Department
from webgis.cases.table_reading import read_header
from webgis.catalog.sheets import Fault, Sheet
from webgis.errors import WebgisError

HEADINGS = {
    "code": ("code", "代码", "部门代码"),
    "name_zh": ("name_zh", "name", "名称", "部门名称"),
    "name_en": ("name_en", "英文名称"),
    "kind": ("kind", "类型", "部门类型"),
    "area": ("area", "区域代码", "区域"),
    "parent": ("parent", "上级部门代码", "上级部门"),
}
"""The columns, and the headings under which each is found."""

NEEDED = ("code", "name_zh", "kind")
EXPORT_HEADINGS = tuple(HEADINGS)


def take_over(session: Session, sheet: Sheet) -> tuple[dict[str, int], list[Fault]]:
    """Do what a table says: how many departments were added, changed, or the same; and the faults, with which the
    caller rolls back. An empty cell empties; a column that is not there leaves things as they are."""
    columns, faults = read_header(sheet.header, HEADINGS, NEEDED)
    counts = {"added": 0, "changed": 0, "same": 0}
    known = {one.code: one for one in queries.departments(session)}
    rows = [] if faults else [(row.number, _cells(row.cells, columns)) for row in sheet.rows]
    faults += _twice(rows)
    for number, told in _parents_first(rows):
        try:
            with session.begin_nested():
                counts[_put(session, known, told)] += 1
        except WebgisError as error:
            faults.append(Fault(number, str(error.facts.get("field", "code")), error.message, error.message))
    return counts, sorted(faults, key=lambda fault: fault.row or 0)


def export_rows(session: Session) -> list[tuple[Any, ...]]:
    """All departments under `EXPORT_HEADINGS`, as the import reads them back."""
    return [(one.code, *operations.department_facts(one).values()) for one in queries.departments(session)]


def _cells(cells: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    return {column: cells.get(heading, "").strip() for column, heading in columns.items()}


def _twice(rows: Sequence[tuple[int, dict[str, str]]]) -> list[Fault]:
    """Rows of a code that another has already: which of them is meant cannot be known."""
    first: dict[str, int] = {}
    return [
        Fault(
            number,
            "code",
            f"the code stands in row {first[told['code']]} already",
            f"代码与第 {first[told['code']]} 行重复",
        )
        for number, told in rows
        if first.setdefault(told["code"], number) != number
    ]


def _parents_first(rows: Sequence[tuple[int, dict[str, str]]]) -> list[tuple[int, dict[str, str]]]:
    """The rows, each after that of the department above it; those in a circle last, to be refused."""
    waiting, done, codes = list(rows), [], {told["code"] for _number, told in rows}
    while ready := [one for one in waiting if one[1].get("parent", "") not in codes]:
        codes -= {told["code"] for _number, told in ready}
        waiting = [one for one in waiting if one not in ready]
        done += ready
    return [*done, *waiting]


def _put(session: Session, known: dict[str, Department], told: dict[str, str]) -> str:
    facts = dict(told)
    code = facts.pop("code")
    if code not in known:
        name = facts.pop("name_zh")
        known[code] = operations.add_department(session, code, name, **facts)
        return "added"
    before = operations.department_facts(known[code])
    after = operations.department_facts(operations.change_department(session, code, facts))
    return "same" if before == after else "changed"
