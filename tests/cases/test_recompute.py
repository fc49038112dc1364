"""A changed calendar moves open deadlines, all of them and only them, and says what it moved."""

import json
import threading
from datetime import date

import pytest
from sqlalchemy import text

from tests.cases import stories
from tests.cases.stories import at
from webgis import jobs
from webgis.cases import calendar, recompute
from webgis.cases.calendar_file import Day
from webgis.errors import NotFound
from webgis.worker import import_tasks

MONDAY_OFF = Day(date(2026, 11, 23), False, "防汛停工", "flood")


@pytest.fixture
def town(city_runtime):
    """The small city with the calendar of 2026 and one working hour limit running over the weekend."""
    with city_runtime.transaction() as session:
        calendar.of_city(session, city_runtime.settings)
    return city_runtime


def due_in_queue(session, number):
    query = "SELECT o.due_at FROM city.open_case o JOIN city.case c ON c.id = o.case_id WHERE c.number = :number"
    return session.scalar(text(query), {"number": number})


def change_and_recompute(town):
    with town.transaction() as session:
        calendar.set_days(session, town.settings, [MONDAY_OFF])
    with town.transaction() as session:
        return recompute.recompute(session, town.settings)


def test_open_working_deadlines_move_and_urgent_and_ended_ones_stay(town):
    with town.transaction() as session:
        running = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        urgent = stories.dispatched(session, town.settings, "2026-11-20 16:30", 0)
        ended = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        stories.act(session, town.settings, "dispatcher1", ended, "void", "2026-11-20 16:40", reason="误报")
        before = {number: stories.case(session, number).deadline_at for number in (running, urgent, ended)}
    done = change_and_recompute(town)
    assert (done.checked, done.moved) == (2, 1)
    with town.transaction() as session:
        assert stories.case(session, running).deadline_at == at("2026-11-24 10:30")
        assert stories.case(session, running).due_at == due_in_queue(session, running) == at("2026-11-24 10:30")
        assert stories.case(session, urgent).deadline_at == before[urgent] == at("2026-11-20 18:30")
        assert stories.case(session, ended).deadline_at == before[ended]


def test_the_report_names_what_moved_from_where_to_where(town):
    with town.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
    done = change_and_recompute(town)
    with town.transaction() as session:
        (move,) = recompute.moved(session, done.id)
        assert tuple(move) == (
            number,
            *(at("2026-11-23 10:30"), at("2026-11-24 10:30")),
            *(at("2026-11-23 10:30"), at("2026-11-24 10:30")),
        )
        (listed,) = recompute.listed(session)
        assert (listed.id, listed.checked, listed.moved) == (done.id, 1, 1)
        assert listed.calendar_version == calendar.of_city(session, town.settings, fresh=True).version
        assert recompute.moved(session, done.id, after=number) == []
        with pytest.raises(NotFound):
            recompute.moved(session, done.id + 1)


def test_a_second_recompute_moves_nothing_and_the_history_of_the_case_is_as_it_was(town):
    with town.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        before = stories.case(session, number)
    assert change_and_recompute(town).moved == 1
    with town.transaction() as session:
        assert recompute.recompute(session, town.settings).moved == 0
        after = stories.case(session, number)
        assert (after.version, after.ledger) == (before.version, before.ledger)


def test_maps_have_another_version_when_deadlines_moved_and_the_same_when_none_did(town):
    version = text("SELECT fn.case_version()")
    with town.transaction() as session:
        stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
    with town.transaction() as session:
        before = session.scalar(version)
    change_and_recompute(town)
    with town.transaction() as session:
        moved = session.scalar(version)
        assert moved > before
        assert recompute.recompute(session, town.settings).moved == 0
        assert session.scalar(version) == moved


def test_a_change_of_the_calendar_has_the_job_done_by_a_worker(town):
    import_tasks()
    with town.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
    with town.transaction() as session:
        calendar.set_days(session, town.settings, [MONDAY_OFF])
        session.execute(text("DELETE FROM city.outbox WHERE task <> 'cases.recompute_deadlines'"))
        session.execute(text("UPDATE city.outbox SET due_at = now()"))
    jobs.drain(town, "slow")
    with town.transaction() as session:
        assert stories.case(session, number).deadline_at == at("2026-11-24 10:30")
        assert session.scalar(text("SELECT count(*) FROM city.outbox WHERE task LIKE '%recompute%'")) == 0


def test_the_limit_of_a_stage_moves_when_it_runs_in_working_time(town):
    with town.transaction() as session:
        waiting = stories.reported(session, town.settings, "2026-11-20 17:55")
        filed = stories.filed(session, town.settings, "2026-11-20 17:50")
        assert stories.case(session, waiting).due_at == at("2026-11-23 08:10")
    assert change_and_recompute(town).moved == 2
    with town.transaction() as session:
        assert due_in_queue(session, waiting) == at("2026-11-24 08:10")
        assert due_in_queue(session, filed) == at("2026-11-24 08:05")
        assert stories.case(session, filed).deadline_at is None


