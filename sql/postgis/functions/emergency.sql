-- Emergencies: their log, which is a chain, and what is near.

-- The hash of a line of the log and of the one before it.
CREATE FUNCTION fn.emergency_hash(previous bytea, e city.emergency_event) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(previous || record_send(ROW(e.emergency_id, e.seq, e.at, e.action, e.person_id, e.role,
        e.department_code, convert_to(e.facts::text, 'UTF8'))));
END $$;

-- Adds a line to the log of an emergency, which stays locked until the transaction ends; its number.
CREATE FUNCTION fn.add_emergency_event(
    emergency_id bigint, at timestamptz, action text, person_id integer, role text, department_code varchar, facts jsonb
) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    line city.emergency_event;
    before bytea;
BEGIN
    SELECT e.version + 1, e.head INTO line.seq, before FROM city.emergency e
    WHERE e.id = add_emergency_event.emergency_id FOR UPDATE;
    line.emergency_id := add_emergency_event.emergency_id;
    line.at := add_emergency_event.at;
    line.action := add_emergency_event.action;
    line.person_id := add_emergency_event.person_id;
    line.role := add_emergency_event.role;
    line.department_code := add_emergency_event.department_code;
    line.facts := add_emergency_event.facts;
    line.hash := fn.emergency_hash(before, line);
    INSERT INTO city.emergency_event (emergency_id, seq, at, action, person_id, role, department_code, facts, hash)
    VALUES (line.emergency_id, line.seq, line.at, line.action, line.person_id, line.role, line.department_code,
            line.facts, line.hash);
    UPDATE city.emergency e SET version = line.seq, head = line.hash WHERE e.id = line.emergency_id;
    PERFORM fn.layer_changed('emergency');
    RETURN line.seq;
END $$;

-- The lines of the log that are not as they were written, by number: another hash than what they say, one missing
-- before them; or the emergency does not end where its log does (0).
CREATE FUNCTION fn.audit_emergency(emergency_id bigint) RETURNS SETOF integer
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT l.seq FROM (
        SELECT e.seq, e.hash IS DISTINCT FROM fn.emergency_hash(coalesce(lag(e.hash) OVER lines, ''), e) AS altered,
               e.seq <> row_number() OVER lines AS missing
        FROM city.emergency_event e WHERE e.emergency_id = audit_emergency.emergency_id
        WINDOW lines AS (ORDER BY e.seq)
    ) l WHERE l.altered OR l.missing
    UNION ALL
    SELECT 0 FROM city.emergency m
    WHERE m.id = audit_emergency.emergency_id AND NOT EXISTS (
        SELECT FROM city.emergency_event e
        WHERE e.emergency_id = m.id AND e.seq = m.version AND e.hash = m.head
            AND NOT EXISTS (SELECT FROM city.emergency_event l WHERE l.emergency_id = m.id AND l.seq > m.version))
    ORDER BY 1;
END $$;

-- Resources within so many metres of a place, of each kind the `most` nearest, the nearest first.
CREATE FUNCTION fn.resources_near(place geometry, within double precision, most integer)
RETURNS TABLE (
    code text, kind text, name_zh text, name_en text, amount text, phone text, address text, department_code varchar,
    illustrative boolean, lon double precision, lat double precision, metres double precision
) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    here geography := place::geography;
    degrees double precision := within / 111000 / cos(radians(ST_Y(place)));
BEGIN
    RETURN QUERY
    SELECT f.code, f.kind, f.name_zh, f.name_en, f.amount, f.phone, f.address, f.department_code, f.illustrative,
           ST_X(f.geom), ST_Y(f.geom), f.metres
    FROM (
        SELECT r.*, d.metres, row_number() OVER (PARTITION BY r.kind ORDER BY d.metres, r.code) AS rank
        FROM city.resource r
        CROSS JOIN LATERAL (SELECT ST_Distance(r.geom::geography, here) AS metres) d
        WHERE r.active AND r.geom && ST_Expand(place, degrees) AND d.metres <= within
    ) f WHERE f.rank <= most ORDER BY f.metres, f.code;
END $$;

-- Who is on a shift now and was last seen, not before `since`, within so many metres of a place; the nearest first.
CREATE FUNCTION fn.crews_near(place geometry, within double precision, since timestamptz, area text, most integer)
RETURNS TABLE (
    shift_id bigint, person_id integer, name varchar, seen_at timestamptz, lon double precision, lat double precision,
    metres double precision
) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    here geography := place::geography;
    degrees double precision := within / 110000 / cos(radians(ST_Y(place)));
BEGIN
    RETURN QUERY
    SELECT c.shift_id, c.person_id, c.name, c.seen_at, ST_X(c.geom), ST_Y(c.geom), d.metres
    FROM fn.crews_on(ST_Expand(place, degrees), crews_near.since, crews_near.area) c
    CROSS JOIN LATERAL (SELECT ST_Distance(c.geom::geography, here) AS metres) d
    WHERE d.metres <= within
    ORDER BY d.metres, c.person_id LIMIT most;
END $$;

-- What happens to emergencies and to CAP messages that came in: ids of one sequence, and when.
CREATE VIEW fn.emergency_news AS
    SELECT e.id, e.at FROM city.emergency_event e
    UNION ALL
    SELECT p.change, coalesce(p.decided_at, p.received_at) FROM city.cap_proposal p WHERE p.change IS NOT NULL;

