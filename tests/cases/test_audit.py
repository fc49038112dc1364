"""The audit on a real PostGIS: whoever alters, removes or inserts a row as a superuser is found, and named."""

import hashlib
import json
import subprocess
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.cases import stories
from tests.cases.life import Life
from webgis import cli, schedule
from webgis.cases import anchors, audit, audit_tasks, calendar, evidence, recompute
from webgis.cases.audit_words import WORDS, Finding
from webgis.cases.calendar_file import Day
from webgis.errors import Conflict, Invalid, Unavailable

DAY_ONE, DAY_TWO = date(2026, 7, 1), date(2026, 7, 2)
MORNING = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
WAY = ("reported", "filed", "dispatched", "handling", "resolved")

_CASE = text(
    """
    WITH counter AS (
        INSERT INTO city.case_counter AS t (county_code, day, last) VALUES ('510104', :day, 1)
        ON CONFLICT (county_code, day) DO UPDATE SET last = t.last + 1 RETURNING last
    )
    INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                           reporter_id, state, reported_at, changed_at, version, head)
    SELECT '510104' || to_char(CAST(:day AS date), 'YYYYMMDD') || lpad(counter.last::text, 5, '0'), 'matter',
           'GB/T 47678.5-2026', '06010', '暴露垃圾', place, 'cgcs2000', cell.id, cell.code, 'inspector',
           (SELECT id FROM city.person WHERE login = 'inspector1'), 'reported', :at, :at, 0, ''
    FROM counter, ST_SetSRID(ST_Point(:lon, :lat), 4490) AS place, LATERAL fn.cell_at(place, :at) AS cell
    RETURNING id, number
    """
)
_EVENT = text(
    """
    WITH e AS (
        SELECT jsonb_populate_record(NULL::city.case_event, jsonb_build_object(
            'case_id', c.id, 'seq', c.version + 1, 'at', CAST(:at AS timestamptz),
            'recorded_at', CAST(:at AS timestamptz), 'action', 'step', 'from_state', c.state,
            'to_state', CAST(:state AS text), 'role', 'inspector', 'given', jsonb_build_object('note', :note),
            'facts', CAST(:facts AS jsonb), 'digest', fn.case_digest(jsonb_populate_record(
                c, jsonb_build_object('state', :state, 'changed_at', CAST(:at AS timestamptz)))))) AS e, c.head
        FROM city.case c WHERE c.id = :id
    ), kept AS (
        INSERT INTO city.case_event (case_id, seq, at, recorded_at, action, from_state, to_state, role, given, facts,
                                     hash, digest)
        SELECT (e).case_id, (e).seq, (e).at, (e).recorded_at, (e).action, (e).from_state, (e).to_state, (e).role,
               (e).given, nullif((e).facts, 'null'), fn.event_hash(head, jsonb_populate_record(e, '{}')), (e).digest
        FROM e RETURNING case_id, seq, to_state, hash
    )
    UPDATE city.case c SET version = k.seq, state = k.to_state, head = k.hash, changed_at = :at
    FROM kept k WHERE c.id = k.case_id
    """
)


