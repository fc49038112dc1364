"""Tiles over HTTP: what is refused, who sees what, what is sent again; and that readers of others can read them."""

import gzip
import json
import re
from pathlib import Path

import pyogrio
import pytest
from shapely.geometry import shape
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests import city
from tests.maps import crowd
from webgis.db import Runtime
from webgis.maps import tiled
from webgis.web import redis

Z, X, Y = next(crowd.tiles(14, (*city.IN_WEST, *city.IN_WEST)))
HERE = f"{Z}/{X}/{Y}.mvt"
REPORT = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000", "kind": "matter", "class": city.REFUSE}


def report(api) -> str:
    made = api("inspector1").post("/api/v1/cases", REPORT | {"description": "垃圾"}, [city.photo()])
    return made.json["properties"]["number"]


def cases_of(answer) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return [one["properties"] for one in crowd.features(answer.data, "cases")]


@pytest.mark.parametrize(
    ("path", "status", "field", "got"),
    [
        ("rivers/0/0/0.mvt", 404, "layer", "rivers"),
        ("rivers.json", 404, "layer", "rivers"),
        ("cases/23/0/0.mvt", 422, "z", "23"),
        ("cases/-1/0/0.mvt", 422, "z", "-1"),
        ("cases/3/8/0.mvt", 422, "x", "8"),
        ("cases/3/0/8.mvt", 422, "y", "8"),
        ("cases/3/x/0.mvt", 422, "x", "x"),
        ("cases/3/1.5/0.mvt", 422, "x", "1.5"),
        ("cases/3/0/٣.mvt", 422, "y", "٣"),
        ("cases/3/0/0.mvt?state=asleep", 422, "state", "asleep"),
        ("cases/3/0/0.mvt?state=closed,", 422, "state", "closed,"),
        ("cases/3/0/0.mvt?kind=thing", 422, "kind", "thing"),
        ("cases/3/0/0.mvt?class=garbage", 422, "class", "garbage"),
        ("cases/3/0/0.mvt?measure=all", 422, "measure", "all"),
        ("cases/3/0/0.mvt?since=yesterday", 422, "since", "yesterday"),
        ("cases/3/0/0.mvt?since=2026-11-02&until=2026-11-01", 422, "until", "2026-11-01"),
        ("cases/3/0/0.mvt?since=2026-11-02&since=2026-11-03", 422, "since", None),
        ("cases/3/0/0.mvt?_area=5101", 422, "_area", None),
        ("cases.json?state=asleep", 422, "state", "asleep"),
        ("beats/3/0/0.mvt?state=closed", 422, "state", None),
        ("components/3/0/0.mvt?state=closed", 422, "state", "closed"),
        ("areas/3/0/0.mvt?level=street", 422, "level", "street"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(api, path, status, field, got):
    reader = api("manager1")
    reader.headers["Accept"] = "*/*"
    answer = reader.get(f"/tiles/{path}")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (answer.json["field"], answer.json.get("got")) == (field, got)
    assert "accepted" in answer.json


def test_strangers_get_a_problem_and_no_tile(city_app):
    answer = city_app.test_client().get(f"/tiles/areas/{HERE}")
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_a_tile_is_sent_gzipped_to_who_takes_it_and_says_how_long_it_holds(api):
    reader = api("manager1")
    plain = reader.get(f"/tiles/cells/{HERE}")
    reader.headers["Accept-Encoding"] = "gzip"
    packed = reader.get(f"/tiles/cells/{HERE}")
    assert plain.mimetype == packed.mimetype == "application/vnd.mapbox-vector-tile"
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data != b""
    assert plain.headers["Cache-Control"] == "private, no-cache"
    assert plain.headers["Vary"] == "Accept-Encoding"


def test_a_tile_that_has_not_changed_is_not_sent_and_not_made_again(api, city_app):
    reader = api("manager1")
    reader.headers["If-None-Match"] = reader.get(f"/tiles/cases/{HERE}").headers["ETag"]
    with city_app.app_context():
        kept = [key for key in redis().scan_iter("webgis:tile:*") if HERE.removesuffix(".mvt").encode() in key]
        redis().delete(*kept)
        again = reader.get(f"/tiles/cases/{HERE}")
        assert (again.status_code, again.data) == (304, b"")
        assert not redis().exists(*kept)
    other = reader.get(f"/tiles/cases/{HERE}", measure="open")
    assert other.status_code == 200


def test_a_report_is_on_the_map_at_once_and_each_step_of_it_too(api):
    reader = api("manager1")
    before = reader.get(f"/tiles/cases/{HERE}")
    assert cases_of(before) == []
    number = report(api)
    after = reader.get(f"/tiles/cases/{HERE}")
    (one,) = cases_of(after)
    assert before.headers["ETag"] != after.headers["ETag"]
    assert one == {"number": number, "state": "reported", "kind": "matter", "class": city.REFUSE, "count": 1}
    assert api("acceptor1").post(f"/api/v1/cases/{number}/actions/reject", {"reason": "无"}).status_code == 200
    (one,) = cases_of(reader.get(f"/tiles/cases/{HERE}"))
    assert one["state"] == "rejected"
    assert cases_of(reader.get(f"/tiles/cases/{HERE}", measure="open")) == []


def test_cases_of_an_open_clock_tell_since_when_and_until_when(api):
    number = report(api)
    dispatch(api, number, "510104-sanitation")
    (one,) = cases_of(api("manager1").get(f"/tiles/cases/{HERE}"))
    assert one["dispatched"] < one["deadline"]


def dispatch(api, number: str, department: str) -> None:
    offered = api("acceptor1").get(f"/api/v1/cases/{number}").json["properties"]["conditions"]
    api("acceptor1").post(f"/api/v1/cases/{number}/actions/file", {"condition": offered[0]["id"]})
    done = api("dispatcher1").post(f"/api/v1/cases/{number}/actions/dispatch", {"department": department})
    assert done.status_code == 200


def test_a_department_has_tiles_of_its_own_cases_and_an_account_of_an_area_of_its_area(api, city_runtime):
    mine, other = report(api), report(api)
    dispatch(api, mine, "510104-sanitation")
    dispatch(api, other, "510104-works")
    for z in (9, 12, 14, 22):
        tile = "/".join(str(part) for part in next(crowd.tiles(z, (*city.IN_WEST, *city.IN_WEST))))
        found = {login: cases_of(api(login).get(f"/tiles/cases/{tile}.mvt")) for login in ("sanitation1", "manager1")}
        assert sum(one["count"] for one in found["sanitation1"]) == 1
        assert sum(one["count"] for one in found["manager1"]) == 2
        if z >= 14:
            assert [one["number"] for one in found["sanitation1"]] == [mine]
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = :area WHERE login = 'manager1'"), {"area": city.EAST})
    assert cases_of(api("manager1").get(f"/tiles/cases/{HERE}")) == []


def test_an_account_without_sight_of_cases_has_empty_tiles_and_no_counts(api, city_runtime):
    report(api)
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET role = 'system' WHERE login = 'manager1'"))
    machine = api("manager1")
    assert machine.get(f"/tiles/cases/{HERE}").data == b""
    assert machine.get(f"/tiles/cells/{HERE}", measure="reported").data == b""
    assert machine.get(f"/tiles/cells/{HERE}").data != b""


@pytest.mark.parametrize("layer", tiled.LAYERS.values(), ids=lambda layer: layer.name)
def test_every_layer_is_described_as_tilejson(api, layer):
    told = api("manager1").get(f"/tiles/{layer.name}.json").json
    assert told["tilejson"] == "3.0.0"
    assert told["tiles"] == [f"http://localhost/tiles/{layer.name}/{{z}}/{{x}}/{{y}}.mvt"]
    assert [one["id"] for one in told["vector_layers"]] == [layer.name]
    assert 0 <= told["minzoom"] <= told["maxzoom"] <= 22
    assert told["bounds"] == list(crowd.BOUNDS)


def test_tilejson_hands_on_what_was_asked(api):
    told = api("manager1").get("/tiles/cases.json", measure="open", since="2026-01-01").json
    assert told["tiles"][0].endswith("{y}.mvt?measure=open&since=2026-01-01")


def test_tiles_are_in_the_api_document_with_their_parameters(api):
    spec = api("manager1").get("/api/v1/openapi.json").json
    about = spec["paths"]["/tiles/{layer}/{z}/{x}/{y}.mvt"]["get"]
    names = {one["name"] for one in about["parameters"]}
    assert {"layer", "z", "x", "y", "state", "kind", "class", "department", "since", "until", "measure"} <= names
    assert "/tiles/{layer}.json" in spec["paths"]


@pytest.fixture(scope="module")
def drawn_city(make_settings, city_template):
    """A function that draws a tile of a layer of the small city with components, a beat and a crowd of cases."""
    runtime = Runtime(make_settings(city_template))
    with runtime.transaction() as session:
        crowd.insert(session, crowd.made(400, seed=7))
        session.execute(_COMPONENTS)
        session.execute(_BEAT)

    def draw(layer: str, z: int, x: int, y: int, **params) -> bytes:
        statement = f"SELECT {tiled.LAYERS[layer].function}(%s, %s, %s, %s::jsonb)"
        ((tile,),) = runtime.ask(statement, z, x, y, json.dumps(params))
        return bytes(tile or b"")

    yield draw
    runtime.dispose()


_COMPONENTS = text(
    """
    SET CONSTRAINTS ALL DEFERRED;
    WITH made AS (
        INSERT INTO city.component (code, standard, class_code, name, cell_code, geom)
        SELECT '510104' || '01001' || lpad(n::text, 6, '0'), 'GB/T 47678.5-2026', '01001', '井盖', c.code,
               CASE n % 4 WHEN 0 THEN ST_MakeLine(p, ST_Translate(p, 0.0004, 0.0001)) WHEN 1 THEN ST_Buffer(p, 0.00002)
                          ELSE p END
        FROM (SELECT n, ST_SetSRID(ST_Point(104.0601 + 0.0098 * ((n * 7919) % 1000) / 1000.0,
                                            30.6551 + 0.0048 * ((n * 104729) % 1000) / 1000.0), 4490) AS p
              FROM generate_series(1, 500) n) g
        CROSS JOIN LATERAL fn.cell_at(g.p) c RETURNING code
    )
    INSERT INTO city.component_event (component_code, version, at, action, state, changes)
    SELECT code, 1, now(), 'registered', 'intact', '{}' FROM made
    """
)
_BEAT = text(
    """
    INSERT INTO city.beat (code, name_zh, area_code, valid, geom)
    SELECT '5101040170', '一号', '510104017', tstzrange(now(), NULL), ST_Multi(ST_Union(geom)) FROM city.cell
    """
)

EVERYTHING = [
    *((layer, z, {}) for layer in ("areas", "beats", "components", "cases") for z in (8, 10, 13, 15, 17, 20)),
    *(("cells", z, {}) for z in (13, 15, 17, 20)),
    ("areas", 13, {"measure": "open"}),
    ("cells", 15, {"measure": "closed", "class": "01001"}),
]


@pytest.mark.parametrize(("layer", "z", "params"), EVERYTHING, ids=str)
def test_tiles_are_light_and_their_shapes_valid(drawn_city, layer, z, params):
    found = []
    for address in list(crowd.tiles(z))[: 6 if z < 20 else 100]:
        tile = drawn_city(layer, *address, **params)
        assert len(tile) <= 500_000
        found += crowd.features(tile, layer)
    assert found
    for one in found:
        assert shape(one["geometry"]).is_valid, one
        assert one["properties"].keys() <= tiled.LAYERS[layer].fields.keys()


@pytest.mark.parametrize("layer", ["areas", "cells", "cases", "components", "beats"])
def test_gdal_reads_the_tiles(drawn_city, layer, tmp_path: Path):
    tile = drawn_city(layer, Z, X, Y)
    file = tmp_path / str(Z) / str(X) / f"{Y}.mvt"
    file.parent.mkdir(parents=True)
    file.write_bytes(tile)
    meta, _ids, geometry, _fields = pyogrio.raw.read(f"MVT:{file}", layer=layer, CLIP="NO")
    assert len(geometry) == len(crowd.features(tile, layer)) > 0
    assert set(meta["fields"]) - {"mvt_id"} <= tiled.LAYERS[layer].fields.keys()


@pytest.mark.parametrize("z", range(8, 18))
def test_every_component_is_counted_once_at_every_zoom(drawn_city, z):
    found = [
        one for address in crowd.tiles(z) for one in crowd.features(drawn_city("components", *address), "components")
    ]
    assert sum(one["properties"]["count"] for one in found) == 500


def test_what_would_be_too_heavy_is_drawn_coarser(make_settings, city_template):
    runtime = Runtime(make_settings(city_template))
    with runtime.transaction() as session:
        session.execute(_MANY_CELLS)
    made = [bytes(runtime.ask("SELECT fn.cells_tile(%s, %s, %s)", *one)[0][0] or b"") for one in crowd.tiles(13)]
    runtime.dispose()
    assert max(len(tile) for tile in made) <= 500_000
    levels = {one["properties"]["level"] for tile in made for one in crowd.features(tile, "cells")}
    assert "community" in levels


_MANY_CELLS = text(
    """
    INSERT INTO city.area (code, level, parent_code, name_zh, geom, area_m2)
    SELECT '5101040172' || lpad(n::text, 2, '0'), 'community', '510104017', '社区',
           ST_Multi(ST_MakeEnvelope(104.06, 30.655, 104.07, 30.66, 4490)), 1 FROM generate_series(1, 20) n;
    INSERT INTO city.cell (code, community_code, geom, area_m2, valid, origin)
    SELECT '5101040172' || lpad(n::text, 2, '0') || lpad(m::text, 3, '0'), '5101040172' || lpad(n::text, 2, '0'),
           ST_Buffer(ST_SetSRID(ST_Point(104.0602 + 0.00045 * n, 30.6551 + 0.0000048 * m), 4490), 0.00003), 1,
           tstzrange(now(), NULL), 'surveyed'
    FROM generate_series(1, 20) n, generate_series(1, 900) m
    """
)


@pytest.mark.parametrize(
    ("layer", "act"),
    [
        ("areas", "UPDATE city.area SET population = 7"),
        ("components", "UPDATE city.component SET state = 'damaged'"),
    ],
)
def test_versions_change_once_for_each_transaction_and_outlive_being_added_up(runtime, layer, act):
    def version() -> str:
        return runtime.ask("SELECT fn.layer_version(%s, false) AS version", [layer])[0].version

    seen = [version()]
    for _ in range(120):
        with runtime.transaction() as session:
            session.execute(text(act))
            session.execute(text("SELECT fn.layer_changed(:layer), fn.layer_changed(:layer)"), {"layer": layer})
        seen.append(version())
    assert [int(one.split(".")[1]) for one in seen] == list(range(121))
    ((left,),) = runtime.ask("SELECT count(*) FROM city.layer_change")
    assert left < 60


def sql_of_the_manual(root: Path) -> tuple[str, str]:
    """The function of a layer of one's own, and the rights of a role for a tile server, as docs/maps.md has them."""
    told = (root / "docs" / "maps.md").read_text(encoding="utf-8").split("\n## Tiles\n")[1]
    function, rights = re.findall(r"```sql\n(.*?)```", told, re.S)
    return function, rights


def test_the_layer_that_the_manual_adds_is_drawn(make_settings, city_template, root):
    runtime = Runtime(make_settings(city_template))
    with runtime.transaction() as session:
        session.connection().exec_driver_sql(sql_of_the_manual(root)[0])
        crowd.insert(session, crowd.made(1, seed=1))
        session.execute(text("INSERT INTO city.case_footprint (case_id, geom, cells)"
                             " SELECT id, ST_Buffer(geom, 0.0005), '{}' FROM city.case"))  # fmt: skip
    for params, count in (("{}", 1), ('{"_departments": []}', 0)):
        ((tile,),) = runtime.ask("SELECT fn.footprints_tile(%s, %s, %s, %s::jsonb)", *next(crowd.tiles(10)), params)
        assert len(crowd.features(bytes(tile or b""), "footprints")) == count
    runtime.dispose()


def test_a_tile_server_with_the_rights_of_the_manual_has_the_ground_and_no_cases(make_settings, city_template, root):
    runtime = Runtime(make_settings(city_template))
    with runtime.engine.connect() as connection:
        connection.exec_driver_sql(sql_of_the_manual(root)[1].replace("tiles", "tiles_of_a_test"))
        connection.exec_driver_sql("SET ROLE tiles_of_a_test")
        for layer in ("areas", "cells", "beats"):
            tile = connection.scalar(
                text(f"SELECT fn.{layer}_tile(:z, :x, :y)"), dict(zip("zxy", (Z, X, Y), strict=True))
            )
            assert layer == "beats" or tile
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.scalar(text("SELECT fn.cases_tile(10, 808, 420)"))
        connection.rollback()
    runtime.dispose()
