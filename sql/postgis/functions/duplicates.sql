-- Whether a report tells what an open case tells already. How to read the score, and examples: docs/evidence.md.

-- How sure it is that two reports are of the same thing, 0 to 1. `distance` and `age` are parts of the radius and of the
-- window (0: same place, same moment; 1: at the edge); `class`, `words` and `photo` are likenesses from 0 to 1.
-- Nearness is where we start from: what is half the radius away counts a quarter of what is at the place. A kindred class
-- takes away, words and the same hour add, and so do photos that are alike; that they are not says nothing: two photos
-- of one thing from two sides are not alike. Weights and threshold: `python -m bench duplicates`.
CREATE FUNCTION fn.duplicate_score(
    distance float8, age float8, class float8, words float8, photo float8
) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 1 - (1 - class * (0.6 * (1 - distance) ^ 2 + 0.1 * (1 - age) + 0.3 * words)) * (1 - 0.9 * photo)
$$;

-- A text as pg_trgm is to read it: Chinese has no spaces, so that each sign becomes a word of its own.
CREATE FUNCTION fn.signs(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(words, '([^ -~])', ' \1 ', 'g')
$$;

-- How alike two descriptions are, 0 to 1: pg_trgm's similarity, of which a third is much.
CREATE FUNCTION fn.words_alike(one text, other text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(1, 3 * public.similarity(fn.signs(one), fn.signs(other))::float8)
$$;

-- How alike two photos are by the bits in which their hashes differ: 1 when none does, 0 from 20 of 64 on.
CREATE FUNCTION fn.photos_alike(bits integer) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT greatest(0, 1 - bits / 20.0)::float8
$$;

-- Whether a picture's hash says something: that of a dark or even picture has nearly no bit, or nearly all.
CREATE FUNCTION fn.tells(picture_hash bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT bit_count(picture_hash::bit(64)) BETWEEN 4 AND 60
$$;

-- Open cases that a report at this place and moment may repeat, the likeliest first, at most `most`. A report that was
-- merged stands for the case it was merged into, a task for the case it was split from. Cells are those that the
-- circle's box touches and that were valid in the window, so that a division in between hides nothing.
-- Who asks waits until nobody else is reporting in these cells, and keeps them to the end of the transaction: of two
-- reports of one thing at one moment the second finds the first. A place lies in a cell of every circle around it, so
-- that two who may meet share one; cells are taken in the order of their hashes, so that no two wait for each other.
-- Its plan is kept (`db.CONNECTED`) and never made for one call: it reads ix_case_cell_code alone, whatever the table
-- holds. Classes are compared by their place in a list, so that no index of classes is tempting.
-- Texts are the dearest to compare: they are read of those alone that could still be among the likeliest, were their words
-- the same.
CREATE FUNCTION fn.duplicates(
    kind text, class_code text, lon float8, lat float8, at timestamptz, description text, photo_hashes bigint[],
    most integer
)
RETURNS TABLE (case_id bigint, number text, state text, score float8, distance_m float8, age_s float8,
               class_likeness float8, words float8, photo float8, told_by text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    place geometry := ST_SetSRID(ST_Point(duplicates.lon, duplicates.lat), 4490);
    looked city.duplicate_window;
    span interval;
    cells text[];
    turns integer[];
    turn integer;
    classes text[];
    likenesses float8[];
    hashes bigint[];
BEGIN
    SELECT w.* INTO looked FROM city.duplicate_window w
    WHERE w.kind = duplicates.kind
      AND w.prefix IN ('', left(duplicates.class_code, 2), duplicates.class_code)
    ORDER BY length(w.prefix) DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    span := make_interval(secs => looked.hours * 3600);

    SELECT array_agg(k.class), array_agg(k.likeness) INTO classes, likenesses
    FROM (SELECT a.class, max(a.likeness) AS likeness
          FROM (SELECT duplicates.kind || duplicates.class_code AS class, 1::float8 AS likeness
                UNION ALL
                SELECT o.kind || o.class_code, least(o.likeness, own.likeness)
                FROM city.kindred_class own JOIN city.kindred_class o ON o.family = own.family
                WHERE own.kind = duplicates.kind AND own.class_code = duplicates.class_code) a
          GROUP BY a.class) k;

    SELECT array_agg(DISTINCT e.code), array_agg(DISTINCT hashtext(e.code)) INTO cells, turns
    FROM city.cell e
    WHERE e.geom && ST_Expand(place, looked.radius_m / (111320 * cos(radians(duplicates.lat))),
                              looked.radius_m / 110570)
      AND e.valid && tstzrange(duplicates.at - span, duplicates.at + span, '[]');

    FOREACH turn IN ARRAY coalesce(turns, '{}') LOOP
        PERFORM pg_advisory_xact_lock(4490, turn);
    END LOOP;

    SELECT array_agg(h) INTO hashes FROM unnest(duplicates.photo_hashes) AS h WHERE fn.tells(h);

    RETURN QUERY
    WITH near AS MATERIALIZED (
        SELECT coalesce(p.id, c.id) AS id, coalesce(p.number, c.number) AS number, coalesce(p.state, c.state) AS state,
               c.number AS told_by, c.description, d.metres, a.seconds, a.class, seen.photo,
               fn.duplicate_score(d.metres / looked.radius_m, a.seconds / (looked.hours * 3600), a.class, 1,
                                  seen.photo) AS highest
        FROM unnest(cells) AS cell (code)
        JOIN city.case c ON c.cell_code = cell.code
            AND c.reported_at BETWEEN duplicates.at - span AND duplicates.at + span
        LEFT JOIN city.case p ON p.id = c.parent_id
        CROSS JOIN LATERAL (SELECT ST_Distance(c.geom::geography, place::geography) AS metres OFFSET 0) AS d
        CROSS JOIN LATERAL (
            SELECT abs(extract(epoch FROM c.reported_at - duplicates.at))::float8 AS seconds,
                   likenesses[array_position(classes, c.kind || c.class_code)] AS class) AS a
        CROSS JOIN LATERAL (
            SELECT coalesce(max(fn.photos_alike(bit_count((f.picture_hash # h)::bit(64))::integer)), 0) AS photo
            FROM city.photo f, unnest(hashes) AS h
            WHERE f.case_id = c.id AND hashes IS NOT NULL AND fn.tells(f.picture_hash)) AS seen
        WHERE array_position(classes, c.kind || c.class_code) IS NOT NULL AND d.metres <= looked.radius_m
          AND CASE WHEN c.parent_id IS NULL THEN c.outcome IS NULL ELSE p.outcome IS NULL END
    ), likeliest AS (
        SELECT max(fn.duplicate_score(n.metres / looked.radius_m, n.seconds / (looked.hours * 3600), n.class,
                                      fn.words_alike(n.description, duplicates.description), n.photo)) AS score
        FROM (SELECT * FROM near ORDER BY highest DESC LIMIT 4 * duplicates.most) n
        GROUP BY n.id ORDER BY 1 DESC LIMIT duplicates.most
    ), needed AS (
        SELECT greatest(looked.least_score,
                        CASE WHEN count(*) = duplicates.most THEN min(l.score) END) AS score FROM likeliest l
    ), held AS MATERIALIZED (
        SELECT n.*, fn.words_alike(n.description, duplicates.description) AS words
        FROM near n, needed d WHERE n.highest >= d.score
    ), scored AS (
        SELECT DISTINCT ON (h.id) h.*,
               fn.duplicate_score(h.metres / looked.radius_m, h.seconds / (looked.hours * 3600), h.class, h.words,
                                  h.photo) AS score
        FROM held h
        ORDER BY h.id, score DESC
    )
    SELECT s.id, s.number, s.state, s.score, s.metres, s.seconds, s.class, s.words, s.photo, s.told_by
    FROM scored s
    WHERE s.score >= looked.least_score
    ORDER BY s.score DESC, s.id
    LIMIT duplicates.most;
END $$;
