"""Telling people by message what happens in an emergency: whom, of what, once. The one way of notices is
`cases.notices`; what is told of an act is in `telling_rules.py`, who hears of what in `listeners.py`.

An act writes its job with its line of the log (`acting.note`); the job finds the recipients.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.cases import notices
from webgis.emergency import board, listeners, queries, telling_rules
from webgis.emergency.kinds import KINDS, LEVELS
from webgis.emergency.models import Emergency, EmergencyEvent, EmergencyTask
from webgis.emergency.telling_rules import Happening
from webgis.grid import queries as grid
from webgis.settings import Settings

Names = Mapping[str, tuple[str, str]]
"""What departments are called in Chinese and English, by code."""

_ADDRESSES = text("SELECT address_id FROM fn.emergency_listeners(:id, :who, CAST(:departments AS varchar[]), :but)")
_DUE = text("SELECT * FROM fn.take_due_tasks(:at, :standing)")


def tell(session: Session, settings: Settings, emergency_id: int, seq: int) -> int:
    """Tell of the act that this line of the log begins; to how many addresses. Each gets one notice of it, and who did
    it gets none. A second call tells nobody."""
    act = _act(session, emergency_id, seq)
    key = uuid.uuid5(uuid.NAMESPACE_OID, f"webgis emergency {emergency_id} {seq}")
    emergency = session.get_one(Emergency, emergency_id)
    return sum(_tell(session, settings, emergency, one, key, act[0].person_id) for one in telling_rules.happenings(act))


def _act(session: Session, emergency_id: int, seq: int) -> list[EmergencyEvent]:
    """A line of the log, with that of the plan which the same act brought."""
    lines = (EmergencyEvent.emergency_id == emergency_id, EmergencyEvent.seq.in_((seq, seq + 1)))
    first, *next_ = session.scalars(select(EmergencyEvent).where(*lines).order_by(EmergencyEvent.seq))
    return [first, *(line for line in next_ if line.action == "plan")]


def tell_due(session: Session, settings: Settings, *, at: datetime) -> int:
    """Tell of deadlines of tasks that have come near (a fifth of the time is left) or passed, once each; to how many
    addresses. Run every half minute by the timetable."""
    told = 0
    for row in session.execute(_DUE, {"at": at, "standing": list(board.STANDING)}).all():
        task = session.get_one(EmergencyTask, (row.emergency_id, row.seq))
        facts = {"words_zh": task.words_zh, "words_en": task.words_en, "department": task.department_code}
        one = Happening(row.event, (task.department_code,), (facts | {"due": task.due_at.isoformat()},))
        key = uuid.uuid5(uuid.NAMESPACE_OID, f"webgis emergency {row.emergency_id} task {row.seq} {row.event}")
        told += _tell(session, settings, session.get_one(Emergency, row.emergency_id), one, key, None)
    return told


def _tell(
    session: Session, settings: Settings, emergency: Emergency, one: Happening, key: uuid.UUID, but: int | None
) -> int:
    who = listeners.of(session, one.event)
    parties = [party.code for party in queries.parties(session, emergency) if party.left_at is None]
    departments = list(parties if one.departments is None else one.departments)
    names = {each.code: (each.name_zh, each.name_en or each.name_zh) for each in accounts.departments(session)}
    base = _base(session, emergency, names) | {"reason": ""} | dict(one.facts or {})
    groups = [(group, departments, one.tasks, names) for group in who if group != "department"]
    if "department" in who:
        groups += [("department", [code], _of(one.tasks, code), {}) for code in departments]
    event, page, told = f"emergency_{one.event}", _page(emergency, one), 0
    for group, codes, tasks, named in groups:
        asked = {"id": emergency.id, "who": group, "departments": codes, "but": but}
        facts = base | _departments(codes, names) | telling_rules.tasks_told(tasks, settings.zone, named)
        addresses = session.scalars(_ADDRESSES, asked).all()
        told += len(notices.keep_at_once(session, addresses, event, facts, str(key), page=page))
    return told


def _of(tasks: Sequence[Mapping[str, Any]], code: str) -> list[Mapping[str, Any]]:
    return [task for task in tasks if task["department"] == code]


def _page(emergency: Emergency, one: Happening) -> str:
    """Where the recipient reads more: who was released sees the emergency no longer."""
    return "emergency" if one.event == "released" else f"emergency/{emergency.number}"


def _departments(codes: Sequence[str], names: Names) -> dict[str, str]:
    zh, en = zip(*(names.get(code, (code, code)) for code in codes), strict=True) if codes else ((), ())
    return {"department_zh": "、".join(zh), "department_en": ", ".join(en)}


def _base(session: Session, emergency: Emergency, names: Names) -> dict[str, Any]:
    """What every notice of an emergency knows, in both languages."""
    kind = KINDS[emergency.kind]
    lead_zh, lead_en = names.get(emergency.lead_code, ("", ""))
    chain = grid.area_chain(session, emergency.cell_code)
    return {
        "number": emergency.number,
        "title": emergency.title,
        "kind_zh": kind.zh,
        "kind_en": kind.en,
        "level": LEVELS[emergency.level].sign,
        "exercise": emergency.exercise,
        "lead_zh": lead_zh,
        "lead_en": lead_en,
        "place_zh": emergency.address or "".join(one.name_zh for one in chain),
        "place_en": emergency.address or ", ".join(one.name_en or one.name_zh for one in reversed(chain)),
    }
