-- Who handles a case, and who is on duty where. A rule set is data; here is how it is read.

-- Whether a local time falls into hours, weekdays (ISO, 1 Monday) and a period of days, null meaning any. Hours that end
-- at or before their beginning run past midnight: what comes after it counts with the day on which they began.
-- One expression, so that it is written into the query that asks.
CREATE FUNCTION fn.falls_in(
    local timestamp, days smallint[], from_time time, until_time time, first_day date, last_day date
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (from_time IS NULL OR CASE WHEN from_time < until_time
                THEN local::time >= from_time AND local::time < until_time
                ELSE local::time >= from_time OR local::time < until_time END)
        AND (days IS NULL OR extract(isodow FROM local - CASE WHEN from_time >= until_time AND local::time < until_time
                THEN interval '1 day' ELSE interval '0' END)::smallint = ANY(days))
        AND (first_day IS NULL OR (local - CASE WHEN from_time >= until_time AND local::time < until_time
                THEN interval '1 day' ELSE interval '0' END)::date >= first_day)
        AND (last_day IS NULL OR (local - CASE WHEN from_time >= until_time AND local::time < until_time
                THEN interval '1 day' ELSE interval '0' END)::date <= last_day)
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
-- active one), by the component's maintainer and owner, the contractor of a construction zone (the caller has found that the
-- class goes there), by the kind that its filing condition names.
CREATE FUNCTION fn.choose_department(
    wanted_version integer, kind text, class_code text, cell_code text, place geometry, component_code text,
    condition_id bigint, at timestamptz, time_zone text, zones text[], contractor text, most integer
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
        UNION ALL
        SELECT 'construction-zone', ARRAY[3.5]::double precision[], choose_department.contractor, NULL, NULL
        WHERE choose_department.contractor IS NOT NULL
    ) AS o
    JOIN city.department d ON d.code = o.department_code
    LEFT JOIN city.routing_rule r ON r.id = o.rule_id
    ORDER BY o.rank DESC
    LIMIT most;
END $$;

-- The inspector who is on duty in a beat of the cell at a moment, else the one whose beat's ground is nearest; of several
-- the one with the least open work, then the lowest id. Never `not_person`, nor one who is limited to another area or (of
-- a class that is given) to other classes. No row when nobody is on duty.
-- Beats are compared in degrees with longitude shrunk to the latitude, which within a city is the order in metres.
CREATE FUNCTION fn.inspector_for(place geometry, cell_code text, at timestamptz, time_zone text, not_person integer,
                                 kind text, class_code text)
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
        AND fn.may_see(p, inspector_for.cell_code, inspector_for.kind, inspector_for.class_code)
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
            AND fn.may_see(p, inspector_for.cell_code, inspector_for.kind, inspector_for.class_code)
        WHERE b.valid @> inspector_for.at AND b.geom IS NOT NULL AND s.person_id IS DISTINCT FROM not_person
        ORDER BY ST_Distance(ST_Scale(b.geom, shrink, 1), ST_Scale(place, shrink, 1)),
                 (SELECT count(*) FROM city.open_case o WHERE o.inspector_id = s.person_id), s.person_id, b.code
        LIMIT 1
    ) AS n;
END $$;

-- Who is on duty in which beat at a moment, with the number of open cases given to them; by beat and person.
CREATE FUNCTION fn.on_duty(at timestamptz, time_zone text)
RETURNS TABLE (
    beat_code text, beat_zh text, beat_en text, area_code text, person_id integer, login varchar, name varchar,
    from_time time, until_time time, open bigint
) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT b.code, b.name_zh, b.name_en, b.area_code, p.id, p.login, p.name, s.from_time, s.until_time,
           (SELECT count(*) FROM city.open_case o WHERE o.inspector_id = p.id)
    FROM city.beat b
    JOIN city.beat_shift s ON s.beat_id = b.id
        AND fn.falls_in(on_duty.at AT TIME ZONE time_zone, s.days, s.from_time, s.until_time, NULL, NULL)
    JOIN city.person p ON p.id = s.person_id AND p.active AND p.role = 'inspector'
    WHERE b.valid @> on_duty.at
    ORDER BY b.code, p.id;
