"""Open deadlines reckoned anew, in bulk, after the calendar has changed; and the report of what moved.

The steps of a case write its deadlines; this writes them only when working time itself has changed. A case that stands
in the middle of a step is waited for. Ended cases keep the deadline that they ended with. It is done a batch at a time,
each in a transaction of its own, so that nobody waits long for a case that is being moved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases import calendar, clock, stages, workflow
from webgis.errors import NotFound
from webgis.settings import Settings

BATCH = 2000
MOST_LISTED = 1000

_READ = """
    SELECT c.id, c.state, c.parent_id, c.relation, c.ledger, c.deadline_at, c.due_at,
           CASE WHEN c.state = ANY(CAST(:staged AS text[])) THEN
               (SELECT e.at FROM city.case_event e
                WHERE e.case_id = c.id AND e.from_state IS DISTINCT FROM e.to_state ORDER BY e.seq DESC LIMIT 1)
           END AS since
    FROM city.open_case o JOIN city.case c ON c.id = o.case_id
"""
_BATCH = text(f"{_READ} WHERE o.case_id > :after ORDER BY o.case_id LIMIT :most")
_THESE = text(f"{_READ} WHERE o.case_id = ANY(CAST(:ids AS bigint[])) ORDER BY o.case_id")
_LOCK = text(
    "SELECT id FROM city.case WHERE id = ANY(CAST(:ids AS bigint[])) AND outcome IS NULL ORDER BY id FOR NO KEY UPDATE"
)
# One change of nothing counted: a map of cases whose deadlines moved is another one (`fn.case_version`).
_WRITE = text(
    """
    WITH moved AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:deadlines AS timestamptz[]), CAST(:dues AS timestamptz[]))
            AS n (id, deadline_at, due_at)
    ), cases AS (
        UPDATE city.case c SET deadline_at = n.deadline_at, due_at = n.due_at FROM moved n WHERE c.id = n.id
    ), noted AS (
        INSERT INTO city.case_change (day, kind, class_code, bin, cell_id, area, reported, open, closed, on_time)
        SELECT fn.case_day(c.number), c.kind, c.class_code, fn.bin_at(c.geom), c.cell_id,
               left(c.cell_code, 12)::bigint, 0, 0, 0, 0
        FROM moved n JOIN city.case c ON c.id = n.id LIMIT 1
    )
    UPDATE city.open_case o SET due_at = n.due_at FROM moved n WHERE o.case_id = n.id
    """
)
_REPORT = text(
    "INSERT INTO city.recompute (at, calendar_version, checked, moved) VALUES (:at, :version, 0, 0) RETURNING id"
)
_COUNT = text(
    "UPDATE city.recompute SET checked = checked + :checked,"
    " moved = (SELECT count(*) FROM city.recompute_move m WHERE m.recompute_id = :id)"
    " WHERE id = :id RETURNING checked, moved"
)
_MOVES = text(
    """
    INSERT INTO city.recompute_move
        (recompute_id, case_id, old_deadline_at, new_deadline_at, old_due_at, new_due_at)
    SELECT :id, n.* FROM unnest(CAST(:ids AS bigint[]), CAST(:old_deadlines AS timestamptz[]),
        CAST(:deadlines AS timestamptz[]), CAST(:old_dues AS timestamptz[]), CAST(:dues AS timestamptz[])) AS n
    ON CONFLICT (recompute_id, case_id)
        DO UPDATE SET new_deadline_at = excluded.new_deadline_at, new_due_at = excluded.new_due_at
    """
)
"""A case that was split may move again with tasks of a later batch: it moved from where it stood at first."""


class Move(NamedTuple):
    """A case whose deadlines are others under the calendar as it is now."""

    case: Row
    deadline_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True)
class Report:
    """One recompute so far: its number, how many open cases were looked at and how many moved; and the id of the case
    after which it goes on, None when it is done."""

    id: int
    checked: int
    moved: int
    next: int | None


def recompute(
    session: Session,
    settings: Settings,
    *,
    report: int | None = None,
    after: int = 0,
    most: int = BATCH,
    at: datetime | None = None,
) -> Report:
    """Bring `deadline_at` and `due_at` of open cases to the calendar as it is now: a batch of `most`, from the case
    `after` on; may run again without harm. `report` is the number of the recompute that this goes on with.

    Cases are looked at without a lock first; those that would move are locked, in the order of their age as steps do,
    looked at again, and written.
    """
    now = calendar.of_city(session, settings, fresh=True)
    rows = session.execute(_BATCH, {"after": after, "most": most, "staged": list(stages.STAGES)}).all()
    moves = _settled(session, settings, now, _moving(settings, now, rows))
    if report is None:
        values = {"at": at or datetime.now(UTC), "version": now.version}
        report = session.execute(_REPORT, values).scalar_one()
    if moves:
        _write(session, report, moves)
    done = session.execute(_COUNT, {"id": report, "checked": len(rows)}).one()
    following = rows[-1].id if len(rows) == most else None
    if following is None and done.moved:
        jobs.enqueue(session, "maps.draw_cases", queue="slow", delay=5)
    return Report(report, done.checked, done.moved, following)


def _moving(settings: Settings, now: clock.Calendar, rows: Sequence[Row]) -> set[int]:
    """The ids of the cases to be locked: those that would move, and their parents."""
    moves = [move.case for move in _moves(settings, now, rows)]
    return {case.id for case in moves} | {case.parent_id for case in moves if case.relation == "task"}


def _settled(session: Session, settings: Settings, now: clock.Calendar, ids: set[int]) -> list[Move]:
    """The moves of these cases, which are locked from here on."""
    locked = session.scalars(_LOCK, {"ids": sorted(ids)}).all() if ids else []
    if not locked:
        return []
    rows = session.execute(_THESE, {"ids": locked, "staged": list(stages.STAGES)}).all()
    moves = _moves(settings, now, rows)
    return moves + _parents(session, rows, moves)


def _moves(settings: Settings, now: clock.Calendar, rows: Sequence[Row]) -> list[Move]:
    reckoned = [Move(row, deadline := _deadline(row, now), _due(settings, row, deadline, now)) for row in rows]
    return [one for one in reckoned if (one.deadline_at, one.due_at) != (one.case.deadline_at, one.case.due_at)]


def _deadline(row: Row, now: clock.Calendar) -> datetime | None:
    return clock.due(row.ledger, now) if row.ledger and row.deadline_at else row.deadline_at


def _due(settings: Settings, row: Row, deadline: datetime | None, now: clock.Calendar) -> datetime | None:
    """What is due next moves with the deadline, or with the limit of its stage when that runs in working time."""
    if row.state in stages.HANDLED:
        return deadline if row.due_at == row.deadline_at else row.due_at
    if row.since and settings.stage_clock == "working":
        return stages.due_at(settings, row.state, row.since, now)
    return row.due_at


_TASKS = text(
    "SELECT id, parent_id, deadline_at, resume_at FROM city.case WHERE parent_id = ANY(CAST(:parents AS bigint[]))"
    " AND relation = 'task' AND outcome IS NULL"
)


class _Task(NamedTuple):
    """What a task gives to its case's queue."""

    deadline_at: datetime | None
    resume_at: datetime | None


