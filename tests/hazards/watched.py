"""A small city whose sensors are watched: readings go through the inbox, the writer and the queue, as in a real one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from tests import city
from webgis import jobs
from webgis.accounts import queries as accounts
from webgis.cases import channel_tasks, tasks  # noqa: F401 (registers the tasks)
from webgis.db import Runtime
from webgis.hazards import alarm_queries, alarm_rules, alarm_tasks, watches  # noqa: F401 (registers the tasks)
from webgis.hazards.alarms import Considering
from webgis.telemetry import inbox, operations, writing

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
UNDERPASS, WELL, ROAD = "W-DEPTH", "W-GAS", "R-DEPTH"
WORKS = "510104-works"


def minutes_ago(minutes: float) -> datetime:
    """A moment before this run."""
    return NOW - timedelta(minutes=minutes)


class Watched:
    """One city with three watched sensors in its western community: an underpass, a well and a road."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.settings = runtime, runtime.settings
        self.consider = Considering(runtime.settings)
        lon, lat = city.IN_WEST
        with runtime.transaction() as session:
            alarm_rules.load_shipped(session)
            self.ids = {
                UNDERPASS: self.sensor(session, UNDERPASS, "underpass", "depth", (lon, lat)),
                WELL: self.sensor(session, WELL, "well", "gas", (lon + 0.0005, lat)),
                ROAD: self.sensor(session, ROAD, "road", "depth", (lon + 0.001, lat)),
            }

    def sensor(self, session, code: str, place: str, quantity: str, at: tuple[float, float], watched=True) -> int:
        """A sensor of a place, watched by the rule of its kind; the datastream's id."""
        station = operations.NewStation(
            code, f"{code} 站", place, *at, name_en=f"{code} station", department=WORKS, outside=True
        )
        operations.put_station(session, station)
        stream = operations.put_datastream(session, operations.NewDatastream(code, code, quantity, 60))
        if watched:
            watches.watch(session, None, code)
        return stream.id

    def tell(self, code: str, *readings: tuple[float, float]) -> None:
        """Readings (minutes ago, value) arrive, and are put in place and considered."""
        told = [inbox.Told(self.ids[code], minutes_ago(ago), value) for ago, value in readings]
        with self.runtime.transaction() as session:
            inbox.put(session, told, "own")
        self.write()

    def write(self) -> None:
        """The writer takes all that waits."""
        writing.drain(self.runtime, self.consider)

    def work(self) -> None:
        """The worker does what is due, as far as it comes of alarms."""
        with self.runtime.transaction() as session:
            session.execute(text("DELETE FROM city.outbox WHERE task NOT LIKE 'hazards.%'"))
        jobs.drain(self.runtime, "quick")

    def ask(self, statement: str, **values: Any) -> list:
        """Rows of the database."""
        with self.runtime.transaction() as session:
            return session.execute(text(statement), values).all()

    def alarms(self, code: str) -> list[tuple[int, str, str]]:
        """(number, state, level) of every alarm of a sensor."""
        rows = self.ask(
            "SELECT number, state, level FROM city.alarm WHERE datastream_id = :id ORDER BY number", id=self.ids[code]
        )
        return [tuple(row) for row in rows]

    def alarm(self, code: str) -> Any:
        """The newest alarm of a sensor."""
        with self.runtime.transaction() as session:
            id = session.scalar(
                text("SELECT max(id) FROM city.alarm WHERE datastream_id = :id"), {"id": self.ids[code]}
            )
            return alarm_queries.one(session, id)

    def actor(self, login: str) -> Any:
        """Who this login is."""
        with self.runtime.transaction() as session:
            return accounts.actor(session, login)


def flood(town: Watched) -> None:
    """The underpass: 30 cm for two minutes."""
    town.tell(UNDERPASS, (9, 0.02), (8, 0.3), (7, 0.31))
    town.tell(UNDERPASS, (6, 0.33))