class Town:
    """Three cases told on the first day, two of which go on on the second."""

    def __init__(self, runtime):
        self.runtime, self.settings = runtime, runtime.settings
        with runtime.transaction() as session:
            self.one, self.two, self.three = (self._case(session) for _ in range(3))
            for case in (self.one, self.two, self.three):
                self._steps(session, case, WAY[:3], MORNING)

    @staticmethod
    def _case(session):
        lon, lat = city.IN_WEST
        return session.execute(_CASE, {"day": DAY_ONE, "at": MORNING, "lon": lon, "lat": lat}).one()

    @staticmethod
    def _steps(session, case, states, at):
        for minutes, state in enumerate(states):
            values = {"id": case.id, "state": state, "note": f"{state} 办理", "at": at + timedelta(minutes=minutes)}
            session.execute(_EVENT, values | {"facts": "null"})

    def second_day(self):
        with self.runtime.transaction() as session:
            for case in (self.one, self.two):
                self._steps(session, case, WAY[3:], MORNING + timedelta(days=1))

    def anchored(self, day=DAY_ONE):
        with self.runtime.transaction() as session:
            made = anchors.make(session, self.settings, datetime(2026, 7, 9, tzinfo=UTC), day)
        with self.runtime.transaction() as session:
            anchors.publish(session, self.settings)
        return made

    @contextmanager
    def as_superuser(self):
        """A session on which no trigger and no foreign key is asked: what an administrator of the server can do."""
        with self.runtime.transaction() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            yield lambda statement, **values: session.execute(text(statement), values)

    def alter(self, case, seq):
        with self.as_superuser() as do:
            do("UPDATE city.case_event SET given = '{\"note\": \"改\"}' WHERE case_id = :id AND seq = :seq",
               id=case.id, seq=seq)  # fmt: skip

    def recompute(self, case):
        """All hashes of a case made anew, as the application would have made them."""
        with self.as_superuser() as do:
            do(f"""
               DO $$ DECLARE e city.case_event; previous bytea := ''; BEGIN
                   FOR e IN SELECT * FROM city.case_event WHERE case_id = {case.id} ORDER BY seq LOOP
                       previous := fn.event_hash(previous, e);
                       UPDATE city.case_event SET hash = previous WHERE id = e.id;
                   END LOOP;
                   UPDATE city.case SET head = previous WHERE id = {case.id};
               END $$""")

    def recompute_anchors(self):
        """All leaves and anchors made anew as well."""
        with self.as_superuser() as do:
            do("""
               DO $$ DECLARE a city.audit_anchor; before bytea; BEGIN
                   UPDATE city.audit_leaf l SET head = e.hash FROM city.case_event e
                   WHERE e.case_id = l.case_id AND e.seq = l.events;
                   FOR a IN SELECT * FROM city.audit_anchor ORDER BY day LOOP
                       a.root := fn.anchor_root(a.day, before);
                       UPDATE city.audit_anchor SET previous = before, root = a.root WHERE day = a.day;
                       before := a.root;
                   END LOOP;
               END $$""")

    def found(self, file=None, since=None):
        """(number, seq, what) of every finding."""
        return [(f.number, f.seq, f.what) for f in self.verified(file, since).findings]

    def verified(self, file=None, since=None):
        usual = anchors.folder(self.settings) / anchors.FILE
        return audit.verify(self.runtime.engine, self.settings, since, file or (usual if usual.exists() else None))


@pytest.fixture
def town(city_runtime):
    return Town(city_runtime)


def test_an_untouched_history_passes(town):
    assert town.found() == []
    town.anchored()
    town.second_day()
    assert town.found() == []
    town.anchored(DAY_TWO)
    done = town.verified()
    assert (done.cases, done.events, done.anchors, done.findings, done.unpublished) == (3, 13, 2, (), ())


def test_an_empty_city_passes(city_runtime):
    done = audit.verify(city_runtime.engine, city_runtime.settings)
    assert (done.cases, done.events, done.findings) == (0, 0, ())


@pytest.mark.parametrize("change", [
    "given = '{}'", "at = at + interval '1 microsecond'", "recorded_at = recorded_at - interval '1 day'",
    "action = 'file'", "from_state = 'void'", "role = 'manager'", "facts = '{\"x\": 1}'", "person_id = 1",
    "geom = ST_SetSRID(ST_Point(104.06, 30.65), 4490)", "department_code = '510104-works'", "hash = '\\x00'",
])  # fmt: skip
def test_whatever_is_altered_in_an_event_is_found(town, change):
    with town.as_superuser() as do:
        do(f"UPDATE city.case_event SET {change} WHERE case_id = :id AND seq = 2", id=town.two.id)
    assert (town.two.number, 2, "altered") in town.found()
    assert {number for number, _, _ in town.found()} == {town.two.number}


def test_an_event_removed_from_the_middle_is_found(town):
    with town.as_superuser() as do:
        do("DELETE FROM city.case_event WHERE case_id = :id AND seq = 2", id=town.two.id)
    assert (town.two.number, 2, "removed") in town.found()


