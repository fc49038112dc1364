"""An emergency from its opening to its end: tasks of the plan, several agencies within their rights, the chained log,
CAP messages that follow one another, the report that is made from the log."""

import threading

import pytest
from shapely import box
from shapely.geometry import mapping
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests import city
from tests.emergency.cap_schema import valid
from tests.emergency.scene import Scene
from tests.hazards.watched import UNDERPASS, Watched, flood
from webgis.emergency import cap_model, cap_reading, operations, plans, queries, report, resources, work
from webgis.errors import WebgisError

DRAINAGE, TRAFFIC, EMERGENCY, WORKS = "510104-drainage", "510104-traffic", "510104-emergency", "510104-works"
EAST_BOX = {
    "type": "Polygon",
    "coordinates": [[[104.066, 30.656], [104.068, 30.656], [104.068, 30.658], [104.066, 30.658], [104.066, 30.656]]],
}


@pytest.fixture
def scene(city_runtime):
    return Scene(city_runtime)


def refused(code, verb, *values, **given):
    with pytest.raises(WebgisError) as caught:
        verb(*values, **given)
    assert caught.value.code == code, caught.value
    return caught.value


def test_opening_puts_the_plan_on_the_board_and_tells_it(scene):
    number = scene.open()
    assert number == "E20261102001" and scene.open() == "E20261102002"
    expected = [one for one in plans.shipped() if one.kind == "waterlogging" and one.level == 4]
    board = scene.board(number)
    assert len(board) == len(expected)
    kinds = {"drainage": DRAINAGE, "traffic_police": TRAFFIC, "emergency": EMERGENCY, "municipal_works": WORKS}
    kinds["sanitation"] = "510104-sanitation"
    assert {code for _state, code in board.values()} == {kinds[one.department_kind] for one in expected}
    assert [line.action for line in scene.log(number)] == ["open", "plan"] and scene.altered(number) == []
    assert scene.seen("drainage1", number).lead_code == EMERGENCY


def test_a_graver_level_brings_the_tasks_that_its_plan_has_for_it(scene):
    number = scene.open()
    before = set(scene.board(number))
    scene.change("dispatcher1", number, level=2, note="水位上涨")
    planned = [one for one in plans.shipped() if one.kind == "waterlogging" and one.level in (2, 3)]
    assert len(set(scene.board(number)) - before) == len(planned)
    scene.change("dispatcher1", number, level=4)
    scene.change("dispatcher1", number, level=3)
    assert [line.action for line in scene.log(number)].count("plan") == 3


def test_staff_see_and_act_where_their_department_takes_part(scene):
    number = scene.open(planned=False)
    refused("emergency.unknown", scene.seen, "drainage1", number)
    refused("emergency.unknown", scene.note, "drainage1", number, "在路上")
    scene.invite("emergency1", number, [DRAINAGE])
    scene.note("drainage1", number, "泵车到场")
    refused("emergency.not-leading", scene.invite, "drainage1", number, [TRAFFIC])
    refused("emergency.not-leading", scene.change, "drainage1", number, level=1)
    refused("emergency.not-leading", scene.close, "drainage1", number)
    refused("accounts.not-your-role", scene.note, "inspector1", number, "看见了")
    refused("accounts.not-your-role", scene.open, "emergency1")
    scene.dismiss("dispatcher1", number, DRAINAGE)
    refused("emergency.unknown", scene.note, "drainage1", number, "还在")


def test_the_metres_of_its_ground_are_those_of_the_area(scene):
    usual = queries.area_of(scene.seen("dispatcher1", scene.open(radius_m=300))).area
    with scene.runtime.transaction() as session:
        city.measure_elsewhere(session)
    far = queries.area_of(scene.seen("dispatcher1", scene.open(radius_m=300))).area
    assert 0.7 * usual < far < 0.9 * usual


