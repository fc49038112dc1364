"""Names of fields in other people's files, and their values."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.grid import town
from webgis.errors import Invalid
from webgis.grid import fields

SHANGHAI = ZoneInfo("Asia/Shanghai")


def columns(*names):
    layer = town.layer(["1"], [None], **{name: ["x"] for name in names})
    del layer.columns["code"]
    return layer


@pytest.mark.parametrize("name", ["网格标识码", "WGBSM", "Grid_Code", "bgcode", "单元网格标"])
def test_the_code_is_found_under_its_usual_names(name):
    assert fields.chosen(columns("备注", name), fields.CELL_FIELDS, {})["code"] == name


def test_the_five_fields_of_the_standard_are_found():
    names = ("网格标识码", "面积", "初始时间", "终止时间", "备注")
    found = fields.chosen(columns(*names), fields.CELL_FIELDS, {})
    assert [found[meaning] for meaning in ("code", "area", "since", "until", "remark")] == list(names)


def test_a_name_cut_by_dbase_is_found():
    assert fields.chosen(columns("initial_ti"), fields.CELL_FIELDS, {})["since"] == "initial_ti"


def test_a_field_given_goes_before_the_usual_names():
    assert fields.chosen(columns("code", "old"), fields.CELL_FIELDS, {"code": "old"})["code"] == "old"


def test_a_field_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(Invalid) as refusal:
        fields.chosen(columns("a", "b"), fields.CELL_FIELDS, {"code": "c"})
    assert refusal.value.facts["accepted"] == ["a", "b"]


@pytest.mark.parametrize(("value", "text"), [(510104017001.0, "510104017001"), (7, "7"), (" 7 ", "7"), ("", None),
                                             (float("nan"), None), (None, None)])  # fmt: skip
def test_codes_kept_as_numbers_become_text(value, text):
    assert fields.as_text(value) == text


@pytest.mark.parametrize("value", ["2026-03-01", "20260301", "2026/3/1", "2026.3.1", "2026年3月1日", 20260301,
                                   "2026-03-01T00:00:00", "2026/03/01 00:00:00", "2026-02-28T16:00:00Z"])  # fmt: skip
def test_dates_are_midnight_in_the_citys_zone(value):
    assert fields.as_moment(value, SHANGHAI) == datetime(2026, 2, 28, 16, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "9999-12-31", "0000-00-00"])
def test_no_end_is_said_in_several_ways(value):
    assert fields.as_moment(value, SHANGHAI) is None


def test_what_is_no_date_is_refused():
    with pytest.raises(ValueError, match="last year"):
        fields.as_moment("last year", SHANGHAI)
