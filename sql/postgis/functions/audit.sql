-- The hash of an event and of the one before it in its case: what `webgis audit verify` computes again.
CREATE FUNCTION fn.event_hash(previous bytea, e city.case_event) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(previous || convert_to(jsonb_build_array(e.case_id, e.seq, extract(epoch FROM e.at),
        extract(epoch FROM e.recorded_at), e.action, e.from_state, e.to_state, e.person_id, e.role, e.department_code,
        e.given, e.facts, encode(ST_AsEWKB(e.geom), 'hex'))::text, 'UTF8'));
END $$;

-- The hash of what the row of a case says. Left out is what changes without a step: its deadlines while it is open
-- (`webgis clock` reckons them anew), and what follows from its history anyhow. A column added later is not in it.
CREATE FUNCTION fn.case_digest(c city.case) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(jsonb_build_array(c.number, c.kind, c.standard, c.class_code, c.description, c.address,
        encode(ST_AsEWKB(c.geom), 'hex'), c.crs, c.accuracy_m, c.cell_code, c.source, c.reporter_id, c.component_code,
        c.state, c.outcome, c.parent_id, c.relation, c.condition_id, c.department_code, c.resolver_id, c.handler_id,
        c.inspector_id, c.confirmation, c.flags, c.ledger, c.rework_count, c.extension_count,
        extract(epoch FROM c.reported_at), extract(epoch FROM c.dispatched_at), extract(epoch FROM c.resolved_at),
        extract(epoch FROM c.closed_at),
        CASE WHEN c.outcome IS NOT NULL THEN extract(epoch FROM c.deadline_at) END)::text, 'UTF8'))
$$;

-- What shows that nobody altered the history behind the application's back (docs/evidence.md). A finding names a case
-- and an event where it can; `what` is a word of cases/audit.py, `details` the facts of its sentence.

CREATE TYPE fn.finding AS (number text, seq integer, what text, details jsonb);

-- The text of an anchor: a line that names the anchor before it, then a line for each of its leaves, by number. The root
-- is its SHA-256, so that anyone can compute it with `sha256sum` and without a database.
CREATE FUNCTION fn.anchor_head(day date, previous bytea) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT 'webgis ' || anchor_head.day || ' after ' || coalesce(encode(anchor_head.previous, 'hex'), '-') || E'\n'
$$;

CREATE FUNCTION fn.leaf_line(l city.audit_leaf) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT l.number || ' ' || l.events || ' ' || encode(l.head, 'hex')
        || coalesce(' ' || encode(l.digest, 'hex'), '') || E'\n'
$$;

CREATE FUNCTION fn.anchor_root(day date, previous bytea) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(fn.anchor_head(anchor_root.day, anchor_root.previous)
                             || coalesce(string_agg(fn.leaf_line(l), '' ORDER BY l.number COLLATE "C"), ''), 'UTF8'))
    FROM city.audit_leaf l WHERE l.day = anchor_root.day
$$;

-- Anchor, as that of `day`, what was recorded before `until` and is in no anchor yet. Each case whose history grew gets
-- a leaf: how many events it has, the hash of the last, which holds all before it, and that of the case's row, unless
-- the case has gone on since.
CREATE FUNCTION fn.make_anchor(day date, until timestamptz) RETURNS city.audit_anchor
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before city.audit_anchor;
    made city.audit_anchor;
