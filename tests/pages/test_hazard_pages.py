"""The pages of hazard sources without a screen: what each role finds, the form with a look first, files."""

import json

import pytest
from sqlalchemy import text

from tests.hazards.makers import BORDER, given, square
from tests.pages.sending import do, looked_at, send

HOSTILE = "<script>alert(1)</script>"


def form(**more: str) -> dict[str, str]:
    """The form of a store of 30 t of chlorine, as a browser sends it."""
    fields = {
        "code": "CD-001",
        "kind": "chemical_store",
        "name_zh": "西站氯库",
        "holder": "示例化工有限公司",
        "people": "120",
        "geometry": json.dumps(square(*BORDER)),
        "u0-name": "1 号仓库",
        "u0-kind": "storage",
        "u0-stock": "液氯",
        "u0-quantity": "30",
        "u0-cas": "7782-50-5",
        "u0-row": "",
        "u0-classes": "",
        "duty": "chief",
        "person": "张三丰",
        "phone": "13800001234",
        "act": "keep",
    }
    return fields | more


@pytest.fixture
def store(city_app, api):
    """The store, added."""
    assert api("administrator1").post("/api/v1/hazards", given(name_zh=HOSTILE)).status_code == 201


def test_an_empty_list_says_what_to_do_next(reader):
    assert "尚无危险源" in reader("administrator1").get("/hazards").text
    assert "由系统管理员添加" in reader("inspector1").get("/hazards").text


def test_a_source_is_looked_at_then_kept_and_its_page_tells_how_its_grade_comes_about(reader, city_runtime):
    editor = reader("administrator1")
    looked = editor.send("/hazards/new", **form(act="look"))
    assert looked.status_code == 200 and "试算结果；尚未保存" in looked.text and "R = 48 ≥ 10：3 级" in looked.text
    with city_runtime.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM city.hazard_source")) == 0
    kept = editor.send("/hazards/new", **form())
    assert (kept.status_code, kept.location) == (303, "/hazards/CD-001")
    page = editor.get("/hazards/CD-001").text
    assert "液氯：q/Q = 30 t / 5 t = 6（表 1 第 12 行）" in page and "三级" in page and "138****1234" in page
    assert "张三丰" not in page and "13800001234" not in page
    english = reader("inspector1", "en").get("/hazards/CD-001").text
    assert "S = Σ q/Q = 6 ≥ 1: a major hazard source" in english and "Show whole" not in english


def test_persons_in_charge_are_shown_whole_to_those_who_may_and_that_is_said(reader):
    reader("administrator1").send("/hazards/new", **form())
    looker = reader("dispatcher1")
    assert "13800001234" in looker.send("/hazards/CD-001/persons").text
    assert "dispatcher1" in looker.get("/hazards/CD-001").text
    assert reader("works1").send("/hazards/CD-001/persons").status_code == 403


def test_a_change_keeps_the_persons_unless_others_are_given_and_an_old_form_overwrites_nothing(reader):
    editor = reader("administrator1")
    editor.send("/hazards/new", **form())
    shown = editor.get("/hazards/CD-001/edit").text
    assert 'name="version" value="1"' in shown and "张三丰" not in shown
    changed = form(version="1", people="20", person="", phone="", state="active")
    assert editor.send("/hazards/CD-001/edit", **changed).status_code == 303
    page = editor.get("/hazards/CD-001").text
    assert "填报人数变更" in page and "138****1234" in page
    assert editor.send("/hazards/CD-001/edit", **changed).status_code == 422


@pytest.mark.parametrize(
    "more, said",
    [
        ({"geometry": "{"}, "请在地图上绘制边界"),
        ({"geometry": ""}, "请在地图上绘制边界"),
        ({"u0-quantity": "30000"}, "1 号仓库 · 液氯"),
        ({"u0-quantity": "三十"}, "1 号仓库 · 液氯"),
        ({"people": ""}, "500 米范围内人口未知"),
        ({"people": "viele"}, "500 米内人数：缺失或无法使用"),
        ({"name_zh": ""}, "中文名称：缺失或无法使用"),
        ({"credit_code": "91350100M000100Y44"}, "末位校验码不符"),
    ],
)
def test_a_fault_of_the_form_is_said_in_words_and_what_was_typed_stays(reader, more, said):
    answer = reader("administrator1").send("/hazards/new", **form(**more))
    assert answer.status_code == 422 and said in answer.text and "示例化工有限公司" in answer.text


def test_the_list_is_narrowed_and_hostile_names_are_text(reader, store):
    viewer = reader("manager1")
    assert HOSTILE not in viewer.get("/hazards").text and "&lt;script&gt;" in viewer.get("/hazards").text
    assert "CD-001" in viewer.get("/hazards?level=3&kind=chemical_store&q=CD").text
    assert "没有符合条件的危险源" in viewer.get("/hazards?level=1").text
    assert "CD-001" in viewer.get("/hazards?level=x").text


