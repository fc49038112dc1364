"""Plans and resources as tables, what is near in metres, and the commands."""

import csv
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

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


def test_the_plan_that_ships_holds_again_when_the_citys_own_is_dropped(city_runtime):
    task = plans.planned(dict(zip(PLAN, TASK, strict=True)))
    with city_runtime.transaction() as session:
        by = accounts.actor(session, "administrator1")
        plans.replace(session, by, "fire", [task])
        assert plans.plan(session, "fire") == [task] and plans.own(session) == {"fire"}
        with pytest.raises(WebgisError) as many:
            plans.replace(session, by, "fire", [task] * 101)
        assert many.value.facts["field"] == "tasks"
        plans.replace(session, by, "fire", [])
        assert plans.plan(session, "fire") == [one for one in plans.shipped() if one.kind == "fire"]
        assert plans.own(session) == set()


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
    far = at("H2", "hospital", lon + 0.3)
    with city_runtime.transaction() as session:
        found = table(tmp_path, RESOURCE, *pumps, at("H1", "hospital", lon, lat + 0.001), far)
        assert len(resources.take_over(session, found, "cgcs2000")["added"]) == 10
        near = queries.resources_near(session, lon, lat, 5000, 3)
    assert [row.code for row in near] == ["P1", "H1", "P2", "P3"]
    assert near[0].metres == pytest.approx(95.8, abs=0.3) and near[1].metres == pytest.approx(110.9, abs=0.3)


def test_a_resource_that_is_known_becomes_as_its_row_says(city_runtime, tmp_path):
    with city_runtime.transaction() as session:
        first = table(tmp_path, RESOURCE, at("P1", "pump", 104.06))
        assert resources.take_over(session, first, "wgs84") == {"added": ["P1"], "changed": [], "unchanged": []}
        assert resources.take_over(session, first, "wgs84")["unchanged"] == ["P1"]
        again = table(tmp_path, (*RESOURCE, "active"), (*at("P1", "depot", 104.06), "no"))
        assert resources.take_over(session, again, "wgs84")["changed"] == ["P1"]
        assert queries.resources_near(session, *city.IN_WEST) == []


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (at("P1", "boat", 104.06), "kind"),
        *((at("P1", "pump", lon), "lon") for lon in ("east", "", "1_04.06", "１０４", "nan", "1e2")),
        *((at(code, "pump", 104.06), "code") for code in ("", "a/b", "_a", "a b", "a" * 65)),
        (at("P1", "pump", 104.06, "91"), "lat"),
        (at("P1", "pump", 0), "lon"),
    ],
)
def test_a_resource_that_cannot_be_used_is_named(city_runtime, tmp_path, row, field):
    with pytest.raises(WebgisError) as refused, city_runtime.transaction() as session:
        resources.take_over(session, table(tmp_path, RESOURCE, row), "wgs84")
    assert refused.value.code == "emergency.bad-row" and refused.value.facts["field"] == field


def test_every_row_that_cannot_be_used_is_named_at_once(city_runtime, tmp_path):
    rows = (at("P1", "boat", 104.06), at("P2", "pump", 104.06), at("P2", "pump", "east"), at("P2", "pump", 104.06))
    with pytest.raises(WebgisError) as refused, city_runtime.transaction() as session:
        resources.take_over(session, table(tmp_path, RESOURCE, *rows), "wgs84")
    faults = refused.value.facts["errors"]
    assert [(one["row"], one["field"]) for one in faults] == [(2, "kind"), (4, "lon"), (5, "code")]
    assert refused.value.facts["count"] == 3


def fields(**more):
    """A pump as a form says it."""
    lon, lat = city.IN_WEST
    told = dict.fromkeys(resources.COLUMNS, "") | {"code": "P1", "kind": "pump", "name_zh": "泵车", "source": "本市"}
    return told | {"lon": str(lon), "lat": str(lat)} | more


def refused(code, verb, *values):
    with pytest.raises(WebgisError) as caught:
        verb(*values)
    assert caught.value.code == code, caught.value
    return caught.value


def test_a_resource_is_added_changed_and_taken_out_of_use_with_its_line_in_the_log(city_runtime):
    with city_runtime.transaction() as session:
        by = accounts.actor(session, "administrator1")
        seen = resources.facts(resources.add(session, by, fields(amount="3 台"), "wgs84"))
        refused("emergency.resource-exists", resources.add, session, by, fields(), "wgs84")
        fault = refused("emergency.bad-field", resources.add, session, by, fields(code="P2", department="x"), "wgs84")
        assert fault.facts["field"] == "department"
        resources.change(session, by, "P1", fields(code="other", amount="5 台"), "wgs84", seen)
        refused("emergency.resource-changed", resources.change, session, by, "P1", fields(), "wgs84", seen)
        refused("emergency.resource-unknown", resources.use, session, by, "P2", False)
        assert len(queries.resources_near(session, *city.IN_WEST)) == 1
        resources.use(session, by, "P1", False)
        assert queries.resources_near(session, *city.IN_WEST) == []
        assert [one.code for one in resources.listed(session, "泵")] == ["P1"] and not resources.listed(session, "%")
        told = "SELECT before, after FROM city.admin_event WHERE action = 'emergency.resource' ORDER BY id"
        added, changed, ended = session.execute(text(told)).all()
    assert added.before is None and added.after["lon"] == city.IN_WEST[0]
    assert (changed.before, changed.after) == ({"amount": "3 台"}, {"amount": "5 台"})
    assert (ended.before, ended.after) == ({"active": True}, {"active": False})


