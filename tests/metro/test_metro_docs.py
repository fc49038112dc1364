"""docs/metro.md says what is so: its example runs, and its table is the one that ships."""

import re
from pathlib import Path

import webgis
from webgis.metro.distances import shipped

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "metro.md").read_text(encoding="utf-8")


def test_the_example_runs_and_gives_what_it_says():
    (example,) = re.findall(r"```python\n(.*?)```", DOCS, re.S)
    names = {}
    exec(example, names)
    (here,) = names["at"](names["found"], names["shapely"].Point(410230, 3393059))
    assert here.kind == "control"


def test_every_distance_is_listed():
    listed = {}
    for line in re.findall(r"^\| `.*$", DOCS, re.M):
        kinds, *cells = line.strip("|").split("|")
        for kind in re.findall(r"`(\w+)`", kinds):
            listed[kind] = [float(metres) for cell in cells for metres in re.findall(r"([\d.]+) m", cell)]
    for row in shipped():
        assert row.metres in listed[row.structure_kind], row