def test_the_impact_sheet_has_its_rings_and_a_distance_of_ones_own(reader, store):
    viewer = reader("dispatcher1", "en")
    sheet = viewer.get("/hazards/CD-001/impact").text
    assert all(f"{metres} m" in sheet for metres in ("100", "300", "500", "1,000")) and HOSTILE not in sheet
    assert 'value="250"' in viewer.get("/hazards/CD-001/impact?metres=250").text
    strange = viewer.get("/hazards/CD-001/impact?metres=nan")
    assert strange.status_code == 200 and "numbers from 10 to 5,000 metres" in strange.text
    assert viewer.get("/hazards/none/impact").status_code == 404


def test_only_administrators_find_the_form(reader, store):
    for path in ("/hazards/new", "/hazards/CD-001/edit"):
        assert reader("manager1").get(path).status_code == 403


TABLE = (
    "code,kind,name_zh,holder,lon,lat,radius_m,people,unit,stock,quantity,cas\n"
    "CD-001,危险化学品仓库,氨库,示例,104.065,30.6575,40,60,1 号,液氨,{ammonia},7664-41-7\n"
    "CD-001,,,,,,,,1 号,液氯,8,7782-50-5\n"
    "CD-002,gas_station,加油站,示例,104.066,30.6580,25,,,,,\n"
)


def test_a_file_is_looked_at_and_taken_over_and_again_changes_nothing(reader, city_runtime):
    editor = reader("administrator1")
    table = TABLE.format(ammonia=20).encode()
    path = looked_at(editor, city_runtime, send(editor, "/admin/hazards", table, called="a.csv", crs="cgcs2000"))
    assert "将新增 2 处" in editor.get(path).text
    assert "尚无危险源" in editor.get("/hazards").text
    editor.send(f"{path}/take")
    do(city_runtime)
    assert "新增 2 处" in editor.get(path).text
    assert "三级" in editor.get("/hazards/CD-001").text
    again = looked_at(editor, city_runtime, send(editor, "/admin/hazards", table, called="a.csv", crs="cgcs2000"))
    assert "2 处不变" in editor.get(again).text
    other = TABLE.format(ammonia=15).replace("25,,,,,", "30,,,,,").encode()
    change = looked_at(editor, city_runtime, send(editor, "/admin/hazards", other, called="a.csv", crs="cgcs2000"))
    page = editor.get(change).text
    assert "1 号: 液氨 20 t, 液氯 8 t" in page and "1 号: 液氨 15 t, 液氯 8 t" in page
    assert "边界" in page and "与原来不同" in page


def test_every_fault_of_a_file_is_told_with_its_row_and_nothing_is_taken(reader, city_runtime):
    editor = reader("administrator1")
    table = TABLE.format(ammonia=20_000).replace("gas_station", "vulcano").encode()
    path = looked_at(editor, city_runtime, send(editor, "/admin/hazards", table, called="a.csv", crs="cgcs2000"))
    page = editor.get(path).text
    assert "文件无法导入" in page and "液氨: " in page and "请选择类型" in page
    bare = looked_at(editor, city_runtime, send(editor, "/admin/hazards", table, called="a.csv"))
    assert editor.get(bare).status_code == 200 and "尚无危险源" in editor.get("/hazards").text


def test_an_emergency_is_opened_from_a_source_with_its_place_and_kind(reader, store):
    commander = reader("dispatcher1")
    assert "/emergency/new?hazard=CD-001" in commander.get("/hazards/CD-001").text
    opening = commander.get("/emergency/new?hazard=CD-001").text
    assert 'value="hazmat" checked' in opening and 'value="104.06' in opening and HOSTILE not in opening
    assert "/emergency/new" not in reader("inspector1").get("/hazards/CD-001/impact").text
    assert commander.get("/emergency/new?hazard=nothing").status_code == 404


def test_the_page_offers_published_distances_with_their_limits_and_says_which_was_chosen(api, reader):
    propane = {"name": "丙烷", "quantity": 60, "cas": "74-98-6"}
    petrol = {"name": "汽油", "quantity": 90, "cas": "86290-81-5"}
    api("administrator1").post(
        "/api/v1/hazards", given(units=[{"name": "1", "kind": "storage", "stocks": [propane, petrol]}])
    )
    assert "/hazards/CD-001/impact#published" in reader("manager1").get("/hazards/CD-001").text
    page = reader("manager1").get("/hazards/CD-001/impact?circle=blast-1").text
    assert "60 吨全部成为一个蒸气云爆炸" in page and "664 m" in page and "不是对本场所的评估" in page
    assert "以下物质没有已公布的距离：汽油" in page and "circle=blast-1" in page
    assert reader("manager1").get("/hazards/CD-001/impact?circle=blast-9").status_code == 422
