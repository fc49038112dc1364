-- A case as people see it: with the names of its class and department, its place in degrees, and its photos counted.
CREATE VIEW fn.case_line AS
SELECT c.id, c.number, c.state, c.kind, c.standard, c.class_code, k.name_zh AS class_zh, k.name_en AS class_en,
       c.description, c.address, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, c.accuracy_m, c.cell_code, c.source,
       c.condition_id, c.department_code, d.name_zh AS department_zh, d.name_en AS department_en, c.resolver_id,
       c.reported_at, c.dispatched_at, c.deadline_at, c.resolved_at, c.closed_at, c.changed_at, c.rework_count,
       c.version, (SELECT count(*) FROM city.photo p WHERE p.case_id = c.id) AS photo_count
FROM city.case c
JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
LEFT JOIN city.department d ON d.code = c.department_code;

-- Cases by id, newest first. PL/pgSQL keeps the plan, and planning costs more than the answer.
CREATE FUNCTION fn.case_lines(ids bigint[]) RETURNS SETOF fn.case_line
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM fn.case_line l WHERE l.id = ANY(case_lines.ids) ORDER BY l.reported_at DESC, l.id DESC;
END $$;

-- A case locked for a step, if it may be seen: `seen_by` is a department's code, or null for all cases.
CREATE FUNCTION fn.lock_case(number text, seen_by text) RETURNS SETOF city.case
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    SELECT c.* FROM city.case c
    WHERE c.number = lock_case.number AND (lock_case.seen_by IS NULL OR c.department_code = lock_case.seen_by)
    FOR UPDATE;
END $$;

-- Write a step: `changes` are columns of the case by name, `event` those of its event; returns the event's id.
CREATE FUNCTION fn.write_step(case_id bigint, changes jsonb, event jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE event_id bigint;
BEGIN
    UPDATE city.case c
    SET (state, condition_id, department_code, resolver_id, dispatched_at, deadline_at, resolved_at, closed_at,
         rework_count, changed_at, version) =
        (SELECT n.state, n.condition_id, n.department_code, n.resolver_id, n.dispatched_at, n.deadline_at,
                n.resolved_at, n.closed_at, n.rework_count, now(), c.version + 1
         FROM jsonb_populate_record(c, write_step.changes) n)
    WHERE c.id = write_step.case_id;

    INSERT INTO city.case_event
        (case_id, at, action, from_state, to_state, person_id, role, department_code, given, geom)
    SELECT write_step.case_id, e.at, e.action, e.from_state, e.to_state, e.person_id, e.role, e.department_code,
           e.given, ST_SetSRID(ST_Point(e.lon, e.lat), 4490)
    FROM jsonb_to_record(write_step.event) AS e
        (at timestamptz, action text, from_state text, to_state text, person_id integer, role text,
         department_code text, given jsonb, lon double precision, lat double precision)
    RETURNING id INTO event_id;
    RETURN event_id;
END $$;
