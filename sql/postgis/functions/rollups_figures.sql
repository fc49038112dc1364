-- How much was reported, filed, reopened and closed: by day, area, class, department and source. Sums that a job folds
-- (`webgis/maps/rollups.py`), plus the changes not folded yet: in any snapshot equal to a recount of city.case made in it.
--
-- A case is counted as reported (filed, reopened) on the day of its number, and as closed (on time) on the day it was
-- closed: what came in and what went out, as they happened.
-- `dims` says which of area (1), class (2), department (4) and source (8) a sum is told apart by; the others are 0 or ''.
-- A department '' of a sum that is told apart by it: with no department yet.

-- Every case as it is counted: when it was reported, and when it was closed.
CREATE VIEW fn.case_figure AS
SELECT fn.case_day(c.number) AS day, left(c.cell_code, 12)::bigint AS area, c.kind, c.class_code,
       coalesce(c.department_code, '') AS department, c.source, 1 AS reported,
       (c.condition_id IS NOT NULL)::integer AS filed, ('reopened' = ANY(c.flags))::integer AS reopened, 0 AS closed,
       0 AS on_time
FROM city.case c
UNION ALL
SELECT fn.city_day(c.closed_at), left(c.cell_code, 12)::bigint, c.kind, c.class_code, coalesce(c.department_code, ''),
       c.source, 0, 0, 0, 1, fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at)::integer
FROM city.case c WHERE c.outcome = 'closed';

-- Note what a step changed of the figures: `was` is null for a new case. Most steps change nothing and cost a comparison.
CREATE FUNCTION fn.note_figures(was city.case, c city.case) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF c.outcome IS NULL AND was.outcome IS NULL AND was.id IS NOT NULL
        AND (was.cell_code, was.class_code, was.kind, was.source, was.department_code, was.condition_id, was.flags)
            IS NOT DISTINCT FROM (c.cell_code, c.class_code, c.kind, c.source, c.department_code, c.condition_id, c.flags)
    THEN
        RETURN;
    END IF;
    DECLARE
        is_new boolean := was.id IS NULL;
        moved boolean := is_new OR (left(was.cell_code, 12), was.class_code, was.kind, was.source, was.department_code)
            IS DISTINCT FROM (left(c.cell_code, 12), c.class_code, c.kind, c.source, c.department_code);
        filed integer := (c.condition_id IS NOT NULL)::integer;
        was_filed integer := (was.condition_id IS NOT NULL)::integer;
        reopened integer := ('reopened' = ANY(c.flags))::integer;
        was_reopened integer := coalesce('reopened' = ANY(was.flags), false)::integer;
        closed boolean := c.outcome IS NOT DISTINCT FROM 'closed';
        was_closed boolean := was.outcome IS NOT DISTINCT FROM 'closed';
        on_time integer := fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at)::integer;
        was_on_time integer := fn.closed_on_time(was.outcome, was.deadline_at, was.resolved_at)::integer;
        closing boolean := (closed OR was_closed)
            AND (moved OR (closed, on_time, c.closed_at) IS DISTINCT FROM (was_closed, was_on_time, was.closed_at));
    BEGIN
        IF moved THEN
            IF NOT is_new THEN
                INSERT INTO city.figure_change (day, area, kind, class_code, department, source, reported, filed, reopened,
                                                closed, on_time)
                VALUES (fn.case_day(was.number), left(was.cell_code, 12)::bigint, was.kind, was.class_code,
                        coalesce(was.department_code, ''), was.source, -1, -was_filed, -was_reopened, 0, 0);
            END IF;
            was_filed := 0;
            was_reopened := 0;
        END IF;
        IF moved OR (filed, reopened) <> (was_filed, was_reopened) THEN
            INSERT INTO city.figure_change (day, area, kind, class_code, department, source, reported, filed, reopened, closed,
                                            on_time)
            VALUES (fn.case_day(c.number), left(c.cell_code, 12)::bigint, c.kind, c.class_code,
                    coalesce(c.department_code, ''), c.source, moved::integer, filed - was_filed, reopened - was_reopened,
                    0, 0);
        END IF;
        IF closing AND was_closed THEN
            INSERT INTO city.figure_change (day, area, kind, class_code, department, source, reported, filed, reopened, closed,
                                            on_time)
            VALUES (fn.city_day(was.closed_at), left(was.cell_code, 12)::bigint, was.kind, was.class_code,
                    coalesce(was.department_code, ''), was.source, 0, 0, 0, -1, -was_on_time);
        END IF;
        IF closing AND closed THEN
            INSERT INTO city.figure_change (day, area, kind, class_code, department, source, reported, filed, reopened, closed,
                                            on_time)
            VALUES (fn.city_day(c.closed_at), left(c.cell_code, 12)::bigint, c.kind, c.class_code,
                    coalesce(c.department_code, ''), c.source, 0, 0, 0, 1, on_time);
        END IF;
    END;
