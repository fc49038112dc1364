"""Files of construction zones: what is written is read back as it was; of a file with faults nothing is taken."""

import json
from datetime import datetime, time, timedelta

import pytest
import shapely
from click.testing import CliRunner

from tests.metro.test_construction import DAY, FIRST, GROUND, KNOWN, LAT, LON, moment, plan, works  # noqa: F401
from webgis.errors import Invalid
from webgis.metro import construction, construction_files
from webgis.metro.construction_commands import construction as group
from webgis.metro.construction_rules import Line, NightPermit

ROAD = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
ZONE = {"code": "A", "name": "甲站", "project": "一号线", "contractor": "施工单位", "first_day": "2026-06-10"}
ASIDE = shapely.transform(GROUND, lambda xy: xy + [0.01, 0])
FAR = shapely.box(116.3, 39.9, 116.301, 39.901)


def file_of(folder, *features: tuple) -> str:
    """A GeoJSON file of (shape, properties)."""
    told = [
        {"type": "Feature", "properties": facts, "geometry": shape and shapely.geometry.mapping(shape)}
        for shape, facts in features
    ]
    path = folder / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": told}), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [".geojson", ".gpkg"])
def test_what_was_written_is_read_back_as_it_was(works, tmp_path, ending):  # noqa: F811
    whole = plan(
        lines=(Line("closure", ROAD, "全封闭", FIRST, FIRST + DAY), Line("diversion", ROAD)),
        night_permits=(NightPermit("夜 1", FIRST, FIRST + DAY), NightPermit("N-2", FIRST + DAY, FIRST + 3 * DAY)),
        works_from=time(7),
        works_until=time(21, 30),
        width_left_m=3.5,
        patrols=4,
        name_en="Example",
        road="示例路",
        illustrative=True,
    )
    construction.keep(works, [whole, plan("CZ2", phases=(), last_day=None)], at=KNOWN)
    file = tmp_path / f"zones{ending}"
    assert construction_files.write(works, file) == 2
    found, kept = construction_files.take(works, file, None, at=KNOWN + DAY)
    assert found.features == 4 and kept.unchanged == ("CZ1", "CZ2")
    construction.keep(works, [plan(contractor="另一单位"), plan("CZ2")], at=KNOWN + DAY)
    _found, kept = construction_files.take(works, file, None, at=KNOWN + 2 * DAY)
    assert set(kept.changed) == {"CZ1", "CZ2"} and kept.before["CZ1"].contractor == "另一单位"
    assert construction.plan_of(works, "CZ1") == found.plans["CZ1"]


def test_a_line_of_several_parts_is_several_and_kinds_may_be_chinese(tmp_path):
    two = shapely.MultiLineString([ROAD, shapely.LineString([(LON, LAT + 0.001), (LON + 0.001, LAT + 0.001)])])
    path = file_of(tmp_path, (GROUND, ZONE), (two, {"zone": "A", "line": "道路封闭"}))
    found = construction_files.read(path)
    assert found.faults == []
    assert [(one.kind, len(one.shape.coords)) for one in found.plans["A"].lines] == [("closure", 2), ("closure", 2)]


