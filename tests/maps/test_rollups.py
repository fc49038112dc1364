"""Counts are what a recount says, in every snapshot, whoever writes, folds or rebuilds meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from random import Random

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.cases.life import START, Life
from webgis.cases import workflow
from webgis.cli import group
from webgis.errors import WebgisError
from webgis.maps import rollups

FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
CLASSES = ("06010", "06012", "06014")
LIMITS = (["matter:06010", "matter:06014"], ["matter:06012"], ["matter:0601"], ["component:06", "matter:07"])
"""Classes that somebody may be limited to: two, one, all of them, none."""

SEEN = "CAST(:classes AS text[])"
PLACE = {"west": 104.060, "south": 30.655, "east": 104.070, "north": 30.660}
ASKED = """CAST(:since AS date), CAST(:until AS date), CAST(:kind AS text), CAST(:class AS text)"""
BOX = "CAST(:west AS float8), CAST(:south AS float8), CAST(:east AS float8), CAST(:north AS float8)"
RECOUNT = """
    SELECT {place}, count(*)::int, count(*) FILTER (WHERE outcome IS NULL)::int,
           count(*) FILTER (WHERE outcome = 'closed')::int,
           count(*) FILTER (WHERE outcome = 'closed' AND (deadline_at IS NULL OR resolved_at <= deadline_at))::int
    FROM (SELECT *, to_date(substr(number, 7, 8), 'YYYYMMDD') AS day, ST_Transform(geom, 3857) AS flat,
                 20037508.342789244 AS half FROM city.case) AS c
    WHERE (:since IS NULL OR day >= CAST(:since AS date)) AND (:until IS NULL OR day <= CAST(:until AS date))
      AND (:kind IS NULL OR kind = :kind) AND (:class IS NULL OR class_code = :class)
      AND (:area IS NULL OR starts_with(cell_code, :area)) AND {within}
      AND (CAST(:classes AS text[]) IS NULL OR kind || ':' || class_code LIKE ANY(
           SELECT one || '%' FROM unnest(CAST(:classes AS text[])) AS one))
    GROUP BY {place}
"""
TILE = "floor((ST_X(flat) + half) / (2 * half) * {n})::int, floor((half - ST_Y(flat)) / (2 * half) * {n})::int"
TOUCHES = f"""
    (:west IS NULL OR cell_id IN (SELECT id FROM city.cell WHERE geom && ST_MakeEnvelope({BOX}, 4490)))