def _parents(session: Session, rows: Sequence[Row], moves: Sequence[Move]) -> list[Move]:
    """Cases that were split are due when the last of their tasks is."""
    waiting = {row.id: row for row in rows if row.state == workflow.SPLIT}
    if not waiting:
        return []
    moved = {move.case.id: move.deadline_at for move in moves}
    tasks: dict[int, list[_Task]] = {}
    for task in session.execute(_TASKS, {"parents": list(waiting)}):
        deadline = moved.get(task.id, task.deadline_at)
        tasks.setdefault(task.parent_id, []).append(_Task(deadline, task.resume_at))
    due = {case.id: stages.due_of_split(tasks.get(case.id, ()), case.due_at) for case in waiting.values()}
    return [Move(case, case.deadline_at, due[case.id]) for case in waiting.values() if due[case.id] != case.due_at]


def _write(session: Session, report: int, moves: Sequence[Move]) -> None:
    values: dict[str, Any] = {
        "id": report,
        "ids": [move.case.id for move in moves],
        "old_deadlines": [move.case.deadline_at for move in moves],
        "deadlines": [move.deadline_at for move in moves],
        "old_dues": [move.case.due_at for move in moves],
        "dues": [move.due_at for move in moves],
    }
    session.execute(_WRITE, values)
    session.execute(_MOVES, values)


MOST_EXAMPLES = 20


class Example(NamedTuple):
    """A case that would move: its number, when it is due and when it would be."""

    number: str
    before: datetime
    after: datetime


@dataclass
class Preview:
    """What the calendar as this transaction sees it would move: how many open cases were looked at, how many would be
    due at another moment, of these earlier and later, and some of them."""

    checked: int = 0
    moved: int = 0
    earlier: int = 0
    later: int = 0
    examples: list[Example] = field(default_factory=list)


