"""The impact sheet: what lies within some metres, held against distances by hand; who sees what of it; its forms."""

import csv
import io
import math
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from tests.hazards.makers import BORDER, CHLORINE, given
from webgis import geo
from webgis.accounts import queries as accounts
from webgis.api import checked
from webgis.errors import Invalid, NotFound
from webgis.hazards import impact, sources
from webgis.hazards.source_wire import NewSource

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
PATH = "/api/v1/hazards"


def east_of(place: tuple[float, float], metres: float) -> tuple[float, float]:
    """A place so many metres to the east, in the city's projected system."""
    x, y = geo.projector(4544).transform(*place)
    return geo.projector(4544).transform(x + metres, y, direction="INVERSE")


@pytest.fixture
def session(city_runtime):
    with city_runtime.sessions() as made:
        sources.add(made, who(made, "administrator1"), checked(NewSource, given()), at=NOON)
        yield made


def who(session, login: str):
    return accounts.actor(session, login)


def sheet(session, metres: float, login: str = "dispatcher1", at=NOON):
    return impact.impact(session, who(session, login), "CD-001", metres, at=at)


def put_place(session, name: str, lon: float, lat: float) -> None:
    session.execute(
        text("INSERT INTO city.place_source (name, file) VALUES (:name, '')"),
        {"name": name},
    )
    session.execute(
        text(
            "INSERT INTO city.place_name (source_id, kind, name, name_en, area_code, geom, lon, lat)"
            " SELECT min(s.id), 'poi', :name, '', :area, ST_SetSRID(ST_Point(:lon, :lat), 4490), :lon, :lat"
            " FROM city.place_source s"
        ),
        {"name": name, "area": city.WEST, "lon": lon, "lat": lat},
    )


def test_the_ground_is_that_within_the_metres_of_the_outline(session):
    """A square of 100 m with 300 m around it: 100 x 100 + 4 x 100 x 300 + pi x 300 x 300 m2."""
    assert sheet(session, 300).square_m == pytest.approx(100**2 + 4 * 100 * 300 + math.pi * 300**2, rel=1e-4)


@pytest.mark.parametrize("metres, inside", [(249, 0), (251, 1)])
def test_a_school_is_inside_from_its_distance_on(session, metres, inside):
    """It stands 300 m from the middle of a square of 100 m: 250 m from its side."""
    put_place(session, "西站小学", *east_of(BORDER, 300))
    put_place(session, "无名桥", *east_of(BORDER, 10))
    found = sheet(session, metres).places
    assert [len(found[kind]) for kind in ("school", "hospital", "care", "market")] == [inside, 0, 0, 0]


def test_cells_and_components_and_people_are_those_on_the_ground(session):
    near, far = sheet(session, 10), sheet(session, 200)
    assert 0 < len(near.cells) < len(far.cells) and set(near.cells) < set(far.cells)
    assert {code[:12] for code in near.cells} == {city.WEST, city.EAST}
    assert (near.people, near.known_people) == (None, 0)
    session.execute(text("UPDATE city.area SET population = 5000"))
    session.expire_all()
    people = sheet(session, 10)
    assert people.people == people.known_people == math.ceil(sum(row.people for row in people.communities))


def test_open_cases_are_those_that_one_may_see(api, city_runtime):
    api("administrator1").post(PATH, given())
    west = Life(city_runtime).report(place=(BORDER[0] - 0.0003, BORDER[1])).number
    with city_runtime.transaction() as session:
        assert [row.number for row in sheet(session, 100).cases] == [west]
        assert sheet(session, 100, "works1").cases == []
        session.execute(text("UPDATE city.case SET outcome = 'void', closed_at = now(), state = 'void'"))
        assert sheet(session, 100).cases == []
        session.rollback()


def test_crews_are_those_whose_phone_was_there_a_moment_ago(session):
    shift = session.scalar(
        text(
            "INSERT INTO city.shift (person_id, key, began_at, last_at)"
            " SELECT p.id, 'k', :began, :at FROM city.person p WHERE p.login = 'inspector1' RETURNING id"
        ),
        {"began": NOON - timedelta(hours=2), "at": NOON},
    )
    session.execute(
        text("INSERT INTO city.track (shift_id, at, geom) SELECT :shift, :at, ST_SetSRID(ST_Point(:lon, :lat), 4490)"),
        {"shift": shift, "at": NOON - timedelta(minutes=5), "lon": BORDER[0], "lat": BORDER[1]},
    )
    assert [row.login for row in sheet(session, 100).crews] == ["inspector1"]
    assert sheet(session, 100, at=NOON + timedelta(hours=1)).crews == []
    assert sheet(session, 100, "works1").crews is None and sheet(session, 100, "inspector2").crews is None


@pytest.mark.parametrize("metres", [9, 5001, math.inf])
def test_metres_that_make_no_ring_are_refused(session, metres):
    with pytest.raises(Invalid) as refused:
        sheet(session, metres)
    assert refused.value.facts["field"] == "metres"


def test_a_source_that_is_not_there_has_no_sheet(session):
    with pytest.raises(NotFound):
        impact.impact(session, who(session, "dispatcher1"), "CD-999", 100, at=NOON)


