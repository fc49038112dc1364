"""The pages of hazard sources: the list by level, a source with its grades, the impact sheet of a ring.

The form is in `hazard_forms.py`.
"""

from datetime import UTC, datetime
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from webgis import web
from webgis.accounts import permissions
from webgis.cases import queries as cases
from webgis.errors import Invalid
from webgis.hazards import impact, impact_rules, persons, screening, source_queries
from webgis.hazards.source_queries import Filters
from webgis.maps import hazard_words as sign_words
from webgis.pages import alarm_shown, hazard_words, words
from webgis.pages.blueprint import pages
from webgis.telemetry.quantities import QUANTITIES, reading

COMMON = {
    "levels": sign_words.LEVELS,
    "live_words": sign_words.LIVE,
    "unit_words": hazard_words.UNITS,
    "duty_words": hazard_words.DUTIES,
    "number": hazard_words.number,
}
LEVEL_TABS = ("1", "2", "3", "4", "0")


def shown(template: str, **values: Any) -> str:
    """A page of hazard sources."""
    may = {
        "may_change": permissions.may(web.actor(), "hazards.change"),
        "may_open_emergency": permissions.may(web.actor(), "emergency.open"),
    }
    return render_template(f"hazards/{template}.html", **COMMON, **may, **values)


@pages.get("/hazards")
@web.permits("hazards.see")
def hazard_list():
    """The sources that one may see, by level."""
    asked = {name: request.args.get(name, "").replace("\0", "").strip() for name in ("q", "kind", "level", "closed")}
    level = int(asked["level"]) if asked["level"] in LEVEL_TABS else None
    filters = Filters(asked["kind"] or None, level, asked["q"][:100], asked["closed"] == "yes")
    with web.transaction() as session:
        kinds = source_queries.kinds(session)
        rows = source_queries.listed(session, web.actor(), filters)
        counts = source_queries.counts(session, web.actor())
    asked["level"] = "" if level is None else asked["level"]
    return shown("list", rows=rows, kinds=kinds, asked=asked, counts=counts, tabs=_tabs(asked, counts))


def _tabs(asked: dict[str, str], counts: Any) -> list[dict[str, Any]]:
    rest = {name: value for name, value in asked.items() if value and name != "level"}
    total = sum(counts[tab] for tab in LEVEL_TABS)
    tabs = [("", _("All"), total)]
    tabs += [(tab, str(sign_words.LEVELS[int(tab)]), counts[tab]) for tab in LEVEL_TABS]
    return [
        {
            "href": url_for("pages.hazard_list", **rest, **({"level": tab} if tab else {})),
            "word": word,
            "count": count,
            "level": tab,
            "current": tab == asked["level"],
        }
        for tab, word, count in tabs
    ]


@pages.get("/hazards/<code>")
@web.permits("hazards.see")
def hazard(code: str):
    """A source: facts, units with their grades and how they were found, sensors, alarms, persons in charge."""
    return hazard_page(code)


@pages.post("/hazards/<code>/persons")
@web.permits("hazards.persons")
def hazard_persons(code: str):
    """The same page with the persons in charge whole; that one looked is written down."""
    return hazard_page(code, look=True)


def hazard_page(code: str, look: bool = False) -> str:
    """The page of a source."""
    actor = web.actor()
    with web.transaction() as session:
        row = source_queries.require(session, actor, code)
        whole = persons.look(session, actor, row) if look else None
        return shown(
            "source",
            row=row,
            kind=source_queries.kinds(session).get(row.kind),
            units=source_queries.units(session, row.id),
            grades=source_queries.grades(session, row.id),
            streams=source_queries.stations(session, actor, row.id),
            alarms=source_queries.alarms(session, actor, row.id),
            persons=whole or persons.masked(session, row.id),
            whole=look,
            looks=persons.looks(session, row.id) if persons.may_look(actor, row) else [],
            may_look=persons.may_look(actor, row),
            rings=_rings(),
            published=bool(screening.circles(source_queries.held(session, row.id))),
            quantities=QUANTITIES,
            reading=reading,
            measured=alarm_shown.measured,
            derivation=hazard_words.derivation,
            why=hazard_words.WHY,
            people_from=hazard_words.PEOPLE_FROM,
            unsettled=row.unsettled and words.sentence(row.unsettled, "", {}),
        )


def _rings() -> tuple[int, ...]:
    return impact_rules.rings(web.runtime().settings.hazard_rings)


@pages.get("/hazards/<code>/impact")
@web.permits("hazards.see")
def hazard_impact(code: str):
    """What lies within some metres of a source, to look at and to print."""
    rings, actor, circle = _rings(), web.actor(), request.args.get("circle") or None
    usual = impact_rules.USUAL_M if impact_rules.USUAL_M in rings else rings[0]
    metres, strange = (None, False) if circle else _metres(request.args.get("metres"), usual)
    with web.transaction() as session:
        found = impact.impact(session, actor, code, metres, circle=circle, at=datetime.now(UTC))
        return shown(
            "impact",
            found=found,
            row=found.source,
            asked={"circle": circle} if circle else {"metres": found.metres},
            rings=rings,
            widest=impact_rules.MOST_M,
            strange=strange,
            kind=source_queries.kinds(session).get(found.source.kind),
            places=hazard_words.PLACES,
            zones=hazard_words.ZONES,
            scenario=hazard_words.scenario,
            screening=hazard_words.screening(found.circles),
            persons=persons.masked(session, found.source.id),
            narrowed=cases.sight(actor) != cases.Sight(None, None, None),
        )


def _metres(given: str | None, usual: float) -> tuple[float, bool]:
    """The metres that are asked for, or the usual ones; and whether they were asked for as they cannot be."""
    if given is None:
        return usual, False
    try:
        return impact_rules.checked_metres(float(given)), False
    except (ValueError, Invalid):
        return usual, True
