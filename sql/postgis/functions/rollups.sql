-- How many cases there are: where, when, of which class. Sums that a job folds (`webgis/maps/rollups.py`), plus the
-- changes not folded yet: in any snapshot equal to a recount of city.case made in it.
--
-- A bin is a square of the web-mercator pyramid, named by the Morton code of its x and y (x in the even bits): the bins
-- inside a tile are one range of codes, and two bits less give the code of the next zoom out.
-- A period is known by its grain, the number of them in a year (36 is a third of a month: the 1st, 11th and 21st), and
-- by its first day; 365 is the day.

CREATE FUNCTION fn.bin_spread(value bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    value := (value | (value << 8)) & 16711935;
    value := (value | (value << 4)) & 252645135;
    value := (value | (value << 2)) & 858993459;
    RETURN (value | (value << 1)) & 1431655765;
END $$;

-- The even bits of every byte, from 0 to 255.
CREATE FUNCTION fn.even_bits() RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 4, 5, 4, 5, 6, 7, 6, 7, 0, 1, 0,
         1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9, 10,
         11, 10, 11, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15, 12, 13, 12, 13, 14, 15, 14, 15,
         8, 9, 8, 9, 10, 11, 10, 11, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15, 12, 13, 12, 13,
         14, 15, 14, 15, 0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 4, 5, 4, 5, 6,
         7, 6, 7, 0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 4, 5, 4, 5, 6, 7, 6, 7,
         8, 9, 8, 9, 10, 11, 10, 11, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15, 12, 13, 12, 13,
         14, 15, 14, 15, 8, 9, 8, 9, 10, 11, 10, 11, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15,
         12, 13, 12, 13, 14, 15, 14, 15}'::integer[]
$$;