END $$;

-- Where `dims` are kept: by one or none of the dimensions each day and each month; by two each month, and areas as
-- subdistricts then; by more nowhere.
CREATE FUNCTION fn.figures_kept_by(dims integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (dims & 1) + (dims >> 1 & 1) + (dims >> 2 & 1) + (dims >> 3 & 1)
$$;

-- The cases of some days as rows of figures, read one by one: what beside whole months is asked by two dimensions, and all
-- that is asked by more. Few, since the filters (conditions on `f`, on `c`) have indexes. The moments narrow the days by
-- an index: no city is a day from UTC.
CREATE FUNCTION fn.figures_of_cases(first date, last date, conditions text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT format($sql$
        SELECT fn.case_day(c.number), left(c.cell_code, 12)::bigint, c.kind, c.class_code,
               coalesce(c.department_code, ''), c.source, 1, (c.condition_id IS NOT NULL)::integer,
               ('reopened' = ANY(c.flags))::integer, 0, 0
        FROM city.case c
        WHERE c.reported_at >= %1$L::date - 1 AND c.reported_at < %2$L::date + 2
            AND fn.case_day(c.number) BETWEEN %1$L AND %2$L %3$s
        UNION ALL
        SELECT fn.city_day(c.closed_at), left(c.cell_code, 12)::bigint, c.kind, c.class_code,
               coalesce(c.department_code, ''), c.source, 0, 0, 0, 1,
               fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at)::integer
        FROM city.case c
        WHERE c.outcome = 'closed' AND c.closed_at >= %1$L::date - 1 AND c.closed_at < %2$L::date + 2
            AND fn.city_day(c.closed_at) BETWEEN %1$L AND %2$L %3$s
    $sql$, first, last, conditions)
$$;

-- Figures of the days from `since` to `until`, told apart by one facet: all (one row), day, month, area (so many `digits`
-- of its code), class (kind:code), department, source. Null restricts nothing; `area` is the beginning of a code of 4 to 12
-- digits; `departments` are codes, `classes` those that one is limited to. Whole months are read as such where days are not
-- asked for.
CREATE FUNCTION fn.figures(facet text, digits integer, since date, until date, area text, kind text, class_code text,
                           departments text[], source text, classes text[])
RETURNS TABLE (name text, reported bigint, filed bigint, reopened bigint, closed bigint, on_time bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET jit = off AS $$
DECLARE
    dims integer := (figures.area IS NOT NULL OR facet = 'area')::integer
        + 2 * (figures.kind IS NOT NULL OR figures.class_code IS NOT NULL OR figures.classes IS NOT NULL
               OR facet = 'class')::integer
        + 4 * (figures.departments IS NOT NULL OR facet = 'department')::integer
        + 8 * (figures.source IS NOT NULL OR facet = 'source')::integer;
    kept integer := fn.figures_kept_by(dims);
    first date := (date_trunc('month', (figures.since - 1)::timestamp) + interval '1 month')::date;
    last date := date_trunc('month', (figures.until + 1)::timestamp)::date;
    months boolean := facet <> 'day' AND first < last AND kept <= 2
        AND (kept < 2 OR length(coalesce(figures.area, '')) <= 9 AND (facet <> 'area' OR digits <= 9));
    low bigint := rpad(figures.area, 12, '0');
    high bigint := rpad(figures.area, 12, '9');
    divisor bigint := 10 ^ (12 - digits);
    told text := CASE facet
        WHEN 'all' THEN $s$'all'$s$ WHEN 'day' THEN 'r.day::text' WHEN 'month' THEN $s$to_char(r.day, 'YYYY-MM-01')$s$
        WHEN 'area' THEN '(r.area / $7)::text' WHEN 'class' THEN $s$r.kind || ':' || r.class_code$s$
        WHEN 'department' THEN 'r.department' WHEN 'source' THEN 'r.source' END;
    of_sums text := concat(CASE WHEN figures.area IS NOT NULL THEN ' AND f.area BETWEEN $1 AND $2' END,
                           CASE WHEN figures.kind IS NOT NULL THEN ' AND f.kind = $3' END,
                           CASE WHEN figures.class_code IS NOT NULL THEN ' AND f.class_code = $4' END,
                           CASE WHEN figures.departments IS NOT NULL THEN ' AND f.department = ANY($5)' END,
                           CASE WHEN figures.source IS NOT NULL THEN ' AND f.source = $6' END,
                           CASE WHEN figures.classes IS NOT NULL
                                THEN ' AND f.class_code = ANY($10) AND fn.in_classes(f.kind, f.class_code, $9)' END);
    of_cases text := concat(CASE WHEN figures.area IS NOT NULL THEN ' AND c.cell_code LIKE $8' END,
                            CASE WHEN figures.kind IS NOT NULL THEN ' AND c.kind = $3' END,
                            CASE WHEN figures.class_code IS NOT NULL THEN ' AND c.class_code = $4' END,
                            CASE WHEN figures.departments IS NOT NULL THEN ' AND c.department_code = ANY($5)' END,
                            CASE WHEN figures.source IS NOT NULL THEN ' AND c.source = $6' END,
                            CASE WHEN figures.classes IS NOT NULL
                                 THEN ' AND c.class_code = ANY($10) AND fn.in_classes(c.kind, c.class_code, $9)' END);
    sums text := format($s$ SELECT f.start, f.area, f.kind, f.class_code, f.department, f.source, f.reported, f.filed,
        f.reopened, f.closed, f.on_time FROM city.figure_count f WHERE f.dims = %s %s $s$, dims, of_sums);
    pending text := $s$ SELECT f.day, f.area, f.kind, f.class_code, f.department, f.source, f.reported, f.filed, f.reopened,
        f.closed, f.on_time FROM city.figure_change f WHERE f.day >= %L AND f.day < %L $s$ || of_sums;
    rows text[] := '{}';
BEGIN
    IF months THEN
        rows := rows || format(sums || ' AND f.grain = 12 AND f.start >= %L AND f.start < %L', first, last)
                     || format(pending, first, last);
    ELSE
        first := figures.until + 1;
        last := figures.until + 1;
    END IF;
    IF kept <= 1 THEN
        rows := rows || format(sums || ' AND f.grain = 365 AND f.start >= %L AND f.start < %L', figures.since, first)
                     || format(sums || ' AND f.grain = 365 AND f.start >= %L AND f.start <= %L', last, figures.until)
                     || format(pending, figures.since, first) || format(pending, last, figures.until + 1);
    ELSE
        rows := rows || fn.figures_of_cases(figures.since, first - 1, of_cases)
                     || fn.figures_of_cases(last, figures.until, of_cases);
    END IF;
    RETURN QUERY EXECUTE format(
        $sql$
            SELECT (%s)::text, sum(r.reported), sum(r.filed), sum(r.reopened), sum(r.closed), sum(r.on_time)
            FROM (%s) AS r (day, area, kind, class_code, department, source, reported, filed, reopened, closed, on_time)
            GROUP BY 1 HAVING (sum(r.reported), sum(r.filed), sum(r.reopened), sum(r.closed), sum(r.on_time))
                <> (0, 0, 0, 0, 0)
        $sql$, told, array_to_string(rows, ' UNION ALL '))
    USING low, high, figures.kind, figures.class_code, figures.departments, figures.source, divisor,
          figures.area || '%', figures.classes,
          (fn.counted_classes(figures.kind, figures.class_code, figures.classes)).codes;
END $$;

-- Cases that have not ended, and how many of them are past what they are due by and whose clock does not rest: all together
-- and told apart by each facet of fn.figures but time, in one pass. Of the queues' table, which stays small.
CREATE FUNCTION fn.open_figures(digits integer, now timestamptz, area text, kind text, class_code text,
                                departments text[], source text, classes text[])
RETURNS TABLE (facet text, name text, open bigint, overdue bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET jit = off AS $$
BEGIN
    RETURN QUERY
    SELECT CASE 0 WHEN grouping(f.by_area) THEN 'area' WHEN grouping(f.by_class) THEN 'class'
                  WHEN grouping(f.by_department) THEN 'department' WHEN grouping(f.by_source) THEN 'source'
                  ELSE 'all' END,
           coalesce(f.by_area, f.by_class, f.by_department, f.by_source, 'all'),
           count(*), count(*) FILTER (WHERE f.due_at < open_figures.now AND f.paused_at IS NULL)
    FROM (SELECT left(o.cell_code, digits) AS by_area, o.kind || ':' || o.class_code AS by_class,
                 coalesce(o.department_code, '') AS by_department, c.source AS by_source, o.due_at, c.paused_at
          FROM city.open_case o JOIN city.case c ON c.id = o.case_id
          WHERE fn.sees(o.department_code, o.cell_code, o.kind, o.class_code,
                        open_figures.departments, open_figures.area, open_figures.classes)
              AND (open_figures.kind IS NULL OR o.kind = open_figures.kind)
              AND (open_figures.class_code IS NULL OR o.class_code = open_figures.class_code)
              AND (open_figures.source IS NULL OR c.source = open_figures.source)) f
    GROUP BY GROUPING SETS ((), (f.by_area), (f.by_class), (f.by_department), (f.by_source)) HAVING count(*) > 0;
END $$;
