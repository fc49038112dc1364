"""The blueprints of hazards."""

from webgis.hazards.alarm_views import alarms
from webgis.hazards.source_views import hazards

BLUEPRINTS = (hazards, alarms)
