"""How a table of filing conditions is read: columns found by their headings, classes through the crosswalk, limits.

Rows in, conditions or faults out; every fault names its row and column. No files (`sheets.py`), no database.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.catalog import rules, sheets, standards
from webgis.catalog.sheets import Fault, Row, Sheet
from webgis.catalog.standards import GBT_2026
from webgis.errors import Invalid

HEADINGS = {
    "kind": ("kind", "类型", "类别", "种类", "部件事件", "部件事项", "部件或事项"),
    "class": ("class", "class_code", "code", "代码", "编码", "类代码", "分类代码"),
    "major": ("major", "major_code", "大类代码", "大类编码"),
    "minor": ("minor", "minor_code", "小类代码", "小类编码"),
    "name_zh": ("name_zh", "name", "class_name", "minor_name", "名称", "类名", "分类名称", "小类名称", "小类"),
    "name_en": ("name_en", "英文名称"),
    "text_zh": ("condition_zh", "condition", "filing_condition", "text_zh", "立案条件"),
    "text_en": ("condition_en", "text_en", "立案条件英文", "英文立案条件"),
    "limit": ("limit", "time_limit", "时限", "处置时限", "办理时限", "处理时限"),
    "limit_value": ("limit_value", "时限值", "时限数值"),
    "limit_unit": ("limit_unit", "时限单位"),
    "closing_zh": ("closing_zh", "closing", "closing_condition", "结案条件", "结案标准"),
    "closing_en": ("closing_en", "结案条件英文", "英文结案条件"),
    "department_kind": ("department_kind", "department", "责任部门类别", "主管部门类别"),
}
"""The headings under which each column is found, compared without case, spaces and punctuation."""

EXPORT_HEADINGS = {
    "en": (
        *("kind", "class", "name_zh", "name_en", "condition_zh", "condition_en", "limit_value", "limit_unit"),
        *("closing_zh", "closing_en", "department_kind"),
    ),
    "zh": (
        *("类型", "代码", "名称", "英文名称", "立案条件", "立案条件英文", "时限值", "时限单位"),
        *("结案条件", "结案条件英文", "责任部门类别"),
    ),
}
"""The columns of an export, which an import reads back."""


def export_row(condition: Any, found: Any) -> tuple:
    """A stored condition and its class as a row under `EXPORT_HEADINGS`."""
    return (
        *(condition.kind, condition.class_code, found.name_zh, found.name_en),
        *(condition.text_zh, condition.text_en, condition.limit_value, condition.limit_unit),
        *(condition.closing_zh, condition.closing_en, condition.department_kind),
    )


KIND_WORDS = {
    "component": "component",
    "部件": "component",
    "管理部件": "component",
    "matter": "matter",
    "event": "matter",
    "事项": "matter",
    "事件": "matter",
    "管理事项": "matter",
    "管理事件": "matter",
}

LONGEST_TEXT = 1000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SPACE_IN_CHINESE = re.compile(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])")


@dataclass(frozen=True)
class Entry:
    """One condition ready to be stored; `crossing` says how its class was found."""

    row: int
    kind: str
    code: str
    name_zh: str
    name_en: str | None
    text_zh: str
    text_en: str | None
    limit_value: int
    limit_unit: str
    closing_zh: str
    closing_en: str | None
    department_kind: str | None
    crossing: str


@dataclass
class Reading:
    """What a table said: its conditions, its faults, the headings nobody reads."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ignored: tuple[str, ...] = ()

    def counts(self) -> Counter[str]:
        """Conditions by how their class was found: "same", "rule", "renamed", "moved", "local", "extension", "kept"."""
        return Counter(entry.crossing for entry in self.entries)


class _Problem(Exception):
    """A cell that cannot be used: (column, problem, problem in Chinese)."""


@dataclass(frozen=True)
class _Table:
    """The columns of one file, the standard its codes are of, and the extension classes that exist already."""

    columns: Mapping[str, str]
    standard: str
    extensions: Mapping[tuple[str, str], str]

    def cell(self, row: Row, column: str) -> str:
        text = row.cells.get(self.columns.get(column, ""), "")
        if _CONTROL.search(text):
            raise _Problem(column, "it holds control characters", "含有控制字符")
        if len(text) > LONGEST_TEXT:
            problem = f"it has {len(text)} characters: at most {LONGEST_TEXT} are accepted"
            raise _Problem(column, problem, f"有 {len(text)} 个字，最多 {LONGEST_TEXT}")
        return text

    def needed(self, row: Row, column: str) -> str:
        text = self.cell(row, column)
        if not text:
            raise _Problem(column, "it is empty", "不能为空")
        return text

    def heading(self, column: str) -> str:
        """The heading in the file, or the name of the column where the file has none."""
        return self.columns.get(column, column)


