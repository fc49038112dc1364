"""Files made to harm: archives that are torn, swollen or named to overwrite, outlines without a place on the earth."""

import struct
import zipfile
import zlib
from io import BytesIO

import numpy as np
import pyogrio.raw
import pytest
import shapely
from shapely import box

from tests import city
from tests.pages.sending import do, looked_at, send
from webgis.cases import table_wire

GROUND = box(104.060, 30.660, 104.065, 30.665)
LOCAL = 'LOCAL_CS["nowhere",UNIT["metre",1]]'


@pytest.fixture
def administrator(reader):
    return reader("administrator1", "en")


def shapefile(folder, prj: str | None = None) -> dict[str, bytes]:
    """The parts of a Shapefile by their endings."""
    path = folder / "north.shp"
    codes = [np.array(["510104017003"], dtype=object), np.array(["north"], dtype=object)]
    wkb = shapely.to_wkb(np.array([GROUND]))
    pyogrio.raw.write(path, wkb, codes, ["code", "name_zh"], crs="EPSG:4490", geometry_type="Polygon")
    parts = {one.suffix: one.read_bytes() for one in folder.glob("north.*")}
    return parts | ({".prj": prj.encode()} if prj else {})


def packed(parts: dict[str, bytes], stem: str = "north", how: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for ending, content in parts.items():
            archive.writestr(f"{stem}{ending}", content)
    return made.getvalue()


def torn(parts: dict[str, bytes]) -> bytes:
    """An archive whose first part is no stream of its kind."""
    whole = bytearray(packed(parts))
    names, extra = struct.unpack("<HH", whole[26:30])
    start = 30 + names + extra
    whole[start : start + 8] = b"\xff" * 8
    with pytest.raises(zlib.error):
        zipfile.ZipFile(BytesIO(bytes(whole))).read(f"north{next(iter(parts))}")
    return bytes(whole)


def sent(someone, file: bytes, kind: str = "areas"):
    return send(someone, "/admin/areas/import", file, "north.zip", kind=kind)


def test_an_archive_that_is_torn_is_refused_and_leaves_nothing(administrator, city_runtime, tmp_path):
    assert sent(administrator, torn(shapefile(tmp_path))).status_code == 422
    assert not list((city_runtime.settings.var_dir / "work").glob("*"))


def test_an_archive_packed_in_a_way_that_nobody_uses_is_refused(administrator, tmp_path):
    assert sent(administrator, packed(shapefile(tmp_path), how=zipfile.ZIP_BZIP2)).status_code == 422


@pytest.mark.parametrize("stem", ["区" * 1000, "../../../../tmp/north", "..", "north\0", "."])
def test_names_in_an_archive_lead_nowhere(administrator, city_runtime, tmp_path, stem):
    answer = sent(administrator, packed(shapefile(tmp_path), stem))
    assert answer.status_code in (303, 422)
    inside = (city_runtime.settings.var_dir / "work").resolve()
    for file in inside.rglob("*.shp"):
        assert file.resolve().is_relative_to(inside)


def test_a_coordinate_system_that_leads_nowhere_is_refused_in_words(administrator, city_runtime, tmp_path):
    path = looked_at(administrator, city_runtime, sent(administrator, packed(shapefile(tmp_path, LOCAL))))
    assert administrator.client.get(f"{path}/state").json == {"state": "refused", "percent": 0, "trouble": None}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{" * 100_000,
        b'{"type": "FeatureCollection", "features": []}',
        b'{"type": "FeatureCollection", "features": null}',
        b'{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[1e400,0],[1,1],[0,1]]]},"properties":{}}',
        b'{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]},"properties":{"code":"510104017003"}}',
        b'{"type":"Feature","geometry":{"type":"Point","coordinates":[104,30]},"properties":{"code":["a"]}}',
        b'{"type":"Topology","objects":{},"arcs":[]}',
        b'{"stac_version":"1.0.0","type":"FeatureCollection","features":[{"assets":{"a":{"href":"http://10.0.0.1/"}}}]}',
    ],
)
@pytest.mark.parametrize("kind", ["areas", "cells"])
def test_outlines_that_are_none_are_refused_and_no_job_dies(administrator, city_runtime, kind, content):
    path = looked_at(administrator, city_runtime, send(administrator, "/admin/areas/import", content, kind=kind))
    state = administrator.client.get(f"{path}/state").json
    assert state["trouble"] is None and state["state"] in ("looked", "refused")
    assert "data-takes" not in administrator.get(path).text
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert administrator.client.get(f"{path}/state").json["state"] in ("looked", "refused")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/admin/beats/import", {}),
        ("/admin/people/import", {}),
        ("/admin/routing", {"upload": "yes", "name": "x"}),
        ("/admin/standards/import", {"code": "x", "name_zh": "x", "standard": "GB/T 47678.5-2026"}),
    ],
)
@pytest.mark.parametrize("content", [b"PK\x03\x04", b"a,b\n1,\x00\n", b"\xff\xfe", b""])
def test_tables_that_are_none_are_refused_at_every_door(administrator, city_runtime, path, fields, content):
    called = "table.xlsx" if content.startswith(b"PK") else "table.csv"
    answer = send(administrator, path, content, called, **fields)
    assert answer.status_code in (303, 422)
    if answer.status_code == 303:
        work = looked_at(administrator, city_runtime, answer)
        assert administrator.client.get(f"{work}/state").json == {"state": "refused", "percent": 0, "trouble": None}


def test_a_formula_in_a_name_runs_in_no_table_that_is_taken_away(administrator):
    given = {"login": "formula1", "name": "=1+1", "role": "acceptor", "password": city.PASSWORD}
    assert administrator.send("/admin/people/new", **given).status_code in (201, 302, 303)
    table = administrator.get("/admin/people/export.xlsx")
    assert table.mimetype == table_wire.WORKBOOK
    with zipfile.ZipFile(BytesIO(table.data)) as book:
        assert not any(b"<f>" in book.read(name) for name in book.namelist() if "sheet" in name)
