"""What a department may ask for a case: an extension (延期), a suspension (挂账), that lateness not count (申诉).

A request is asked, reviewed by the department (when a handler asks; otherwise it is reviewed by being asked), and
decided by the dispatcher. A handler is who the case was assigned to since its dispatch: handing it on does not spare
the review. It is a row of its own, not a state of the case; each turn of it is an event in the case's
history. How often is configuration (standards.md 4.3: one platform's rule, not national).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import calendar, clock, handling, notices, queries, record, relations, stages, workflow
from webgis.cases.models import Case, CaseRequest
from webgis.errors import Conflict, Forbidden, NotFound
from webgis.settings import Settings

EXTENSION, SUSPENSION, APPEAL = workflow.REQUEST_KINDS
WAITING = ("asked", "reviewed")
ASKED_IN = {
    EXTENSION: (workflow.DISPATCHED, workflow.HANDLING),
    SUSPENSION: (workflow.HANDLING,),
    APPEAL: (workflow.CLOSED,),
}
"""Kind -> the states of a case in which it may be asked."""


def ask(
    session: Session,
    settings: Settings,
    actor: Actor,
    number: str,
    kind: str,
    reason: str,
    *,
    at: datetime,
    until: Any = None,
) -> CaseRequest:
    """Ask for a case of one's department. `Conflict` when one waits already, the case is not in a state for it, is
    overdue, or has had as many as there may be; an appeal is for a closed case that was late."""
    case = handling.lock(session, actor, number)
    if kind not in workflow.REQUEST_KINDS:
        raise workflow.bad_field("kind", kind, f"one of {', '.join(workflow.REQUEST_KINDS)}")
    _check_reason("reason", reason)
    permissions.require(actor, "requests.ask")
    until_at = _until(settings, kind, until, at)
    if (refusal := _refusal(session, settings, case, kind, at)) is not None:
        raise refusal
    by_handler = session.scalar(_HANDLED, {"case": case.id, "since": case.dispatched_at, "login": actor.login})
    asked = CaseRequest(
        case_id=case.id,
        kind=kind,
        state="asked" if by_handler else "reviewed",
        department_code=case.department_code,
        reason=reason.strip(),
        until_at=until_at,
        asked_by=actor.id,
        asked_at=at,
    )
    session.add(asked)
    session.flush()
    _turn(session, settings, actor, case, asked, "ask", at, flags={*case.flags, "asking"}, pause=not by_handler)
    return asked


_HANDLED = text(
    "SELECT EXISTS (SELECT FROM city.case_event e WHERE e.case_id = :case AND e.at >= :since AND e.action = 'assign'"
    " AND e.facts #>> '{handler,login}' = :login)"
)


def may_review(actor: Actor, asked: CaseRequest, handler: int | None) -> bool:
    """Whether this person of the department may give the first review: not who asked, nor who handles the case now."""
    return actor.id not in (asked.asked_by, handler)


def review(
    session: Session, settings: Settings, actor: Actor, request_id: int, grant: bool, note: str | None, *, at: datetime
) -> CaseRequest:
    """First review, by the department: passed on to the dispatcher, or refused."""
    asked, case = _waiting(session, actor, request_id, "asked")
    permissions.require(actor, "requests.review")
    _require_own(actor, asked)
    if not may_review(actor, asked, case.handler_id):
        message = "A request is reviewed by someone other than who asked it, or handles the case"
        raise Forbidden("cases.own-request", message)
    _check_note(note, needed=not grant)
    asked.state, asked.reviewed_by, asked.reviewed_at = "reviewed" if grant else "refused", actor.id, at
    asked.review_note = note
    flags = case.flags if grant else {*case.flags} - {"asking"}
    _turn(session, settings, actor, case, asked, "review", at, flags=flags, pause=grant)
    return asked


def decide(
    session: Session, settings: Settings, actor: Actor, request_id: int, grant: bool, note: str | None, *, at: datetime
) -> CaseRequest:
    """Final decision, by the dispatcher. An extension adds one original limit to the deadline, a suspension pauses the
    clock until its end, an appeal marks the case so that its lateness does not count (the fact stays shown)."""
    asked, case = _waiting(session, actor, request_id, "reviewed")
    permissions.require(actor, "requests.decide")
    _check_note(note, needed=not grant)
    asked.state, asked.decided_by, asked.decided_at = "granted" if grant else "refused", actor.id, at
    asked.decision_note = note
    session.flush()
    flags = {*case.flags} - {"asking"} | ({"excused"} if grant and asked.kind == APPEAL else set())
    suspended = grant and asked.kind == SUSPENSION
    _turn(
        session, settings, actor, case, asked, "decide", at,
        flags=flags, resume=not suspended, extend=grant and asked.kind == EXTENSION,
    )  # fmt: skip
    if suspended:
        given = {"reason": asked.reason, "until": settings.moment(asked.until_at)}
        handling.act(session, settings, actor, case.number, "suspend", given, at=at)
    return asked


def withdraw(session: Session, settings: Settings, actor: Actor, request_id: int, *, at: datetime) -> CaseRequest:
    """Taken back by the department while it waits."""
    asked, case = _waiting(session, actor, request_id, *WAITING)
    permissions.require(actor, "requests.ask")
    _require_own(actor, asked)
    asked.state = "withdrawn"
    _turn(session, settings, actor, case, asked, "withdraw", at, flags={*case.flags} - {"asking"}, forget=True)
    return asked


def askable(session: Session, settings: Settings, actor: Actor, case, *, at: datetime) -> list[str]:
    """The kinds of request that this person may make for a case now."""
    if actor.role != "department" or case.department_code not in queries.who(actor).departments:
        return []
    return [kind for kind in workflow.REQUEST_KINDS if _refusal(session, settings, case, kind, at) is None]


def of_case(session: Session, case_id: int) -> list[CaseRequest]:
    """The requests of a case, oldest first."""
    return list(session.scalars(select(CaseRequest).where(CaseRequest.case_id == case_id).order_by(CaseRequest.id)))


def waiting(session: Session, actor: Actor, limit: int = 100) -> list[CaseRequest]:
    """Requests that wait for this person: the department's review, or the dispatcher's decision; oldest first."""
    wanted = select(CaseRequest).join(Case, Case.id == CaseRequest.case_id).where(queries.visible(actor))
    wanted = wanted.order_by(CaseRequest.asked_at).limit(limit)
    if actor.role == "department":
        mine = CaseRequest.department_code.in_(actor.departments)
        others = and_(CaseRequest.asked_by != actor.id, Case.handler_id.is_distinct_from(actor.id))
        return list(session.scalars(wanted.where(CaseRequest.state == "asked", mine, others)))
    return list(session.scalars(wanted.where(CaseRequest.state == "reviewed"))) if actor.role == "dispatcher" else []


def _require_own(actor: Actor, asked: CaseRequest) -> None:
    if asked.department_code not in actor.departments:
        raise Forbidden("cases.not-your-department", "It is another department's", department=asked.department_code)


def _waiting(session: Session, actor: Actor, request_id: int, *states: str):
    """The request and its case, both locked; `Conflict` when it no longer waits for this turn."""
    found = session.get(CaseRequest, request_id)
    if found is None:
        raise NotFound("cases.request-unknown", f"There is no request {request_id}", id=request_id)
    number = session.scalar(text("SELECT number FROM city.case WHERE id = :id"), {"id": found.case_id})
    case = handling.lock(session, actor, number)
    session.refresh(found, with_for_update=True)
    if found.state not in states:
        raise Conflict("cases.request-decided", f"The request is {found.state} already", state=found.state, actions=[])
    return found, case


def _until(settings: Settings, kind: str, until: Any, at: datetime) -> datetime | None:
    if kind != SUSPENSION:
        if until is not None:
            raise workflow.bad_field("until", until, "only a suspension has an end")
        return None
    moment = queries.moment("until", until, settings.zone) if until is not None else None
    longest = at + stages.longest_suspension(settings)
    if moment is None or not at < moment <= longest:
        raise workflow.bad_field("until", until, f"a moment after now and until {longest:%Y-%m-%d}")
    return moment


_GRANTED = text("SELECT count(*) FROM city.case_request WHERE case_id = :id AND kind = :kind AND state = 'granted'")


def _refusal(session: Session, settings: Settings, case, kind: str, at: datetime) -> Conflict | None:
    """Why this cannot be asked for the case now, or None."""
    if case.state not in ASKED_IN[kind]:
        return _not_now(case, kind, f"possible while the case is {' or '.join(ASKED_IN[kind])}, not {case.state}")
    if "asking" in case.flags:
        return _not_now(case, kind, "another request of this case waits for a decision")
    late = (case.resolved_at or case.closed_at or at) > case.deadline_at if case.deadline_at else False
    if kind == APPEAL and not late:
        return _not_now(case, kind, "only for a case that was late")
    if kind != APPEAL and late:
        return _not_now(case, kind, "to be asked before the deadline")
    granted, most = _granted(session, settings, case, kind)
    if granted >= most:
        return _not_now(case, kind, f"a case has at most {most}")
    if kind == APPEAL and session.scalar(_ASKED, {"id": case.id, "kind": kind}):
        return _not_now(case, kind, "an appeal is made once")
    return None


def _granted(session: Session, settings: Settings, case, kind: str) -> tuple[int, int]:
    """How many the case had of this kind (appeals ever, the others since its clock started), and how many it may."""
    if kind == EXTENSION:
        return case.extension_count, settings.extensions
    if kind == SUSPENSION:
        return clock.suspensions(case.ledger), settings.suspensions
    return session.scalar(_GRANTED, {"id": case.id, "kind": kind}), settings.appeals


_ASKED = text("SELECT count(*) FROM city.case_request WHERE case_id = :id AND kind = :kind AND state <> 'withdrawn'")


def _not_now(case, kind: str, why: str) -> Conflict:
    return workflow.request_not_open(kind, why, case.state)


def _check_reason(field: str, value: Any) -> None:
    handling.check_text(field, value)
    if not value or not value.strip():
        raise workflow.bad_field(field, value, "say why")


def _check_note(note: Any, *, needed: bool) -> None:
    if needed:
        _check_reason("note", note)
    else:
        handling.check_text("note", note)


_DIGEST = text("SELECT fn.request_digest(r) FROM city.case_request r WHERE r.id = :id")
"""By which the event of each turn tells how it left the request (`webgis audit verify`)."""


def _turn(
    session: Session, settings: Settings, actor: Actor, case, asked: CaseRequest, action: str, at: datetime,
    *, flags, pause: bool = False, resume: bool = False, extend: bool = False, forget: bool = False,
) -> None:  # fmt: skip
    """Write a turn of a request into the case's ledger and history."""
    session.flush()
    changes: dict[str, Any] = {"flags": sorted(flags)}
    if case.ledger and asked.kind != APPEAL:
        changes |= _clock(session, settings, case, at, pause, resume, extend, forget)
    digest = session.scalar(_DIGEST, {"id": asked.id})
    facts = {"request": asked.id, "kind": asked.kind, "state": asked.state, "request_digest": digest}
    note = asked.decision_note or asked.review_note if action in ("review", "decide") else asked.reason
    event = record.event(
        actor, f"{action}_{asked.kind}", case.state, case.state, at,
        department=case.department_code, given={"note": note}, facts=facts,
    )  # fmt: skip
    record.step(session, case.id, changes, event, work=notices.decided(asked))
    if case.relation == "task":
        relations.parent_is_due(session, case.parent_id)


def _clock(session, settings: Settings, case, at: datetime, pause, resume, extend, forget) -> dict[str, Any]:
    """The clock stands still while the dispatcher decides, and goes on then; a request taken back stopped nothing."""
    ledger = clock.without_request(case.ledger) if forget else case.ledger
    if pause and settings.pause_while_deciding:
        ledger = clock.add(ledger, "pause", at, why="decision")
    if extend:
        limit = {"limit": case.limit_value, "unit": case.limit_unit}
        ledger = clock.add(ledger, "extend", at, **limit)
    if resume and clock.status(ledger) == "paused":
        ledger = clock.add(ledger, "resume", at)
    deadline = clock.due(ledger, calendar.of_city(session, settings))
    paused = at if pause and settings.pause_while_deciding else case.paused_at
    return {
        "ledger": ledger,
        "deadline_at": deadline,
        "due_at": deadline,
        "paused_at": None if resume or forget else paused,
        "extension_count": case.extension_count + extend,
    }
