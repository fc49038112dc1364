"""What is counted beside the cases: two logs of changes, and the tables of sums that each is folded into.

A log holds differences of measures by its `fact` columns; a view recounts the same from the cases. Each table of sums
says how it is made from rows of that shape.
"""

from typing import NamedTuple


class Sums(NamedTuple):
    """A table of sums: its key, what is no measure beside it, which column is its time, how `fact` makes it, and
    `near`, a number by which rows that are read together are put together: sorted five times as fast as the key."""

    name: str
    key: tuple[str, ...]
    more: tuple[str, ...]
    time: str
    made: str
    near: str


class Log(NamedTuple):
    """A log of changes: the view that recounts it, the columns that say of what, its measures, and its tables."""

    name: str
    view: str
    fact: tuple[str, ...]
    measures: tuple[str, ...]
    tables: tuple[Sums, ...]

    @property
    def facts(self) -> str:
        """The columns of a fact, as SQL."""
        return ", ".join(self.fact)

    @property
    def values(self) -> str:
        """The measures, as SQL."""
        return ", ".join(self.measures)

    @property
    def sums(self) -> str:
        """The measures summed, as SQL."""
        return summed(self.measures)

    def columns(self, sums: Sums) -> str:
        """All columns of one of its tables, as SQL."""
        return ", ".join((*sums.key, *sums.more, *self.measures))


def summed(measures: tuple[str, ...]) -> str:
    """Measures summed under their names, as SQL."""
    return ", ".join(f"sum({name})::integer AS {name}" for name in measures)


_CASE_MEASURES = ("reported", "open", "closed", "on_time")


def _near(group: str, time: str, place: str) -> str:
    """15 bits of a group's name (rows of two that share them only lie among one another), 16 of days, 32 of a place."""
    return (
        f"((hashtext({group}) & 32767)::bigint << 48) | ((({time} - DATE '2000-01-01') & 65535)::bigint << 32)"
        f" | ({place} & 4294967295)"
    )


_BINS = f"""
    SELECT level, coalesce(kind, '') AS kind, coalesce(class_code, '') AS class_code,
           (CASE WHEN grouping(third) = 0 THEN 36 WHEN grouping(month) = 0 THEN 12 ELSE 1 END)::smallint AS grain,
           coalesce(third, month, year) AS start, bin, area, {summed(_CASE_MEASURES)}
    FROM (
        SELECT l.level, kind, class_code, fn.period_start(day, 1) AS year, fn.period_start(day, 12) AS month,
               fn.period_start(day, 36) AS third, bin >> (2 * (16 - l.level)) AS bin, area, reported, open, closed,
               on_time
        FROM fact CROSS JOIN (VALUES (14::smallint), (16::smallint)) AS l (level)
    ) AS f
    GROUP BY level, bin, area, GROUPING SETS (
        (third), (month), (year), (kind, third), (kind, month), (kind, year), (kind, class_code, month),
        (kind, class_code, year))
"""

_CELLS = f"""
    SELECT bin, cell_id, coalesce(kind, '') AS kind, coalesce(class_code, '') AS class_code,
           (CASE WHEN grouping(month) = 0 THEN 12 ELSE 1 END)::smallint AS grain, coalesce(month, year) AS start,
           {summed(_CASE_MEASURES)}
    FROM (SELECT bin, cell_id, kind, class_code, fn.period_start(day, 1) AS year, fn.period_start(day, 12) AS month,
                 reported, open, closed, on_time
          FROM fact) AS f
    GROUP BY bin, cell_id, GROUPING SETS ((month), (year), (kind, month), (kind, year), (kind, class_code, year))
"""

_CASE_FACT = ("day", "kind", "class_code", "bin", "cell_id", "area")
_DAYS = f"SELECT {', '.join(_CASE_FACT)}, {', '.join(_CASE_MEASURES)} FROM fact"

CASES = Log(
    "case_change",
    "fn.case_fact",
    _CASE_FACT,
    _CASE_MEASURES,
    (
        Sums(
            "day_count",
            ("day", "bin", "cell_id", "kind", "class_code"),
            ("area",),
            "day",
            _DAYS,
            _near("''", "day", "bin"),
        ),
        Sums(
            "bin_count",
            ("level", "kind", "class_code", "grain", "start", "bin", "area"),
            (),
            "start",
            _BINS,
            _near("concat_ws('/', level, kind, class_code, grain)", "start", "bin"),
        ),
        Sums(
            "cell_count",
            ("kind", "class_code", "grain", "start", "bin", "cell_id"),
            (),
            "start",
            _CELLS,
            _near("concat_ws('/', kind, class_code, grain)", "start", "bin"),
        ),
    ),
)
"""Cases by place, class and day of the report: what maps read (`rollups.sql`)."""

_FIGURE_MEASURES = ("reported", "filed", "reopened", "closed", "on_time")

# Told apart by none, one or two of area (1), class (2), department (4), source (8); by two, the area is a subdistrict.
_FIGURES = f"""
    SELECT (CASE WHEN grouping(area) + grouping(subdistrict) < 2 THEN 1 ELSE 0 END
            + CASE WHEN grouping(class_code) = 0 THEN 2 ELSE 0 END
            + CASE WHEN grouping(department) = 0 THEN 4 ELSE 0 END
            + CASE WHEN grouping(source) = 0 THEN 8 ELSE 0 END)::smallint AS dims,
           (CASE WHEN grouping(day) = 0 THEN 365 ELSE 12 END)::smallint AS grain, coalesce(day, month) AS start,
           coalesce(area, subdistrict, 0) AS area, coalesce(kind, '') AS kind,
           coalesce(class_code, '') AS class_code, coalesce(department, '') AS department,
           coalesce(source, '') AS source, {summed(_FIGURE_MEASURES)}
    FROM (SELECT day, fn.period_start(day, 12) AS month, area, area / 1000 * 1000 AS subdistrict, kind, class_code,
                 department, source, {", ".join(_FIGURE_MEASURES)}
          FROM fact) AS f
    GROUP BY GROUPING SETS (
        (day), (day, area), (day, kind, class_code), (day, department), (day, source),
        (month), (month, area), (month, kind, class_code), (month, department), (month, source),
        (month, subdistrict, kind, class_code), (month, subdistrict, department), (month, subdistrict, source),
        (month, kind, class_code, department), (month, kind, class_code, source), (month, department, source))
"""

FIGURES = Log(
    "figure_change",
    "fn.case_figure",
    ("day", "area", "kind", "class_code", "department", "source"),
    _FIGURE_MEASURES,
    (
        Sums(
            "figure_count",
            ("dims", "grain", "start", "area", "kind", "class_code", "department", "source"),
            (),
            "start",
            _FIGURES,
            _near("concat_ws('/', dims, grain)", "start", "area"),
        ),
    ),
)
"""What came in and what went out by day, area, class, department and source: what evaluation reads
(`rollups_figures.sql`)."""

LOGS = (CASES, FIGURES)
