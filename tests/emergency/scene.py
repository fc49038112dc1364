"""The small city with agencies for emergencies, and its acts as verbs: each a transaction of its own."""

from datetime import timedelta

from tests import city
from tests.cases.life import Life
from webgis.accounts import operations as accounts
from webgis.emergency import operations, queries, work

AGENCIES = {
    "510104-emergency": ("锦江区应急局", "Jinjiang Emergency", "emergency"),
    "510104-drainage": ("锦江区排水所", "Jinjiang Drainage", "drainage"),
    "510104-traffic": ("锦江交警", "Jinjiang Traffic Police", "traffic_police"),
}
STAFF = {"emergency1": "510104-emergency", "drainage1": "510104-drainage", "traffic1": "510104-traffic"}


def people(session) -> None:
    """Agencies and one of the staff of each."""
    for code, (zh, en, kind) in AGENCIES.items():
        accounts.add_department(session, code, zh, en, kind=kind, area=city.COUNTY)
    for login, department in STAFF.items():
        accounts.add_person(session, login, f"{login} 岗", "department", city.PASSWORD, department=department)


class Scene(Life):
    """One city with agencies, one clock."""

    def __init__(self, runtime) -> None:
        super().__init__(runtime)
        with runtime.transaction() as session:
            people(session)

    def open(self, login="dispatcher1", **given):
        """Open an emergency in the west; its number."""
        values = {"kind": "waterlogging", "title": "下穿隧道积水", "level": 4, "crs": "cgcs2000"}
        lon, lat = given.pop("place", city.IN_WEST)
        opening = operations.Opening(**values | {"lon": lon, "lat": lat} | given)
        with self.runtime.transaction() as session:
            return operations.open_(session, self.settings, self.actor(login), opening, at=self.now).number

    def change(self, login, number, **given):
        """Change it."""
        self.passes(minutes=1)
        with self.runtime.transaction() as session:
            change = operations.Change(**given)
            return operations.change(session, self.settings, self.actor(login), number, change, at=self.now)

    def __getattr__(self, name):
        """Any other verb of `operations`, one minute later."""
        verb = getattr(operations, name)

        def done(login, number, *values):
            self.now += timedelta(minutes=1)
            with self.runtime.transaction() as session:
                return verb(session, self.actor(login), number, *values, at=self.now)

        return done

    def close(self, login, number, summary="积水已排完，道路恢复"):
        """End it."""
        self.passes(minutes=1)
        with self.runtime.transaction() as session:
            return operations.close(session, self.settings, self.actor(login), number, summary, at=self.now)

    def add(self, login, number, words="转移低洼住户", department="510104-works", minutes=30):
        """Put a task on the board; its number."""
        self.passes(minutes=1)
        with self.runtime.transaction() as session:
            return work.add(session, self.actor(login), number, words, department, minutes, at=self.now).seq

    def step(self, login, number, task, action, note=None):
        """Do something with a task; its state."""
        self.passes(minutes=1)
        with self.runtime.transaction() as session:
            return work.act(session, self.actor(login), number, task, action, note, at=self.now).state

    def seen(self, login, number):
        """The emergency as somebody sees it."""
        with self.runtime.transaction() as session:
            return queries.require(session, self.actor(login), number)

    def board(self, number):
        """Tasks: number -> (state, department)."""
        with self.runtime.transaction() as session:
            rows = queries.tasks(session, self._one(session, number))
            return {row.seq: (row.state, row.department_code) for row in rows}

    def log(self, number):
        """The lines of the log."""
        with self.runtime.transaction() as session:
            return queries.log(session, self.actor("dispatcher1"), self._one(session, number))

    def altered(self, number):
        """What the chain says."""
        with self.runtime.transaction() as session:
            return queries.altered(session, self._one(session, number))

    def messages(self, number):
        """CAP messages that went out."""
        with self.runtime.transaction() as session:
            return queries.messages(session, self._one(session, number))

    def _one(self, session, number):
        return queries.require(session, self.actor("dispatcher1"), number)
