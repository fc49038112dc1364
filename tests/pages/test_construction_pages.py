"""Construction zones by API and pages: recorded, changed, patrolled, seen on the page and in lists of cases."""

import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests import city
from webgis.accounts import operations as accounts
from webgis.accounts import queries as people
from webgis.cases import handling
from webgis.catalog import queries as catalog

LON, LAT = city.IN_WEST
HALF = 0.0004
RING = [[LON - HALF, LAT - HALF], [LON + HALF, LAT - HALF], [LON + HALF, LAT + HALF], [LON - HALF, LAT + HALF]]
GROUND = {"type": "Polygon", "coordinates": [[*RING, RING[0]]]}
ROAD = {"kind": "closure", "words": "全封闭 <b>", "coordinates": [[LON - HALF, LAT], [LON + HALF, LAT]]}
HERE = {"lon": LON, "lat": LAT, "crs": "cgcs2000", "accuracy_m": 10}
DUST = {"kind": "matter", "class": "08004", "description": "扬尘", "lon": LON, "lat": LAT, "crs": "cgcs2000"}


def zone(**changes) -> dict:
    given = {
        "name_zh": "示例站",
        "project": "示例线",
        "contractor": "示例施工单位",
        "department": "510104-works",
        "first_day": str(city.today() - timedelta(days=10)),
        "last_day": str(city.today() + timedelta(days=20)),
        "phases": [
            {
                "kind": "excavation",
                "first_day": str(city.today() - timedelta(days=10)),
                "last_day": str(city.today() + timedelta(days=5)),
            }
        ],
        "lines": [ROAD],
        "geometry": GROUND,
        "width_left_m": 3.5,
        "crs": "cgcs2000",
    }
    return given | changes


def put(who, code: str, fields: dict):
    return who.client.put(f"/api/v1/construction/{code}", json=fields, headers=who.headers)


