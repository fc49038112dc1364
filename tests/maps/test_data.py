"""What maps load: boundaries and cells of a box, and the cases that the one who asks may see."""

import pytest

from tests import city
from webgis.maps import queries

BOX = "104.059,30.654,104.071,30.661"
REPORT = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "kind": "matter", "class": city.REFUSE}
NASTY = "${alert(1)} <img src=x onerror=alert(1)> `"


def report(api, description=NASTY) -> str:
    made = api("inspector1").post("/api/v1/cases", REPORT | {"description": description}, [city.photo()])
    return made.json["properties"]["number"]


def dispatch(api, number: str, department: str) -> None:
    offered = api("acceptor1").get(f"/api/v1/cases/{number}").json["properties"]["conditions"]
    api("acceptor1").post(f"/api/v1/cases/{number}/actions/file", {"condition": offered[0]["id"]})
    done = api("dispatcher1").post(f"/api/v1/cases/{number}/actions/dispatch", {"department": department})
    assert done.status_code == 200


@pytest.mark.parametrize("path", ["areas?level=county&bbox=" + BOX, "cells?bbox=" + BOX, "cases"])
def test_strangers_get_nothing(city_app, path):
    answer = city_app.test_client().get(f"/maps/data/{path}", headers={"Accept": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(("level", "names"), [("county", ["锦江区"]), ("community", ["西社区", "东社区"])])
def test_areas_come_by_level_with_their_names_and_a_place_for_the_label(api, level, names):
    answer = api("manager1").get("/maps/data/areas", level=level, bbox=BOX)
    assert answer.mimetype == "application/geo+json"
    found = answer.get_json(force=True)["features"]
    assert [one["properties"]["name_zh"] for one in found] == names
    for one in found:
        lon, lat = one["properties"]["label"]
        assert 104.06 <= lon <= 104.07 and 30.655 <= lat <= 30.66
        assert "crs" not in one["geometry"]


@pytest.mark.parametrize("wrong", [{"level": "city"}, {"detail": "microscopic"}], ids=["level", "detail"])
def test_a_level_or_detail_that_there_is_not_is_refused_with_those_there_are(api, wrong):
    answer = api("manager1").get("/maps/data/areas", **({"level": "county", "bbox": BOX} | wrong))
    assert answer.status_code == 422


def test_an_answer_that_has_not_changed_is_not_sent_again(api):
    reader = api("manager1")
    first = reader.get("/maps/data/areas", level="county", bbox=BOX)
    reader.headers["If-None-Match"] = first.headers["ETag"]
    assert reader.get("/maps/data/areas", level="county", bbox=BOX).status_code == 304


def test_cells_come_for_a_box_only(api):
    every = api("manager1").get("/maps/data/cells", bbox=BOX).get_json(force=True)
    few = api("manager1").get("/maps/data/cells", bbox="104.0601,30.6551,104.0602,30.6552").get_json(force=True)
    assert len(few["features"]) == 1 < len(every["features"])
    assert every["truncated"] is False
    assert api("manager1").get("/maps/data/cells").status_code == 422


@pytest.mark.parametrize("path", ["/maps/data/areas", "/maps/data/cells", "/maps/data/cases", "/api/v1/cases"])
def test_maps_and_api_refuse_a_bad_box_alike(api, path):
    reader = api("manager1")
    reader.headers["Accept"] = "application/json"
    answer = reader.get(path, bbox="105,30,104,31")
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "geo.bad-box", "bbox")


PATHS = ["data/areas?bbox=" + BOX, "data/cells?bbox=" + BOX, "data/names?bbox=" + BOX, "data/cases?", "data/found?q=西",
         "data/choices?", "version?"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_what_an_address_of_maps_does_not_take_is_refused_as_json_whoever_asks(api, path):
    reader = api("manager1")
    headers = reader.headers | {"Accept": "text/html"}
    assert reader.client.get(f"/maps/{path}", headers=headers).status_code == 200
    refused = reader.client.get(f"/maps/{path}&colour=red", headers=headers)
    assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
    assert (refused.json["code"], refused.json["field"]) == ("api.bad-input", "colour")


@pytest.mark.parametrize(
    ("path", "status"),
    [("data/nothing", 404), ("snapshots/none-of-mine-at-all/state", 404), ("data/cells?bbox=1", 422)],
)
def test_errors_of_addresses_that_only_programs_ask_are_json(api, path, status):
    reader = api("manager1")
    refused = reader.client.get(f"/maps/{path}", headers=reader.headers | {"Accept": "*/*"})
    assert (refused.status_code, refused.mimetype) == (status, "application/problem+json")
    assert reader.client.get("/report/map/cells?bbox=1").mimetype == "application/problem+json"
    assert reader.client.get("/maps/nothing", headers=reader.headers).mimetype == "text/html"


def test_too_many_cells_are_cut_off_and_the_answer_says_so(city_runtime):
    with city_runtime.transaction() as session:
        text = queries.cells_geojson(session, (104.059, 30.654, 104.071, 30.661), most=5)
    assert '"truncated" : true' in text
    assert text.count('"Polygon"') == 5


def test_cases_are_points_with_only_what_a_sign_and_its_popup_need(api):
    number = report(api)
    answer = api("manager1").get("/maps/data/cases").json
    assert (answer["count"], answer["more"]) == (1, False)
    (one,) = answer["features"]
    assert one["geometry"]["coordinates"] == [round(part, 6) for part in city.IN_WEST]
    assert one["properties"].keys() == {
        *("number", "state", "kind", "class", "class_name", "light", "light_word", "reported", "description"),
    }
    assert one["properties"]["number"] == number
    assert one["properties"]["description"] == NASTY


def test_a_department_sees_its_own_cases_on_the_map_and_no_others(api):
    mine, other = report(api), report(api)
    dispatch(api, mine, "510104-sanitation")
    dispatch(api, other, "510104-works")
    shown = api("sanitation1").get("/maps/data/cases").json["features"]
    assert [one["properties"]["number"] for one in shown] == [mine]


def test_cases_outside_the_box_are_left_out(api):
    report(api)
    assert api("manager1").get("/maps/data/cases", bbox="104.0651,30.655,104.07,30.66").json["features"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("until=9999-12-31", "until"), ("since=0001-01-01", "since"), ("state=closed&state=voided", "state")],
)
def test_a_selection_that_cannot_be_answered_is_refused_by_its_field(api, query, field):
    reader = api("manager1")
    headers = reader.headers | {"Accept": "application/json"}
    refused = reader.client.get(f"/maps/data/cases?bbox=104,30,105,31&{query}", headers=headers)
    assert (refused.status_code, refused.json["field"]) == (422, field)
