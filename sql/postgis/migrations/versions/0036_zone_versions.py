"""What was known of a construction zone is never altered: the database lets a version only be ended, once."""

from alembic import op

revision = "0036_zone_versions"
down_revision = "0035_cap_change"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION city.refuse_change_of_version() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            kept city.construction_zone := NEW;
        BEGIN
            kept.recorded := OLD.recorded;
            IF kept *= OLD AND upper_inf(OLD.recorded) AND NOT upper_inf(NEW.recorded)
                AND NEW.recorded = tstzrange(lower(OLD.recorded), upper(NEW.recorded)) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'a version is ended once, never changed: % of construction zone %', TG_OP, OLD.code
                USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER history_version BEFORE UPDATE ON city.construction_zone
            FOR EACH ROW EXECUTE FUNCTION city.refuse_change_of_version();
        CREATE TRIGGER history_row BEFORE DELETE ON city.construction_zone
            FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_table BEFORE TRUNCATE ON city.construction_zone
            FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.construction_phase
            FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_table BEFORE TRUNCATE ON city.construction_phase
            FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_row BEFORE UPDATE OR DELETE ON city.construction_line
            FOR EACH ROW EXECUTE FUNCTION city.refuse_change();
        CREATE TRIGGER history_table BEFORE TRUNCATE ON city.construction_line
            FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change();
        """
    )
