"""Beats as people lay them out: from a table or a request, and back into a table.

A table has one row for each shift; rows of one beat join. Cells are written as codes of cells (15 digits), of areas
(all their valid cells), or as runs (`510104017001001-020`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases.table_reading import (
    Fault,
    Fields,
    Problem,
    days,
    hours,
    read_header,
    sentence_and_facts,
    words,
)
from webgis.catalog.sheets import Sheet
from webgis.errors import Invalid
from webgis.grid import beats, duty
from webgis.grid.beats import Laid, Plan, Shift
from webgis.grid.models import CELL_CODE_LENGTH

HEADINGS = {
    "beat": ("beat", "beat_code", "责任网格", "责任网格代码"),
    "name": ("name", "name_zh", "名称", "责任网格名称"),
    "name_en": ("name_en", "英文名称"),
    "cells": ("cells", "单元网格", "范围"),
    "days": ("days", "weekdays", "星期"),
    "hours": ("hours", "时段"),
    "inspector": ("inspector", "login", "采集员", "采集员账号"),
}
"""The columns of a table of beats, and the headings under which each is found."""

EXPORT_HEADINGS = {
    "en": tuple(HEADINGS),
    "zh": ("责任网格", "名称", "英文名称", "单元网格", "星期", "时段", "采集员"),
}
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
LONGEST_NAME = 100
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")
_CELLS = re.compile(r"(\d{4}|\d{6}|\d{9}|\d{12}|\d{15})|(\d{12})(\d{3})-(?:\2)?(\d{3})")
Span = tuple[str, str]
"""From a cell's code to another's, both included."""


@dataclass
class _Draft:
    """What the rows of one beat said so far."""

    name_zh: str | None = None
    name_en: str | None = None
    spans: list[Span] = field(default_factory=list)
    shifts: list[tuple[int | None, tuple[int, ...], tuple, str]] = field(default_factory=list)


def import_beats(session: Session, actor: Actor, sheet: Sheet, *, at: datetime) -> Laid:
    """Make the beats of a table be so from now on; beats that it does not name stay.

    All or nothing: any fault raises `Invalid` "cases.bad-beats" whose fact `faults` lists row, column and problem.
    """
    columns, faults = read_header(sheet.header, HEADINGS, ["beat", "name", "cells"])
    if faults:
        raise bad_beats(faults)
    rows = [
        (row.number, {column: row.cells.get(heading, "") for column, heading in columns.items()}) for row in sheet.rows
    ]
    return lay_out(session, actor, rows, at=at)


def lay_out(
    session: Session, actor: Actor, rows: Sequence[tuple[int | None, Mapping[str, str]]], *, at: datetime
) -> Laid:
    """The same for rows of texts by column of `HEADINGS`, with their numbers."""
    return change(session, actor, _plans(session, rows), at=at)


def change(session: Session, actor: Actor, plans: Sequence[Plan], *, at: datetime) -> Laid:
    """Make these beats be so. `Forbidden` when a cell that they have, or had, is beyond the actor's area."""
    permissions.require(actor, "beats.change")
    before = beats.plans_of(session, [plan.code for plan in plans])
    permissions.require_area(actor, [cell for plan in (*plans, *before) for cell in plan.cells])
    return beats.lay_out(session, plans, at=at)


def assign(
    session: Session, actor: Actor, code: str, login: str, given_days: str, given_hours: str, *, at: datetime
) -> Laid:
    """Give an inspector a shift in a beat, besides those that there are."""
    faults: list[Fault] = []
    fields = Fields({"days": given_days, "hours": given_hours}, None, faults)
    when, during = fields.read("days", days) or EVERY_DAY, fields.read("hours", _needed_hours)
    person = _inspectors(session).get(login.lower())
    if person is None:
        fields.fault("inspector", *_NO_INSPECTOR)
    if faults:
        raise bad_beats(faults)
    plan = beats.require_plan(session, code)
    shift = Shift(when, *during, person)
    shifts = plan.shifts if shift in plan.shifts else (*plan.shifts, shift)
    return change(session, actor, [replace(plan, shifts=shifts)], at=at)


