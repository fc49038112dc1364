"""Who may do what next with a case, and what must be given: one table, and the functions that read it.

Values in, a step or a refusal out: no request, session or clock. The stages are those of GB/T 30428.8 and CJJ/T 106:
report, filing (立案), dispatch (派遣), handling (处置), verification (核查), closing (结案).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from webgis.errors import Conflict, Forbidden, Invalid

REPORTED, FILED, DISPATCHED, HANDLING = "reported", "filed", "dispatched", "handling"
RESOLVED, VERIFIED, CLOSED, REJECTED = "resolved", "verified", "closed", "rejected"
STATES = (REPORTED, FILED, DISPATCHED, HANDLING, RESOLVED, VERIFIED, CLOSED, REJECTED)
ENDED = (CLOSED, REJECTED)


@dataclass(frozen=True)
class Step:
    """One row: `action` takes a case from `source` to `target` when one of `who` gives what it `needs`.

    A need is a field name, or several joined by "|" of which one is enough. `when` tells rows of one action apart by
    a given value. `takes` are fields that may be given besides.
    """

    action: str
    source: str | None
    target: str
    who: tuple[str, ...]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    when: tuple[str, str] | None = None


PLACE = ("lon", "lat", "crs")
EVIDENCE = ("note", "photos", *PLACE)

STEPS = (
    Step("report", None, REPORTED, ("inspector", "acceptor", "dispatcher"),
         ("lon", "lat", "kind", "class", "description"), ("crs", "address", "accuracy_m", "source", "photos")),
    Step("file", REPORTED, FILED, ("acceptor",), ("condition",), ("note",)),
    Step("reject", REPORTED, REJECTED, ("acceptor",), ("reason",), ("note",)),
    Step("dispatch", FILED, DISPATCHED, ("dispatcher",), ("department",), ("note",)),
    Step("return", FILED, REPORTED, ("dispatcher",), ("reason",), ("note",)),
    Step("receive", DISPATCHED, HANDLING, ("department",), (), ("note",)),
    Step("return", DISPATCHED, FILED, ("department",), ("reason",), ("note",)),
    Step("return", HANDLING, FILED, ("department",), ("reason",), ("note",)),
    Step("resolve", HANDLING, RESOLVED, ("department",), ("note|photos",), EVIDENCE),
    Step("verify", RESOLVED, VERIFIED, ("inspector",), ("result",), EVIDENCE, when=("result", "pass")),
    Step("verify", RESOLVED, HANDLING, ("inspector",), ("result", "note|photos"), EVIDENCE, when=("result", "fail")),
    Step("close", VERIFIED, CLOSED, ("acceptor", "dispatcher"), (), ("note",)),
)  # fmt: skip

ACTIONS = tuple(dict.fromkeys(step.action for step in STEPS))
REPORT = STEPS[0].action


@dataclass(frozen=True)
class Standing:
    """What the table needs to know of a case: its state, its department, and who resolved it last (a person's id)."""

    state: str
    department: str | None = None
    resolved_by: int | None = None


@dataclass(frozen=True)
class Who:
    """What the table needs to know of the one who acts: a person's id, role and department."""

    id: int
    role: str
    department: str | None = None


def open_actions(who: Who, case: Standing) -> list[str]:
    """The actions this person may do with this case now, in the order of the table."""
    steps = (step for step in STEPS if step.source == case.state)
    return list(dict.fromkeys(step.action for step in steps if _hindrance(who, case, step) is None))


def choose(who: Who, case: Standing, action: str, given: Mapping[str, Any]) -> Step:
    """The step that `action` is for this person and case, with everything given that it needs.

    Raises `Invalid` (unknown action, something missing or not asked for), `Conflict` (not open in this state: someone
    was faster, or the page is old) or `Forbidden` (not this role, not this department, not by who resolved it).
    """
    if action not in ACTIONS or action == REPORT:
        raise _unknown(action)
    rows = [step for step in STEPS if step.action == action and step.source == case.state]
    if not rows:
        actions = open_actions(who, case)
        raise Conflict(
            "cases.step-not-open",
            f"'{action}' is not possible while the case is {case.state}. Open to you: {_words(actions)}",
            action=action,
            state=case.state,
            actions=actions,
        )
    if hindrance := _hindrance(who, case, rows[0]):
        raise hindrance
    step = _row_for(rows, given)
    require(step, given)
    return step


def _hindrance(who: Who, case: Standing, step: Step) -> Forbidden | None:
    """Why this person may not do this step, or None."""
    if who.role not in step.who:
        return _wrong_role(who.role, step.action, step.who)
    if who.role == "department" and case.department != who.department:
        return Forbidden(
            "cases.not-your-department", "This case is with another department", department=case.department
        )
    if step.action == "verify" and who.id == case.resolved_by:
        return Forbidden("cases.own-work", "Verification is done by someone other than who resolved the case")
    return None


def require_role(role: str, action: str) -> None:
    """Refuse an action that this role does in no state (`Forbidden`), or that there is not (`Invalid`).

    Cheap, to be asked before anything that was sent with the step is kept.
    """
    roles = tuple(dict.fromkeys(name for step in STEPS if step.action == action for name in step.who))
    if not roles:
        raise _unknown(action)
    if role not in roles:
        raise _wrong_role(role, action, roles)


def _unknown(action: str) -> Invalid:
    known = ", ".join(name for name in ACTIONS if name != REPORT)
    return Invalid("cases.action-unknown", f"There is no action {action}. Known: {known}", field="action", got=action)


def _wrong_role(role: str, action: str, roles: tuple[str, ...]) -> Forbidden:
    message = f"'{action}' is done by: {' or '.join(roles)}"
    return Forbidden("cases.not-your-role", message, role=role, accepted=roles)


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