def test_the_api_adds_looks_changes_and_tells(api):
    editor, reader = api("administrator1"), api("inspector1")
    looked = editor.post(f"{PATH}?look=yes", given())
    assert looked.status_code == 200 and looked.get_json()["properties"]["level"] == 3
    assert reader.get(PATH).get_json()["features"] == []
    made = editor.post(PATH, given(persons=[{"duty": "chief", "name": "张三", "phone": "13800001234"}]))
    assert made.status_code == 201 and made.headers["Location"] == f"{PATH}/CD-001"
    told = reader.get(f"{PATH}/CD-001").get_json()["properties"]
    assert (told["level"], told["live"], told["persons"][0]["phone"]) == (3, None, "138****1234")
    assert told["units"][0]["grade"]["lines"][-1] == {"step": "level", "r": 48, "at_least": 10, "level": 3}
    wanted = {name: value for name, value in given(people=0).items() if name != "code"}
    changed = editor.client.put(f"{PATH}/CD-001", json=wanted | {"version": 1}, headers=editor.headers)
    assert changed.get_json()["properties"]["new_grades"] == 1
    assert [one["why"] for one in reader.get(f"{PATH}/CD-001/grades").get_json()] == [["people"], ["first"]]
    assert reader.post(f"{PATH}/CD-001/persons").status_code == 403
    assert api("dispatcher1").post(f"{PATH}/CD-001/persons").get_json()[0]["phone"] == "13800001234"
    stale = editor.client.put(f"{PATH}/CD-001", json=wanted | {"version": 1}, headers=editor.headers)
    assert (stale.status_code, stale.get_json()["code"]) == (409, "hazards.source-stale")
    assert {one["code"] for one in reader.get(f"{PATH}/kinds").get_json()} >= {"dam", "coal_mine"}


def test_the_sheet_goes_out_in_three_forms(api):
    api("administrator1").post(PATH, given(name_zh="=危险()"))
    reader = api("dispatcher1")
    told = reader.get(f"{PATH}/CD-001/impact", metres=300).get_json()
    assert (told["source"], told["metres"], told["people"], told["people_entered"]) == ("CD-001", 300, None, 120)
    shapes = reader.get(f"{PATH}/CD-001/impact", metres=300, format="geojson").get_json()["features"]
    assert [one["properties"]["kind"] for one in shapes[:2]] == ["ring", "source"]
    table = reader.get(f"{PATH}/CD-001/impact", metres=300, format="csv")
    assert table.headers["Content-Disposition"] == 'attachment; filename="impact-CD-001-300m.csv"'
    rows = list(csv.reader(io.StringIO(table.data.decode("utf-8-sig"))))
    assert rows[1][:3] == ["source", "CD-001", "'=危险()"]
    assert sum(row[0] == "cell" for row in rows) == len(told["cells"])


PROPANE = {"name": "丙烷", "quantity": 60, "cas": "74-98-6"}


def test_a_published_distance_is_asked_for_as_a_sheet_and_named_in_every_form(api):
    store = {"name": "1 号仓库", "kind": "storage", "stocks": [CHLORINE, PROPANE]}
    api("administrator1").post(PATH, given(units=[store]))
    reader = api("dispatcher1")
    told = reader.get(f"{PATH}/CD-001/circles").get_json()
    by_key = {one["key"]: one for one in told["circles"]}
    assert (by_key["blast-2"]["metres"], by_key["blast-2"]["tonnes"], told["without"]) == (664, 60, [])
    assert [one["key"] for one in told["circles"] if not one["sheet"]] == [
        f"7782-50-5-large-{place}" for place in ("tank_truck-day", "tank_truck-night", "rail_car-day", "rail_car-night")
    ]
    sheet = reader.get(f"{PATH}/CD-001/impact", circle="blast-2").get_json()
    same = reader.get(f"{PATH}/CD-001/impact", metres=664).get_json()
    assert (sheet["metres"], sheet["cells"]) == (664, same["cells"]) and same["circle"] is None
    assert sheet["circle"]["source"].startswith("EPA 550-B-99-009") and "not an assessment" in sheet["circle"]["limits"]
    ring = reader.get(f"{PATH}/CD-001/impact", circle="blast-2", format="geojson").get_json()["features"][0]
    assert ring["properties"]["circle"] == sheet["circle"]
    rows = reader.get(f"{PATH}/CD-001/impact", circle="blast-2", format="csv").text
    assert 'circle,blast-2,丙烷,"EPA 550-B-99-009' in rows
    for asked, field in (({"circle": "blast-1"}, "circle"), ({"circle": "blast-2", "metres": 9}, "metres")):
        refused = reader.get(f"{PATH}/CD-001/impact", **asked)
        assert (refused.status_code, refused.get_json()["field"]) == (422, field)
    wide = reader.get(f"{PATH}/CD-001/impact", circle="7782-50-5-large-rail_car-day")
    assert (wide.status_code, wide.get_json()["accepted"]) == (422, "10 to 5,000 metres")