END $$;

-- Open work: how many cases each department, or each person, has in hand, how many of them are overdue at a moment, how
-- many more are due within a day, and the first moment that one is due. A person's work is what they handle, are to
-- look at, or have claimed. `departments`, `area` and `classes` are what somebody is limited to (`fn.sees`).
CREATE FUNCTION fn.workload(by_person boolean, departments varchar[], area text, classes text[], at timestamptz)
RETURNS TABLE (department_code varchar, person_id integer, open bigint, overdue bigint, due_in_day bigint,
               first_due timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT w.department_code, w.person_id, count(*), count(*) FILTER (WHERE w.due_at < workload.at),
           count(*) FILTER (WHERE w.due_at >= workload.at AND w.due_at < workload.at + interval '1 day'), min(w.due_at)
    FROM (
        SELECT CASE WHEN NOT by_person THEN o.department_code END AS department_code,
               CASE WHEN by_person THEN coalesce(o.inspector_id, o.handler_id,
                    CASE WHEN o.claimed_until > workload.at THEN o.claimed_by END) END AS person_id,
               o.due_at
        FROM city.open_case o
        WHERE fn.sees(o.department_code, o.cell_code, o.kind, o.class_code,
                      workload.departments, workload.area, workload.classes)
    ) w
    WHERE coalesce(w.department_code, w.person_id::text) IS NOT NULL
    GROUP BY w.department_code, w.person_id;
END $$;

-- Where filed cases reported in a span would go by a version of the rules: the same answer as fn.choose_department for
-- each at its dispatch (else its report), without zones, but set-wise. Rules are first matched with the kinds of classes
-- and with the sets of areas that cells lie in, of which there are few; then a case has a few rules to be looked at.
-- Without nested loops: the planner cannot know how many rows the parts have, and would read the rules once per case.
CREATE FUNCTION fn.replay_rules(wanted_version integer, since timestamptz, until timestamptz, time_zone text)
RETURNS TABLE (case_id bigint, was varchar, becomes varchar, source text, rule_id bigint)
LANGUAGE plpgsql STABLE SET work_mem = '256MB' SET jit = off SET enable_nestloop = off AS $$
BEGIN
    RETURN QUERY
    WITH rules AS MATERIALIZED (
        SELECT r.*, row_number() OVER (ORDER BY fn.rule_rank(r) DESC) AS place,
               r.geom IS NULL AND r.owner_code IS NULL AND r.maintainer_code IS NULL AND r.days IS NULL
                   AND r.from_time IS NULL AND r.first_day IS NULL AND r.last_day IS NULL AS always
        FROM city.routing_rule r WHERE r.version = wanted_version AND r.zone IS NULL
    ), cases AS MATERIALIZED (
        SELECT c.id, c.kind, c.class_code, c.cell_code, c.geom, c.component_code, c.condition_id, c.department_code,
               coalesce(c.dispatched_at, c.reported_at) AT TIME ZONE time_zone AS here
        FROM city.case c
        WHERE c.reported_at >= since AND c.reported_at < until
            AND (c.condition_id IS NOT NULL OR c.department_code IS NOT NULL)
    ), covers AS MATERIALIZED (
        SELECT k.cell_code, array_agg(a.area_code ORDER BY a.area_code) AS areas
        FROM (SELECT DISTINCT c.cell_code FROM cases c) k
        CROSS JOIN LATERAL unnest(fn.area_keys(k.cell_code)) AS a (area_code)
        WHERE a.area_code IN (SELECT r.area_code FROM rules r)
        GROUP BY k.cell_code
    ), cover AS MATERIALIZED (
        SELECT v.areas, row_number() OVER () AS id FROM (SELECT DISTINCT o.areas FROM covers o) v
    ), class AS MATERIALIZED (
        SELECT k.kind, k.class_code, row_number() OVER () AS id
        FROM (SELECT DISTINCT c.kind, c.class_code FROM cases c) k
    ), matched AS MATERIALIZED (
        SELECT m.class_id, m.cover_id, m.place FROM (
            SELECT k.id AS class_id, v.id AS cover_id, r.place,
                   min(r.place) FILTER (WHERE r.always) OVER (PARTITION BY k.id, v.id) AS enough
            FROM class k
            CROSS JOIN LATERAL unnest(fn.class_keys(k.class_code)) AS g (class_code)
            JOIN rules r ON r.class_code = g.class_code AND r.kind IN ('', k.kind)
            JOIN (SELECT o.id, a.area_code FROM cover o CROSS JOIN LATERAL unnest(o.areas) AS a (area_code)) v
                ON v.area_code = r.area_code
        ) m
        WHERE m.enough IS NULL OR m.place <= m.enough
    ), keyed AS MATERIALIZED (
        SELECT c.id, c.here, c.geom, k.id AS class_id, v.id AS cover_id
        FROM cases c
        JOIN class k ON k.kind = c.kind AND k.class_code = c.class_code
        JOIN covers o ON o.cell_code = c.cell_code
        JOIN cover v ON v.areas = o.areas
    ), units AS MATERIALIZED (
        SELECT c.id, p.owner_code, p.maintainer_code, left(c.cell_code, 12) AS community
        FROM cases c JOIN city.component p ON p.code = c.component_code
    ), bodies AS MATERIALIZED (
        SELECT u.credit, u.community, fn.serving_department(u.community, u.credit, NULL) AS department_code
        FROM (SELECT maintainer_code AS credit, community FROM units UNION SELECT owner_code, community FROM units) u
        WHERE u.credit IS NOT NULL
    ), kinds AS MATERIALIZED (
        SELECT k.wanted, k.community, fn.serving_department(k.community, NULL, k.wanted) AS department_code
        FROM (
            SELECT DISTINCT f.department_kind AS wanted, left(c.cell_code, 12) AS community
            FROM cases c JOIN city.filing_condition f ON f.id = c.condition_id
            WHERE f.department_kind IS NOT NULL
        ) k
    ), first AS MATERIALIZED (
        SELECT c.id, min(r.place) AS place
        FROM keyed c
        JOIN matched m ON m.class_id = c.class_id AND m.cover_id = c.cover_id
        JOIN rules r ON r.place = m.place
        LEFT JOIN units u ON u.id = c.id
        WHERE r.always OR (
            (r.owner_code IS NULL OR r.owner_code = u.owner_code)
            AND (r.maintainer_code IS NULL OR r.maintainer_code = u.maintainer_code)
            AND fn.falls_in(c.here, r.days, r.from_time, r.until_time, r.first_day, r.last_day)
            AND (r.geom IS NULL OR ST_Covers(r.geom, c.geom)))
        GROUP BY c.id
    )
    SELECT c.id, c.department_code, d.department_code, d.source, CASE WHEN d.source = 'rule' THEN r.id END
    FROM cases c
    LEFT JOIN first f ON f.id = c.id
    LEFT JOIN rules r ON r.place = f.place
    LEFT JOIN units u ON u.id = c.id
    LEFT JOIN bodies m ON m.credit = u.maintainer_code AND m.community = u.community
    LEFT JOIN bodies o ON o.credit = u.owner_code AND o.community = u.community
    LEFT JOIN city.filing_condition n ON n.id = c.condition_id
    LEFT JOIN kinds k ON k.wanted = n.department_kind AND k.community = left(c.cell_code, 12)
    CROSS JOIN LATERAL (
        SELECT CASE
                WHEN r.maintainer_code IS NOT NULL THEN 'rule'
                WHEN m.department_code IS NOT NULL THEN 'component-maintainer'
                WHEN r.id IS NOT NULL THEN 'rule'
                WHEN o.department_code IS NOT NULL THEN 'component-owner'
                WHEN k.department_code IS NOT NULL THEN 'condition-kind'
            END AS source
    ) s
    CROSS JOIN LATERAL (
        SELECT s.source, CASE s.source WHEN 'rule' THEN r.department_code
            WHEN 'component-maintainer' THEN m.department_code WHEN 'component-owner' THEN o.department_code
            WHEN 'condition-kind' THEN k.department_code END AS department_code
    ) d;
END $$;
