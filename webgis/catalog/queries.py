"""Questions about classes, filing standards and conditions."""

from collections.abc import Collection, Sequence

from sqlalchemy import Row, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from webgis import db
from webgis.catalog import rules, standards
from webgis.catalog.models import CaseClass, FilingCondition, FilingStandard
from webgis.catalog.standards import CURRENT
from webgis.errors import Conflict, Invalid, NotFound, WebgisError

CITY_DIGITS = 4


def find_class(session: Session, kind: str, code: str, standard: str | None = None) -> CaseClass | None:
    """The class with this kind and code in `standard` (today's when None), or None."""
    return session.get(CaseClass, (standard or CURRENT, kind, code))


def require_class(session: Session, kind: str, code: str, standard: str | None = None) -> CaseClass:
    """The class, or `Invalid` "catalog.class-unknown" naming those that may have been meant."""
    standard = rules.require_standard(standard or CURRENT)
    found = find_class(session, kind, code, standard)
    if found:
        return found
    raise unknown_class(session, kind, code, standard, Invalid)


def unknown_class(session: Session, kind: str, code: str, standard: str, refusal: type[WebgisError]) -> WebgisError:
    """The refusal for a class that does not exist, with the classes that may have been meant."""
    near = _near(session, kind, code, standard)
    names = [f"{one.kind} {one.code} {one.name_zh} ({one.name_en or one.name_zh})" for one in near]
    return refusal(
        "catalog.class-unknown",
        f"There is no class {code!r} of kind {kind!r} in {standard}"
        + (f". Near it: {', '.join(names)}" if near else ""),
        field="class",
        got=code,
        accepted=[{"kind": one.kind, "class": one.code, "name_zh": one.name_zh, "name_en": one.name_en} for one in near]
        or f"kind component or matter, and a {rules.code_digits(standard)}-digit code of {standard}",
    )


def classes(
    session: Session, kind: str | None = None, standard: str | None = None, q: str | None = None
) -> list[CaseClass]:
    """Classes of `standard` (today's when None) by code; `q` is looked for in code, Chinese and English name."""
    query = select(CaseClass).where(CaseClass.standard == (standard or CURRENT))
    if kind:
        query = query.where(CaseClass.kind == kind)
    if q and q.strip():
        words = q.strip()
        query = query.where(
            or_(
                CaseClass.code.startswith(words, autoescape=True),
                CaseClass.name_zh.contains(words, autoescape=True),
                CaseClass.name_en.icontains(words, autoescape=True),
            )
        )
    return list(session.scalars(query.order_by(CaseClass.kind, CaseClass.code)))


def majors(session: Session) -> Sequence[Row]:
    """The major classes of today's standard: kind, code, name_zh, name_en."""
    names = (
        CaseClass.major_code.label("code"),
        CaseClass.major_zh.label("name_zh"),
        CaseClass.major_en.label("name_en"),
    )
    query = select(CaseClass.kind, *names).where(CaseClass.standard == CURRENT).distinct()
    return session.execute(query.order_by(CaseClass.kind, CaseClass.major_code)).all()


def condition(session: Session, id: int) -> FilingCondition | None:
    """The filing condition with this id, of whatever version, or None."""
    return session.get(FilingCondition, id)


def conditions_of(session: Session, kind: str, code: str, city_code: str | None = None) -> list[FilingCondition]:
    """Conditions for a class in the city's active filing standard, in its order; empty when it has none.

    `city_code` is a city or any code that begins with one (area, cell); it may be left out while only one city has an
    active standard, else `Conflict`. A matter that is the abnormality of a component (GB/T 47678.5-2026: same code,
    "...异常") and has no conditions of its own has those of the component.
    """
    return conditions_by_class(session, [(kind, code)], city_code)[kind, code]


def offered(session: Session, kind: str, code: str, place: str) -> list[Row]:
    """The conditions on which a class may be filed at a place (code of a cell or area), in one statement.

    Columns of `city.filing_condition`; the same as `conditions_of` with the place's code.
    """
    return db.call(session, "SELECT * FROM fn.offered_conditions(%s, %s, %s)", kind, code, place)


_OFFERED = """
    SELECT w.n, f.* FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS w (kind, class_code, place, n),
         LATERAL fn.offered_conditions(w.kind, w.class_code, w.place) AS f
    ORDER BY w.n, f.seq
"""


def offered_for(session: Session, wanted: Sequence[tuple[str, str, str]]) -> list[list[Row]]:
    """The same for many (kind, code, place) at once, in their order, in one statement."""
    found: list[list[Row]] = [[] for _ in wanted]
    if wanted:
        for row in db.call(session, _OFFERED, *(list(column) for column in zip(*wanted, strict=True))):
            found[row.n - 1].append(row)
    return found