def test_the_last_event_removed_is_found(town):
    with town.as_superuser() as do:
        do("DELETE FROM city.case_event WHERE case_id = :id AND seq = 3", id=town.two.id)
    assert town.found() == [(town.two.number, 3, "tail_removed")]


def test_the_last_event_removed_with_the_case_put_back_is_found_by_the_anchor(town):
    town.anchored()
    with town.as_superuser() as do:
        do("DELETE FROM city.case_event WHERE case_id = :id AND seq = 3", id=town.two.id)
        do("UPDATE city.case c SET version = 2, state = e.to_state, head = e.hash FROM city.case_event e"
           " WHERE c.id = :id AND e.case_id = c.id AND e.seq = 2", id=town.two.id)  # fmt: skip
    assert (town.two.number, 3, "anchored_removed") in town.found()


def test_a_whole_history_removed_is_found(town):
    with town.as_superuser() as do:
        do("DELETE FROM city.case_event WHERE case_id = :id", id=town.three.id)
    assert town.found() == [(town.three.number, 1, "all_removed")]


def test_a_case_removed_with_all_its_rows_is_found_by_its_number(town):
    with town.as_superuser() as do:
        do("DELETE FROM city.case_event WHERE case_id = :id", id=town.two.id)
        do("DELETE FROM city.case WHERE id = :id", id=town.two.id)
    assert town.found() == [(town.two.number, None, "case_removed")]


def test_the_last_case_removed_with_the_counter_turned_back_is_found_by_the_anchor(town):
    town.anchored()
    with town.as_superuser() as do:
        do("DELETE FROM city.case_event WHERE case_id = :id", id=town.three.id)
        do("DELETE FROM city.case WHERE id = :id", id=town.three.id)
        do("UPDATE city.case_counter SET last = last - 1")
    assert (town.three.number, "case_removed") in [(number, what) for number, _, what in town.found()]


def test_a_case_row_removed_whose_history_is_left_is_found(town):
    with town.as_superuser() as do:
        do("DELETE FROM city.case WHERE id = :id", id=town.two.id)
    assert (town.two.number, None, "case_removed") in town.found()


def test_a_case_inserted_under_a_number_that_was_never_given_is_found(town):
    with town.as_superuser() as do:
        do("INSERT INTO city.case OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(c, jsonb_build_object("
           "'id', c.id + 100, 'number', left(c.number, 14) || '00009', 'version', 1))).* FROM city.case c"
           " WHERE c.id = :id", id=town.one.id)  # fmt: skip
    number = town.one.number[:14] + "00009"
    assert (number, None, "number_not_given") in town.found()
    assert (number, 1, "all_removed") in town.found()


def test_an_event_inserted_at_the_end_is_found(town):
    with town.as_superuser() as do:
        do("INSERT INTO city.case_event (case_id, seq, at, action, from_state, to_state, role, given, hash)"
           " SELECT case_id, 4, at, action, to_state, to_state, role, given, hash FROM city.case_event"
           " WHERE case_id = :id AND seq = 3", id=town.two.id)  # fmt: skip
    assert {(town.two.number, 4, "altered"), (town.two.number, 4, "tail_added")} <= set(town.found())


def test_an_event_inserted_into_an_anchored_day_is_found_though_all_hashes_fit(town):
    town.anchored()
    with town.runtime.transaction() as session:
        town._steps(session, town.three, ["handling"], MORNING + timedelta(hours=3))
    assert town.found() == [(town.three.number, 4, "inserted")]


def test_two_events_swapped_are_found(town):
    with town.as_superuser() as do:
        do("UPDATE city.case_event SET seq = -seq WHERE case_id = :id AND seq IN (2, 3)", id=town.two.id)
        do("UPDATE city.case_event SET seq = CASE seq WHEN -2 THEN 3 ELSE 2 END WHERE case_id = :id AND seq < 0",
           id=town.two.id)  # fmt: skip
    assert {(town.two.number, 2, "altered"), (town.two.number, 3, "altered")} <= set(town.found())


