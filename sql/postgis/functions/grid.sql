-- Where a point is, and what became of a cell. Geometry is SRID 4490, longitude first; metres are on its ellipsoid.

-- The one cell that holds a point at a moment, or null. A point on a shared edge belongs to the lowest code. A point
-- that the rounding of coordinates leaves between two cells belongs to the nearest within about 1 mm (1e-8 degrees).
-- plpgsql, because its plan is kept for the session: a SQL function would be planned again by each statement.
CREATE FUNCTION fn.cell_at(point geometry, at timestamptz DEFAULT now()) RETURNS city.cell
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE holder city.cell;
BEGIN
    SELECT c.* INTO holder FROM city.cell c
    WHERE ST_Covers(c.geom, cell_at.point) AND c.valid @> cell_at.at
    ORDER BY c.code LIMIT 1;
    IF NOT FOUND THEN
        SELECT c.* INTO holder FROM city.cell c
        WHERE ST_DWithin(c.geom, cell_at.point, 1e-8) AND c.valid @> cell_at.at
        ORDER BY ST_Distance(c.geom, cell_at.point), c.code LIMIT 1;
    END IF;
    RETURN holder;
END $$;

-- The cell valid now that is nearest to a point, and how far it is in metres. The index gives cells by distance in
-- degrees, which is not the order in metres (a degree of longitude is shorter), so it reads on until no cell further
-- away in degrees can be nearer in metres: every path of d degrees is at least d * 110,500 * cos(latitude) metres.
-- From tens of kilometres outside that would be the whole grid: after 10,000 cells the nearest so far is the answer.
-- Without JIT: the plan of all cells looks dear enough to compile for 12 ms, though a few rows are read.
CREATE FUNCTION fn.nearest_cell(point geometry, OUT cell_id bigint, OUT metres double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET jit = off AS $$
DECLARE
    by_degrees CURSOR FOR
        SELECT c.id, c.geom, c.geom <-> nearest_cell.point AS degrees FROM city.cell c WHERE upper_inf(c.valid)
        ORDER BY c.geom <-> nearest_cell.point;
    distance double precision;
    seen integer := 0;
BEGIN
    FOR candidate IN by_degrees LOOP
        seen := seen + 1;
        EXIT WHEN seen > 10000 OR candidate.degrees
            * 110500 * cos(radians(least(abs(ST_Y(nearest_cell.point)) + candidate.degrees, 89))) > metres;
        distance := ST_Distance(candidate.geom::geography, nearest_cell.point::geography);
        IF metres IS NULL OR distance < metres THEN
            cell_id := candidate.id;
            metres := distance;
        END IF;
    END LOOP;
END $$;

-- Which cells hold, at a moment, the ground of one row of city.cell, and which part of that ground each holds.
-- Through several generations shares are multiplied, as if each generation had cut the ground evenly.
CREATE FUNCTION fn.cell_successors(cell_id bigint, at timestamptz DEFAULT now())
RETURNS TABLE (id bigint, code text, share double precision)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE later (id, share) AS (
        SELECT c.id, 1::double precision FROM city.cell c WHERE c.id = cell_successors.cell_id
        UNION ALL
        SELECT l.to_cell, later.share * l.share
        FROM later JOIN city.cell_lineage l ON l.from_cell = later.id AND l.at <= cell_successors.at
    )
    SELECT c.id, c.code, sum(later.share)
    FROM later JOIN city.cell c ON c.id = later.id
    WHERE c.valid @> cell_successors.at
    GROUP BY c.id, c.code
    ORDER BY sum(later.share) DESC, c.code
$$;

-- Which cells held, at an earlier moment, the ground of one row of city.cell, and which part of *their* ground went
-- into it (shares as above).
CREATE FUNCTION fn.cell_predecessors(cell_id bigint, at timestamptz)
RETURNS TABLE (id bigint, code text, share double precision)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE earlier (id, share) AS (
        SELECT c.id, 1::double precision FROM city.cell c WHERE c.id = cell_predecessors.cell_id
        UNION ALL
        SELECT l.from_cell, earlier.share * l.share
        FROM earlier JOIN city.cell_lineage l ON l.to_cell = earlier.id AND l.at > cell_predecessors.at
    )
    SELECT c.id, c.code, sum(earlier.share)
    FROM earlier JOIN city.cell c ON c.id = earlier.id
    WHERE c.valid @> cell_predecessors.at
    GROUP BY c.id, c.code
    ORDER BY sum(earlier.share) DESC, c.code
$$;

-- "Which is it now": the cells valid now on the ground of the cell that bore a code, at a moment (`was`) or, without
-- one, when last it was borne. A cell that never changed is its own answer, with share 1.
CREATE FUNCTION fn.cells_now(old_code text, was timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, code text, share double precision)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.id, s.code, s.share
    FROM (
        SELECT c.id FROM city.cell c
        WHERE c.code = cells_now.old_code AND (cells_now.was IS NULL OR c.valid @> cells_now.was)
        ORDER BY lower(c.valid) DESC LIMIT 1
    ) AS bearer, fn.cell_successors(bearer.id) AS s
$$;

-- The ground within some metres of a shape, the shape included. Metres are those of the projected system `srid`. A quarter
-- of a circle has so many `segments`: with 64 arcs lie less than 0.1 per mille of the distance inside the true ones, with
-- 16 less than 1.3.
CREATE FUNCTION fn.ground_within(shape geometry, metres float8, srid integer, segments integer DEFAULT 64)
RETURNS geometry LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT ST_Transform(ST_Buffer(ST_Transform(shape, srid), metres, segments), ST_SRID(shape))
$$;