def release(session: Session, actor: Actor, code: str, login: str, *, at: datetime) -> Laid:
    """Take an inspector out of all shifts of a beat."""
    plan, person = beats.require_plan(session, code), accounts.person_by_login(session, login)
    if person is None:
        raise bad_beats([Fault(None, "inspector", *_NO_INSPECTOR)])
    kept = tuple(shift for shift in plan.shifts if shift.person_id != person.id)
    return change(session, actor, [replace(plan, shifts=kept)], at=at)


def close(session: Session, actor: Actor, code: str, *, at: datetime) -> None:
    """End a beat."""
    permissions.require(actor, "beats.change")
    permissions.require_area(actor, beats.require_plan(session, code).cells)
    beats.close(session, code, at=at)


_NO_INSPECTOR = ("the login of an active inspector is expected", "应为在用采集员的账号")


def _plans(session: Session, rows: Sequence[tuple[int | None, Mapping[str, str]]]) -> list[Plan]:
    """The beats that rows make, in order; `Invalid` with every fault."""
    faults: list[Fault] = []
    drafts: dict[str, _Draft] = {}
    for number, given in rows:
        _read_row(Fields(given, number, faults), number, drafts)
    if faults:
        raise bad_beats(faults)
    cells = _cells(session, {span for draft in drafts.values() for span in draft.spans})
    people = _inspectors(session)
    plans = [_plan(code, draft, cells, people, faults) for code, draft in drafts.items()]
    if faults:
        raise bad_beats(faults)
    return plans


def _read_row(fields: Fields, number: int | None, drafts: dict[str, _Draft]) -> None:
    code = fields.read("beat", _code)
    draft = drafts.setdefault(code, _Draft()) if code else _Draft()
    for column, said in (("name", "name_zh"), ("name_en", "name_en")):
        name, before = fields.read(column, words, LONGEST_NAME), getattr(draft, said)
        if name and before and name != before:
            fields.fault(column, f"the beat is called {before} already", f"该责任网格已称为 {before}")
        setattr(draft, said, before or name)
    draft.spans += fields.read("cells", _spans) or ()
    login = fields.read("inspector", words, LONGEST_NAME)
    when, during = fields.read("days", days), fields.read("hours", _needed_hours if login else hours)
    if login:
        draft.shifts.append((number, when or EVERY_DAY, during, login))
    elif during or when:
        fields.fault("inspector", *_NO_INSPECTOR)


def _needed_hours(written: str) -> tuple[time, time]:
    found = hours(written)
    if found is None:
        raise Problem(f"hours are expected, such as {duty.HOURS_ACCEPTED}", f"应为时段，例如 {duty.HOURS_ACCEPTED}")
    return found


def _code(written: str) -> str:
    if not _CODE.fullmatch(written):
        raise Problem("a code of 1 to 32 letters, digits and - is expected", "应为 1 到 32 位字母、数字或 -")
    return written


def _spans(written: str) -> list[Span]:
    return [_span(part) for part in re.split(r"[\s,，、;；]+", written) if part]


def _span(written: str) -> Span:
    found = _CELLS.fullmatch(written)
    if found is None:
        raise Problem(
            f"{written[:50]}: codes of cells (15 digits) or areas, or runs such as 510104017001001-020, are expected",
            f"{written[:50]}：应为单元网格（15 位）或区域的代码，或连续编号，例如 510104017001001-020",
        )
    prefix, community, first, last = found.groups()
    return _all_of(prefix) if prefix else (community + first, community + last)


def _all_of(code: str) -> Span:
    """All cells of an area, or the one cell."""
    return code.ljust(CELL_CODE_LENGTH, "0"), code.ljust(CELL_CODE_LENGTH, "9")


