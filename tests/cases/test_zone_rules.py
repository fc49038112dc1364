"""The table of what zones do to cases, as a city replaces it."""

import pytest
from sqlalchemy import text

from webgis.cases import zone_rules, zones
from webgis.errors import Invalid

HEAD = "kind,class,protection,phase,contractor,severity,limit,unit,source\n"
OWN = HEAD + "matter,08,,,yes,ordinary,,,第三条\nmatter,08,,excavation,yes,urgent,4,urgent_hour,第五条\n"


def test_a_city_replaces_the_table_and_reads_it_back(session):
    shipped = zone_rules.written(session)
    assert shipped.startswith(HEAD) and shipped.count("\n") == 4
    assert zone_rules.replace(session, OWN) == 2
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
def test_a_row_that_cannot_be_used_is_named_and_nothing_changes(session, rows, field):
    before = zones.rules(session)
    with pytest.raises(Invalid) as refused:
        zone_rules.replace(session, HEAD + rows)
    assert (refused.value.code, refused.value.facts["field"]) == ("cases.bad-zone-rules", field)
    assert zones.rules(session) == before
