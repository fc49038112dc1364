"""Reading a table of filing conditions: columns, classes, limits, faults by row and column."""

import pytest

from webgis.catalog import filing, sheets
from webgis.catalog.sheets import Row, Sheet, read
from webgis.catalog.standards import GBT_2013, GBT_2026
from webgis.errors import Invalid

GOOD = {"kind": "matter", "class": "06010", "condition": "垃圾落地", "limit": "4小时", "closing": "收走垃圾"}


def _sheet(*rows: dict[str, str]) -> Sheet:
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    return Sheet(header, tuple(Row(number, row) for number, row in enumerate(rows, start=2)))


def _read(*rows: dict[str, str], standard: str = GBT_2026) -> filing.Reading:
    return filing.read_conditions(_sheet(*rows), standard)


def test_a_city_file_of_2013_codes_is_read_through_the_crosswalk(city_file):
    reading = filing.read_conditions(read(city_file), GBT_2013)
    assert reading.faults == []
    assert [(e.kind, e.code, e.name_zh, e.limit_value, e.limit_unit, e.crossing) for e in reading.entries] == [
        ("component", "01001", "供水井盖", 2, "urgent_hour", "renamed"),
        ("component", "01001", "供水井盖", 2, "working_day", "renamed"),
        ("component", "01070", "水域护栏", 3, "working_day", "moved"),
        ("component", "01997", "雨棚", 7, "working_day", "extension"),
        ("matter", "06010", "暴露垃圾", 4, "working_hour", "rule"),
        ("matter", "06931", "餐厨垃圾遗撒和污染", 4, "working_hour", "kept"),
        ("matter", "09012", "占用消防通道", 2, "working_hour", "local"),
        ("matter", "09991", "早餐车管理", 4, "working_hour", "extension"),
        ("matter", "10001", "道路积雪、结冰", 1, "urgent_hour", "moved"),
        ("matter", "09013", "临街屠宰", 2, "working_hour", "moved"),
    ]
    assert reading.ignored == ("大类名称", "备注")


@pytest.mark.parametrize(
    ("change", "column", "problem"),
    [
        ({"kind": "thing"}, "kind", "no kind"),
        ({"kind": ""}, "kind", "empty"),
        ({"class": "06099x"}, "class", "5 digits"),
        ({"class": "06031"}, "class", "no class 06031"),
        ({"class": "11999", "name": "别的"}, "class", "no class 11999"),
        ({"class": "06999"}, "name_zh", "needs a name"),
        ({"class": "06999", "name": "长" * 31}, "name", "31 characters"),
        ({"condition": ""}, "condition", "empty"),
        ({"condition": "a\x07b"}, "condition", "control characters"),
        ({"condition": "长" * 1001}, "condition", "1001 characters"),
        ({"limit": "soon"}, "limit", "no time limit"),
        ({"limit": ""}, "limit_value", "empty"),
        ({"closing": ""}, "closing", "empty"),
        ({"department": "bakers"}, "department", "no kind of department"),
    ],
)
def test_a_fault_names_its_row_and_column(change, column, problem):
    reading = _read(GOOD, GOOD | {"condition": "满地纸屑"} | change)
    assert [(fault.row, fault.column) for fault in reading.faults] == [(3, column)]
    assert problem in reading.faults[0].problem
    assert len(reading.entries) == 1


def test_every_fault_of_a_row_is_named():
    reading = _read(GOOD | {"kind": "thing", "limit": "soon", "closing": ""})
    assert [fault.column for fault in reading.faults] == ["kind", "limit", "closing"]


def test_a_code_without_counterpart_is_a_fault_of_its_column():
    row = {"kind": "事件", "大类代码": "1", "小类代码": "39", "立案条件": "a", "时限": "2天", "结案条件": "b"}
    fault = _read(row, standard=GBT_2013).faults[0]
    assert (fault.row, fault.column) == (2, "小类代码")
    assert "06039" in fault.problem


def test_the_same_condition_twice_is_a_fault_that_names_the_first():
    assert "in row 2" in _read(GOOD, GOOD).faults[0].problem


def test_an_extension_class_has_one_name():
    own = GOOD | {"class": "06999"}
    reading = _read(own | {"name": "甲"}, own | {"name": "乙", "condition": "另一条"})
    assert [(fault.row, fault.column) for fault in reading.faults] == [(3, "name")]


def test_an_extension_class_that_exists_needs_no_name():
    sheet = _sheet(GOOD | {"class": "06999"})
    assert filing.read_conditions(sheet, GBT_2026, {("matter", "06999"): "甲"}).entries[0].name_zh == "甲"


def test_zeros_that_a_spreadsheet_took_away_are_put_back():
    assert _read(GOOD | {"class": "6010"}).entries[0].code == "06010"


def test_value_and_unit_may_stand_in_two_columns():
    row = {key: value for key, value in GOOD.items() if key != "limit"} | {"时限值": "2", "时限单位": "紧急工作时"}
    entry = _read(row).entries[0]
    assert (entry.limit_value, entry.limit_unit) == (2, "urgent_hour")


@pytest.mark.parametrize("missing", ["kind", "class", "condition", "limit", "closing"])
def test_a_missing_column_is_refused_with_the_headings_that_would_do(missing):
    row = {key: value for key, value in GOOD.items() if key != missing}
    with pytest.raises(Invalid, match="heading may be") as caught:
        _read(row)
    assert caught.value.facts["row"] == 1


def test_two_headings_for_one_column_are_refused():
    with pytest.raises(Invalid, match="say the same"):
        _read(GOOD | {"立案条件": "x"})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_heading_of_an_export_is_read(language):
    columns, ignored = sheets.columns(filing.EXPORT_HEADINGS[language], filing.HEADINGS)
    assert len(columns) == 11 and ignored == ()
