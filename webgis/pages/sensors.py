"""The pages of sensors: the list, one with its chart and what became of readings, and the form that registers one."""

from datetime import datetime, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import api, geo, web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.errors import WebgisError
from webgis.hazards import alarm_queries, watches
from webgis.maps import queries as map_queries
from webgis.pages import alarm_rule_words, sensor_words, words
from webgis.pages.blueprint import go, pages
from webgis.telemetry import operations, queries
from webgis.telemetry.quantities import PLACES, QUANTITIES, place_words, quantity_words, reading

PAGE = 50
COUNTED_DAYS = 7
FIELDS = (
    *("code", "station", "name_zh", "name_en", "place", "lon", "lat", "department", "quantity", "interval_s"),
    *("unit", "least", "most"),
)


def _shown(template: str, **values: Any) -> str:
    locale = web.locale()
    return render_template(
        f"sensors/{template}.html",
        states=sensor_words.STATES,
        quantity_word=lambda key: quantity_words(key, locale),
        place_word=lambda key: place_words(key, locale),
        value=lambda row: reading(row.last_value, row.unit),
        may_change=permissions.may(web.actor(), "sensors.change"),
        **values,
    )


@pages.get("/sensors")
@web.permits("sensors.see")
def sensor_list():
    """Sensors by filters, those that fell silent first."""
    asked = {
        name: request.args.get(name, "").replace("\0", "").strip()[:60]
        for name in ("q", "quantity", "state", "station")
    }
    asked["state"] = asked["state"] if asked["state"] in sensor_words.STATES else ""
    skip = request.args.get("skip", "")
    skip = int(skip) if skip.isascii() and skip.isdigit() and len(skip) < 7 else 0
    with web.transaction() as session:
        alarmed, counts = _alarmed(session), queries.state_counts(session)
        watched = watches.watched(session)
        state = asked["state"] if asked["state"] != "alarm" else ""
        found = queries.listed(
            session,
            quantity=asked["quantity"] or None,
            station=asked["station"] or None,
            state=state or None,
            words=asked["q"] or None,
            only=alarmed if asked["state"] == "alarm" else None,
            first=alarmed,
            limit=PAGE,
            skip=skip,
        )
    rest = {name: one for name, one in asked.items() if one}
    more = url_for("pages.sensor_list", **rest, skip=skip + PAGE) if found.found > skip + PAGE else None
    counts = counts | {"alarm": len(alarmed), "": sum(counts.values())}
    kinds = [(key, quantity_words(key, web.locale())) for key in QUANTITIES]
    return _shown(
        "list",
        rows=found.rows,
        found=found.found,
        asked=asked,
        alarmed=alarmed,
        watched=watched,
        counts=counts,
        kinds=kinds,
        more=more,
    )


def _alarmed(session: Session) -> set[int]:
    """The sensors of which an alarm stands, for those who may know of alarms."""
    return alarm_queries.in_alarm(session, web.actor()) if permissions.may(web.actor(), "alarms.see") else set()


@pages.get("/sensors/<code>")
@web.permits("sensors.see")
def sensor(code: str):
    """A sensor: how it stands, its chart with the levels of its rules, what became of its readings."""
    zone = web.runtime().settings.zone
    with web.transaction() as session:
        row = queries.one(session, code)
        since = datetime.now(zone).date() - timedelta(days=COUNTED_DAYS - 1)
        return _shown(
            "sensor",
            row=row,
            state="alarm" if row.id in _alarmed(session) else row.state,
            others=queries.listed(session, station=row.station).rows,
            counts=queries.counts(session, row.id, since),
            silences=queries.silences(session, row.id),
            rules=alarm_queries.levels_of(session, row.id),
            bound=alarm_rule_words.bound,
            fitting=watches.fitting(session, row.id, row.unit),
            may_rule=permissions.may(web.actor(), "admin.alarms"),
            fates=sensor_words.FATES,
            spans=sensor_words.SPANS,
            chart=_chart(session, row, str(zone)),
        )


def _chart(session: Session, row: Row, zone: str) -> dict[str, Any]:
    """What the chart's module needs besides the readings, which it fetches."""
    english = words.english()
    levels = [
        {"word": level["name_en" if english else "name_zh"], "hours": level.get("hours")}
        | {name: level[name] for name in ("at", "rank")}
        for rule in alarm_queries.levels_of(session, row.id)
        for level in rule.levels
        if level["measure"] == "value"
    ]
    series = url_for("sensors.series", code=row.code)
    return {"unit": row.unit, "levels": levels, "zone": zone, "series": series, "interval_s": row.interval_s}


