"""Telemetry over HTTP: `/sta/v1.1` in the shape of OGC SensorThings 1.1, and `/api/v1/sensors` in ours.

What of SensorThings is here stands in docs/telemetry.md: to read stations, datastreams and readings, and to
send readings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import current_app, jsonify, request, url_for
from psycopg2.errors import QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from webgis import api, geo, web
from webgis.errors import NotFound
from webgis.telemetry import inbox, observations, operations, queries, wire

sta = APIBlueprint("sta", __name__, url_prefix="/sta/v1.1", tag="SensorThings")
sensors = APIBlueprint("sensors", __name__, url_prefix="/api/v1/sensors", tag="Sensors")
BLUEPRINTS = (sta, sensors)

LONGEST_QUESTION = "10s"
"""Time that the database has for one about readings."""


@sta.get("")
@sta.doc(summary="What is here", description="The collections of SensorThings that this service has.")
@web.permits("sensors.see")
def collections():
    """The collections."""
    names = {"Things": "sta.things", "Datastreams": "sta.datastreams", "Observations": "sta.observed"}
    return jsonify({"value": [{"name": name, "url": url_for(at, _external=True)} for name, at in names.items()]})


@sta.get("/Things")
@sta.doc(summary="Stations", description="`$top`, `$skip`.")
@web.permits("sensors.see")
def things():
    """Stations, by id."""
    page = wire.page(api.once(request.args))
    with web.transaction() as session:
        rows = queries.stations(session, limit=page.top + 1, skip=page.skip)
    return _page([wire.thing(row) for row in rows], page)


@sta.get("/Things(<int:number>)")
@sta.doc(summary="A station")
@web.permits("sensors.see")
def thing(number: int):
    """One station."""
    with web.transaction() as session:
        rows = queries.stations(session, only=_id(number), limit=1)
    return jsonify(wire.thing(_first(rows, number)))


@sta.get("/Things(<int:number>)/Datastreams")
@sta.doc(summary="The datastreams of a station")
@web.permits("sensors.see")
def things_datastreams(number: int):
    """The datastreams of one station."""
    page = wire.page(api.once(request.args))
    with web.transaction() as session:
        rows = queries.datastreams(session, station=_id(number), limit=page.top + 1, skip=page.skip)
    return _page([wire.datastream(row) for row in rows], page)


@sta.get("/Datastreams")
@sta.doc(summary="Datastreams", description="`$top`, `$skip`.")
@web.permits("sensors.see")
def datastreams():
    """Datastreams, by id."""
    page = wire.page(api.once(request.args))
    with web.transaction() as session:
        rows = queries.datastreams(session, limit=page.top + 1, skip=page.skip)
    return _page([wire.datastream(row) for row in rows], page)


@sta.get("/Datastreams(<int:number>)")
@sta.doc(summary="A datastream")
@web.permits("sensors.see")
def datastream(number: int):
    """One datastream."""
    with web.transaction() as session:
        rows = queries.datastreams(session, only=_id(number), limit=1)
    return jsonify(wire.datastream(_first(rows, number)))


@sta.get("/Datastreams(<int:number>)/Observations")
@sta.doc(summary="The readings of a datastream", description="`$top`, `$skip`, `$orderby`, `$filter`; newest first.")
@web.permits("sensors.see")
def datastreams_observations(number: int):
    """The readings of one datastream."""
    return _observed(_id(number))


@sta.get("/Observations")
@sta.doc(summary="Readings", description="`$filter` must name the datastream: `Datastream/id eq 12`.")
@web.permits("sensors.see")
def observed():
    """The readings of the datastream that the filter names."""
    return _observed(None)


def _observed(number: int | None):
    given = api.once(request.args)
    page, asked = wire.page(given, wire.OF_READINGS), wire.asked(given.get("$filter"), number)
    with web.transaction() as session, _in_time(session, "$filter", given.get("$filter", "")):
        _first(queries.datastreams(session, only=asked.datastream, limit=1), asked.datastream)
        rows = queries.observations(session, asked, newest_first=page.newest_first, limit=page.top + 1, skip=page.skip)
    return _page([wire.observation(asked.datastream, row) for row in rows], page)


@contextmanager
def _in_time(session: Session, field: str, got: str) -> Iterator[None]:
    """Refuse a question about readings that takes too long: whoever may see sensors may ask it again and again."""
    session.execute(text("SELECT set_config('statement_timeout', :most, true)"), {"most": LONGEST_QUESTION})
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise wire.bad_query(field, got, "a shorter span") from None
        raise


@sta.post("/Observations")
@sta.doc(
    summary="Send readings",
    description="One observation, a list of them, or `dataArray`s. 201: they are kept, and seen within a second.",
)
@web.permits("telemetry.send")
def observe():
    """Take readings in."""
    return _take(None)


@sta.post("/CreateObservations")
@sta.doc(summary="Send readings as data arrays", description="The data array extension; the same as `/Observations`.")
@web.permits("telemetry.send")
def create():
    """Take readings in, at the address of the standard's extension."""
    return _take(None)


@sta.post("/Datastreams(<int:number>)/Observations")
@sta.doc(summary="Send readings of one datastream")
@web.permits("telemetry.send")
def observe_one(number: int):
    """Take readings of one datastream in."""
    return _take(_id(number))


