"""The grid over HTTP, on the small city of `tests/city.py`."""

from datetime import UTC, datetime

import pytest

from tests import city
from webgis import geo
from webgis.grid import changes, queries

LON, LAT = city.IN_WEST


@pytest.fixture
def grid(api):
    """An inspector's client."""
    return api("inspector1")


@pytest.fixture
def merged(city_app):
    """The code of the cell that two cells of West were merged into, in 2024."""
    with city_app.extensions["webgis"].transaction() as session:
        at = datetime(2024, 1, 1, tzinfo=UTC)
        return changes.merge_cells(session, [city.WEST + "001", city.WEST + "002"], srid=4544, at=at).code


def test_the_cell_of_a_place_with_its_areas(grid):
    answer = grid.get("/api/v1/grid/cell", lon=LON, lat=LAT)
    assert answer.status_code == 200
    assert answer.json["type"] == "Feature"
    assert answer.json["geometry"]["type"] == "Polygon"
    properties = answer.json["properties"]
    assert properties["code"].startswith(city.WEST)
    assert properties["valid_to"] is None
    assert properties["valid_from"] == "2020-01-01T08:00:00+08:00"
    assert properties["area_m2"] > 0
    assert [(area["code"], area["level"]) for area in properties["areas"]] == [
        (city.CITY, "city"), (city.COUNTY, "county"), (city.SUBDISTRICT, "subdistrict"), (city.WEST, "community")
    ]  # fmt: skip
    assert properties["areas"][-1]["name_zh"] == "西社区"


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "cgcs2000"])
def test_a_place_in_another_system_has_the_same_cell(grid, crs):
    lon, lat = geo.from_cgcs2000(LON, LAT, crs)
    here = grid.get("/api/v1/grid/cell", lon=LON, lat=LAT).json["properties"]["code"]
    assert grid.get("/api/v1/grid/cell", lon=lon, lat=lat, crs=crs).json["properties"]["code"] == here


def test_a_place_outside_is_not_found_and_says_how_far(grid):
    lon, lat = city.OUTSIDE
    answer = grid.get("/api/v1/grid/cell", lon=lon, lat=lat)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "grid.outside"
    assert answer.json["distance_m"] == pytest.approx(958, abs=2)
    assert answer.json["nearest"].startswith(city.EAST)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"lon": LON}, "lat"),
        ({"lat": LAT}, "lon"),
        ({"lon": "x", "lat": LAT}, "lon"),
        ({"lon": LAT, "lat": LON}, "lon"),
        ({"lon": LON, "lat": LAT, "crs": "mars"}, "crs"),
        ({"lon": LON, "lat": LAT, "at": "yesterday"}, "at"),
    ],
    ids=["no lat", "no lon", "no number", "swapped", "unknown crs", "no moment"],
)
def test_a_bad_parameter_is_named(grid, query, field):
    answer = grid.get("/api/v1/grid/cell", **query)
    assert answer.status_code == 422
    assert answer.json["field"] == field


def test_strangers_are_refused(city_app):
    assert city_app.test_client().get(f"/api/v1/grid/cell?lon={LON}&lat={LAT}").status_code == 401


def test_a_cell_by_its_code(grid):
    answer = grid.get(f"/api/v1/grid/cells/{city.WEST}001")
    assert answer.json["id"] == city.WEST + "001"
    assert answer.json["properties"]["predecessors"] == []
    assert "successors" not in answer.json["properties"]


def test_a_closed_cell_says_what_it_went_into(grid, merged):
    properties = grid.get(f"/api/v1/grid/cells/{city.WEST}001").json["properties"]
    assert properties["valid_to"] == "2024-01-01T08:00:00+08:00"
    assert properties["successors"] == [
        {"code": merged, "share": 1.0, "reason": "merged", "at": "2024-01-01T08:00:00+08:00"}
    ]
    assert properties["now"] == [{"code": merged, "share": 1.0}]
    before = grid.get(f"/api/v1/grid/cells/{merged}").json["properties"]["predecessors"]
    assert [step["code"] for step in before] == [city.WEST + "001", city.WEST + "002"]


def test_which_cell_it_was_then(grid, city_app, merged):
    with city_app.extensions["webgis"].transaction() as session:
        inside = session.connection().exec_driver_sql(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) p FROM city.cell WHERE code = %s) t",
            (city.WEST + "001",),
        ).one()  # fmt: skip
    query = {"lon": inside[0], "lat": inside[1]}
    then = grid.get("/api/v1/grid/cell", **query, at="2023-06-01T12:00:00+08:00")
    assert then.json["properties"]["code"] == city.WEST + "001"
    assert grid.get("/api/v1/grid/cell", **query).json["properties"]["code"] == merged
    assert grid.get("/api/v1/grid/cell", **query, at="2019-01-01").status_code == 404


def test_a_code_at_a_moment(grid, merged):
    path = f"/api/v1/grid/cells/{city.WEST}001"
    assert grid.get(path, at="2023-06-01").status_code == 200
    assert grid.get(path, at="2025-06-01").status_code == 404


def test_an_offset_whose_plus_was_not_escaped_is_understood(city_app, grid):
    path = f"/api/v1/grid/cell?lon={LON}&lat={LAT}&at=2023-06-01T12:00:00+08:00"
    assert city_app.test_client().get(path, headers=grid.headers).status_code == 200


@pytest.mark.parametrize(
    ("code", "status"), [("51010401700199", 422), ("51010401700100x", 422), (city.WEST + "999", 404)]
)
def test_a_code_that_is_none_or_unknown(grid, code, status):
    assert grid.get(f"/api/v1/grid/cells/{code}").status_code == status


def test_the_api_is_described(grid):
    paths = grid.get("/api/v1/openapi.json").json["paths"]
    names = [parameter["name"] for parameter in paths["/api/v1/grid/cell"]["get"]["parameters"]]
    assert names == ["lon", "lat", "crs", "at"]


def test_the_chain_does_not_read_polygons(city_runtime):
    with city_runtime.transaction() as session:
        chain = queries.area_chain(session, city.WEST)
        assert all("geom" not in vars(area) for area in chain)
