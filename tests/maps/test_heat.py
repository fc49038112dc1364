"""Heat over HTTP: counts, rates and comparisons, for what the asker may see; the worked example of docs/maps.md."""

from datetime import UTC, date, datetime, time

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from tests import city
from tests.cases.stories import COVER
from tests.maps import crowd
from webgis.accounts import operations as accounts
from webgis.accounts import queries
from webgis.days import Span
from webgis.db import Runtime
from webgis.grid import beats
from webgis.grid import changes as grid_changes
from webgis.maps import heat_queries

OCTOBER = [date(2026, 10, day) for day in range(1, 31)]
NOVEMBER = [date(2026, 11, day) for day in range(1, 11)]


def one(number: int, day: str, place=city.IN_WEST, **changed) -> crowd.One:
    at = f"{day}T09:00:00+08:00"
    facts = {"kind": "matter", "class_code": city.REFUSE, "state": "reported", "outcome": None, "department": None}
    serial = f"{city.COUNTY}{day.replace('-', '')}{number:05d}"
    when = {"reported_at": at, "deadline_at": None, "resolved_at": None}
    return crowd.One(number=serial, lon=place[0], lat=place[1], **(facts | when | changed))


@pytest.fixture
def reported(city_runtime):
    """Six cases in the western community, two in the eastern: of two classes, departments and months."""
    works = {"department": "510104-works", "state": "handling"}
    made = [
        one(1, "2026-10-01"),
        one(2, "2026-10-20", **works),
        one(3, "2026-11-02"),
        one(4, "2026-11-02", kind=COVER[0], class_code=COVER[1]),
        one(5, "2026-11-03", **works),
        one(6, "2026-11-04"),
        one(7, "2026-11-04", city.IN_EAST),
        one(8, "2026-11-05", city.IN_EAST, department="510104-sanitation", state="handling"),
    ]
    with city_runtime.transaction() as session:
        crowd.insert(session, made)
        session.execute(text("UPDATE city.area SET area_m2 = 500000, population = 12000 WHERE code = :code"),
                        {"code": city.WEST})  # fmt: skip
    return city_runtime


def figures(answer) -> dict[str, tuple]:
    assert answer.status_code == 200, answer.json
    return {row["code"]: (row["count"], row["value"]) for row in answer.json["rows"]}


def test_counts_come_by_level_and_add_up(reported, api):
    manager = api("manager1")
    by_community = manager.get("/api/v1/heat", level="community")
    assert figures(by_community) == {city.WEST: (6, 6), city.EAST: (2, 2)}
    assert by_community.json["rows"][0]["name"] == {"zh": "西社区", "en": "西社区"}
    assert by_community.json["total"] == {"count": 8, "value": 8} and by_community.json["since"] == "2026-10-01"
    for level, code in (("subdistrict", city.SUBDISTRICT), ("county", city.COUNTY)):
        assert figures(manager.get("/api/v1/heat", level=level)) == {code: (8, 8)}
    by_cell = manager.get("/api/v1/heat", level="cell")
    assert sorted(count for count, _ in figures(by_cell).values()) == [2, 6]
    assert by_cell.json["places"] > 2


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"since": "2026-11-02", "until": "2026-11-03"}, 3),
        ({"kind": "component"}, 1),
        ({"kind": "matter", "class": city.REFUSE}, 7),
        ({"area": city.EAST}, 2),
    ],
)
def test_what_is_asked_is_counted_and_nothing_else(reported, api, query, count):
    assert api("manager1").get("/api/v1/heat", **query).json["total"]["count"] == count


def test_rates_are_by_ground_and_by_people_where_they_are_known(reported, api):
    manager = api("manager1")
    assert figures(manager.get("/api/v1/heat", measure="per_km2"))[city.WEST] == (6, 12)
    people = manager.get("/api/v1/heat", measure="per_10000_people")
    assert figures(people) == {city.WEST: (6, 5), city.EAST: (2, None)}
    assert "1 areas is not known" in people.json["notes"][0]["en"] and people.json["total"]["value"] is None
    cells = manager.get("/api/v1/heat", measure="per_10000_people", level="cell")
    assert "not of cells" in cells.json["notes"][0]["en"] and {value for _, value in figures(cells).values()} == {None}


