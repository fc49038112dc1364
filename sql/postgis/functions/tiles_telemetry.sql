-- Tiles of stations: a dot for each by how its sensors stand, the worst first. An alarm is one that who asks may know of.
CREATE FUNCTION fn.sensors_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'sensors', 4096, 'geom') INTO tile
    FROM (
        SELECT s.code, s.name_zh, s.name_en, s.place, w.state, w.sensors, w.sensor, s.illustrative,
               fn.in_units(s.geom, z, x, y) AS geom
        FROM city.station s
        CROSS JOIN LATERAL (
            SELECT (array_agg(o.state ORDER BY o.rank, o.code))[1] AS state,
                   (array_agg(o.code ORDER BY o.rank, o.code))[1] AS sensor,
                   count(*)::integer AS sensors, min(o.rank) AS rank
            FROM (
                SELECT d.code, t.state, array_position(ARRAY['alarm', 'silent', 'ok', 'new'], t.state) AS rank
                FROM city.datastream d
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN EXISTS (
                        SELECT FROM fn.alarm_line l WHERE l.datastream_id = d.id AND l.state = 'open'
                          AND starts_with(coalesce(l.cell_code, ''), coalesce((asked).area, ''))
                          AND fn.in_classes(l.kind, l.class_code, (asked).classes)
                          AND ((asked).departments IS NULL OR l.department_code = ANY((asked).departments))
                    ) THEN 'alarm' WHEN d.silent_since IS NOT NULL THEN 'silent'
                    WHEN d.heard_at IS NULL THEN 'new' ELSE 'ok' END AS state
                ) t
                WHERE d.station_id = s.id AND d.active
            ) o
        ) w
        WHERE s.active AND w.sensors > 0 AND s.geom && ground AND fn.in_tile(s.geom, z, x, y)
        ORDER BY w.rank DESC, s.id LIMIT fn.most_points()
    ) f;
    RETURN tile;
END $$;
