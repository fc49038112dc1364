"""Places over HTTP: for all who are logged in, and for strangers through the public form's own addresses."""

import pytest

from tests import city
from tests.grid import gazetteer_town
from webgis.app import create_app


@pytest.fixture
def asker(city_runtime, city_app, api):
    with city_runtime.transaction() as session:
        gazetteer_town.settle(session)
    return api("sanitation1")


def test_places_are_found_with_their_labels_cell_and_area(asker):
    answer = asker.get("/api/v1/places", q="chunxi lu 12", lon=104.062, lat=30.656)
    assert answer.status_code == 200
    first = answer.json["places"][0]
    assert first["kind"] == "door" and first["name"] == "春熙路12号"
    assert first["label"] == {"zh": "春熙路12号", "en": "No. 12, Chunxi Road"}
    assert first["cell"].startswith(city.WEST) and first["area"]["code"] == city.WEST
    assert (first["lon"], first["lat"]) == (104.0622, 30.6561) and 0 < first["score"] <= 1 and first["metres"] < 50


def test_coordinates_come_and_go_in_the_system_that_was_asked_for(asker):
    wgs = asker.get("/api/v1/places", q="春熙小学").json["places"][0]
    gcj = asker.get("/api/v1/places", q="春熙小学", crs="gcj02").json["places"][0]
    assert 0.001 < gcj["lon"] - wgs["lon"] < 0.004
    near = asker.get("/api/v1/places/near", lon=gcj["lon"], lat=gcj["lat"], crs="gcj02").json["places"][0]
    assert near["name"] == "春熙小学" and near["metres"] < 2 and abs(near["lon"] - gcj["lon"]) < 1e-5


def test_what_is_near_is_told(asker):
    told = asker.get("/api/v1/places/near", lon=104.06218, lat=30.65611).json
    assert told["address"] == {"zh": "春熙路12号附近", "en": "near No. 12, Chunxi Road"}
    assert told["words"]["zh"].endswith(f"西社区，单元网格{told['cell']}")
    assert [area["level"] for area in told["areas"]] == ["city", "county", "subdistrict", "community"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "a" * 61}, "q"),
        ({"q": "a", "limit": "0"}, "limit"),
        ({"q": "a", "limit": "x"}, "limit"),
        ({"q": "a", "lon": "104"}, "lat"),
        ({"q": "a", "lon": "30.6", "lat": "104.0"}, "lon"),
        ({"q": "a", "lon": "x", "lat": "30"}, "lon"),
        ({"q": "a", "crs": "mars"}, "crs"),
        ({"q": "a", "other": "1"}, "other"),
    ],
)
def test_a_search_that_cannot_be_is_refused_with_its_field(asker, query, field):
    answer = asker.get("/api/v1/places", **query)
    assert answer.status_code == 422 and answer.json["field"] == field


@pytest.mark.parametrize("query", [{}, {"lon": "104"}, {"lon": "nan", "lat": "30"}, {"lon": "200", "lat": "30"}])
def test_a_place_that_cannot_be_is_refused(asker, query):
    assert asker.get("/api/v1/places/near", **query).status_code == 422


def test_strangers_search_at_an_address_of_their_own_without_cells(asker, city_app):
    stranger = city_app.test_client()
    assert stranger.get("/api/v1/places?q=cxl", headers={"Accept": "application/json"}).status_code == 401
    assert stranger.get("/api/v1/places/near?lon=104.06&lat=30.65").status_code == 401
    found = stranger.get("/report/map/places?q=cxl").json["places"]
    assert found[0]["name"] == "春熙路" and found[0]["cell"] is None
    assert stranger.get(f"/report/map/places?q={city.WEST}001").json["places"] == []
    told = stranger.get("/report/map/near?lon=104.0622&lat=30.6561").json
    assert told["cell"] is None and "网格" not in told["words"]["zh"] and told["words"]["zh"].endswith("西社区")


def test_strangers_are_limited(clone_limited):
    client = clone_limited.test_client()
    answers = [client.get("/report/map/places?q=cxl").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


@pytest.fixture
def clone_limited(clone, city_template):
    with clone(city_template, follow_limit="3 per minute") as settings:
        app = create_app(settings)
        yield app
        app.extensions["webgis"].dispose()
