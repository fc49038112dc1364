"""`webgis routing` and `webgis beats`: what an operator reads in, tries, puts in force, and asks."""

import json

import pytest
from click.testing import CliRunner

from tests import city
from webgis import cli

SANITATION, WORKS = "510104-sanitation", "510104-works"


@pytest.fixture
def webgis(city_runtime):
    """A function that runs a command; its exit code and what it printed."""

    def run(*arguments) -> tuple[int, str]:
        done = CliRunner().invoke(cli.group, [str(one) for one in arguments], obj=city_runtime)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            return 2, f"{done.output}{done.exception}"
        return done.exit_code, done.output

    return run


def table(path, *rows: str):
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_rules_are_read_tried_activated_shown_and_written(webgis, tmp_path):
    file = table(tmp_path / "rules.csv", "number,class,department", f"1,06,{SANITATION}", f"2,{city.REFUSE},{WORKS}")
    code, said = webgis("routing", "import", file, "--json")
    version = json.loads(said)["version"]
    assert (code, json.loads(said)["rules"]) == (0, 2)
    assert "0 would go elsewhere" in webgis("routing", "dry-run", version)[1]
    assert json.loads(webgis("routing", "dry-run", version, "--json")[1])["replayed"] == 0
    assert "is in force" in webgis("routing", "activate", version)[1]
    assert [one["state"] for one in json.loads(webgis("routing", "list", "--json")[1])] == ["active"]
    assert WORKS in webgis("routing", "show")[1]
    assert webgis("routing", "export", version, tmp_path / "out.csv", "--headings", "en")[0] == 0
    code, said = webgis("routing", "import", tmp_path / "out.csv", "--json")
    again = json.loads(said)["version"]
    assert webgis("routing", "show", version, "--json") == webgis("routing", "show", again, "--json")
    assert webgis("routing", "drop", again)[0] == 0
    code, said = webgis("routing", "drop", version)
    assert code == 2 and "stays as it is" in said


def test_faults_of_rules_are_listed(webgis, tmp_path):
    file = table(tmp_path / "rules.csv", "class,department", "06,[/nobody]", f"6x,{WORKS}")
    code, said = webgis("routing", "import", file)
    assert code == 2 and "no department [/nobody]" in said and "major class" in said
    assert "There are no rules" in webgis("routing", "list")[1]


def test_a_department_is_said_to_be_a_legal_body(webgis):
    assert "91510100MA6AAAAA1X" in webgis("routing", "body", WORKS, "91510100ma6aaaaa1x".upper())[1]
    code, said = webgis("routing", "body", WORKS, "4711")
    assert code == 2 and "social credit code" in said
    assert "no legal body" in webgis("routing", "body", WORKS)[1]


def test_beats_are_read_assigned_asked_and_written(webgis, tmp_path):
    file = table(
        tmp_path / "beats.csv",
        "beat,name,cells,days,hours,inspector",
        f"W1,西一,{city.WEST},Mon-Sun,00:00-24:00,inspector1",
        f"E1,东一,{city.EAST}001-020,,,",
    )
    assert json.loads(webgis("beats", "import", file, "--json")[1])["added"] == ["W1", "E1"]
    assert "inspector1" in webgis("beats", "on-duty")[1]
    assert "1 changed" in webgis("beats", "assign", "E1", "inspector2", "--hours", "00:00-24:00")[1]
    assert "1 as they were" in webgis("beats", "assign", "E1", "inspector2", "--hours", "00:00-24:00")[1]
    assert [one["login"] for one in json.loads(webgis("beats", "on-duty", "--json")[1])] == ["inspector2", "inspector1"]
    assert "inspector2" in webgis("beats", "inspector", *city.IN_EAST, "--crs", "cgcs2000")[1]
    assert "cells in no beat, in 1 communities" in webgis("beats", "coverage")[1]
    assert json.loads(webgis("beats", "coverage", "--json")[1])["twice"] == {}
    assert "1 changed" in webgis("beats", "release", "E1", "inspector2")[1]
    listed = {one["code"]: one for one in json.loads(webgis("beats", "list", "--json")[1])}
    assert listed["E1"]["shifts"] == [] and listed["W1"]["area_code"] == city.WEST
    assert webgis("beats", "export", tmp_path / "out.xlsx")[0] == 0
    assert "2 as they were" in webgis("beats", "import", tmp_path / "out.xlsx")[1]
    assert webgis("beats", "close", "E1")[0] == 0 and "E1" not in webgis("beats", "list")[1]
    code, said = webgis("beats", "assign", "W1", "acceptor1", "--hours", "8-18")
    assert code == 2 and "active inspector" in said and "hours are expected" in said


def test_the_workload_names_who_is_on_duty(webgis, tmp_path):
    row = f"W1,西一,{city.WEST},,00:00-24:00,inspector1"
    webgis("beats", "import", table(tmp_path / "beats.csv", "beat,name,cells,days,hours,inspector", row))
    assert "No department has a case in hand" in webgis("routing", "workload")[1]
    told = json.loads(webgis("routing", "workload", "--json")[1])
    assert [(one["login"], one["beats"]) for one in told["people"]] == [("inspector1", ["W1"])]
