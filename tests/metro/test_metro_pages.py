"""The pages and the API of the metro: what is shown to whom, applied for, decided; structures by long work."""

import json
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from sqlalchemy import select

from tests import city
from tests.metro.conftest import METRO, STATION, build, square, wanted
from tests.pages.conftest import Reader
from webgis import jobs, worker
from webgis.exchange.work_models import LongWork

LON, LAT = STATION
CORNERS = " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in square(30, 0).exterior.coords[:-1])
FORM = {
    "project": "基坑工程", "applicant": "某建设单位", "work": "excavation", "purpose": "other", "starts": "2026-11-03",
    "ends": "2039-01-01", "ground": CORNERS, "contractor": "", "description": "深 8 m",
}  # fmt: skip


@pytest.fixture
def reader(city_app):
    with city_app.extensions["webgis"].transaction() as session:
        build(session)
    return lambda login, language="zh-CN": Reader(city_app, login, language)


def run_jobs(app) -> None:
    worker.import_tasks()
    runtime = app.extensions["webgis"]
    while jobs.drain(runtime, "slow") or jobs.drain(runtime, "quick"):
        pass


def test_a_line_and_a_structure_tell_of_their_zones_in_both_languages(reader):
    chinese, english = reader("inspector1"), reader("manager1", "en")
    assert "1号线" in chinese.get("/metro").text and "Line 1" in english.get("/metro").text
    assert "西站" in chinese.get("/metro/lines/1").text
    page = english.get("/metro/structures/west").text
    assert "Control protection zone" in page and "Surveyed outline" in page
    assert "西站" in chinese.get("/metro?q=西").text and "没有这样的名称" in chinese.get("/metro?q=東").text
    for path, said in (("/metro/lines/none", "没有该线路"), ("/metro/structures/none", "没有该结构")):
        answer = chinese.get(path)
        assert answer.status_code == 404 and said in answer.text


def test_the_ground_of_a_permit_is_measured_in_the_system_of_the_city(reader, city_app):
    builder = reader("builder1")
    address = builder.send("/metro/permits/new", **(FORM | {"starts": "2038-01-01"})).headers["Location"]

    def m2():
        return float(re.search(r"([\d,]+) m²", builder.get(address).text)[1].replace(",", ""))

    assert m2() == pytest.approx(100, abs=2)
    with city_app.extensions["webgis"].transaction() as session:
        city.measure_elsewhere(session)
    assert 115 < m2() < 135


def test_an_application_goes_its_way_through_the_pages(reader):
    builder, operator = reader("builder1"), reader("metro1")
    answer = builder.send("/metro/permits/new", **(FORM | {"ends": "2039-01-01", "starts": "2038-01-01"}))
    assert answer.status_code == 303
    address = answer.headers["Location"]
    page = operator.get(address).text
    assert "控制保护区" in page and "须经运营单位同意" in page and "西站" in page
    assert operator.send(f"{address}/steps/grant").status_code == 422
    assert operator.send(f"{address}/steps/grant", conditions="每日监测").status_code == 303
    assert "每日监测" in builder.get(address).text and "已许可" in builder.get("/metro/permits?state=granted").text
    assert builder.send(f"{address}/steps/revoke", note="错").status_code == 422
    given = {"csrf_token": builder.token, "file": (BytesIO(b"%PDF-1.4 plan"), "平面图.pdf")}
    assert builder.client.post(f"{address}/files", data=given, headers=builder.headers).status_code == 303
    page = builder.get(address).text
    assert "平面图.pdf" in page
    kept = builder.get(f"{address}/files/1")
    assert kept.data == b"%PDF-1.4 plan" and "attachment" in kept.headers["Content-Disposition"]
    for stranger in ("sanitation1",):
        assert reader(stranger).get(address).status_code == 404
        assert reader(stranger).get(f"{address}/files/1").status_code == 404
    assert builder.send(f"{address}/monitor", datastreams="none").status_code == 422


