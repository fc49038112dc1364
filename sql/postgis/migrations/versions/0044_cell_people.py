"""People per unit cell. Of the row, not of the code: a cell that was divided anew has other ground, and its people are
not known until somebody counts them."""

from alembic import op

revision = "0044_cell_people"
down_revision = "0043_own_regulation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.cell_people (
            cell_id bigint CONSTRAINT pk_cell_people PRIMARY KEY
                CONSTRAINT fk_cell_people_cell_id REFERENCES city.cell (id),
            people integer NOT NULL CONSTRAINT ck_cell_people_people CHECK (people >= 0),
            as_of date NOT NULL,
            source text
        )
        """
    )
