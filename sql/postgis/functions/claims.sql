-- Claims are leases: their end is part of the condition, so an old one is nothing and needs no clean-up.

-- That a claim was taken or given back, for those who listen (`fn.claim_changes`). Now and then the old ones go, by one at a
-- time.
CREATE FUNCTION fn.note_claim(case_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO city.claim_change (case_id) VALUES (note_claim.case_id) RETURNING id INTO made;
    IF made % 100 = 0 AND pg_try_advisory_xact_lock(hashtextextended('webgis claim changes', 0)) THEN
        DELETE FROM city.claim_change c WHERE c.at < now() - interval '10 minutes';
    END IF;
END $$;

-- Claim the case that is due first in some states, if nobody holds it; rows that others are just claiming are skipped.
CREATE FUNCTION fn.claim_next(person integer, states text[], departments varchar[], area varchar, classes text[],
                              minutes integer)
RETURNS TABLE (case_id bigint, number text, claimed_until timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    WITH taken AS (
        UPDATE city.open_case o
        SET claimed_by = claim_next.person, claimed_until = clock_timestamp() + make_interval(mins => claim_next.minutes)
        FROM (
            SELECT q.case_id FROM city.open_case q
            WHERE q.state = ANY(claim_next.states)
              AND fn.sees(q.department_code, q.cell_code, q.kind, q.class_code,
                          claim_next.departments, claim_next.area, claim_next.classes)
              AND (q.inspector_id IS NULL OR q.inspector_id = claim_next.person)
              AND (q.handler_id IS NULL OR q.handler_id = claim_next.person)
              AND (q.claimed_until IS NULL OR q.claimed_until <= clock_timestamp() OR q.claimed_by = claim_next.person)
            ORDER BY q.due_at, q.case_id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS first, city.case c
        WHERE o.case_id = first.case_id AND c.id = o.case_id
        RETURNING o.case_id, c.number, o.claimed_until
    )
    SELECT t.* FROM taken t CROSS JOIN LATERAL fn.note_claim(t.case_id);
END $$;

-- Claim one case, if nobody else holds it.
CREATE FUNCTION fn.claim(person integer, wanted bigint, minutes integer)
RETURNS TABLE (claimed_until timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    WITH taken AS (
        UPDATE city.open_case o
        SET claimed_by = claim.person, claimed_until = clock_timestamp() + make_interval(mins => claim.minutes)
        WHERE o.case_id = claim.wanted
          AND (o.claimed_until IS NULL OR o.claimed_until <= clock_timestamp() OR o.claimed_by = claim.person)
        RETURNING o.claimed_until
    )
    SELECT t.claimed_until FROM taken t CROSS JOIN LATERAL fn.note_claim(claim.wanted);
END $$;

-- Give a case back that this person holds.
CREATE FUNCTION fn.release(person integer, wanted bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE city.open_case o SET claimed_by = NULL, claimed_until = NULL
    WHERE o.case_id = release.wanted AND o.claimed_by = release.person;
    IF FOUND THEN
        PERFORM fn.note_claim(release.wanted);
    END IF;
END $$;
