"""Patterns of cases: driven through the real operations, noted down after each step, and taken back.

`bench.generator` copies them. What a case, an event or a photo looks like is therefore said by the product alone.
"""

from collections.abc import Iterator, Mapping
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
from webgis.errors import Invalid

CLASSES = 8
"""So many classes have cases."""


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
_DISPATCH = ("dispatcher1", "dispatch", 30, {"department": AUTO})
_RECEIVE = ("department", "receive", 60, {})
_RESOLVE = ("department", "resolve", 1080, {"note": "已处置完毕，现场已恢复"}, True)
_PASS = ("inspector2", "verify", 1260, {"result": "pass", "place": HERE})
_CLOSE = ("acceptor1", "close", 1440, {})

ROADS = {
    "straight": (0.72, _road(
        ("inspector1", "report", 0, {}, True), _FILE, _DISPATCH, _RECEIVE, _RESOLVE, _PASS, _CLOSE
    )),
    "confirmed": (0.12, _road(
        ("acceptor1", "report", 0, {}),
        ("acceptor1", "request_confirmation", 5, {"inspector": "inspector1"}),
        ("inspector1", "confirm", 12, {"result": "found", "place": HERE}, True),
        _FILE, _DISPATCH, _RECEIVE, _RESOLVE,
        ("dispatcher1", "request_verification", 1100, {"inspector": "inspector2"}),
        _PASS, _CLOSE,
    )),
    "returned": (0.06, _road(
        ("acceptor1", "report", 0, {}),
        _FILE,
        ("dispatcher1", "dispatch", 20, {"department": ASTRAY}),
        ("department", "return", 25, {"reason": "不属于本单位职责，请改派"}),
        _DISPATCH, _RECEIVE, _RESOLVE, _PASS, _CLOSE,
    )),
    "rework": (0.07, _road(
        ("inspector1", "report", 0, {}, True),
        _FILE, _DISPATCH, _RECEIVE,
        ("department", "resolve", 700, {"note": "已清理"}, True),
        ("inspector2", "verify", 800, {"result": "fail", "note": "现场仍有残留", "place": HERE}),
        _RESOLVE, _PASS, _CLOSE,
    )),
    "rejected": (0.03, _road(
        ("acceptor1", "report", 0, {}), ("acceptor1", "reject", 15, {"reason": "现场核对，不属于城市管理范围"})
    )),
}  # fmt: skip
"""Road -> share among the cases, and its steps."""


@dataclass(frozen=True)
class Pattern:
    """A case after one of its steps: its row as text, its last state, whether it has ended, the limit of its filing
    condition and its unit, and minutes after the report: of the last step, of the dispatch and of the resolution that
    count (-1: none)."""

    county: int
    kind: int
    road: int
    steps: int
    row: str
    state: str
    ended: bool
    limit: int
    unit: str
    minute: int
    dispatched: int
    resolved: int


@dataclass(frozen=True)
class Patterns:
    """All patterns, the events and photos of the whole roads (rows as text), and the moment of their reports."""

    base: datetime
    counties: tuple[str, ...]
    kinds: int
    cases: list[Pattern]
    events: list[tuple[tuple[int, int, int], str]]
    photos: list[tuple[tuple[int, int, int], int, str]]


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
    SELECT c::text AS row, c.state, c.outcome IS NOT NULL AS ended, coalesce(f.limit_value, 0) AS limit,
           coalesce(f.limit_unit, 'urgent_hour') AS unit, c.changed_at, c.dispatched_at, c.resolved_at, c.id
    FROM city.case c LEFT JOIN city.filing_condition f ON f.id = c.condition_id WHERE c.number = :number
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
_EVENTS = text("SELECT e::text AS row FROM city.case_event e WHERE e.case_id = :id ORDER BY e.seq")
_PHOTOS = text(
    "SELECT e.seq, p::text AS row FROM city.photo p JOIN city.case_event e ON e.id = p.event_id"
    " WHERE p.case_id = :id ORDER BY p.id"
)


def make(runtime: Runtime) -> Patterns:
    """Drive a case of each county, class and road; nothing of it stays in the database."""
    base = datetime.now(UTC).replace(second=0, microsecond=0)
    with runtime.sessions() as session:
        kinds = session.execute(_KINDS, {"standard": catalog.CURRENT}).all()
        cells = session.execute(_CELLS).all()
        if not (kinds and cells):
            raise Invalid("bench.empty-city", "The city has no cells, conditions or departments: load one first")
        chosen = kinds[:: max(1, len(kinds) // CLASSES)][:CLASSES]
        made = Patterns(base, tuple(cell.county for cell in cells), len(chosen), [], [], [])
        for county, cell in enumerate(cells):
            for place, kind in enumerate(chosen):
                for road, (_share, steps) in enumerate(ROADS.values()):
                    made.cases.extend(_Drive(session, runtime, made, (county, place, road)).through(cell, kind, steps))
        session.rollback()
    return made


class _Drive:
    """One case on its road."""

    def __init__(self, session: Session, runtime: Runtime, made: Patterns, key: tuple[int, int, int]) -> None:
        self.session, self.settings, self.made, self.key = session, runtime.settings, made, key
        self.photo = evidence.store(runtime.settings, [_picture()])

    def through(self, cell, kind, steps: tuple[Step, ...]) -> Iterator[Pattern]:
        """The case after each of its steps; its events and photos are kept at the end."""
        report = intake.Report(
            cell.lon, cell.lat, kind.kind, kind.code, kind.name_zh, crs="cgcs2000", acknowledged=True
        )
        shown = self.photo if steps[0].photo else ()
        reporter = accounts.actor(self.session, steps[0].who)
        line = intake.report(self.session, self.settings, reporter, report, shown, at=self.made.base)
        yield self._noted(line.number, 1, steps[0])
        for place, step in enumerate(steps[1:], start=2):
            line = self._do(step, line, cell)
            yield self._noted(line.number, place, step)
        events, photos = (self.session.execute(query, {"id": line.id}) for query in (_EVENTS, _PHOTOS))
        self.made.events.extend((self.key, event.row) for event in events)
        self.made.photos.extend((self.key, photo.seq, photo.row) for photo in photos)

    def _do(self, step: Step, line, cell):
        given = dict(step.given)
        if given.pop("place", None) is HERE:
            given |= {"lon": cell.lon, "lat": cell.lat, "crs": "cgcs2000"}
        if given.get("condition") is CONDITION:
            given["condition"] = catalog.offered(self.session, line.kind, line.class_code, line.cell_code)[0].id
        if given.get("department") is ASTRAY:
            given["department"] = self.session.scalar(_ASTRAY, {"condition": line.condition_id})
        at = self.made.base + timedelta(minutes=step.minute)
        who = self.session.scalar(_POST, {"code": line.department_code}) if step.who == "department" else step.who
        actor, shown = accounts.actor(self.session, who), self.photo if step.photo else ()
        return handling.act(self.session, self.settings, actor, line.number, step.action, given, shown, at=at)

    def _noted(self, number: str, steps: int, step: Step) -> Pattern:
        row = self.session.execute(_CASE, {"number": number}).one()
        minutes = [self._minutes(at) for at in (row.dispatched_at, row.resolved_at)]
        return Pattern(*self.key, steps, row.row, row.state, row.ended, row.limit, row.unit, step.minute, *minutes)

    def _minutes(self, at: datetime | None) -> int:
        return -1 if at is None else (at - self.made.base) // timedelta(minutes=1)


def _picture() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), (120, 130, 140)).save(buffer, "JPEG")
    return buffer.getvalue()
