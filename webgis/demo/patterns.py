"""Patterns of cases: driven through the real operations, noted down after each step, and taken back.

`filling` copies them by the million. What a case, an event or a photo looks like, and what is hashed of it, is said by
the product alone: a pattern is the row as COPY takes it, and the bytes that the hash is made of, with gaps where cases
differ.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.cases import evidence, handling, intake
from webgis.catalog import queries as catalog
from webgis.db import Runtime
from webgis.demo import stories, templates
from webgis.demo.templates import Template
from webgis.errors import Invalid

MOST_PHOTOS = 4
"""A road has at most so many."""

CLASSES = 8
"""So many classes have cases when nothing else is asked for."""


@dataclass(frozen=True)
class Step:
    """A step of a road: who does it, minutes after the report, what is given, and whether with a photo."""

    who: str
    action: str
    minute: int
    given: Mapping[str, Any]
    photo: bool = False


def _road(*steps: tuple) -> tuple[Step, ...]:
    return tuple(Step(*step) for step in steps)


AUTO, CONDITION, HERE, ASTRAY = "auto", object(), object(), object()
"""Stand for what depends on the case: a condition of its class, its place, a department that is not its own."""

_FILE = ("acceptor1", "file", 15, {"condition": CONDITION})
_DISPATCH = ("dispatcher1", "dispatch", 31, {"department": AUTO})
_RECEIVE = ("department", "receive", 63, {})
_RESOLVE = ("department", "resolve", 1083, {"note": "已处置完毕，现场已恢复"}, True)
_PASS = ("inspector2", "verify", 1264, {"result": "pass", "place": HERE})
_CLOSE = ("acceptor1", "close", 1444, {})

ROADS = {
    "straight": (0.72, _road(
        ("inspector1", "report", 0, {}, True), _FILE, _DISPATCH, _RECEIVE, _RESOLVE, _PASS, _CLOSE
    )),
    "confirmed": (0.12, _road(
        ("acceptor1", "report", 0, {}),
        ("acceptor1", "request_confirmation", 4, {"inspector": "inspector1"}),
        ("inspector1", "confirm", 13, {"result": "found", "place": HERE}, True),
        _FILE, _DISPATCH, _RECEIVE, _RESOLVE,
        ("dispatcher1", "request_verification", 1103, {"inspector": "inspector2"}),
        _PASS, _CLOSE,
    )),
    "returned": (0.06, _road(
        ("acceptor1", "report", 0, {}),
        _FILE,
        ("dispatcher1", "dispatch", 22, {"department": ASTRAY}),
        ("department", "return", 28, {"reason": "不属于本单位职责，请改派"}),
        _DISPATCH, _RECEIVE, _RESOLVE, _PASS, _CLOSE,
    )),
    "rework": (0.07, _road(
        ("inspector1", "report", 0, {}, True),
        _FILE, _DISPATCH, _RECEIVE,
        ("department", "resolve", 703, {"note": "已清理"}, True),
        ("inspector2", "verify", 803, {"result": "fail", "note": "现场仍有残留", "place": HERE}),
        _RESOLVE, _PASS, _CLOSE,
    )),
    "rejected": (0.03, _road(
        ("acceptor1", "report", 0, {}), ("acceptor1", "reject", 17, {"reason": "现场核对，不属于城市管理范围"})
    )),
}  # fmt: skip
"""Road -> share among the cases, and its steps. No two minutes of a road, and no deadline, fall together: that is how a
moment in a row tells which step it is of."""


@dataclass(frozen=True)
class Pattern:
    """A case after one of its steps: its row and what its digest is made of, its last state, whether it has ended, the
    limit of its filing condition and its unit, and minutes after the report: of that step, and of the dispatch that
    counts (-1: none)."""

    row: Template
    said: Template
    state: str
    ended: bool
    limit: int
    unit: str
    minute: int
    dispatched: int


@dataclass(frozen=True)
class Event:
    """A step's event: its row, what its hash is made of after the hash before, and the rows of its photos."""

    row: Template
    said: Template
    photos: list[Template]


