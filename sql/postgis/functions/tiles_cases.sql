-- Tiles of cases, and counts of cases in areas and cells. Stored counts (rollups.sql) answer what they know; the rest is
-- counted from the cases. Statements that read cases are planned for their values: what is not asked is not in the plan.

-- The cases that were asked for, on a ground.
CREATE FUNCTION fn.asked_cases(a fn.asked, ground geometry) RETURNS SETOF city.case
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c.* FROM city.case c
    WHERE (ground IS NULL OR c.geom && ground)
      AND ((a).kind IS NULL OR c.kind = (a).kind)
      AND ((a).class_code IS NULL OR c.class_code = (a).class_code)
      AND fn.in_classes(c.kind, c.class_code, (a).classes)
      AND ((a).states IS NULL OR c.state = ANY((a).states))
      AND ((a).measure <> 'open' OR c.outcome IS NULL)
      AND ((a).measure <> 'closed' OR c.outcome = 'closed')
      AND ((a).measure <> 'on_time' OR fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at))
      AND ((a).department IS NULL OR c.department_code = (a).department)
      AND ((a).departments IS NULL OR c.department_code = ANY((a).departments))
      AND ((a).area IS NULL OR c.cell_code LIKE (a).area || '%')
      AND ((a).since IS NULL OR c.reported_at >= (a).since - interval '1 day'
           AND substr(c.number, 7, 8) >= to_char((a).since, 'YYYYMMDD'))
      AND ((a).until IS NULL OR c.reported_at < (a).until + interval '2 days'
           AND substr(c.number, 7, 8) <= to_char((a).until, 'YYYYMMDD'))
$$;

-- The cases of a tile in bins of a zoom (`level`, at least z), with how many are open, closed, closed in time.
CREATE FUNCTION fn.binned_cases(z integer, x integer, y integer, level integer, a fn.asked)
RETURNS TABLE (bin_x integer, bin_y integer, count bigint, open bigint, closed bigint, on_time bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    bins integer := CASE WHEN binned_cases.level <= 14 THEN 14 ELSE 16 END;
    finer integer := bins - binned_cases.level;
    inner_ground geometry := fn.tile_ground(z, x, y, -0.5 / (1 << (bins - z)));
BEGIN
    IF fn.stored(a) AND finer >= 0 THEN
        RETURN QUERY
        SELECT n.x >> finer, n.y >> finer, sum(fn.measured((a).measure, n.reported, n.open, n.closed, n.on_time))::bigint,
               sum(n.open)::bigint, sum(n.closed)::bigint, sum(n.on_time)::bigint
        FROM fn.counted_bins(bins, ST_XMin(inner_ground), ST_YMin(inner_ground), ST_XMax(inner_ground),
                             ST_YMax(inner_ground), (a).since, (a).until, (a).kind, (a).class_code, (a).area,
                             (a).classes) n
        WHERE n.x >> (bins - binned_cases.z) = binned_cases.x AND n.y >> (bins - binned_cases.z) = binned_cases.y
        GROUP BY 1, 2
        HAVING sum(fn.measured((a).measure, n.reported, n.open, n.closed, n.on_time)) > 0;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $sql$
        SELECT c.bin_x, c.bin_y, count(*), count(*) FILTER (WHERE c.outcome IS NULL),
               count(*) FILTER (WHERE c.outcome = 'closed'), count(*) FILTER (WHERE c.on_time)
        FROM (SELECT floor(fn.bin_column(ST_X(c.geom), $5))::integer AS bin_x,
                     floor(fn.bin_line(ST_Y(c.geom), $5))::integer AS bin_y, c.outcome,
                     fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at) AS on_time
              FROM fn.asked_cases($1, fn.tile_ground($2, $3, $4)) c OFFSET 0) c
        WHERE c.bin_x >> ($5 - $2) = $3 AND c.bin_y >> ($5 - $2) = $4
        GROUP BY 1, 2
    $sql$ USING a, z, x, y, level;
END $$;

-- How many cases a tile has, as far as `most` + 1. In a small tile that is seen sooner from the cases than from counts.
CREATE FUNCTION fn.cases_in_tile(z integer, x integer, y integer, a fn.asked, most integer) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found bigint;
BEGIN
    IF fn.stored(a) AND z <= 14 THEN
        SELECT sum(b.count) INTO found FROM fn.binned_cases(z, x, y, 16, a) b;
    ELSE
        EXECUTE 'SELECT count(*) FROM (SELECT FROM fn.asked_cases($1, fn.tile_ground($2, $3, $4)) c'
                ' WHERE fn.in_tile(c.geom, $2, $3, $4) LIMIT $5 + 1) n' INTO found USING a, z, x, y, most;
    END IF;
    RETURN coalesce(found, 0);
END $$;

-- The cases of a tile by the cell they were found in. Cells that lie in the tile whole are counted from what is stored;
-- of a cell on the edge, which has cases in other tiles too, the cases are looked at.
CREATE FUNCTION fn.cell_cases(z integer, x integer, y integer, a fn.asked)
RETURNS TABLE (cell_id bigint, count bigint, open bigint, closed bigint, on_time bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y);
    whole geometry := fn.tile_ground(z, x, y, -0.0001);
    edge bigint[];
