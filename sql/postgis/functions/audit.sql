-- What events and rows are hashed from: SHA-256 of `record_send`, which is quicker than any text and the same under every
-- setting of a session. What may hold more than ASCII goes in as UTF-8, places as EWKB.

-- The hash of an event and of the one before it in its case: what `webgis audit verify` computes again. Events from
-- before they held the digest of their case (0015) were hashed as JSON.
CREATE FUNCTION fn.event_hash(previous bytea, e city.case_event) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF e.digest IS NULL AND e.found_digest IS NULL THEN
        RETURN sha256(previous || convert_to(jsonb_build_array(e.case_id, e.seq, extract(epoch FROM e.at),
            extract(epoch FROM e.recorded_at), e.action, e.from_state, e.to_state, e.person_id, e.role,
            e.department_code, e.given, e.facts, encode(ST_AsEWKB(e.geom), 'hex'))::text, 'UTF8'));
    END IF;
    RETURN sha256(previous || record_send(ROW(e.case_id, e.seq, e.at, e.recorded_at, e.action, e.from_state, e.to_state,
        e.person_id, e.role, e.department_code, convert_to(e.given::text, 'UTF8'), convert_to(e.facts::text, 'UTF8'),
        ST_AsEWKB(e.geom), e.digest, e.found_digest)));
END $$;

-- The digest of the row of a case, which the event that left it so holds. Left out are the hash of the last event and
-- their number, which the history tells, and when a case that was split is due: it follows its tasks, whose steps are none
-- of the case. A column added later is to go in only where it is not NULL, so that the digests that were written stay true.
CREATE FUNCTION fn.case_digest(c city.case) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(record_send(ROW(c.number, c.kind, c.standard, c.class_code, convert_to(c.description, 'UTF8'),
        convert_to(c.address, 'UTF8'), ST_AsEWKB(c.geom), c.crs, c.accuracy_m, c.cell_id, c.cell_code, c.source,
        c.reporter_id, c.state, c.outcome, c.parent_id, c.relation, c.condition_id, c.department_code, c.resolver_id,
        c.handler_id, c.inspector_id, c.component_code, c.confirmation, c.flags, convert_to(c.returned::text, 'UTF8'),
        convert_to(c.ledger::text, 'UTF8'), CASE WHEN 'split' <> ALL(c.flags) THEN c.due_at END, c.paused_at,
        c.resume_at, c.extension_count, c.reported_at, c.dispatched_at, c.deadline_at, c.resolved_at, c.closed_at,
        c.changed_at, c.rework_count)));
END $$;

-- Whether the row of a case is as the event with this digest left it (NULL: the event tells none). One thing is changed
-- without a step: when the calendar changes, the deadlines of open cases are reckoned anew, and the report of that tells
-- from where to where. So deadlines may be the new ones of a move if with the old ones of a move the row is as it was left.
CREATE FUNCTION fn.is_as_left(c city.case, digest bytea) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    before city.case := c;
BEGIN
    IF is_as_left.digest IS NULL OR fn.case_digest(c) = is_as_left.digest THEN
        RETURN true;
    ELSIF c.outcome IS NOT NULL OR NOT EXISTS (
        SELECT FROM city.recompute_move m
        WHERE m.case_id = c.id AND m.new_deadline_at IS NOT DISTINCT FROM c.deadline_at
          AND (m.new_due_at IS NOT DISTINCT FROM c.due_at OR 'split' = ANY(c.flags))) THEN
        RETURN false;
    END IF;
    FOR before.deadline_at, before.due_at IN
        SELECT m.old_deadline_at, m.old_due_at FROM city.recompute_move m WHERE m.case_id = c.id
    LOOP
        IF fn.case_digest(before) = is_as_left.digest THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;

-- The digest of the row of a case if it is not as its last event left it, else NULL: what the next event keeps.
CREATE FUNCTION fn.found_altered(c city.case) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN NOT fn.is_as_left(c, (SELECT e.digest FROM city.case_event e
                                           WHERE e.case_id = c.id AND e.seq = c.version))
                THEN fn.case_digest(c) END;
END $$;

-- The digest of a request, in hexadecimal: each of its turns tells it in its event's facts (`request_digest`).
CREATE FUNCTION fn.request_digest(r city.case_request) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN encode(sha256(record_send(ROW(r.id, r.case_id, r.kind, r.state, r.department_code,
        convert_to(r.reason, 'UTF8'), r.until_at, r.asked_by, r.asked_at, r.reviewed_by, r.reviewed_at,
        convert_to(r.review_note, 'UTF8'), r.decided_by, r.decided_at, convert_to(r.decision_note, 'UTF8')))), 'hex');
