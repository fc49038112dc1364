"""The impact sheet: what lies within some metres of a hazard source, found at once from what the city knows.

Cases and crews are those that the one who asks may see; all else is the same for everybody.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.cases import shifts
from webgis.grid import queries as grid
from webgis.hazards import grading, screening, source_queries
from webgis.hazards.impact_rules import PLACES, USUAL_M, checked_metres, one_of
from webgis.hazards.screening import Circle

MOST_LISTED = 500


@dataclass(frozen=True)
class Impact:
    """What lies within `metres` of the outline of a source at a moment. `people`: None where the population of some of
    the ground is not known, then `known_people` are those of the rest; `places`: by kind; `crews`: None for those who
    may not see where they are. `truncated`: lists that end at `MOST_LISTED`. `circle`: the published distance that the
    metres are, of the `circles` of this source; `without`: stocks of which none is published."""

    source: Row[Any]
    circle: Circle | None
    circles: list[Circle]
    without: list[str]
    metres: float
    at: datetime
    ground: dict[str, Any]
    square_m: float
    cells: list[str]
    communities: list[Row[Any]]
    people: int | None
    known_people: int
    places: dict[str, list[Row[Any]]]
    components: list[Row[Any]]
    cases: list[Row[Any]]
    crews: list[Row[Any]] | None
    truncated: list[str]


def impact(
    session: Session,
    actor: Actor,
    code: str,
    metres: float | None = None,
    *,
    at: datetime,
    circle: str | None = None,
) -> Impact:
    """What lies within `metres` (10 to 5,000) of a source that this person may see, or within a published distance, by
    the key of its `circle`; else within `USUAL_M`."""
    source = source_queries.require(session, actor, code)
    held = source_queries.held(session, source.id)
    circles = screening.circles(held)
    chosen = one_of(circles, circle, metres) if circle else None
    metres = checked_metres(chosen.metres if chosen else USUAL_M if metres is None else metres)
    ground = session.execute(
        _GROUND, {"id": source.id, "metres": metres, "srid": grid.srid_of(session, source.area_code)}
    ).one()
    on_it = {"ground": ground.ewkb, "most": MOST_LISTED + 1}
    communities = session.execute(_PEOPLE, on_it).all()
    known = sum(row.people for row in communities if row.people is not None)
    whole = sum(row.known for row in communities)
    places = _places(session, on_it)
    cases_there = session.execute(_CASES, on_it | cases.sight(actor)._asdict()).all()
    lists = {"cases": cases_there} | {f"places.{kind}": rows for kind, rows in places.items()}
    return Impact(
        source=source,
        circle=chosen,
        circles=circles,
        without=screening.without(held),
        metres=metres,
        at=at,
        ground=ground.geometry,
        square_m=ground.square_m,
        cells=list(session.scalars(_CELLS, on_it)),
        communities=communities,
        people=grading.rounded_up(known) if whole >= grading.SURELY_INSIDE else None,
        known_people=grading.rounded_up(known),
        places={kind: rows[:MOST_LISTED] for kind, rows in places.items()},
        components=session.execute(_COMPONENTS, on_it).all(),
        cases=cases_there[:MOST_LISTED],
        crews=_crews(session, actor, on_it, at),
        truncated=[name for name, rows in lists.items() if len(rows) > MOST_LISTED],
    )


_GROUND = text(
    """
    SELECT encode(ST_AsEWKB(g.ground), 'hex') AS ewkb, ST_AsGeoJSON(g.ground, 6, 0)::jsonb AS geometry,
           ST_Area(ST_Transform(g.ground, :srid)) AS square_m
    FROM (SELECT fn.ground_within(h.geom, :metres, :srid) AS ground FROM city.hazard_source h WHERE h.id = :id) g
    """
)
_CELLS = text(
    "SELECT c.code FROM city.cell c WHERE upper_inf(c.valid) AND ST_Intersects(c.geom, CAST(:ground AS geometry))"
    " ORDER BY c.code"
)
_PEOPLE = text("SELECT * FROM fn.people_on(CAST(:ground AS geometry))")
_PLACES = text(
    """
    SELECT p.kind, p.name, p.name_en, p.lon, p.lat FROM (
        SELECT n.id, n.name, n.name_en, n.lon, n.lat, (
            SELECT k.kind FROM unnest(CAST(:kinds AS text[]), CAST(:patterns AS text[])) WITH ORDINALITY
                AS k (kind, pattern, place) WHERE n.name ~* k.pattern ORDER BY k.place LIMIT 1) AS kind
        FROM city.place_name n
        WHERE n.kind IN ('poi', 'building') AND ST_Intersects(n.geom, CAST(:ground AS geometry))) p
    WHERE p.kind IS NOT NULL ORDER BY p.name, p.id
    """
)
_COMPONENTS = text(
    """
    SELECT c.class_code, k.name_zh, k.name_en, c.count, c.not_intact FROM (
        SELECT o.standard, o.class_code, count(*) AS count, count(*) FILTER (WHERE o.state <> 'intact') AS not_intact
        FROM city.component o WHERE o.state <> 'removed' AND ST_Intersects(o.geom, CAST(:ground AS geometry))
        GROUP BY o.standard, o.class_code) c
    JOIN city.class k ON k.standard = c.standard AND k.kind = 'component' AND k.code = c.class_code
    ORDER BY c.count DESC, c.class_code
    """
)
_CASES = text(
    f"""
    SELECT c.number, c.state, k.name_zh AS class_zh, k.name_en AS class_en, c.reported_at, c.due_at, c.address,
           ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat
    FROM city.case c JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
    WHERE c.outcome IS NULL AND ST_Intersects(c.geom, CAST(:ground AS geometry)) AND {cases.in_sight("c")}
    ORDER BY c.reported_at, c.id LIMIT :most
    """
)
_CREWS = text(
    """
    SELECT c.login, c.name, c.seen_at AS at, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat
    FROM fn.crews_on(CAST(:ground AS geometry), :since, :area) c ORDER BY c.name
    """
)


def _places(session: Session, on_it: dict[str, Any]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {kind: [] for kind in PLACES}
    for row in session.execute(_PLACES, on_it | {"kinds": list(PLACES), "patterns": list(PLACES.values())}):
        found[row.kind].append(row)
    return found


def _crews(session: Session, actor: Actor, on_it: dict[str, Any], at: datetime) -> list[Row[Any]] | None:
    """Who is on shift there now: the last point of their track, if it is fresh."""
    if actor.role == "inspector" or not permissions.may(actor, "shifts.see"):
        return None
    return session.execute(_CREWS, on_it | {"since": at - shifts.SEEN, "area": actor.area}).all()
