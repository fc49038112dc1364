"""Figures and their cases as a workbook: rows are read page by page and written as they come, so that memory stays the
same however many they are. Texts are written as texts, and what a spreadsheet would run gets an apostrophe in front.

A workbook lies under a name that nobody guesses in the folder of the person who asked, as long as
`cases.retention` says.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import listing
from webgis.cases.listing import Filters
from webgis.evaluation.figures import Asked, Sums
from webgis.evaluation.overview import Line, Overview
from webgis.maps.signs import STATES
from webgis.pages.narrowing import source_word
from webgis.pages.words import KINDS
from webgis.settings import Settings

MOST_CASES = 1_000_000
"""A sheet holds 1,048,576 rows."""

ID = re.compile(r"^[A-Za-z0-9_-]{16,64}$")
_RUNS = re.compile(r"[=+\-@＝＋－＠\t\r]")

Tell = Callable[[int], None]


def safe(value: Any) -> Any:
    """A text that no spreadsheet runs as a formula; other values as they are."""
    return f"'{value}" if isinstance(value, str) and _RUNS.match(value) else value


def write(
    session: Session,
    settings: Settings,
    actor: Actor,
    question: Asked,
    found: Overview,
    target: Path,
    tell: Tell,
    english: bool,
) -> None:
    """Write the workbook, in the language of the context, and tell how many per cent are done.

    Whoever reads `target` sees the whole or nothing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}")
    with xlsxwriter.Workbook(made, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheets = _Sheets(book, settings)
        _figures(sheets, found)
        for title, lines in (
            (_("Ranking of areas"), found.areas),
            (_("Ranking of departments"), found.departments),
            (_("Classes"), found.classes),
            (_("Sources"), found.sources),
        ):
            _ranking(sheets, title, lines, english)
        _cases(sheets, session, settings, actor, question, found.total.reported, tell, english)
    made.replace(target)


class _Sheets:
    """A workbook whose sheets are written row by row."""

    def __init__(self, book: xlsxwriter.Workbook, settings: Settings) -> None:
        self.book, self.zone = book, settings.zone
        self.head = book.add_format({"bold": True, "bottom": 1})
        self.share = book.add_format({"num_format": "0.0%"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def sheet(self, title: str, header: Sequence[str], rows: Iterator[Sequence[Any]], widths: Sequence[int]) -> None:
        sheet = self.book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.write_row(0, 0, header, self.head)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                self._cell(sheet, number, column, value)

    def _cell(self, sheet: Any, row: int, column: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, datetime):
            sheet.write_datetime(row, column, value.astimezone(self.zone).replace(tzinfo=None), self.moment)
        elif isinstance(value, float):
            sheet.write_number(row, column, value, self.share)
        elif isinstance(value, int):
            sheet.write_number(row, column, value)
        else:
            sheet.write_string(row, column, safe(str(value)))


def _headings() -> list[str]:
    return [_("Reported"), _("Filed"), _("Closed"), _("Closed on time"), _("On time"), _("Opened again")]


def _values(sums: Sums) -> list[Any]:
    return [sums.reported, sums.filed, sums.closed, sums.on_time, sums.on_time_share, sums.reopened]


def _figures(sheets: _Sheets, found: Overview) -> None:
    rows = [[f"{part.since} – {part.until}", *_values(sums)] for part, sums in found.trend]
    whole = [
        [f"{found.span.since} – {found.span.until}", *_values(found.total), found.now.open, found.now.overdue],
        [f"{found.span.before.since} – {found.span.before.until}", *_values(found.before)],
    ]
    header = [_("Span"), *_headings(), _("Open now"), _("Overdue now")]
    sheets.sheet(_("Figures"), header, iter(whole + [[]] + rows), [26] + [12] * 8)


def _ranking(sheets: _Sheets, title: str, lines: Sequence[Line], english: bool) -> None:
    header = [_("Code"), _("Name"), *_headings(), _("Open now"), _("Overdue now"), _("Reported before")]
    rows = (
        [
            line.code,
            source_word(line.code) if line.names == (line.code, line.code) else line.names[english],
            *_values(line.sums),
            line.now.open,
            line.now.overdue,
            line.before.reported,
        ]
        for line in lines
    )
    sheets.sheet(title, header, rows, [18, 32] + [12] * 9)


def _cases(
    sheets: _Sheets,
    session: Session,
    settings: Settings,
    actor: Actor,
    question: Asked,
    expected: int,
    tell: Tell,
    english: bool,
) -> None:
    """The cases that were reported in the span, newest first."""

    def rows() -> Iterator[list[Any]]:
        for number, case in enumerate(_read(session, settings, actor, question), start=1):
            if number % 1000 == 0:
                tell(min(99, 5 + 94 * number // max(expected, number)))
            yield _case(case, english)

    header = [
        _("Number"), _("State"), _("Kind"), _("Class code"), _("Class"), _("Description"), _("Address"), _("Cell"),
        _("Department"), _("Source"), _("Reported at"), _("Deadline"), _("Resolved at"), _("Ended at"),
        _("Longitude"), _("Latitude"),
    ]  # fmt: skip
    widths = [22, 12, 10, 10, 24, 48, 32, 18, 24, 14, 17, 17, 17, 17, 12, 12]
    sheets.sheet(_("Cases"), header, rows(), widths)


def _read(session: Session, settings: Settings, actor: Actor, question: Asked) -> Iterator[Row]:
    """The cases of a question page by page, as the list shows them to this person."""
    since = datetime.combine(question.span.since, time(), settings.zone)
    until = datetime.combine(question.span.until + timedelta(days=1), time(), settings.zone)
    filters = Filters(
        classes=(question.class_code,) if question.class_code else (),
        kind=question.kind,
        area=question.area,
        department=question.departments[0] if question.departments and len(question.departments) == 1 else None,
        source=question.source,
        since=since,
        until=until,
    )
    left, cursor = MOST_CASES, None
    while left > 0:
        page = listing.list_cases(session, actor, filters, limit=listing.MOST_ROWS, cursor=cursor)
        yield from page.rows[:left]
        left, cursor = left - len(page.rows), page.next
        if cursor is None:
            return


def _named(zh: str | None, en: str | None, english: bool) -> str | None:
    return (en if english else None) or zh


def _case(case: Row, english: bool) -> list[Any]:
    return [
        case.number,
        str(STATES[case.state].word),
        str(KINDS[case.kind]),
        case.class_code,
        _named(case.class_zh, case.class_en, english),
        case.description,
        case.address,
        case.cell_code,
        _named(case.department_zh, case.department_en, english),
        source_word(case.source),
        case.reported_at,
        case.deadline_at,
        case.resolved_at,
        case.closed_at,
        f"{case.lon:.6f}",
        f"{case.lat:.6f}",
    ]


# Where they lie


def file_of(settings: Settings, person: int, name: str) -> Path:
    """Where the workbook `name` of a person lies."""
    return settings.var_dir / "exports" / str(person) / f"{name}.xlsx"


def new_name() -> str:
    """A name that nobody guesses."""
    return secrets.token_urlsafe(18)


def expired(file: Path, days: int | None) -> bool:
    """Whether a workbook is older than it is kept, also when nobody has removed it yet (`cases.retention` does)."""
    if days is None:
        return False
    return file.is_file() and file.stat().st_mtime < (datetime.now(UTC) - timedelta(days=days)).timestamp()