@dataclass(frozen=True)
class Patterns:
    """All patterns: of each county, class and road the case after each step, and the events of the whole road."""

    counties: tuple[str, ...]
    kinds: int
    words: list[str]
    cases: list[Pattern]
    events: list[list[Event]]
    columns: templates.Columns


_KINDS = text(
    """
    SELECT DISTINCT k.kind, k.code, k.name_zh FROM city.class k
    JOIN city.filing_condition f ON f.kind = k.kind AND f.class_code = k.code
    JOIN city.filing_standard s ON s.id = f.filing_standard_id AND s.active
    JOIN city.department d ON d.kind = f.department_kind
    WHERE k.standard = :standard AND k.kind = 'matter' ORDER BY k.kind, k.code
    """
)
_CELLS = text(
    "SELECT DISTINCT ON (left(code, 6)) left(code, 6) AS county, ST_X(ST_PointOnSurface(geom)) AS lon,"
    " ST_Y(ST_PointOnSurface(geom)) AS lat FROM city.cell WHERE upper_inf(valid) ORDER BY left(code, 6), area_m2 DESC"
)
_CASE = text(
    """
    SELECT c.state, c.outcome IS NOT NULL AS ended, coalesce(f.limit_value, 0) AS limit,
           coalesce(f.limit_unit, 'urgent_hour') AS unit, c.dispatched_at, c.deadline_at, c.due_at
    FROM city.case c LEFT JOIN city.filing_condition f ON f.id = c.condition_id WHERE c.id = :id
    """
)
_POST = text("SELECT login FROM city.person WHERE role = 'department' AND active AND department_code = :code LIMIT 1")
_ASTRAY = text(
    """
    SELECT d.code FROM city.department d
    JOIN city.person p ON p.department_code = d.code AND p.role = 'department' AND p.active
    WHERE d.kind <> (SELECT f.department_kind FROM city.filing_condition f WHERE f.id = :condition)
    ORDER BY d.code LIMIT 1
    """
)


def make(
    runtime: Runtime,
    classes: int = CLASSES,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    counties: Sequence[str] = (),
) -> Patterns:
    """Drive a case of each county (of `counties`, if any are named), class and road; nothing of it stays in the
    database. `progress` counts the cases.

    `Invalid` "demo.empty-city" when the city has nobody and nowhere to make cases of.
    """
    base = datetime.now(UTC).replace(second=17, microsecond=123_457)
    with runtime.transaction() as session:
        kinds = _chosen(session.execute(_KINDS, {"standard": catalog.CURRENT}).all(), classes)
        cells = [row for row in session.execute(_CELLS) if not counties or row.county in counties]
    if not (kinds and cells):
        raise Invalid("demo.empty-city", "The city has no cells, conditions or departments: load one first")
    done: list[Patterns] = []
    drives = [(kind, steps) for kind in kinds for _share, steps in ROADS.values()]
    total = len(cells) * len(drives)
    progress(0, total)
    for place, cell in enumerate(cells):
        first = place * len(drives)
        done.append(_county(runtime, base, cell, drives, first, lambda number: progress(number, total)))
    return Patterns(
        tuple(cell.county for cell in cells),
        len(kinds),
        [words for _kind, _code, words in kinds],
        [case for one in done for case in one.cases],
        [events for one in done for events in one.events],
        done[0].columns,
    )


