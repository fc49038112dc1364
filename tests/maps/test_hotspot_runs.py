"""Runs of hot spots: a planted spot found in the city's cases, kept, told, drawn; for whom, and until when it holds."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import select, text

from tests import city
from tests.maps import crowd, lattice
from webgis import jobs, worker
from webgis.accounts import operations as accounts
from webgis.days import Span
from webgis.db import Runtime
from webgis.maps import hotspot_operations, hotspot_queries
from webgis.maps.heat_queries import Asked
from webgis.maps.hotspot_models import HotspotRun

SPAN = Span(date(2026, 9, 1), date(2026, 10, 30))
DAYS = [SPAN.since + timedelta(days=n) for n in range(SPAN.days)]
ASKED = {"since": str(SPAN.since), "until": str(SPAN.until)}
PLANTED = (slice(10, 14), slice(20, 24))
MIDDLE = {lattice.code(row, column) for row in (11, 12) for column in (21, 22)}


@pytest.fixture(scope="module")
def planted_template(servers, city_template, clone):
    """A database with a lattice of cells, two months of chance, and one spot."""
    with clone(city_template) as settings:
        runtime = Runtime(settings)
        rng = np.random.default_rng(9)
        shape = (lattice.SIDE, lattice.SIDE)
        with runtime.transaction() as session:
            lattice.build(session)
            lattice.report(session, rng.poisson(1, shape), DAYS, rng)
            more = np.zeros(shape, dtype=int)
            more[PLANTED] = 4
            lattice.report(session, more, DAYS, rng, class_code="06030", department="510104-works", state="handling",
                           first=50_000)  # fmt: skip
            session.execute(text("ANALYZE"))
        runtime.dispose()
        yield settings.database.rsplit("/", 1)[-1].partition("?")[0]


@pytest.fixture
def city_slate(slates, planted_template):
    """A city of the test's own with the planted spot."""
    with slates.borrow(planted_template) as borrowed:
        yield borrowed


@pytest.fixture
def planted(city_settings):
    return city_settings


def drawn(runtime, z: int, **params) -> list[dict]:
    """Properties of all features of the layer at a zoom."""
    found = []
    with runtime.reading() as connection:
        for address in crowd.tiles(z, lattice.BOUNDS):
            tile = connection.exec_driver_sql("SELECT fn.hotspots_tile(%s, %s, %s, %s::jsonb)",
                                              (*address, json.dumps(params))).scalar()  # fmt: skip
            found += [one["properties"] for one in crowd.features(tile, "hotspots")]
    return found


def test_the_planted_spot_is_found_told_and_drawn(api, city_runtime):
    answer = api("manager1").post("/api/v1/hotspots", ASKED)
    told = answer.json
    assert answer.status_code == 200 and told["done"] and told["fresh"]
    assert told["cells"] > 961 and told["unsayable"] is None and told["notes"] == []
    hot = {row["code"] for row in told["rows"] if row["called"] >= 95}
    assert hot >= MIDDLE and len(hot) <= 40
    assert {row["code"]: row["count"] for row in told["rows"]}[min(MIDDLE)] >= 4
    features = drawn(city_runtime, 15, run=told["run"])
    assert {one["code"] for one in features if one["called"] >= 95} >= MIDDLE
    for zoom in (10, 11):
        squares = drawn(city_runtime, zoom, run=told["run"])
        assert sum(one["hot"] for one in squares) == sum(row["called"] > 0 for row in told["rows"])
        assert max(one["hottest"] for one in squares) == 99


def test_the_layer_is_served_over_http_and_changes_with_a_run(api):
    manager = api("manager1")
    z, x, y = next(crowd.tiles(12, lattice.BOUNDS))
    address = f"/tiles/hotspots/{z}/{x}/{y}.mvt"
    empty = manager.get(address)
    assert (empty.status_code, empty.data) == (200, b"")
    run = manager.post("/api/v1/hotspots", ASKED).json["run"]
    full = manager.get(address, run=run)
    assert full.status_code == 200 and full.data and full.headers["ETag"] != empty.headers["ETag"]
    assert manager.get(address, run="0").status_code == 422
    assert manager.get("/tiles/hotspots.json").json["vector_layers"][0]["id"] == "hotspots"


