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

-- Whether a permit is in force at a moment.
CREATE FUNCTION fn.metro_in_force(p city.metro_permit, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT fn.city_day(metro_in_force.at) BETWEEN p.starts AND p.ends
        AND p.granted_at <= metro_in_force.at AND (p.ended_at IS NULL OR p.ended_at > metro_in_force.at)
$$;

-- The permits in force at a place and a moment, by number.
CREATE FUNCTION fn.metro_permits_at(point geometry, at timestamptz DEFAULT now()) RETURNS SETOF city.metro_permit
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT p.* FROM city.metro_permit p
    WHERE ST_Covers(p.geom, metro_permits_at.point) AND fn.metro_in_force(p, metro_permits_at.at)
    ORDER BY p.number;
END $$;

-- Whether a structure is there at a moment.
CREATE FUNCTION fn.metro_there(s city.metro_structure, at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT s.since <= at AND (s.until IS NULL OR s.until > at)
$$;

-- Whether a class key (`matter:08003`, or null of what has no class) is one of those that somebody is limited to; null:
-- all. What has no class is seen by those without a limit.
CREATE FUNCTION fn.in_class_keys(class_key text, classes text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT classes IS NULL OR EXISTS (SELECT FROM unnest(classes) c WHERE starts_with(class_key, c))
$$;

-- Work that may be without a permit: what it is found by, where, and the moment for which zones and permits count. Open
-- cases of these classes, when they were reported, once for all tasks of one; components that were moved (from the old
-- place or to the new one), removed or lost in the last `days`, when that was; sites of construction zones, at the
-- moment asked, known by the day since which they are without a permit: one that is so again is another. The ground of a permit
-- may be drawn 2 m too small, and 10 m² beside it are no work.
CREATE FUNCTION fn.works_seen(classes text, at timestamptz, days integer)
RETURNS TABLE (found_by text, reference text, class_key text, seen_at timestamptz, place geometry, cell_code text)
LANGUAGE sql STABLE AS $$
    SELECT 'case', c.number, o.kind || ':' || o.class_code, c.reported_at, c.geom, o.cell_code
    FROM city.open_case o JOIN city."case" c ON c.id = o.case_id
    WHERE o.kind || ':' || o.class_code ~ works_seen.classes AND c.relation IS DISTINCT FROM 'task'
    UNION ALL
    SELECT 'component', e.component_code || '/' || e.version, 'component:' || k.class_code, e.at,
           fn.component_place(p.geom), NULL
    FROM city.component_event e JOIN city.component k ON k.code = e.component_code
    CROSS JOIN LATERAL (
        SELECT ST_GeomFromText(one, 4490) AS geom FROM jsonb_array_elements_text(e.changes -> 'geom') one
        UNION ALL SELECT k.geom WHERE NOT e.changes ? 'geom') p
    WHERE e.recorded_at > works_seen.at - make_interval(days => works_seen.days) AND e.version > 1
      AND e.action IN ('edited', 'surveyed')
      AND (e.changes ? 'geom' OR e.changes -> 'state' ->> 1 IN ('removed', 'lost', 'abandoned'))
    UNION ALL
    SELECT 'site', w.code || '/' || to_char(greatest(fn.city_day(lower(w.valid)), o.since), 'YYYY-MM-DD'), NULL,
           works_seen.at, ST_PointOnSurface(b.bare), NULL
    FROM city.construction_zone w
    JOIN LATERAL (SELECT ST_Intersection(w.geom, ST_Union(z.geom)) AS ground FROM city.metro_zone z
                  WHERE ST_Intersects(z.geom, w.geom) AND z.valid @> works_seen.at) n ON n.ground IS NOT NULL
    CROSS JOIN LATERAL (SELECT ST_Union(p.geom) AS ground FROM city.metro_permit p
                        WHERE ST_Intersects(p.geom, w.geom) AND fn.metro_in_force(p, works_seen.at)) g
    JOIN LATERAL (SELECT CASE WHEN g.ground IS NULL THEN n.ground
                              ELSE ST_Difference(n.ground, ST_SetSRID(ST_Buffer(g.ground::geography, 2)::geometry, 4490))
                         END AS bare) b
        ON ST_Area(b.bare::geography) >= 10
    CROSS JOIN LATERAL (SELECT max(least(fn.city_day(p.ended_at), p.ends + 1)) AS since FROM city.metro_permit p
                        WHERE ST_Intersects(p.geom, b.bare) AND ST_Area(ST_Intersection(p.geom, b.bare)::geography) >= 10
                          AND p.granted_at <= works_seen.at
                          AND least(fn.city_day(p.ended_at), p.ends + 1) <= fn.city_day(works_seen.at)) o
    WHERE upper_inf(w.recorded) AND w.valid @> works_seen.at
$$;

-- Keep what was seen and is not known yet; how many are new, by what they were found by.
CREATE FUNCTION fn.find_unpermitted(classes text, at timestamptz, days integer)
RETURNS TABLE (found_by text, count bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    WITH made AS (
        INSERT INTO city.metro_finding AS f (found_by, reference, class_key, at, geom, cell_code, structure_code,
                                             zone_kind)
        SELECT DISTINCT ON (s.found_by, s.reference) s.found_by, s.reference, s.class_key, s.seen_at, s.place,
               coalesce(s.cell_code, (fn.cell_at(s.place, find_unpermitted.at)).code), z.code, z.kind
        FROM fn.works_seen(find_unpermitted.classes, find_unpermitted.at, find_unpermitted.days) s
        CROSS JOIN LATERAL (SELECT h.code, h.kind FROM fn.metro_zones_at(s.place, s.seen_at) h WHERE h.rank = 1) z
        WHERE NOT EXISTS (SELECT FROM fn.metro_permits_at(s.place, s.seen_at))
          AND NOT EXISTS (SELECT FROM city.metro_finding k
                          WHERE k.found_by = s.found_by AND k.reference = s.reference)
        ORDER BY s.found_by, s.reference, fn.metro_zone_turn(z.kind), s.place
        ON CONFLICT DO NOTHING
        RETURNING f.found_by
    )
    SELECT m.found_by, count(*) FROM made m GROUP BY m.found_by;
END $$;
