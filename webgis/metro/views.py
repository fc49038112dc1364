"""The API of the metro: construction zones and what they do to traffic."""

from webgis.metro import construction_views

BLUEPRINTS = (*construction_views.BLUEPRINTS,)
