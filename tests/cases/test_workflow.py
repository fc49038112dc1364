"""The workflow's table as a graph, and what it refuses."""

import pytest

from webgis.accounts.actor import ROLES
from webgis.cases import workflow
from webgis.cases.workflow import STATES, STEPS, Standing, Who
from webgis.errors import Conflict, Forbidden, Invalid

DEPARTMENT = Who(7, "department", "510104-sanitation")


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


def test_every_state_leads_to_an_end():
    for state in STATES:
        assert _reachable(STEPS, state) & set(workflow.ENDED), state


def test_only_ended_states_cannot_be_left():
    left = {step.source for step in STEPS}
    assert {state for state in STATES if state not in left} == set(workflow.ENDED)


def test_two_rows_of_one_action_and_source_differ_in_their_condition():
    keys = [(step.action, step.source, step.when) for step in STEPS]
    assert len(keys) == len(set(keys))


def test_every_row_names_known_roles_and_states():
    for step in STEPS:
        assert step.who and set(step.who) <= set(ROLES), step
        assert step.target in STATES and step.source in (None, *STATES), step


def test_the_roles_that_work_on_cases_all_have_a_step():
    assert {role for step in STEPS for role in step.who} == {"inspector", "acceptor", "dispatcher", "department"}


def test_the_public_action_names_are_kept():
    assert workflow.ACTIONS == (
        "report", "file", "reject", "dispatch", "return", "receive", "resolve", "verify", "close",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("who", "standing", "expected"),
    [
        (Who(1, "acceptor"), Standing("reported"), ["file", "reject"]),
        (Who(1, "dispatcher"), Standing("filed"), ["dispatch", "return"]),
        (DEPARTMENT, Standing("dispatched", "510104-sanitation"), ["receive", "return"]),
        (DEPARTMENT, Standing("dispatched", "510104-works"), []),
        (DEPARTMENT, Standing("handling", "510104-sanitation"), ["return", "resolve"]),
        (Who(1, "inspector"), Standing("resolved", resolved_by=7), ["verify"]),
        (Who(1, "inspector"), Standing("resolved", resolved_by=1), []),
        (Who(1, "acceptor"), Standing("verified"), ["close"]),
        (Who(1, "dispatcher"), Standing("verified"), ["close"]),
        (Who(1, "manager"), Standing("reported"), []),
        (Who(1, "acceptor"), Standing("closed"), []),
    ],
)
def test_open_actions_are_those_of_the_role_in_the_state(who, standing, expected):
    assert workflow.open_actions(who, standing) == expected


def test_a_step_not_open_says_what_is_open():
    with pytest.raises(Conflict) as refused:
        workflow.choose(Who(1, "acceptor"), Standing("reported"), "close", {})
    assert refused.value.code == "cases.step-not-open"
    assert refused.value.facts["actions"] == ["file", "reject"]


def test_another_role_is_refused():
    with pytest.raises(Forbidden) as refused:
        workflow.choose(Who(1, "inspector"), Standing("reported"), "file", {"condition": 1})
    assert refused.value.facts["accepted"] == ("acceptor",)


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


def test_who_resolved_a_case_does_not_verify_it():
    with pytest.raises(Forbidden) as refused:
        workflow.choose(Who(1, "inspector"), Standing("resolved", resolved_by=1), "verify", {"result": "pass"})
    assert refused.value.code == "cases.own-work"


@pytest.mark.parametrize(
    ("who", "standing", "action", "given", "field"),
    [
        (Who(1, "acceptor"), Standing("reported"), "file", {}, "condition"),
        (Who(1, "acceptor"), Standing("reported"), "reject", {"reason": "  "}, "reason"),
        (Who(1, "dispatcher"), Standing("filed"), "dispatch", {}, "department"),
        (DEPARTMENT, Standing("handling", DEPARTMENT.department), "resolve", {}, "note"),
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
