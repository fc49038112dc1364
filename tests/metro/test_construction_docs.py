"""docs/metro.md says of construction zones what is so: its example gives what it says, its table is what ships."""

import re
from pathlib import Path

from click.testing import CliRunner

import webgis
from webgis.cases import zones
from webgis.cases.routing_commands import routing
from webgis.demo import works_past
from webgis.evaluation import works
from webgis.metro import construction_files, construction_patrols, construction_traffic, effect
from webgis.metro.construction_rules import PHASES

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "metro.md").read_text(encoding="utf-8")


def test_the_example_gives_what_it_says():
    (example,) = (one for one in re.findall(r"```python\n(.*?)```", DOCS, re.S) if "holding(" in one)
    names = {}
    exec(example, names)
    told = re.findall(r"^(holding\(.*\))  # (\S+?):?(?: .*)?$", example, re.M)
    assert len(told) == 4
    for asked, said in told:
        assert eval(asked, names) == eval(said.rstrip(":")), asked


def test_the_file_of_the_manual_is_read(tmp_path):
    (example,) = re.findall(r"```json\n(.*?)```", DOCS, re.S)
    path = tmp_path / "zones.geojson"
    path.write_text(example, encoding="utf-8")
    found = construction_files.read(path)
    assert found.faults == []
    zone = found.plans["CZ-2026-01"]
    assert [one.kind for one in zone.phases] == ["hoarding", "excavation"] and zone.night_permits[0].number == "N-1"
    assert zone.contractor == "示例公司" and [one.kind for one in zone.lines] == ["closure"]
    assert all(f"`{name}`" in DOCS for name in construction_files.NEEDED)


def test_the_rules_that_ship_are_those_of_the_table(session):
    shipped = [(one.class_code, one.protection, one.severity, one.limit_value) for one in zones.rules(session)]
    assert shipped == [
        ("08", "", "ordinary", None),
        ("08", "control", "serious", None),
        ("08", "special", "urgent", 2),
    ]
    assert "| yes | urgent | 2 urgent hours |" in DOCS


def test_the_rules_are_printed(city_runtime):
    printed = CliRunner().invoke(routing, ["zones"], obj=city_runtime).output
    assert re.search(r"matter .* 08 .* special .* True .* urgent .* 2 .* urgent_h", printed), printed


def test_the_figures_are_those_of_the_code():
    for said in (
        f"Those {effect.MATCHED} patches are matched",
        f"fewer than {effect.LEAST_APART} patches that share no cell, {effect.LEAST_BEFORE} cases before",
        f"or {effect.LEAST_WEEKS_TO_MATCH} weeks",
        f"from {works.LARGE} cells on in subdistricts",
        f"within {construction_traffic.NEAR_M:g} m",
        f"for {construction_traffic.ALONG_M:g} m or for half of its length",
        f"has {works_past.PLANTED} times",
        ", ".join(PHASES),
    ):
        assert re.sub(r"\s+", " ", said) in re.sub(r"\s+", " ", DOCS), said
    assert construction_patrols.APART.total_seconds() == 3600
