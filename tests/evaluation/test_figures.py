"""Figures are what a plain count over the cases says, whatever is asked, whoever writes meanwhile."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests import city
from tests.maps.test_rollups import CLASSES, LIMITS, Writer, fold_all
from webgis.days import Span
from webgis.evaluation import figures, overview, spans
from webgis.evaluation.figures import Asked, Open, Sums
from webgis.maps import rollups

FIRST, LAST = date(2025, 6, 1), date(2026, 12, 31)
SOURCES = ("inspector", "hotline", "public")
DEPARTMENTS = ("510104-sanitation", "510104-works")
FACETS = {"all": None, "area": 9, "class": None, "department": None, "source": None}

_FILL = """
    WITH made AS (
        INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                               state, outcome, reported_at, closed_at, deadline_at, resolved_at, changed_at, head,
                               department_code, condition_id, flags, due_at, dispatched_at)
        SELECT '510104' || to_char(at + interval '8 hours', 'YYYYMMDD') || lpad(n::text, 5, '0'), 'matter', k.standard,
               k.code, '-', place, 'cgcs2000', cell.id, cell.code, source, coalesce(outcome, 'reported'), outcome, at,
               CASE WHEN outcome IS NOT NULL THEN at + took END, CASE WHEN department IS NOT NULL THEN at + within END,
               CASE WHEN outcome = 'closed' THEN at + took END, at, '', department,
               CASE WHEN filed THEN (SELECT min(id) FROM city.filing_condition) END,
               CASE WHEN again THEN ARRAY['reopened', 'urged'] ELSE '{}' END, at + within,
               CASE WHEN department IS NOT NULL THEN at END
        FROM (SELECT n, CAST(:first AS date) + make_interval(secs => random() * 86400 * :days) AS at,
                     ST_SetSRID(ST_Point(104.06 + random() * 0.01, 30.655 + random() * 0.005), 4490) AS place,
                     (ARRAY['closed', 'closed', 'void', NULL])[1 + floor(random() * 4)::int] AS outcome,
                     (ARRAY['06010', '06012', '06014'])[1 + floor(random() * 3)::int] AS code,
                     (ARRAY['inspector', 'hotline', 'public'])[1 + floor(random() * 3)::int] AS source,
                     (ARRAY['510104-sanitation', '510104-works', NULL])[1 + floor(random() * 3)::int] AS department,
                     make_interval(hours => (random() * 200)::int) AS took,
                     make_interval(hours => (random() * 200)::int) AS within,
                     random() < 0.8 AS filed, random() < 0.1 AS again
              FROM generate_series(1, :cases) AS n) AS n
        JOIN city.class k ON k.code = n.code AND k.kind = 'matter' AND k.standard = 'GB/T 47678.5-2026'
        CROSS JOIN LATERAL fn.cell_at(place) AS cell
        RETURNING *
    )
    SELECT count(fn.note_change(NULL, m)), count(fn.note_figures(NULL, m)), count(fn.keep_queue(m, true))
    FROM (SELECT made::city.case AS m FROM made) AS made
"""

_CASES = """
    SELECT to_date(substr(number, 7, 8), 'YYYYMMDD') AS day,
           (closed_at AT TIME ZONE 'Asia/Shanghai')::date AS closed_on, cell_code, kind, class_code,
           coalesce(department_code, '') AS department, source, outcome,
           condition_id IS NOT NULL AS filed, 'reopened' = ANY(flags) AS reopened,
           deadline_at IS NULL OR coalesce(resolved_at <= deadline_at, false) AS on_time,
           outcome IS NULL AND paused_at IS NULL
               AND (SELECT o.due_at FROM city.open_case o WHERE o.case_id = c.id) < :now AS overdue
    FROM city.case c