def read_conditions(sheet: Sheet, standard: str, extensions: Mapping[tuple[str, str], str] | None = None) -> Reading:
    """The conditions of `sheet`, whose class codes are of `standard`; all classes come out as those of 2026.

    `extensions` are names of the 2026 extension classes that exist, by (kind, code). Raises `Invalid` when a column
    that is needed is missing; whatever is wrong with a row is a fault of the reading.
    """
    rules.require_standard(standard)
    columns, ignored = sheets.columns(sheet.header, HEADINGS)
    _require_columns(columns)
    table = _Table(columns, standard, extensions or {})
    reading = Reading(ignored=ignored)
    seen: dict[tuple[str, str, str], int] = {}
    for row in sheet.rows:
        entry = _entry(table, row, reading.faults)
        if entry is None:
            continue
        first = seen.setdefault((entry.kind, entry.code, entry.text_zh), row.number)
        if first == row.number:
            reading.entries.append(entry)
        else:
            problem = f"{entry.kind} {entry.code} has this condition already, in row {first}"
            told = f"该类别的这一立案条件与第 {first} 行重复"
            reading.faults.append(Fault(row.number, table.heading("text_zh"), problem, told))
    _check_one_name(reading, table)
    return reading


def _require_columns(columns: Mapping[str, str]) -> None:
    for needed in (("kind",), ("class", "minor"), ("text_zh",), ("limit", "limit_value"), ("closing_zh",)):
        if not any(column in columns for column in needed):
            accepted = [word for column in needed for word in HEADINGS[column]]
            raise sheets.bad_header(
                f"there is no column {needed[0]!r}. Its heading may be {', '.join(accepted)}", needed[0]
            )
    for column, partner in (("minor", "major"), ("limit_value", "limit_unit")):
        if column in columns and partner not in columns and not ({"class", "limit"} & columns.keys()):
            raise sheets.bad_header(f"the column {columns[column]!r} needs a column {partner!r} beside it", partner)


def _entry(table: _Table, row: Row, faults: list[Fault]) -> Entry | None:
    """The condition of a row, or None after adding a fault for every cell of it that cannot be used."""
    before = len(faults)

    def part(read: Callable, *given):
        try:
            return read(table, row, *given)
        except _Problem as problem:
            column, words, words_zh = problem.args
            faults.append(Fault(row.number, table.heading(column), words, words_zh))
            return None

    kind = part(_kind)
    found = part(_class, kind) if kind else None
    limit = part(_limit)
    texts = {column: part(_needed, column) for column in ("text_zh", "closing_zh")}
    texts |= {column: part(_optional, column) for column in ("name_en", "text_en", "closing_en")}
    department_kind = part(_department_kind)
    if len(faults) > before:
        return None
    code, name_zh, crossing = found
    return Entry(
        row=row.number,
        kind=kind,
        code=code,
        name_zh=name_zh,
        limit_value=limit[0],
        limit_unit=limit[1],
        department_kind=department_kind,
        crossing=crossing,
        **texts,
    )


def _needed(table: _Table, row: Row, column: str) -> str:
    return table.needed(row, column)


def _optional(table: _Table, row: Row, column: str) -> str | None:
    return table.cell(row, column) or None


def _kind(table: _Table, row: Row) -> str:
    word = table.needed(row, "kind")
    kind = KIND_WORDS.get(word.lower())
    if kind is None:
        raise _Problem("kind", f"{word!r} is no kind: {', '.join(KIND_WORDS)} are", "应为部件或事项（事件）")
    return kind


def _class(table: _Table, row: Row, kind: str) -> tuple[str, str, str]:
    """Code in the 2026 standard, name, and how it was found."""
    name = _SPACE_IN_CHINESE.sub("", table.cell(row, "name_zh"))
    code, how = _code(table, row, kind, name)
    return code, _class_name(table, kind, code, name), how


