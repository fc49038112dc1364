"""What maps and pages say of construction zones: phases, roads closed, the bar of days."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import text
from sqlalchemy.orm import Session

_SPAN = text(
    "SELECT min(first_day) AS first, max(coalesce(last_day, first_day)) AS last FROM city.construction_zone"
    " WHERE upper_inf(recorded)"
)

_GROUND = text(
    "SELECT ST_XMin(n.box) AS west, ST_YMin(n.box) AS south, ST_XMax(n.box) AS east, ST_YMax(n.box) AS north"
    " FROM (SELECT ST_Expand(ST_Extent(z.geom), :around) AS box FROM city.construction_zone z"
    " WHERE upper_inf(z.recorded) AND z.valid && tstzrange(now(), NULL)) n WHERE n.box IS NOT NULL"
)
AROUND_DEG = 0.005
"""Some 500 m: what is seen around the outermost works."""

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


def span(session: Session) -> dict[str, str] | None:
    """The first and last day of all works that are known, for the bar of days; None without any."""
    found = session.execute(_SPAN).one()
    return found.first and {"first_day": found.first.isoformat(), "last_day": found.last.isoformat()}


def ground(session: Session) -> tuple[float, float, float, float] | None:
    """West, south, east and north of the works that are there now or ahead, in degrees; None without any."""
    found = session.execute(_GROUND, {"around": AROUND_DEG}).one_or_none()
    return found and tuple(found)
