"""The rows of hazard sources: of many at once, each table by one statement. Nothing is checked here."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.hazards.source_checks import One

_COLUMNS = (
    "code text, kind text, name_zh text, name_en text, holder text, credit_code text, geom text, cell_id bigint,"
    " area_code text, department_code text, people_entered integer, remark text, source text, active boolean"
)
_ADD = text(
    f"""
    INSERT INTO city.hazard_source (code, kind, name_zh, name_en, holder, credit_code, geom, cell_id, area_code,
        department_code, people_entered, remark, source, illustrative, active, made_at, changed_at)
    SELECT n.code, n.kind, n.name_zh, n.name_en, n.holder, n.credit_code, CAST(n.geom AS geometry), n.cell_id,
           n.area_code, n.department_code, n.people_entered, n.remark, n.source, :illustrative, n.active, :at, :at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n ({_COLUMNS})
    ON CONFLICT (code) DO NOTHING RETURNING code, id
    """
)
_CHANGE = text(
    f"""
    UPDATE city.hazard_source h SET kind = n.kind, name_zh = n.name_zh, name_en = n.name_en, holder = n.holder,
        credit_code = n.credit_code, geom = CAST(n.geom AS geometry), cell_id = n.cell_id, area_code = n.area_code,
        department_code = n.department_code, people_entered = n.people_entered, remark = n.remark, source = n.source,
        active = n.active
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n ({_COLUMNS}) WHERE h.code = n.code
    """
)


def add(session: Session, ones: Sequence[One], illustrative: bool, at: Any) -> dict[str, int]:
    """Add the rows of sources; the id of each by its code. One whose code somebody else has just taken is left out."""
    if not ones:
        return {}
    values = {"rows": _json(one.columns() for one in ones), "illustrative": illustrative, "at": at}
    return dict(session.execute(_ADD, values).all())


def change(session: Session, ones: Sequence[One]) -> None:
    """Let the rows of sources be as given."""
    if ones:
        session.execute(_CHANGE, {"rows": _json(one.columns() for one in ones)})


_RETIRE = text(
    """
    UPDATE city.hazard_unit u SET active = false WHERE u.source_id = ANY(:ids) AND NOT EXISTS (
        SELECT FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (source bigint, name text)
        WHERE n.source = u.source_id AND n.name = u.name)
    """
)
_PUT_UNITS = text(
    """
    INSERT INTO city.hazard_unit (source_id, name, kind, place)
    SELECT n.source, n.name, n.kind, n.place
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (source bigint, name text, kind text, place integer)
    ON CONFLICT (source_id, name) DO UPDATE SET kind = excluded.kind, place = excluded.place, active = true
    RETURNING source_id, name, id
    """
)
_NO_STOCKS = text("DELETE FROM city.hazard_stock WHERE unit_id = ANY(:units)")
_PUT_STOCKS = text(
    """
    INSERT INTO city.hazard_stock (unit_id, place, name, quantity_t, cas, row_number, classes, checked)
    SELECT n.unit, n.place, n.name, n.quantity, n.cas, n.row, n.classes, n.checked
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (
        unit bigint, place integer, name text, quantity numeric, cas text, "row" smallint, classes text[],
        checked boolean)
    """
)


def put_units(session: Session, ones: Mapping[int, One]) -> None:
    """Let the sources (by id) have the units and stocks given."""
    units = [
        {"source": id, "name": unit.name, "kind": unit.kind, "place": place}
        for id, one in ones.items()
        for place, unit in enumerate(one.given.units)
    ]
    session.execute(_RETIRE, {"ids": list(ones), "rows": _json(units)})
    if not units:
        return
    ids = {(row.source_id, row.name): row.id for row in session.execute(_PUT_UNITS, {"rows": _json(units)})}
    session.execute(_NO_STOCKS, {"units": list(ids.values())})
    session.execute(_PUT_STOCKS, {"rows": _json(_stocks(ones, ids))})


def _stocks(ones: Mapping[int, One], ids: Mapping[tuple[int, str], int]) -> list[dict[str, Any]]:
    return [
        stock.model_dump(exclude={"unit"})
        | {
            "unit": ids[id, unit.name],
            "place": place,
            "cas": stock.cas or None,
            "quantity": str(Decimal(str(stock.quantity))),
        }
        for id, one in ones.items()
        for unit in one.given.units
        for place, stock in enumerate(unit.stocks)
    ]


_NO_STATIONS = text("DELETE FROM city.hazard_source_station WHERE source_id = ANY(:ids)")
_PUT_STATIONS = text(
    """
    INSERT INTO city.hazard_source_station (source_id, station_id)
    SELECT n.source, s.id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (source bigint, station text)
    JOIN city.station s ON s.code = n.station
    """
)


def put_stations(session: Session, ones: Mapping[int, One]) -> None:
    """Let the sources (by id) be watched by the stations given."""
    session.execute(_NO_STATIONS, {"ids": list(ones)})
    rows = [{"source": id, "station": code} for id, one in ones.items() for code in sorted(set(one.given.stations))]
    if rows:
        session.execute(_PUT_STATIONS, {"rows": _json(rows)})


def _json(rows: Any) -> str:
    return json.dumps(list(rows), ensure_ascii=False)
