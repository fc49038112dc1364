"""Changes of the catalogue: the shipped classes, filing standards as new versions, which of them is in force."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

from sqlalchemy import JSON, Select, Table, cast, func, insert, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from webgis.catalog import filing, queries, rules, sheets, standards
from webgis.catalog.filing import Entry
from webgis.catalog.models import CaseClass, Crosswalk, FilingCondition, FilingStandard
from webgis.catalog.sheets import Fault
from webgis.catalog.standards import CURRENT, MAJOR_DIGITS
from webgis.errors import Invalid

DEFAULT_CODE = "webgis-default"
DEFAULT_FILE = "webgis_default_filing_standard.csv"

_SHOWN_FAULTS = 200


@dataclass(frozen=True)
class Import:
    """What an import did: the version it made, or the one that said the same already (`made` is False).

    `counts` are conditions by how their class was found (`filing.Reading.counts`).
    """

    filing_standard: FilingStandard
    made: bool
    conditions: int
    classes: int
    extensions: int
    counts: Counter[str]
    ignored: tuple[str, ...]


def load_standard_classes(session: Session) -> int:
    """Store the classes of every shipped standard and the crosswalk between them; returns the number of classes.

    May run again: names are brought up to date, nothing else changes.
    """
    entries = [entry for standard in rules.MINOR_DIGITS for entry in standards.classes(standard).values()]
    _put(session, CaseClass, [_class_row(entry.standard, asdict(entry)) for entry in entries])
    crossings = [
        _crosswalk_row(entry, standard)
        for entry in entries
        for standard in rules.MINOR_DIGITS
        if standard != entry.standard
    ]
    _put(session, Crosswalk, crossings)
    return len(entries)


def load_default_filing_standard(session: Session, city_code: str, activate: bool = True) -> FilingStandard:
    """Give a city the filing standard that ships with webgis; in force unless the city has chosen another.

    May run again: nothing is made while the shipped file says what the newest version says.
    """
    with as_file(files("webgis.catalog").joinpath("data", DEFAULT_FILE)) as path:
        done = import_filing_standard(
            session,
            path,
            city_code=city_code,
            code=DEFAULT_CODE,
            name_zh="webgis 默认立案标准",
            name_en="webgis default filing standard",
            source="webgis",
        )
    in_force = queries.in_force(session, city_code)
    if activate and (in_force is None or in_force.code == DEFAULT_CODE):
        activate_filing_standard(session, done.filing_standard)
    return done.filing_standard


def import_filing_standard(
    session: Session,
    path: Path,
    *,
    city_code: str,
    code: str,
    name_zh: str,
    name_en: str | None = None,
    standard: str = CURRENT,
    source: str | None = None,
    activate: bool = False,
) -> Import:
    """Load a filing standard from CSV, TSV or XLSX, its class codes being those of `standard`.

    All or nothing: any fault raises `Invalid` "catalog.file-faults" whose fact `faults` lists row, column and problem.
    A code that the city has already gets a new version, since cases point at the conditions of the old one; a file
    that says what the newest version says makes none.
    """
    _one_import_at_a_time(session)
    if session.scalar(select(CaseClass.code).filter_by(standard=CURRENT).limit(1)) is None:
        load_standard_classes(session)
    extensions = _extension_names(session)
    reading = filing.read_conditions(sheets.read(path), standard, extensions)
    faults = [*reading.faults, *_renamed_extensions(session, reading.entries, extensions, city_code, code)]
    if faults:
        raise _faulty(path, faults)
    names = {"name_zh": name_zh, "name_en": name_en, "source": source}
    newest, made = _newest_version(session, city_code, code, reading.entries, names)
    if activate:
        activate_filing_standard(session, newest)
    found = {(entry.kind, entry.code) for entry in reading.entries}
    return Import(
        filing_standard=newest,
        made=made,
        conditions=len(reading.entries),
        classes=len(found),
        extensions=sum(rules.is_extension(CURRENT, code) for _, code in found),
        counts=reading.counts(),
        ignored=reading.ignored,
    )


def _newest_version(
    session: Session, city_code: str, code: str, entries: list[Entry], names: dict[str, str | None]
) -> tuple[FilingStandard, bool]:
    """The newest version, which says what `entries` say, and whether it had to be made."""
    query = select(FilingStandard).filter_by(city_code=city_code, code=code).order_by(FilingStandard.version.desc())
    newest, digest = session.scalars(query.limit(1)).first(), _digest(entries)
    if newest is not None and newest.digest == digest:
        return newest, False
    made = FilingStandard(
        city_code=city_code,
        code=code,
        version=newest.version + 1 if newest else 1,
        standard=CURRENT,
        digest=digest,
        active=False,
        **names,
    )
    session.add(made)
    session.flush()
    _store(session, made, entries)
    return made, True


def activate_filing_standard(session: Session, filing_standard: FilingStandard) -> None:
    """Put a filing standard in force in its city; the one before it rests. Cases keep the conditions they have."""
    others = (FilingStandard.city_code == filing_standard.city_code) & (FilingStandard.id != filing_standard.id)
    session.execute(update(FilingStandard).where(others, FilingStandard.active).values(active=False))
    filing_standard.active = True
    session.flush()


def _put(session: Session, model: type, rows: list[dict]) -> None:
    """Insert rows, or bring those that exist up to date, in one statement."""
    table, columns = model.__table__, list(rows[0])
    statement = upsert(model).from_select(columns, _as_rows(table, columns, rows))
    changed = {name: statement.excluded[name] for name in columns if not table.c[name].primary_key}
    keys = list(table.primary_key)
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _as_rows(table: Table, columns: list[str], rows: list[dict]) -> Select:
    """The rows as a relation with the types of `table`, sent as one JSON value."""
    like = literal_column(f"NULL::{table.fullname}")
    found = func.json_populate_recordset(like, cast(rows, JSON))
    return select(*found.table_valued(*columns).c)


def _class_row(standard: str, values: dict) -> dict:
    major = values["code"][:MAJOR_DIGITS]
    major_zh, major_en = standards.majors()[standard, values["kind"], major]
    return values | {
        "major_code": major,
        "major_zh": major_zh,
        "major_en": major_en,
        "extension": rules.is_extension(standard, values["code"]),
    }


def _crosswalk_row(entry: standards.ClassEntry, standard: str) -> dict:
    crossing = rules.crossing(entry.kind, entry.code, entry.standard, standard)
    return {
        "from_standard": entry.standard,
        "from_kind": entry.kind,
        "from_code": entry.code,
        "to_standard": standard,
        "to_kind": entry.kind,
        "to_code": crossing.code,
        "change": crossing.change,
        "note": crossing.note,
    }


def _one_import_at_a_time(session: Session) -> None:
    session.execute(text("LOCK TABLE city.filing_standard IN SHARE ROW EXCLUSIVE MODE"))


def _extension_names(session: Session) -> dict[tuple[str, str], str]:
    query = select(CaseClass.kind, CaseClass.code, CaseClass.name_zh).filter_by(standard=CURRENT, extension=True)
    return {(kind, code): name for kind, code, name in session.execute(query)}


def _renamed_extensions(
    session: Session, entries: list[Entry], known: dict[tuple[str, str], str], city_code: str, code: str
) -> Iterable[Fault]:
    """An extension class that another filing standard uses under another name: one code would mean two things."""
    wanted = {(e.kind, e.code): e for e in reversed(entries) if known.get((e.kind, e.code), e.name_zh) != e.name_zh}
    if not wanted:
        return
    query = (
        select(FilingCondition.kind, FilingCondition.class_code, FilingStandard.city_code, FilingStandard.code)
        .join(FilingCondition.filing_standard)
        .where((FilingStandard.city_code != city_code) | (FilingStandard.code != code))
        .distinct()
    )
    for kind, class_code, other_city, other in session.execute(query):
        entry = wanted.pop((kind, class_code), None)
        if entry:
            name = known[kind, class_code]
            problem = f"{kind} {class_code} is called {name!r} in {other} of {other_city}: take another extension code"
            told = f"{other_city} 的 {other} 中该扩展类别名为“{name}”，请另选扩展代码"
            yield Fault(entry.row, "name_zh", problem, told)


def _faulty(path: Path, faults: list[Fault]) -> Invalid:
    ordered = sorted(faults, key=lambda fault: fault.row)
    first = ordered[0]
    return Invalid(
        "catalog.file-faults",
        f"{path.name}: nothing was loaded, it has {len(ordered)} faults. "
        f"Row {first.row}, {first.column}: {first.problem}",
        field="file",
        count=len(ordered),
        faults=[asdict(fault) for fault in ordered[:_SHOWN_FAULTS]],
    )


def _digest(entries: list[Entry]) -> str:
    """SHA-256 of what the conditions say, in their order within each class, whatever file they came from."""
    said = sorted(((e.kind, e.code), place, _said(e)) for place, e in enumerate(entries))
    return hashlib.sha256(repr([(key, words) for key, _, words in said]).encode()).hexdigest()


def _said(entry: Entry) -> tuple:
    return (entry.name_zh, *_condition_row(entry).values())


def _condition_row(entry: Entry) -> dict:
    return {
        "text_zh": entry.text_zh,
        "text_en": entry.text_en,
        "limit_value": entry.limit_value,
        "limit_unit": entry.limit_unit,
        "closing_zh": entry.closing_zh,
        "closing_en": entry.closing_en,
        "department_kind": entry.department_kind,
    }


def _store(session: Session, filing_standard: FilingStandard, entries: list[Entry]) -> None:
    extensions = {(e.kind, e.code): e for e in entries if rules.is_extension(CURRENT, e.code)}
    named = [
        {"standard": CURRENT, "kind": e.kind, "code": e.code, "name_zh": e.name_zh, "name_en": e.name_en}
        for e in extensions.values()
    ]
    if named:
        _put(session, CaseClass, [_class_row(CURRENT, values) for values in named])
    places: Counter[tuple[str, str]] = Counter()
    rows = []
    for entry in entries:
        places[entry.kind, entry.code] += 1
        key = {"kind": entry.kind, "class_code": entry.code, "seq": places[entry.kind, entry.code]}
        owner = {"filing_standard_id": filing_standard.id, "standard": CURRENT}
        rows.append(owner | key | _condition_row(entry))
    columns = list(rows[0])
    session.execute(insert(FilingCondition).from_select(columns, _as_rows(FilingCondition.__table__, columns, rows)))
