-- Tiles of hazard sources: the outline of each by level and live state, far away its place. There are never many.
CREATE FUNCTION fn.hazards_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    asked fn.asked := fn.asked(params);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'hazards', 4096, 'geom') INTO tile
    FROM (
        SELECT h.code, h.kind, h.name_zh, h.name_en, coalesce(h.level, 0) AS level,
               coalesce(fn.hazard_live(h.id), 'none') AS live, h.illustrative, s.geom
        FROM city.hazard_source h
        CROSS JOIN LATERAL (
            SELECT fn.drawn(h.geom, z, x, y) AS geom WHERE z >= 13 AND h.geom && ground
            UNION ALL
            SELECT fn.drawn(ST_PointOnSurface(h.geom), z, x, y)
            WHERE h.geom && ground
        ) s
        WHERE h.active AND s.geom IS NOT NULL
            AND ((asked).area IS NULL OR starts_with(h.area_code, (asked).area))
            AND ((asked).departments IS NULL OR cardinality((asked).departments) > 0)
    ) f;
    RETURN coalesce(tile, '');
END $$;
