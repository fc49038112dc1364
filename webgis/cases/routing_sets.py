"""Rule sets: drafts made, changed, read from and written to tables, and put in force.

Only a draft is changed; what has been in force stays as it was, since stored reasons name its rules. One set is active.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department
from webgis.accounts.queries import require_department
from webgis.cases import workflow
from webgis.cases.routing_models import RoutingRule, RoutingSet
from webgis.cases.routing_reading import (
    HEADINGS,
    LARGEST_NUMBER,
    Rule,
    bad_rule,
    bad_rules,
    read_credit_code,
    read_rule,
    repeated,
)
from webgis.cases.table_reading import read_header
from webgis.catalog import sheets
from webgis.catalog.models import CaseClass
from webgis.catalog.sheets import Fault
from webgis.catalog.standards import CURRENT
from webgis.errors import Conflict, NotFound
from webgis.geo import SRID
from webgis.grid import duty
from webgis.grid.models import CELL_CODE_LENGTH, Area, Cell

MOST_RULES = 5000
LONGEST_NAME = 100
_TURN = 0x77727365
"""Advisory lock: sets are activated one after another."""


def may_change(actor: Actor) -> None:
    """Refuse who may not change rules: they are the city's, so someone limited to an area may not."""
    permissions.require(actor, "routing.change")


def listed(session: Session) -> Sequence[Row[tuple[RoutingSet, int]]]:
    """Every rule set with the number of its rules, newest first."""
    rules = select(func.count()).where(RoutingRule.version == RoutingSet.version).scalar_subquery()
    return session.execute(select(RoutingSet, rules.label("rules")).order_by(RoutingSet.version.desc())).all()


def active(session: Session) -> RoutingSet | None:
    """The rule set in force, or None."""
    return session.scalar(select(RoutingSet).where(RoutingSet.state == "active"))


