"""Tables as files: what is written is read back, and no cell runs as a formula."""

import csv
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webgis.catalog import sheets
from webgis.errors import Invalid

HEADER = ("a", "b")
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=1",
    "''=1",
    "'plain",
    "＝1",
    "1",
    "01001",
    'a "b", c',
    "two\nlines",
    "_x0041_",
    "\\x",
]

texts = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs", "Cn", "Cc", "Co"), exclude_characters="\x7f\ufffe\uffff"),
    max_size=12,
).map(str.strip)


@pytest.mark.parametrize("ending", sheets.ENDINGS)
def test_cells_come_back_as_they_were(tmp_path, ending):
    path = tmp_path / f"table{ending}"
    sheets.write(path, HEADER, [("x", cell) for cell in NASTY])
    assert [row.cells["b"] for row in sheets.read(path).rows] == NASTY


@pytest.mark.parametrize("ending", sheets.ENDINGS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(cells=st.lists(texts, min_size=1, max_size=5))
def test_any_cells_come_back_as_they_were(tmp_path, ending, cells):
    path = tmp_path / f"table{ending}"
    sheets.write(path, HEADER, [("x", cell) for cell in cells])
    assert [row.cells["b"] for row in sheets.read(path).rows] == cells


def test_no_cell_of_a_csv_begins_as_a_formula(tmp_path):
    path = tmp_path / "table.csv"
    sheets.write(path, HEADER, [(cell, cell) for cell in NASTY])
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert cells and not any(cell.startswith(("=", "+", "-", "@", "＝")) for cell in cells)


def test_no_cell_of_a_workbook_is_a_formula(tmp_path):
    path = tmp_path / "table.xlsx"
    sheets.write(path, HEADER, [(cell, cell) for cell in NASTY])
    with zipfile.ZipFile(path) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
    cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row]
    assert all(cell.data_type == "s" and not cell.value.startswith(("=", "+", "-", "@")) for cell in cells)


def test_rows_keep_the_numbers_that_a_spreadsheet_shows(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n,\n3,4\n", encoding="utf-8")
    assert [row.number for row in sheets.read(path).rows] == [2, 4]


def test_numbers_typed_into_a_workbook_are_read_as_text(tmp_path):
    path = tmp_path / "table.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1001, 2.0])
    book.save(path)
    assert sheets.read(path).rows[0].cells == {"a": "1001", "b": "2"}


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_text_files_of_the_usual_encodings_and_separators_are_read(tmp_path, delimiter, encoding):
    path = tmp_path / "table.csv"
    path.write_text(f"类型{delimiter}名称\n部件{delimiter}路灯\n", encoding=encoding)
    assert sheets.read(path).rows[0].cells == {"类型": "部件", "名称": "路灯"}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("table.ods", b"a,b\n1,2\n", "ends in"),
        ("table.xlsx", b"not a workbook", "not an XLSX workbook"),
        ("table.csv", b"a,b\n", "no rows below its header"),
        ("table.csv", b"", "no rows below its header"),
        ("table.csv", b"a,a\n1,2\n", "repeats a"),
        ("table.csv", b"a,b\n1,2,3\n", "row 2 has more cells"),
        ("table.csv", b"a,b\n1,\xff\xfe\xff\n", "neither UTF-8 nor"),
        ("table.csv", b'a,b\n1,"2', "not a table"),
        ("table.csv", b"a,b\n1,2\x003\n", "row 2 holds a character"),
        ("table.csv", b"a\x00,b\n1,2\n", "row 1 holds a character"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content, problem):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid, match=problem):
        sheets.read(path)


SHEET = "xl/worksheets/sheet1.xml"
ROW = '<row r="{}"><c r="A{}" t="inlineStr"><is><t>{}</t></is></c></row>'


def workbook(path, parts):
    """A workbook whose parts of these names are others."""
    sheets.write(path, ["a", "b"], [("1", "2")])
    with zipfile.ZipFile(path) as book:
        kept = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in (kept | parts).items():
            book.writestr(name, content)


def sheet(*rows: str, before: str = "") -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{space}">{before}<sheetData>{"".join(rows)}</sheetData></worksheet>'.encode()


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({SHEET: b"<worksheet><sheetData><row"}, "not an XLSX workbook"),
        ({SHEET: b""}, "not an XLSX workbook"),
        ({"xl/workbook.xml": b"<no/>"}, "not an XLSX workbook"),
        ({"xl/styles.xml": b"<<<"}, "not an XLSX workbook"),
        ({SHEET: sheet(ROW.format(1, 1, "a"), ROW.format(2_000_000, 2_000_000, "x"))}, "rows go beyond"),
        ({SHEET: sheet(ROW.format(1, 1, "a"), ROW.format(2, 2, "x_x0000_y"))}, "row 2 holds a character"),
        ({SHEET: sheet(ROW.format(1, 1, "a"), ROW.format(2, 2, "_xD800_"))}, "row 2 holds a character"),
        ({"xl/media/zeros.bin": bytes(sheets.UNPACKED_MB * 1024 * 1024)}, "MB unpacked"),
    ],
    ids=["torn", "empty", "none", "styles", "far", "nul", "half", "bomb"],
)
def test_a_workbook_made_to_harm_is_refused(tmp_path, parts, problem):
    path = tmp_path / "table.xlsx"
    workbook(path, parts)
    with pytest.raises(Invalid, match=problem):
        sheets.read(path)


def test_what_a_workbook_says_of_its_size_is_not_believed(tmp_path):
    path = tmp_path / "table.xlsx"
    rows = (ROW.format(1, 1, "a"), ROW.format(2, 2, "x"))
    workbook(path, {SHEET: sheet(*rows, before='<dimension ref="A1:XFD1048576"/>')})
    assert [row.cells for row in sheets.read(path).rows] == [{"a": "x"}]
