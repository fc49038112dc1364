"""The gazetteer: roads, compounds, villages, buildings, points of interest and doors, and how each is spelled."""

from alembic import op

revision = "0014_gazetteer"
down_revision = "0013_kindred"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.place_source (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_place_source PRIMARY KEY,
            name text NOT NULL CONSTRAINT uq_place_source_name UNIQUE,
            file text NOT NULL,
            imported_at timestamptz NOT NULL DEFAULT now(),
            illustrative boolean NOT NULL DEFAULT false
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.place_name (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_place_name PRIMARY KEY,
            source_id integer NOT NULL CONSTRAINT fk_place_name_source_id REFERENCES city.place_source (id),
            kind text NOT NULL,
            name text NOT NULL,
            name_en text NOT NULL,
            parent_id bigint CONSTRAINT fk_place_name_parent_id REFERENCES city.place_name (id),
            number text,
            number_value integer,
            area_code text NOT NULL CONSTRAINT fk_place_name_area_code REFERENCES city.area (code),
            geom geometry(Geometry, 4490) NOT NULL,
            lon double precision NOT NULL,
            lat double precision NOT NULL,
            CONSTRAINT ck_place_name_kind
                CHECK (kind IN ('road', 'compound', 'village', 'building', 'poi', 'door')),
            CONSTRAINT ck_place_name_door
                CHECK ((kind = 'door') = (number IS NOT NULL) AND (kind = 'door') = (parent_id IS NOT NULL)
                       AND (kind = 'door') = (number_value IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_place_name_source_id ON city.place_name (source_id)")
    op.execute("CREATE INDEX ix_place_name_area_code ON city.place_name (area_code)")
    op.execute(
        "CREATE INDEX ix_place_name_parent_id ON city.place_name (parent_id, number_value) WHERE parent_id IS NOT NULL"
    )
    for kinds, condition in (
        ("door", "kind = 'door'"),
        ("road", "kind = 'road'"),
        ("spot", "kind IN ('compound', 'village', 'building', 'poi')"),
    ):
        op.execute(f"CREATE INDEX ix_place_name_{kinds} ON city.place_name USING gist (geom) WHERE {condition}")
    op.execute(
        """
        CREATE TABLE city.place_spelling (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_place_spelling PRIMARY KEY,
            place_id bigint NOT NULL CONSTRAINT fk_place_spelling_place_id
                REFERENCES city.place_name (id) ON DELETE CASCADE,
            name text NOT NULL,
            alias boolean NOT NULL,
            said text NOT NULL,
            signs text NOT NULL,
            pinyin text NOT NULL,
            initials text NOT NULL,
            lon double precision NOT NULL,
            lat double precision NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_place_spelling_place_id ON city.place_spelling (place_id)")
    for column in ("said", "pinyin", "initials"):
        op.execute(f"CREATE INDEX ix_place_spelling_{column} ON city.place_spelling ({column} text_pattern_ops)")
    for column in ("signs", "pinyin"):
        op.execute(
            f"CREATE INDEX ix_place_spelling_{column}_trgm ON city.place_spelling"
            f" USING gin ({column} public.gin_trgm_ops)"
        )
    op.execute(
        """
        CREATE TABLE city.sign_sound (
            sign text CONSTRAINT pk_sign_sound PRIMARY KEY,
            sound text NOT NULL
        )
        """
    )