def test_hours_of_patrol_are_shared_by_ground_and_add_up(reported, api):
    with reported.transaction() as session:
        cells = sorted(session.scalars(text("SELECT code FROM city.cell")).all())
        inspector = queries.actor(session, "inspector1").id
        shift = beats.Shift((1, 2, 3, 4, 5), time(8), time(18), inspector)
        beats.lay_out(session, [beats.Plan("B1", "一", None, tuple(cells), (shift,))], at=city.SINCE)
    asked = {"measure": "per_patrol_hour", "since": "2026-11-02", "until": "2026-11-08"}
    county = api("manager1").get("/api/v1/heat", level="county", **asked)
    assert figures(county) == {city.COUNTY: (6, pytest.approx(6 / 50))}
    communities = figures(api("manager1").get("/api/v1/heat", **asked))
    assert sum(count / value for count, value in communities.values()) == pytest.approx(50, rel=1e-4)
    cells = figures(api("manager1").get("/api/v1/heat", level="cell", **asked))
    assert len(cells) == 2 and all(value > communities[city.WEST][1] for _, value in cells.values())
    before = api("manager1").get("/api/v1/heat", measure="per_patrol_hour", since="2019-01-01", until="2019-01-02")
    assert "no hour of patrol" in before.json["notes"][0]["en"]


def test_hours_of_patrol_are_those_that_phones_recorded_where_the_city_says_so(clone, city_template):
    with clone(city_template, patrol_hours="recorded") as settings:
        runtime = Runtime(settings)
        monday = Span(date(2026, 11, 2), date(2026, 11, 2))
        with runtime.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO city.patrol_time (day, cell_id, seconds) SELECT CAST(day AS date), id, 1800"
                    " FROM city.cell, unnest(ARRAY['2026-11-01', '2026-11-02']) AS day WHERE code LIKE :in_west"
                ),
                {"in_west": f"{city.WEST}00%"},
            )
            for level in ("cell", "community"):
                where = heat_queries.places(session, level, city.COUNTY)
                hours = dict(
                    zip(
                        where.codes.tolist(),
                        heat_queries.patrol_hours(session, monday, where, settings.zone).tolist(),
                        strict=True,
                    )
                )
                assert sum(hours.values()) == 4.5
                assert {code[:12] for code, some in hours.items() if some} == {city.WEST}
        runtime.dispose()


def test_a_case_outside_ones_sight_is_not_counted(reported, api):
    with reported.transaction() as session:
        accounts.add_person(session, "east1", "东", "manager", city.PASSWORD).area_code = city.EAST
    assert api("works1").get("/api/v1/heat").json["total"]["count"] == 2
    assert figures(api("sanitation1").get("/api/v1/heat", level="cell", until="2026-11-30")).popitem()[1] == (1, 1)
    assert figures(api("east1").get("/api/v1/heat")) == {city.EAST: (2, 2)}
    assert api("east1").get("/api/v1/heat", area=city.WEST).status_code == 403


@pytest.mark.parametrize("than", [{}, {"than_since": "2026-10-01", "than_until": "2026-10-02"}])
def test_where_there_is_no_place_of_the_level_there_is_no_figure(reported, api, than):
    told = api("manager1").get("/api/v1/heat", level="county", area=city.WEST, **than)
    assert (told.status_code, told.json["places"], told.json["rows"]) == (200, 0, [])
    assert told.json["total"]["value"] is None


def test_two_spans_are_compared_by_the_day_and_by_chance(reported, api):
    told = api("manager1").get("/api/v1/heat", since="2026-11-01", until="2026-11-05",
                               than_since="2026-10-01", than_until="2026-10-31").json  # fmt: skip
    west = told["rows"][0]
    assert (west["code"], west["count"], west["than_count"]) == (city.WEST, 4, 2)
    assert west["value"] == 0.8 and west["than_value"] == pytest.approx(2 / 31, rel=1e-5)
    assert west["ratio"] == pytest.approx(12.4, rel=1e-5) and west["p"] < 0.01 and west["more_than_chance"] is True
    east = told["rows"][1]
    assert (east["count"], east["than_count"], east["ratio"]) == (2, 0, None)
    assert told["than"]["days"] == 31 and told["a_day"] is True


