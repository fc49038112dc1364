"""The one writer: puts what lies in the inbox in place, batch by batch, each in one transaction.

A batch is the rows of readings, their counts, how the datastreams stand, what `consider` makes of them, and the rows
gone from the inbox: a writer that is killed leaves all of it or nothing. `consider` is given from above (hazards
watches for alarms); it may write and enqueue jobs, and commits nothing.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.db import Runtime, call
from webgis.telemetry import partitions

log = structlog.get_logger(__name__)

Found = dict[int, list[tuple[datetime, float]]]
"""What is new in place: moments and values by datastream (id), in the order of the moments."""

Consider = Callable[[Session, Found, datetime], None]

WRITER_LOCK = 0x73656E73
"""Advisory lock of the one writer of a city: a second waits until the first is gone."""

MOST = 20_000
"""Readings of one batch at most; a row of the inbox stays whole."""

PAUSE_S = 0.1
"""The inbox is looked at again after so long; being told by the database would make all senders wait for one lock."""

SILENCE_S = 5.0
"""Datastreams that fell silent are looked for as often."""

SHOWN = 20
"""Codes of datastreams in one line of the log."""


class Writer:
    """Takes batches through one connection until told to stop."""

    def __init__(self, runtime: Runtime, consider: Consider | None = None, *, silence: bool = True) -> None:
        self.consider = consider
        self.stopping = False
        self._runtime = runtime
        self._oldest = timedelta(days=runtime.settings.reading_oldest_days)
        self._redis = jobs.connect(runtime.settings)
        self._silence_due = 0.0 if silence else math.inf
        self._months: set = set()

    def run(self) -> None:
        """Work until `stopping`. Raises when the database goes away, to be started again."""
        with self._runtime.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": WRITER_LOCK})
            connection.commit()
            while not self.stopping:
                if not self.step(connection):
                    time.sleep(PAUSE_S)

    def step(self, connection: Connection) -> int:
        """Take one batch, or look for silence when there is none; how many rows of the inbox were taken."""
        with Session(connection) as session, session.begin():
            ids = list(session.scalars(text("SELECT id FROM fn.next_in_inbox(:most)"), {"most": MOST}))
        if ids:
            self._take(connection, ids)
        elif time.monotonic() >= self._silence_due:
            self._silence_due = time.monotonic() + SILENCE_S
            self._look_for_silence(connection)
        return len(ids)

    def _take(self, connection: Connection, ids: list[int]) -> None:
        """Take these rows; when that fails, each half by itself, down to the one row at fault."""
        try:
            self._take_whole(connection, ids, self.consider)
        except OperationalError:
            raise
        except Exception as error:
            log.exception("telemetry.batch-failed", rows=len(ids))
            if len(ids) > 1:
                self._take(connection, ids[: len(ids) // 2])
                self._take(connection, ids[len(ids) // 2 :])
            else:
                self._take_faulty(connection, ids[0], error)

    def _take_faulty(self, connection: Connection, row: int, error: Exception) -> None:
        """A row whose readings cannot be considered is put in place without; one that cannot be, is kept and marked."""
        try:
            self._take_whole(connection, [row], None)
            log.error("telemetry.not-considered", row=row, error=str(error))
        except OperationalError:
            raise
        except Exception as worse:
            log.exception("telemetry.row-refused", row=row)
            with Session(connection) as session, session.begin():
                session.execute(
                    text("UPDATE city.reading_inbox SET error = :error WHERE id = :id"),
                    {"error": f"{type(worse).__name__}: {worse}"[:2000], "id": row},
                )

    def _take_whole(self, connection: Connection, ids: list[int], consider: Consider | None) -> None:
        self._make_months(connection, ids)
        with Session(connection) as session, session.begin():
            found = take(session, ids, self._oldest)
            if consider and found:
                consider(session, found, datetime.now(UTC))
        jobs.hand_over_session(self._redis, session)

    def _make_months(self, connection: Connection, ids: list[int]) -> None:
        with Session(connection) as session, session.begin():
            needed = partitions.ahead(datetime.now(UTC)) | months(session, ids, self._oldest)
            if needed - self._months:
                partitions.make(session, needed)
        self._months |= needed

    def _look_for_silence(self, connection: Connection) -> None:
        with Session(connection) as session, session.begin():
            silent = note_silences(session, datetime.now(UTC))
        if silent:
            log.warning("telemetry.silent", count=len(silent), datastreams=[row.code for row in silent[:SHOWN]])


def months(session: Session, ids: list[int], oldest: timedelta) -> set:
    """The months of which these rows of the inbox tell."""
    return {row.month for row in call(session, "SELECT month FROM fn.months_in_inbox(%s, %s)", ids, oldest)}


def take(session: Session, ids: list[int], oldest: timedelta) -> Found:
    """Put the readings of these rows of the inbox in place and take the rows out; what is new, by datastream."""
    found: Found = defaultdict(list)
    for row in call(session, "SELECT * FROM fn.take_readings(%s, %s)", ids, oldest):
        found[row.datastream_id].append((row.at, row.value))
    return dict(found)


def note_silences(session: Session, now: datetime) -> list:
    """Note the datastreams that fell silent until `now`: rows with datastream_id, code, since."""
    return call(session, "SELECT * FROM fn.note_silences(%s)", now)


def drain(runtime: Runtime, consider: Consider | None = None, *, silence: bool = True) -> int:
    """Put all that waits in place now, in this process, and end; how many rows of the inbox. For tests and the demo.
    `silence`: look for it too when that is done.

    Where a writer runs already, its work is waited for instead (0).
    """
    writer, rows = Writer(runtime, consider, silence=silence), 0
    with runtime.engine.connect() as connection:
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": WRITER_LOCK}):
            waits = connection.scalar(text("SELECT EXISTS (SELECT FROM city.reading_inbox WHERE error IS NULL)"))
            connection.rollback()
            if not waits:
                return 0
            time.sleep(PAUSE_S)
        connection.commit()
        try:
            while taken := writer.step(connection):
                rows += taken
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": WRITER_LOCK})
            connection.commit()
    return rows
