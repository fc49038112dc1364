-- A case as people see it: with the names of its class, department and people, its place in degrees, its photos counted.
CREATE VIEW fn.case_line AS
SELECT c.id, c.number, c.state, c.kind, c.standard, c.class_code, k.name_zh AS class_zh, k.name_en AS class_en,
       c.description, c.address, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, c.accuracy_m, c.cell_code, c.source,
       c.condition_id, c.department_code, d.name_zh AS department_zh, d.name_en AS department_en, c.resolver_id,
       c.reporter_id, c.handler_id, h.login AS handler_login, h.name AS handler_name, c.inspector_id,
       i.login AS inspector_login, i.name AS inspector_name, c.component_code, c.confirmation, c.flags, c.relation,
       c.parent_id, p.number AS parent_number, c.outcome, c.ledger, c.due_at, c.paused_at, c.resume_at,
       c.extension_count, c.reported_at, c.dispatched_at, c.deadline_at, c.resolved_at, c.closed_at, c.changed_at,
       c.rework_count, c.version,
       (SELECT count(*) FROM city.photo f WHERE f.case_id = c.id AND f.removed_at IS NULL) AS photo_count,
       CASE WHEN q.case_id IS NOT NULL THEN fn.case_zones(q.case_id, c.kind, c.class_code) END AS zones
FROM city.case c
JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
LEFT JOIN city.department d ON d.code = c.department_code
LEFT JOIN city.person h ON h.id = c.handler_id
LEFT JOIN city.person i ON i.id = c.inspector_id
LEFT JOIN city.case p ON p.id = c.parent_id
LEFT JOIN city.case_zone q ON q.case_id = CASE WHEN c.relation = 'task' THEN c.parent_id ELSE c.id END;

-- Cases by id, in the order of the ids. PL/pgSQL keeps the plan, and planning costs more than the answer.
CREATE FUNCTION fn.case_lines(ids bigint[]) RETURNS SETOF fn.case_line
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT l.* FROM unnest(case_lines.ids) WITH ORDINALITY AS wanted (id, place)
    JOIN fn.case_line l ON l.id = wanted.id ORDER BY wanted.place;
END $$;

-- One case by its number, if it may be seen: `departments`, `area` and `classes` are what somebody is limited to (`fn.sees`).
CREATE FUNCTION fn.case_of(number text, departments varchar[], area varchar, classes text[]) RETURNS SETOF fn.case_line
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT l.* FROM fn.case_line l
    WHERE l.number = case_of.number
      AND fn.sees(l.department_code, l.cell_code, l.kind, l.class_code,
                  case_of.departments, case_of.area, case_of.classes);
END $$;

-- What a step needs to know of a case: its row, its claim, the limit of its filing condition, and how far a given place
-- is from the case and whether it lies in the case's cell.
CREATE TYPE fn.locked_case AS (
    id bigint, number text, state text, kind text, class_code text, cell_code text,
    lon double precision, lat double precision, accuracy_m double precision, source text, reporter_id integer,
    department_code varchar, condition_id bigint, resolver_id integer, handler_id integer, inspector_id integer,
    component_code text, confirmation text, flags text[], returned jsonb, ledger jsonb, relation text, parent_id bigint,
    reported_at timestamptz, dispatched_at timestamptz, deadline_at timestamptz, due_at timestamptz,
    resolved_at timestamptz, closed_at timestamptz, paused_at timestamptz, rework_count smallint,
    extension_count smallint, version integer, claimed_by integer, claimed_until timestamptz, limit_value integer,
    limit_unit varchar, place_m double precision, in_cell boolean, zones jsonb
);

-- Lock cases, what was merged into them and what they are tasks of. One at a time, so that nothing is merged meanwhile, and
-- in the order of their age, which is that of a case and its task, so that no two wait for each other.
CREATE FUNCTION fn.lock_together(numbers text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('webgis cases that belong together', 0));
    PERFORM FROM city.case c
    WHERE c.id IN (SELECT n.id FROM city.case n WHERE n.number = ANY(lock_together.numbers)
                   UNION ALL
                   SELECT n.parent_id FROM city.case n
                   WHERE n.number = ANY(lock_together.numbers) AND n.relation = 'task'
                   UNION ALL
                   SELECT d.id FROM city.case n JOIN city.case d ON d.parent_id = n.id AND d.relation = 'duplicate'
                   WHERE n.number = ANY(lock_together.numbers))
    ORDER BY c.id FOR UPDATE;
