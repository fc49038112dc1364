"""An alarm knows what its level looks at, so that its height is that and not a reading; steps of ladders that nobody
has acknowledged are found at once."""

from alembic import op

revision = "0041_alarm_measures"
down_revision = "0040_zone_marks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.alarm ADD COLUMN measure text NOT NULL DEFAULT 'value',
                               ADD COLUMN window_s integer NOT NULL DEFAULT 0;
        UPDATE city.alarm a SET measure = l.measure, window_s = l.window_s
        FROM (SELECT DISTINCT ON (r.key, e.one ->> 'name') r.key, e.one ->> 'name' AS name,
                     e.one ->> 'measure' AS measure, (e.one ->> 'window_s')::integer AS window_s
              FROM city.threshold_rule r
              CROSS JOIN LATERAL jsonb_array_elements(r.levels) WITH ORDINALITY AS e (one, place)
              ORDER BY r.key, e.one ->> 'name', e.place) l
        WHERE l.key = a.rule_key AND l.name = a.level AND l.measure <> 'value';
        UPDATE city.alarm a SET peak = (
            SELECT max(CASE a.measure WHEN 'sum' THEN m.total WHEN 'mean' THEN m.mean ELSE r.value - m.lowest END)
            FROM city.reading r
            CROSS JOIN LATERAL (
                SELECT sum(w.value::numeric)::double precision AS total, avg(w.value) AS mean, min(w.value) AS lowest
                FROM city.reading w
                WHERE w.datastream_id = r.datastream_id AND w.at <= r.at
                  AND w.at >= r.at - make_interval(secs => a.window_s)
                  AND (a.measure = 'rise' OR w.at > r.at - make_interval(secs => a.window_s))
            ) m
            WHERE r.datastream_id = a.datastream_id AND r.at >= a.raised_at
              AND r.at <= coalesce(a.reset_at, 'infinity'))
        WHERE a.measure <> 'value';
        ALTER TABLE city.alarm ADD CONSTRAINT ck_alarm_measure CHECK (measure IN ('value', 'sum', 'mean', 'rise'));
        CREATE INDEX ix_alarm_notice_unacknowledged ON city.alarm_notice (alarm_id) WHERE acknowledged_at IS NULL;
        """
    )