BEGIN
    LOCK TABLE city.audit_anchor IN SHARE ROW EXCLUSIVE MODE;
    SELECT a.* INTO before FROM city.audit_anchor a ORDER BY a.day DESC LIMIT 1;
    made.day := make_anchor.day;
    made.until := make_anchor.until;
    made.previous := before.root;
    made.made_at := now();

    WITH grown AS (
        SELECT e.case_id, max(e.seq) AS events FROM city.case_event e
        WHERE e.recorded_at < make_anchor.until AND e.recorded_at >= coalesce(before.until, '-infinity')
        GROUP BY e.case_id
    ), leaf AS (
        SELECT g.case_id, c.number, g.events, e.hash, g.events - coalesce(l.events, 0) AS added,
               CASE WHEN c.version = g.events THEN fn.case_digest(c) END AS digest
        FROM grown g
        JOIN city.case_event e ON e.case_id = g.case_id AND e.seq = g.events
        JOIN city.case c ON c.id = g.case_id
        LEFT JOIN LATERAL (SELECT o.events FROM city.audit_leaf o WHERE o.case_id = g.case_id
                           ORDER BY o.day DESC LIMIT 1) l ON true
        WHERE g.events > coalesce(l.events, 0)
    ), kept AS (
        INSERT INTO city.audit_leaf (case_id, day, number, events, head, digest)
        SELECT l.case_id, make_anchor.day, l.number, l.events, l.hash, l.digest FROM leaf l
    )
    SELECT count(*), coalesce(sum(l.added), 0) INTO made.cases, made.events FROM leaf l;

    made.root := fn.anchor_root(made.day, made.previous);
    INSERT INTO city.audit_anchor (day, until, cases, events, previous, root, made_at)
    VALUES (made.day, made.until, made.cases, made.events, made.previous, made.root, made.made_at);
    RETURN made;
END $$;

-- The chains of the cases with these ids: every event follows the one before it and has the hash of what it says, and
-- the case is where its history ends. One reading of the index of events, whatever is found.
CREATE FUNCTION fn.audit_chains(first bigint, last bigint, since timestamptz) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT e.case_id FROM city.case_event e
        WHERE audit_chains.since IS NOT NULL AND e.recorded_at >= audit_chains.since
          AND e.case_id BETWEEN audit_chains.first AND audit_chains.last
    ), event AS (
        SELECT e.case_id, e.seq, e.hash, e.to_state, e.recorded_at,
               coalesce(lag(e.seq) OVER w, 0) AS seq_before,
               lead(e.seq) OVER w IS NULL AS is_last,
               fn.event_hash(coalesce(lag(e.hash) OVER w, ''), e) AS computed
        FROM city.case_event e
        WHERE e.case_id BETWEEN audit_chains.first AND audit_chains.last
          AND (audit_chains.since IS NULL OR e.case_id IN (SELECT a.case_id FROM asked a))
        WINDOW w AS (PARTITION BY e.case_id ORDER BY e.seq)
    ), doubtful AS (
        SELECT v.case_id, v.seq, v.seq_before, v.hash <> v.computed AS altered, v.is_last, v.to_state, v.hash
        FROM event v
        WHERE v.seq <> v.seq_before + 1 OR v.hash <> v.computed OR v.is_last
    )
    SELECT coalesce(c.number, (SELECT l.number FROM city.audit_leaf l WHERE l.case_id = d.case_id LIMIT 1)),
           f.seq, f.what, f.details || jsonb_build_object('case_id', d.case_id)
    FROM doubtful d
    LEFT JOIN city.case c ON c.id = d.case_id
    CROSS JOIN LATERAL (VALUES
        (d.seq_before + 1, 'removed', jsonb_build_object('until', d.seq - 1), d.seq > d.seq_before + 1),
        (d.seq, 'misnumbered', '{}'::jsonb, d.seq <= d.seq_before),
        (d.seq, 'altered', '{}'::jsonb, d.altered AND d.seq = d.seq_before + 1),
        (d.seq + 1, 'tail_removed', jsonb_build_object('until', c.version), d.is_last AND c.version > d.seq),
        (c.version + 1, 'tail_added', jsonb_build_object('until', d.seq), d.is_last AND c.version < d.seq),
        (d.seq, 'head_differs', '{}'::jsonb, d.is_last AND c.head <> d.hash AND c.version = d.seq),
        (d.seq, 'state_differs', jsonb_build_object('case', c.state, 'history', d.to_state),
         d.is_last AND c.state <> d.to_state AND c.version = d.seq),
        (NULL, 'case_removed', '{}'::jsonb, d.is_last AND c.id IS NULL)
    ) AS f (seq, what, details, found)
    WHERE f.found
    UNION ALL
    SELECT c.number, 1, 'all_removed', jsonb_build_object('until', c.version, 'case_id', c.id)
    FROM city.case c
    WHERE c.id BETWEEN audit_chains.first AND audit_chains.last
      AND (audit_chains.since IS NULL OR c.changed_at >= audit_chains.since)
      AND NOT EXISTS (SELECT FROM city.case_event e WHERE e.case_id = c.id)
    ORDER BY 1, 2
