"""How a table of calendar days is read and written: columns found by their headings, dates and yes/no as people write.

Rows in, days or faults out; every fault names its row and column. No database.
"""

import re
from dataclasses import asdict, dataclass
from datetime import date

from webgis.cases.clock_words import WEEKDAYS
from webgis.catalog import sheets
from webgis.catalog.sheets import Fault, Row, Sheet
from webgis.errors import Invalid

HEADINGS = {
    "day": ("day", "date", "日期"),
    "working": ("working", "working_day", "work", "是否工作日", "工作日", "是否上班", "上班"),
    "name_zh": ("name_zh", "name", "名称", "节假日", "说明"),
    "name_en": ("name_en", "英文名称"),
}
"""The headings under which each column is found, compared without case, spaces and punctuation."""

HEADINGS_OUT = {
    "zh": ("日期", "星期", "是否工作日", "名称", "英文名称", "来源"),
    "en": ("day", "weekday", "working", "name_zh", "name_en", "source"),
}
SOURCES = {"seed": "节假日库", "edited": "人工维护", "import": "文件导入"}
WORDS = {"zh": ("是", "否"), "en": ("yes", "no")}
WORKING = {"yes", "y", "true", "1", "是", "上班", "工作", "工作日", "working", "work"}
RESTING = {"no", "n", "false", "0", "否", "休息", "放假", "休", "off", "rest", "节假日", "休息日"}
_DATE = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?(?: 00:00:00)?|(\d{4})(\d\d)(\d\d)")
LONGEST_NAME = 100
FIRST_YEAR, LAST_YEAR = 1990, 2099
"""Years that can be stored: beyond them the `holidays` package knows no lunar holidays."""

SHOWN_FAULTS = 200


@dataclass(frozen=True)
class Day:
    """One day of a calendar: worked on or not, what it is called, and where that comes from."""

    day: date
    working: bool
    name_zh: str | None = None
    name_en: str | None = None
    source: str = "edited"


@dataclass(frozen=True)
class CalendarSheet:
    """What a table said, and the headings nobody reads."""

    days: tuple[Day, ...]
    ignored: tuple[str, ...]


def read(sheet: Sheet, name: str) -> CalendarSheet:
    """The days of a table. `Invalid` "catalog.bad-header" when a column is missing, "catalog.file-faults" otherwise."""
    columns, ignored = _columns(sheet.header)
    faults: list[Fault] = []
    found: dict[date, int] = {}
    days = [day for row in sheet.rows if (day := _day(row, columns, faults, found))]
    if faults:
        raise Invalid(
            "catalog.file-faults",
            f"{name}: nothing was loaded, it has {len(faults)} faults. "
            f"Row {faults[0].row}, {faults[0].column}: {faults[0].problem}",
            field="file",
            count=len(faults),
            faults=[asdict(fault) for fault in faults[:SHOWN_FAULTS]],
        )
    return CalendarSheet(tuple(days), ignored)


def _columns(header: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    columns, ignored = sheets.columns(header, HEADINGS)
    for needed in ("day", "working"):
        if needed not in columns:
            problem = f"there is no column {needed!r}. Its heading may be {', '.join(HEADINGS[needed])}"
            raise sheets.bad_header(problem, needed)
    written = {*HEADINGS_OUT["zh"], *HEADINGS_OUT["en"]}
    return columns, tuple(heading for heading in ignored if heading not in written)


def _day(row: Row, columns: dict[str, str], faults: list[Fault], found: dict[date, int]) -> Day | None:
    """The day of a row, or None after adding a fault for every cell of it that cannot be used."""
    before = len(faults)

    def fault(column: str, problem: str, problem_zh: str) -> None:
        faults.append(Fault(row.number, columns[column], problem, problem_zh))

    def cell(column: str) -> str:
        return row.cells.get(columns.get(column, ""), "").strip()

    day = read_date(cell("day"))
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        problem = f"{cell('day')!r} is no date of {FIRST_YEAR} to {LAST_YEAR}, such as 2026-10-01"
        fault("day", problem, f"应为 {FIRST_YEAR} 至 {LAST_YEAR} 年的日期，例如 2026-10-01")
    elif (first := found.setdefault(day, row.number)) != row.number:
        fault("day", f"{day} stands in row {first} already", f"{day} 与第 {first} 行重复")
    word = cell("working").lower()
    if word not in WORKING | RESTING:
        problem = f"{cell('working')!r} says neither yes (是, 上班) nor no (否, 休息)"
        fault("working", problem, "应为 是（上班）或 否（休息）")
    for column in ("name_zh", "name_en"):
        if len(cell(column)) > LONGEST_NAME:
            problem = f"it has {len(cell(column))} characters: at most {LONGEST_NAME} are accepted"
            fault(column, problem, f"有 {len(cell(column))} 个字，最多 {LONGEST_NAME}")
    if len(faults) > before:
        return None
    return Day(day, word in WORKING, cell("name_zh") or None, cell("name_en") or None, "import")


def read_date(given: str) -> date | None:
    """A date as spreadsheets and people write it (2026-10-01, 2026/10/1, 2026年10月1日, 20261001), or None."""
    match = _DATE.fullmatch(given.strip())
    if match is None:
        return None
    try:
        return date(*(int(part) for part in match.groups() if part))
    except ValueError:
        return None


def row(one: Day, language: str) -> tuple[str, ...]:
    """A day as a row under `HEADINGS_OUT[language]`."""
    yes, no = WORDS[language]
    weekday = WEEKDAYS[language][one.day.weekday()]
    source = SOURCES[one.source] if language == "zh" else one.source
    return (one.day.isoformat(), weekday, yes if one.working else no, one.name_zh or "", one.name_en or "", source)
