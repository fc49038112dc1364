"""A city whose cases are driven through the real operations, and what must be true of every case at any moment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from tests import city
from webgis.accounts import queries as accounts
from webgis.accounts.actor import ENGINE, PUBLIC, Actor
from webgis.cases import audit, calendar, clock, evidence, handling, intake, queries, requests, stages, workflow
from webgis.catalog import queries as catalog
from webgis.db import Runtime

START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
"""Monday 09:00 in Chengdu."""


class Life:
    """One city, one clock. Every verb is a transaction of its own; time passes between them."""

    def __init__(self, runtime: Runtime, start: datetime = START) -> None:
        self.runtime, self.settings, self.now = runtime, runtime.settings, start
        self.photo = evidence.store(self.settings, [city.photo()])

    def actor(self, login: str) -> Actor:
        """Who this login is; "engine" and "public" are those without an account."""
        if login in ("engine", "public"):
            return ENGINE if login == "engine" else PUBLIC
        with self.runtime.transaction() as session:
            return accounts.actor(session, login)

    def passes(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def report(self, login: str = "inspector1", **given: Any):
        """Report exposed refuse in the western community; the case."""
        lon, lat = given.pop("place", city.IN_WEST)
        values = {"kind": "matter", "class_code": city.REFUSE, "description": "暴露垃圾", "crs": "cgcs2000"}
        report = intake.Report(lon, lat, **(values | {"acknowledged": True} | given))
        actor = self.actor(login)
        with self.runtime.transaction() as session:
            return intake.report(session, self.settings, actor, report, self.photo, at=self.now)

    def do(self, login: str, number: str, action: str, *, photos: bool = False, there: bool = True, **given: Any):
        """Do a step; the case as it is then. A verification is done where the case is, unless they are not `there`."""
        self.passes(minutes=1)
        actor, shown = self.actor(login), self.photo if photos else ()
        given = {name.rstrip("_"): value for name, value in given.items()}
        if action == "verify" and there and not given.keys() & {"lon", "lat"}:
            case = self.case(number)
            given |= {"lon": case.lon, "lat": case.lat, "crs": "cgcs2000"}
        with self.runtime.transaction() as session:
            return handling.act(session, self.settings, actor, number, action, given, shown, at=self.now)

    def condition(self, number: str, place: int = 0) -> int:
        """The id of one of the conditions that the class of the case offers."""
        case = self.case(number)
        with self.runtime.transaction() as session:
            offered = catalog.offered(session, case.kind, case.class_code, case.cell_code)
        return offered[place % len(offered)].id

    def filed(self, **given: Any) -> str:
        """A case that was filed."""
        number = self.report(**given).number
        self.do("acceptor1", number, "file", condition=self.condition(number))
        return number

    def handled(self, **given: Any) -> str:
        """A case that the sanitation department has received."""
        number = self.filed(**given)
        self.do("dispatcher1", number, "dispatch", department="510104-sanitation")
        self.do("sanitation1", number, "receive")
        return number

    def closed(self, **given: Any) -> str:
        """A case that went the straight road to its end."""
        number = self.handled(**given)
        self.do("sanitation1", number, "resolve", note="已清理")
        self.do("inspector2", number, "verify", result="pass")
        self.do("acceptor1", number, "close")
        return number

    def ask(self, login: str, number: str, kind: str, reason: str = "需要更多时间", **given: Any):
        """Ask something for a case."""
        self.passes(minutes=1)
        with self.runtime.transaction() as session:
            return requests.ask(session, self.settings, self.actor(login), number, kind, reason, at=self.now, **given)

    def answer(self, login: str, request_id: int, turn: str, grant: bool, note: str | None = "按规定"):
        """Review or decide a request."""
        self.passes(minutes=1)
        do = {"review": requests.review, "decide": requests.decide}[turn]
        with self.runtime.transaction() as session:
            return do(session, self.settings, self.actor(login), request_id, grant, note, at=self.now)

    def case(self, number: str):
        """The case as it is (columns of `fn.case_line`)."""
        with self.runtime.transaction() as session:
            return queries.require_case(session, ENGINE, number)

    def history(self, number: str) -> list[tuple[str, str]]:
        """(action, state after it) of each event."""
        with self.runtime.transaction() as session:
            case = queries.require_case(session, ENGINE, number)
            return [(event.action, event.to_state) for event in queries.events(session, case.id)]

    def family(self, number: str) -> list[Any]:
        """Tasks and duplicates."""
        with self.runtime.transaction() as session:
            return list(queries.family(session, queries.require_case(session, ENGINE, number).id, ENGINE))

    def check(self) -> int:
        """Assert what must be true of every case; how many cases there are."""
        with self.runtime.transaction() as session:
            working = calendar.of_city(session, self.settings)
            cases = session.execute(text(CASES)).all()
            events = session.execute(text(EVENTS)).all()
            waiting = dict(session.execute(text(WAITING)).all())
            granted = dict(session.execute(text(GRANTED)).all())
        assert audit.verify(self.runtime.engine, self.settings).findings == ()
        history: dict[int, list[Any]] = {}
        for event in events:
            history.setdefault(event.case_id, []).append(event)
        by_parent: dict[int, list[Any]] = {}
        for case in cases:
            check_history(case, history[case.id])
            check_queue(case)
            check_clock(case, working, waiting.get(case.id, 0), granted.get(case.id, 0))
            if case.relation == "task":
                by_parent.setdefault(case.parent_id, []).append(case)
        check_families({case.id: case for case in cases}, by_parent)
        return len(cases)


CASES = """
    SELECT c.*, o.case_id AS queued, o.state AS queue_state, o.department_code AS queue_department,
           o.due_at AS queue_due, o.inspector_id AS queue_inspector, o.handler_id AS queue_handler
    FROM city.case c LEFT JOIN city.open_case o ON o.case_id = c.id ORDER BY c.id
