"""The table of layers holds together with tiles, styles and words; the pages are small; questions keep rights."""

import json
import re

import pytest

from tests import city
from tests.maps.test_data import REPORT, dispatch, report
from webgis.maps import metro_words, tiled
from webgis.maps.layers import GROUPS, LAYERS, MAPS, SNAPSHOT_LAYERS
from webgis.maps.words import words

WEST = "104.0601,30.6551 104.0649,30.6551 104.0649,30.6599 104.0601,30.6599"


def scripts(root) -> dict[str, str]:
    return {file.name: file.read_text() for file in (root / "static" / "maps").glob("*.js")}


def test_every_layer_has_its_tiles_its_style_its_group_and_its_colours(root):
    styles = scripts(root)["styles.js"]
    css = (root / "static/maps/maps.css").read_text()
    for layer in LAYERS:
        assert layer.group in GROUPS
        for source in layer.sources:
            assert source.tiles in tiled.LAYERS
            assert source.style == "discs" or re.search(rf"^  {source.style}: \(", styles, re.M), source.style
        for row in layer.legend:
            assert f".wg-swatch-{row.look} " in css, row.look
    assert len({layer.name for layer in LAYERS}) == len(LAYERS)
    assert {name for page in MAPS for name in page.shown} <= {layer.name for layer in LAYERS}


def test_every_colour_that_a_style_names_is_there_for_both_themes(root):
    named = re.search(r"const NAMES = \[(.*?)\];", scripts(root)["styles.js"], re.S)[1]
    css = (root / "static/maps/maps.css").read_text()
    light, dark = css.split(":root {", 1)[1].split('[data-map="dark"] {', 1)
    for name in re.findall(r'"([\w-]+)"', named):
        assert f"--wg-{name}:" in light and f"--wg-{name}:" in dark.split("}")[0], name


def test_every_word_that_the_scripts_ask_for_is_told_and_none_besides(root, app):
    with app.test_request_context():
        told = words()
    source = "\n".join(scripts(root).values())
    asked = set(re.findall(r"\bwords\.(\w+)", source)) - {"append"}
    assert asked <= told.keys()
    begun = set(re.findall(r"\bwords\[`(\w+)\$\{", source))
    by_kind = {*metro_words.KINDS, *(f"zone_{kind}" for kind in metro_words.ZONES)}  # a feature names its own
    others = told.keys() - by_kind
    assert all(re.search(rf"\b{name}\b", source) or name.startswith(tuple(begun)) for name in others)
    for text in told.values():
        assert "%(" not in text


@pytest.mark.parametrize("page", [page.name for page in MAPS])
def test_a_page_is_a_few_kilobytes_and_knows_no_other_host(api, page):
    answer = api("manager1").get(f"/maps/{page}")
    assert answer.status_code == 200
    facts = json.loads(re.search(r'id="webgis-map">(.*?)</script>', answer.text, re.S)[1])
    assert [layer["name"] for layer in facts["layers"]] == [layer.name for layer in LAYERS]
    assert {"areas", "alarms"} <= {layer["name"] for layer in facts["layers"] if layer["shown"]}
    assert len(answer.data) < 60_000
    assert not re.search(r"""["'(](?:https?:)?//(?!www\.w3\.org)""", answer.text)


def test_a_map_that_there_is_not_is_refused_with_those_there_are(api):
    reader = api("manager1")
    reader.headers["Accept"] = "application/json"
    answer = reader.get("/maps/moon")
    assert (answer.status_code, answer.json["code"]) == (404, "maps.map-unknown")
    assert answer.json["accepted"] == [page.name for page in MAPS]


def test_a_drawing_gives_what_lies_inside_by_the_filters_and_the_rights_of_who_asks(api):
    mine, other = report(api), report(api)
    api("inspector1").post(
        "/api/v1/cases", REPORT | {"lon": city.IN_EAST[0], "lat": city.IN_EAST[1], "description": "东"}, [city.photo()]
    )
    dispatch(api, mine, "510104-sanitation")
    ask = api("manager1").get
    assert ask("/maps/data/cases", within=WEST).json["count"] == 2
    numbers = [one["properties"]["number"] for one in ask("/maps/data/cases", within=WEST).json["features"]]
    assert numbers == [other, mine]
    assert ask("/maps/data/cases", within=WEST, state="dispatched", measure="open").json["count"] == 1
    assert ask("/maps/data/cases", within=WEST, measure="open").json["count"] == 2
    assert ask("/maps/data/cases", within=WEST, since="2020-01-01", until="2020-12-31").json["count"] == 0
    assert api("sanitation1").get("/maps/data/cases", within=WEST).json["count"] == 1
    listed = ask("/api/v1/cases", within=WEST).json["features"]
    assert [one["properties"]["number"] for one in listed] == numbers


@pytest.mark.parametrize(
    "wrong", ["", "1,2 3,4", "104,30 104,31 x", "104,30 105,30 105,95", " ".join(f"104,{i / 10}" for i in range(201))]
)
def test_a_polygon_that_is_none_is_refused(api, wrong):
    reader = api("manager1")
    reader.headers["Accept"] = "application/json"
    answer = reader.get("/api/v1/cases", within=wrong or "x")
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "geo.bad-ring", "within")


def test_search_finds_only_cases_that_one_may_see(api):
    number = report(api)
    found = api("manager1").get("/maps/data/found", q=number).json["found"]
    assert [(one["kind"], one["code"]) for one in found] == [("case", number)]
    assert api("sanitation1").get("/maps/data/found", q=number).json["found"] == []
    assert [one["code"] for one in api("manager1").get("/maps/data/found", q="社区").json["found"]] == [
        city.WEST,
        city.EAST,
    ]
    assert api("manager1").get("/maps/data/found", q="' OR 1=1 --%_").json["found"] == []


def test_the_version_is_told_again_only_when_a_case_has_changed(api):
    reader = api("manager1")
    first = reader.get("/maps/version")
    reader.headers["If-None-Match"] = first.headers["ETag"]
    assert reader.get("/maps/version").status_code == 304
    report(api)
    after = reader.get("/maps/version")
    assert after.status_code == 200 and after.json["cases"] != first.json["cases"]
    assert not after.json["cases"].isdigit(), "how much changed is not for everyone"


def test_choices_are_named_in_the_readers_language(api):
    reader = api("manager1")
    reader.headers["Accept-Language"] = "zh-CN"
    told = reader.get("/maps/data/choices").json
    assert {"key": "510104-works", "word": "锦江区市政所"} in told["departments"]
    assert any(one["key"] == f"matter:{city.REFUSE}" and "暴露垃圾" in one["word"] for one in told["classes"])


def test_a_snapshot_draws_from_its_own_data_alone():
    assert {source.tiles for layer in SNAPSHOT_LAYERS for source in layer.sources} == {"areas", "bins"}


def test_a_map_stands_under_the_header_of_the_pages_and_alone_in_a_frame(api):
    manager = api("manager1")
    assert '<header class="top">' in manager.get("/maps/heat").text
    assert '<header class="top">' not in manager.get("/maps/heat", bare="1").text
