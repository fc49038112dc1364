"""docs/telemetry.md says what is so: its table is taken over, its requests are answered, its words are the code's."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

import webgis
from tests import city
from tests.telemetry.conftest import counted, drain
from webgis import cli
from webgis.accounts import operations as accounts
from webgis.telemetry import observations, queries
from webgis.telemetry.files import HEADINGS
from webgis.telemetry.models import ReadingCount
from webgis.telemetry.quantities import PLACES, QUANTITIES

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "telemetry.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", DOCS, re.S)[1]


def test_the_example_table_is_taken_over_and_the_example_requests_are_acknowledged(city_runtime, api, tmp_path):
    table = tmp_path / "sensors.csv"
    table.write_text(_block("csv"), encoding="utf-8")
    done = CliRunner().invoke(cli.group, ["telemetry", "import", str(table), "--crs", "wgs84"], obj=city_runtime)
    assert (done.exit_code, done.output) == (0, "2 rows taken over\n")
    with city_runtime.transaction() as session:
        accounts.add_person(session, "feed1", "水位平台", "system", city.PASSWORD)
    feed = api("feed1")
    one = json.loads(_block("http").split("\n\n", 1)[1])
    arrays = json.loads(_block("json"))
    assert feed.post("/sta/v1.1/Observations", one).json == {"acknowledged": 1}
    assert feed.post("/sta/v1.1/CreateObservations", arrays).json == {"acknowledged": 2}
    drain(city_runtime)
    with city_runtime.transaction() as session:
        row = queries.one(session, "XC-07-depth")
    assert row.cell_code.startswith(city.WEST)
    assert sum(counted(city_runtime, row.id).values()) >= 3


def test_words_and_limits_are_those_of_the_code():
    fates = {column.name for column in ReadingCount.__table__.c} - {"datastream_id", "day"}
    told = re.search(r"\| counted as .*?\n\n", DOCS, re.S)[0]
    assert set(re.findall(r"`([a-z_]+)`", told)) >= fates
    headings = re.search(r"Chinese headings\n\((.*?)\)", DOCS, re.S)[1].split(", ")
    known = {word for words in HEADINGS.values() for word in words}
    assert set(headings) <= known
    assert f"At most {observations.MOST:,} observations" in DOCS
    for row, known in (("place", PLACES), ("quantity", QUANTITIES)):
        named = re.search(rf"^\| `{row}` \| (.*?)(\.\.\.|\|$)", DOCS, re.M)[1]
        assert set(re.findall(r"`([a-z_0-9]+)`", named)) <= known.keys()
