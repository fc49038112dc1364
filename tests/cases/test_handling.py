"""Steps beside the straight road, done through the real operations."""

from datetime import timedelta

import pytest

from tests import city
from tests.cases.life import Life
from webgis.accounts import operations as accounts
from webgis.cases import listing, queries
from webgis.errors import Conflict, Forbidden, Invalid, NotFound

NEAR = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000"}
FAR = {"lon": city.IN_EAST[0], "lat": city.IN_EAST[1], "crs": "cgcs2000"}


@pytest.fixture
def life(city_runtime):
    made = Life(city_runtime)
    yield made
    made.check()


def test_a_public_report_is_confirmed_before_it_is_filed(life):
    number = life.report("public").number
    with pytest.raises(Conflict) as refused:
        life.do("acceptor1", number, "file", condition=life.condition(number))
    assert refused.value.code == "cases.confirm-first"
    asked = life.do("acceptor1", number, "request_confirmation", inspector="inspector2")
    assert asked.inspector_login == "inspector2"
    with pytest.raises(Forbidden) as other:
        life.do("inspector1", number, "confirm", photos=True, result="found", **NEAR)
    assert other.value.code == "cases.other-inspector"
    with pytest.raises(Invalid):
        life.do("inspector2", number, "confirm", result="found", **NEAR)
    found = life.do("inspector2", number, "confirm", photos=True, result="found", **NEAR)
    assert (found.state, found.confirmation, found.inspector_login) == ("reported", "found", None)
    assert life.do("acceptor1", number, "file", condition=life.condition(number)).state == "filed"


def test_what_was_not_found_is_not_filed(life):
    number = life.report("public").number
    life.do("acceptor1", number, "request_confirmation")
    life.do("inspector2", number, "confirm", result="not_found", note="现场无此问题", **NEAR)
    with pytest.raises(Conflict):
        life.do("acceptor1", number, "file", condition=life.condition(number))
    assert life.do("acceptor1", number, "reject", reason="现场无此问题").state == "rejected"


def test_a_case_that_came_back_is_not_filed_again_as_it_was(life):
    number = life.filed()
    life.do("dispatcher1", number, "return", reason="立案条件不对")
    with pytest.raises(Conflict) as refused:
        life.do("acceptor1", number, "file", condition=life.condition(number))
    assert refused.value.code == "cases.returned-unchanged" and "立案条件不对" in refused.value.message
    life.do("acceptor1", number, "reclassify", kind="matter", class_="06013")
    assert life.do("acceptor1", number, "file", condition=life.condition(number)).class_code == "06013"


def test_a_case_that_a_department_sent_back_does_not_go_there_again_unchanged(life):
    number = life.handled()
    back = life.do("sanitation1", number, "return", reason="不属本单位")
    assert (back.state, back.department_code, back.deadline_at) == ("filed", None, None)
    with pytest.raises(Conflict):
        life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    assert life.do("dispatcher1", number, "dispatch", department="510104-works").state == "dispatched"


def test_a_dispatch_by_the_rules_names_the_department_and_says_why(life):
    number = life.filed()
    sent = life.do("dispatcher1", number, "dispatch", department="auto")
    with life.runtime.transaction() as session:
        facts = queries.events(session, sent.id)[-1].facts
    assert sent.department_code == facts["why"]["chosen"] == "510104-sanitation"
    assert facts["why"]["by_hand"] is False and facts["why"]["text_zh"] and facts["why"]["text_en"]


def test_a_dispatch_by_hand_notes_what_the_rules_would_have_chosen(life):
    sent = life.do("dispatcher1", life.filed(), "dispatch", department="510104-works")
    with life.runtime.transaction() as session:
        why = queries.events(session, sent.id)[-1].facts["why"]
    assert why["by_hand"] is True and why["chosen"] == "510104-sanitation"


def test_a_case_is_assigned_inside_its_department_only(life):
    number = life.handled()
    with pytest.raises(Invalid):
        life.do("sanitation1", number, "assign", handler="works1")
    assert life.do("sanitation1", number, "assign", handler="sanitation1").handler_login == "sanitation1"


