"""docs/workflow.md shows the workflow as it is: the drawn part is the table, the worked example is what happens."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import city
from tests.cases.life import Life
from webgis.accounts import operations as accounts
from webgis.cases import clock, workflow
from webgis.cases import workflow_drawing as drawing
from webgis.cases.workflow_commands import workflow as commands

DOCUMENT = Path(__file__).parents[2] / "docs" / "workflow.md"
DRAINAGE = "510104-drainage"


def test_the_document_is_drawn_from_the_table():
    assert CliRunner().invoke(commands, ["draw", "--check", str(DOCUMENT)]).exit_code == 0


def test_a_document_that_shows_another_table_is_found_and_drawn_anew(tmp_path):
    other = tmp_path / "workflow.md"
    other.write_text(
        DOCUMENT.read_text(encoding="utf-8").replace("`reported` 已上报", "`reported` 已知"), encoding="utf-8"
    )
    assert CliRunner().invoke(commands, ["draw", "--check", str(other)]).exit_code == 1
    assert CliRunner().invoke(commands, ["draw", str(other)]).exit_code == 0
    assert other.read_text(encoding="utf-8") == DOCUMENT.read_text(encoding="utf-8")


def test_a_document_without_marks_is_left_alone(tmp_path):
    other = tmp_path / "other.md"
    other.write_text("# Other\n")
    refused = CliRunner().invoke(commands, ["draw", str(other)])
    assert refused.exit_code == 2 and other.read_text() == "# Other\n"


def test_every_state_action_and_role_has_its_chinese_name():
    assert set(drawing.STATES_ZH) == set(workflow.STATES)
    assert set(drawing.ACTIONS_ZH) == set(workflow.ACTIONS)
    assert set(drawing.ROLES_ZH) == {role for step in workflow.STEPS for role in step.who}


def test_every_arrow_of_the_table_is_in_one_of_the_pictures():
    arrows = set(re.findall(r"^    (\S+) --> (\S+): (.*)$", drawing.drawn(), re.MULTILINE))
    for step in workflow.STEPS:
        if step.source != step.target:
            label = step.action + (f" ({step.when[1]})" if step.when else "")
            drawn = [
                labels for source, target, labels in arrows if (source, target) == (step.source or "[*]", step.target)
            ]
            assert any(label in labels.split(", ") for labels in drawn), step


def _example():
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\S+) \| (.+?) \| (\S+) \| `(.+?)` \| (\S+) \| (.+?) \|$", text, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(range(1, 14))
    return rows


@pytest.fixture
def life(city_runtime):
    with city_runtime.transaction() as session:
        accounts.add_department(session, DRAINAGE, "锦江区排水所", kind="drainage", area=city.COUNTY)
        accounts.add_person(session, "drainage1", "排水岗", "department", city.PASSWORD, department=DRAINAGE)
    made = Life(city_runtime)
    yield made
    made.check()


CLOCKS = {
    "both tasks run": ("running", "running"),
    "task 2 has none": ("running", None),
    "task 2 starts anew": ("running", "running"),
    "task 1 stopped": ("stopped", "running"),
    "all stopped": ("stopped", "stopped"),
    "task 1 goes on": ("running", "stopped"),
}


def test_the_worked_example_happens_as_it_is_told(life):
    number, tasks = None, []
    for _, who, of, action, given, state, clocks in _example():
        given = json.loads(given)
        if action == "report":
            number = life.report(who).number
        else:
            if "condition" in given:
                given["condition"] = life.condition(number)
            target = number if of == "case" else tasks[int(of[-1]) - 1]
            life.do(who, target, action, **given)
        tasks = tasks or [task.number for task in life.family(number)]
        assert life.case(number).state == state
        if clocks in CLOCKS:
            ledgers = [life.case(task).ledger for task in tasks]
            assert tuple(clock.status(ledger) if ledger else None for ledger in ledgers) == CLOCKS[clocks]
    assert [life.case(task).state for task in tasks] == ["closed", "closed"]
