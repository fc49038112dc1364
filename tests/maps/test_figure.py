"""A figure loads nothing from another host, whatever Folium's stock classes say, and data in it stays data."""

import json
import re
from fnmatch import fnmatch

import folium
import pytest
from folium import plugins

from webgis.errors import Invalid
from webgis.maps.figure import LOCAL, LocalFigure, data_block
from webgis.maps.layers import CityMap
from webgis.vendor import FILES

BOUNDS = (104.06, 30.655, 104.07, 30.66)
LINK = re.compile(r'(?:src|href)="([^"]+)"')
SCRIPT = re.compile(r"<script[^>]*>")


def figure_with(*layers, nonce: str = "abc") -> LocalFigure:
    figure = LocalFigure("Test", nonce=nonce)
    city = CityMap(BOUNDS)
    figure.add_child(city)
    for layer in layers:
        layer.add_to(city)
    return figure


def test_every_link_of_a_map_with_clusters_leads_to_this_server_once_and_every_script_has_the_nonce():
    page = figure_with(plugins.MarkerCluster(), plugins.MarkerCluster()).render()
    links = LINK.findall(page)
    assert links and all(link.startswith("/static/") for link in links)
    assert len(links) == len(set(links))
    assert all('nonce="abc"' in tag for tag in SCRIPT.findall(page))
    assert "jquery" not in page and "bootstrap" not in page


@pytest.mark.parametrize(
    "layer",
    [
        lambda: plugins.HeatMap([[30.6, 104.0]]),
        lambda: plugins.Fullscreen(),
        lambda: plugins.Draw(),
        lambda: folium.TileLayer("OpenStreetMap"),
        lambda: folium.TileLayer("https://tiles.example/{z}/{x}/{y}.png", attr="x"),
        lambda: folium.WmsTileLayer("//maps.example/wms", layers="a"),
    ],
    ids=["heat", "fullscreen", "draw", "openstreetmap", "own-tiles", "wms"],
)
def test_an_address_that_is_not_vendored_is_refused(layer):
    with pytest.raises(Invalid) as refused:
        figure_with(layer()).render()
    assert refused.value.code == "maps.unknown-address"


def test_a_layer_that_needs_a_library_we_dropped_is_refused():
    with pytest.raises(Invalid) as refused:
        figure_with(folium.Marker([30.6, 104.0], icon=folium.Icon())).render()
    assert refused.value.code == "maps.needs-dropped-library"


def test_the_links_of_one_map_do_not_leak_into_the_next():
    before = figure_with().render()
    figure_with(plugins.MarkerCluster()).render()
    assert len(LINK.findall(figure_with().render())) == len(LINK.findall(before))


def test_data_in_a_block_is_neither_markup_nor_a_template_and_comes_back_as_it_was():
    nasty = "</script><script>alert(1)</script> {{ 7*7 }} ${alert(1)} ` \u2028 \u2029 <!--"
    figure = figure_with()
    figure.html.add_child(data_block("data", json.dumps({"text": nasty}, ensure_ascii=False)))
    page = figure.render()
    block = re.search(r'<script[^>]* id="data">(.*?)</script>', page, re.S)[1]
    assert json.loads(block) == {"text": nasty}
    assert "<" not in block and "\u2028" not in block


def test_apart_the_page_has_no_inline_script_and_the_script_has_all_of_it():
    page, script = figure_with(nonce="").render_apart("map.js")
    inline = [tag for tag in SCRIPT.findall(page) if "src=" not in tag]
    assert inline == []
    assert '<script src="map.js">' in page
    assert "L.map(" in script and "<" not in script.split("L.map(")[0]


def test_every_vendored_address_names_a_file_that_setup_copies():
    served = [f"/static/vendor/{package}/{file}" for package, files in FILES.items() for file in files]
    assert all(any(fnmatch(local, pattern) for pattern in served) for local in LOCAL.values())