def test_a_returned_application_is_changed_on_its_page_and_handed_in_again(reader):
    builder, operator, form = reader("builder1"), reader("metro1"), FORM | {"starts": "2038-01-01"}
    address = builder.send("/metro/permits/new", **form).headers["Location"]
    assert builder.get(f"{address}/change").status_code == 303
    assert operator.send(f"{address}/steps/return", note="请避开夜间").status_code == 303
    page = builder.get(f"{address}/change").text
    assert "基坑工程" in page and CORNERS.split(" ")[0][:9] in page
    assert operator.get(f"{address}/change").status_code == 303
    wrong = builder.send(f"{address}/change", **(form | {"ends": "2020-01-01"}))
    assert wrong.status_code == 422 and "结束日期" in wrong.text
    again = builder.send(f"{address}/change", **(form | {"ground": "", "work": "drilling"}))
    assert again.status_code == 303
    page = operator.get(address).text
    assert "申请内容已修改" in page and "作业内容" in page and "许可" in page


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("project", "", "1 至 200 个字"),
        ("ground", "104.06,30.65", "作业范围"),
        ("ground", "<script>", "作业范围"),
        ("work", "", "请选择作业内容"),
        ("starts", "morgen", "开始日期"),
        ("ends", "2020-01-01", "结束日期"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_is_kept(reader, field, value, said):
    answer = reader("dispatcher1").send("/metro/permits/new", **(FORM | {field: value}))
    assert answer.status_code == 422 and said in answer.text
    assert (
        "某建设单位" in answer.text and "<script>" not in answer.text.split("</head>")[1].split("data-permit-form")[1]
    )


def test_an_acceptor_may_look_and_not_apply(reader):
    acceptor = reader("acceptor1")
    assert acceptor.get("/metro/permits").status_code == 200
    assert acceptor.get("/metro/permits/new").status_code == 403
    assert acceptor.get("/metro/findings").status_code == 403


def test_a_finding_is_settled_on_its_page(reader, city_app):
    from tests.cases.life import Life
    from webgis.metro import findings

    life = Life(city_app.extensions["webgis"])
    number = life.report(class_code="08003", place=square(30, 0).centroid.coords[0]).number
    with life.runtime.transaction() as session:
        findings.find(session, life.now)
    dispatcher = reader_of(city_app, "dispatcher1")
    assert number in dispatcher.get("/metro/findings").text
    page = dispatcher.get(f"/cases/{number}").text
    assert "控制保护区" in page and "此处没有有效的作业许可" in page
    assert re.search(r'class="metro-sum" href="/metro/findings"><b>1</b>', dispatcher.get("/metro").text)
    assert dispatcher.send("/metro/findings/1", state="stopped", note="").status_code == 422
    assert dispatcher.send("/metro/findings/1", state="stopped", note="已停工").status_code == 303
    assert "已责令停工" in dispatcher.get("/metro/findings").text


def test_the_page_of_a_case_names_a_permit_to_those_only_who_may_see_it(reader, city_app):
    from tests.cases.life import Life

    builder, operator, life = reader("builder1"), reader("metro1"), Life(city_app.extensions["webgis"])
    life.now = datetime.now(UTC)
    today = life.now.astimezone(life.settings.zone).date()
    form = FORM | {"starts": today.isoformat(), "ends": (today + timedelta(days=9)).isoformat()}
    address = builder.send("/metro/permits/new", **form).headers["Location"]
    assert operator.send(f"{address}/steps/grant", conditions="监测").status_code == 303
    life.passes(minutes=1)
    number = life.filed(class_code="08003", place=square(30, 0).centroid.coords[0])
    life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
    permit = address.rsplit("/", 1)[1]
    assert permit in reader_of(city_app, "dispatcher1").get(f"/cases/{number}").text
    page = reader_of(city_app, "sanitation1").get(f"/cases/{number}").text
    assert "此处有有效的作业许可" in page and permit not in page and "基坑工程" not in page


def reader_of(app, login):
    return Reader(app, login, "zh-CN")


def sent_file(admin, facts: dict, outline):
    """The answer to a file of one structure."""
    one = {"type": "Feature", "geometry": outline.__geo_interface__, "properties": facts}
    told = json.dumps({"type": "FeatureCollection", "features": [one]}).encode()
    sent = {"csrf_token": admin.token, "crs": "cgcs2000", "station": "underground_station", "section": "tunnel",
            "file": (BytesIO(told), "出入口.geojson")}  # fmt: skip
    return admin.client.post("/admin/metro/import", data=sent, headers=admin.headers)


def test_an_administrator_takes_structures_over_after_a_look(reader, city_app):
    admin = reader("administrator1")
    facts = {"code": "east", "kind": "entrance", "name": "东口", "line": "1"}
    answer = sent_file(admin, facts, square(200, 0, 40))
    assert answer.status_code == 303
    run_jobs(city_app)
    page = admin.get(answer.headers["Location"]).text
    assert "目前尚未做任何更改" in page and "出入口.geojson" in page and "data-opened>2<" in page
    assert admin.get("/metro/structures/east").status_code == 404
    assert admin.send(f"{answer.headers['Location']}/take").status_code == 303
    run_jobs(city_app)
    assert "重新计算了保护区" in admin.get(answer.headers["Location"]).text
    assert "出入口" in admin.get("/metro/structures/east").text
    assert json.loads(admin.get("/admin/metro/export.geojson").data)["features"][0]["properties"]["code"] == "east"
    assert admin.send("/admin/metro/end", code="east").status_code == 303
    assert admin.send("/admin/metro/end", code="east").status_code == 422
    assert admin.send("/admin/metro/lines/1", department="").status_code == 303
    asked = "SELECT action, subject FROM city.admin_event WHERE action LIKE 'metro.%%' ORDER BY id"
    logged = city_app.extensions["webgis"].ask(asked)
    assert [tuple(row) for row in logged] == [
        ("metro.import", city.CITY), ("metro.end", "east"), ("metro.operator", "1"),
    ]  # fmt: skip


def table(**more) -> dict:
    """The form of a table: of underground stations the two zones as they are, and what is other."""
    rows = {
        "structure_kind": ["underground_station"] * 2, "zone_kind": ["control", "special"], "metres": ["50", "5"],
        "measured_from": ["outline"] * 2, "sureness": ["M"] * 2, "source": ["条例第九条"] * 2,
    }  # fmt: skip
    return rows | more


def test_another_table_of_distances_is_looked_at_first(reader, city_app):
    admin = reader("administrator1")
    answer = admin.send("/admin/metro/distances", **table(metres=["60", "5"]))
    assert answer.status_code == 303
    run_jobs(city_app)
    page = admin.get(answer.headers["Location"]).text
    assert "地下车站" in page and "60 m" in page and "西站" in page and "控制保护区" in page
    assert metres_of(admin.get("/metro/structures/west").text) == ["5", "50"]
    assert admin.send(f"{answer.headers['Location']}/take").status_code == 303
    run_jobs(city_app)
    page = admin.get("/metro/structures/west").text
    assert "条例第九条" in page and metres_of(page) == ["5", "60"]
    log = admin.get("/admin/log").text
    assert "underground_station/control" in log and "50 m" in log and "60 m, outline, M: 条例第九条" in log
    again = admin.send("/admin/metro/distances", **table(metres=["60", "5"]))
    run_jobs(city_app)
    page = admin.get(again.headers["Location"]).text
    assert "不会有任何变化" in page and "data-once" not in page.split("</h1>")[1]


def metres_of(page: str) -> list[str]:
    """The metres of the zones in the table of a structure's page, in its order."""
    return re.findall(r'<td class="num" data-label="[^"]+">([\d.]+)</td>', page)


def another_table(admin, metres: str):
    """Another distance of tunnels. None stands: no zone begins or ends with it."""
    three = {name: [*values, values[0]] for name, values in table(metres=["50", "5"]).items()}
    three["structure_kind"][2], three["metres"][2] = "tunnel", metres
    return admin.send("/admin/metro/distances", **three)


def another_name(admin, name: str):
    """The station under another English name, on the same ground."""
    facts = {"code": "west", "kind": "underground_station", "name": "西站", "name_en": name, "line": "1"}
    return sent_file(admin, facts, square(0, 0))


@pytest.mark.parametrize("change", [another_table, another_name])
def test_of_two_changes_looked_at_together_the_second_is_not_taken_over(reader, city_app, change):
    admins = [reader("administrator1"), reader("administrator1")]
    looks = [(admin, change(admin, told)) for admin, told in zip(admins, ("61", "62"), strict=True)]
    run_jobs(city_app)
    for admin, answer in looks:
        assert admin.send(f"{answer.headers['Location']}/take").status_code == 303
        run_jobs(city_app)
    with city_app.extensions["webgis"].transaction() as session:
        works = session.scalars(select(LongWork).order_by(LongWork.id)).all()
        assert [(work.state, work.told.get("code")) for work in works] == [
            ("done", None), ("refused", "exchange.work-outdated"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"metres": ["x", "5"]}, "0 以上"),
        ({"metres": ["nan", "5"]}, "0 以上"),
        ({"metres": ["1001", "5"]}, "0 以上"),
        ({"metres": ["60", "90"]}, "0 以上"),
        ({"source": ["", "条例"]}, "依据"),
        ({"source": ["长" * 301, "条例"]}, "依据"),
        ({"zone_kind": ["special", "special"]}, "两次"),
        ({"measured_from": ["outline", "centre_line"]}, "同一"),
        ({"structure_kind": ["", "underground_station"]}, "结构类型"),
        ({"structure_kind": ["<b>", "underground_station"]}, "结构类型"),
    ],
)
def test_a_row_of_distances_that_cannot_be_is_marked_and_nothing_is_looked_at(reader, wrong, said):
    admin = reader("administrator1")
    answer = admin.send("/admin/metro/distances", **table(**wrong))
    (fault,) = re.findall(r'class="field-error" role="alert">.*?<span>(.*?)</span>', answer.text)[:1]
    assert answer.status_code == 422 and said in fault and "条例" in answer.text
    assert "调整保护区距离" not in admin.get("/admin/metro").text


