-- Readings on their way into place, datastreams that fell silent, series for charts.

-- The day of the city on which something arrived.
CREATE FUNCTION fn.reading_day(moment timestamptz) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT (moment AT TIME ZONE coalesce(nullif(current_setting('webgis.zone', true), ''), 'UTC'))::date
$$;

-- The oldest rows of the inbox with at most so many readings together, but at least one row.
CREATE FUNCTION fn.next_in_inbox(most bigint) RETURNS TABLE (id bigint)
LANGUAGE sql STABLE ROWS 5000 AS $$
    SELECT i.id FROM (
        SELECT o.id, sum(cardinality(o.vals)) OVER w AS upto, row_number() OVER w AS place
        FROM (SELECT * FROM city.reading_inbox r WHERE r.error IS NULL ORDER BY r.id LIMIT 5000) o WINDOW w AS (ORDER BY o.id)
    ) i
    WHERE i.upto <= next_in_inbox.most OR i.place = 1 ORDER BY i.id
$$;

-- What rows of the inbox tell, each reading with what it is: `unknown` (no such datastream, or one that is not used),
-- `impossible`, `ahead` of its arrival, `too_old`, or `good`.
CREATE FUNCTION fn.readings_in_inbox(ids bigint[], oldest interval)
RETURNS TABLE (datastream_id bigint, at timestamptz, value double precision, arrived_at timestamptz,
               last_at timestamptz, fate text)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(d.id, 0), r.at, r.value, i.arrived_at, d.last_at,
           CASE WHEN d.id IS NULL THEN 'unknown'
                WHEN r.at IS NULL OR r.value IS NULL OR NOT r.value BETWEEN d.least AND d.most THEN 'impossible'
                WHEN r.at > i.arrived_at + interval '5 minutes' THEN 'ahead'
                WHEN r.at < i.arrived_at - readings_in_inbox.oldest THEN 'too_old'
                ELSE 'good' END
    FROM city.reading_inbox i
    CROSS JOIN LATERAL unnest(i.datastreams, i.moments, i.vals) AS r(datastream_id, at, value)
    LEFT JOIN city.datastream d ON d.id = r.datastream_id AND d.active
    WHERE i.id = ANY(readings_in_inbox.ids)
$$;

-- The months (UTC) of the good readings of these rows.
CREATE FUNCTION fn.months_in_inbox(ids bigint[], oldest interval) RETURNS TABLE (month date)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT date_trunc('month', r.at AT TIME ZONE 'UTC')::date
    FROM fn.readings_in_inbox(months_in_inbox.ids, months_in_inbox.oldest) r WHERE r.fate = 'good'
$$;

-- Put the readings of these rows of the inbox in place: each moment of a datastream once, with the highest value told of
-- it; count what became of them; note how each datastream stands; take the rows out. Returns what is new in place. One at a
-- time: the writer holds a lock. Known values are looked up one by one by their key: a join would read whole months.
CREATE FUNCTION fn.take_readings(ids bigint[], oldest interval)
RETURNS TABLE (datastream_id bigint, at timestamptz, value double precision)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    unheard constant bigint[] := ARRAY(
        SELECT d.id FROM city.datastream d
        WHERE d.id = ANY(ARRAY(
                  SELECT DISTINCT unnest(i.datastreams) FROM city.reading_inbox i WHERE i.id = ANY(take_readings.ids)))
          AND (d.silent_since IS NOT NULL OR d.heard_at IS NULL)
    );
