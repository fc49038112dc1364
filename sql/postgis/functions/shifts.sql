-- The shifts that inspectors work: their track, and the time spent in each cell.

-- Adds points to the track of a shift: those after its newest point and until `latest`, so that a batch that comes again
-- adds nothing. The time from a point to the next, at most `longest_gap` seconds, is time in the cell of the first.
-- Points less accurate than `least_accurate` metres are in no cell. Returns how many were added.
CREATE FUNCTION fn.add_track(
    shift bigint, ats timestamptz[], lons double precision[], lats double precision[], accuracies double precision[],
    latest timestamptz, time_zone text, longest_gap integer, least_accurate double precision
) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    newest timestamptz;
    began timestamptz;
    added integer;
BEGIN
    SELECT w.last_at, w.began_at INTO newest, began FROM city.shift w WHERE w.id = add_track.shift FOR UPDATE;
    WITH given AS (
        SELECT DISTINCT ON (g.at) g.at, g.accuracy, ST_SetSRID(ST_Point(g.lon, g.lat), 4490) AS geom
        FROM unnest(ats, lons, lats, accuracies) AS g (at, lon, lat, accuracy)
        WHERE g.at > coalesce(newest, began - interval '1 second') AND g.at <= latest
    ), put AS (
        INSERT INTO city.track (shift_id, at, geom, accuracy_m, cell_id)
        SELECT add_track.shift, g.at, g.geom, g.accuracy,
               CASE WHEN g.accuracy <= least_accurate THEN (fn.cell_at(g.geom, g.at)).id END
        FROM given g
        RETURNING at, cell_id
    ), line AS (
        SELECT p.at, p.cell_id FROM put p
        UNION ALL
        SELECT t.at, t.cell_id FROM city.track t WHERE t.shift_id = add_track.shift AND t.at = newest
    ), stayed AS (
        SELECT l.at, l.cell_id, extract(epoch FROM lead(l.at) OVER (ORDER BY l.at) - l.at) AS seconds FROM line l
    ), spent AS (
        INSERT INTO city.patrol_time (day, cell_id, seconds)
        SELECT (s.at AT TIME ZONE time_zone)::date AS day, s.cell_id, sum(least(s.seconds, longest_gap))::integer
        FROM stayed s WHERE s.cell_id IS NOT NULL AND s.seconds IS NOT NULL
        GROUP BY 1, 2 ORDER BY 1, 2  -- everybody in one order: two shifts never wait for each other
        ON CONFLICT (day, cell_id) DO UPDATE SET seconds = patrol_time.seconds + excluded.seconds
    ), told AS (
        UPDATE city.shift w SET last_at = (SELECT max(p.at) FROM put p)
        WHERE w.id = add_track.shift AND EXISTS (SELECT FROM put)
    )
    SELECT count(*) INTO added FROM put;
    RETURN added;
END $$;

-- The beats of a person at a moment, each once: how many cells, and how many of them somebody on shift has been in since
-- a moment.
CREATE FUNCTION fn.beats_of(person integer, at timestamptz, since timestamptz)
RETURNS TABLE (beat_id integer, code text, name_zh text, name_en text, geom geometry, cells bigint, visited bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT b.id, b.code, b.name_zh, b.name_en, b.geom, count(*),
           count(*) FILTER (WHERE EXISTS (
               SELECT FROM city.track t WHERE t.cell_id = c.id AND t.at >= beats_of.since))
    FROM city.beat b
    JOIN city.beat_cell k ON k.beat_id = b.id
    JOIN city.cell c ON c.code = k.cell_code AND upper_inf(c.valid)
    WHERE b.valid @> beats_of.at
        AND EXISTS (SELECT FROM city.beat_shift s WHERE s.beat_id = b.id AND s.person_id = beats_of.person)
    GROUP BY b.id ORDER BY b.code;
END $$;

-- Who is on a shift now and was last seen, not before `since`, on some ground; with an area, at a place in a cell of it.
-- It is the place that counts, not the cell of the track: a phone that was not accurate enough for one was there too.
CREATE FUNCTION fn.crews_on(ground geometry, since timestamptz, area text)
RETURNS TABLE (shift_id bigint, person_id integer, login varchar, name varchar, seen_at timestamptz, geom geometry)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT w.id, p.id, p.login, p.name, t.at, t.geom
    FROM city.shift w
    JOIN city.person p ON p.id = w.person_id
    CROSS JOIN LATERAL (
        SELECT k.at, k.geom FROM city.track k WHERE k.shift_id = w.id AND k.at >= crews_on.since
        ORDER BY k.at DESC LIMIT 1) t
    WHERE w.ended_at IS NULL AND ST_Intersects(t.geom, crews_on.ground)
        AND (crews_on.area IS NULL OR starts_with((fn.cell_at(t.geom)).code, crews_on.area));
END $$;