def test_a_row_is_taken_out_unless_such_a_structure_stands_somewhere(reader, city_app):
    admin = reader("administrator1")
    three = {name: [*values, values[0]] for name, values in table().items()}
    three["structure_kind"][2] = "tunnel"
    for drop, said in ((["2"], "西站"), (["1", "2"], "没有这类结构的保护区距离"), (["1", "2", "3"], "无法使用")):
        answer = admin.send("/admin/metro/distances", drop=drop, **three)
        run_jobs(city_app)
        assert said in admin.get(answer.headers["Location"]).text


# The API


@pytest.fixture
def asks(api, city_app):
    with city_app.extensions["webgis"].transaction() as session:
        build(session)
    return api


def test_the_api_tells_of_zones_and_takes_applications(asks):
    builder, operator = asks("builder1"), asks("metro1")
    assert builder.get("/api/v1/metro/lines").json["lines"][0]["paths"] == [["west"]]
    (west,) = builder.get("/api/v1/metro/structures", line="1").json["features"]
    assert west["properties"]["name_zh"] == "西站"
    assert len(builder.get("/api/v1/metro/structures/west").json["zones"]) == 2
    here = builder.get("/api/v1/metro/zones", lon=LON, lat=LAT, crs="cgcs2000").json
    assert [zone["kind"] for zone in here["zones"]] == ["special", "control"] and here["permitted"] is False
    assert builder.get("/api/v1/metro/distances").json["distances"]
    given = wanted()
    body = {name: FORM[name] for name in ("project", "applicant", "work", "purpose")} | {
        "ground": given.ground.__geo_interface__, "crs": "cgcs2000", "starts": "2038-01-01", "ends": "2039-01-01",
    }  # fmt: skip
    work = {name: body[name] for name in ("purpose", "ground", "crs", "starts", "ends")}
    (zone,) = builder.post("/api/v1/metro/permits/check", work).json["zones"]
    assert (zone["kind"], zone["operator"]) == ("control", METRO)
    made = builder.post("/api/v1/metro/permits", body)
    assert made.status_code == 201 and made.json["properties"]["actions"] == ["withdraw"]
    number = made.json["properties"]["number"]
    refused = builder.post(f"/api/v1/metro/permits/{number}/actions/grant", {"conditions": "无"})
    assert (refused.status_code, refused.json["code"]) == (403, "metro.not-your-permit")
    done = operator.post(f"/api/v1/metro/permits/{number}/actions/grant", {"conditions": "监测"})
    assert done.json["properties"]["state"] == "granted" and done.json["geometry"]["type"] == "MultiPolygon"
    again = builder.client.put(f"/api/v1/metro/permits/{number}", json=body, headers=builder.headers)
    assert (again.status_code, again.json["code"]) == (409, "metro.not-now")
    assert [one["number"] for one in operator.get("/api/v1/metro/permits", state="granted").json["permits"]] == [number]
    for days in ({"starts": "2039-01-02"}, {"ends": "9999-12-31"}, {"starts": "0001-01-01"}):
        for address, asked in (("/api/v1/metro/permits/check", work), ("/api/v1/metro/permits", body)):
            answer = builder.post(address, asked | days)
            assert (answer.status_code, answer.json["code"]) == (422, "metro.bad-field")
    for ground in (
        {},
        {"type": "Polygon"},
        {"type": "Point", "coordinates": [104, 30]},
        {"type": "Polygon", "coordinates": "x"},
    ):
        assert builder.post("/api/v1/metro/permits", body | {"ground": ground}).status_code == 422