"""


def bins(level):
    """A question for bins, and its recount; the box is a column of tiles of zoom 15, or everywhere."""
    within = "(:west IS NULL OR ST_X(geom) >= :west AND ST_X(geom) < :east)" if level == 16 else ":west IS NULL"
    place = TILE.format(n=1 << level)
    read = f"SELECT * FROM fn.counted_bins({level}, {BOX}, {ASKED}, :area, {SEEN})"
    return read, RECOUNT.format(place=place, within=within)


def areas(level, digits):
    place = f"left(cell_code, {digits})"
    read = f"SELECT * FROM fn.counted_areas('{level}', :area, {ASKED}, {SEEN})"
    return read, RECOUNT.format(place=place, within="true")


READS = {
    "bin14": bins(14),
    "bin16": bins(16),
    "county": areas("county", 6),
    "community": areas("community", 12),
    "cell": (
        f"SELECT * FROM fn.counted_cells({BOX}, {ASKED}, :area, {SEEN})",
        RECOUNT.format(place="cell_id", within=TOUCHES),
    ),
}


def question(rng: Random) -> dict:
    """A random span (also open ones, and a single day), class, area and box, and classes that one is limited to."""
    days = sorted(FIRST + timedelta(days=rng.randrange((LAST - FIRST).days)) for _ in range(2))
    since, until = rng.choice([days, days, (None, days[0]), (days[1], None), (None, None), (days[0], days[0])])
    kind, code = rng.choice([(None, None), ("matter", None), ("matter", rng.choice(CLASSES)), (None, CLASSES[0])])
    area = rng.choice([None, None, city.COUNTY, city.WEST])
    classes = rng.choice([None, None, *LIMITS])
    return {"since": since, "until": until, "kind": kind, "class": code, "area": area, "classes": classes}


def box(rng: Random, name: str) -> dict:
    """Everywhere, or a column of tiles for bins, somewhere for cells."""
    everywhere = dict.fromkeys(PLACE)
    if name == "bin16" and rng.random() < 0.5:
        west, east = (column / 2**15 * 360 - 180 for column in (25856, 25857))
        return everywhere | {"west": west, "east": east, "south": -60.0, "north": 60.0}
    if name == "cell" and rng.random() < 0.5:
        west, south = rng.uniform(104.06, 104.068), rng.uniform(30.655, 30.659)
        return {"west": west, "south": south, "east": west + 0.003, "north": south + 0.002}
    return everywhere


def wrong(connection, name: str, asked: dict) -> list:
    """Rows in which a read and a recount of the same snapshot differ."""
    read, recount = READS[name]
    both = f"WITH a AS ({read}), b AS ({recount})"
    return connection.execute(
        text(f"{both} (TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)"), asked
    ).all()


def ask(runtime, rng: Random, times: int = 1) -> None:
    """Ask every read something and compare it."""
    with runtime.engine.connect() as connection:
        for _ in range(times):
            for name in READS:
                asked = question(rng)
                asked |= box(rng, name)
                assert not wrong(connection, name, asked), (name, asked)


def filled(runtime, cases: int, seed: int) -> None:
    """Cases of three years all over the city, and what would have been noted of them."""
    with runtime.transaction() as session:
        session.execute(text("SELECT setseed(:seed)"), {"seed": seed / 100})
        session.execute(text(_FILL), {"cases": cases, "first": FIRST, "days": (LAST - FIRST).days})


_FILL = """
    WITH made AS (
        INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                               state, outcome, reported_at, closed_at, resolved_at, changed_at, head)
        SELECT '510104' || to_char(at, 'YYYYMMDD') || lpad(n::text, 5, '0'), 'matter', k.standard, k.code, '-', place,
               'cgcs2000', cell.id, cell.code, 'inspector', coalesce(outcome, 'reported'), outcome, at,
               CASE WHEN outcome IS NOT NULL THEN at END, at, at, ''
        FROM (SELECT n, CAST(:first AS date) + make_interval(days => (random() * :days)::int) AS at,
                     ST_SetSRID(ST_Point(104.06 + random() * 0.01, 30.655 + random() * 0.005), 4490) AS place,
                     (ARRAY['closed', 'closed', 'void', NULL])[1 + floor(random() * 4)::int] AS outcome,
                     (ARRAY['06010', '06012', '06014'])[1 + floor(random() * 3)::int] AS code
              FROM generate_series(1, :cases) AS n) AS n
        JOIN city.class k ON k.code = n.code AND k.kind = 'matter' AND k.standard = 'GB/T 47678.5-2026'
        CROSS JOIN LATERAL fn.cell_at(place) AS cell
        RETURNING *
    )
    SELECT count(fn.note_change(NULL, m)), count(fn.note_figures(NULL, m))
    FROM (SELECT made::city.case AS m FROM made) AS made
