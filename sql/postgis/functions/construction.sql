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