def test_a_zone_is_recorded_seen_changed_and_withdrawn_over_the_api(api):
    dispatcher, inspector = api("dispatcher1"), api("inspector1")
    assert put(inspector, "A", zone()).status_code == 403
    assert put(dispatcher, "A", zone()).status_code == 201
    assert put(dispatcher, "A", zone()).status_code == 200, "nothing new"
    assert put(dispatcher, "A", zone(contractor="另一单位")).status_code == 200
    one = inspector.get("/api/v1/construction/A").json
    assert one["properties"]["contractor"] == "另一单位" and one["properties"]["phase"] == "excavation"
    assert [told["version"] for told in one["properties"]["versions"]] == [2, 1]
    assert inspector.get("/api/v1/construction/A", version=1).json["properties"]["contractor"] == "示例施工单位"
    (feature,) = inspector.get("/api/v1/construction", on=str(city.today())).json["features"]
    assert feature["properties"]["there"] and feature["geometry"]["type"] == "MultiPolygon"
    assert inspector.get("/api/v1/construction", as_of="2020-01-01T00:00:00Z").json["features"] == []
    (line,) = inspector.get("/api/v1/traffic").json["features"]
    assert (line["properties"]["kind"], line["properties"]["zone"]) == ("closure", "A")
    for day in (city.today(), city.today() - timedelta(days=3)):
        (line,) = inspector.get("/api/v1/traffic", on=str(day)).json["features"]
        assert line["properties"]["zone"] == "A", "what was recorded after noon holds for all of the day"
    assert inspector.get("/api/v1/traffic", on=str(city.today()), as_of="2020-01-01T00:00:00Z").json["features"] == []
    withdrawn = dispatcher.client.delete("/api/v1/construction/A", headers=dispatcher.headers)
    assert withdrawn.status_code == 204 and inspector.get("/api/v1/construction/A").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contractor": ""}, "contractor"),
        ({"geometry": {"type": "Point", "coordinates": [104, 30]}}, "ground"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}, "ground"),
        ({"geometry": {"type": "MultiPolygon", "coordinates": [[], [[*RING, RING[0]]]]}}, "ground"),
        ({"points": ["a\0b"]}, "points"),
        ({"road": "x\0y"}, "road"),
        ({"patrols": True}, "patrols"),
        ({"width_left_m": True}, "width_left_m"),
        ({"illustrative": 1}, "illustrative"),
        ({"first_day": "2026-13-40"}, "first_day"),
        ({"last_day": "2020-01-01", "phases": [], "lines": []}, "last_day"),
        ({"first_day": "0001-01-01"}, "first_day"),
        ({"last_day": "9999-12-31"}, "last_day"),
        ({"lines": [ROAD | {"coordinates": [[LON, LAT]]}]}, "lines"),
        ({"department": "nobody"}, "department"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(api, changes, field):
    answer = put(api("dispatcher1"), "A", zone(**changes))
    assert answer.status_code == 422 and answer.json["field"] == field
    assert api("dispatcher1").get("/api/v1/construction").json["features"] == []


def test_a_patrol_is_noted_once_and_the_day_told(api):
    inspector = api("inspector1")
    put(api("dispatcher1"), "A", zone())
    for _twice in range(2):
        assert inspector.post("/api/v1/construction/A/patrols", {"key": "p1", "note": "喷淋已开"}).status_code == 204
    (day, *_others) = inspector.get("/api/v1/construction/A/patrols").json["days"]
    assert (day["due"], day["done"]) == (2, 1)
    assert api("acceptor1").post("/api/v1/construction/A/patrols", {"key": "p2"} | HERE).status_code == 403
    assert inspector.post("/api/v1/construction/B/patrols", {"key": "p3"} | HERE).status_code == 404


def test_the_key_of_a_patrol_is_not_taken_for_another_zone(api):
    inspector, dispatcher = api("inspector1"), api("dispatcher1")
    put(dispatcher, "A", zone())
    put(dispatcher, "B", zone())
    assert inspector.post("/api/v1/construction/A/patrols", {"key": "p1"} | HERE).status_code == 204
    answer = inspector.post("/api/v1/construction/B/patrols", {"key": "p1"} | HERE)
    assert (answer.status_code, answer.json["code"]) == (409, "metro.patrol-key-used")
    assert inspector.get("/api/v1/construction/B/patrols").json["days"][0]["done"] == 0
    assert inspector.post("/api/v1/construction/B/patrols", {"key": "p2"} | HERE).status_code == 204


def test_who_changes_what_somebody_else_has_changed_meanwhile_is_told(api, reader):
    dispatcher, drawing = api("dispatcher1"), reader("dispatcher1", "en")
    put(dispatcher, "A", zone())
    assert 'name="version" value="1"' in drawing.get("/construction/A/edit").text
    assert put(dispatcher, "A", zone(contractor="另一单位", version=1)).status_code == 200
    answer = put(dispatcher, "A", zone(road="示例路", version=1))
    assert (answer.status_code, answer.json["code"], answer.json["version"]) == (409, "metro.zone-stale", 2)
    refused = drawing.send("/construction/A/edit", **form(version="1"))
    assert refused.status_code == 409 and "has changed this construction zone meanwhile" in refused.text
    assert dispatcher.get("/api/v1/construction/A").json["properties"]["contractor"] == "另一单位"
    assert drawing.send("/construction/A/edit", **form(version="2")).status_code == 303
    assert put(dispatcher, "NEW", zone(version=1)).status_code == 409, "somebody has withdrawn it"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/works/scores?since=0001-01-01&until=9999-12-31",
        "/api/v1/works/scores?until=0001-01-01",
        "/api/v1/construction/A/patrols?until=0001-01-01",
        "/api/v1/construction/A/patrols?until=9999-12-31",
        "/api/v1/construction?on=9999-12-31",
        "/api/v1/traffic?on=0001-01-01",
    ],
)
def test_days_beyond_all_plans_are_refused(api, path):
    put(api("dispatcher1"), "A", zone())
    assert api("manager1").get(path).status_code == 422


def test_a_case_tells_its_zone_on_its_page_in_lists_and_over_the_api(api, reader):
    put(api("dispatcher1"), "A", zone())
    number = api("acceptor1").post("/api/v1/cases", DUST).json["properties"]["number"]
    put(api("dispatcher1"), "A", zone(contractor="另一单位", last_day=str(city.today() - timedelta(days=1)), phases=[]))
    told = api("manager1").get(f"/api/v1/cases/{number}").json["properties"]["zones"]
    assert (told["code"], told["version"], told["phase"], told["severity"]) == ("A", 1, "excavation", "ordinary")
    page = reader("acceptor1").get(f"/cases/{number}").text
    assert "示例站" in page and "土方开挖" in page and "示例施工单位" in page and "另一单位" not in page
    assert [one["id"] for one in api("manager1").get("/api/v1/cases", zone="A").json["features"]] == [number]
    assert api("manager1").get("/api/v1/cases", zone="B").json["features"] == []
    assert number in reader("manager1").get("/cases?zone=A").text
    assert number in reader("manager1").get("/construction/A").text