def test_a_department_above_sees_and_does_what_is_of_the_one_below(life):
    with life.runtime.transaction() as session:
        accounts.add_department(session, "510104-bureau", "锦江区综合局", "Jinjiang Bureau", kind="urban_management")
        accounts.add_person(session, "bureau1", "bureau1 岗", "department", city.PASSWORD, department="510104-bureau")
    number = life.handled()
    with pytest.raises(NotFound):
        life.do("bureau1", number, "resolve", note="已清理")
    with life.runtime.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE city.department SET parent_code = '510104-bureau' WHERE code = '510104-sanitation'"
        )
    assert life.do("bureau1", number, "resolve", note="已清理").state == "resolved"


def test_someone_limited_to_an_area_sees_nothing_outside_it(life):
    with life.runtime.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE city.person SET area_code = '{city.EAST}' WHERE login = 'acceptor1'")
    west, east = life.report().number, life.report(place=city.IN_EAST).number
    acceptor = life.actor("acceptor1")
    with life.runtime.transaction() as session:
        seen = listing.list_cases(session, acceptor, listing.Filters()).rows
        assert [case.number for case in seen] == [east]
        assert sum(queries.counts_by_state(session, acceptor).values()) == 1
    with pytest.raises(NotFound):
        life.do("acceptor1", west, "reject", reason="x")


@pytest.mark.parametrize("limit", [{"classes": "component:01"}, {"area": city.EAST}], ids=["classes", "area"])
def test_no_case_is_given_to_a_handler_for_whom_it_does_not_exist(life, limit):
    with life.runtime.transaction() as session:
        about = {"department": "510104-sanitation", **limit}
        accounts.add_person(session, "limited1", "limited1 岗", "department", city.PASSWORD, **about)
    number = life.handled()
    with pytest.raises(Invalid) as refused:
        life.do("sanitation1", number, "assign", handler="limited1")
    assert refused.value.facts["field"] == "handler"
    assert life.do("sanitation1", number, "assign", handler="sanitation1").handler_login == "sanitation1"


def test_a_suspension_pauses_the_clock_and_resuming_moves_the_deadline(life):
    number = life.handled()
    before = life.case(number).deadline_at
    until = (life.now + timedelta(days=9)).isoformat()
    held = life.do("dispatcher1", number, "suspend", reason="等待产权确认", until=until)
    assert (held.state, held.deadline_at) == ("suspended", before) and held.due_at == held.resume_at
    with pytest.raises(Conflict):
        life.do("sanitation1", number, "resolve", note="已清理")
    life.passes(days=2)
    going = life.do("dispatcher1", number, "resume")
    assert going.state == "handling" and going.deadline_at > before and going.due_at == going.deadline_at


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01T00:00:00", "2030-01-01T00:00:00"])
def test_a_suspension_ends_in_the_year_to_come(life, until):
    number = life.handled()
    with pytest.raises(Invalid) as refused:
        life.do("dispatcher1", number, "suspend", reason="等待", until=until)
    assert refused.value.facts["field"] == "until"


