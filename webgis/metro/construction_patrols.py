"""Patrols of construction zones (扬尘巡查): each is to be looked at so many times a day; what was done and missed.

A patrol is an act ("patrolled", on the phone) or the track of an inspector's shift that went through the zone. An act
is done on the spot, or says why not. Two at less than `APART` from each other are one visit: who stays an hour was
there once, who is there all day often enough.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.errors import Conflict, Invalid
from webgis.grid import queries as grid

APART = timedelta(hours=1)
"""Ours: Jinniu's rule says twice a day, not how far apart."""

LONGEST_NOTE = 500
OLDEST = timedelta(days=7)
"""What a phone kept without network is taken so long afterwards."""

AHEAD = timedelta(minutes=5)
MOST_DAYS = 92

VAGUE_M = 100.0
"""A place that is known less well is taken for known so well."""


class Spot(NamedTuple):
    """Where a phone is (CGCS2000 degrees), and how well it knows (metres)."""

    lon: float
    lat: float
    accuracy_m: float | None = None


_ACT = text(
    """
    INSERT INTO city.construction_patrol (zone_code, at, way, person_id, key, note, away_m)
    VALUES (:code, :at, 'act', :person, :key, :note, :away)
    ON CONFLICT (person_id, key) DO NOTHING
    """
)
_AWAY = text(
    "SELECT ST_Distance(ST_Transform(z.geom, :srid), ST_Transform(ST_SetSRID(ST_Point(:lon, :lat), 4490), :srid))"
    " FROM city.construction_zone z WHERE z.code = :code AND upper_inf(z.recorded)"
)
_OF_KEY = text("SELECT p.zone_code FROM city.construction_patrol p WHERE p.person_id = :person AND p.key = :key")
_PASSED = text(
    """
    INSERT INTO city.construction_patrol (zone_code, at, way, person_id)
    SELECT n.code, n.at, 'track', :person
    FROM (
        SELECT z.code, min(g.at) AS at
        FROM unnest(CAST(:ats AS timestamptz[]), CAST(:lons AS float8[]), CAST(:lats AS float8[])) AS g (at, lon, lat)
        JOIN city.construction_zone z ON ST_Covers(z.geom, ST_SetSRID(ST_Point(g.lon, g.lat), 4490))
            AND z.valid @> g.at AND upper_inf(z.recorded)
        GROUP BY z.code, date_bin(:apart, g.at, TIMESTAMPTZ '2020-01-01')
    ) n
    WHERE NOT EXISTS (
        SELECT FROM city.construction_patrol p
        WHERE p.zone_code = n.code AND p.person_id = :person AND p.way = 'track'
            AND p.at > n.at - CAST(:apart AS interval) AND p.at < n.at + CAST(:apart AS interval))
    """
)


def spot(lon: float | None, lat: float | None, crs: str, accuracy_m: float | None) -> Spot | None:
    """The place of a phone, if it told any."""
    return None if lon is None or lat is None else Spot(*geo.to_cgcs2000(lon, lat, crs), accuracy_m)


def patrolled(
    session: Session,
    code: str,
    person: int,
    at: datetime,
    key: str,
    note: str | None,
    *,
    spot: Spot | None,
    now: datetime,
) -> None:
    """Note that a person looked at a zone at a moment; the same key again is the same patrol. `Invalid` for a moment
    that cannot be, and for an act away from the zone (or nobody knows where) without a note that says why; `Conflict`
    for a key of another zone's patrol."""
    if not now - OLDEST <= at <= now + AHEAD:
        accepted = f"a moment of the last {OLDEST.days} days, with an offset"
        raise Invalid("metro.bad-patrol", f"at: {accepted}", field="at", got=at.isoformat(), accepted=accepted)
    away = _away(session, code, spot, note)
    session.execute(_ACT, {"code": code, "at": min(at, now), "person": person, "key": key, "note": note, "away": away})
    if (noted := session.scalar(_OF_KEY, {"person": person, "key": key})) != code:
        raise Conflict(
            "metro.patrol-key-used",
            f"The key {key} is that of a patrol of construction zone {noted}; a patrol of {code} needs its own",
            field="key",
            got=key,
            accepted="a key that was not used before",
        )