def test_events_exchanged_between_two_cases_are_found(town):
    with town.as_superuser() as do:
        do("UPDATE city.case_event SET seq = 100 + seq WHERE case_id = :id AND seq = 2", id=town.one.id)
        do("UPDATE city.case_event SET case_id = :one WHERE case_id = :two AND seq = 2", one=town.one.id,
           two=town.two.id)  # fmt: skip
        do("UPDATE city.case_event SET case_id = :two, seq = 2 WHERE case_id = :one AND seq = 102", one=town.one.id,
           two=town.two.id)  # fmt: skip
    assert {(town.one.number, 2, "altered"), (town.two.number, 2, "altered")} <= set(town.found())


@pytest.mark.parametrize(("change", "finding"), [
    ("head = '\\x00'", (3, "head_differs")), ("version = 4", (4, "tail_removed")), ("version = 2", (3, "tail_added")),
])  # fmt: skip
def test_a_case_whose_head_or_count_of_steps_was_altered_is_found(town, change, finding):
    with town.as_superuser() as do:
        do(f"UPDATE city.case SET {change} WHERE id = :id", id=town.one.id)
    assert town.found() == [(town.one.number, *finding)]


def test_a_case_whose_state_was_altered_is_found(town):
    with town.as_superuser() as do:
        do("UPDATE city.case SET state = 'void' WHERE id = :id", id=town.one.id)
    assert town.found() == [(town.one.number, 3, "state_differs")]


COLUMNS = (
    "description = '已清理'", "address = '另一处'", "geom = ST_SetSRID(ST_Point(104.06, 30.65), 4490)",
    "accuracy_m = 500", "cell_id = cell_id + 1", "class_code = '06012'", "source = 'hotline'", "reporter_id = 2",
    "reported_at = reported_at + interval '1 hour'", "condition_id = condition_id + 1",
    "department_code = '510104-works'", "dispatched_at = dispatched_at + interval '1 hour'",
    "deadline_at = deadline_at + interval '1 day'", "due_at = due_at + interval '1 day'", "ledger = '[{}]'",
    "flags = '{forced}'", "rework_count = 1", "extension_count = 1", "returned = '{}'",
    "changed_at = changed_at - interval '1 hour'",
)  # fmt: skip


@pytest.mark.parametrize("change", COLUMNS)
def test_whatever_is_altered_in_the_row_of_a_case_is_found_before_its_next_step_and_after(town, change):
    life = Life(town.runtime)
    number = life.handled()
    assert town.found() == []
    with town.as_superuser() as do:
        do(f"UPDATE city.case SET {change} WHERE number = :number", number=number)
    assert town.found() == [(number, 4, "case_altered")]
    life.do("manager1", number, "urge", note="加快办理")
    assert town.found() == [(number, 5, "case_was_altered")]
    life.do("manager1", number, "urge", note="加快办理")
    assert town.found() == [(number, 5, "case_was_altered")]


@pytest.mark.parametrize("change", ["deadline_at = now()", "closed_at = closed_at - interval '1 day'",
                                    "resolved_at = reported_at", "resolver_id = 1"])  # fmt: skip
def test_what_is_altered_in_a_case_that_has_ended_is_found_before_it_is_opened_again_and_after(town, change):
    life = Life(town.runtime)
    number = life.closed()
    assert town.found() == []
    with town.as_superuser() as do:
        do(f"UPDATE city.case SET {change} WHERE number = :number", number=number)
    assert town.found() == [(number, 7, "case_altered")]
    life.do("acceptor1", number, "reopen", reason="问题依旧")
    assert town.found() == [(number, 8, "case_was_altered")]


def test_that_a_step_found_the_case_altered_cannot_be_taken_out_of_its_event(town):
    life = Life(town.runtime)
    number = life.handled()
    with town.as_superuser() as do:
        do("UPDATE city.case SET description = '已清理' WHERE number = :number", number=number)
    life.do("manager1", number, "urge", note="加快办理")
    with town.as_superuser() as do:
        do("UPDATE city.case_event SET found_digest = NULL WHERE found_digest IS NOT NULL")
    assert town.found() == [(number, 5, "altered")]


