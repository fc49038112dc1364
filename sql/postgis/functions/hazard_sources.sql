-- Hazard sources: the people on the ground around them, and how they stand.

-- The people of each community on some ground. A cell that has a figure counts by the part of it that lies on the ground.
-- What the community has beyond the figures of its cells is spread evenly over the rest of it; once every cell of it has
-- one, that rest is nobody, whatever the community says. `share`: the part of the community that lies on the ground;
-- `of_ground`: that part of the ground; `known`: so much of the ground has known people; `cells`: those with a figure
-- that lie on it. The row without a code is ground that lies in no community. `people` is null where nothing is known.
CREATE FUNCTION fn.people_on(ground geometry)
RETURNS TABLE (code text, name_zh text, name_en text, population integer, share float8, of_ground float8, known float8,
               cells integer, people float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    whole constant float8 := nullif(ST_Area(people_on.ground), 0);
BEGIN
    RETURN QUERY
    WITH part AS MATERIALIZED (
        SELECT a.code, a.name_zh, a.name_en, a.population, ST_Area(a.geom) AS area,
               ST_Area(ST_Intersection(a.geom, people_on.ground)) AS inside
        FROM city.area a WHERE a.level = 'community' AND ST_Intersects(a.geom, people_on.ground)
    ), cells AS MATERIALIZED (
        SELECT c.community_code, n.people, CASE WHEN n.people IS NOT NULL THEN ST_Area(c.geom) END AS area,
               CASE WHEN n.people IS NULL THEN NULL WHEN NOT c.geom && people_on.ground THEN 0
                    WHEN ST_Covers(people_on.ground, c.geom) THEN ST_Area(c.geom)
                    ELSE ST_Area(ST_Intersection(c.geom, people_on.ground)) END AS inside
        FROM part p JOIN city.cell c ON c.community_code = p.code AND upper_inf(c.valid)
        LEFT JOIN city.cell_people n ON n.cell_id = c.id
        WHERE p.inside > 0
    ), counted AS MATERIALIZED (
        SELECT c.community_code AS code, count(c.people) = count(*) AS complete, sum(c.people) AS people,
               sum(c.area) AS area, sum(c.inside) AS inside, sum(c.people * c.inside / c.area) AS people_inside,
               CAST(count(*) FILTER (WHERE c.inside > 0) AS integer) AS cells
        FROM cells c GROUP BY c.community_code
    ), told AS (
        SELECT p.code, p.name_zh, p.name_en, p.population, p.inside / p.area AS share, p.inside / whole AS of_ground,
               CASE WHEN r.people IS NULL THEN coalesce(c.inside, 0) ELSE p.inside END / whole AS known,
               coalesce(c.cells, 0) AS cells,
               CASE WHEN r.people IS NULL AND coalesce(c.cells, 0) = 0 THEN NULL
                    ELSE coalesce(c.people_inside, 0) + coalesce(r.people * r.share, 0) END AS people
        FROM part p
        LEFT JOIN counted c ON c.code = p.code
        CROSS JOIN LATERAL (
            SELECT CASE WHEN c.complete THEN 0 WHEN p.population IS NULL THEN NULL
                        ELSE greatest(p.population - coalesce(c.people, 0), 0) END AS people,
                   least(coalesce(greatest(p.inside - coalesce(c.inside, 0), 0)
                                  / nullif(greatest(p.area - coalesce(c.area, 0), 0), 0), 0), 1) AS share
        ) r
        WHERE p.inside > 0
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, o.rest, o.rest, 0, 0, NULL
        FROM (SELECT 1 - coalesce(sum(p.inside), 0) / whole AS rest FROM part p) o WHERE o.rest > 1e-9
    )
    SELECT * FROM told t ORDER BY t.of_ground DESC, t.code;
END $$;

-- How a source stands now by what its stations tell: "alarm", "silent" (a datastream that should tell does not), "ok", or
-- null when no datastream watches it.
CREATE FUNCTION fn.hazard_live(source bigint) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    watched integer;
    silent integer;
    alarmed integer;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE d.silent_since IS NOT NULL OR d.last_at IS NULL),
           count(*) FILTER (WHERE EXISTS (
               SELECT FROM city.alarm a WHERE a.datastream_id = d.id AND a.state = 'open'))
    INTO watched, silent, alarmed
    FROM city.hazard_source_station w
    JOIN city.station s ON s.id = w.station_id AND s.active
    JOIN city.datastream d ON d.station_id = s.id AND d.active
    WHERE w.source_id = hazard_live.source;
    RETURN CASE WHEN watched = 0 THEN NULL WHEN alarmed > 0 THEN 'alarm' WHEN silent > 0 THEN 'silent' ELSE 'ok' END;
END $$;

-- A hazard source as lists and pages show it. `live` is as of now.
CREATE VIEW fn.hazard_line AS
SELECT h.id, h.code, h.kind, coalesce(k.name_zh, h.kind) AS kind_zh, k.name_en AS kind_en, h.name_zh, h.name_en,
       h.holder, h.credit_code, h.department_code, d.name_zh AS department_zh, d.name_en AS department_en,
       c.code AS cell_code, h.area_code, a.name_zh AS area_zh, a.name_en AS area_en, h.people_entered, h.remark,
       h.source, h.illustrative, h.active, h.version, h.major, h.level, h.unsettled, h.made_at, h.changed_at, h.geom,
       ST_PointOnSurface(h.geom) AS place
FROM city.hazard_source h
LEFT JOIN city.hazard_kind k ON k.code = h.kind
LEFT JOIN city.department d ON d.code = h.department_code
LEFT JOIN city.cell c ON c.id = h.cell_id
LEFT JOIN city.area a ON a.code = h.area_code;
