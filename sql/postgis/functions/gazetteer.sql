-- Where something is that has a name, and what is near a place. How the score comes about, and examples: docs/places.md.

-- How a text sounds: its Chinese signs by the names that are stored, everything else as it is. Null when a sign is in no
-- name: then no name sounds like it.
CREATE FUNCTION fn.sound(words text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    heard text;
    whole text := '';
BEGIN
    FOR at IN 1..length(words) LOOP
        heard := substr(words, at, 1);
        IF heard > '~' THEN
            SELECT s.sound INTO heard FROM city.sign_sound s WHERE s.sign = substr(words, at, 1);
        END IF;
        whole := whole || heard;
    END LOOP;
    RETURN whole;
END $$;

-- The part of a text that is a name, and the area that stands before it: "锦江区春熙路" is 春熙路 in 锦江区. A text with
-- which a name begins is left as it is, for many names begin with one of an area.
CREATE FUNCTION fn.without_areas(INOUT words text, OUT area text)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    before city.area;
BEGIN
    FOR step IN 1..4 LOOP
        EXIT WHEN EXISTS (SELECT 1 FROM city.place_spelling s
                          WHERE s.said ~>=~ words AND s.said ~<~ (words || chr(1114111)));
        SELECT a.* INTO before FROM city.area a
        WHERE starts_with(words, a.name_zh) AND length(words) > length(a.name_zh)
        ORDER BY length(a.name_zh) DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
        words := substr(words, length(before.name_zh) + 1);
        area := before.code;
    END LOOP;
END $$;

-- Metres between two places of a city by their degrees; exact to a part in a thousand within a hundred kilometres.
CREATE FUNCTION fn.metres_apart(lon float8, lat float8, other_lon float8, other_lat float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 111195 * sqrt(((other_lon - lon) * cos(radians(lat))) ^ 2 + (other_lat - lat) ^ 2)
$$;

-- Names like `words` (folded, see webgis/grid/gazetteer_rules.py), the likest first and among equals the nearest, at most
-- `most`. Score 1: the name itself; 0.8 and more: begins so; then sounds so, holds it, and last of all is similar.
-- Each stage is asked only when those before it found too little, so that what is typed as it is written costs one
-- range of an index, and pg_trgm looks for mistakes only where nothing else fits. A stage looks at 1,000 spellings at
-- most, the later ones at 500: a single common sign is in tens of thousands. How like a name must be is what one wrong letter or sign leaves of
-- its trigrams, which in a long name is much, so that few candidates are read; what has more mistakes is looked for again,
-- by a lower bound. Within an area that was named, places elsewhere come last.
CREATE FUNCTION fn.places_named(words text, from_lon float8, from_lat float8, area text, most integer)
RETURNS TABLE (place_id bigint, score float8, metres float8)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET jit = off SET enable_seqscan = off SET pg_trgm.similarity_threshold = 0.4 AS $$
#variable_conflict use_column
DECLARE
    long constant float8 := 0.15 * length(words);
    past constant text := words || chr(1114111);
    latin constant boolean := octet_length(words) = length(words);
    sound constant text := CASE WHEN latin THEN words ELSE fn.sound(words) END;
    apart constant text := fn.signs(words);
    one_mistake constant float8 :=
        CASE WHEN latin THEN (length(words) - 2.0) / (length(words) + 4)
             ELSE (length(words) - 1.0) / (length(words) + 1) END;
BEGIN
    FOR least IN 1..2 LOOP
    PERFORM set_config('pg_trgm.similarity_threshold',
                       (CASE least WHEN 1 THEN greatest(0.4, one_mistake - 0.02) ELSE 0.4 END)::text, true);
    RETURN QUERY
    WITH begun AS MATERIALIZED (
        SELECT s.place_id, s.alias, s.lon, s.lat,
               CASE WHEN s.said = words THEN 1 ELSE 0.8::float8 + long / length(s.said) END AS score
        FROM (SELECT * FROM city.place_spelling s WHERE s.said ~>=~ words AND s.said ~<~ past
              ORDER BY s.said USING ~<~ LIMIT 1000) s
        UNION ALL
        SELECT s.place_id, s.alias, s.lon, s.lat,
               CASE WHEN s.pinyin = words THEN 0.98 ELSE 0.78::float8 + long / length(s.pinyin) END
        FROM (SELECT * FROM city.place_spelling s WHERE latin AND s.pinyin ~>=~ words AND s.pinyin ~<~ past
              ORDER BY s.pinyin USING ~<~ LIMIT 500) s
        UNION ALL
        SELECT s.place_id, s.alias, s.lon, s.lat,
               CASE WHEN s.initials = words THEN 0.95 ELSE 0.7::float8 + long / length(s.initials) END
        FROM (SELECT * FROM city.place_spelling s
              WHERE latin AND length(words) > 1 AND s.initials ~>=~ words AND s.initials ~<~ past
              ORDER BY s.initials USING ~<~ LIMIT 500) s
    ), sounding AS MATERIALIZED (
        SELECT s.place_id, s.alias, s.lon, s.lat,
               CASE WHEN s.pinyin = sound THEN 0.9
                    ELSE 0.65::float8 + 0.15 * length(sound) / length(s.pinyin) END AS score
        FROM (SELECT * FROM city.place_spelling s
              WHERE NOT latin AND length(words) > 1 AND s.pinyin ~>=~ sound AND s.pinyin ~<~ (sound || chr(1114111))
                AND NOT EXISTS (SELECT FROM begun)
              ORDER BY s.pinyin USING ~<~ LIMIT 500) s
    ), held AS MATERIALIZED (
        SELECT s.place_id, s.alias, s.lon, s.lat, 0.55::float8 + long / length(s.said) AS score
        FROM (SELECT * FROM city.place_spelling s
              WHERE NOT latin AND s.signs LIKE '%' || apart || '%'
                AND (SELECT count(*) FROM begun) < most
              LIMIT 500) s
        UNION ALL
        SELECT s.place_id, s.alias, s.lon, s.lat, 0.5::float8 + long / length(s.pinyin)
        FROM (SELECT * FROM city.place_spelling s
              WHERE latin AND length(words) > 2 AND s.pinyin LIKE '%' || words || '%'
                AND (SELECT count(*) FROM begun) < most
              LIMIT 500) s
    ), alike AS MATERIALIZED (
        SELECT s.place_id, s.alias, s.lon, s.lat,
               0.3::float8 * public.similarity(s.signs, apart)
                   + 0.35::float8 * coalesce(public.similarity(s.pinyin, sound), 0) AS score
        FROM (SELECT * FROM city.place_spelling s
              WHERE NOT latin AND s.signs % apart
                AND NOT EXISTS (SELECT FROM begun) AND NOT EXISTS (SELECT FROM sounding)
                AND NOT EXISTS (SELECT FROM held)
              LIMIT 500) s
        UNION ALL
        SELECT s.place_id, s.alias, s.lon, s.lat, 0.65::float8 * public.similarity(s.pinyin, words)
        FROM (SELECT * FROM city.place_spelling s
              WHERE latin AND s.pinyin % words
                AND NOT EXISTS (SELECT FROM begun) AND NOT EXISTS (SELECT FROM held)
              LIMIT 500) s
    ), best AS (
        SELECT e.place_id, max(e.score - CASE WHEN e.alias THEN 0.02 ELSE 0 END) AS score,
               fn.metres_apart(from_lon, from_lat, min(e.lon), min(e.lat)) AS metres
        FROM (TABLE begun UNION ALL TABLE sounding UNION ALL TABLE held UNION ALL TABLE alike) e
        GROUP BY e.place_id
    ), placed AS (
        SELECT b.place_id, b.score - CASE WHEN starts_with(p.area_code, places_named.area) THEN 0 ELSE 0.3 END AS score,
               b.metres
        FROM best b JOIN city.place_name p ON p.id = b.place_id
        WHERE places_named.area IS NOT NULL
        UNION ALL
        SELECT b.place_id, b.score, b.metres FROM best b WHERE places_named.area IS NULL
    )
    SELECT b.place_id, b.score::float8, b.metres
    FROM placed b
    ORDER BY floor(b.score * 100 + 0.5) DESC, b.metres, b.place_id
    LIMIT most;
    EXIT WHEN FOUND;
    END LOOP;
END $$;

-- What a search finds, the likest first: doors where a number is asked for, else places, cells and areas by name or code.
-- `number` is a door's, as the gazetteer keeps it (12, 12-3); `whole` are words and number together, for names that end
-- in a number. A number that a road does not have gives the nearest one that it has. `ref` is the place's id, or the
-- code of a cell or area.
CREATE FUNCTION fn.find_places(
    words text, number text, whole text, from_lon float8, from_lat float8, most integer
)
RETURNS TABLE (ref text, kind text, name text, name_en text, lon float8, lat float8, area_code text, cell_code text,
               score float8, metres float8)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10 SET jit = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    named record;
    value constant integer := split_part(find_places.number, '-', 1)::integer;
BEGIN
    IF words ~ '^[0-9]{4,15}$' THEN
        RETURN QUERY SELECT * FROM fn.coded_places(words, most);
        RETURN;
    END IF;
    SELECT * INTO named FROM fn.without_areas(find_places.words);
    RETURN QUERY
    WITH liked AS MATERIALIZED (
        SELECT f.*
        FROM fn.places_named(named.words, from_lon, from_lat, named.area,
                             most) f
    ), doors AS (
        SELECT d.id, d.kind, d.name, d.name_en, d.lon, d.lat, d.area_code,
               l.score * CASE WHEN d.number = find_places.number THEN 1
                               ELSE 0.8::float8 - 0.01 * least(abs(d.number_value - value), 9) END AS score
        FROM liked l
        CROSS JOIN LATERAL (
            SELECT p.* FROM city.place_name p WHERE p.parent_id = l.place_id
            ORDER BY p.number <> find_places.number, abs(p.number_value - value), p.number LIMIT 3) d
        WHERE find_places.number IS NOT NULL
    ), places AS (
        SELECT d.* FROM doors d
        UNION ALL
        SELECT p.id, p.kind, p.name, p.name_en, p.lon, p.lat, p.area_code,
               l.score * CASE WHEN find_places.number IS NULL THEN 1 ELSE 0.7 END
        FROM liked l JOIN city.place_name p ON p.id = l.place_id
        UNION ALL
        SELECT p.id, p.kind, p.name, p.name_en, p.lon, p.lat, p.area_code, s.score
        FROM (SELECT s.place_id, CASE WHEN s.said = find_places.whole THEN 1 ELSE 0.85 END::float8 AS score
              FROM city.place_spelling s
              WHERE find_places.number IS NOT NULL
                AND s.said ~>=~ find_places.whole AND s.said ~<~ (find_places.whole || chr(1114111))
              ORDER BY s.said USING ~<~ LIMIT 3) s
        JOIN city.place_name p ON p.id = s.place_id
    ), every AS (
        SELECT p.id::text AS ref, p.kind, p.name, p.name_en, p.lon, p.lat, p.area_code, max(p.score) AS score
        FROM places p GROUP BY 1, 2, 3, 4, 5, 6, 7
        UNION ALL
        SELECT * FROM fn.areas_named(CASE WHEN find_places.number IS NULL THEN named.words END)
    ), best AS (
        SELECT e.*, fn.metres_apart(from_lon, from_lat, e.lon, e.lat) AS metres
        FROM every e
        ORDER BY floor(e.score * 100 + 0.5) DESC, metres, e.name, e.ref LIMIT most
    )
    SELECT b.ref, b.kind, b.name, b.name_en, b.lon, b.lat, b.area_code,
           (fn.cell_at(ST_SetSRID(ST_Point(b.lon, b.lat), 4490))).code, b.score::float8, b.metres
    FROM best b ORDER BY floor(b.score * 100 + 0.5) DESC, b.metres, b.name, b.ref;
END $$;

-- Areas whose Chinese name, or English name in one word, begins with or holds the words. There are hundreds, so all are
-- looked at; what they are called without the word for what they are (春熙路街道: 春熙路) counts as their name.
CREATE FUNCTION fn.areas_named(words text)
RETURNS TABLE (ref text, kind text, name text, name_en text, lon float8, lat float8, area_code text, score float8)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3 AS $$
    SELECT a.code, a.level, a.name_zh, coalesce(a.name_en, a.name_zh), ST_X(a.inside), ST_Y(a.inside), a.code, a.score
    FROM (
        SELECT f.*, ST_PointOnSurface(f.geom) AS inside
        FROM (
            SELECT a.*, CASE
                WHEN areas_named.words IN (a.name_zh, a.english) THEN 0.97
                WHEN starts_with(a.name_zh, areas_named.words)
                     THEN 0.72 + 0.15 * length(areas_named.words) / length(a.name_zh)
                WHEN starts_with(a.english, areas_named.words)
                     THEN 0.7 + 0.15 * length(areas_named.words) / length(a.english)
                WHEN strpos(a.name_zh, areas_named.words) > 0 THEN 0.5 END AS score
            FROM (SELECT a.code, a.level, a.name_zh, a.name_en, a.geom,
                         CASE WHEN areas_named.words ~ '^[ -~]*$'
                              THEN translate(lower(a.name_en), ' ''-,.', '') END AS english
                  FROM city.area a OFFSET 0) a
            WHERE length(areas_named.words) > 1
        ) f
        WHERE f.score IS NOT NULL
        ORDER BY f.score DESC, f.code LIMIT 3
    ) a
$$;

-- Areas and cells by their code or its beginning; a cell's whole code, or ten of the cells of a community.
CREATE FUNCTION fn.coded_places(digits text, most integer)
RETURNS TABLE (ref text, kind text, name text, name_en text, lon float8, lat float8, area_code text, cell_code text,
               score float8, metres float8)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c.ref, c.kind, c.name, c.name_en, ST_X(c.inside), ST_Y(c.inside), c.area_code, c.cell_code,
           length(coded_places.digits)::float8 / length(c.ref), NULL::float8
    FROM (
        SELECT a.code AS ref, a.level AS kind, a.name_zh AS name, coalesce(a.name_en, a.name_zh) AS name_en,
               ST_PointOnSurface(a.geom) AS inside, a.code AS area_code, NULL::text AS cell_code
        FROM (SELECT * FROM city.area a
              WHERE a.code ~>=~ coded_places.digits AND a.code ~<~ (coded_places.digits || ':')
              ORDER BY length(a.code), a.code LIMIT coded_places.most) a
        UNION ALL
        SELECT e.code, 'cell', e.code, e.code, ST_PointOnSurface(e.geom), e.community_code, e.code
        FROM (SELECT * FROM city.cell e
              WHERE e.code ~>=~ coded_places.digits AND e.code ~<~ (coded_places.digits || ':') AND upper_inf(e.valid)
                AND length(coded_places.digits) >= 12
              ORDER BY e.code LIMIT coded_places.most) e
    ) c
    ORDER BY length(c.ref), c.ref LIMIT coded_places.most
$$;

-- Places with a name around a point, the nearest first: doors within 100 m, compounds, villages, buildings and points of
-- interest within 200 m (0: it lies inside), roads within 300 m. By three indexes, so that a door is found among many
-- shops and a road among many doors.
CREATE FUNCTION fn.places_near(from_lon float8, from_lat float8, most integer)
RETURNS TABLE (ref text, kind text, name text, name_en text, lon float8, lat float8, area_code text, metres float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET jit = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    point constant geometry := ST_SetSRID(ST_Point(from_lon, from_lat), 4490);
BEGIN
    RETURN QUERY
    WITH around AS (
        (SELECT p.*, 100 AS within FROM city.place_name p WHERE p.kind = 'door'
         ORDER BY p.geom <-> point LIMIT 12)
        UNION ALL
        (SELECT p.*, 200 FROM city.place_name p WHERE p.kind IN ('compound', 'village', 'building', 'poi')
         ORDER BY p.geom <-> point LIMIT 12)
        UNION ALL
        (SELECT p.*, 300 FROM city.place_name p WHERE p.kind = 'road'
         ORDER BY p.geom <-> point LIMIT 6)
    ), measured AS (
        SELECT a.*, ST_Distance(a.geom::geography, point::geography) AS metres FROM around a
    )
    SELECT m.id::text, m.kind, m.name, m.name_en, m.lon, m.lat, m.area_code, m.metres
    FROM measured m WHERE m.metres <= m.within
    ORDER BY m.metres, m.kind, m.id LIMIT most;
END $$;