"""


def filled(runtime, cases: int, seed: int) -> None:
    """Cases of a year and a half of all sources, some with a department, filed, closed, opened again."""
    with runtime.transaction() as session:
        session.execute(text("SELECT setseed(:seed)"), {"seed": seed / 100})
        session.execute(text(_FILL), {"cases": cases, "first": FIRST, "days": (LAST - FIRST).days})


def question(rng: Random) -> Asked:
    """Random days (also one), and any filters."""
    days = sorted(FIRST + timedelta(days=rng.randrange((LAST - FIRST).days)) for _ in range(2))
    span = Span(*rng.choice([days, days, (days[0], days[0]), (date(2026, 2, 1), date(2026, 4, 30)), (FIRST, LAST)]))
    kind, code = rng.choice([(None, None), (None, None), ("matter", None), ("matter", rng.choice(CLASSES))])
    return Asked(
        span,
        rng.choice([None, None, DEPARTMENTS, (DEPARTMENTS[0],)]),
        rng.choice([None, None, city.COUNTY, city.SUBDISTRICT, city.WEST]),
        kind,
        code,
        rng.choice([None, None, *SOURCES]),
        rng.choice([None, None, *map(tuple, LIMITS)]),
    )


def counted(rows, asked: Asked, facet: str, digits: int | None) -> tuple[dict[str, Sums], dict[str, Open]]:
    """The same by counting the cases one by one."""
    sums, late = {}, {}
    for row in rows:
        if not (
            (asked.area is None or row.cell_code.startswith(asked.area))
            and (asked.kind in (None, row.kind) and asked.class_code in (None, row.class_code))
            and (asked.departments is None or row.department in asked.departments)
            and asked.source in (None, row.source)
            and (asked.classes is None or f"{row.kind}:{row.class_code}".startswith(asked.classes))
        ):
            continue
        name = {
            "all": "all",
            "area": row.cell_code[:digits],
            "class": f"{row.kind}:{row.class_code}",
            "department": row.department,
            "source": row.source,
        }[facet]
        counts = sums.setdefault(name, Counter())
        if asked.span.since <= row.day <= asked.span.until:
            counts.update(reported=1, filed=row.filed, reopened=row.reopened)
        if row.outcome == "closed" and asked.span.since <= row.closed_on <= asked.span.until:
            counts.update(closed=1, on_time=row.on_time)
        if row.outcome is None:
            late.setdefault(name, Counter()).update(open=1, overdue=bool(row.overdue))
    told = {name: Sums(**one) for name, one in sums.items()}
    return {name: one for name, one in told.items() if any(one)}, {name: Open(**one) for name, one in late.items()}


def ask(runtime, rng: Random, times: int) -> None:
    """Ask something and compare it with a count in the same snapshot."""
    now = datetime.now(UTC)
    with runtime.engine.connect() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        session = Session(connection)
        rows = connection.execute(text(_CASES), {"now": now}).all()
        for _ in range(times):
            asked = question(rng)
            for facet, digits in FACETS.items():
                if facet == "area":
                    digits = rng.choice((6, 9, 12))
                expected = counted(rows, asked, facet, digits)
                found = (
                    figures.told_apart(session, asked, facet, digits),
                    figures.open_now(session, asked, now, digits or 9)[facet],
                )
                assert found == expected, (asked, facet, digits)
            step = rng.choice(spans.STEPS)
            for part, sums in figures.trend(session, asked, step):
                alone = counted(rows, Asked(part, *list(vars(asked).values())[1:]), "all", None)[0]
                assert sums == alone.get("all", Sums()), (asked, step, part)


def test_all_figures_of_random_questions_are_those_of_a_plain_count(city_runtime):
    filled(city_runtime, 1500, seed=3)
    ask(city_runtime, Random(1), 4)
    with city_runtime.transaction() as session:
        assert rollups.fold(session, 1000) == 1000
    ask(city_runtime, Random(2), 4)
    fold_all(city_runtime)
    ask(city_runtime, Random(3), 25)
    with city_runtime.engine.connect() as connection:
        assert rollups.check(connection) == []


def test_figures_are_a_count_while_others_write_fold_and_rebuild(city_runtime):
    writers = [Writer(city_runtime, Random(seed)) for seed in range(10, 13)]
    with ThreadPoolExecutor(5) as pool:
        writing = [pool.submit(writer.acts, 40) for writer in writers]

        def busy() -> bool:
            return any(not one.done() for one in writing)

        def keeps() -> None:
            while busy():
                with city_runtime.transaction() as session:
                    rollups.fold(session, 7)
                with city_runtime.engine.connect() as connection:
                    rollups.rebuild(connection)
                    connection.commit()

        keeping, rng = pool.submit(keeps), Random(4)
        while busy():
            ask(city_runtime, rng, 1)
        keeping.result()
        done = set().union(*(one.result() for one in writing))
    assert {"report", "file", "dispatch", "close", "reopen"} <= done
    ask(city_runtime, Random(5), 3)


TAMPERED = (
    "UPDATE city.figure_count SET filed = filed + 1 WHERE dims = 4",
    "DELETE FROM city.figure_count WHERE grain = 365",
    "DELETE FROM city.figure_change WHERE id % 2 = 0",
)


@pytest.mark.parametrize("change", TAMPERED)
def test_what_differs_from_a_recount_is_found_and_made_right(city_runtime, change):
    filled(city_runtime, 200, seed=5)
    with city_runtime.transaction() as session:
        rollups.fold(session, 150)
    with city_runtime.engine.begin() as connection:
        connection.execute(text(change))
    with city_runtime.engine.connect() as connection:
        assert {one.table for one in rollups.check(connection)} == {"figure_count"}
    with city_runtime.engine.connect() as connection:
        assert rollups.rebuild(connection)
        connection.commit()
        assert rollups.check(connection) == []


def test_a_connection_that_names_no_time_zone_is_refused_a_day_with_words(runtime):
    asked = text("SELECT fn.city_day('2026-11-22T17:00Z')")
    with runtime.engine.connect() as connection:
        assert connection.scalar(asked) == date(2026, 11, 23)
    bare = create_engine(runtime.engine.url)
    with bare.connect() as connection, pytest.raises(OperationalError, match="does not name the time zone of the city"):
        connection.scalar(asked)
    with bare.connect() as connection:
        connection.execute(text("SET webgis.zone = 'Europe/Paris'"))
        assert connection.scalar(asked) == date(2026, 11, 22)
    bare.dispose()


def test_a_span_has_one_as_long_before_it_and_is_cut_at_its_ends():
    span = Span(date(2026, 1, 28), date(2026, 3, 3))
    assert span.days == 35 and span.before == Span(date(2025, 12, 24), date(2026, 1, 27))
    assert [part.days for part in spans.parts("month", span)] == [4, 28, 3]
    assert [part.days for part in spans.parts("week", span)] == [5, 7, 7, 7, 7, 2]
    assert spans.fitting(span) == "day"


def test_the_api_tells_the_picture_and_keeps_rights(city_app, api):
    runtime = city_app.extensions["webgis"]
    filled(runtime, 300, seed=8)
    told = api("manager1").get("/api/v1/figures", since=str(FIRST), until=str(LAST), step="month").get_json()
    assert told["total"]["reported"] == 300 == sum(row["reported"] for row in told["trend"]["rows"])
    assert told["areas"]["level"] == "subdistrict" and len(told["trend"]["rows"]) == 19
    for ranking in ("areas", "departments", "classes", "sources"):
        for name in ("reported", "closed", "on_time", "overdue"):
            assert sum(row[name] for row in told[ranking]["rows"]) == told["total"][name], (ranking, name)
    assert {row["code"] for row in told["departments"]["rows"]} == {"", *DEPARTMENTS}
    assert api("inspector1").get("/api/v1/figures").status_code == 403
    for query in ({"since": "2026-02-30"}, {"since": "2026-03-01", "until": "2026-02-01"}, {"class": "06010"}):
        refused = api("manager1").get("/api/v1/figures", **query)
        assert refused.status_code == 422 and refused.get_json()["field"] in (*query, "kind")


def test_an_empty_city_has_a_picture_too(api):
    told = api("manager1").get("/api/v1/figures").get_json()
    assert told["total"] == {
        **dict.fromkeys(("reported", "filed", "reopened", "closed", "on_time", "open", "overdue"), 0),
        "on_time_share": None,
        "before": told["total"]["before"],
    }
    assert told["days"] == 30 and len(told["trend"]["rows"]) == 30 and told["areas"]["rows"] == []
    assert overview.fitting_level("510104") == "subdistrict" and overview.fitting_level(city.WEST) == "community"
