"""Areas and the grid on the pages, without a screen: looked at, refused with every fault, taken over, written down."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pyogrio.raw
import pytest
import shapely
from shapely import box
from sqlalchemy import select, text

from tests import city
from tests.pages.sending import areas_file, do, looked_at, send, table
from webgis.accounts.models import AdminEvent
from webgis.exchange import work_files
from webgis.grid import files, queries

NORTH = "510104017003"
LAYER = {NORTH: box(104.060, 30.660, 104.065, 30.665)}
OVERLAPPING = {NORTH: box(104.060, 30.659, 104.065, 30.665)}
WHOLE = {code: box(104.060, 30.655, 104.070, 30.665) for code in (city.CITY, city.COUNTY, city.SUBDISTRICT)}
EAST_OF_IT = {"510104017004": box(104.065, 30.660, 104.070, 30.665)}


@pytest.fixture
def administrator(reader):
    return reader("administrator1", "en")


def _counts(runtime) -> dict[str, int]:
    with runtime.transaction() as session:
        return queries.counts(session)


def _last_act(runtime) -> AdminEvent:
    with runtime.transaction() as session:
        return session.scalars(select(AdminEvent).order_by(AdminEvent.id.desc())).first()


def test_the_tree_shows_what_lies_in_each_area(administrator):
    shown = administrator.get("/admin/areas").text
    assert "成都市" in shown and "not divided" not in shown
    assert "西社区" in administrator.get(f"/admin/areas?within={city.SUBDISTRICT}").text
    assert administrator.get("/admin/areas?within=9999").status_code == 404


def test_a_file_is_looked_at_then_taken_over_and_written_down(administrator, city_runtime, tmp_path):
    before = _counts(city_runtime)
    whole = areas_file(tmp_path, WHOLE | LAYER | EAST_OF_IT)
    asked = send(administrator, "/admin/areas/import", whole, "北.geojson", kind="areas", source="测绘院")
    path = looked_at(administrator, city_runtime, asked)
    page = administrator.get(path).text
    assert "5 areas were read: 2 would be added, 3 updated" in page and "北.geojson" in page
    assert _counts(city_runtime) == before
    shapes = json.loads(administrator.get(f"{path}/shapes.geojson").data)
    assert len(shapes["features"]) == 5
    assert administrator.client.get(f"{path}/state").json["state"] == "looked"
    assert administrator.send(f"{path}/take").status_code == 303
    assert administrator.client.get(f"{path}/state").json["state"] == "taking"
    do(city_runtime)
    assert "2 areas added, 3 updated" in administrator.get(path).text
    assert _counts(city_runtime)["community"] == before["community"] + 2
    act = _last_act(city_runtime)
    assert (act.action, act.who, act.before["community"], act.after["community"]) == (
        "areas.import", "administrator1", 2, 4,
    )  # fmt: skip
    assert act.after["source"] == "测绘院"
    assert "2 not divided" in administrator.get("/admin/areas").text
    administrator.send(f"{path}/take")
    assert "taken over already" in administrator.get(path).text


def test_faults_are_shown_with_their_place_and_stop_what_cannot_be_stored(administrator, city_runtime, tmp_path):
    bow = shapely.Polygon([(104.06, 30.66), (104.065, 30.665), (104.065, 30.66), (104.06, 30.665)])
    wrong = areas_file(tmp_path, {NORTH: bow, "5101040170": box(104.06, 30.66, 104.061, 30.661), "520000001001": bow})
    path = looked_at(administrator, city_runtime, send(administrator, "/admin/areas/import", wrong, kind="areas"))
    page = administrator.get(path).text
    for said in ("Nothing can be taken over", "4, 6, 9 or 12 digits", "520000001", "Broken outline", "data-lon="):
        assert said in page, said
    before = _counts(city_runtime)
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert _counts(city_runtime) == before
    faults = administrator.get(f"{path}/faults.xlsx")
    assert faults.status_code == 200 and faults.data[:2] == b"PK"


def test_an_overlap_is_told_and_may_be_taken_over(administrator, city_runtime, tmp_path):
    asked = send(administrator, "/admin/areas/import", areas_file(tmp_path, OVERLAPPING), kind="areas")
    path = looked_at(administrator, city_runtime, asked)
    page = administrator.get(path).text
    assert f"Overlaps {NORTH}" in page
    assert "Take it over" in page


@pytest.mark.parametrize(
    ("called", "fields", "said"),
    [
        ("x.txt", {"kind": "areas"}, "Choose a file of a kind"),
        ("x.geojson", {"kind": "cell_people"}, "Choose a file of a kind"),
        ("x.geojson", {"kind": "roads"}, "Choose a kind"),
        ("x.geojson", {"kind": "areas", "crs": "mars"}, "no such coordinate system"),
        ("x.zip", {"kind": "areas"}, "ZIP that holds one Shapefile"),
    ],
)
def test_what_cannot_be_sent_is_said_at_once(administrator, called, fields, said):
    answer = send(administrator, "/admin/areas/import", b"{}", called, **fields)
    assert answer.status_code == 422 and said in answer.text


def test_an_unreadable_file_is_refused_in_words(reader, city_runtime):
    someone = reader("administrator1")
    path = looked_at(someone, city_runtime, send(someone, "/admin/areas/import", b"{}", kind="areas"))
    assert "无法读取此文件" in someone.get(path).text


def test_a_zipped_shapefile_is_read(administrator, city_runtime, tmp_path):
    pyogrio.raw.write(
        tmp_path / "north.shp", shapely.to_wkb(np.array(list(LAYER.values()))),
        [np.array([NORTH], dtype=object), np.array(["北社区"], dtype=object)], ["code", "name_zh"],
        crs="EPSG:4490", geometry_type="Polygon", driver="ESRI Shapefile", encoding="GBK",
    )  # fmt: skip
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for part in tmp_path.glob("north.*"):
            made.write(part, f"folder/{part.name}")
    asked = send(administrator, "/admin/areas/import", packed.getvalue(), "north.zip", kind="areas")
    path = looked_at(administrator, city_runtime, asked)
    assert "1 areas were read: 1 would be added" in administrator.get(path).text


def test_people_of_cells_come_in_as_a_table(administrator, city_runtime):
    file = table([("code", "people"), (f"{city.WEST}001", 12), (f"{city.WEST}002", 0)])
    asked = send(administrator, "/admin/areas/import", file, "people.xlsx", kind="cell_people", source="普查")
    path = looked_at(administrator, city_runtime, asked)
    assert "People of 2 cells were read: 2 would be added, 0 updated" in administrator.get(path).text
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert "people of 2 cells added" in administrator.get(path).text
    with city_runtime.transaction() as session:
        assert session.execute(text("SELECT people, source FROM city.cell_people ORDER BY people")).all() == [
            (0, "普查"), (12, "普查"),
        ]  # fmt: skip
    act = _last_act(city_runtime)
    assert (act.action, act.after["added"], act.after["file"]) == ("areas.people", 2, "people.xlsx")


def test_faults_of_people_are_said_with_row_and_field(reader, city_runtime):
    someone = reader("administrator1")
    file = table([("网格编码", "人口"), (f"{city.WEST}001", -1), (f"{city.WEST}999", 3)])
    asked = send(someone, "/admin/areas/import", file, "people.xlsx", kind="cell_people")
    page = someone.get(looked_at(someone, city_runtime, asked)).text
    for said in ("第 2 行", "人口：应为 0 至 1,000,000 的整数，而不是 -1", "第 3 行", "现在没有该编码的单元网格"):
        assert said in page, said


def test_cells_are_taken_over_only_with_the_faults_that_were_accepted(administrator, city_runtime, tmp_path):
    file = tmp_path / "cells.geojson"
    halves = [box(104.060, 30.655, 104.0625, 30.660), box(104.0625, 30.655, 104.0651, 30.660)]
    files.write(file, halves, {"code": [f"{city.WEST}801", f"{city.WEST}802"]})
    asked = send(administrator, "/admin/areas/import", file.read_bytes(), kind="cells")
    path = looked_at(administrator, city_runtime, asked)
    page = administrator.get(path).text
    assert "2 cells were read: 2 would be stored" in page and "Sticks out" in page
    before = _counts(city_runtime)
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert _counts(city_runtime) == before and "Nothing can be taken over" in administrator.get(path).text
    path = looked_at(
        administrator, city_runtime, send(administrator, "/admin/areas/import", file.read_bytes(), kind="cells")
    )
    assert administrator.send(f"{path}/take", accept="nonsense").status_code == 303
    accepted = {"accept": ["outside", "wrong-parent", "gap"]}
    administrator.send(f"{path}/take", **accepted)
    do(city_runtime)
    assert "2 cells stored" in administrator.get(path).text
    act = _last_act(city_runtime)
    assert act.action == "grid.import" and act.after["cells"] == before["cells"] - act.after["closed"] + 2


def test_an_area_is_divided_by_a_job_with_its_history(administrator, city_runtime):
    assert "Divide into cells" in administrator.get(f"/admin/areas/divide?area={city.WEST}").text
    for wrong in ({"ground": "9999", "size_m": "100"}, {"ground": city.WEST, "size_m": "5"}):
        assert administrator.send("/admin/areas/divide", **wrong).status_code == 422
    before = _counts(city_runtime)
    asked = administrator.send("/admin/areas/divide", ground=city.WEST, size_m="50")
    path = looked_at(administrator, city_runtime, asked)
    assert "1 communities would have" in administrator.get(path).text and _counts(city_runtime) == before
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert "Divided:" in administrator.get(path).text
    after = _counts(city_runtime)
    act = _last_act(city_runtime)
    assert after["cells"] > before["cells"] and (act.before, act.after["cells"]) == (before, after["cells"])


def test_the_stored_ground_is_checked(administrator, city_runtime):
    path = looked_at(administrator, city_runtime, administrator.send("/admin/areas/check", area=""))
    assert "without gap or overlap" in administrator.get(path).text
    with city_runtime.transaction() as session:
        code = session.scalar(text("DELETE FROM city.cell WHERE id = (SELECT max(id) FROM city.cell) RETURNING code"))
    path = looked_at(administrator, city_runtime, administrator.send("/admin/areas/check", area=city.COUNTY))
    page = administrator.get(path).text
    assert "Gap" in page and code[:12] in page and "Take it over" not in page
    assert administrator.send(f"{path}/take").status_code == 303


def test_work_of_one_section_is_not_shown_by_another(administrator, city_runtime):
    path = looked_at(administrator, city_runtime, administrator.send("/admin/areas/check", area=""))
    assert administrator.get(path.replace("/areas/", "/standards/")).status_code == 404


def test_old_work_is_forgotten_with_its_files(administrator, city_runtime, city_settings, tmp_path):
    asked = send(administrator, "/admin/areas/import", areas_file(tmp_path, LAYER), kind="areas")
    path = looked_at(administrator, city_runtime, asked)
    folder = work_files.folder_of(city_settings, path.rsplit("/", 1)[1])
    assert folder.is_dir()
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.long_work SET changed_at = now() - interval '40 days'"))
    administrator.send("/admin/areas/check", area="")
    assert administrator.get(path).status_code == 404 and not folder.exists()