def _code(table: _Table, row: Row, kind: str, name: str) -> tuple[str, str]:
    """The class in the 2026 standard, and how it was found."""
    column, given = _given_code(table, row)
    if table.standard == GBT_2026:
        return _code_of_2026(table, kind, given, column), "same"
    try:
        crossing = rules.crossing(kind, given, table.standard, GBT_2026)
    except Invalid as error:
        raise _Problem(column, error.message, f"没有已知的 {GBT_2026} 类别与 {given} 对应") from None
    if crossing.change == "extension" and (national := rules.local_class(kind, name)):
        return national, "local"
    if crossing.code is None:
        kept = rules.kept_extension(kind, given, table.standard)
        if kept is None:
            problem = f"{kind} {given} has no counterpart in {GBT_2026}: {crossing.note}"
            raise _Problem(column, problem, f"{given} 在 {GBT_2026} 中没有对应类别")
        return kept, "kept"
    return crossing.code, crossing.change


def _given_code(table: _Table, row: Row) -> tuple[str, str]:
    """The code as the file gives it, whole or in two parts, with the zeros that a spreadsheet took away."""
    whole, digits = table.cell(row, "class"), rules.code_digits(table.standard)
    if whole:
        column, code = "class", whole.zfill(digits)
    else:
        column = "minor"
        major, minor = table.needed(row, "major"), table.needed(row, "minor")
        code = major.zfill(standards.MAJOR_DIGITS) + minor.zfill(standards.MINOR_DIGITS[table.standard])
    if not rules.has_code_form(table.standard, code):
        problem = f"{code!r} is no class code of {table.standard}: {digits} digits are"
        raise _Problem(column, problem, f"应为 {table.standard} 的 {digits} 位类别代码")
    return column, code


def _code_of_2026(table: _Table, kind: str, code: str, column: str) -> str:
    known = (kind, code) in standards.classes(GBT_2026)
    if known or rules.is_extension(GBT_2026, code) and (GBT_2026, kind, code[:2]) in standards.majors():
        return code
    problem = f"there is no class {code} of kind {kind} in {GBT_2026}; a city's own are numbered 080-999"
    raise _Problem(column, problem, f"{GBT_2026} 中没有类别 {code}；本市扩展类别的小类为 080–999")


def _class_name(table: _Table, kind: str, code: str, name: str) -> str:
    """The standard's name, or for an extension class the city's."""
    national = standards.classes(GBT_2026).get((kind, code))
    if national:
        return national.name_zh
    name = name or table.extensions.get((kind, code), "")
    if not name:
        raise _Problem("name_zh", f"{kind} {code} is a city's own class and needs a name", "扩展类别须填写名称")
    if len(name) > rules.LONGEST_NAME:
        problem = f"the name has {len(name)} characters: at most {rules.LONGEST_NAME} are accepted"
        raise _Problem("name_zh", problem, f"名称有 {len(name)} 个字，最多 {rules.LONGEST_NAME}")
    return name


def _limit(table: _Table, row: Row) -> tuple[int, str]:
    together = table.cell(row, "limit")
    try:
        if together:
            return rules.parse_limit(together)
        value, unit = table.needed(row, "limit_value"), table.needed(row, "limit_unit")
        if rules.unit_of(unit) is None:
            words = ", ".join(f"{name} ({zh})" for name, (zh, _) in rules.LIMIT_UNITS.items())
            known = "、".join(zh for zh, _en in rules.LIMIT_UNITS.values())
            raise _Problem("limit_unit", f"{unit!r} is no unit of a time limit: {words} are", f"时限单位应为{known}")
        return rules.limit_value(value), rules.unit_of(unit)
    except Invalid as error:
        told = (
            "应为整数加单位，例如 2紧急工作时、4小时、5个工作日"
            if together
            else f"应为 1 到 {rules.LONGEST_LIMIT} 的整数"
        )
        raise _Problem("limit" if together else "limit_value", error.message, told) from None


def _department_kind(table: _Table, row: Row) -> str | None:
    kind = table.cell(row, "department_kind")
    if kind and kind not in DEPARTMENT_KINDS:
        problem = f"{kind!r} is no kind of department: {', '.join(DEPARTMENT_KINDS)} are"
        raise _Problem("department_kind", problem, f"责任部门类别应为 {'、'.join(DEPARTMENT_KINDS)}")
    return kind or None


def _check_one_name(reading: Reading, table: _Table) -> None:
    """An extension class has one name: the first row that gives another is a fault."""
    names: dict[tuple[str, str], Entry] = {}
    for entry in reading.entries:
        first = names.setdefault((entry.kind, entry.code), entry)
        if first.name_zh != entry.name_zh:
            problem = f"{entry.kind} {entry.code} is called {first.name_zh!r} in row {first.row}"
            told = f"该类别在第 {first.row} 行名为“{first.name_zh}”"
            reading.faults.append(Fault(entry.row, table.heading("name_zh"), problem, told))
