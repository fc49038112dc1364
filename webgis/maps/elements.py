"""Our maps as Folium elements. Folium builds the shell; data comes from addresses or a data block.

Each element is a line of script that calls `static/maps/maps.js` with names. What the elements need to know (words,
layers, addresses) stands in one data block of the page, never in the script.
"""

from typing import Any

from branca.element import MacroElement
from folium import Map
from folium.map import Layer
from folium.template import Template

MAX_ZOOM = 20
FACTS = "webgis-map"
"""Id of the data block."""


def _call(function: str) -> Template:
    """One line of script: a function of `maps.js`, called with the map and the element's subject."""
    return Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = webgisMaps."
        + function
        + "({{ this._parent.get_name() }}, {{ this.subject|tojson }});"
        + "{% endmacro %}"
    )


class CityMap(Map):
    """A Folium map with our own ground instead of tiles and our own attribution."""

    default_js = [*Map.default_js, ("webgis_maps", "/static/maps/maps.js")]
    default_css = [*Map.default_css, ("webgis_maps_css", "/static/maps/maps.css")]

    def __init__(self, bounds: tuple[float, float, float, float], **options: Any) -> None:
        """`bounds` is west, south, east, north in degrees: what is seen first."""
        west, south, east, north = bounds
        super().__init__(
            location=[(south + north) / 2, (west + east) / 2],
            tiles=None,
            zoom_start=12,
            maxZoom=MAX_ZOOM,
            minZoom=4,
            zoom_control=False,
            attribution_control=False,
            **options,
        )


class Frame(MacroElement):
    """First view, theme, notices and attribution, before any layer is drawn."""

    _template = _call("frame")
    subject = FACTS


class DataLayer(Layer):
    """A layer of the table `layers.LAYERS`, by its name. Whether it is shown is for the page's address to say."""

    _template = _call("layer")

    def __init__(self, name: str) -> None:
        super().__init__(name=name, overlay=True, control=False, show=False)
        self._name = f"Layer{name.title()}"
        self.subject = name


class Controls(MacroElement):
    """Everything that people operate; it comes last, when the map has all its layers."""

    _template = _call("controls")
    subject = FACTS
