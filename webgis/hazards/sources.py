"""What is done with hazard sources: added, changed, closed, each with its line in the log of administrative acts.

A change is whole: units and stocks are those that are given, and every unit is graded again if that changes its grade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log, permissions
from webgis.accounts.actor import Actor
from webgis.errors import Conflict, Invalid, WebgisError
from webgis.hazards import grading, persons, source_parts, source_queries
from webgis.hazards.source_checks import FARTHEST, One, check_fields, check_stations, check_units, each, good
from webgis.hazards.source_rules import bad_field, checked_code
from webgis.hazards.source_wire import ChangedSource, NewSource

_LOCK = text("SELECT id, code, version FROM city.hazard_source WHERE code = ANY(:codes) ORDER BY id FOR UPDATE")
_NEXT_VERSION = text("UPDATE city.hazard_source SET version = version + 1, changed_at = :at WHERE id = ANY(:ids)")
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
    return _only(put_all(session, actor, [(given.code, given)], at=at, illustrative=illustrative))


def change(session: Session, actor: Actor | None, code: str, given: ChangedSource, *, at: datetime) -> Kept:
    """Let a hazard source be as it is given; its grades are found anew where they follow from what changed.

    `Conflict` when there is a newer version than the one that the change was made up for.
    """
    return _only(put_all(session, actor, [(code, given)], at=at))


def _only(done: Sequence[Kept | WebgisError]) -> Kept:
    (one,) = done
    if isinstance(one, WebgisError):
        raise one
    return one


def put_all(
    session: Session,
    actor: Actor | None,
    wanted: Sequence[tuple[str, NewSource | ChangedSource]],
    *,
    at: datetime,
    illustrative: bool = False,
    farthest: int = FARTHEST,
) -> list[Kept | WebgisError]:
    """Add and change sources, each code once: what became of each, or why it is refused. With a refusal among them the
    caller rolls back. `farthest`: of how many places outside the city the nearest cell is told."""
    _require(actor)
    ones = [One(code, given) for code, given in wanted]
    _lock(session, ones)
    each(ones, _check_version)
    check_fields(session, ones, farthest)
    each(ones, _check_code)
    each(ones, check_units)
    check_stations(session, ones)
    before = source_queries.told(session, [one.code for one in good(ones) if one.version is not None])
    stored = _store(session, ones, illustrative, at)
    _grade(session, stored, at, actor)
    _put_persons(session, stored)
    kept = _noted(session, actor, good(ones), before, at)
    return [one.refusal or kept[one.code] for one in ones]


def _lock(session: Session, ones: Sequence[One]) -> None:
    """Hold those that are there already, and note which version they are."""
    rows = {row.code: row for row in session.execute(_LOCK, {"codes": [one.code for one in ones]})}
    for one in ones:
        if one.code in rows:
            one.id, _code, one.version = rows[one.code]


def _check_version(one: One) -> None:
    if isinstance(one.given, NewSource):
        return
    if one.version is None:
        raise source_queries.unknown(one.code)
    if one.given.version is not None and one.given.version != one.version:
        raise Conflict(
            "hazards.source-stale",
            f"Hazard source {one.code} has changed since version {one.given.version}; read it again",
            field="version",
            got=one.given.version,
            version=one.version,
        )


def _check_code(one: One) -> None:
    if isinstance(one.given, NewSource):
        checked_code(one.code)
        if one.version is not None:
            raise _exists(one.code)


def _exists(code: str) -> Conflict:
    return Conflict("hazards.source-exists", f"There is a hazard source {code} already", field="code", got=code)


def _store(session: Session, ones: Sequence[One], illustrative: bool, at: datetime) -> dict[int, One]:
    """Write the rows of those that are not refused; these, by their ids."""
    new = [one for one in good(ones) if one.version is None]
    made = source_parts.add(session, new, illustrative, at)
    for one in new:
        one.id = made.get(one.code)
        one.refusal = _exists(one.code) if one.id is None else None
    source_parts.change(session, [one for one in good(ones) if one.version is not None])
    stored = {one.id: one for one in good(ones)}
    source_parts.put_units(session, stored)
    source_parts.put_stations(session, stored)
    return stored


def _grade(session: Session, stored: Mapping[int, One], at: datetime, actor: Actor | None) -> None:
    """Grade their units; who cannot be graded is refused."""
    for id, done in grading.regrade(session, list(stored), at=at, person_id=actor.id if actor else None).items():
        if isinstance(done, Invalid):
            stored[id].refusal = done
        else:
            stored[id].grades = done


def _put_persons(session: Session, stored: Mapping[int, One]) -> None:
    """Put who is in charge where it is given; a new source without has nobody."""
    given = {id: one.given.persons for id, one in stored.items() if one.refusal is None}
    for id, done in persons.put_all(session, {id: one for id, one in given.items() if one is not None}).items():
        if isinstance(done, Invalid):
            stored[id].refusal = done
        else:
            stored[id].persons = done


def _noted(
    session: Session, actor: Actor | None, ones: Sequence[One], before: Mapping[str, Any], at: datetime
) -> dict[str, Kept]:
    """What became of each by its code, with its line in the log, and its next version where it has changed."""
    after = source_queries.told(session, [one.code for one in ones])
    kept = {one.code: _kept(one, before.get(one.code), after[one.code]) for one in ones}
    acts = [_act(kept[one.code], before.get(one.code), after[one.code]) for one in ones]
    admin_log.record_all(session, actor, [act for act in acts if act is not None])
    others = [one.id for one in ones if one.version is not None and (kept[one.code].changed or one.grades)]
    session.execute(_NEXT_VERSION, {"ids": others, "at": at})
    if others or any(one.added for one in kept.values()):
        session.execute(_CHANGED)
    return kept


def _kept(one: One, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Kept:
    if before is None:
        return Kept(one.code, True, {}, one.grades)
    names = [*(["persons"] if one.persons else []), *(name for name in after if after[name] != before[name])]
    shown = {name: [told.get(name) for told in (before, after)] for name in names}
    return Kept(one.code, False, shown | {"outline": [None, None]} if "outline" in shown else shown, one.grades)


def _act(kept: Kept, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> admin_log.Act | None:
    """The line of the log; None where nothing has changed."""
    if before is None:
        return admin_log.Act("hazards.add", kept.code, None, after)
    if not kept.changed:
        return None
    was, now = ({name: told[name] for name in kept.changed if name in told} for told in (before, after))
    return admin_log.Act("hazards.change", kept.code, was, now | {"changed": list(kept.changed)})


def standing(session: Session, codes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Sources by code as `change` takes them, but for outline and persons; they are held until the transaction ends."""
    session.execute(_LOCK, {"codes": list(codes)})
    units = source_queries.units_given(session, codes)
    columns = (*("kind", "name_zh", "name_en", "holder", "credit_code", "department", "people"), "remark", "source")
    return {
        code: {name: told[name] for name in (*columns, "stations")}
        | {"units": units[code], "state": "active" if told["active"] else "closed"}
        for code, told in source_queries.told(session, codes).items()
    }


def _require(actor: Actor | None) -> None:
    if actor is not None:
        permissions.require(actor, "hazards.change")


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
