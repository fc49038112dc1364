-- The register of components: its lines as people read them, changes with their history, and what is near a place.

-- The place of a component: the point itself, the middle of a line, a point inside a polygon.
CREATE FUNCTION fn.component_place(geom geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE GeometryType(geom)
        WHEN 'POINT' THEN geom
        WHEN 'LINESTRING' THEN ST_LineInterpolatePoint(geom, 0.5)
        ELSE ST_PointOnSurface(geom) END
$$;

-- A component with all 18 fields of the standard, the names of its class, and its place in degrees.
CREATE VIEW fn.component_line AS
SELECT c.code, c.standard, c.class_code, k.name_zh AS class_zh, k.name_en AS class_en, c.name,
       c.authority_code, c.authority_name, c.owner_code, c.owner_name, c.maintainer_code, c.maintainer_name,
       c.cell_code, c.state, c.surveyed_on, c.changed_on, c.source, c.remark,
       c.subdistrict_code, s.name_zh AS subdistrict_name, c.community_code, v.name_zh AS community_name,
       c.accuracy_class, c.second_code, c.former_code, c.version, c.geom,
       ST_X(p.place) AS lon, ST_Y(p.place) AS lat
FROM city.component c
JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
LEFT JOIN city.area s ON s.code = c.subdistrict_code
LEFT JOIN city.area v ON v.code = c.community_code
CROSS JOIN LATERAL (SELECT fn.component_place(c.geom) AS place) p;

-- A component by its code. PL/pgSQL keeps the plan.
CREATE FUNCTION fn.component(code text) RETURNS SETOF fn.component_line
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY SELECT * FROM fn.component_line l WHERE l.code = component.code;
END $$;

-- What can differ between two versions of a component, as its history keeps it.
CREATE FUNCTION fn.component_facts(c city.component) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_jsonb(c) - '{code,kind,class_number,subdistrict_code,community_code,geom,version,square_x,square_y}'::text[]
        || jsonb_build_object('geom', ST_AsText(c.geom, 9))
$$;

-- field -> [before, after] of the fields that differ.
CREATE FUNCTION fn.component_differences(was city.component, is_now city.component) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(n.key, jsonb_build_array(o.value, n.value)), '{}')
    FROM jsonb_each(fn.component_facts(was)) o
    JOIN jsonb_each(fn.component_facts(is_now)) n USING (key)
    WHERE o.value IS DISTINCT FROM n.value
$$;

