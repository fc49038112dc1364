"""The whole workflow driven at random by all roles through the real operations: no impossible state is reached, no
event is lost or written twice, every clock adds up and every chain of hashes holds.

Seeded: the same steps in every run. Each rule is one act of one person at a random case; what is refused must have
changed nothing.
"""

from datetime import timedelta
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests import city
from tests.cases.life import Life
from tests.databases import Rows
from webgis.accounts import operations as accounts
from webgis.cases import requests, workflow
from webgis.errors import WebgisError

RUNS, STEPS = 84, 90
"""Some 60 of the 90 acts of a run find something to act upon: more than 5,000 steps in all."""

STANDING = """
SELECT number, version, state, relation, flags, inspector_id, handler_id, department_code,
       (SELECT count(*) FROM city.case_event) AS events, (SELECT count(*) FROM city.case_request) AS requests,
       (SELECT sum(last) FROM city.case_counter) AS given
FROM city.case ORDER BY id
"""

LOGINS = (
    "inspector1", "inspector2", "acceptor1", "dispatcher1", "dispatcher2", "sanitation1", "works1", "sweeper1",
    "manager1", "administrator1", "public",
)  # fmt: skip
ANSWERING = {
    "review": ("sanitation1", "works1"),
    "decide": ("dispatcher1",),
    "withdraw": ("sanitation1", "sweeper1", "works1"),
}
DEPARTMENTS = ("510104-sanitation", "510104-works")
NEAR = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000"}
WHOLE = tuple(step for step in workflow.STEPS if step.source is not None)


class Town(Life):
    """A city in which nobody's rights change, so that who a login is need be asked once only."""

    def __init__(self, runtime):
        super().__init__(runtime)
        self.actor = cache(super().actor)


