"""The table of what zones do to cases, as a city replaces it."""

import pytest
from sqlalchemy import text

from webgis.cases import zone_rules, zones
from webgis.catalog import sheets
from webgis.errors import Invalid

HEAD = "kind,class,protection,phase,contractor,severity,limit,unit,source\n"
OWN = HEAD + "matter,08,,,yes,ordinary,,,第三条\nmatter,08,,excavation,yes,urgent,4,urgent_hour,第五条\n"


@pytest.fixture
def sheet(tmp_path):
    def read(told: str, encoding: str = "utf-8"):
        file = tmp_path / "zones.csv"
        file.write_bytes(told.encode(encoding))
        return sheets.read(file)

    return read


def test_a_city_replaces_the_table_and_reads_it_back(session, sheet):
    shipped = zone_rules.written(session)
    assert shipped.startswith(HEAD) and shipped.count("\n") == 4
    assert zone_rules.replace(session, sheet(OWN, "gb18030")) == 2
    assert zone_rules.written(session) == OWN
    found = session.execute(text("SELECT * FROM fn.zone_rule('matter', '08001', 'control', 'excavation')")).one()
    assert (found.severity, found.limit_value, found.limit_unit) == ("urgent", 4, "urgent_hour")
    logged = session.execute(text("SELECT before, after FROM city.admin_event WHERE action = 'routing.zones'")).one()
    assert (len(logged.before["rules"]), len(logged.after["rules"])) == (3, 2)


FAULTS = (
    ("matter,08,,,maybe,ordinary,,,x", "contractor"), ("matter,08,near,,yes,ordinary,,,x", "protection"),
    ("matter,08,,digging,yes,ordinary,,,x", "phase"), ("matter,08999,,,yes,ordinary,,,x", "class"),
    ("matter,08,,,yes,ordinary,2,,x", "limit"), ("matter,08,,,yes,ordinary,0,urgent_hour,x", "limit"),
    ("matter,08,,,yes,grave,,,x", "severity"), ("matter,08,,,yes,ordinary,,,", "source"),
    ("thing,08,,,yes,ordinary,,,x", "kind"), ("matter,08,,,yes,ordinary,,,x\nmatter,08,,,no,urgent,,,x", "class"),
)  # fmt: skip


@pytest.mark.parametrize(("rows", "field"), FAULTS)
def test_a_row_that_cannot_be_used_is_named_and_nothing_changes(session, sheet, rows, field):
    before = zones.rules(session)
    with pytest.raises(Invalid) as refused:
        zone_rules.replace(session, sheet(HEAD + rows))
    assert (refused.value.code, refused.value.facts["field"]) == ("cases.bad-zone-rules", field)
    assert zones.rules(session) == before


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("", "catalog.file-unreadable"),
        (HEAD, "catalog.file-unreadable"),
        (f"{OWN}{'x,' * 20}", "catalog.file-unreadable"),
        (f"{HEAD}matter,08,,,yes,ordinary,,,x\0\n", "catalog.file-unreadable"),
        ("kind,class\nmatter,08\n", "cases.bad-zone-rules"),
    ],
)
def test_what_is_no_such_table_is_refused_and_nothing_changes(session, sheet, told, code):
    before = zones.rules(session)
    with pytest.raises(Invalid) as refused:
        zone_rules.replace(session, sheet(told))
    assert refused.value.code == code and zones.rules(session) == before
