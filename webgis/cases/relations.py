"""Cases that belong together: a duplicate follows its parent (合并), a case is split into tasks of several departments
(拆分), and an incident covers the ground of many cells.

The parent of a task is always locked before the task (`fn.lock_case` sees to it); acts that reach over merged cases go
one at a time (`fn.lock_together`): no two acts wait for each other.
"""

from collections.abc import Sequence
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from webgis import db, geo
from webgis.accounts import queries as accounts
from webgis.cases import changes, notices, queries, record, stages, workflow
from webgis.cases.doing import Doing
from webgis.errors import Conflict, Forbidden

MOST_TASKS = 20
FOOTPRINTS = ("LineString", "MultiLineString", "Polygon", "MultiPolygon")
MOST_VERTICES = 5000
MOST_CELLS = 20_000
TO_DUPLICATES = ("merge", "reject", "void", "reopen")
"""What is done to a case and to those that were merged into it, which are locked together."""

COPIED = (
    "kind", "standard", "class_code", "description", "address", "geom", "crs", "accuracy_m", "cell_id", "cell_code",
    "source", "reporter_id", "condition_id", "component_code",
)  # fmt: skip
"""What a task has from its case."""


def merge(doing: Doing) -> dict[str, Any]:
    """A duplicate follows its parent from now on; what was merged into it follows too."""
    case, number = doing.case, str(doing.given["into"])
    parent = queries.require_case(doing.session, doing.actor, number)
    if parent.id == case.id or parent.relation == "task":
        raise workflow.bad_field("into", number, "another case, and no task of one")
    if parent.outcome is not None:
        other = f"merge into {parent.parent_number}" if parent.state == workflow.MERGED else "reopen it first"
        raise Conflict(
            "cases.parent-ended", f"Case {number} is {parent.state}: {other}", field="into", state=parent.state
        )
    doing.facts["parent"] = parent.number
    return {"parent_id": parent.id, "relation": "duplicate", "inspector_id": None}


def unmerge(doing: Doing) -> dict[str, Any]:
    """Undo: the case stands for itself again and is to be filed."""
    return {"parent_id": None, "relation": None, "condition_id": None, "returned": None}


def duplicates_of(session, case_id: int) -> list[str]:
    """Numbers of the cases merged into this one, oldest first."""
    found = db.call(
        session,
        "SELECT number FROM city.case WHERE parent_id = %s AND relation = 'duplicate' ORDER BY id",
        case_id,
    )
    return [row.number for row in found]


def split(doing: Doing) -> dict[str, Any]:
    """One case becomes tasks for several departments; it resolves when all of them have."""
    departments = _departments(doing)
    if doing.given.get("footprint"):
        keep_footprint(doing.session, doing.case.id, doing.given["footprint"])
    tasks = [_task(doing, code) for code in departments]
    doing.facts["tasks"] = [{"number": task.number, "department": task.department_code} for task in tasks]
    flags = sorted({*doing.case.flags, "split"})
    return {"flags": flags, "due_at": max(task.deadline_at for task in tasks), "returned": None, "resolver_id": None}


def _departments(doing: Doing) -> list[str]:
    wanted = doing.given["departments"]
    if not isinstance(wanted, list) or not 2 <= len(set(map(str, wanted))) == len(wanted) <= MOST_TASKS:
        raise workflow.bad_field("departments", wanted, f"codes of 2 to {MOST_TASKS} different departments")
    back = doing.case.returned or {}
    if back.get("department") in wanted:
        raise changes.unchanged("departments", back["department"], "other departments", back)
    return [accounts.require_department(doing.session, str(code)).code for code in wanted]


_COPIED = f"SELECT {', '.join(COPIED)} FROM city.case WHERE id = %s"


def _task(doing: Doing, department: str):
    """A task of this case for a department: a case of its own number, dispatched, with its own clock."""
    started = changes.started(doing, department)
    task = db.call(doing.session, _COPIED, doing.case.id)[0]._asdict()
    task |= started | {
        "state": workflow.DISPATCHED,
        "relation": "task",
        "parent_id": doing.case.id,
        "reported_at": doing.at,
        "due_at": started["deadline_at"],
    }
    event = record.event(
        doing.actor,
        "split",
        None,
        workflow.DISPATCHED,
        doing.at,
        department=department,
        given={"department": department},
        facts={"parent": doing.case.number},
    )
    day, told = doing.at.astimezone(doing.settings.zone).date(), notices.work("split", doing.given)
    return record.report(doing.session, task, day, event, work=told)


