"""Surveys of components: every kind of file, every kind of fault with its row and what was expected, taking over."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from webgis import geo
from webgis.catalog import component_files, component_queries, sheets
from webgis.catalog.component_queries import Filters
from webgis.cli import group
from webgis.errors import Conflict, Invalid, NotFound
from webgis.exchange import component_surveys

pytestmark = pytest.mark.filterwarnings("ignore:Could not decode error message:RuntimeWarning")

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
UNIT, OTHER = "12510104MB0000001X", "12510104MB0000002X"
LAMP, COVER, GREEN, RAIL = "01037", "01003", "04013", "02017"


def code(number: int, class_code: str = LAMP, county: str = city.COUNTY) -> str:
    return f"{county}{class_code}{number:06d}"


def row(number: int, class_code: str = LAMP, **changed: str | None) -> dict[str, str | None]:
    """A row of a survey under the standard's abbreviations, without fault unless `changed` makes one."""
    return {"GLBJBSM": code(number, class_code), "ZGBMDM": UNIT, "ZGBMMC": "锦江区市政所", "CSRQ": "20240131"} | changed


def places(count: int, seed: int = 3) -> list[tuple[float, float]]:
    """Places in the two communities of the small city, no two within a metre of each other."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(104.0602, 104.0698, count), rng.uniform(30.6552, 30.6598, count)
    return [(round(float(x), 7), round(float(y), 7)) for x, y in zip(lon, lat, strict=True)]


def table(path: Path, rows: list[dict], at: list[tuple] | None = None) -> Path:
    """A CSV, TSV or XLSX file of rows, each at its place."""
    at = at or places(len(rows))
    made = [one | {"经度": str(x), "纬度": str(y)} for one, (x, y) in zip(rows, at, strict=True)]
    header = list(dict.fromkeys(name for one in made for name in one))
    sheets.write(path, header, [[one.get(name) for name in header] for one in made])
    return path


def features(path: Path, rows: list[dict], geoms: list, crs: str | None = "EPSG:4490", **options) -> Path:
    """A vector file of rows and their geometries."""
    header = list(dict.fromkeys(name for one in rows for name in one))
    columns = [np.array([one.get(name) for one in rows], dtype=object) for name in header]
    wkb = np.array([None if one is None else shapely.to_wkb(one) for one in geoms], dtype=object)
    pyogrio.raw.write(path, wkb, columns, header, crs=crs, geometry_type="Unknown", **options)
    return path


def stage(runtime, path: Path, **options) -> component_files.Report:
    """Stage a file and give its report."""
    survey = component_surveys.read(path, **options)
    with runtime.transaction() as session:
        made = component_files.stage(session, survey, cells_at=component_surveys.cells_at(session), at=NOON)
        return component_files.report(session, made)


def take_over(runtime, survey: int, *accepted: str) -> component_files.Report:
    with runtime.transaction() as session:
        return component_files.take_over(session, survey, accepted=accepted, at=NOON)


def imported(runtime, path: Path, *accepted: str, **options) -> dict[str, int] | None:
    """What an import did, all of it."""
    return take_over(runtime, stage(runtime, path, **options).id, *accepted).outcome


def ask(runtime, statement: str, **values):
    with runtime.transaction() as session:
        return session.execute(text(statement), values).all()


def told(report: component_files.Report) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.field, fault.kind) for fault in report.faults]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx"])
def test_a_table_is_taken_over_with_all_fields_of_the_standard(city_runtime, tmp_path, ending):
    full = row(
        1, GLBJMC="路灯", QSDWDM=UNIT, QSDWMC="锦江区", YHDWDM=OTHER, YHDWMC="照明所", GLBJZT="破损", BGRQ="20250201",
        SJLY="实测", BZ="=1+1 与'引号", 精度等级="A级", 窨井盖编号="5101040000000000019",
    )  # fmt: skip
    assert imported(city_runtime, table(tmp_path / f"普查{ending}", [full, row(2)]), crs="wgs84") == {
        "added": 2, "changed": 0, "unchanged": 0, "left_out": 0,
    }  # fmt: skip
    with city_runtime.transaction() as session:
        first, second = component_queries.lines(session, Filters())
    given = {
        "class_code": LAMP, "name": "路灯", "authority_code": UNIT, "authority_name": "锦江区市政所",
        "owner_code": UNIT, "owner_name": "锦江区", "maintainer_code": OTHER, "maintainer_name": "照明所",
        "state": "damaged", "source": "实测", "remark": "=1+1 与'引号", "accuracy_class": "A",
        "second_code": "5101040000000000019", "subdistrict_code": city.SUBDISTRICT, "subdistrict_name": "春熙路街道",
    }  # fmt: skip
    assert {name: getattr(first, name) for name in given} == given
    assert (first.surveyed_on.isoformat(), first.changed_on.isoformat()) == ("2024-01-31", "2025-02-01")
    assert first.community_name in ("西社区", "东社区") and first.cell_code.startswith(first.community_code)
    assert (second.name, second.state, second.changed_on) == ("路灯", "intact", None)


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
@pytest.mark.parametrize("cpg", [True, False], ids=["with .cpg", "without .cpg"])
def test_a_shapefile_is_read_in_its_encoding_whatever_the_cpg_says(city_runtime, tmp_path, encoding, cpg):
    path = features(
        tmp_path / "部件.shp", [row(1, BZ="春熙路口")], [shapely.Point(city.IN_WEST)], driver="ESRI Shapefile",
        encoding=encoding,
    )  # fmt: skip
    if not cpg:
        path.with_suffix(".cpg").unlink()
    assert imported(city_runtime, path)["added"] == 1
    assert ask(city_runtime, "SELECT remark, authority_name FROM city.component") == [("春熙路口", "锦江区市政所")]


def test_points_lines_and_polygons_of_a_geopackage_get_the_cell_of_their_place(city_runtime, tmp_path):
    x, y = city.IN_WEST
    line = shapely.LineString([(x, y), (x + 0.0004, y), (x + 0.0004, y + 0.0002)])
    lawn = shapely.box(x, y, x + 0.0003, y + 0.0003)
    rows = [row(1), row(1, RAIL), row(1, GREEN), row(2, GREEN)]
    geoms = [shapely.Point(x, y), line, lawn, shapely.MultiPolygon([shapely.box(x, y, x + 0.0001, y + 0.0001)])]
    path = features(tmp_path / "survey.gpkg", rows, geoms, driver="GPKG")
    assert imported(city_runtime, path)["added"] == 4
    wrong = ask(
        city_runtime,
        "SELECT code FROM city.component WHERE cell_code <> (fn.cell_at(fn.component_place(geom))).code",
    )
    assert wrong == []
    kinds = ask(city_runtime, "SELECT GeometryType(geom) FROM city.component ORDER BY code")
    assert [kind for (kind,) in kinds] == ["POINT", "LINESTRING", "POLYGON", "POLYGON"]


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "EPSG:4544", "cgcs2000"])
def test_places_come_from_the_system_that_was_stated(city_runtime, tmp_path, crs):
    at = shapely.Point(city.IN_WEST)
    there = component_surveys.files.from_cgcs2000(np.array([at]), crs)[0]
    path = table(tmp_path / "survey.csv", [row(1)], [(there.x, there.y)])
    assert imported(city_runtime, path, crs=crs)["added"] == 1
    (found,) = ask(city_runtime, "SELECT ST_X(geom), ST_Y(geom) FROM city.component")
    assert tuple(found) == pytest.approx(city.IN_WEST, abs=2e-9)
    assert ask(city_runtime, "SELECT crs FROM city.component_survey") == [(crs,)]


def test_a_table_without_a_stated_system_is_refused(tmp_path):
    with pytest.raises(Invalid) as refused:
        component_surveys.read(table(tmp_path / "survey.csv", [row(1)]))
    assert refused.value.code == "grid.file-no-crs" and refused.value.facts["field"] == "crs"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"GLBJBSM": None}, ("code", "code-form")),
        ({"GLBJBSM": "5101040103700001"}, ("code", "code-form")),
        ({"GLBJBSM": "５１０１０４０１０３７００００１１"}, ("code", "code-form")),
        ({"GLBJBSM": code(0)}, ("code", "code-form")),
        ({"GLBJBSM": "'; DROP TABLE city.component; --"}, ("code", "code-form")),
        ({"GLBJBSM": code(1, "01016")}, ("code", "class-unknown")),
        ({"GLBJBSM": code(2)}, ("code", "duplicate")),
        ({"GLBJBSM": code(1, county="510105")}, ("code", "county")),
        ({"GLBJZT": "坏了"}, ("state", "state")),
        ({"CSRQ": "2024年13月1日"}, ("surveyed_on", "value")),
        ({"CSRQ": "20991231"}, ("surveyed_on", "value")),
        ({"CSRQ": None}, ("surveyed_on", "incomplete")),
        ({"ZGBMDM": None}, ("authority_code", "incomplete")),
        ({"ZGBMMC": None}, ("authority_name", "incomplete")),
        ({"YHDWDM": "照明所"}, ("maintainer_code", "value")),
        ({"YHDWMC": "长" * 101}, ("maintainer_name", "value")),
        ({"BZ": "长" * 1001}, ("remark", "value")),
        ({"BZ": "a\x01b"}, ("remark", "value")),
        ({"精度等级": "D"}, ("accuracy_class", "value")),
        ({"SZDYWGBSM": "510104017001999"}, ("cell_code", "cell")),
        ({"SZJDDM": "510104001"}, ("subdistrict_code", "subdistrict")),
        ({"SZSQDM": "510104017009"}, ("community_code", "community")),
        ({"GLBJMC": "灯"}, ("name", "name")),
        ({"经度": "东经104度"}, ("geom", "value")),
        ({"经度": "NaN"}, ("geom", "value")),
        ({"经度": "30.657", "纬度": "104.062"}, ("geom", "value")),
        ({"经度": "0", "纬度": "0"}, ("geom", "outside")),
        ({"经度": "", "纬度": ""}, ("geom", "no-geometry")),
        ({"经度": "104.08"}, ("geom", "outside")),
    ],
)
def test_every_fault_is_told_with_its_row_field_and_what_was_expected(city_runtime, tmp_path, changed, fault):
    rows = [row(2), row(1), row(3)]
    at = [dict(zip(("经度", "纬度"), map(str, one), strict=True)) for one in places(3)]
    made = [one | place for one, place in zip(rows, at, strict=True)]
    made[1] |= changed
    path = tmp_path / "survey.csv"
    header = list(dict.fromkeys(name for one in made for name in one))
    sheets.write(path, header, [[one.get(name) for name in header] for one in made])
    report = stage(city_runtime, path, crs="wgs84")
    assert (3, *fault) in told(report)
    assert {number for number, _field, _kind in told(report)} == {3}, "row 1 is the header, the faulty row is the third"
    assert all(one.expected for one in report.faults)
    kinds = {kind for _row, _field, kind in told(report)}
    assert set(report.refused) == kinds & component_files.KINDS
    outcome = take_over(city_runtime, report.id, *report.refused).outcome
    assert outcome["added"] == 3 - outcome["left_out"]
    assert outcome["left_out"] == (1 if kinds & component_files.UNSTORABLE else 0)


@pytest.mark.parametrize(
    ("geom", "kind"),
    [
        (None, "no-geometry"),
        (shapely.Point(), "no-geometry"),
        (shapely.MultiPoint([city.IN_WEST, city.IN_EAST]), "shape"),
        (shapely.GeometryCollection([shapely.Point(city.IN_WEST), shapely.LineString([city.IN_WEST, city.IN_EAST])]),
         "shape"),
        (shapely.Polygon([(104.061, 30.656), (104.062, 30.657), (104.062, 30.656), (104.061, 30.657)]), "shape"),
        (shapely.LineString([city.IN_WEST, city.IN_WEST]), "shape"),
        (shapely.Polygon([(104.061, 30.656), (104.062, 30.656), (104.062, 30.657), (104.062, 30.6575),
                          (104.062, 30.657), (104.061, 30.657)]), "repaired"),
    ],
)  # fmt: skip
def test_geometry_that_is_no_component_is_told_and_left_out_or_repaired(city_runtime, tmp_path, geom, kind):
    path = features(
        tmp_path / "survey.gpkg", [row(1, GREEN), row(2)], [geom, shapely.Point(city.IN_EAST)], driver="GPKG"
    )
    report = stage(city_runtime, path)
    assert [(fault.row, fault.kind) for fault in report.faults] == [(1, kind)]
    outcome = take_over(city_runtime, report.id, *report.refused).outcome
    assert outcome["added"] == (2 if kind == "repaired" else 1)


def test_a_line_of_no_length_and_two_things_at_one_place_are_told(city_runtime, tmp_path):
    path = table(tmp_path / "survey.csv", [row(1), row(2), row(1, COVER)], [city.IN_WEST] * 3)
    assert told(stage(city_runtime, path, crs="wgs84")) == [(3, "geom", "twin")]


def test_nothing_is_taken_over_while_a_fault_is_not_accepted(city_runtime, tmp_path):
    path = table(tmp_path / "survey.csv", [row(1), row(2, GLBJZT="?"), row(3, CSRQ=None)])
    report = stage(city_runtime, path, crs="wgs84")
    assert report.refused == ["incomplete", "state"] and report.storable == 2
    assert take_over(city_runtime, report.id, "state").outcome is None
    assert ask(city_runtime, "SELECT count(*) FROM city.component") == [(0,)]
    done = take_over(city_runtime, report.id, "state", "incomplete")
    assert done.outcome == {"added": 2, "changed": 0, "unchanged": 0, "left_out": 1}
    assert done.state == "taken_over"
    with pytest.raises(Conflict) as refused:
        take_over(city_runtime, report.id)
    assert refused.value.code == "catalog.survey-ended"


def test_a_second_survey_changes_what_differs_and_leaves_the_rest(city_runtime, tmp_path):
    at = places(3)
    imported(city_runtime, table(tmp_path / "1.csv", [row(n, BZ="旧") for n in (1, 2, 3)], at), crs="wgs84")
    moved = [at[0], (at[1][0] + 0.0001, at[1][1]), at[2]]
    again = [row(1, BZ="旧"), row(2, BZ="旧"), row(3, GLBJZT="丢失"), row(4)]
    outcome = imported(city_runtime, table(tmp_path / "2.csv", again, [*moved, (104.0655, 30.6555)]), crs="wgs84")
    assert outcome == {"added": 1, "changed": 2, "unchanged": 1, "left_out": 0}
    lines = ask(
        city_runtime,
        "SELECT right(component_code, 1), version, action, changes FROM city.component_event ORDER BY 1, 2",
    )
    assert [tuple(line[:3]) for line in lines] == [
        ("1", 1, "registered"), ("2", 1, "registered"), ("2", 2, "surveyed"), ("3", 1, "registered"),
        ("3", 2, "surveyed"), ("4", 1, "registered"),
    ]  # fmt: skip
    assert "geom" in lines[2].changes and lines[4].changes == {"state": ["intact", "lost"]}
    kept = ask(city_runtime, "SELECT remark, state, changed_on FROM city.component WHERE code = :c", c=code(3))
    assert [(kept[0].remark, kept[0].state)] == [("旧", "lost")], "an empty field erases nothing"
    assert kept[0].changed_on.isoformat() == "2026-11-20"


def test_a_place_far_from_the_registers_is_doubted(city_runtime, tmp_path):
    x, y = city.IN_WEST
    imported(city_runtime, table(tmp_path / "1.csv", [row(1)], [(x, y)]), crs="wgs84")
    report = stage(city_runtime, table(tmp_path / "2.csv", [row(1)], [(x + 0.001, y)]), crs="wgs84")
    assert report.refused == ["moved"] and "96 m" in report.faults[0].expected
    assert take_over(city_runtime, report.id, "moved").outcome["changed"] == 1


def test_codes_of_2013_are_turned_by_the_crosswalk_and_kept_as_former(city_runtime, tmp_path):
    older = [row(1, GLBJBSM="5101040137000001"), row(2, GLBJBSM="5101040506000007"), row(3, GLBJBSM="5101040599000001")]
    path = table(tmp_path / "survey.csv", older)
    assert {fault.kind for fault in stage(city_runtime, path, crs="wgs84").faults} == {"code-form"}
    report = stage(city_runtime, path, crs="wgs84", standard="GB/T 30428.2-2013")
    assert told(report) == [(4, "code", "class-unknown")]
    take_over(city_runtime, report.id, "class-unknown")
    assert [tuple(one) for one in ask(city_runtime, "SELECT code, former_code FROM city.component ORDER BY 1")] == [
        ("51010401037000001", "5101040137000001"),
        ("51010401069000007", "5101040506000007"),
    ]


def test_field_names_of_2013_chinese_names_and_named_fields_are_understood(city_runtime, tmp_path):
    old = {"ObjID": code(1), "DeptCode1": UNIT, "DeptName1": "所", "ORDate": "2024/1/31", "ObjState": "完好"}
    zh = {"部件标识码": code(2), "主管部门代码": UNIT, "主管部门名称": "所", "初始日期": "2024年1月31日"}
    own = {"nr": code(3), "authority_code": UNIT, "authority_name": "x", "surveyed_on": "2024-01-31"}
    for number, (one, named) in enumerate(((old, {}), (zh, {}), (own, {"code": "nr"}))):
        path = table(tmp_path / f"{number}.csv", [one], [places(3)[number]])
        assert imported(city_runtime, path, crs="wgs84", given=named)["added"] == 1
    assert ask(city_runtime, "SELECT DISTINCT surveyed_on::text FROM city.component") == [("2024-01-31",)]
    with pytest.raises(Invalid) as refused:
        component_surveys.read(path, crs="wgs84")
    assert refused.value.code == "grid.field-unknown" and "nr" in refused.value.facts["accepted"]


def test_fields_that_nobody_reads_are_named(city_runtime, tmp_path):
    report = stage(city_runtime, table(tmp_path / "survey.csv", [row(1, 颜色="红")]), crs="wgs84")
    assert report.notes == ["Fields not read: 颜色"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("header.csv", "GLBJBSM,经度,纬度\n".encode()),
        ("binary.csv", bytes(range(256))),
        ("nul.csv", "GLBJBSM,经度,纬度\n\0,1,2\n".encode()),
        ("no.xlsx", b"PK\x03\x04 not a workbook"),
        ("no.gpkg", b"SQLite format 3\0 not a database"),
        ("no.shp", b"\0" * 200),
        ("no.pdf", b"%PDF"),
        ("noplace.csv", b"GLBJBSM\n51010401037000001\n"),
    ],
)
def test_a_hostile_or_broken_file_is_refused_or_reported_and_nothing_is_stored(city_runtime, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    try:
        assert stage(city_runtime, path, crs="wgs84").refused
    except Invalid as refused:
        assert refused.facts["field"]
    assert ask(city_runtime, "SELECT count(*) FROM city.component") == [(0,)]


def test_a_missing_file_and_an_unknown_survey_or_kind_of_fault_are_refused(city_runtime, tmp_path):
    with pytest.raises(Invalid, match="There is no file"):
        component_surveys.read(tmp_path / "absent.csv", crs="wgs84")
    with pytest.raises(NotFound) as refused:
        take_over(city_runtime, 77)
    assert refused.value.code == "catalog.survey-unknown"
    with pytest.raises(Invalid) as refused:
        take_over(city_runtime, 77, "cell")
    assert refused.value.code == "catalog.fault-unknown"


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".csv", ".tsv", ".xlsx"])
@pytest.mark.parametrize(("headings", "crs"), [("abbreviation", "wgs84"), ("zh", "gcj02"), ("en", "EPSG:4544")])
def test_what_is_exported_comes_back_unchanged(city_runtime, tmp_path, ending, headings, crs):
    if ending == ".geojson" and crs == "EPSG:4544":
        pytest.skip("GeoJSON has no projected systems")
    x, y = city.IN_WEST
    rows = [row(1, YHDWDM=OTHER, BZ="=危险", GLBJZT="移除"), row(1, RAIL), row(1, GREEN)]
    geoms = [
        shapely.Point(x, y),
        shapely.LineString([(x, y), (x + 0.0003, y)]),
        shapely.box(x, y, x + 0.0001, y + 0.0001),
    ]
    imported(city_runtime, features(tmp_path / "in.gpkg", rows, geoms, driver="GPKG"))
    path = tmp_path / f"out{ending}"
    with city_runtime.transaction() as session:
        assert component_surveys.export(session, path, Filters(), headings=headings, crs=crs) == 3
    if headings == "abbreviation":
        read = sheets.read(path).header if ending not in (".gpkg", ".geojson") else pyogrio.read_info(path)["fields"]
        assert {"GLBJBSM", "GLBJMC", "ZGBMDM", "SZDYWGBSM", "GLBJZT", "CSRQ", "SZSQMC"} <= set(read)
    outcome = imported(city_runtime, path, crs=crs)
    assert outcome == {"added": 0, "changed": 0, "unchanged": 3, "left_out": 0}


def test_only_what_was_asked_for_is_exported_and_nothing_is_no_file(city_runtime, tmp_path):
    imported(city_runtime, table(tmp_path / "in.csv", [row(1), row(2, GLBJZT="破损"), row(1, COVER)]), crs="wgs84")
    path = tmp_path / "out.csv"
    for filters, count in (
        (Filters(area=city.COUNTY), 3),
        (Filters(classes=(COVER,)), 1),
        (Filters(states=("damaged",)), 1),
    ):
        with city_runtime.transaction() as session:
            assert component_surveys.export(session, path, filters) == count
    with city_runtime.transaction() as session, pytest.raises(Invalid) as refused:
        component_surveys.export(session, tmp_path / "none.csv", Filters(area="510105"))
    assert refused.value.code == "catalog.no-components" and not (tmp_path / "none.csv").exists()
    with city_runtime.transaction() as session, pytest.raises(Invalid, match="ending"):
        component_surveys.export(session, tmp_path / "none.shp", Filters())


def run(runtime, *arguments: str):
    return CliRunner().invoke(group, ["components", *arguments], obj=runtime)


def test_the_commands_stage_report_take_over_list_and_export(city_runtime, tmp_path):
    path = table(tmp_path / "survey.csv", [row(1), row(2, GLBJZT="[red]?"), row(3)])
    done = run(city_runtime, "import", str(path), "--crs", "wgs84")
    assert done.exit_code == 1 and "[red]?" in done.output and "--accept-faults state" in done.output
    assert run(city_runtime, "report", "1").exit_code == 1
    listed = json.loads(run(city_runtime, "report", "1", "--json", "--accept-faults", "state").output)
    assert listed["faults"][0]["row"] == 3 and listed["refused"] == []
    done = run(city_runtime, "take-over", "1", "--accept-faults", "state")
    assert done.exit_code == 0 and "2 added" in done.output
    assert json.loads(run(city_runtime, "surveys", "--json").output)[0]["state"] == "taken_over"
    found = json.loads(run(city_runtime, "list", "路灯", "--json").output)
    assert [one["code"] for one in found] == [code(1), code(3)]
    counts = json.loads(run(city_runtime, "list", "--counts", "--json").output)
    assert counts[0]["components"] == 2 and counts[0]["class_en"] == "street light"
    shown = json.loads(run(city_runtime, "show", code(1), "--json").output)
    assert shown["name"] == "路灯" and [line["action"] for line in shown["history"]] == ["registered"]
    assert "registered" in run(city_runtime, "show", code(1)).output
    nearest = json.loads(run(city_runtime, "near", str(shown["lon"]), str(shown["lat"]), "--json").output)
    assert nearest[0]["component"]["code"] == code(1) and nearest[0]["distance_m"] == 0 and nearest[0]["in_cell"]
    assert "0.0" in run(city_runtime, "near", str(shown["lon"]), str(shown["lat"])).output
    with pytest.raises(NotFound):
        CliRunner().invoke(group, ["components", "show", code(9)], obj=city_runtime, catch_exceptions=False)
    assert run(city_runtime, "export", str(tmp_path / "out.gpkg")).exit_code == 0
    assert (
        run(city_runtime, "import", str(path), "--crs", "wgs84", "--stage-only", "--accept-faults", "state").exit_code
        == 0
    )
    assert run(city_runtime, "discard", "2").exit_code == 0
    assert ask(city_runtime, "SELECT state FROM city.component_survey ORDER BY id") == [("taken_over",), ("discarded",)]
    assert run(city_runtime, "regrid").exit_code == 0
    assert run(city_runtime, "import", str(path), "--field", "colour=x").exit_code == 2


def test_ten_thousand_rows_are_staged_and_taken_over_as_one_act(city_runtime, tmp_path):
    rng = np.random.default_rng(11)
    lon, lat = rng.uniform(104.0601, 104.0699, 10_000), rng.uniform(30.6551, 30.6599, 10_000)
    rows = [row(number) for number in range(1, 10_001)]
    path = features(tmp_path / "survey.gpkg", rows, list(shapely.points(lon, lat)), driver="GPKG")
    assert imported(city_runtime, path)["added"] == 10_000
    assert imported(city_runtime, path)["unchanged"] == 10_000
    assert ask(city_runtime, "SELECT DISTINCT ST_SRID(geom) FROM city.component")[0][0] == geo.SRID
