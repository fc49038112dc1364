"""The one writer: puts what lies in the inbox in place, batch by batch, each in one transaction.

A batch is the rows of readings, their counts, how the datastreams stand, what `consider` makes of them, and the rows
gone from the inbox: a writer that is killed leaves all of it or nothing. `consider` is given from above (hazards
watches for alarms); it may write and enqueue jobs, and commits nothing.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import structlog
from psycopg2.errors import CheckViolation, DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, OperationalError
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

PAUSE_S = 0.2
"""Batches begin at least so far apart: a batch costs the same once whether it is small or large, and readings that come
one by one would each have their own. Being told by the database would make all senders wait for one lock."""

SILENCE_S = 5.0
"""Datastreams that fell silent are looked for as often."""

IN_THE_WAY = (LockNotAvailable, DeadlockDetected)
"""Somebody else holds what the writer needs: the database is there, and the same is tried again."""

SHOWN = 20
"""Codes of datastreams in one line of the log."""


class Writer:
    """Takes batches through one connection until told to stop."""

    def __init__(self, runtime: Runtime, consider: Consider | None = None) -> None:
        self.consider = consider
        self.stopping = False
        self._runtime = runtime
        self._oldest = timedelta(days=runtime.settings.reading_oldest_days)
        self._redis = jobs.connect(runtime.settings)
        self._ahead: set[date] = set()

    def run(self) -> None:
        """Work until `stopping`, once no other writer does. Raises when the database goes away, to be started again."""
        with self._runtime.engine.connect() as connection:
            while not self.hold(connection):
                if self.stopping:
                    return
                time.sleep(PAUSE_S)
            silence_due = 0.0
            while not self.stopping:
                begun = time.monotonic()
                self.step(connection)
                if time.monotonic() >= silence_due:
                    silence_due = time.monotonic() + SILENCE_S
                    self.look_for_silence(connection)
                time.sleep(max(0.0, begun + PAUSE_S - time.monotonic()))

    def hold(self, connection: Connection) -> bool:
        """Be the one writer, from now on and as long as the connection lasts; False while another is."""
        held = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": WRITER_LOCK})
        connection.commit()
        return held

    def release(self, connection: Connection) -> None:
        """Be the writer no longer, whatever became of the last batch."""
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": WRITER_LOCK})
        connection.commit()

    def step(self, connection: Connection) -> int:
        """Take one batch; how many rows of the inbox it had."""
        with Session(connection) as session, session.begin():
            ids = list(session.scalars(text("SELECT id FROM fn.next_in_inbox(:most)"), {"most": MOST}))
        if ids:
            with _tried_again(connection):
                self._take(connection, ids)
        return len(ids)

    def look_for_silence(self, connection: Connection) -> None:
        """Note who fell silent, as of what has been taken: readings that still wait make nobody silent."""
        with _tried_again(connection), Session(connection) as session, session.begin():
            silent = note_silences(session, session.scalar(_TAKEN_UNTIL))
            if silent:
                log.warning("telemetry.silent", count=len(silent), datastreams=[row.code for row in silent[:SHOWN]])

    def _take(self, connection: Connection, ids: list[int]) -> None:
        """Take these rows; when that fails, each half by itself, down to the one row at fault."""
        try:
            self._take_whole(connection, ids, self.consider)
        except Exception as error:
            if _not_ours(connection, error):
                raise
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
        except Exception as worse:
            if _not_ours(connection, worse):
                raise
            log.exception("telemetry.row-refused", row=row)
            with Session(connection) as session, session.begin():
                session.execute(
                    text("UPDATE city.reading_inbox SET error = :error WHERE id = :id"),
                    {"error": f"{type(worse).__name__}: {worse}"[:2000], "id": row},
                )

    def _take_whole(self, connection: Connection, ids: list[int], consider: Consider | None) -> None:
        self._make_ahead(connection)
        try:
            self._put_in_place(connection, ids, consider)
        except IntegrityError as error:  # which month is missing is asked only then
            if not isinstance(error.orig, CheckViolation) or not self._made_months(connection, ids):
                raise
            self._put_in_place(connection, ids, consider)

    def _put_in_place(self, connection: Connection, ids: list[int], consider: Consider | None) -> None:
        with Session(connection) as session, session.begin():
            found = take(session, ids, self._oldest)
            if consider and found:
                consider(session, found, datetime.now(UTC))
        jobs.hand_over_session(self._redis, session)

    def _make_ahead(self, connection: Connection) -> None:
        """The tables of the months that come, once a month."""
        ahead = partitions.ahead(datetime.now(UTC))
        if ahead != self._ahead:
            with Session(connection) as session, session.begin():
                partitions.make(session, ahead)
            self._ahead = ahead

    def _made_months(self, connection: Connection, ids: list[int]) -> bool:
        """Make the tables that these rows need and that are not there; whether there were such."""
        with Session(connection) as session, session.begin():
            missing = months(session, ids, self._oldest) - partitions.known(session)
            partitions.make(session, missing)
        return bool(missing)


_TAKEN_UNTIL = text("SELECT coalesce(min(arrived_at), now()) FROM city.reading_inbox WHERE error IS NULL")


def _not_ours(connection: Connection, error: Exception) -> bool:
    """The database is at fault, not what was taken. A lost connection shows itself in other errors too, as when its
    transaction is rolled back; on the next one the lock of the writer would be missing."""
    return connection.invalidated or isinstance(error, OperationalError)


@contextmanager
def _tried_again(connection: Connection) -> Iterator[None]:
    """What somebody else's lock is in the way of stays as it was, for the next turn; anything else is raised."""
    try:
        yield
    except OperationalError as error:
        if connection.invalidated or not isinstance(error.orig, IN_THE_WAY):
            raise
        log.warning("telemetry.in-the-way", why=str(error.orig))


def months(session: Session, ids: list[int], oldest: timedelta) -> set[date]:
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
    writer, rows = Writer(runtime, consider), 0
    with runtime.engine.connect() as connection:
        while not writer.hold(connection):
            waits = connection.scalar(text("SELECT EXISTS (SELECT FROM city.reading_inbox WHERE error IS NULL)"))
            connection.rollback()
            if not waits:
                return 0
            time.sleep(PAUSE_S)
        try:
            while taken := writer.step(connection):
                rows += taken
            if silence:
                writer.look_for_silence(connection)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": WRITER_LOCK})
            connection.commit()
    return rows
