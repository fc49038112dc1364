-- Protection zones of the metro and permits for work in them: what holds at a place and a moment.

-- The protection zones in which a point lies at a moment, edges included; `rank` 1 holds before the others (the order of
-- webgis/metro/protection.py). `code`: of the structure, `structure`: its kind, `kind`: of the zone.
-- plpgsql, because its plan is kept: intake asks at every report.
CREATE FUNCTION fn.metro_zones_at(point geometry, at timestamptz DEFAULT now())
RETURNS TABLE (code text, structure text, kind text, name_zh text, name_en text, approximate boolean, rank bigint,
               zone_id bigint, metres double precision, line_code text, source text)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT s.code, z.structure_kind, z.kind, s.name_zh, s.name_en, z.approximate,
           row_number() OVER (ORDER BY fn.metro_zone_turn(z.kind), z.metres DESC, z.approximate, s.code, z.id),
           z.id, z.metres, s.line_code, z.source
    FROM city.metro_zone z JOIN city.metro_structure s ON s.code = z.structure_code
    WHERE ST_Covers(z.geom, metro_zones_at.point) AND z.valid @> metro_zones_at.at
    ORDER BY 7;
END $$;

-- The turn of a kind of zone: the strictest first.
CREATE FUNCTION fn.metro_zone_turn(kind text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_position(ARRAY['special', 'control', 'planned'], kind)
$$;

-- The permits in force at a place and a moment, by number.
CREATE FUNCTION fn.metro_permits_at(point geometry, at timestamptz DEFAULT now()) RETURNS SETOF city.metro_permit
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    today constant date := (metro_permits_at.at AT TIME ZONE coalesce(current_setting('webgis.zone', true), 'UTC'))::date;
BEGIN
    RETURN QUERY
    SELECT p.* FROM city.metro_permit p
    WHERE ST_Covers(p.geom, metro_permits_at.point) AND today BETWEEN p.starts AND p.ends
      AND p.granted_at <= metro_permits_at.at AND (p.ended_at IS NULL OR p.ended_at > metro_permits_at.at)
    ORDER BY p.number;
END $$;

-- Whether a structure is there at a moment.
CREATE FUNCTION fn.metro_there(s city.metro_structure, at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT s.since <= at AND (s.until IS NULL OR s.until > at)
$$;
