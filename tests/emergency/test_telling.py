"""Who is told by message of what happens in an emergency: each once, in their language, as the city has it set."""

import json
import re
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from tests.cases.channel_stories import later
from tests.emergency.scene import Scene
from webgis import jobs
from webgis.cases import messages, notice_addresses, notices
from webgis.emergency import listeners, plans, queries, telling, telling_rules
from webgis.emergency.kinds import TOLD
from webgis.errors import Conflict, Invalid
from webgis.pages.emergency_words import ACTIONS

DRAINAGE, TRAFFIC, EMERGENCY = "510104-drainage", "510104-traffic", "510104-emergency"


@pytest.fixture
def scene(city_runtime):
    """Everyone of the agencies, a dispatcher and a manager have an address; the traffic police read English."""
    scene = Scene(city_runtime)
    scene.read = 0
    with city_runtime.transaction() as session:
        for login in ("emergency1", "drainage1", "traffic1", "dispatcher1", "manager1"):
            language = "en" if login == "traffic1" else "zh"
            given = {"language": language, "digest_minutes": 60}
            notice_addresses.set_address(session, scene.settings, login, "email", f"{login}@example.com", **given)
    return scene


def told(scene):
    """What was sent since this was asked the last time: (login, subject, text)."""
    later(scene.runtime)
    file = scene.settings.var_dir / "outbox" / "email.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    new, scene.read = lines[scene.read :], len(lines)
    sent = [json.loads(line) for line in new]
    return [(one["to"].partition("@")[0], one["subject"], one["body"]) for one in sent]


def heard(scene):
    """Who was told since, each with the subject."""
    return {login: subject for login, subject, _body in told(scene)}


def due(scene):
    with scene.runtime.transaction() as session:
        return telling.tell_due(session, scene.settings, at=scene.now)


def tell_also(scene, **given):
    with scene.runtime.transaction() as session:
        listeners.replace(session, None, listeners.table(session) | given)


def test_departments_are_told_at_once_that_they_take_part_and_what_they_are_to_do(scene):
    number = scene.open()
    sent = told(scene)
    assert sorted(login for login, *_rest in sent) == ["drainage1", "emergency1", "traffic1"]
    said = {login: (subject, body) for login, subject, body in sent}
    subject, body = said["drainage1"]
    assert subject == f"应急事件 {number}：锦江区排水所参与处置"
    mine = [one for one in plans.shipped() if one.kind == "waterlogging" and one.level == 4]
    for one in mine:
        assert (one.words_zh in body) == (one.department_kind == "drainage")
    assert "牵头单位：锦江区应急局" in body and "2026-11-02" in body
    assert said["traffic1"][0] == f"Jinjiang Traffic Police takes part in emergency {number}"
    assert "Leads: Jinjiang Emergency" in said["traffic1"][1]


def test_an_exercise_says_so_in_every_notice(scene):
    scene.open(exercise=True)
    assert all(re.match("【演练】|Exercise: ", subject) for subject in heard(scene).values())


def test_who_comes_later_or_gets_a_task_is_told_and_who_did_it_is_not(scene):
    number = scene.open(planned=False)
    assert set(heard(scene)) == {"emergency1"}
    scene.invite("emergency1", number, [DRAINAGE])
    assert heard(scene) == {"drainage1": f"应急事件 {number}：锦江区排水所参与处置"}
    task = scene.add("dispatcher1", number, "抽排", DRAINAGE, 30)
    ((login, subject, body),) = told(scene)
    assert (login, subject) == ("drainage1", f"应急事件 {number}：锦江区排水所接到新任务") and "抽排" in body
    scene.add("emergency1", number, "封路", TRAFFIC, 30)
    assert set(heard(scene)) == {"traffic1"}, "it takes part from then on, and is told of both in one"
    scene.step("drainage1", number, task, "finish")
    assert heard(scene) == {}
    scene.step("dispatcher1", number, task, "redo", "水又涨了")
    ((login, _subject, body),) = told(scene)
    assert login == "drainage1" and "水又涨了" in body
    scene.step("dispatcher1", number, task, "drop", "已由他人完成")
    ((login, subject, body),) = told(scene)
    assert subject.endswith("锦江区排水所的任务已取消") and "已由他人完成" in body
    scene.dismiss("dispatcher1", number, DRAINAGE)
    assert heard(scene) == {"drainage1": f"应急事件 {number}：锦江区排水所不再参与"}


