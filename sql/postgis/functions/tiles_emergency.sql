-- Tiles of open emergencies: the ground of each, and its place. There are never many.
CREATE FUNCTION fn.emergency_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'emergency', 4096, 'geom') INTO tile
    FROM (
        SELECT e.number, e.kind, e.level, e.title, e.exercise, s.geom
        FROM city.emergency e
        CROSS JOIN LATERAL (
            SELECT fn.drawn(e.area, z, x, y) AS geom WHERE e.area && ground
            UNION ALL
            SELECT fn.in_units(e.place, z, x, y) WHERE fn.in_tile(e.place, z, x, y)
        ) s
        WHERE e.state = 'open' AND s.geom IS NOT NULL
            AND starts_with(e.cell_code, coalesce((asked).area, ''))
            AND ((asked).departments IS NULL OR EXISTS (
                SELECT FROM city.emergency_party p WHERE p.emergency_id = e.id AND p.left_at IS NULL
                    AND p.department_code = ANY((asked).departments)))
    ) f;
    RETURN tile;
END $$;
