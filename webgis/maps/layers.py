"""The layers of our maps and the maps themselves, as tables: whoever adds a layer adds one entry here.

What a layer draws comes from vector tiles (`/tiles/<name>/{z}/{x}/{y}.mvt`); how it looks is a style of that name in
`static/maps/styles.js`, in the colours of `maps.css`, so that legend and map cannot differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.maps import alarm_words, hazard_words, metro_words, sensor_words, works_words


@dataclass(frozen=True)
class Source:
    """Vector tiles of one name, asked for (with `params`) from one zoom to another, and the style that draws them.
    `order`: what is drawn over what, when it is not the layer's. `wider`: so many zooms further out its tiles are asked
    for, each for 4 or 16 that are drawn, where what they hold does not follow the zoom. `beyond`: it goes on
    outside the city."""

    tiles: str
    style: str
    first: int = 0
    last: int = 24
    params: Mapping[str, str] = field(default_factory=dict)
    order: int | None = None
    wider: int = 0
    beyond: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a legend: `look` is a swatch of `maps.css`."""

    look: str
    word: LazyString


@dataclass(frozen=True)
class Layer:
    """A layer. `live`: it follows changes of cases; `filtered`: it is asked for with the filters; `scaled`: its
    colours are steps that the view decides, and the legend tells them; `dated`: it is asked for with a day."""

    name: str
    word: LazyString
    group: str
    sources: tuple[Source, ...]
    legend: tuple[Row, ...] = ()
    live: bool = False
    filtered: bool = False
    scaled: bool = False
    dated: bool = False
    order: int = 400

    @property
    def first(self) -> int:
        """The zoom from which there is something to see."""
        return min(source.first for source in self.sources)

    def told(self, *, shown: bool) -> dict[str, Any]:
        """What `static/maps/layers.js` makes it of, in the language of the page; `shown` at first or not."""
        return {
            "name": self.name,
            "word": str(self.word),
            "group": self.group,
            "sources": [vars(source) for source in self.sources],
            "legend": [{"look": row.look, "word": str(row.word)} for row in self.legend],
            "first": self.first,
            "live": self.live,
            "filtered": self.filtered,
            "scaled": self.scaled,
            "dated": self.dated,
            "order": self.order,
            "shown": shown,
        }


@dataclass(frozen=True)
class CityMapPage:
    """A map with an address of its own: which layers it shows at first."""

    name: str
    word: LazyString
    icon: str
    shown: tuple[str, ...]


GROUPS = {
    "cases": lazy_gettext("Cases"),
    "city": lazy_gettext("City"),
    "topics": lazy_gettext("Topics"),
    "ground": lazy_gettext("Ground"),
}

CELLS_FROM_ZOOM = 15
"""Below it a cell of 100 m is smaller than a fingertip, and a view holds thousands."""

OUTLINES = 2
"""Zooms: tiles of areas are light, and a screen needs two or three of them instead of thirty."""

