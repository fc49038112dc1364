-- What construction zones and protection zones of the metro say of a case: found at its report, kept with it.

-- The zones of a place at a moment as a case keeps them (columns of `city.case_zone`), with what its first event tells;
-- NULL where there is none.
CREATE FUNCTION fn.zones_for_case(place geometry, at timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    works record;
    protected record;
BEGIN
    SELECT z.id, z.code, z.version, z.contractor, n.phase INTO works
    FROM fn.construction_at(zones_for_case.place, zones_for_case.at) n
    JOIN city.construction_zone z ON z.id = n.zone_id;
    SELECT m.code, m.kind, m.approximate INTO protected
    FROM fn.metro_zones_at(zones_for_case.place, zones_for_case.at) m ORDER BY m.rank LIMIT 1;
    IF works.id IS NULL AND protected.code IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'zone_id', works.id, 'code', works.code, 'version', works.version, 'phase', works.phase,
        'contractor', works.contractor, 'structure', protected.code, 'protection', protected.kind,
        'approximate', protected.approximate));
END $$;

-- Keep the zones of a case (of `fn.zones_for_case`; JSON's null: none).
CREATE FUNCTION fn.keep_zones(case_id bigint, zones jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM city.case_zone z WHERE z.case_id = keep_zones.case_id;
    IF jsonb_typeof(keep_zones.zones) = 'object' THEN
        INSERT INTO city.case_zone (case_id, zone_id, phase, structure, protection, approximate)
        SELECT keep_zones.case_id, n.zone_id, n.phase, n.structure, n.protection, n.approximate
        FROM jsonb_populate_record(NULL::city.case_zone, keep_zones.zones) n;
    END IF;
END $$;

-- The rule for a case of a class in a construction zone: of the narrowest class, then with a protection, then with a phase.
CREATE FUNCTION fn.zone_rule(kind text, class_code text, protection text, phase text) RETURNS city.zone_rule
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found city.zone_rule;
BEGIN
    SELECT r.* INTO found FROM city.zone_rule r
    WHERE r.kind = zone_rule.kind AND r.class_code = ANY(fn.class_keys(zone_rule.class_code))
      AND r.protection IN ('', coalesce(zone_rule.protection, '')) AND r.phase IN ('', coalesce(zone_rule.phase, ''))
    ORDER BY length(r.class_code) DESC, r.protection = '', r.phase = '' LIMIT 1;
    RETURN found;
END $$;

-- What a case's zones say of it, as it is classed now: which zone (the version of the report) and phase, whose works, which
-- protection; and by the rule of its class severity, limit, and whether it goes to the contractor's department. NULL for a
-- case that lies in none. Of a task: what its case's zones say.
CREATE FUNCTION fn.case_zones(case_id bigint, kind text, class_code text) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    of_case city.case_zone;
    works city.construction_zone;
    rule city.zone_rule;
    told jsonb;
BEGIN
    SELECT k.* INTO of_case FROM city.case_zone k WHERE k.case_id = case_zones.case_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    told := jsonb_build_object('protection', of_case.protection, 'approximate', of_case.approximate);
    IF of_case.structure IS NOT NULL THEN
        told := told || (SELECT jsonb_build_object('structure', s.code, 'structure_kind', s.kind,
                                                   'structure_zh', s.name_zh, 'structure_en', s.name_en)
                         FROM city.metro_structure s WHERE s.code = of_case.structure);
    END IF;
    IF of_case.zone_id IS NULL THEN
        RETURN told;
    END IF;
    SELECT z.* INTO works FROM city.construction_zone z WHERE z.id = of_case.zone_id;
    rule := fn.zone_rule(case_zones.kind, case_zones.class_code, of_case.protection, of_case.phase);
    RETURN told || jsonb_build_object(
        'zone_id', works.id, 'code', works.code, 'version', works.version, 'name_zh', works.name_zh,
        'name_en', works.name_en, 'phase', of_case.phase, 'contractor', works.contractor,
        'department', works.department_code, 'metro_department', works.metro_department_code,
        'to_contractor', coalesce(rule.to_contractor, false), 'severity', rule.severity,
        'limit_value', rule.limit_value, 'limit_unit', rule.limit_unit, 'source', rule.source);
END $$;
