"""What maps say of construction zones: phases, roads closed, the bar of days."""

from flask_babel import gettext as _
from sqlalchemy import text
from sqlalchemy.orm import Session

_SPAN = text(
    "SELECT min(first_day) AS first, max(coalesce(last_day, first_day)) AS last FROM city.construction_zone"
    " WHERE upper_inf(recorded)"
)


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
        "phase_hoarding": _("Hoarding"),
        "phase_utilities": _("Utilities moved"),
        "phase_excavation": _("Excavation"),
        "phase_structure": _("Main structure"),
        "phase_backfill": _("Backfill"),
        "phase_restored": _("Road restored"),
        "closure": _("Road closed"),
        "narrowed": _("Road narrowed"),
        "diversion": _("Diversion"),
    }


def span(session: Session) -> dict[str, str] | None:
    """The first and last day of all works that are known, for the bar of days; None without any."""
    found = session.execute(_SPAN).one()
    return found.first and {"first_day": found.first.isoformat(), "last_day": found.last.isoformat()}