END $$;

-- A case locked for a step, if it may be seen. The case that a task was split from is locked before the task.
CREATE FUNCTION fn.lock_case(number text, departments varchar[], area varchar, classes text[], lon double precision,
                             lat double precision)
RETURNS SETOF fn.locked_case
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    place geometry := ST_SetSRID(ST_Point(lock_case.lon, lock_case.lat), 4490);
    parent bigint;
BEGIN
    SELECT c.parent_id INTO parent FROM city.case c WHERE c.number = lock_case.number AND c.relation = 'task';
    IF parent IS NOT NULL THEN
        PERFORM FROM city.case c WHERE c.id = parent FOR UPDATE;
    END IF;
    RETURN QUERY
    SELECT c.id, c.number, c.state, c.kind, c.class_code, c.cell_code, ST_X(c.geom), ST_Y(c.geom), c.accuracy_m,
           c.source, c.reporter_id, c.department_code, c.condition_id, c.resolver_id,
           c.handler_id, c.inspector_id, c.component_code, c.confirmation, c.flags, c.returned, c.ledger, c.relation,
           c.parent_id, c.reported_at, c.dispatched_at, c.deadline_at, c.due_at, c.resolved_at, c.closed_at,
           c.paused_at, c.rework_count, c.extension_count, c.version,
           CASE WHEN o.claimed_until > clock_timestamp() THEN o.claimed_by END, o.claimed_until,
           f.limit_value, f.limit_unit,
           CASE WHEN place IS NOT NULL THEN ST_Distance(c.geom::geography, place::geography) END,
           CASE WHEN place IS NOT NULL
                THEN (SELECT ST_Covers(g.geom, place) FROM city.cell g WHERE g.id = c.cell_id) END,
           CASE WHEN q.case_id IS NOT NULL THEN fn.case_zones(q.case_id, c.kind, c.class_code) END
    FROM city.case c
    LEFT JOIN city.open_case o ON o.case_id = c.id
    LEFT JOIN city.filing_condition f ON f.id = c.condition_id
    LEFT JOIN city.case_zone q ON q.case_id = CASE WHEN c.relation = 'task' THEN c.parent_id ELSE c.id END
    WHERE c.number = lock_case.number
      AND fn.sees(c.department_code, c.cell_code, c.kind, c.class_code,
                  lock_case.departments, lock_case.area, lock_case.classes)
    FOR UPDATE OF c;
END $$;

-- The event that `event` describes and that leaves a case as `c` says, whose head is still the hash of the event before;
-- with its hash, not written yet. `found_digest`: that of the row before, if it was not as that event had left it.
CREATE FUNCTION fn.make_event(c city.case, event jsonb, found_digest bytea) RETURNS city.case_event
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    e city.case_event;
BEGIN
    SELECT n.at, n.action, n.from_state, n.to_state, n.person_id, n.role, n.department_code, n.given, n.facts,
           ST_SetSRID(ST_Point(n.lon, n.lat), 4490)
    INTO e.at, e.action, e.from_state, e.to_state, e.person_id, e.role, e.department_code, e.given, e.facts, e.geom
    FROM jsonb_to_record(make_event.event) AS n
        (at timestamptz, action text, from_state text, to_state text, person_id integer, role text,
         department_code varchar, given jsonb, facts jsonb, lon double precision, lat double precision);
    e.case_id := c.id;
    e.seq := c.version;
    e.recorded_at := now();
    e.digest := fn.case_digest(c);
    e.found_digest := make_event.found_digest;
    e.hash := fn.event_hash(c.head, e);
    RETURN e;
END $$;

