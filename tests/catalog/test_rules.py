"""The crosswalk and the time limits, as tables."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webgis.catalog import rules, standards
from webgis.catalog.standards import CJT_2007, GBT_2013, GBT_2026
from webgis.errors import Invalid

CHECKED = [
    *(("matter", f"01{n}", f"060{n}") for n in (10, 11, 12, 13, 17, 36)),
    ("matter", "0203", "07003"),
    *(("matter", f"03{n:02}", f"08{n:03}") for n in range(1, 13)),
    *(("matter", f"04{n}", f"090{n}") for n in ("01", "05", "06", "09", "10")),
    ("component", "0137", "01037"),
    ("component", "0212", "02012"),
    ("component", "0305", "03005"),
    ("component", "0407", "04007"),
    ("component", "0506", "01069"),
    ("component", "0507", "01070"),
    ("component", "0508", "01071"),
    ("matter", "0507", "10001"),
    ("matter", "0508", "10002"),
    ("matter", "0602", "09013"),
]


@pytest.mark.parametrize(("kind", "old", "new"), CHECKED)
def test_checked_pairs_cross_both_ways(kind, old, new):
    assert rules.crosswalk(kind, old, GBT_2013, GBT_2026) == new
    assert rules.crosswalk(kind, new, GBT_2026, GBT_2013) == old


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("component", "0504"),
        ("matter", "0131"),
        ("matter", "0205"),
        *(("matter", f"050{n}") for n in range(1, 7)),
        ("matter", "0604"),
    ],
)
def test_classes_gone_in_2026_have_no_counterpart_and_say_why(kind, code):
    crossing = rules.crossing(kind, code, GBT_2013, GBT_2026)
    assert crossing.code is None and crossing.change == "gone" and crossing.note


@pytest.mark.parametrize("code", ["06039", "06042", "07008", "09012", "09022", "06045"])
def test_matters_new_in_2026_have_no_older_counterpart(code):
    assert rules.crosswalk("matter", code, GBT_2026, GBT_2013) is None


def test_the_abnormality_of_a_component_was_no_class_of_its_own_before_2026():
    assert rules.crosswalk("matter", "01037", GBT_2026, GBT_2013) is None
    assert rules.crosswalk("component", "01037", GBT_2026, GBT_2013) == "0137"


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("component", "0116", "01016, which does not exist"),
        ("matter", "0139", "a new class"),
        ("matter", "0413", "that is 0602"),
        ("matter", "0601", "only some classes"),
        ("matter", "0901", "major class is not known"),
        ("component", "0169", "that is 0506"),
    ],
)
def test_a_code_of_which_nothing_is_known_is_refused_with_the_reason(kind, code, reason):
    with pytest.raises(Invalid, match=reason) as caught:
        rules.crosswalk(kind, code, GBT_2013, GBT_2026)
    assert caught.value.code == "catalog.code-unmapped"


@pytest.mark.parametrize(
    ("kind", "code", "standard"),
    [
        ("matter", "01037", GBT_2013),
        ("matter", "1", GBT_2026),
        ("event", "0110", GBT_2013),
        ("matter", "０1037", GBT_2026),
    ],
)
def test_a_code_of_the_wrong_form_is_refused(kind, code, standard):
    with pytest.raises(Invalid):
        rules.crosswalk(kind, code, standard, GBT_2026)


def test_an_unknown_standard_is_refused_and_the_known_are_named():
    with pytest.raises(Invalid, match="GB/T 47678.5-2026"):
        rules.crosswalk("matter", "0110", "GB/T 1-1", GBT_2026)


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [("component", "0199", "01999"), ("component", "0178", "01978"), ("matter", "0496", "09996")],
)
def test_local_classes_are_counted_back_from_999(kind, old, new):
    assert rules.crosswalk(kind, old, GBT_2013, GBT_2026) == new
    assert rules.crosswalk(kind, new, GBT_2026, GBT_2013) == old
    assert rules.is_extension(GBT_2026, new)


def test_local_classes_of_the_two_majors_that_became_one_do_not_meet():
    assert rules.crosswalk("matter", "0596", GBT_2013, GBT_2026) == "10896"
    assert rules.crosswalk("matter", "0696", GBT_2013, GBT_2026) == "10996"


def test_no_two_codes_of_2013_become_one():
    found = {}
    for kind in rules.KINDS:
        for old in (f"{major:02}{minor:02}" for major in range(1, 7) for minor in range(1, 100)):
            try:
                new = rules.crosswalk(kind, old, GBT_2013, GBT_2026) or rules.kept_extension(kind, old, GBT_2013)
            except Invalid:
                continue
            assert found.setdefault((kind, new), old) == old
            assert rules.crosswalk(kind, new, GBT_2026, GBT_2013) == old
    assert len(found) > 300


@pytest.mark.parametrize(
    ("old", "new"),
    [("0101", "01001"), ("0118", "01037"), ("0305", "03005"), ("0501", "03008"), ("0606", "01071"), ("0117", None)],
)
def test_components_of_2007_cross_by_their_names(old, new):
    assert rules.crosswalk("component", old, CJT_2007, GBT_2026) == new


def test_2007_and_2013_meet_by_way_of_2026():
    assert rules.crosswalk("component", "0118", CJT_2007, GBT_2013) == "0137"
    assert rules.crosswalk("component", "0137", GBT_2013, CJT_2007) == "0118"
    assert rules.crosswalk("matter", "0110", GBT_2013, CJT_2007) is None


def test_every_known_class_crosses_to_every_standard_or_says_why_not():
    for standard in rules.MINOR_DIGITS:
        for kind, code in standards.classes(standard):
            for other in rules.MINOR_DIGITS:
                crossing = rules.crossing(kind, code, standard, other)
                assert crossing.code is None or rules.has_code_form(other, crossing.code)
                assert crossing.code or crossing.note


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2紧急工作时", (2, "urgent_hour")),
        ("4小时", (4, "working_hour")),
        ("2天", (2, "working_day")),
        ("5个工作日", (5, "working_day")),
        ("1紧急工作日", (1, "urgent_day")),
        ("1紧急工作时制止", (1, "urgent_hour")),
        ("4工作时", (4, "working_hour")),
        ("３ 天", (3, "working_day")),
        ("15日内", (15, "working_day")),
        ("两个工作日以内", (2, "working_day")),
        ("十个工作日", (10, "working_day")),
        ("2 urgent hours", (2, "urgent_hour")),
        ("1 working day", (1, "working_day")),
        ("2uh", (2, "urgent_hour")),
        ("5 WD", (5, "working_day")),
        ("3 urgent_day", (3, "urgent_day")),
        ("24 hours", (24, "working_hour")),
    ],
)
def test_time_limits_are_read_as_people_write_them(text, limit):
    assert rules.parse_limit(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "天", "5", "0天", "-1天", "1.5天", "2小时30分", "5天或7天", "3周", "立即", "99999天", "2天天", "s", "1e3天"],
)
def test_what_is_no_time_limit_is_refused(text):
    with pytest.raises(Invalid):
        rules.parse_limit(text)


@given(st.integers(1, rules.LONGEST_LIMIT), st.sampled_from(sorted(rules.LIMIT_UNITS)), st.sampled_from(["zh", "en"]))
def test_a_limit_written_for_people_is_read_back(value, unit, language):
    assert rules.parse_limit(rules.limit_text(value, unit, language)) == (value, unit)


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_is_a_limit_or_refused(text):
    try:
        value, unit = rules.parse_limit(text)
    except Invalid:
        return
    assert 1 <= value <= rules.LONGEST_LIMIT and unit in rules.LIMIT_UNITS
