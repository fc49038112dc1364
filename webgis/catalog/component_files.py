"""Surveys of components on their way into the register: staged row by row with a report, then taken over as one act.

A survey's rows are stored beside the register with what is wrong with each: field, kind of fault, what was expected.
Nothing is taken over while there is a fault whose kind was not accepted by name. Accepting a kind of UNSTORABLE leaves
those rows out; accepting one of DOUBTFUL takes the rows as they are. Faults of MENDED were put right and are told only.
Which file the rows came from, and how it was read, is not known here (`exchange/component_surveys.py`).
"""

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from webgis.catalog import component_rules, rules
from webgis.catalog.component_models import ComponentSurvey, SurveyRow
from webgis.catalog.component_rules import FROM_THE_CELL, MANDATORY
from webgis.catalog.models import CaseClass
from webgis.catalog.standards import CURRENT
from webgis.errors import Conflict, Invalid, NotFound, WebgisError
from webgis.geo import SRID

UNSTORABLE = frozenset({"code-form", "duplicate", "class-unknown", "no-geometry", "shape", "outside", "state", "value"})
DOUBTFUL = frozenset({"incomplete", "county", "moved"})
MENDED = frozenset({"cell", "subdistrict", "community", "name", "twin", "repaired"})
KINDS = UNSTORABLE | DOUBTFUL

MOVED_M = 50.0
"""A component that a survey finds further than this from where the register has it: the system may be another."""

UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Control characters and halves of characters: nobody can read them, and PostgreSQL not store all."""

CellsAt = Callable[[np.ndarray, np.ndarray], Sequence[str | None]]
"""Longitudes and latitudes of places -> the code of the cell of each, None where there is none."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a field of a row: its kind, what was expected and what was there."""

    row: int
    field: str
    kind: str
    expected: str
    got: str | None = None


@dataclass(frozen=True)
class Survey:
    """The rows of a file. `geoms`: (n,) shapely geometries in CGCS2000 degrees or None; `texts`: column of
    `component_rules` -> (n,) texts or None; `numbers`: (n,) rows as the file counts them; `standard`: of the codes.

    `crs`, `encoding`, `notes`: how it was read. `faults`: found while reading.
    """

    file: str
    crs: str
    geoms: np.ndarray
    texts: Mapping[str, Sequence[str | None]]
    numbers: Sequence[int]
    encoding: str | None = None
    notes: Sequence[str] = ()
    standard: str = CURRENT
    faults: Sequence[Fault] = ()


@dataclass
class Report:
    """What is known of a staged survey. `counts`: faults by kind; `refused`: kinds that stand against taking over."""

    id: int
    file: str
    crs: str
    encoding: str | None
    state: str
    rows: int
    storable: int
    counts: dict[str, int]
    faults: list[Fault]
    notes: list[str]
    refused: list[str] = field(default_factory=list)
    outcome: dict[str, int] | None = None


# Staging


def stage(
    session: Session,
    survey: Survey,
    *,
    cells_at: CellsAt,
    at: datetime,
    person_id: int | None = None,
) -> int:
    """Check every row of a survey and store it beside the register; returns the survey's id. `at`: now."""
    today = at.astimezone(session.info["settings"].zone).date()
    geoms, faults = _shapes(survey)
    cells = _cells(geoms, cells_at)
    rows = _Rows(survey, geoms, cells, _known_classes(session), today, [*survey.faults, *faults])
    made = ComponentSurvey(
        file=survey.file,
        crs=survey.crs,
        encoding=survey.encoding,
        rows=len(geoms),
        notes=list(survey.notes),
        person_id=person_id,
    )
    session.add(made)
    session.flush()
    _copy(session, made.id, rows.read())
    session.execute(_MOVED, {"survey": made.id, "metres": MOVED_M})
    return made.id