-- Write an event, and the photos given with it.
CREATE FUNCTION fn.add_event(e city.case_event, photos jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    event_id bigint;
BEGIN
    INSERT INTO city.case_event (case_id, seq, at, recorded_at, action, from_state, to_state, person_id, role,
                                 department_code, given, facts, geom, hash, digest, found_digest)
    VALUES (e.case_id, e.seq, e.at, e.recorded_at, e.action, e.from_state, e.to_state, e.person_id, e.role,
            e.department_code, e.given, e.facts, e.geom, e.hash, e.digest, e.found_digest)
    RETURNING id INTO event_id;
    IF add_event.photos IS NOT NULL THEN
        INSERT INTO city.photo (case_id, event_id, sha256, media_type, width, height, bytes, taken_at, picture_hash,
                                geom)
        SELECT e.case_id, event_id, p.sha256, p.media_type, p.width, p.height, p.bytes, p.taken_at, p.picture_hash,
               ST_SetSRID(ST_Point(p.lon, p.lat), 4490)
        FROM jsonb_to_recordset(add_event.photos) AS p
            (sha256 text, media_type text, width integer, height integer, bytes integer, taken_at timestamptz,
             picture_hash bigint, lon double precision, lat double precision);
    END IF;
END $$;

-- Add jobs to the outbox, about a case. One with `once` is left out while an equal one waits for at least another second;
-- one with an `audience` when nobody of it is to be told (`fn.listeners`).
CREATE FUNCTION fn.add_jobs(case_id bigint, jobs jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO city.outbox (queue, task, args, due_at)
    SELECT j.queue, j.task,
           CASE WHEN j.audience IS NULL THEN j.args ELSE j.args || jsonb_build_object('case', add_jobs.case_id) END,
           coalesce(j.due_at, now() + make_interval(secs => coalesce(j.delay, 0)))
    FROM jsonb_to_recordset(add_jobs.jobs) AS j
        (queue text, task text, args jsonb, delay double precision, due_at timestamptz, once boolean,
         audience text[])
    WHERE (j.once IS NOT TRUE OR NOT EXISTS (
        SELECT FROM city.outbox w
        WHERE w.queue = j.queue AND w.due_at > now() + interval '1 second' AND w.dead_at IS NULL
          AND w.task = j.task AND w.args = j.args))
      AND (j.audience IS NULL OR EXISTS (SELECT FROM fn.listeners(add_jobs.case_id, j.audience)));
END $$;

-- Write a step: `changes` are columns of the case by name (and `zones`, where it lies in others), `event` those of its event;
-- the case as it is then.
CREATE FUNCTION fn.write_step(case_id bigint, changes jsonb, event jsonb, photos jsonb, jobs jsonb)
RETURNS SETOF fn.case_line
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c city.case;
    n city.case;
    e city.case_event;
BEGIN
    SELECT * INTO c FROM city.case k WHERE k.id = write_step.case_id;
    n := jsonb_populate_record(c, write_step.changes);
    n.version := c.version + 1;
    n.changed_at := now();
    e := fn.make_event(n, write_step.event, fn.found_altered(c));
    UPDATE city.case k SET
        state = n.state, outcome = n.outcome, kind = n.kind, standard = n.standard, class_code = n.class_code,
        address = n.address, geom = n.geom, crs = n.crs, accuracy_m = n.accuracy_m, cell_id = n.cell_id,
        cell_code = n.cell_code, component_code = n.component_code, parent_id = n.parent_id, relation = n.relation,
        condition_id = n.condition_id, department_code = n.department_code, resolver_id = n.resolver_id,
        handler_id = n.handler_id, inspector_id = n.inspector_id, confirmation = n.confirmation, flags = n.flags,
        returned = n.returned, ledger = n.ledger, due_at = n.due_at, paused_at = n.paused_at, resume_at = n.resume_at,
        extension_count = n.extension_count, dispatched_at = n.dispatched_at, deadline_at = n.deadline_at,
        resolved_at = n.resolved_at, closed_at = n.closed_at, rework_count = n.rework_count, head = e.hash,
        changed_at = n.changed_at, version = n.version
    WHERE k.id = n.id;
    PERFORM fn.add_event(e, write_step.photos);
    IF write_step.changes ? 'zones' THEN
        PERFORM fn.keep_zones(n.id, write_step.changes -> 'zones');
    END IF;
    PERFORM fn.keep_queue(n, c.state <> n.state);
    PERFORM fn.note_change(c, n);
    PERFORM fn.note_figures(c, n);
    PERFORM fn.add_jobs(n.id, write_step.jobs);
    RETURN QUERY SELECT l.* FROM fn.case_line l WHERE l.id = n.id;
END $$;

-- The row of an open case in the queues follows the case; one that has ended leaves them. A step that moves the case
-- ends a claim.
CREATE FUNCTION fn.keep_queue(c city.case, moved boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF c.outcome IS NOT NULL THEN
        DELETE FROM city.open_case o WHERE o.case_id = c.id;
        RETURN;
    END IF;
    UPDATE city.open_case o SET
        state = c.state, kind = c.kind, class_code = c.class_code, cell_code = c.cell_code,
        department_code = c.department_code, due_at = c.due_at, handler_id = c.handler_id,
        inspector_id = c.inspector_id,
        claimed_by = CASE WHEN moved THEN NULL ELSE o.claimed_by END,
        claimed_until = CASE WHEN moved THEN NULL ELSE o.claimed_until END
    WHERE o.case_id = c.id;
    IF NOT FOUND THEN
        INSERT INTO city.open_case (case_id, state, kind, class_code, cell_code, department_code, reported_at, due_at,
                                    handler_id, inspector_id)
        VALUES (c.id, c.state, c.kind, c.class_code, c.cell_code, c.department_code, c.reported_at, c.due_at,
                c.handler_id, c.inspector_id);
    END IF;
END $$;

-- Write a new case, which takes the next number of its county and day; `zones` in its report are those it lies in. The case
-- as it is then.
CREATE FUNCTION fn.write_report(report jsonb, day date, event jsonb, photos jsonb, jobs jsonb)
RETURNS SETOF fn.case_line
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c city.case := jsonb_populate_record(NULL::city.case, write_report.report);
    e city.case_event;
    county text := left(c.cell_code, 6);
    counted integer;
BEGIN
    INSERT INTO city.case_counter AS t (county_code, day, last) VALUES (county, write_report.day, 1)
    ON CONFLICT ON CONSTRAINT pk_case_counter DO UPDATE SET last = t.last + 1 RETURNING last INTO counted;
    c.number := county || to_char(write_report.day, 'YYYYMMDD') || lpad(counted::text, 5, '0');
    c.id := nextval('city.case_id_seq');
    c.version := 1;
    c.changed_at := now();
    c.head := '';
    e := fn.make_event(c, write_report.event, NULL);
    c.head := e.hash;
    INSERT INTO city.case OVERRIDING SYSTEM VALUE SELECT c.*;
    PERFORM fn.add_event(e, write_report.photos);
    IF write_report.report ? 'zones' THEN
        PERFORM fn.keep_zones(c.id, write_report.report -> 'zones');
    END IF;
    PERFORM fn.keep_queue(c, true);
    PERFORM fn.note_change(NULL, c);
    PERFORM fn.note_figures(NULL, c);
    PERFORM fn.add_jobs(c.id, write_report.jobs);
    RETURN QUERY SELECT l.* FROM fn.case_line l WHERE l.id = c.id;
END $$;

-- What a report needs to know: the cell of its place at a moment, whether the standard has its class, and the zones in
-- which it lies (`fn.zones_for_case`).
CREATE FUNCTION fn.look_before_report(lon double precision, lat double precision, at timestamptz, kind text,
                                      class_code text, wanted text)
RETURNS TABLE (cell_id bigint, cell_code text, standard text, zones jsonb)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    place geometry := ST_SetSRID(ST_Point(look_before_report.lon, look_before_report.lat), 4490);
    cell city.cell := fn.cell_at(place, look_before_report.at);
BEGIN
    RETURN QUERY
    SELECT cell.id, cell.code::text, (SELECT k.standard::text FROM city.class k
                                      WHERE k.standard = look_before_report.wanted AND k.kind = look_before_report.kind
                                        AND k.code = look_before_report.class_code),
           fn.zones_for_case(place, look_before_report.at);
END $$;