BEGIN
    IF fn.stored(a) AND z <= 15 THEN
        RETURN QUERY
        SELECT n.cell_id, fn.measured((a).measure, n.reported, n.open, n.closed, n.on_time), n.open::bigint,
               n.closed::bigint, n.on_time::bigint
        FROM fn.counted_cells(ST_XMin(ground), ST_YMin(ground), ST_XMax(ground), ST_YMax(ground), (a).since, (a).until,
                              (a).kind, (a).class_code, (a).area, (a).classes) n
        JOIN city.cell c ON c.id = n.cell_id
        WHERE c.geom @ whole AND fn.measured((a).measure, n.reported, n.open, n.closed, n.on_time) > 0;
        edge := ARRAY(SELECT c.id FROM city.cell c WHERE c.geom && ground AND NOT c.geom @ whole);
    END IF;
    RETURN QUERY EXECUTE $sql$
        SELECT c.cell_id, count(*), count(*) FILTER (WHERE c.outcome IS NULL),
               count(*) FILTER (WHERE c.outcome = 'closed'),
               count(*) FILTER (WHERE fn.closed_on_time(c.outcome, c.deadline_at, c.resolved_at))
        FROM fn.asked_cases($1, $2) c
        WHERE fn.in_tile(c.geom, $3, $4, $5) AND ($6 IS NULL OR c.cell_id = ANY($6))
        GROUP BY c.cell_id
    $sql$ USING a, ground, z, x, y, edge;
END $$;

-- Cases: bins at low zooms; then single cases where a tile has few, else counts at a place inside each cell. Every
-- feature has `count`, and their sum over all tiles is the same at every zoom.
CREATE FUNCTION fn.cases_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    a fn.asked := fn.asked(params);
    tile bytea := '';
BEGIN
    IF (a).departments = '{}' THEN
        RETURN tile;
    END IF;
    IF z < 13 THEN
        RETURN fn.case_bins_tile(z, x, y, a);
    END IF;
    IF fn.cases_in_tile(z, x, y, a, fn.most_points()) <= fn.most_points() THEN
        tile := fn.case_points_tile(z, x, y, a);
        IF NOT fn.too_heavy(tile) THEN
            RETURN tile;
        END IF;
    END IF;
    tile := fn.case_cells_tile(z, x, y, a);
    RETURN CASE WHEN fn.too_heavy(tile) THEN fn.case_bins_tile(z, x, y, a) ELSE tile END;
END $$;

CREATE FUNCTION fn.case_bins_tile(z integer, x integer, y integer, a fn.asked) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    level integer := CASE WHEN z <= 9 THEN least(z + 6, 14) ELSE greatest(least(z + 6, 16), z) END;
BEGIN
    RETURN (
        SELECT coalesce(ST_AsMVT(f, 'cases', 4096, 'geom'), '')
        FROM (SELECT b.count, b.open, b.closed, b.on_time, fn.bin_in_units(level, b.bin_x, b.bin_y, z, x, y) AS geom
              FROM fn.binned_cases(z, x, y, level, a) b) f);
END $$;

CREATE FUNCTION fn.case_cells_tile(z integer, x integer, y integer, a fn.asked) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT coalesce(ST_AsMVT(f, 'cases', 4096, 'geom'), '')
        FROM (SELECT c.cell, c.count, c.open, c.closed, c.on_time, fn.in_units(c.inside, z, x, y) AS geom
              FROM (SELECT g.code AS cell, n.count, n.open, n.closed, n.on_time, ST_PointOnSurface(g.geom) AS inside
                    FROM fn.cell_cases(z, x, y, a) n JOIN city.cell g ON g.id = n.cell_id OFFSET 0) c) f);
END $$;

-- `dispatched` and `deadline` (seconds since 1970) are there while the handling clock runs; `paused` while it rests.
CREATE FUNCTION fn.case_points_tile(z integer, x integer, y integer, a fn.asked) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    tile bytea;
BEGIN
    EXECUTE $sql$
        SELECT ST_AsMVT(f, 'cases', 4096, 'geom')
        FROM (SELECT c.number, c.state, c.kind, c.class_code AS class, 1 AS count,
                     CASE WHEN c.resolved_at IS NULL AND c.outcome IS NULL AND c.deadline_at IS NOT NULL
                          THEN extract(epoch FROM c.dispatched_at)::bigint END AS dispatched,
                     CASE WHEN c.resolved_at IS NULL AND c.outcome IS NULL
                          THEN extract(epoch FROM c.deadline_at)::bigint END AS deadline,
                     CASE WHEN c.paused_at IS NOT NULL AND c.outcome IS NULL THEN true END AS paused,
                     fn.in_units(c.geom, $2, $3, $4) AS geom
              FROM fn.asked_cases($1, fn.tile_ground($2, $3, $4)) c
              WHERE fn.in_tile(c.geom, $2, $3, $4)) f
    $sql$ INTO tile USING a, z, x, y;
    RETURN coalesce(tile, '');
END $$;