def test_the_list_knows_how_far_each_is_by_one_question(scene):
    first, second, third = (scene.open(planned=False) for _ in range(3))
    tasks = [scene.add("dispatcher1", first, minutes=5) for _ in range(4)]
    scene.step("dispatcher1", first, tasks[0], "finish")
    scene.step("dispatcher1", first, tasks[1], "drop", "不需要")
    scene.step("dispatcher1", first, tasks[2], "start")
    scene.add("dispatcher1", second, minutes=600)
    scene.passes(minutes=30)
    ids = [scene.seen("dispatcher1", number) for number in (first, second, third)]
    with scene.runtime.transaction() as session:
        told = queries.progress(session, ids, scene.now)
    assert [tuple(told[one.id]) for one in ids] == [(3, 1, 2), (1, 0, 0), (0, 0, 0)]


def test_who_is_limited_to_an_area_sees_and_opens_in_it_alone(scene):
    with scene.runtime.transaction() as session:
        session.execute(
            text("UPDATE city.person SET area_code = :east WHERE login = 'dispatcher2'"), {"east": city.EAST}
        )
    number = scene.open()
    refused("emergency.unknown", scene.seen, "dispatcher2", number)
    refused("accounts.not-your-area", scene.open, "dispatcher2")
    assert scene.seen("dispatcher2", scene.open("dispatcher2", place=city.IN_EAST))


def test_the_ground_of_who_is_limited_to_an_area_reaches_into_it(scene):
    with scene.runtime.transaction() as session:
        session.execute(
            text("UPDATE city.person SET area_code = :west WHERE login = 'dispatcher2'"), {"west": city.WEST}
        )
    number = scene.open("dispatcher2", planned=False)
    change = {"area": EAST_BOX, "crs": "cgcs2000"}
    assert refused("emergency.bad-field", scene.change, "dispatcher2", number, **change).facts["field"] == "area"
    across = mapping(box(104.064, 30.656, 104.066, 30.658))
    scene.change("dispatcher2", number, area=across, crs="cgcs2000")
    scene.change("dispatcher1", number, **change)


@pytest.mark.parametrize("area", [box(-170, -80, 170, 80), box(116.3, 39.9, 116.4, 40)])
def test_a_ground_is_changed_to_none_that_lies_far_from_the_place(scene, area):
    number = scene.open(planned=False)
    fault = refused("emergency.bad-field", scene.change, "dispatcher1", number, area=mapping(area)).facts
    assert fault["field"] == "area" and "20,000" in fault["accepted"]


def test_an_alarm_that_one_may_not_see_is_told_like_one_that_is_none(city_runtime):
    town, scene = Watched(city_runtime), Scene(city_runtime)
    flood(town)
    town.work()
    alarm = town.alarm(UNDERPASS).id
    with city_runtime.transaction() as session:
        session.execute(
            text("UPDATE city.person SET area_code = :east WHERE login = 'dispatcher2'"), {"east": city.EAST}
        )
    for number in (alarm, alarm + 999):
        given = {"place": city.IN_EAST, "alarm_id": number}
        assert refused("emergency.bad-field", scene.open, "dispatcher2", **given).facts["field"] == "alarm_id"
    assert scene.seen("dispatcher1", scene.open(alarm_id=alarm)).alarm_id == alarm


def test_a_task_is_done_by_its_department_and_led_by_who_leads(scene):
    number = scene.open(planned=False, departments=[DRAINAGE, TRAFFIC])
    task = scene.add("emergency1", number, "抽排", DRAINAGE, 30)
    refused("emergency.not-yours", scene.step, "traffic1", number, task, "start")
    assert scene.step("drainage1", number, task, "start") == "doing"
    assert (
        refused("emergency.task-moved", scene.step, "drainage1", number, task, "start").facts["task_state"] == "doing"
    )
    assert scene.step("drainage1", number, task, "finish", "已抽干") == "done"
    refused("emergency.not-yours", scene.step, "drainage1", number, task, "redo", "不够")
    assert scene.step("emergency1", number, task, "redo", "又积水了") == "doing"
    refused("emergency.task-unknown", scene.step, "drainage1", number, 99, "start")
    refused("emergency.needed", scene.dismiss, "emergency1", number, DRAINAGE)
    refused("emergency.needed", scene.dismiss, "emergency1", number, EMERGENCY)


