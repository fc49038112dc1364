"""The example of docs/places.md: its file is imported, and its searches find what it says."""

import re

from webgis.grid import gazetteer, gazetteer_files, gazetteer_queries
from webgis.grid.gazetteer_rules import KINDS


def test_the_example_is_true(root, city_runtime, tmp_path):
    page = (root / "docs" / "places.md").read_text(encoding="utf-8")
    file = tmp_path / "example.csv"
    file.write_text(re.search(r"```csv\n(.*?)```", page, re.S)[1], encoding="utf-8")
    rows = re.findall(r"^\| (\S[^|]*) \| (\S+) \| (\d\.\d\d) \|$", page, re.M)
    read = gazetteer_files.read(file, "wgs84")
    with city_runtime.transaction() as session:
        assert gazetteer.import_places(session, read.entries, read.faults, "example", file=file.name).loaded
        found = {typed: gazetteer_queries.find(session, typed)[0] for typed, _name, _score in rows}
    assert len(rows) == 10
    assert [(typed, found[typed].name, f"{found[typed].score:.2f}") for typed, *_rest in rows] == rows


def test_every_kind_is_described(root):
    page = (root / "docs" / "places.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| \S+ \| [a-z]", page, re.M)[: len(KINDS)] == list(KINDS)