BEGIN
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT * FROM fn.readings_in_inbox(take_readings.ids, take_readings.oldest)
    ),
    moments AS MATERIALIZED (
        SELECT m.*, k.value AS known
        FROM (
            SELECT t.datastream_id, t.at, max(t.value) AS value, min(t.arrived_at) AS arrived_at, min(t.last_at) AS last_at,
                   count(*) AS times, count(DISTINCT t.value) AS differing, array_agg(t.value) AS all_told
            FROM told t WHERE t.fate = 'good' GROUP BY t.datastream_id, t.at
        ) m
        LEFT JOIN LATERAL (
            SELECT r.value FROM city.reading r WHERE r.datastream_id = m.datastream_id AND r.at = m.at LIMIT 1
        ) k ON true
    ),
    counted AS (
        INSERT INTO city.reading_count AS c
            (datastream_id, day, taken, reordered, late, doubled, contradicted, impossible, ahead, too_old, unknown)
        SELECT a.datastream_id, a.day, sum(a.taken), sum(a.reordered), sum(a.late), sum(a.doubled), sum(a.contradicted),
               sum(a.impossible), sum(a.ahead), sum(a.too_old), sum(a.unknown)
        FROM (
            SELECT m.datastream_id, fn.reading_day(m.arrived_at) AS day,
                   (m.known IS NULL)::int AS taken,
                   coalesce(m.known IS NULL AND m.at < m.last_at AND m.at >= m.last_at - interval '10 minutes', false)::int
                       AS reordered,
                   coalesce(m.known IS NULL AND m.at < m.last_at - interval '10 minutes', false)::int AS late,
                   m.times - (m.known IS NULL)::int - n.others AS doubled, n.others AS contradicted,
                   0 AS impossible, 0 AS ahead, 0 AS too_old, 0 AS unknown
            FROM moments m
            CROSS JOIN LATERAL (
                SELECT m.differing - (m.known IS NULL OR m.known = ANY(m.all_told))::int AS others
            ) n
            UNION ALL
            SELECT t.datastream_id, fn.reading_day(t.arrived_at), 0, 0, 0, 0, 0, (t.fate = 'impossible')::int,
                   (t.fate = 'ahead')::int, (t.fate = 'too_old')::int, (t.fate = 'unknown')::int
            FROM told t WHERE t.fate <> 'good'
        ) a
        GROUP BY a.datastream_id, a.day ORDER BY a.datastream_id, a.day
        ON CONFLICT (datastream_id, day) DO UPDATE SET
            taken = c.taken + excluded.taken, reordered = c.reordered + excluded.reordered, late = c.late + excluded.late,
            doubled = c.doubled + excluded.doubled, contradicted = c.contradicted + excluded.contradicted,
            impossible = c.impossible + excluded.impossible, ahead = c.ahead + excluded.ahead,
            too_old = c.too_old + excluded.too_old, unknown = c.unknown + excluded.unknown
    ),
    heard AS (
        UPDATE city.datastream d
        SET last_at = CASE WHEN n.at >= coalesce(d.last_at, n.at) THEN n.at ELSE d.last_at END,
            last_value = CASE WHEN n.at >= coalesce(d.last_at, n.at) THEN n.value ELSE d.last_value END,
            heard_at = greatest(d.heard_at, n.arrived_at), silent_since = NULL
        FROM (
            SELECT DISTINCT ON (m.datastream_id) m.datastream_id, m.at, m.value,
                   max(m.arrived_at) OVER (PARTITION BY m.datastream_id) AS arrived_at
            FROM moments m WHERE m.known IS NULL OR m.known < m.value ORDER BY m.datastream_id, m.at DESC
        ) n
        WHERE d.id = n.datastream_id
        RETURNING d.id, n.arrived_at
    ),
    ended AS (
        UPDATE city.datastream_silence s SET until = greatest(h.arrived_at, s.since)
        FROM heard h WHERE s.datastream_id = h.id AND s.until IS NULL
    ),
    emptied AS (
        DELETE FROM city.reading_inbox i WHERE i.id = ANY(take_readings.ids)
    )
    INSERT INTO city.reading AS kept (datastream_id, at, value, arrived_at)
    SELECT m.datastream_id, m.at, m.value, m.arrived_at FROM moments m WHERE m.known IS NULL OR m.known < m.value
    ORDER BY m.datastream_id, m.at
    ON CONFLICT (datastream_id, at) DO UPDATE SET value = excluded.value
    RETURNING kept.datastream_id, kept.at, kept.value;
    IF EXISTS (
        SELECT FROM city.datastream d WHERE d.id = ANY(unheard) AND d.silent_since IS NULL AND d.heard_at IS NOT NULL
    ) THEN
        PERFORM fn.layer_changed('sensors');
    END IF;
END $$;

-- Note the datastreams that told nothing for three of their intervals, and for 10 minutes at least; returns these.
CREATE FUNCTION fn.note_silences(now timestamptz)
RETURNS TABLE (datastream_id bigint, code text, since timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH silent AS (
        UPDATE city.datastream d SET silent_since = coalesce(d.heard_at, d.made_at)
        FROM city.station s
        WHERE s.id = d.station_id AND s.active AND d.active AND d.silent_since IS NULL
          AND coalesce(d.heard_at, d.made_at)
              < note_silences.now - greatest(interval '10 minutes', make_interval(secs => 3 * d.interval_s))
        RETURNING d.id, d.code, d.silent_since
    ),
    noted AS (
        INSERT INTO city.datastream_silence (datastream_id, since, noticed_at)
        SELECT s.id, s.silent_since, note_silences.now FROM silent s ON CONFLICT DO NOTHING
    )
    SELECT s.id, s.code, s.silent_since FROM silent s ORDER BY s.id;
    IF FOUND THEN
        PERFORM fn.layer_changed('sensors');
    END IF;
END $$;

-- The readings of a datastream in a span for a chart: all when there are at most so many points; else of each of `points` / 2
-- equal parts of the span the lowest and the highest with their moments, so that no peak is lost. Reads the key alone.
CREATE FUNCTION fn.series(datastream bigint, since timestamptz, until timestamptz, points integer)
RETURNS TABLE (at timestamptz, value double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    width constant interval := (series.until - series.since) / greatest(series.points / 2, 1);
    few boolean;
BEGIN
    SELECT count(*) <= series.points INTO few FROM (
        SELECT FROM city.reading r
        WHERE r.datastream_id = series.datastream AND r.at >= series.since AND r.at < series.until LIMIT series.points + 1
    ) one;
    IF few THEN
        RETURN QUERY SELECT r.at, r.value FROM city.reading r
        WHERE r.datastream_id = series.datastream AND r.at >= series.since AND r.at < series.until ORDER BY r.at;
        RETURN;
    END IF;
    RETURN QUERY
    WITH extremes AS (
        SELECT p.start, p.stop, e.low, e.high
        FROM (
            SELECT series.since + width * n AS start, least(series.since + width * (n + 1), series.until) AS stop
            FROM generate_series(0, greatest(series.points / 2, 1)) n
        ) p
        CROSS JOIN LATERAL (
            SELECT min(r.value) AS low, max(r.value) AS high FROM city.reading r
            WHERE r.datastream_id = series.datastream AND r.at >= p.start AND r.at < p.stop
        ) e
        WHERE e.low IS NOT NULL
    )
    SELECT f.at, f.value FROM extremes e CROSS JOIN LATERAL (
        (SELECT r.at, r.value FROM city.reading r
         WHERE r.datastream_id = series.datastream AND r.at >= e.start AND r.at < e.stop AND r.value = e.low
         ORDER BY r.at LIMIT 1)
        UNION
        (SELECT r.at, r.value FROM city.reading r
         WHERE r.datastream_id = series.datastream AND r.at >= e.start AND r.at < e.stop AND r.value = e.high
         ORDER BY r.at LIMIT 1)
    ) f
    ORDER BY 1;
END $$;
