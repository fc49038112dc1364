"""What maps and pages say of construction zones: phases, roads closed, the bar of days."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext

PHASES = {
    "hoarding": lazy_gettext("Hoarding"),
    "utilities": lazy_gettext("Utilities moved"),
    "excavation": lazy_gettext("Excavation"),
    "structure": lazy_gettext("Main structure"),
    "backfill": lazy_gettext("Backfill"),
    "restored": lazy_gettext("Road restored"),
}
LINES = {
    "closure": lazy_gettext("Road closed"),
    "narrowed": lazy_gettext("Road narrowed"),
    "diversion": lazy_gettext("Diversion"),
}
IN_CONFLICT = lazy_gettext("In conflict")


def on_maps() -> dict[str, str]:
    """Words by the name that `static/maps` knows them by."""
    return {
        "works": _("Construction zone"),
        "works_phase": _("Phase"),
        "works_contractor": _("Contractor"),
        "works_days": _("From – until"),
        "works_road": _("Road"),
        "works_width": _("Width left"),
        "works_more": _("More about these works"),
        "works_day": _("Day of the works"),
        "works_today": _("Today"),
        "works_none": _("no works in view"),
        "works_count": _("%(count)s works in view", count="{count}"),
        "phase_": _("No phase named"),
        **{f"phase_{kind}": str(word) for kind, word in PHASES.items()},
        **{kind: str(word) for kind, word in LINES.items()},
    }
