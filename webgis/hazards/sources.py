"""What is done with hazard sources: added, changed, closed, each with its line in the log of administrative acts.

A change is whole: units and stocks are those that are given, and every unit is graded again if that changes its grade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log, permissions
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.errors import Conflict, Invalid
from webgis.geo import SRID
from webgis.grid import queries as grid
from webgis.hazards import grading, persons, source_queries
from webgis.hazards.source_rules import bad_field, checked_code, checked_credit_code
from webgis.hazards.source_wire import ChangedSource, NewSource, SourceGiven, UnitGiven, outline

_ADD = text(
    """
    INSERT INTO city.hazard_source (code, kind, name_zh, name_en, holder, credit_code, geom, cell_id, area_code,
        department_code, people_entered, remark, source, illustrative, active, made_at, changed_at)
    VALUES (:code, :kind, :name_zh, :name_en, :holder, :credit_code, :geom, :cell_id, :area_code, :department_code,
        :people_entered, :remark, :source, :illustrative, :active, :at, :at)
    ON CONFLICT (code) DO NOTHING RETURNING id
    """
)
_CHANGE = text(
    """
    UPDATE city.hazard_source SET kind = :kind, name_zh = :name_zh, name_en = :name_en, holder = :holder,
        credit_code = :credit_code, geom = :geom, cell_id = :cell_id, area_code = :area_code,
        department_code = :department_code, people_entered = :people_entered, remark = :remark, source = :source,
        active = :active
    WHERE id = :id
    """
)
_PLACE = text(
    """
    SELECT c.id AS cell_id, c.community_code, ST_X(p.place) AS lon, ST_Y(p.place) AS lat,
           EXISTS (SELECT 1 FROM city.area a WHERE ST_Intersects(a.geom, p.place)) AS in_city
    FROM (SELECT ST_PointOnSurface(CAST(:geom AS geometry)) AS place) p
    CROSS JOIN LATERAL fn.cell_at(p.place) c
    """
)
_LOCK = text("SELECT id, version FROM city.hazard_source WHERE code = :code FOR UPDATE")
_NEXT_VERSION = text("UPDATE city.hazard_source SET version = version + 1, changed_at = :at WHERE id = :id")
_CHANGED = text("SELECT fn.layer_changed('hazards')")


@dataclass(frozen=True)
class Kept:
    """What became of a source: `added`, or what changed (the name of a field: what it was and is; of persons and
    outline nothing that could be read), and how many new grades there are."""

    code: str
    added: bool
    changed: Mapping[str, Sequence[Any]]
    grades: int


def add(session: Session, actor: Actor | None, given: NewSource, *, at: datetime, illustrative: bool = False) -> Kept:
    """Add a hazard source and grade its units. Every fault is `Invalid`; `Conflict` when the code is in use."""
    _require(actor)
    fields = _fields(session, given) | {"code": checked_code(given.code), "illustrative": illustrative, "at": at}
    source_id = session.scalar(_ADD, fields)
    if source_id is None:
        raise Conflict(
            "hazards.source-exists", f"There is a hazard source {given.code} already", field="code", got=given.code
        )
    made = _put_parts(session, actor, source_id, given, at)
    persons.put(session, source_id, given.persons or [])
    session.execute(_CHANGED)
    admin_log.record(session, actor, "hazards.add", given.code, None, source_queries.told(session, given.code))
    return Kept(given.code, True, {}, made)


def change(session: Session, actor: Actor | None, code: str, given: ChangedSource, *, at: datetime) -> Kept:
    """Let a hazard source be as it is given; its grades are found anew where they follow from what changed.

    `Conflict` when there is a newer version than the one that the change was made up for.
    """
    _require(actor)
    row = session.execute(_LOCK, {"code": code}).one_or_none()
    if row is None:
        raise source_queries.unknown(code)
    if given.version is not None and given.version != row.version:
        raise Conflict(
            "hazards.source-stale",
            f"Hazard source {code} has changed since version {given.version}; read it again",
            field="version",
            got=given.version,
            version=row.version,
        )
    before = source_queries.told(session, code)
    session.execute(_CHANGE, _fields(session, given) | {"id": row.id, "at": at})
    made = _put_parts(session, actor, row.id, given, at)
    changed = ["persons"] if given.persons is not None and persons.put(session, row.id, given.persons) else []
    after = source_queries.told(session, code)
    changed += [name for name in after if after[name] != before[name]]
    if changed or made:
        session.execute(_NEXT_VERSION, {"id": row.id, "at": at})
        session.execute(_CHANGED)
    told = [{name: one[name] for name in changed if name in one} for one in (before, after)]
    if changed:
        admin_log.record(session, actor, "hazards.change", code, told[0], told[1] | {"changed": changed})
    shown = {name: [one.get(name) for one in told] if name != "outline" else [None, None] for name in changed}
    return Kept(code, False, shown, made)


def standing(session: Session, code: str) -> dict[str, Any]:
    """A source as `change` takes it, but for outline and persons; it is locked until the transaction ends."""
    source_id, _version = session.execute(_LOCK, {"code": code}).one()
    told = source_queries.told(session, code)
    units = [
        {"name": unit.name, "kind": unit.kind, "stocks": unit.stocks}
        for unit in source_queries.units(session, source_id)
    ]
    columns = (*("kind", "name_zh", "name_en", "holder", "credit_code", "department", "people"), "remark", "source")
    return {name: told[name] for name in (*columns, "stations")} | {
        "units": units,
        "state": "active" if told["active"] else "closed",
    }


def _require(actor: Actor | None) -> None:
    if actor is not None:
        permissions.require(actor, "hazards.change")


def _fields(session: Session, given: SourceGiven) -> dict[str, Any]:
    """The columns of a source, checked."""
    if given.kind not in (known := source_queries.kinds(session)):
        raise bad_field("kind", given.kind, list(known))
    if given.department is not None:
        accounts.require_department(session, given.department)
    shape = outline(given, partial(grid.srid_at, session))
    geom = shapely.to_wkb(shapely.set_srid(shape, SRID), hex=True, include_srid=True)
    place = session.execute(_PLACE, {"geom": geom}).one()
    if not place.in_city:
        raise _outside(session, place.lon, place.lat)
    return {
        "kind": given.kind,
        "name_zh": given.name_zh,
        "name_en": given.name_en,
        "holder": given.holder,
        "credit_code": checked_credit_code(given.credit_code),
        "geom": geom,
        "cell_id": place.cell_id,
        "area_code": place.community_code,
        "department_code": given.department,
        "people_entered": given.people,
        "remark": given.remark,
        "source": given.source,
        "active": given.state == "active",
    }


def _outside(session: Session, lon: float, lat: float) -> Invalid:
    near = grid.nearest_cell(session, lon, lat)
    facts = {} if near is None else {"nearest": near[0].code, "distance_m": round(near[1], 1)}
    return bad_field("geometry", [lon, lat], "an outline inside the city", **facts)


def _put_parts(session: Session, actor: Actor | None, source_id: int, given: SourceGiven, at: datetime) -> int:
    """Units, stocks and stations as given, and the grades that follow."""
    names = [unit.name for unit in given.units]
    if len(set(names)) < len(names):
        raise bad_field("units", names, "units of different names")
    session.execute(_RETIRE, {"id": source_id, "names": names})
    for place, unit in enumerate(given.units):
        _put_unit(session, source_id, place, unit)
    _put_stations(session, source_id, given.stations)
    return grading.regrade(session, source_id, at=at, person_id=actor.id if actor else None)


_RETIRE = text("UPDATE city.hazard_unit SET active = false WHERE source_id = :id AND name <> ALL(:names)")
_PUT_UNIT = text(
    "INSERT INTO city.hazard_unit (source_id, name, kind, place) VALUES (:id, :name, :kind, :place)"
    " ON CONFLICT (source_id, name) DO UPDATE SET kind = :kind, place = :place, active = true RETURNING id"
)
_NO_STOCKS = text("DELETE FROM city.hazard_stock WHERE unit_id = :unit")
_PUT_STOCK = text(
    "INSERT INTO city.hazard_stock (unit_id, place, name, quantity_t, cas, row_number, classes, checked)"
    " VALUES (:unit, :place, :name, :quantity, :cas, :row, :classes, :checked)"
)


def _put_unit(session: Session, source_id: int, place: int, unit: UnitGiven) -> None:
    grading.check(unit.name, [stock.stock() for stock in unit.stocks])
    values = {"id": source_id, "name": unit.name, "kind": unit.kind, "place": place}
    unit_id = session.scalar(_PUT_UNIT, values)
    session.execute(_NO_STOCKS, {"unit": unit_id})
    for number, stock in enumerate(unit.stocks):
        values = stock.model_dump(exclude={"unit"}) | {"unit": unit_id, "place": number, "cas": stock.cas or None}
        values |= {"quantity": Decimal(str(stock.quantity))}
        session.execute(_PUT_STOCK, values)


_NO_STATIONS = text("DELETE FROM city.hazard_source_station WHERE source_id = :id")
_PUT_STATIONS = text(
    "INSERT INTO city.hazard_source_station (source_id, station_id)"
    " SELECT :id, s.id FROM city.station s WHERE s.code = ANY(:codes) RETURNING 1"
)


def _put_stations(session: Session, source_id: int, codes: Sequence[str]) -> None:
    wanted = sorted(set(codes))
    session.execute(_NO_STATIONS, {"id": source_id})
    if wanted and len(session.execute(_PUT_STATIONS, {"id": source_id, "codes": wanted}).all()) < len(wanted):
        known = set(session.scalars(text("SELECT code FROM city.station WHERE code = ANY(:codes)"), {"codes": wanted}))
        missing = [code for code in wanted if code not in known]
        raise bad_field("stations", missing, "codes of stations that are registered")


def add_kind(session: Session, actor: Actor | None, code: str, name_zh: str, name_en: str | None) -> None:
    """Let a city have a kind of source of its own, or call one of its own otherwise."""
    _require(actor)
    if not source_queries.may_be_kind(code):
        raise bad_field("code", code, "2 to 40 of a-z, 0-9 and underscore, a letter first, none of the kinds that ship")
    if not name_zh.strip():
        raise bad_field("name_zh", name_zh, "a name")
    session.execute(
        text(
            "INSERT INTO city.hazard_kind (code, name_zh, name_en) VALUES (:code, :name_zh, :name_en)"
            " ON CONFLICT (code) DO UPDATE SET name_zh = :name_zh, name_en = :name_en"
        ),
        {"code": code, "name_zh": name_zh.strip(), "name_en": (name_en or "").strip() or None},
    )
    admin_log.record(session, actor, "hazards.kind", code, None, {"name_zh": name_zh, "name_en": name_en})
