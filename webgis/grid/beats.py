"""Beats (巡查责任网格): laid out and changed, who is on duty in a cell, and what the beats leave out or cover twice.

A beat is whole unit cells (standards: 责任网格). Shifts are in the city's time and may run past midnight. What a beat
was stays readable: a change ends its row and begins another of the same code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.models import Person
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import duty


class Shift(NamedTuple):
    """When a person (an id) is on duty: ISO weekdays in order, from and until."""

    days: tuple[int, ...]
    from_time: time
    until_time: time
    person_id: int


@dataclass(frozen=True)
class Plan:
    """A beat as it shall be: its cells are codes of valid cells, in order."""

    code: str
    name_zh: str
    name_en: str | None
    cells: tuple[str, ...]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True)
class Laid:
    """What became of some plans: codes of beats that are new, changed, and as they were."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


_TURN = 0x77726267
"""Advisory lock: beats are changed one after another."""

_LOCK = text("SELECT pg_advisory_xact_lock(:turn)")
_PLANS = text(
    """
    SELECT b.code, b.name_zh, b.name_en, b.valid,
           ARRAY(SELECT c.cell_code FROM city.beat_cell c WHERE c.beat_id = b.id ORDER BY c.cell_code) AS cells,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(s.days, s.from_time, s.until_time, s.person_id)
                    ORDER BY s.id), '[]')
            FROM city.beat_shift s WHERE s.beat_id = b.id) AS shifts
    FROM city.beat b WHERE b.code = ANY(CAST(:codes AS text[])) AND upper_inf(b.valid)
    """
)
_END = text(
    "UPDATE city.beat SET valid = tstzrange(lower(valid), :at) WHERE code = :code AND upper_inf(valid) RETURNING id"
)
_ADD = text(
    """
    INSERT INTO city.beat (code, name_zh, name_en, area_code, valid, geom)
    SELECT :code, :name_zh, :name_en,
           (SELECT a.code FROM city.area a WHERE starts_with(:first, a.code) AND starts_with(:last, a.code)
            ORDER BY length(a.code) DESC LIMIT 1),
           tstzrange(:at, NULL), ST_Multi(ST_Union(c.geom))
    FROM city.cell c WHERE c.code = ANY(CAST(:cells AS text[])) AND upper_inf(c.valid)
    RETURNING id
    """
)
_ADD_CELLS = text("INSERT INTO city.beat_cell (beat_id, cell_code) SELECT :id, unnest(CAST(:cells AS text[]))")
_ADD_SHIFT = text(
    "INSERT INTO city.beat_shift (beat_id, days, from_time, until_time, person_id)"
    " VALUES (:id, CAST(:days AS smallint[]), :from_time, :until_time, :person_id)"
)
_CHANGED = text("SELECT fn.layer_changed('beats')")
_VALID = text("SELECT code FROM city.cell WHERE code = ANY(CAST(:codes AS text[])) AND upper_inf(valid)")


def lay_out(session: Session, plans: Sequence[Plan], *, at: datetime) -> Laid:
    """Make the beats of these plans be so from the moment `at` (aware) on; those that are so already are left.

    `Invalid` for a cell that is not valid, cells of several cities, or a person who is no active inspector.
    """
    session.execute(_LOCK, {"turn": _TURN})
    _check(session, plans)
    now = {plan.code: plan for plan in plans_of(session, [plan.code for plan in plans])}
    wanted = [plan for plan in plans if now.get(plan.code) != plan]
    for plan in wanted:
        if plan.code in now:
            _end(session, plan.code, at)
        _add(session, plan, at)
    changed = tuple(plan.code for plan in wanted if plan.code in now)
    return Laid(
        tuple(plan.code for plan in wanted if plan.code not in now),
        changed,
        tuple(plan.code for plan in plans if plan not in wanted),
    )


def plans_of(session: Session, codes: Sequence[str]) -> list[Plan]:
    """Beats as they are now, in the order of the codes; what is none is left out."""
    found = {row.code: row for row in session.execute(_PLANS, {"codes": list(codes)})}
    return [_plan(found[code]) for code in codes if code in found]


def _plan(row: Row) -> Plan:
    shifts = (
        Shift(tuple(days), time.fromisoformat(start), time.fromisoformat(end), person)
        for days, start, end, person in row.shifts
    )
    return Plan(row.code, row.name_zh, row.name_en, tuple(row.cells), tuple(shifts))


def require_plan(session: Session, code: str) -> Plan:
    """The beat of this code as it is now, or `NotFound`."""
    found = plans_of(session, [code])
    if not found:
        raise unknown(code)
    return found[0]


