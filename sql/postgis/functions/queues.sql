-- Queues as desks and departments see them, and what happens to cases as it happens. `departments`, `area` and `classes` are
-- what somebody is limited to (`fn.sees`), as everywhere.

-- How many cases wait in each state, and how many of them are late at a moment.
CREATE FUNCTION fn.queue_counts(departments varchar[], area varchar, classes text[], at timestamptz)
RETURNS TABLE (state text, cases bigint, late bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT o.state, count(*), count(*) FILTER (WHERE o.due_at < queue_counts.at)
    FROM city.open_case o
    WHERE fn.sees(o.department_code, o.cell_code, o.kind, o.class_code,
                  queue_counts.departments, queue_counts.area, queue_counts.classes)
    GROUP BY o.state;
END $$;

-- Events after one, and those of these ids, each with how its case stands now; oldest first. `was_cell`: where a case was
-- that has been moved; `was_kind`, `was_class`: what one was that is of another class now.
CREATE FUNCTION fn.case_changes(since bigint, ids bigint[], most integer)
RETURNS TABLE (id bigint, number text, state text, was text, action text, version integer, ended boolean,
               department_code varchar, was_department varchar, cell_code text, was_cell text, kind text, class_code text,
               was_kind text, was_class text, due_at timestamptz, lon double precision, lat double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT e.id, c.number, c.state, e.from_state, e.action, c.version, c.outcome IS NOT NULL, c.department_code,
           e.department_code, c.cell_code, e.facts #>> '{was,cell}', c.kind, c.class_code,
           e.facts #>> '{was,kind}', e.facts #>> '{was,class}', c.due_at, ST_X(c.geom), ST_Y(c.geom)
    FROM (SELECT n.* FROM city.case_event n WHERE n.id > case_changes.since
          UNION ALL
          SELECT m.* FROM city.case_event m WHERE m.id = ANY(case_changes.ids)) AS e
    JOIN city.case c ON c.id = e.case_id
    ORDER BY e.id LIMIT case_changes.most;
END $$;

-- Claims taken or given back after one, and those of these ids, each with who holds its case now; oldest first.
CREATE FUNCTION fn.claim_changes(since bigint, ids bigint[], most integer)
RETURNS TABLE (id bigint, number text, kind text, class_code text, department_code varchar, cell_code text,
               person_id integer, name varchar, until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT n.id, c.number, c.kind, c.class_code, c.department_code, c.cell_code, p.id, p.name, o.claimed_until
    FROM (SELECT m.* FROM city.claim_change m
          WHERE m.id > claim_changes.since OR m.id = ANY(claim_changes.ids)) AS n
    JOIN city.case c ON c.id = n.case_id
    LEFT JOIN city.open_case o ON o.case_id = c.id AND o.claimed_until > statement_timestamp()
    LEFT JOIN city.person p ON p.id = o.claimed_by
    ORDER BY n.id LIMIT claim_changes.most;
END $$;
