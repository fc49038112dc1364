"""What each step changes in a case, besides its state: the straight road from confirmation to close, and back.

Each function is handed a step that the workflow allows (`Doing`) and returns columns of the case. What a case does to
others is in `relations.py`.
"""

from collections.abc import Mapping
from typing import Any

from webgis import db
from webgis.accounts import queries as accounts
from webgis.cases import clock, evidence, geofence, queries, routing, stages, workflow, zones
from webgis.cases.doing import Doing
from webgis.catalog import queries as catalog
from webgis.errors import Conflict, Invalid
from webgis.grid import beats

AUTO = "auto"
"""Given as the department of a dispatch: the one that the routing rules choose."""

MOVED_M = 1.0
"""A place that is nearer to the old one is the same place."""

JUDGED = ("confirm", "resolve", "verify")
"""Steps that are done on the spot."""

LOOKED = ("confirm", "verify")
"""Those of them that need a stated reason when they are not."""

REACHED = "someone who is not limited to another area or to other classes"
"""Who is accepted where a case is given to somebody."""


def judged(doing: Doing) -> dict[str, Any]:
    """What the engine notes of the photos of a step, and of the place when it is done on the spot."""
    facts: dict[str, Any] = {"photos": _photos_judged(doing)} if doing.photos else {}
    if doing.step.action not in JUDGED:
        return facts
    case, given, settings = doing.case, doing.given, doing.settings
    place = geofence.judge(
        case.place_m, case.in_cell, given.get("accuracy_m"), case.accuracy_m, settings.verify_tolerance_m
    )
    facts["place"] = place.facts()
    must_explain = place.outside if place.given else settings.verify_place == "required"
    if doing.step.action in LOOKED and must_explain and not given.get("reason"):
        raise Invalid(
            "cases.away",
            "This is done on the spot. " + place.words() + " Go there, or state a reason",
            field="reason",
            distance_m=place.distance_m,
            accepted="a place in the case's cell or near the case, or a reason",
        )
    return facts


_SHOTS = """
    SELECT p.id, p.sha256, p.taken_at, ST_X(p.geom) AS lon, ST_Y(p.geom) AS lat, p.picture_hash,
           e.action IN ('report', 'confirm') AS before
    FROM city.photo p JOIN city.case_event e ON e.id = p.event_id
    WHERE p.case_id = ANY(%s) ORDER BY p.id
"""


def _photos_judged(doing: Doing) -> list[dict[str, Any]]:
    """The photos of a step beside those given before in the case, or in the one that it is a task of."""
    case = doing.case
    ids = [case.id, case.parent_id] if doing.is_task else [case.id]
    earlier = [
        geofence.Shot(
            one.sha256, one.taken_at, None if one.lon is None else (one.lon, one.lat), one.picture_hash, one.id,
            one.before,
        )
        for one in db.call(doing.session, _SHOTS, ids)
    ]  # fmt: skip
    return evidence.judged(doing.settings, doing.photos, (case.lon, case.lat), doing.at, earlier)


def request_confirmation(doing: Doing) -> dict:
    """Confirmation (核实): the inspector of that beat looks whether a report is true."""
    return {"inspector_id": _inspector(doing)}


def _inspector(doing: Doing) -> int | None:
    """The inspector who was named, else the one on duty in the beat, else the nearest on duty; None when nobody is."""
    case, login = doing.case, doing.given.get("inspector")
    if login is not None:
        person = accounts.person_by_login(doing.session, str(login))
        if person is None or person.role != "inspector" or not person.active:
            raise workflow.bad_field("inspector", login, "the login of an inspector")
        if person.id in (case.resolver_id, case.reporter_id):
            raise workflow.bad_field("inspector", login, "an inspector who neither reported nor resolved it")
        if not queries.reaches(person, case):
            raise workflow.bad_field("inspector", login, REACHED)
        doing.facts["inspector"] = {"login": person.login, "why": "named"}
        return person.id
    found = beats.inspector_for(
        doing.session,
        case.lon,
        case.lat,
        case.cell_code,
        doing.at,
        not_person=case.reporter_id,
        class_=(case.kind, case.class_code),
    )
    doing.facts["inspector"] = found.why
    return found.person_id


def confirm(doing: Doing) -> dict:
    return {"confirmation": doing.given["result"], "inspector_id": None}


def file(doing: Doing) -> dict:
    """Filing (立案) chooses a condition of the class's filing standard: no standard chosen, no filing."""
    case, chosen = doing.case, doing.given["condition"]
    offered = catalog.offered(doing.session, case.kind, case.class_code, case.cell_code)
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
    back = case.returned or {}
    if back.get("condition") == int(chosen):
        raise unchanged("condition", chosen, "another condition, or reclassify, relocate or reject the case", back)
    return {"condition_id": int(chosen), "returned": None}


