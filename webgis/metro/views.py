"""The API of the metro: structures, zones and permits; construction zones and what they do to traffic."""

from webgis.metro import construction_views, metro_views, permit_views

BLUEPRINTS = (metro_views.metro, permit_views.permits_api, *construction_views.BLUEPRINTS)