def conditions_by_class(
    session: Session, wanted: Collection[tuple[str, str]], city_code: str | None = None
) -> dict[tuple[str, str], list[FilingCondition]]:
    """The same for many classes (kind, code) of one city at once: two statements however many they are."""
    active = active_filing_standard(session, city_code)
    if active is None:
        return {key: [] for key in wanted}
    keys = {*wanted, *(("component", code) for _kind, code in wanted)}
    query = select(FilingCondition).where(
        FilingCondition.filing_standard_id == active.id,
        tuple_(FilingCondition.kind, FilingCondition.class_code).in_(keys),
    )
    found: dict[tuple[str, str], list[FilingCondition]] = {key: [] for key in keys}
    for one in session.scalars(query.order_by(FilingCondition.seq)):
        found[one.kind, one.class_code].append(one)
    return {(kind, code): found[kind, code] or found["component", code] for kind, code in wanted}


def active_filing_standard(session: Session, city_code: str | None = None) -> FilingStandard | None:
    """The filing standard in force in a city (or in the only city that has one), or None."""
    query = select(FilingStandard).where(FilingStandard.active)
    if city_code:
        prefixes = [city_code[:length] for length in range(CITY_DIGITS, len(city_code) + 1)]
        query = query.where(FilingStandard.city_code.in_(prefixes)).order_by(
            func.length(FilingStandard.city_code).desc()
        )
        return session.scalars(query.limit(1)).first()
    active = session.scalars(query).all()
    if len(active) > 1:
        cities = sorted(one.city_code for one in active)
        raise Conflict(
            "catalog.which-city",
            f"Several cities have an active filing standard: say which of {', '.join(cities)}",
            field="city",
            accepted=cities,
        )
    return active[0] if active else None


_CITIES = text("SELECT DISTINCT left(code, :digits) FROM city.area")


def city_of(session: Session) -> str:
    """The city whose standards these are: that of the areas; that of the settings if it is one of them, or none is."""
    set_one = session.info["settings"].city_code
    codes = set(session.scalars(_CITIES, {"digits": CITY_DIGITS}))
    return set_one if not codes or set_one[:CITY_DIGITS] in codes else min(codes)


def in_force(session: Session, city_code: str) -> FilingStandard | None:
    """The filing standard in force of this very city, not of one that it lies in, or None."""
    return session.scalar(select(FilingStandard).filter_by(city_code=city_code, active=True))


def filing_standards(session: Session) -> Sequence[Row[tuple[FilingStandard, int]]]:
    """Every filing standard with the number of its conditions, by city, code and version."""
    counted = (
        select(FilingCondition.filing_standard_id, func.count().label("conditions"))
        .group_by(FilingCondition.filing_standard_id)
        .subquery()
    )
    query = (
        select(FilingStandard, func.coalesce(counted.c.conditions, 0))
        .outerjoin(counted, counted.c.filing_standard_id == FilingStandard.id)
        .order_by(FilingStandard.city_code, FilingStandard.code, FilingStandard.version)
    )
    return session.execute(query).all()


def require_filing_standard(
    session: Session, city_code: str, code: str | None = None, version: int | None = None
) -> FilingStandard:
    """A city's filing standard by code and version (newest when None); without code the active one. Else `NotFound`."""
    query = select(FilingStandard).where(FilingStandard.city_code == city_code)
    query = query.where(FilingStandard.code == code) if code else query.where(FilingStandard.active)
    if version:
        query = query.where(FilingStandard.version == version)
    found = session.scalars(query.order_by(FilingStandard.version.desc()).limit(1)).first()
    if found is None:
        wanted = f"{code!r}{f' version {version}' if version else ''}" if code else "active"
        known = sorted({one.code for one, _ in filing_standards(session) if one.city_code == city_code})
        raise NotFound(
            "catalog.no-filing-standard",
            f"City {city_code} has no {wanted} filing standard. It has: {', '.join(known) or 'none'}",
            field="code",
            accepted=known,
        )
    return found


def conditions_in(
    session: Session, filing_standard: FilingStandard
) -> Sequence[Row[tuple[FilingCondition, CaseClass]]]:
    """Every condition of a filing standard with its class, by kind, class and order."""
    query = (
        select(FilingCondition, CaseClass)
        .join(FilingCondition.case_class)
        .where(FilingCondition.filing_standard_id == filing_standard.id)
        .order_by(FilingCondition.kind, FilingCondition.class_code, FilingCondition.seq)
    )
    return session.execute(query).all()


def _near(session: Session, kind: str, code: str, standard: str, most: int = 3) -> list[CaseClass]:
    """Classes that may have been meant: this code of the other kind or an older standard, this name, codes nearby."""
    if kind not in rules.KINDS:
        return [one for one in (find_class(session, other, code, standard) for other in rules.KINDS) if one]
    wanted = [(other, code) for other in rules.KINDS if other != kind]
    for older in (standards.GBT_2013, standards.CJT_2007):
        if (kind, code) in standards.classes(older):
            wanted.append((kind, rules.crosswalk(kind, code, older, standard)))
    found = [one for one in (find_class(session, *key, standard) for key in wanted if key[1]) if one]
    if rules.has_code_form(standard, code):
        same_major = (
            one for one in classes(session, kind, standard) if one.major_code == code[: standards.MAJOR_DIGITS]
        )
        found += sorted(same_major, key=lambda one: abs(int(one.code) - int(code)))
    else:
        found += classes(session, kind, standard, code) if code.strip() else []
    return list(dict.fromkeys(found))[:most]