def unchanged(field: str, got: Any, accepted: str, back: Mapping[str, Any]) -> Conflict:
    """Who gets a case back may not pass it on as it was."""
    return Conflict(
        "cases.returned-unchanged",
        f"It came back from there: {back.get('reason', '')}. Give {accepted}",
        field=field,
        got=got,
        accepted=accepted,
    )


def reclassify(doing: Doing) -> dict:
    """Another class: the filing condition of the old one falls away, and the component, which is of the old one."""
    found = catalog.require_class(doing.session, str(doing.given["kind"]), str(doing.given["class"]))
    if (found.kind, found.code) == (doing.case.kind, doing.case.class_code):
        raise workflow.bad_field("class", found.code, "another class than the case has")
    doing.facts["was"] = {"kind": doing.case.kind, "class": doing.case.class_code}
    return {
        "kind": found.kind,
        "standard": found.standard,
        "class_code": found.code,
        "component_code": None,
        "condition_id": None,
        "returned": None,
    }


def relocate(doing: Doing) -> dict:
    """Another place: the cell is found anew, and the zones as they were at the report. The number stays, also in
    another county."""
    place = doing.place
    cell = queries.require_cell(doing.session, *place, doing.at)
    found = zones.at_place(doing.session, *place, doing.case.reported_at)
    doing.facts |= {"zones": found} if found else {}
    doing.facts["was"] = {"lon": doing.case.lon, "lat": doing.case.lat, "cell": doing.case.cell_code}
    address = {"address": doing.given["address"].strip() or None} if "address" in doing.given else {}
    return address | {
        "geom": f"SRID=4490;POINT({place[0]!r} {place[1]!r})",
        "crs": doing.given.get("crs") or "wgs84",
        "accuracy_m": doing.given.get("accuracy_m"),
        "cell_id": cell.id,
        "cell_code": cell.code,
        "zones": found,
        "returned": doing.case.returned if doing.case.place_m < MOVED_M else None,
    }


def dispatch(doing: Doing) -> dict:
    """Dispatch (派遣) starts the clock of the chosen condition; of works beside a metro its operator is told."""
    department = _department(doing)
    zones.tell_operator(doing)
    back = doing.case.returned or {}
    if back.get("department") == department:
        raise unchanged("department", department, "another department, or return or void the case", back)
    return started(doing, department) | {"returned": None}


def _department(doing: Doing) -> str:
    """The department that was named, else the rules' choice; the choice is noted in any case, with its reason."""
    case, named = doing.case, str(doing.given["department"])
    chosen = routing.for_case(doing.session, case, doing.at)
    doing.facts["why"] = {"chosen": chosen.department, "by_hand": named not in (AUTO, chosen.department)} | chosen.why
    if named != AUTO:
        return accounts.require_department(doing.session, named).code
    if chosen.department is None:
        raise workflow.bad_field("department", named, "no rule names a department for this case: name one yourself")
    return chosen.department


def started(doing: Doing, department: str) -> dict[str, Any]:
    """The columns of a case that goes to a department now: its clock starts."""
    limit = zones.limit(doing) or {"limit": doing.case.limit_value, "unit": doing.case.limit_unit}
    ledger = clock.add([], "start", doing.at, **limit)
    return {
        "department_code": department,
        "dispatched_at": doing.at,
        "ledger": ledger,
        "deadline_at": clock.due(ledger, doing.calendar),
        "handler_id": None,
    }


def send_back(doing: Doing) -> dict:
    """Return (回退): the department or the filing condition was wrong and is taken back."""
    case = doing.case
    if doing.step.source == workflow.SPLIT:
        return {"flags": [flag for flag in case.flags if flag != "split"]}
    if doing.step.target == workflow.RESOLVED:
        return {"inspector_id": None, "returned": {"by": doing.actor.role, "reason": doing.given["reason"]}}
    back = {"by": doing.actor.role, "reason": doing.given["reason"]}
    if doing.step.target == workflow.FILED:
        return _undispatched() | {"returned": back | {"department": case.department_code}} | unasked(doing)
    return {"condition_id": None, "returned": back | {"condition": case.condition_id}}


def _undispatched() -> dict[str, Any]:
    """The columns of a case that is with no department."""
    names = ("department_code", "dispatched_at", "deadline_at", "handler_id", "paused_at", "resume_at", "resolver_id")
    return dict.fromkeys(names) | {"ledger": [], "extension_count": 0, "resolved_at": None}


def assign(doing: Doing) -> dict:
    """To a handler inside the department."""
    login = str(doing.given["handler"])
    person = accounts.person_by_login(doing.session, login)
    below = accounts.departments_below(doing.session, doing.case.department_code)
    if person is None or not person.active or person.department_code not in below:
        raise workflow.bad_field("handler", login, "the login of someone of the department")
    if not queries.reaches(person, doing.case):
        raise workflow.bad_field("handler", login, REACHED)
    doing.facts["handler"] = {"login": person.login, "name": person.name}
    return {"handler_id": person.id}


