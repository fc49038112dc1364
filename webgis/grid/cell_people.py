"""The people of unit cells, coming in as a table. People near a place follow from them (`fn.people_on`)."""

import functools
import re
from dataclasses import dataclass, field
from datetime import UTC, date
from pathlib import Path

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.catalog import sheets
from webgis.days import FIRST_DAY
from webgis.grid import bulk, fields
from webgis.grid.areas import REGRADE_AFTER
from webgis.grid.checks import Fault
from webgis.grid.files import Layer

MOST_ROWS = 500_000
"""Rows of one file; a larger city gives its cells in several."""

MOST_PEOPLE = 1_000_000
"""More than any cell holds."""

_CODE = re.compile(r"[0-9]{15}")
_COUNT = re.compile(r"[0-9]{1,9}(\.0+)?")
_EPOCH = date(2000, 1, 1)


@dataclass
class Outcome:
    """What an import did. With any fault nothing was stored."""

    loaded: bool = False
    cells: int = 0
    added: int = 0
    updated: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class _Rows:
    """Rows as texts of the file; lists of one length. `numbers`: as a spreadsheet counts."""

    numbers: list[int]
    codes: list[str | None]
    people: list[str | None]
    days: list[str | None]
    sources: list[str | None]


def import_people(
    session: Session,
    path: Path,
    *,
    today: date,
    code_field: str | None = None,
    people_field: str | None = None,
    source: str | None = None,
) -> Outcome:
    """Store the people of the cells of a table (CSV, TSV, XLSX), in place of those that are there; cells that it does
    not name stay as they are. `today` and `source` count where a row has none. Every fault names its row and column."""
    rows = _read(path, {"code": code_field, "people": people_field})
    outcome = Outcome(cells=len(rows.codes), faults=_faults(rows, today))
    well = {fault.row for fault in outcome.faults}
    _bring(session, rows, well, today, source)
    outcome.faults += [
        Fault("unknown-cell", "code: there is no such cell now", row, code) for row, code in session.execute(_UNKNOWN)
    ]
    outcome.faults.sort(key=lambda fault: fault.row)
    if not outcome.faults:
        outcome.loaded = True
        outcome.added, outcome.updated = session.execute(_STORE).one()
        if outcome.added or outcome.updated:
            session.execute(text("ANALYZE city.cell_people"))
            jobs.enqueue(session, "hazards.regrade", queue="slow", delay=REGRADE_AFTER)
    return outcome


def _read(path: Path, given: dict[str, str | None]) -> _Rows:
    sheet = sheets.read(path, MOST_ROWS)
    columns = {name: np.array([row.cells[name] for row in sheet.rows], dtype=object) for name in sheet.header if name}
    layer = Layer(np.full(len(sheet.rows), None, dtype=object), columns, "", "")
    found = fields.chosen(layer, fields.PEOPLE_FIELDS, given)
    fields.needed(layer, found, "code", "--code-field")
    fields.needed(layer, found, "people", "--population-field")
    texts = (fields.texts(layer, found, meaning) for meaning in fields.PEOPLE_FIELDS)
    return _Rows([row.number for row in sheet.rows], *texts)


def _faults(rows: _Rows, today: date) -> list[Fault]:
    """What is wrong with each row by itself, and codes that stand twice."""
    faults, seen = [], {}
    for row, code, people, day in zip(rows.numbers, rows.codes, rows.people, rows.days, strict=True):
        if code is None or not _CODE.fullmatch(code):
            faults.append(Fault("code-form", f"code: 15 digits are expected, not {code}", row, code))
        elif (first := seen.setdefault(code, row)) != row:
            faults.append(Fault("duplicate", f"code: it stands in row {first} already", row, code))
        if people is None or not _COUNT.fullmatch(people) or float(people) > MOST_PEOPLE:
            expected = f"people: a whole number from 0 to {MOST_PEOPLE} is expected, not {people}"
            faults.append(Fault("people-form", expected, row, code, people))
        if day is not None and _day(day, today) is None:
            expected = f"as_of: a day from {FIRST_DAY} to today is expected, not {day}"
            faults.append(Fault("day-form", expected, row, code, day))
    return faults


@functools.lru_cache(maxsize=1000)
def _day(written: str, today: date) -> date | None:
    try:
        moment = fields.as_moment(written, UTC)
    except ValueError:
        return None
    return moment.date() if moment and FIRST_DAY <= moment.date() <= today else None


def _bring(session: Session, rows: _Rows, faulty: set[int], today: date, source: str | None) -> None:
    """The rows without a fault into a table of this transaction."""
    good = [at for at, row in enumerate(rows.numbers) if row not in faulty]
    days = [(_day(rows.days[at], today) or today) if rows.days[at] else today for at in good]
    sources = [rows.sources[at] or source for at in good]
    told = np.empty(len(good), dtype=object)
    told[:] = [None if one is None else one.encode() for one in sources]
    columns = [
        np.array([rows.numbers[at] for at in good], dtype=np.int32),
        np.array([rows.codes[at] for at in good], dtype="S15"),
        np.array([int(float(rows.people[at])) for at in good], dtype=np.int32),
        np.array([(day - _EPOCH).days for day in days], dtype=np.int32),
        told,
    ]
    session.execute(_BROUGHT)
    with session.connection().connection.cursor() as cursor:
        bulk.write(cursor, "brought_people (row, code, people, as_of, source)", columns)
    session.execute(text("ANALYZE brought_people"))


_BROUGHT = text(
    "DROP TABLE IF EXISTS brought_people;"
    " CREATE TEMP TABLE brought_people (row integer, code text, people integer, as_of date, source text) ON COMMIT DROP"
)
_UNKNOWN = text(
    """
    SELECT n.row, n.code FROM brought_people n
    WHERE NOT EXISTS (SELECT FROM city.cell c WHERE c.code = n.code AND upper_inf(c.valid)) ORDER BY n.row
    """
)
_STORE = text(
    """
    WITH stored AS (
        INSERT INTO city.cell_people AS p (cell_id, people, as_of, source)
        SELECT c.id, n.people, n.as_of, n.source
        FROM brought_people n JOIN city.cell c ON c.code = n.code AND upper_inf(c.valid) ORDER BY c.id
        ON CONFLICT (cell_id) DO UPDATE SET people = excluded.people, as_of = excluded.as_of, source = excluded.source
        WHERE (p.people, p.as_of, p.source) IS DISTINCT FROM (excluded.people, excluded.as_of, excluded.source)
        RETURNING p.xmax = 0 AS added
    )
    SELECT count(*) FILTER (WHERE added), count(*) FILTER (WHERE NOT added) FROM stored
    """
)
