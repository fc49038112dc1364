"""What a tile needs: the changes of each layer, from which its version follows, and open cases and beats by place."""

from alembic import op

revision = "0017_tiles"
down_revision = "0016_rollups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.layer_change (
            id bigint GENERATED ALWAYS AS IDENTITY,
            layer text NOT NULL,
            changes bigint NOT NULL,
            CONSTRAINT pk_layer_change PRIMARY KEY (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_case_open_geom ON city.case USING gist (geom) WHERE outcome IS NULL")
    op.execute("CREATE INDEX ix_beat_geom ON city.beat USING gist (geom)")
