-- Tiles of the metro: protection zones where they hold, then lines in their colours, then stations and other structures.

-- `part`: zone, line, place or outline. Lines of one line are one feature while they are seen from afar.
CREATE FUNCTION fn.metro_tile(z integer, x integer, y integer, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    ground geometry := fn.tile_ground(z, x, y, 1 / 64.0);
    tile bytea;
BEGIN
    SELECT ST_AsMVT(f, 'metro', 4096, 'geom') INTO tile
    FROM (
        SELECT * FROM fn.metro_zone_features(ground, z, x, y)
        UNION ALL
        SELECT * FROM fn.metro_line_features(ground, z, x, y)
        UNION ALL
        SELECT * FROM fn.metro_place_features(ground, z, x, y)
    ) f WHERE f.geom IS NOT NULL;
    RETURN coalesce(tile, '');
END $$;

-- What a feature of the metro tells.
CREATE TYPE fn.metro_feature AS (
    part text, kind text, code text, name_zh text, name_en text, line text, colour text, metres float8,
    approximate boolean, geom geometry
);

CREATE FUNCTION fn.metro_zone_features(ground geometry, z integer, x integer, y integer) RETURNS SETOF fn.metro_feature
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT 'zone', n.kind, s.code, s.name_zh, s.name_en, s.line_code, NULL::text, n.metres, n.approximate,
           fn.drawn(n.held, z, x, y)
    FROM city.metro_zone n JOIN city.metro_structure s ON s.code = n.structure_code
    WHERE metro_zone_features.z >= 13 AND NOT ST_IsEmpty(n.held) AND n.geom && metro_zone_features.ground
      AND n.valid @> now()
    ORDER BY fn.metro_zone_turn(n.kind) DESC
$$;

CREATE FUNCTION fn.metro_line_features(ground geometry, z integer, x integer, y integer) RETURNS SETOF fn.metro_feature
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT 'line', min(s.kind), CASE WHEN metro_line_features.z >= 13 THEN s.code END,
           CASE WHEN metro_line_features.z >= 13 THEN min(s.name_zh) ELSE min(l.name_zh) END,
           CASE WHEN metro_line_features.z >= 13 THEN min(s.name_en) ELSE min(l.name_en) END,
           l.code, min(l.colour), NULL::float8, bool_or(NOT s.surveyed), fn.drawn(ST_Collect(s.geom), z, x, y)
    FROM city.metro_structure s LEFT JOIN city.metro_line l ON l.code = s.line_code
    WHERE s.geom && metro_line_features.ground AND ST_Dimension(s.geom) = 1 AND fn.metro_there(s, now())
    GROUP BY l.code, CASE WHEN metro_line_features.z >= 13 THEN s.code END
$$;

CREATE FUNCTION fn.metro_place_features(ground geometry, z integer, x integer, y integer) RETURNS SETOF fn.metro_feature
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE ST_Dimension(s.geom) WHEN 0 THEN 'place' ELSE 'outline' END, s.kind, s.code, s.name_zh, s.name_en,
           coalesce(s.line_code, l.lines), coalesce(l.colour, o.colour), NULL::float8, NOT s.surveyed,
           fn.drawn(s.geom, z, x, y)
    FROM city.metro_structure s LEFT JOIN city.metro_line o ON o.code = s.line_code
    LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT p.line_code, ', ') AS lines,
               CASE WHEN count(DISTINCT p.line_code) = 1 THEN min(k.colour) END AS colour
        FROM city.metro_stop p JOIN city.metro_line k ON k.code = p.line_code WHERE p.structure_code = s.code) l ON true
    WHERE metro_place_features.z >= 11 AND s.geom && metro_place_features.ground AND ST_Dimension(s.geom) <> 1
      AND fn.metro_there(s, now())
$$;