def at_once(runtime, verb, *given):
    """What becomes of acts of administrators at the same moment: done, or the code of the refusal."""
    together = Barrier(len(given))

    def act(one):
        try:
            with runtime.transaction() as session:
                by = accounts.actor(session, "administrator1")
                together.wait()
                verb(session, by, one)
        except WebgisError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(given)) as threads:
        return sorted(threads.map(act, given))


def test_of_several_at_once_one_is_heard_and_the_others_are_told(city_runtime):
    names = ("一", "二", "三", "四")
    added = at_once(
        city_runtime, lambda session, by, name: resources.add(session, by, fields(name_zh=name), "wgs84"), *names
    )
    assert added == ["done", *["emergency.resource-exists"] * 3]
    with city_runtime.transaction() as session:
        (one,) = resources.listed(session)
        seen, mark = resources.facts(one), plans.mark(plans.plan(session, "fire"))

    def change(session, by, name):
        resources.require(session, "P1")
        resources.change(session, by, "P1", fields(amount=name), "wgs84", seen)

    def replace(session, by, name):
        task = plans.planned(dict(zip(PLAN, TASK, strict=True)) | {"words_zh": name})
        plans.replace(session, by, "fire", [task], mark)

    assert at_once(city_runtime, change, *names) == ["done", *["emergency.resource-changed"] * 3]
    assert at_once(city_runtime, replace, *names) == ["done", *["emergency.plan-changed"] * 3]


SHIFT = """
    WITH made AS (INSERT INTO city.shift (person_id, key, began_at, last_at)
        SELECT id, 'k', :at, :at FROM city.person WHERE login = :login RETURNING id)
    INSERT INTO city.track (shift_id, at, geom, accuracy_m, cell_id)
    SELECT m.id, :at, p.geom, :accuracy, CASE WHEN :accuracy < 60 THEN (fn.cell_at(p.geom)).id END
    FROM made m, (SELECT ST_SetSRID(ST_Point(:lon, :lat), 4490) AS geom) p
"""


def test_crews_on_duty_are_near_for_those_who_may_see_shifts(city_runtime):
    scene = Scene(city_runtime)
    with city_runtime.transaction() as session:
        for login, (lon, lat), accuracy in (("inspector1", city.IN_EAST, 5), ("inspector2", city.IN_WEST, 90)):
            seen = {"at": scene.now, "login": login, "lon": lon, "lat": lat, "accuracy": accuracy}
            session.execute(text(SHIFT), seen)
        seen = {
            login: [row.name for row in queries.crews_near(session, scene.actor(login), *city.IN_WEST, scene.now)]
            for login in ("dispatcher1", "manager1", "drainage1", "inspector1")
        }
        session.execute(text("UPDATE city.person SET area_code = :west WHERE login = 'manager1'"), {"west": city.WEST})
        limited = queries.crews_near(session, accounts.actor(session, "manager1"), *city.IN_WEST, scene.now)
    both = ["inspector2 岗", "inspector1 岗"]
    assert seen == {"dispatcher1": both, "manager1": both, "drainage1": [], "inspector1": []}
    assert [row.name for row in limited] == both[:1], "also where the phone was not accurate enough for a cell"


def test_commands_print_plans_and_logs_and_say_when_a_log_was_altered(city_runtime, tmp_path):
    scene, run = Scene(city_runtime), CliRunner()

    def command(*words):
        return run.invoke(group, ["emergency", *words], obj=city_runtime)

    printed = tmp_path / "plans.csv"
    printed.write_text(command("plans").output, encoding="utf-8")
    assert "fire: 8 tasks as they were" in command("import-plans", str(printed)).output
    stored = table(tmp_path, RESOURCE, at("P1", "pump", 104.06))
    assert command("import-resources", str(stored)).output == "1 added, 0 changed, 0 unchanged\n"
    number = scene.open()
    assert number in command("list").output
    assert command("log", number).exit_code == 0
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.emergency SET head = '\\x00'"))
    assert command("log", number).exit_code == 1


def test_a_file_is_looked_at_by_command_and_nothing_is_changed(city_runtime, tmp_path):
    def command(*words):
        return CliRunner().invoke(group, ["emergency", *words], obj=city_runtime)

    def stands():
        with city_runtime.transaction() as session:
            logged = session.scalar(text("SELECT count(*) FROM city.admin_event"))
            return plans.own(session), resources.listed(session), logged

    before = stands()
    (tmp_path / "plans").mkdir()
    plan, pumps = table(tmp_path / "plans", PLAN, TASK), table(tmp_path, RESOURCE, at("P1", "pump", 104.06))
    looked = command("import-plans", str(plan), "--check")
    assert looked.output == f"would be: {TASK[0]}: 1 tasks (1 new, 8 gone)\n" and stands() == before
    looked = command("import-resources", str(pumps), "--check")
    assert looked.output == "would be: 1 added, 0 changed, 0 unchanged\n" and stands() == before
    wrong = table(tmp_path, RESOURCE, at("P1", "boat", 104.06), at("P2", "pump", "east"))
    refusal = command("import-resources", str(wrong), "--check")
    assert "row 2: kind (boat): pump, rescue" in refusal.output and "row 3: lon (east): degrees" in refusal.output
    assert refusal.exception.code == "emergency.bad-row" and stands() == before