-- Change a component and write its history. `changes` are columns by name; `event`: at, action, person_id, survey_id,
-- reason. Returns what differed (empty: nothing did, and nothing was written), or null when there is no such component
-- or, with `expected`, it has another version.
CREATE FUNCTION fn.change_component(code text, changes jsonb, event jsonb, expected integer DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    was city.component;
    wanted city.component;
    differs jsonb;
BEGIN
    SELECT * INTO was FROM city.component c WHERE c.code = change_component.code FOR UPDATE;
    IF NOT FOUND OR was.version <> change_component.expected THEN
        RETURN NULL;
    END IF;
    wanted := jsonb_populate_record(was, change_component.changes);
    differs := fn.component_differences(was, wanted) - 'changed_on';
    IF differs = '{}' THEN
        RETURN differs;
    END IF;
    UPDATE city.component c
    SET (name, second_code, former_code, authority_code, authority_name, owner_code, owner_name, maintainer_code,
         maintainer_name, cell_code, state, surveyed_on, changed_on, source, remark, accuracy_class, geom, version) =
        (SELECT wanted.name, wanted.second_code, wanted.former_code, wanted.authority_code, wanted.authority_name,
                wanted.owner_code, wanted.owner_name, wanted.maintainer_code, wanted.maintainer_name,
                wanted.cell_code, wanted.state, wanted.surveyed_on, wanted.changed_on, wanted.source, wanted.remark,
                wanted.accuracy_class, wanted.geom, was.version + 1)
    WHERE c.code = change_component.code;
    INSERT INTO city.component_event
        (component_code, version, at, action, state, changes, person_id, survey_id, reason)
    SELECT was.code, was.version + 1, e.at, e.action, wanted.state, differs, e.person_id, e.survey_id, e.reason
    FROM jsonb_to_record(change_component.event) AS e
        (at timestamptz, action text, person_id integer, survey_id bigint, reason text);
    PERFORM fn.layer_changed('components');
    RETURN differs;
END $$;

-- A case was opened on a component: one that was intact is damaged. Returns whether it changed.
CREATE FUNCTION fn.component_case_opened(code text, day date, event jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM city.component c WHERE c.code = component_case_opened.code AND c.state = 'intact' FOR UPDATE;
    RETURN FOUND AND fn.change_component(
        component_case_opened.code,
        jsonb_build_object('state', 'damaged', 'changed_on', component_case_opened.day),
        component_case_opened.event || '{"action": "case_opened"}') <> '{}';
END $$;

-- A case on a component has ended. `repaired`: it was closed, so the component is intact again; else (rejected, void,
-- merged) only what a case made damaged is. Never in a state that no case gives. Whether another open case is on it is
-- for the caller to know.
CREATE FUNCTION fn.component_case_closed(code text, repaired boolean, day date, event jsonb)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM city.component c
    WHERE c.code = component_case_closed.code AND c.state IN ('damaged', 'lost') FOR UPDATE;
    IF NOT FOUND OR NOT repaired AND 'case_opened' IS DISTINCT FROM (
        SELECT e.action FROM city.component_event e
        WHERE e.component_code = component_case_closed.code AND e.changes ? 'state' ORDER BY e.version DESC LIMIT 1
    ) THEN
        RETURN false;
    END IF;
    RETURN fn.change_component(
        component_case_closed.code,
        jsonb_build_object('state', 'intact', 'changed_on', component_case_closed.day),
        component_case_closed.event || '{"action": "case_closed"}') <> '{}';
END $$;

-- The components nearest to a place, not further than `within_m` metres, at most `most`; those removed are left out.
-- The index gives them by distance in degrees, which is not the order in metres (a degree of longitude is shorter). But
-- the greatest distance in metres of the first `most` by degrees bounds that of the `most` nearest, and every path of d
-- degrees is at least d * 110,500 * cos(latitude) metres long: so a box of that size holds them all.
CREATE FUNCTION fn.components_near(point geometry, class_code text, most integer, within_m double precision)
RETURNS TABLE (code text, distance_m double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET jit = off AS $$
DECLARE
    metre double precision := 1 / (110500 * cos(radians(least(abs(ST_Y(components_near.point)), 89))));
    here geography := components_near.point::geography;
    held integer;
    reach double precision;
BEGIN
    IF components_near.class_code IS NULL THEN
        SELECT count(*), max(ST_Distance(n.geom::geography, here)) INTO held, reach
        FROM (SELECT c.geom FROM city.component c WHERE c.state <> 'removed'
              ORDER BY c.geom <-> components_near.point LIMIT most) n;
    ELSE
        SELECT count(*), max(ST_Distance(n.geom::geography, here)) INTO held, reach
        FROM (SELECT c.geom FROM city.component c
              WHERE c.class_number = components_near.class_code::integer AND c.state <> 'removed'
              ORDER BY c.geom <-> components_near.point LIMIT most) n;
    END IF;
    IF held < most OR reach > within_m THEN
        reach := within_m;
    END IF;
    RETURN QUERY
    SELECT n.code, n.metres
    FROM (SELECT c.code, ST_Distance(c.geom::geography, here) AS metres FROM city.component c
          WHERE c.geom && ST_Expand(components_near.point, reach * metre) AND c.state <> 'removed'
            AND (components_near.class_code IS NULL OR c.class_number = components_near.class_code::integer)) n
    WHERE n.metres <= reach
    ORDER BY n.metres, n.code
    LIMIT most;
END $$;

-- Components are added one writer at a time, so that a new code is given once.
CREATE FUNCTION fn.lock_register() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('webgis register of components', 0))
$$;

-- The next free code of a county and class; null when all 999,999 are given. Locks the register for adding.
CREATE FUNCTION fn.next_component_code(prefix text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE last integer;
BEGIN
    PERFORM fn.lock_register();
    SELECT right(c.code, 6)::integer INTO last FROM city.component c
    WHERE c.code BETWEEN prefix || '000000' AND prefix || '999999' ORDER BY c.code DESC LIMIT 1;
    RETURN CASE WHEN coalesce(last, 0) < 999999 THEN prefix || lpad((coalesce(last, 0) + 1)::text, 6, '0') END;
END $$;

-- Add a component with the first line of its history; false when the code is there already. `given`: columns by name,
-- `event`: at, person_id, survey_id, reason.
CREATE FUNCTION fn.add_component(given jsonb, event jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE made city.component;
BEGIN
    PERFORM fn.lock_register();
    INSERT INTO city.component
        (code, standard, class_code, name, second_code, former_code, authority_code, authority_name, owner_code,
         owner_name, maintainer_code, maintainer_name, cell_code, state, surveyed_on, changed_on, source, remark,
         accuracy_class, geom)
    SELECT g.code, g.standard, g.class_code, g.name, g.second_code, g.former_code, g.authority_code,
           g.authority_name, g.owner_code, g.owner_name, g.maintainer_code, g.maintainer_name, g.cell_code,
           coalesce(g.state, 'intact'), g.surveyed_on, g.changed_on, g.source, g.remark, g.accuracy_class, g.geom
    FROM jsonb_populate_record(NULL::city.component, add_component.given) g
    ON CONFLICT DO NOTHING
    RETURNING * INTO made;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO city.component_event (component_code, version, at, action, state, changes, person_id, survey_id, reason)
    SELECT made.code, 1, e.at, 'registered', made.state, '{}', e.person_id, e.survey_id, e.reason
    FROM jsonb_to_record(add_component.event) AS e (at timestamptz, person_id integer, survey_id bigint, reason text);
    PERFORM fn.layer_changed('components');
    RETURN true;
END $$;

-- Put the storable rows of a staged survey into the register: new codes are added, components that differ get a new
-- version, the others stay. `event`: at, person_id, survey_id, reason.
CREATE FUNCTION fn.take_over_survey(
    survey bigint, day date, event jsonb, OUT added integer, OUT changed integer, OUT unchanged integer
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE one record;
BEGIN
    added := 0;
    changed := 0;
    unchanged := 0;
    FOR one IN
        SELECT r.code, r.fields || jsonb_build_object('geom', r.geom::text) AS given
        FROM city.component_survey_row r WHERE r.survey_id = survey AND r.storable ORDER BY r.code
    LOOP
        IF fn.add_component(one.given, event) THEN
            added := added + 1;
        ELSIF fn.change_component(one.code, jsonb_build_object('changed_on', day) || one.given,
                                  event || '{"action": "surveyed"}') <> '{}' THEN
            changed := changed + 1;
        ELSE
            unchanged := unchanged + 1;
        END IF;
    END LOOP;
END $$;

-- Give components whose cell is no longer valid the cell of today; returns how many have a new one. Those that no
-- cell holds any more keep theirs.
CREATE FUNCTION fn.regrid_components(event jsonb) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE moved bigint;
BEGIN
    WITH lost AS MATERIALIZED (
        SELECT c.code, c.version + 1 AS version, c.state, c.cell_code AS was,
               (fn.cell_at(fn.component_place(c.geom))).code AS is_now
        FROM city.component c
        WHERE NOT EXISTS (SELECT FROM city.cell g WHERE g.code = c.cell_code AND upper_inf(g.valid))
        ORDER BY c.code FOR UPDATE
    ), told AS (
        INSERT INTO city.component_event (component_code, version, at, action, state, changes, person_id, reason)
        SELECT l.code, l.version, e.at, 'regridded', l.state,
               jsonb_build_object('cell_code', jsonb_build_array(l.was, l.is_now)), e.person_id, e.reason
        FROM lost l, jsonb_to_record(regrid_components.event) AS e (at timestamptz, person_id integer, reason text)
        WHERE l.is_now IS NOT NULL
    ), done AS (
        UPDATE city.component c SET cell_code = l.is_now, version = l.version
        FROM lost l WHERE c.code = l.code AND l.is_now IS NOT NULL RETURNING c.code
    )
    SELECT count(*) INTO moved FROM done;
    RETURN moved;
END $$;