def _take(number: int | None):
    request.max_content_length = observations.LARGEST
    body = request.get_data()
    if len(body) > observations.LARGEST:  # of a session the CSRF check has opened the stream before the limit was set
        raise RequestEntityTooLarge
    sent = observations.read(body, number)
    arrived_at = datetime.now(UTC)
    with web.transaction() as session:
        ids = {one.datastream for one in sent if isinstance(one.datastream, int)}
        codes = {one.datastream for one in sent if isinstance(one.datastream, str)}
        known, by_code = queries.ids_of(session, ids, codes)
        if number is not None:
            observations.of_one(sent, number, by_code)
        told = []
        for index, one in enumerate(sent):
            found = by_code.get(one.datastream) if isinstance(one.datastream, str) else one.datastream
            if found is None or (isinstance(one.datastream, int) and found not in known):
                raise _no_datastream(one.datastream, index)
            told.append(inbox.Told(found, one.at or arrived_at, one.value))
        inbox.put(session, told, "http", arrived_at)
    return jsonify({"acknowledged": len(told)}), 201


def _no_datastream(named: int | str, index: int | None = None) -> NotFound:
    facts = {} if index is None else {"index": index}
    message = f"There is no datastream {named!r} in use"
    return NotFound("telemetry.unknown", message, field="Datastream", got=named, **facts)


def _id(number: int) -> int:
    if number >= 2**63:
        raise _no_datastream(number)
    return number


def _first(rows: list, number: int) -> Any:
    if not rows:
        raise _no_datastream(number)
    return rows[0]


def _page(found: list[dict[str, Any]], page: wire.Page):
    answer: dict[str, Any] = {"value": found[: page.top]}
    if len(found) > page.top:
        given = request.args.to_dict() | {"$top": str(page.top), "$skip": str(page.skip + page.top)}
        answer = {"@iot.nextLink": url_for(request.endpoint, _external=True, **request.view_args, **given)} | answer
    return jsonify(answer)


@sensors.get("")
@sensors.doc(summary="Sensors", description="Datastreams with their stations, those that fell silent first.")
@api.documented(query=wire.ListGiven)
@web.permits("sensors.see")
def listed():
    """Sensors by filters."""
    given = api.checked(wire.ListGiven, api.once(request.args))
    wanted = given.model_dump(exclude={"q"})
    with web.transaction() as session:
        found = queries.listed(session, **wanted, words=given.q)
    features = [wire.feature(row) for row in found.rows]
    return api.geojson({"type": "FeatureCollection", "features": features, "found": found.found})


@sensors.post("")
@sensors.doc(
    summary="Register a sensor", description="For administrators: a datastream with its station, or changes to it."
)
@api.documented(body=wire.NewSensor)
@web.permits("sensors.change")
def register():
    """Register a datastream and its station, or change them."""
    given = api.checked(wire.NewSensor, api.fields())
    lon, lat = geo.to_cgcs2000(given.lon, given.lat, given.crs)
    station = operations.NewStation(
        given.station,
        given.name_zh,
        given.place,
        lon,
        lat,
        given.name_en,
        given.department,
        None if given.illustrative is None else given.illustrative == "yes",
        outside=given.outside == "yes",
    )
    stream = operations.NewDatastream(
        given.code, given.station, given.quantity, given.interval_s, given.unit, given.least, given.most
    )
    with web.transaction() as session:
        watch = current_app.extensions["webgis-watch"] if given.watch == "yes" else None
        rule = operations.register(session, station, stream, web.actor(), watch)
        found = wire.feature(queries.one(session, given.code))
    found["properties"] |= {"watched_by": rule} if watch else {}
    answer = api.geojson(found, 201)
    answer.headers["Location"] = url_for("sensors.one", code=given.code)
    return answer


@sensors.get("/<code>")
@sensors.doc(summary="One sensor", description="With what became of its readings in the last 7 days, and its silences.")
@web.permits("sensors.see")
def one(code: str):
    """One datastream."""
    with web.transaction() as session:
        row = queries.one(session, code)
        since = datetime.now(web.runtime().settings.zone).date() - timedelta(days=6)
        counts = [dict(one._mapping) for one in queries.counts(session, row.id, since)]
        silences = [dict(one._mapping) for one in queries.silences(session, row.id)]
    found = wire.feature(row)
    found["properties"] |= {"counts": counts, "silences": silences}
    return api.geojson(found)


@sensors.get("/<code>/series")
@sensors.doc(
    summary="Readings for a chart", description="All when they are few, else the lowest and highest of each part."
)
@api.documented(query=wire.SeriesGiven)
@web.permits("sensors.see")
def series(code: str):
    """The readings of a span, thinned."""
    given = api.checked(wire.SeriesGiven, api.once(request.args))
    until = wire.moment_of("until", given.until) if given.until else datetime.now(UTC)
    since = wire.moment_of("since", given.since) if given.since else until - timedelta(days=1)
    if since >= until:
        raise wire.bad_query("since", given.since or "", "a moment before until")
    if until - since > wire.LONGEST_SERIES:
        raise wire.bad_query("since", given.since or "", f"at most {wire.LONGEST_SERIES.days} days before until")
    with web.transaction() as session, _in_time(session, "since", given.since or ""):
        row = queries.one(session, code)
        points = queries.series(session, row.id, since, until, given.points)
    told = [[round(at.timestamp() * 1000), value] for at, value in points]
    return jsonify({"code": row.code, "unit": row.unit, "since": since, "until": until, "points": told})
