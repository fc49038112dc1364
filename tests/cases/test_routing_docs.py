"""The worked examples of docs/routing.md are what the rules and beats do."""

import re
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from tests import city
from webgis.accounts import operations as accounts
from webgis.accounts import queries
from webgis.cases import beat_tables, routing, routing_reading, routing_sets
from webgis.catalog.sheets import Row, Sheet
from webgis.grid import beats

COVER, GAS = "51010401001000001", "91510100MA6AAAAA1X"
SINCE = datetime.fromisoformat("2026-11-01T00:00:00+08:00")


def tables(root: Path) -> dict[str, list[dict[str, str]]]:
    """The tables of the page by the heading of their first column."""
    found = {}
    page = (root / "docs" / "routing.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", page, re.M):
        lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.strip().split("\n")]
        found[lines[0][0]] = [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]
    return found


def sheet(rows: list[dict[str, str]]) -> Sheet:
    return Sheet(tuple(rows[0]), tuple(Row(number, row) for number, row in enumerate(rows, start=2)))


@pytest.fixture
def town(city_runtime):
    """The small city with the gas company and its manhole cover."""
    with city_runtime.sessions() as session:
        accounts.add_department(session, "5101-gas", "燃气公司", "Gas", kind="gas", area=city.CITY).credit_code = GAS
        session.flush()
        session.execute(text(
            "INSERT INTO city.component (code, standard, class_code, name, maintainer_code, cell_code, geom)"
            " VALUES (:code, 'GB/T 47678.5-2026', '01001', '供水井盖', :gas, :cell,"
            " ST_SetSRID(ST_Point(104.0622, 30.6571), 4490))"
        ), {"code": COVER, "gas": GAS, "cell": f"{city.WEST}001"})  # fmt: skip
        yield session


def test_the_rules_of_the_example_choose_what_it_says(town, root):
    page, manager = tables(root), queries.actor(town, "manager1")
    made = routing_sets.import_rules(town, manager, sheet(page["number"]), name="例")
    routing_sets.activate(town, manager, made.version, at=SINCE)
    for row in page["case"]:
        at = datetime.fromisoformat(f"{row['at']}:00+08:00")
        given = {"kind": row["kind"], "class_code": row["class"], "cell_code": row["cell"]}
        chosen = routing.choose(
            town, **given, lon=104.0622, lat=30.6571, component_code=row["component"] or None, at=at
        )
        told = str(chosen.why.get("number", chosen.why["rule"]))
        assert (chosen.department, told) == (row["department"], row["because of"]), row["case"]
        beaten = [f"{one['number']}: {one['lost_en']}" for one in chosen.why["beaten"]]
        assert beaten[:1] == [part for part in [row["beaten"]] if part], row["case"]


def test_the_beats_of_the_example_are_read_and_send_whom_they_say(town, root):
    manager = queries.actor(town, "manager1")
    beat_tables.import_beats(town, manager, sheet(tables(root)["beat"]), at=SINCE)
    friday = datetime.fromisoformat("2026-11-20T10:00:00+08:00")
    found = beats.inspector_for(town, *city.IN_WEST, f"{city.WEST}001", friday)
    assert beats.login_of(town, found) == "inspector1" and found.why["beat"] == "W1"
    assert [row.beat_code for row in beats.on_duty(town, friday.replace(hour=23))] == ["E1"]


def test_the_columns_that_the_page_names_are_those_of_the_tables(root):
    named = [word for row in tables(root)["column"] for word in re.findall(r"`(\w+)`", row["column"])]
    assert named == list(routing_reading.HEADINGS)
    assert list(tables(root)["beat"][0]) == [name for name in beat_tables.HEADINGS if name != "name_en"]
    zh = [word for row in tables(root)["column"] for word in row["中文"].split("、")]
    known = {word for words in routing_reading.HEADINGS.values() for word in words}
    assert set(zh) <= known