_OPEN = text("SELECT count(*) FROM city.open_case")
_NUMBERS = text("SELECT id, number FROM city.case WHERE id = ANY(CAST(:ids AS bigint[]))")


def preview(
    session: Session, settings: Settings, *, tell: Callable[[int], None] = lambda _percent: None, most: int = BATCH
) -> Preview:
    """What `recompute` would do now, without doing it: nothing is locked or written. `tell` hears the per cent."""
    now, found, after = calendar.of_city(session, settings, fresh=True), Preview(), 0
    whole = session.scalar(_OPEN) or 1
    while True:
        rows = session.execute(_BATCH, {"after": after, "most": most, "staged": list(stages.STAGES)}).all()
        found.checked += len(rows)
        moves = _moves(settings, now, rows)
        above = {move.case.parent_id for move in moves if move.case.relation == "task"} - {None}
        parents = session.execute(_THESE, {"ids": sorted(above), "staged": list(stages.STAGES)}).all() if above else []
        _count(session, found, moves + _parents(session, parents, moves))
        tell(min(99, 30 + 69 * found.checked // whole))
        if len(rows) < most:
            return found
        after = rows[-1].id


def _count(session: Session, found: Preview, moves: Sequence[Move]) -> None:
    """Count moves by the deadline where that moves, else by what is due next."""
    told = [(one.case.id, *_moments(one)) for one in moves]
    told = [(case, before, after) for case, before, after in told if before and after]
    found.moved += len(moves)
    found.earlier += sum(after < before for _case, before, after in told)
    found.later += sum(after > before for _case, before, after in told)
    shown = told[: MOST_EXAMPLES - len(found.examples)]
    numbers = dict(session.execute(_NUMBERS, {"ids": [case for case, *_ in shown]}).all()) if shown else {}
    found.examples += [Example(numbers[case], before, after) for case, before, after in shown]


def _moments(move: Move) -> tuple[datetime | None, datetime | None]:
    if move.deadline_at != move.case.deadline_at:
        return move.case.deadline_at, move.deadline_at
    return move.case.due_at, move.due_at


_LISTED = text("SELECT id, at, calendar_version, checked, moved FROM city.recompute ORDER BY id DESC LIMIT :most")
_LISTED_SEEN = text(
    """
    SELECT r.id, r.at, r.calendar_version, count(c.id) AS moved
    FROM (SELECT * FROM city.recompute ORDER BY id DESC LIMIT :most) r
    LEFT JOIN city.recompute_move m ON m.recompute_id = r.id
    LEFT JOIN city.case c ON c.id = m.case_id AND starts_with(c.cell_code, :area)
        AND fn.in_classes(c.kind, c.class_code, CAST(:classes AS text[]))
    GROUP BY r.id, r.at, r.calendar_version ORDER BY r.id DESC
    """
)
_MOVED = text(
    """
    SELECT c.number, m.old_deadline_at, m.new_deadline_at, m.old_due_at, m.new_due_at
    FROM city.recompute_move m JOIN city.case c ON c.id = m.case_id
    WHERE m.recompute_id = :id AND m.case_id > :after AND starts_with(c.cell_code, :area)
        AND fn.in_classes(c.kind, c.class_code, CAST(:classes AS text[]))
    ORDER BY m.case_id LIMIT :most
    """
)


def listed(session: Session, *, area: str | None = None, classes: Sequence[str] = (), most: int = 50) -> Sequence[Row]:
    """The last recomputes, newest first: id, at, calendar_version, checked, moved; of an area or some classes only what
    moved there."""
    if area is not None or classes:
        values = {"most": most, "area": area or "", "classes": list(classes) or None}
        return session.execute(_LISTED_SEEN, values).all()
    return session.execute(_LISTED, {"most": most}).all()


def moved(
    session: Session,
    which: int,
    *,
    area: str | None = None,
    classes: Sequence[str] = (),
    after: str | None = None,
    most: int = MOST_LISTED,
) -> Sequence[Row]:
    """What a recompute moved, `most` at a time in the order of age: number, old and new deadline and due moment.

    `area`, `classes`: of such cases only (none: all). `after` is the number of the last case listed before.
    `NotFound` when there is no such recompute.
    """
    if session.scalar(text("SELECT id FROM city.recompute WHERE id = :id"), {"id": which}) is None:
        raise NotFound("cases.recompute-unknown", f"There is no recompute {which}", number=which)
    last = session.scalar(text("SELECT id FROM city.case WHERE number = :number"), {"number": after}) if after else 0
    values = {"id": which, "area": area or "", "classes": list(classes) or None, "after": last or 0, "most": most}
    return session.execute(_MOVED, values).all()
