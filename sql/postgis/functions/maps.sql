-- What maps draw: boundaries simplified to the eye's measure, and cells of a view, as finished GeoJSON.

-- Areas of one level that touch the box (degrees, west south east north). Boundaries are simplified to `tolerance`
-- degrees (about what one pixel covers), so that a city's counties are a few kB.
-- `label` is a place inside the area for its name.
CREATE FUNCTION fn.areas_geojson(
    wanted_level text, west float8, south float8, east float8, north float8, tolerance float8
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
        'type', 'Feature',
        'properties', json_build_object(
            'code', a.code, 'level', a.level, 'name_zh', a.name_zh, 'name_en', a.name_en,
            'label', json_build_array(
                round(ST_X(a.inside)::numeric, 5), round(ST_Y(a.inside)::numeric, 5))),
        'geometry', ST_AsGeoJSON(ST_SimplifyPreserveTopology(a.geom, tolerance), 5, 0)::json)
        ORDER BY a.code), '[]'::json))::text
    FROM (
        SELECT code, level, name_zh, name_en, geom, ST_PointOnSurface(geom) AS inside
        FROM city.area
        WHERE level = wanted_level AND geom && ST_MakeEnvelope(west, south, east, north, 4490)
    ) a
$$;

-- Cells valid now that touch the box, at most `most`; `truncated` says whether there are more.
CREATE FUNCTION fn.cells_geojson(
    west float8, south float8, east float8, north float8, most int
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH found AS (
        SELECT c.code, c.geom, a.name_zh, a.name_en
        FROM city.cell c JOIN city.area a ON a.code = c.community_code
        WHERE upper_inf(c.valid) AND c.geom && ST_MakeEnvelope(west, south, east, north, 4490)
        LIMIT most + 1
    ), kept AS (SELECT * FROM found LIMIT most)
    SELECT json_build_object(
        'type', 'FeatureCollection',
        'truncated', (SELECT count(*) > most FROM found),
        'features', coalesce(json_agg(json_build_object(
            'type', 'Feature',
            'properties', json_build_object('code', code, 'area_zh', name_zh, 'area_en', name_en),
            'geometry', ST_AsGeoJSON(geom, 6, 0)::json)), '[]'::json))::text
    FROM kept
$$;
