-- Tiles of the ground: areas, cells, beats, components. Areas and cells have `count` when a measure is asked, for maps
-- that colour them; it is left out where the one who asks may not see cases.

-- Outlines of areas of a level. `layer` is the name of the layer in the tile.
CREATE FUNCTION fn.outlines(layer text, level text, z integer, x integer, y integer, params jsonb) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    digits integer := CASE level WHEN 'county' THEN 6 WHEN 'subdistrict' THEN 9 ELSE 12 END;
    a fn.asked := fn.asked(params);
BEGIN
    IF NOT params ? 'measure' THEN
        RETURN (
            SELECT ST_AsMVT(f, layer, 4096, 'geom')
            FROM (SELECT r.code, r.level, r.name_zh, r.name_en, fn.drawn(r.geom, z, x, y) AS geom
                  FROM city.area r WHERE r.level = outlines.level AND r.geom && ground) f WHERE f.geom IS NOT NULL);
    END IF;
    RETURN (
        SELECT ST_AsMVT(f, layer, 4096, 'geom')
        FROM (SELECT r.code, r.level, r.name_zh, r.name_en, r.area_m2, r.population,
                     CASE WHEN fn.within_sight(r.code, (a).area) THEN coalesce(n.count, 0) END AS count,
                     fn.drawn(r.geom, z, x, y) AS geom
              FROM city.area r LEFT JOIN fn.area_cases(outlines.level, digits, a) n ON n.code = r.code
              WHERE r.level = outlines.level AND r.geom && ground) f WHERE f.geom IS NOT NULL);
END $$;

