"""A figure loads nothing from another host, whatever Folium's stock classes say, and data in it stays data."""

import base64
import hashlib
import json
import re
from fnmatch import fnmatch

import folium
import pytest
from folium import plugins

from webgis.errors import Invalid
from webgis.maps.elements import CityMap, Controls, DataLayer
from webgis.maps.figure import LOCAL, LocalFigure, data_block
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


def test_every_link_of_a_map_leads_to_this_server_once_and_every_script_has_the_nonce():
    page = figure_with(DataLayer("areas"), DataLayer("cases"), Controls()).render()
    links = LINK.findall(page)
    assert links and all(link.startswith("/static/") for link in links)
    assert len(links) == len(set(links))
    assert all('nonce="abc"' in tag for tag in SCRIPT.findall(page))
    assert "jquery" not in page and "bootstrap" not in page


@pytest.mark.parametrize(
    "layer",
    [
        lambda: plugins.HeatMap([[30.6, 104.0]]),
        lambda: plugins.MarkerCluster(),
        lambda: plugins.Fullscreen(),
        lambda: plugins.Draw(),
        lambda: folium.TileLayer("OpenStreetMap"),
        lambda: folium.TileLayer("https://tiles.example/{z}/{x}/{y}.png", attr="x"),
        lambda: folium.WmsTileLayer("//maps.example/wms", layers="a"),
    ],
    ids=["heat", "cluster", "fullscreen", "draw", "openstreetmap", "own-tiles", "wms"],
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
    figure_with(DataLayer("areas"), Controls()).render()
    assert len(LINK.findall(figure_with().render())) == len(LINK.findall(before))


def test_data_in_a_block_is_neither_markup_nor_a_template_and_comes_back_as_it_was():
    nasty = "</script><script>alert(1)</script> {{ 7*7 }} ${alert(1)} ` \u2028 \u2029 <!--"
    figure = figure_with()
    figure.html.add_child(data_block("data", json.dumps({"text": nasty}, ensure_ascii=False)))
    page = figure.render()
    block = re.search(r'<script[^>]* id="data">(.*?)</script>', page, re.S)[1]
    assert json.loads(block) == {"text": nasty}
    assert "<" not in block and "\u2028" not in block


def test_whole_the_file_links_to_nothing_and_its_policy_lets_its_own_script_run_and_no_other():
    page = figure_with(nonce="").render_whole("a{background:url(x.png)}", "/* ours */", "<svg></svg>")
    assert not re.search(r"""(src|href)="(?!data:,")""", page) and "url(" not in page
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}'" in page and "default-src 'none'" in page
    assert "/* ours */" in script and "L.map(" in script


def test_every_vendored_address_names_a_file_that_setup_copies():
    served = [f"/static/vendor/{package}/{file}" for package, files in FILES.items() for file in files]
    assert all(any(fnmatch(local, pattern) for pattern in served) for local in LOCAL.values())