def form(**changes) -> dict:
    given = {
        "code": "B-1",
        "name_zh": "画出的管控区",
        "project": "示例线",
        "contractor": "示例施工单位",
        "first_day": str(city.today()),
        "patrols": "2",
        "ground": json.dumps(GROUND),
        "lines": json.dumps([ROAD]),
        "hoarding_first": str(city.today()),
        "hoarding_last": str(city.today() + timedelta(days=3)),
        "night_number": ["夜-1", ""],
        "night_first": [str(city.today()), ""],
        "night_last": [str(city.today()), ""],
    }
    return given | changes


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_zone_is_drawn_changed_and_looked_at(reader, language):
    dispatcher, inspector = reader("dispatcher1", language), reader("inspector1", language)
    assert dispatcher.get("/construction").status_code == 200, "an empty list says what to do"
    assert dispatcher.send("/construction/new", **form()).status_code == 303
    page = inspector.get("/construction/B-1").text
    assert "画出的管控区" in page and "夜-1" in page and "全封闭 &lt;b&gt;" in page and "/edit" not in page
    assert "画出的管控区" in inspector.get("/construction").text
    fields = form(contractor="另一单位") | {"code": ""}
    assert dispatcher.send("/construction/B-1/edit", **fields).status_code == 303
    assert "另一单位" in inspector.get("/construction/B-1").text
    assert "示例施工单位" in inspector.get("/construction/B-1?version=1").text
    for path in (
        "/construction/B-1/edit",
        "/construction/new",
        "/construction/B-1/effect",
        "/construction/contractors",
    ):
        assert dispatcher.get(path).status_code == 200, path
        assert inspector.get(path).status_code == 403, path
    assert dispatcher.send("/construction/B-1/withdraw").status_code == 303
    assert inspector.get("/construction/B-1").status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ground": ""}, "管控区范围"),
        ({"ground": "no json"}, "管控区范围"),
        ({"ground": '{"type": "MultiPolygon", "coordinates": [[], [[[0, 0], [1, 0], [1, 1]]]]}'}, "管控区范围"),
        ({"contractor": ""}, "施工单位"),
        ({"hoarding_last": ""}, "施工阶段"),
        ({"width_left_m": "wide"}, "剩余宽度"),
    ],
)
def test_what_is_refused_is_named_and_what_was_typed_stays(reader, changes, said):
    dispatcher = reader("dispatcher1")
    answer = dispatcher.send("/construction/new", **form(**changes))
    assert answer.status_code == 422 and f"{said}" in answer.text.split('role="alert"')[1][:400]
    assert "画出的管控区" in answer.text
    assert dispatcher.get("/construction/B-1").status_code == 404


def test_a_code_that_there_is_is_not_taken_twice(reader):
    dispatcher = reader("dispatcher1")
    assert dispatcher.send("/construction/new", **form()).status_code == 303
    assert dispatcher.send("/construction/new", **form(contractor="另")).status_code == 422


def test_tiles_follow_the_day(api):
    put(api("dispatcher1"), "A", zone())
    manager = api("manager1")
    tile = "/tiles/construction/16/51711/26899.mvt"

    def told(**asked) -> bytes:
        answer = manager.get(tile, **asked)
        assert answer.status_code in (200, 204)
        return answer.data

    assert b"excavation" in told(day=str(city.today())) and b"closure" in told(day=str(city.today()))
    assert b"excavation" not in told(day=str(city.today() + timedelta(days=10)))
    assert told(day=str(city.today() + timedelta(days=40))) == b""
    assert manager.get(tile, day="yesterday").status_code == 422


def test_a_contractor_whose_department_has_nobody_is_no_way_in(api, city_runtime):
    """A department's staff see what was dispatched to them, not all cases of the zone."""
    with city_runtime.transaction() as session:
        accounts.add_department(session, "builder", "施工单位", "Builder", kind="other")
        accounts.add_person(session, "builder1", "工长", "department", city.PASSWORD, department="builder")
    put(api("dispatcher1"), "A", zone(department="builder"))
    number = api("acceptor1").post("/api/v1/cases", DUST).json["properties"]["number"]
    assert api("builder1").get("/api/v1/cases", zone="A").json["features"] == []
    assert api("builder1").get(f"/api/v1/cases/{number}").status_code == 404