def test_a_deadline_that_the_calendar_moved_is_no_finding_and_one_that_was_put_off_is(town):
    def urged():
        with town.runtime.transaction() as session:
            stories.act(session, town.settings, "manager1", number, "urge", "2026-11-20 17:30", note="加快办理")

    with town.runtime.transaction() as session:
        number = stories.dispatched(session, town.settings, "2026-11-20 16:30", 1)
    with town.runtime.transaction() as session:
        calendar.set_days(session, town.settings, [Day(date(2026, 11, 23), False, "防汛停工", "flood")])
        assert recompute.recompute(session, town.settings).moved == 1
    assert town.found() == []
    urged()
    assert town.found() == []
    with town.as_superuser() as do:
        do("UPDATE city.case SET deadline_at = deadline_at + interval '1 minute' WHERE number = :number", number=number)
    assert town.found() == [(number, 4, "case_altered")]
    urged()
    assert town.found() == [(number, 5, "case_was_altered")]


def test_events_from_before_they_held_a_digest_stay_valid_and_the_next_step_binds_the_case(town):
    life = Life(town.runtime)
    case = life.case(life.handled())
    with town.as_superuser() as do:
        do("UPDATE city.case_event SET digest = NULL WHERE case_id = :id", id=case.id)
    town.recompute(case)
    with town.as_superuser() as do:
        do("UPDATE city.case SET description = '已清理' WHERE id = :id", id=case.id)
    assert town.found() == []
    life.do("manager1", case.number, "urge", note="加快办理")
    assert town.found() == []
    with town.as_superuser() as do:
        do("UPDATE city.case SET description = '暴露垃圾' WHERE id = :id", id=case.id)
    assert town.found() == [(case.number, 5, "case_altered")]


def test_a_case_altered_with_all_hashes_and_anchors_computed_anew_is_found_by_the_published_file(town):
    town.anchored()
    with town.as_superuser() as do:
        do("UPDATE city.case SET description = '已清理' WHERE id = :id", id=town.two.id)
        do("UPDATE city.case_event e SET digest = fn.case_digest(c) FROM city.case c"
           " WHERE c.id = :id AND e.case_id = c.id AND e.seq = c.version", id=town.two.id)  # fmt: skip
    town.recompute(town.two)
    town.recompute_anchors()
    assert set(town.found()) == {(None, None, "anchor_rewritten"), (town.two.number, 1, "anchored_altered")}


def _suspension(town):
    """A case whose suspension was asked for and granted, and one whose extension its resolution withdrew."""
    life = Life(town.runtime)
    asked, other = life.handled(), life.handled()
    suspension = life.ask("sanitation1", asked, "suspension", until=life.now + timedelta(days=3))
    life.answer("dispatcher1", suspension.id, "decide", True)
    life.ask("sanitation1", other, "extension")
    life.do("sanitation1", other, "resolve", note="已清理")
    assert town.found() == []
    return life, asked, other


@pytest.mark.parametrize("change", [
    "state = 'refused'", "until_at = until_at + interval '1 day'", "reason = '另一理由'", "asked_by = 1",
    "asked_at = asked_at - interval '1 day'", "decided_by = 1", "decision_note = NULL", "kind = 'appeal'",
    "department_code = '510104-works'",
])  # fmt: skip
def test_whatever_is_altered_in_a_request_is_found(town, change):
    _life, asked, _other = _suspension(town)
    with town.as_superuser() as do:
        do("ALTER TABLE city.case_request DROP CONSTRAINT ck_case_request_until")
        do(f"UPDATE city.case_request SET {change} WHERE kind = 'suspension'")
    assert town.found() == [(asked, 6, "request_altered")]


def test_a_request_that_a_step_withdrew_is_not_brought_back_unseen(town):
    _life, _asked, other = _suspension(town)
    with town.as_superuser() as do:
        do("UPDATE city.case_request SET state = 'granted' WHERE kind = 'extension'")
    assert town.found() == [(other, 6, "request_altered")]


