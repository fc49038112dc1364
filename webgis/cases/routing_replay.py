"""A dry run: the filed cases of some days replayed through a version of the rules, and which would go elsewhere.

Nothing is changed. The database does it for all cases at once (`fn.replay_rules`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.cases import routing, routing_rules, routing_sets
from webgis.errors import Conflict

Against = Literal["actual", "active"]
AGAINST = ("actual", "active")
MOST_EXAMPLES = 500


@dataclass(frozen=True)
class DryRun:
    """What a version would do: how many filed cases were replayed, how many stay, how many would go elsewhere.

    `unset`: cases that had no department to compare with. `groups`: from, to, why (zh, en) and how many cases, the most
    first. `cases`: the newest that would go elsewhere, each with its whole reason.
    """

    version: int
    against: str
    since: datetime
    until: datetime
    replayed: int
    same: int
    elsewhere: int
    unset: int
    groups: Sequence[dict[str, Any]]
    cases: Sequence[dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return dict(vars(self))


_REPLAY = text(
    """
    WITH now_by AS MATERIALIZED (
        SELECT r.* FROM fn.replay_rules(:version, :since, :until, :zone) r
        JOIN city.case c ON c.id = r.case_id AND starts_with(c.cell_code, :area)
            AND fn.in_classes(c.kind, c.class_code, CAST(:classes AS text[]))
    ),
    before AS MATERIALIZED (
        SELECT n.case_id, n.was FROM now_by n WHERE CAST(:active AS integer) IS NULL
        UNION ALL
        SELECT a.case_id, a.becomes FROM fn.replay_rules(CAST(:active AS integer), :since, :until, :zone) a
        WHERE CAST(:active AS integer) IS NOT NULL
    ),
    compared AS MATERIALIZED (
        SELECT n.case_id, b.was, n.becomes, n.source, n.rule_id,
               b.was IS NULL AND CAST(:active AS integer) IS NULL AS unset
        FROM now_by n JOIN before b USING (case_id)
    ),
    moved AS MATERIALIZED (SELECT * FROM compared WHERE NOT unset AND was IS DISTINCT FROM becomes),
    groups AS (
        SELECT m.was, m.becomes, m.source, m.rule_id, count(*) AS cases
        FROM moved m GROUP BY m.was, m.becomes, m.source, m.rule_id
    ),
    newest AS (SELECT * FROM moved ORDER BY case_id DESC LIMIT :examples)
    SELECT
        (SELECT count(*) FROM compared) AS replayed,
        (SELECT count(*) FROM compared WHERE unset) AS unset,
        (SELECT count(*) FROM moved) AS elsewhere,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('from', g.was, 'from_zh', f.name_zh, 'from_en', f.name_en,
                    'to', g.becomes, 'to_zh', t.name_zh, 'to_en', t.name_en, 'source', g.source, 'cases', g.cases,
                    'rule', to_jsonb(r) - 'geom' || jsonb_build_object('polygon', r.geom IS NOT NULL))
                ORDER BY g.cases DESC, g.was, g.becomes, g.source, g.rule_id), '[]')
         FROM groups g LEFT JOIN city.department f ON f.code = g.was LEFT JOIN city.department t ON t.code = g.becomes
         LEFT JOIN city.routing_rule r ON r.id = g.rule_id) AS groups,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('case_id', e.case_id, 'from', e.was, 'to', e.becomes)
                ORDER BY e.case_id DESC), '[]') FROM newest e) AS examples
    """
)
_PLACES = text(
    "SELECT id, number, kind, class_code, cell_code, ST_X(geom) AS lon, ST_Y(geom) AS lat, component_code,"
    " condition_id, coalesce(dispatched_at, reported_at) AS at FROM city.case WHERE id = ANY(CAST(:ids AS bigint[]))"
)


def dry_run(
    session: Session,
    version: int,
    *,
    since: datetime,
    until: datetime,
    against: Against = "actual",
    examples: int = 50,
    area: str | None = None,
    classes: Sequence[str] = (),
) -> DryRun:
    """Replay the filed cases reported from `since` until before `until` (aware) through the rules of `version`.

    Compared is with the department a case went to ("actual") or with what the active rules would choose ("active";
    `Conflict` when there are none). Each is asked at the moment of its dispatch, else of its report. Zones are not
    known of past cases: rules for zones are left out. `area`, `classes`: the cases of an area, of some classes only.
    """
    routing_sets.require_set(session, version)
    compared = _active(session) if against == "active" else None
    given = {
        "version": version,
        "active": compared,
        "since": since,
        "until": until,
        "zone": session.info["settings"].timezone,
        "examples": min(examples, MOST_EXAMPLES),
        "area": area or "",
        "classes": list(classes) or None,
    }
    row = session.execute(_REPLAY, given).one()
    return DryRun(
        version=version,
        against=against,
        since=since,
        until=until,
        replayed=row.replayed,
        same=row.replayed - row.elsewhere - row.unset,
        elsewhere=row.elsewhere,
        unset=row.unset,
        groups=[_group(one) for one in row.groups],
        cases=_cases(session, version, row.examples),
    )


def of_days(
    session: Session,
    version: int,
    days: int,
    *,
    against: Against = "actual",
    examples: int = 50,
    area: str | None = None,
    classes: Sequence[str] = (),
) -> DryRun:
    """Replay the cases reported in the last `days` days of the city, today included."""
    now = datetime.now(UTC)
    zone = session.info["settings"].zone
    first = now.astimezone(zone).date() - timedelta(days=days - 1)
    since = datetime.combine(first, time.min, zone)
    return dry_run(
        session, version, since=since, until=now, against=against, examples=examples, area=area, classes=classes
    )


def _active(session: Session) -> int:
    found = routing_sets.active(session)
    if found is None:
        raise Conflict(
            "cases.no-active-rules", "No rules are in force to compare with; compare with actual", accepted=["actual"]
        )
    return found.version


def _group(one: dict[str, Any]) -> dict[str, Any]:
    """From, to, why and how many; the rule as JSON becomes words."""
    kept = {name: one[name] for name in ("from", "from_zh", "from_en", "to", "to_zh", "to_en", "source", "cases")}
    zh, en = routing_rules.source_in_words(one["source"], one["rule"])
    return kept | {"rule": one["rule"] and one["rule"]["number"], "why_zh": zh, "why_en": en}


def _cases(session: Session, version: int, examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The examples with number and whole reason, in their order."""
    found = {row.id: row for row in session.execute(_PLACES, {"ids": [one["case_id"] for one in examples]})}
    return [_example(session, version, one, found[one["case_id"]]) for one in examples]


def _example(session: Session, version: int, one: dict[str, Any], case: Row) -> dict[str, Any]:
    place = {name: getattr(case, name) for name in ("kind", "class_code", "cell_code", "lon", "lat", "component_code")}
    chosen = routing.choose(session, **place, condition_id=case.condition_id, at=case.at, version=version)
    return {"number": case.number, "from": one["from"], "to": one["to"], "why": chosen.why}
