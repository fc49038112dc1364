"""The page of a case: every step of the table can be done there, and what the engine knows is said there."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests import city
from tests.cases.life import Life
from webgis.accounts import operations as accounts
from webgis.accounts.actor import ROLES, Actor
from webgis.cases import queries, workflow
from webgis.pages import step_forms, step_words

NEAR = {"lon": str(city.IN_WEST[0]), "lat": str(city.IN_WEST[1]), "crs": "cgcs2000"}
FAR = {"lon": str(city.IN_EAST[0]), "lat": str(city.IN_EAST[1]), "crs": "cgcs2000"}
PARTS = {"lat": "lon", "kind": "class"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def life(city_runtime) -> Life:
    """The small city, an hour ago."""
    return Life(city_runtime, datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def handler(city_runtime) -> str:
    """The login of someone who handles cases inside the sanitation department."""
    with city_runtime.transaction() as session:
        accounts.add_person(session, "crew1", "清运一班", "department", city.PASSWORD, department="510104-sanitation")
    return "crew1"


def errors(answer) -> dict[str, str]:
    """What the page says at its fields."""
    return dict(re.findall(r'data-error="(\w+)"[^>]*>(?:<svg.*?</svg>)?<span>(.*?)</span>', answer.text))


def do(reader, login: str, number: str, action: str, photos=(), **fields):
    """Do a step as the page would; afterwards the page."""
    who = reader(login)
    seen = re.search(r'name="version" value="(\d+)"', who.get(f"/cases/{number}").text)[1]
    answer = who.send(f"/cases/{number}/{action}", photos, version=seen, **fields)
    assert answer.status_code == 303, errors(answer)
    return who.get(answer.location)


def standing(state: str, shape: str) -> SimpleNamespace:
    """A case as far as the table asks."""
    return SimpleNamespace(
        state=state,
        department_code="d",
        resolver_id=8,
        reporter_id=9,
        inspector_id=None,
        ledger=[],
        relation="task" if shape == workflow.TASK else None,
        flags=["split"] if shape == workflow.PARENT else [],
        source="inspector",
        confirmation=None,
        outcome=state if state in workflow.OUTCOMES else None,
    )


@pytest.mark.parametrize("shape", workflow.ANY)
@pytest.mark.parametrize("role", ROLES)
def test_exactly_the_open_steps_are_offered_and_each_asks_for_all_it_needs(city_app, city_settings, role, shape):
    actor = Actor(1, "one", "One", role, "d" if role == "department" else None, ("d",) if role == "department" else ())
    with city_app.test_request_context():
        for state in workflow.STATES:
            row = standing(state, shape)
            forms = step_forms.of(actor, city_settings, row)
            assert {form.action for form in forms} == set(queries.open_actions(actor, row, city_settings))
            assert [form.rank for form in forms].count("main") <= 1
            for form in forms:
                asked = {field.name for field in form.fields}
                for step in workflow.STEPS:
                    if (step.action, step.source) == (form.action, state) and shape in step.of and role in step.who:
                        needs = [{PARTS.get(name, name) for name in need.split("|")} for need in step.needs]
                        assert all(need & asked for need in needs), (form.action, step.needs)


def test_whatever_can_happen_to_a_case_has_chinese_words(city_app):
    turns = ("ask", "review", "decide", "withdraw")
    actions = [*workflow.ACTIONS, *(f"{turn}_{kind}" for turn in turns for kind in workflow.REQUEST_KINDS)]
    with city_app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        for action in actions:
            for state in workflow.REQUEST_STATES:
                assert CHINESE.search(step_words.told(action, {}, {"state": state}).word), action
        assert all(CHINESE.search(str(step_words.DUE[state])) for state in workflow.OPEN)


def test_the_rules_choose_the_department_and_the_page_says_why(reader, life):
    number = life.filed()
    page = reader("dispatcher1").get(f"/cases/{number}").text
    assert (
        page.index("锦江区环卫所")
        < page.index("按规则选定")
        < page.index("本区域其他单位")
        < page.index("锦江区市政所")
    )
    page = do(reader, "dispatcher1", number, "dispatch", department="auto").text
    assert "已派遣" in page and "立案条件指明的部门类别" in page and "人工指定" not in page
    number = life.filed(place=city.IN_EAST)
    page = do(reader, "dispatcher1", number, "dispatch", department="510104-works").text
    assert "人工指定；按规则应为" in page


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "4工作时："), ("en", "4 working hours from ")])
def test_the_page_explains_how_the_deadline_comes_about(reader, life, language, said):
    page = reader("sanitation1", language).get(f"/cases/{life.handled()}").text
    assert said in page and ("如何得出" if language == "zh-CN" else "How it comes about") in page


def test_a_case_is_split_among_the_departments_that_are_ticked(reader, life):
    number = life.filed()
    who = reader("dispatcher1")
    one = who.send(f"/cases/{number}/split", departments=["510104-works"])
    assert one.status_code == 422 and "至少选择两个单位" in errors(one)["departments"]
    page = do(reader, "dispatcher1", number, "split", departments=["510104-works", "510104-sanitation"]).text
    tasks = [task.number for task in life.family(number)]
    assert len(tasks) == 2 and all(f'href="/cases/{task}"' in page for task in tasks)
    own = next(task.number for task in life.family(number) if task.department_code == "510104-works")
    page = reader("works1").get(f"/cases/{own}").text
    assert number in page and f'href="/cases/{number}"' not in page, "no link to a case the department may not open"


def test_a_verification_from_elsewhere_wants_a_reason_and_is_marked(reader, life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    away = reader("inspector2").send(f"/cases/{number}/verify", result="pass", **FAR)
    assert away.status_code == 422 and "您不在现场" in errors(away)["reason"]
    page = do(reader, "inspector2", number, "verify", result="pass", reason="道路封闭", **FAR).text
    assert "不在现场，距案件位置" in page and "道路封闭" in page


def test_a_photo_that_was_given_before_is_marked_and_paired_with_the_one_it_is_held_against(reader, life):
    number = life.handled()
    page = do(reader, "sanitation1", number, "resolve", (city.photo(),), note="已清理").text
    assert "照片重复使用" in page and "↔ 1" in page


def test_a_verification_on_the_spot_is_marked_as_such(reader, life):
    number = life.handled()
    life.do("sanitation1", number, "resolve", note="已清理")
    page = do(reader, "inspector2", number, "verify", (city.photo(colour=9),), result="pass", **NEAR).text
    assert "在现场，距案件位置 0 米" in page


def test_who_gets_a_case_back_is_told_at_the_field_to_choose_otherwise(reader, life):
    number = life.filed()
    life.do("dispatcher1", number, "dispatch", department="510104-works")
    life.do("works1", number, "return", reason="不属本单位")
    answer = reader("dispatcher1").send(f"/cases/{number}/dispatch", department="510104-works", note="再试")
    assert answer.status_code == 422 and "案件刚从该处退回" in errors(answer)["department"]
    assert "再试</textarea>" in answer.text


def test_a_duplicate_is_merged_by_choice_or_number_and_stands_for_itself_again(reader, life):
    first, second = life.filed(), life.report().number
    page = reader("acceptor1").get(f"/cases/{second}").text
    assert re.search(rf'name="into" value="{first}"', page), "the likely one is offered"
    page = do(reader, "acceptor1", second, "merge", into_number=first).text
    assert "已并入" in page and f'href="/cases/{first}"' in page
    assert "重复案件" in reader("acceptor1").get(f"/cases/{first}").text
    assert "已撤销合并" in do(reader, "acceptor1", second, "unmerge", reason="不是同一处").text


def test_class_and_place_are_corrected(reader, life):
    number = life.report().number
    page = do(reader, "acceptor1", number, "reclassify", subject="matter:06013").text
    assert life.case(number).class_code == "06013" and "已更正类别" in page
    do(reader, "acceptor1", number, "relocate", address="东大街 8 号", **FAR)
    moved = life.case(number)
    assert moved.cell_code.startswith(city.EAST) and moved.address == "东大街 8 号"


def test_a_handler_is_chosen_from_the_department(reader, life, handler):
    number = life.handled()
    page = reader("sanitation1").get(f"/cases/{number}").text
    assert 'value="crew1"' in page and 'value="works1"' not in page
    assert "清运一班" in do(reader, "sanitation1", number, "assign", handler=handler).text


def test_a_manager_urges_and_orders_a_case_closed(reader, life):
    number = life.handled()
    assert "督办" in do(reader, "manager1", number, "urge", note="请抓紧").text
    page = do(reader, "manager1", number, "force_close", reason="统一处理").text
    assert "已强制结案" in page and "统一处理" in page


def test_a_closed_case_is_opened_again(reader, life):
    page = do(reader, "acceptor1", life.closed(), "reopen", reason="又出现").text
    assert "重新办理" in page and "又出现" in page


def test_a_note_changes_nothing_but_the_history(reader, life):
    number = life.handled()
    page = do(reader, "inspector1", number, "note", (city.photo(colour=33),), note="仍在堆放").text
    assert "仍在堆放" in page and life.case(number).state == "handling"


def test_the_next_case_is_taken_by_one_and_kept_from_the_others(reader, life):
    number = life.filed()
    first, second = reader("dispatcher1"), reader("dispatcher2")
    assert "领取下一件" in first.get("/cases?state=filed,resolved,verified").text
    taken = first.send("/cases/claim")
    assert taken.location == f"/cases/{number}" and "案件由您办理" in first.get(taken.location).text
    page = second.get(f"/cases/{number}").text
    assert "dispatcher1 岗正在办理此案件" in page and 'data-step="dispatch"' not in page
    late = second.send(f"/cases/{number}/dispatch", department="auto")
    assert "正由他人办理" in second.get(late.location).text and life.case(number).state == "filed"
    assert "正由他人办理" in second.get(second.send(f"/cases/{number}/claim").location).text
    assert "目前没有待办案件" in second.get(second.get(second.send("/cases/claim").location).location).text
    assert first.send(f"/cases/{number}/release").status_code == 303
    assert second.send(f"/cases/{number}/claim").location == f"/cases/{number}"
    assert "您已领取此案件" in second.get(f"/cases/{number}").text


def test_who_has_no_queue_takes_no_case(reader):
    assert reader("manager1").send("/cases/claim").status_code == 403


def test_an_extension_is_asked_by_the_handler_passed_on_and_granted(reader, life, handler):
    number = life.handled()
    crew, department, dispatcher = reader(handler), reader("sanitation1"), reader("dispatcher1")
    assert "申请延期" in crew.get(f"/cases/{number}").text
    life.do("sanitation1", number, "assign", handler=handler)
    empty = crew.send(f"/cases/{number}/requests", kind="extension", reason=" ")
    assert empty.status_code == 422 and "请填写理由" in errors(empty)["reason"]
    assert crew.send(f"/cases/{number}/requests", kind="extension", reason="车辆故障").status_code == 303
    page = crew.get(f"/cases/{number}").text
    assert "待单位初审" in page and "撤回申请" in page and "ask-extension" not in page
    answer = re.search(r'action="(/requests/\d+)/review"', department.get("/requests").text)[1]
    refused = department.send(f"{answer}/review", decision="refuse")
    assert refused.status_code == 422 and errors(refused).keys() == {"note"}
    assert department.send(f"{answer}/review", decision="grant").location == "/requests"
    assert "没有待您审批的申请" in department.get("/requests").text and "车辆故障" in dispatcher.get("/requests").text
    granted = dispatcher.send(f"{answer}/decide", decision="grant", note="同意", back="case")
    page = dispatcher.get(granted.location).text
    assert granted.location == f"/cases/{number}" and "延期获批" in page and "已批准" in page
    assert life.case(number).extension_count == 1
    again = dispatcher.send(f"{answer}/decide", decision="grant")
    assert "此申请已审批" in dispatcher.get(again.location).text


def test_a_suspension_is_asked_with_its_end_and_shown_while_it_lasts(reader, life):
    number = life.handled()
    department, dispatcher = reader("sanitation1"), reader("dispatcher1")
    until = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    given = {"kind": "suspension", "reason": "施工围挡"}
    never = department.send(f"/cases/{number}/requests", **given, until="2020-01-01T08:00")
    assert never.status_code == 422 and "将来的时间" in errors(never)["until"]
    assert department.send(f"/cases/{number}/requests", **given, until=until).status_code == 303
    answer = re.search(r'action="(/requests/\d+)/decide"', dispatcher.get("/requests").text)[1]
    dispatcher.send(f"{answer}/decide", decision="grant")
    page = department.get(f"/cases/{number}").text
    assert "挂账获批" in page and "暂停计时" in page and life.case(number).state == "suspended"
    assert "恢复处置" in dispatcher.get(f"/cases/{number}").text


def test_a_request_is_taken_back(reader, life):
    number = life.handled()
    department = reader("sanitation1")
    department.send(f"/cases/{number}/requests", kind="extension", reason="车辆故障")
    answer = re.search(r'action="(/requests/\d+)/withdraw"', department.get(f"/cases/{number}").text)[1]
    department.send(f"{answer}/withdraw", back="case")
    assert "延期已撤回" in department.get(f"/cases/{number}").text
    assert department.send(f"{answer}/nonsense").status_code == 404


def test_who_answers_no_requests_has_no_list_of_them(reader):
    assert reader("inspector1").get("/requests").status_code == 403
    assert 'href="/requests"' not in reader("inspector1").get("/cases").text


def test_the_map_shows_cases_in_every_state_with_their_light(reader, life):
    states = {life.handled(): "handling", life.filed(): "filed", life.report().number: "reported"}
    waiting = life.handled()
    life.ask("sanitation1", waiting, "extension")
    shown = reader("manager1").get("/maps/data/cases").json["features"]
    assert {one["properties"]["number"]: one["properties"]["state"] for one in shown} == states | {waiting: "handling"}
