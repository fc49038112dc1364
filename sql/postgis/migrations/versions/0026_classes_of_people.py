"""A person may be limited to classes besides an area."""

from alembic import op

revision = "0026_classes_of_people"
down_revision = "0025_counts_by_month"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE city.person ADD COLUMN class_codes text;
        ALTER TABLE city.person ADD CONSTRAINT ck_person_class_codes CHECK (
            class_codes ~ '^(component|matter):[0-9]{2,5}(,(component|matter):[0-9]{2,5})*$');
        """
    )
