"""`webgis alarms ...` as the engineer of a city calls them: levels of one's own, sensors of which no rule is made."""

import json

import pytest
from click.testing import CliRunner

from tests import city
from webgis.cli import group
from webgis.errors import Invalid, NotFound
from webgis.telemetry import operations


def run(town, *args):
    return CliRunner().invoke(group, ["alarms", *args], obj=town.runtime, catch_exceptions=True)


def test_a_rule_is_changed_by_what_is_printed_of_it_and_a_level_says_everything(town, tmp_path):
    file = tmp_path / "rule.json"
    river = next(one for one in json.loads(run(town, "rules", "--json").output) if one["key"] == "level.river")
    (level,) = river["levels"]
    file.write_text(json.dumps(river | {"levels": [level | {"at": 1.5, "reset": 1.2}]}), encoding="utf-8")
    assert "changed" in run(town, "set-rule", "level.river", str(file)).output
    assert "nothing to change" in run(town, "set-rule", "level.river", str(file)).output
    del level["window_s"]
    file.write_text(json.dumps({"levels": [level]}), encoding="utf-8")
    refused = run(town, "set-rule", "level.river", str(file)).exception
    assert isinstance(refused, Invalid) and refused.facts["field"] == "window_s"
    assert "given for each level" in refused.message


@pytest.mark.parametrize(("quantity", "said"), [("noise", "noise.site; name one"), ("settlement", "make one")])
def test_a_sensor_without_a_usual_rule_is_told_which_rules_measure_as_it_does(town, quantity, said):
    with town.runtime.transaction() as session:
        operations.put_station(session, operations.NewStation("N", "工地", "earthwork", *city.IN_EAST))
        operations.put_datastream(session, operations.NewDatastream("N", "N", quantity, 60))
    refused = run(town, "watch", "N").exception
    assert isinstance(refused, NotFound) and said in refused.message
