"""The demo's day of sensors, told as real sensors tell: into the inbox, from where the writer takes it.

The day comes again and again, so that a demo that runs is never without news: `keep_telling` gives each minute when it
has come. `play` tells a whole day faster, ending now, and starts the sensors anew for it; meanwhile the other waits.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis.db import Runtime
from webgis.demo import sensor_day
from webgis.demo.sensor_day import MINUTES, Told
from webgis.errors import Conflict, NotFound
from webgis.hazards.alarms import Considering
from webgis.settings import Settings
from webgis.telemetry import inbox, writing
from webgis.telemetry.models import Datastream, Station

DAY = timedelta(minutes=MINUTES)
FIRST_MINUTE = 205
"""Where in the day a demo that was just loaded stands: at the height of the cloudburst, two hours after the gas."""

AT_ONCE = 60
"""Minutes laid into the inbox together when a day is told whole."""

LOCK = 0x64617973
"""Advisory lock of whoever tells."""

HAPPENS = (
    (sensor_day.GAS_FROM, sensor_day.DEAD_FROM, "gas in a valve well"),
    (sensor_day.DEAD_FROM, sensor_day.GAS_UNTIL, "gas goes; a sensor falls silent"),
    (sensor_day.RAIN_FROM, sensor_day.RAIN_UNTIL, "a cloudburst, two underpasses flood"),
    (sensor_day.RAIN_UNTIL, sensor_day.RAIN_UNTIL + 150, "the water is pumped away"),
)

Minutes = Mapping[int, Sequence[Told]]


def begun_at(now: datetime, minute: int) -> datetime:
    """When the day began whose minute `minute` is now."""
    return now - timedelta(minutes=minute)


def happening(minute: int) -> str:
    """What happens in this minute of the day, in words."""
    return next((words for begin, end, words in HAPPENS if begin <= minute < end), "quiet")


def load(runtime: Runtime, seed: int, now: datetime, show: Callable[[int], None] = lambda done: None) -> int:
    """Tell the 24 hours up to now, once, quiet ones and then the first of the day; how many readings. Nothing when the
    sensors have told something already."""
    with runtime.transaction() as session:
        if _have_told(session):
            return 0
    begin, told = begun_at(now, FIRST_MINUTE), 0
    before, minutes = _by_minute(sensor_day.quiet_day(sensor_day.sensors(), seed)), _minutes(seed)
    for hour in range(FIRST_MINUTE - MINUTES, FIRST_MINUTE, AT_ONCE):
        with runtime.transaction() as session:
            until = min(hour + AT_ONCE, FIRST_MINUTE)
            for minute in range(hour, until):
                arrived = min(begin + timedelta(minutes=minute + 1), now)
                told += _tell(session, before if minute < 0 else minutes, begin, minute, arrived)
        show(until + MINUTES - FIRST_MINUTE)
    writing.drain(runtime, Considering(runtime.settings), silence=False)
    _remember(runtime, begin)
    return told


def keep_telling(runtime: Runtime, seed: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Tell each minute of the day when it has come, for ever; gives how many readings each time. Minutes that were
    missed are left out, as by sensors that had no power."""
    minutes = _minutes(seed)
    while True:
        with telling(runtime, wait=False) as mine:
            begin = _begin(runtime)
            minute = int((datetime.now(UTC) - begin).total_seconds() // 60)
            with runtime.transaction() as session:
                told = _tell(session, minutes, begin, minute) if mine else 0
        yield told
        sleep(60 - time.time() % 60)


def play(
    runtime: Runtime,
    speed: float,
    seed: int,
    tick: Callable[[int, int], None] = lambda minute, told: None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Tell a whole day `speed` times as fast as it goes, ending now; how many readings. What these sensors told of
    that time before is forgotten."""
    minutes, told = _minutes(seed), 0
    with telling(runtime, wait=True):
        started = datetime.now(UTC)
        begin = started - DAY + DAY / speed
        with runtime.transaction() as session:
            start_anew(session, begin)
        for minute in range(MINUTES):
            due = started + timedelta(minutes=(minute + 1) / speed)
            sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
            with runtime.transaction() as session:
                told += _tell(session, minutes, begin, minute)
            tick(minute, told)
        _remember(runtime, begin)
    return told


_FORGET = (
    "DELETE FROM city.reading WHERE datastream_id = ANY(:ids) AND at >= :since",
    "UPDATE city.datastream SET last_at = NULL, last_value = NULL, heard_at = NULL, silent_since = NULL"
    " WHERE id = ANY(:ids)",
    # As if the rules had changed: what stood is compared with what is told from now on.
    "UPDATE city.watch_state SET rule_version = rule_version - 1"
    " WHERE watch_id IN (SELECT id FROM city.watch WHERE datastream_id = ANY(:ids))",
)


def start_anew(session: Session, since: datetime) -> None:
    """Forget what the demo's sensors told since a moment, so that they can tell of it again. Alarms and cases stay;
    one that stands is reset when the new day does not bear it out."""
    ids = _ids(session)
    for statement in _FORGET:
        session.execute(text(statement), {"ids": ids, "since": since})


def _minutes(seed: int) -> Minutes:
    return _by_minute(sensor_day.day(sensor_day.sensors(), seed))


def _by_minute(day: Iterable[Told]) -> Minutes:
    found = defaultdict(list)
    for one in day:
        found[one.arrives].append(one)
    return found


def _tell(session: Session, minutes: Minutes, begin: datetime, minute: int, arrived: datetime | None = None) -> int:
    """Lay what arrives in this minute since `begin` into the inbox, as arrived now or at a moment; the day comes again
    and again, also before it."""
    day, of_day = divmod(minute, MINUTES)
    midnight, told = begin + day * DAY, minutes.get(of_day, ())
    codes = {one.code for one in told}
    known = dict(session.execute(select(Datastream.code, Datastream.id).where(Datastream.code.in_(codes))).all())
    readings = [
        inbox.Told(known[one.code], midnight + timedelta(seconds=one.second), one.value)
        for one in told
        if one.code in known
    ]
    inbox.put(session, readings, "own", arrived)
    return len(readings)


def _have_told(session: Session) -> bool:
    told = select(Datastream.id).where(Datastream.last_at.is_not(None), Datastream.id.in_(_ids(session)))
    return session.scalar(told.limit(1)) is not None


def _ids(session: Session) -> list[int]:
    """The datastreams of the demo: known by their codes, and illustrative."""
    codes = [one.code for one in sensor_day.sensors()]
    wanted = select(Datastream.id).join(Station, Station.id == Datastream.station_id)
    found = list(session.scalars(wanted.where(Datastream.code.in_(codes), Station.illustrative)))
    if not found:
        raise NotFound("demo.no-sensors", "The sensors of the demo are not here. Load them with: webgis demo load")
    return found


@contextmanager
def telling(runtime: Runtime, *, wait: bool) -> Iterator[bool]:
    """Whether one is the only one who tells, as long as this lasts. `Conflict` when two want to play at once."""
    with runtime.engine.connect() as connection:
        tries = 100 if wait else 1
        while not (mine := connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK})) and tries > 1:
            tries -= 1
            time.sleep(0.05)
        connection.commit()
        if wait and not mine:
            raise Conflict("demo.day-is-played", "The day is being played already; wait until it has ended")
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
                connection.commit()


def kept(settings: Settings) -> Path:
    """The file that says when the day began; it is there when a demo's sensors have begun to tell."""
    return settings.var_dir / "demo-day"


def _remember(runtime: Runtime, begin: datetime) -> None:
    path = kept(runtime.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(begin.isoformat(), encoding="utf-8")


def _begin(runtime: Runtime) -> datetime:
    """When the day that is told began; now stands where a demo begins when that is not known."""
    path = kept(runtime.settings)
    known = datetime.fromisoformat(path.read_text(encoding="utf-8")) if path.is_file() else None
    return known or begun_at(datetime.now(UTC), FIRST_MINUTE)
