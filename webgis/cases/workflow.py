"""Who may do what next with a case, and what must be given: one table, and the functions that read it.

Values in, a step or a refusal out: no request, session or clock. The stages are those of GB/T 30428.8 and CJJ/T 106:
report, confirmation (核实), filing (立案), dispatch (派遣), handling (处置), verification (核查), closing (结案). The
table is drawn in `docs/workflow.md` by `webgis workflow draw`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from webgis.errors import Conflict, Forbidden, Invalid, WebgisError

REPORTED, CONFIRMING, FILED, DISPATCHED, HANDLING = "reported", "confirming", "filed", "dispatched", "handling"
SUSPENDED, SPLIT, RESOLVED, VERIFYING, VERIFIED = "suspended", "split", "resolved", "verifying", "verified"
CLOSED, REJECTED, MERGED, VOID = "closed", "rejected", "merged", "void"
OUTCOMES = (CLOSED, REJECTED, MERGED, VOID)
"""The states in which a case has ended."""

STATES = (
    REPORTED, CONFIRMING, FILED, DISPATCHED, HANDLING, SUSPENDED, SPLIT, RESOLVED, VERIFYING, VERIFIED, *OUTCOMES,
)  # fmt: skip
OPEN = tuple(state for state in STATES if state not in OUTCOMES)
RELATIONS = ("duplicate", "task")
"""What a case is to its parent: a duplicate merged into it (合并), or a task split from it (拆分)."""

REQUEST_KINDS = ("extension", "suspension", "appeal")
REQUEST_STATES = ("asked", "reviewed", "granted", "refused", "withdrawn")

SINGLE, PARENT, TASK = "single", "parent", "task"
"""What a case is: one for itself, one that was split into tasks, or a task."""

ANY = (SINGLE, PARENT, TASK)
WHOLE = (SINGLE, PARENT)


@dataclass(frozen=True)
class Step:
    """One row: `action` takes a case from `source` to `target` when one of `who` gives what it `needs`.

    A need is a field name, or several joined by "|" of which one is enough. Rows of one action and source are told
    apart by a given value (`when`) or by what the case is (`of`). `takes` are fields that may be given besides.
    """

    action: str
    source: str | None
    target: str
    who: tuple[str, ...]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    when: tuple[str, str] | None = None
    of: tuple[str, ...] = WHOLE


PLACE = ("lon", "lat", "crs", "accuracy_m")
EVIDENCE = ("note", "photos", *PLACE)
REPORTERS = ("inspector", "acceptor", "dispatcher", "system", "public")
CENTRE = ("acceptor", "dispatcher")
PEOPLE = ("inspector", "acceptor", "dispatcher", "department", "manager", "administrator")
LOOK = ("note", "reason", "photos", *PLACE)


def _same(action: str, states: Collection[str], who: tuple[str, ...], *rest, of: tuple[str, ...]) -> tuple[Step, ...]:
    """Rows of an action that leaves the state as it is."""
    return tuple(Step(action, state, state, who, *rest, of=of) for state in states)


def _from(action: str, states: Collection[str], target: str, who: tuple[str, ...], *rest, of=WHOLE) -> tuple[Step, ...]:
    """Rows of an action that leads from several states to one."""
    return tuple(Step(action, state, target, who, *rest, of=of) for state in states)


STEPS = (
    Step("report", None, REPORTED, (*REPORTERS, "engine"), ("lon", "lat", "kind", "class", "description"),
         ("crs", "address", "accuracy_m", "source", "photos", "component", "footprint")),
    Step("split", None, DISPATCHED, ("dispatcher",), ("department",), of=(TASK,)),

    Step("request_confirmation", REPORTED, CONFIRMING, ("acceptor",), (), ("inspector", "note")),
    Step("request_confirmation", CONFIRMING, CONFIRMING, ("acceptor",), (), ("inspector", "note")),
    Step("confirm", CONFIRMING, REPORTED, ("inspector",), ("result", "photos", "lon", "lat"), LOOK,
         when=("result", "found")),
    Step("confirm", CONFIRMING, REPORTED, ("inspector",), ("result", "note|photos", "lon", "lat"), LOOK,
         when=("result", "not_found")),
    Step("file", REPORTED, FILED, ("acceptor", "engine"), ("condition",), ("note",)),
    Step("reject", REPORTED, REJECTED, ("acceptor",), ("reason",), ("note",)),
    Step("reclassify", REPORTED, REPORTED, ("acceptor",), ("kind", "class"), ("note",)),
    Step("reclassify", FILED, REPORTED, CENTRE, ("kind", "class"), ("note",), of=(SINGLE,)),
    *_same("relocate", (REPORTED, FILED), CENTRE, ("lon", "lat"), ("crs", "accuracy_m", "address", "note"), of=WHOLE),

    *_from("merge", (REPORTED, FILED), MERGED, CENTRE, ("into",), ("note",), of=(SINGLE,)),
    Step("merge", MERGED, MERGED, ("engine",), ("into",), of=(SINGLE,)),
    Step("unmerge", MERGED, REPORTED, (*CENTRE, "engine"), ("reason",), ("note",), of=(SINGLE,)),
    *_from("void", (REPORTED, CONFIRMING), VOID, ("acceptor", "administrator"), ("reason",), ("note",)),
    *_from("void", (FILED, DISPATCHED), VOID, ("dispatcher", "administrator", "engine"), ("reason",), ("note",),
           of=(SINGLE, TASK)),
    Step("void", SPLIT, VOID, ("dispatcher", "administrator"), ("reason",), ("note",), of=(PARENT,)),
    *_from("void", (HANDLING, SUSPENDED, RESOLVED), VOID, ("engine",), ("reason",), ("note",), of=(TASK,)),

    Step("dispatch", FILED, DISPATCHED, ("dispatcher", "engine"), ("department",), ("note",), of=(SINGLE, TASK)),
    Step("split", FILED, SPLIT, ("dispatcher",), ("departments",), ("note", "footprint"), of=(SINGLE,)),
    Step("return", FILED, REPORTED, ("dispatcher",), ("reason",), ("note",), of=(SINGLE,)),
    Step("return", SPLIT, FILED, ("engine",), ("reason",), of=(PARENT,)),

    Step("receive", DISPATCHED, HANDLING, ("department",), (), ("note",), of=(SINGLE, TASK)),
    *_same("assign", (DISPATCHED, HANDLING), ("department",), ("handler",), ("note",), of=(SINGLE, TASK)),
    *_from("return", (DISPATCHED, HANDLING), FILED, ("department",), ("reason",), ("note",), of=(SINGLE, TASK)),
    Step("suspend", HANDLING, SUSPENDED, ("dispatcher",), ("reason", "until"), ("note",), of=(SINGLE, TASK)),
    Step("resume", SUSPENDED, HANDLING, ("dispatcher", "engine"), (), ("note",), of=(SINGLE, TASK)),
    Step("resolve", HANDLING, RESOLVED, ("department",), ("note|photos",), EVIDENCE, of=(SINGLE, TASK)),
    Step("resolve", SPLIT, RESOLVED, ("engine",), (), of=(PARENT,)),
    Step("redo", RESOLVED, HANDLING, (*CENTRE, "engine"), ("reason",), ("note",), of=(SINGLE, TASK)),
    Step("redo", RESOLVED, SPLIT, (*CENTRE, "engine"), ("reason",), ("note", "departments"), of=(PARENT,)),

    *_from("request_verification", (RESOLVED, VERIFYING), VERIFYING, CENTRE, (), ("inspector", "note")),
    *(
        row
        for source in (RESOLVED, VERIFYING)
        for row in (
            Step("verify", source, VERIFIED, ("inspector",), ("result",), LOOK, when=("result", "pass")),
            Step("verify", source, HANDLING, ("inspector",), ("result", "note|photos"), LOOK,
                 when=("result", "fail"), of=(SINGLE,)),
            Step("verify", source, SPLIT, ("inspector",), ("result", "note|photos"), (*LOOK, "departments"),
                 when=("result", "fail"), of=(PARENT,)),
        )
    ),
    Step("return", VERIFIED, RESOLVED, ("acceptor",), ("reason",), ("note",)),
    Step("close", VERIFIED, CLOSED, CENTRE, (), ("note",)),
    Step("close", RESOLVED, CLOSED, ("engine",), (), of=(TASK,)),
    *_from("force_close", (FILED, DISPATCHED, HANDLING, SUSPENDED, SPLIT, RESOLVED, VERIFYING, VERIFIED), CLOSED,
           ("dispatcher", "manager"), ("reason",), ("note",)),
    *_from("force_close", (FILED, DISPATCHED, HANDLING, SUSPENDED, RESOLVED), CLOSED, ("engine",), ("reason",),
           of=(TASK,)),
    Step("reopen", CLOSED, FILED, (*CENTRE, "manager", "public"), ("reason",), ("note", "photos")),
    Step("reopen", REJECTED, REPORTED, (*CENTRE, "manager", "public"), ("reason",), ("note", "photos")),
    Step("reopen", VOID, REPORTED, ("dispatcher", "administrator"), ("reason",), ("note",)),

    *_same("urge", OPEN, ("dispatcher", "manager"), (), ("note",), of=ANY),
    *_same("note", STATES, (*PEOPLE, "engine"), ("note|photos",), ("note", "photos"), of=ANY),
    *_same("alarm", STATES, ("engine",), ("change", "stands"), ("note",), of=ANY),
)  # fmt: skip

ACTIONS = tuple(dict.fromkeys(step.action for step in STEPS))
REPORT = STEPS[0].action
ROADS = (
    "request_confirmation", "confirm", "file", "reject", "dispatch", "receive", "resolve", "request_verification",
    "verify", "close",
)  # fmt: skip
"""The actions that are somebody's daily work, in the order of the road; the others are for what is out of the way."""