@pages.get("/sensors/new")
@web.permits("sensors.change")
def sensor_new():
    """The empty form."""
    return _form(None, {"interval_s": 60, "watch": "yes"}, {})


@pages.get("/sensors/<code>/edit")
@web.permits("sensors.change")
def sensor_edit(code: str):
    """The form of a sensor as it is."""
    with web.transaction() as session:
        row = queries.one(session, code)
    known = {name: getattr(row, name, None) for name in FIELDS} | {"department": row.department_code}
    return _form(code, known | {"lon": round(row.lon, 6), "lat": round(row.lat, 6)}, {})


def _form(code: str | None, given: dict[str, Any], problems: dict[str, str], status: int = 200):
    locale = web.locale()
    with web.transaction() as session:
        departments = accounts.departments(session)
        bounds = map_queries.extent(session)
    page = _shown(
        "form",
        code=code,
        given=given,
        problems=problems,
        departments=departments,
        bounds=bounds,
        kinds=[(key, f"{quantity_words(key, locale)} ({one.unit})") for key, one in QUANTITIES.items()],
        places=[(key, place_words(key, locale)) for key in PLACES],
    )
    return page, status


@pages.post("/sensors/new")
@web.permits("sensors.change")
def sensor_add():
    """Register a sensor with its station."""
    return _keep(None)


@pages.post("/sensors/<code>/edit")
@web.permits("sensors.change")
def sensor_change(code: str):
    """Change a sensor or its station."""
    return _keep(code)


def _keep(code: str | None):
    given = api.form_fields(request.form)
    if code is not None:
        given["code"] = code
    try:
        station, stream = _read(given)
        with web.transaction() as session:
            watch = watches.watch_by_kind if given.get("watch") == "yes" else None
            rule = operations.register(session, station, stream, web.actor(), watch)
    except WebgisError as error:
        field = str(error.facts.get("field", "other"))
        field = {"datastream": "code", "crs": "other"}.get(field, field)
        said = words.sentence(error.code, error.message, error.facts)
        return _form(code, given, {field if field in FIELDS else "other": said}, 422)
    flash(_("Kept."), "success")
    if watch and rule is None:
        flash(_("No rule watches this sensor."), "warning")
    return redirect(url_for("pages.sensor", code=stream.code))


def _read(given: dict[str, str]) -> tuple[operations.NewStation, operations.NewDatastream]:
    """The fields of the form as the operations want them; the place is in CGCS2000 or WGS 84."""
    lon, lat = geo.to_cgcs2000(_number(given, "lon"), _number(given, "lat"), "cgcs2000")
    station = operations.NewStation(
        given.get("station", ""),
        given.get("name_zh", ""),
        given.get("place", ""),
        lon,
        lat,
        given.get("name_en", ""),
        given.get("department", ""),
        outside=given.get("outside") == "yes",
    )
    stream = operations.NewDatastream(
        given.get("code", ""),
        given.get("station", ""),
        given.get("quantity", ""),
        operations.whole("interval_s", given.get("interval_s", "")),
        given.get("unit"),
        _number(given, "least"),
        _number(given, "most"),
    )
    return station, stream


def _number(given: dict[str, str], name: str) -> float | None:
    told = given.get(name)
    return None if told is None else operations.number(name, told)


@pages.post("/sensors/<code>/use")
@web.permits("sensors.change")
def sensor_use(code: str):
    """Take a sensor into use again, or out of it."""
    with web.transaction() as session:
        operations.use_datastream(session, code, request.form.get("active") == "yes", web.actor())
    return go(url_for("pages.sensor", code=code))


@pages.post("/sensors/<code>/watch")
@web.permits("sensors.change")
def sensor_watch(code: str):
    """Have a sensor watched by a rule, or no more."""
    rule = request.form.get("rule", "")[:64].replace("\0", "")
    with web.transaction() as session:
        change = watches.unwatch if request.form.get("active") == "no" else watches.watch
        change(session, web.actor(), code, rule)
    flash(_("Kept."), "success")
    return go(url_for("pages.sensor", code=code))
