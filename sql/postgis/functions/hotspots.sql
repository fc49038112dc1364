-- What heat counts: cases by cell and by area within one's sight, hours of patrol, and the tile of hot spots.
-- Days are the city's local days on which cases were reported; both ends of a span are included, null is no end.

-- Cases by the cell in which they were found (its row, which may have ended since). Departments see their own cases,
-- which no rollup counts apart: those are counted from the cases.
CREATE FUNCTION fn.seen_cells(
    departments varchar[], area text, since date, until date, kind text, class_code text, classes text[]
) RETURNS TABLE (cell_id bigint, reported bigint) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF departments IS NULL THEN
        RETURN QUERY
        SELECT c.cell_id, c.reported::bigint
        FROM fn.counted_cells(-180, -90, 180, 90, seen_cells.since, seen_cells.until, seen_cells.kind,
                              seen_cells.class_code, seen_cells.area, seen_cells.classes) c;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT c.cell_id, count(*) FROM city.case c
    WHERE fn.seen_case(c, seen_cells.departments, seen_cells.area, seen_cells.since, seen_cells.until, seen_cells.kind,
                       seen_cells.class_code, seen_cells.classes)
    GROUP BY c.cell_id;
END $$;

-- Cases by area of one level.
CREATE FUNCTION fn.seen_areas(
    departments varchar[], level text, area text, since date, until date, kind text, class_code text, classes text[]
) RETURNS TABLE (code text, reported bigint) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE digits integer := CASE level WHEN 'community' THEN 12 WHEN 'subdistrict' THEN 9 WHEN 'county' THEN 6 END;
BEGIN
    IF departments IS NULL THEN
        RETURN QUERY
        SELECT c.code, c.reported::bigint
        FROM fn.counted_areas(seen_areas.level, seen_areas.area, seen_areas.since, seen_areas.until, seen_areas.kind,
                              seen_areas.class_code, seen_areas.classes) c;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT left(c.cell_code, digits), count(*) FROM city.case c
    WHERE fn.seen_case(c, seen_areas.departments, seen_areas.area, seen_areas.since, seen_areas.until, seen_areas.kind,
                       seen_areas.class_code, seen_areas.classes)
    GROUP BY 1;
END $$;

-- Whether a case is one of those asked for. The moment narrows the day by an index: no city is a day from UTC.
CREATE FUNCTION fn.seen_case(
    seen city.case, departments varchar[], area text, since date, until date, kind text, class_code text, classes text[]
) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (seen).department_code = ANY(departments)
        AND (seen_case.area IS NULL OR starts_with((seen).cell_code, seen_case.area))
        AND (seen_case.kind IS NULL OR (seen).kind = seen_case.kind)
        AND (seen_case.class_code IS NULL OR (seen).class_code = seen_case.class_code)
        AND fn.in_classes((seen).kind, (seen).class_code, seen_case.classes)
        AND (seen).reported_at >= coalesce(seen_case.since - 1, '-infinity')
        AND (seen).reported_at < coalesce(seen_case.until + 2, 'infinity')
        AND substr((seen).number, 7, 8)
            BETWEEN coalesce(to_char(seen_case.since, 'YYYYMMDD'), '0') AND coalesce(to_char(seen_case.until, 'YYYYMMDD'), '9')
$$;