@pytest.mark.parametrize(("away", "again"), [("finish", "redo"), ("drop", "restore")])
def test_who_was_dismissed_takes_part_again_when_its_task_is_to_be_done_again(scene, away, again):
    number = scene.open(planned=False)
    task = scene.add("dispatcher1", number, department=DRAINAGE)
    scene.step("dispatcher1", number, task, away, "已抽干")
    assert "departments" not in scene.log(number)[-1].facts
    scene.dismiss("dispatcher1", number, DRAINAGE)
    refused("emergency.unknown", scene.seen, "drainage1", number)
    scene.step("dispatcher1", number, task, again, "又积水了")
    assert scene.log(number)[-1].facts["departments"] == [DRAINAGE]
    assert scene.step("drainage1", number, task, "finish") == "done"


def test_it_is_closed_when_nothing_is_left_to_do_and_stays_so(scene):
    number = scene.open(planned=False)
    first, second = scene.add("emergency1", number), scene.add("emergency1", number, department=DRAINAGE)
    assert refused("emergency.tasks-open", scene.close, "emergency1", number).facts["count"] == 2
    scene.step("drainage1", number, second, "finish")
    refused("emergency.bad-field", scene.step, "emergency1", number, first, "drop")
    scene.step("emergency1", number, first, "drop", "已不需要")
    scene.close("emergency1", number)
    for verb, values in ((scene.note, ("多一句",)), (scene.close, ()), (scene.step, (first, "restore"))):
        refused("emergency.closed", verb, "emergency1", number, *values)
    assert scene.altered(number) == []


def test_messages_follow_one_another_and_keep_the_rules_of_cap(scene):
    number = scene.open(planned=False)
    scene.change("emergency1", number, title="下穿隧道积水加深", note="水位上涨")
    scene.change("dispatcher1", number, area=EAST_BOX, crs="cgcs2000")
    scene.close("emergency1", number)
    assert all(valid(one.xml) for one in scene.messages(number))
    told = [cap_reading.read(one.xml.encode()) for one in scene.messages(number)]
    assert [one["msgType"] for one in told] == ["Alert", "Update", "Update", "Cancel"]
    names = [f"{one['sender']},{one['identifier']},{one['sent']}" for one in told]
    assert [one.get("references", "").split() for one in told] == [names[:n] for n in range(4)]
    assert [one["info"][0]["severity"] for one in told] == ["Minor"] * 4
    assert told[1]["info"][0]["headline"] == "下穿隧道积水加深"
    assert {one["sent"][-6:] for one in told} == {"+08:00"} and told[0]["info"][1]["event"] == "Waterlogging"
    ring = cap_model.pairs(told[2]["info"][0]["area"][0]["polygon"][0])
    assert {(lon, lat) for lat, lon in ring} == {tuple(corner) for corner in EAST_BOX["coordinates"][0]}


def test_an_exercise_says_so(scene):
    (message,) = scene.messages(scene.open(exercise=True, planned=False))
    told = cap_reading.read(message.xml.encode())
    assert valid(message.xml) and told["status"] == "Exercise" and "下穿隧道积水" in told["note"]


GROUND = """
    SELECT ST_Area(area::geography), ST_Distance(place::geography, ST_Boundary(area)::geography) FROM city.emergency
"""


def test_the_ground_is_a_circle_in_metres_around_the_place(scene):
    found = scene.seen("dispatcher1", scene.open(radius_m=500, planned=False))
    with scene.runtime.transaction() as session:
        area, edge = session.execute(text(GROUND)).one()
    assert found.radius_m == 500 and abs(edge - 500) < 3 and abs(area / (3.14159 * 500**2) - 1) < 0.01


BAD = (
    ({"kind": "rain"}, "emergency.bad-field", "kind"), ({"level": 5}, "emergency.bad-field", "level"),
    ({"title": " "}, "emergency.bad-field", "title"), ({"title": "长" * 101}, "emergency.bad-field", "title"),
    ({"radius_m": 5}, "emergency.bad-field", "radius_m"), ({"place": city.OUTSIDE}, "grid.outside", None),
    ({"lead": "nobody"}, "emergency.department-unknown", "lead"),
    ({"departments": ["nobody"]}, "emergency.department-unknown", "departments"),
    ({"cases": ["5101042026110200099"]}, "cases.case-unknown", None),
    ({"area": {"type": "Point", "coordinates": [104, 30]}}, "emergency.bad-field", "area"),
    ({"area": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}, "emergency.bad-field", "area"),
    ({"area": {"type": "Nonsense"}}, "emergency.bad-field", "area"),
    ({"area": mapping(box(-170, -80, 170, 80))}, "emergency.bad-field", "area"),
    ({"area": mapping(box(116.3, 39.9, 116.4, 40))}, "emergency.bad-field", "area"),
    ({"alarm_id": 4711}, "emergency.bad-field", "alarm_id"),
)  # fmt: skip