FAULTS = {
    "no contractor": (GROUND, {"contractor": None}, "contractor"),
    "no day": (GROUND, {"first_day": "2026-13-01"}, "first_day"),
    "a phase that is none": (GROUND, {"phases": "digging 2026-06-10..2026-06-20"}, "phases"),
    "a phase outside the zone": (GROUND, {"phases": "hoarding 2026-06-01..2026-06-20"}, "phases"),
    "a permit without days": (GROUND, {"night_permits": "夜-1"}, "night_permits"),
    "no shape": (None, {}, "ground"),
    "a point": (shapely.Point(LON, LAT), {}, "ground"),
    "an outline that crosses itself": (
        shapely.Polygon([(LON, LAT), (LON + 0.001, LAT + 0.001), (LON + 0.001, LAT), (LON, LAT + 0.001)]), {}, "ground",
    ),
    "another city": (FAR, {}, "ground"),
    "a department that there is not": (GROUND, {"metro_department": "nobody"}, "metro_department"),
    "a datastream that there is not": (GROUND, {"points": "S-1; S-2"}, "points"),
    "the code of another": (GROUND, {"code": "GOOD"}, "code"),
    "no code": (GROUND, {"code": None}, "code"),
    "a code of parts": (GROUND, {"code": {"a": 1}}, "code"),
    "a list for a name": (GROUND, {"name": ["甲", "乙"]}, "name_zh"),
    "a line of a zone that is not in the file": (ROAD, {"zone": "Z", "line": "closure"}, "zone"),
    "a line that is no traffic": (ROAD, {"zone": "GOOD", "line": "tunnel"}, "line"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_row_and_nothing_is_taken(works, tmp_path, fault):  # noqa: F811
    shape, facts, column = FAULTS[fault]
    path = file_of(tmp_path, (GROUND, ZONE | {"code": "GOOD"}), (shape, ZONE | facts))
    with pytest.raises(Invalid) as refused:
        construction_files.take(works, path, None, at=KNOWN)
    (told,) = refused.value.facts["faults"]
    assert (told["row"], told["column"]) == (2, column) and told["problem"]
    assert construction.listed(works, moment(FIRST)) == []


def test_all_faults_of_a_file_are_told_in_the_order_of_its_rows(works, tmp_path):  # noqa: F811
    features = [(shape, ZONE | {"code": str(at)} | facts) for at, (shape, facts, _column) in enumerate(FAULTS.values())]
    with pytest.raises(Invalid) as refused:
        construction_files.take(works, file_of(tmp_path, *features), None, at=KNOWN)
    rows = [one["row"] for one in refused.value.facts["faults"]]
    assert rows == sorted(rows) and refused.value.facts["count"] == len(rows) == len(FAULTS) - 1, "GOOD is no fault now"


def test_a_file_with_too_many_features_is_refused_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(construction_files, "MOST_FEATURES", 1)
    with pytest.raises(Invalid) as refused:
        construction_files.read(file_of(tmp_path, (GROUND, ZONE), (ASIDE, ZONE)))
    assert refused.value.code == "metro.too-many-features"


def test_the_command_line_looks_first_and_names_every_fault(city_runtime, tmp_path):
    def run(*given: str):
        return CliRunner().invoke(group, [*map(str, given)], obj=city_runtime)

    good = (GROUND, ZONE | {"phases": "围挡 2026-06-10..2026-06-30"})
    refused = run("import", file_of(tmp_path, good, (GROUND, ZONE | {"code": "B", "contractor": None})))
    assert refused.exit_code == 1 and "contractor" in refused.output and refused.exception.facts["count"] == 1
    file = file_of(tmp_path, good)
    assert "1 zones would be new" in run("import", file, "--check").output
    assert "甲站" not in run("list").output
    assert "1 zones are new" in run("import", file).output
    changed = json.loads(run("import", file_of(tmp_path, (GROUND, ZONE)), "--json", "--check").output)
    assert changed == {"added": [], "changed": ["A"], "unchanged": [], "crs": "EPSG:4326", "check": True}
    assert "Hoarding" in run("list", "--on", "2026-06-12").output
    today = datetime.now(city_runtime.settings.zone).date()
    assert "A " in run("missed", "--since", today, "--until", today).output
    before = today - timedelta(days=9)
    assert "Nothing" in run("missed", "--since", before, "--until", before).output, "nobody knew of it"
    assert "1 zones in" in run("export", tmp_path / "out.gpkg").output


def test_without_zones_there_is_nothing_to_export(works, tmp_path):  # noqa: F811
    with pytest.raises(Invalid) as refused:
        construction_files.write(works, tmp_path / "none.geojson")
    assert refused.value.code == "metro.nothing"