def test_a_request_removed_inserted_or_given_to_another_case_is_found(town):
    _life, asked, other = _suspension(town)
    with town.as_superuser() as do:
        do("DELETE FROM city.case_request WHERE kind = 'suspension'")
        do("INSERT INTO city.case_request (case_id, kind, state, department_code, reason, asked_by, asked_at)"
           " SELECT case_id, 'extension', 'granted', department_code, reason, asked_by, asked_at"
           " FROM city.case_request")  # fmt: skip
    assert set(town.found()) == {(asked, 6, "request_removed"), (other, None, "request_added")}
    with town.as_superuser() as do:
        do("UPDATE city.case_request SET case_id = :id", id=town.one.id)
    moved = [(f.number, f.what) for f in town.verified().findings]
    assert sorted(moved) == sorted([
        (asked, "request_removed"), (other, "request_altered"), (town.one.number, "request_added"),
        (town.one.number, "request_added"),
    ])  # fmt: skip


def test_a_case_that_has_gone_on_since_its_anchor_is_not_held_against_it(town):
    town.anchored()
    town.second_day()
    assert town.found() == []


def test_hashes_computed_anew_after_altering_are_found_by_the_anchor_with_the_days_between(town):
    town.anchored()
    town.second_day()
    town.anchored(DAY_TWO)
    town.alter(town.two, 4)
    town.recompute(town.two)
    (found,) = town.verified().findings
    assert (found.number, found.seq, found.what, found.details["until"]) == (
        town.two.number, 4, "anchored_altered", 5,
    )  # fmt: skip


def test_anchors_computed_anew_as_well_are_found_by_the_published_file(town):
    town.anchored()
    town.second_day()
    town.anchored(DAY_TWO)
    town.alter(town.two, 4)
    town.recompute(town.two)
    town.recompute_anchors()
    findings = town.verified().findings
    assert {(f.number, f.seq, f.what) for f in findings} == {
        (None, None, "anchor_rewritten"), (town.two.number, 4, "anchored_altered"),
    }  # fmt: skip
    assert audit.verify(town.runtime.engine, town.settings, None, None).findings == ()


def test_every_day_whose_anchor_was_computed_anew_is_told_and_the_case_once(town):
    town.anchored()
    town.second_day()
    town.anchored(DAY_TWO)
    town.alter(town.two, 2)
    town.recompute(town.two)
    town.recompute_anchors()
    findings = town.verified().findings
    assert [f.details["day"] for f in findings if f.what == "anchor_rewritten"] == ["2026-07-01", "2026-07-02"]
    assert [(f.number, f.seq) for f in findings if f.what == "anchored_altered"] == [(town.two.number, 1)]


def test_without_the_leaves_beside_it_the_file_still_tells_the_day(town):
    town.anchored()
    town.alter(town.two, 2)
    town.recompute(town.two)
    town.recompute_anchors()
    anchors.leaves_file(anchors.folder(town.settings), DAY_ONE).unlink()
    (found,) = town.verified().findings
    assert found.what == "anchor_rewritten" and found.details["day"] == "2026-07-01"


def test_an_altered_leaf_is_found_with_its_case_and_its_day(town):
    town.anchored()
    with town.as_superuser() as do:
        do("UPDATE city.audit_leaf SET head = sha256('x') WHERE case_id = :id", id=town.two.id)
    assert {(town.two.number, 1, "anchored_altered"), (None, None, "anchor_altered")} == set(town.found())


def test_an_anchor_removed_or_inserted_is_found(town):
    town.anchored()
    town.second_day()
    town.anchored(DAY_TWO)
    with town.as_superuser() as do:
        do("DELETE FROM city.audit_anchor WHERE day = :day", day=DAY_ONE)
        do("INSERT INTO city.audit_anchor (day, until, cases, events, root) SELECT :day, now(), 0, 0, root"
           " FROM city.audit_anchor", day=date(2026, 6, 1))  # fmt: skip
    whats = {what for _, _, what in town.found()}
    assert {"anchor_removed", "anchor_added"} <= whats


