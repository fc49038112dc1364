"""What would have been late under another filing standard or another calendar. Reads; changes nothing.

Deadlines of a million cases are reckoned as whole columns: cases come out of the database as a binary stream of
moments, and the staircase of working time (`working_time.py`) is climbed by binary search in all of them at once. Only
cases whose clock was paused, extended or went on after a stop are walked through one by one.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from webgis.accounts.models import Department
from webgis.cases import clock, workflow
from webgis.cases.working_time import HOUR, Calendar, Table, micros
from webgis.catalog import filing, sheets
from webgis.catalog.filing import Entry
from webgis.catalog.models import CaseClass, FilingCondition
from webgis.catalog.standards import CURRENT
from webgis.errors import Invalid

ALIKE = 0.5
"""Texts of conditions that are less alike than this (of 1) are taken for different ones."""

NOT_COUNTED = (workflow.MERGED, workflow.VOID, workflow.REJECTED)
"""Cases that ended so were not to be handled to the end."""

Key = tuple[str, str]
"""Kind and code of a class."""


class Limit(NamedTuple):
    """A time limit: so many of a unit."""

    value: int
    unit: str


@dataclass(frozen=True)
class Match:
    """A condition of the cases and the one of the other standard it was matched with: how ("text": the same words,
    "closest": the most alike, "place": the same place within the class, "none": the class has no condition there)."""

    condition_id: int
    kind: str
    class_code: str
    text_zh: str
    limit: Limit
    other_text_zh: str | None
    other_limit: Limit
    how: str


@dataclass
class Line:
    """Counts of cases: all, late as it was, late as it would have been, late only then, late no more."""

    key: str
    name_zh: str
    name_en: str | None
    cases: int = 0
    was_late: int = 0
    would_be_late: int = 0
    newly_late: int = 0
    no_longer_late: int = 0

    def count(self, numbers: Iterable[int]) -> None:
        """Add numbers in the order of the fields."""
        for name, number in zip(_COUNTS, numbers, strict=True):
            setattr(self, name, getattr(self, name) + int(number))


_COUNTS = ("cases", "was_late", "would_be_late", "newly_late", "no_longer_late")


@dataclass(frozen=True)
class Report:
    """What a backtest found, from `since` until before `until`; classes and departments by how much changes."""

    since: datetime
    until: datetime
    total: Line
    classes: list[Line]
    departments: list[Line]
    matches: list[Match]

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        lines = {"total": asdict(self.total), "classes": [asdict(one) for one in self.classes]}
        matches = [asdict(one) | {"limit": one.limit._asdict(), "other_limit": one.other_limit._asdict()}
                   for one in self.matches]  # fmt: skip
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            **lines,
            "departments": [asdict(one) for one in self.departments],
            "matches": matches,
        }


def read_standard(session: Session, path: Path, standard: str = CURRENT) -> list[Entry]:
    """The conditions of a filing standard's file (CSV, TSV, XLSX), which is not stored. `Invalid` as in an import."""
    own = select(CaseClass.kind, CaseClass.code, CaseClass.name_zh).filter_by(standard=CURRENT, extension=True)
    extensions = {(kind, code): name for kind, code, name in session.execute(own)}
    reading = filing.read_conditions(sheets.read(path), standard, extensions)
    if reading.faults:
        first = reading.faults[0]
        raise Invalid(
            "catalog.file-faults",
            f"{path.name} has {len(reading.faults)} faults. Row {first.row}, {first.column}: {first.problem}",
            field="file",
            count=len(reading.faults),
            faults=[asdict(fault) for fault in reading.faults[:200]],
        )
    return reading.entries