$$;

-- Numbers are given without gaps: every number up to the last that its county gave on that day is a case, and no other.
CREATE FUNCTION fn.audit_numbers(since date) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH given AS (
        SELECT left(c.number, 14) AS head, count(*) AS cases, max(right(c.number, 5)::integer) AS highest
        FROM city.case c
        WHERE audit_numbers.since IS NULL OR c.number >= '000000' AND substr(c.number, 7, 8)
            >= to_char(audit_numbers.since, 'YYYYMMDD')
        GROUP BY 1
    ), counted AS (
        SELECT k.county_code || to_char(k.day, 'YYYYMMDD') AS head, k.last FROM city.case_counter k
        WHERE audit_numbers.since IS NULL OR k.day >= audit_numbers.since
    ), odd AS (
        SELECT coalesce(g.head, k.head) AS head, coalesce(k.last, 0) AS last, coalesce(g.highest, 0) AS highest
        FROM given g FULL JOIN counted k ON k.head = g.head
        WHERE g.cases IS DISTINCT FROM k.last OR g.highest IS DISTINCT FROM k.last
    )
    SELECT o.head || lpad(n::text, 5, '0'), NULL::integer,
           CASE WHEN c.id IS NULL THEN 'case_removed' ELSE 'number_not_given' END,
           jsonb_build_object('last', o.last)
    FROM odd o
    CROSS JOIN LATERAL generate_series(1, greatest(o.last, o.highest)) AS n
    LEFT JOIN city.case c ON c.number = o.head || lpad(n::text, 5, '0')
    WHERE (c.id IS NULL) = (n <= o.last)
    ORDER BY 1
$$;

-- What the anchors say of each case against its history and its row: the event that was its last then is still there
-- with the hash that it had, nothing was recorded into an anchored day afterwards, and a case that has not gone on since
-- is as it was. Of several anchors the first that differs is told: the history was changed between it and the one before.
CREATE FUNCTION fn.audit_leaves(since date) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH differs AS (
        SELECT DISTINCT ON (l.case_id) l.case_id, l.number, l.day, l.events, e.seq IS NULL AS gone,
               coalesce((SELECT max(o.events) FROM city.audit_leaf o
                         WHERE o.case_id = l.case_id AND o.day < l.day), 0) + 1 AS first
        FROM city.audit_leaf l
        LEFT JOIN city.case_event e ON e.case_id = l.case_id AND e.seq = l.events
        WHERE (audit_leaves.since IS NULL OR l.day >= audit_leaves.since) AND e.hash IS DISTINCT FROM l.head
        ORDER BY l.case_id, l.day
    ), latest AS (
        SELECT a.until, a.day FROM city.audit_anchor a ORDER BY a.day DESC LIMIT 1
    )
    SELECT d.number, CASE WHEN d.gone THEN d.events ELSE d.first END,
           CASE WHEN c.id IS NULL THEN 'case_removed' WHEN d.gone THEN 'anchored_removed' ELSE 'anchored_altered' END,
           jsonb_build_object('until', d.events, 'day', d.day, 'case_id', d.case_id)
    FROM differs d LEFT JOIN city.case c ON c.id = d.case_id AND c.number = d.number
    UNION ALL
    SELECT c.number, NULL, 'case_altered', jsonb_build_object('day', l.day, 'case_id', c.id)
    FROM city.audit_leaf l JOIN city.case c ON c.id = l.case_id AND c.version = l.events
    WHERE (audit_leaves.since IS NULL OR l.day >= audit_leaves.since) AND l.digest <> fn.case_digest(c)
    UNION ALL
    SELECT c.number, e.seq, 'inserted', jsonb_build_object('day', t.day, 'recorded_at', e.recorded_at, 'case_id', c.id)
    FROM latest t
    JOIN city.case_event e ON e.recorded_at < t.until
        AND (audit_leaves.since IS NULL OR e.recorded_at >= audit_leaves.since)
    JOIN city.case c ON c.id = e.case_id
    WHERE e.seq > coalesce((SELECT max(l.events) FROM city.audit_leaf l WHERE l.case_id = e.case_id), 0)
    ORDER BY 1, 2
