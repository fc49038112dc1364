-- Vector tiles (MVT 2.1): fn.<layer>_tile(z, x, y, params), the signature that martin and pg_tileserv serve too.
-- `params` are texts by name, as an address gives them: state, kind, class, department, since, until, measure, level.
-- Who asks is in `_area` (prefix of cells' codes), `_classes` (array, `fn.in_classes`) and `_departments` (array); without
-- them everything is seen.
-- webgis/maps/tiled.py says what each layer takes.

-- What was asked of cases. `measure`: reported (all), open, closed, on_time: which of the cases count.
CREATE TYPE fn.asked AS (
    kind text, class_code text, states text[], measure text, department text, since date, until date,
    area text, departments text[], classes text[]
);

CREATE FUNCTION fn.asked(params jsonb) RETURNS fn.asked
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ROW(
        params ->> 'kind', params ->> 'class', string_to_array(params ->> 'state', ','),
        coalesce(params ->> 'measure', 'reported'), params ->> 'department', (params ->> 'since')::date,
        (params ->> 'until')::date, params ->> '_area',
        CASE WHEN params ? '_departments' THEN ARRAY(SELECT jsonb_array_elements_text(params -> '_departments')) END,
        CASE WHEN params ? '_classes' THEN ARRAY(SELECT jsonb_array_elements_text(params -> '_classes')) END
    )::fn.asked
$$;

-- Whether stored counts can answer: they know class and day, not state or department.
CREATE FUNCTION fn.stored(a fn.asked) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (a).states IS NULL AND (a).department IS NULL AND (a).departments IS NULL
$$;

CREATE FUNCTION fn.measured(measure text, reported bigint, open bigint, closed bigint, on_time bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE measure WHEN 'reported' THEN reported WHEN 'open' THEN open WHEN 'closed' THEN closed
                        WHEN 'on_time' THEN on_time END
$$;

-- The latitude of a line of the map of the world, from 0 in the north to 1.
CREATE FUNCTION fn.latitude(world_y float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT degrees(2 * atan(exp(pi() * (1 - 2 * world_y))) - pi() / 2)
$$;

-- The ground of a tile in degrees, with `margin` parts of its side around it.
CREATE FUNCTION fn.tile_ground(z integer, x integer, y integer, margin float8 DEFAULT 1e-6) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_MakeEnvelope((x - margin) / (1 << z) * 360 - 180, fn.latitude((y + 1 + margin) / (1 << z)),
                           (x + 1 + margin) / (1 << z) * 360 - 180, fn.latitude((y - margin) / (1 << z)), 4490)
$$;

-- Whether a place lies in a tile. West and north edges belong to it, so that every place is in exactly one.
CREATE FUNCTION fn.in_tile(place geometry, z integer, x integer, y integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor(fn.bin_column(ST_X(place), z)) = x AND floor(fn.bin_line(ST_Y(place), z)) = y
$$;

-- A place in the units of a tile, 4096 on each side; one outside is put on the edge.
CREATE FUNCTION fn.in_units(place geometry, z integer, x integer, y integer) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_Point(least(greatest(floor((fn.bin_column(ST_X(place), z) - x) * 4096), 0), 4095),
                    least(greatest(floor((fn.bin_line(ST_Y(place), z) - y) * 4096), 0), 4095))
$$;

-- The middle of a bin (zoom `level`, at least z) in the units of a tile.
CREATE FUNCTION fn.bin_in_units(level integer, bin_x integer, bin_y integer, z integer, x integer, y integer)
RETURNS geometry LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_Point(floor((bin_x - (x << (level - z)) + 0.5) * 4096 / (1 << (level - z))),
                    floor((bin_y - (y << (level - z)) + 0.5) * 4096 / (1 << (level - z))))
$$;

-- A place, line or polygon in the units of a tile, simplified to a quarter of a pixel; null where nothing of it is in the tile.
CREATE FUNCTION fn.drawn(geom geometry, z integer, x integer, y integer) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ST_AsMVTGeom(ST_Transform(ST_Simplify(geom, 360.0 / (1 << z) / 1024, true), 3857),
                        ST_TileEnvelope(z, x, y), 4096, 64, true)
$$;

-- The most that a tile may weigh: beyond it a layer is drawn coarser, and never cut.
CREATE FUNCTION fn.too_heavy(tile bytea) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT octet_length(tile) > 500000
$$;

-- The most single cases or components in a tile.
CREATE FUNCTION fn.most_points() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 3000 $$;

-- The version of a layer's data: another after every commit that changed it. The numbers of the database and of the
-- table tell a new database of the same name, and one put back from a file, from the old one.
CREATE FUNCTION fn.layer_version(layers text[], counted boolean) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        || '-' || 'city.layer_change'::regclass::oid
        || '.' || (SELECT coalesce(sum(c.changes), 0) FROM city.layer_change c
                   WHERE c.layer = ANY(layer_version.layers))
        || CASE WHEN layer_version.counted THEN '.' || fn.case_version() ELSE '' END;
END $$;

-- The transaction changes a layer: its version will be another. One row a transaction, so that writers never wait for
-- each other; now and then rows are added up, by one at a time.
CREATE FUNCTION fn.layer_changed(layer text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    told text := 'webgis.changed_' || layer_changed.layer;
    made bigint;
BEGIN
    IF coalesce(current_setting(told, true), '') <> '' THEN
        RETURN;
    END IF;
    PERFORM set_config(told, 'yes', true);
    INSERT INTO city.layer_change (layer, changes) VALUES (layer_changed.layer, 1) RETURNING id INTO made;
    IF made % 50 = 0 AND pg_try_advisory_xact_lock(hashtextextended('webgis layer changes', 0)) THEN
        WITH gone AS (
            DELETE FROM city.layer_change c WHERE c.layer = layer_changed.layer RETURNING c.changes
        )
        INSERT INTO city.layer_change (layer, changes) SELECT layer_changed.layer, sum(gone.changes) FROM gone;
    END IF;
END $$;
