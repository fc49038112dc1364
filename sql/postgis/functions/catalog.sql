-- The conditions on which a class may be filed at a place (the code of a cell or area), in the order of the standard:
-- those of the smallest area that has an active filing standard; for an abnormality those of its component.
CREATE FUNCTION fn.offered_conditions(kind text, class_code text, place text) RETURNS SETOF city.filing_condition
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    active integer;
BEGIN
    SELECT s.id INTO active FROM city.filing_standard s
    WHERE s.active AND starts_with(offered_conditions.place, s.city_code)
    ORDER BY length(s.city_code) DESC LIMIT 1;
    RETURN QUERY
    SELECT f.* FROM city.filing_condition f
    WHERE f.filing_standard_id = active AND f.kind = offered_conditions.kind
      AND f.class_code = offered_conditions.class_code
    ORDER BY f.seq;
    IF NOT FOUND AND offered_conditions.kind <> 'component' THEN
        RETURN QUERY
        SELECT f.* FROM city.filing_condition f
        WHERE f.filing_standard_id = active AND f.kind = 'component' AND f.class_code = offered_conditions.class_code
        ORDER BY f.seq;
    END IF;
END $$;