def _away(session: Session, code: str, spot: Spot | None, note: str | None) -> float | None:
    """Metres from the zone; None where that is not known. Without a note neither too many nor None."""
    away = None
    if spot is not None:
        away = session.scalar(_AWAY, {"code": code, "lon": spot.lon, "lat": spot.lat, "srid": grid.srid_of(session)})
    reach = session.info["settings"].verify_tolerance_m + min((spot and spot.accuracy_m) or 0, VAGUE_M)
    if not (note or "").strip() and (away is None or away > reach):
        accepted = f"a place in the zone or within {reach:.0f} m of it, or a note that says why"
        raise Invalid(
            "metro.patrol-away",
            "A patrol is done on the spot. "
            + ("No place was given" if away is None else f"This is {away:.0f} m away")
            + ". Go there, or say why in the note",
            field="note",
            distance_m=None if away is None else round(away),
            accepted=accepted,
        )
    return away


def passed(session: Session, person: int, points: Sequence[tuple[datetime, float, float]]) -> None:
    """Note the zones through which a track went: (moment, longitude, latitude) in CGCS2000. Twice does no harm."""
    ats, lons, lats = (list(column) for column in zip(*points, strict=True)) if points else ([], [], [])
    if ats:
        session.execute(_PASSED, {"person": person, "ats": ats, "lons": lons, "lats": lats, "apart": APART})


_DUTY = """
    WITH due AS (
        SELECT d::date AS day, z.code, z.name_zh, z.name_en, z.patrols AS due, z.contractor
        FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') d
        JOIN city.construction_zone z ON z.recorded @> (d::date + 1)::timestamp AT TIME ZONE :zone
            AND z.first_day <= d::date AND (z.last_day IS NULL OR d::date <= z.last_day) AND z.patrols > 0
            AND (CAST(:code AS text) IS NULL OR z.code = :code)
    ), visits AS (
        SELECT p.zone_code, (p.at AT TIME ZONE :zone)::date AS day,
               fn.visits(array_agg(p.at ORDER BY p.at), CAST(:apart AS interval)) AS done
        FROM city.construction_patrol p
        WHERE p.at >= CAST(:first AS timestamp) AT TIME ZONE :zone
            AND p.at < (CAST(:last AS date) + 1)::timestamp AT TIME ZONE :zone
            AND (CAST(:code AS text) IS NULL OR p.zone_code = :code)
        GROUP BY 1, 2
    )
    SELECT e.day, e.code, e.name_zh, e.name_en, e.contractor, e.due, coalesce(v.done, 0) AS done
    FROM due e LEFT JOIN visits v ON v.zone_code = e.code AND v.day = e.day
"""
_BY_DAY = text(f"SELECT * FROM ({_DUTY}) n ORDER BY n.day DESC, n.code")
_MISSED = text(f"SELECT * FROM ({_DUTY}) n WHERE n.done < n.due ORDER BY n.day DESC, n.code")


def duty(session: Session, first: date, last: date, code: str | None = None) -> Sequence[Row]:
    """Day, zone (code, name_zh, name_en, contractor), visits `due` and `done`, for days of the city, both included;
    due is what was known at the end of the day."""
    return session.execute(_BY_DAY, _asked(session, first, last, code)).all()


def missed(session: Session, first: date, last: date, code: str | None = None) -> Sequence[Row]:
    """Those of `duty` with fewer visits than were due."""
    return session.execute(_MISSED, _asked(session, first, last, code)).all()


def _asked(session: Session, first: date, last: date, code: str | None) -> dict:
    first = max(first, last - timedelta(days=MOST_DAYS))
    return {"first": first, "last": last, "code": code, "zone": session.info["settings"].timezone, "apart": APART}


_NEWEST = text(
    "SELECT p.at, p.way, p.note, p.away_m, e.name"
    " FROM city.construction_patrol p LEFT JOIN city.person e ON e.id = p.person_id"
    " WHERE p.zone_code = :code ORDER BY p.at DESC, p.id DESC LIMIT :most"
)


def newest(session: Session, code: str, most: int = 6) -> Sequence[Row]:
    """The last patrols of a zone: at, way, note, away_m (of an act; None: not known), name of the person."""
    return session.execute(_NEWEST, {"code": code, "most": most}).all()
