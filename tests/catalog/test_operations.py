"""The catalogue in the database: classes, filing standards as versions, import and export."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from webgis.catalog import operations, queries, rules, sheets
from webgis.catalog.commands import catalog
from webgis.catalog.models import CaseClass, Crosswalk, FilingCondition, FilingStandard
from webgis.catalog.standards import CJT_2007, GBT_2013, GBT_2026
from webgis.errors import Conflict, Invalid, NotFound


def _import(session, path, **changes):
    given = {"city_code": "5101", "code": "town", "name_zh": "本市立案标准", "standard": GBT_2013}
    return operations.import_filing_standard(session, path, **(given | changes))


def _counted(session, model) -> int:
    return session.scalar(select(func.count()).select_from(model))


def test_classes_of_three_standards_are_loaded_once(with_classes):
    before = _counted(with_classes, CaseClass), _counted(with_classes, Crosswalk)
    operations.load_standard_classes(with_classes)
    assert (_counted(with_classes, CaseClass), _counted(with_classes, Crosswalk)) == before
    assert len(queries.classes(with_classes, "component")) == 153
    assert len(queries.classes(with_classes, "matter")) == 250
    assert queries.find_class(with_classes, "component", "0137", GBT_2013).name_zh == "路灯"
    assert queries.find_class(with_classes, "component", "0118", CJT_2007).name_zh == "路灯"


def test_the_crosswalk_can_be_asked_in_sql(with_classes):
    found = with_classes.execute(
        text(
            "SELECT to_code FROM city.crosswalk WHERE (from_standard, from_kind, from_code, to_standard)"
            " = (:old, 'matter', '0110', :new)"
        ),
        {"old": GBT_2013, "new": GBT_2026},
    )
    assert found.scalar() == "06010"


@pytest.mark.parametrize("words", ["01037", "010", "路灯", "street light", "STREET LIGHT"])
def test_classes_are_found_by_code_and_by_name_in_two_languages(with_classes, words):
    assert "01037" in [one.code for one in queries.classes(with_classes, "component", q=words)]


def test_search_takes_wildcards_as_plain_characters(with_classes):
    assert queries.classes(with_classes, q="%") == []
    assert queries.classes(with_classes, q="_") == []


@pytest.mark.parametrize(
    ("kind", "code", "near"),
    [("component", "06010", "06010"), ("matter", "0110", "06010"), ("matter", "06031", "06030")],
)
def test_an_unknown_class_is_refused_with_those_that_may_have_been_meant(with_classes, kind, code, near):
    with pytest.raises(Invalid) as caught:
        queries.require_class(with_classes, kind, code)
    assert caught.value.code == "catalog.class-unknown" and caught.value.facts["field"] == "class"
    assert near in [one["class"] for one in caught.value.facts["accepted"]]


def test_the_default_filing_standard_is_loaded_once_and_in_force(session):
    first = operations.load_default_filing_standard(session, "5101")
    again = operations.load_default_filing_standard(session, "5101")
    assert first is again and first.active and first.version == 1
    assert _counted(session, FilingStandard) == 1
    assert len(queries.conditions_of(session, "component", "01002")) == 4


def test_the_default_does_not_push_aside_what_a_city_has_chosen(session, city_file):
    own = _import(session, city_file, activate=True).filing_standard
    operations.load_default_filing_standard(session, "5101")
    assert queries.active_filing_standard(session, "5101") is own


def test_an_import_counts_what_it_found(session, city_file):
    done = _import(session, city_file)
    assert (done.made, done.conditions, done.classes, done.extensions) == (True, 10, 9, 3)
    own = queries.require_class(session, "component", "01997")
    assert own.extension and own.name_zh == "雨棚" and own.major_zh == "市政公用设施"
    assert done.filing_standard.active is False


def test_importing_the_same_again_makes_no_version_and_a_change_makes_one(session, city_file, tmp_path):
    first = _import(session, city_file, activate=True).filing_standard
    kept = queries.conditions_of(session, "matter", "06010")[0]
    assert _import(session, city_file).made is False
    changed = tmp_path / "changed.csv"
    changed.write_text(
        city_file.read_text(encoding="utf-8").replace("垃圾落地,4小时", "垃圾落地,2小时"), encoding="utf-8"
    )
    second = _import(session, changed, activate=True).filing_standard
    assert (first.version, second.version) == (1, 2) and second.active and not first.active
    assert queries.conditions_of(session, "matter", "06010")[0].limit_value == 2
    assert queries.condition(session, kept.id).limit_value == 4


def test_a_file_with_a_fault_loads_nothing(session, city_file, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(city_file.read_text(encoding="utf-8").replace("4小时,收走垃圾", "4日元,"), encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        _import(session, bad)
    assert caught.value.code == "catalog.file-faults"
    assert [(f["row"], f["column"]) for f in caught.value.facts["faults"]] == [(6, "处置时限"), (6, "结案条件")]
    assert _counted(session, FilingStandard) == _counted(session, FilingCondition) == 0


def test_one_extension_code_does_not_get_two_meanings(session, city_file, tmp_path):
    _import(session, city_file)
    other = tmp_path / "other.csv"
    other.write_text(city_file.read_text(encoding="utf-8").replace("雨棚,雨棚漏雨", "凉亭,漏雨"), encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        _import(session, other, city_code="5107")
    assert [(f["row"], f["column"]) for f in caught.value.facts["faults"]] == [(5, "name_zh")]
    assert "雨棚" in caught.value.message
    renamed = _import(session, other)
    assert renamed.filing_standard.version == 2
    assert queries.require_class(session, "component", "01997").name_zh == "凉亭"


def test_a_condition_is_never_changed_for_any_writer(session, city_file):
    _import(session, city_file)
    with pytest.raises(DBAPIError, match="never changed"), session.begin_nested():
        session.execute(text("UPDATE city.filing_condition SET limit_value = 99"))


def test_each_city_has_its_own_standard_in_force(session, city_file):
    operations.load_default_filing_standard(session, "5101")
    _import(session, city_file, city_code="5107", activate=True)
    assert len(queries.conditions_of(session, "component", "01001", "510104001001001")) == 4
    assert len(queries.conditions_of(session, "component", "01001", "5107")) == 2
    assert queries.conditions_of(session, "component", "01001", "3101") == []
    with pytest.raises(Conflict, match="5101, 5107"):
        queries.conditions_of(session, "component", "01001")


def test_the_abnormality_of_a_component_is_filed_on_the_conditions_of_the_component(session):
    operations.load_default_filing_standard(session, "5101")
    assert (
        queries.conditions_of(session, "matter", "01037") == queries.conditions_of(session, "component", "01037") != []
    )


def test_without_a_filing_standard_there_are_no_conditions(with_classes):
    assert queries.conditions_of(with_classes, "matter", "06010") == []
    with pytest.raises(NotFound):
        queries.require_filing_standard(with_classes, "5101")


def test_every_limit_of_a_stored_condition_can_be_said_in_words(session):
    operations.load_default_filing_standard(session, "5101")
    for one in session.scalars(select(FilingCondition)):
        assert rules.parse_limit(rules.limit_text(one.limit_value, one.limit_unit)) == (one.limit_value, one.limit_unit)


@pytest.mark.parametrize("ending", sheets.ENDINGS)
@pytest.mark.parametrize("headings", ["en", "zh"])
def test_what_is_exported_by_command_imports_as_the_same_version(runtime, city_file, tmp_path, ending, headings):
    file = tmp_path / f"out{ending}"
    run = CliRunner()
    loaded = run.invoke(
        catalog,
        ["import", str(city_file), "--code", "town", "--name", "本市", "--standard", GBT_2013, "--activate", "--json"],
        obj=runtime,
        catch_exceptions=False,
    )
    facts = json.loads(loaded.output)
    assert (facts["conditions"], facts["classes"], facts["extension_classes"], facts["active"]) == (10, 9, 3, True)
    assert run.invoke(catalog, ["export", str(file), "--headings", headings], obj=runtime).exit_code == 0
    again = run.invoke(catalog, ["import", str(file), "--code", "town", "--name", "本市", "--json"], obj=runtime)
    assert json.loads(again.output)["made"] is False


def test_texts_that_look_like_formulas_survive_a_round_trip(session, tmp_path):
    texts = ["=HYPERLINK(1)", "-5℃以下", "@某处", "'=already", "+1 处"]
    source, copy = tmp_path / "in.xlsx", tmp_path / "out.csv"
    header = ("kind", "class", "condition_zh", "limit", "closing_zh")
    sheets.write(source, header, [("matter", "06010", one, "2天", one) for one in texts])
    done = _import(session, source, standard=GBT_2026, activate=True)
    stored = queries.conditions_of(session, "matter", "06010")
    assert [one.text_zh for one in stored] == [one.closing_zh for one in stored] == texts
    sheets.write(copy, header, [("matter", "06010", one.text_zh, "2天", one.closing_zh) for one in stored])
    assert _import(session, copy, standard=GBT_2026).filing_standard is done.filing_standard
