"""Cases that belong together: duplicates merged, cases split into tasks, incidents over many cells."""

from datetime import timedelta

import pytest

from tests import city
from tests.cases.life import Life
from webgis.cases import listing, queries
from webgis.errors import Conflict, Forbidden, Invalid

BOTH = ["510104-sanitation", "510104-works"]


@pytest.fixture
def life(city_runtime):
    made = Life(city_runtime)
    yield made
    made.check()


def _split(life) -> tuple[str, str, str]:
    """A split case and its tasks, received by both departments."""
    number = life.filed()
    life.do("dispatcher1", number, "split", departments=BOTH)
    first, second = (task.number for task in life.family(number))
    life.do("sanitation1", first, "receive")
    life.do("works1", second, "receive")
    return number, first, second


def test_a_duplicate_follows_its_parent_and_can_be_undone(life):
    parent, double = life.filed(), life.report().number
    merged = life.do("acceptor1", double, "merge", into=parent)
    assert (merged.state, merged.relation, merged.parent_number) == ("merged", "duplicate", parent)
    undone = life.do("acceptor1", double, "unmerge", reason="不是同一处")
    assert (undone.state, undone.relation, undone.parent_number) == ("reported", None, None)


def test_what_was_merged_into_a_merged_case_moves_along(life):
    first, second, third = life.filed(), life.report().number, life.report().number
    life.do("acceptor1", third, "merge", into=second)
    life.do("acceptor1", second, "merge", into=first)
    assert {case.number for case in life.family(first)} == {second, third}


@pytest.mark.parametrize("into", ["itself", "a task", "one that is merged"])
def test_a_case_is_merged_only_into_an_open_case_of_its_own_right(life, into):
    number, other = life.report().number, life.report().number
    if into == "itself":
        target = number
    elif into == "a task":
        target = _split(life)[1]
    else:
        life.do("acceptor1", other, "merge", into=life.report().number)
        target = other
    with pytest.raises((Invalid, Conflict)) as refused:
        life.do("acceptor1", number, "merge", into=target)
    assert refused.value.facts["field"] == "into"
    assert life.case(number).state == "reported"


def test_opening_a_parent_again_is_noted_with_its_duplicates(life):
    parent = life.handled()
    double = life.report().number
    life.do("acceptor1", double, "merge", into=parent)
    life.do("manager1", parent, "force_close", reason="领导批示")
    life.do("dispatcher1", parent, "reopen", reason="市民不满意")
    assert life.history(double)[-1] == ("note", "merged")


@pytest.mark.parametrize("action", ["reject", "void"])
def test_what_was_merged_into_a_case_that_was_none_is_looked_at_by_itself(life, action):
    parent, double = life.report().number, life.filed()
    life.do("acceptor1", double, "merge", into=parent)
    life.do("acceptor1", parent, action, reason="不属于城市管理")
    again = life.case(double)
    assert (again.state, again.relation, again.parent_number, again.outcome) == ("reported", None, None, None)
    with life.runtime.transaction() as session:
        last = queries.events(session, again.id)[-1]
    assert (last.action, last.role, last.given["reason"]) == ("unmerge", "engine", f"{parent}: 不属于城市管理")
    assert life.do("acceptor1", double, "file", condition=life.condition(double)).state == "filed"


def test_a_split_case_resolves_when_all_its_tasks_have(life):
    number, first, second = _split(life)
    assert life.case(number).state == "split"
    life.do("sanitation1", first, "resolve", note="已清理")
    assert life.case(number).state == "split"
    life.do("works1", second, "resolve", note="已修复")
    assert life.case(number).state == "resolved"
    life.do("inspector2", number, "verify", result="pass")
    life.do("acceptor1", number, "close")
    assert [life.case(one).state for one in (number, first, second)] == ["closed"] * 3


def test_a_split_case_is_due_with_the_last_of_its_tasks_whatever_becomes_of_them(life):
    number, first, second = _split(life)
    asked = life.ask("sanitation1", first, "extension")
    life.answer("dispatcher1", asked.id, "decide", True)
    assert life.case(number).due_at == life.case(first).deadline_at > life.case(second).deadline_at
    until = life.now + timedelta(days=30)
    life.do("dispatcher1", second, "suspend", reason="等待材料", until=until.isoformat())
    assert life.case(number).due_at == until
    life.passes(days=1)
    life.do("dispatcher1", second, "resume")
    assert life.case(number).due_at == max(life.case(one).deadline_at for one in (first, second)) < until
    life.do("sanitation1", first, "return", reason="不属于我单位")
    assert life.case(number).due_at == life.case(second).deadline_at


def test_a_failed_verification_sends_back_the_tasks_that_are_named(life):
    number, first, second = _split(life)
    life.do("sanitation1", first, "resolve", note="已清理")
    life.do("works1", second, "resolve", note="已修复")
    life.do("inspector2", number, "verify", result="fail", note="路面未修", departments=["510104-works"])
    assert [life.case(one).state for one in (number, first, second)] == ["split", "resolved", "handling"]
    assert life.case(second).rework_count == 1