CREATE FUNCTION fn.within_sight(code text, area text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT area IS NULL OR starts_with(code, area) OR starts_with(area, code)
$$;

-- How many cases areas of a level have. `digits`: of their codes.
CREATE FUNCTION fn.area_cases(level text, digits integer, a fn.asked) RETURNS TABLE (code text, count bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF fn.stored(a) THEN
        RETURN QUERY
        SELECT n.code, fn.measured((a).measure, n.reported, n.open, n.closed, n.on_time)
        FROM fn.counted_areas(level, (a).area, (a).since, (a).until, (a).kind, (a).class_code,
                              (a).classes) n;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE 'SELECT left(c.cell_code, $2), count(*) FROM fn.asked_cases($1, NULL) c GROUP BY 1'
    USING a, digits;
END $$;

-- Areas, the level following the zoom unless one is asked; a wider level where a tile would be too heavy.
CREATE FUNCTION fn.areas_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    level text := coalesce(params ->> 'level', CASE WHEN z < 10 THEN 'county' WHEN z < 13 THEN 'subdistrict'
                                                    ELSE 'community' END);
    tile bytea := '';
BEGIN
    IF params ? 'measure' AND params -> '_departments' = '[]' THEN
        RETURN tile;
    END IF;
    FOREACH level IN ARRAY (ARRAY['community', 'subdistrict', 'county'])[
        array_position(ARRAY['community', 'subdistrict', 'county'], level):] LOOP
        tile := fn.outlines('areas', level, z, x, y, params);
        EXIT WHEN NOT fn.too_heavy(tile);
    END LOOP;
    RETURN tile;
END $$;

-- Cells valid now, from zoom 13 on; communities where a tile would be too heavy (`level` tells).
CREATE FUNCTION fn.cells_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    a fn.asked := fn.asked(params);
    tile bytea := '';
BEGIN
    IF z < 13 OR params ? 'measure' AND (a).departments = '{}' THEN
        RETURN tile;
    END IF;
    IF NOT params ? 'measure' THEN
        SELECT ST_AsMVT(f, 'cells', 4096, 'geom') INTO tile
        FROM (SELECT c.code, 'cell' AS level, fn.drawn(c.geom, z, x, y) AS geom
              FROM city.cell c WHERE upper_inf(c.valid) AND c.geom && ground) f WHERE f.geom IS NOT NULL;
    ELSE
        SELECT ST_AsMVT(f, 'cells', 4096, 'geom') INTO tile
        FROM (SELECT c.code, 'cell' AS level, c.area_m2,
                     CASE WHEN fn.within_sight(c.code, (a).area) THEN coalesce(n.count, 0) END AS count,
                     fn.drawn(c.geom, z, x, y) AS geom
              FROM city.cell c LEFT JOIN fn.whole_cell_cases(ground, a) n ON n.cell_id = c.id
              WHERE upper_inf(c.valid) AND c.geom && ground) f WHERE f.geom IS NOT NULL;
    END IF;
    RETURN CASE WHEN fn.too_heavy(tile) THEN fn.outlines('cells', 'community', z, x, y, params) ELSE tile END;
END $$;

-- How many cases the cells that touch a ground have, wherever in the cell they are.
CREATE FUNCTION fn.whole_cell_cases(ground geometry, a fn.asked) RETURNS TABLE (cell_id bigint, count bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF fn.stored(a) THEN
        RETURN QUERY
        SELECT n.cell_id, fn.measured((a).measure, n.reported, n.open, n.closed, n.on_time)
        FROM fn.counted_cells(ST_XMin(ground), ST_YMin(ground), ST_XMax(ground), ST_YMax(ground), (a).since, (a).until,
                              (a).kind, (a).class_code, (a).area, (a).classes) n;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $sql$
        SELECT c.cell_id, count(*) FROM fn.asked_cases($1, $2) c GROUP BY c.cell_id
    $sql$ USING a, (SELECT ST_SetSRID(ST_Extent(c.geom)::geometry, 4490) FROM city.cell c
                    WHERE c.geom && ground AND upper_inf(c.valid));
END $$;

-- Beats of today. Where a tile would be too heavy, how many there are by the square of a grid.
CREATE FUNCTION fn.beats_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'beats', 4096, 'geom') INTO tile
    FROM (SELECT b.code, b.name_zh, b.name_en, b.area_code AS area, fn.drawn(b.geom, z, x, y) AS geom
          FROM city.beat b WHERE upper_inf(b.valid) AND b.geom && ground) f WHERE f.geom IS NOT NULL;
    IF NOT fn.too_heavy(tile) THEN
        RETURN tile;
    END IF;
    RETURN (
        SELECT ST_AsMVT(f, 'beats', 4096, 'geom')
        FROM (SELECT count(*) AS count, fn.in_squares(ST_PointOnSurface(b.geom), z, x, y) AS geom
              FROM city.beat b
              WHERE upper_inf(b.valid) AND b.geom && ground AND fn.in_tile(ST_PointOnSurface(b.geom), z, x, y)
              GROUP BY 2) f);
END $$;

-- The middle of the square, of 64 times 64 in a tile, that holds a place.
CREATE FUNCTION fn.in_squares(place geometry, z integer, x integer, y integer) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_Point(floor((fn.bin_column(ST_X(place), z) - x) * 64) * 64 + 32,
                    floor((fn.bin_line(ST_Y(place), z) - y) * 64) * 64 + 32)
$$;

-- Where a component is counted.
CREATE FUNCTION fn.counted_place(geom geometry) RETURNS geometry LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN ST_Dimension(geom) = 0 THEN geom ELSE fn.component_place(geom) END
$$;

-- The components that were asked for (class, state; those removed only when asked), on a ground.
CREATE FUNCTION fn.asked_components(params jsonb, ground geometry) RETURNS SETOF city.component
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c.* FROM city.component c
    WHERE c.geom && ground
      AND (params ->> 'class' IS NULL OR c.class_code = params ->> 'class')
      AND CASE WHEN params ->> 'state' IS NULL THEN c.state <> 'removed'
               ELSE c.state = ANY(string_to_array(params ->> 'state', ',')) END
$$;

-- Components: from zoom 14 on the things themselves where a tile has few, else how many there are by the square. One
-- that reaches over an edge is drawn in both tiles and counted in that of its place.
CREATE FUNCTION fn.components_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    found bigint;
    tile bytea;
BEGIN
    IF z <= 13 THEN
        RETURN fn.component_squares_tile(z, x, y, params);
    END IF;
    EXECUTE 'SELECT count(*) FROM (SELECT FROM fn.asked_components($1, $2) LIMIT fn.most_points() + 1) n'
    INTO found USING params, ground;
    IF found <= fn.most_points() THEN
        EXECUTE $sql$
            SELECT ST_AsMVT(f, 'components', 4096, 'geom')
            FROM (SELECT c.code, c.class_code AS class, c.name, c.state,
                         fn.in_tile(c.place, $3, $4, $5)::integer AS count,
                         coalesce(c.shape, fn.in_units(c.place, $3, $4, $5)) AS geom
                  FROM (SELECT o.*, fn.counted_place(o.geom) AS place,
                               CASE WHEN ST_Dimension(o.geom) > 0 THEN fn.drawn(o.geom, $3, $4, $5) END AS shape
                        FROM fn.asked_components($1, $2) o OFFSET 0) c
                  WHERE fn.in_tile(c.place, $3, $4, $5) OR c.shape IS NOT NULL) f
        $sql$ INTO tile USING params, ground, z, x, y;
        IF NOT fn.too_heavy(tile) THEN
            RETURN coalesce(tile, '');
        END IF;
    END IF;
    EXECUTE $sql$
        SELECT ST_AsMVT(f, 'components', 4096, 'geom')
        FROM (SELECT count(*) AS count, count(*) FILTER (WHERE c.state <> 'intact') AS not_intact,
                     fn.bin_in_units($3 + 6, c.bin_x, c.bin_y, $3, $4, $5) AS geom
              FROM (SELECT p.state, floor(fn.bin_column(ST_X(p.place), $3 + 6))::integer AS bin_x,
                           floor(fn.bin_line(ST_Y(p.place), $3 + 6))::integer AS bin_y
                    FROM (SELECT o.state, fn.counted_place(o.geom) AS place
                          FROM fn.asked_components($1, $2) o OFFSET 0) p OFFSET 0) c
              WHERE c.bin_x >> 6 = $4 AND c.bin_y >> 6 = $5 GROUP BY c.bin_x, c.bin_y) f
    $sql$ INTO tile USING params, ground, z, x, y;
    RETURN coalesce(tile, '');
END $$;

-- How many components there are by the square, 64 times 64 in a tile of zoom 13 at most: by an index that holds all that
-- is asked, whatever their number.
CREATE FUNCTION fn.component_squares_tile(z integer, x integer, y integer, params jsonb) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    tile bytea;
    shift constant integer := 13 - z;
    states constant text[] := string_to_array(params ->> 'state', ',');
BEGIN
    EXECUTE $sql$
        SELECT ST_AsMVT(f, 'components', 4096, 'geom')
        FROM (SELECT s.count, s.not_intact, fn.bin_in_units($1 + 6, s.square_x, s.square_y, $1, $2, $3) AS geom
              FROM (SELECT c.square_x >> $4 AS square_x, c.square_y >> $4 AS square_y, count(*) AS count,
                           count(*) FILTER (WHERE c.state <> 'intact') AS not_intact
                    FROM city.component c
                    WHERE c.square_x BETWEEN $2 << ($4 + 6) AND (($2 + 1) << ($4 + 6)) - 1
                      AND c.square_y BETWEEN $3 << ($4 + 6) AND (($3 + 1) << ($4 + 6)) - 1
                      AND ($5 IS NULL OR c.class_code = $5)
                      AND CASE WHEN $6 IS NULL THEN c.state <> 'removed' ELSE c.state = ANY($6) END
                    GROUP BY 1, 2) s) f
    $sql$ INTO tile USING z, x, y, shift, params ->> 'class', states;
    RETURN coalesce(tile, '');
END $$;
