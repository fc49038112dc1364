-- Tiles of stations: a dot for each by how its worst sensor stands. Of more than a tile holds the worst are kept; they are
-- drawn last, above the others. An alarm is one that who asks may know of.
CREATE FUNCTION fn.sensors_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    WITH alarmed AS (
        SELECT l.datastream_id FROM fn.alarm_line l
        WHERE l.state = 'open' AND fn.sees(l.department_code, l.cell_code, l.kind, l.class_code,
                                           (asked).departments, (asked).area, (asked).classes)
    ), worst AS (
        SELECT s.id, s.code, s.name_zh, s.name_en, s.place, w.state, w.sensors, w.sensor, w.rank, s.illustrative, s.geom
        FROM city.station s
        CROSS JOIN LATERAL (
            SELECT (array_agg(o.state ORDER BY o.rank, o.code))[1] AS state,
                   (array_agg(o.code ORDER BY o.rank, o.code))[1] AS sensor,
                   count(*)::integer AS sensors, min(o.rank) AS rank
            FROM (
                SELECT d.code, t.state, array_position(ARRAY['alarm', 'silent', 'ok', 'new'], t.state) AS rank
                FROM city.datastream d
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN d.id IN (SELECT m.datastream_id FROM alarmed m) THEN 'alarm'
                                WHEN d.silent_since IS NOT NULL THEN 'silent'
                                WHEN d.heard_at IS NULL THEN 'new' ELSE 'ok' END AS state
                ) t
                WHERE d.station_id = s.id AND d.active
            ) o
        ) w
        WHERE s.active AND w.sensors > 0 AND s.geom && ground AND fn.in_tile(s.geom, z, x, y)
        ORDER BY w.rank, s.id LIMIT fn.most_points()
    )
    SELECT ST_AsMVT(f, 'sensors', 4096, 'geom') INTO tile
    FROM (
        SELECT w.code, w.name_zh, w.name_en, w.place, w.state, w.sensors, w.sensor, w.illustrative,
               fn.in_units(w.geom, z, x, y) AS geom
        FROM worst w ORDER BY w.rank DESC, w.id
    ) f;
    RETURN tile;
END $$;
