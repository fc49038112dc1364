"""Requests for extension, suspension and appeal: who asks, reviews and decides, how often, and what the clock does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests import city
from tests.cases.life import Life
from webgis import jobs
from webgis.accounts import operations as accounts
from webgis.cases import queries, requests, tasks
from webgis.errors import Conflict, Forbidden, Invalid


@pytest.fixture
def life(city_runtime):
    made = Life(city_runtime)
    with city_runtime.transaction() as session:
        accounts.add_person(
            session, "sweeper1", "sweeper1 岗", "department", city.PASSWORD, department="510104-sanitation"
        )
    yield made
    made.check()


def test_an_extension_adds_one_original_limit_and_the_time_of_waiting(life):
    number = life.handled()
    before = life.case(number).deadline_at
    asked = life.ask("sanitation1", number, "extension")
    assert asked.state == "reviewed" and life.case(number).paused_at is not None
    granted = life.answer("dispatcher1", asked.id, "decide", True)
    case = life.case(number)
    assert granted.state == "granted" and case.extension_count == 1 and case.paused_at is None
    assert case.deadline_at > before and case.due_at == case.deadline_at


def test_a_refused_extension_leaves_only_the_time_of_waiting(life):
    number = life.handled()
    asked = life.ask("sanitation1", number, "extension")
    life.answer("dispatcher1", asked.id, "decide", False, "理由不足")
    case = life.case(number)
    assert case.extension_count == 0 and [entry["entry"] for entry in case.ledger] == ["start", "pause", "resume"]


def test_a_case_has_at_most_two_extensions(life):
    number = life.handled()
    for _ in range(2):
        life.answer("dispatcher1", life.ask("sanitation1", number, "extension").id, "decide", True)
    with pytest.raises(Conflict) as refused:
        life.ask("sanitation1", number, "extension")
    assert refused.value.code == "cases.request-not-open"


@pytest.mark.parametrize("way", ["return", "reopen"])
def test_a_new_dispatch_begins_without_the_extensions_of_the_old_one(life, way):
    number = life.handled()
    for _ in range(2):
        life.answer("dispatcher1", life.ask("sanitation1", number, "extension").id, "decide", True)
    life.do("dispatcher1", number, "suspend", reason="等待材料", until=(life.now + timedelta(days=2)).isoformat())
    life.do("dispatcher1", number, "resume")
    if way == "return":
        life.do("sanitation1", number, "return", reason="不属于我单位")
    else:
        life.do("dispatcher1", number, "force_close", reason="领导批示")
        life.do("dispatcher1", number, "reopen", reason="市民不满意")
    assert life.case(number).extension_count == 0
    life.do("dispatcher1", number, "dispatch", department="510104-works")
    life.do("works1", number, "receive")
    asked = life.ask("works1", number, "extension")
    life.answer("dispatcher1", asked.id, "decide", True)
    assert life.case(number).extension_count == 1
    until = life.now + timedelta(days=2)
    assert life.ask("works1", number, "suspension", until=until).state == "reviewed"


def test_a_handlers_request_is_reviewed_by_the_department_first(life):
    number = life.handled()
    life.do("sanitation1", number, "assign", handler="sweeper1")
    asked = life.ask("sweeper1", number, "extension")
    assert asked.state == "asked"
    with pytest.raises(Conflict):
        life.answer("dispatcher1", asked.id, "decide", True)
    with pytest.raises(Forbidden):
        life.answer("sweeper1", asked.id, "review", True)
    with life.runtime.transaction() as session:
        assert [one.id for one in requests.waiting(session, life.actor("sanitation1"))] == [asked.id]
    assert life.answer("sanitation1", asked.id, "review", True).state == "reviewed"
    assert life.answer("dispatcher1", asked.id, "decide", True).state == "granted"


@pytest.fixture
def colleague(life) -> str:
    with life.runtime.transaction() as session:
        accounts.add_person(
            session, "sweeper2", "sweeper2 岗", "department", city.PASSWORD, department="510104-sanitation"
        )
    return "sweeper2"


def test_handing_a_case_on_does_not_spare_the_review(life, colleague):
    number = life.handled()
    life.do("sanitation1", number, "assign", handler="sweeper1")
    life.do("sweeper1", number, "assign", handler=colleague)
    asked = life.ask("sweeper1", number, "extension")
    assert asked.state == "asked"
    with pytest.raises(Forbidden) as refused:
        life.answer(colleague, asked.id, "review", True)
    assert refused.value.code == "cases.own-request"
    life.do(colleague, number, "assign", handler="sweeper1")
    with pytest.raises(Forbidden):
        life.answer("sweeper1", asked.id, "review", True)
    assert life.answer("sanitation1", asked.id, "review", True).state == "reviewed"


def test_who_handled_it_for_another_dispatch_asks_for_the_department(life):
    number = life.handled()
    life.do("sanitation1", number, "assign", handler="sweeper1")
    life.do("sanitation1", number, "return", reason="不属于我单位")
    life.do("dispatcher1", number, "dispatch", department="510104-works")
    life.do("works1", number, "return", reason="不属于我单位")
    life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    life.do("sanitation1", number, "receive")
    assert life.ask("sweeper1", number, "extension").state == "reviewed"


def test_a_review_that_refuses_ends_the_request(life):
    number = life.handled()
    life.do("sanitation1", number, "assign", handler="sweeper1")
    asked = life.ask("sweeper1", number, "suspension", until=life.now + timedelta(days=5))
    with pytest.raises(Invalid):
        life.answer("sanitation1", asked.id, "review", False, None)
    assert life.answer("sanitation1", asked.id, "review", False, "可以处置").state == "refused"
    assert life.case(number).state == "handling"


def test_a_granted_suspension_suspends_the_case(life):
    number = life.handled()
    asked = life.ask("sanitation1", number, "suspension", until=life.now + timedelta(days=5))
    life.answer("dispatcher1", asked.id, "decide", True)
    assert life.case(number).state == "suspended"
    life.do("engine", number, "resume")
    with pytest.raises(Conflict):
        life.ask("sanitation1", number, "suspension", until=life.now + timedelta(days=5))


def test_a_dispatchers_own_suspension_counts_as_one_that_was_asked_for(life):
    number, until = life.handled(), (life.now + timedelta(days=2)).isoformat()
    life.do("dispatcher1", number, "suspend", reason="等待材料", until=until)
    life.do("dispatcher1", number, "resume")
    with pytest.raises(Conflict):
        life.ask("sanitation1", number, "suspension", until=life.now + timedelta(days=5))
    with pytest.raises(Conflict) as refused:
        life.do("dispatcher1", number, "suspend", reason="等待材料", until=until)
    assert refused.value.code == "cases.request-not-open"
    dispatcher = life.actor("dispatcher1")
    assert "suspend" not in queries.open_actions(dispatcher, life.case(number), life.settings)


def test_a_suspension_that_ends_a_request_keeps_the_wait_and_the_rest_apart(life):
    number = life.handled()
    asked = life.ask("sanitation1", number, "suspension", until=life.now + timedelta(days=5))
    life.answer("dispatcher1", asked.id, "decide", True)
    entries = [(entry["entry"], entry.get("why")) for entry in life.case(number).ledger]
    assert entries[1:] == [("pause", "decision"), ("resume", None), ("pause", "suspension")]
    assert life.case(number).paused_at == life.now


def test_a_suspension_ends_by_itself(life):
    number = life.handled()
    life.do("dispatcher1", number, "suspend", reason="等待材料", until=(life.now + timedelta(days=2)).isoformat())
    deadline = life.case(number).deadline_at
    jobs.drain(life.runtime, "quick")
    case = life.case(number)
    assert (case.state, case.paused_at, case.resume_at) == ("handling", None, None)
    assert case.deadline_at > deadline
    with life.runtime.transaction() as session:
        last = queries.events(session, case.id)[-1]
    assert (last.action, last.role, last.login) == ("resume", "engine", None)


def test_a_suspension_that_is_not_over_goes_on(life):
    number = life.handled()
    until = datetime.now(UTC) + timedelta(days=1)
    life.now = until - timedelta(days=2)
    life.do("dispatcher1", number, "suspend", reason="等待材料", until=until.isoformat())
    jobs.drain(life.runtime, "quick")
    with life.runtime.transaction() as session:
        tasks.resume(session, number)
    assert life.case(number).state == "suspended"


def test_only_one_request_of_a_case_waits(life):
    number = life.handled()
    life.ask("sanitation1", number, "extension")
    with pytest.raises(Conflict):
        life.ask("sanitation1", number, "suspension", until=life.now + timedelta(days=5))


def test_reporting_back_withdraws_what_was_asked(life):
    number = life.handled()
    asked = life.ask("sanitation1", number, "extension")
    life.do("sanitation1", number, "resolve", note="已清理")
    with pytest.raises(Conflict) as refused:
        life.answer("dispatcher1", asked.id, "decide", True)
    assert refused.value.facts["state"] == "withdrawn"


def test_a_request_comes_before_the_deadline(life):
    number = life.handled()
    life.passes(days=30)
    with pytest.raises(Conflict):
        life.ask("sanitation1", number, "extension")


def test_an_appeal_is_for_a_closed_case_that_was_late_and_made_once(life):
    in_time = life.closed()
    with pytest.raises(Conflict):
        life.ask("sanitation1", in_time, "appeal")
    number = life.handled()
    life.passes(days=30)
    life.do("sanitation1", number, "resolve", note="已清理")
    life.do("inspector2", number, "verify", result="pass")
    life.do("acceptor1", number, "close")
    asked = life.ask("sanitation1", number, "appeal", "暴雨停工")
    life.answer("dispatcher1", asked.id, "decide", True)
    case = life.case(number)
    assert "excused" in case.flags and case.resolved_at > case.deadline_at
    with pytest.raises(Conflict):
        life.ask("sanitation1", number, "appeal")


@pytest.mark.parametrize("login", ["acceptor1", "dispatcher1", "inspector1", "manager1"])
def test_only_a_department_asks(life, login):
    number = life.handled()
    with pytest.raises(Forbidden):
        life.ask(login, number, "extension")


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("holiday", {}, "kind"),
        ("suspension", {}, "until"),
        ("suspension", {"until": "soon"}, "until"),
        ("extension", {"until": "2026-12-01"}, "until"),
        ("extension", {"reason": " "}, "reason"),
    ],
)
def test_a_request_that_cannot_be_used_names_its_field(life, kind, given, field):
    number = life.handled()
    with pytest.raises(Invalid) as refused:
        life.ask("sanitation1", number, kind, **given)
    assert refused.value.facts["field"] == field


def test_requests_go_over_the_wire(api):
    life_number = _handled_over_http(api)
    asked = api("sanitation1").post(
        f"/api/v1/cases/{life_number}/requests", {"kind": "extension", "reason": "等待材料"}
    )
    assert asked.status_code == 201 and asked.json["state"] == "reviewed"
    waiting = api("dispatcher1").get("/api/v1/cases/requests").json["requests"]
    assert [one["id"] for one in waiting] == [asked.json["id"]]
    path = f"/api/v1/cases/requests/{asked.json['id']}"
    assert api("sanitation1").post(f"{path}/decide", {"decision": "grant"}).status_code == 403
    assert api("dispatcher1").post(f"{path}/decide", {"decision": "grant"}).json["state"] == "granted"
    assert api("dispatcher1").post(f"{path}/decide", {"decision": "grant"}).status_code == 409


def _handled_over_http(api) -> str:
    given = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "kind": "matter", "class": city.REFUSE}
    case = api("acceptor1").post("/api/v1/cases", given | {"description": "暴露垃圾"}).json["properties"]
    for login, action, fields in (
        ("acceptor1", "file", {"condition": case["conditions"][0]["id"]}),
        ("dispatcher1", "dispatch", {"department": "510104-sanitation"}),
        ("sanitation1", "receive", {}),
    ):
        assert api(login).post(f"/api/v1/cases/{case['number']}/actions/{action}", fields).status_code == 200
    return case["number"]


def test_what_is_asked_and_taken_back_stops_no_clock(life):
    number = life.handled()
    before = life.case(number).deadline_at
    for _ in range(3):
        asked = life.ask("sanitation1", number, "extension")
        life.passes(minutes=20)
        with life.runtime.transaction() as session:
            requests.withdraw(session, life.settings, life.actor("sanitation1"), asked.id, at=life.now)
    assert life.case(number).deadline_at == before


def test_the_clock_runs_until_the_department_passes_its_handlers_request_on(life):
    number = life.handled()
    life.do("sanitation1", number, "assign", handler="sweeper1")
    asked = life.ask("sweeper1", number, "extension")
    assert life.case(number).paused_at is None
    life.answer("sanitation1", asked.id, "review", True)
    assert life.case(number).paused_at == life.now


def test_a_request_does_not_outlive_the_round_it_was_made_in(life):
    number = life.handled()
    life.passes(days=40)
    life.do("sanitation1", number, "resolve", note="已清理")
    life.do("inspector2", number, "verify", result="pass")
    life.do("acceptor1", number, "close")
    asked = life.ask("sanitation1", number, "appeal")
    life.do("acceptor1", number, "reopen", reason="复发")
    assert "asking" not in life.case(number).flags
    with pytest.raises(Conflict):
        life.answer("dispatcher1", asked.id, "decide", True)


def test_a_dispatcher_of_an_area_sees_its_requests_only(life):
    number = life.handled()
    asked = life.ask("sanitation1", number, "extension")
    with life.runtime.transaction() as session:
        for code, seen in ((city.WEST, [asked.id]), (city.EAST, [])):
            actor = replace(life.actor("dispatcher1"), area=code)
            assert [one.id for one in requests.waiting(session, actor)] == seen