@pytest.mark.parametrize(("given", "code", "field"), BAD)
def test_what_cannot_be_meant_is_refused_and_nothing_is_opened(scene, given, code, field):
    assert refused(code, scene.open, **given).facts.get("field") == field
    assert scene.open() == "E20261102001"


def test_cases_belong_to_it_and_are_shown_to_those_who_may_see_them(scene):
    filed = scene.handled()
    other = scene.report(place=city.IN_EAST).number
    number = scene.open(planned=False, cases=[filed], departments=[DRAINAGE, "510104-sanitation"])
    scene.link("dispatcher1", number, other)
    refused("emergency.bad-field", scene.link, "dispatcher1", number, other)
    refused("cases.case-unknown", scene.link, "drainage1", number, filed)
    with scene.runtime.transaction() as session:
        emergency = queries.require(session, scene.actor("dispatcher1"), number)
        seen = {
            login: {row.number for row in queries.linked(session, scene.actor(login), emergency)}
            for login in ("dispatcher1", "sanitation1", "drainage1")
        }
        told = {
            login: [line.facts["case"] for line in queries.log(session, scene.actor(login), emergency)[1:]]
            for login in seen
        }
        case = queries.linked(session, scene.actor("sanitation1"), emergency)[0]
        assert [one.number for one in queries.of_case(session, scene.actor("sanitation1"), case.id)] == [number]
    assert told == {"dispatcher1": [filed, other], "sanitation1": [filed, None], "drainage1": [None, None]}
    assert seen == {"dispatcher1": {filed, other}, "sanitation1": {filed}, "drainage1": set()}


def test_the_log_can_only_grow_and_shows_what_was_done_to_it(scene):
    number = scene.open()
    scene.note("emergency1", number, "现场情况")
    for statement in ("UPDATE city.emergency_event SET role = 'x'", "DELETE FROM city.emergency_event"):
        with pytest.raises(DBAPIError), scene.runtime.transaction() as session:
            session.execute(text(statement))
    with scene.runtime.transaction() as session:
        session.execute(text("ALTER TABLE city.emergency_event DISABLE TRIGGER history_row"))
        altered = """UPDATE city.emergency_event SET facts = '{"words": "别的"}' WHERE action = 'note'"""
        session.execute(text(altered))
        session.execute(text("ALTER TABLE city.emergency_event ENABLE TRIGGER history_row"))
    assert scene.altered(number) == [3]


def test_two_at_once_write_one_after_the_other(scene):
    number = scene.open(planned=False)
    people = [scene.actor(login) for login in ("dispatcher1", "dispatcher2", "emergency1", "manager1")]

    def write(actor):
        for turn in range(5):
            with scene.runtime.transaction() as session:
                operations.note(session, actor, number, f"{actor.login} {turn}", at=scene.now)

    writers = [threading.Thread(target=write, args=(actor,)) for actor in people]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [line.seq for line in scene.log(number)] == list(range(1, 22)) and scene.altered(number) == []


