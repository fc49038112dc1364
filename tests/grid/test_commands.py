"""`webgis areas` and `webgis grid` as a person or a script calls them: the whole way from files to files."""

import json

import pytest
import shapely
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.grid import town
from tests.grid.town import CITY, EAST, STREET, WEST
from webgis.cli import group
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import files


@pytest.fixture
def call(runtime):
    """A function that calls `webgis ...` on an empty database and gives its result."""
    return caller(runtime)


@pytest.fixture
def city_call(city_runtime):
    """The same on the small city of `tests/city.py`."""
    return caller(city_runtime)


def caller(runtime):
    def call(*arguments, code=0):
        result = CliRunner().invoke(group, [str(argument) for argument in arguments], obj=runtime)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    return call


@pytest.fixture
def shapefile(tmp_path):
    """The town's areas as a GBK Shapefile without .cpg, with the fields of a Chinese survey."""
    shapes = town.shapes()
    columns = {"区划代码": list(shapes), "名称": [town.NAMES[code] for code in shapes]}
    path = town.write(tmp_path / "town.shp", list(shapes.values()), columns, driver="ESRI Shapefile", encoding="GBK")
    path.with_suffix(".cpg").unlink()
    return path


@pytest.fixture
def divided(call, shapefile):
    """The town, imported and divided."""
    call("areas", "import", shapefile)
    call("grid", "divide", "--area", CITY)
    return call


def test_a_table_gives_the_people_of_cells(divided, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(f"code,people\n{WEST}001,12\n{WEST}002,0\n", encoding="utf-8")
    assert "it would be: people of 2 cells: 2 added" in divided("areas", "import", path, "--check")
    assert json.loads(divided("areas", "import", path, "--json"))["added"] == 2
    path.write_text(f"code,people\n{WEST}001,13\n{WEST}999,0\n", encoding="utf-8")
    report = json.loads(divided("areas", "import", path, "--json", code=1))
    assert [(fault["kind"], fault["row"]) for fault in report["faults"]] == [("unknown-cell", 3)]
    assert "0 added, 1 updated" in divided("areas", "import", _without_last_row(path))


def _without_last_row(path):
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]), encoding="utf-8")
    return path


def test_from_a_gbk_shapefile_to_cells_and_back_to_files(call, shapefile, tmp_path):
    report = json.loads(call("areas", "import", shapefile, "--json"))
    assert (report["loaded"], report["added"], report["counts"]) == (True, 5, {})
    assert "西社区" in call("areas", "list", "--level", "community")
    call("areas", "check")
    report = json.loads(call("grid", "divide", "--area", CITY, "--json"))
    assert (report["communities"], report["cells"], report["enlarged"]) == (2, 30, [])
    call("grid", "check", "--area", CITY)
    call("areas", "export", "--level", "community", "--area", STREET, tmp_path / "out.geojson")
    layer = files.read(tmp_path / "out.geojson")
    assert layer.columns["code"].tolist() == [WEST, EAST]
    assert layer.columns["name_zh"].tolist() == ["西社区", "东社区"]
    call("grid", "export", "--area", WEST, tmp_path / "cells.gpkg", "--crs", "gcj02")
    layer = files.read(tmp_path / "cells.gpkg", "gcj02")
    assert len(layer.geoms) == 15
    assert shapely.hausdorff_distance(shapely.union_all(layer.geoms), town.shapes()[WEST]) < 2e-8


@pytest.mark.parametrize("ending", ["geojson", "gpkg"])
def test_exported_cells_can_be_imported(divided, runtime, tmp_path, ending):
    path = tmp_path / f"cells.{ending}"
    divided("grid", "export", "--area", WEST, path)
    with runtime.transaction() as session:
        session.execute(text("DELETE FROM city.cell"))
    report = json.loads(divided("grid", "import", path, "--json"))
    assert (report["loaded"], report["cells"], report["counts"]) == (True, 15, {})


def test_an_import_with_faults_loads_nothing_and_ends_with_1(call, shapefile, tmp_path):
    call("areas", "import", shapefile)
    path = town.write(
        tmp_path / "cells.gpkg",
        [town.square(0, 0, 250, 300), town.square(240, 0, 500, 300)],
        {"WGBSM": [WEST + "001", WEST + "002"], "MJ": [75_000, 78_000]},
    )
    report = json.loads(call("grid", "import", path, "--json", code=1))
    assert report["counts"] == {"overlap": 1}
    assert report["faults"][0]["row"] == 1
    said = call("grid", "import", path, code=1)
    assert "Nothing was loaded" in said
    assert "--accept-faults overlap" in " ".join(said.split())
    call("grid", "import", path, "--accept-faults", "overlap")
    assert json.loads(call("grid", "check", "--area", WEST, "--json", code=1))["counts"] == {"overlap": 1}