@dataclass(frozen=True)
class Standing:
    """What the table needs to know of a case.

    Its state, what it is (`shape`), its department, who resolved it last, who reported it, the inspector it was given
    to (persons' ids), whether it waits for a confirmation before it may be filed, whether it was suspended as often
    as may be since its dispatch, and whether the alarm that opened it stands.
    """

    state: str
    department: str | None = None
    resolved_by: int | None = None
    reported_by: int | None = None
    inspector: int | None = None
    shape: str = SINGLE
    unconfirmed: bool = False
    suspended_enough: bool = False
    alarmed: bool = False


@dataclass(frozen=True)
class Who:
    """What the table needs to know of the one who acts: id, role, and the departments they speak for."""

    id: int | None
    role: str
    departments: Collection[str] = ()


def open_actions(who: Who, case: Standing) -> list[str]:
    """The actions this person may do with this case now, in the order of the table."""
    return list(dict.fromkeys(step.action for step in _BY_STATE[case.state] if hindrance(who, case, step) is None))


def choose(who: Who, case: Standing, action: str, given: Mapping[str, Any]) -> Step:
    """The step that `action` is for this person and case, with everything given that it needs.

    Raises `Invalid` (unknown action, something missing or not asked for), `Conflict` (not open in this state: someone
    was faster, or the page is old) or `Forbidden` (not this role, not this department, not by who resolved it).
    """
    if action not in ACTIONS or action == REPORT:
        raise _unknown(action)
    rows = [step for step in _BY_STATE[case.state] if step.action == action and case.shape in step.of]
    if not rows:
        actions = open_actions(who, case)
        raise Conflict(
            "cases.step-not-open",
            f"'{action}' is not possible while the {_thing(case)} is {case.state}. Open to you: {_words(actions)}",
            action=action,
            state=case.state,
            actions=actions,
        )
    hindrances = [hindrance(who, case, step) for step in rows]
    if None not in hindrances:
        raise next((one for one in hindrances if one.code != "cases.not-your-role"), hindrances[0])
    step = _row_for([row for row, hindered in zip(rows, hindrances, strict=True) if hindered is None], given)
    require(step, given)
    return step