END $$;

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
-- a leaf: how many events it has, and the hash of the last, which holds all before it and how the case stood then.
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
        SELECT g.case_id, c.number, g.events, e.hash, g.events - coalesce(l.events, 0) AS added
        FROM grown g
        JOIN city.case_event e ON e.case_id = g.case_id AND e.seq = g.events
        JOIN city.case c ON c.id = g.case_id
        LEFT JOIN LATERAL (SELECT o.events FROM city.audit_leaf o WHERE o.case_id = g.case_id
                           ORDER BY o.day DESC LIMIT 1) l ON true
        WHERE g.events > coalesce(l.events, 0)
    ), kept AS (
        INSERT INTO city.audit_leaf (case_id, day, number, events, head)
        SELECT l.case_id, make_anchor.day, l.number, l.events, l.hash FROM leaf l
    )
    SELECT count(*), coalesce(sum(l.added), 0) INTO made.cases, made.events FROM leaf l;

    made.root := fn.anchor_root(made.day, made.previous);
    INSERT INTO city.audit_anchor (day, until, cases, events, previous, root, made_at)
    VALUES (made.day, made.until, made.cases, made.events, made.previous, made.root, made.made_at);
    RETURN made;
END $$;

-- The chains of the cases with these ids: every event follows the one before it and has the hash of what it says, and
-- the case is where its history ends and as its last event left it; no step found it otherwise. One reading of the index
-- of events, whatever is found.
CREATE FUNCTION fn.audit_chains(first bigint, last bigint, since timestamptz) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT e.case_id FROM city.case_event e
        WHERE audit_chains.since IS NOT NULL AND e.recorded_at >= audit_chains.since
          AND e.case_id BETWEEN audit_chains.first AND audit_chains.last
    ), event AS (
        SELECT e.case_id, e.seq, e.hash, e.to_state, e.digest, e.found_digest,
               coalesce(lag(e.seq) OVER w, 0) AS seq_before,
               lead(e.seq) OVER w IS NULL AS is_last,
               fn.event_hash(coalesce(lag(e.hash) OVER w, ''), e) AS computed
        FROM city.case_event e
        WHERE e.case_id BETWEEN audit_chains.first AND audit_chains.last
          AND (audit_chains.since IS NULL OR e.case_id IN (SELECT a.case_id FROM asked a))
        WINDOW w AS (PARTITION BY e.case_id ORDER BY e.seq)
    ), doubtful AS (
        SELECT v.case_id, v.seq, v.seq_before, v.hash <> v.computed AS altered, v.is_last, v.to_state, v.hash, v.digest,
               v.found_digest IS NOT NULL AS found_altered
        FROM event v
        WHERE v.seq <> v.seq_before + 1 OR v.hash <> v.computed OR v.found_digest IS NOT NULL OR v.is_last
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
        (d.seq, 'case_was_altered', '{}'::jsonb, d.found_altered),
        (d.seq, 'case_altered', '{}'::jsonb,
         d.is_last AND c.state = d.to_state AND c.version = d.seq AND NOT fn.is_as_left(c, d.digest)),
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

-- What the anchors say of each case against its history: the event that was its last then is still there with the hash
-- that it had, and nothing was recorded into an anchored day afterwards. Of several anchors the first that differs is
-- told: the history was changed between it and the one before.
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

-- Requests against the turns that the events of their cases tell: a request is as its last turn left it, and none is there
-- of which no event tells. Turns from before events told the digest say only that there is a request.
CREATE FUNCTION fn.audit_requests(since timestamptz) RETURNS SETOF fn.finding
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH turn AS (
        SELECT DISTINCT ON (e.case_id, e.facts -> 'request') e.case_id, e.seq, e.facts -> 'request' AS request,
               e.facts ->> 'request_digest' AS digest
        FROM city.case_event e
        WHERE e.facts ? 'request' AND (audit_requests.since IS NULL OR e.recorded_at >= audit_requests.since)
        ORDER BY e.case_id, e.facts -> 'request', e.seq DESC
    ), odd AS (
        SELECT t.case_id, t.seq, t.request, CASE WHEN r.id IS NULL THEN 'request_removed' ELSE 'request_altered' END AS what
        FROM turn t LEFT JOIN city.case_request r ON to_jsonb(r.id) = t.request
        WHERE r.id IS NULL OR fn.request_digest(r) <> t.digest
        UNION ALL
        SELECT r.case_id, NULL, to_jsonb(r.id), 'request_added'
        FROM city.case_request r
        WHERE (audit_requests.since IS NULL OR r.asked_at >= audit_requests.since)
          AND NOT EXISTS (SELECT FROM city.case_event e
                          WHERE e.case_id = r.case_id AND e.facts -> 'request' = to_jsonb(r.id))
    )
    SELECT c.number, o.seq, o.what, jsonb_build_object('request', o.request, 'case_id', o.case_id)
    FROM odd o LEFT JOIN city.case c ON c.id = o.case_id
    ORDER BY 1, 2
$$;