def _county(
    runtime: Runtime, base: datetime, cell, drives: Sequence[tuple], first: int, tell: Callable[[int], None]
) -> Patterns:
    """The patterns of one county, in a transaction of its own: the locks of its cases are not held for long. `first` is
    the number of its first case; `tell` is told how many are driven."""
    with runtime.sessions() as session, session.connection().connection.cursor() as cursor:
        made = Patterns((cell.county,), len(drives) // len(ROADS), [], [], [], templates.prepare(cursor))
        for number, (kind, steps) in enumerate(drives, start=first):
            _Drive(session, cursor, runtime, made, base, number).through(cell, kind, steps)
            tell(number + 1)
        session.rollback()
    return made


def _chosen(rows: Sequence, count: int) -> list[tuple[str, str, str]]:
    """Kind, class and words of `count` classes, the most frequent first: those of the demo's stories, then others."""
    found = {(row.kind, row.code): row.name_zh for row in rows}
    told = {(kind, code): words for kind, code, words, _parts in sorted(stories.MATTERS, key=lambda story: -story[-1])}
    wanted = {key: words for key, words in told.items() if key in found} | {
        key: found[key] for key in list(found)[:: max(1, len(found) // count)] if key not in told
    }
    return [(*key, words) for key, words in list(wanted.items())[:count]]


class _Drive:
    """One case on its road."""

    def __init__(self, session: Session, cursor, runtime: Runtime, made: Patterns, base: datetime, number: int) -> None:
        self.session, self.cursor, self.settings, self.made, self.base = session, cursor, runtime.settings, made, base
        self.pictures = itertools.count(number * MOST_PHOTOS)

    def through(self, cell, kind: tuple[str, str, str], steps: tuple[Step, ...]) -> None:
        """Add the case after each of its steps, and its events."""
        self.lon, self.lat = templates.degrees(cell.lon), templates.degrees(cell.lat)
        report = intake.Report(
            float(self.lon), float(self.lat), *kind[:2], templates.WORDS, address=templates.ADDRESS, crs="cgcs2000",
            acknowledged=True,
        )  # fmt: skip
        shown = self._photos(steps[0])
        reporter = accounts.actor(self.session, steps[0].who)
        line = intake.report(self.session, self.settings, reporter, report, shown, at=self.base)
        marks = templates.marks(line, (self.lon, self.lat), [self._at(step) for step in steps])
        self._note(line, steps[0], marks)
        for step in steps[1:]:
            line = self._do(step, line)
            self._note(line, step, marks)
        events = templates.events(self.cursor, self.made.columns, line.id, marks)
        self.made.events.append([Event(*event) for event in events])

    def _at(self, step: Step) -> datetime:
        return self.base + timedelta(minutes=step.minute)

    def _do(self, step: Step, line):
        given = dict(step.given)
        if given.pop("place", None) is HERE:
            given |= {"lon": float(self.lon), "lat": float(self.lat), "crs": "cgcs2000"}
        if given.get("condition") is CONDITION:
            given["condition"] = catalog.offered(self.session, line.kind, line.class_code, line.cell_code)[0].id
        if given.get("department") is ASTRAY:
            given["department"] = self.session.scalar(_ASTRAY, {"condition": line.condition_id})
        who = self.session.scalar(_POST, {"code": line.department_code}) if step.who == "department" else step.who
        actor, shown = accounts.actor(self.session, who), self._photos(step)
        return handling.act(
            self.session, self.settings, actor, line.number, step.action, given, shown, at=self._at(step)
        )

    def _photos(self, step: Step) -> Sequence[evidence.Evidence]:
        return evidence.store(self.settings, [_picture(next(self.pictures))]) if step.photo else ()

    def _note(self, line, step: Step, marks: Mapping[str, bytes]) -> None:
        case = self.session.execute(_CASE, {"id": line.id}).one()
        dues = templates.dues(case.deadline_at, case.due_at)
        row, said = templates.case(self.cursor, self.made.columns, line.id, self._at(step), marks | dues)
        dispatched = -1 if case.dispatched_at is None else (case.dispatched_at - self.base) // timedelta(minutes=1)
        self.made.cases.append(
            Pattern(row, said, case.state, case.ended, case.limit, case.unit, step.minute, dispatched)
        )


def _picture(number: int) -> bytes:
    """A picture like no other, so that none has been used before."""
    buffer = BytesIO()
    Image.new("RGB", (64, 48), (number % 64 * 4, number // 64 % 64 * 4, number // 4096 * 4)).save(buffer, "JPEG")
    return buffer.getvalue()