def test_the_report_is_what_the_log_says(scene):
    number = scene.open(planned=False, level=1, departments=[DRAINAGE, TRAFFIC])
    quick, slow = (scene.add("emergency1", number, words, DRAINAGE, 10) for words in ("抽排", "清淤"))
    gone = scene.add("emergency1", number, "绕行", TRAFFIC, 10)
    scene.step("drainage1", number, quick, "start")
    scene.step("drainage1", number, quick, "finish")
    scene.passes(minutes=60)
    scene.step("drainage1", number, slow, "finish", "泵车来晚了")
    scene.step("dispatcher1", number, gone, "drop", "路未封")
    scene.change("dispatcher1", number, level=3, lead=WORKS)
    scene.note("drainage1", number, "完工")
    scene.close("dispatcher1", number, "结束")
    told = report.made(scene.log(number))
    assert told.by_department == {
        DRAINAGE: {"done": 2, "late": 1, "dropped": 0}, TRAFFIC: {"done": 0, "late": 0, "dropped": 1},
    }  # fmt: skip
    assert (told.done, told.late, told.notes, told.summary) == (2, 1, 1, "结束")
    assert [level for _at, level in told.levels] == [1, 3] and told.minutes == 70
    assert told.tasks[slow].note == "泵车来晚了" and told.tasks[slow].late and not told.tasks[quick].late
    assert {code for _at, code in told.departments} == {EMERGENCY, DRAINAGE, TRAFFIC, WORKS}


def test_a_report_before_the_end_has_no_end(scene):
    told = report.made(scene.log(scene.open()))
    assert told.minutes is None and told.done == 0 and all(task.state == "todo" for task in told.tasks.values())


def test_what_nobody_can_do_is_told_in_the_log(city_runtime):
    scene = Scene.__new__(Scene)
    super(Scene, scene).__init__(city_runtime)
    number = scene.open()
    line = scene.log(number)[-1]
    assert line.action == "plan" and "emergency" in {one["kind"] for one in line.facts["left"]}
    assert {code for _state, code in scene.board(number).values()} == {WORKS, "510104-sanitation"}


PUMPS = {"kind": "pump", "source": "示例", "lon": "104.0625", "lat": "30.657", "department": DRAINAGE, "amount": "3 台"}


@pytest.fixture
def pumps(scene):
    with scene.runtime.transaction() as session:
        for code in ("P1", "P2"):
            given = dict.fromkeys(resources.COLUMNS, "") | PUMPS | {"code": code, "name_zh": f"泵车{code}"}
            resources.add(session, scene.actor("administrator1"), given, "cgcs2000")
    return scene


def assign(scene, login, number, code):
    with scene.runtime.transaction() as session:
        return work.assign(session, scene.actor(login), number, code, 20, at=scene.now).seq


def test_a_resource_is_called_in_by_a_task_for_the_department_that_keeps_it(pumps):
    number = pumps.open(planned=False)
    task = assign(pumps, "emergency1", number, "P1")
    assert pumps.board(number)[task] == ("todo", DRAINAGE)
    line = pumps.log(number)[-1]
    assert (line.action, line.facts["resource"], line.facts["departments"]) == ("assign", "P1", [DRAINAGE])
    assert line.facts["tasks"][0]["words_zh"] == "调集泵车P1到场（3 台）"
    assert pumps.step("drainage1", number, task, "finish") == "done"
    assert report.made(pumps.log(number)).tasks[task].state == "done"
    refused("emergency.not-leading", assign, pumps, "drainage1", number, "P2")
    assert refused("emergency.bad-field", assign, pumps, "emergency1", number, "P9").facts["field"] == "resource"


def test_a_resource_is_with_one_emergency_until_that_ends_or_its_task_is_taken_off(pumps):
    first, second = pumps.open(planned=False), pumps.open(planned=False)
    task = assign(pumps, "dispatcher1", first, "P1")
    assert refused("emergency.resource-taken", assign, pumps, "dispatcher1", second, "P1").facts["number"] == first
    pumps.step("dispatcher1", first, task, "drop", "先去别处")
    assert assign(pumps, "dispatcher1", second, "P1")
    refused("emergency.resource-taken", pumps.step, "dispatcher1", first, task, "restore")
    pumps.step("drainage1", second, 1, "finish")
    pumps.close("dispatcher1", second)
    assert pumps.step("dispatcher1", first, task, "restore") == "todo"


def test_of_two_who_call_in_the_same_resource_at_once_one_gets_it(pumps):
    numbers = [pumps.open(planned=False) for _ in range(4)]
    got = []

    def call(number):
        try:
            got.append(assign(pumps, "dispatcher1", number, "P1"))
        except WebgisError as error:
            got.append(error.code)

    callers = [threading.Thread(target=call, args=(number,)) for number in numbers]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(map(str, got)) == ["1", *["emergency.resource-taken"] * 3]