def test_all_who_take_part_are_told_of_changes_and_of_the_end(scene):
    number = scene.open(planned=False, departments=[DRAINAGE, TRAFFIC])
    told(scene)
    scene.change("dispatcher1", number, level=2, note="水位上涨")
    sent = {login: (subject, body) for login, subject, body in told(scene)}
    assert set(sent) == {"emergency1", "drainage1", "traffic1"}
    assert "Level IV is now level II" in sent["traffic1"][1] and "水位上涨" in sent["drainage1"][1]
    assert "任务：" in sent["emergency1"][1], "whose tasks the level brings is told of them with it"
    assert "任务：" not in sent["drainage1"][1]
    with scene.runtime.transaction() as session:
        session.execute(text("UPDATE city.emergency_task SET state = 'done'"))
    scene.close("emergency1", number, "积水已排完")
    sent = {login: body for login, _subject, body in told(scene)}
    assert set(sent) == {"drainage1", "traffic1"} and "积水已排完" in sent["drainage1"]


def test_a_deadline_that_comes_near_or_passes_is_told_once(scene):
    number = scene.open(planned=False)
    scene.add("dispatcher1", number, "抽排", DRAINAGE, 50)
    told(scene)
    scene.passes(minutes=39)
    assert due(scene) == 0
    with scene.runtime.transaction() as session:
        (task,) = queries.tasks(session, queries.require(session, scene.actor("dispatcher1"), number))
    assert not task.near(scene.now)
    scene.passes(minutes=1)
    assert task.near(scene.now) and (due(scene), due(scene)) == (1, 0)
    ((login, subject, body),) = told(scene)
    assert (login, subject.partition("：")[0]) == ("drainage1", "应急任务将超期") and "抽排" in body
    scene.passes(minutes=11)
    assert (due(scene), due(scene)) == (2, 0), "who leads is told too"
    assert {login: subject.partition("：")[0] for login, subject in heard(scene).items()} == {
        "drainage1": "应急任务已超期", "emergency1": "应急任务已超期",
    }  # fmt: skip


def test_what_is_done_or_over_is_not_told_of(scene):
    number = scene.open(planned=False)
    task = scene.add("dispatcher1", number, "抽排", DRAINAGE, 30)
    scene.step("drainage1", number, task, "finish")
    scene.passes(hours=1)
    assert due(scene) == 0
    scene.add("dispatcher1", number, "抽排", DRAINAGE, 30)
    with scene.runtime.transaction() as session:
        session.execute(text("UPDATE city.emergency SET state = 'closed', closed_at = now(), summary = '完'"))
    scene.passes(hours=1)
    assert due(scene) == 0


def test_an_act_that_is_told_again_tells_nobody(scene):
    scene.open()
    told(scene)
    with scene.runtime.transaction() as session:
        (emergency,) = queries.listed(session, scene.actor("dispatcher1"))
        assert telling.tell(session, scene.settings, emergency.id, 1) == 0
    assert heard(scene) == {}


def test_a_city_says_who_is_told_of_what(scene):
    tell_also(scene, joined=["lead", "manager"], task=[])
    number = scene.open()
    sent = {login: body for login, _subject, body in told(scene)}
    assert set(sent) == {"emergency1", "manager1"}
    listed = [one for one in plans.shipped() if one.kind == "waterlogging" and one.level == 4]
    assert all(one.words_zh in sent["manager1"] for one in listed) and "（锦江区排水所，" in sent["manager1"]
    scene.add("dispatcher1", number, "抽排", DRAINAGE, 30)
    assert heard(scene) == {}


def test_who_is_limited_to_another_area_is_not_told(scene):
    tell_also(scene, joined=["manager"], task=[])
    with scene.runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = '510104002' WHERE login = 'manager1'"))
    scene.open()
    assert heard(scene) == {}