LAYERS = (
    Layer(
        "areas",
        lazy_gettext("Areas"),
        "ground",
        (
            Source("areas", "land", params={"level": "county"}, order=300, wider=OUTLINES),
            Source("areas", "community", 14, params={"level": "community"}, order=351, wider=OUTLINES),
            Source("areas", "subdistrict", 11, params={"level": "subdistrict"}, order=352, wider=OUTLINES),
            Source("areas", "county", params={"level": "county"}, order=353, wider=OUTLINES),
        ),
        (
            Row("line-county", lazy_gettext("District")),
            Row("line-subdistrict", lazy_gettext("Subdistrict")),
            Row("line-community", lazy_gettext("Community")),
        ),
        order=300,
    ),
    Layer(
        "by_area",
        lazy_gettext("Cases by area"),
        "cases",
        (
            Source("areas", "areas_by_count", 0, 10, {"level": "county"}, wider=OUTLINES),
            Source("areas", "areas_by_count", 11, 13, {"level": "subdistrict"}, wider=OUTLINES),
            Source("areas", "areas_by_count", 14, params={"level": "community"}, wider=OUTLINES),
        ),
        live=True,
        filtered=True,
        scaled=True,
        order=310,
    ),
    Layer(
        "heat",
        lazy_gettext("Heat"),
        "cases",
        (Source("cases", "bins", 0, 12), Source("cells", "cells_by_count", 13)),
        live=True,
        filtered=True,
        scaled=True,
        order=320,
    ),
    Layer(
        "hotspots",
        lazy_gettext("Hot spots, last 30 days"),
        "cases",
        (Source("hotspots", "hotspots"),),
        (
            Row("hot-99", lazy_gettext("Hot, sure to 99 %")),
            Row("hot-95", lazy_gettext("Hot, sure to 95 %")),
            Row("hot-90", lazy_gettext("Hot, sure to 90 %")),
            Row("cold", lazy_gettext("Cold, sure to at least 90 %")),
        ),
        order=330,
    ),
    Layer(
        "coverage",
        lazy_gettext("Beats"),
        "city",
        (Source("beats", "beats", 9),),
        (
            Row("fill-duty", lazy_gettext("Beat with someone on duty now")),
            Row("fill-beat", lazy_gettext("Beat, nobody on duty now")),
        ),
        order=340,
    ),
    Layer(
        "grid",
        lazy_gettext("Unit grid"),
        "city",
        (Source("cells", "cells", CELLS_FROM_ZOOM, wider=1),),
        (Row("line-cell", lazy_gettext("Cell")),),
        order=360,
    ),
    Layer(
        "metro",
        lazy_gettext("Metro"),
        "topics",
        (Source("metro", "metro", 9, beyond=True),),
        (
            Row("line-metro", lazy_gettext("Line, in its colour")),
            Row("dot-station", lazy_gettext("Station")),
            *(Row(f"fill-{kind}", word) for kind, word in metro_words.ZONES.items()),
        ),
        order=370,
    ),
    Layer(
        "hazards",
        lazy_gettext("Hazard sources"),
        "topics",
        (Source("hazards", "hazards"),),
        (
            *(Row(f"level-{level}", word) for level, word in hazard_words.LEVELS.items()),
            Row("level-alarm", hazard_words.LIVE["alarm"][0]),
        ),
        order=580,
    ),
    Layer(
        "sensors",
        lazy_gettext("Sensors"),
        "topics",
        (Source("sensors", "sensors"),),
        tuple(Row(f"sensor-{state}", word) for state, word in sensor_words.STATES.items()),
        live=True,
        order=582,
    ),
    Layer(
        "waterlogging",
        lazy_gettext("Waterlogging"),
        "topics",
        (Source("waterlogging", "waterlogging"),),
        tuple(Row(f"road-{advice}", word) for advice, word in alarm_words.ROADS.items()),
        live=True,
        order=585,
    ),
    Layer(
        "alarms",
        lazy_gettext("Alarms"),
        "topics",
        (Source("alarms", "alarms"),),
        (
            Row("alarm-2", lazy_gettext("Grave alarm")),
            Row("alarm-1", lazy_gettext("Alarm")),
        ),
        live=True,
        order=595,
    ),
    Layer(
        "emergency",
        lazy_gettext("Emergencies"),
        "topics",
        (Source("emergency", "emergency"),),
        (
            Row("fill-emergency-1", lazy_gettext("Level I or II")),
            Row("fill-emergency-3", lazy_gettext("Level III or IV")),
        ),
        live=True,
        order=590,
    ),
    Layer(
        "construction",
        lazy_gettext("Construction zones"),
        "topics",
        (Source("construction", "construction", 8),),
        (
            *(Row(f"phase-{kind}", word) for kind, word in works_words.PHASES.items()),
            *(Row(f"road-{kind}", word) for kind, word in works_words.LINES.items()),
            Row("road-conflict", works_words.IN_CONFLICT),
        ),
        dated=True,
        order=375,
    ),
    Layer(
        "components",
        lazy_gettext("Components"),
        "city",
        (Source("components", "components", 10),),
        (
            Row("dot-intact", lazy_gettext("Intact")),
            Row("dot-damaged", lazy_gettext("Damaged, lost or abandoned")),
        ),
        order=380,
    ),
    Layer(
        "cases",
        lazy_gettext("Cases"),
        "cases",
        (Source("cases", "discs"),),
        live=True,
        filtered=True,
        order=600,
    ),
)

_AREAS, _BY_AREA, _HEAT = LAYERS[:3]

SNAPSHOT_LAYERS = (
    _AREAS,
    replace(_BY_AREA, live=False, filtered=False),
    Layer("heat", _HEAT.word, "cases", (Source("bins", "cells_by_count"),), scaled=True, order=320),
)
"""The layers of a map that stands alone: all from its own data (`static/maps/drawn.js`)."""

ALWAYS = ("alarms",)
"""Shown at first on every map, beside its own."""

MAPS = (
    CityMapPage("cases", lazy_gettext("Map of cases"), "flag", ("areas", "emergency", "cases")),
    CityMapPage("heat", lazy_gettext("Heat map"), "flame", ("areas", "heat")),
    CityMapPage("grid", lazy_gettext("Map of the unit grid"), "grid-dots", ("areas", "grid")),
    CityMapPage("coverage", lazy_gettext("Map of beats"), "route", ("areas", "coverage")),
    CityMapPage("hazards", lazy_gettext("Map of hazard sources"), "biohazard", ("areas", "hazards")),
    CityMapPage("sensors", lazy_gettext("Map of sensors"), "access-point", ("areas", "sensors")),
    CityMapPage("metro", lazy_gettext("Map of the metro"), "train", ("areas", "metro")),
    CityMapPage("construction", lazy_gettext("Map of construction zones"), "crane", ("areas", "metro", "construction")),
    CityMapPage("waterlogging", lazy_gettext("Map of waterlogging"), "droplet", ("areas", "waterlogging")),
    CityMapPage("components", lazy_gettext("Map of components"), "map-pin", ("areas", "components")),
)

BY_NAME = {page.name: page for page in MAPS}