def test_chance_without_the_spot_is_called_nothing(api):
    asked = ASKED | {"kind": "matter", "class": city.REFUSE, "area": lattice.COMMUNITY}
    told = api("manager1").post("/api/v1/hotspots", asked).json
    assert told["cases"] > 800 and not any(abs(row["called"]) >= 95 for row in told["rows"])


def test_the_same_question_is_answered_by_the_same_run_until_a_case_comes(api, city_runtime):
    manager = api("manager1")
    first = manager.post("/api/v1/hotspots", ASKED).json["run"]
    assert manager.post("/api/v1/hotspots", ASKED).json["run"] == first
    assert manager.post("/api/v1/hotspots", ASKED | {"area": city.COUNTY}).json["run"] != first
    with city_runtime.transaction() as session:
        once = np.zeros((lattice.SIDE, lattice.SIDE), dtype=int)
        once[0, 0] = 1
        lattice.report(session, once, DAYS, np.random.default_rng(1), first=90_000)
    assert manager.get(f"/api/v1/hotspots/{first}").json["fresh"] is False
    assert manager.post("/api/v1/hotspots", ASKED).json["run"] != first


def test_a_change_of_the_grid_makes_a_new_run_on_new_neighbours(api, city_runtime, planted):
    manager = api("manager1")
    first = manager.post("/api/v1/hotspots", ASKED).json["run"]
    kept = list((planted.var_dir / "neighbours").iterdir())
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.cell SET valid = tstzrange(lower(valid), now()) WHERE code = :code"),
                        {"code": lattice.code(30, 30)})  # fmt: skip
    told = manager.post("/api/v1/hotspots", ASKED).json
    assert told["run"] != first and len(kept) == 1
    now = list((planted.var_dir / "neighbours").iterdir())
    assert len(now) == 1 and now != kept


def test_windows_tell_what_becomes_of_the_spot(api, city_runtime):
    rng = np.random.default_rng(12)
    late = np.zeros((lattice.SIDE, lattice.SIDE), dtype=int)
    late[2:6, 2:6] = 6
    with city_runtime.transaction() as session:
        lattice.report(session, late, DAYS[-6:], rng, class_code="01001", first=80_000)
    manager = api("manager1")
    told = manager.post("/api/v1/hotspots", ASKED | {"windows": 10}).json
    assert len(told["windows"]) == 10 and told["windows"][-1] == ["2026-10-25", "2026-10-30"]
    new = manager.get(f"/api/v1/hotspots/{told['run']}", word="new").json["rows"]
    assert {lattice.code(row, column) for row in (3, 4) for column in (3, 4)} <= {row["code"] for row in new}
    assert told["words"]["new"] == len(new)
    drawn_words = {one["code"]: one["word"] for one in drawn(city_runtime, 16, run=told["run"]) if one.get("word")}
    assert drawn_words[lattice.code(3, 3)] == "new"


def test_departments_and_areas_have_runs_of_their_own_sight(api, city_runtime):
    with city_runtime.transaction() as session:
        accounts.add_person(session, "west1", "西", "manager", city.PASSWORD).area_code = city.WEST
    everyones = api("manager1").post("/api/v1/hotspots", ASKED).json
    works = api("works1").post("/api/v1/hotspots", ASKED).json
    assert works["cases"] == 64 < everyones["cases"] and works["asked"]["departments"] == ["510104-works"]
    small = api("west1").post("/api/v1/hotspots", ASKED).json
    assert small["cells"] < everyones["cells"] and small["unsayable"] and small["notes"][0]["zh"]
    for login, run in (("works1", everyones), ("west1", everyones), ("sanitation1", works), ("west1", works)):
        answer = api(login).get(f"/api/v1/hotspots/{run['run']}")
        assert (answer.status_code, answer.json["code"]) == (404, "maps.run-unknown")
    assert drawn(city_runtime, 15, run=everyones["run"], _departments=["510104-works"]) == []
    assert drawn(city_runtime, 15, run=everyones["run"], _area=city.WEST) == []
    assert drawn(city_runtime, 15, run=works["run"], _departments=["510104-works"])


