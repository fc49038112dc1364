-- Construction zones: what is valid at a place and a moment, as it was known then.

-- The construction zone that holds at a place and a moment, by what was known at that moment: of several the smallest, then
-- the one of the lower code. plpgsql, because its plan is kept: intake asks at every report.
CREATE FUNCTION fn.construction_at(place geometry, at timestamptz)
RETURNS TABLE (zone_id bigint, phase text)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT z.id, fn.construction_phase(z.id, construction_at.at)
    FROM city.construction_zone z
    WHERE ST_Covers(z.geom, construction_at.place)
      AND z.valid @> construction_at.at AND z.recorded @> construction_at.at
    ORDER BY ST_Area(z.geom), z.code LIMIT 1;
END $$;

-- The phase of a zone (a version) that holds at a moment: the one that began last, then the later of the usual order.
CREATE FUNCTION fn.construction_phase(zone_id bigint, at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT p.kind FROM city.construction_phase p
            WHERE p.zone_id = construction_phase.zone_id AND p.valid @> construction_phase.at
            ORDER BY p.first_day DESC, p.place DESC LIMIT 1);
END $$;

-- What works do to traffic at a moment, by what is known at `known`, and with what each line is in conflict: closures and ways
-- round of other zones, routes of emergency vehicles. `near`: metres between lines of one road; `along`: so many metres of a
-- line near another are more than a crossing, as is half of a line that is short; `wet`: a way round passes a place under
-- water if it comes so near (asked of now alone: of other days nobody knows); `srid`: of metres. A way round is also in
-- conflict with what it only crosses, and so is a road closed across an emergency route; one that ends at it is not. Of each
-- conflict the part of the line is told.
CREATE FUNCTION fn.construction_traffic(
    at timestamptz, known timestamptz, near float8, along float8, wet float8, srid integer
)
RETURNS TABLE (id bigint, kind text, words text, zone text, name_zh text, name_en text, contractor text,
               illustrative boolean, first_day date, last_day date, width_left_m float8, geometry jsonb, conflicts jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    WITH lines AS MATERIALIZED (
        SELECT l.id, l.kind, l.words, z.code, z.name_zh, z.name_en, z.contractor, z.illustrative,
               coalesce(l.first_day, z.first_day) AS first_day, coalesce(l.last_day, z.last_day) AS last_day,
               z.width_left_m, l.geom, ST_Transform(l.geom, srid) AS metres
        FROM city.construction_zone z JOIN city.construction_line l ON l.zone_id = z.id
        WHERE z.recorded @> construction_traffic.known AND z.valid @> construction_traffic.at
          AND l.valid @> construction_traffic.at
    ), others AS (
        SELECT l.code, l.kind, l.name_zh, l.name_en, l.metres FROM lines l WHERE l.kind = 'closure'
        UNION ALL
        SELECT r.code, 'emergency-route', r.name_zh, r.name_en, ST_Transform(r.geom, srid) FROM city.emergency_route r
        UNION ALL
        SELECT w.station, 'water', w.name_zh, w.name_en, ST_Buffer(ST_Transform(w.geom, srid), greatest(wet - near, 0))
        FROM fn.advised_closures() w
        WHERE w.advice = 'closed' AND abs(extract(epoch FROM now() - construction_traffic.at)) < 3600
    ), met AS (
        SELECT l.id, o.code, o.kind, o.name_zh, o.name_en, n.part, ST_Length(n.part) AS metres
        FROM lines l JOIN others o ON ST_DWithin(l.metres, o.metres, near)
        CROSS JOIN LATERAL (SELECT ST_Intersection(l.metres, ST_Buffer(o.metres, near)) AS part) n
        WHERE CASE o.kind WHEN 'water' THEN l.kind = 'diversion'
                          WHEN 'emergency-route' THEN l.kind <> 'diversion'
                          ELSE o.code <> l.code END
          AND (l.kind = 'diversion' OR ST_Length(n.part) >= least(along, ST_Length(l.metres) / 2)
               OR o.kind = 'emergency-route' AND l.kind = 'closure' AND ST_DWithin(l.metres, o.metres, 1)
                  AND ST_NumGeometries(ST_Difference(l.metres, ST_Buffer(o.metres, near))) > 1)
    )
    SELECT l.id, l.kind, l.words, l.code, l.name_zh, l.name_en, l.contractor, l.illustrative, l.first_day, l.last_day,
           l.width_left_m, ST_AsGeoJSON(l.geom, 7, 0)::jsonb,
           coalesce((SELECT jsonb_agg(jsonb_build_object('with', m.code, 'kind', m.kind, 'name_zh', m.name_zh,
                                                         'name_en', m.name_en, 'metres', round(m.metres::numeric, 1),
                                                         'part', ST_AsGeoJSON(ST_Transform(m.part, 4490), 7, 0)::jsonb)
                                      ORDER BY m.kind, m.code)
                     FROM met m WHERE m.id = l.id), '[]')
    FROM lines l ORDER BY l.code, l.id;
END $$;

-- How many visits moments are (in order): the first, and each that is at least `apart` after the last that counts.
CREATE FUNCTION fn.visits(moments timestamptz[], apart interval) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    moment timestamptz;
    counted timestamptz;
    visits integer := 0;
BEGIN
    FOREACH moment IN ARRAY moments LOOP
        IF counted IS NULL OR moment >= counted + apart THEN
            visits := visits + 1;
            counted := moment;
        END IF;
    END LOOP;
    RETURN visits;
END $$;