"""


def fold_all(runtime) -> None:
    while True:
        with runtime.transaction() as session:
            if not rollups.fold(session, 500):
                return


def test_every_read_equals_a_recount_before_amid_and_after_folding(city_runtime):
    filled(city_runtime, 3000, seed=1)
    rng = Random(1)
    ask(city_runtime, rng, 5)
    with city_runtime.transaction() as session:
        assert rollups.fold(session, 1200) == 1200
    ask(city_runtime, rng, 5)
    fold_all(city_runtime)
    ask(city_runtime, rng, 30)
    with city_runtime.engine.connect() as connection:
        assert rollups.check(connection) == []


def test_a_span_is_cut_into_periods_that_make_it_up_and_are_few(shared):
    rng = Random(2)
    with shared.engine.connect() as connection:
        for _ in range(150):
            since, until = sorted(FIRST + timedelta(days=rng.randrange(1800)) for _ in range(2))
            grains = rng.choice(["{36,12,1}", "{12,1}", "{1}"])
            rows = connection.execute(
                text("SELECT * FROM fn.span_stretches(:since, :until, CAST(:grains AS int[]))"),
                {"since": since, "until": until, "grains": grains},
            ).all()
            days: dict[date, int] = {}
            for row in rows:
                for n in range((row.before - row.first).days):
                    day = row.first + timedelta(days=n)
                    days[day] = days.get(day, 0) + row.sign
            inside = {since + timedelta(days=n) for n in range((until - since).days + 1)}
            assert {day for day, sign in days.items() if sign} == inside and set(days.values()) <= {0, 1}
            single = sum((row.before - row.first).days for row in rows if row.grain == 365)
            assert single <= {"{36,12,1}": 22, "{12,1}": 62, "{1}": 732}[grains], rows


ONWARD = ("file", "dispatch", "receive", "resolve", "verify", "close", "reopen")


class Writer(Life):
    """People of every role, doing what the workflow allows at cases of a time of their own."""

    def __init__(self, runtime, rng: Random) -> None:
        super().__init__(runtime, START - timedelta(days=rng.randrange(300)))
        self.rng, self.numbers, self.done = rng, [], set()

    def acts(self, times: int) -> set[str]:
        """Act so often; what was done and not refused."""
        for _ in range(times):
            self.passes(hours=self.rng.randrange(30))
            try:
                self._act()
            except WebgisError:
                continue
        return self.done

    def _act(self) -> None:
        if len(self.numbers) < 4 or self.rng.random() < 0.15:
            made = self.report("acceptor1", place=self._place(), class_code=self.rng.choice(CLASSES))
            self.numbers.append(made.number)
            return self.done.add("report")
        case = self.case(self.rng.choice(self.numbers))
        rows = [step for step in workflow.STEPS if step.source == case.state]
        onward = [step for step in rows if step.action in ONWARD]
        step = self.rng.choice(onward if onward and self.rng.random() < 0.7 else rows)
        who = {"department": "sanitation1", "engine": "engine", "public": "public"}
        role = self.rng.choice(step.who)
        login = who.get(role, f"{role}{1 if role != 'inspector' else 2}")
        needs = {name for need in step.needs for name in need.split("|")}
        photos = "photos" in needs
        self.do(login, case.number, step.action, photos=photos, **self._given(step, case))
        self.done.add(step.action)

    def _place(self) -> tuple[float, float]:
        return self.rng.uniform(104.0601, 104.0699), self.rng.uniform(30.6551, 30.6599)

    def _given(self, step, case) -> dict:
        lon, lat = self._place() if step.action == "relocate" else (case.lon, case.lat)
        values = {
            "condition": lambda: self.condition(case.number),
            "reason": lambda: "理由",
            "note": lambda: "说明",
            "into": lambda: self.rng.choice(self.numbers),
            "kind": lambda: "matter",
            "class": lambda: self.rng.choice(CLASSES),
            "lon": lambda: lon,
            "lat": lambda: lat,
            "department": lambda: "510104-sanitation",
            "departments": lambda: ["510104-sanitation", "510104-works"],
            "until": lambda: (self.now + timedelta(days=3)).isoformat(),
            "result": lambda: step.when[1],
        }
        names = [need.split("|")[0] for need in step.needs if not need.startswith("photos")]
        return {name: values[name]() for name in names if name in values} | (
            {"crs": "cgcs2000"} if "lon" in names else {}
        )


def test_while_many_write_and_others_fold_and_rebuild_every_read_is_a_recount(city_runtime):
    writers = [Writer(city_runtime, Random(seed)) for seed in range(4)]
    with ThreadPoolExecutor(7) as pool:
        writing = [pool.submit(writer.acts, 60) for writer in writers]

        def busy() -> bool:
            return any(not one.done() for one in writing)

        def folds() -> int:
            folded, rng = 0, Random(5)
            while busy():
                with city_runtime.transaction() as session:
                    folded += rollups.fold(session, rng.choice((3, 50)))
            return folded

        def rebuilds() -> int:
            times = 0
            while busy() or not times:
                with city_runtime.engine.connect() as connection:
                    rollups.rebuild(connection)
                    connection.commit()
                    assert rollups.check(connection) == []
                times += 1
            return times

        def reads() -> int:
            times, rng = 0, Random(6)
            while busy() or not times:
                ask(city_runtime, rng)
                times += 1
            return times

        folding, rebuilding, reading = pool.submit(folds), pool.submit(rebuilds), pool.submit(reads)
        done = set().union(*(one.result() for one in writing))
        assert folding.result() and rebuilding.result() and reading.result()
    assert {"report", "relocate", "reclassify", "dispatch", "resolve", "close", "reopen", "void"} <= done
    fold_all(city_runtime)
    ask(city_runtime, Random(7), 5)
    with city_runtime.engine.connect() as connection:
        assert rollups.check(connection) == []


def version(runtime) -> int:
    with runtime.engine.connect() as connection:
        return connection.scalar(text("SELECT fn.case_version()"))


def test_the_version_grows_with_every_change_that_a_map_shows_and_with_no_fold(city_runtime):
    life, seen = Life(city_runtime), [version(city_runtime)]
    number = life.handled()
    seen.append(version(city_runtime))
    for login, action, given in (
        ("sanitation1", "resolve", {"note": "已清理"}),
        ("inspector2", "verify", {"result": "pass"}),
        ("acceptor1", "close", {}),
        ("acceptor1", "reopen", {"reason": "又脏了"}),
    ):
        try:
            life.do(login, number, action, **given)
        except WebgisError:
            life.do("dispatcher1", number, action, **given)
        seen.append(version(city_runtime))
    assert seen == sorted(set(seen))
    fold_all(city_runtime)
    assert version(city_runtime) == seen[-1]


def test_a_step_that_moves_nothing_on_a_map_notes_nothing(city_runtime):
    life = Life(city_runtime)
    number = life.handled()
    before = version(city_runtime)
    life.do("manager1", number, "urge", note="请抓紧")
    assert version(city_runtime) == before


TAMPERED = (
    "UPDATE city.bin_count SET open = open + 1 WHERE bin % 2 = 0",
    "DELETE FROM city.cell_count WHERE cell_id % 2 = 0",
    "UPDATE city.day_count SET reported = 7 WHERE day < '2025-01-01'",
    "INSERT INTO city.bin_count SELECT bin, area, '2019-01-01', 1, 0, 0, 0, 14, 1, '', '' FROM city.bin_count LIMIT 1",
    "DELETE FROM city.case_change WHERE id % 2 = 0",
    "TRUNCATE city.case_change, city.day_count, city.bin_count, city.cell_count",
)


@pytest.mark.parametrize("change", TAMPERED)
def test_check_names_what_differs_and_rebuild_makes_it_right(city_runtime, change):
    filled(city_runtime, 400, seed=3)
    with city_runtime.transaction() as session:
        rollups.fold(session, 300)
    with city_runtime.engine.begin() as connection:
        connection.execute(text(change))
    before = version(city_runtime)
    found = CliRunner().invoke(group, ["rollup", "check"], obj=city_runtime)
    assert found.exit_code == 1 and "differ" in found.output
    assert CliRunner().invoke(group, ["rollup", "rebuild"], obj=city_runtime).exit_code == 0
    assert version(city_runtime) > before, "tiles made from wrong counts must not be taken for right"
    assert CliRunner().invoke(group, ["rollup", "check"], obj=city_runtime).exit_code == 0
    ask(city_runtime, Random(4), 3)
    with city_runtime.engine.connect() as connection:
        assert rollups.rebuild(connection) == 0, "what is right is not written again"


def test_a_bin_is_the_square_of_the_pyramid_in_which_the_point_lies(shared):
    with shared.engine.connect() as connection:
        wrong = connection.execute(
            text(
                "SELECT lon, lat FROM (SELECT 73 + random() * 62 AS lon, -80 + random() * 160 AS lat"
                " FROM generate_series(1, 500)) AS p, LATERAL (SELECT ST_SetSRID(ST_Point(lon, lat), 4490) AS point) q,"
                " LATERAL fn.bin_at(point) AS bin"
                " WHERE NOT ST_Covers(ST_TileEnvelope(16, fn.bin_squeeze(bin), fn.bin_squeeze(bin >> 1)),"
                "                     ST_Transform(point, 3857))"
            )
        ).all()
    assert wrong == []
