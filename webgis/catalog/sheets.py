"""Tables as files: CSV (or tab-separated) and XLSX, read as text and written safely.

A cell that a spreadsheet would run as a formula gets an apostrophe in front on the way out and loses it on the way in,
so that a round trip changes nothing. Every value is text here; what it means is for the caller.
"""

import csv
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import openpyxl
import xlsxwriter
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException

from webgis.errors import Invalid
from webgis.texts import storable

ENDINGS = (".csv", ".tsv", ".xlsx")
MOST_ROWS = 50_000
"""More rows than any filing standard has; a larger file is the wrong file."""

LAST_ROW = 2**20
"""The last row of a spreadsheet, however empty."""

UNPACKED_MB = 300
"""A workbook that would be larger than this unpacked is not read."""

_GARBLED = (
    BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError,
    EOFError, NotImplementedError, RuntimeError, OverflowError, zlib.error,
)  # fmt: skip
"""What openpyxl and the parts below it raise of a file that is no workbook; errors of XML are a `SyntaxError`."""

_RUNS = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
"""Text that a spreadsheet may run as a formula, with the apostrophes that guard it already."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field: `row` as a spreadsheet counts (None outside of tables), heading of the column, and
    the problem in words."""

    row: int | None
    column: str
    problem: str
    problem_zh: str


@dataclass(frozen=True)
class Row:
    """One row of a file: its number as a spreadsheet shows it (the header is row 1) and its cells by header."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """A header and the rows below it that are not empty."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def plain(heading: str) -> str:
    """A heading as headings are compared: without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", heading).lower()


def columns(header: Sequence[str], headings: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The heading of each column that is there, and the headings that mean nothing here. `headings` are the words for
    each column. `Invalid` "catalog.bad-header" for two that say the same."""
    meaning = {plain(word): column for column, words in headings.items() for word in words}
    found: dict[str, str] = {}
    for heading in header:
        column = meaning.get(plain(heading))
        if column in found:
            raise bad_header(f"the headings {found[column]!r} and {heading!r} say the same", heading)
        if column:
            found[column] = heading
    return found, tuple(heading for heading in header if heading and heading not in found.values())


def bad_header(problem: str, column: str) -> Invalid:
    """The refusal of a table by its first row."""
    return Invalid("catalog.bad-header", f"Row 1: {problem}", row=1, column=column)


def guard(text: str) -> str:
    """`text` with an apostrophe in front if a spreadsheet might run it; `unguard` takes it off again."""
    return "'" + text if _RUNS.match(text) else text


def unguard(text: str) -> str:
    """The text that `guard` was given."""
    return text[1:] if text.startswith("'") and _RUNS.match(text) else text


def read(path: Path, most_rows: int = MOST_ROWS) -> Sheet:
    """The first sheet of an XLSX file, or a CSV or TSV file in UTF-8 or GB 18030.

    Cells lose white space around them. Raises `Invalid` for another ending, a file that is not what its ending says,
    one without rows, a header that repeats, or a row that is longer than the header.
    """
    numbered = list(_numbered(path, most_rows))
    if len(numbered) < 2:
        raise _bad(path, "the file has no rows below its header")
    header = tuple(numbered[0][1])
    while header and not header[-1]:
        header = header[:-1]
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise _bad(path, f"the header repeats {', '.join(sorted(repeated))}")
    return Sheet(header, tuple(_row(path, number, header, cells) for number, cells in numbered[1:]))


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a table as CSV (UTF-8 with a mark, as spreadsheets want it), TSV or XLSX; returns the number of rows."""
    table = [[guard("" if cell is None else str(cell)) for cell in row] for row in rows]
    ending = _ending(path)
    if ending == ".xlsx":
        _write_xlsx(path, header, table)
    else:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter="\t" if ending == ".tsv" else ",").writerows([header, *table])
    return len(table)


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise Invalid(
            "catalog.file-ending",
            f"{path.name}: the name of a table ends in {', '.join(ENDINGS)}",
            field="file",
            accepted=list(ENDINGS),
        )
    return ending


def _numbered(path: Path, most_rows: int) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold anything, with their numbers, as stripped and unguarded text."""
    source = _read_xlsx(path) if _ending(path) == ".xlsx" else _read_csv(path)
    kept = 0
    for number, cells in enumerate(source, start=1):
        texts = [unguard(cell.replace("\r\n", "\n").replace("\r", "\n").strip()) for cell in cells]
        if number > LAST_ROW:
            raise _bad(path, f"its rows go beyond {LAST_ROW}")
        if any(texts):
            if not all(map(storable, texts)):  # a workbook can write any character as _xHHHH_
                raise _bad(path, f"row {number} holds a character that no text has (NUL, half a pair)", row=number)
            kept += 1
            if kept > most_rows:
                raise _bad(path, f"the file has more than {most_rows} rows")
            yield number, texts


def _row(path: Path, number: int, header: tuple[str, ...], cells: list[str]) -> Row:
    if any(cells[len(header) :]):
        raise _bad(path, f"row {number} has more cells than the header", row=number)
    padded = cells + [""] * (len(header) - len(cells))
    return Row(number, {name: cell for name, cell in zip(header, padded, strict=False) if name})


def _read_csv(path: Path) -> Iterator[list[str]]:
    text = _decoded(path)
    first = text.split("\n", 1)[0]
    delimiter = max("\t,;", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise _bad(path, f"it is not a table: {error}") from None


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _bad(path, "it is neither UTF-8 nor GB 18030 text")


def _read_xlsx(path: Path) -> Iterator[list[str]]:
    try:
        with ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > UNPACKED_MB * 1024 * 1024:
            raise _bad(path, f"it is a workbook of more than {UNPACKED_MB} MB unpacked")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        with closing(book):
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a workbook says of its size may be anything
            for cells in sheet.iter_rows(values_only=True):
                yield [_text(cell) for cell in cells]
    except _GARBLED as error:
        raise _bad(path, f"it is not an XLSX workbook ({error})") from None


def _text(cell: object) -> str:
    """A cell as it was meant: a workbook turns 2 into 2.0 and writes some characters as _xHHHH_."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return unescape(str(cell))


def _write_xlsx(path: Path, header: Sequence[str], table: list[list[str]]) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for number, cells in enumerate([list(header), *table]):
            for column, cell in enumerate(cells):
                sheet.write_string(number, column, cell)


def _bad(path: Path, problem: str, **facts: object) -> Invalid:
    return Invalid("catalog.file-unreadable", f"{path.name}: {problem}", field="file", **facts)
