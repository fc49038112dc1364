"""Every step of a case after its report: lock the case, ask the workflow, write the change and its event."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import clock, intake, queries, workflow
from webgis.cases.evidence import Evidence
from webgis.catalog import queries as catalog
from webgis.errors import Conflict, Invalid
from webgis.settings import Settings

LONGEST_TEXT = 2000

_LOCK = text("SELECT * FROM fn.lock_case(:number, :only)")
_WRITE = text("SELECT fn.write_step(:id, CAST(:changes AS jsonb), CAST(:event AS jsonb))")


def act(
    session: Session,
    settings: Settings,
    actor: Actor,
    number: str,
    action: str,
    given: Mapping[str, Any],
    photos: Sequence[Evidence] = (),
    *,
    at: datetime,
    version: int | None = None,
) -> int:
    """Do `action` on the case `number` at the moment `at` with what is `given` (names as on the wire); the case's id.

    `NotFound` when the actor may not see it, `Conflict` when the step is not open or `version` (if given) is no longer
    the case's, `Forbidden` and `Invalid` as in `workflow.choose`. Of two at once one wins, the other gets `Conflict`.
    """
    case = session.execute(_LOCK, {"number": number, "only": queries.sight(actor)}).one_or_none()
    if case is None:
        raise queries.unknown(number)
    step = _step(actor, case, action, given, photos, version)
    place = _place(given)
    changes = _changes(session, settings, actor, case, step, given, at)
    event = {
        "at": at,
        "action": action,
        "from_state": case.state,
        "to_state": step.target,
        "person_id": actor.id,
        "role": actor.role,
        "department_code": changes.get("department_code") or case.department_code,
        "given": _kept(given),
        "lon": place[0] if place else None,
        "lat": place[1] if place else None,
    }
    written = {"id": case.id, "changes": _json(changes), "event": _json(event)}
    event_id = session.execute(_WRITE, written).scalar_one()
    intake.attach(session, case.id, event_id, photos)
    intake.changed(session)
    return case.id


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, default=datetime.isoformat)


def _step(actor, case, action: str, given: Mapping, photos: Sequence, version: int | None) -> workflow.Step:
    who = workflow.Who(actor.id, actor.role, actor.department)
    standing = workflow.Standing(case.state, case.department_code, case.resolver_id)
    if version is not None and version != case.version:
        actions = workflow.open_actions(who, standing)
        raise Conflict(
            "cases.stale",
            f"Someone was faster: the case is now {case.state}. Open to you now: {', '.join(actions) or 'nothing'}",
            state=case.state,
            version=case.version,
            actions=actions,
        )
    for field in ("note", "reason"):
        _check_text(field, given.get(field))
    return workflow.choose(who, standing, action, dict(given) | ({"photos": photos} if photos else {}))


def _check_text(field: str, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value):
        raise workflow.bad_field(field, None, f"a text of at most {LONGEST_TEXT} characters")


def _place(given: Mapping[str, Any]) -> tuple[float, float] | None:
    """Where the person stood, in CGCS2000, when they said so; both coordinates or neither."""
    lon, lat = given.get("lon"), given.get("lat")
    if (lon is None) != (lat is None):
        raise workflow.bad_field("lat" if lat is None else "lon", None, "give both lon and lat, or neither")
    return None if lon is None else geo.to_cgcs2000(lon, lat, given.get("crs") or "wgs84")


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _changes(session, settings, actor: Actor, case: Row, step: workflow.Step, given: Mapping, at: datetime) -> dict:
    """The columns that this step changes, besides those of every step."""
    special = {
        "file": _file,
        "dispatch": _dispatch,
        "return": _return,
        "resolve": _resolve,
        "verify": _verify,
        "reject": _end,
        "close": _end,
    }
    own = special[step.action](session, settings, actor, case, step, given, at) if step.action in special else {}
    return {"state": step.target} | own


def _file(session, settings, actor, case, step, given, at) -> dict:
    """Filing (立案) chooses a condition of the class's filing standard: no standard chosen, no filing."""
    chosen = given["condition"]
    offered = catalog.conditions_of(session, case.kind, case.class_code, case.cell_code)
    if str(chosen) not in {str(condition.id) for condition in offered}:
        texts = [{"id": condition.id, "text": condition.text_zh} for condition in offered]
        raise Invalid(
            "cases.condition-unknown",
            f"condition {chosen} is not one of the class's filing conditions"
            if offered
            else f"The filing standard has no condition for class {case.class_code}; add one to the standard first",
            field="condition",
            got=chosen,
            accepted=texts,
        )
    return {"condition_id": int(chosen)}


def _dispatch(session, settings, actor, case, step, given, at) -> dict:
    """Dispatch (派遣) starts the clock of the chosen condition."""
    department = accounts.require_department(session, str(given["department"]))
    condition = catalog.condition(session, case.condition_id)
    due = clock.deadline(at, condition.limit_value, condition.limit_unit, queries.calendar(settings))
    return {"department_code": department.code, "dispatched_at": at, "deadline_at": due}


def _return(session, settings, actor, case, step, given, at) -> dict:
    """Return (回退): the department or the filing condition was wrong, and is taken back."""
    back = {"department_code": None, "dispatched_at": None, "deadline_at": None}
    return back if step.target == workflow.FILED else back | {"condition_id": None}


def _resolve(session, settings, actor, case, step, given, at) -> dict:
    return {"resolver_id": actor.id, "resolved_at": at}


def _verify(session, settings, actor, case, step, given, at) -> dict:
    """Verification (核查); a failed one is rework (返工) of the same department, its clock running on."""
    if step.target == workflow.VERIFIED:
        return {}
    return {"rework_count": case.rework_count + 1, "resolved_at": None}


def _end(session, settings, actor, case, step, given, at) -> dict:
    return {"closed_at": at}