def unknown(code: str) -> NotFound:
    """The refusal for a beat that there is not."""
    return NotFound("grid.beat-unknown", f"There is no beat {code}", got=code)


def _check(session: Session, plans: Sequence[Plan]) -> None:
    for plan in plans:
        if not plan.cells or plan.cells[0][:4] != plan.cells[-1][:4]:
            raise _refused("cells", plan.code, "one cell or more, all of one city")
    asked = {cell for plan in plans for cell in plan.cells}
    if wrong := asked - valid_cells(session, asked):
        raise _refused("cells", min(wrong), "codes of valid cells")
    people = {shift.person_id for plan in plans for shift in plan.shifts}
    for person in people:
        found = session.get(Person, person)
        if found is None or found.role != "inspector" or not found.active:
            raise _refused("inspector", found and found.login, "the login of an active inspector")


def _refused(field: str, got: Any, accepted: str) -> Invalid:
    return Invalid("grid.bad-field", f"{field}: {accepted}, not {got}", field=field, got=got, accepted=accepted)


def valid_cells(session: Session, codes: Iterable[str]) -> set[str]:
    """Those of the codes that a cell bears now."""
    return set(session.scalars(_VALID, {"codes": list(codes)}))


def _add(session: Session, plan: Plan, at: datetime) -> None:
    values = {"code": plan.code, "name_zh": plan.name_zh, "name_en": plan.name_en, "at": at, "cells": list(plan.cells)}
    ends = {"first": plan.cells[0], "last": plan.cells[-1]}
    made = session.execute(_ADD, values | ends).scalar_one()
    session.execute(_ADD_CELLS, {"id": made, "cells": list(plan.cells)})
    session.execute(_CHANGED)
    if plan.shifts:
        session.execute(_ADD_SHIFT, [one._asdict() | {"id": made, "days": list(one.days)} for one in plan.shifts])


def close(session: Session, code: str, *, at: datetime) -> None:
    """End a beat at the moment `at`. `NotFound` when there is none of this code."""
    session.execute(_LOCK, {"turn": _TURN})
    require_plan(session, code)
    _end(session, code, at)


def _end(session: Session, code: str, at: datetime) -> None:
    begun = session.scalar(text("SELECT lower(valid) FROM city.beat WHERE code = :code AND upper_inf(valid)"),
                           {"code": code})  # fmt: skip
    if at <= begun:
        message = f"Beat {code} is so since {begun.isoformat()}; a change comes after that"
        raise Conflict("grid.same-moment", message, got=code)
    session.execute(_END, {"code": code, "at": at})
    session.execute(_CHANGED)


_LISTED = text(
    """
    SELECT b.code, b.name_zh, b.name_en, b.area_code, a.name_zh AS area_zh, a.name_en AS area_en,
           lower(b.valid) AS since, ST_AsGeoJSON(b.geom, 6, 0)::jsonb AS geometry,
           (SELECT count(*) FROM city.beat_cell c WHERE c.beat_id = b.id) AS cells,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('days', s.days, 'from', s.from_time, 'until', s.until_time,
                    'login', p.login, 'name', p.name) ORDER BY s.id), '[]')
            FROM city.beat_shift s JOIN city.person p ON p.id = s.person_id WHERE s.beat_id = b.id) AS shifts
    FROM city.beat b JOIN city.area a ON a.code = b.area_code
    WHERE b.valid @> CAST(:at AS timestamptz) AND starts_with(b.area_code, :area)
        AND (CAST(:code AS text) IS NULL OR b.code = :code)
        AND (:words = '' OR b.code ILIKE :part OR b.name_zh ILIKE :part OR b.name_en ILIKE :part)
    ORDER BY b.code LIMIT :most
    """
)


def listed(
    session: Session,
    at: datetime,
    area: str | None = None,
    code: str | None = None,
    *,
    words: str = "",
    most: int | None = None,
) -> Sequence[Row]:
    """The beats at a moment (of an area; the one of a code; with these `words` in code or name), with their number of
    cells and their shifts."""
    values = {"at": at, "area": area or "", "code": code, "words": words, "part": f"%{db.like(words)}%", "most": most}
    return session.execute(_LISTED, values).all()


_ON_DUTY = text("SELECT * FROM fn.on_duty(:at, :zone) WHERE starts_with(area_code, :area)")


def on_duty(session: Session, at: datetime, area: str | None = None) -> Sequence[Row]:
    """Who is on duty in which beat at a moment: beat_code, beat_zh, beat_en, area_code, person_id, login, name,
    from_time, until_time, open (cases given to them); by beat."""
    return session.execute(_ON_DUTY, {"at": at, "zone": _zone(session), "area": area or ""}).all()


