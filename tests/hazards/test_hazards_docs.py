"""docs/hazards.md says what is so: its examples run, and its tables name what ships."""

import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import webgis
from webgis.hazards.threshold_tables import MEASURES, shipped

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "hazards.md").read_text(encoding="utf-8")


def test_the_examples_run_and_give_what_they_say():
    grading, watching = re.findall(r"```python\n(.*?)```", DOCS, re.S)
    names = {"moment": datetime(2026, 11, 22, 8, tzinfo=UTC), "now": datetime(2026, 11, 22, 8, tzinfo=UTC)}
    exec(grading, names)
    found = names["found"]
    assert (found.s, found.r, found.level) == (6, Fraction(48), 3)
    assert [line.step for line in found.lines] == ["ratio", "sum", "beta", "alpha", "grade", "level"]
    exec(watching, names)
    assert [(one.kind, one.number, one.level) for one in names["told"]] == [("raised", 1, "power_off")]


def test_every_shipped_rule_and_measure_is_listed():
    listed = re.findall(r"^\| `([a-z_.*]+)`", DOCS, re.M)
    assert set(MEASURES) <= set(listed)
    for key in shipped():
        assert key in listed or f"{key.split('.')[0]}.*" in listed