def places(geoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of the place of each component, as `fn.component_place`: point, middle, or inside."""
    kind = shapely.get_type_id(geoms)
    points = np.array(geoms, dtype=object)
    lines, faces = kind == shapely.GeometryType.LINESTRING, kind == shapely.GeometryType.POLYGON
    points[lines] = shapely.line_interpolate_point(points[lines], 0.5, normalized=True)
    points[faces] = shapely.point_on_surface(points[faces])
    return shapely.get_x(points), shapely.get_y(points)


def _cells(geoms: np.ndarray, cells_at: CellsAt) -> list[str | None]:
    cells: list[str | None] = [None] * len(geoms)
    there = np.flatnonzero(~shapely.is_missing(geoms))
    for row, cell in zip(there, cells_at(*places(geoms[there])), strict=True):
        cells[row] = cell
    return cells


def _shapes(survey: Survey) -> tuple[np.ndarray, list[Fault]]:
    """The geometries as points, lines and polygons, None for others; what was wrong with them."""
    geoms, faults = np.array(survey.geoms, dtype=object), []
    unreadable = {fault.row for fault in survey.faults if fault.field == "geom"}
    for row, geom in enumerate(geoms):
        geoms[row], kind, expected = _shape(geom)
        if kind and survey.numbers[row] not in unreadable:
            got = None if geom is None else geom.geom_type
            faults.append(Fault(survey.numbers[row], "geom", kind, expected, got))
    return geoms, faults


def _shape(geom: Any) -> tuple[Any, str | None, str]:
    if geom is None or geom.is_empty or not np.isfinite(geom.bounds).all():
        return None, "no-geometry", "a point, line or polygon"
    if len(parts := shapely.get_parts(geom)) != 1:
        return None, "shape", f"one point, line or polygon; it has {len(parts)} parts"
    shape = shapely.force_2d(parts[0])
    if shape.geom_type not in component_rules.SHAPES:
        return None, "shape", "a point, line or polygon"
    if shape.is_valid:
        return shape, None, ""
    mended = [part for part in shapely.get_parts(shapely.make_valid(shape)) if part.geom_type == shape.geom_type]
    if len(mended) != 1:
        return None, "shape", f"a valid {shape.geom_type}: {shapely.is_valid_reason(shape)}"
    return mended[0], "repaired", f"a valid {shape.geom_type}; it was repaired: {shapely.is_valid_reason(shape)}"


def _known_classes(session: Session) -> dict[str, str]:
    query = select(CaseClass.code, CaseClass.name_zh).filter_by(standard=CURRENT, kind="component")
    return dict(session.execute(query).all())


class _Rows:
    """The rows of a survey as those of the staging table: what the register would hold, and what is wrong."""

    def __init__(self, survey, geoms, cells, classes: dict[str, str], today: date, faults: list[Fault]) -> None:
        self.survey, self.geoms, self.cells, self.classes, self.today = survey, geoms, cells, classes, today
        self.faults: dict[int, list[Fault]] = {}
        for fault in faults:
            self.faults.setdefault(fault.row, []).append(fault)
        self.spots = shapely.to_wkb(shapely.set_precision(geoms, 1e-7, mode="pointwise"))
        self.seen: dict[str, int] = {}
        self.stand: dict[tuple, int] = {}

    def read(self):
        """(number, code, fields, geometry, faults) of every row."""
        for row, number in enumerate(self.survey.numbers):
            given = {name: said for name, texts in self.survey.texts.items() if (said := texts[row]) is not None}
            faults = self.faults.setdefault(number, [])
            code = self._code(number, given)
            fields = self._fields(number, given) | {"code": code}
            if self.geoms[row] is not None:
                fields |= self._place(number, row, code, given)
            if code is not None and code[component_rules.CLASS] in self.classes:
                fields |= self._class(number, row, code, given)
            yield number, code, {k: v for k, v in fields.items() if v is not None}, self.geoms[row], faults

    def _fault(self, number: int, name: str, kind: str, expected: str, got: str | None = None) -> None:
        self.faults[number].append(Fault(number, name, kind, expected, None if got is None else got[:200]))

    def _code(self, number: int, given: dict[str, str]) -> str | None:
        said = given.pop("code", None)
        code, problem = self._modern(said)
        if problem:
            self._fault(number, "code", "class-unknown", problem, said)
            return None
        if wrong := component_rules.code_fault(code):
            hint = "; 16 digits are those of 2013: say --standard" if said is not None and len(said) == 16 else ""
            self._fault(number, "code", "code-form", wrong + hint, said)
            return None
        if code != said:
            given.setdefault("former_code", said)
        if code[component_rules.CLASS] not in self.classes:
            self._fault(number, "code", "class-unknown", f"a class of components of {CURRENT} in digits 7 to 11", said)
        twin = self.seen.setdefault(code, number)
        if twin != number:
            self._fault(number, "code", "duplicate", f"a code of its own; row {twin} has it already", said)
        return code

    def _modern(self, said: str | None) -> tuple[str | None, str | None]:
        """The code as one of today: the class of an older one by the crosswalk. Else what was expected."""
        standard = self.survey.standard
        if standard == CURRENT or said is None or len(said) != 12 + rules.code_digits(standard):
            return said, None
        older = said[6:-6]
        if not rules.has_code_form(standard, older):
            return said, None
        try:
            found = rules.crosswalk("component", older, standard, CURRENT)
        except Invalid as error:
            return None, error.message
        kept = found or rules.kept_extension("component", older, standard)
        return (said[:6] + kept + said[-6:], None) if kept else (None, f"a class of {standard} that {CURRENT} has")

    def _fields(self, number: int, given: dict[str, str]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, said in given.items():
            if name in FROM_THE_CELL:
                continue
            value, expected = self._value(name, said)
            if expected:
                self._fault(number, name, "state" if name == "state" else "value", expected, said)
            else:
                fields[name] = value
        for name in MANDATORY:
            if name not in given:
                self._fault(number, name, "incomplete", "mandatory by the standard")
        return fields

    def _value(self, name: str, said: str) -> tuple[Any, str | None]:
        """The value of a text, and what was expected when it is none."""
        if name == "state":
            state = component_rules.state_of(said)
            return state, None if state else f"one of {', '.join(component_rules.STATE_NAMES.values())}"
        if name in ("surveyed_on", "changed_on"):
            return _day(said, self.today)
        if name == "accuracy_class":
            word = said.upper().removesuffix("级")
            return word, None if word in component_rules.ACCURACY_CLASSES else "A, B or C"
        if UNREADABLE.search(said):
            return None, "text without control characters"
        return said, component_rules.fault_of(name, said)

    def _place(self, number: int, row: int, code: str | None, given: dict[str, str]) -> dict[str, Any]:
        cell = self.cells[row]
        if cell is None:
            self._fault(number, "geom", "outside", "a place in a cell of the grid", self.geoms[row].wkt)
            return {}
        for name, kind, digits in (("cell_code", "cell", 15), ("subdistrict_code", "subdistrict", 9),
                                   ("community_code", "community", 12)):  # fmt: skip
            if name in given and given[name] != cell[:digits]:
                self._fault(number, name, kind, f"{cell[:digits]} by its place; that was taken", given[name])
        if code is not None and code[component_rules.DIVISION] != cell[:6]:
            self._fault(number, "code", "county", f"a code that begins with {cell[:6]}, the county of its place", code)
        return {"cell_code": cell}

    def _class(self, number: int, row: int, code: str, given: dict[str, str]) -> dict[str, Any]:
        class_code = code[component_rules.CLASS]
        name = self.classes[class_code]
        if given.get("name", name) != name:
            self._fault(number, "name", "name", f"{name}, the name of class {class_code}; it was kept", given["name"])
        if self.spots[row] is not None:
            twin = self.stand.setdefault((class_code, self.spots[row]), number)
            if twin != number:
                self._fault(number, "geom", "twin", f"a place of its own; row {twin} has the same class and place")
        return {"standard": CURRENT, "class_code": class_code} | ({} if "name" in given else {"name": name})


def _day(said: str, today: date) -> tuple[str | None, str | None]:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None, "a date: 20240131 or 2024-01-31"
    return day.isoformat(), None if day <= today else f"a date up to today, {today.isoformat()}"


def _copy(session: Session, survey_id: int, rows) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream)
    for number, code, fields, geom, faults in rows:
        storable = not any(fault.kind in UNSTORABLE for fault in faults)
        told = [{"field": f.field, "kind": f.kind, "expected": f.expected, "got": _shown(f.got)} for f in faults]
        wkb = "" if geom is None else shapely.to_wkb(shapely.set_srid(geom, SRID), hex=True, include_srid=True)
        writer.writerow([survey_id, number, code or "", _json(fields), wkb, _json(told), storable])
    stream.seek(0)
    columns = "survey_id, row, code, fields, geom, faults, storable"
    with session.connection().connection.cursor() as cursor:
        cursor.copy_expert(f"COPY city.component_survey_row ({columns}) FROM STDIN (FORMAT csv)", stream)


def _shown(got: str | None) -> str | None:
    """A refused text as it can be stored."""
    return None if got is None else UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", got)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_MOVED = text(
    """
    UPDATE city.component_survey_row r
    SET faults = r.faults || jsonb_build_array(jsonb_build_object(
        'field', 'geom', 'kind', 'moved', 'got', NULL,
        'expected', format('a place near that of the register, which is %s m away',
                           round(ST_Distance(c.geom::geography, r.geom::geography)))))
    FROM city.component c
    WHERE r.survey_id = :survey AND r.storable AND c.code = r.code
      AND ST_Distance(c.geom::geography, r.geom::geography) > :metres
    """
)


# The report, and what becomes of a survey


def report(session: Session, survey_id: int, accepted: Collection[str] = (), most: int | None = None) -> Report:
    """What is known of a survey; at most `most` faults one by one, in the order of rows. `NotFound`."""
    survey = session.get(ComponentSurvey, survey_id)
    if survey is None:
        raise _unknown(survey_id)
    counts = dict(session.execute(_COUNTS, {"survey": survey_id}).all())
    rows = session.execute(_FAULTS, {"survey": survey_id, "most": most})
    storable = select(func.count()).where(SurveyRow.survey_id == survey_id, SurveyRow.storable)
    return Report(
        id=survey.id,
        file=survey.file,
        crs=survey.crs,
        encoding=survey.encoding,
        state=survey.state,
        rows=survey.rows,
        storable=session.scalar(storable),
        counts=counts,
        faults=[Fault(*row) for row in rows],
        notes=list(survey.notes),
        refused=sorted((counts.keys() & KINDS) - set(accepted)),
        outcome=survey.outcome,
    )


_COUNTS = text(
    """
    SELECT f->>'kind', count(*) FROM city.component_survey_row r, jsonb_array_elements(r.faults) f
    WHERE r.survey_id = :survey AND r.faults <> '[]' GROUP BY 1 ORDER BY 2 DESC, 1
    """
)
_FAULTS = text(
    """
    SELECT r.row, f->>'field', f->>'kind', f->>'expected', f->>'got'
    FROM city.component_survey_row r, jsonb_array_elements(r.faults) WITH ORDINALITY f(f, n)
    WHERE r.survey_id = :survey AND r.faults <> '[]' ORDER BY r.row, f.n LIMIT :most
    """
)


def surveys(session: Session) -> list[ComponentSurvey]:
    """Every survey, the newest first."""
    return list(session.scalars(select(ComponentSurvey).order_by(ComponentSurvey.id.desc())))


def take_over(
    session: Session, survey_id: int, *, accepted: Collection[str] = (), at: datetime, person_id: int | None = None
) -> Report:
    """Put a staged survey into the register, all in the caller's transaction; nothing while `refused` is not empty.

    New codes are added, those that differ get a new version, those that say the same stay. A field that the survey
    leaves empty keeps its value in the register; components that the survey does not have stay.
    """
    require_kinds(accepted)
    survey = _staged(session, survey_id)
    found = report(session, survey_id, accepted, most=0)
    if found.refused:
        return found
    event = {"at": at.isoformat(), "person_id": person_id, "survey_id": survey_id, "reason": survey.file}
    given = {"survey": survey_id, "day": at.astimezone(session.info["settings"].zone).date(), "event": _json(event)}
    done = session.execute(_TAKE_OVER, given).one()
    survey.outcome = dict(done._mapping) | {"left_out": found.rows - found.storable}
    _end(session, survey, "taken_over", at)
    return report(session, survey_id, accepted, most=0)


_TAKE_OVER = text("SELECT added, changed, unchanged FROM fn.take_over_survey(:survey, :day, CAST(:event AS jsonb))")


def discard(session: Session, survey_id: int, *, at: datetime) -> None:
    """Give up a staged survey; its report stays."""
    _end(session, _staged(session, survey_id), "discarded", at)


def require_kinds(accepted: Collection[str]) -> None:
    """`Invalid` for a kind of fault that does not exist or needs no accepting."""
    unknown = sorted(set(accepted) - KINDS)
    if unknown:
        raise Invalid(
            "catalog.fault-unknown",
            f"There is no kind of fault {unknown[0]!r}; known are {', '.join(sorted(KINDS))}",
            field="accept-faults",
            got=unknown[0],
            accepted=sorted(KINDS),
        )


def _staged(session: Session, survey_id: int) -> ComponentSurvey:
    survey = session.get(ComponentSurvey, survey_id, with_for_update=True)
    if survey is None:
        raise _unknown(survey_id)
    if survey.state != "staged":
        raise Conflict(
            "catalog.survey-ended", f"Survey {survey_id} is not staged any more: {survey.state}", got=survey.state
        )
    return survey


def _unknown(survey_id: int) -> WebgisError:
    return NotFound("catalog.survey-unknown", f"There is no survey {survey_id}; see: webgis components surveys")


def _end(session: Session, survey: ComponentSurvey, state: str, at: datetime) -> None:
    """Rows without a fault have nothing more to tell: they are in the register, or nobody wants them."""
    session.execute(text("DELETE FROM city.component_survey_row WHERE survey_id = :id AND faults = '[]'"),
                    {"id": survey.id})  # fmt: skip
    values = {"state": state, "ended_at": at, "outcome": survey.outcome}
    session.execute(update(ComponentSurvey).where(ComponentSurvey.id == survey.id).values(**values))
    session.refresh(survey)
