"""Tiles of cases: nothing is lost or counted twice at any zoom, whatever is asked and whoever asks."""

import json
import random
from datetime import date

import pytest
from sqlalchemy import text

from tests import city
from tests.maps import crowd
from webgis.db import Runtime
from webgis.maps import rollups

ZOOMS = range(8, 18)
DRAWN = text("SELECT fn.cases_tile(:z, :x, :y, CAST(:params AS jsonb))")


@pytest.fixture(scope="module")
def cases():
    return crowd.made(7000, seed=4)


@pytest.fixture(scope="module")
def town(make_settings, city_template, cases):
    """The small city with its crowd: of the cases one third is folded into sums, the rest is not yet."""
    runtime = Runtime(make_settings(city_template))
    with runtime.transaction() as session:
        crowd.insert(session, cases)
        rollups.fold(session, most=2500)
    yield runtime
    runtime.dispose()


def drawn(runtime, z, params) -> list[dict]:
    """The features of every tile of a zoom."""
    found = []
    with runtime.reading() as connection:
        for _z, x, y in crowd.tiles(z):
            tile = connection.scalar(DRAWN, {"z": z, "x": x, "y": y, "params": json.dumps(params)})
            found += crowd.features(tile, "cases")
    return found


def wanted(case: crowd.One, params: dict) -> bool:
    """Whether a case was asked for: the same rules again, in other words."""
    measure, since, until = params.get("measure", "reported"), params.get("since"), params.get("until")
    counts = {
        "reported": True,
        "open": case.outcome is None,
        "closed": case.outcome == "closed",
        "on_time": case.on_time,
    }
    return (
        counts[measure]
        and params.get("kind") in (None, case.kind)
        and params.get("class") in (None, case.class_code)
        and ("state" not in params or case.state in params["state"].split(","))
        and params.get("department") in (None, case.department)
        and ("_departments" not in params or case.department in params["_departments"])
        and (since is None or case.day >= date.fromisoformat(since))
        and (until is None or case.day <= date.fromisoformat(until))
    )


def random_params(rng: random.Random) -> dict:
    day = date(2024, 1, 1).toordinal()
    first, last = sorted(rng.randrange(day, day + 3 * 365) for _ in range(2))
    choices = {
        "kind": ("matter", "component"),
        "class": (city.REFUSE, "01001"),
        "state": ("closed", "reported,handling", "dispatched"),
        "department": ("510104-works",),
        "since": (date.fromordinal(first).isoformat(),),
        "until": (date.fromordinal(last).isoformat(),),
        "measure": ("reported", "open", "closed", "on_time"),
        "_departments": (["510104-works"], ["510104-sanitation", "510104-works"], []),
    }
    return {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.35}


ASKED = [{}, {"measure": "open"}, {"class": "01001", "since": "2025-01-01", "until": "2025-12-31"}]
ASKED += [random_params(random.Random(seed)) for seed in range(12)]


@pytest.mark.parametrize("params", ASKED, ids=json.dumps)
def test_the_sum_of_all_tiles_is_the_number_of_cases_at_every_zoom(town, cases, params):
    true = sum(wanted(case, params) for case in cases)
    sums = {z: sum(one["properties"]["count"] for one in drawn(town, z, params)) for z in ZOOMS}
    assert sums == dict.fromkeys(ZOOMS, true)


def test_cases_are_bins_at_low_zooms_then_cells_where_they_are_many_and_single_where_they_are_few(town):
    def kinds(z: int) -> set[str]:
        """Which of these properties features have: `open` is of counts alone."""
        return {name for one in drawn(town, z, {}) for name in ("open", "cell", "number") if name in one["properties"]}

    assert kinds(9) == kinds(12) == {"open"}
    assert "cell" in kinds(13)
    assert kinds(17) == {"open", "cell", "number"}


def test_counts_tell_how_many_are_open_closed_and_in_time(town, cases):
    for z in (8, 9, 11, 12):
        sums = {
            name: sum(one["properties"][name] for one in drawn(town, z, {})) for name in ("open", "closed", "on_time")
        }
        assert sums == {
            "open": sum(case.outcome is None for case in cases),
            "closed": sum(case.outcome == "closed" for case in cases),
            "on_time": sum(case.on_time for case in cases),
        }


def test_a_single_case_is_where_it_is_and_in_one_tile_only(town, cases):
    numbers = {}
    for z, x, y in crowd.tiles(22, (104.0600, 30.6550, 104.0604, 30.6553)):
        with town.reading() as connection:
            tile = connection.scalar(DRAWN, {"z": z, "x": x, "y": y, "params": "{}"})
        for one in crowd.features(tile, "cases"):
            numbers.setdefault(one["properties"]["number"], []).append((x, y))
            column, row = one["geometry"]["coordinates"]
            assert 0 <= column < 4096 and 0 <= row < 4096
    near = {case.number: case for case in cases if case.number in numbers}
    assert len(near) > 3
    for number, places in numbers.items():
        assert places == [(crowd.tile_x(near[number].lon, 22), crowd.tile_y(near[number].lat, 22))]


@pytest.mark.parametrize("area", [city.WEST, city.EAST, city.COUNTY])
def test_an_account_of_an_area_has_tiles_of_the_cases_in_its_cells(town, area):
    with town.reading() as connection:
        true = connection.scalar(
            text("SELECT count(*) FROM city.case WHERE cell_code LIKE :area || '%'"), {"area": area}
        )
    assert true > 0
    for z in ZOOMS:
        assert sum(one["properties"]["count"] for one in drawn(town, z, {"_area": area})) == true


@pytest.mark.parametrize("level", ["county", "subdistrict", "community"])
@pytest.mark.parametrize("params", [{}, {"class": "01001"}, {"state": "handling"}], ids=json.dumps)
def test_areas_count_their_cases(town, cases, level, params):
    z, x, y = next(crowd.tiles(10))
    asked = json.dumps(params | {"measure": "reported", "level": level})
    with town.reading() as connection:
        tile = connection.scalar(
            text("SELECT fn.areas_tile(:z, :x, :y, CAST(:p AS jsonb))"), {"z": z, "x": x, "y": y, "p": asked}
        )
    found = [one["properties"] for one in crowd.features(tile, "areas")]
    assert {one["level"] for one in found} == {level}
    assert sum(one["count"] for one in found) == sum(wanted(case, params) for case in cases)


@pytest.mark.parametrize("params", [{}, {"class": "01001", "measure": "closed"}, {"state": "handling"}], ids=json.dumps)
def test_cells_count_their_cases_in_every_tile_that_they_touch(town, cases, params):
    with town.reading() as connection:
        true = dict(connection.execute(text("SELECT cell_code, array_agg(number) FROM city.case GROUP BY 1")).all())
        by_number = {case.number: case for case in cases}
        asked = json.dumps({"measure": "reported"} | params)
        counts: dict[str, set[int]] = {}
        for z, x, y in (*crowd.tiles(13), *crowd.tiles(16)):
            tile = connection.scalar(
                text("SELECT fn.cells_tile(:z, :x, :y, CAST(:p AS jsonb))"), {"z": z, "x": x, "y": y, "p": asked}
            )
            for one in crowd.features(tile, "cells"):
                counts.setdefault(one["properties"]["code"], set()).add(one["properties"]["count"])
    expected = {code: {sum(wanted(by_number[n], params) for n in numbers)} for code, numbers in true.items()}
    assert counts == {code: expected.get(code, {0}) for code in counts}
    assert expected.keys() <= counts.keys()