_LEFT_OUT = text(
    r"""
    SELECT c.community_code, count(*) AS cells, (array_agg(c.code ORDER BY c.code))[1\:20] AS codes
    FROM city.cell c
    WHERE upper_inf(c.valid) AND starts_with(c.code, :area) AND NOT EXISTS (
        SELECT FROM city.beat_cell k JOIN city.beat b ON b.id = k.beat_id
        WHERE k.cell_code = c.code AND upper_inf(b.valid))
    GROUP BY c.community_code ORDER BY c.community_code
    """
)
_IN_BEATS = text(
    """
    SELECT k.cell_code, array_agg(b.code ORDER BY b.code) AS beats,
           EXISTS (SELECT FROM city.cell c WHERE c.code = k.cell_code AND upper_inf(c.valid)) AS valid
    FROM city.beat b JOIN city.beat_cell k ON k.beat_id = b.id
    WHERE upper_inf(b.valid) AND starts_with(k.cell_code, :area)
    GROUP BY k.cell_code ORDER BY k.cell_code
    """
)


@dataclass(frozen=True)
class Coverage:
    """What the beats of now leave out or cover twice.

    `left_out`: community, number and first codes of valid cells in no beat; `twice`: cell -> its beats; `gone`: cells
    of beats that are no longer valid -> their beats; `unmanned`: beat -> hours of a week with nobody on duty.
    """

    left_out: Sequence[Row]
    twice: dict[str, list[str]]
    gone: dict[str, list[str]]
    unmanned: dict[str, float]


def coverage(session: Session, area: str | None = None) -> Coverage:
    """What the beats of an area (or of the city) leave out or cover twice."""
    values = {"area": area or ""}
    left_out = session.execute(_LEFT_OUT, values).all()
    cells = session.execute(_IN_BEATS, values).all()
    codes = sorted({beat for cell in cells for beat in cell.beats})
    idle = {plan.code: duty.unmanned_hours(shift[:3] for shift in plan.shifts) for plan in plans_of(session, codes)}
    return Coverage(
        left_out,
        {cell.cell_code: cell.beats for cell in cells if len(cell.beats) > 1},
        {cell.cell_code: cell.beats for cell in cells if not cell.valid},
        {code: hours for code, hours in idle.items() if hours},
    )


@dataclass(frozen=True)
class Assigned:
    """Who is to look: a person's id, or None; and why, in words (`text_zh`, `text_en`) and facts."""

    person_id: int | None
    why: dict[str, Any]


_INSPECTOR_FOR = "SELECT * FROM fn.inspector_for(ST_SetSRID(ST_Point(%s, %s), 4490), %s, %s, %s, %s, %s, %s)"


def inspector_for(
    session: Session,
    lon: float,
    lat: float,
    cell_code: str,
    at: datetime,
    *,
    not_person: int | None = None,
    class_: tuple[str | None, str | None] = (None, None),
) -> Assigned:
    """The inspector on duty in a beat of the cell at the moment `at` (aware), else the nearest on duty, else nobody.

    Of several the one with the least open work. `not_person` is never chosen, nor one who is limited to another area
    or, of a class (kind and code), to others. `lon` and `lat` are CGCS2000 degrees.
    """
    rows = db.call(session, _INSPECTOR_FOR, lon, lat, cell_code, at, _zone(session), not_person, *class_)
    if not rows:
        nobody = {"how": None, "text_zh": "此刻没有采集员当班", "text_en": "No inspector is on duty at this moment"}
        return Assigned(None, nobody)
    return Assigned(rows[0].person_id, _why(rows[0]))


def login_of(session: Session, found: Assigned) -> str | None:
    """The login of who is to look."""
    return None if found.person_id is None else session.get_one(Person, found.person_id).login


def _zone(session: Session) -> str:
    return session.info["settings"].timezone


def _why(found: Any) -> dict[str, Any]:
    zh, en = f"{found.beat_code} {found.beat_zh}", f"{found.beat_code} {found.beat_en or found.beat_zh}"
    if found.inside:
        words = {"text_zh": f"责任网格 {zh} 的当班采集员", "text_en": f"On duty in beat {en}, which holds the cell"}
        return {"how": "beat", "beat": found.beat_code} | words
    metres = round(found.metres)
    words = {
        "text_zh": f"本单元网格无人当班，最近的当班责任网格是 {zh}，相距 {metres:,} 米",
        "text_en": f"Nobody is on duty in the cell; the nearest beat with someone on duty is {en}, {metres:,} m away",
    }
    return {"how": "nearest", "beat": found.beat_code, "distance_m": metres} | words