def test_who_is_told_is_kept_with_its_line_in_the_log_and_the_later_is_refused(scene):
    with scene.runtime.transaction() as session:
        before = listeners.table(session)
        assert set(before) == set(TOLD) and before["overdue"] == ["department", "lead"]
        seen = listeners.mark(before)
        assert listeners.replace(session, None, before | {"closed": ["manager", "department"]}, seen)
        assert not listeners.replace(session, None, listeners.table(session))
        with pytest.raises(Conflict):
            listeners.replace(session, None, before, seen)
        with pytest.raises(Invalid):
            listeners.replace(session, None, before | {"closed": ["mayor"]})
        logged = text("SELECT after FROM city.admin_event WHERE action = 'emergency.listeners'")
        assert session.scalars(logged).all() == [{"closed": ["department", "manager"]}]


def test_the_link_leads_to_the_emergency_and_for_who_is_released_to_the_list(scene):
    scene.settings = scene.settings.model_copy(update={"public_url": "https://city.example/"})
    number = scene.open(planned=False, departments=[DRAINAGE])
    scene.dismiss("dispatcher1", number, DRAINAGE)
    with scene.runtime.transaction() as session:
        for seq in (1, 2):
            (emergency,) = queries.listed(session, scene.actor("dispatcher1"))
            telling.tell(session, scene.settings, emergency.id, seq)
        for row in session.execute(text("SELECT DISTINCT address_id FROM city.notice ORDER BY 1")).all():
            messages.bundle(session, None, row.address_id)
        rows = session.execute(text("SELECT * FROM city.message ORDER BY address_id")).all()
        bodies = [messages.compose(session, scene.settings, row).body for row in rows]
    lead, drainage = bodies
    assert f"https://city.example/emergency/{number}\n" in lead
    assert "https://city.example/emergency\n" in drainage and "有以下 1 条" not in drainage


def test_several_notices_that_are_not_all_of_cases_are_counted_as_notices(scene):
    first, second = scene.open(planned=False), scene.open(planned=False)
    with scene.runtime.transaction() as session:
        for emergency in queries.listed(session, scene.actor("dispatcher1")):
            telling.tell(session, scene.settings, emergency.id, 1)
    ((login, subject, body),) = told(scene)
    assert (login, subject) == ("emergency1", "2 条通知") and first in body and second in body


def test_the_list_of_messages_names_the_emergency(scene):
    number = scene.open(planned=False)
    told(scene)
    with scene.runtime.transaction() as session:
        (one,) = messages.listed(session)
    assert one["notices"] == [f"emergency_joined {number}"] and one["sent_at"]


def test_how_many_of_a_department_are_reached_is_known(scene):
    number = scene.open(planned=False, departments=[DRAINAGE, "510104-works"])
    with scene.runtime.transaction() as session:
        found = queries.reached(session, queries.require(session, scene.actor("dispatcher1"), number))
    assert found == {EMERGENCY: 1, DRAINAGE: 1, "510104-works": 0}


def test_what_nobody_hears_of_writes_no_job(scene):
    number = scene.open(planned=False)
    told(scene)
    scene.note("dispatcher1", number, "现场情况")
    with scene.runtime.transaction() as session:
        assert "emergency.notify" not in {job["task"] for job in jobs.listed(session)}


def test_every_event_has_texts_and_every_act_is_one_that_there_is():
    assert {f"emergency_{event}" for event in TOLD} <= notices.AUDIENCE.keys()
    assert telling_rules.OF_ACTION.keys() <= ACTIONS.keys()
    assert set(telling_rules.OF_ACTION.values()) <= {None, *TOLD}


def test_one_act_is_told_the_most_telling_first():
    task = {"task": 1, "words_zh": "抽排", "words_en": None, "department": DRAINAGE, "due": "2026-11-02T10:00:00+08:00"}
    changed = {"before": {"level": 4}, "after": {"level": 1}, "redrawn": False, "note": "", "departments": [TRAFFIC]}
    lines = [SimpleNamespace(action="change", facts=changed), SimpleNamespace(action="plan", facts={"tasks": [task]})]
    found = telling_rules.happenings(lines)
    assert [one.event for one in found] == ["joined", "changed", "task"]
    assert found[1].departments is None and found[1].facts["was"] == "IV" and found[2].departments == (DRAINAGE,)
