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
