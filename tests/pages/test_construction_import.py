"""Construction zones and routes come in from files in the browser: looked at, taken over, or nothing of them."""

import json
from datetime import UTC, datetime

import pytest
import shapely

from tests import city
from tests.pages.sending import do, looked_at, send
from webgis.accounts import admin_log
from webgis.metro import construction, construction_traffic

LON, LAT = city.IN_WEST
GROUND = shapely.box(LON - 0.0004, LAT - 0.0004, LON + 0.0004, LAT + 0.0004)
ROAD = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
FACTS = {"name": "<b>甲站</b>", "project": "一号线", "contractor": "施工单位", "first_day": "2026-06-10"}


def zones(*codes: str, **facts) -> bytes:
    features = [(GROUND, {"code": code} | FACTS | facts) for code in codes]
    return collection(*features)


def collection(*features: tuple) -> bytes:
    told = [
        {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": facts}
        for shape, facts in features
    ]
    return json.dumps({"type": "FeatureCollection", "features": told}).encode()


@pytest.fixture
def sender(reader, city_runtime):
    """Someone who sends files to the form, and what each is looked at as."""

    def look(who, file: bytes, kind: str = "construction") -> str:
        return looked_at(who, city_runtime, send(who, "/admin/construction", file, kind=kind))

    return look


def known(runtime) -> list[str]:
    with runtime.transaction() as session:
        return [row.code for row in construction.listed(session, datetime.now(UTC))]


def counts(page: str) -> dict[str, str]:
    return dict(part.split("<")[0].split('">') for part in page.split('data-count="')[1:])


@pytest.mark.parametrize("login", ["administrator1", "dispatcher1"])
def test_a_file_is_looked_at_taken_over_and_again_changes_nothing(reader, sender, city_runtime, login):
    editor = reader(login)
    path = sender(editor, zones("A", "B"))
    page = editor.get(path).text
    assert counts(page) == {"added": "2", "changed": "0", "unchanged": "0"} and known(city_runtime) == []
    assert "&lt;b&gt;甲站&lt;/b&gt;" in page and "<b>甲站" not in page
    editor.send(f"{path}/take")
    do(city_runtime)
    assert known(city_runtime) == ["A", "B"] and "已导入" in editor.get(path).text
    with city_runtime.transaction() as session:
        ((line, _name),) = admin_log.listed(session, action="construction.import").rows
    assert line.after == {"added": 2, "changed": 0, "unchanged": 0, "file": "file.geojson"}
    again = editor.get(sender(editor, zones("A", "B"))).text
    assert counts(again)["unchanged"] == "2" and "/take" not in again


def test_what_would_change_is_told_field_by_field(reader, sender, city_runtime):
    editor = reader("administrator1", "en")
    path = sender(editor, zones("A"))
    editor.send(f"{path}/take")
    do(city_runtime)
    path = sender(editor, zones("A", contractor="另一单位", phases="围挡 2026-06-10..2026-06-30"))
    page = editor.get(path).text
    assert counts(page) == {"added": "0", "changed": "1", "unchanged": "0"}
    assert "施工单位" in page and "另一单位" in page and "Hoarding 2026-06-10..2026-06-30" in page
    editor.send(f"{path}/take")
    do(city_runtime)
    with city_runtime.transaction() as session:
        zone = construction.require(session, "A")
    assert (zone.version, zone.contractor) == (2, "另一单位") and zone.recorded_by is not None


def test_every_fault_is_told_with_row_zone_and_field_and_nothing_is_taken(reader, sender, city_runtime):
    editor = reader("administrator1")
    away = shapely.transform(GROUND, lambda xy: xy + 9)
    path = sender(editor, collection(
        (GROUND, FACTS | {"code": "GOOD"}),
        (GROUND, FACTS | {"code": "B", "patrols": "viele"}),
        (away, FACTS | {"code": "C"}),
        (ROAD, {"zone": "nowhere", "line": "closure"}),
    ))  # fmt: skip
    page = editor.get(path).text
    assert "B · 每日巡查" in page and "“viele”不可用" in page and "0 至 24" in page
    assert "C · 管控区范围" in page and "nowhere · 施工管控区" in page and "GOOD" not in page
    assert "/take" not in page and known(city_runtime) == []


def test_what_was_changed_since_the_look_is_not_taken_over(reader, sender, city_runtime):
    editor = reader("administrator1")
    path = sender(editor, zones("A"))
    other = sender(editor, zones("B"))
    editor.send(f"{other}/take")
    do(city_runtime)
    editor.send(f"{path}/take")
    do(city_runtime)
    assert known(city_runtime) == ["B"] and "重新" in editor.get(path).text


def test_routes_of_emergency_vehicles_come_the_same_way(reader, sender, city_runtime):
    editor = reader("administrator1")
    routes = collection((ROAD, {"code": "R1", "name": "消防通道"}), (ROAD, {"code": "R2", "name": "急救通道"}))
    path = sender(editor, routes, "routes")
    assert counts(editor.get(path).text) == {"after": "2", "before": "0"}
    editor.send(f"{path}/take")
    do(city_runtime)
    with city_runtime.transaction() as session:
        assert [row.code for row in construction_traffic.routes(session)] == ["R1", "R2"]
    wrong = editor.get(sender(editor, zones("A"), "routes")).text
    assert "应急通道应为带代码和名称的线" in wrong and "/take" not in wrong


@pytest.mark.parametrize(
    ("fields", "said"), [({"kind": "tunnels"}, "请选择"), ({"crs": "EPSG:99999999"}, "坐标"), ({"kind": ""}, "请选择")]
)
def test_what_the_form_cannot_use_is_said_at_its_field(reader, fields, said):
    editor = reader("administrator1")
    answer = send(editor, "/admin/construction", zones("A"), **({"kind": "construction"} | fields))
    assert answer.status_code == 422 and said in answer.text


def test_what_was_taken_over_goes_out_as_a_file_that_changes_nothing(reader, sender, city_runtime):
    editor = reader("administrator1")
    assert editor.get("/admin/construction/export.geojson").status_code == 422
    assert "export.gpkg" not in editor.get("/admin/construction").text
    path = sender(editor, zones("A", "B"))
    editor.send(f"{path}/take")
    do(city_runtime)
    assert "export.gpkg" in editor.get("/admin/construction").text
    file = editor.get("/admin/construction/export.geojson")
    assert file.status_code == 200
    assert counts(editor.get(sender(editor, file.data)).text)["unchanged"] == "2"
    assert editor.get("/admin/construction/export.exe").status_code == 404
