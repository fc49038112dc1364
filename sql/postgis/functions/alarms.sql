-- Alarms as the writer of readings makes them, who must be told of them, and what happens to them as it happens.

-- The readings of datastreams that may count for a rule which begins anew, together with new ones whose moments lie
-- from `firsts` to `newest`: those of `spans` before the first that is not too late, and all after it.
CREATE FUNCTION fn.readings_before(
    datastreams bigint[], firsts timestamptz[], newest timestamptz[], spans interval[])
RETURNS TABLE (datastream_id bigint, at timestamptz, value double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT w.id, r.at, r.value
    FROM unnest(readings_before.datastreams, readings_before.firsts, readings_before.newest, readings_before.spans)
        AS w (id, first, newest, span)
    JOIN city.datastream d ON d.id = w.id
    CROSS JOIN LATERAL (
        SELECT k.at, k.value FROM city.reading k
        WHERE k.datastream_id = d.id AND k.at <= d.last_at
          AND k.at >= CASE WHEN d.last_at > w.newest THEN greatest(w.first, d.last_at - w.span) ELSE w.first END - w.span
        ORDER BY k.at
    ) r;
END $$;

-- What a level looks at, reading by reading (`running_windows.py` says the same): the readings of a span themselves, or over
-- the seconds before each the sum or mean (without their first moment) or the rise from the lowest.
CREATE FUNCTION fn.measured(datastream bigint, since timestamptz, until timestamptz, measure text, window_s integer)
RETURNS TABLE (at timestamptz, value double precision)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    span constant interval := make_interval(secs => measured.window_s);
    open_span constant interval := greatest(span - interval '1 microsecond', interval '0');
    stop constant timestamptz := coalesce(measured.until, 'infinity');
BEGIN
    IF measured.measure = 'value' THEN
        RETURN QUERY SELECT r.at, r.value FROM city.reading r
        WHERE r.datastream_id = measured.datastream AND r.at >= measured.since AND r.at <= stop ORDER BY r.at;
    ELSIF measured.measure = 'rise' THEN
        RETURN QUERY
        SELECT m.at, round((m.value - m.lowest)::numeric, 9)::double precision
        FROM (SELECT r.at, r.value, min(r.value) OVER (ORDER BY r.at RANGE span PRECEDING) AS lowest FROM city.reading r
              WHERE r.datastream_id = measured.datastream AND r.at >= measured.since - span AND r.at <= stop) m
        WHERE m.at >= measured.since ORDER BY m.at;
    ELSE  -- of numeric, which can be taken out of a sum again: a window costs what comes into it and leaves it
        RETURN QUERY
        SELECT m.at, round(CASE measured.measure WHEN 'mean' THEN m.mean ELSE m.total END, 9)::double precision
        FROM (SELECT r.at, sum(r.value::numeric) OVER w AS total, avg(r.value::numeric) OVER w AS mean
              FROM city.reading r
              WHERE r.datastream_id = measured.datastream AND r.at > measured.since - span AND r.at <= stop
              WINDOW w AS (ORDER BY r.at RANGE open_span PRECEDING)) m
        WHERE m.at >= measured.since ORDER BY m.at;
    END IF;
END $$;

-- What a level looks at in a span for a chart: of each of `points` equal parts the highest.
CREATE FUNCTION fn.measured_series(
    datastream bigint, since timestamptz, until timestamptz, measure text, window_s integer, points integer)
RETURNS TABLE (at timestamptz, value double precision)
LANGUAGE sql STABLE AS $$
    SELECT k.at, k.value
    FROM (
        SELECT DISTINCT ON (part) m.at, m.value,
               floor(extract(epoch FROM m.at - measured_series.since) * measured_series.points
                     / greatest(extract(epoch FROM measured_series.until - measured_series.since), 1)) AS part
        FROM fn.measured(measured_series.datastream, measured_series.since, measured_series.until,
                         measured_series.measure, measured_series.window_s) m
        ORDER BY part, m.value DESC, m.at
    ) k ORDER BY k.at
$$;

-- The highest that a level looks at in an alarm's time.
CREATE FUNCTION fn.peak_between(
    datastream bigint, since timestamptz, until timestamptz, measure text, window_s integer) RETURNS double precision
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF peak_between.measure = 'value' THEN
        RETURN (SELECT max(r.value) FROM city.reading r
                WHERE r.datastream_id = peak_between.datastream AND r.at >= peak_between.since
                  AND r.at <= coalesce(peak_between.until, 'infinity'));
    END IF;
    RETURN (SELECT max(m.value) FROM fn.measured(
        peak_between.datastream, peak_between.since, peak_between.until, peak_between.measure, peak_between.window_s) m);
END $$;

-- What a level looks at as the reading of this moment has it.
CREATE FUNCTION fn.measured_at(
    datastream bigint, at timestamptz, value double precision, measure text, window_s integer) RETURNS double precision
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF measured_at.measure = 'value' THEN
        RETURN measured_at.value;
    END IF;
    RETURN (SELECT m.value FROM fn.measured(
        measured_at.datastream, measured_at.at, measured_at.at, measured_at.measure, measured_at.window_s) m);
END $$;

-- Write what was found. `alarms`: how each stands (watch, number, kind of its last change, state, level, rank, measure,
-- window_s, advice, raised_at, reset_at; `kept_begin`: it began no later than it was said to; without measure it looks at what
-- it did). One that a person has dismissed stays so unless it grows graver. A rank reached for the first time begins its
-- ladder, also of an alarm that was over when it became known. `events`: what happened to them, in order (watch, number,
-- action, at, level, facts). Returns their ids.
CREATE FUNCTION fn.write_alarms(alarms jsonb, events jsonb, now timestamptz)
RETURNS TABLE (watch_id bigint, number integer, id bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH given AS (
        SELECT f.watch, f.number, f.kind, f.state, f.level, f.rank, coalesce(f.measure, k.measure, 'value') AS measure,
               coalesce(f.window_s, k.window_s, 0) AS window_s, f.advice, f.raised_at, f.reset_at, f.kept_begin
        FROM jsonb_to_recordset(write_alarms.alarms) AS f
            (watch bigint, number integer, kind text, state text, level text, rank integer, measure text,
             window_s integer, advice text, raised_at timestamptz, reset_at timestamptz, kept_begin boolean)
        LEFT JOIN city.alarm k ON k.watch_id = f.watch AND k.number = f.number
    ), written AS (
        INSERT INTO city.alarm AS a (watch_id, datastream_id, rule_key, number, state, level, rank, measure, window_s,
                                     advice, raised_at, reset_at, told_at, changed_at, peak, kind, class_code,
                                     department_code, geom, cell_code)
        SELECT w.id, w.datastream_id, w.rule_key, g.number, g.state, g.level, g.rank, g.measure, g.window_s, g.advice,
               g.raised_at, g.reset_at, write_alarms.now, write_alarms.now,
               fn.peak_between(w.datastream_id, g.raised_at, g.reset_at, g.measure, g.window_s), r.kind, r.class_code,
               coalesce(w.department_code, s.department_code), s.geom,
               coalesce(s.cell_code, (fn.cell_at(s.geom, write_alarms.now)).code)
        FROM given g
        JOIN city.watch w ON w.id = g.watch
        JOIN city.threshold_rule r ON r.key = w.rule_key
        JOIN city.datastream d ON d.id = w.datastream_id
        JOIN city.station s ON s.id = d.station_id
        ON CONFLICT (watch_id, number) DO UPDATE SET
            state = CASE WHEN a.state = 'withdrawn' AND excluded.state <> 'withdrawn' AND NOT EXISTS (
                              SELECT FROM given k
                              WHERE k.watch = a.watch_id AND k.number = a.number AND k.kind = 'escalated')
                         THEN a.state ELSE excluded.state END,
            level = excluded.level, rank = excluded.rank, measure = excluded.measure, window_s = excluded.window_s,
            advice = excluded.advice,
            raised_at = CASE WHEN (SELECT k.kept_begin FROM given k WHERE k.watch = a.watch_id AND k.number = a.number)
                             THEN least(a.raised_at, excluded.raised_at) ELSE excluded.raised_at END,
            reset_at = excluded.reset_at, changed_at = excluded.changed_at,
            peak = CASE WHEN excluded.state = 'withdrawn' THEN a.peak
                        WHEN (a.measure, a.window_s) = (excluded.measure, excluded.window_s)
                        THEN greatest(a.peak, excluded.peak) ELSE excluded.peak END
        RETURNING a.*
    ), told AS (
        INSERT INTO city.alarm_notice (alarm_id, rank, step, who, made_at, due_at)
        SELECT n.id, n.rank, l.step, l.who, write_alarms.now,
               write_alarms.now + make_interval(mins => l.minutes)
        FROM written n CROSS JOIN LATERAL fn.ladder_step(n.rule_key, n.rank, 0) l
        WHERE n.state <> 'withdrawn'
        ON CONFLICT DO NOTHING
    ), happened AS (
        INSERT INTO city.alarm_event (alarm_id, at, action, level, facts)
        SELECT n.id, e.at, e.action, e.level, e.facts
        FROM ROWS FROM (jsonb_to_recordset(write_alarms.events) AS
                        (watch bigint, number integer, action text, at timestamptz, level text, facts jsonb))
             WITH ORDINALITY AS e (watch, number, action, at, level, facts, place)
        JOIN written n ON n.watch_id = e.watch AND n.number = e.number ORDER BY e.place
    ), work AS (
        INSERT INTO city.outbox (queue, task, args, due_at)
        SELECT 'quick', 'hazards.follow_alarm', jsonb_build_object('alarm', n.id), now() FROM written n
    )
    SELECT n.watch_id, n.number, n.id FROM written n;
    PERFORM fn.layer_changed('alarms');
END $$;

-- The step of the ladder after `after` for an alarm of a rule and rank: the rule's own, else that of all rules; of the
-- highest rank that has one and is not above the alarm's.
CREATE FUNCTION fn.ladder_step(rule text, rank integer, after integer)
RETURNS TABLE (step integer, who text, minutes integer)
LANGUAGE sql STABLE AS $$
    SELECT l.step, l.who, l.minutes FROM city.alarm_ladder l
    WHERE l.rule_key = CASE WHEN EXISTS (SELECT FROM city.alarm_ladder o WHERE o.rule_key = ladder_step.rule)
                            THEN ladder_step.rule ELSE '' END
      AND l.rank = (SELECT max(h.rank) FROM city.alarm_ladder h
                    WHERE h.rule_key = l.rule_key AND h.rank <= ladder_step.rank)
      AND l.step > ladder_step.after
    ORDER BY l.step LIMIT 1
$$;

-- Notices of alarms that nobody has acknowledged in time go up one step: each is marked overdue, and the next of its ladder
-- begins, if there is one, whether the alarm stands or was reset; not of one that was none. Returns what was passed on.
CREATE FUNCTION fn.pass_on_alarms(now timestamptz) RETURNS TABLE (alarm_id bigint, rank integer, step integer, who text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH late AS (
        UPDATE city.alarm_notice n SET overdue_at = pass_on_alarms.now
        WHERE n.id IN (SELECT o.id FROM city.alarm_notice o
                       WHERE o.acknowledged_at IS NULL AND o.overdue_at IS NULL AND o.due_at <= pass_on_alarms.now
                       ORDER BY o.id FOR UPDATE SKIP LOCKED)
        RETURNING n.*
    ), next AS (
        INSERT INTO city.alarm_notice AS m (alarm_id, rank, step, who, made_at, due_at)
        SELECT l.alarm_id, l.rank, s.step, s.who, pass_on_alarms.now,
               pass_on_alarms.now + make_interval(mins => s.minutes)
        FROM late l JOIN city.alarm a ON a.id = l.alarm_id AND a.state <> 'withdrawn'
        CROSS JOIN LATERAL fn.ladder_step(a.rule_key, l.rank, l.step) s
        ON CONFLICT DO NOTHING RETURNING m.*
    )
    SELECT n.alarm_id, n.rank, n.step, n.who FROM next n;
END $$;

-- Alarms as people see them: with the names of their sensor and place, of the department, the number of the case. What
-- decides who sees one (department, class, cell) is its case's, which may have been moved since; its own without a case.
CREATE VIEW fn.alarm_line AS
SELECT a.id, a.number, a.state, a.level, a.rank, a.advice, a.raised_at, a.reset_at, a.told_at, a.changed_at,
       a.measure, a.window_s,
       CASE WHEN a.state = 'open'
            THEN greatest(a.peak, fn.peak_between(a.datastream_id, a.raised_at, NULL, a.measure, a.window_s))
            ELSE a.peak END AS peak,
       fn.measured_at(a.datastream_id, d.last_at, d.last_value, a.measure, a.window_s) AS now_value,
       coalesce(c.kind, a.kind) AS kind, coalesce(c.class_code, a.class_code) AS class_code, a.rule_key,
       r.name_zh AS rule_zh, r.name_en AS rule_en, r.unit, r.levels, a.watch_id,
       a.datastream_id, d.code AS datastream, d.quantity, d.last_at, d.last_value, d.silent_since,
       s.code AS station, s.name_zh AS station_zh, s.name_en AS station_en, s.place, s.illustrative,
       coalesce(c.cell_code, a.cell_code) AS cell_code, ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat, a.case_id,
       c.number AS case_number, c.state AS case_state,
       coalesce(c.department_code, a.department_code) AS department_code, p.name_zh AS department_zh,
       p.name_en AS department_en, a.no_case, a.case_told,
       a.state <> 'withdrawn' AND EXISTS (SELECT FROM city.alarm_notice n
                                          WHERE n.alarm_id = a.id AND n.acknowledged_at IS NULL) AS waiting,
       (SELECT min(n.due_at) FROM city.alarm_notice n
        WHERE n.alarm_id = a.id AND n.acknowledged_at IS NULL AND n.overdue_at IS NULL) AS due_at,
       (SELECT max(n.acknowledged_at) FROM city.alarm_notice n WHERE n.alarm_id = a.id) AS acknowledged_at
FROM city.alarm a
JOIN city.threshold_rule r ON r.key = a.rule_key
JOIN city.datastream d ON d.id = a.datastream_id
JOIN city.station s ON s.id = d.station_id
LEFT JOIN city.case c ON c.id = a.case_id
LEFT JOIN city.department p ON p.code = coalesce(c.department_code, a.department_code);

-- What happened to alarms after an event, and in those of these ids, each with how its alarm stands now; oldest first.
CREATE FUNCTION fn.alarm_changes(since bigint, ids bigint[], most integer)
RETURNS TABLE (id bigint, action text, alarm bigint, state text, level text, rank integer, advice text,
               raised_at timestamptz, station text, station_zh text, station_en text, levels jsonb, unit text,
               now_value double precision, waiting boolean, case_number text, kind text, class_code text,
               department_code varchar, cell_code text, lon double precision, lat double precision)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT e.id, e.action, l.id, l.state, l.level, l.rank, l.advice, l.raised_at, l.station, l.station_zh, l.station_en,
           l.levels, l.unit, l.now_value, l.waiting, l.case_number, l.kind, l.class_code, l.department_code::varchar,
           l.cell_code, l.lon, l.lat
    FROM (SELECT n.* FROM city.alarm_event n WHERE n.id > alarm_changes.since
          UNION ALL
          SELECT m.* FROM city.alarm_event m WHERE m.id = ANY(alarm_changes.ids)) AS e
    JOIN fn.alarm_line l ON l.id = e.alarm_id
    ORDER BY e.id LIMIT alarm_changes.most;
END $$;

-- Who is to be told of an alarm's case: people of its department (`who` is "department") or of a role, who may see it and
-- want to be told.
CREATE FUNCTION fn.alarm_listeners(case_id bigint, who text) RETURNS TABLE (address_id integer)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT n.id FROM city.case c
    JOIN city.person p ON p.active AND CASE WHEN alarm_listeners.who = 'department'
                                            THEN p.department_code = c.department_code
                                            ELSE p.role = alarm_listeners.who END
    JOIN city.notice_address n ON n.person_id = p.id AND n.address IS NOT NULL
    WHERE c.id = alarm_listeners.case_id AND fn.may_see(p, c.cell_code, c.kind, c.class_code);
END $$;

-- Roads that sensors advise to close or to pass slowly, as long as the alarm that says so stands.
CREATE FUNCTION fn.advised_closures()
RETURNS TABLE (alarm_id bigint, station text, name_zh text, name_en text, advice text, since timestamptz,
               depth double precision, case_number text, geom geometry)
LANGUAGE sql STABLE AS $$
    SELECT a.id, s.code, s.name_zh, s.name_en, a.advice, a.raised_at, d.last_value, c.number, a.geom
    FROM city.alarm a
    JOIN city.datastream d ON d.id = a.datastream_id
    JOIN city.station s ON s.id = d.station_id
    LEFT JOIN city.case c ON c.id = a.case_id
    WHERE a.state = 'open' AND a.advice IS NOT NULL
$$;
