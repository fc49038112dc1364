"""The workflow's table as a graph, and what it refuses."""

import pytest

from webgis.accounts.actor import ROLES
from webgis.cases import workflow
from webgis.cases.workflow import ANY, OUTCOMES, PARENT, STATES, STEPS, TASK, Standing, Who
from webgis.errors import Conflict, Forbidden, Invalid

CODE = "510104-sanitation"
DEPARTMENT = Who(7, "department", (CODE,))
INSPECTOR = Who(1, "inspector")


def _reachable(steps, start):
    found, waiting = set(), [start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            waiting += [step.target for step in steps if step.source == state]
    return found


def test_every_state_can_be_reached():
    assert _reachable(STEPS, None) - {None} == set(STATES)


def test_every_state_leads_to_an_end_and_can_be_left_again():
    for state in STATES:
        assert _reachable(STEPS, state) & set(OUTCOMES), state
        assert any(step.source == state and step.target != state for step in STEPS), state


@pytest.mark.parametrize("shape", ANY)
def test_whatever_a_case_is_each_state_it_can_be_in_leads_to_an_end(shape):
    steps = [step for step in STEPS if shape in step.of]
    starts = {step.target for step in steps if step.source is None} or {workflow.SPLIT}
    reached = set().union(*(_reachable(steps, start) for start in starts))
    for state in reached:
        assert _reachable(steps, state) & set(OUTCOMES), (shape, state)


def test_two_rows_of_one_action_and_source_differ_in_their_condition():
    keys = [(step.action, step.source, step.when, shape) for step in STEPS for shape in step.of]
    assert len(keys) == len(set(keys))


def test_rows_told_apart_by_a_value_ask_for_that_value():
    for step in STEPS:
        assert step.when is None or step.when[0] in step.needs, step


def test_every_row_names_known_roles_and_states():
    for step in STEPS:
        assert step.who and set(step.who) <= {*ROLES, "engine", "public"}, step
        assert step.target in STATES and step.source in (None, *STATES), step


def test_every_role_has_work():
    assert {role for step in STEPS for role in step.who} == {*ROLES, "engine", "public"}
    leading = {role for step in STEPS if step.source != step.target for role in step.who}
    assert leading == {*ROLES, "engine", "public"}


def test_every_return_carries_a_reason():
    returns = [step for step in STEPS if step.action in ("return", "redo", "reject", "void", "unmerge", "reopen")]
    assert returns and all("reason" in step.needs for step in returns)


def test_the_public_action_names_are_kept():
    assert set(workflow.ACTIONS) == {
        "report", "file", "reject", "dispatch", "return", "receive", "resolve", "verify", "close",
        "request_confirmation", "confirm", "request_verification", "merge", "unmerge", "split", "void", "redo",
        "assign", "suspend", "resume", "force_close", "reopen", "urge", "note", "reclassify", "relocate",
        "alarm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "standing", "expected"),
    [
        (Who(1, "acceptor"), Standing("reported"),
         ["request_confirmation", "file", "reject", "reclassify", "relocate", "merge", "void", "note"]),
        (Who(1, "acceptor"), Standing("reported", unconfirmed=True),
         ["request_confirmation", "reject", "reclassify", "relocate", "merge", "void", "note"]),
        (INSPECTOR, Standing("confirming", inspector=1), ["confirm", "note"]),
        (INSPECTOR, Standing("confirming", inspector=2), ["note"]),
        (Who(1, "dispatcher"), Standing("filed"),
         ["reclassify", "relocate", "merge", "void", "dispatch", "split", "return", "force_close", "urge", "note"]),
        (Who(1, "dispatcher"), Standing("filed", shape=TASK), ["void", "dispatch", "urge", "note"]),
        (DEPARTMENT, Standing("dispatched", CODE), ["receive", "assign", "return", "note"]),
        (DEPARTMENT, Standing("dispatched", "510104-works"), []),
        (DEPARTMENT, Standing("handling", CODE), ["assign", "return", "resolve", "note"]),
        (DEPARTMENT, Standing("suspended", CODE), ["note"]),
        (INSPECTOR, Standing("resolved", resolved_by=7), ["verify", "note"]),
        (INSPECTOR, Standing("resolved", resolved_by=1), ["note"]),
        (INSPECTOR, Standing("resolved", resolved_by=7, reported_by=1), ["note"]),
        (Who(1, "inspector", (CODE,)), Standing("resolved", CODE, resolved_by=7), ["note"]),
        (INSPECTOR, Standing("verifying", resolved_by=7, inspector=2), ["note"]),
        (INSPECTOR, Standing("resolved", resolved_by=7, shape=TASK), ["note"]),
        (Who(1, "acceptor"), Standing("verified"), ["return", "close", "note"]),
        (Who(1, "acceptor"), Standing("verified", alarmed=True), ["return", "note"]),
        (Who(1, "dispatcher"), Standing("filed", alarmed=True),
         ["reclassify", "relocate", "dispatch", "split", "return", "urge", "note"]),
        (Who(1, "dispatcher"), Standing("verified"), ["close", "force_close", "urge", "note"]),
        (Who(1, "dispatcher"), Standing("split", shape=PARENT), ["void", "force_close", "urge", "note"]),
        (Who(1, "manager"), Standing("reported"), ["urge", "note"]),
        (Who(1, "acceptor"), Standing("closed"), ["reopen", "note"]),
        (Who(1, "acceptor"), Standing("merged"), ["unmerge", "note"]),
        (Who(None, "public"), Standing("closed"), ["reopen"]),
    ],
)  # fmt: skip
def test_open_actions_are_those_of_the_role_in_the_state(who, standing, expected):
    assert workflow.open_actions(who, standing) == expected


def test_a_step_not_open_says_what_is_open():
    with pytest.raises(Conflict) as refused:
        workflow.choose(Who(1, "acceptor"), Standing("verified"), "file", {})
    assert refused.value.code == "cases.step-not-open"
    assert refused.value.facts["actions"] == ["return", "close", "note"]


def test_a_case_does_not_end_while_its_alarm_stands():
    for action, role in (("close", "acceptor"), ("force_close", "manager")):
        with pytest.raises(Conflict) as refused:
            workflow.choose(Who(1, role), Standing("verified", alarmed=True), action, {"reason": "误报"})
        assert refused.value.code == "cases.alarm-stands"


def test_another_role_is_refused():
    with pytest.raises(Forbidden) as refused:
        workflow.choose(Who(1, "inspector"), Standing("reported"), "file", {"condition": 1})
    assert refused.value.facts["accepted"] == ("acceptor",)


@pytest.mark.parametrize(
    ("who", "standing", "code"),
    [
        (INSPECTOR, Standing("resolved", resolved_by=1), "cases.own-work"),
        (INSPECTOR, Standing("resolved", reported_by=1), "cases.own-report"),
        (Who(1, "inspector", (CODE,)), Standing("resolved", CODE), "cases.own-department"),
        (INSPECTOR, Standing("verifying", inspector=2), "cases.other-inspector"),
    ],
)
def test_verification_is_done_by_someone_with_no_part_in_the_case(who, standing, code):
    with pytest.raises(Forbidden) as refused:
        workflow.choose(who, standing, "verify", {"result": "pass"})
    assert refused.value.code == code


def test_a_report_that_must_be_confirmed_is_not_filed_before():
    with pytest.raises(Conflict) as refused:
        workflow.choose(Who(1, "acceptor"), Standing("reported", unconfirmed=True), "file", {"condition": 1})
    assert refused.value.code == "cases.confirm-first"


def test_duties_are_the_states_with_daily_work():
    assert workflow.duties("acceptor") == ("reported", "resolved", "verified")
    assert workflow.duties("inspector") == ("confirming", "resolved", "verifying")
    assert workflow.duties("department") == ("dispatched", "handling")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", workflow.ACTIONS)
def test_a_role_that_does_an_action_in_no_state_is_refused_before_the_case_is_looked_at(role, action):
    if any(step.action == action and role in step.who for step in STEPS):
        workflow.require_role(role, action)
    else:
        with pytest.raises(Forbidden) as refused:
            workflow.require_role(role, action)
        assert refused.value.code == "cases.not-your-role" and role not in refused.value.facts["accepted"]


def test_an_action_that_there_is_not_is_refused_for_every_role():
    with pytest.raises(Invalid) as refused:
        workflow.require_role("acceptor", "explode")
    assert refused.value.code == "cases.action-unknown"


@pytest.mark.parametrize(
    ("who", "standing", "action", "given", "field"),
    [
        (Who(1, "acceptor"), Standing("reported"), "file", {}, "condition"),
        (Who(1, "acceptor"), Standing("reported"), "reject", {"reason": "  "}, "reason"),
        (Who(1, "dispatcher"), Standing("filed"), "dispatch", {}, "department"),
        (DEPARTMENT, Standing("handling", CODE), "resolve", {}, "note"),
        (Who(1, "inspector"), Standing("resolved"), "verify", {}, "result"),
        (Who(1, "inspector"), Standing("resolved"), "verify", {"result": "maybe"}, "result"),
        (Who(1, "inspector"), Standing("resolved"), "verify", {"result": "fail"}, "note"),
        (Who(1, "acceptor"), Standing("verified"), "close", {"department": "x"}, "department"),
        (Who(1, "acceptor"), Standing("verified"), "explode", {}, "action"),
        (Who(1, "inspector"), Standing("verified"), "report", {}, "action"),
    ],
)
def test_what_is_missing_or_unknown_is_named(who, standing, action, given, field):
    with pytest.raises(Invalid) as refused:
        workflow.choose(who, standing, action, given)
    assert refused.value.facts["field"] == field


def test_the_result_of_a_verification_chooses_the_row():
    passed = workflow.choose(Who(1, "inspector"), Standing("resolved"), "verify", {"result": "pass"})
    failed = workflow.choose(
        Who(1, "inspector"), Standing("resolved"), "verify", {"result": "fail", "note": "still there"}
    )
    assert (passed.target, failed.target) == ("verified", "handling")