def test_areas_with_faults_that_keep_them_out_end_with_1(call, tmp_path):
    path = town.write(tmp_path / "areas.gpkg", [town.shapes()[WEST]], {"code": [WEST], "name": ["西社区"]})
    report = json.loads(call("areas", "import", path, "--json", code=1))
    assert report["counts"] == {"unknown-parent": 1}
    assert "unknown-parent" in call("areas", "import", path, code=1)


def test_a_city_elsewhere_is_measured_in_its_own_zone_though_nothing_was_set(call, tmp_path):
    far = shapely.affinity.translate(town.square(0, 0, 1000, 300), -16.45, 13.15)
    path = town.write(tmp_path / "areas.gpkg", [far] * 2, {"code": ["650102", "650102001"], "name": ["区", "街"]})
    assert "EPSG:4538" in call("areas", "import", path, "--check")
    with pytest.raises(Invalid) as refusal:
        call("areas", "import", path, "--projected-srid", "4544")
    assert refusal.value.code == "grid.bad-system"


def test_fields_of_any_name_can_be_said(call, tmp_path):
    path = town.write(tmp_path / "a.gpkg", [town.shapes()[CITY]], {"x": [CITY], "y": ["成都市"], "z": ["Chengdu"]})
    with pytest.raises(Invalid) as refusal:
        call("areas", "import", path)
    assert refusal.value.code == "grid.field-unknown"
    call("areas", "import", path, "--code-field", "x", "--name-field", "y", "--name-en-field", "z")
    assert "Chengdu" in call("areas", "list")


def test_overlapping_areas_are_reported_and_the_check_ends_with_1(call, tmp_path):
    shapes = town.shapes() | {WEST: town.square(0, 0, 510, 300)}
    path = town.write(tmp_path / "a.gpkg", list(shapes.values()), {"code": list(shapes), "name": list(shapes)})
    assert "overlap" in call("areas", "import", path)
    assert json.loads(call("areas", "check", "--json", code=1))["counts"] == {"overlap": 1}
    call("areas", "check", "--area", EAST)
    call("areas", "check", "--tolerance", "5000")


def test_larger_cells_are_said_with_the_reason(call, shapefile):
    call("areas", "import", shapefile)
    said = " ".join(call("grid", "divide", "--area", WEST, "--size", "12").split())
    assert f"{WEST} 西社区: cells of" in said
    assert "more than the 999 that three digits can number" in said


def test_dividing_twice_needs_to_be_said(divided):
    with pytest.raises(Conflict):
        divided("grid", "divide", "--area", CITY)
    assert "same cells" in divided("grid", "divide", "--area", CITY, "--again")


def test_a_place_is_located_in_any_system(divided):
    lon, lat = town.place(50, 250)
    assert WEST + "001" in divided("grid", "locate", lon, lat)
    with pytest.raises(NotFound) as refusal:
        divided("grid", "locate", lon, lat, "--crs", "gcj02")
    assert refusal.value.facts["distance_m"] > 50


def test_locate_tells_a_program_the_chain(city_call):
    found = json.loads(city_call("grid", "locate", *city.IN_EAST, "--json", "--at", "2024-01-01"))
    assert found["code"].startswith(city.EAST)
    assert [area["level"] for area in found["areas"]] == ["city", "county", "subdistrict", "community"]


def test_cells_are_split_and_merged(city_call, tmp_path):
    first, second = city.WEST + "001", city.WEST + "002"
    merged = json.loads(city_call("grid", "merge", first, second, "--json", "--at", "2024-01-01"))["opened"][0]
    west, south, east, north = shapely.bounds(city.SQUARES[city.WEST])
    across = shapely.LineString([(west + 0.0005, south - 0.001), (west + 0.0005, north + 0.001)])
    path = town.write(tmp_path / "line.gpkg", [across], {"note": ["wall"]})
    report = json.loads(city_call("grid", "split", merged["code"], path, "--json"))
    assert report["closed"] == [merged["code"]]
    assert sum(cell["area_m2"] for cell in report["opened"]) == pytest.approx(merged["area_m2"], abs=0.1)
    city_call("grid", "check", "--area", city.CITY)


def test_a_moment_that_is_none_is_refused(divided):
    with pytest.raises(Invalid):
        divided("grid", "locate", "104", "30", "--at", "yesterday")
