-- Who handles a case, and who is on duty where. A rule set is data; here is how it is read.

-- Whether a local time falls into hours, weekdays (ISO, 1 Monday) and a period of days, null meaning any. Hours that end
-- at or before their beginning run past midnight: what comes after it counts with the day on which they began.
CREATE FUNCTION fn.falls_in(
    local timestamp, days smallint[], from_time time, until_time time, first_day date, last_day date
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (from_time IS NULL OR CASE WHEN from_time < until_time
                THEN local::time >= from_time AND local::time < until_time
                ELSE local::time >= from_time OR local::time < until_time END)
        AND (days IS NULL OR extract(isodow FROM began.day)::smallint = ANY(days))
        AND (first_day IS NULL OR began.day >= first_day)
        AND (last_day IS NULL OR began.day <= last_day)
    FROM (SELECT local::date - CASE WHEN from_time >= until_time AND local::time < until_time
                 THEN 1 ELSE 0 END AS day) AS began
$$;

-- The order of rules, greatest first: those that name the component's maintainer, then priority, then the more specific
-- (owner, class, kind, zone, place: a cell, a polygon and of two the smaller, an area; then time), then the lower number.
-- A column's place in the array is known to webgis/cases/routing_rules.py, which says in words why one rule beat another.
CREATE FUNCTION fn.rule_rank(r city.routing_rule) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[
        CASE WHEN (r).maintainer_code IS NULL THEN 3 ELSE 5 END,
        (r).priority,
        CASE WHEN (r).owner_code IS NULL THEN 0 ELSE 1 END,
        length((r).class_code),
        CASE WHEN (r).kind = '' THEN 0 ELSE 1 END,
        CASE WHEN (r).zone IS NULL THEN 0 ELSE 1 END,
        CASE WHEN (r).geom IS NULL THEN length((r).area_code) WHEN length((r).area_code) = 15 THEN 16 ELSE 13 END,
        CASE WHEN (r).geom IS NULL THEN 0 ELSE -ST_Area((r).geom) END,
        CASE WHEN (r).first_day IS NULL AND (r).last_day IS NULL THEN 0 ELSE 1 END
            + CASE WHEN (r).days IS NULL THEN 0 ELSE 1 END + CASE WHEN (r).from_time IS NULL THEN 0 ELSE 1 END,
        -(r).number
    ]::double precision[]
$$;

-- The codes under which rules for a class, or for a cell, can stand: itself, what it lies in, and all (the empty code).
CREATE FUNCTION fn.class_keys(class_code text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['', left(class_code, 2), class_code]
$$;

CREATE FUNCTION fn.area_keys(cell_code text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['', left(cell_code, 4), left(cell_code, 6), left(cell_code, 9), left(cell_code, 12), cell_code]
$$;

-- The department of a credit code, or of a kind, that serves a cell: the one of the smallest area, then the lowest code.
CREATE FUNCTION fn.serving_department(cell_code text, wanted_credit text, wanted_kind text) RETURNS varchar
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF wanted_credit IS NOT NULL THEN
        RETURN (SELECT d.code FROM city.department d
                WHERE d.credit_code = wanted_credit AND starts_with(cell_code, coalesce(d.area_code, ''))
                ORDER BY length(coalesce(d.area_code, '')) DESC, d.code LIMIT 1);
    END IF;
    RETURN (SELECT d.code FROM city.department d
            WHERE d.kind = wanted_kind AND starts_with(cell_code, coalesce(d.area_code, ''))
            ORDER BY length(coalesce(d.area_code, '')) DESC, d.code LIMIT 1);
END $$;

-- The departments that a case could go to, the one it goes to first, at most `most`: by rules of a version (null: the
-- active one), by the component's maintainer and owner, by the kind that its filing condition names.
CREATE FUNCTION fn.choose_department(
    wanted_version integer, kind text, class_code text, cell_code text, place geometry, component_code text,
    condition_id bigint, at timestamptz, time_zone text, zones text[], most integer
) RETURNS TABLE (
    source text, rank double precision[], department_code varchar, department_zh varchar, department_en varchar,
    by_code text, rule jsonb
) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    used integer := wanted_version;
    owner text;
    maintainer text;
    wanted_kind text;
BEGIN
    IF used IS NULL THEN
        SELECT s.version INTO used FROM city.routing_set s WHERE s.state = 'active';
    END IF;
    IF choose_department.component_code IS NOT NULL THEN
        SELECT c.owner_code, c.maintainer_code INTO owner, maintainer
        FROM city.component c WHERE c.code = choose_department.component_code;
    END IF;
    IF choose_department.condition_id IS NOT NULL THEN
        SELECT f.department_kind INTO wanted_kind FROM city.filing_condition f WHERE f.id = choose_department.condition_id;
    END IF;
    RETURN QUERY
    SELECT o.source, o.rank, d.code, d.name_zh, d.name_en, o.by_code,
           CASE WHEN r.id IS NOT NULL THEN to_jsonb(r) - 'geom' || jsonb_build_object('polygon', r.geom IS NOT NULL) END
    FROM (
        SELECT 'rule' AS source, fn.rule_rank(m) AS rank, m.department_code, m.id AS rule_id, NULL::text AS by_code
        FROM city.routing_rule m
        WHERE m.version = used
            AND m.class_code = ANY(fn.class_keys(choose_department.class_code))
            AND m.area_code = ANY(fn.area_keys(choose_department.cell_code))
            AND m.kind IN ('', choose_department.kind)
            AND (m.owner_code IS NULL OR m.owner_code = owner)
            AND (m.maintainer_code IS NULL OR m.maintainer_code = maintainer)
            AND (m.zone IS NULL OR m.zone = ANY(choose_department.zones))
            AND fn.falls_in(choose_department.at AT TIME ZONE choose_department.time_zone,
                            m.days, m.from_time, m.until_time, m.first_day, m.last_day)
            AND (m.geom IS NULL OR ST_Covers(m.geom, choose_department.place))
        UNION ALL
        SELECT w.source, ARRAY[w.tier]::double precision[],
               fn.serving_department(choose_department.cell_code, w.credit, w.kind), NULL, coalesce(w.credit, w.kind)
        FROM (VALUES ('component-maintainer', 4, maintainer, NULL), ('component-owner', 2, owner, NULL),
                     ('condition-kind', 1, NULL, wanted_kind)) AS w (source, tier, credit, kind)
        WHERE coalesce(w.credit, w.kind) IS NOT NULL
    ) AS o
    JOIN city.department d ON d.code = o.department_code
    LEFT JOIN city.routing_rule r ON r.id = o.rule_id
    ORDER BY o.rank DESC
    LIMIT most;
END $$;

-- The inspector who is on duty in a beat of the cell at a moment, else the one whose beat's ground is nearest; of several
-- the one with the least open work, then the lowest id. Never `not_person`. No row when nobody is on duty.
-- Beats are compared in degrees with longitude shrunk to the latitude, which within a city is the order in metres.
CREATE FUNCTION fn.inspector_for(place geometry, cell_code text, at timestamptz, time_zone text, not_person integer)
RETURNS TABLE (
    person_id integer, beat_code text, beat_zh text, beat_en text, inside boolean, metres double precision
) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    here timestamp := inspector_for.at AT TIME ZONE time_zone;
    shrink double precision := cos(radians(ST_Y(place)));
BEGIN
    RETURN QUERY
    SELECT s.person_id, b.code, b.name_zh, b.name_en, true, 0::double precision
    FROM city.beat_cell c
    JOIN city.beat b ON b.id = c.beat_id AND b.valid @> inspector_for.at
    JOIN city.beat_shift s ON s.beat_id = b.id
        AND fn.falls_in(here, s.days, s.from_time, s.until_time, NULL, NULL)
    JOIN city.person p ON p.id = s.person_id AND p.active AND p.role = 'inspector'
    WHERE c.cell_code = inspector_for.cell_code AND s.person_id IS DISTINCT FROM not_person
    ORDER BY (SELECT count(*) FROM city.open_case o WHERE o.inspector_id = s.person_id), s.person_id, b.code LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT n.person_id, n.code, n.name_zh, n.name_en, false, ST_Distance(n.geom::geography, place::geography)
    FROM (
        SELECT s.person_id, b.code, b.name_zh, b.name_en, b.geom
        FROM city.beat b
        JOIN city.beat_shift s ON s.beat_id = b.id
            AND fn.falls_in(here, s.days, s.from_time, s.until_time, NULL, NULL)
        JOIN city.person p ON p.id = s.person_id AND p.active AND p.role = 'inspector'
        WHERE b.valid @> inspector_for.at AND b.geom IS NOT NULL AND s.person_id IS DISTINCT FROM not_person
        ORDER BY ST_Distance(ST_Scale(b.geom, shrink, 1), ST_Scale(place, shrink, 1)),
                 (SELECT count(*) FROM city.open_case o WHERE o.inspector_id = s.person_id), s.person_id, b.code
        LIMIT 1
    ) AS n;
END $$;
