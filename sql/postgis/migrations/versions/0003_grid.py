"""Areas, unit cells with their time of validity, and the lineage of cells.

Two cells valid at one time with one code are impossible, for any writer, and three rules together say so:
among valid cells an exclusion constraint on a B-tree, among past ones an exclusion constraint on GiST, between past
and valid ones a trigger per statement. One GiST constraint over all rows would say it in one line, but costs 33 us a
row (190 us on text) against 6: more than the whole division of a city (measured).
"""

from alembic import op

revision = "0003_grid"
down_revision = "0002_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.area (
            code text CONSTRAINT pk_area PRIMARY KEY,
            level text NOT NULL
                CONSTRAINT ck_area_level CHECK (level IN ('city', 'county', 'subdistrict', 'community')),
            parent_code text CONSTRAINT fk_area_parent_code REFERENCES city.area (code),
            name_zh text NOT NULL,
            name_en text,
            geom geometry(MultiPolygon, 4490) NOT NULL,
            area_m2 double precision NOT NULL,
            illustrative boolean NOT NULL DEFAULT false,
            source text,
            population integer,
            projected_srid integer,
            CONSTRAINT ck_area_code CHECK (code ~ '^[0-9]+$' AND length(code) = CASE level
                WHEN 'city' THEN 4 WHEN 'county' THEN 6 WHEN 'subdistrict' THEN 9 WHEN 'community' THEN 12 END),
            CONSTRAINT ck_area_parent CHECK (CASE WHEN parent_code IS NULL THEN level IN ('city', 'county')
                ELSE left(code, length(parent_code)) = parent_code AND length(parent_code) = CASE level
                WHEN 'county' THEN 4 WHEN 'subdistrict' THEN 6 WHEN 'community' THEN 9 END END)
        )
        """
    )
    op.execute("CREATE INDEX ix_area_parent_code ON city.area (parent_code)")
    op.execute("CREATE INDEX ix_area_code_prefix ON city.area (code text_pattern_ops)")
    op.execute("CREATE INDEX ix_area_geom ON city.area USING gist (geom)")
    op.execute(
        """
        CREATE TABLE city.cell (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_cell PRIMARY KEY,
            code text NOT NULL
                CONSTRAINT ck_cell_code CHECK (code ~ '^[0-9]{15}$' AND right(code, 3) <> '000'),
            community_code text NOT NULL CONSTRAINT fk_cell_community_code REFERENCES city.area (code),
            geom geometry(Polygon, 4490) NOT NULL,
            area_m2 double precision NOT NULL CONSTRAINT ck_cell_area CHECK (area_m2 > 0),
            nominal_m double precision,
            valid tstzrange NOT NULL CONSTRAINT ck_cell_valid CHECK (
                lower_inc(valid) AND NOT upper_inc(valid) AND NOT lower_inf(valid) AND NOT isempty(valid)),
            origin text NOT NULL CONSTRAINT ck_cell_origin CHECK (origin IN ('divided', 'surveyed')),
            land_use text,
            manager text,
            remark text,
            CONSTRAINT ck_cell_community CHECK (left(code, 12) = community_code),
            CONSTRAINT ex_cell_one_valid EXCLUDE USING btree (code text_pattern_ops WITH =)
                WHERE (upper_inf(valid)),
            CONSTRAINT ex_cell_one_past EXCLUDE USING gist ((code::bigint) WITH =, valid WITH &&)
                WHERE (NOT upper_inf(valid))
        )
        """
    )
    op.execute("CREATE INDEX ix_cell_geom ON city.cell USING gist (geom)")
    op.execute("CREATE INDEX ix_cell_code ON city.cell (code text_pattern_ops)")
    op.execute("CREATE INDEX ix_cell_community_code ON city.cell (community_code)")
    _one_code_at_a_time()
    op.execute(
        """
        CREATE TABLE city.cell_lineage (
            from_cell bigint CONSTRAINT fk_cell_lineage_from_cell REFERENCES city.cell (id),
            to_cell bigint CONSTRAINT fk_cell_lineage_to_cell REFERENCES city.cell (id),
            share double precision NOT NULL CONSTRAINT ck_cell_lineage_share CHECK (share > 0 AND share <= 1),
            reason text NOT NULL CONSTRAINT ck_cell_lineage_reason
                CHECK (reason IN ('divided', 'split', 'merged', 'surveyed')),
            at timestamptz NOT NULL,
            CONSTRAINT pk_cell_lineage PRIMARY KEY (from_cell, to_cell)
        )
        """
    )
    op.execute("CREATE INDEX ix_cell_lineage_to_cell ON city.cell_lineage (to_cell)")


def _one_code_at_a_time() -> None:
    """Past against valid: no constraint can say it cheaply. The lock on the community makes two writers take turns."""
    op.execute(
        """
        CREATE FUNCTION city.refuse_one_code_twice() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE twice text;
        BEGIN
            PERFORM FROM city.area WHERE code IN (SELECT community_code FROM changed) ORDER BY code
                FOR NO KEY UPDATE;
            SELECT p.code INTO twice FROM (
                SELECT c.code FROM changed n JOIN city.cell c ON c.code::bigint = n.code::bigint
                    AND c.valid && n.valid AND NOT upper_inf(c.valid) WHERE upper_inf(n.valid)
                UNION ALL
                SELECT c.code FROM changed n JOIN city.cell c ON c.code = n.code
                    AND c.valid && n.valid AND upper_inf(c.valid) WHERE NOT upper_inf(n.valid)
            ) AS p LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'two cells with code % at one time', twice
                    USING ERRCODE = 'exclusion_violation', SCHEMA = 'city', TABLE = 'cell',
                          CONSTRAINT = 'ex_cell_one_code';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER one_code_after_{event.lower()} AFTER {event} ON city.cell "
            "REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_one_code_twice()"
        )
