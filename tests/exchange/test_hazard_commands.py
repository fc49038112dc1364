"""`webgis hazards`: files, lists, grades, kinds and seals from the command line."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from webgis import cli
from webgis.errors import Invalid
from webgis.exchange import hazard_files
from webgis.hazards import source_queries

ROWS = (
    "code,kind,name_zh,holder,lon,lat,radius_m,people,unit,stock,quantity,cas,chief,chief_phone\n"
    "CD-001,chemical_store,氨库,示例,104.0622,30.6571,40,60,1,液氨,20,7664-41-7,李四,13800001234\n"
)
SHAPE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"code": "CD-002", "类型": "水库大坝", "名称": "水坝", "责任单位名称": "示例"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[104.061, 30.656], [104.063, 30.656], [104.063, 30.658], [104.061, 30.656]]],
            },
        }
    ],
}


@pytest.fixture
def run(city_runtime):
    """A function that runs a command and gives its exit code and what it said."""

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.group, ["hazards", *words], obj=city_runtime)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return call


@pytest.fixture
def table(tmp_path):
    """A file with one source."""
    file = tmp_path / "sources.csv"
    file.write_text(ROWS, encoding="utf-8")
    return file


def test_a_file_is_checked_taken_over_and_changes_nothing_again(run, table, city_runtime):
    assert run("import", str(table), "--crs", "wgs84", "--check")[1].startswith("1 would be added")
    assert "There are no hazard sources" in run("list")[1]
    assert run("import", str(table), "--crs", "wgs84")[1].startswith("1 added, 0 changed, 0 as they were, 1 new grades")
    assert "1 as they were, 0 new grades" in run("import", str(table), "--crs", "wgs84")[1]
    (row,) = json.loads(run("list", "--json")[1])
    assert (row["code"], row["level"]) == ("CD-001", 4)
    with city_runtime.transaction() as session:
        assert session.scalar(text("SELECT version FROM city.hazard_source")) == 1


def test_what_a_file_has_no_column_for_stays_as_it_is_and_an_empty_cell_empties(run, table, tmp_path, city_runtime):
    table.write_text(ROWS.replace(",chief,", ",remark,chief,").replace(",李四", ",夜间有人,李四"), encoding="utf-8")
    assert run("import", str(table), "--crs", "wgs84")[0] == 0
    with city_runtime.transaction() as session:
        before = source_queries.told(session, ["CD-001"])["CD-001"]
        session.execute(text("UPDATE city.hazard_source SET active = false"))
    outline = {"code": "CD-001", "name_zh": "氨库（东）"}
    feature = SHAPE["features"][0] | {"properties": outline}
    file = tmp_path / "outlines.geojson"
    file.write_text(json.dumps(SHAPE | {"features": [feature]}, ensure_ascii=False), encoding="utf-8")
    assert "0 added, 1 changed" in run("import", str(file))[1]
    with city_runtime.transaction() as session:
        after = source_queries.told(session, ["CD-001"])["CD-001"]
        persons = session.scalar(text("SELECT count(*) FROM city.hazard_person"))
    assert {name for name in after if after[name] != before[name]} == {"outline", "name_zh", "active"}
    assert (before["people"], before["remark"], persons) == (60, "夜间有人", 1)
    assert (before["name_zh"], after["name_zh"]) == ("氨库", "氨库（东）")
    bare = feature | {"properties": outline | {"remark": "", "stock": "", "people": 40}}
    file.write_text(json.dumps(SHAPE | {"features": [bare]}, ensure_ascii=False), encoding="utf-8")
    assert "1 changed" in run("import", str(file))[1]
    with city_runtime.transaction() as session:
        emptied = source_queries.told(session, ["CD-001"])["CD-001"]
    assert (emptied["remark"], emptied["units"], emptied["people"], emptied["holder"]) == (None, [], 40, "示例")


def test_a_fault_is_told_with_its_row_and_nothing_is_taken(run, table):
    table.write_text(ROWS.replace("液氨,20", "液氨,20000"), encoding="utf-8")
    code, said = run("import", str(table), "--crs", "wgs84")
    assert code == 1 and "row 2" in said and "kilograms" in said
    assert "There are no hazard sources" in run("list")[1]


def test_shapes_say_their_system_and_may_have_chinese_fields(run, tmp_path):
    file = tmp_path / "sources.geojson"
    file.write_text(json.dumps(SHAPE, ensure_ascii=False), encoding="utf-8")
    assert run("import", str(file))[1].startswith("1 added")
    assert json.loads(run("list", "--json")[1])[0]["kind"] == "dam"


def test_a_list_or_an_object_is_no_value_of_a_field(run, tmp_path):
    file = tmp_path / "sources.geojson"
    for wrong in ({"a": [1]}, ["甲", "乙"]):
        one = SHAPE["features"][0]
        odd = one | {"properties": {**one["properties"], "remark": wrong}}
        file.write_text(json.dumps(SHAPE | {"features": [odd]}, ensure_ascii=False), encoding="utf-8")
        code, said = run("import", str(file))
        assert code == 1 and "remark: expected a text" in said
    assert "There are no hazard sources" in run("list")[1]


def test_how_far_the_sources_of_a_file_are_is_told_faults_too(city_runtime, table):
    second, third = (ROWS.splitlines()[1].replace("CD-001", code) for code in ("CD-002", "new"))
    table.write_text(f"{ROWS}{second}\n{third}\n", encoding="utf-8")
    told = []
    with city_runtime.transaction() as session, pytest.raises(Invalid):
        hazard_files.take(session, None, table, crs="wgs84", at=datetime.now(UTC), tell=told.append, at_once=1)
    assert told == [33, 66, 100]


def test_grades_are_found_anew_and_what_cannot_be_graded_is_said(run, table, city_runtime):
    run("import", str(table), "--crs", "wgs84")
    assert run("regrade") == (0, "1 sources, 0 new grades\n")
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.hazard_source SET people_entered = NULL"))
    code, said = run("regrade")
    assert code == 1 and "CD-001: hazards.people-needed" in said


def test_persons_are_sealed_anew_and_kinds_added(run, table, city_runtime):
    run("import", str(table), "--crs", "wgs84")
    assert "0 persons" in run("reseal")[1]
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.hazard_person SET sealed_with = 'older'"))
    assert "1 persons" in run("reseal")[1]
    assert run("kind", "ice_rink", "氨制冷冰场", "Ice rink")[0] == 0
