"""The worked example of docs/clocks.md is what the clock says."""

import json
import re

import pytest

from webgis.cases import calendar, clock


@pytest.fixture
def example(root) -> dict[str, list[str]]:
    """The fenced blocks of the worked example, by their kind."""
    page = (root / "docs" / "clocks.md").read_text(encoding="utf-8")
    section = page.partition("## Worked example")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)\n```", section, re.S)
    return {kind: [block for of, block in blocks if of == kind] for kind in ("json", "text")} | {"page": [section]}


def test_the_worked_example_is_what_the_clock_says(example, session, shared):
    ledger, city = json.loads(example["json"][0]), calendar.of_city(session, shared.settings)
    clock.check(ledger)
    due = clock.due(ledger, city).astimezone(shared.settings.zone)
    assert f"Deadline: {due:%Y-%m-%d %H:%M}" in example["page"][0]
    assert [clock.explain(ledger, city, lang) for lang in ("en", "zh")] == example["text"]


def test_the_units_and_entries_that_the_page_names_are_those_of_the_clock(root):
    page = (root / "docs" / "clocks.md").read_text(encoding="utf-8")
    assert all(f"`{unit}`" in page for unit in clock.UNITS)
    entries = {entry for follows in clock.FOLLOWS.values() for entry in follows}
    assert all(f"`{entry}`" in page for entry in (*entries, *clock.WHYS))
