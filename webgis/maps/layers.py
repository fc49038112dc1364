"""The layers of our maps as Folium elements. Folium builds the shell; data comes from addresses or a data block.

Each layer is a line of script that hands its options to `static/maps/maps.js`. Options hold our own words and
addresses only, never anything that people typed (see `figure`).
"""

import json
from typing import Any

from branca.element import Element, MacroElement
from folium import Map
from folium.elements import JSCSSMixin
from folium.map import Layer, LayerControl
from folium.plugins import MarkerCluster
from folium.template import Template

MAX_ZOOM = 20
"""Folium's map without tiles has no largest zoom, and MarkerCluster then kills the page's script."""

_CALL = Template(
    """
    {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = webgisMaps.{{ this.function }}(
            {{ this._parent.get_name() }}, {{ this.options|tojson }}
        );
    {% endmacro %}
    """
)
"""One line of script: a function of `maps.js` called with the map and the element's options."""


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
            zoomSnap=0.5,
            zoom_control=False,
            attribution_control=False,
            **options,
        )


class _MapsElement(MacroElement):
    """An element that calls one function of `maps.js` with the map and its options."""

    function = ""

    _template = _CALL

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._name = type(self).__name__
        self.options = options


class Frame(_MapsElement):
    """First view, zoom buttons, scale and attribution. Options: `bounds`, `words`."""

    function = "frame"


class Notice(_MapsElement):
    """The line at the foot of the map: loading, zoom in, nothing here, no connection. Options: `words`."""

    function = "notice"


class CityLayer(JSCSSMixin, Layer):
    """A layer that `maps.js` makes and fills by view."""

    function = ""

    _template = _CALL

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name=name, overlay=True, control=True, show=True)
        self._name = type(self).__name__
        self.options = options


class AreaLayer(CityLayer):
    """Boundaries and names of areas, the level following the zoom. Options: `address` or `data`."""

    function = "areaLayer"


class CellLayer(CityLayer):
    """Cells of the view, from `min_zoom` on, on a canvas. Options: `address`, `min_zoom`, `words`."""

    function = "cellLayer"


class CaseCluster(MarkerCluster):
    """Folium's marker cluster with our own discs: a ring of the states' colours and the number."""

    def __init__(self, name: str) -> None:
        super().__init__(
            name=name,
            icon_create_function="webgisMaps.clusterIcon",
            show_coverage_on_hover=False,
            max_cluster_radius=56,
            disable_clustering_at_zoom=18,
            spiderfy_on_max_zoom=True,
            chunked_loading=True,
        )
        self._name = "CaseCluster"


class CaseMarkers(MacroElement):
    """Fills a `CaseCluster` with cases and adds the legend, which filters them by state.

    Options: `address` or `data` (id of a data block), `states` (rows of `signs.legend_rows`), `words`, `link`.
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = webgisMaps.caseMarkers(
                {{ this._parent.get_name() }}, {{ this.cluster.get_name() }}, {{ this.options|tojson }}
            );
        {% endmacro %}
        """
    )

    def __init__(self, cluster: CaseCluster, **options: Any) -> None:
        super().__init__()
        self._name = "CaseMarkers"
        self.cluster = cluster
        self.options = options


class LayersButton(LayerControl):
    """Folium's layer control with a name that a screen reader can say. Options: `words`."""

    def __init__(self, words: dict[str, str]) -> None:
        super().__init__(position="topright", collapsed=True)
        self._name = "LayersButton"
        self.words = words

    def render(self, **kwargs: Any) -> None:
        """The control of folium, then its name."""
        super().render(**kwargs)
        name = f"webgisMaps.named({self.get_name()}, {json.dumps(self.words)});"
        self.get_root().script.add_child(Element(name), name=self.get_name() + "_named")
