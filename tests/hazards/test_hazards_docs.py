"""docs/hazards.md says what is so: its examples run, and its tables name what ships."""

import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from sqlalchemy import text

import webgis
from webgis.exchange import hazard_files
from webgis.hazards import impact_rules
from webgis.hazards.threshold_tables import MEASURES, shipped

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "hazards.md").read_text(encoding="utf-8")


def test_the_examples_run_and_give_what_they_say():
    grading, screening, watching = re.findall(r"```python\n(.*?)```", DOCS, re.S)
    names = {"moment": datetime(2026, 11, 22, 8, tzinfo=UTC), "now": datetime(2026, 11, 22, 8, tzinfo=UTC)}
    exec(grading, names)
    found = names["found"]
    assert (found.s, found.r, found.level) == (6, Fraction(48), 3)
    assert [line.step for line in found.lines] == ["ratio", "sum", "beta", "alpha", "grade", "level"]
    exec(screening, names)
    assert names["blast"].metres == 664
    exec(watching, names)
    assert [(one.kind, one.number, one.level) for one in names["told"]] == [("raised", 1, "power_off")]


def test_every_shipped_rule_and_measure_is_listed():
    listed = re.findall(r"^\| `([a-z_.*]+)`", DOCS, re.M)
    assert set(MEASURES) <= set(listed)
    for key in shipped():
        assert key in listed or f"{key.split('.')[0]}.*" in listed


def test_the_example_of_a_file_is_taken_over_and_has_the_grade_that_is_said(city_runtime, tmp_path):
    file = tmp_path / "sources.csv"
    file.write_text(re.search(r"```csv\n(.*?)```", DOCS, re.S)[1], encoding="utf-8")
    with city_runtime.sessions() as session:
        done = hazard_files.take(session, None, file, crs="wgs84", at=datetime(2026, 11, 22, 8, tzinfo=UTC))
        assert (done.added, done.grades) == (["CD-001"], 1)
        row = session.execute(text("SELECT s, r, alpha, level FROM city.hazard_grade")).one()
    assert (row.s, row.r, row.alpha, row.level) == (3.6, 15.6, 1.5, 3)


def test_every_distance_of_the_impact_sheet_is_said(settings):
    rings = impact_rules.rings(settings.hazard_rings)
    assert f"{', '.join(map(str, rings[:-1]))} and {rings[-1]:,} m are ours" in DOCS