def test_who_resolved_a_task_does_not_verify_its_case(life, city_runtime):
    number, first, second = _split(life)
    life.do("sanitation1", first, "resolve", note="已清理")
    life.do("works1", second, "resolve", note="已修复")
    with city_runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE city.person SET department_code = '510104-works' WHERE login = 'inspector2'")
    with pytest.raises(Forbidden):
        life.do("inspector2", number, "verify", result="pass")


def test_redoing_one_task_takes_its_case_back(life):
    number, first, second = _split(life)
    life.do("sanitation1", first, "resolve", note="已清理")
    life.do("works1", second, "resolve", note="已修复")
    life.do("dispatcher1", first, "redo", reason="照片不清")
    assert [life.case(one).state for one in (number, first, second)] == ["split", "handling", "resolved"]


def test_a_task_that_comes_back_goes_to_another_department_or_is_made_void(life):
    number, first, second = _split(life)
    life.do("sanitation1", first, "resolve", note="已清理")
    life.do("works1", second, "return", reason="不属本单位")
    with pytest.raises(Conflict) as refused:
        life.do("dispatcher1", second, "dispatch", department="510104-works")
    assert refused.value.code == "cases.returned-unchanged"
    life.do("dispatcher1", second, "void", reason="无需处置")
    assert life.case(number).state == "resolved"


def test_when_no_task_is_left_the_case_is_to_be_dispatched_anew(life):
    number = life.filed()
    life.do("dispatcher1", number, "split", departments=BOTH)
    for task in life.family(number):
        life.do("dispatcher1", task.number, "void", reason="误拆")
    assert life.case(number).state == "filed"
    assert life.do("dispatcher1", number, "dispatch", department=BOTH[0]).state == "dispatched"


@pytest.mark.parametrize("action", ["force_close", "void"])
def test_tasks_end_with_their_case(life, action):
    number, first, second = _split(life)
    life.do("dispatcher1", number, action, reason="无法处置")
    ended = "closed" if action == "force_close" else "void"
    assert [life.case(one).state for one in (number, first, second)] == [ended] * 3


@pytest.mark.parametrize("departments", [[], ["510104-works"], ["510104-works"] * 2, ["510104-works", "nowhere"]])
def test_a_case_is_split_among_different_departments_that_exist(life, departments):
    number = life.filed()
    with pytest.raises(Invalid):
        life.do("dispatcher1", number, "split", departments=departments)
    assert life.case(number).state == "filed" and life.family(number) == []


LINE = {"type": "LineString", "coordinates": [[104.0621, 30.6570], [104.0675, 30.6574]]}


def test_an_incident_covers_many_cells_and_has_tasks_of_several_departments(life, city_runtime):
    number = life.report(footprint=LINE, description="供水主管爆裂").number
    with city_runtime.engine.connect() as connection:
        cells = connection.exec_driver_sql("SELECT cells FROM city.case_footprint").scalar()
    assert len(cells) > 4 and {cell[:12] for cell in cells} == {city.WEST, city.EAST}
    life.do("acceptor1", number, "file", condition=life.condition(number))
    assert life.do("dispatcher1", number, "split", departments=BOTH).state == "split"


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Point", "coordinates": [104.06, 30.65]},
        {"type": "LineString", "coordinates": [[104.06, 30.65]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]},
        {"type": "LineString", "coordinates": [[110.0, 30.0], [110.1, 30.1]]},
        "no geometry",
    ],
)
def test_a_footprint_that_cannot_be_used_is_refused_and_nothing_is_kept(life, shape):
    with pytest.raises(Invalid):
        life.report(footprint=shape)
    with life.runtime.transaction() as session:
        assert listing.list_cases(session, life.actor("manager1"), listing.Filters()).rows == []


def test_a_split_case_is_voided_with_tasks_in_any_state(life):
    number, first, second = _split(life)
    life.do("works1", second, "return", reason="不属于我单位")
    assert life.do("dispatcher1", number, "void", reason="误报").state == "void"
    assert [life.case(task).state for task in (first, second)] == ["void", "void"]


def test_only_departments_that_have_a_task_can_do_it_again(life):
    number, first, second = _split(life)
    life.do("sanitation1", first, "resolve", note="已清理")
    life.do("works1", second, "resolve", note="已修复")
    with pytest.raises(Invalid) as refused:
        life.do("acceptor1", number, "redo", reason="不合格", departments=["no-such"])
    assert refused.value.facts["field"] == "departments"
    assert life.case(number).state == "resolved"


def test_who_reported_a_duplicate_does_not_verify_the_case_it_was_merged_into(life):
    parent = life.handled()
    double = life.report("inspector2").number
    life.do("acceptor1", double, "merge", into=parent)
    life.do("sanitation1", parent, "resolve", note="已清理")
    with pytest.raises(Forbidden) as refused:
        life.do("inspector2", parent, "verify", result="pass")
    assert refused.value.code == "cases.own-report"


def test_what_a_department_returned_is_not_given_back_to_it_as_a_task(life):
    number = life.filed()
    life.do("dispatcher1", number, "dispatch", department=BOTH[0])
    life.do("sanitation1", number, "return", reason="不属于我单位")
    with pytest.raises(Conflict) as refused:
        life.do("dispatcher1", number, "split", departments=BOTH)
    assert refused.value.code == "cases.returned-unchanged"
