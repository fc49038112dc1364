"""The pages of sensors without a screen: the list by state, one with its counts, the form with its faults, tiles."""

import re

import pytest
from sqlalchemy import text

from tests.maps import crowd
from tests.telemetry.conftest import MINUTE, NOW, build, drain
from webgis.hazards import alarm_rules
from webgis.telemetry import inbox, writing

FORM = {
    "station": "W-5",
    "name_zh": "<b>西井</b>",
    "place": "well",
    "lon": "104.0622",
    "lat": "30.6571",
    "code": "W-5-gas",
    "quantity": "gas",
    "interval_s": "60",
}


@pytest.fixture
def sensors(city_runtime) -> dict[str, int]:
    """Two sensors: one that told something now, one that is silent."""
    with city_runtime.transaction() as session:
        ids = build(session)
        inbox.put(session, [inbox.Told(ids["W-1-depth"], NOW, 0.25)], "own", NOW)
        session.execute(text("UPDATE city.datastream SET made_at = now() - interval '1 hour' WHERE code = 'W-1-rain'"))
    drain(city_runtime)
    with city_runtime.transaction() as session:
        writing.note_silences(session, NOW)
    return ids


def test_the_empty_list_says_what_to_do_next(reader):
    assert "webgis telemetry import" in reader("administrator1").get("/sensors").text
    assert "由管理员登记" in reader("inspector1").get("/sensors").text


def test_the_list_has_the_silent_first_and_is_narrowed(sensors, reader):
    page = reader("inspector1").get("/sensors").text
    assert page.index("W-1-rain") < page.index("W-1-depth") and "0.25 m" in page
    assert "W-1-depth" not in reader("inspector1").get("/sensors?state=silent").text
    assert "W-1-rain" not in reader("inspector1").get("/sensors?quantity=depth").text
    assert "没有符合条件的传感器" in reader("inspector1").get("/sensors?q=%25&state=nonsense").text


def test_the_page_of_one_tells_how_it_stands_and_what_became_of_its_readings(sensors, reader):
    page = reader("inspector1").get("/sensors/W-1-depth").text
    assert "0.25 m" in page and "入库" in page and "/api/v1/sensors/W-1-depth/series" in page
    assert "/sensors/W-1-depth/edit" not in page
    silent = reader("inspector1", "en").get("/sensors/W-1-rain").text
    assert "Nothing was told since" in silent and "every 300 seconds" in silent
    assert reader("inspector1").get("/sensors/nobody").status_code == 404


def test_the_form_registers_and_changes_and_a_fault_stands_at_its_field(sensors, reader, api):
    editor = reader("administrator1")
    refused = editor.send("/sensors/new", **(FORM | {"interval_s": "often"}))
    assert refused.status_code == 422 and "W-5-gas" in refused.text and "<b>西井" not in refused.text
    for odd in ("nan", "inf", "60.7"):
        assert editor.send("/sensors/new", **(FORM | {"interval_s": odd})).status_code == 422
    assert editor.send("/sensors/new", **FORM).headers["Location"] == "/sensors/W-5-gas"
    assert "&lt;b&gt;西井" in editor.get("/sensors/W-5-gas").text
    assert 'value="104.0622"' in editor.get("/sensors/W-5-gas/edit").text
    assert editor.send("/sensors/W-5-gas/edit", **(FORM | {"interval_s": "300"})).status_code == 302
    assert editor.send("/sensors/W-5-gas/use", active="no").status_code == 303
    made_up = FORM | {"lon": 104.0622, "lat": 30.6571, "interval_s": 60, "crs": "cgcs2000", "illustrative": "yes"}
    assert api("administrator1").post("/api/v1/sensors", made_up).status_code == 201
    assert editor.send("/sensors/W-5-gas/edit", **FORM).status_code == 302
    told = api("inspector1").get("/api/v1/sensors/W-5-gas").json["properties"]
    assert (told["interval_s"], told["state"], told["illustrative"]) == (60, "off", True)
    for department in ("510104-works", None):
        editor.send("/sensors/W-5-gas/edit", **(FORM | ({"department": department} if department else {})))
        told = api("inspector1").get("/api/v1/sensors/W-5-gas").json["properties"]
        assert told["department_code"] == department


def test_the_form_asks_whether_a_place_outside_the_grid_is_meant(city_runtime, reader):
    editor, outside = reader("administrator1"), FORM | {"lon": "104.08"}
    refused = editor.send("/sensors/new", **outside)
    assert refused.status_code == 422 and "距最近的单元网格 95" in refused.text
    assert 'name="outside"' in refused.text
    assert editor.send("/sensors/new", **outside, outside="yes").status_code == 302


def test_a_sensor_is_watched_by_its_rule_when_the_tick_is_set(city_runtime, reader):
    with city_runtime.transaction() as session:
        alarm_rules.load_shipped(session)
    editor = reader("administrator1")
    assert re.search(r'name="watch" value="yes" checked', editor.get("/sensors/new").text)
    editor.send("/sensors/new", **FORM)
    assert "无规则监视" in editor.get("/sensors").text
    editor.send("/sensors/W-5-gas/edit", **FORM, watch="yes")
    assert "无规则监视" not in editor.get("/sensors").text and "没有规则" not in editor.get("/sensors/W-5-gas").text
    editor.send("/sensors/new", **(FORM | {"code": "W-5-rain", "quantity": "rain"}), watch="yes")
    assert "没有规则监视此传感器" in editor.get("/sensors/W-5-rain").text


def test_a_station_is_drawn_as_its_worst_sensor_and_the_tile_changes_with_it(city_runtime, sensors, api):
    client = api("inspector1")
    x, y = crowd.tile_x(104.0622, 14), crowd.tile_y(30.6571, 14)
    first = client.get(f"/tiles/sensors/14/{x}/{y}.mvt")
    (station,) = crowd.features(first.data, "sensors")
    assert (station["properties"]["code"], station["properties"]["state"]) == ("W-1", "silent")
    assert (station["properties"]["sensor"], station["properties"]["sensors"]) == ("W-1-rain", 2)
    with city_runtime.transaction() as session:
        inbox.put(session, [inbox.Told(sensors["W-1-rain"], NOW - MINUTE, 0.0)], "own", NOW)
    drain(city_runtime)
    then = client.get(f"/tiles/sensors/14/{x}/{y}.mvt")
    assert then.headers["ETag"] != first.headers["ETag"]
    (station,) = crowd.features(then.data, "sensors")
    assert station["properties"]["state"] == "ok"