"""
EVENTS = "SELECT case_id, seq, action, from_state, to_state, hash FROM city.case_event ORDER BY case_id, seq"
WAITING = "SELECT case_id, count(*) FROM city.case_request WHERE state IN ('asked', 'reviewed') GROUP BY case_id"
GRANTED = """
    SELECT case_id, count(*) FROM city.case_request WHERE kind = 'extension' AND state = 'granted' GROUP BY case_id
"""


def check_history(case: Any, events: list[Any]) -> None:
    """Every event is there once, begins where the one before ended, and the last is how the case stands."""
    assert [event.seq for event in events] == list(range(1, case.version + 1)), case.number
    assert events[0].from_state is None
    for before, after in zip(events, events[1:], strict=False):
        assert after.from_state == before.to_state, (case.number, after.seq)
    assert events[-1].to_state == case.state
    assert bytes(events[-1].hash) == bytes(case.head)
    rows = {(step.action, step.source, step.target) for step in workflow.STEPS}
    turns = {f"{turn}_{kind}" for turn in ("ask", "review", "decide", "withdraw") for kind in workflow.REQUEST_KINDS}
    for event in events:
        if event.action not in turns:
            assert (event.action, event.from_state, event.to_state) in rows, (case.number, event.action)


def check_queue(case: Any) -> None:
    """A case stands in the queues as long as it has not ended, as it is."""
    assert (case.outcome is None) == (case.queued is not None) == (case.state not in workflow.OUTCOMES), case.number
    if case.outcome is None:
        assert case.queue_state == case.state and case.queue_department == case.department_code
        assert case.queue_due == case.due_at is not None
        assert (case.queue_inspector, case.queue_handler) == (case.inspector_id, case.handler_id)
    else:
        assert case.outcome == case.state and case.closed_at is not None


RUNNING = (workflow.DISPATCHED, workflow.HANDLING)
STOPPED = (workflow.RESOLVED, workflow.VERIFYING, workflow.VERIFIED)


def check_clock(case: Any, calendar: clock.Calendar, waiting: int, granted: int) -> None:
    """The ledger adds up to the deadline, and its clock runs, rests or has stopped as the case stands."""
    assert waiting <= 1 and ("asking" in case.flags) == bool(waiting), case.number
    clock.check(case.ledger)
    status = clock.status(case.ledger)
    if "split" in case.flags and case.relation != "task":
        assert case.ledger == []
        return
    assert clock.due(case.ledger, calendar) == case.deadline_at, case.number
    assert sum(entry["entry"] == "extend" for entry in case.ledger) == case.extension_count <= granted, case.number
    if case.state in RUNNING:
        assert status in ("running", "paused") and (status == "paused") == (case.paused_at is not None), case.number
    elif case.state == workflow.SUSPENDED:
        assert status == "paused" and case.paused_at and case.resume_at
    elif case.state in STOPPED or (case.state == workflow.CLOSED and case.ledger):
        assert status == "stopped", case.number


def check_families(cases: Mapping[int, Any], tasks: Mapping[int, list[Any]]) -> None:
    """A case that was split has resolved exactly when all its tasks have, and is due with the last of them; a duplicate
    follows no duplicate or task, nor what ended without having been a case."""
    for case in cases.values():
        if case.relation == "duplicate":
            parent = cases[case.parent_id]
            assert case.state == workflow.MERGED and parent.relation is None, case.number
            assert parent.outcome in (None, workflow.CLOSED), case.number
        if case.state in (workflow.SPLIT, workflow.RESOLVED) and "split" in case.flags and case.relation is None:
            live = [task for task in tasks[case.id] if task.state != workflow.VOID]
            done = all(task.state in (workflow.RESOLVED, workflow.CLOSED) for task in live)
            standing = (case.number, case.state, [(task.state, task.flags) for task in tasks[case.id]])
            assert live and done == (case.state == workflow.RESOLVED), standing
            waiting = [task for task in live if task.outcome is None]  # after a reopening there are ended ones as well
            assert case.state != workflow.SPLIT or case.due_at == stages.due_of_split(waiting, case.due_at), standing