def backtest(
    session: Session,
    *,
    calendar: Calendar,
    since: datetime,
    until: datetime,
    entries: Sequence[Entry] | None = None,
    now: datetime | None = None,
) -> Report:
    """Reckon the cases reported from `since` until before `until` anew: under the filing standard `entries` (None: the
    limits they had) and `calendar`. A case that is still being handled counts as reported back `now`.
    """
    tables = _Tables(_conditions(session), _departments(session))
    matches = match(tables.conditions, entries)
    limits = [one.other_limit for one in matches]
    counts = np.zeros((len(tables.conditions), len(tables.departments), len(_COUNTS)), np.int64)
    asked = {"since": since, "until": until, "now": now or datetime.now(UTC), "uncounted": list(NOT_COUNTED)}
    _count_plain(session, tables, asked, limits, calendar, counts)
    _count_walked(session, tables, asked, limits, calendar, counts)
    return _report(since, until, tables, matches, counts)


@dataclass(frozen=True)
class _Tables:
    """The conditions and departments of the cases; their places here stand for them in the columns."""

    conditions: list[tuple[FilingCondition, CaseClass]]
    departments: list[Department]
    condition_at: dict[int, int] = field(init=False, default_factory=dict)
    department_at: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.condition_at.update({found.id: place for place, (found, _class) in enumerate(self.conditions)})
        self.department_at.update({found.code: place for place, found in enumerate(self.departments)})


def _conditions(session: Session) -> list[tuple[FilingCondition, CaseClass]]:
    query = select(FilingCondition, CaseClass).join(FilingCondition.case_class).order_by(FilingCondition.id)
    return [(condition, class_) for condition, class_ in session.execute(query)]


def _departments(session: Session) -> list[Department]:
    return list(session.scalars(select(Department).order_by(Department.code)))


def match(conditions: Sequence[tuple[FilingCondition, Any]], entries: Sequence[Entry] | None) -> list[Match]:
    """For each condition the one of the other standard that takes its place: of the same class, the same words, else
    the most alike, else the same place in the class. Where the other has none, its own limit stays.

    A matter that is the abnormality of a component may stand under the component (as in `catalog.queries`).
    """
    by_class: dict[Key, list[Entry]] = {}
    for entry in entries or ():
        by_class.setdefault((entry.kind, entry.code), []).append(entry)
    return [_matched(condition, by_class, entries is not None) for condition, _class in conditions]


def _matched(condition: FilingCondition, by_class: Mapping[Key, Sequence[Entry]], other: bool) -> Match:
    own = Limit(condition.limit_value, condition.limit_unit)
    facts = (condition.id, condition.kind, condition.class_code, condition.text_zh, own)
    if not other:
        return Match(*facts, condition.text_zh, own, "text")
    code = condition.class_code
    offered = by_class.get((condition.kind, code)) or by_class.get(("component", code)) or ()
    if not offered:
        return Match(*facts, None, own, "none")
    entry, how = _closest(condition, offered)
    return Match(*facts, entry.text_zh, Limit(entry.limit_value, entry.limit_unit), how)


def _closest(condition: FilingCondition, offered: Sequence[Entry]) -> tuple[Entry, str]:
    same = [entry for entry in offered if entry.text_zh == condition.text_zh]
    if same:
        return same[0], "text"
    ratios = [difflib.SequenceMatcher(None, condition.text_zh, entry.text_zh).ratio() for entry in offered]
    best = max(range(len(offered)), key=ratios.__getitem__)
    if ratios[best] < ALIKE and condition.seq <= len(offered):
        return offered[condition.seq - 1], "place"
    return offered[best], "closest"


_CASES = """
    FROM city.case c
    JOIN unnest(%(codes)s::text[]) WITH ORDINALITY AS d (code, place) ON d.code = c.department_code
    WHERE c.reported_at >= %(since)s AND c.reported_at < %(until)s AND c.dispatched_at IS NOT NULL
      AND c.condition_id IS NOT NULL AND c.deadline_at IS NOT NULL
      AND (c.outcome IS NULL OR c.outcome <> ALL (%(uncounted)s))
"""
_PLAIN = "c.extension_count = 0 AND jsonb_array_length(c.ledger) <= 2"
_COPY = f"""
    COPY (SELECT c.dispatched_at, coalesce(c.resolved_at, c.closed_at, %(now)s), c.deadline_at, c.condition_id,
                 d.place {_CASES} AND {_PLAIN}) TO STDOUT (FORMAT binary)
"""
_WALKED = f"""
    SELECT c.ledger, coalesce(c.resolved_at, c.closed_at, %(now)s) AS stop, c.deadline_at, c.condition_id,
           d.place {_CASES} AND NOT ({_PLAIN})
"""
_FIELDS = ("start", "stop", "deadline", "condition", "department")
_RECORD = np.dtype(
    [("n", ">i2"), *(column for name in _FIELDS for column in ((f"{name}_bytes", ">i4"), (name, ">i8")))]
)
"""A row of PostgreSQL's binary COPY: the number of fields, then each with its length; all are 8 bytes and not null."""

