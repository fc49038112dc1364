"""The register over HTTP: lists, one with its history, near, and what an administrator changes."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from webgis.catalog import components
from webgis.grid import dividing

LAMP, COVER = "01037", "01003"
UNIT = "12510104MB0000001X"
WORST = "'; DROP TABLE city.component; --"
PATH = "/api/v1/components"


@pytest.fixture
def editor(api):
    """The API as the administrator."""
    return api("administrator1")


@pytest.fixture
def reader(api):
    """The API as an inspector."""
    return api("inspector1")


def patch(client, of: str, **fields):
    """PATCH a component as JSON."""
    return client.client.patch(f"{PATH}/{of}", json=fields, headers=client.headers)


def add(editor, lon: float = city.IN_WEST[0], lat: float = city.IN_WEST[1], **fields) -> str:
    """Register a lamp; returns its code."""
    answer = editor.post(PATH, {"class": LAMP, "lon": lon, "lat": lat} | fields)
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["id"]


def test_a_component_is_registered_with_the_next_code_of_its_county_and_class(editor, reader):
    first = editor.post(
        PATH,
        {"class": LAMP, "lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "maintainer_code": UNIT, "accuracy_class": "B",
         "surveyed_on": "2024-01-31", "second_code": "5101040000000000019", "reason": "新装"},
    )  # fmt: skip
    assert first.status_code == 201 and first.headers["Location"] == f"{PATH}/{city.COUNTY}{LAMP}000001"
    assert first.content_type == "application/geo+json"
    told = first.get_json()["properties"]
    assert (told["class"], told["class_en"], told["name"], told["state"]) == (LAMP, "street light", "路灯", "intact")
    assert told["community_name"] == "西社区" and told["cell_code"].startswith(told["community_code"])
    (line,) = told["history"]
    assert (line["version"], line["action"], line["by"], line["reason"]) == (1, "registered", "administrator1", "新装")
    assert add(editor) == f"{city.COUNTY}{LAMP}000002"
    given = add(editor, code=f"{city.COUNTY}{LAMP}000900")
    assert add(editor) == f"{city.COUNTY}{LAMP}000901"
    assert reader.get(f"{PATH}/{given}").get_json()["id"] == given


def test_shapes_come_and_go_as_geojson_in_the_system_that_is_stated(editor):
    x, y = city.IN_WEST
    lawn = {"type": "Polygon", "coordinates": [[[x, y], [x + 0.0002, y], [x + 0.0002, y + 0.0002], [x, y]]]}
    answer = editor.post(PATH, {"class": "04013", "geometry": lawn}).get_json()
    assert answer["geometry"]["type"] == "Polygon" and answer["geometry"]["coordinates"][0][1] == [x + 0.0002, y]
    x, y = city.IN_EAST
    shifted = editor.post(PATH, {"class": LAMP, "lon": x, "lat": y, "crs": "gcj02"}).get_json()
    assert shifted["properties"]["place"] == pytest.approx([x - 0.0025, y + 0.0024], abs=3e-4)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"class": "01016"}, "class"),
        ({"class": "1037"}, "class"),
        ({"class": None}, "class"),
        ({"lon": None}, "lon"),
        ({"lat": None}, "lat"),
        ({"lon": "104,06"}, "lon"),
        ({"lon": 30.65, "lat": 104.06}, "lon"),
        ({"lon": 1e999}, "body"),
        ({"lon": 104.09}, "geometry"),
        ({"crs": "utm"}, "crs"),
        ({"geometry": {"type": "Point", "coordinates": [104.062, 30.657]}}, "geometry"),
        ({"lon": None, "lat": None, "geometry": {"type": "Point"}}, "geometry"),
        ({"lon": None, "lat": None, "geometry": {"type": "Point", "coordinates": ["x", {}]}}, "geometry"),
        ({"lon": None, "lat": None, "geometry": {"type": "Point", "coordinates": [[[1]]]}}, "geometry"),
        ({"lon": None, "lat": None, "geometry": {"type": "Polygon", "coordinates": []}}, "geometry"),
        ({"lon": None, "lat": None, "geometry": {"type": "MultiPoint", "coordinates": [[104.06, 30.65]]}}, "geometry"),
        ({"lon": None, "lat": None, "geometry": [1, 2]}, "geometry"),
        ({"lon": None, "lat": None, "geometry": {"type": "LineString", "coordinates": [[1, 2]] * 20_000}}, "geometry"),
        (
            {
                "lon": None,
                "lat": None,
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [
                        [[104.061, 30.656], [104.062, 30.657], [104.062, 30.656], [104.061, 30.657], [104.061, 30.656]]
                    ],
                },
            },
            "geometry",
        ),
        ({"code": "51010401003000001"}, "code"),
        ({"code": "51010501037000001"}, "code"),
        ({"code": "51010401037000000"}, "code"),
        ({"code": "x"}, "code"),
        ({"state": "broken"}, "state"),
        ({"maintainer_code": "照明所"}, "maintainer_code"),
        ({"maintainer_code": UNIT.lower()}, "maintainer_code"),
        ({"surveyed_on": "2099-01-01"}, "surveyed_on"),
        ({"surveyed_on": "yesterday"}, "surveyed_on"),
        ({"name": "名" * 31}, "name"),
        ({"remark": "a\0b"}, "remark"),
        ({"accuracy_class": "D"}, "accuracy_class"),
        ({"colour": "red"}, "colour"),
        ({"version": 1}, "version"),
    ],
)
def test_what_cannot_be_registered_is_refused_with_its_field_and_changes_nothing(editor, changed, field):
    given = {"class": LAMP, "lon": city.IN_WEST[0], "lat": city.IN_WEST[1]} | changed
    answer = editor.post(PATH, {name: value for name, value in given.items() if value is not None})
    assert answer.status_code == 422, answer.get_json()
    assert answer.get_json()["field"] == field
    assert editor.get(PATH).get_json()["features"] == []


def test_a_place_outside_says_how_far_the_grid_is(editor):
    problem = editor.post(PATH, {"class": LAMP, "lon": city.OUTSIDE[0], "lat": city.OUTSIDE[1]}).get_json()
    assert problem["code"] == "catalog.component-outside-grid"
    assert problem["nearest"].startswith(city.EAST) and 900 < problem["distance_m"] < 1000


def test_a_code_that_is_there_is_refused(editor):
    code = add(editor)
    answer = editor.post(PATH, {"class": LAMP, "code": code, "lon": city.IN_EAST[0], "lat": city.IN_EAST[1]})
    assert answer.status_code == 409 and answer.get_json()["code"] == "catalog.component-exists"


@pytest.mark.parametrize("login", ["inspector1", "acceptor1", "dispatcher1", "sanitation1", "manager1"])
def test_only_an_administrator_changes_the_register_and_everybody_reads_it(api, editor, login):
    code, other = add(editor), api(login)
    for answer in (other.post(PATH, {"class": LAMP}), patch(other, code, state="lost")):
        assert answer.status_code == 403 and answer.get_json()["code"] == "accounts.not-your-role"
    assert other.get(f"{PATH}/{code}").status_code == 200


def test_strangers_see_nothing(city_app):
    for path in (PATH, f"{PATH}/near?lon=104&lat=30", f"{PATH}/51010401037000001"):
        assert city_app.test_client().get(path).status_code == 401
    assert city_app.test_client().post(PATH, json={}).status_code in (400, 401)


def test_a_change_is_kept_in_the_history_with_who_why_and_what(editor):
    code = add(editor, remark="旧")
    answer = patch(editor, code, state="abandoned", remark=None, maintainer_code=UNIT, reason="道路改造", version=1)
    assert answer.status_code == 200
    told = answer.get_json()["properties"]
    assert (told["state"], told["remark"], told["maintainer_code"], told["version"]) == ("abandoned", None, UNIT, 2)
    assert told["changed_on"]
    line = told["history"][-1]
    assert (line["action"], line["by"], line["reason"], line["state"]) == (
        "edited", "administrator1", "道路改造", "abandoned",
    )  # fmt: skip
    assert line["changes"] == {
        "state": ["intact", "abandoned"], "remark": ["旧", None], "maintainer_code": [None, UNIT],
    }  # fmt: skip


def test_a_component_that_moves_gets_the_cell_of_its_new_place(editor):
    code = add(editor)
    told = patch(editor, code, lon=city.IN_EAST[0], lat=city.IN_EAST[1]).get_json()["properties"]
    assert told["cell_code"].startswith(city.EAST) and told["history"][-1]["changes"].keys() == {"geom", "cell_code"}
    outside = patch(editor, code, lon=city.OUTSIDE[0], lat=city.OUTSIDE[1])
    assert outside.status_code == 422 and outside.get_json()["code"] == "catalog.component-outside-grid"


def test_a_change_that_changes_nothing_writes_nothing(editor):
    code = add(editor)
    told = patch(editor, code, state="intact", name=None, lon=city.IN_WEST[0], lat=city.IN_WEST[1]).get_json()
    assert told["properties"]["version"] == 1 and len(told["properties"]["history"]) == 1
    assert patch(editor, code).status_code == 200


def test_a_change_made_up_for_an_older_version_is_refused(editor):
    code = add(editor)
    patch(editor, code, state="damaged", version=1)
    answer = patch(editor, code, state="lost", version=1)
    assert answer.status_code == 409 and answer.get_json()["code"] == "catalog.component-stale"
    assert answer.get_json()["version"] == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"class": COVER}, "class"),
        ({"code": "51010401037000009"}, "code"),
        ({"cell_code": "510104017001001"}, "cell_code"),
        ({"state": None}, "state"),
        ({"lon": 104.06}, "lat"),
        ({"version": "x"}, "version"),
        ({"owner_code": "1"}, "owner_code"),
    ],
)
def test_what_cannot_be_changed_is_refused(editor, fields, field):
    code = add(editor)
    answer = patch(editor, code, **fields)
    assert answer.status_code == 422 and answer.get_json()["field"] == field


@pytest.mark.parametrize("code", ["51010401037009999", "x", "%00", "1" * 500])
def test_an_address_that_names_no_component_is_not_found(editor, code):
    for answer in (editor.get(f"{PATH}/{code}"), patch(editor, code, state="lost")):
        assert answer.status_code in (404, 422)
        assert answer.get_json()["code"] in ("catalog.component-unknown", "web.bad-address")


def _codes(answer) -> list[str]:
    assert answer.status_code == 200, answer.get_json()
    return [feature["id"] for feature in answer.get_json()["features"]]


def test_a_list_is_narrowed_by_place_class_state_maintainer_and_words(editor, reader):
    west = add(editor, maintainer_code=UNIT, second_code="5101040000000000019", remark="春熙路口")
    east = add(editor, *city.IN_EAST, state="damaged")
    cover = add(editor, *city.IN_EAST, **{"class": COVER})
    told = reader.get(f"{PATH}/{east}").get_json()["properties"]
    for query, found in (
        ({}, [cover, west, east]),
        ({"bbox": "104.060,30.655,104.065,30.660"}, [west]),
        ({"cell": told["cell_code"]}, [cover, east]),
        ({"area": city.EAST}, [cover, east]),
        ({"area": city.CITY, "class": f"{COVER},{LAMP}"}, [cover, west, east]),
        ({"class": LAMP, "state": "damaged,lost"}, [east]),
        ({"maintainer": UNIT}, [west]),
        ({"q": "51010401003"}, [cover]),
        ({"q": "51010400000"}, [west]),
        ({"q": "春熙"}, [west]),
        ({"q": "路灯"}, [west, east]),
        ({"q": "STREET LIGHT"}, [west, east]),
        ({"q": "%"}, []),
        ({"q": WORST}, []),
    ):
        assert _codes(reader.get(PATH, **query)) == found, query


def test_a_list_is_read_page_by_page(editor, reader):
    made = sorted(add(editor, remark=str(number)) for number in range(5))
    seen, path = [], f"{PATH}?limit=2&class={LAMP}"
    while path:
        answer = reader.get(path)
        seen.append(_codes(answer))
        path = answer.get_json()["next"]
    assert seen == [made[:2], made[2:4], made[4:]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "broken"}, "state"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "NaN,1,2,3"}, "bbox"),
        ({"cell": "51"}, "cell"),
        ({"area": "51%"}, "area"),
        ({"limit": 0}, "limit"),
        ({"limit": 100_000}, "limit"),
        ({"cursor": WORST}, "cursor"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_filter_is_refused(reader, query, field):
    answer = reader.get(PATH, **query)
    assert answer.status_code == 422 and answer.get_json()["field"] == field


def test_near_gives_distance_and_cell_and_takes_the_phones_system(editor, reader):
    x, y = city.IN_WEST
    close, far = add(editor, x + 0.0001, y), add(editor, x + 0.0010, y)
    add(editor, x, y, **{"class": COVER})
    answer = reader.get(f"{PATH}/near", lon=x, lat=y, **{"class": LAMP})
    assert _codes(answer) == [close, far]
    told = [one["properties"] for one in answer.get_json()["features"]]
    assert [round(one["distance_m"]) for one in told] == [10, 96]
    assert [one["in_cell"] for one in told] == [True, False]
    assert _codes(reader.get(f"{PATH}/near", lon=x, lat=y, within_m=50, **{"class": LAMP})) == [close]
    assert len(_codes(reader.get(f"{PATH}/near", lon=x, lat=y, limit=1))) == 1
    assert _codes(reader.get(f"{PATH}/near", lon=x, lat=90)) == []
    for query, field in (({"lon": x}, "lat"), ({"lon": "x", "lat": y}, "lon"), ({"lon": 1e6, "lat": y}, "lon"),
                         ({"lon": x, "lat": y, "within_m": -1}, "within_m")):  # fmt: skip
        assert reader.get(f"{PATH}/near", **query).get_json()["field"] == field


def test_when_the_grid_changes_components_get_the_cell_of_today(editor, city_runtime):
    code = add(editor)
    with city_runtime.transaction() as session:
        dividing.divide_area(session, city.WEST, srid=4544, size_m=150, again=True)
        lost = session.scalar(
            text("SELECT cell_code FROM city.component c WHERE NOT EXISTS"
                 " (SELECT FROM city.cell g WHERE g.code = c.cell_code AND upper_inf(g.valid))")
        )  # fmt: skip
        assert components.regrid(session, at=datetime.now(UTC)) == 1
    told = editor.get(f"{PATH}/{code}").get_json()["properties"]
    assert told["history"][-1]["action"] == "regridded"
    assert told["history"][-1]["changes"] == {"cell_code": [lost, told["cell_code"]]}