def test_of_few_cases_nothing_is_said_and_why_is_said(api):
    told = api("manager1").post("/api/v1/hotspots", {"since": "2026-01-01", "until": "2026-01-31"}).json
    assert told["unsayable"] == "few_cases" and told["rows"] == [] and "30" in told["notes"][0]["en"]
    thin = api("manager1").post("/api/v1/hotspots", ASKED | {"since": "2026-01-01", "windows": 24}).json
    assert thin["thin_windows"] > 0 and thin["notes"] and all(row["word"] is None for row in thin["rows"])


def test_what_takes_long_is_a_job_that_tells_how_far_it_is(api, city_runtime, monkeypatch):
    monkeypatch.setattr(hotspot_operations, "AT_ONCE", 10)
    manager = api("manager1")
    answer = manager.post("/api/v1/hotspots", ASKED)
    run = answer.json["run"]
    assert answer.status_code == 202 and answer.headers["Location"].endswith(f"/api/v1/hotspots/{run}")
    assert not answer.json["done"] and "rows" not in answer.json
    assert manager.post("/api/v1/hotspots", ASKED).json["run"] == run
    worker.import_tasks()
    jobs.drain(city_runtime, "slow")
    done = manager.get(f"/api/v1/hotspots/{run}").json
    assert done["done"] and done["progress"] == 100 and done["rows"]


def test_a_run_may_be_worked_out_again_and_tells_how_far_it_is(city_runtime):
    seen = []
    with city_runtime.transaction() as session:
        run = hotspot_operations.find(session, Asked(SPAN), 5)
    with city_runtime.transaction() as session:
        hotspot_operations.work_out(session, run, seen.append)
        hotspot_operations.work_out(session, run)
    assert seen == sorted(seen) and len(seen) == 6 and seen[-1] == 90
    with city_runtime.transaction() as session:
        assert session.get_one(HotspotRun, run).progress == 100


def test_standard_spans_are_found_by_timetable_and_drawn_without_asking(api, city_runtime):
    with city_runtime.transaction() as session:
        month, quarter = hotspot_operations.find_standard(session, SPAN.until + timedelta(days=1))
        assert hotspot_operations.find_standard(session, SPAN.until + timedelta(days=1)) == [month, quarter]
    assert MIDDLE & {one["code"] for one in drawn(city_runtime, 15)} and drawn(city_runtime, 15, days="90")
    assert drawn(city_runtime, 15, _area=city.COUNTY) == []
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.hotspot_run SET made_at = now() - interval '31 days'"))
        hotspot_operations.find_standard(session, SPAN.until + timedelta(days=2))
        assert month not in session.scalars(select(HotspotRun.id)).all()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"windows": 3}, "windows"),
        ({"windows": 25}, "windows"),
        ({"windows": 10, "since": "2026-10-28"}, "windows"),
        ({"until": "yesterday"}, "until"),
        ({"class": "06010"}, "kind"),
    ],
)
def test_a_question_that_is_none_is_refused_and_makes_no_run(api, city_runtime, given, field):
    answer = api("manager1").post("/api/v1/hotspots", ASKED | given)
    assert (answer.status_code, answer.json["field"]) == (422, field)
    with city_runtime.transaction() as session:
        assert session.scalars(select(HotspotRun.id)).all() == []


def test_a_run_that_there_is_not_is_told(api):
    assert api("manager1").get("/api/v1/hotspots/1").json["code"] == "maps.run-unknown"


def test_neighbours_are_found_once_for_a_state_of_the_grid(city_runtime, planted):
    with city_runtime.transaction() as session:
        found = hotspot_queries.grid(session, planted)
        again = hotspot_queries.grid(session, planted)
        place = hotspot_queries.kept(planted, hotspot_queries.state(session))
    assert (
        place.path.is_file() and (found.ids == again.ids).all() and (found.graph.indices == again.graph.indices).all()
    )
    ids, graph = found.within(lattice.COMMUNITY)
    assert len(ids) == 961 and sorted(np.unique(graph.sizes)) == [4, 6, 9]
