"""The shipped tables: whole, consistent, with good names."""

import re
from collections import Counter

import pytest

from webgis.accounts.actor import DEPARTMENT_KINDS
from webgis.catalog import filing, rules, sheets, standards
from webgis.catalog.operations import DEFAULT_FILE
from webgis.catalog.standards import CJT_2007, GBT_2013, GBT_2026

ALL = standards.classes(GBT_2026)
COMPONENTS = {code: entry for (kind, code), entry in ALL.items() if kind == "component"}
MATTERS = {code: entry for (kind, code), entry in ALL.items() if kind == "matter"}


@pytest.fixture(scope="module")
def default():
    from importlib.resources import as_file, files

    with as_file(files("webgis.catalog").joinpath("data", DEFAULT_FILE)) as path:
        return filing.read_conditions(sheets.read(path), GBT_2026)


def test_the_2026_standard_has_153_components_and_250_matters():
    assert (len(COMPONENTS), len(MATTERS)) == (153, 250)


def test_majors_have_as_many_classes_as_the_standard():
    assert Counter(code[:2] for code in COMPONENTS) == {"01": 76, "02": 44, "03": 16, "04": 14, "05": 3}
    own = Counter(code[:2] for code in MATTERS if code not in COMPONENTS)
    assert own == {"06": 51, "07": 7, "08": 16, "09": 21, "10": 2}


@pytest.mark.parametrize("code", ["01016", "05001", "05004", "05008", "06031", "07005", "09007"])
def test_numbers_that_the_standard_leaves_out_are_left_out(code):
    assert code not in COMPONENTS and code not in MATTERS


def test_every_component_is_also_the_matter_of_its_abnormality():
    for code, component in COMPONENTS.items():
        assert MATTERS[code].name_zh == component.name_zh + "异常"
        assert MATTERS[code].name_en == component.name_en + ": abnormal"


@pytest.mark.parametrize("standard", [GBT_2026, GBT_2013, CJT_2007])
def test_codes_and_names_are_well_formed(standard):
    for (kind, code), entry in standards.classes(standard).items():
        assert rules.has_code_form(standard, code)
        assert (standard, kind, code[:2]) in standards.majors()
        assert 1 <= len(entry.name_zh) <= rules.LONGEST_NAME
        assert re.fullmatch(r"[A-Za-z][^/&;]*[a-z)]", entry.name_en), entry


@pytest.mark.parametrize("kind", ["component", "matter"])
def test_no_two_classes_share_a_name(kind):
    for attribute in ("name_zh", "name_en"):
        names = Counter(getattr(entry, attribute) for (k, _), entry in ALL.items() if k == kind)
        assert [name for name, count in names.items() if count > 1] == []


def test_exceptions_and_local_names_point_at_classes_that_exist():
    for row in standards.exceptions():
        assert not row.to_code or (row.to_kind, row.to_code) in standards.classes(row.to_standard), row
        assert not row.from_code or (row.from_kind, row.from_code) in standards.classes(row.from_standard), row
    for (kind, _), code in standards.local_names().items():
        assert (kind, code) in ALL


def test_the_default_filing_standard_has_no_fault_and_serves_every_class(default):
    assert default.faults == []
    served = {(entry.kind, entry.code) for entry in default.entries}
    own = {("matter", f"1008{digit}") for digit in range(5)}
    assert served == {(k, c) for k, c in ALL if k == "component" or c not in COMPONENTS} | own
    assert all(rules.is_extension(GBT_2026, code) for _kind, code in own)


def test_the_default_filing_standard_is_whole_in_both_languages_and_names_departments(default):
    for entry in default.entries:
        assert entry.text_zh and entry.text_en and entry.closing_zh and entry.closing_en
        assert entry.department_kind in DEPARTMENT_KINDS


def test_most_classes_of_the_default_have_several_conditions(default):
    counts = Counter((entry.kind, entry.code) for entry in default.entries)
    assert sum(count > 1 for count in counts.values()) >= 60


@pytest.mark.parametrize(
    ("kind", "code", "limits"),
    [
        ("component", "01002", [(2, "urgent_hour"), (4, "working_hour"), (2, "working_day"), (5, "working_day")]),
        ("matter", "06001", [(2, "urgent_day"), (15, "working_day")]),
        ("matter", "06010", [(4, "working_hour")]),
        ("matter", "09012", [(2, "working_hour"), (1, "urgent_day")]),
    ],
)
def test_limits_of_the_default_are_the_figures_of_practice(default, kind, code, limits):
    found = [(e.limit_value, e.limit_unit) for e in default.entries if (e.kind, e.code) == (kind, code)]
    assert found == limits
