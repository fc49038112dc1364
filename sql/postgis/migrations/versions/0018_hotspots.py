"""Hot spots that were found: what was asked, when, on which counts, and the cells that are told of."""

from alembic import op

revision = "0018_hotspots"
down_revision = "0017_tiles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.hotspot_run (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_hotspot_run PRIMARY KEY,
            asked jsonb NOT NULL,
            made_at timestamptz NOT NULL DEFAULT now(),
            counted bigint NOT NULL,
            grid text NOT NULL,
            progress smallint NOT NULL DEFAULT 0
                CONSTRAINT ck_hotspot_run_progress CHECK (progress BETWEEN 0 AND 100),
            told jsonb
        )
        """
    )
    op.execute("CREATE INDEX ix_hotspot_run_asked ON city.hotspot_run (asked, made_at DESC)")
    op.execute("CREATE INDEX ix_hotspot_run_made_at ON city.hotspot_run (made_at)")
    op.execute(
        """
        CREATE TABLE city.hotspot_cell (
            run_id bigint NOT NULL
                CONSTRAINT fk_hotspot_cell_run_id REFERENCES city.hotspot_run ON DELETE CASCADE,
            cell_id bigint NOT NULL CONSTRAINT fk_hotspot_cell_cell_id REFERENCES city.cell,
            reported double precision NOT NULL,
            z double precision NOT NULL,
            p double precision NOT NULL,
            q double precision NOT NULL,
            called smallint NOT NULL
                CONSTRAINT ck_hotspot_cell_called CHECK (called IN (-99, -95, -90, 0, 90, 95, 99)),
            word text CONSTRAINT ck_hotspot_cell_word
                CHECK (word IN ('intensifying', 'fading', 'persisting', 'new', 'sporadic', 'past')),
            CONSTRAINT pk_hotspot_cell PRIMARY KEY (run_id, cell_id)
        )
        """
    )
