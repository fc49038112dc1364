"""Claims are told to those who listen; how long things are kept stands in a table, and a photo may be removed."""

from alembic import op

revision = "0028_claims_told_and_retention"
down_revision = "0027_long_work"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE city.claim_change (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_claim_change PRIMARY KEY,
            case_id bigint NOT NULL,
            at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE city.retention (
            kind text CONSTRAINT pk_retention PRIMARY KEY,
            days integer CONSTRAINT ck_retention_days CHECK (days BETWEEN 1 AND 36500),
            source text NOT NULL CONSTRAINT ck_retention_source CHECK (source <> ''),
            changed_at timestamptz NOT NULL DEFAULT now()
        );
        ALTER TABLE city.photo ADD COLUMN removed_at timestamptz;
        CREATE INDEX ix_photo_kept ON city.photo (case_id) WHERE removed_at IS NULL;
        CREATE INDEX ix_photo_sha256 ON city.photo (sha256) WHERE removed_at IS NULL;
        """
    )