-- For rows of cells that have ended: the cells of now on their ground, and the share of it that each holds.
CREATE FUNCTION fn.cells_carried(ended bigint[]) RETURNS TABLE (was bigint, cell_id bigint, share double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE later (was, id, share) AS (
        SELECT e.id, e.id, 1::double precision FROM unnest(ended) AS e (id)
        UNION ALL
        SELECT l.was, k.to_cell, l.share * k.share FROM later l JOIN city.cell_lineage k ON k.from_cell = l.id
    )
    SELECT l.was, c.id, sum(l.share)
    FROM later l JOIN city.cell c ON c.id = l.id
    WHERE upper_inf(c.valid)
    GROUP BY l.was, c.id;
END $$;

-- Beats that were so in some part of a span of moments: from when until when within it (local time of the city), and
-- their shifts as [days, from, until].
CREATE FUNCTION fn.beats_between(since timestamptz, until timestamptz, time_zone text)
RETURNS TABLE (beat_id integer, begun timestamp, ended timestamp, shifts jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT b.id, greatest(lower(b.valid), beats_between.since) AT TIME ZONE time_zone,
           least(upper(b.valid), beats_between.until) AT TIME ZONE time_zone,
           jsonb_agg(jsonb_build_array(s.days, s.from_time, s.until_time))
    FROM city.beat b JOIN city.beat_shift s ON s.beat_id = b.id
    WHERE b.valid && tstzrange(beats_between.since, beats_between.until)
    GROUP BY b.id;
END $$;

-- The ground of beats by cell: the newest row that the cell's code had while the beat was so, and its share of the
-- beat's ground.
CREATE FUNCTION fn.beat_ground(beats integer[])
RETURNS TABLE (beat_id integer, cell_id bigint, code text, share double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT g.beat_id, g.id, g.code, g.area_m2 / sum(g.area_m2) OVER (PARTITION BY g.beat_id)
    FROM (
        SELECT DISTINCT ON (k.beat_id, k.cell_code) k.beat_id, c.id, c.code, c.area_m2
        FROM city.beat_cell k
        JOIN city.beat b ON b.id = k.beat_id
        JOIN city.cell c ON c.code = k.cell_code AND c.valid && b.valid
        WHERE k.beat_id = ANY(beats)
        ORDER BY k.beat_id, k.cell_code, lower(c.valid) DESC
    ) g;
END $$;

-- Whether a question about heat counts only cases of some classes: it is of one of them, or of no more than these.
CREATE FUNCTION fn.classes_within(asked jsonb, classes text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(fn.in_classes(asked ->> 'kind', asked ->> 'class', classes), false)
        OR jsonb_typeof(asked -> 'classes') = 'array'
            AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(asked -> 'classes') AS c (class)
                            WHERE NOT c.class ^@ ANY(classes))
$$;

-- The run that a tile draws: the one of the address if it counts nothing beyond the sight of who asks, else, for who sees
-- all of the city, the newest of a standard span (`days`).
CREATE FUNCTION fn.hotspot_run(params jsonb) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF params ? 'run' THEN
        RETURN (
            SELECT r.id FROM city.hotspot_run r
            WHERE r.id = (params ->> 'run')::bigint AND r.told IS NOT NULL
                AND starts_with(coalesce(r.asked ->> 'area', ''), coalesce(params ->> '_area', ''))
                AND (NOT params ? '_departments'
                     OR jsonb_typeof(r.asked -> 'departments') = 'array'
                        AND r.asked -> 'departments' <@ (params -> '_departments'))
                AND (NOT params ? '_classes'
                     OR fn.classes_within(r.asked, ARRAY(SELECT jsonb_array_elements_text(params -> '_classes')))));
    END IF;
    IF coalesce(params ->> '_area', '') <> '' OR params ?| '{_departments,_classes}' THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT r.id FROM city.hotspot_run r
        WHERE r.told IS NOT NULL AND r.asked @> '{"area": null, "departments": null, "kind": null, "class": null}'
            AND coalesce(r.asked -> 'classes', 'null') = 'null'
            AND (r.asked ->> 'until')::date - (r.asked ->> 'since')::date + 1
                = coalesce((params ->> 'days')::integer, 30)
        ORDER BY r.asked ->> 'until' DESC, r.made_at DESC LIMIT 1);
END $$;

-- Hot and cold spots: the cells from zoom 12 on; further out, or where they would be too heavy, how many of each there
-- are by the square of a grid.
CREATE FUNCTION fn.hotspots_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    wanted bigint := fn.hotspot_run(params);
    tile bytea;
BEGIN
    IF wanted IS NULL THEN
        RETURN '';
    END IF;
    IF z >= 12 THEN
        SELECT ST_AsMVT(f, 'hotspots', 4096, 'geom') INTO tile
        FROM (SELECT c.code, h.reported, round(h.z::numeric, 2)::float8 AS z, h.q, h.called, h.word,
                     fn.drawn(c.geom, hotspots_tile.z, x, y) AS geom
              FROM city.hotspot_cell h JOIN city.cell c ON c.id = h.cell_id
              WHERE h.run_id = wanted AND c.geom && ground) f WHERE f.geom IS NOT NULL;
        IF NOT fn.too_heavy(tile) THEN
            RETURN coalesce(tile, '');
        END IF;
    END IF;
    SELECT ST_AsMVT(f, 'hotspots', 4096, 'geom') INTO tile
    FROM (SELECT count(*) FILTER (WHERE n.called > 0) AS hot, count(*) FILTER (WHERE n.called < 0) AS cold,
                 max(n.called) AS hottest, min(n.called) AS coldest,
                 fn.in_squares(n.place, hotspots_tile.z, x, y) AS geom
          FROM (SELECT h.called, ST_PointOnSurface(c.geom) AS place
                FROM city.hotspot_cell h JOIN city.cell c ON c.id = h.cell_id
                WHERE h.run_id = wanted AND c.geom && ground) n
          WHERE fn.in_tile(n.place, hotspots_tile.z, x, y)
          GROUP BY 5) f;
    RETURN coalesce(tile, '');
END $$;
