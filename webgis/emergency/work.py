"""Verbs of the board: tasks of a plan, tasks that somebody adds, what is done with them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.emergency import acting, board, plans, queries, rules
from webgis.emergency.models import Emergency, EmergencyTask, Resource
from webgis.emergency.plans import Planned
from webgis.errors import Conflict, NotFound


def plan(session: Session, emergency: Emergency, actor: Actor, *, at: datetime, since: int = 0) -> None:
    """Put the tasks of its kind's plan on the board, for the department of each kind that serves the place, else the
    one that leads. `since`: only what a level graver than this one brings. What nobody can do is told in the log."""
    wanted = [one for one in plans.plan(session, emergency.kind) if _needed(one, emergency.level, since)]
    every = accounts.departments(session)
    added, left = [], []
    for one in wanted:
        serving = accounts.serving([d for d in every if d.kind == one.department_kind], emergency.cell_code)
        code = serving[0].code if serving else emergency.lead_code
        if code is None:
            left.append({"words_zh": one.words_zh, "words_en": one.words_en, "kind": one.department_kind})
            continue
        due = at + timedelta(minutes=one.minutes)
        added.append(_put(session, emergency, (one.words_zh, one.words_en), code, due, at))
    joined = acting.join(session, emergency, {one.department_code for one in added}, at)
    if added or left:
        facts = {"tasks": _told(added), "departments": joined, "left": left}
        acting.note(session, emergency, actor, "plan", facts, at)


def _needed(one: Planned, level: int, since: int) -> bool:
    """Whether a level needs a task, and the level before (0: none) did not."""
    return level <= one.level and not (since and since <= one.level)


def _put(
    session: Session, emergency: Emergency, words: tuple[str, str | None], code: str, due: datetime, at: datetime
) -> EmergencyTask:
    last = select(func.coalesce(func.max(EmergencyTask.seq), 0)).where(EmergencyTask.emergency_id == emergency.id)
    task = EmergencyTask(
        emergency_id=emergency.id,
        seq=session.scalar(last) + 1,
        words_zh=words[0],
        words_en=words[1],
        department_code=code,
        due_at=due,
        state="todo",
        changed_at=at,
        put_at=at,
    )
    session.add(task)
    session.flush()
    return task


def _told(tasks: Sequence[EmergencyTask]) -> list[dict]:
    return [
        {
            "task": one.seq,
            "words_zh": one.words_zh,
            "words_en": one.words_en,
            "department": one.department_code,
            "due": one.due_at.isoformat(),
        }
        for one in tasks
    ]


def add(
    session: Session, actor: Actor, number: str, words: str, department: str, minutes: int, *, at: datetime
) -> EmergencyTask:
    """Put a task on the board, for a department, to be done within so many minutes; it takes part from then on."""
    emergency = acting.taken(session, actor, number, lead=True)
    said, due = rules.words("words", words, plans.LONGEST), at + timedelta(minutes=rules.minutes(minutes))
    joined = acting.join(session, emergency, [department], at)
    task = _put(session, emergency, (said, None), department, due, at)
    acting.note(session, emergency, actor, "add_task", {"tasks": _told([task]), "departments": joined}, at)
    return task


def assign(session: Session, actor: Actor, number: str, code: str, minutes: int, *, at: datetime) -> EmergencyTask:
    """Have a resource brought within so many minutes: a task for the department that keeps it, else for who leads.
    `Conflict` while it is with an emergency already."""
    emergency = acting.taken(session, actor, number, lead=True)
    resource = session.scalar(select(Resource).where(Resource.code == code, Resource.active).with_for_update())
    if resource is None:
        raise rules.bad_field("resource", code, "the code of a resource in use")
    _require_free(session, code)
    department = resource.department_code or emergency.lead_code
    if department is None:
        raise rules.bad_field("resource", code, "a resource that a department keeps, while nobody leads")
    due = at + timedelta(minutes=rules.minutes(minutes))
    joined = acting.join(session, emergency, [department], at)
    task = _put(session, emergency, _brought(resource), department, due, at)
    task.resource_id = resource.id
    facts = {"tasks": _told([task]), "departments": joined, "resource": code}
    acting.note(session, emergency, actor, "assign", facts, at)
    return task


def _require_free(session: Session, code: str) -> None:
    if number := queries.assigned(session, [code]).get(code):
        message = f"{code} is with emergency {number} already"
        raise Conflict("emergency.resource-taken", message, resource=code, number=number)


def _brought(resource: Resource) -> tuple[str, str]:
    """The task to bring a resource, in Chinese and English."""
    amount = resource.amount
    zh = f"调集{resource.name_zh}到场" + (f"（{amount}）" if amount else "")
    en = f"Bring {resource.name_en or resource.name_zh}" + (f" ({amount})" if amount else "")
    return zh[: plans.LONGEST], en[: plans.LONGEST]


def act(
    session: Session, actor: Actor, number: str, seq: int, action: str, note: str | None = None, *, at: datetime
) -> EmergencyTask:
    """Do something with a task (`board.STEPS`): its department, or who leads. Whose task is to be done takes part,
    again if it was dismissed."""
    emergency = acting.taken(session, actor, number)
    task = session.get(EmergencyTask, (emergency.id, seq), populate_existing=True)
    if task is None:
        raise NotFound("emergency.task-unknown", f"{number} has no task {seq}", number=number, task=seq)
    owner = actor.role == "department" and task.department_code in actor.departments
    lead = queries.rights(actor, emergency).lead
    said = rules.words("note", note) if note else None
    if task.state == "dropped" and task.resource_id:
        _require_free(session, session.get_one(Resource, task.resource_id, with_for_update=True).code)
    before = task.state
    task.state = board.after(before, action, owner=owner, lead=lead, note=said)
    task.changed_at = at
    joined = acting.join(session, emergency, [task.department_code], at) if task.state in board.STANDING else []
    facts = {"task": seq, "words_zh": task.words_zh, "words_en": task.words_en, "department": task.department_code}
    facts |= {"due": task.due_at.isoformat(), "from": before, "to": task.state}
    facts |= {"late": task.state == "done" and at > task.due_at}
    facts |= ({"note": said} if said else {}) | ({"departments": joined} if joined else {})
    acting.note(session, emergency, actor, f"task_{action}", facts, at)
    return task
