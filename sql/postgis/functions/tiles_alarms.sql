-- Tiles of alarms that stand, as far as who asks may see their cases, and of the places where water gathers on roads. Of
-- more than a tile holds the gravest are kept; they are drawn last, above the others.

CREATE FUNCTION fn.alarms_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    WITH gravest AS (
        SELECT a.*, c.number AS case_number
        FROM city.alarm a
        LEFT JOIN city.case c ON c.id = a.case_id
        WHERE a.state = 'open' AND a.geom && ground AND fn.in_tile(a.geom, z, x, y)
          AND fn.sees(coalesce(c.department_code, a.department_code), coalesce(c.cell_code, a.cell_code),
                      coalesce(c.kind, a.kind), coalesce(c.class_code, a.class_code),
                      (asked).departments, (asked).area, (asked).classes)
        ORDER BY a.rank DESC, a.id LIMIT fn.most_points()
    )
    SELECT ST_AsMVT(f, 'alarms', 4096, 'geom') INTO tile
    FROM (
        SELECT a.id AS alarm, a.rank, a.level, s.code, s.name_zh, s.name_en, r.name_zh AS rule_zh, r.name_en AS rule_en,
               a.case_number AS number, extract(epoch FROM a.raised_at)::bigint AS raised,
               EXISTS (SELECT FROM city.alarm_notice n WHERE n.alarm_id = a.id AND n.acknowledged_at IS NULL) AS waiting,
               fn.in_units(a.geom, z, x, y) AS geom
        FROM gravest a
        JOIN city.datastream d ON d.id = a.datastream_id
        JOIN city.station s ON s.id = d.station_id
        JOIN city.threshold_rule r ON r.key = a.rule_key
        ORDER BY a.rank, a.id DESC
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
    WITH worst AS (
        SELECT d.id, d.code, s.name_zh, s.name_en, s.place, a.advice, a.case_number, s.geom
        FROM city.datastream d
        JOIN city.station s ON s.id = d.station_id AND s.active
        LEFT JOIN LATERAL (
            SELECT l.id, l.advice, l.case_number FROM fn.alarm_line l
            WHERE l.datastream_id = d.id AND l.state = 'open'
              AND fn.sees(l.department_code, l.cell_code, l.kind, l.class_code,
                          (asked).departments, (asked).area, (asked).classes)
            ORDER BY l.rank DESC, l.id DESC LIMIT 1
        ) a ON true
        WHERE d.quantity = 'depth' AND d.active AND s.geom && ground AND fn.in_tile(s.geom, z, x, y)
          AND (a.id IS NOT NULL
               OR fn.sees(s.department_code, s.cell_code, NULL, NULL, (asked).departments, (asked).area, NULL))
        ORDER BY (a.advice IS NULL), d.id DESC LIMIT fn.most_points()
    )
    SELECT ST_AsMVT(f, 'waterlogging', 4096, 'geom') INTO tile
    FROM (
        SELECT w.code, w.name_zh, w.name_en, w.place, coalesce(w.advice, 'open') AS road, w.case_number AS number,
               fn.in_units(w.geom, z, x, y) AS geom
        FROM worst w ORDER BY (w.advice IS NOT NULL), w.id
    ) f;
    RETURN tile;
END $$;
