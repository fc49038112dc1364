-- Who is to be told of a case, by audience: its reporters (also those of reports merged into it, and people who joined
-- it; a task has none of its own, and who took a call did not report it), its department, handler and inspector, and
-- those of its open tasks; the operator of the metro that its construction zone names. A contact, or the address of a
-- person; and the case they know it by.
CREATE FUNCTION fn.listeners(case_id bigint, audience text[])
RETURNS TABLE (of_case bigint, contact_id bigint, address_id integer)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF 'reporters' = ANY(audience) THEN
        RETURN QUERY
        SELECT o.case_id, o.id, NULL::integer FROM city.contact o
        WHERE o.channel <> 'none' AND o.erased_at IS NULL
          AND o.case_id IN (SELECT listeners.case_id UNION ALL
                            SELECT d.id FROM city.case d
                            WHERE d.parent_id = listeners.case_id AND d.relation = 'duplicate');
        RETURN QUERY
        SELECT listeners.case_id, NULL::bigint, a.id FROM city.notice_address a
        WHERE a.address IS NOT NULL
          AND a.person_id IN (SELECT c.reporter_id FROM city.case c
                              WHERE c.id = listeners.case_id AND c.source <> 'hotline'
                                AND c.relation IS DISTINCT FROM 'task' UNION
                              SELECT r.person_id FROM city.co_reporter r WHERE r.case_id = listeners.case_id);
    END IF;
    IF audience && '{department,handler,inspector,tasks}' THEN
        RETURN QUERY
        SELECT k.id, NULL::bigint, a.id
        FROM (SELECT c.id, c.cell_code, c.kind, c.class_code, c.department_code, c.handler_id, c.inspector_id,
                     'department' = ANY(audience) AS department,
                     'handler' = ANY(audience) AS handler, 'inspector' = ANY(audience) AS inspector
              FROM city.case c WHERE c.id = listeners.case_id
              UNION ALL
              SELECT t.id, t.cell_code, t.kind, t.class_code, t.department_code, t.handler_id, NULL, true, true, false
              FROM city.case t
              WHERE t.parent_id = listeners.case_id AND t.relation = 'task' AND t.outcome IS NULL
                AND 'tasks' = ANY(audience)) AS k
        CROSS JOIN LATERAL (
            SELECT p.id FROM city.person p WHERE k.department AND p.department_code = k.department_code
            UNION SELECT k.handler_id WHERE k.handler
            UNION SELECT k.inspector_id WHERE k.inspector
        ) AS who
        JOIN city.person p ON p.id = who.id AND p.active AND fn.may_see(p, k.cell_code, k.kind, k.class_code)
        JOIN city.notice_address a ON a.person_id = p.id AND a.address IS NOT NULL;
    END IF;
    IF 'operator' = ANY(audience) THEN
        RETURN QUERY
        SELECT c.id, NULL::bigint, a.id
        FROM city.case c
        JOIN city.case_zone k ON k.case_id = CASE WHEN c.relation = 'task' THEN c.parent_id ELSE c.id END
        JOIN city.construction_zone z ON z.id = k.zone_id
        JOIN city.person p ON p.department_code = z.metro_department_code AND p.active
            AND fn.may_see(p, c.cell_code, c.kind, c.class_code)
        JOIN city.notice_address a ON a.person_id = p.id AND a.address IS NOT NULL
        WHERE c.id = listeners.case_id;
    END IF;
END $$;

-- Open work of departments that want to be told, of which a deadline is near (a fifth of the limit is left) or past and
-- not yet told: at most `wanted` rows, noted as told.
CREATE FUNCTION fn.take_due(wanted integer) RETURNS TABLE (of_case bigint, event text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM city.notice_address a WHERE a.address IS NOT NULL) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH wanting AS (
        SELECT DISTINCT p.department_code FROM city.notice_address a JOIN city.person p ON p.id = a.person_id
        WHERE a.address IS NOT NULL AND p.active AND p.department_code IS NOT NULL
    ), near AS (
        SELECT c.id, c.deadline_at, CASE WHEN c.deadline_at < now() THEN 'overdue' ELSE 'due_soon' END AS event
        FROM wanting w
        JOIN city.open_case o ON o.department_code = w.department_code
                             AND o.due_at BETWEEN now() - interval '7 days' AND now() + interval '14 days'
        JOIN city.case c ON c.id = o.case_id
        WHERE c.resolved_at IS NULL AND c.paused_at IS NULL
          AND c.deadline_at - (c.deadline_at - c.dispatched_at) / 5 <= now()
    ), fresh AS (
        INSERT INTO city.due_told AS t (case_id, event, due_at)
        SELECT n.id, n.event, n.deadline_at FROM near n
        WHERE NOT EXISTS (SELECT FROM city.due_told b
                          WHERE b.case_id = n.id AND b.event = n.event AND b.due_at = n.deadline_at)
        ORDER BY n.deadline_at LIMIT take_due.wanted
        ON CONFLICT DO NOTHING
        RETURNING t.case_id, t.event
    )
    SELECT f.case_id, f.event FROM fresh f;
END $$;
