"""What structures of the metro and their protection zones are called, on maps and pages alike."""

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

KINDS: dict[str, LazyString] = {
    "underground_station": lazy_gettext("Underground station"),
    "surface_station": lazy_gettext("Surface station"),
    "elevated_station": lazy_gettext("Elevated station"),
    "tunnel": lazy_gettext("Tunnel"),
    "surface_line": lazy_gettext("Surface line"),
    "elevated_line": lazy_gettext("Elevated line"),
    "river_crossing": lazy_gettext("River crossing"),
    "entrance": lazy_gettext("Entrance"),
    "vent_shaft": lazy_gettext("Ventilation shaft"),
    "cooling_tower": lazy_gettext("Cooling tower"),
    "main_substation": lazy_gettext("Main substation"),
    "depot": lazy_gettext("Depot"),
    "control_centre": lazy_gettext("Control centre"),
    "lift": lazy_gettext("Lift"),
    "cable_trench": lazy_gettext("Cable trench"),
    "tram_line": lazy_gettext("Tram line"),
    "planned_line": lazy_gettext("Planned line"),
}
"""Kind of structure of the table that ships -> its word; a city's own kinds are shown as they are written."""

ZONES: dict[str, LazyString] = {
    "special": lazy_gettext("Special protection zone"),
    "control": lazy_gettext("Control protection zone"),
    "planned": lazy_gettext("Zone of a planned line"),
}

SOURCES: dict[str, LazyString] = {
    "国家通行做法（2005年建设部令第140号，凭记忆引用）及福州、武汉、金华、厦门的规定；本市规定待核实": lazy_gettext(
        "national pattern (order 140 of 2005, recalled) and rules of Fuzhou, Wuhan, Jinhua, Xiamen;"
        " this city's own to be verified"
    ),
    "福州、武汉的规定；本市规定待核实": lazy_gettext("rules of Fuzhou and Wuhan; this city's own to be verified"),
    "国家通行做法（2005年建设部令第140号，凭记忆引用）；本市规定待核实": lazy_gettext(
        "national pattern (order 140 of 2005, recalled); this city's own to be verified"
    ),
    "其他城市的规定；本市规定待核实": lazy_gettext("rules of other cities; this city's own to be verified"),
    "其他城市对高压电缆通道的规定；本市规定待核实": lazy_gettext(
        "rules of other cities, for high-voltage cable trenches; this city's own to be verified"
    ),
    "武汉的规定；本市规定待核实": lazy_gettext("rules of Wuhan; this city's own to be verified"),
}
"""Legal source of the table that ships, in the language of the city -> in the reader's."""


def kind(name: str) -> str:
    """The word for a kind of structure."""
    return str(KINDS.get(name, name))


def source(text: str) -> str:
    """A legal source: of the table that ships in the reader's language, of a city's own as it is written."""
    return str(SOURCES.get(text, text))


def stored(text: str) -> str:
    """A legal source as it is stored: what a form showed of the table that ships is the text that ships again."""
    return next((ships for ships, word in SOURCES.items() if str(word) == text), text)


def on_maps() -> dict[str, str]:
    """The words of popups, by the names under which the browser asks for them."""
    kinds = {name: str(word) for name, word in KINDS.items()}
    return kinds | {f"zone_{name}": str(word) for name, word in ZONES.items()}
