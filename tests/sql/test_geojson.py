"""What the database writes as GeoJSON is as RFC 7946 has it."""

import re

from tests.test_architecture import ROOT

WRITTEN = re.compile(r"ST_AsGeoJSON\(.*")
WITHOUT_CRS = re.compile(r"ST_AsGeoJSON\(.*, \d, 0\)::jsonb?\b")


def test_no_geometry_has_the_member_crs(root):
    """PostGIS adds the member that RFC 7946 took out, for every system but WGS 84, unless its option 0 says no."""
    files = [*ROOT.rglob("*.py"), *(root / "sql" / "postgis" / "functions").glob("*.sql")]
    lines = [line for path in files for line in WRITTEN.findall(path.read_text(encoding="utf-8"))]
    assert len(lines) > 10
    assert [line for line in lines if not WITHOUT_CRS.match(line)] == []
