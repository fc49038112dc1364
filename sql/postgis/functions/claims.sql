-- Claims are leases: their end is part of the condition, so an old one is nothing and needs no clean-up.

-- Claim the case that is due first in some states, if nobody holds it; rows that others are just claiming are skipped.
CREATE FUNCTION fn.claim_next(person integer, states text[], departments varchar[], area varchar, minutes integer)
RETURNS TABLE (case_id bigint, number text, claimed_until timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    UPDATE city.open_case o
    SET claimed_by = claim_next.person, claimed_until = clock_timestamp() + make_interval(mins => claim_next.minutes)
    FROM (
        SELECT q.case_id FROM city.open_case q
        WHERE q.state = ANY(claim_next.states)
          AND (claim_next.departments IS NULL OR q.department_code = ANY(claim_next.departments))
          AND (claim_next.area IS NULL OR starts_with(q.cell_code, claim_next.area))
          AND (q.inspector_id IS NULL OR q.inspector_id = claim_next.person)
          AND (q.handler_id IS NULL OR q.handler_id = claim_next.person)
          AND (q.claimed_until IS NULL OR q.claimed_until <= clock_timestamp() OR q.claimed_by = claim_next.person)
        ORDER BY q.due_at, q.case_id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS first, city.case c
    WHERE o.case_id = first.case_id AND c.id = o.case_id
    RETURNING o.case_id, c.number, o.claimed_until;
END $$;

-- Claim one case, if nobody else holds it.
CREATE FUNCTION fn.claim(person integer, wanted bigint, minutes integer)
RETURNS TABLE (claimed_until timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    UPDATE city.open_case o
    SET claimed_by = claim.person, claimed_until = clock_timestamp() + make_interval(mins => claim.minutes)
    WHERE o.case_id = claim.wanted
      AND (o.claimed_until IS NULL OR o.claimed_until <= clock_timestamp() OR o.claimed_by = claim.person)
    RETURNING o.claimed_until;
END $$;