-- The cells that a CAP message concerns: that of a place inside its ground, or inside the ground of a message that it
-- names, and those of the emergencies that these became.
CREATE FUNCTION fn.cap_cells(message city.cap_proposal) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT coalesce(array_agg(DISTINCT f.code), '{}')
        FROM (
            SELECT message.area, message.emergency_id
            UNION ALL
            SELECT p.area, p.emergency_id
            FROM regexp_split_to_table(message.told ->> 'references', '\s+') AS r (reference)
            JOIN city.cap_proposal p ON p.sender = split_part(r.reference, ',', 1)
                AND p.identifier = split_part(r.reference, ',', 2) AND p.sent = split_part(r.reference, ',', 3)
        ) AS n (area, emergency_id)
        CROSS JOIN LATERAL (
            SELECT c.code FROM city.cell c WHERE upper_inf(c.valid) AND ST_Covers(c.geom, ST_PointOnSurface(n.area))
            UNION ALL
            SELECT e.cell_code FROM city.emergency e WHERE e.id = n.emergency_id
        ) f
    );
END $$;

-- What happened to emergencies after an event, and those of these events: each with how the emergency stands now, who
-- takes part, and who does no longer; or, of a CAP message, its number. The oldest first.
CREATE FUNCTION fn.emergency_changes(since bigint, ids bigint[], most integer)
RETURNS TABLE (id bigint, action text, number text, version integer, level smallint, state text, cells text[],
               parties varchar[], dismissed text, proposal bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT n.* FROM (
        SELECT e.id, e.action, m.number, e.seq, m.level, m.state, ARRAY[m.cell_code],
               ARRAY(SELECT y.department_code FROM city.emergency_party y
                     WHERE y.emergency_id = m.id AND y.left_at IS NULL),
               CASE WHEN e.action = 'dismiss' THEN e.facts ->> 'department' END, NULL::bigint
        FROM city.emergency_event e JOIN city.emergency m ON m.id = e.emergency_id
        WHERE e.id > emergency_changes.since OR e.id = ANY(emergency_changes.ids)
        UNION ALL
        SELECT p.change, 'cap', NULL, NULL, NULL, p.state, fn.cap_cells(p), NULL, NULL, p.id
        FROM city.cap_proposal p
        WHERE p.change > emergency_changes.since OR p.change = ANY(emergency_changes.ids)
    ) n ORDER BY 1 LIMIT emergency_changes.most;
END $$;

-- Where to tell people of an emergency: those of the departments that something happens to, of the department that leads,
-- or of a role; as far as the place lies in their area, and but for who did it.
CREATE FUNCTION fn.emergency_listeners(emergency_id bigint, who text, departments varchar[], but integer)
RETURNS TABLE (address_id integer) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT n.id FROM city.emergency m
    JOIN city.person p ON p.active AND starts_with(m.cell_code, coalesce(p.area_code, ''))
        AND CASE emergency_listeners.who WHEN 'department' THEN p.department_code = ANY(emergency_listeners.departments)
                                         WHEN 'lead' THEN p.department_code = m.lead_code
                                         ELSE p.role = emergency_listeners.who END
    JOIN city.notice_address n ON n.person_id = p.id AND n.address IS NOT NULL
    WHERE m.id = emergency_listeners.emergency_id AND p.id IS DISTINCT FROM emergency_listeners.but
    ORDER BY n.id;
END $$;

-- How many people of each department that takes part have an address to be told at.
CREATE FUNCTION fn.emergency_reached(emergency_id bigint) RETURNS TABLE (department_code varchar, people bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT y.department_code, count(DISTINCT p.id) FILTER (WHERE n.id IS NOT NULL)
    FROM city.emergency m
    JOIN city.emergency_party y ON y.emergency_id = m.id AND y.left_at IS NULL
    LEFT JOIN city.person p ON p.department_code = y.department_code AND p.active
        AND starts_with(m.cell_code, coalesce(p.area_code, ''))
    LEFT JOIN city.notice_address n ON n.person_id = p.id AND n.address IS NOT NULL
    WHERE m.id = emergency_reached.emergency_id
    GROUP BY y.department_code;
END $$;

-- Tasks in one of these states whose deadline is near (a fifth of the time is left) or past and not yet told, of
-- emergencies that are not closed; noted as told.
CREATE FUNCTION fn.take_due_tasks(at timestamptz, standing text[])
RETURNS TABLE (emergency_id bigint, seq integer, event text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    UPDATE city.emergency_task t SET
        near_told_at = coalesce(t.near_told_at, take_due_tasks.at),
        late_told_at = CASE WHEN t.due_at <= take_due_tasks.at THEN take_due_tasks.at END
    FROM city.emergency m
    WHERE m.id = t.emergency_id AND m.closed_at IS NULL AND t.state = ANY(take_due_tasks.standing)
      AND t.late_told_at IS NULL AND (t.due_at <= take_due_tasks.at
          OR t.near_told_at IS NULL AND t.due_at - (t.due_at - t.put_at) / 5 <= take_due_tasks.at)
    RETURNING t.emergency_id, t.seq, CASE WHEN t.late_told_at IS NULL THEN 'due_soon' ELSE 'overdue' END;
END $$;