_SPANNED = text(
    """
    SELECT s.first, s.last, ARRAY(SELECT c.code FROM city.cell c
        WHERE c.code BETWEEN s.first AND s.last AND upper_inf(c.valid) ORDER BY c.code) AS cells
    FROM unnest(CAST(:firsts AS text[]), CAST(:lasts AS text[])) AS s (first, last)
    """
)


def _cells(session: Session, spans: Iterable[Span]) -> dict[Span, list[str]]:
    """The valid cells of each span."""
    ordered = sorted(spans)
    values = {"firsts": [first for first, _last in ordered], "lasts": [last for _first, last in ordered]}
    return {(row.first, row.last): row.cells for row in session.execute(_SPANNED, values)}


def _inspectors(session: Session) -> dict[str, int]:
    return {one.login.lower(): one.id for one in accounts.people(session) if one.role == "inspector" and one.active}


def _plan(code: str, draft: _Draft, cells: Mapping[Span, list[str]], people: Mapping[str, int], faults: list[Fault]):
    """The plan of a beat; what the city does not have is added to the faults."""
    for span in draft.spans:
        if not cells[span]:
            first = span[0]
            faults.append(
                Fault(None, "cells", f"{code}: no valid cell in {first}", f"{code}：{first} 内没有有效单元网格")
            )
    found = sorted({cell for span in draft.spans for cell in cells[span]})
    if not draft.spans:
        faults.append(Fault(None, "cells", f"{code} has no cells", f"{code} 没有单元网格"))
    if not draft.name_zh:
        faults.append(Fault(None, "name", f"{code} has no name", f"{code} 没有名称"))
    shifts = []
    for row, when, during, login in draft.shifts:
        person = people.get(login.lower())
        if person is None:
            faults.append(Fault(row, "inspector", *_NO_INSPECTOR))
        elif (shift := Shift(when, *during, person)) not in shifts:
            shifts.append(shift)
    return Plan(code, draft.name_zh or "", draft.name_en, tuple(found), tuple(shifts))


def bad_beats(faults: Sequence[Fault]) -> Invalid:
    """The refusal of beats, none of which was changed."""
    sentence, facts = sentence_and_facts(faults)
    field = "file" if faults[0].row else faults[0].column
    return Invalid("cases.bad-beats", sentence, field=field, accepted={"columns": list(HEADINGS)}, **facts)


def export_rows(session: Session, at: datetime, area: str | None = None) -> list[tuple[Any, ...]]:
    """The beats of now as rows under `EXPORT_HEADINGS`, which an import reads back."""
    rows = []
    listed = beats.listed(session, at, area)
    plans = {plan.code: plan for plan in beats.plans_of(session, [one.code for one in listed])}
    communities = {cell[:12] for plan in plans.values() for cell in plan.cells}
    whole = {span[0][:12]: cells for span, cells in _cells(session, map(_all_of, communities)).items()}
    for one in listed:
        names = (one.code, one.name_zh, one.name_en)
        shifts = [
            (duty.days_text(shift["days"]), f"{shift['from'][:5]}-{shift['until'][:5]}", shift["login"])
            for shift in one.shifts
        ] or [("", "", "")]
        rows.append((*names, cells_text(plans[one.code].cells, whole), *shifts[0]))
        rows += [(*names, "", *shift) for shift in shifts[1:]]
    return rows


def cells_text(cells: Sequence[str], whole: Mapping[str, Sequence[str]]) -> str:
    """Cells, in order, as they are written: communities with all their cells (`whole`), runs, and single ones."""
    by_community: dict[str, list[str]] = {}
    for cell in cells:
        by_community.setdefault(cell[:12], []).append(cell)
    parts: list[str] = []
    for community, own in by_community.items():
        parts += [community] if own == list(whole.get(community, ())) else _runs(community, own)
    return " ".join(parts)


def _runs(community: str, cells: Sequence[str]) -> list[str]:
    runs: list[list[int]] = []
    for number in (int(cell[12:]) for cell in cells):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [f"{community}{run[0]:03d}" + (f"-{run[-1]:03d}" if len(run) > 1 else "") for run in runs]
