"""The blueprints of hazards."""

from webgis.hazards.source_views import hazards

BLUEPRINTS = (hazards,)