def require_set(session: Session, version: int, *, lock: bool = False) -> RoutingSet:
    """The rule set of this version, locked for a change when asked; `NotFound` otherwise."""
    found = session.get(RoutingSet, version, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        known = session.scalars(select(RoutingSet.version).order_by(RoutingSet.version.desc()).limit(20)).all()
        message = f"There is no version {version} of the rules"
        raise NotFound("cases.rule-set-unknown", message, field="version", got=version, accepted=known)
    return found


def _draft(session: Session, version: int) -> RoutingSet:
    found = require_set(session, version, lock=True)
    if found.state != "draft":
        raise Conflict(
            "cases.rule-set-not-draft",
            f"Version {version} is {found.state} and stays as it is: make a draft from it and change that",
            version=version,
            state=found.state,
        )
    found.changed_at = func.now()
    return found


def rules_of(session: Session, version: int) -> Sequence[RoutingRule]:
    """The rules of a set by number."""
    return session.scalars(select(RoutingRule).filter_by(version=version).order_by(RoutingRule.number)).all()


def new_draft(session: Session, actor: Actor, name: str, based_on: int | None = None) -> RoutingSet:
    """Make a draft, empty or with the rules of another version."""
    may_change(actor)
    if based_on is not None:
        require_set(session, based_on)
    made = RoutingSet(name=_name(name), state="draft", based_on=based_on, created_by=actor.id)
    session.add(made)
    session.flush()
    if based_on is not None:
        columns = [one.name for one in RoutingRule.__table__.columns if one.name not in ("id", "version")]
        values = select(made.version, *(RoutingRule.__table__.c[name] for name in columns)).filter_by(version=based_on)
        session.execute(insert(RoutingRule).from_select(["version", *columns], values))
    return made


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise workflow.bad_field("name", name, f"a name of 1 to {LONGEST_NAME} characters")
    return name


def drop_draft(session: Session, actor: Actor, version: int) -> None:
    """Throw a draft away, with its rules."""
    may_change(actor)
    _draft(session, version)
    session.flush()
    session.execute(delete(RoutingSet).filter_by(version=version))
    session.expire_all()


def add_rule(session: Session, actor: Actor, version: int, given: dict[str, str], crs: str = "wgs84") -> RoutingRule:
    """Add a rule, read from texts by column, to a draft; without a number it gets the next one."""
    may_change(actor)
    _draft(session, version)
    rule = _one(session, version, given, crs)
    taken = set(session.scalars(select(RoutingRule.number).filter_by(version=version)))
    if rule.number in taken:
        message = f"Version {version} has a rule {rule.number} already"
        raise Conflict("cases.rule-exists", message, field="number", got=rule.number)
    if len(taken) >= MOST_RULES or max(taken, default=0) >= LARGEST_NUMBER and rule.number is None:
        raise Conflict("cases.rule-set-full", f"A rule set has at most {MOST_RULES} rules", version=version)
    made = RoutingRule(**_row(rule, version, rule.number or max(taken, default=0) + 1))
    session.add(made)
    session.flush()
    return made


def change_rule(
    session: Session, actor: Actor, version: int, number: int, given: dict[str, str], crs: str = "wgs84"
) -> RoutingRule:
    """Replace a rule of a draft by another; its number stays."""
    may_change(actor)
    _draft(session, version)
    found = require_rule(session, version, number)
    rule = _one(session, version, given | {"number": str(number)}, crs)
    for name, value in _row(rule, version, number).items():
        setattr(found, name, value)
    session.flush()
    return found


def remove_rule(session: Session, actor: Actor, version: int, number: int) -> None:
    """Take a rule out of a draft."""
    may_change(actor)
    _draft(session, version)
    session.delete(require_rule(session, version, number))
    session.flush()


def require_rule(session: Session, version: int, number: int) -> RoutingRule:
    """The rule of this number, or `NotFound`."""
    found = session.scalar(select(RoutingRule).filter_by(version=version, number=number))
    if found is None:
        message = f"Version {version} has no rule {number}"
        raise NotFound("cases.rule-unknown", message, field="number", got=number)
    return found


def _one(session: Session, version: int, given: dict[str, str], crs: str) -> Rule:
    """One rule read and compared with the city and with the other rules of its set."""
    rule, faults = read_rule(given, crs)
    if rule is None:
        raise bad_rule(faults)
    others = [(one.number, _rule(one)) for one in rules_of(session, version) if one.number != rule.number]
    faults = [*_unknown(session, [(None, rule)]), *_never(rule, others)]
    if faults:
        raise bad_rule(faults)
    return rule


def _never(rule: Rule, others: Iterable[tuple[int, Rule]]) -> Iterable[Fault]:
    for number, other in others:
        if other.conditions() == rule.conditions():
            yield Fault(
                None,
                "department",
                f"rule {number} has the same conditions and priority, so one of the two never decides",
                f"规则 {number} 的条件和优先级相同，两者之一不会生效",
            )


def _row(rule: Rule, version: int, number: int) -> dict[str, Any]:
    """The columns of a rule."""
    values = {one: getattr(rule, one) for one in rule.__dataclass_fields__ if one != "polygon"}
    geom = None if rule.polygon is None else from_shape(rule.polygon, srid=SRID)
    days = None if rule.days is None else list(rule.days)
    return values | {"version": version, "number": number, "geom": geom, "days": days}


def _rule(row: RoutingRule) -> Rule:
    """A stored rule as it was read."""
    names = [one for one in Rule.__dataclass_fields__ if one not in ("polygon", "days")]
    polygon = None if row.geom is None else to_shape(row.geom)
    days = None if row.days is None else tuple(row.days)
    return Rule(polygon=polygon, days=days, **{name: getattr(row, name) for name in names})


def _unknown(session: Session, rules: Sequence[tuple[int | None, Rule]]) -> Iterable[Fault]:
    """What these rules name that the city does not have: departments, areas and cells, classes."""
    departments = set(session.scalars(select(Department.code)))
    places = _places(session, {rule.area_code for _row, rule in rules})
    classes = {
        (kind, code)
        for kind, code in session.execute(select(CaseClass.kind, CaseClass.code).filter_by(standard=CURRENT))
    }
    groups = {(kind, code[:2]) for kind, code in classes}
    for row, rule in rules:
        if rule.department_code not in departments:
            code = rule.department_code
            yield Fault(row, "department", f"there is no department {code}", f"没有责任部门 {code}")
        if rule.area_code not in places:
            code = rule.area_code
            yield Fault(row, "area", f"there is no area or valid cell {code}", f"没有区域或现行单元网格 {code}")
        known = groups if len(rule.class_code) == 2 else classes
        kinds = (rule.kind,) if rule.kind else ("component", "matter")
        if rule.class_code and not any((kind, rule.class_code) in known for kind in kinds):
            code = f"{rule.kind} {rule.class_code}".strip()
            yield Fault(row, "class", f"there is no class {code} in {CURRENT}", f"{CURRENT} 中没有类 {code}")


def _places(session: Session, wanted: set[str]) -> set[str]:
    areas = session.scalars(select(Area.code).where(Area.code.in_(wanted)))
    codes = [code for code in wanted if len(code) == CELL_CODE_LENGTH]
    cells = session.scalars(select(Cell.code).where(Cell.code.in_(codes), text("upper_inf(valid)")))
    return {"", *areas, *cells}


@dataclass(frozen=True)
class Imported:
    """What an import made: the version of the draft, and how many rules it has now."""

    version: int
    rules: int


def import_rules(
    session: Session,
    actor: Actor,
    sheet: sheets.Sheet,
    *,
    into: int | None = None,
    name: str | None = None,
    crs: str = "wgs84",
) -> Imported:
    """Make the rules of a table a draft's: of the draft `into`, whose rules they replace, or of a new one.

    All or nothing: any fault raises `Invalid` "cases.bad-rules" whose fact `faults` lists row, column and problem, in
    English and Chinese. Rules without a number are numbered in the order of the rows.
    """
    may_change(actor)
    draft = _draft(session, into) if into is not None else None
    rules = _checked(session, sheet, crs)
    draft = draft or new_draft(session, actor, name or "")
    session.execute(delete(RoutingRule).filter_by(version=draft.version))
    free = iter(sorted(set(range(1, len(rules) * 2 + 1)) - {rule.number for rule in rules}))
    rows = [_row(rule, draft.version, rule.number or next(free)) for rule in rules]
    session.execute(insert(RoutingRule), rows)
    session.expire_all()
    return Imported(draft.version, len(rows))


def _checked(session: Session, sheet: sheets.Sheet, crs: str) -> list[Rule]:
    columns, wrong = read_header(sheet.header, HEADINGS, ["department"])
    if wrong:
        raise bad_rules(wrong)
    found: list[tuple[int | None, Rule]] = []
    faults: list[Fault] = []
    for row in sheet.rows:
        given = {column: row.cells.get(heading, "") for column, heading in columns.items()}
        rule, wrong = read_rule(given, crs, row.number)
        faults += wrong
        if rule is not None:
            found.append((row.number, rule))
    faults += [*repeated(found), *_unknown(session, found)]
    if len(sheet.rows) > MOST_RULES:
        problem = (
            f"there are {len(sheet.rows)} rules: at most {MOST_RULES}",
            f"有 {len(sheet.rows)} 条规则，最多 {MOST_RULES}",
        )
        faults.append(Fault(sheet.rows[-1].number, "number", *problem))
    if faults:
        raise bad_rules(faults)
    return [rule for _row, rule in found]


def export_rows(session: Session, version: int) -> list[tuple]:
    """The rules of a set as rows under `EXPORT_HEADINGS`, which an import reads back; polygons are WKT, CGCS2000."""
    require_set(session, version)
    told = (facts(rule) for rule in rules_of(session, version))
    return [tuple(one[column] for column in HEADINGS) for one in told]


def facts(rule: RoutingRule) -> dict[str, Any]:
    """A rule as values by the columns of `HEADINGS`, each as it is written in a table; None where it says nothing."""
    return {
        "number": rule.number,
        "priority": rule.priority,
        "kind": rule.kind or None,
        "class": rule.class_code or None,
        "area": rule.area_code or None,
        "polygon": None if rule.geom is None else to_shape(rule.geom).wkt,
        "owner": rule.owner_code,
        "maintainer": rule.maintainer_code,
        "zone": rule.zone,
        "first_day": rule.first_day and rule.first_day.isoformat(),
        "last_day": rule.last_day and rule.last_day.isoformat(),
        "days": duty.days_text(rule.days) or None,
        "hours": duty.hours_text(rule.from_time, rule.until_time) or None,
        "department": rule.department_code,
        "remark": rule.remark,
    }


def activate(session: Session, actor: Actor, version: int, *, at: datetime) -> RoutingSet:
    """Put a rule set in force and retire the one before it, in one transaction; a retired one may come back.

    `Conflict` when it is active already or has no rules; `Invalid` when it names something that the city has no more.
    """
    may_change(actor)
    session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
    wanted = require_set(session, version, lock=True)
    if wanted.state == "active":
        raise Conflict("cases.rule-set-active", f"Version {version} is in force already", version=version)
    rules = [(rule.number, _rule(rule)) for rule in rules_of(session, version)]
    if not rules:
        raise Conflict("cases.rule-set-empty", f"Version {version} has no rules to put in force", version=version)
    if faults := list(_unknown(session, rules)):
        raise bad_rules(faults, "Rule")
    session.execute(update(RoutingSet).where(RoutingSet.state == "active").values(state="retired", retired_at=at))
    wanted.state, wanted.activated_at, wanted.activated_by, wanted.retired_at = "active", at, actor.id, None
    session.flush()
    return wanted


def set_body(session: Session, actor: Actor, department: str, credit_code: str | None) -> Department:
    """Say which legal body a department is: the unified social credit code by which the register of components names
    owners and maintainers; None: none. `Invalid` for an unknown department or a code of another form."""
    may_change(actor)
    found = require_department(session, department)
    found.credit_code = read_credit_code(credit_code or "")
    session.flush()
    return found