def resolve(doing: Doing) -> dict:
    """The department reports back: its clock stops."""
    return {"resolver_id": doing.actor.id, "resolved_at": doing.at} | _clocked(doing, "stop") | unasked(doing)


def _clocked(doing: Doing, entry: str) -> dict[str, Any]:
    """The ledger with one more entry, and what follows from it; nothing for a case whose tasks have the clocks."""
    if not doing.case.ledger:
        return {}
    before = clock.without_request(doing.case.ledger) if "asking" in doing.case.flags else doing.case.ledger
    ledger = clock.add(before, entry, doing.at)
    deadline = clock.due(ledger, doing.calendar)
    return {"ledger": ledger, "deadline_at": deadline, "paused_at": None, "resume_at": None}


_WITHDRAW = """
    UPDATE city.case_request r SET state = 'withdrawn' WHERE r.case_id = %s AND r.state IN ('asked', 'reviewed')
    RETURNING r.id, fn.request_digest(r) AS digest
"""


def unasked(doing: Doing) -> dict[str, Any]:
    """A request that waits is withdrawn when the step makes it void."""
    if "asking" not in doing.case.flags:
        return {}
    for one in db.call(doing.session, _WITHDRAW, doing.case.id):
        doing.facts |= {"request": one.id, "request_state": "withdrawn", "request_digest": one.digest}
    return {"flags": [flag for flag in doing.case.flags if flag != "asking"]}


def rework(doing: Doing) -> dict:
    """Poor result (返工): back to the same department, its clock running on."""
    rework = {"rework_count": doing.case.rework_count + 1, "resolved_at": None, "inspector_id": None}
    return rework | _clocked(doing, "continue")


def verify(doing: Doing) -> dict:
    """Verification (核查); a failed one is rework of the same department."""
    passed = doing.step.target == workflow.VERIFIED
    if passed and doing.case.returned and not (doing.given.get("note") or doing.photos):
        raise unchanged("note", None, "a note or photo of what was looked at anew", doing.case.returned)
    return {"inspector_id": None, "returned": None} if passed else rework(doing)


def request_verification(doing: Doing) -> dict:
    """Verification by the inspector of that beat."""
    return {"inspector_id": _inspector(doing)}


def suspend(doing: Doing) -> dict:
    """Suspension (挂账) until a moment: the clock is paused, nobody handles it meanwhile, it resumes by itself."""
    until = queries.moment("until", doing.given["until"], doing.settings.zone)
    longest = doing.at + stages.longest_suspension(doing.settings)
    if not doing.at < until <= longest:
        raise workflow.bad_field("until", until, f"a moment after now and until {longest:%Y-%m-%d}")
    ledger = doing.case.ledger
    if clock.status(ledger) == "paused":  # a request waited for a decision
        ledger = clock.add(ledger, "resume", doing.at)
    ledger = clock.add(ledger, "pause", doing.at, why="suspension")
    resumed = {"queue": "quick", "task": "cases.resume", "args": {"number": doing.case.number}}
    doing.work.append(resumed | {"due_at": until.isoformat()})
    paused = {"ledger": ledger, "deadline_at": clock.due(ledger, doing.calendar), "paused_at": doing.at}
    return paused | {"resume_at": until} | unasked(doing)


def resume(doing: Doing) -> dict:
    """The suspension is over: the clock goes on, and the deadline has moved by the pause."""
    return _clocked(doing, "resume")


def force_close(doing: Doing) -> dict:
    """Closing by order (强制结案): the clock stops where it stands."""
    stopped = _clocked(doing, "stop") if doing.case.resolved_at is None else {}
    return stopped | flagged(doing, "forced")


def flagged(doing: Doing, flag: str) -> dict[str, Any]:
    """The flags of the case with this one; one that waits for a decision no longer does when it ends."""
    kept = unasked(doing).get("flags", doing.case.flags) if doing.step.target in workflow.OUTCOMES else doing.case.flags
    return {"flags": sorted({*kept, flag})}


def void(doing: Doing) -> dict:
    return unasked(doing) | {"paused_at": None, "resume_at": None}


def reopen(doing: Doing) -> dict:
    """Opened again: dispatched anew (or filed anew), with a new clock."""
    kept = unasked(doing).get("flags", doing.case.flags)
    flags = sorted({*kept, "reopened"} - {"forced", "split", "excused"})
    return _undispatched() | {"flags": flags, "inspector_id": None, "returned": None}


def urge(doing: Doing) -> dict:
    """Supervision (督办): marked, and the department is told."""
    return flagged(doing, "urged")
