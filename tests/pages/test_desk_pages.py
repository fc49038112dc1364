"""The desk and the department's door without a browser: queues, panel, search, several at once, keys, listening."""

import re

import pytest
from flask import Flask

from tests import city
from tests.cases.life import Life
from webgis.cases import queries, queues, requests, workflow
from webgis.cases.workflow import SINGLE, TASK, Standing
from webgis.pages import department, desk, desk_bulk, desk_words

ROW = re.compile(r'data-row="(\d{19})"')
CALL = {"phone": "13800001234", "call_number": "C-7", "lon": "104.0622", "lat": "30.6571", "crs": "cgcs2000"}
CALL |= {"subject": f"matter:{city.REFUSE}", "description": "小区门口堆有垃圾"}


@pytest.fixture
def life(city_app: Flask) -> Life:
    return Life(city_app.extensions["webgis"])


def rows(page: str) -> list[str]:
    return ROW.findall(page)


def test_every_queue_of_a_door_is_known_and_has_words():
    for door in (desk.DOOR, department.DOOR):
        for role, names in door.queues.items():
            assert set(names) <= queues.QUEUES.keys() | {"requests"} and set(names) <= desk_words.QUEUES.keys()
            assert 0 < door.daily[role] <= len(names)


def test_every_duty_of_a_role_waits_in_one_of_its_queues():
    for door in (desk.DOOR, department.DOOR):
        for role, names in door.queues.items():
            states = {state for name in names if name in queues.QUEUES for state in queues.QUEUES[name].states}
            assert set(workflow.duties(role)) <= states, role


def test_no_two_steps_that_are_open_at_once_have_one_key():
    moves = set(desk_words.MOVES)
    steps = {name for name in desk_words.KEYS if not name.startswith("ask-")}
    assert steps >= set(desk_bulk.STEPS) and not moves & set(desk_words.KEYS.values())
    for role in ("acceptor", "dispatcher", "department"):
        for state in workflow.STATES:
            for shape in (SINGLE, workflow.PARENT, TASK):
                who = workflow.Who(1, role, ("d",))
                offered = workflow.open_actions(who, Standing(state, department="d", shape=shape))
                keys = [desk_words.KEYS[action] for action in offered]
                assert len(keys) == len(set(keys)), (role, state, offered)


def test_the_desk_shows_the_queue_and_the_case_that_its_address_names(reader, life):
    number, who = life.report().number, reader("acceptor1")
    page = who.get(f"/desk?queue=accept&case={number}").text
    assert rows(page) == [number] and f'data-panel="{number}"' in page and 'data-step="file"' in page
    assert 'data-queue-tab="accept" aria-current="true"' in page
    assert rows(who.get("/desk/queue?queue=close").text) == []
    panel = who.get(f"/desk/cases/{number}")
    assert "<html" not in panel.text and "处置时限" not in panel.text and "时限" in panel.text
    gone = who.get("/desk?queue=nowhere&case=5101042026010100001")
    assert gone.status_code == 200 and "没有 5101042026010100001" in gone.text


def test_a_door_is_for_its_roles_and_shows_only_ones_own_cases(reader, life):
    number = life.handled()
    own, other = reader("sanitation1"), reader("works1")
    assert rows(own.get("/department?queue=handle").text) == [number]
    assert rows(other.get("/department?queue=handle").text) == []
    assert other.get(f"/department/cases/{number}").status_code == 404
    assert own.get("/desk").status_code == 403 and reader("acceptor1").get("/department").status_code == 403


def test_the_panel_tells_why_the_department_and_how_the_deadline_came_about(reader, life):
    number = life.filed()
    life.do("dispatcher1", number, "dispatch", department="auto")
    panel = reader("dispatcher1", "en").get(f"/desk/cases/{number}").text
    assert "Why this one" in panel and "How it comes about" in panel and "working hours from" in panel


def test_what_may_be_the_same_is_told_with_its_place(reader, life):
    first, second = life.report().number, life.report("inspector2").number
    panel = reader("acceptor1").get(f"/desk/cases/{second}").text
    assert "疑似重复" in panel and f"&#34;number&#34;: &#34;{first}&#34;" in panel.replace("&quot;", "&#34;")


def test_requests_are_decided_at_the_desk(reader, life):
    number = life.handled()
    life.ask("sanitation1", number, "extension")
    who = reader("dispatcher1")
    assert rows(who.get("/desk?queue=requests").text) == [number]
    panel = who.get(f"/desk/cases/{number}").text
    asked = re.search(r'action="(/requests/\d+/decide)"', panel)[1]
    assert "待您审批" in panel and who.send(asked, decision="refuse", note="时限充足", back="case").status_code == 303
    assert rows(who.get("/desk?queue=requests").text) == []
    with life.runtime.transaction() as session:
        case = queries.require_case(session, life.actor("dispatcher1"), number)
        assert [one.state for one in requests.of_case(session, case.id)] == ["refused"]


def test_the_next_case_is_taken_and_when_there_is_none_it_is_said(reader, life):
    who = reader("dispatcher1")
    assert who.send("/desk/next").get_json()["number"] is None
    number = life.filed()
    assert who.send("/desk/next").get_json()["number"] == number
    assert "您已领取此案件" in who.get(f"/desk/cases/{number}").text


