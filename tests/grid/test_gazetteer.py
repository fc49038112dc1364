"""Searches of places by any part, pinyin, initials, number, with mistakes; and what is near a place."""

import pytest

from tests import city
from tests.grid import gazetteer_town
from webgis.db import Runtime
from webgis.grid import gazetteer_queries as gazetteer


@pytest.fixture(scope="module")
def town(city_template, make_settings):
    """A runtime on a small city with places."""
    runtime = Runtime(make_settings(city_template))
    with runtime.transaction() as session:
        gazetteer_town.settle(session)
    yield runtime
    runtime.dispose()


@pytest.fixture
def find(town):
    def ask(typed, lon=None, lat=None, limit=10):
        with town.transaction() as session:
            return gazetteer.find(session, typed, lon, lat, limit)

    return ask


@pytest.fixture
def near(town):
    def ask(lon, lat):
        with town.transaction() as session:
            return gazetteer.near(session, lon, lat)

    return ask


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("春熙路", "春熙路"),
        ("春熙", "春熙路"),
        ("chunxilu", "春熙路"),
        ("chunxi lu", "春熙路"),
        ("Chunxi Road", "春熙路"),
        ("cxl", "春熙路"),
        ("CXL", "春熙路"),
        ("熙路", "春熙路"),
        ("xilu", "春熙路"),
        ("春熙璐", "春熙路"),
        ("春溪路", "春熙路"),
        ("春夏路", "春熙路"),
        ("chunxulu", "春熙路"),
        ("changshunjie", "长顺街"),
        ("zhangshunjie", "长顺街"),
        ("锦绣苑", "锦绣花园"),
        ("老电厂", "锦绣花园"),
        ("花园", "锦绣花园"),
        ("jxhy", "锦绣花园"),
        ("锦江区春熙路", "春熙路"),
        ("成都市锦江区春熙路", "春熙路"),
        ("春熙路12号", "春熙路12号"),
        ("春熙路 12", "春熙路12号"),
        ("chunxi lu 12", "春熙路12号"),
        ("cxl12", "春熙路12号"),
        ("No. 12, Chunxi Road", "春熙路12号"),
        ("春熙路12号附3号", "春熙路12号附3号"),
        ("锦江区春熙路13号", "春熙路13号"),
        ("锦绣花园3栋", "锦绣花园3栋"),
        ("西社区", "西社区"),
        ("锦江区", "锦江区"),
        (city.WEST, "西社区"),
        (city.WEST + "001", city.WEST + "001"),
    ],
)
def test_what_is_typed_finds_the_place_first(find, typed, name):
    assert find(typed)[0].name == name


def test_the_name_itself_has_the_score_one_and_a_mistake_less_than_a_part(find):
    scores = {typed: find(typed)[0].score for typed in ("春熙路", "春熙路1", "chunxilu", "cxl", "熙路", "春夏路")}
    assert scores["春熙路"] == 1 and scores["chunxilu"] > scores["cxl"] > scores["熙路"] > scores["春夏路"] > 0


def test_a_number_that_the_road_does_not_have_gives_the_nearest_ones_and_the_road(find):
    found = [one.name for one in find("春熙路14号")]
    assert found[0] == "春熙路13号" and "春熙路" in found


def test_of_namesakes_the_nearest_comes_first(find):
    west, east = (find("菜鸟驿站", lon, 30.659)[0] for lon in (104.0615, 104.0690))
    assert (west.lon, east.lon) == (104.0615, 104.0690)
    assert west.metres < 1 and west.area_code == city.WEST and east.area_code == city.EAST


def test_a_found_place_says_its_cell_and_area(find):
    found = find("春熙小学")[0]
    assert found.kind == "poi" and found.name_en == "Chunxi Primary School"
    assert found.cell_code.startswith(city.WEST) and len(found.cell_code) == 15


def test_the_beginning_of_a_cells_code_gives_its_cells(find):
    found = find(city.WEST)
    assert [one.kind for one in found[:2]] == ["community", "cell"]


@pytest.mark.parametrize(
    "typed", ["", "   ", "%", "_", "''", "\\", "，。", "龘", "zzzzzzzz", "路" * 60, "a" * 60, "12", "99999"]
)
def test_what_means_nothing_finds_nothing_and_does_no_harm(find, typed):
    assert len(find(typed)) <= 10


def test_signs_of_patterns_mean_only_themselves(find):
    assert find("%路") == find("路")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            (104.06221, 30.65611),
            ("春熙路12号附近，西社区，单元网格", "near No. 12, Chunxi Road, 西社区, cell "),
        ),
        ((104.06605, 30.65895), ("锦绣花园内，东社区，单元网格", "in Jinxiu Garden, 东社区, cell ")),
        ((104.0685, 30.6563), ("长顺街附近，东社区，单元网格", "near Changshun Street, 东社区, cell ")),
    ],
)
def test_what_is_near_is_said_in_words(near, place, words):
    told = near(*place)
    assert told.words["zh"].startswith(words[0]) and told.words["zh"].endswith(told.cell)
    assert told.words["en"].startswith(words[1])


def test_far_from_everything_the_community_and_cell_are_left(near):
    told = near(104.0601, 30.6599)
    names = {one.name for one in told.places}
    assert "长顺街" not in names and told.cell.startswith(city.WEST)


def test_outside_of_everything_there_are_no_words(near):
    told = near(105.5, 31.5)
    assert (told.places, told.cell, told.address, told.words) == ([], None, None, {"zh": "", "en": ""})