def hindrance(who: Who, case: Standing, step: Step, of: tuple[str, ...] | None = None) -> WebgisError | None:
    """Why this person may not do this step, or None. `of` stands for the row's own."""
    if case.shape not in (of or step.of):
        return Conflict("cases.step-not-open", f"'{step.action}' is not for a {_thing(case)}", action=step.action)
    if who.role not in step.who:
        return _wrong_role(who.role, step.action, step.who)
    if who.role == "department" and case.department not in who.departments:
        return Forbidden(
            "cases.not-your-department", "This case is with another department", department=case.department
        )
    if step.action == "file" and case.unconfirmed:
        return Conflict(
            "cases.confirm-first",
            "An inspector must have found it before it is filed: request_confirmation, or reject it",
            state=case.state,
            actions=["request_confirmation", "reject"],
        )
    if step.action == "suspend" and case.suspended_enough:
        why = "a case has at most as many as the setting `suspensions` says"
        return request_not_open("suspension", why, case.state)
    if case.alarmed and step.target in OUTCOMES and case.state not in OUTCOMES:
        return Conflict(
            "cases.alarm-stands",
            "The alarm that opened this case stands: it ends when the readings have reset it, or when somebody has "
            "said, with a reason, that it is none (POST /api/v1/alarms/<id>/dismiss)",
            state=case.state,
            action=step.action,
        )
    if step.action == "verify":
        return _not_verifier(who, case)
    if step.action == "confirm" and case.inspector not in (None, who.id):
        return other_inspector(case.inspector)
    return None