def test_a_resolved_case_keeps_its_stage_and_its_deadline_moves(town):
    with town.transaction() as session:
        number = stories.resolved(session, town.settings, "2026-11-20 16:30", "2026-11-20 17:00", 1)
        assert stories.case(session, number).due_at == at("2026-11-20 17:30")
    assert change_and_recompute(town).moved == 1
    with town.transaction() as session:
        found = stories.case(session, number)
        assert (found.deadline_at, found.due_at) == (at("2026-11-24 10:30"), at("2026-11-20 17:30"))


def test_a_suspended_case_stays_due_when_its_suspension_ends(town):
    with town.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        stories.act(session, town.settings, "works1", number, "receive", "2026-11-20 16:40")
        stories.act(
            session, town.settings, "dispatcher1", number, "suspend", "2026-11-20 17:00",
            until="2026-12-20T10:00:00+08:00", reason="权属不明",
        )  # fmt: skip
        assert stories.case(session, number).due_at == at("2026-12-20 10:00")
    change_and_recompute(town)
    with town.transaction() as session:
        found = stories.case(session, number)
        assert (found.deadline_at, found.due_at) == (at("2026-11-24 10:30"), at("2026-12-20 10:00"))


def test_a_split_case_is_due_when_the_last_of_its_tasks_is(town):
    with town.transaction() as session:
        number = stories.filed(session, town.settings, "2026-11-20 16:30", 1)
        stories.act(
            session, town.settings, "dispatcher1", number, "split", "2026-11-20 16:30",
            departments=["510104-works", "510104-sanitation"], note="涉及两个单位",
        )  # fmt: skip
        assert stories.case(session, number).due_at == at("2026-11-23 10:30")
    assert change_and_recompute(town).moved == 3
    with town.transaction() as session:
        assert stories.case(session, number).due_at == due_in_queue(session, number) == at("2026-11-24 10:30")


def test_many_cases_are_moved_in_batches_each_a_job_and_make_one_report(town):
    import_tasks()
    with town.transaction() as session:
        split = stories.filed(session, town.settings, "2026-11-20 16:30", 1)
        departments = ["510104-works", "510104-sanitation"]
        stories.act(session, town.settings, "dispatcher1", split, "split", "2026-11-20 16:30", departments=departments)
        single = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        calendar.set_days(session, town.settings, [MONDAY_OFF])
        session.execute(text("DELETE FROM city.outbox"))
        jobs.enqueue(session, "cases.recompute_deadlines", queue="slow", most=1)
    jobs.drain(town, "slow")
    with town.transaction() as session:
        assert {due_in_queue(session, number) for number in (split, single)} == {at("2026-11-24 10:30")}
        (done,) = recompute.listed(session)
        assert (done.checked, done.moved) == (4, 4)
        moved = {row.number: row for row in recompute.moved(session, done.id)}
        assert (moved[split].old_due_at, moved[split].new_due_at) == (at("2026-11-23 10:30"), at("2026-11-24 10:30"))


def test_a_step_in_the_middle_of_a_recompute_is_waited_for_and_its_ledger_counts(town):
    with town.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        calendar.set_days(session, town.settings, [MONDAY_OFF])
    done = []
    with town.transaction() as step:
        stories.act(step, town.settings, "works1", number, "return", "2026-11-20 16:45", reason="不属本单位")

        def run():
            with town.transaction() as session:
                done.append(recompute.recompute(session, town.settings))

        thread = threading.Thread(target=run)
        thread.start()
        _wait_for_a_lock(town, thread)
    thread.join()
    with town.transaction() as session:
        found = stories.case(session, number)
        assert found.deadline_at is None and done[0].checked == 1


def _wait_for_a_lock(town, thread) -> None:
    """Until someone waits for a lock in this database."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with town.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while thread.is_alive() and not connection.scalar(waiting):
            continue


def test_a_deadline_that_was_extended_while_a_request_waited_is_reckoned_with_all_of_it(town):
    with town.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
        ledger = stories.case(session, number).ledger
        more = [
            {"at": "2026-11-20T08:40:00.000000Z", "entry": "pause", "why": "decision"},
            {"at": "2026-11-20T09:10:00.000000Z", "entry": "extend", "limit": 4, "unit": "working_hour"},
            {"at": "2026-11-20T09:10:00.000000Z", "entry": "resume"},
        ]
        session.execute(
            text("UPDATE city.case SET ledger = CAST(:ledger AS jsonb) WHERE number = :number"),
            {"ledger": json.dumps(ledger + more), "number": number},
        )
    change_and_recompute(town)
    with town.transaction() as session:
        assert stories.case(session, number).deadline_at == at("2026-11-24 17:00")