def test_poor_work_goes_back_before_verification(life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    again = life.do("dispatcher1", number, "redo", reason="照片看不出结果")
    assert (again.state, again.rework_count, again.resolved_at) == ("handling", 1, None)


def test_verification_is_given_to_one_inspector_and_done_by_that_one(life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    with pytest.raises(Invalid):
        life.do("dispatcher1", number, "request_verification", inspector="inspector1")
    given = life.do("dispatcher1", number, "request_verification", inspector="inspector2")
    assert (given.state, given.inspector_login) == ("verifying", "inspector2")
    assert life.do("inspector2", number, "verify", result="pass", **NEAR).state == "verified"


def test_verification_away_from_the_case_needs_a_reason_and_is_marked(life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    with pytest.raises(Invalid) as refused:
        life.do("inspector2", number, "verify", result="pass", **FAR)
    assert refused.value.code == "cases.away" and refused.value.facts["distance_m"] > 300
    done = life.do("inspector2", number, "verify", result="pass", reason="隔河拍摄", **FAR)
    with life.runtime.transaction() as session:
        facts = queries.events(session, done.id)[-1].facts
    assert done.state == "verified" and facts["place"]["inside"] is False


def test_a_verification_without_a_position_is_marked(life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    done = life.do("inspector2", number, "verify", there=False, result="pass", reason="无信号")
    with life.runtime.transaction() as session:
        assert queries.events(session, done.id)[-1].facts["place"]["marks"] == ["no_position"]


def test_who_reported_a_case_does_not_verify_it(life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    with pytest.raises(Forbidden) as refused:
        life.do("inspector1", number, "verify", result="pass", **NEAR)
    assert refused.value.code == "cases.own-report"


def test_a_closed_case_is_opened_again_with_a_new_clock(life):
    number = life.closed()
    again = life.do("manager1", number, "reopen", reason="问题复发")
    assert (again.state, again.outcome, again.deadline_at, again.resolver_id) == ("filed", None, None, None)
    assert "reopened" in again.flags
    life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    assert life.case(number).deadline_at > life.now


def test_a_case_is_closed_by_order_and_marked_so(life):
    number = life.handled()
    ended = life.do("manager1", number, "force_close", reason="领导批示")
    assert (ended.state, ended.outcome) == ("closed", "closed") and "forced" in ended.flags


def test_urging_marks_a_case_and_leaves_it_where_it_is(life):
    number = life.handled()
    due = life.case(number).due_at
    urged = life.do("manager1", number, "urge", note="请尽快")
    assert (urged.state, urged.due_at) == ("handling", due) and "urged" in urged.flags


def test_another_place_has_another_cell_and_keeps_the_number(life):
    number = life.filed()
    moved = life.do("acceptor1", number, "relocate", address="东边", **FAR)
    assert moved.number == number and moved.cell_code.startswith(city.EAST) and moved.address == "东边"
    with pytest.raises(Invalid):
        life.do("acceptor1", number, "relocate", lon=city.OUTSIDE[0], lat=city.OUTSIDE[1], crs="cgcs2000")


def test_a_step_with_several_parts_that_is_refused_changes_nothing(life):
    number = life.filed()
    before = life.case(number)
    with pytest.raises(Invalid):
        life.do("dispatcher1", number, "split", departments=["510104-works", "510104-none"])
    assert life.case(number) == before


def test_what_is_due_first_stands_first_in_a_queue(life):
    slow, quick = life.filed(class_code="06013"), life.filed()
    for number in (slow, quick):
        life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    actor = life.actor("sanitation1")
    with life.runtime.transaction() as session:
        first = listing.list_cases(session, actor, listing.Filters(), limit=1, order="due")
        rest = listing.list_cases(session, actor, listing.Filters(), limit=1, order="due", cursor=first.next)
    assert [first.rows[0].number, rest.rows[0].number, rest.next] == [quick, slow, None]


def test_what_came_back_is_not_passed_on_by_a_step_that_changes_nothing(life):
    number = life.filed()
    case = life.case(number)
    life.do("dispatcher1", number, "return", reason="立案条件不符")
    with pytest.raises(Invalid):
        life.do("acceptor1", number, "reclassify", kind=case.kind, class_=case.class_code)
    life.do("acceptor1", number, "relocate", lon=case.lon, lat=case.lat, crs="cgcs2000")
    with pytest.raises(Conflict) as refused:
        life.do("acceptor1", number, "file", condition=life.condition(number))
    assert refused.value.code == "cases.returned-unchanged"


def test_a_verification_that_came_back_says_what_was_looked_at_anew(life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    life.do("inspector2", number, "verify", result="pass")
    life.do("acceptor1", number, "return", reason="照片不清")
    with pytest.raises(Conflict):
        life.do("inspector2", number, "verify", result="pass")
    assert life.do("inspector2", number, "verify", result="pass", note="已重新核查").state == "verified"