_HEADER = 19
_END = 2
_EPOCH_2000 = micros(datetime(2000, 1, 1, tzinfo=UTC))
"""PostgreSQL counts microseconds from here."""


class _Stream:
    """What COPY writes to: rows are handed on in large blocks."""

    BLOCK = 1 << 24

    def __init__(self, use: Callable[[np.ndarray], None]) -> None:
        self._use, self._held = use, bytearray()
        self._skip = _HEADER

    def write(self, data: bytes) -> int:
        self._held += data
        if len(self._held) > self.BLOCK:
            self._hand_on()
        return len(data)

    def close(self) -> None:
        """Hand on what is left: whole rows, and the end mark."""
        self._hand_on()
        if len(self._held) != _END:
            raise ValueError(f"the stream of cases is cut off: {len(self._held)} bytes are left")

    def _hand_on(self) -> None:
        del self._held[: self._skip]
        self._skip = 0
        rows = len(self._held) // _RECORD.itemsize
        size = rows * _RECORD.itemsize
        if rows:
            self._use(np.frombuffer(bytes(self._held[:size]), _RECORD))
        del self._held[:size]


def _count_plain(session: Session, tables: _Tables, asked, limits, calendar: Calendar, counts: np.ndarray) -> None:
    """Cases whose clock started and perhaps stopped, nothing else: by whole columns."""
    places = _Places(tables)
    values, units = _columns(limits)

    def use(rows: np.ndarray) -> None:
        start, stop, was = (rows[name].astype(np.int64) + _EPOCH_2000 for name in ("start", "stop", "deadline"))
        condition = places.of(rows["condition"].astype(np.int64))
        due = deadlines(start, values[condition], units[condition], calendar)
        _count(counts, condition, rows["department"].astype(np.int64) - 1, stop > was, stop > due)

    stream = _Stream(use)
    with session.connection().connection.cursor() as cursor:
        cursor.copy_expert(cursor.mogrify(_COPY, _values(tables, asked)), stream)
    stream.close()


