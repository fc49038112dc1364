"""Reading and writing vector files: encodings, coordinate systems, and what is refused."""

import numpy as np
import pyogrio
import pytest
import shapely

from tests.grid import town
from tests.grid.town import EAST, WEST
from webgis import geo
from webgis.errors import Invalid
from webgis.grid import files

pytestmark = pytest.mark.filterwarnings("ignore:Could not decode error message:RuntimeWarning")

SQUARE = town.square(0, 0, 100, 100)
FIELDS = {"网格标识码": [WEST + "001"], "备注": ["春熙路"]}


def shapefile(folder, encoding, cpg=True):
    path = town.write(folder / "cells.shp", [SQUARE], FIELDS, driver="ESRI Shapefile", encoding=encoding)
    if not cpg:
        path.with_suffix(".cpg").unlink()
    return path


@pytest.mark.parametrize("cpg", [True, False], ids=["with .cpg", "without .cpg"])
def test_a_gbk_shapefile_is_read(tmp_path, cpg):
    layer = files.read(shapefile(tmp_path, "GBK", cpg))
    assert layer.columns["网格标识码"].tolist() == [WEST + "001"]
    assert layer.columns["备注"].tolist() == ["春熙路"]


def test_a_utf8_shapefile_without_cpg_is_read_and_says_so(tmp_path):
    layer = files.read(shapefile(tmp_path, "UTF-8", cpg=False))
    assert layer.columns["备注"].tolist() == ["春熙路"]
    assert layer.encoding == "UTF-8"
    assert "read as UTF-8" in layer.notes[0]


def test_a_name_that_dbase_cut_inside_a_character_is_read(tmp_path):
    layer = files.read(shapefile(tmp_path, "UTF-8"))
    assert list(layer.columns) == ["网格标", "备注"]


def test_a_cpg_that_lies_is_found_out(tmp_path):
    path = shapefile(tmp_path, "GBK")
    path.with_suffix(".cpg").write_text("UTF-8")
    layer = files.read(path)
    assert layer.columns["备注"].tolist() == ["春熙路"]
    assert "GB18030" in layer.notes[0]


def test_the_encoding_given_goes_before_the_cpg(tmp_path):
    path = shapefile(tmp_path, "GBK")
    path.with_suffix(".cpg").write_text("UTF-8")
    assert files.read(path, encoding="GBK").columns["备注"].tolist() == ["春熙路"]


def test_a_wrong_encoding_is_refused(tmp_path):
    with pytest.raises(Invalid) as refusal:
        files.read(shapefile(tmp_path, "GBK", cpg=False), encoding="UTF-8")
    assert refusal.value.code == "grid.file-encoding"


def test_a_file_without_a_coordinate_system_has_to_be_told_one(tmp_path):
    path = shapefile(tmp_path, "UTF-8")
    path.with_suffix(".prj").unlink()
    with pytest.raises(Invalid) as refusal:
        files.read(path)
    assert refusal.value.code == "grid.file-no-crs"
    assert "gcj02" in refusal.value.facts["accepted"]
    assert shapely.equals_exact(files.read(path, "cgcs2000").geoms[0].normalize(), SQUARE.normalize(), 1e-12)


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_file_in_a_map_systems_offset_coordinates_comes_home(tmp_path, crs):
    path = tmp_path / "cells.geojson"
    files.write(path, np.array([SQUARE]), {"code": [WEST + "001"]}, crs)
    meta = pyogrio.raw.read(path)[0]
    assert "crs" in meta["fields"].tolist()
    layer = files.read(path, crs)
    assert shapely.hausdorff_distance(layer.geoms[0], SQUARE) < 2e-9
    assert shapely.distance(files.read(path).geoms[0].centroid, SQUARE.centroid) > 0.002


@pytest.mark.parametrize("stated", ["EPSG:4544", "4544"])
def test_a_projected_file_is_brought_to_degrees(tmp_path, stated):
    path = tmp_path / "cells.gpkg"
    files.write(path, np.array([SQUARE]), {"code": [WEST + "001"]}, stated)
    layer = files.read(path)
    assert layer.crs == "EPSG:4544"
    assert shapely.equals_exact(layer.geoms[0], SQUARE, 1e-9)


def test_geojson_without_a_stated_system_is_wgs84_and_says_so(tmp_path):
    path = tmp_path / "cells.geojson"
    files.write(path, np.array([SQUARE]), {"code": [WEST + "001"]})
    layer = files.read(path)
    assert layer.crs == "EPSG:4326"
    assert "state it with --crs" in layer.notes[0]


def test_swapped_coordinates_are_refused(tmp_path):
    swapped = shapely.transform(SQUARE, lambda xy: xy[:, ::-1])
    path = town.write(tmp_path / "cells.gpkg", [swapped], {"code": ["1"]}, crs="EPSG:4326")
    with pytest.raises(Invalid) as refusal:
        files.read(path)
    assert refusal.value.code == "geo.swapped"


@pytest.mark.parametrize("crs", ["mars", "EPSG:1", "EPSG:x"])
def test_an_unknown_coordinate_system_is_refused(crs):
    with pytest.raises(Invalid) as refusal:
        files.known_crs(crs)
    assert refusal.value.code == "grid.file-crs-unknown"


def test_a_file_that_is_no_vector_file_is_refused(tmp_path):
    path = tmp_path / "cells.geojson"
    path.write_text("not at all")
    with pytest.raises(Invalid) as refusal:
        files.read(path)
    assert refusal.value.code == "grid.file-unreadable"
    with pytest.raises(Invalid) as refusal:
        files.read(tmp_path / "nowhere.gpkg")
    assert refusal.value.code == "grid.file-missing"


def test_a_table_without_geometry_is_refused(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text(f"code\n{EAST}001\n")
    with pytest.raises(Invalid) as refusal:
        files.read(path, "wgs84")
    assert refusal.value.code == "grid.file-no-geometry"


def test_only_known_endings_are_written(tmp_path):
    with pytest.raises(Invalid) as refusal:
        files.write(tmp_path / "cells.dwg", np.array([SQUARE]), {"code": ["1"]})
    assert refusal.value.facts["accepted"] == [".geojson", ".gpkg", ".json"]


def test_names_in_the_srid_table_are_those_of_geo():
    assert [files.known_crs(name.upper()) for name in geo.CRS_NAMES] == list(geo.CRS_NAMES)
