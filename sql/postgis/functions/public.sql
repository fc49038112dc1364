-- What everyone may know of how many cases there are where.

-- Counts that can be told apart, for everyone: each case is in one of them, and none is smaller than `smallest`. A cell with
-- fewer cases of a kind is not told: with the others like it, it is the rest of its community; if that is small too, of its
-- subdistrict, county, city; and what is small even then is not told at all. Since no count holds another, nothing is
-- found by taking one from another, and sums of them tell no more than they do.
-- `code` is that of the cell (15 digits) or of the area whose rest it is; `bin` (zoom 16) that of the cell's middle.
CREATE FUNCTION fn.public_counts(smallest integer)
RETURNS TABLE (kind text, code text, bin bigint, count bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000 AS $$
BEGIN
    RETURN QUERY
    WITH cell AS MATERIALIZED (
        SELECT k.kind, c.code, sum(n.reported) AS count, min(fn.bin_at(ST_PointOnSurface(c.geom))) AS bin
        FROM unnest('{component,matter}'::text[]) AS k (kind)
        CROSS JOIN LATERAL fn.counted_cells(NULL, NULL, NULL, NULL, NULL, NULL, k.kind, NULL, NULL) n
        JOIN city.cell c ON c.id = n.cell_id
        GROUP BY k.kind, c.code
    ), community AS (
        SELECT c.kind, left(c.code, 12) AS code, sum(c.count) AS count FROM cell c WHERE c.count < smallest GROUP BY 1, 2
    ), subdistrict AS (
        SELECT c.kind, left(c.code, 9) AS code, sum(c.count) AS count FROM community c WHERE c.count < smallest GROUP BY 1, 2
    ), county AS (
        SELECT c.kind, left(c.code, 6) AS code, sum(c.count) AS count FROM subdistrict c WHERE c.count < smallest GROUP BY 1, 2
    ), city AS (
        SELECT c.kind, left(c.code, 4) AS code, sum(c.count) AS count FROM county c WHERE c.count < smallest GROUP BY 1, 2
    )
    SELECT t.kind, t.code, t.bin, t.count::bigint
    FROM (SELECT c.kind, c.code, c.bin, c.count FROM cell c
          UNION ALL SELECT a.kind, a.code, NULL, a.count FROM community a
          UNION ALL SELECT a.kind, a.code, NULL, a.count FROM subdistrict a
          UNION ALL SELECT a.kind, a.code, NULL, a.count FROM county a
          UNION ALL SELECT a.kind, a.code, NULL, a.count FROM city a) t
    WHERE t.count >= smallest;
END $$;
