"""The pages and the API of the metro: what is shown to whom, applied for, decided; structures by long work."""

import json
from io import BytesIO

import pytest

from tests.metro.conftest import METRO, STATION, build, square, wanted
from tests.pages.conftest import Reader
from webgis import jobs, worker

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
    for path in ("/metro/lines/none", "/metro/structures/none"):
        assert chinese.get(path).status_code == 404


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
    assert dispatcher.send("/metro/findings/1", state="stopped", note="").status_code == 422
    assert dispatcher.send("/metro/findings/1", state="stopped", note="已停工").status_code == 303
    assert "已责令停工" in dispatcher.get("/metro/findings").text


def reader_of(app, login):
    return Reader(app, login, "zh-CN")


def test_an_administrator_takes_structures_over_after_a_look(reader, city_app):
    admin = reader("administrator1")
    outline = json.loads(json.dumps(square(200, 0, 40).__geo_interface__))
    facts = {"code": "east", "kind": "entrance", "name": "东口", "line": "1"}
    told = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": outline, "properties": facts}]}
    sent = {"csrf_token": admin.token, "crs": "cgcs2000", "station": "underground_station", "section": "tunnel",
            "file": (BytesIO(json.dumps(told).encode()), "出入口.geojson")}  # fmt: skip
    answer = admin.client.post("/admin/metro/import", data=sent, headers=admin.headers)
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
    assert "metro.end" in admin.get("/admin/log").text or "metro" in admin.get("/admin/log").text


def test_another_table_of_distances_is_looked_at_first(reader, city_app):
    admin = reader("administrator1")
    row = {"structure_kind": "underground_station", "measured_from": "outline", "sureness": "H", "source": "条例第九条"}
    columns = {"zone_kind": ["control", "special"], "metres": ["60", "5"]} | {
        name: [value] * 2 for name, value in row.items()
    }
    answer = admin.send("/admin/metro/distances", **columns)
    assert answer.status_code == 303
    run_jobs(city_app)
    page = admin.get(answer.headers["Location"]).text
    assert "underground_station/control" in page and "60 m" in page
    assert admin.send(f"{answer.headers['Location']}/take").status_code == 303
    run_jobs(city_app)
    assert "条例第九条" in admin.get("/metro/structures/west").text
    for wrong in ({"metres": ["x", "5"]}, {"metres": ["60", "90"]}, {"source": ["", ""]}):
        assert admin.send("/admin/metro/distances", **(columns | wrong)).status_code == 422


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
    assert [one["number"] for one in operator.get("/api/v1/metro/permits", state="granted").json["permits"]] == [number]
    for ground in (
        {},
        {"type": "Polygon"},
        {"type": "Point", "coordinates": [104, 30]},
        {"type": "Polygon", "coordinates": "x"},
    ):
        assert builder.post("/api/v1/metro/permits", body | {"ground": ground}).status_code == 422
