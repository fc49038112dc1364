"""Duplicates, other reporters, the picture hash of photos, and daily anchors of the history."""

from alembic import op

revision = "0010_evidence"
down_revision = "0009_register"
branch_labels = None
depends_on = None

COMPONENTS = {"01": 77, "02": 44, "03": 16, "04": 14, "05": 9}
"""Highest number of each major class of components in GB/T 47678.5-2026."""

NO_SUCH = ("01016", "05001", "05004", "05005", "05006", "05007", "05008")
"""Numbers that the standard leaves out."""

FAMILIES = (
    ("refuse", 0.8, "06010 06011 06012 06014 06017 06018 06035 06036 06041 06042 08005"),
    ("refuse-bins", 0.8, "06010 06041 06042 03004 03005"),
    ("road-surface", 0.8, "06013 06016 06049 06050 06051 06052 08009"),
    ("spillage", 0.8, "06012 06014 08011 08012 08004"),
    ("trading", 0.8, "09001 09002 09005 09006 09015 09022"),
    ("parking", 0.6, "09009 09010 09011 09012 09019"),
    ("adverts", 0.7, "03006 03007 07001 07003 07006 07007 06019"),
    ("water", 0.8, "06024 06025 06026 06030 01073"),
    ("smoke", 0.7, "06020 06027 06029"),
    ("noise", 0.7, "06028 08001"),
    ("trees", 0.7, "04001 04002 04003 06021 06022 06045"),
    ("greenery", 0.7, "04013 06017 06018 06045"),
    ("cables", 0.8, "06008 10002 01030 01031"),
    ("building", 0.7, "06001 06002 08016"),
    ("bins-and-carcasses", 0.5, "06010 06037"),
)
"""Matters that people take for one another when they report the same thing (ours; a city edits the table)."""

MANHOLES = (
    "01001 01002 01003 01004 01005 01006 01007 01008 01009 01010 01011 01012 01014 01015 01017 01018 01019 01020 01021"
    " 01022 01023 01026"
)
"""Covers in the road: who reports one seldom knows whose it is."""

LAMPS = "01006 01037 01038 01039 01060"
POLES = "01030 01031 01032 01033 01034 01037 01077"
RAILS = "02017 02020 02021 02022"


def upgrade() -> None:
    _duplicates()
    _kindred()
    _evidence()
    _audit()


def _duplicates() -> None:
    op.execute(
        """
        CREATE TABLE city.duplicate_window (
            kind text NOT NULL CONSTRAINT ck_duplicate_window_kind CHECK (kind IN ('component', 'matter')),
            prefix text NOT NULL CONSTRAINT ck_duplicate_window_prefix CHECK (prefix ~ '^([0-9]{2}|[0-9]{5})?$'),
            radius_m double precision NOT NULL
                CONSTRAINT ck_duplicate_window_radius CHECK (radius_m > 0 AND radius_m <= 500),
            hours double precision NOT NULL
                CONSTRAINT ck_duplicate_window_hours CHECK (hours > 0 AND hours <= 720),
            least_score double precision NOT NULL
                CONSTRAINT ck_duplicate_window_score CHECK (least_score BETWEEN 0 AND 1),
            source text,
            CONSTRAINT pk_duplicate_window PRIMARY KEY (kind, prefix)
        )
        """
    )
    op.execute(
        """
        INSERT INTO city.duplicate_window (kind, prefix, radius_m, hours, least_score, source) VALUES
            ('component', '', 50, 24, 0.5, 'one platform''s rule: 50 m and 24 h'),
            ('matter', '', 50, 24, 0.5, 'one platform''s rule: 50 m and 24 h')
        """
    )


def _kindred() -> None:
    op.execute(
        """
        CREATE TABLE city.kindred_class (
            family text NOT NULL,
            kind text NOT NULL CONSTRAINT ck_kindred_class_kind CHECK (kind IN ('component', 'matter')),
            class_code text NOT NULL CONSTRAINT ck_kindred_class_code CHECK (class_code ~ '^[0-9]{5}$'),
            likeness double precision NOT NULL
                CONSTRAINT ck_kindred_class_likeness CHECK (likeness > 0 AND likeness <= 1),
            CONSTRAINT pk_kindred_class PRIMARY KEY (family, kind, class_code)
        )
        """
    )
    op.execute("CREATE INDEX ix_kindred_class_kind_class_code ON city.kindred_class (kind, class_code)")
    codes = [
        code
        for major, last in COMPONENTS.items()
        for code in (f"{major}{minor:03d}" for minor in range(1, last + 1))
        if code not in NO_SUCH
    ]
    rows = [(f"component-{code}", 1.0, kind, code) for code in codes for kind in ("component", "matter")]
    both = (("manholes", 0.8, MANHOLES), ("lamps", 0.7, LAMPS), ("poles", 0.7, POLES), ("rails", 0.7, RAILS))
    rows += [(family, like, kind, c) for family, like, all_ in both for c in all_.split() for kind in _kinds(c)]
    rows += [(family, like, kind, c) for family, like, all_ in FAMILIES for c in all_.split() for kind in _kinds(c)]
    values = ", ".join(f"('{family}', '{kind}', '{code}', {like})" for family, like, kind, code in rows)
    op.execute(f"INSERT INTO city.kindred_class (family, kind, class_code, likeness) VALUES {values}")


def _kinds(code: str) -> tuple[str, ...]:
    """A component's number is also that of the matter that it is out of order; the other numbers are matters only."""
    return ("component", "matter") if code[:2] in COMPONENTS else ("matter",)


def _evidence() -> None:
    op.execute("ALTER TABLE city.photo ADD COLUMN picture_hash bigint")
    op.execute(
        """
        CREATE TABLE city.co_reporter (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_co_reporter PRIMARY KEY,
            case_id bigint NOT NULL CONSTRAINT fk_co_reporter_case_id REFERENCES city.case,
            person_id integer CONSTRAINT fk_co_reporter_person_id REFERENCES city.person,
            contact_key bytea,
            source text NOT NULL,
            description text,
            geom geometry(Point, 4490),
            at timestamptz NOT NULL,
            CONSTRAINT ck_co_reporter_who CHECK (num_nonnulls(person_id, contact_key) = 1),
            CONSTRAINT uq_co_reporter_case_id_person_id UNIQUE (case_id, person_id),
            CONSTRAINT uq_co_reporter_case_id_contact_key UNIQUE (case_id, contact_key)
        )
        """
    )


def _audit() -> None:
    op.execute("CREATE INDEX ix_case_event_recorded_at ON city.case_event USING brin (recorded_at)")
    op.execute(
        """
        CREATE TABLE city.audit_anchor (
            day date NOT NULL CONSTRAINT pk_audit_anchor PRIMARY KEY,
            until timestamptz NOT NULL,
            cases bigint NOT NULL,
            events bigint NOT NULL,
            previous bytea,
            root bytea NOT NULL,
            made_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE city.audit_leaf (
            case_id bigint NOT NULL,
            day date NOT NULL,
            number text NOT NULL,
            events integer NOT NULL,
            head bytea NOT NULL,
            CONSTRAINT pk_audit_leaf PRIMARY KEY (case_id, day)
        )
        """
    )
    op.execute("CREATE INDEX ix_audit_leaf_day_number ON city.audit_leaf (day, number)")
    for table in ("audit_anchor", "audit_leaf"):
        op.execute(
            f"CREATE TRIGGER {table}_row BEFORE UPDATE OR DELETE ON city.{table}"
            " FOR EACH ROW EXECUTE FUNCTION city.refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_table BEFORE TRUNCATE ON city.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION city.refuse_change()"
        )
