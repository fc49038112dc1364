"""docs/components.md says what the code does: its fields, its kinds of fault, and its worked example."""

import json
import re

from click.testing import CliRunner

from webgis.catalog import component_files, component_rules
from webgis.cli import group

PUT_RIGHT = (
    ("坏了", "破损"),
    ("路灯,,,", "路灯,12510104MB00000018,锦江区城管局,"),
    ("30.6573,104.0624", "104.0624,30.6573"),
)


def page(root) -> str:
    return (root / "docs" / "components.md").read_text(encoding="utf-8")


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table of a page that has this header."""
    lines = text.partition(header)[2].strip().splitlines()[1:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_fields_are_those_of_the_code(root):
    told = rows(page(root), "| column | in files | 2013 | 中文 | demand | at most |")
    fields = [
        [f"`{one.column}`", one.abbreviation, one.former or "–", one.name_zh, one.demand or "ours", str(one.length)]
        for one in component_rules.ALL_FIELDS
    ]
    assert told == fields


def test_the_kinds_of_fault_are_those_of_the_code(root):
    told = {row[0].strip("`"): row[2] for row in rows(page(root), "| fault | field | what becomes of the row |")}
    assert {kind for kind, end in told.items() if end.startswith("left out")} == component_files.UNSTORABLE
    assert {kind for kind, end in told.items() if end.startswith("taken")} == component_files.DOUBTFUL
    assert {kind for kind, end in told.items() if end.endswith("told only")} == component_files.MENDED


def test_the_worked_example_does_what_the_page_says(root, city_runtime, tmp_path):
    text, path = page(root), tmp_path / "survey.csv"
    path.write_text(survey := re.search("```csv\n(.*?)```", text, re.S)[1], encoding="utf-8")
    assert run(city_runtime, "import", str(path), "--crs", "wgs84").exit_code == 1
    with city_runtime.transaction() as session:
        faults = component_files.report(session, 1).faults
    told = [[str(one.row), one.field, one.kind, one.expected, one.got or ""] for one in faults]
    assert told == rows(text, "| row | field | kind | expected | got |")
    assert "no such components" in run(city_runtime, "list").output
    for wrong, right in PUT_RIGHT:
        survey = survey.replace(wrong, right)
    path.write_text(survey, encoding="utf-8")
    said = run(city_runtime, "import", str(path), "--crs", "wgs84").output.splitlines()[-1]
    assert said.startswith("taken over") and f"`{said}`" in text
    found = json.loads(run(city_runtime, "near", "104.0622", "30.6571", "--class", "01037", "--json").output)
    assert len(found) == 2
    assert all(f"{one['component']['code']} at {one['distance_m']:.1f} m" in text for one in found)


def run(runtime, *arguments: str):
    return CliRunner().invoke(group, ["components", *arguments], obj=runtime)