$$;

-- The anchors against their leaves and against one another.
CREATE FUNCTION fn.audit_anchors(since date) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT NULL::text, NULL::integer, f.what, jsonb_build_object('day', a.day)
    FROM (SELECT a.*, lag(a.root) OVER (ORDER BY a.day) AS before FROM city.audit_anchor a) a
    CROSS JOIN LATERAL (VALUES
        ('anchor_unchained', a.previous IS DISTINCT FROM a.before),
        ('anchor_altered', a.root <> fn.anchor_root(a.day, a.previous))
    ) AS f (what, found)
    WHERE f.found AND (audit_anchors.since IS NULL OR a.day >= audit_anchors.since)
    UNION ALL
    SELECT min(l.number), NULL, 'anchor_removed', jsonb_build_object('day', l.day)
    FROM city.audit_leaf l WHERE NOT EXISTS (SELECT FROM city.audit_anchor a WHERE a.day = l.day)
    GROUP BY l.day
    ORDER BY 4
$$;

-- Photos that an event names by their content's hash and that are gone, photos that their event does not name, and
-- photos of which the event tells another time, place or case. Photos from before events named them (the first one named
-- is the mark) are left alone.
CREATE FUNCTION fn.audit_photos(since timestamptz) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH named AS (
        SELECT e.id AS event_id, e.case_id, coalesce(n ->> 'sha256', n #>> '{}') AS sha256, n ? 'marks' AS judged,
               (n ->> 'taken_at')::timestamptz AS taken_at,
               (n #>> '{place, 0}')::float8 AS lon, (n #>> '{place, 1}')::float8 AS lat
        FROM city.case_event e, jsonb_array_elements(e.facts -> 'photos') AS n
        WHERE audit_photos.since IS NULL OR e.recorded_at >= audit_photos.since
    ), kept AS (
        SELECT p.event_id, p.sha256 FROM city.photo p JOIN city.case_event e ON e.id = p.event_id
        WHERE p.event_id >= (SELECT min(n.event_id) FROM named n)
          AND (audit_photos.since IS NULL OR e.recorded_at >= audit_photos.since)
    ), odd AS (
        (SELECT n.event_id, n.sha256, 'photo_removed' AS what FROM named n
         EXCEPT SELECT k.*, 'photo_removed' FROM kept k)
        UNION ALL
        (SELECT k.*, 'photo_added' FROM kept k EXCEPT SELECT n.event_id, n.sha256, 'photo_added' FROM named n)
        UNION ALL
        SELECT n.event_id, n.sha256, 'photo_altered'
        FROM named n JOIN city.photo p ON p.event_id = n.event_id AND p.sha256 = n.sha256
        WHERE p.case_id <> n.case_id
           OR n.judged AND (p.taken_at, ST_X(p.geom), ST_Y(p.geom)) IS DISTINCT FROM (n.taken_at, n.lon, n.lat)
    )
    SELECT c.number, e.seq, o.what, jsonb_build_object('sha256', o.sha256, 'case_id', e.case_id)
    FROM odd o JOIN city.case_event e ON e.id = o.event_id LEFT JOIN city.case c ON c.id = e.case_id
    ORDER BY 1, 2
$$;