def found(who, words: str, door: str = "desk") -> str:
    answer = who.send(f"/{door}/search", q=words)
    assert answer.status_code == 200
    return answer.text


def test_one_box_finds_numbers_words_cells_and_areas_as_far_as_one_may_see(reader, life):
    number = life.handled(description="蓝色垃圾桶翻倒")
    centre, own, other = reader("dispatcher1"), reader("sanitation1"), reader("works1")
    for words in (number, number[-4:], "蓝色垃圾桶", "翻倒"):
        assert f'data-go-case="{number}"' in found(centre, words), words
        assert f'data-go-case="{number}"' in found(own, words, "department"), words
        assert "data-go-case" not in found(other, words, "department"), words
    assert f"{city.WEST}001" in found(centre, f"{city.WEST}001") and "data-go-box" in found(centre, "西社区")
    assert "此类未结案件" in found(centre, "暴露垃圾") and "此类未结案件" not in found(other, "暴露垃圾", "department")
    assert "未找到" in found(centre, "没有这样的地方") and "未找到" in found(centre, "%")


def test_cases_of_a_telephone_are_found_by_who_takes_calls_and_by_nobody_else(reader, life):
    operator = reader("acceptor1")
    number = operator.send("/hotline/new", **CALL).location.rsplit("/", 1)[1]
    assert number in found(operator, "138 0000 1234") and "此电话上报的案件" in found(operator, "13800001234")
    assert number not in found(reader("dispatcher1"), "13800001234")


def mark(who, door: str, numbers: list[str], **fields):
    return who.client.post(
        f"/{door}/bulk", data={"csrf_token": who.token, "numbers": numbers} | fields, headers=who.headers
    )


def test_several_cases_are_dispatched_at_once_and_what_is_refused_stays_with_its_reason(reader, life):
    numbers = [life.filed(), life.filed(place=city.IN_EAST)]
    who = reader("dispatcher1")
    bar = mark(who, "desk", numbers).text
    assert 'data-bulk-step="dispatch"' in bar and 'data-bulk-step="file"' not in bar
    life.do("dispatcher2", numbers[0], "dispatch", department="510104-works")
    done = mark(who, "desk", numbers, action="dispatch", sent="yes", department="510104-sanitation").text
    assert f'data-done="{numbers[1]}"' in done and "1 件未能办理" in done
    assert re.search(rf"{numbers[0]}</a>\s+已有人先行办理：案件现为“已派遣”", done)
    assert life.case(numbers[0]).department_code == "510104-works"


def test_a_step_with_several_that_lacks_its_reason_changes_nothing(reader, life):
    numbers = [life.report().number, life.report(place=city.IN_EAST).number]
    refused = mark(reader("acceptor1"), "desk", numbers, action="reject", sent="yes")
    assert refused.status_code == 422 and "请填写理由" in refused.text
    assert {life.case(number).state for number in numbers} == {"reported"}


def test_cases_marked_in_the_list_are_merged_into_one_of_them(reader, life):
    first, second, third = (life.report(login).number for login in ("inspector1", "inspector2", "acceptor1"))
    mark(reader("acceptor1"), "desk", [first, second, third], action="merge", sent="yes", into=first)
    assert [life.case(number).state for number in (first, second, third)] == ["reported", "merged", "merged"]


def test_a_department_receives_several_and_hands_them_to_a_person(reader, life):
    numbers = [life.filed(), life.filed(place=city.IN_EAST)]
    for number in numbers:
        life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    who = reader("sanitation1")
    mark(who, "department", numbers, action="receive", sent="yes")
    mark(who, "department", numbers, action="assign", sent="yes", handler="sanitation1")
    assert sorted(rows(who.get("/department?queue=mine").text)) == sorted(numbers)


def test_who_cannot_hold_a_stream_asks_in_turns_and_hears_the_same(api, life):
    centre, other = api("dispatcher1"), api("works1")
    stream = centre.get("/live/events")
    assert stream.status_code == 204
    begin = centre.get("/api/v1/live").get_json()
    assert begin["cases"] == [] and begin["resync"] is False
    number = life.handled()
    told = centre.get("/api/v1/live", since=begin["cursor"])
    assert {(case["number"], case["state"]) for case in told.get_json()["cases"]} == {(number, "handling")}
    assert other.get("/api/v1/live", since=begin["cursor"]).get_json()["cases"] == []
    again = centre.client.get("/api/v1/live", headers=centre.headers | {"If-None-Match": told.headers["ETag"]})
    assert again.status_code == 304
    assert centre.get("/api/v1/live", since="elsewhere").get_json()["resync"] is True


def test_presence_is_for_those_who_may_see_the_case(api, life):
    number = life.handled()
    one, two, stranger = api("dispatcher1"), api("dispatcher2"), api("works1")
    for who, tab in ((one, "tabone1"), (two, "tabtwo2")):
        assert who.post("/api/v1/live/presence", {"tab": tab, "case": number}).status_code == 204
    assert stranger.post("/api/v1/live/presence", {"tab": "tabsix6", "case": number}).status_code == 404
    seen = one.get("/api/v1/live", tab="tabone1", case=number).get_json()["presence"]
    assert [person["name"] for person in seen["people"]] == ["dispatcher2 岗"]
    assert "presence" not in stranger.get("/api/v1/live", tab="tabone1", case=number).get_json()
