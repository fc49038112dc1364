-- Tiles of construction zones as they are on a day of the city, by what is known now: their ground by phase, and the roads
-- that they close, narrow or lead round.

CREATE FUNCTION fn.construction_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    zone text := coalesce(nullif(current_setting('webgis.zone', true), ''), fn.no_zone());
    on_day timestamptz := CASE WHEN params ? 'day' THEN ((params ->> 'day')::date + time '12:00') AT TIME ZONE zone
                               ELSE now() END;
BEGIN
    RETURN (
        SELECT ST_AsMVT(f, 'construction', 4096, 'geom')
        FROM (
            SELECT 'zone' AS part, n.code, n.name_zh, n.name_en, n.contractor, n.road, n.width_left_m,
                   coalesce(fn.construction_phase(n.id, on_day), '') AS phase, n.first_day::text AS first_day,
                   n.last_day::text AS last_day, n.illustrative, NULL::text AS words, 0 AS turn,
                   fn.drawn(CASE WHEN construction_tile.z < 15 THEN ST_PointOnSurface(n.geom) ELSE n.geom END, z, x, y)
                       AS geom
            FROM city.construction_zone n
            WHERE upper_inf(n.recorded) AND n.valid @> on_day AND n.geom && ground
            UNION ALL
            SELECT l.kind, n.code, n.name_zh, n.name_en, n.contractor, n.road, n.width_left_m, '', l.first_day::text,
                   l.last_day::text, n.illustrative, l.words, 1, fn.drawn(l.geom, z, x, y)
            FROM city.construction_line l JOIN city.construction_zone n ON n.id = l.zone_id
            WHERE construction_tile.z >= 15 AND upper_inf(n.recorded) AND n.valid @> on_day AND l.valid @> on_day
              AND l.geom && ground
            ORDER BY turn, code
        ) f WHERE f.geom IS NOT NULL);
END $$;