-- The even bits of a code, put together: the column. A table says it of each byte, so that it is no call for every row.
CREATE FUNCTION fn.bin_squeeze(code bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (fn.even_bits())[(code & 255) + 1] | ((fn.even_bits())[((code >> 8) & 255) + 1] << 4)
           | ((fn.even_bits())[((code >> 16) & 255) + 1] << 8) | ((fn.even_bits())[((code >> 24) & 255) + 1] << 12)
$$;

-- Where a longitude and a latitude (degrees) lie among the squares of a zoom, counted from the north-west.
CREATE FUNCTION fn.bin_column(longitude double precision, zoom integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (longitude + 180) / 360 * (1 << zoom)
$$;

CREATE FUNCTION fn.bin_line(latitude double precision, zoom integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (1 - asinh(tan(radians(least(greatest(latitude, -85.05), 85.05)))) / pi()) / 2 * (1 << zoom)
$$;

-- The bin of zoom 16 in which a point lies: column and line spread together, one in each half of a number.
CREATE FUNCTION fn.bin_at(point geometry) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    halves bigint := (floor(fn.bin_column(ST_X(point), 16))::bigint & 65535)
                     | (floor(fn.bin_line(ST_Y(point), 16))::bigint << 32);
BEGIN
    halves := (halves | (halves << 8)) & 71777214294589695;
    halves := (halves | (halves << 4)) & 1085102592571150095;
    halves := (halves | (halves << 2)) & 3689348814741910323;
    halves := (halves | (halves << 1)) & 6148914691236517205;
    RETURN (halves & 4294967295) | (halves >> 31);
END $$;

-- A case is counted on the day of its number: the city's day on which it was reported.
CREATE FUNCTION fn.case_day(number text) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT make_date(substr(number, 7, 4)::integer, substr(number, 11, 2)::integer, substr(number, 13, 2)::integer)
$$;

CREATE FUNCTION fn.closed_on_time(outcome text, deadline_at timestamptz, resolved_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT outcome IS NOT DISTINCT FROM 'closed' AND coalesce(resolved_at <= deadline_at, deadline_at IS NULL)
$$;

-- Every case as it is counted.
CREATE VIEW fn.case_fact AS
SELECT fn.case_day(c.number) AS day, c.kind, c.class_code, fn.bin_at(c.geom) AS bin, c.cell_id,
       left(c.cell_code, 12)::bigint AS area, 1 AS reported, (c.outcome IS NULL)::integer AS open,
       (c.outcome IS NOT DISTINCT FROM 'closed')::integer AS closed,
       fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at)::integer AS on_time
FROM city.case c;

-- Note what a step changed of what is counted or drawn: `was` is null for a new case. Nothing to note costs nothing. A
-- change of state counts as nothing but is a change of what maps draw (`fn.case_version`).
CREATE FUNCTION fn.note_change(was city.case, c city.case) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    on_time integer := fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at)::integer;
    was_on_time integer := fn.closed_on_time(was.outcome, was.deadline_at, was.resolved_at)::integer;
    added integer := 1;
BEGIN
    IF was.id IS NOT NULL THEN
        IF (was.cell_id, was.class_code, was.kind) = (c.cell_id, c.class_code, c.kind) AND was.geom = c.geom THEN
            IF was.state = c.state AND was_on_time = on_time
                AND (was.department_code, was.dispatched_at, was.deadline_at, was.paused_at)
                    IS NOT DISTINCT FROM (c.department_code, c.dispatched_at, c.deadline_at, c.paused_at) THEN
                RETURN;
            END IF;
            added := 0;
        ELSE
            INSERT INTO city.case_change (day, kind, class_code, bin, cell_id, area, reported, open, closed, on_time)
            VALUES (fn.case_day(was.number), was.kind, was.class_code, fn.bin_at(was.geom), was.cell_id,
                    left(was.cell_code, 12)::bigint, -1, -(was.outcome IS NULL)::integer,
                    -(was.outcome IS NOT DISTINCT FROM 'closed')::integer, -was_on_time);
        END IF;
    END IF;
    INSERT INTO city.case_change (day, kind, class_code, bin, cell_id, area, reported, open, closed, on_time)
    VALUES (fn.case_day(c.number), c.kind, c.class_code, fn.bin_at(c.geom), c.cell_id, left(c.cell_code, 12)::bigint,
            added,
            (c.outcome IS NULL)::integer - (1 - added) * (was.outcome IS NULL)::integer,
            (c.outcome IS NOT DISTINCT FROM 'closed')::integer
                - (1 - added) * (was.outcome IS NOT DISTINCT FROM 'closed')::integer,
            on_time - (1 - added) * was_on_time);
END $$;

-- A number that grows with every commit that changes what maps show of cases, and with nothing else.
CREATE FUNCTION fn.case_version() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT r.folded FROM city.rollup r) + (SELECT count(*) FROM city.case_change);
END $$;

-- The first day of the period of a grain in which a day lies, and of the next one.
CREATE FUNCTION fn.period_start(day date, grain integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE grain
        WHEN 1 THEN date_trunc('year', day::timestamp)::date
        WHEN 12 THEN date_trunc('month', day::timestamp)::date
        WHEN 36 THEN date_trunc('month', day::timestamp)::date + least((extract(day FROM day)::integer - 1) / 10, 2) * 10
        ELSE day END
$$;

CREATE FUNCTION fn.period_after(start date, grain integer) RETURNS date
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE grain
        WHEN 1 THEN (start + interval '1 year')::date
        WHEN 12 THEN (start + interval '1 month')::date
        WHEN 36 THEN fn.period_start(start + 11, 36)
        ELSE start + 1 END;
END $$;

-- The beginning of a period that is nearest to a day, before it or after it.
CREATE FUNCTION fn.period_near(day date, grain integer) RETURNS date
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    before date := fn.period_start(day, grain);
    after date := fn.period_after(before, grain);
BEGIN
    RETURN CASE WHEN NOT isfinite(day) OR day - before <= after - day THEN before ELSE after END;
END $$;

-- A span of days as few stretches of whole periods, added (sign 1) or taken away (-1): [first, before) of a grain.
-- `grains` are tried from the finest to the coarsest; what they leave over is days. An open end stays open: it is
-- never left over by the coarsest grain.
CREATE FUNCTION fn.span_stretches(since date, until date, grains integer[])
RETURNS TABLE (grain integer, first date, before date, sign integer)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    a date := coalesce(since, '-infinity');
    b date := coalesce(until + 1, 'infinity');
    near_a date;
    near_b date;
    finer integer := 365;
    coarser integer;
BEGIN
    FOREACH coarser IN ARRAY grains LOOP
        near_a := fn.period_near(a, coarser);
        near_b := fn.period_near(b, coarser);
        IF isfinite(a) AND isfinite(b) THEN
            EXIT WHEN b - a <= abs(a - near_a) + abs(b - near_b) + 365 / finer;
        END IF;
        RETURN QUERY
        SELECT finer, least(s.a, s.b), greatest(s.a, s.b), s.sign * CASE WHEN s.a < s.b THEN 1 ELSE -1 END
        FROM (VALUES (a, near_a, 1), (near_b, b, 1)) AS s (a, b, sign) WHERE s.a <> s.b;
        a := near_a;
        b := near_b;
        finer := coarser;
    END LOOP;
    IF a < b THEN
        RETURN QUERY SELECT finer, a, b, 1;
    END IF;
END $$;

-- The same as single periods. Years are those of which there are counts.
CREATE FUNCTION fn.span_periods(since date, until date, grains integer[])
RETURNS TABLE (grain integer, start date, sign integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    earliest date;
    latest date;
    s record;
BEGIN
    SELECT min(b.start), max(b.start) INTO earliest, latest
    FROM city.bin_count b WHERE b.level = 14 AND b.kind = '' AND b.class_code = '' AND b.grain = 1;
    FOR s IN SELECT * FROM fn.span_stretches(span_periods.since, span_periods.until, span_periods.grains) LOOP
        grain := s.grain;
        sign := s.sign;
        start := CASE s.grain WHEN 1 THEN greatest(s.first, earliest) ELSE s.first END;
        WHILE start < s.before AND start <= CASE s.grain WHEN 1 THEN latest ELSE start END LOOP
            RETURN NEXT;
            start := fn.period_after(start, s.grain);
        END LOOP;
    END LOOP;
END $$;

-- The bins of a level in a box (degrees; null: everywhere) as few ranges of codes. They cover the box and may hold bins
-- beside it: `west` to `south` say which columns and lines are meant. A box that ends on the edge of a bin does not
-- reach into the next.
CREATE FUNCTION fn.bin_ranges(level integer, west double precision, south double precision, east double precision,
                              north double precision,
                              OUT lows bigint[], OUT highs bigint[], OUT x0 integer, OUT x1 integer, OUT y0 integer,
                              OUT y1 integer)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    shift integer := 0;
    last integer := (1 << level) - 1;
BEGIN
    x0 := greatest(floor(fn.bin_column(coalesce(west, -180), level) + 1e-6)::integer, 0);
    x1 := least(ceil(fn.bin_column(coalesce(east, 180), level) - 1e-6)::integer - 1, last);
    y0 := greatest(floor(fn.bin_line(coalesce(north, 90), level) + 1e-6)::integer, 0);
    y1 := least(ceil(fn.bin_line(coalesce(south, -90), level) - 1e-6)::integer - 1, last);
    WHILE (x1 >> shift) - (x0 >> shift) > 8 OR (y1 >> shift) - (y0 >> shift) > 8 LOOP
        shift := shift + 1;
    END LOOP;
    WITH tile AS (
        SELECT fn.bin_spread(tx) | (fn.bin_spread(ty) << 1) AS code
        FROM generate_series(x0 >> shift, x1 >> shift) AS tx, generate_series(y0 >> shift, y1 >> shift) AS ty
    ), island AS (
        SELECT code, code - row_number() OVER (ORDER BY code) AS island FROM tile
    ), run AS (
        SELECT min(code) << (2 * shift) AS low, ((max(code) + 1) << (2 * shift)) - 1 AS high
        FROM island GROUP BY island.island
    )
    SELECT array_agg(r.low ORDER BY r.low), array_agg(r.high ORDER BY r.low) INTO lows, highs FROM run r;
END $$;

-- Under which kinds and classes the sums stand that were asked for: of a kind, of a class, of the classes that somebody is
-- limited to (`fn.in_classes`). '' is all of them.
CREATE FUNCTION fn.counted_classes(kind text, class_code text, classes text[], OUT kinds text[], OUT codes text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF counted_classes.class_code IS NULL AND counted_classes.classes IS NULL THEN
        kinds := ARRAY[coalesce(counted_classes.kind, '')];
        codes := ARRAY[''];
        RETURN;
    END IF;
    SELECT coalesce(array_agg(k.kind), '{}'), coalesce(array_agg(k.code), '{}') INTO kinds, codes
    FROM (SELECT DISTINCT c.kind, c.code FROM city.class c
          WHERE (counted_classes.kind IS NULL OR c.kind = counted_classes.kind)
            AND (counted_classes.class_code IS NULL OR c.code = counted_classes.class_code)
            AND fn.in_classes(c.kind, c.code, counted_classes.classes)) k;
END $$;

-- The sums of cases by bin, or by area when `digits` says how many of its code to keep.
-- The plan is forced: by index, period by period and range by range (OFFSET 0), also of the log (id > 0); how many rows
-- that are no estimate knows.
CREATE FUNCTION fn.counted_places(level integer, digits integer, west double precision, south double precision,
                                  east double precision, north double precision, since date, until date, kind text,
                                  class_code text, area text, classes text[])
RETURNS TABLE (place bigint, reported integer, open integer, closed integer, on_time integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
DECLARE
    of_class boolean := counted_places.class_code IS NOT NULL;
    by_class boolean := of_class OR counted_places.classes IS NOT NULL;
    wanted record := fn.counted_classes(counted_places.kind, counted_places.class_code, counted_places.classes);
    shift integer := 2 * (16 - counted_places.level);
    divisor bigint := 10 ^ (12 - counted_places.digits);
    area_low bigint := rpad(left(counted_places.area, 12), 12, '0')::bigint;
    area_high bigint := rpad(left(counted_places.area, 12), 12, '9')::bigint;
    box record := fn.bin_ranges(counted_places.level, counted_places.west, counted_places.south, counted_places.east,
                                counted_places.north);
    lowest bigint := box.lows[1] << shift;
    highest bigint := ((box.highs[cardinality(box.highs)] + 1) << shift) - 1;
BEGIN
    RETURN QUERY
    WITH period AS MATERIALIZED (
        SELECT * FROM fn.span_periods(counted_places.since, counted_places.until,
                                      CASE WHEN by_class THEN '{12,1}' ELSE '{36,12,1}' END::integer[])
    ), range AS MATERIALIZED (
        SELECT r.low, r.high FROM unnest(box.lows, box.highs) AS r (low, high)
    ), counted AS (
        SELECT b.bin, b.area, p.sign * b.reported AS reported, p.sign * b.open AS open, p.sign * b.closed AS closed,
               p.sign * b.on_time AS on_time
        FROM unnest(wanted.kinds, wanted.codes) AS k (kind, code) CROSS JOIN period p CROSS JOIN range r
        CROSS JOIN LATERAL (
            SELECT b.* FROM city.bin_count b
            WHERE b.level = counted_places.level AND b.kind = k.kind
                AND b.class_code = k.code AND b.grain = p.grain AND b.start = p.start
                AND b.bin BETWEEN r.low AND r.high
            OFFSET 0) b
        WHERE p.grain <> 365
        UNION ALL
        SELECT d.bin >> shift, d.area, p.sign * d.reported, p.sign * d.open, p.sign * d.closed, p.sign * d.on_time
        FROM unnest(wanted.kinds, wanted.codes) AS k (kind, code) CROSS JOIN period p CROSS JOIN range r
        CROSS JOIN LATERAL (
            SELECT d.* FROM city.day_count d
            WHERE d.day = p.start AND d.kind = k.kind AND d.class_code = k.code
                AND d.bin BETWEEN r.low << shift AND ((r.high + 1) << shift) - 1
            OFFSET 0) d
        WHERE p.grain = 365 AND of_class
        UNION ALL
        SELECT d.bin >> shift, d.area, p.sign * d.reported, p.sign * d.open, p.sign * d.closed, p.sign * d.on_time
        FROM period p CROSS JOIN range r CROSS JOIN LATERAL (
            SELECT d.* FROM city.day_count d
            WHERE d.day = p.start AND d.bin BETWEEN r.low << shift AND ((r.high + 1) << shift) - 1
                AND (counted_places.kind IS NULL OR d.kind = counted_places.kind)
                AND fn.in_classes(d.kind, d.class_code, counted_places.classes)
            OFFSET 0) d
        WHERE p.grain = 365 AND NOT of_class
        UNION ALL
        SELECT n.bin >> shift, n.area, n.reported, n.open, n.closed, n.on_time
        FROM city.case_change n
        WHERE n.id > 0 AND n.bin BETWEEN lowest AND highest
            AND (counted_places.since IS NULL OR n.day >= counted_places.since)
            AND (counted_places.until IS NULL OR n.day <= counted_places.until)
            AND (counted_places.kind IS NULL OR n.kind = counted_places.kind)
            AND (counted_places.class_code IS NULL OR n.class_code = counted_places.class_code)
            AND fn.in_classes(n.kind, n.class_code, counted_places.classes)
    ), summed AS MATERIALIZED (
        SELECT CASE WHEN divisor IS NULL THEN c.bin ELSE c.area / divisor END AS place, sum(c.reported)::integer AS reported,
               sum(c.open)::integer AS open, sum(c.closed)::integer AS closed, sum(c.on_time)::integer AS on_time
        FROM counted c
        WHERE area_low IS NULL OR c.area BETWEEN area_low AND area_high
        GROUP BY 1 HAVING sum(c.reported) <> 0
    )
    SELECT s.* FROM summed s
    WHERE divisor IS NOT NULL OR counted_places.west IS NULL
        OR fn.bin_squeeze(s.place) BETWEEN box.x0 AND box.x1
        AND fn.bin_squeeze(s.place >> 1) BETWEEN box.y0 AND box.y1;
END $$;

-- Cases by bin of zoom `level` (14 or 16) in a box of degrees; every null restricts nothing. `since` and `until` are
-- days, both included; `area` is the beginning of an area's code, `classes` are those one is limited to.
CREATE FUNCTION fn.counted_bins(level integer, west double precision, south double precision, east double precision,
                                north double precision, since date, until date, kind text, class_code text, area text,
                                classes text[] DEFAULT NULL)
RETURNS TABLE (x integer, y integer, reported integer, open integer, closed integer, on_time integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT fn.bin_squeeze(p.place), fn.bin_squeeze(p.place >> 1), p.reported, p.open, p.closed, p.on_time
    FROM fn.counted_places(counted_bins.level, NULL, counted_bins.west, counted_bins.south, counted_bins.east,
                           counted_bins.north, counted_bins.since, counted_bins.until, counted_bins.kind,
                           counted_bins.class_code, counted_bins.area, counted_bins.classes) p;
END $$;

-- Cases by area of a level: county, subdistrict or community (city: four digits).
CREATE FUNCTION fn.counted_areas(level text, area text, since date, until date, kind text, class_code text,
                                 classes text[] DEFAULT NULL)
RETURNS TABLE (code text, reported integer, open integer, closed integer, on_time integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT p.place::text, p.reported, p.open, p.closed, p.on_time
    FROM fn.counted_places(14, CASE counted_areas.level WHEN 'city' THEN 4 WHEN 'county' THEN 6
                                                        WHEN 'subdistrict' THEN 9 WHEN 'community' THEN 12 END,
                           NULL, NULL, NULL, NULL, counted_areas.since, counted_areas.until, counted_areas.kind,
                           counted_areas.class_code, counted_areas.area, counted_areas.classes) p;
END $$;

-- Cases by the cell in which they were found, for the cells that touch a box, also those that are no longer valid.
-- A cell's cases lie in the bins that it touches, so the bins of the box and of the cells on its edge are read, range by
-- range: whole years and months (of one class: years), and days at the edges of the span.
CREATE FUNCTION fn.counted_cells(west double precision, south double precision, east double precision,
                                 north double precision, since date, until date, kind text, class_code text, area text,
                                 classes text[] DEFAULT NULL)
RETURNS TABLE (cell_id bigint, reported integer, open integer, closed integer, on_time integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
DECLARE
    of_class boolean := counted_cells.class_code IS NOT NULL;
    by_class boolean := of_class OR counted_cells.classes IS NOT NULL;
    wanted record := fn.counted_classes(counted_cells.kind, counted_cells.class_code, counted_cells.classes);
    box geometry := ST_MakeEnvelope(coalesce(counted_cells.west, -180), coalesce(counted_cells.south, -90),
                                    coalesce(counted_cells.east, 180), coalesce(counted_cells.north, 90), 4490);
    everywhere boolean := counted_cells.area IS NULL AND box ~ ST_MakeEnvelope(-180, -90, 180, 90, 4490);
    ground box2d;
    bins record;
BEGIN
    IF NOT everywhere THEN
        SELECT ST_Extent(e.geom) INTO ground
        FROM (SELECT box AS geom
              UNION ALL
              SELECT c.geom FROM ST_DumpSegments(ST_ExteriorRing(box)) edge JOIN city.cell c ON c.geom && edge.geom) e;
    END IF;
    bins := fn.bin_ranges(16, ST_XMin(ground) - 1e-6, ST_YMin(ground) - 1e-6, ST_XMax(ground) + 1e-6,
                          ST_YMax(ground) + 1e-6);
    RETURN QUERY
    WITH period AS MATERIALIZED (
        SELECT * FROM fn.span_periods(counted_cells.since, counted_cells.until,
                                      CASE WHEN by_class THEN '{1}' ELSE '{12,1}' END::integer[])
    ), range AS MATERIALIZED (
        SELECT r.low, r.high FROM unnest(bins.lows, bins.highs) AS r (low, high)
    ), counted AS (
        SELECT y.cell_id, p.sign * y.reported AS reported, p.sign * y.open AS open, p.sign * y.closed AS closed,
               p.sign * y.on_time AS on_time
        FROM unnest(wanted.kinds, wanted.codes) AS k (kind, code) CROSS JOIN period p CROSS JOIN range r
        CROSS JOIN LATERAL (
            SELECT y.* FROM city.cell_count y
            WHERE y.kind = k.kind AND y.class_code = k.code
                AND y.grain = p.grain AND y.start = p.start AND y.bin BETWEEN r.low AND r.high
            OFFSET 0) y
        WHERE p.grain <> 365
        UNION ALL
        SELECT d.cell_id, p.sign * d.reported, p.sign * d.open, p.sign * d.closed, p.sign * d.on_time
        FROM unnest(wanted.kinds, wanted.codes) AS k (kind, code) CROSS JOIN period p CROSS JOIN range r
        CROSS JOIN LATERAL (
            SELECT d.* FROM city.day_count d
            WHERE d.day = p.start AND d.kind = k.kind AND d.class_code = k.code
                AND d.bin BETWEEN r.low AND r.high
            OFFSET 0) d
        WHERE p.grain = 365 AND of_class
        UNION ALL
        SELECT d.cell_id, p.sign * d.reported, p.sign * d.open, p.sign * d.closed, p.sign * d.on_time
        FROM period p CROSS JOIN range r
        CROSS JOIN LATERAL (
            SELECT d.* FROM city.day_count d
            WHERE d.day = p.start AND d.bin BETWEEN r.low AND r.high
                AND (counted_cells.kind IS NULL OR d.kind = counted_cells.kind)
                AND fn.in_classes(d.kind, d.class_code, counted_cells.classes)
            OFFSET 0) d
        WHERE p.grain = 365 AND NOT of_class
        UNION ALL
        SELECT n.cell_id, n.reported, n.open, n.closed, n.on_time
        FROM city.case_change n
        WHERE n.id > 0 AND (counted_cells.since IS NULL OR n.day >= counted_cells.since)
            AND (counted_cells.until IS NULL OR n.day <= counted_cells.until)
            AND (counted_cells.kind IS NULL OR n.kind = counted_cells.kind)
            AND (counted_cells.class_code IS NULL OR n.class_code = counted_cells.class_code)
            AND fn.in_classes(n.kind, n.class_code, counted_cells.classes)
    )
    SELECT s.* FROM (
        SELECT c.cell_id, sum(c.reported)::integer, sum(c.open)::integer, sum(c.closed)::integer,
               sum(c.on_time)::integer
        FROM counted c GROUP BY c.cell_id HAVING sum(c.reported) <> 0) s
    WHERE everywhere
        OR (SELECT g.geom && box AND (counted_cells.area IS NULL OR starts_with(g.code, counted_cells.area))
            FROM city.cell g WHERE g.id = s.cell_id);
END $$;
