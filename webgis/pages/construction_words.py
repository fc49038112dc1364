"""What pages say of construction zones: phases, severities, protection, the findings of an effect study."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webgis.evaluation.works import Finding

PHASES = {
    "hoarding": lazy_gettext("Hoarding"),
    "utilities": lazy_gettext("Utilities moved"),
    "excavation": lazy_gettext("Excavation"),
    "structure": lazy_gettext("Main structure"),
    "backfill": lazy_gettext("Backfill"),
    "restored": lazy_gettext("Road restored"),
}
SEVERITIES = {
    "ordinary": lazy_gettext("Ordinary"),
    "serious": lazy_gettext("Serious"),
    "urgent": lazy_gettext("Urgent"),
}
PROTECTION = {
    "special": lazy_gettext("Special protection zone"),
    "control": lazy_gettext("Control protection zone"),
    "planned": lazy_gettext("Zone of a planned line"),
}
LINES = {
    "closure": lazy_gettext("Road closed"),
    "narrowed": lazy_gettext("Road narrowed"),
    "diversion": lazy_gettext("Diversion"),
    "emergency-route": lazy_gettext("Route of emergency vehicles"),
    "water": lazy_gettext("Place under water"),
}
PARTS = {"inside": lazy_gettext("Inside the zone"), "ring": lazy_gettext("Within 200 m")}
WAYS = {"act": lazy_gettext("noted on the phone"), "track": lazy_gettext("by the track of a shift")}
FIELDS = {
    "code": lazy_gettext("Code"),
    "name_zh": lazy_gettext("Name in Chinese"),
    "project": lazy_gettext("Project"),
    "contractor": lazy_gettext("Contractor"),
    "first_day": lazy_gettext("First day"),
    "last_day": lazy_gettext("Last day"),
    "phases": lazy_gettext("Phases"),
    "lines": lazy_gettext("Roads closed and ways round"),
    "ground": lazy_gettext("Ground of the zone"),
    "geometry": lazy_gettext("Ground of the zone"),
    "points": lazy_gettext("Monitoring points"),
    "width_left_m": lazy_gettext("Width left, metres"),
    "patrols": lazy_gettext("Patrols a day"),
    "works_until": lazy_gettext("Working hours"),
    "works_from": lazy_gettext("Working hours"),
    "night_permits": lazy_gettext("Night permits"),
}
"""Fields of the form by the names that refusals give."""


def finding(one: Finding) -> str:
    """What a finding says, in a sentence."""
    effect = one.effect
    if effect.claim == "too-little":
        return _("Too few cases or cells to say anything.")
    if effect.claim == "none":
        return _("Nothing is shown: as places without works stray by themselves.")
    values = {"percent": abs(round((effect.ratio - 1) * 100))}
    if effect.claim == "more":
        return _("%(percent)s %% more cases than would be expected.", **values)
    return _("%(percent)s %% fewer cases than would be expected.", **values)
