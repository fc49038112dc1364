"""The one builder of our maps: Folium makes the shell from the tables of `layers`; data comes from addresses.

A snapshot is the same figure whose data stands in it (`snapshots`).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from webgis.geo import Box
from webgis.maps import metro_words
from webgis.maps.elements import FACTS, CityMap, Controls, DataLayer, Frame
from webgis.maps.figure import LocalFigure, data_block
from webgis.maps.layers import ALWAYS, GROUPS, LAYERS, MAPS, CityMapPage, Layer
from webgis.maps.signs import legend_rows, lights
from webgis.maps.words import words


@dataclass(frozen=True)
class Shell:
    """What a map's page is told besides the tables: language, nonce, marks of files, and addresses.

    `addresses`: tiles (with {layer}, {z}, {x}, {y}), map (with {name}), and those of `maps.views`. `basemaps` are
    rows of `basemaps.offered`; `today` is the city's day, for spans; `token` goes with forms; `heat` is where heat is
    asked (`address`) and the day of the first case (`first_day`), on the map that measures it; `reach` is the box
    beyond which there is nothing to ask for; `works` the first and last day of all works, on the map with a bar of
    days.
    """

    lang: str
    nonce: str = ""
    marked: Callable[[str], str] = lambda path: path
    addresses: dict[str, str] = field(default_factory=dict)
    basemaps: list[dict[str, Any]] = field(default_factory=list)
    today: str = ""
    token: str = ""
    heat: dict[str, str] | None = None
    reach: Box | None = None
    works: dict[str, str] | None = None


def city_map(page: CityMapPage, bounds: Box, shell: Shell) -> LocalFigure:
    """The map `page`, whose layers load from the shell's addresses."""
    told = {
        "maps": [
            {"name": one.name, "word": str(one.word), "icon": one.icon, "href": shell.addresses["map"] + one.name}
            for one in MAPS
        ],
        "addresses": shell.addresses,
        "basemaps": shell.basemaps,
        "heat": shell.heat,
        "reach": shell.reach,
        "works": shell.works,
    }
    return figure(page, bounds, LAYERS, shell, told)


def figure(page: CityMapPage, bounds: Box, layers: Iterable[Layer], shell: Shell, told: dict[str, Any]) -> LocalFigure:
    """Shell, layers and controls; `told` is what the browser must know besides."""
    made = LocalFigure(str(page.word), shell.lang, shell.nonce, shell.marked)
    facts = {
        "name": page.name,
        "title": str(page.word),
        "bounds": bounds,
        "attribution": _("webgis · boundaries of this installation"),
        "words": words(),
        "groups": {name: str(word) for name, word in GROUPS.items()},
        "layers": [layer.told(shown=layer.name in (*page.shown, *ALWAYS)) for layer in layers],
        "states": legend_rows(),
        "lights": lights(),
        "metro": metro_words.on_maps(),
        "today": shell.today,
        "token": shell.token,
    }
    made.html.add_child(data_block(FACTS, as_json(facts | told)), name="facts")
    city = CityMap(bounds)
    made.add_child(city)
    Frame().add_to(city)
    for layer in layers:
        DataLayer(layer.name).add_to(city)
    Controls().add_to(city)
    return made


def as_json(value: Any) -> str:
    """JSON as small as it gets, with Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