def _family(session: Session, parent_id: int) -> Sequence[Any]:
    """The tasks of a case that have not ended."""
    return db.call(
        session,
        "SELECT id, number, state, department_code, resolver_id, deadline_at, resume_at FROM city.case"
        " WHERE parent_id = %s AND relation = 'task' AND outcome IS NULL ORDER BY id",
        parent_id,
    )


def redo(doing: Doing) -> dict[str, Any]:
    """Poor result: back to the department; of a task only while its case has not been given on."""
    if doing.is_task and not doing.by_itself:
        parent = _parent(doing)
        if parent.state not in (workflow.SPLIT, workflow.RESOLVED):
            raise Conflict(
                "cases.parent-moved",
                f"Its case {parent.number} is {parent.state} already",
                state=parent.state,
                actions=[],
            )
    _require_meant(doing)
    return changes.rework(doing) | _tasks_due(doing)


def _require_meant(doing: Doing) -> None:
    """The departments whose tasks are to be done again have one."""
    wanted = doing.given.get("departments")
    if wanted is None or doing.step.target != workflow.SPLIT:
        return
    known = sorted({task.department_code for task in _family(doing.session, doing.case.id)})
    if not set(map(str, wanted)) <= set(known):
        raise workflow.bad_field("departments", wanted, f"departments that have a task of it: {', '.join(known)}")


def _tasks_due(doing: Doing) -> dict[str, Any]:
    """When a case that goes back to its tasks is due: with the last of them."""
    if doing.step.target != workflow.SPLIT:
        return {}
    return {"due_at": stages.due_of_split(_family(doing.session, doing.case.id), doing.case.due_at)}


_PARENT = "SELECT id, number, state, due_at FROM city.case WHERE id = %s"
_MOVE = """
    WITH moved AS (UPDATE city.case SET due_at = %(due)s WHERE id = %(case)s)
    UPDATE city.open_case SET due_at = %(due)s WHERE case_id = %(case)s RETURNING case_id
"""


def parent_is_due(session: Session, parent_id: int) -> None:
    """A case that was split moves in the queue with the deadlines of its tasks; nothing else of it changes."""
    parent = db.call(session, _PARENT, parent_id)[0]
    due = stages.due_of_split(_family(session, parent_id), parent.due_at)
    if parent.state == workflow.SPLIT and due != parent.due_at:
        db.call(session, _MOVE, {"due": due, "case": parent_id})


_REPORTED_TOO = """
    SELECT EXISTS (SELECT FROM city.case d WHERE d.parent_id = %(case)s AND d.relation = 'duplicate'
                   AND d.reporter_id = %(person)s)
        OR EXISTS (SELECT FROM city.co_reporter r
                   WHERE r.person_id = %(person)s
                     AND r.case_id IN (
                         SELECT %(case)s UNION ALL
                         SELECT d.id FROM city.case d WHERE d.parent_id = %(case)s AND d.relation = 'duplicate')) AS too
"""


def verify(doing: Doing) -> dict[str, Any]:
    """Verification; who resolved a task, or belongs to its department, does not verify its case; nor does who reported
    it too, by themselves or as a duplicate that was merged into it."""
    if db.call(doing.session, _REPORTED_TOO, {"case": doing.case.id, "person": doing.actor.id})[0].too:
        raise Forbidden("cases.own-report", "Verification is done by someone other than who reported the case")
    _require_meant(doing)
    if "split" in doing.case.flags:
        for task in _family(doing.session, doing.case.id):
            standing = workflow.Standing(doing.case.state, task.department_code, task.resolver_id)
            refusal = workflow.hindrance(queries.who(doing.actor), standing, doing.step, of=workflow.ANY)
            if refusal is not None:
                raise refusal
    return changes.verify(doing) | _tasks_due(doing)


