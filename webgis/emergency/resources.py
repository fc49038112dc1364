"""Resources: what helps in an emergency and where it stands; added and changed one by one, or from a table."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from webgis import db, geo
from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department
from webgis.emergency import ground, rules, tables
from webgis.emergency.kinds import RESOURCE_KINDS
from webgis.emergency.models import Resource
from webgis.errors import Conflict, NotFound
from webgis.texts import NO, YES

COLUMNS = {
    "code": ("code", "编号"),
    "kind": ("kind", "类别"),
    "name_zh": ("name_zh", "名称"),
    "name_en": ("name_en", "名称（英文）"),
    "lon": ("lon", "经度"),
    "lat": ("lat", "纬度"),
    "department": ("department", "部门代码"),
    "amount": ("amount", "数量"),
    "phone": ("phone", "电话"),
    "address": ("address", "地址"),
    "source": ("source", "来源"),
    "illustrative": ("illustrative", "示意"),
    "active": ("active", "在用"),
}
NEEDED = ("code", "kind", "name_zh", "lon", "lat", "source")
LONGEST = {"amount": 100, "phone": 64}
MOST_LISTED = 500
_CODE = re.compile(r"[^\W_][\w.-]{0,63}")
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")


def facts(one: Resource) -> dict[str, Any]:
    """A resource by the names of the columns, in CGCS2000."""
    point = to_shape(one.geom)
    told = {name: getattr(one, name) for name in COLUMNS if name not in ("lon", "lat", "department")}
    told |= {"lon": round(point.x, 7), "lat": round(point.y, 7), "department": one.department_code}
    return {name: told[name] for name in COLUMNS}


def listed(session: Session, words: str = "", kind: str = "", most: int | None = MOST_LISTED) -> Sequence[Resource]:
    """Resources by kind and code; `words`: part of a name, a code or an address."""
    wanted = select(Resource).order_by(Resource.kind, Resource.code).limit(most)
    if words:
        part = f"%{db.like(words)}%"
        texts = (Resource.code, Resource.name_zh, Resource.name_en, Resource.address)
        wanted = wanted.where(or_(*(column.ilike(part) for column in texts)))
    return session.scalars(wanted.where(Resource.kind == kind) if kind else wanted).all()


def require(session: Session, code: str) -> Resource:
    """The resource of this code."""
    wanted = select(Resource).where(Resource.code == code).execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NotFound("emergency.resource-unknown", f"There is no resource {code[:64]}", got=code[:64])
    return found


def add(session: Session, by: Actor, given: Mapping[str, str], crs: str) -> Resource:
    """Add a resource from the texts of a form, named as the columns. `Conflict` when its code is taken."""
    session.execute(_ONE_AT_A_TIME)
    values = _values(session, given, crs, _departments(session))
    if session.scalar(select(Resource.id).where(Resource.code == values["code"])) is not None:
        raise Conflict("emergency.resource-exists", f"There is a resource {values['code']} already", field="code")
    return _store(session, by, None, values)


def change(
    session: Session, by: Actor, code: str, given: Mapping[str, str], crs: str, seen: Mapping[str, Any]
) -> Resource:
    """Make a resource as the texts of a form say; its code stays, and whether it is in use. `seen`: its facts as they
    were read. `Conflict` when it is otherwise by now."""
    session.execute(_ONE_AT_A_TIME)
    one = require(session, code)
    if facts(one) != seen:
        raise Conflict("emergency.resource-changed", f"{code} was changed by somebody else meanwhile", got=code)
    stays = {"code": code, "active": "yes" if one.active else "no"}
    return _store(session, by, one, _values(session, {**given, **stays}, crs, _departments(session)))


def use(session: Session, by: Actor, code: str, active: bool) -> Resource:
    """Take a resource out of use, or into it again: one that is out of use is near nothing."""
    session.execute(_ONE_AT_A_TIME)
    return _store(session, by, require(session, code), {"active": active})


def take_over(
    session: Session, file: Path, crs: str, by: Actor | None = None, called: str | None = None
) -> dict[str, list[str]]:
    """Store the resources of a table (`called`: its name in the log): those whose code is known become as their row
    says. The codes that were added, changed, and stood so already. Faults name their rows, and nothing is changed."""
    geo.check_crs(crs)
    departments = _departments(session)
    codes: set[str] = set()

    def one_row(cells: Mapping[str, str]) -> dict[str, Any]:
        values = _values(session, cells, crs, departments)
        if values["code"] in codes:
            raise rules.bad_field("code", values["code"], "each code once")
        codes.add(values["code"])
        return values

    session.execute(_ONE_AT_A_TIME)
    known = {one.code: one for one in session.scalars(select(Resource))}
    done: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": []}
    for values in tables.read(file, COLUMNS, NEEDED, one_row):
        one = known.get(values["code"])
        before = one and facts(one)
        after = facts(_put(session, one, values))
        done["added" if before is None else "unchanged" if before == after else "changed"].append(values["code"])
    session.flush()
    session.execute(_REDRAWN)
    counts = {name: len(codes) for name, codes in done.items()}
    admin_log.record(session, by, "emergency.resources", called or file.name, None, counts)
    return done


_ONE_AT_A_TIME = text("LOCK TABLE city.resource IN SHARE ROW EXCLUSIVE MODE")
_REDRAWN = text("SELECT fn.layer_changed('emergency')")


def _store(session: Session, by: Actor, one: Resource | None, values: Mapping[str, Any]) -> Resource:
    """Add or change one, with its line in the log."""
    before = one and facts(one)
    stored = _put(session, one, values)
    session.flush()
    session.execute(_REDRAWN)
    if before is None:
        admin_log.record(session, by, "emergency.resource", stored.code, None, facts(stored))
    else:
        admin_log.record_change(session, by, "emergency.resource", stored.code, before, facts(stored))
    return stored


def _put(session: Session, one: Resource | None, values: Mapping[str, Any]) -> Resource:
    if one is None:
        one = Resource(**values)
        session.add(one)
    else:
        for name, value in values.items():
            setattr(one, name, value)
    return one


def _departments(session: Session) -> set[str]:
    return set(session.scalars(select(Department.code)))


FAR_DEG = 0.5
"""A resource may stand in a neighbouring city, but no farther from the box of this one: some 50 km."""

_NEAR = text(
    "SELECT coalesce(bool_or(ST_DWithin(a.geom, ST_SetSRID(ST_Point(:lon, :lat), 4490), :far)), true)"
    " FROM city.area a WHERE a.parent_code IS NULL"
)


def _place(session: Session, cells: Mapping[str, str], crs: str) -> shapely.Point:
    lon, lat = geo.to_cgcs2000(*(_degrees(name, cells[name]) for name in ("lon", "lat")), crs)
    if not session.scalar(_NEAR, {"lon": lon, "lat": lat, "far": FAR_DEG}):
        raise rules.bad_field("lon", cells["lon"], "a place in the city or within some 50 km of it")
    return shapely.Point(lon, lat)


def _values(session: Session, cells: Mapping[str, str], crs: str, departments: set[str]) -> dict[str, Any]:
    """The columns of a resource from texts. `Invalid` for the first that cannot be used."""
    if cells["kind"] not in RESOURCE_KINDS:
        raise rules.bad_field("kind", cells["kind"], ", ".join(RESOURCE_KINDS))
    if cells["department"] and cells["department"] not in departments:
        raise rules.bad_field("department", cells["department"], "the code of a department")
    place = _place(session, cells, crs)
    texts = ("name_en", "amount", "phone", "address")
    return {
        "code": _code(cells["code"]),
        "kind": cells["kind"],
        "geom": ground.stored(place),
        "department_code": cells["department"] or None,
        "illustrative": _truth("illustrative", cells["illustrative"], False),
        "active": _truth("active", cells["active"], True),
        **{name: rules.words(name, cells[name], 200) for name in ("name_zh", "source")},
        **{name: rules.words(name, cells[name], LONGEST.get(name, 200)) if cells[name] else None for name in texts},
    }


def _code(given: str) -> str:
    """A code that can stand in an address."""
    if not _CODE.fullmatch(given):
        raise rules.bad_field("code", given, "1 to 64 letters, digits or . _ -, beginning with a letter or digit")
    return given


def _degrees(field: str, given: str) -> float:
    if not _DEGREES.fullmatch(given):
        raise rules.bad_field(field, given, "degrees, such as 104.065")
    return float(given)


def _truth(field: str, given: str, usual: bool) -> bool:
    if given.lower() not in (*YES, *NO, ""):
        raise rules.bad_field(field, given, ", ".join((*YES, *NO)))
    return given.lower() in YES if given else usual
