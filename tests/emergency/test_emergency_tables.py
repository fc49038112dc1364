"""Plans and resources as tables, what is near in metres, and the commands."""

import csv

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.emergency.scene import Scene
from webgis.accounts import queries as accounts
from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.cli import group
from webgis.emergency import plans, queries, resources
from webgis.emergency.kinds import KINDS
from webgis.errors import WebgisError

PLAN = ("kind", "level", "department_kind", "minutes", "words_zh", "words_en", "source")
TASK = ("fire", "4", "emergency", "5", "到场", "Go there", "本市预案")
RESOURCE = ("code", "kind", "name_zh", "name_en", "lon", "lat", "amount", "source")


def table(folder, header, *rows):
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def at(number, kind, lon, lat=city.IN_WEST[1]):
    return (number, kind, f"资源{number}", "", str(lon), str(lat), "3 台", "示例")


def test_every_kind_has_a_plan_that_ships_and_says_from_where():
    assert {one.kind for one in plans.shipped()} == set(KINDS)
    assert {one.department_kind for one in plans.shipped()} <= set(DEPARTMENT_KINDS)
    assert all(one.source for one in plans.shipped())


def test_a_city_has_plans_of_its_own(city_runtime, tmp_path):
    with city_runtime.transaction() as session:
        assert plans.take_over(session, table(tmp_path, PLAN, TASK)) == {"fire": 1}
        assert [one.words_zh for one in plans.plan(session, "fire")] == ["到场"]
        assert len(plans.plan(session, "metro")) > 3
        told = session.execute(text("SELECT before, after FROM city.admin_event WHERE action = 'emergency.plan'")).one()
    assert len(told.before["tasks"]) > 3 and told.after["tasks"][0]["minutes"] == 5


BAD_TASKS = {
    "kind": ("rain", *TASK[1:]), "level": (TASK[0], "5", *TASK[2:]), "minutes": (*TASK[:3], "soon", *TASK[4:]),
    "department_kind": (*TASK[:2], "army", *TASK[3:]), "source": (*TASK[:6], ""),
}  # fmt: skip


@pytest.mark.parametrize(("field", "row"), BAD_TASKS.items())
def test_a_row_that_cannot_be_used_is_named_and_nothing_is_changed(city_runtime, tmp_path, field, row):
    with pytest.raises(WebgisError) as refused, city_runtime.transaction() as session:
        plans.take_over(session, table(tmp_path, PLAN, TASK, row))
    assert (refused.value.code, refused.value.facts["row"], refused.value.facts["field"]) == (
        "emergency.bad-row",
        3,
        field,
    )
    with city_runtime.transaction() as session:
        assert len(plans.plan(session, "fire")) > 1


def test_resources_are_found_by_their_metres_a_few_of_each_kind(city_runtime, tmp_path):
    lon, lat = city.IN_WEST
    pumps = [at(f"P{n}", "pump", lon + n * 0.001) for n in range(8, 0, -1)]
    far = at("H2", "hospital", lon + 1)
    with city_runtime.transaction() as session:
        found = table(tmp_path, RESOURCE, *pumps, at("H1", "hospital", lon, lat + 0.001), far)
        assert resources.take_over(session, found, "cgcs2000") == {"added": 10, "changed": 0}
        near = queries.resources_near(session, lon, lat, 5000, 3)
    assert [row.code for row in near] == ["P1", "H1", "P2", "P3"]
    assert near[0].metres == pytest.approx(95.8, abs=0.3) and near[1].metres == pytest.approx(110.9, abs=0.3)


def test_a_resource_that_is_known_becomes_as_its_row_says(city_runtime, tmp_path):
    with city_runtime.transaction() as session:
        resources.take_over(session, table(tmp_path, RESOURCE, at("P1", "pump", 104.06)), "wgs84")
        again = table(tmp_path, (*RESOURCE, "active"), (*at("P1", "depot", 104.06), "no"))
        assert resources.take_over(session, again, "wgs84") == {"added": 0, "changed": 1}
        assert queries.resources_near(session, *city.IN_WEST) == []


@pytest.mark.parametrize(
    ("row", "field"),
    [(at("P1", "boat", 104.06), "kind"), (at("P1", "pump", "east"), "lon"), (at("", "pump", 104.06), "code")],
)
def test_a_resource_that_cannot_be_used_is_named(city_runtime, tmp_path, row, field):
    with pytest.raises(WebgisError) as refused, city_runtime.transaction() as session:
        resources.take_over(session, table(tmp_path, RESOURCE, row), "wgs84")
    assert refused.value.code == "emergency.bad-row" and refused.value.facts["field"] == field


SHIFT = """
    WITH made AS (INSERT INTO city.shift (person_id, key, began_at, last_at)
        SELECT id, 'k', :at, :at FROM city.person WHERE login = :login RETURNING id)
    INSERT INTO city.track (shift_id, at, geom, accuracy_m, cell_id)
    SELECT m.id, :at, p.geom, 5, (fn.cell_at(p.geom)).id
    FROM made m, (SELECT ST_SetSRID(ST_Point(:lon, :lat), 4490) AS geom) p
"""


def test_crews_on_duty_are_near_for_those_who_may_see_shifts(city_runtime):
    scene = Scene(city_runtime)
    with city_runtime.transaction() as session:
        for login, (lon, lat) in (("inspector1", city.IN_EAST), ("inspector2", city.IN_WEST)):
            session.execute(text(SHIFT), {"at": scene.now, "login": login, "lon": lon, "lat": lat})
        seen = {
            login: [row.name for row in queries.crews_near(session, scene.actor(login), *city.IN_WEST, scene.now)]
            for login in ("dispatcher1", "manager1", "drainage1", "inspector1")
        }
        session.execute(text("UPDATE city.person SET area_code = :west WHERE login = 'manager1'"), {"west": city.WEST})
        limited = queries.crews_near(session, accounts.actor(session, "manager1"), *city.IN_WEST, scene.now)
    both = ["inspector2 岗", "inspector1 岗"]
    assert seen == {"dispatcher1": both, "manager1": both, "drainage1": [], "inspector1": []}
    assert [row.name for row in limited] == both[:1]


def test_commands_print_plans_and_logs_and_say_when_a_log_was_altered(city_runtime, tmp_path):
    scene, run = Scene(city_runtime), CliRunner()

    def command(*words):
        return run.invoke(group, ["emergency", *words], obj=city_runtime)

    printed = tmp_path / "plans.csv"
    printed.write_text(command("plans").output, encoding="utf-8")
    assert "fire: 8 tasks" in command("import-plans", str(printed)).output
    stored = table(tmp_path, RESOURCE, at("P1", "pump", 104.06))
    assert command("import-resources", str(stored)).output == "1 added, 0 changed\n"
    number = scene.open()
    assert number in command("list").output
    assert command("log", number).exit_code == 0
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.emergency SET head = '\\x00'"))
    assert command("log", number).exit_code == 1
