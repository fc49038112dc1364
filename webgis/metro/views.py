"""The API of the metro: structures, zones and permits; construction zones and what they do to traffic."""

from webgis.metro import construction_views, metro_views

BLUEPRINTS = (*metro_views.BLUEPRINTS, *construction_views.BLUEPRINTS)