def follow(doing: Doing, line) -> None:
    """What a step does to the cases that belong to this one: its parent, its tasks, its duplicates."""
    if doing.is_task:
        if not doing.by_itself and doing.step.action in ("resolve", "void", "redo"):
            _parent_follows(doing)
        if (line.deadline_at, line.paused_at) != (doing.case.deadline_at, doing.case.paused_at):
            parent_is_due(doing.session, doing.case.parent_id)
        return
    if "split" in doing.case.flags:
        _tasks_follow(doing)
    if doing.step.action in TO_DUPLICATES:
        _duplicates_follow(doing, line)


def _parent_follows(doing: Doing) -> None:
    """A case resolves when all its tasks have, and is to be dispatched anew when none is left."""
    parent = _parent(doing)
    live = _family(doing.session, parent.id)
    if not live:
        doing.follow(parent.number, "return", {"reason": "void"})
    elif all(task.state == workflow.RESOLVED for task in live):
        if parent.state == workflow.SPLIT:
            doing.follow(parent.number, "resolve", {})
    elif parent.state == workflow.RESOLVED:
        doing.follow(parent.number, "redo", {"reason": str(doing.given["reason"])})


def _parent(doing: Doing):
    return db.call(doing.session, _PARENT, doing.case.parent_id)[0]


def _tasks_follow(doing: Doing) -> None:
    """The tasks of a case are done again, closed, or made void with it."""
    action = doing.step.action
    reason = {"reason": str(doing.given.get("reason") or doing.given.get("note") or action)}
    for task in _family(doing.session, doing.case.id):
        if doing.step.target == workflow.SPLIT and doing.case.state != workflow.SPLIT:
            if not doing.by_itself and task.department_code in _meant(doing, task.department_code):
                doing.follow(task.number, "redo", reason)
        elif action == "close":
            doing.follow(task.number, "close", {})
        elif action in ("force_close", "void"):
            doing.follow(task.number, action, reason)


def _meant(doing: Doing, otherwise: str) -> Sequence[str]:
    """The departments whose tasks are to be done again: those named, else all."""
    return doing.given.get("departments") or (otherwise,)


def _duplicates_follow(doing: Doing, line) -> None:
    """What was merged into a case goes with it into another, hears when it is opened again, and stands for itself again
    when it ends without having been one: who reported it is owed an answer of their own."""
    action = doing.step.action
    for number in duplicates_of(doing.session, doing.case.id):
        if action == "merge":
            doing.follow(number, "merge", {"into": doing.given["into"]})
        elif action == "reopen":
            doing.follow(number, "note", {"note": f"{line.number}: {action}"})
        else:
            doing.follow(number, "unmerge", {"reason": f"{line.number}: {doing.given['reason']}"})


_KEEP = """
    INSERT INTO city.case_footprint AS f (case_id, geom, cells)
    SELECT %(case)s, g.geom, coalesce(c.cells, '{}')
    FROM (SELECT ST_GeomFromText(%(wkt)s, 4490) AS geom) AS g,
         LATERAL (SELECT array_agg(k.code ORDER BY k.code) AS cells FROM city.cell k
                  WHERE upper_inf(k.valid) AND ST_Intersects(k.geom, g.geom)) AS c
    ON CONFLICT (case_id) DO UPDATE SET geom = excluded.geom, cells = excluded.cells
    RETURNING cardinality(f.cells) AS cells
"""


def keep_footprint(session, case_id: int, given: Any, crs: str = "wgs84") -> int:
    """Store the ground that an incident covers (GeoJSON, degrees in `crs`); how many cells it touches."""
    shape = footprint(given, crs)
    found = db.call(session, _KEEP, {"case": case_id, "wkt": shape.wkt})[0].cells
    if not found:
        raise workflow.bad_field("footprint", None, "a line or polygon inside the grid")
    if found > MOST_CELLS:
        raise workflow.bad_field("footprint", found, f"a line or polygon over at most {MOST_CELLS:,} cells")
    return found


def footprint(given: Any, crs: str) -> BaseGeometry:
    """A line or polygon in CGCS2000 degrees from GeoJSON (an object, or its text), or `Invalid`."""
    shape = geo.read_geojson(given)
    if fault := geo.fault(shape, FOOTPRINTS, MOST_VERTICES):
        raise workflow.bad_field("footprint", *fault)
    if shape.has_z:
        raise workflow.bad_field("footprint", None, "a flat line or polygon")
    return geo.transform_geometry(shape, crs)