class Engine(RuleBasedStateMachine):
    """One city; `stood` is how it stood after the last act, `acts` counts what was done and what was refused."""

    runtime = rows = None
    acts = {"done": 0, "refused": 0, "cases": 0, "actions": set()}

    @initialize(
        hours=strategies.integers(0, 90),
        asks=strategies.sampled_from((None, "extension", "suspension")),
        turns=strategies.sampled_from(((), ("review",), ("review", "decide"), ("withdraw",))),
        wanted=strategies.sets(strategies.sampled_from(workflow.ACTIONS), min_size=12, max_size=12),
    )
    def three_cases(self, hours, asks, turns, wanted):
        """`wanted` are actions that are tried as soon as they can be, so that rare ones are not left to luck."""
        self.rows.bring_back()
        self.wanted = set(wanted)
        self.life = Town(self.runtime)
        given = self.life.do("sanitation1", self.life.handled(), "assign", handler="sweeper1")
        if asks:
            until = {"until": self.life.now + timedelta(days=3)} if asks == "suspension" else {}
            asked = self.life.ask("sweeper1", given.number, asks, **until)
            for turn in turns:
                self._answer({"withdraw": "sweeper1"}.get(turn) or ANSWERING[turn][0], asked.id, turn, grant=True)
            self.acts["actions"].update((f"ask {asks}", *turns))
        self.life.passes(hours=hours)
        self.life.handled()
        self.life.filed()
        self.stood = self._standing()
        self.people = {login: self.life.actor(login) for login in LOGINS if login != "public"}

    def _tried(self, action, do):
        """Do it; what is refused leaves every case as it was."""
        before = self.stood
        try:
            do()
        except WebgisError:
            self.acts["refused"] += 1
            assert self._standing() == before
        else:
            self.acts["done"] += 1
            self.acts["actions"].add(action)
            self.stood = self._standing()

    def _standing(self):
        return self.runtime.ask(STANDING)

    @property
    def numbers(self):
        return [case.number for case in self.stood]

    @rule(login=strategies.sampled_from(("inspector1", "acceptor1", "public")), east=strategies.booleans())
    def report(self, login, east):
        if len(self.numbers) < 6:
            place = city.IN_EAST if east else city.IN_WEST
            self._tried("report", lambda: self.life.report(login, place=place))

    @rule(data=strategies.data(), minutes=strategies.integers(0, 600))
    def likely_step(self, data, minutes):
        """A step that the table opens in the case's state, by somebody who has that role, with what it needs."""
        self._step(data, minutes, lambda step: True)

    @rule(data=strategies.data(), minutes=strategies.integers(0, 600))
    def onward(self, data, minutes):
        """A step of somebody's daily work, so that cases come to their end."""
        self._step(data, minutes, lambda step: step.action in workflow.ROADS and step.source != step.target)

    def _step(self, data, minutes, fits):
        self.life.passes(minutes=minutes)
        case = data.draw(strategies.sampled_from(self.stood))
        number = case.number
        shape = (
            workflow.TASK if case.relation == "task" else workflow.PARENT if "split" in case.flags else workflow.SINGLE
        )
        rows = [step for step in WHOLE if step.source == case.state and shape in step.of and fits(step)]
        rows = [step for step in rows if self._people(case, step)]
        rows = [step for step in rows if step.action in self.wanted] or rows
        if rows:
            step = data.draw(strategies.sampled_from(rows))
            self.wanted.discard(step.action)
            login = data.draw(strategies.sampled_from(self._people(case, step)))
            given = self._given(data, step, number)
            photos = "photos" in {name for need in step.needs for name in need.split("|")}
            self._tried(step.action, lambda: self.life.do(login, number, step.action, photos=photos, **given))

    def _people(self, case, step):
        """Who may be asked to do this step: those of the case's department, the inspector it was given to."""
        people = [login for login in LOGINS if _role(login) in step.who]
        own = [login for login in people if (who := self.people.get(login)) and who.id == case.inspector_id]
        if step.who == ("department",):
            own = [login for login in people if case.department_code in self.people[login].departments]
        return own or people

    @rule(
        data=strategies.data(),
        login=strategies.sampled_from(LOGINS),
        action=strategies.sampled_from(workflow.ACTIONS),
    )
    def any_step(self, data, login, action):
        """Any action by anybody, whatever the case is."""
        number = data.draw(strategies.sampled_from(self.numbers))
        self._tried(action, lambda: self.life.do(login, number, action, reason="x", note="x"))

    @rule(
        data=strategies.data(),
        kind=strategies.sampled_from(workflow.REQUEST_KINDS),
        days=strategies.integers(1, 40),
    )
    def ask(self, data, kind, days):
        fitting = ("closed",) if kind == "appeal" else ("handling", "resolved")
        case = data.draw(strategies.sampled_from([case for case in self.stood if case.state in fitting] or self.stood))
        people = [login for login, who in self.people.items() if who.id == case.handler_id]
        people = people or [login for login, who in self.people.items() if case.department_code in who.departments]
        login, number = data.draw(strategies.sampled_from(people or ["works1"])), case.number
        until = {"until": self.life.now + timedelta(days=days)} if kind == "suspension" else {}
        self._tried(f"ask {kind}", lambda: self.life.ask(login, number, kind, **until))

    @rule(data=strategies.data(), anybody=strategies.booleans(), grant=strategies.booleans())
    def answer(self, data, anybody, grant):
        waiting = self.runtime.ask("SELECT id, state FROM city.case_request ORDER BY id DESC")
        if waiting:
            asked = data.draw(strategies.sampled_from(waiting))
            turn = {"asked": "review", "reviewed": "decide"}.get(asked.state, "withdraw")
            turn = data.draw(strategies.sampled_from((turn, turn, "review", "decide", "withdraw")))
            login = data.draw(strategies.sampled_from(LOGINS if anybody else ANSWERING[turn]))
            self._tried(turn, lambda: self._answer(login, asked.id, turn, grant))

    def _answer(self, login, request_id, turn, grant):
        if turn != "withdraw":
            return self.life.answer(login, request_id, turn, grant)
        with self.runtime.transaction() as session:
            return requests.withdraw(session, self.life.settings, self.life.actor(login), request_id, at=self.life.now)

    def _given(self, data, step, number):
        draw = data.draw
        values = {
            "condition": lambda: self.life.condition(number, draw(strategies.integers(0, 1))),
            "reason": lambda: "理由",
            "note": lambda: "说明",
            "into": lambda: draw(strategies.sampled_from(self.numbers)),
            "kind": lambda: "matter",
            "class": lambda: draw(strategies.sampled_from(("06010", "06012", "06014"))),
            "lon": lambda: NEAR["lon"],
            "lat": lambda: NEAR["lat"],
            "department": lambda: draw(strategies.sampled_from((*DEPARTMENTS, "auto"))),
            "departments": lambda: list(DEPARTMENTS),
            "handler": lambda: draw(strategies.sampled_from(("sanitation1", "works1", "sweeper1"))),
            "until": lambda: (self.life.now + timedelta(days=draw(strategies.integers(1, 30)))).isoformat(),
            "result": lambda: step.when[1],
        }
        names = [need.split("|")[0] for need in step.needs if need != "photos"]
        return {name: values[name]() for name in names} | ({"crs": "cgcs2000"} if "lon" in names else {})

    def teardown(self):
        if hasattr(self, "life"):
            self.acts["cases"] += self.life.check()


def _role(login):
    return {"sanitation1": "department", "works1": "department", "sweeper1": "department"}.get(
        login, login.rstrip("12")
    )


@pytest.fixture
def engine(city_runtime):
    with city_runtime.transaction() as session:
        accounts.add_person(
            session, "sweeper1", "sweeper1 岗", "department", city.PASSWORD, department="510104-sanitation"
        )
    Engine.runtime, Engine.rows = city_runtime, Rows(city_runtime.settings.database)
    Engine.acts = {"done": 0, "refused": 0, "cases": 0, "actions": set()}
    yield Engine
    Engine.rows.connection.close()
    Engine.runtime = Engine.rows = None


def test_whatever_people_do_the_engine_stays_whole(engine):
    run_state_machine_as_test(
        engine,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            phases=[Phase.generate],
        ),
    )
    acts = engine.acts
    turns = {"ask extension", "ask suspension", "ask appeal", "review", "decide", "withdraw"}
    of_sensors = {"alarm"}  # tests/hazards
    assert sorted((set(workflow.ACTIONS) | turns) - acts["actions"] - of_sensors) == []
    assert acts["done"] + acts["refused"] >= 5000 and acts["done"] >= 1500 and acts["cases"] >= RUNS
