"""`webgis people ...`: people and departments of a city from tables, whole or not at all."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from webgis.cli import group

DEPARTMENTS = """代码,名称,类型,区域代码,上级部门代码
510104-street-1,一街道,subdistrict,510104017,510104-streets
510104-streets,街道处,subdistrict,510104,
"""
PEOPLE = "账号,姓名,角色,部门代码\njie1,张三,部门,510104-street-1\ncai1,李四,采集员,\n"


@pytest.fixture
def call(city_runtime, tmp_path):
    """A function that calls `webgis people ...`, with a table where one is given, and gives exit code and output."""

    def run(*args, table=None):
        file = tmp_path / "table.csv"
        if table is not None:
            file.write_text(table, encoding="utf-8")
        words = [str(file) if arg is ... else str(arg) for arg in args]
        done = CliRunner().invoke(group, ["people", *words], obj=city_runtime)
        return done.exit_code, done.output

    return run


def count(runtime, table):
    with runtime.transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM city.{table}"))


def test_departments_and_their_people_come_in_from_tables(city_runtime, call, tmp_path):
    before = count(city_runtime, "department")
    assert "2 added, 0 changed, 0 same" in call("import-departments", ..., "--check", table=DEPARTMENTS)[1]
    assert count(city_runtime, "department") == before
    call("import-departments", ...)
    assert count(city_runtime, "department") == before + 2
    changed = DEPARTMENTS.replace("街道处", "街道办公室")
    assert "0 added, 1 changed, 1 same" in call("import-departments", ..., table=changed)[1]
    assert "2 new" in call("import", ..., "--check", table=PEOPLE)[1]
    code, said = call("import", ...)
    assert code == 0 and "jie1" in said and "cai1" in said
    assert "department" in call("export-departments", tmp_path / "out.csv")[1]
    assert f"0 added, 0 changed, {before + 2} same" in call("import-departments", tmp_path / "out.csv")[1]
    call("export", tmp_path / "people.csv")
    assert "0 new, 0 changed" in call("import", tmp_path / "people.csv", "--check")[1]
    assert call("import", ..., table=PEOPLE.replace("张三", "张四"))[1] == "0 new, 1 changed\n"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (DEPARTMENTS.replace("510104-street-1", "a b"), "row 2: code"),
        (DEPARTMENTS.replace(",510104017,", ",999,"), "row 2: area"),
        (DEPARTMENTS + "x,某部门,nothing,,\n", "row 4: kind"),
        (DEPARTMENTS + "510104-streets,街道局,subdistrict,,\n", "row 4: code: the code stands in row 3 already"),
        ("代码,名称,类型,上级部门代码\na,甲,other,b\nb,乙,other,a\n", "There is no department b"),
        ("代码,名称\na,甲\n", "kind: there is no such column"),
    ],
)
def test_with_a_fault_no_department_is_taken(city_runtime, call, table, said):
    before = count(city_runtime, "department")
    code, told = call("import-departments", ..., table=table)
    assert code == 1 and said in told
    assert count(city_runtime, "department") == before


def test_with_a_fault_nobody_is_taken(city_runtime, call):
    before = count(city_runtime, "person")
    code, told = call("import", ..., table=PEOPLE.replace("采集员", "厨师"))
    assert code == 1 and "row 3" in told
    assert count(city_runtime, "person") == before