def _not_verifier(who: Who, case: Standing) -> Forbidden | None:
    """Who resolved or reported a case, or speaks for the department that resolved it, does not verify it."""
    if who.id == case.resolved_by:
        return Forbidden("cases.own-work", "Verification is done by someone other than who resolved the case")
    if who.id == case.reported_by:
        return Forbidden("cases.own-report", "Verification is done by someone other than who reported the case")
    if case.department is not None and case.department in who.departments:
        return Forbidden("cases.own-department", "Nobody verifies the work of a department they belong to")
    if case.state == VERIFYING and case.inspector not in (None, who.id):
        return other_inspector(case.inspector)
    return None


def request_not_open(kind: str, why: str, state: str) -> Conflict:
    """The refusal of a request, or of what would be granted by one."""
    return Conflict("cases.request-not-open", f"{kind}: {why}", kind=kind, why=why, state=state, actions=[])


def other_inspector(inspector: int) -> Forbidden:
    """The refusal of a case that was given to another inspector."""
    return Forbidden("cases.other-inspector", "This was given to another inspector", inspector=inspector)


def require_role(role: str, action: str) -> None:
    """Refuse an action that this role does in no state (`Forbidden`), or that there is not (`Invalid`).

    Cheap, to be asked before anything that was sent with the step is kept.
    """
    roles = _ROLES.get(action)
    if roles is None:
        raise _unknown(action)
    if role not in roles:
        raise _wrong_role(role, action, roles)


_BY_STATE = {state: tuple(step for step in STEPS if step.source == state) for state in STATES}
_ROLES = {
    action: tuple(dict.fromkeys(name for step in STEPS if step.action == action for name in step.who))
    for action in ACTIONS
}


def duties(role: str) -> tuple[str, ...]:
    """The states in which the table has daily work for this role."""
    work = (step for step in STEPS if step.action in ROADS and role in step.who and step.source != step.target)
    return tuple(dict.fromkeys(step.source for step in work if step.source))


def _thing(case: Standing) -> str:
    return "task" if case.shape == TASK else "case"


def _unknown(action: str) -> Invalid:
    known = ", ".join(name for name in ACTIONS if name != REPORT)
    return Invalid("cases.action-unknown", f"There is no action {action}. Known: {known}", field="action", got=action)


def _wrong_role(role: str, action: str, roles: tuple[str, ...]) -> Forbidden:
    people = tuple(one for one in roles if one != "engine") or roles
    message = f"'{action}' is done by: {' or '.join(people)}"
    return Forbidden("cases.not-your-role", message, role=role, accepted=people)


def _row_for(rows: Collection[Step], given: Mapping[str, Any]) -> Step:
    """The row whose `when` fits what is given; an action without `when` has one row for each state."""
    for step in rows:
        if step.when is None or given.get(step.when[0]) == step.when[1]:
            return step
    field = next(step.when[0] for step in rows if step.when)
    accepted = [step.when[1] for step in rows if step.when]
    raise bad_field(field, given.get(field), " or ".join(accepted))


def require(step: Step, given: Mapping[str, Any]) -> None:
    """Refuse when a needed field is empty, or one is given that the step does not take."""
    for need in step.needs:
        names = need.split("|")
        if not any(_filled(given.get(name)) for name in names):
            raise bad_field(names[0], None, f"{step.action} needs {' or '.join(names)}")
    takes = {name for need in step.needs for name in need.split("|")} | set(step.takes)
    for name in given:
        if name not in takes:
            raise Invalid(
                "cases.field-unknown",
                f"'{step.action}' takes no field {name}. It takes: {', '.join(sorted(takes)) or 'nothing'}",
                field=name,
                accepted=sorted(takes),
            )


def bad_field(field: str, got: Any, accepted: str) -> Invalid:
    """The refusal of a field that is empty or cannot be used: `accepted` says what it takes."""
    return Invalid("cases.bad-field", f"{field}: {accepted}", field=field, got=got, accepted=accepted)


def _words(actions: Collection[str]) -> str:
    return ", ".join(actions) or "nothing"


def _filled(value: Any) -> bool:
    return value is not None and value != () and value != [] and (not isinstance(value, str) or bool(value.strip()))