def _values(tables: _Tables, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {**asked, "codes": [one.code for one in tables.departments]}


class _Places:
    """Ids of conditions -> their places, for whole columns; ids are in order."""

    def __init__(self, tables: _Tables) -> None:
        self._ids = np.array(list(tables.condition_at), np.int64)

    def of(self, ids: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._ids, ids)


def _columns(limits: Sequence[Limit]) -> tuple[np.ndarray, np.ndarray]:
    """Values and units (places in `clock.UNITS`) of the limits."""
    return (
        np.array([one.value for one in limits], np.int64),
        np.array([clock.UNITS.index(one.unit) for one in limits], np.int64),
    )


def deadlines(start: np.ndarray, value: np.ndarray, unit: np.ndarray, calendar: Calendar) -> np.ndarray:
    """`clock.deadline` of whole columns: moments as microseconds since 1970 (n,), limits and units (n,) -> (n,)."""
    urgent = {place: clock.URGENT[name] for place, name in enumerate(clock.UNITS) if name in clock.URGENT}
    due = np.zeros_like(start)
    for place, span in urgent.items():
        due += np.where(unit == place, start + value * span, 0)
    working = ~np.isin(unit, list(urgent))
    if working.any():
        in_days = unit[working] == clock.UNITS.index("working_day")
        due[working] = _climbed(start[working], value[working], in_days, calendar)
    return due


def _climbed(start: np.ndarray, value: np.ndarray, in_days: np.ndarray, calendar: Calendar) -> np.ndarray:
    first, last = int(start.min()), int(start.max())
    longest = int(value.max()) * (calendar.time.day_at(last) if in_days.any() else HOUR)
    table = _Arrays.of(calendar.time.table(first, calendar.time.after(last, longest)))
    place = np.searchsorted(table.ends, start, "right")
    span = value * np.where(in_days, table.day[place], HOUR)
    reached = table.before[place] + np.maximum(start, table.begins[place]) - table.begins[place] + span
    stair = np.searchsorted(table.before, reached, "left") - 1
    return table.begins[stair] + reached - table.before[stair]


class _Arrays(NamedTuple):
    """The columns of a `Table` as arrays."""

    begins: np.ndarray
    ends: np.ndarray
    before: np.ndarray
    day: np.ndarray

    @classmethod
    def of(cls, table: Table) -> "_Arrays":
        return cls(*(np.array(column, np.int64) for column in (table.begins, table.ends, table.before, table.day)))


def _count(counts: np.ndarray, condition, department, was: np.ndarray, would: np.ndarray) -> None:
    """Add cases, given as columns, to the counts (conditions, departments, 5)."""
    cell = condition * counts.shape[1] + department
    every = np.ones_like(was)
    for place, kept in enumerate((every, was, would, would & ~was, was & ~would)):
        counts[:, :, place] += np.bincount(cell[kept], minlength=counts[:, :, 0].size).reshape(counts.shape[:2])


def _count_walked(session: Session, tables: _Tables, asked, limits, calendar: Calendar, counts: np.ndarray) -> None:
    """Cases whose clock was paused, extended or went on: each ledger with the other limit in place of its own."""
    with session.connection().connection.cursor() as cursor:
        cursor.execute(_WALKED, _values(tables, asked))
        for ledger, stop, was, condition_id, department in cursor:
            place = tables.condition_at[condition_id]
            due = clock.due(limited(ledger, limits[place]), calendar) if ledger else was
            late = (stop > was, stop > due)
            marks = (True, *late, late[1] and not late[0], late[0] and not late[1])
            counts[place, department - 1] += np.array(marks, np.int64)


def limited(ledger: Sequence[Mapping[str, Any]], limit: Limit) -> list[dict[str, Any]]:
    """The ledger with another limit; extensions by one limit (the rule, standards.md 4.3) are extended by that one."""
    own = {name: ledger[0][name] for name in ("limit", "unit")}
    return [
        dict(one) | {"limit": limit.value, "unit": limit.unit}
        if one["entry"] == "start" or (one["entry"] == "extend" and own.items() <= dict(one).items())
        else dict(one)
        for one in ledger
    ]


def _report(since, until, tables: _Tables, matches: list[Match], counts: np.ndarray) -> Report:
    total = Line("", "合计", "all")
    total.count(counts.sum(axis=(0, 1)))
    classes: dict[Key, Line] = {}
    for place, (condition, class_) in enumerate(tables.conditions):
        key = (condition.kind, condition.class_code)
        line = classes.setdefault(key, Line(" ".join(key), class_.name_zh, class_.name_en))
        line.count(counts[place].sum(axis=0))
    departments = [Line(one.code, one.name_zh, one.name_en) for one in tables.departments]
    for place, line in enumerate(departments):
        line.count(counts[:, place].sum(axis=0))
    used = counts[:, :, 0].sum(axis=1) > 0
    found = [one for place, one in enumerate(matches) if used[place]]
    return Report(since, until, total, _sorted(classes.values()), _sorted(departments), found)


def _sorted(lines: Iterable[Line]) -> list[Line]:
    """Lines with cases, those first in which most changes."""
    return sorted(
        (line for line in lines if line.cases),
        key=lambda line: (-(line.newly_late + line.no_longer_late), -line.cases, line.key),
    )


COLUMNS = ("by", "key", "name_zh", "name_en", *_COUNTS)


def rows(report: Report) -> list[tuple]:
    """The report as one table under `COLUMNS`."""
    parts = (("total", [report.total]), ("class", report.classes), ("department", report.departments))
    return [(by, *asdict(line).values()) for by, lines in parts for line in lines]