def test_a_file_that_was_altered_is_found(town):
    town.anchored()
    town.second_day()
    town.anchored(DAY_TWO)
    file = anchors.folder(town.settings) / anchors.FILE
    first, second = file.read_text().splitlines()
    file.write_text(first.replace(json.loads(first)["root"], "0" * 64) + "\n" + second + "\n")
    assert {"file_unchained", "anchor_rewritten"} <= {what for _, _, what in town.found()}


def test_photos_removed_or_added_behind_an_event_are_found(town):
    with town.runtime.transaction() as session:
        session.execute(_EVENT, {"id": town.one.id, "state": "handling", "note": "x", "at": MORNING,
                                 "facts": '{"photos": ["aa", "bb"]}'})  # fmt: skip
        session.execute(text(
            "INSERT INTO city.photo (case_id, event_id, sha256, media_type, width, height, bytes)"
            " SELECT case_id, id, sha, 'image/jpeg', 1, 1, 1 FROM city.case_event, unnest(ARRAY['aa', 'bb']) AS sha"
            " WHERE case_id = :id AND seq = 4"), {"id": town.one.id})  # fmt: skip
    assert town.found() == []
    with town.as_superuser() as do:
        do("UPDATE city.photo SET sha256 = 'cc' WHERE sha256 = 'bb'")
    assert set(town.found()) == {(town.one.number, 4, "photo_removed"), (town.one.number, 4, "photo_added")}


def _real(town) -> tuple[Life, str]:
    """A case driven through the real steps, resolved with a photo that knows its time and place."""
    life = Life(town.runtime)
    number = life.handled()
    life.do("sanitation1", number, "resolve", photos=True)
    assert town.found() == []
    return life, number


@pytest.mark.parametrize("change", [
    "taken_at = now()", "geom = ST_SetSRID(ST_Point(104.06, 30.65), 4490)", "case_id = case_id - 1",
])  # fmt: skip
def test_the_time_the_place_and_the_case_of_a_photo_cannot_be_altered_unseen(town, change):
    _life, number = _real(town)
    with town.as_superuser() as do:
        do(f"UPDATE city.photo SET {change} WHERE id = (SELECT max(id) FROM city.photo)")
    assert town.found() == [(number, 5, "photo_altered")]


def test_a_photos_file_altered_or_removed_is_found_when_files_are_read(town):
    life, number = _real(town)

    def found():
        done = audit.verify(town.runtime.engine, town.settings, files=True)
        return {(f.number, f.seq, f.what) for f in done.findings}

    assert found() == set()
    file = evidence.path(town.settings, life.photo[0].sha256)
    file.write_bytes(file.read_bytes() + b"x")
    assert found() == {(number, 1, "file_altered"), (number, 5, "file_altered")}
    file.unlink()
    assert found() == {(number, 1, "file_removed"), (number, 5, "file_removed")}


def test_progress_is_told_to_its_end(town):
    told = []
    audit.verify(town.runtime.engine, town.settings, progress=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(1, told[-1][1] + 1))


def test_since_looks_at_what_moved_since_then(town):
    town.anchored()
    town.second_day()
    town.alter(town.three, 2)
    town.alter(town.one, 2)
    assert {number for number, _, _ in town.found(since=DAY_TWO)} == {town.one.number}
    assert {number for number, _, _ in town.found()} == {town.one.number, town.three.number}


def test_an_anchor_holds_each_event_once_and_days_that_were_missed(town):
    town.second_day()
    made = town.anchored(DAY_TWO)
    assert (made.cases, made.events, made.previous) == (3, 13, None)
    assert town.anchored(DAY_TWO) is None and town.anchored(DAY_ONE) is None
    later = town.anchored(date(2026, 7, 3))
    assert (later.cases, later.events, later.previous) == (0, 0, made.root)