def test_a_cell_that_has_ended_leaves_its_cases_to_its_heirs(reported, api):
    with reported.transaction() as session:
        code, wkb = session.execute(text("SELECT code, ST_AsBinary(geom) FROM city.cell WHERE id ="
                                         " (SELECT min(cell_id) FROM city.case)")).one()  # fmt: skip
        west, south, east, north = shapely.from_wkb(bytes(wkb)).bounds
        middle = (west + east) / 2
        across = shapely.LineString([(middle, south - 1e-4), (middle, north + 1e-4)])
        grid_changes.split_cell(session, code, across, srid=4544, at=datetime(2026, 11, 20, tzinfo=UTC))
    cells = figures(api("manager1").get("/api/v1/heat", level="cell"))
    assert code not in cells and sum(count for count, _ in cells.values()) == pytest.approx(8)
    assert len(cells) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"level": "street"}, "level"),
        ({"measure": "per_dog"}, "measure"),
        ({"since": "2026-02-30"}, "since"),
        ({"since": "0001-01-01"}, "since"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "until"),
        ({"than_since": "2026-11-02"}, "than_since"),
        ({"class": city.REFUSE}, "kind"),
        ({"class": "99999", "kind": "matter"}, "class"),
        ({"area": "51'"}, "area"),
        ({"limit": 0}, "limit"),
        ({"levels": "cell"}, "levels"),
    ],
)
def test_a_question_that_is_none_is_refused_by_its_field(reported, api, query, field):
    answer = api("manager1").get("/api/v1/heat", **query)
    assert (answer.status_code, answer.json["field"]) == (422, field)


def test_an_area_that_there_is_not_is_told(reported, api):
    assert api("manager1").get("/api/v1/heat", area="510199").status_code == 404


def test_strangers_get_no_heat(city_app):
    answer = city_app.test_client().get("/api/v1/heat", headers={"Accept": "application/json"})
    assert answer.status_code == 401


def test_openapi_tells_what_heat_takes(api):
    paths = api("manager1").get("/api/v1/openapi.json").json["paths"]
    told = {one["name"] for one in paths["/api/v1/heat"]["get"]["parameters"]}
    assert {"level", "measure", "since", "until", "kind", "class", "area", "than_since", "than_until"} <= told
    assert "post" in paths["/api/v1/hotspots"]


def example(root) -> list[list[str]]:
    """The rows of the worked example's table."""
    page = (root / "docs" / "maps.md").read_text(encoding="utf-8")
    table = page.partition("| community | October | November |")[2].strip().splitlines()[2:]
    rows = table[: next(number for number, line in enumerate(table) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]


def test_the_worked_example_of_the_page_is_what_heat_answers(city_runtime, api, root):
    page = example(root)
    rng = np.random.default_rng(1)
    with city_runtime.transaction() as session:
        for place, (_, october, november, *_) in zip((city.IN_WEST, city.IN_EAST), page, strict=True):
            for days, count in ((OCTOBER, october), (NOVEMBER, november)):
                numbers = rng.choice(99_999, int(count), replace=False)
                crowd.insert(session, [one(int(n), str(days[n % len(days)]), place) for n in numbers])
    asked = {"since": "2026-11-01", "until": "2026-11-10", "than_since": "2026-10-01", "than_until": "2026-10-30"}
    rows = {row["code"]: row for row in api("manager1").get("/api/v1/heat", **asked).json["rows"]}
    for code, (_, october, november, a_day, than_a_day, ratio, p, chance) in zip(
        (city.WEST, city.EAST), page, strict=True
    ):
        row = rows[code]
        assert (row["than_count"], row["count"]) == (int(october), int(november))
        assert (row["value"], row["than_value"]) == (float(a_day), float(than_a_day))
        assert (f"{row['ratio']:.2f}", f"{row['p']:.3f}") == (ratio, p)
        assert row["more_than_chance"] is (chance == "yes")