def test_the_metro_company_reads_which_cases_of_the_works_went_to_the_contractor(api, reader, city_runtime):
    with city_runtime.transaction() as session:
        accounts.add_department(session, "metro", "地铁公司", "Metro", kind="other")
        accounts.add_person(session, "metro1", "联络员", "department", city.PASSWORD, department="metro")
    put(api("dispatcher1"), "A", zone(metro_department="metro"))
    number = api("acceptor1").post("/api/v1/cases", DUST).json["properties"]["number"]
    assert "告知地铁单位的施工案件" not in reader("metro1").get("/construction/A").text, "it is with nobody yet"
    with city_runtime.transaction() as session:
        session.info["settings"] = city_runtime.settings
        condition = catalog.conditions_of(session, "matter", "08004", city.CITY)[0].id
        for login, action, given in (
            ("acceptor1", "file", {"condition": condition}),
            ("dispatcher1", "dispatch", {"department": "auto"}),
        ):
            actor = people.actor(session, login)
            handling.act(session, city_runtime.settings, actor, number, action, given, at=datetime.now(UTC))
    page = reader("metro1").get("/construction/A").text
    assert "告知地铁单位的施工案件" in page and number in page and f"/cases/{number}" not in page
    assert "告知地铁单位的施工案件" not in reader("works1").get("/construction/A").text


def sent(reader, kind: str, meta: dict):
    told = reader.client.get("/inspect/me", headers={"Accept": "application/json"}).json
    return reader.client.post(
        f"/inspect/send/{kind}",
        data={"meta": json.dumps(meta)},
        headers={"X-CSRFToken": told["token"], "X-Person": str(told["person"]["id"]), "Accept": "application/json"},
    )


def test_the_phone_keeps_zones_nearby_and_sends_a_patrol_once(api, reader):
    put(api("dispatcher1"), "A", zone())
    soon = {"first_day": str(city.today() + timedelta(days=3)), "phases": [], "lines": []}
    put(api("dispatcher1"), "SOON", zone(**soon))
    put(api("dispatcher1"), "LATER", zone(**soon | {"first_day": str(city.today() + timedelta(days=15))}))
    inspector = reader("inspector1")
    told = inspector.get(f"/inspect/works?lon={LON}&lat={LAT}").json["zones"]
    assert {one["code"] for one in told} == {"A", "SOON"} and told[0]["geometry"]["type"] == "MultiPolygon"
    assert inspector.get("/inspect/works?lon=103.5&lat=30.2").json["zones"] == []
    assert inspector.get("/inspect/works").json["zones"] == [], "without a beat and a place there is nothing near"
    at, spot = datetime.now(ZoneInfo("Asia/Shanghai")).isoformat(), {"lon": LON, "lat": LAT, "accuracy_m": 12.5}
    for _twice in range(2):
        assert sent(inspector, "patrol", {"key": "k" * 12, "zone": "A", "at": at} | spot).status_code == 200
    assert [one["done"] for one in api("manager1").get("/api/v1/construction/A/patrols").json["days"]][0] == 1
    gone = sent(inspector, "patrol", {"key": "m" * 12, "zone": "B", "at": at} | spot)
    assert gone.status_code == 404 and "没有这个施工管控区" in gone.json["said"]["zh"]


def test_the_map_opens_on_the_works_of_now_and_on_the_city_without_any(api, reader):
    manager = reader("manager1")

    def bounds() -> list[float]:
        return json.loads(re.search(r'"bounds":(\[[^\]]+\])', manager.get("/maps/construction").text)[1])

    city_wide = bounds()
    over = {
        "first_day": str(city.today() - timedelta(days=30)),
        "last_day": str(city.today() - timedelta(days=9)),
        "phases": [],
    }
    put(api("dispatcher1"), "OVER", zone(**over))
    assert bounds() == city_wide
    put(api("dispatcher1"), "A", zone())
    west, south, east, north = bounds()
    assert west < LON - HALF < LON + HALF < east and south < LAT < north and east - west < 0.02
