"""The pages of emergencies: opened, worked on by two agencies, ended; what is refused stands at its field."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from tests.emergency.scene import people
from tests.emergency.test_cap import INFO
from tests.emergency.test_cap_inbox import INSIDE, message
from tests.hazards.makers import given
from tests.hazards.watched import UNDERPASS, Watched, flood
from webgis import api
from webgis.accounts import queries as accounts
from webgis.emergency import cap_reading
from webgis.hazards import sources
from webgis.hazards.source_wire import NewSource
from webgis.pages import emergency

OPEN = {"kind": "waterlogging", "title": "下穿隧道积水", "level": "4", "crs": "wgs84", "radius_m": "300"}
OPEN |= {"lon": str(city.IN_WEST[0]), "lat": str(city.IN_WEST[1])}

DRAWN = "104.0615,30.6565 104.0635,30.6565 104.0635,30.6575 104.0615,30.6575"
FAR = "116.3,39.9 116.4,39.9 116.4,40"
CROSSED = "104.0615,30.6565 104.0635,30.6575 104.0635,30.6565 104.0615,30.6575"


@pytest.fixture
def town(city_runtime, reader):
    with city_runtime.transaction() as session:
        people(session)
    return reader


def opened(someone, **given) -> str:
    answer = someone.send("/emergency/new", **OPEN | given)
    assert answer.status_code == 303, answer.text
    return answer.location


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_emergency_from_its_opening_to_its_report(town, language):
    dispatcher, drainage, traffic = (town(login, language) for login in ("dispatcher1", "drainage1", "traffic1"))
    page = opened(dispatcher)
    assert "下穿隧道积水" in dispatcher.get("/emergency").text and page in drainage.get("/emergency").text
    board = drainage.get(page).text
    (task,) = re.findall(rf'action="{page}/tasks/(\d+)/start"', board)
    assert drainage.send(f"{page}/tasks/{task}/start").status_code == 303
    assert drainage.send(f"{page}/tasks/{task}/finish").status_code == 303
    assert drainage.send(f"{page}/note", words="已抽干 <b>").status_code == 303
    shown = traffic.get(page).text
    assert "已抽干 &lt;b&gt;" in shown and "/change" not in shown
    for other in set(re.findall(rf'action="{page}/tasks/(\d+)/drop"', dispatcher.get(page).text)):
        assert dispatcher.send(f"{page}/tasks/{other}/drop", note="不需要").status_code == 303
    assert dispatcher.send(f"{page}/change", level="3", note="升级").status_code == 303
    for other in set(re.findall(rf'action="{page}/tasks/(\d+)/drop"', dispatcher.get(page).text)):
        assert dispatcher.send(f"{page}/tasks/{other}/drop", note="不需要").status_code == 303
    assert dispatcher.send(f"{page}/close", summary="积水已退").status_code == 303
    told = traffic.get(f"{page}/report").text
    assert "积水已退" in told and ("Jinjiang Drainage" if language == "en" else "锦江区排水所") in told
    assert "/close" not in dispatcher.get(page).text


def test_what_is_refused_stands_at_its_field_and_what_was_typed_stays(town):
    dispatcher = town("dispatcher1")
    answer = dispatcher.send("/emergency/new", **OPEN | {"title": "", "kind": "", "address": "人民南路"})
    assert answer.status_code == 422 and "人民南路" in answer.text
    assert "请选择事件类别" in answer.text and "请简要说明发生了什么" in answer.text
    outside = dispatcher.send("/emergency/new", **OPEN | {"lon": "104.08"})
    assert outside.status_code == 422 and "网格" in outside.text and "km" in outside.text
    assert "19 位编号" in dispatcher.send("/emergency/new", **OPEN | {"case": "5101042026110200099"}).text
    page = opened(dispatcher)
    for action, fields, said in (
        ("note", {}, "请填写内容"), ("change", {"level": "4"}, "请选择其他级别"), ("close", {}, "请填写结束说明"),
        ("invite", {}, "请至少选择一个"), ("link", {"case": "12"}, "19 位编号"),
        ("add_task", {"words": "x", "department": "510104-works", "minutes": "soon"}, "整数分钟"),
    ):  # fmt: skip
        answer = dispatcher.send(f"{page}/{action}", **fields)
        assert answer.status_code == 422 and said in answer.text, action
    assert dispatcher.send(f"{page}/close", summary="完").status_code == 303
    assert "项任务未完成" in dispatcher.get(page).text
    assert dispatcher.send(f"{page}/forget").status_code == 404


def test_those_that_ended_are_paged_to_the_first(town, monkeypatch):
    dispatcher = town("dispatcher1")
    pages = [opened(dispatcher, title=f"第 {n} 起") for n in range(3)]
    for page in pages:
        for task in set(re.findall(rf'action="{page}/tasks/(\d+)/drop"', dispatcher.get(page).text)):
            dispatcher.send(f"{page}/tasks/{task}/drop", note="不需要")
        assert dispatcher.send(f"{page}/close", summary="完").status_code == 303
    monkeypatch.setattr(emergency, "MOST_CLOSED", 2)
    first = dispatcher.get("/emergency").text
    assert "第 2 起" in first and "第 1 起" in first and "第 0 起" not in first
    (older,) = re.findall(r'href="(/emergency\?before=\d+)#', first)
    second = dispatcher.get(older).text
    assert "第 0 起" in second and "第 1 起" not in second and "更早的记录" not in second
    assert dispatcher.get("/emergency?before=x").status_code == 200


def test_who_takes_no_part_finds_nothing(town):
    page = opened(town("dispatcher1"))
    stranger = town("works1")
    assert stranger.get(page).status_code == (200 if page in stranger.get("/emergency").text else 404)
    assert town("sanitation1").send(f"{page}/change", level="1").status_code == 403
    assert town("acceptor1").get(page).status_code == 200
    assert town("acceptor1").send(f"{page}/note", words="x").status_code == 403
    assert town("acceptor1").get("/emergency/new").status_code == 403


def test_who_has_nothing_to_do_any_more_is_dismissed_by_who_leads(town):
    dispatcher, traffic = town("dispatcher1"), town("traffic1")
    page = opened(dispatcher)
    assert f'action="{page}/dismiss"' not in dispatcher.get(page).text
    (task,) = re.findall(rf'action="{page}/tasks/(\d+)/start"', traffic.get(page).text)
    assert traffic.send(f"{page}/tasks/{task}/finish").status_code == 303
    assert dispatcher.get(page).text.count(f'action="{page}/dismiss"') == 1
    assert f'action="{page}/dismiss"' not in traffic.get(page).text
    assert dispatcher.send(f"{page}/dismiss", department="510104-drainage").status_code == 303
    assert "仍有任务" in dispatcher.get(page).text
    assert dispatcher.send(f"{page}/dismiss", department="510104-traffic").status_code == 303
    assert traffic.get(page).status_code == 404 and "退出处置" in dispatcher.get(page).text


def test_the_ground_is_changed_to_what_was_drawn_and_no_other_outline_is_taken(town):
    dispatcher = town("dispatcher1")
    page = opened(dispatcher)
    for wrong in ("here", "104.06,30.65 104.07,30.65", "nan,nan " * 3, FAR, CROSSED, "9" * 6000):
        answer = dispatcher.send(f"{page}/change", corners=wrong)
        assert answer.status_code == 422 and "请绘制不自相交的轮廓" in answer.text, wrong[:20]
        assert wrong.strip() in answer.text, "what was typed stays"
    assert "周边 300 m</dd>" in dispatcher.get(page).text
    assert dispatcher.send(f"{page}/change", corners=DRAWN).status_code == 303
    shown = dispatcher.get(page).text
    assert "指定范围</dd>" in shown and "104.0615" in shown


def test_an_emergency_is_opened_with_an_outline_and_its_place_lies_inside_when_no_pin_was_set(town):
    dispatcher = town("dispatcher1")
    page = opened(dispatcher, ground="outline", corners=DRAWN, lon="", lat="")
    shown = dispatcher.get(page).text
    assert "指定范围" in shown and 'data-lon="104.0625"' in shown and 'data-lat="30.657"' in shown
    for wrong in ("", FAR, CROSSED):
        answer = dispatcher.send("/emergency/new", **OPEN | {"ground": "outline", "corners": wrong})
        assert answer.status_code == 422 and "请绘制不自相交的轮廓" in answer.text, wrong
        assert '"outline" checked' in answer.text and OPEN["title"] in answer.text


def test_an_emergency_is_opened_with_the_ring_around_a_hazard_source(town, city_runtime):
    dispatcher = town("dispatcher1")
    assert 'value="hazard"' not in dispatcher.get("/emergency/new").text, "there is no source yet"
    with city_runtime.transaction() as session:
        by = accounts.actor(session, "administrator1")
        sources.add(session, by, api.checked(NewSource, given()), at=datetime.now(UTC))
    form = dispatcher.get("/emergency/new?hazard=CD-001&metres=350").text
    assert 'value="hazard" checked' in form and 'value="350" selected' in form and 'value="CD-001"' in form
    ring = {"ground": "hazard", "hazard": "CD-001", "ring_m": "350"}
    page = opened(dispatcher, kind="hazmat", **ring, lon="", lat="")
    assert "危险源 CD-001 周边 350 m" in dispatcher.get(page).text
    with city_runtime.transaction() as session:
        square_m = session.scalar(text("SELECT ST_Area(ST_Transform(area, 4544)) FROM city.emergency"))
    assert square_m == pytest.approx(100**2 + 4 * 100 * 350 + 3.1416 * 350**2, rel=0.01)
    for field, wrong, said in (
        ("hazard", "", "请选择危险源"),
        ("hazard", "\0", "请选择危险源"),
        ("hazard", "X-9", "请选择危险源"),
        ("ring_m", "5", "5,000 米"),
    ):
        answer = dispatcher.send("/emergency/new", **OPEN | ring | {field: wrong})
        assert answer.status_code == 422 and said in answer.text, wrong


def test_a_case_opens_an_emergency_and_shows_it(town, city_runtime):
    from tests.cases.life import Life

    number = Life(city_runtime).report().number
    dispatcher = town("dispatcher1")
    assert f"/emergency/new?case={number}" in dispatcher.get(f"/cases/{number}").text
    form = dispatcher.get(f"/emergency/new?case={number}").text
    assert f'value="{number}"' in form and "暴露垃圾" in form
    page = opened(dispatcher, case=number)
    assert number in dispatcher.get(page).text and page in dispatcher.get(f"/cases/{number}").text
    assert number not in town("traffic1").get(page).text


def test_a_cap_message_is_taken_in_and_decided_on(town):
    from io import BytesIO

    dispatcher = town("dispatcher1")

    def upload(data):
        fields = {"csrf_token": dispatcher.token, "file": (BytesIO(data), "x.xml")}
        return dispatcher.client.post("/emergency/cap", data=fields, headers=dispatcher.headers)

    assert "不是可用的 CAP" in upload(b"<!DOCTYPE a><a/>").text
    assert upload(message()).status_code == 303
    listed = dispatcher.get("/emergency").text
    (accept,) = re.findall(r'action="(/emergency/cap/\d+/accept)"', listed)
    assert dispatcher.send(accept.replace("accept", "ignore")).status_code == 404
    assert accept in dispatcher.get("/emergency").text
    assert dispatcher.send(accept, kind="flood").location == "/emergency", "there is no such kind"
    page = dispatcher.send(accept, kind="collapse", level="1").location
    shown = dispatcher.get(page).text
    assert "收到 CAP 消息" in shown and "道路塌陷" in shown and "特别重大" in shown
    assert dispatcher.send(accept).location == "/emergency"
    assert "已有人处理" in dispatcher.get("/emergency").text


def test_a_message_whose_ground_is_too_large_leads_to_the_form(town):
    dispatcher = town("dispatcher1")
    lon, lat = city.IN_WEST
    corners = ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5))
    area = INSIDE | {"polygon": [" ".join(f"{lat + north},{lon + east}" for north, east in corners)]}
    headers = {"X-CSRFToken": dispatcher.token}
    sent = {"data": message(info=[INFO | {"area": [area]}]), "content_type": "application/cap+xml"}
    proposal = dispatcher.client.post("/api/v1/emergencies/cap", headers=headers, **sent).get_json()["proposal"]
    assert dispatcher.send(f"/emergency/cap/{proposal}/accept").location == "/emergency"
    assert "该消息的范围不在网格内或过大" in dispatcher.get("/emergency").text


def test_an_alarm_of_other_classes_fills_no_form(city_runtime, town):
    watched = Watched(city_runtime)
    flood(watched)
    watched.work()
    alarm = watched.alarm(UNDERPASS).id
    assert 'name="alarm_id"' in town("dispatcher1").get(f"/emergency/new?alarm={alarm}").text
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET class_codes = 'matter:01' WHERE login = 'dispatcher2'"))
    assert town("dispatcher2").get(f"/emergency/new?alarm={alarm}").status_code == 404


def test_the_limit_of_bytes_of_a_message_holds_for_a_session_too(town):
    dispatcher = town("dispatcher1")
    sent = {"data": message() + b" " * cap_reading.LARGEST, "content_type": "application/cap+xml"}
    headers = {"X-CSRFToken": dispatcher.token}
    assert dispatcher.client.post("/api/v1/emergencies/cap", headers=headers, **sent).status_code == 413