def test_the_root_can_be_computed_without_the_database(town):
    made = town.anchored()
    file = anchors.leaves_file(anchors.folder(town.settings), DAY_ONE)
    content = subprocess.run(["zcat", file], capture_output=True, check=True).stdout
    assert hashlib.sha256(content).hexdigest() == made.root
    assert content.decode().splitlines()[0] == "webgis 2026-07-01 after -"
    assert content.decode().splitlines()[1].startswith(f"{town.one.number} 3 ")
    assert [len(line.split()) for line in content.decode().splitlines()[1:]] == [3, 3, 3]


def test_a_day_is_anchored_after_its_end_in_the_city(town):
    with town.runtime.transaction() as session, pytest.raises(Invalid, match="has not ended"):
        anchors.make(session, town.settings, datetime(2026, 7, 1, 15, 59, tzinfo=UTC), DAY_ONE)
    with town.runtime.transaction() as session:
        made = anchors.make(session, town.settings, datetime(2026, 7, 1, 16, 1, tzinfo=UTC))
    assert made.day == DAY_ONE and made.until == datetime(2026, 7, 1, 16, 0, tzinfo=UTC)


def test_an_anchor_waits_for_who_still_writes_from_before_its_end(town):
    with town.runtime.transaction() as writing:
        writing.execute(text("INSERT INTO city.case_counter VALUES ('510105', '2026-07-01', 1)"))
        with town.runtime.transaction() as session, pytest.raises(Unavailable, match="still writes"):
            anchors.make(session, town.settings, datetime.now(UTC) + timedelta(days=2))


def test_anchors_cannot_be_changed_and_are_published_once(town):
    town.anchored()
    with town.runtime.transaction() as session:
        assert anchors.publish(session, town.settings) == []
    for statement in ("UPDATE city.audit_leaf SET events = 1", "DELETE FROM city.audit_anchor",
                      "TRUNCATE city.audit_leaf"):  # fmt: skip
        with pytest.raises(Exception, match="never changed"), town.runtime.transaction() as session:
            session.execute(text(statement))


def test_nothing_is_published_after_a_file_that_tells_another_story(town):
    town.anchored()
    town.alter(town.two, 2)
    town.recompute(town.two)
    town.recompute_anchors()
    with pytest.raises(Conflict, match="not those published"):
        town.anchored(DAY_TWO)


def test_the_commands_print_anchors_and_end_with_1_when_something_is_found(town):
    def run(*arguments):
        return CliRunner().invoke(cli.group, ["audit", *arguments], obj=town.runtime, standalone_mode=False)

    anchored = run("anchor", "--day", "2026-07-01")
    assert json.loads(anchored.output.splitlines()[0])["events"] == 9
    good = run("verify")
    assert good.return_value == 0 and "nothing was altered" in good.output
    town.alter(town.two, 2)
    bad = run("verify", "--lang", "zh")
    assert bad.return_value == 1 and f"案件 {town.two.number}：第 2 条办理记录被改动" in bad.output
    facts = json.loads(run("verify", "--json").output)
    assert facts["findings"][0]["number"] == town.two.number and facts["findings"][0]["event"] == 2


def test_the_timetable_anchors_once_a_day_and_publishes_after_the_commit(town):
    file = anchors.folder(town.settings) / anchors.FILE
    for _ in range(2):
        with town.runtime.transaction() as session:
            audit_tasks.make_anchor(session)
    with town.runtime.transaction() as session:
        waiting = session.scalar(text("SELECT count(*) FROM city.outbox WHERE task = 'cases.publish_anchors'"))
        audit_tasks.publish(session)
    assert waiting == 1 and len(file.read_text().splitlines()) == 1
    assert any(entry.get("args") == ("cases.anchor",) for entry in schedule.TIMETABLE)


@pytest.mark.parametrize("what", WORDS)
def test_every_finding_is_said_in_both_languages_with_its_facts(what):
    details = {"until": 5, "day": "2026-07-01", "case": "void", "history": "filed", "recorded_at": "x", "sha256": "y",
               "request": 7}  # fmt: skip
    said = {lang: Finding("1", 3, what, details).words(lang) for lang in ("en", "zh")}
    assert all("{" not in words for words in said.values()) and said["en"] != said["zh"]
