"""docs/metro.md says what is so: its example runs, and its table is the one that ships."""

import re
from pathlib import Path

import webgis
from webgis.maps import metro_words
from webgis.metro.commands import metro
from webgis.metro.distances import shipped
from webgis.metro.permit_rules import STEPS

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "metro.md").read_text(encoding="utf-8")


def test_the_example_runs_and_gives_what_it_says():
    (example,) = (one for one in re.findall(r"```python\n(.*?)```", DOCS, re.S) if "zones(" in one)
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


def test_the_source_of_every_distance_that_ships_is_told_in_both_languages():
    assert {row.source for row in shipped()} == set(metro_words.SOURCES)


def test_the_steps_of_a_permit_are_those_of_the_table():
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w, ]+) \| (\w+) \| (operator|applicant|engine) \| ?(?:`(\w+)`)? ?\|$", DOCS, re.M
    )
    told = [
        (action, tuple(from_.split(", ")), to, who, (needs,) if needs else ()) for action, from_, to, who, needs in rows
    ]
    assert told == [(one.action, one.from_, one.to, one.who, one.needs) for one in STEPS]


def test_every_command_is_one(root):
    told = re.findall(r"^webgis metro ([\w-]+)", DOCS, re.M)
    assert sorted(told) == sorted(metro.commands)
