"""Files of places: every fault is named by row and column, nothing is stored unless all can be, sources come and go."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from sqlalchemy import text

from tests.grid import gazetteer_town
from webgis import cli
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import files, gazetteer, gazetteer_files
from webgis.grid import gazetteer_queries as queries

GOOD = "kind,name,parent,number,lon,lat\nroad,东大街,,,104.0620,30.6570\ndoor,,东大街,8号,104.0621,30.6571\n"
FAULTY = """kind,name,parent,number,lon,lat
road,东大街,,,104.0620,30.6570
castle,城堡,,,104.0621,30.6571
road,,,,104.0621,30.6571
door,,东大街,八,104.0621,30.6571
door,,没有路,8号,104.0621,30.6571
poi,茶馆,,,104.0621,abc
poi,茶馆,,,30.6571,104.0621
poi,茶馆,,,104.9,30.6571
poi,茶馆,,,,
road,东大街,,,104.0620,30.6570
door,,东大街,8号,104.0621,30.6571
"""
FAULTS = [
    (3, "kind", "kind-unknown"),
    (4, "name", "no-name"),
    (5, "number", "number-form"),
    (6, "parent", "parent-unknown"),
    (7, "lat", "no-place"),
    (8, "lon", "swapped"),
    (9, "place", "outside"),
    (10, "lon", "no-place"),
    (11, "name", "repeated"),
]


@pytest.fixture
def write(tmp_path):
    def put(content: str, name: str = "places.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text(content, encoding=encoding)
        return path

    return put


@pytest.fixture
def run(city_runtime):
    def command(*words: str):
        return CliRunner().invoke(cli.group, ["places", *words], obj=city_runtime)

    return command


def _count(runtime) -> int:
    with runtime.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM city.place_name"))


def _found(runtime, typed: str) -> list[str]:
    with runtime.transaction() as session:
        return [one.name for one in queries.find(session, typed)]


def test_every_fault_is_named_and_nothing_is_stored(run, write, city_runtime):
    done = run("import", str(write(FAULTY)), "--crs", "wgs84", "--json")
    told = json.loads(done.output)
    assert done.exit_code == 1 and not told["loaded"] and told["rows"] == 11
    assert [(fault["row"], fault["column"], fault["kind"]) for fault in told["faults"]] == FAULTS
    assert _count(city_runtime) == 0
    assert json.loads(run("list", "--json").output) == []


def test_an_alias_is_kept_whole_however_many_there_are_or_the_row_is_refused(run, write, city_runtime):
    head = "kind,name,aliases,lon,lat\n"
    many = ";".join(f"东{number}大街" for number in range(40))
    long = f"{head}road,东大街,东街;{'长' * 61},104.0620,30.6570\n"
    refused = json.loads(run("import", str(write(long)), "--crs", "wgs84", "--json").output)
    assert [(one["column"], one["kind"]) for one in refused["faults"]] == [("aliases", "name-long")]
    assert "61 characters; at most 60" in refused["faults"][0]["message"] and _count(city_runtime) == 0
    assert run("import", str(write(f"{head}road,东大街,{many},104.0620,30.6570\n")), "--crs", "wgs84").exit_code == 0
    with city_runtime.transaction() as session:
        kept = session.scalars(text("SELECT DISTINCT name FROM city.place_spelling WHERE alias")).all()
    assert set(many.split(";")) <= set(kept)


def test_the_rows_without_faults_are_stored_when_asked(run, write, city_runtime):
    done = run("import", str(write(FAULTY)), "--crs", "wgs84", "--skip-faulty", "--json")
    assert done.exit_code == 0 and json.loads(done.output)["kinds"] == {"road": 1, "door": 1}
    assert _found(city_runtime, "ddj8")[0] == "东大街8号"


def test_a_source_is_listed_replaced_and_removed(run, write, city_runtime):
    path = str(write(GOOD))
    assert run("import", path, "--crs", "wgs84").exit_code == 0
    again = run("import", path, "--crs", "wgs84")
    assert isinstance(again.exception, Conflict) and again.exception.code == "grid.place-source-known"
    assert run("import", path, "--crs", "wgs84", "--replace").exit_code == 0
    (listed,) = json.loads(run("list", "--json").output)
    assert (listed["name"], listed["file"], listed["kinds"]) == ("places", "places.csv", {"road": 1, "door": 1})
    assert run("remove", "places").exit_code == 0
    assert _count(city_runtime) == 0 and _found(city_runtime, "东大街") == []
    gone = run("remove", "places")
    assert isinstance(gone.exception, NotFound) and gone.exception.facts["accepted"] == []


def test_a_replacement_with_faults_leaves_what_was_there(run, write, city_runtime):
    run("import", str(write(GOOD)), "--crs", "wgs84")
    assert run("import", str(write(FAULTY)), "--crs", "wgs84", "--replace").exit_code == 1
    assert _found(city_runtime, "东大街8号")[0] == "东大街8号"


def test_doors_may_belong_to_roads_of_another_source_which_then_stays(run, write, city_runtime):
    run("import", str(write(GOOD)), "--crs", "wgs84")
    more = write("kind,parent,number,lon,lat\ndoor,东大街,10号,104.0622,30.6571\n", "more.csv")
    assert run("import", str(more), "--crs", "wgs84").exit_code == 0
    kept = run("remove", "places")
    assert isinstance(kept.exception, Conflict) and "more" in kept.exception.message
    assert run("remove", "more").exit_code == run("remove", "places").exit_code == 0


def test_of_two_roads_of_one_name_a_door_belongs_to_the_nearer(run, write, city_runtime):
    roads = "road,一环路,,,104.0610,30.6570\nroad,一环路,,,104.0690,30.6570\n"
    doors = "door,,一环路,1号,104.0611,30.6570\ndoor,,一环路,1号,104.0689,30.6570\n"
    path = write("kind,name,parent,number,lon,lat\n" + roads + doors)
    assert run("import", str(path), "--crs", "wgs84").exit_code == 0
    with city_runtime.transaction() as session:
        metres = session.execute(
            text(
                "SELECT ST_Distance(d.geom::geography, r.geom::geography) FROM city.place_name d"
                " JOIN city.place_name r ON r.id = d.parent_id"
            )
        ).scalars()
        assert all(one < 20 for one in metres)


def test_a_table_in_gbk_with_chinese_headers_is_read(run, write, city_runtime):
    path = write("类型,名称,别名,经度,纬度\n小区,玉林小区,玉林北院、老院,104.0670,30.6550\n", encoding="gb18030")
    assert run("import", str(path), "--crs", "gcj02").exit_code == 0
    assert _found(city_runtime, "老院") == ["玉林小区"]


def test_empty_rows_at_the_end_are_none_and_an_english_name_without_end_is_a_fault(write):
    road = "kind,name,lon,lat,name_en\nroad,东大街,104.062,30.657,"
    read = gazetteer_files.read(write(f"{road}East Street\n,,,,\n\n"), "wgs84")
    assert ([entry.name_en for entry in read.entries], read.faults, read.rows) == (["East Street"], [], 1)
    (fault,) = gazetteer_files.read(write(f"{road}{'x' * 201}\n"), "wgs84").faults
    assert (fault.row, fault.column, fault.kind) == (2, "name_en", "name-long")


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_a_geographic_file_is_read_with_lines_and_polygons(run, tmp_path, city_runtime, ending):
    geoms = [shapely.LineString([(104.061, 30.656), (104.064, 30.656)]), shapely.box(104.066, 30.658, 104.067, 30.659)]
    path = tmp_path / f"places.{ending}"
    files.write(path, np.array(geoms, dtype=object), {"kind": ["road", "compound"], "name": ["滨江路", "滨江苑"]})
    done = run("import", str(path))
    assert done.exit_code == 0, done.output
    assert _found(city_runtime, "binjiang") == ["滨江路", "滨江苑"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("kind,name\nroad,东大街\n", "grid.field-unknown"),
        ("name,lon,lat\n东大街,104.062,30.657\n", "grid.field-unknown"),
        ("kind,name,lon,lat\n", "grid.file-unreadable"),
        ("kind,name,lon,lat\n\n,,,\n", "grid.file-unreadable"),
        ("kind,name,lon,lat\nroad,东\0街,104.062,30.657\n", "grid.file-unreadable"),
        (f"kind,name,lon,lat\nroad,{'东' * 200_000},104.062,30.657\n", "grid.file-unreadable"),
    ],
)
def test_a_file_that_lacks_what_is_needed_is_refused(write, content, code):
    with pytest.raises(Invalid) as refused:
        gazetteer_files.read(write(content), "wgs84")
    assert refused.value.code == code


def test_a_table_that_does_not_say_its_coordinate_system_is_refused(write):
    with pytest.raises(Invalid) as refused:
        gazetteer_files.read(write(GOOD), None)
    assert refused.value.code == "grid.file-no-crs"


def test_coordinates_are_converted_once(write):
    wgs, gcj = (gazetteer_files.read(write(GOOD), crs).entries[0].geom for crs in ("wgs84", "gcj02"))
    assert 300 < shapely.distance(wgs, gcj) * 111_195 < 700


def test_a_column_that_is_missing_can_be_said_by_option(write):
    path = write("name,lon,lat\n东大街,104.062,30.657\n")
    assert [entry.kind for entry in gazetteer_files.read(path, "wgs84", kind="road").entries] == ["road"]


def test_an_import_by_operation_stores_what_the_file_says(session, city_runtime):
    with city_runtime.transaction() as own:
        outcome = gazetteer_town.settle(own)
        assert outcome.kinds == {"road": 2, "compound": 1, "poi": 3, "door": 5}
        assert isinstance(outcome, gazetteer.Outcome)
