"""The shifts that inspectors work: they check in and out themselves, and the phone sends where they were meanwhile.

A shift that is forgotten is ended by the engine. The track is erased by `retention`; what remains is how long
somebody was in each cell on a day, without who (`city.patrol_time`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db, geo
from webgis.accounts.actor import Actor
from webgis.cases import intake, workflow
from webgis.errors import NotFound
from webgis.metro import construction_patrols

LONGEST = timedelta(hours=16)
"""A shift of which nothing was heard for so long was forgotten: it ended with the last that was heard."""

OLDEST = timedelta(days=7)
"""What a phone kept without network is taken so long afterwards."""

AHEAD = timedelta(minutes=5)
"""A phone's clock may be ahead by so much."""

LONGEST_GAP_S = 600
"""The time between two points counts up to this: after it nobody knows where the phone was."""

LEAST_ACCURATE_M = 60.0
"""A position less accurate than this says nothing of a cell of 100 m."""

SEEN = timedelta(minutes=30)
"""Who was last seen on a shift longer ago is nowhere in particular (`fn.crews_on`)."""

MOST_POINTS = 500


@dataclass(frozen=True)
class Point:
    """Where the phone was: a moment (aware), degrees in CGCS2000, metres of accuracy or None."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None


_COLUMNS = "w.id, w.key, w.began_at, w.ended_at, w.ended_by, w.last_at"
_TURN = text("SELECT id FROM city.person WHERE id = :person FOR NO KEY UPDATE")
_OF_KEY = text(f"SELECT {_COLUMNS} FROM city.shift w WHERE w.person_id = :person AND w.key = :key")
_OPEN = text(f"SELECT {_COLUMNS} FROM city.shift w WHERE w.person_id = :person AND w.ended_at IS NULL")
_BEGIN = text(
    f"INSERT INTO city.shift AS w (person_id, key, began_at) VALUES (:person, :key, :at) RETURNING {_COLUMNS}"
)
_END = text(
    "UPDATE city.shift AS w SET ended_at = greatest(:at, w.began_at), ended_by = :by WHERE w.id = :id"
    f" RETURNING {_COLUMNS}"
)
_FORGOTTEN = text(
    "UPDATE city.shift SET ended_at = coalesce(last_at, began_at), ended_by = 'engine'"
    " WHERE ended_at IS NULL AND coalesce(last_at, began_at) < :before"
)
_ADD = "SELECT fn.add_track(%s, %s::timestamptz[], %s, %s, %s::float8[], %s, %s, %s, %s) AS added"


def check_in(session: Session, actor: Actor, key: str, began: datetime, *, at: datetime) -> Row:
    """Begin a shift at the moment `began` (aware, by the phone's clock); the same key again is the same shift.

    Whoever is on a shift already ends it by beginning another. `Invalid` for a moment that cannot be.
    """
    intake.check_key(key)
    began = _moment("at", began, at)
    session.execute(_TURN, {"person": actor.id})
    before = session.execute(_OF_KEY, {"person": actor.id, "key": key}).one_or_none()
    if before is not None:
        return before
    if (running := current(session, actor)) is not None:
        _end(session, running, min(running.last_at or running.began_at, began), "engine")
    return session.execute(_BEGIN, {"person": actor.id, "key": key, "at": began}).one()


def check_out(session: Session, actor: Actor, key: str, ended: datetime, *, at: datetime) -> Row:
    """End the shift of this key at the moment `ended`; one that has ended stays as it is."""
    shift = _locked(session, actor, key)
    if shift.ended_at is not None:
        return shift
    return _end(session, shift, _moment("at", ended, at), "person")


def add_track(session: Session, actor: Actor, key: str, points: Sequence[Point], *, at: datetime) -> int:
    """Add points to the track of the shift of this key; returns how many are new. Points from before the shift, after
    its end and ones that came before are left out. Construction zones that the track goes through are patrolled."""
    shift = _locked(session, actor, key)
    latest = shift.ended_at or at + AHEAD
    columns = ([getattr(one, name) for one in points] for name in ("at", "lon", "lat", "accuracy_m"))
    zone = session.info["settings"].timezone
    added = db.call(session, _ADD, shift.id, *columns, latest, zone, LONGEST_GAP_S, LEAST_ACCURATE_M)[0].added
    if added:
        there = [one for one in points if one.at <= latest and (one.accuracy_m or 0) <= LEAST_ACCURATE_M]
        construction_patrols.passed(session, actor.id, [(one.at, one.lon, one.lat) for one in there])
    return added


def _locked(session: Session, actor: Actor, key: str) -> Row:
    session.execute(_TURN, {"person": actor.id})
    shift = session.execute(_OF_KEY, {"person": actor.id, "key": key}).one_or_none()
    if shift is None:
        raise NotFound("cases.shift-unknown", "There is no such shift of yours: check in first", key=key)
    return shift


def _end(session: Session, shift: Row, at: datetime, by: str) -> Row:
    return session.execute(_END, {"id": shift.id, "at": at, "by": by}).one()


def _moment(field: str, given: datetime, now: datetime) -> datetime:
    if not now - OLDEST <= given <= now + AHEAD:
        accepted = f"a moment of the last {OLDEST.days} days, with an offset"
        raise workflow.bad_field(field, given.isoformat(), accepted)
    return min(given, now)


def point(at: datetime, lon: float, lat: float, crs: str, accuracy_m: float | None) -> Point:
    """A point as it is kept; `Invalid` for what are no degrees."""
    return Point(at, *geo.to_cgcs2000(lon, lat, crs), accuracy_m)


def tidy(session: Session, at: datetime) -> int:
    """End forgotten shifts; returns how many. Tracks are erased by `retention`."""
    return session.execute(_FORGOTTEN, {"before": at - LONGEST}).rowcount


# Questions


def current(session: Session, actor: Actor) -> Row | None:
    """The shift that this person is on, or None."""
    return session.execute(_OPEN, {"person": actor.id}).one_or_none()


_LISTED = text(
    """
    SELECT w.id, p.login, p.name, w.began_at, w.ended_at, w.ended_by, w.last_at,
           count(DISTINCT t.cell_id) AS cells, count(t.at) AS points
    FROM city.shift w
    JOIN city.person p ON p.id = w.person_id
    LEFT JOIN city.track t ON t.shift_id = w.id
    WHERE w.began_at >= :since AND w.began_at < :until
        AND (CAST(:person AS integer) IS NULL OR w.person_id = :person)
        AND (CAST(:area AS text) IS NULL OR EXISTS (
            SELECT FROM city.track k JOIN city.cell c ON c.id = k.cell_id
            WHERE k.shift_id = w.id AND starts_with(c.code, :area)))
    GROUP BY w.id, p.id ORDER BY w.began_at DESC, w.id DESC LIMIT :most
    """
)
_TRACK = text(
    "SELECT t.at, ST_X(t.geom) AS lon, ST_Y(t.geom) AS lat, t.accuracy_m, c.code AS cell"
    " FROM city.track t JOIN city.shift w ON w.id = t.shift_id LEFT JOIN city.cell c ON c.id = t.cell_id"
    " WHERE w.id = :id AND (CAST(:person AS integer) IS NULL OR w.person_id = :person)"
    " AND (CAST(:area AS text) IS NULL OR starts_with(c.code, :area)) ORDER BY t.at"
)
_ONE = text(
    "SELECT w.id FROM city.shift w WHERE w.id = :id AND (CAST(:person AS integer) IS NULL OR w.person_id = :person)"
)


def listed(
    session: Session,
    since: datetime,
    until: datetime,
    *,
    person: int | None = None,
    area: str | None = None,
    most: int = 500,
) -> Sequence[Row]:
    """Shifts begun between two moments, newest first: of a person, or those whose track touches an area."""
    given = {"since": since, "until": until, "person": person, "area": area, "most": most}
    return session.execute(_LISTED, given).all()


def track(session: Session, shift: int, *, person: int | None = None, area: str | None = None) -> Sequence[Row]:
    """The track of a shift (at, lon, lat, accuracy_m, cell), as far as it lies in an area. `NotFound` for one that
    there is not, or that is not this person's."""
    given = {"id": shift, "person": person}
    if session.execute(_ONE, given).one_or_none() is None:
        raise NotFound("cases.shift-unknown", f"There is no shift {shift}", number=shift)
    return session.execute(_TRACK, given | {"area": area}).all()


_WALKED = text(
    "SELECT ST_X(t.geom) AS lon, ST_Y(t.geom) AS lat FROM city.track t JOIN city.shift w ON w.id = t.shift_id"
    " WHERE w.person_id = :person AND t.at >= :since ORDER BY t.at"
)


def walked(session: Session, actor: Actor, since: datetime) -> Sequence[Row]:
    """Where this person was on their shifts since a moment: lon, lat, oldest first."""
    return session.execute(_WALKED, {"person": actor.id, "since": since}).all()


_BEATS = text(
    "SELECT b.*, ST_Distance(b.geom::geography, ST_SetSRID(ST_Point(CAST(:lon AS float8), CAST(:lat AS float8)), 4490)"
    "::geography) AS metres FROM fn.beats_of(:person, :at, :since) b"
    " ORDER BY metres NULLS LAST, b.code"
)
_CELLS = text(
    """
    SELECT c.code, ST_AsGeoJSON(c.geom, 6, 0)::jsonb AS geometry,
           (SELECT max(t.at) FROM city.track t WHERE t.cell_id = c.id AND t.at >= :since) AS visited_at
    FROM city.beat_cell k JOIN city.cell c ON c.code = k.cell_code AND upper_inf(c.valid)
    WHERE k.beat_id = :beat ORDER BY c.code
    """
)


def beats_of(
    session: Session, actor: Actor, at: datetime, since: datetime, place: tuple[float, float] | None = None
) -> Sequence[Row]:
    """The beats of this person, the nearest to a place (CGCS2000 degrees) first: beat_id, code, names, geom, cells, and
    how many of these anybody on shift has visited `since`."""
    lon, lat = place or (None, None)
    return session.execute(_BEATS, {"person": actor.id, "at": at, "since": since, "lon": lon, "lat": lat}).all()


def cells_of(session: Session, beat_id: int, since: datetime) -> Sequence[Row]:
    """The cells of a beat: code, geometry (GeoJSON), and when somebody on shift was there last `since`."""
    return session.execute(_CELLS, {"beat": beat_id, "since": since}).all()
