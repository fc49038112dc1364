-- Tiles of alarms that stand, as far as who asks may see their cases, and of the places where water gathers on roads.

CREATE FUNCTION fn.alarms_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'alarms', 4096, 'geom') INTO tile
    FROM (
        SELECT a.id AS alarm, a.rank, a.level, s.code, s.name_zh, s.name_en, r.name_zh AS rule_zh, r.name_en AS rule_en,
               c.number, extract(epoch FROM a.raised_at)::bigint AS raised,
               EXISTS (SELECT FROM city.alarm_notice n WHERE n.alarm_id = a.id AND n.acknowledged_at IS NULL) AS waiting,
               fn.in_units(a.geom, z, x, y) AS geom
        FROM city.alarm a
        JOIN city.datastream d ON d.id = a.datastream_id
        JOIN city.station s ON s.id = d.station_id
        JOIN city.threshold_rule r ON r.key = a.rule_key
        LEFT JOIN city.case c ON c.id = a.case_id
        WHERE a.state = 'open' AND a.geom && ground AND fn.in_tile(a.geom, z, x, y)
          AND starts_with(coalesce(c.cell_code, a.cell_code, ''), coalesce((asked).area, ''))
          AND fn.in_classes(coalesce(c.kind, a.kind), coalesce(c.class_code, a.class_code), (asked).classes)
          AND ((asked).departments IS NULL
               OR coalesce(c.department_code, a.department_code) = ANY((asked).departments))
        ORDER BY a.rank, a.id DESC LIMIT fn.most_points()
    ) f;
    RETURN tile;
END $$;

-- Sensors of water on roads: `road` is closed or slowed as an alarm advises that stands and that who asks may see, else
-- open.
CREATE FUNCTION fn.waterlogging_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'waterlogging', 4096, 'geom') INTO tile
    FROM (
        SELECT d.code, s.name_zh, s.name_en, s.place, coalesce(a.advice, 'open') AS road, a.case_number AS number,
               fn.in_units(s.geom, z, x, y) AS geom
        FROM city.datastream d
        JOIN city.station s ON s.id = d.station_id AND s.active
        LEFT JOIN LATERAL (
            SELECT l.id, l.advice, l.case_number FROM fn.alarm_line l
            WHERE l.datastream_id = d.id AND l.state = 'open'
              AND starts_with(coalesce(l.cell_code, ''), coalesce((asked).area, ''))
              AND fn.in_classes(l.kind, l.class_code, (asked).classes)
              AND ((asked).departments IS NULL OR l.department_code = ANY((asked).departments))
            ORDER BY l.rank DESC, l.id DESC LIMIT 1
        ) a ON true
        WHERE d.quantity = 'depth' AND d.active AND s.geom && ground AND fn.in_tile(s.geom, z, x, y)
          AND (a.id IS NOT NULL
               OR starts_with(coalesce(s.cell_code, ''), coalesce((asked).area, ''))
                  AND ((asked).departments IS NULL OR s.department_code = ANY((asked).departments)))
        ORDER BY (a.advice IS NOT NULL), d.id LIMIT fn.most_points()
    ) f;
    RETURN tile;
END $$;
